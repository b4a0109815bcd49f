/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cedar_corpus DIR [--expect TESTS REQUESTS]: runs every test below DIR in the
 * layout of the official integration tests and compares decision, reasons and
 * errors of each request, with and without the index, and the validator's
 * verdict of each test. Names what differs. The last line is `N passed, N
 * failed`: of the requests and verdicts together; with --expect there is one
 * TAP line per figure instead, and the counts must be those.
 *
 * Exits 0 when nothing differs, 1 when something does, 2 on wrong use and 3
 * when DIR cannot be read or holds no tests.
 */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "corpus_partial.h"
#include "json_nul.h"
#include "policy/check.h"
#include "policy/policy.h"

#define PATH_BYTES 4096
#define SHOWN_MAX  40

enum figure {
	LOADING,
	DECISIONS,
	REASONS,
	ERRORS,
	UNINDEXED,
	PARTIAL,
	VERDICTS,
	FIGURES,
};

static const char *const figure_names[FIGURES] = {
	[LOADING] = "loading",
	[DECISIONS] = "decisions",
	[REASONS] = "reasons",
	[ERRORS] = "errors",
	[UNINDEXED] = "with and without the index",
	[PARTIAL] = "with a part unknown at first",
	[VERDICTS] = "verdicts of the validator",
};

struct corpus {
	size_t tests, requests;
	size_t differing[FIGURES];
	size_t failed; /* requests and verdicts */
	size_t shown;
};

/* nftw has no argument for its callback. */
static struct corpus corpus;
static char corpus_root[PATH_BYTES];

static void differ(enum figure figure, const char *test, const char *what, const char *detail)
{
	corpus.differing[figure]++;
	if (corpus.shown++ < SHOWN_MAX)
		printf("# %s: %s %s\n", test, what, detail == NULL ? "" : detail);
}

static char *read_file(const char *path, size_t *out_len)
{
	FILE *file = fopen(path, "rb");
	size_t cap = 1 << 16;
	size_t len = 0;
	size_t got;
	char *data;

	if (file == NULL)
		return NULL;
	data = base_alloc(cap);
	while ((got = fread(data + len, 1, cap - len, file)) > 0) {
		len += got;
		if (len == cap) {
			data = realloc(data, cap *= 2);
			ASSERT(data != NULL);
		}
	}
	fclose(file);
	*out_len = len;
	return data;
}

/* A path in a test is relative to its suite's root: some folder above the test. */
static char *read_relative(const char *test, const char *relative, size_t *out_len)
{
	char path[PATH_BYTES];
	char *data = NULL;
	size_t len = strlen(test);

	while (data == NULL && len > strlen(corpus_root)) {
		while (len > 0 && test[len - 1] != '/')
			len--;
		if (len == 0)
			break;
		(void)snprintf(path, sizeof(path), "%.*s/%s", (int)(len - 1), test, relative);
		data = read_file(path, out_len);
		len--;
	}
	return data;
}

static struct str json_text(struct arena *arena, const json_t *json)
{
	return json_nul_show(arena, str_make(json_string_value(json), json_string_length(json)));
}

static struct uid json_uid(struct arena *arena, const json_t *json)
{
	return uid_make(json_text(arena, json_object_get(json, "type")),
			json_text(arena, json_object_get(json, "id")));
}

/* The test files are read in the hidden form of json_nul.h; a context leaves it again. */
static struct str context_text(struct arena *arena, const json_t *json)
{
	char *dump = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
	struct str text = dump == NULL ? STR("null") : str_from_c(dump);
	char *out = arena_alloc(arena, text.len * 2 + 1);
	size_t len = 0;

	ASSERT(out != NULL);
	for (size_t i = 0; i < text.len; i++) {
		if (str_has_prefix(str_sub(text, i, 4), STR("\xef\xb7\x90"
							    "0"))) {
			memcpy(out + len, "\\u0000", 6);
			len += 6;
			i += 3;
		} else {
			out[len++] = text.ptr[i];
		}
	}
	free(dump);
	return str_make(out, len);
}

static bool names_policy(const json_t *list, const struct policy *policy)
{
	struct str id = policy_id(policy);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *named = json_array_get(list, i);

		if (str_eq(str_make(json_string_value(named), json_string_length(named)), id))
			return true;
	}
	return false;
}

static bool same_reasons(const json_t *want, const struct policy_decision *got)
{
	bool is_same = json_array_size(want) == got->reason_count;

	for (size_t i = 0; is_same && i < got->reason_count; i++)
		is_same = names_policy(want, got->reasons[i]);
	return is_same;
}

static bool same_errors(const json_t *want, const struct policy_decision *got)
{
	bool is_same = json_array_size(want) == got->error_count;

	for (size_t i = 0; is_same && i < got->error_count; i++)
		is_same = names_policy(want, got->errors[i].policy);
	return is_same;
}

