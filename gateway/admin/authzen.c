/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admin/authzen.h"

#include <stdio.h>

#include "base/suggest.h"
#include "gateway/admin/question.h"

#define AUTHZEN_ARENA_MAX ((size_t)64 << 20)

enum semantic {
	EXECUTE_ALL,
	DENY_ON_FIRST_DENY,
	PERMIT_ON_FIRST_PERMIT,
	SEMANTIC_COUNT,
};

static const struct str semantics[SEMANTIC_COUNT] = {
	[EXECUTE_ALL] = STR("execute_all"),
	[DENY_ON_FIRST_DENY] = STR("deny_on_first_deny"),
	[PERMIT_ON_FIRST_PERMIT] = STR("permit_on_first_permit"),
};

struct authzen {
	const struct snapshot *snap;
	struct arena arena;
	struct question_terms terms;
	struct authzen_stats *stats;
	struct buf *out;
};

/* A body that is refused as a whole: its message is a JSON string. */
static enum err refuse(struct authzen *z, unsigned *out_status, struct str message)
{
	*out_status = 400;
	z->stats->refused++;
	return buf_append_json(z->out, message);
}

static enum err put_member(struct buf *out, const char *before, struct str text, const char *after)
{
	enum err err = buf_append(out, str_from_c(before));

	if (err == OK)
		err = buf_append_json(out, text);
	return err != OK ? err : buf_append(out, str_from_c(after));
}

/* Answers ---------------------------------------------------------------------------------- */

static const struct policy *deciding(const struct policy_decision *decision)
{
	if (decision->reason_count > 0)
		return decision->reasons[0];
	return decision->is_forbid_error ? decision->errors[0].policy : NULL;
}

/* For people who may read policies; the caller's user gets the policy's own @reason, if any. */
static enum err put_reason(struct authzen *z, const struct policy_decision *decision)
{
	const struct policy *policy = deciding(decision);
	struct str reason, text = STR("no policy allows this");
	enum err err;

	if (policy != NULL)
		text = arena_printf(&z->arena, "%s policy \"" STR_FMT "\"%s",
				    decision->is_allowed ? "allowed by" : "denied by",
				    STR_ARG(policy_id(policy)),
				    decision->is_forbid_error ? ", which could not be evaluated"
							      : "");
	err = put_member(z->out, "\"reason_admin\":{\"en\":", text, "}");
	reason = policy == NULL ? (struct str){0} : policy_annotation(policy, STR("reason"));
	if (err == OK && reason.len > 0 && !decision->is_allowed)
		err = put_member(z->out, ",\"reason_user\":{\"en\":", reason, "}");
	return err;
}

static enum err put_decision(struct authzen *z, const struct policy_decision *decision)
{
	enum err err = buf_printf(z->out, "{\"decision\":%s,\"context\":{",
				  decision->is_allowed ? "true" : "false");

	if (err == OK)
		err = put_reason(z, decision);
	if (err == OK)
		err = buf_append(z->out, STR(",\"reasons\":["));
	for (size_t i = 0; err == OK && i < decision->reason_count; i++)
		err = put_member(z->out, i == 0 ? "" : ",", policy_id(decision->reasons[i]), "");
	if (err == OK)
		err = buf_append(z->out, STR("],\"errors\":["));
	for (size_t i = 0; err == OK && i < decision->error_count; i++) {
		err = put_member(z->out, i == 0 ? "{\"policy\":" : ",{\"policy\":",
				 policy_id(decision->errors[i].policy), ",\"message\":");
		if (err == OK)
			err = put_member(z->out, "", decision->errors[i].text, "}");
	}
	return err != OK ? err : buf_append(z->out, STR("]}}"));
}

/* One of many that could not be put: denied, and why. */
static enum err put_error(struct authzen *z, const char *message)
{
	return put_member(z->out,
			  "{\"decision\":false,\"context\":{\"error\":{\"status\":400,\"message\":",
			  str_from_c(message), "}}}");
}

/* Questions -------------------------------------------------------------------------------- */

/* False: message says why there is no decision. */
static bool decide(struct authzen *z, const struct json_tree *const parts[static QUESTION_PARTS],
		   struct policy_decision *out, char message[static QUESTION_MESSAGE])
{
	struct policy_request request;

	if (!question_read(&z->terms, parts, &request, message)) {
		z->stats->refused++;
		return false;
	}
	if (policy_decide(z->snap->rules->policies, z->terms.store, &request,
			  &z->snap->policy_options, &z->arena, out) != OK) {
		z->stats->refused++;
		(void)snprintf(message, QUESTION_MESSAGE,
			       "too large for the memory of one question");
		return false;
	}
	if (out->is_allowed)
		z->stats->allowed++;
	else
		z->stats->denied++;
	return true;
}

