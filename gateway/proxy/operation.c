/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/operation.h"

static const struct operation operations[] = {
#define OPERATION_ROW(id, method, path, dialect, action, where, flags)                             \
	[id] = {id, method, STR(path), STR(dialect), STR(action), where, flags},
#include "gateway/proxy/operations.def"
};

_Static_assert(ARRAY_LEN(operations) == OP_COUNT, "a row per operation");

/* '*' takes one non-empty segment; the first is the model, the second its version. */
static bool path_matches(struct str pattern, struct str path, struct operation_match *match)
{
	struct str want, have;
	bool has_more_pattern = true, has_more_path = true;

	match->model = match->version = (struct str){0};
	while (has_more_pattern && has_more_path) {
		has_more_pattern = str_cut(&pattern, '/', &want);
		has_more_path = str_cut(&path, '/', &have);
		if (!str_eq(want, STR("*"))) {
			if (!str_eq(want, have))
				return false;
			continue;
		}
		if (have.len == 0)
			return false;
		if (str_is_set(match->model))
			match->version = have;
		else
			match->model = have;
	}
	return !has_more_pattern && !has_more_path;
}

enum err operation_match(enum method method, struct str path, struct operation_match *out)
{
	enum err err = ERR_NOT_FOUND;

	for (size_t i = 0; i < OP_COUNT; i++) {
		struct operation_match match = {.operation = &operations[i]};

		if (!path_matches(operations[i].path, path, &match))
			continue;
		if (operations[i].method != method) {
			err = ERR_METHOD;
			continue;
		}
		*out = match;
		return OK;
	}
	return err;
}

struct str operation_allowed(struct str path)
{
	struct operation_match match;

	for (size_t i = 0; i < OP_COUNT; i++)
		if (path_matches(operations[i].path, path, &match))
			return method_name(operations[i].method);
	return (struct str){NULL, 0};
}

enum family operation_family(struct str path)
{
	if (str_has_prefix(path, STR("/v1/messages")))
		return FAMILY_ANTHROPIC;
	if (str_eq(path, STR("/v2")) || str_has_prefix(path, STR("/v2/")))
		return FAMILY_V2;
	if (str_has_prefix(path, STR("/endpoints/")))
		return FAMILY_MLFLOW;
	return FAMILY_OPENAI;
}
