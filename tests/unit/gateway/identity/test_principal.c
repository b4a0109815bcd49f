/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/identity/principal.h"

static const struct str roles[] = {STR("analyst"), STR("approver")};
static const struct str regions[] = {STR("eu"), STR("us")};

static struct principal draft_of(const struct attribute *attributes, size_t count)
{
	return (struct principal){
		.kind = PRINCIPAL_SERVICE,
		.method = PRINCIPAL_JWT,
		.id = STR("ci"),
		.bu = STR("risk"),
		.team = STR("fraud"),
		.project = STR(""),
		.key_id = STR("corp/k1"),
		.issuer = STR("https://idp.example"),
		.roles = {roles, ARRAY_LEN(roles)},
		.attributes = attributes,
		.attribute_count = count,
		.expires_ns = 77,
		.has_mfa = true,
	};
}

static void test_principal__is_a_deep_copy(void **state)
{
	char name[] = "clearance";
	char text[] = "high";
	struct attribute attributes[] = {
		{.name = {name, 9}, .type = ATTRIBUTE_STRING, .text = {text, 4}},
		{.name = STR("level"), .type = ATTRIBUTE_LONG, .number = -3},
		{.name = STR("intern"), .type = ATTRIBUTE_BOOL, .flag = true},
		{.name = STR("regions"), .type = ATTRIBUTE_SET, .set = {regions, 2}},
	};
	struct principal draft = draft_of(attributes, ARRAY_LEN(attributes));
	const struct principal *principal;

	(void)state;
	assert_int_equal(principal_new(&draft, NULL, &principal), OK);
	memset(name, 'x', sizeof(name));
	memset(text, 'x', sizeof(text));
	memset(attributes, 0, sizeof(attributes));
	assert_true(str_eq(principal->id, STR("ci")));
	assert_true(str_eq(principal->key_id, STR("corp/k1")));
	assert_true(principal->project.ptr != NULL);
	assert_true(str_list_has(principal->roles, STR("approver")));
	assert_false(str_list_has(principal->roles, STR("approve")));
	assert_int_equal(principal->groups.count, 0);
	assert_true(str_eq(principal_attribute(principal, STR("clearance"))->text, STR("high")));
	assert_int_equal(principal_attribute(principal, STR("level"))->number, -3);
	assert_true(principal_attribute(principal, STR("intern"))->flag);
	assert_true(str_list_has(principal_attribute(principal, STR("regions"))->set, STR("us")));
	assert_null(principal_attribute(principal, STR("region")));
	assert_true(principal->has_mfa);
	assert_int_equal(principal->expires_ns, 77);
	principal_unref(principal);
}

static void *attach(void *arg, const struct principal *principal)
{
	assert_true(str_eq(principal->bu, STR("risk")));
	(*(int *)arg)++;
	return arg;
}

static void detach(void *arg, void *attachment)
{
	assert_ptr_equal(arg, attachment);
	(*(int *)arg)--;
}

static void test_principal__carries_its_attachment_to_the_last_reference(void **state)
{
	struct principal draft = draft_of(NULL, 0);
	int alive = 0;
	const struct principal_ops ops = {attach, detach, &alive};
	const struct principal *principal;

	(void)state;
	assert_int_equal(principal_new(&draft, &ops, &principal), OK);
	assert_int_equal(alive, 1);
	assert_ptr_equal(principal->attachment, &alive);
	assert_ptr_equal(principal_ref(principal), principal);
	principal_unref(principal);
	assert_int_equal(alive, 1);
	principal_unref(principal);
	assert_int_equal(alive, 0);
	principal_unref(NULL);
}

static void test_principal__refuses_what_is_too_long(void **state)
{
	static char text[PRINCIPAL_TEXT + 1];
	static struct str many[PRINCIPAL_LIST + 1];
	struct principal draft = draft_of(NULL, 0);
	const struct principal *principal = NULL;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = STR("r");
	draft.bu = str_make(text, sizeof(text));
	assert_int_equal(principal_new(&draft, NULL, &principal), ERR_LIMIT);
	draft.bu.len--;
	draft.roles = (struct str_list){many, ARRAY_LEN(many)};
	assert_int_equal(principal_new(&draft, NULL, &principal), ERR_LIMIT);
	assert_null(principal);
	draft.roles.count--;
	assert_int_equal(principal_new(&draft, NULL, &principal), OK);
	principal_unref(principal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_principal__is_a_deep_copy),
		cmocka_unit_test(test_principal__carries_its_attachment_to_the_last_reference),
		cmocka_unit_test(test_principal__refuses_what_is_too_long),
	};

	return cmocka_run_group_tests_name("principal", tests, NULL, NULL);
}
