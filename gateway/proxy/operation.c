/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/operation.h"

static const struct operation operations[] = {
#define OPERATION_ROW(id, method, path, dialect, action, where, flags)                             \
	[id] = {id, method, STR(path), STR(dialect), STR(action), where, flags},
#include "gateway/proxy/operations.def"
};

_Static_assert(ARRAY_LEN(operations) == OP_COUNT, "a row per operation");

/* '*' takes one non-empty segment, or what stands before its end; the first is the model, the
 * second its version. '?' takes one that nobody looks at. */
static bool segment_matches(struct str want, struct str have, struct str *out_name)
{
	struct str end = str_sub(want, 1, want.len);

	*out_name = (struct str){0};
	if (want.len == 0 || (*want.ptr != '*' && !str_eq(want, STR("?"))))
		return str_eq(want, have);
	if (have.len <= end.len || !str_eq(str_sub(have, have.len - end.len, end.len), end))
		return false;
	if (*want.ptr == '*')
		*out_name = str_sub(have, 0, have.len - end.len);
	return true;
}

static bool path_matches(struct str pattern, struct str path, struct operation_match *match)
{
	struct str want, have, name;
	bool has_more_pattern = true, has_more_path = true;

	match->model = match->version = (struct str){0};
	while (has_more_pattern && has_more_path) {
		has_more_pattern = str_cut(&pattern, '/', &want);
		has_more_path = str_cut(&path, '/', &have);
		if (!segment_matches(want, have, &name))
			return false;
		if (!str_is_set(name))
			continue;
		if (str_is_set(match->model))
			match->version = name;
		else
			match->model = name;
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

/* A server of one model has no name for it in its paths. */
static struct str own_path(const struct operation *operation)
{
	switch (operation->id) {
	case OP_MLFLOW: return STR("/invocations");
	case OP_SGLANG:
	case OP_TGI: return STR("/generate");
	case OP_TGI_STREAM: return STR("/generate_stream");
	case OP_LLAMACPP: return STR("/completion");
	/* Project and place are the upstream's, said by its base; never the caller's. */
	case OP_VERTEX: return STR("/publishers/google/models/*:generateContent");
	case OP_VERTEX_STREAM: return STR("/publishers/google/models/*:streamGenerateContent");
	default: return operation->path;
	}
}

/* With the version that the deployment has, though the caller named none. */
static struct str versioned_path(const struct operation *operation, struct str path,
				 bool has_version)
{
	switch (operation->id) {
	case OP_INFER:
	case OP_INFER_V:
		return has_version ? STR("/v2/models/*/versions/*/infer")
				   : STR("/v2/models/*/infer");
	case OP_V2_READY:
	case OP_V2_READY_V:
		return has_version ? STR("/v2/models/*/versions/*/ready")
				   : STR("/v2/models/*/ready");
	case OP_V2_META:
	case OP_V2_META_V:
		return has_version ? STR("/v2/models/*/versions/*") : STR("/v2/models/*");
	default: return path;
	}
}

struct str operation_target(const struct operation *operation, struct str model, struct str version,
			    struct arena *arena)
{
	bool has_version = str_is_set(version);
	struct str path = versioned_path(operation, own_path(operation), has_version);
	size_t first = str_index(path, '*');
	struct str rest = str_sub(path, first + 1, path.len);
	size_t second = str_index(rest, '*');

	if (first == path.len)
		return path;
	if (second == rest.len)
		return arena_printf(arena, STR_FMT STR_FMT STR_FMT, (int)first, path.ptr,
				    STR_ARG(model), STR_ARG(rest));
	return arena_printf(arena, STR_FMT STR_FMT STR_FMT STR_FMT STR_FMT, (int)first, path.ptr,
			    STR_ARG(model), (int)second, rest.ptr, STR_ARG(version),
			    STR_ARG(str_sub(rest, second + 1, rest.len)));
}

/* Has a path this row's dialect? Where families share a prefix. */
static bool is_path_of(struct str path, struct str dialect)
{
	struct operation_match match;

	for (size_t i = 0; i < OP_COUNT; i++)
		if (str_has_prefix(operations[i].dialect, dialect) &&
		    path_matches(operations[i].path, path, &match))
			return true;
	return false;
}

enum family operation_family(struct str path)
{
	if (is_path_of(path, STR("cohere.")))
		return FAMILY_COHERE;
	if (str_has_prefix(path, STR("/v1beta/")) || is_path_of(path, STR("gemini.")))
		return FAMILY_GOOGLE;
	if (str_has_prefix(path, STR("/api/")) || str_has_prefix(path, STR("/tgi/")) ||
	    str_has_prefix(path, STR("/sglang/")) || str_has_prefix(path, STR("/llamacpp/")))
		return FAMILY_OLLAMA;
	if (str_has_prefix(path, STR("/v1/messages")))
		return FAMILY_ANTHROPIC;
	if (str_eq(path, STR("/v2")) || str_has_prefix(path, STR("/v2/")))
		return FAMILY_V2;
	if (str_has_prefix(path, STR("/endpoints/")))
		return FAMILY_MLFLOW;
	return FAMILY_OPENAI;
}
