/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers groups of the differential run, one JSON object per line:
 *
 *   {"schema": TEXT|{"json": TEXT}|null, "form": bool, "stores": [JSON text],
 *    "sets": [{"text": TEXT} or {"json": TEXT}, both with "form": bool, "isUnchecked": bool],
 *    "requests": [{"store": N, "principal": {type,id}, "action", "resource", "context": JSON
 * text}]}
 *
 *   {"schema": bool, "schemaForm": JSON text, "schemaText": TEXT, "stores": [bool],
 *    "sets": [{"parsed": bool, "refused": [ids the checker refuses]|null, "warned": {KIND: [ids]},
 *              "form": JSON text, "forms": {"staticPolicies": {ID: JSON text}, "templates": {..}},
 *              "printed": {"staticPolicies": {ID: TEXT}, "templates": {..}}, "formatted": TEXT,
 *              "answers": [null (refused) | {"allow": bool, "reason": [ids], "errors": [ids]}]}]}
 *
 * Without the schema there are no stores, without a set or store no answers; the other forms of
 * schema and sets are there where "form" asks for them. A decision that is another one without the
 * index gets the member "unindexed".
 */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "policy/check.h"
#include "policy/conform.h"
#include "policy/format.h"
#include "policy/policy_json_write.h"
#include "policy/print.h"
#include "policy/schema_json_write.h"
#include "policy/schema_text_write.h"

#define CASE_ARENA ((size_t)64 << 20)
#define STORES_MAX 8
#define FORM_BYTES ((size_t)16 << 20)

struct group {
	struct schema *schema;			 /* NULL: none, or refused */
	struct entity_store *stores[STORES_MAX]; /* NULL: refused */
};

struct sets {
	struct policy_set *indexed;
	struct policy_set *unindexed;
};

static struct str text_of(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	return str_make(json_string_value(value), json_string_length(value));
}

static struct uid uid_of(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	return uid_make(text_of(value, "type"), text_of(value, "id"));
}

static json_t *id_json(const struct policy *policy)
{
	struct str id = policy_id(policy);

	return json_stringn(id.ptr, id.len);
}

static void add_once(json_t *ids, const struct policy *policy)
{
	struct str id = policy_id(policy);
	size_t count = json_array_size(ids);
	const json_t *last = count > 0 ? json_array_get(ids, count - 1) : NULL;

	if (last == NULL ||
	    !str_eq(id, str_make(json_string_value(last), json_string_length(last))))
		json_array_append_new(ids, id_json(policy));
}

/* The kinds of warnings, by their words. */
static const struct {
	const char *kind;
	struct str words;
} warnings[] = {
	{"impossible", {"is impossible", 13}},
	{"bidi", {"changes the direction", 21}},
	{"mixed", {"mixes scripts", 13}},
	{"unusual", {"names are not made of", 21}},
};

/* The policies with an error, and those warned of; findings come by policy. */
static void check_set(const struct policy_set *set, const struct schema *schema, json_t *out)
{
	struct check_report report;
	json_t *refused = json_array();
	json_t *warned = json_object();

	for (size_t k = 0; k < ARRAY_LEN(warnings); k++)
		json_object_set_new(warned, warnings[k].kind, json_array());
	check_report_init(&report);
	if (check_policies(set, schema, &report) != OK)
		ASSERT(report.error_count > 0);
	for (size_t i = 0; i < report.count; i++) {
		const struct check_finding *finding = &report.findings[i];

		if (!finding->is_warning)
			add_once(refused, finding->policy);
		for (size_t k = 0; finding->is_warning && k < ARRAY_LEN(warnings); k++)
			if (memmem(finding->text.ptr, finding->text.len, warnings[k].words.ptr,
				   warnings[k].words.len) != NULL)
				add_once(json_object_get(warned, warnings[k].kind),
					 finding->policy);
	}
	check_report_fini(&report);
	json_object_set_new(out, "refused", refused);
	json_object_set_new(out, "warned", warned);
}

static json_t *decision_json(const struct policy_decision *decision)
{
	json_t *reason = json_array();
	json_t *errors = json_array();

	for (size_t i = 0; i < decision->reason_count; i++)
		json_array_append_new(reason, id_json(decision->reasons[i]));
	for (size_t i = 0; i < decision->error_count; i++)
		json_array_append_new(errors, id_json(decision->errors[i].policy));
	return json_pack("{s:b,s:o,s:o}", "allow", decision->is_allowed, "reason", reason, "errors",
			 errors);
}

