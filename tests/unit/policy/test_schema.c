/* SPDX-License-Identifier: Apache-2.0 */
/* Schema texts. Each row was taken or refused alike by the official engine, release 4.10.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gateway_case.h"

static const struct {
	const char *text;
	bool is_good;
} rows[] = {
	{"", true},
	{"entity A;", true},
	{"entity A", false},
	{"entity A = {x: Action}; action a;", true},
	{"namespace N { entity A = {x: Action}; }", false},
	{"namespace N { entity A = {x: Action}; action a; }", true},
	{"namespace N { entity A; action a; } entity B = {x: N::Action};", true},
	{"namespace N { entity A; } entity B = {x: N::Action};", false},
	{"namespace N { entity A tags Set<Action>; action a; }", true},
	{"namespace N { type T = Action; action a; }", true},
	{"action a; namespace N { entity A = {x: Action}; }", true},
	{"action a; entity A = {x: __cedar::Action};", false},
	{"entity A in [Action]; action a;", false},
	{"namespace N { action a appliesTo {principal: Action, resource: Action}; }", false},
	{"entity A, B;", true},
	{"entity A in B;", false},
	{"entity A in [B]; entity B;", true},
	{"entity A in [B,]; entity B;", false},
	{"entity A in []; ", true},
	{"entity A {};", true},
	{"entity A = {};", true},
	{"entity A = {a: Long};", true},
	{"entity A = {a: Long,};", true},
	{"entity A = {a?: Long, \"b c\": String};", true},
	{"entity A = {a: Set<Long>};", true},
	{"entity A = {a: Set};", false},
	{"entity A = {a: Set<>};", false},
	{"entity A = {a: B};", false},
	{"type B = Long; entity A = {a: B};", true},
	{"type B = B;", false},
	{"type B = C; type C = B;", false},
	{"type B = Set<B>;", false},
	{"type Long = String;", false},
	{"type ipaddr = String; entity A = {a: ipaddr};", true},
	{"entity Long; entity A = {a: Long};", true},
	{"entity A = R; type R = {};", false},
	{"entity A tags String;", true},
	{"entity A = {} tags Set<String>;", true},
	{"entity A enum [\"a\",\"b\"];", true},
	{"entity A enum [\"a\",];", false},
	{"entity A enum [];", false},
	{"entity A enum [\"a\"] tags String;", false},
	{"entity A in [B] enum [\"a\"]; entity B;", false},
	{"entity B in [A]; entity A enum [\"x\"];", true},
	{"entity A = {a: Boolean};", false},
	{"entity A = {a: __cedar::Long};", true},
	{"entity A = {a: __cedar::Foo};", false},
	{"entity A = {if: Long};", false},
	{"entity if;", false},
	{"entity A = {__cedar: Long};", true},
	{"entity __cedar;", false},
	{"entity Action;", false},
	{"namespace N {}", true},
	{"namespace N { entity A; }", true},
	{"namespace N {} namespace N {}", false},
	{"namespace N { namespace M {} }", false},
	{"namespace A::B { entity C in [D]; entity D; }", true},
	{"namespace N; ", false},
	{"namespace __cedar {}", false},
	{"entity A; entity A;", false},
	{"type T = Long; type T = Long;", false},
	{"action a; action a;", false},
	{"action a, a;", false},
	{"action a in b;", false},
	{"action a in [b]; action b;", true},
	{"action a in [\"b\"]; action \"b\";", true},
	{"action \"x y\";", true},
	{"action a in [Action::\"b\"]; action b;", true},
	{"action a in [Action\"b\"]; action b;", false},
	{"action a in [A::b]; action \"A::b\";", false},
	{"namespace N { action a in [Action::\"b\"]; action b; }", true},
	{"namespace N { action a in [b]; } action b;", true},
	{"namespace N { action a in [N::Action::\"b\"]; action b; }", true},
	{"namespace N { action a in [Action::\"b\"]; } action b;", true},
	{"action a in [a];", false},
	{"action a in [b]; action b in [a];", false},
	{"action a in [b]; action b in [a]; action c; action d; action e; action f; action g;",
	 false},
	{"entity U; action a appliesTo {principal: U, resource: U};", true},
	{"entity U; action a appliesTo {principal: [U], resource: [U], context: {}};", true},
	{"entity U; action a appliesTo {principal: [U], resource: [U], context: {},};", true},
	{"entity U; action a appliesTo {principal: [], resource: [U]};", false},
	{"entity U; action a appliesTo {principal: [U]};", false},
	{"entity U; action a appliesTo {};", false},
	{"entity U; action a appliesTo {context: {}};", false},
	{"entity U; action a appliesTo {principal: V, resource: U};", false},
	{"entity U; type C = {a: Long}; action a appliesTo {principal: U, resource: U, context: "
	 "C};",
	 true},
	{"entity U; type C = Long; action a appliesTo {principal: U, resource: U, context: C};",
	 false},
	{"entity U; action a appliesTo {principal: U, resource: U, context: Set<Long>};", false},
	{"entity U; action a appliesTo {principal: U, principal: U, resource: U};", false},
	{"entity U; action a appliesTo {principal: U, resource: U} attributes {};", true},
	{"entity U = {a: U};", true},
	{"entity U; entity A = {a: Action};", false},
	{"entity U; action x appliesTo {principal: Action, resource: U};", false},
	{"entity T in [T];", true},
	{"type A = Long; entity A; entity B = {a: A};", true},
	{"entity A = {a: Long, a: String};", true},
	{"@doc(\"x\") entity A;", true},
	{"@doc entity A;", true},
	{"@doc(\"x\") @doc(\"y\") entity A;", false},
	{"@doc(\"x\") namespace N { @d entity A = {@e a: Long}; }", true},
	{"@doc(\"x\")", false},
	{"entity A; // c", true},
	{"/* c */ entity A;", false},
	{"entity A = {a: Long} ;;", false},
	{"Entity A;", false},
	{"entity A = {a Long};", false},
	{"entity A in [A, B::C]; namespace B { entity C; }", true},
	{"namespace N { entity A = {b: B}; } entity B;", true},
	{"namespace N { entity B; entity A = {b: B}; } entity B;", false},
	{"namespace N { type T = Long; } entity A = {b: N::T};", true},
	{"namespace N { type T = Long; } entity A = {b: T};", false},
	{"action in;", false},
	{"action in in [a]; action a;", false},
	{"action a appliesTo in b;", false},
	{"entity in;", false},
	{"type in = Long;", false},
	{"type if = Long;", false},
	{"entity A = {a: {b: {c: Long}}};", true},
	{"entity A = {a: {b: {c: Nope}}};", false},
	{"namespace N { entity A = {x: M::B}; } namespace M { entity B; }", true},
	{"namespace A::B { entity C; } namespace A { entity D = {x: B::C}; }", false},
	{"entity A = {\"\": Long};", true},
	{"action \"\";", true},
	{"entity A enum [\"\"];", true},
	{"entity A enum [\"a\",\"a\"];", true},
	{"namespace N { type String2 = String; entity String; entity X = {a: String}; }", true},
	{"action a in [];", false},
	{"action principal, action, context;", true},
	{"type T = {a: Long}; entity A = {t: T}; entity B in A;", true},
	{"entity A in T; type T = Long;", false},
	{"entity A = { a: decimal, b: ipaddr, c: datetime, d: duration };", true},
	{"namespace N { entity E; } namespace M { entity E; action a appliesTo {principal: N::E, "
	 "resource: E}; }",
	 true},
	{"namespace N { type T = Long; } type T = Long;", false},
	{"namespace N { entity T; } entity T;", false},
	{"namespace N { action x; } action x;", false},
	{"entity Bool;", true},
	{"entity Set;", true},
	{"type Foo = Set<Set<Set<Long>>>;", true},
	{"entity A = Long;", false},
	{"entity A {a: Long} {b: Long};", false},
	{"entity A tags {a: Long};", true},
	{"entity A tags Set<B>;", false},
	{"entity A in [A] in [A];", false},
	{"type T = ;", false},
	{"namespace N { @x }", false},
	{"entity A in [\"B\"];", false},
	{"action a in [b,]; action b;", false},
	{"entity U; action a appliesTo {principal: [U,], resource: U};", false},
	{"entity U; action a attributes {a: 1};", false},
	{"entity U; action a attributes {};", true},
	{"entity U; action a attributes {a: Long};", false},
	{"entity A = {true: Long};", false},
	{"entity A = {in: Long};", false},
	{"entity A = {\"if\": Long};", true},
	{"action \"if\";", true},
	{"action if;", false},
	{"entity A = {\"__cedar\": Long};", true},
	{"entity A = {is?: Long};", false},
	{"namespace N { entity T; } type T = Long;", false},
	{"namespace N { type T = Long; } entity T;", false},
	{"namespace N { entity Long; }", true},
	{"namespace N { type ipaddr = Long; }", true},
	{"action like;", false},
	{"action a in [\"if\"]; action \"if\";", true},
	{"action a in [if]; action \"if\";", false},
	{"action __cedar;", true},
	{"action \"__cedar\";", true},
	{"entity A = {principal: Long};", true},
	{"type T = Set<T>;", false},
	{"namespace N { type A = A; } ", false},
	{"namespace N { type A = Long; type B = A; entity A; }", true},
	{"entity A = { a: N::A }; namespace N { entity A; }", false},
	{"namespace N::M { entity A; } namespace N { entity A; }", true},
	{"namespace N::M { action x; } namespace N { action x; }", true},
	{"@doc(\"\\q\") entity A;", false},
	{"entity A enum [\"\\q\"];", false},
	{"@if entity A;", true},
	{"entity A; action a appliesTo { principal: A, resource: A, context: {a: Long,}, };", true},
	{"entity A in A; type A = Long;", true},
	{"action a in Action::\"b\"; action b;", true},
	{"action a in b; namespace N { action b; }", false},
	{"entity U; action a appliesTo {principal: A::B, resource: U}; namespace A { entity B; }",
	 true},
};

