/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole JSON document (RFC 8259) as a tree whose every value and member name
 * knows its byte in the text, so that whoever finds fault with its meaning can
 * say where. For the readers of policies, entities, contexts and schemas.
 *
 * Strict: UTF-8, no byte-order mark, no second member of one name; integers are
 * exact to 64 bits. U+0000 is a character like any other. Neither parsing nor
 * freeing recurses.
 *
 * Owns:    nothing. Nodes and unescaped strings live in the arena, strings
 *          without escapes in the text.
 * Threads: any number of readers.
 * Limits:  text below 4 GiB; JSON_TREE_DEPTH; the arena's cap.
 */
#ifndef POLICY_JSON_TREE_H
#define POLICY_JSON_TREE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Chains of operators nest as deep as they are long, and their readers walk them by loops. */
#define JSON_TREE_DEPTH 262144

enum json_tree_kind {
	JSON_TREE_NULL,
	JSON_TREE_BOOL,
	JSON_TREE_INTEGER,
	JSON_TREE_NUMBER, /* any other: a fraction, an exponent, more than 64 bits */
	JSON_TREE_STRING,
	JSON_TREE_ARRAY,
	JSON_TREE_OBJECT,
};

struct json_tree {
	enum json_tree_kind kind;
	uint32_t at;	  /* its first byte */
	uint32_t name_at; /* of the name's quote: member of an object */
	uint32_t count;	  /* elements or members */
	struct str name;  /* unescaped: member of an object; else unset */
	union {
		bool boolean;
		int64_t integer;
		struct str string; /* unescaped */
		struct {
			struct json_tree *first; /* in text order, by next */
			struct json_tree *last;
		};
	};
	struct json_tree *next;
	struct json_tree *up; /* NULL: the document itself */
};

/* Why a text is no tree. */
struct json_tree_fault {
	enum err err;
	size_t at;
	char text[160];
};

/* NULL: *out_fault says why. */
const struct json_tree *json_tree_parse(struct arena *arena, struct str text,
					struct json_tree_fault *out_fault);
/* The member of that name; NULL when there is none, or tree is no object, or NULL. */
const struct json_tree *json_tree_get(const struct json_tree *tree, struct str name);
bool json_tree_is(const struct json_tree *tree, enum json_tree_kind kind);
/* "a string", "an object", … for messages. */
const char *json_tree_kind_name(enum json_tree_kind kind);
/* A message at a byte of the text: line, column and source line; diag may be NULL. Returns err. */
PRINTF_LIKE(6, 7)
enum err json_tree_diag(struct diag *diag, enum err err, const char *file, struct str text,
			size_t at, const char *fmt, ...);

#endif