/* The members of a question into parts, over what stands there. Others are refused, for a word
 * that is misspelled would silently not count. */
static bool take_parts(const struct json_tree *object, const struct str *more, size_t more_count,
		       const struct json_tree *parts[static QUESTION_PARTS],
		       char message[static QUESTION_MESSAGE])
{
	for (const struct json_tree *member = object->first; member != NULL;
	     member = member->next) {
		struct suggest suggest = {.word = member->name};
		bool is_known = false;

		for (size_t i = 0; i < QUESTION_PARTS; i++) {
			suggest_try(&suggest, question_names[i]);
			if (!str_eq(question_names[i], member->name))
				continue;
			parts[i] = member;
			is_known = true;
		}
		for (size_t i = 0; i < more_count; i++) {
			suggest_try(&suggest, more[i]);
			is_known = is_known || str_eq(more[i], member->name);
		}
		if (is_known)
			continue;
		(void)snprintf(message, QUESTION_MESSAGE, "there is no member \"%.*s\"%s%.*s%s",
			       (int)MIN(member->name.len, 60), member->name.ptr,
			       str_is_set(suggest.best) ? "; did you mean \"" : "",
			       (int)suggest.best.len,
			       str_is_set(suggest.best) ? suggest.best.ptr : "",
			       str_is_set(suggest.best) ? "\"?" : "");
		return false;
	}
	return true;
}

/* Bodies ----------------------------------------------------------------------------------- */

/* The readers of values recurse, and say so by a limit of their own; no caller needs more. */
static bool is_deeper(const struct json_tree *tree, unsigned levels)
{
	const struct json_tree *node = tree;
	unsigned depth = 0;

	for (;;) {
		bool is_container = node->kind >= JSON_TREE_ARRAY && node->first != NULL;

		if (is_container && ++depth > levels)
			return true;
		if (is_container) {
			node = node->first;
			continue;
		}
		while (node != tree && node->next == NULL) {
			node = node->up;
			depth--;
		}
		if (node == tree)
			return false;
		node = node->next;
	}
}

/* NULL: the body is no JSON object, and the answer says so. */
static const struct json_tree *open_body(struct authzen *z, struct str body, unsigned *out_status,
					 enum err *out_err)
{
	struct json_tree_fault fault = {.err = OK};
	const struct json_tree *root;
	struct str message;

	if (body.len > AUTHZEN_BODY_BYTES) {
		*out_err = refuse(z, out_status, STR("the body is longer than 262144 bytes"));
		return NULL;
	}
	root = json_tree_parse(&z->arena, body, &fault);
	if (root == NULL)
		message = arena_printf(&z->arena, "the body is not JSON: byte %zu: %s", fault.at,
				       fault.text);
	else if (root->kind != JSON_TREE_OBJECT)
		message = arena_printf(&z->arena, "the body must be an object, not %s",
				       json_tree_kind_name(root->kind));
	else if (is_deeper(root, AUTHZEN_DEPTH))
		message = arena_printf(&z->arena, "the body is nested deeper than %d levels",
				       AUTHZEN_DEPTH);
	else
		return root;
	*out_err =
		refuse(z, out_status, str_is_set(message) ? message : STR("the body is too large"));
	return NULL;
}

static void begin(struct authzen *z, const struct snapshot *snap, struct str body,
		  struct authzen_stats *stats, struct buf *out)
{
	*z = (struct authzen){.snap = snap, .stats = stats, .out = out};
	arena_init(&z->arena, 16384, AUTHZEN_ARENA_MAX);
	z->terms = (struct question_terms){
		.schema = snap->rules->schema,
		.store = catalog_store(snap->rules->catalog),
		.text = body,
		.arena = &z->arena,
	};
}

static enum err evaluate(struct authzen *z, const struct json_tree *const *parts,
			 unsigned *out_status)
{
	struct policy_decision decision;
	char message[QUESTION_MESSAGE];

	if (!decide(z, parts, &decision, message)) {
		*out_status = 400;
		return buf_append_json(z->out, str_from_c(message));
	}
	*out_status = 200;
	return put_decision(z, &decision);
}

enum err authzen_evaluation(const struct snapshot *snap, struct str body,
			    struct authzen_stats *stats, struct buf *out, unsigned *out_status)
{
	const struct json_tree *parts[QUESTION_PARTS] = {NULL};
	const struct json_tree *root;
	char message[QUESTION_MESSAGE];
	struct authzen z;
	enum err err = OK;

