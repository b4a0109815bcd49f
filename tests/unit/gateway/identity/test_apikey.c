/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/identity/apikey.h"

struct made {
	char key[APIKEY_LEN + 1];
	char sha256[65];
};

static struct apikey_row row_of(const char *id, const char *name, const char *sha256)
{
	return (struct apikey_row){
		.id = str_from_c(id),
		.name = str_from_c(name),
		.sha256 = str_from_c(sha256),
		.kind = PRINCIPAL_SERVICE,
		.bu = STR("risk"),
		.team = STR("fraud"),
		.project = STR("p1"),
		.line = 3,
		.column = 5,
	};
}

static void test_apikey__is_found_by_its_secret_alone(void **state)
{
	struct made a, b;
	struct apikey_row rows[2];
	struct apikey_store *store;
	const struct principal *principal = NULL;

	(void)state;
	apikey_generate(a.key, a.sha256);
	apikey_generate(b.key, b.sha256);
	assert_int_equal(strlen(a.key), APIKEY_LEN);
	assert_string_not_equal(a.key, b.key);
	rows[0] = row_of("k1", "ci", a.sha256);
	rows[1] = row_of("k2", "ci", b.sha256);
	assert_int_equal(apikey_store_new(rows, 2, "keys.yaml", NULL, NULL, &store), OK);
	assert_int_equal(apikey_store_count(store), 2);
	assert_int_equal(apikey_store_find(store, str_from_c(b.key), 1, &principal), APIKEY_VALID);
	assert_true(str_eq(principal->key_id, STR("k2")));
	assert_true(str_eq(principal->id, STR("ci")));
	assert_int_equal(principal->kind, PRINCIPAL_SERVICE);
	assert_int_equal(principal->method, PRINCIPAL_API_KEY);
	assert_int_equal(principal->expires_ns, INT64_MAX);
	apikey_store_unref(store);
}

static void test_apikey__refuses_every_other_text(void **state)
{
	struct made a;
	struct apikey_row row;
	struct apikey_store *store;
	const struct principal *principal = NULL;
	char text[APIKEY_LEN + 2];

	(void)state;
	apikey_generate(a.key, a.sha256);
	row = row_of("k1", "ci", a.sha256);
	assert_int_equal(apikey_store_new(&row, 1, "keys.yaml", NULL, NULL, &store), OK);
	for (size_t i = 0; i < APIKEY_LEN; i++) {
		memcpy(text, a.key, sizeof(a.key));
		text[i] = text[i] == 'A' ? 'B' : 'A';
		assert_int_equal(
			apikey_store_find(store, str_make(text, APIKEY_LEN), 1, &principal),
			APIKEY_UNKNOWN);
		assert_int_equal(apikey_store_find(store, str_make(a.key, i), 1, &principal),
				 APIKEY_UNKNOWN);
	}
	(void)snprintf(text, sizeof(text), "%s=", a.key);
	assert_int_equal(apikey_store_find(store, str_from_c(text), 1, &principal), APIKEY_UNKNOWN);
	/* The stored digest is no credential. */
	assert_int_equal(apikey_store_find(store, str_from_c(a.sha256), 1, &principal),
			 APIKEY_UNKNOWN);
	assert_null(principal);
	apikey_store_unref(store);
}

static void test_apikey__knows_revoked_and_expired(void **state)
{
	struct made a, b;
	struct apikey_row rows[2];
	struct apikey_store *store;
	const struct principal *principal = NULL;

	(void)state;
	apikey_generate(a.key, a.sha256);
	apikey_generate(b.key, b.sha256);
	rows[0] = row_of("k1", "ci", a.sha256);
	rows[0].is_revoked = true;
	rows[1] = row_of("k2", "ci", b.sha256);
	rows[1].expires_ns = 1000;
	assert_int_equal(apikey_store_new(rows, 2, "keys.yaml", NULL, NULL, &store), OK);
	assert_int_equal(apikey_store_find(store, str_from_c(a.key), 1, &principal),
			 APIKEY_REVOKED);
	assert_int_equal(apikey_store_find(store, str_from_c(b.key), 999, &principal),
			 APIKEY_VALID);
	assert_int_equal(apikey_store_find(store, str_from_c(b.key), 1000, &principal),
			 APIKEY_EXPIRED);
	apikey_store_unref(store);
}

static void test_apikey__refuses_bad_rows_with_their_place(void **state)
{
	static const char good[] =
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	static const char other[] =
		"ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	const struct {
		const char *name;
		struct apikey_row rows[2];
	} cases[] = {
		{"no id", {row_of("a", "ci", other), row_of("", "ci", good)}},
		{"no name", {row_of("a", "ci", other), row_of("b", "", good)}},
		{"short digest", {row_of("a", "ci", other), row_of("b", "ci", "0011")}},
		{"id twice", {row_of("a", "ci", other), row_of("a", "ci", good)}},
		{"digest twice", {row_of("a", "ci", good), row_of("b", "ci", good)}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct apikey_store *store = NULL;
		struct diag diag = {0};

		printf("# %s\n", cases[i].name);
		assert_int_equal(
			apikey_store_new(cases[i].rows, 2, "keys.yaml", NULL, &diag, &store),
			ERR_MALFORMED);
		assert_null(store);
		assert_int_equal(diag.line, 3);
		assert_string_equal(diag.file, "keys.yaml");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apikey__is_found_by_its_secret_alone),
		cmocka_unit_test(test_apikey__refuses_every_other_text),
		cmocka_unit_test(test_apikey__knows_revoked_and_expired),
		cmocka_unit_test(test_apikey__refuses_bad_rows_with_their_place),
	};

	return cmocka_run_group_tests_name("apikey", tests, NULL, NULL);
}
