/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Cedar data is written in JSON, for policies, entities and contexts alike:
 *
 *   uid   = {"type": T, "id": I} | {"__entity": {"type": T, "id": I}}
 *   value = bool | integer | string | [value ..] | {name: value ..}
 *         | {"__entity": {"type": T, "id": I}}
 *         | {"__extn": {"fn": F, "arg": value}} | {"__extn": {"fn": F, "args": [value ..]}}
 *
 * An escape is one only when it is the object's single member and of that very
 * shape; anything else is a record.
 *
 * Owns:    nothing; what is made lives in the arena, strings copied.
 * Threads: any.
 * Limits:  the arena's cap.
 */
#ifndef POLICY_JSON_VALUE_H
#define POLICY_JSON_VALUE_H

#include "policy/fn.h"
#include "policy/json_tree.h"
#include "policy/uid.h"

enum json_value_form {
	JSON_VALUE_RECORD,
	JSON_VALUE_ENTITY,
	JSON_VALUE_EXTENSION,
	JSON_VALUE_EXPR, /* the `__expr` of old, which nobody takes any more */
};

/* Of an object. */
enum json_value_form json_value_form(const struct json_tree *object);

/* A call by name, its arguments not yet read: `count` of them from `args` on by next. */
struct json_value_call {
	enum fn_id fn;
	size_t count;
	const struct json_tree *args;
};

/* Of the object inside "__extn", or one of its shape. FN_COUNT: nothing of that name is an
 * extension function. False when it has not the shape. */
bool json_value_call(const struct json_tree *inner, struct json_value_call *out_call);

/* The words of an entity type joined by `::`, none reserved, nothing else. */
bool json_value_is_type(struct str name);
bool json_value_type(struct arena *arena, const struct json_tree *tree, struct text *out_type,
		     struct json_tree_fault *out_fault);
/* A uid in one of its two spellings; false: *out_fault says why. */
bool json_value_uid(struct arena *arena, const struct json_tree *tree, const struct uid **out_uid,
		    struct json_tree_fault *out_fault);

/* A member that an object may have; found is NULL when it is not there. */
struct json_member {
	const char *name;
	bool is_required;
	const struct json_tree *found;
};

/* Finds them; a missing required member is a fault, with is_closed an unknown one too. */
bool json_value_members(const struct json_tree *object, struct json_member *members, size_t count,
			bool is_closed, struct json_tree_fault *out_fault);

/* Fills a fault at byte `at`; always false. */
PRINTF_LIKE(4, 5)
bool json_value_fail(struct json_tree_fault *fault, enum err err, size_t at, const char *fmt, ...);

#endif