	begin(&z, snap, body, stats, out);
	root = open_body(&z, body, out_status, &err);
	if (root != NULL && !take_parts(root, NULL, 0, parts, message))
		err = refuse(&z, out_status, str_from_c(message));
	else if (root != NULL)
		err = evaluate(&z, parts, out_status);
	arena_fini(&z.arena);
	return err;
}

/* Many ------------------------------------------------------------------------------------ */

static bool read_semantic(const struct json_tree *options, enum semantic *out,
			  char message[static QUESTION_MESSAGE])
{
	const struct json_tree *word = json_tree_get(options, STR("evaluations_semantic"));

	*out = EXECUTE_ALL;
	if (options != NULL && options->kind != JSON_TREE_OBJECT) {
		(void)snprintf(message, QUESTION_MESSAGE, "options: must be an object");
		return false;
	}
	for (unsigned i = 0; word != NULL && i < SEMANTIC_COUNT; i++) {
		if (word->kind != JSON_TREE_STRING || !str_eq(word->string, semantics[i]))
			continue;
		*out = (enum semantic)i;
		word = NULL;
	}
	if (word == NULL)
		return true;
	(void)snprintf(message, QUESTION_MESSAGE,
		       "options.evaluations_semantic: must be \"execute_all\", "
		       "\"deny_on_first_deny\" or \"permit_on_first_permit\"");
	return false;
}

/* One answer; *out_allowed for the semantic. defaults: the parts that all share. */
static enum err put_one(struct authzen *z, const struct json_tree *item,
			const struct json_tree *const *defaults, bool *out_allowed)
{
	const struct json_tree *parts[QUESTION_PARTS];
	struct policy_decision decision;
	char message[QUESTION_MESSAGE];

	memcpy(parts, defaults, sizeof(parts));
	*out_allowed = false;
	if (item->kind != JSON_TREE_OBJECT) {
		z->stats->refused++;
		return put_error(z, "an evaluation must be an object");
	}
	if (!take_parts(item, NULL, 0, parts, message)) {
		z->stats->refused++;
		return put_error(z, message);
	}
	if (!decide(z, parts, &decision, message))
		return put_error(z, message);
	*out_allowed = decision.is_allowed;
	return put_decision(z, &decision);
}

static enum err put_all(struct authzen *z, const struct json_tree *list,
			const struct json_tree *const *defaults, enum semantic semantic)
{
	enum err err = buf_append(z->out, STR("{\"evaluations\":["));
	bool is_over = false;

	for (const struct json_tree *item = list->first; err == OK && item != NULL && !is_over;
	     item = item->next) {
		struct arena_mark mark = arena_mark(&z->arena);
		bool is_allowed;

		if (item != list->first)
			err = buf_append_byte(z->out, ',');
		if (err == OK)
			err = put_one(z, item, defaults, &is_allowed);
		else
			break;
		is_over = (semantic == DENY_ON_FIRST_DENY && !is_allowed) ||
			  (semantic == PERMIT_ON_FIRST_PERMIT && is_allowed);
		if (!arena_has_overflowed(&z->arena))
			arena_rewind(&z->arena, mark);
	}
	return err != OK ? err : buf_append(z->out, STR("]}"));
}

/* Without a list, or with an empty one, the body is a question by itself. */
static enum err evaluate_all(struct authzen *z, const struct json_tree *root, unsigned *out_status)
{
	static const struct str more[] = {STR("evaluations"), STR("options")};
	const struct json_tree *list = json_tree_get(root, more[0]);
	const struct json_tree *parts[QUESTION_PARTS] = {NULL};
	char message[QUESTION_MESSAGE];
	enum semantic semantic;

	if (!take_parts(root, more, ARRAY_LEN(more), parts, message) ||
	    !read_semantic(json_tree_get(root, more[1]), &semantic, message))
		return refuse(z, out_status, str_from_c(message));
	if (list != NULL && list->kind != JSON_TREE_ARRAY)
		return refuse(z, out_status, STR("evaluations: must be a list"));
	if (list == NULL || list->count == 0)
		return evaluate(z, parts, out_status);
	if (list->count > AUTHZEN_EVALUATIONS)
		return refuse(z, out_status, STR("evaluations: there are more than 100"));
	*out_status = 200;
	return put_all(z, list, parts, semantic);
}

enum err authzen_evaluations(const struct snapshot *snap, struct str body,
			     struct authzen_stats *stats, struct buf *out, unsigned *out_status)
{
	const struct json_tree *root;
	struct authzen z;
	enum err err = OK;

	begin(&z, snap, body, stats, out);
	root = open_body(&z, body, out_status, &err);
	if (root != NULL)
		err = evaluate_all(&z, root, out_status);
	arena_fini(&z.arena);
	return err;
}