static json_t *decide_set(const struct policy_set *set, const struct entity_store *store,
			  const struct policy_request *request, struct arena *arena)
{
	struct policy_options options = {.ignore_forbid_errors = true};
	struct policy_decision decision;

	if (policy_decide(set, store, request, &options, arena, &decision) != OK)
		return json_null();
	return decision_json(&decision);
}

static json_t *decide_both(const struct sets *sets, const struct entity_store *store,
			   const struct policy_request *request, struct arena *arena)
{
	json_t *answer = decide_set(sets->indexed, store, request, arena);
	json_t *other = decide_set(sets->unindexed, store, request, arena);

	if (json_equal(answer, other))
		json_decref(other);
	else
		json_object_set_new(answer, "unindexed", other);
	return answer;
}

static json_t *answer_request(const struct group *group, const struct sets *sets,
			      const json_t *json)
{
	size_t at = (size_t)json_integer_value(json_object_get(json, "store"));
	struct uid principal = uid_of(json, "principal");
	struct uid action = uid_of(json, "action");
	struct uid resource = uid_of(json, "resource");
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};
	json_t *answer = json_null();
	struct arena arena;
	enum err err;

	if (at >= STORES_MAX || group->stores[at] == NULL)
		return answer;
	arena_init(&arena, 8192, CASE_ARENA);
	err = entity_context_json(&arena, "context", text_of(json, "context"), group->schema,
				  &action, &request.context, NULL);
	if (err == OK && group->schema != NULL)
		err = conform_request(group->schema, &request, NULL);
	if (err == OK)
		answer = decide_both(sets, group->stores[at], &request, &arena);
	arena_fini(&arena);
	return answer;
}

static enum err load_sets(const json_t *json, struct sets *sets)
{
	bool is_json = json_object_get(json, "json") != NULL;
	struct policy_set_options options = {.ids = POLICY_IDS_POSITION,
					     .takes_templates = is_json};
	struct policy_source source = {.file = "policies",
				       .text = text_of(json, is_json ? "json" : "text"),
				       .format = is_json ? POLICY_FORMAT_JSON : POLICY_FORMAT_TEXT};
	enum err err = policy_set_load(&source, 1, &options, &sets->indexed, NULL);

	options.is_unindexed = true;
	return err == OK ? policy_set_load(&source, 1, &options, &sets->unindexed, NULL) : err;
}

static void set_text(json_t *out, const char *key, const struct buf *buf)
{
	struct str text = buf_str(buf);

	json_object_set_new(out, key, json_stringn(text.ptr, text.len));
}

typedef enum err (*policy_writer)(struct buf *out, const struct policy *policy);

static void put_written(json_t *out, const struct policy *policy, policy_writer write)
{
	struct str id = policy_id(policy);
	struct buf buf;

	buf_init(&buf, FORM_BYTES);
	if (write(&buf, policy) == OK)
		json_object_setn_new(out, id.ptr, id.len,
				     json_stringn(buf_str(&buf).ptr, buf_str(&buf).len));
	buf_fini(&buf);
}

/* {"staticPolicies": {ID: written}, "templates": {..}} */
static json_t *written(const struct policy_set *set, policy_writer write)
{
	json_t *policies = json_object();
	json_t *templates = json_object();

	for (size_t i = 0; i < policy_set_count(set); i++)
		if (policy_template(policy_set_at(set, i)) == NULL)
			put_written(policies, policy_set_at(set, i), write);
	for (size_t i = 0; i < policy_set_template_count(set); i++)
		put_written(templates, policy_set_template_at(set, i), write);
	return json_pack("{s:o,s:o}", "staticPolicies", policies, "templates", templates);
}

static void put_forms(json_t *out, const struct policy_set *set)
{
	struct buf buf;

	buf_init(&buf, FORM_BYTES);
	if (policy_set_json_write(&buf, set) == OK)
		set_text(out, "form", &buf);
	buf_fini(&buf);
	json_object_set_new(out, "forms", written(set, policy_json_write));
	json_object_set_new(out, "printed", written(set, print_policy));
}

static void put_formatted(json_t *out, struct str text)
{
	struct buf buf;

	buf_init(&buf, FORM_BYTES);
	if (format_policies("policies", text, NULL, &buf, NULL) == OK)
		set_text(out, "formatted", &buf);
	buf_fini(&buf);
}