struct loaded {
	char *texts[3]; /* policies, entities, schema */
	struct schema *schema;
	struct entity_store *store;
	struct policy_set *set;
	struct policy_set *unindexed;
};

static void loaded_fini(struct loaded *loaded)
{
	policy_set_free(loaded->set);
	policy_set_free(loaded->unindexed);
	entity_store_free(loaded->store);
	schema_free(loaded->schema);
	for (size_t i = 0; i < ARRAY_LEN(loaded->texts); i++)
		free(loaded->texts[i]);
}

static enum err load_all(const char *test, const json_t *json, struct loaded *loaded,
			 struct diag *diag)
{
	static const char *const keys[] = {"policies", "entities", "schema"};
	struct policy_set_options options = {.ids = POLICY_IDS_POSITION};
	struct policy_source source = {.file = "policies"};
	struct str texts[3];
	enum err err;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *relative = json_string_value(json_object_get(json, keys[i]));

		if (relative != NULL)
			loaded->texts[i] = read_relative(test, relative, &texts[i].len);
		if (loaded->texts[i] == NULL)
			return diag_set(diag, ERR_NOT_FOUND, relative != NULL ? relative : keys[i],
					0, 0, "file not found");
		texts[i].ptr = loaded->texts[i];
	}
	source.text = texts[0];
	err = policy_set_load(&source, 1, &options, &loaded->set, diag);
	options.is_unindexed = true;
	if (err == OK)
		err = policy_set_load(&source, 1, &options, &loaded->unindexed, diag);
	if (err == OK)
		err = schema_load("schema", texts[2], &loaded->schema, diag);
	loaded->store = entity_store_new(NULL);
	if (err == OK)
		err = entity_store_add_actions(loaded->store, loaded->schema, diag);
	if (err == OK)
		err = entity_store_load_json(loaded->store, "entities", texts[1], loaded->schema,
					     diag);
	return err == OK ? entity_store_freeze(loaded->store, diag) : err;
}

static bool same_decisions(const struct policy_decision *a, const struct policy_decision *b,
			   const struct loaded *loaded)
{
	bool is_same = a->is_allowed == b->is_allowed && a->reason_count == b->reason_count &&
		       a->error_count == b->error_count;

	for (size_t i = 0; is_same && i < a->reason_count; i++)
		is_same = policy_set_find(loaded->set, policy_id(b->reasons[i])) == a->reasons[i];
	for (size_t i = 0; is_same && i < a->error_count; i++)
		is_same = policy_set_find(loaded->set, policy_id(b->errors[i].policy)) ==
			  a->errors[i].policy;
	return is_same;
}

static void compare(const char *test, const json_t *json, const struct loaded *loaded,
		    const struct policy_decision decisions[2])
{
	const struct policy_decision *got = &decisions[0];
	const char *description = json_string_value(json_object_get(json, "description"));
	const char *want = json_string_value(json_object_get(json, "decision"));
	size_t before = corpus.shown;

	if (want == NULL || strcmp(want, got->is_allowed ? "allow" : "deny") != 0)
		differ(DECISIONS, test, "decision differs:", description);
	if (!same_reasons(json_object_get(json, "reason"), got))
		differ(REASONS, test, "reasons differ:", description);
	if (!same_errors(json_object_get(json, "errors"), got))
		differ(ERRORS, test, "errors differ:", description);
	if (!same_decisions(got, &decisions[1], loaded))
		differ(UNINDEXED, test, "differs without index:", description);
	corpus.failed += corpus.shown > before;
}

static enum err decide(struct arena *arena, const struct loaded *loaded, const json_t *json,
		       struct policy_decision out[2], const struct policy **out_differs,
		       struct diag *diag)
{
	struct policy_options options = {.ignore_forbid_errors = true};
	struct str text = context_text(arena, json_object_get(json, "context"));
	struct uid principal = json_uid(arena, json_object_get(json, "principal"));
	struct uid action = json_uid(arena, json_object_get(json, "action"));
	struct uid resource = json_uid(arena, json_object_get(json, "resource"));
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};
	enum err err = entity_context_json(arena, "context", text, loaded->schema, &action,
					   &request.context, diag);

	if (err == OK)
		err = policy_decide(loaded->set, loaded->store, &request, &options, arena, &out[0]);
	if (err == OK)
		err = policy_decide(loaded->unindexed, loaded->store, &request, &options, arena,
				    &out[1]);
	if (err == OK)
		*out_differs = corpus_partial_differs(loaded->set, loaded->store, loaded->schema,
						      &request, arena);
	return err;
}

static void run_request(const char *test, const struct loaded *loaded, const json_t *json)
{
	struct policy_decision decisions[2];
	const struct policy *differs = NULL;
	struct diag diag = {.text = ""};
	struct arena arena;

	corpus.requests++;
	arena_init(&arena, 8192, 16 << 20);
	if (decide(&arena, loaded, json, decisions, &differs, &diag) == OK) {
		compare(test, json, loaded, decisions);
		if (differs != NULL) {
			corpus.failed++;
			differ(PARTIAL, test,
			       "differs with a part unknown:", policy_id(differs).ptr);
		}
	} else {
		corpus.failed++;
		differ(DECISIONS, test, "request failed:", diag.text);
	}
	arena_fini(&arena);
}