static void test_schema__takes_and_refuses_as_the_official_parser(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct schema *schema = NULL;
		struct diag diag = {.text = ""};
		enum err err = schema_load("row", str_from_c(rows[i].text), &schema, &diag);

		if ((err == OK) != rows[i].is_good)
			print_message("# %s: %s\n", rows[i].text, diag.text);
		assert_int_equal(err == OK, rows[i].is_good);
		schema_free(schema);
	}
}

static void test_schema__resolves_names_and_groups(void **state)
{
	struct schema *schema;
	struct diag diag;
	struct uid invoke = uid_make(STR("Inference::Action"), STR("Invoke"));
	const struct schema_entity *model;
	const struct schema_action *action;

	(void)state;
	assert_int_equal(schema_load("gateway", str_from_c(gateway_case_schema), &schema, &diag),
			 OK);
	assert_int_equal(schema_action_count(schema), 14);
	action = schema_find_action(schema, &invoke);
	assert_non_null(action);
	assert_int_equal(action->group_count, 1);
	assert_true(str_eq(action->groups[0]->type, STR("Inference::Action")));
	assert_true(str_eq(action->groups[0]->id, STR("use")));
	assert_int_equal(schema_real_type(action->context)->kind, SCHEMA_RECORD);
	model = schema_find_entity(schema, STR("Inference::Model"));
	assert_non_null(model);
	assert_true(str_eq(model->parents[0], STR("Inference::ModelGroup")));
	assert_null(schema_find_entity(schema, STR("Model")));
	schema_free(schema);
}

static void test_schema__says_where(void **state)
{
	struct schema *schema = NULL;
	struct diag diag;

	(void)state;
	assert_int_equal(
		schema_load("s", STR("entity A;\nentity B = {\n  a: Nope };"), &schema, &diag),
		ERR_MALFORMED);
	assert_null(schema);
	assert_int_equal(diag.line, 3);
	assert_int_equal(diag.column, 6);
	assert_non_null(strstr(diag.text, "Nope"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema__takes_and_refuses_as_the_official_parser),
		cmocka_unit_test(test_schema__resolves_names_and_groups),
		cmocka_unit_test(test_schema__says_where),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
