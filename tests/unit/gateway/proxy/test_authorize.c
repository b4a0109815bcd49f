/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/authorize.h"
#include "tests/unit/gateway/proxy/case.h"

#define FIELDS 3

static const struct {
	const char *name;
	struct {
		const char *name, *value;
	} fields[FIELDS];
	const char *bad; /* the field that is refused; NULL: none is */
	struct declared want;
} rows[] = {
	{"nothing", {{NULL, NULL}}, NULL, {.purpose = STR("")}},
	{"others' fields",
	 {{"x-tollgat-pii", "maybe"}, {"pii", "maybe"}},
	 NULL,
	 {.purpose = STR("")}},
	{"a class", {{"x-tollgate-data-class", "3"}}, NULL, {.data_class = 3, .purpose = STR("")}},
	{"in any case", {{"X-Tollgate-PII", "true"}}, NULL, {.is_pii = true, .purpose = STR("")}},
	{"false is said", {{"x-tollgate-pii", "false"}}, NULL, {.purpose = STR("")}},
	{"high risk, overseen and assessed",
	 {{"x-tollgate-annex-iii", "true"},
	  {"x-tollgate-human-oversight", "true"},
	  {"x-tollgate-fria-id", "f-1"}},
	 NULL,
	 {.purpose = STR(""),
	  .is_annex_iii = true,
	  .has_human_oversight = true,
	  .fria_id = STR("f-1")}},
	{"a purpose",
	 {{"x-tollgate-purpose", "credit scoring"}},
	 NULL,
	 {.purpose = STR("credit scoring")}},
	{"one that is not known", {{"x-tollgate-colour", "red"}}, NULL, {.purpose = STR("")}},
	{"the prefix alone", {{"x-tollgate-", "red"}}, NULL, {.purpose = STR("")}},
	{"class 4", {{"x-tollgate-data-class", "4"}}, "x-tollgate-data-class", {0}},
	{"class -1", {{"x-tollgate-data-class", "-1"}}, "x-tollgate-data-class", {0}},
	{"no class", {{"x-tollgate-data-class", ""}}, "x-tollgate-data-class", {0}},
	{"a word", {{"x-tollgate-data-class", "public"}}, "x-tollgate-data-class", {0}},
	{"maybe", {{"x-tollgate-pii", "maybe"}}, "x-tollgate-pii", {0}},
	{"True", {{"x-tollgate-annex-iii", "True"}}, "x-tollgate-annex-iii", {0}},
	{"1", {{"x-tollgate-human-oversight", "1"}}, "x-tollgate-human-oversight", {0}},
	{"twice", {{"x-tollgate-pii", "true"}, {"X-TOLLGATE-pii", "false"}}, "X-TOLLGATE-pii", {0}},
	{"twice the same",
	 {{"x-tollgate-purpose", "a"}, {"x", "y"}, {"x-tollgate-purpose", "a"}},
	 "x-tollgate-purpose",
	 {0}},
};

static void test_authorize__reads_what_callers_declare(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct declared have = {.data_class = 9};
		struct head head = {.field_count = 0};
		struct str field = {0};
		enum err err;

		print_message("# %s\n", rows[i].name);
		for (size_t j = 0; j < FIELDS && rows[i].fields[j].name != NULL; j++)
			head.fields[head.field_count++] =
				(struct field){str_from_c(rows[i].fields[j].name),
					       str_from_c(rows[i].fields[j].value), HEADER_OTHER};
		err = declared_read(&head, &have, &field);
		if (rows[i].bad != NULL) {
			assert_int_equal(err, ERR_MALFORMED);
			assert_true(str_eq(field, str_from_c(rows[i].bad)));
			assert_int_equal(have.data_class, 9);
			continue;
		}
		assert_int_equal(err, OK);
		assert_int_equal(have.data_class, rows[i].want.data_class);
		assert_int_equal(have.is_pii, rows[i].want.is_pii);
		assert_int_equal(have.is_annex_iii, rows[i].want.is_annex_iii);
		assert_int_equal(have.has_human_oversight, rows[i].want.has_human_oversight);
		assert_true(str_eq(have.purpose, rows[i].want.purpose));
		assert_int_equal(str_is_set(have.fria_id), str_is_set(rows[i].want.fria_id));
		assert_true(str_eq(have.fria_id, rows[i].want.fria_id));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authorize__reads_what_callers_declare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
