/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and entities built from C against the schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway_case.h"
#include "policy/conform.h"

struct fixture {
	struct arena arena;
	struct schema *schema;
	struct uid principal, action, resource;
	struct policy_request request;
	struct value values[FIELD_COUNT];
	const struct value_shape *shape;
};

static int setup(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));
	struct diag diag;

	arena_init(&f->arena, 8192, 1 << 20);
	assert_int_equal(schema_load("s", str_from_c(gateway_case_schema), &f->schema, &diag), OK);
	f->principal = uid_make(STR("Inference::User"), STR("ana"));
	f->action = uid_make(STR("Inference::Action"), STR("Invoke"));
	f->resource = uid_make(STR("Inference::Model"), STR("gpt-x"));
	f->shape = gateway_case_shape(&f->arena);
	gateway_case_values(&f->arena, f->values);
	f->request = (struct policy_request){
		.principal = &f->principal,
		.action = &f->action,
		.resource = &f->resource,
		.context = value_shape_record(f->shape, &f->arena, f->values)};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	schema_free(f->schema);
	arena_fini(&f->arena);
	free(f);
	return 0;
}

static void test_conform__takes_the_gateways_request(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(conform_request(f->schema, &f->request, NULL), OK);
	f->values[FIELD_FRIA_ID] = value_string(&f->arena, STR("x"));
	f->request.context = value_shape_record(f->shape, &f->arena, f->values);
	assert_int_equal(conform_request(f->schema, &f->request, NULL), OK);
}

static void test_conform__refuses_what_the_action_does_not_apply_to(void **state)
{
	struct fixture *f = *state;
	struct diag diag;

	f->action = uid_make(STR("Inference::Action"), STR("Nope"));
	assert_int_equal(conform_request(f->schema, &f->request, &diag), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "Nope"));
	f->action = uid_make(STR("Inference::Action"), STR("CallTool"));
	assert_int_equal(conform_request(f->schema, &f->request, &diag), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "resource"));
	f->action = uid_make(STR("Inference::Action"), STR("Invoke"));
	f->principal = uid_make(STR("Inference::Model"), STR("gpt-x"));
	assert_int_equal(conform_request(f->schema, &f->request, &diag), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "principal"));
}

static void test_conform__wants_the_exact_context(void **state)
{
	struct fixture *f = *state;
	struct value good = f->values[FIELD_STREAM];

	f->values[FIELD_STREAM] = value_long(1);
	f->request.context = value_shape_record(f->shape, &f->arena, f->values);
	assert_int_equal(conform_request(f->schema, &f->request, NULL), ERR_MALFORMED);
	f->values[FIELD_STREAM] = value_none();
	f->request.context = value_shape_record(f->shape, &f->arena, f->values);
	assert_int_equal(conform_request(f->schema, &f->request, NULL), ERR_MALFORMED);
	f->values[FIELD_STREAM] = good;
	f->request.context = value_none();
	assert_int_equal(conform_request(f->schema, &f->request, NULL), ERR_MALFORMED);
	f->request.context = value_shape_record(f->shape, &f->arena, f->values);
	f->action = uid_make(STR("Inference::Action"), STR("ListModels"));
	assert_int_equal(conform_request(f->schema, &f->request, NULL), ERR_MALFORMED);
}

static void test_conform__takes_declared_principals(void **state)
{
	struct fixture *f = *state;
	const struct entity *ana = gateway_case_principal(&f->arena, "ana");
	const struct entity *etl = gateway_case_principal(&f->arena, "etl");

	assert_int_equal(conform_entity(f->schema, ana, NULL), OK);
	assert_int_equal(conform_entity(f->schema, etl, NULL), OK);
}

