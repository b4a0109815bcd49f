/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of literals and of operators in JSON policies share: limits,
 * the first fault, and the making of nodes. After a fault NULL or false goes up
 * and nothing more is read.
 *
 * Owns:    nothing; nodes and copies of strings live in the arena. Every node's
 *          `at` is its byte of the JSON text.
 * Threads: one user at a time.
 * Limits:  nesting AST_DEPTH; max_elements; the arena's cap.
 */
#ifndef POLICY_JSON_BUILD_H
#define POLICY_JSON_BUILD_H

#include "policy/ast.h"
#include "policy/json_tree.h"

struct json_build {
	struct arena *arena;
	size_t max_elements;
	unsigned depth;
	struct json_tree_fault fault;
};

/* How one element of a list is read. */
typedef const struct expr *(*json_build_fn)(struct json_build *build, const struct json_tree *tree);

/* A fault without more to say than the sentence; always NULL. */
const struct expr *json_build_fail(struct json_build *build, size_t at, const char *why);
bool json_build_expect(struct json_build *build, const struct json_tree *tree,
		       enum json_tree_kind kind);
/* One level deeper; taken back by depth--. */
bool json_build_enter(struct json_build *build, const struct json_tree *tree);

const struct expr *json_build_keep(struct json_build *build, struct expr expr);
struct text json_build_text(struct json_build *build, struct str s);
/* Zeroed room for so many; NULL past a limit. */
void *json_build_room(struct json_build *build, const struct json_tree *tree, size_t count,
		      size_t size);
/* `count` of them, from `first` on by next. */
bool json_build_list(struct json_build *build, const struct json_tree *of,
		     const struct json_tree *first, size_t count, json_build_fn read,
		     struct expr_list *out);
/* Of an array; of an object. */
const struct expr *json_build_set(struct json_build *build, const struct json_tree *tree,
				  json_build_fn read);
const struct expr *json_build_record(struct json_build *build, const struct json_tree *tree,
				     json_build_fn read);
/* A function, or a method on the first of its arguments. */
const struct expr *json_build_call(struct json_build *build, uint32_t at, enum fn_id fn,
				   struct expr_list args);

#endif