static json_t *answer_set(const struct group *group, const json_t *json, const json_t *requests)
{
	struct sets sets = {NULL, NULL};
	bool is_parsed = load_sets(json, &sets) == OK;
	json_t *answers = json_array();
	json_t *out =
		json_pack("{s:b,s:n,s:o}", "parsed", is_parsed, "refused", "answers", answers);

	if (is_parsed && group->schema != NULL &&
	    !json_is_true(json_object_get(json, "isUnchecked")))
		check_set(sets.indexed, group->schema, out);
	if (is_parsed && json_is_true(json_object_get(json, "form")))
		put_forms(out, sets.indexed);
	if (is_parsed && json_object_get(json, "text") != NULL &&
	    json_is_true(json_object_get(json, "form")))
		put_formatted(out, text_of(json, "text"));
	for (size_t i = 0; is_parsed && i < json_array_size(requests); i++)
		json_array_append_new(answers,
				      answer_request(group, &sets, json_array_get(requests, i)));
	policy_set_free(sets.indexed);
	policy_set_free(sets.unindexed);
	return out;
}

static bool load_schema(const json_t *json, struct schema **out)
{
	const json_t *schema = json_object_get(json, "schema");
	bool is_json = json_is_object(schema);
	struct schema_source source = {
		.file = "schema",
		.text = is_json ? text_of(schema, "json") : text_of(json, "schema"),
		.format = is_json ? SCHEMA_FORMAT_JSON : SCHEMA_FORMAT_TEXT,
	};

	return json_is_null(schema) || schema_load_source(&source, out, NULL) == OK;
}

static void put_schema_forms(json_t *out, const struct schema *schema)
{
	struct buf buf;

	buf_init(&buf, FORM_BYTES);
	if (schema_json_write(&buf, schema) == OK)
		set_text(out, "schemaForm", &buf);
	buf_reset(&buf);
	if (schema_text_write(&buf, schema, NULL) == OK)
		set_text(out, "schemaText", &buf);
	buf_fini(&buf);
}

static struct entity_store *load_store(const struct schema *schema, const json_t *json)
{
	struct str text = str_make(json_string_value(json), json_string_length(json));
	struct entity_store *store = entity_store_new(NULL);
	enum err err = OK;

	if (schema != NULL)
		err = entity_store_add_actions(store, schema, NULL);
	if (err == OK)
		err = entity_store_load_json(store, "entities", text, schema, NULL);
	if (err == OK)
		err = entity_store_freeze(store, NULL);
	if (err == OK)
		return store;
	entity_store_free(store);
	return NULL;
}

static json_t *answer_group(const json_t *json)
{
	struct group group = {.schema = NULL};
	const json_t *stores = json_object_get(json, "stores");
	const json_t *sets = json_object_get(json, "sets");
	bool is_schema = load_schema(json, &group.schema);
	json_t *loaded = json_array();
	json_t *answers = json_array();
	json_t *out =
		json_pack("{s:b,s:o,s:o}", "schema", is_schema, "stores", loaded, "sets", answers);

	for (size_t i = 0; is_schema && i < STORES_MAX && i < json_array_size(stores); i++) {
		group.stores[i] = load_store(group.schema, json_array_get(stores, i));
		json_array_append_new(loaded, json_boolean(group.stores[i] != NULL));
	}
	for (size_t i = 0; i < json_array_size(sets); i++)
		json_array_append_new(answers, answer_set(&group, json_array_get(sets, i),
							  json_object_get(json, "requests")));
	if (group.schema != NULL && json_is_true(json_object_get(json, "form")))
		put_schema_forms(out, group.schema);
	for (size_t i = 0; i < STORES_MAX; i++)
		entity_store_free(group.stores[i]);
	schema_free(group.schema);
	return out;
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		json_t *json = json_loadb(line, (size_t)len, JSON_ALLOW_NUL, NULL);
		json_t *out;

		if (json == NULL) {
			fprintf(stderr, "cedar_answer: not a JSON line\n");
			free(line);
			return 2;
		}
		out = answer_group(json);
		if (json_dumpf(out, stdout, JSON_COMPACT) != 0)
			return 2;
		(void)putchar('\n');
		(void)fflush(stdout);
		json_decref(out);
		json_decref(json);
	}
	free(line);
	return 0;
}
