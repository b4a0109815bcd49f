/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/review.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/print.h"

static const char entities_text[] =
	"[{\"uid\":{\"type\":\"User\",\"id\":\"ana\"},\"attrs\":{\"level\":2,\"off\":false},"
	"\"parents\":[]}]";

struct row {
	const char *policies;
	const char *want; /* "always", "never" or the condition */
	const char *permits, *forbids, *errors;
};

static void append_ids(char *out, const struct review_policies *list)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < list->count; i++)
		len += (size_t)snprintf(out + len, 100 - len, i == 0 ? STR_FMT : " " STR_FMT,
					STR_ARG(policy_id(list->policies[i])));
}

static void assert_ids(const struct review_policies *list, const char *want)
{
	char got[100];

	append_ids(got, list);
	assert_string_equal(got, want);
}

static struct entity_store *store_new(void)
{
	struct entity_store *store = entity_store_new(NULL);
	struct diag diag;

	assert_int_equal(
		entity_store_load_json(store, "entities", str_from_c(entities_text), NULL, &diag),
		OK);
	assert_int_equal(entity_store_freeze(store, &diag), OK);
	return store;
}

static struct policy_set *set_new(const char *text)
{
	struct policy_source source = {.file = "row", .text = str_from_c(text)};
	struct policy_set *set = NULL;
	struct diag diag = {.text = ""};

	if (policy_set_load(&source, 1, NULL, &set, &diag) != OK)
		print_message("# %s: %s\n", text, diag.text);
	assert_non_null(set);
	return set;
}

static enum err review(const struct policy_set *set, const struct entity_store *store,
		       bool ignores_errors, struct arena *arena, struct review *out)
{
	struct uid ana = uid_make(STR("User"), STR("ana"));
	struct uid view = uid_make(STR("Action"), STR("view"));
	struct uid file = uid_make(STR("File"), STR("f"));
	struct partial_request request = {
		.principal = {.uid = &ana}, .action = {.uid = &view}, .resource = {.uid = &file}};
	struct policy_options options = {.ignore_forbid_errors = ignores_errors};

	if (!partial_open_context(&request, NULL, arena))
		return ERR_LIMIT;
	return review_request(set, store, NULL, &request, &options, arena, out);
}

static void check_rows(const struct row *rows, size_t count, bool ignores_errors)
{
	struct entity_store *store = store_new();

	for (size_t i = 0; i < count; i++) {
		struct policy_set *set = set_new(rows[i].policies);
		struct review got;
		struct arena arena;
		struct buf text;

		print_message("# %s\n", rows[i].policies);
		arena_init(&arena, 8192, 1 << 20);
		buf_init(&text, 1 << 16);
		assert_int_equal(review(set, store, ignores_errors, &arena, &got), OK);
		if (got.verdict == REVIEW_IF)
			assert_int_equal(print_expr(&text, got.condition), OK);
		else
			assert_int_equal(buf_append(&text, got.verdict == REVIEW_ALWAYS
								   ? STR("always")
								   : STR("never")),
					 OK);
		assert_int_equal(buf_append_byte(&text, '\0'), OK);
		assert_string_equal(text.ptr, rows[i].want);
		assert_ids(&got.permits, rows[i].permits);
		assert_ids(&got.forbids, rows[i].forbids);
		assert_ids(&got.errors, rows[i].errors);
		buf_fini(&text);
		arena_fini(&arena);
		policy_set_free(set);
	}
	entity_store_free(store);
}

#define PERMIT(id, when) "@id(\"" id "\") permit(principal, action, resource) when {" when "};"
#define FORBID(id, when) "@id(\"" id "\") forbid(principal, action, resource) when {" when "};"

