/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as a tree that knows where each of its nodes stands. The
 * plain part of the language only: no anchors, aliases, tags, merge keys or
 * second documents, and no key twice.
 *
 * Owns:    nothing; nodes and texts live in the caller's arena.
 * Threads: any.
 * Limits:  4 MiB of text, 64 levels.
 */
#ifndef GATEWAY_CONFIG_YAML_H
#define GATEWAY_CONFIG_YAML_H

#include "base/arena.h"

#define CONFIG_YAML_BYTES (4U << 20)
#define CONFIG_YAML_DEPTH 64

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
/* "a map", "a list", "a value". */
const char *config_yaml_kind_name(enum config_yaml_kind kind);

#endif