static void test_conform__refuses_undeclared_entities(void **state)
{
	struct fixture *f = *state;
	const struct entity *ana = gateway_case_principal(&f->arena, "ana");
	struct uid wrong = uid_make(STR("Inference::Provider"), STR("p"));
	struct uid unknown = uid_make(STR("Nope"), STR("p"));
	const struct uid *parents[] = {&wrong};
	struct value attrs = {.kind = VALUE_RECORD, .record = ana->attrs};
	struct text key = text_make(STR("k"));
	struct value one = value_long(1);
	struct value tags = value_record(&f->arena, &key, &one, 1);
	const struct entity *entity;

	entity = entity_new(&f->arena, &ana->uid, attrs, value_none(), parents, 1);
	assert_int_equal(conform_entity(f->schema, entity, NULL), ERR_MALFORMED);
	entity = entity_new(&f->arena, &ana->uid, attrs, tags, NULL, 0);
	assert_int_equal(conform_entity(f->schema, entity, NULL), ERR_MALFORMED);
	entity = entity_new(&f->arena, &ana->uid, value_none(), value_none(), NULL, 0);
	assert_int_equal(conform_entity(f->schema, entity, NULL), ERR_MALFORMED);
	entity = entity_new(&f->arena, &unknown, value_none(), value_none(), NULL, 0);
	assert_int_equal(conform_entity(f->schema, entity, NULL), ERR_MALFORMED);
	entity = entity_new(&f->arena, &f->action, value_none(), value_none(), parents, 1);
	assert_int_equal(conform_entity(f->schema, entity, NULL), ERR_MALFORMED);
	entity = entity_new(&f->arena, &f->action, value_none(), value_none(), NULL, 0);
	assert_int_equal(conform_entity(f->schema, entity, NULL), OK);
}

static const char small_schema[] =
	"entity U; entity E enum [\"x\", \"y\"]; entity T tags Set<E>;"
	"action a, b appliesTo {principal: [U, E], resource: U, context: {n: Long, e?: E,"
	" us?: Set<U>, es?: Set<E>, act?: Action, r?: {s: String, d?: decimal}, ss?: "
	"Set<String>}};";

/* One field of the context beside n. */
static void expect_context(const struct schema *schema, const char *name, struct value value,
			   const char *says)
{
	const struct uid principal = uid_make(STR("E"), STR("x"));
	const struct uid action = uid_make(STR("Action"), STR("a"));
	const struct uid resource = uid_make(STR("U"), STR("u"));
	struct text keys[] = {text_make(STR("n")), text_make(str_from_c(name))};
	struct value values[] = {value_long(1), value};
	struct arena arena;
	struct diag diag = {.text = ""};
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};

	arena_init(&arena, 1024, 1 << 16);
	request.context = value_record(&arena, keys, values, 2);
	assert_int_equal(conform_call(schema, schema_find_action(schema, &action), &request, &diag),
			 says == NULL ? OK : ERR_MALFORMED);
	if (says != NULL && strstr(diag.text, says) == NULL)
		fail_msg("%s: %s, not %s", name, diag.text, says);
	assert_int_equal(conform_request(schema, &request, NULL),
			 says == NULL ? OK : ERR_MALFORMED);
	arena_fini(&arena);
}

