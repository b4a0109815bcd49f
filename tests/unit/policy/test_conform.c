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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_conform__takes_the_gateways_request, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_conform__refuses_what_the_action_does_not_apply_to, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conform__wants_the_exact_context, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_conform__takes_declared_principals, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_conform__refuses_undeclared_entities, setup,
						teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
