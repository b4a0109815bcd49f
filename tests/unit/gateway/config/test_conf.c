/* SPDX-License-Identifier: Apache-2.0 */
/* conf/ is documentation by example: all of it loads, and every part of it is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/config/config.h"
#include "gateway/config/file.h"

static const char *in_conf(const char *name)
{
	static char path[2][4096];
	static unsigned next;
	const char *root = getenv("TOLLGATE_ROOT");
	char *place = path[next++ % 2];

	(void)snprintf(place, sizeof(path[0]), "%s/conf/%s", root == NULL ? "." : root, name);
	return place;
}

static struct config *load_conf(void)
{
	struct config *config = NULL;
	struct diag diag = {0};

	if (config_load(in_conf("tollgate.yaml"), &diag, &config) != OK)
		fail_msg("%s:%u:%u: %s", diag.file, diag.line, diag.column, diag.text);
	return config;
}

static void test_conf__loads(void **state)
{
	struct config *config = load_conf();
	struct snapshot *snap = NULL;
	struct diag diag = {0};

	(void)state;
	if (config_snapshot(config, 1, &diag, &snap) != OK)
		fail_msg("%s:%u:%u: %s", diag.file, diag.line, diag.column, diag.text);
	assert_int_equal(config_check_listeners(config, NULL), OK);
	assert_int_equal(config->warning_count, 0);
	assert_int_equal(config->snapshot.model_count, 6);
	assert_int_equal(config->snapshot.upstream_count, 3);
	assert_int_equal(config->snapshot.key_count, 2);
	assert_int_equal(config->snapshot.issuer_count, 1);
	assert_non_null(policy_set_find(snap->rules->policies, STR("abac-clearance")));
	assert_non_null(policy_set_find(snap->rules->policies, STR("ai-act-high-risk")));
	assert_non_null(model_find(snap->rules->models, STR("gpt-x-latest")));
	snapshot_unref(snap);
	config_free(config);
}

static void test_conf__policy_files_stand_alone(void **state)
{
	const char *paths[CONFIG_FILE_MATCHES];
	struct arena arena;
	size_t count = 0;

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(config_file_match(&arena, str_from_c(in_conf("policies")), STR("*.cedar"),
					   NULL, paths, &count),
			 OK);
	assert_true(count >= 8);
	for (size_t i = 0; i < count; i++) {
		struct policy_source source = {.file = paths[i]};
		struct policy_set *set = NULL;
		struct diag diag = {0};

		print_message("# %s\n", paths[i]);
		assert_int_equal(config_file_read(&arena, paths[i], 1 << 20, &diag, &source.text),
				 OK);
		assert_int_equal(policy_set_load(&source, 1, NULL, &set, &diag), OK);
		for (size_t p = 0; p < policy_set_count(set); p++) {
			const struct policy *policy = policy_set_at(set, p);

			assert_true(str_is_set(policy_annotation(policy, STR("id"))));
			/* What forbids says why, and how it is answered. */
			if (policy_is_forbid(policy)) {
				assert_true(str_is_set(policy_annotation(policy, STR("reason"))));
				assert_true(str_is_set(policy_annotation(policy, STR("status"))));
			}
		}
		policy_set_free(set);
	}
	arena_fini(&arena);
}

static void test_conf__shows_every_section(void **state)
{
	static const char *const words[] = {
		"gateway:", "listeners:", "admin:",	"limits:",  "identity:",
		"policy:",  "prices:",	  "ledger:",	"journal:", "upstreams:",
		"models:",  "issuers:",	  "credential:"};
	struct arena arena;
	struct str text;

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(config_file_read(&arena, in_conf("tollgate.yaml"), 1 << 20, NULL, &text),
			 OK);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		print_message("# %s\n", words[i]);
		assert_non_null(strstr(text.ptr, words[i]));
	}
	assert_null(strstr(text.ptr, "PRIVATE KEY"));
	arena_fini(&arena);
}

static int make(void **state)
{
	(void)state;
	(void)setenv("AZURE_KEY", "a", 1);
	(void)setenv("ANTHROPIC_KEY", "b", 1);
	(void)setenv("MODELS_KEY", "c", 1);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf__loads),
		cmocka_unit_test(test_conf__policy_files_stand_alone),
		cmocka_unit_test(test_conf__shows_every_section),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