static void test_conform__names_the_attribute_that_is_wrong(void **state)
{
	struct fixture *f = *state;
	struct uid x = uid_make(STR("E"), STR("x"));
	struct uid z = uid_make(STR("E"), STR("z"));
	struct uid u = uid_make(STR("U"), STR("u"));
	struct uid act = uid_make(STR("Action"), STR("b"));
	struct uid nope = uid_make(STR("Action"), STR("nope"));
	struct value one[] = {value_entity(&u)};
	struct value mixed[] = {value_entity(&u), value_entity(&x)};
	struct value strings[] = {value_string(&f->arena, STR("a")), value_long(1)};
	struct text keys[] = {text_make(STR("s")), text_make(STR("d")), text_make(STR("more"))};
	struct value fields[] = {strings[0], value_none(), value_long(1)};
	struct schema *schema;
	struct diag diag;

	assert_int_equal(schema_load("s", str_from_c(small_schema), &schema, &diag), OK);
	expect_context(schema, "e", value_none(), NULL);
	expect_context(schema, "e", value_entity(&x), NULL);
	expect_context(schema, "e", value_entity(&z), "`e` of the context of Action::\"a\"");
	expect_context(schema, "e", value_entity(&u), "declared type E");
	expect_context(schema, "e", value_long(1), "`e`");
	expect_context(schema, "us", value_set(&f->arena, one, 1), NULL);
	expect_context(schema, "us", value_set(&f->arena, mixed, 2), "declared type Set<U>");
	expect_context(schema, "es", value_set(&f->arena, one, 1), "`es`");
	expect_context(schema, "es", value_set(&f->arena, one, 0), NULL);
	expect_context(schema, "ss", value_set(&f->arena, strings, 1), NULL);
	expect_context(schema, "ss", value_set(&f->arena, strings, 2), "`ss`");
	expect_context(schema, "ss", value_string(&f->arena, STR("a")), "`ss`");
	expect_context(schema, "act", value_entity(&act), NULL);
	expect_context(schema, "act", value_entity(&nope), "`act`");
	expect_context(schema, "act", value_entity(&u), "`act`");
	expect_context(schema, "r", value_record(&f->arena, keys, fields, 2), NULL);
	expect_context(schema, "r", value_record(&f->arena, keys, fields, 3), "`r`");
	expect_context(schema, "r", value_record(&f->arena, keys + 1, fields + 1, 1), "`r`");
	expect_context(schema, "r", value_long(1), "`r`");
	expect_context(schema, "n", value_string(&f->arena, STR("1")), "`n`");
	expect_context(schema, "n", value_datetime_ms(1), "declared type Long");
	expect_context(schema, "extra", value_long(1), "attributes that are not declared");
	schema_free(schema);
}

static void test_conform__knows_enums_and_tags(void **state)
{
	struct fixture *f = *state;
	struct uid z = uid_make(STR("E"), STR("z"));
	struct uid x = uid_make(STR("E"), STR("x"));
	struct uid t = uid_make(STR("T"), STR("t"));
	struct uid u = uid_make(STR("U"), STR("u"));
	struct uid action = uid_make(STR("Action"), STR("a"));
	struct policy_request request = {.principal = &z, .action = &action, .resource = &u};
	struct value ids[] = {value_entity(&x)};
	struct text key = text_make(STR("k"));
	struct value good = value_set(&f->arena, ids, 1);
	struct value bad = value_entity(&x);
	struct schema *schema;
	struct diag diag;

	assert_int_equal(schema_load("s", str_from_c(small_schema), &schema, &diag), OK);
	assert_int_equal(conform_request(schema, &request, &diag), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "principal E::\"z\" is not one of its enum's ids"));
	request.principal = &x;
	assert_int_equal(conform_request(schema, &request, &diag), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "lacks the attribute `n`"));
	assert_int_equal(
		conform_entity(schema,
			       entity_new(&f->arena, &z, value_none(), value_none(), NULL, 0),
			       &diag),
		ERR_MALFORMED);
	assert_int_equal(
		conform_entity(schema,
			       entity_new(&f->arena, &t, value_none(),
					  value_record(&f->arena, &key, &good, 1), NULL, 0),
			       &diag),
		OK);
	assert_int_equal(conform_entity(schema,
					entity_new(&f->arena, &t, value_none(),
						   value_record(&f->arena, &key, &bad, 1), NULL, 0),
					&diag),
			 ERR_MALFORMED);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_conform__takes_the_gateways_request, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_conform__refuses_what_the_action_does_not_apply_to, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conform__wants_the_exact_context, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_conform__names_the_attribute_that_is_wrong,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_conform__knows_enums_and_tags, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_conform__takes_declared_principals, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_conform__refuses_undeclared_entities, setup,
						teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