static void test_review__joins_what_remains(void **state)
{
	static const struct row rows[] = {
		{"", "never", "", "", ""},
		{PERMIT("a", "true"), "always", "a", "", ""},
		{PERMIT("a", "principal.level > 2"), "never", "", "", ""},
		{PERMIT("a", "context.x"), "context.x", "a", "", ""},
		{PERMIT("a", "context.x") PERMIT("b", "context.y"), "context.x || context.y", "a b",
		 "", ""},
		{PERMIT("a", "context.x") PERMIT("b", "true"), "always", "a b", "", ""},
		{PERMIT("a", "context.x && false"), "never", "", "", ""},
		{PERMIT("a", "principal.none") PERMIT("b", "true"), "always", "b", "", "a"},
		{PERMIT("a", "true") FORBID("f", "principal.off"), "always", "a", "", ""},
		{PERMIT("a", "true") FORBID("f", "context.x"), "!context.x", "a", "f", ""},
		{PERMIT("a", "context.x") FORBID("f", "context.y && context.n > 1"),
		 "context.x && (!context.y || context.n <= 1)", "a", "f", ""},
		{PERMIT("a", "true") FORBID("f", "context.x") FORBID("g", "true"), "never", "", "g",
		 ""},
		{FORBID("f", "true") PERMIT("a", "true") FORBID("g", "context.x"), "never", "", "f",
		 ""},
		{FORBID("g", "context.x"), "never", "", "", ""},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows), false);
}

static void test_review__says_things_once(void **state)
{
	static const struct row rows[] = {
		{PERMIT("a", "context.x") PERMIT("b", "context.x"), "context.x", "a b", "", ""},
		{PERMIT("a", "context.x && context.y") PERMIT("b", "context.x"), "context.x", "a b",
		 "", ""},
		{PERMIT("a", "context.x") PERMIT("b", "context.y && context.x"), "context.x", "a b",
		 "", ""},
		{PERMIT("a", "context.x && context.y") PERMIT("b", "context.y && context.x"),
		 "context.y && context.x", "a b", "", ""},
		{PERMIT("a", "true") FORBID("f", "context.x") FORBID("g", "context.x"),
		 "!context.x", "a", "f g", ""},
		{PERMIT("a", "!context.x") FORBID("f", "context.x"), "!context.x", "a", "f", ""},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows), false);
}

static void test_review__lets_a_forbid_that_errs_deny(void **state)
{
	static const struct row denies[] = {
		{PERMIT("a", "true") FORBID("f", "principal.none"), "never", "", "f", "f"},
		{PERMIT("a", "true") FORBID("f", "context.x && false"), "!context.x || true", "a",
		 "f", ""},
	};
	static const struct row skips[] = {
		{PERMIT("a", "true") FORBID("f", "principal.none"), "always", "a", "", "f"},
		{PERMIT("a", "true") FORBID("f", "context.x && false"), "always", "a", "", ""},
	};

	(void)state;
	check_rows(denies, ARRAY_LEN(denies), false);
	check_rows(skips, ARRAY_LEN(skips), true);
}

static void test_review__compares_conditions_without_their_order(void **state)
{
	static const struct {
		const char *old, *new;
		bool is_same;
	} rows[] = {
		{PERMIT("a", "context.x && context.y"), PERMIT("b", "context.y && context.x"),
		 true},
		{PERMIT("a", "context.x") PERMIT("b", "context.y"),
		 PERMIT("b", "context.y") PERMIT("a", "context.x"), true},
		{PERMIT("a", "context.x && (context.y || context.z)"),
		 PERMIT("a", "(context.z || context.y) && context.x"), true},
		{PERMIT("a", "context.x && context.y"), PERMIT("a", "context.x || context.y"),
		 false},
		{PERMIT("a", "context.x && context.y"), PERMIT("a", "context.x && context.z"),
		 false},
		{PERMIT("a", "context.x && context.y"), PERMIT("a", "context.x"), false},
		{PERMIT("a", "context.x"), PERMIT("a", "true"), false},
		{PERMIT("a", "true"), PERMIT("b", "true"), true},
		{"", FORBID("f", "true"), true},
	};
	struct entity_store *store = store_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_set *sets[] = {set_new(rows[i].old), set_new(rows[i].new)};
		struct review reviews[2];
		struct arena arena;

		print_message("# %s\n", rows[i].new);
		arena_init(&arena, 8192, 1 << 20);
		for (size_t s = 0; s < 2; s++)
			assert_int_equal(review(sets[s], store, false, &arena, &reviews[s]), OK);
		assert_int_equal(review_is_same(&reviews[0], &reviews[1]), rows[i].is_same);
		assert_int_equal(review_is_same(&reviews[1], &reviews[0]), rows[i].is_same);
		arena_fini(&arena);
		policy_set_free(sets[0]);
		policy_set_free(sets[1]);
	}
	entity_store_free(store);
}

