/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers cases of the differential run, one JSON object per line:
 *
 *   {"policies": TEXT, "schema": TEXT|null, "entities": JSON text,
 *    "requests": [{"principal": {type,id}, "action", "resource", "context": JSON text}]}
 *
 *   {"policies": bool, "schema": bool, "entities": bool, "refused": [ids the checker refuses],
 *    "requests": [null (refused) | {"allow": bool, "reason": [ids], "errors": [ids]}]}
 */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "policy/check.h"
#include "policy/conform.h"

#define CASE_ARENA ((size_t)64 << 20)

struct answered {
	struct policy_set *set;
	struct schema *schema;
	struct entity_store *store;
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

static json_t *refused_ids(const struct answered *a)
{
	const struct policy *last = NULL;
	struct check_report report;
	json_t *ids = json_array();

	check_report_init(&report);
	if (check_policies(a->set, a->schema, &report) != OK)
		for (size_t i = 0; i < report.count; i++) {
			if (report.findings[i].is_warning || report.findings[i].policy == last)
				continue;
			last = report.findings[i].policy;
			json_array_append_new(ids, id_json(last));
		}
	check_report_fini(&report);
	return ids;
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

static json_t *decide(const struct answered *a, const json_t *json)
{
	struct policy_options options = {.ignore_forbid_errors = true};
	struct uid principal = uid_of(json, "principal");
	struct uid action = uid_of(json, "action");
	struct uid resource = uid_of(json, "resource");
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};
	struct policy_decision decision;
	struct arena arena;
	json_t *out;
	enum err err;

	arena_init(&arena, 8192, CASE_ARENA);
	err = entity_context_json(&arena, "context", text_of(json, "context"), a->schema, &action,
				  &request.context, NULL);
	if (err == OK && a->schema != NULL)
		err = conform_request(a->schema, &request, NULL);
	if (err == OK)
		err = policy_decide(a->set, a->store, &request, &options, &arena, &decision);
	out = err == OK ? decision_json(&decision) : json_null();
	arena_fini(&arena);
	return out;
}

static bool load_entities(struct answered *a, struct str text)
{
	enum err err = OK;

	a->store = entity_store_new(NULL);
	if (a->schema != NULL)
		err = entity_store_add_actions(a->store, a->schema, NULL);
	if (err == OK)
		err = entity_store_load_json(a->store, "entities", text, a->schema, NULL);
	return err == OK && entity_store_freeze(a->store, NULL) == OK;
}

static json_t *answer(const json_t *json)
{
	struct policy_set_options options = {.ids = POLICY_IDS_POSITION};
	struct policy_source source = {.file = "policies", .text = text_of(json, "policies")};
	struct answered a = {.set = NULL};
	const json_t *requests = json_object_get(json, "requests");
	bool has_schema = json_is_string(json_object_get(json, "schema"));
	bool is_set = policy_set_load(&source, 1, &options, &a.set, NULL) == OK;
	bool is_schema = !has_schema ||
			 schema_load("schema", text_of(json, "schema"), &a.schema, NULL) == OK;
	bool is_store = is_schema && load_entities(&a, text_of(json, "entities"));
	json_t *list = json_array();
	json_t *out;

	for (size_t i = 0; is_set && is_store && i < json_array_size(requests); i++)
		json_array_append_new(list, decide(&a, json_array_get(requests, i)));
	out = json_pack("{s:b,s:b,s:b,s:o,s:o}", "policies", is_set, "schema", is_schema,
			"entities", is_store, "refused",
			is_set && is_schema && has_schema ? refused_ids(&a) : json_null(),
			"requests", list);
	policy_set_free(a.set);
	schema_free(a.schema);
	entity_store_free(a.store);
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
		out = answer(json);
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