static void compare_verdict(const char *test, const json_t *json, const struct loaded *loaded)
{
	struct check_report report;
	enum err err;

	check_report_init(&report);
	err = check_policies(loaded->set, loaded->schema, &report);
	if ((err == OK) != json_is_true(json_object_get(json, "shouldValidate"))) {
		corpus.failed++;
		differ(VERDICTS, test, err == OK ? "validates, but should not" : "should validate:",
		       report.count > 0 ? report.findings[0].text.ptr : NULL);
	}
	check_report_fini(&report);
}

/* NULL when the file is not there or no JSON. */
static json_t *load_json(const char *path)
{
	struct arena arena;
	struct str text;
	char *data = read_file(path, &text.len);
	json_t *json;

	if (data == NULL)
		return NULL;
	text.ptr = data;
	arena_init(&arena, 8192, 64 << 20);
	text = json_nul_hide(&arena, text);
	json = json_loadb(text.ptr, text.len, 0, NULL);
	arena_fini(&arena);
	free(data);
	return json;
}

static void run_test(const char *path, const json_t *json)
{
	const json_t *requests = json_object_get(json, "requests");
	struct loaded loaded = {.schema = NULL};
	struct diag diag = {.text = ""};

	corpus.tests++;
	if (load_all(path, json, &loaded, &diag) == OK) {
		compare_verdict(path, json, &loaded);
		for (size_t i = 0; i < json_array_size(requests); i++)
			run_request(path, &loaded, json_array_get(requests, i));
	} else {
		corpus.requests += json_array_size(requests);
		corpus.failed += 1 + json_array_size(requests);
		differ(LOADING, path, diag.file, diag.text);
	}
	loaded_fini(&loaded);
}

/* A test is a JSON file with `requests`; entities and schemas lie beside them. */
static int on_file(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	json_t *json;

	(void)info;
	(void)ftw;
	if (type != FTW_F || !str_has_suffix(str_from_c(path), STR(".json")) ||
	    str_has_suffix(str_from_c(path), STR("entities.json")))
		return 0;
	json = load_json(path);
	if (json == NULL) {
		corpus.tests++;
		corpus.failed++;
		differ(LOADING, path, "cannot be read as JSON", NULL);
	} else if (json_object_get(json, "requests") != NULL) {
		run_test(path, json);
	}
	json_decref(json);
	return 0;
}

static void tell(unsigned number, bool is_good, const char *what, size_t differing)
{
	printf("%sok %u - %s: %zu of %zu tests, %zu requests differ\n", is_good ? "" : "not ",
	       number, what, differing, corpus.tests, corpus.requests);
}

static bool tell_tap(uint64_t tests, uint64_t requests)
{
	bool is_counted = corpus.tests == tests && corpus.requests == requests;

	for (unsigned i = 0; i < FIGURES; i++)
		tell(i + 1, corpus.differing[i] == 0, figure_names[i], corpus.differing[i]);
	tell(FIGURES + 1, is_counted, "counts", is_counted ? 0 : 1);
	printf("1..%d\n", FIGURES + 1);
	return corpus.failed == 0 && is_counted;
}

static bool tell_people(void)
{
	printf("%zu tests, %zu requests; these differ:\n", corpus.tests, corpus.requests);
	for (unsigned i = 0; i < FIGURES; i++)
		printf("  %-28s %zu\n", figure_names[i], corpus.differing[i]);
	printf("%zu passed, %zu failed\n", corpus.tests + corpus.requests - corpus.failed,
	       corpus.failed);
	return corpus.failed == 0;
}

int main(int argc, char **argv)
{
	uint64_t tests = 0;
	uint64_t requests = 0;

	if ((argc != 2 && argc != 5) ||
	    (argc == 5 &&
	     (strcmp(argv[2], "--expect") != 0 || str_to_u64(str_from_c(argv[3]), &tests) != OK ||
	      str_to_u64(str_from_c(argv[4]), &requests) != OK))) {
		fprintf(stderr, "usage: cedar_corpus DIR [--expect TESTS REQUESTS]\n");
		return 2;
	}
	(void)snprintf(corpus_root, sizeof(corpus_root), "%s", argv[1]);
	if (nftw(argv[1], on_file, 32, FTW_PHYS) != 0) {
		fprintf(stderr, "cedar_corpus: %s: %s\n", argv[1], strerror(errno));
		return 3;
	}
	if (corpus.tests == 0) {
		fprintf(stderr, "cedar_corpus: %s holds no tests (*.json with `requests`)\n",
			argv[1]);
		return 3;
	}
	return (argc == 5 ? tell_tap(tests, requests) : tell_people()) ? 0 : 1;
}