static void test_review__compares_policies(void **state)
{
	static const char base[] = "@id(\"a\") @x permit(principal in G::\"g\", action in "
				   "[Action::\"v\"], resource is F in G::\"g\") when { true };";
	static const char *const others[] = {
		"@id(\"a\") @x forbid(principal in G::\"g\", action in [Action::\"v\"], resource "
		"is F "
		"in G::\"g\") when { true };",
		"@id(\"a\") @x permit(principal == G::\"g\", action in [Action::\"v\"], resource "
		"is F "
		"in G::\"g\") when { true };",
		"@id(\"a\") @x permit(principal in G::\"h\", action in [Action::\"v\"], resource "
		"is F "
		"in G::\"g\") when { true };",
		"@id(\"a\") @x permit(principal in G::\"g\", action in [Action::\"w\"], resource "
		"is F "
		"in G::\"g\") when { true };",
		"@id(\"a\") @x permit(principal in G::\"g\", action in [Action::\"v\", "
		"Action::\"w\"], "
		"resource is F in G::\"g\") when { true };",
		"@id(\"a\") @x permit(principal in G::\"g\", action in [Action::\"v\"], resource "
		"is E "
		"in G::\"g\") when { true };",
		"@id(\"a\") @x permit(principal in G::\"g\", action in [Action::\"v\"], resource "
		"is F "
		"in G::\"g\") unless { true };",
		"@id(\"a\") @x permit(principal in G::\"g\", action in [Action::\"v\"], resource "
		"is F "
		"in G::\"g\") when { false };",
		"@id(\"a\") @x permit(principal in G::\"g\", action in [Action::\"v\"], resource "
		"is F "
		"in G::\"g\");",
		"@id(\"a\") @x(\"y\") permit(principal in G::\"g\", action in [Action::\"v\"], "
		"resource is F in G::\"g\") when { true };",
		"@id(\"a\") permit(principal in G::\"g\", action in [Action::\"v\"], resource is F "
		"in G::\"g\") when { true };",
	};
	struct policy_set *set = set_new(base);
	struct policy_set *same =
		set_new("// moved\n@x @id(\"a\")\npermit (\n  principal in "
			"G::\"g\",\n  action in [Action::\"v\"],\n  resource is F "
			"in G::\"g\"\n) when { true };");

	(void)state;
	assert_true(review_is_same_policy(policy_set_at(set, 0), policy_set_at(same, 0)));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct policy_set *other = set_new(others[i]);

		print_message("# %s\n", others[i]);
		assert_false(review_is_same_policy(policy_set_at(set, 0), policy_set_at(other, 0)));
		policy_set_free(other);
	}
	policy_set_free(same);
	policy_set_free(set);
}

static void test_review__refuses_when_the_arena_is_full(void **state)
{
	struct policy_set *set = set_new(
		PERMIT("a", "context.x && principal.level > context.n") PERMIT("b", "context.y")
			FORBID("f", "context.z && context.n == 1"));
	struct entity_store *store = store_new();
	size_t limits = 0;
	size_t answers = 0;

	(void)state;
	for (size_t cap = 64; cap < 20000; cap += 48) {
		struct review got = {.verdict = REVIEW_ALWAYS};
		struct arena arena;
		enum err err;

		arena_init(&arena, 64, cap);
		err = review(set, store, false, &arena, &got);
		assert_true(err == ERR_LIMIT || (err == OK && got.verdict == REVIEW_IF));
		limits += err == ERR_LIMIT ? 1U : 0U;
		answers += err == OK ? 1U : 0U;
		arena_fini(&arena);
	}
	assert_true(limits > 20);
	assert_true(answers > 20);
	entity_store_free(store);
	policy_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_review__joins_what_remains),
		cmocka_unit_test(test_review__says_things_once),
		cmocka_unit_test(test_review__lets_a_forbid_that_errs_deny),
		cmocka_unit_test(test_review__compares_conditions_without_their_order),
		cmocka_unit_test(test_review__compares_policies),
		cmocka_unit_test(test_review__refuses_when_the_arena_is_full),
	};

	return cmocka_run_group_tests_name("review", tests, NULL, NULL);
}
