/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as a tree that knows where each of its nodes stands. The
 * plain part of the language only: no anchors, aliases, tags, merge keys or
 * second documents, no key twice, and no control character but tab and newline.
 *
 * Owns:    nothing; nodes and texts live in the caller's arena.
 * Threads: any.
 * Limits:  64 MiB of text (100,000 API keys take 30), 64 levels, 1024 keys a map.
 */
#ifndef GATEWAY_CONFIG_YAML_H
#define GATEWAY_CONFIG_YAML_H

#include "base/arena.h"

#define CONFIG_YAML_BYTES (64U << 20)
#define CONFIG_YAML_DEPTH 64
#define CONFIG_YAML_KEYS  1024 /* of one map: looked up by walking */

enum config_yaml_kind {
	CONFIG_YAML_SCALAR,
	CONFIG_YAML_LIST,
	CONFIG_YAML_MAP,
};

struct config_yaml {
	enum config_yaml_kind kind;
	struct str text; /* of a scalar */
	bool is_quoted;
	struct str key;			  /* of a map's member */
	unsigned line, column;		  /* of the value */
	unsigned key_line, key_column;	  /* of the key */
	struct config_yaml *first, *last; /* children */
	struct config_yaml *next;	  /* sibling */
	size_t count;
};

/* file is for messages. An empty text is an empty map. */
MUST_CHECK enum err config_yaml_parse(struct arena *arena, const char *file, struct str text,
				      struct diag *diag, const struct config_yaml **out);
/* Member of a map; NULL when absent. */
const struct config_yaml *config_yaml_get(const struct config_yaml *map, struct str key);
/* Nothing, `~` or `null`, unquoted: what is left of a list whose lines are commented out. */
bool config_yaml_is_null(const struct config_yaml *node);
/* "a map", "a list", "a value". */
const char *config_yaml_kind_name(enum config_yaml_kind kind);

#endif
