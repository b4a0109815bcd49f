/* SPDX-License-Identifier: Apache-2.0 */
/* Schema texts. Each row was taken or refused alike by the official engine, release 4.10.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway_case.h"

static const struct {
	const char *text;
	bool is_good;
} rows[] = {
	{"", true},
	{"entity A;", true},
	{"namespace __cedarx { entity A; }", true},
	{"namespace A::__cedar { entity A; }", false},
	{"namespace __cedar::A { entity A; }", false},
	{"entity __cedar;", false},
	{"entity __cedarA;", true},
	{"type Action = Long; entity E = {a: Action}; action x;", true},
	{"namespace N { entity E = {a: Action}; action x; } type Action = Long;", true},
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

/* Each line of `says` is what one error begins with; all come from one load. */
static const struct {
	const char *text;
	const char *says[8];
} all_errors[] = {
	{"entity A in B;\nentity C = {x: Lng, y: Set<Stringx>};\naction a appliesTo {principal: "
	 "CC, "
	 "resource: Q::Zz};",
	 {"1:13 entity type `B` is not declared",
	  "2:16 type `Lng` is not declared; did you mean `Long`?",
	  "2:28 type `Stringx` is not declared; did you mean `String`?",
	  "3:32 entity type `CC` is not declared", "3:46 entity type `Q::Zz` is not declared"}},
	{"entity A = {x Long};\nentity B;\nentity ;\naction a = 1;\ntype T = {};",
	 {"1:15 expected", "3:8 expected", "4:10 expected"}},
	{"entity A = {x: Long}\nentity B;\ntype T {};\nentity C",
	 {"2:1 expected", "3:8 expected", "4:9 expected"}},
	{"namespace N {\n entity A = {type: };\n entity B = {x: {y: #}};\n action }\nentity C;\n]",
	 {"2:20 expected", "3:21 ", "4:9 expected", "6:1 expected"}},
	{"namespace N { entity A namespace M { entity B = {; } }\nentity C = {\"",
	 {"1:24 expected", "1:50 expected", "1:54 expected", "2:13 "}},
	{"entity A enum [];\nentity A2 in [A,];\ntype Bool = Long;\n@x @x entity B;\naction a "
	 "appliesTo {};\naction b appliesTo {principal: A, principal: A};",
	 {"1:16 expected", "2:17 expected", "3:6 `Bool` cannot name a type",
	  "4:5 annotation @x stands twice", "5:20 appliesTo needs", "6:20 appliesTo needs",
	  "6:35 `principal` stands twice"}},
	{"entity A; entity A; type T = Long; type T = Long; action a; action a; namespace N {}"
	 " namespace N {} entity Action;",
	 {"1:18 entity type `A` is declared twice", "1:41 type `T` is declared twice",
	  "1:68 action `a` is declared twice", "1:96 namespace `N` is declared twice",
	  "1:108 `Action` is reserved"}},
	{"entity A; type T = Long; action a; namespace N { entity A; type T = A; action a; }",
	 {"1:57 `N::A` hides the type `A`", "1:65 `N::T` hides the type `T`",
	  "1:79 action `a` hides the one outside of namespaces"}},
	{"type A = B; type B = {c: Set<C>}; type C = A;", {"1:44 type `A` is defined by itself"}},
	{"action a in b; action b in c; action c in [d, a]; action d; action e in e; action f in "
	 "a;",
	 {"1:38 action `c` is in a circle: it is below `a` and above it",
	  "1:68 action `e` is in a circle"}},
	{"action read in al; action all; namespace N { action x in [N::Action::\"rea\"]; }",
	 {"1:16 action group `al` is not declared; did you mean `all`?",
	  "1:59 action group `rea` is not declared; did you mean `read`?"}},
	{"entity U; action a appliesTo {principal: U, resource: U, context: Long};\ntype L = "
	 "String;"
	 " action b appliesTo {principal: U, resource: U, context: L};",
	 {"1:67 the context must be a record", "2:74 the context must be a record"}},
	{"namespace __cedar { entity A; }", {"1:11 `__cedar` is reserved"}},
	{"namespace App { entity User; entity Doc = {owner: Usr, tags: Set<App::Doc>}; }"
	 " entity X in User;",
	 {"1:51 type `Usr` is not declared; did you mean `User`?",
	  "1:92 entity type `User` is not declared"}},
};

static void load_all(const char *text, struct diags *all, struct diags *warnings,
		     struct schema **out)
{
	struct schema_source source = {
		.file = "s", .text = str_from_c(text), .all = all, .warnings = warnings};

	if (all != NULL)
		diags_init(all, 100);
	diags_init(warnings, 100);
	*out = NULL;
	if (schema_load_source(&source, out, NULL) == OK)
		assert_non_null(*out);
}

static void test_schema__lists_all_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all_errors); i++) {
		struct diags all, warnings;
		struct schema *schema;
		size_t count = 0;

		load_all(all_errors[i].text, &all, &warnings, &schema);
		assert_null(schema);
		while (count < ARRAY_LEN(all_errors[i].says) && all_errors[i].says[count] != NULL)
			count++;
		for (size_t k = 0; k < MAX(all.count, count); k++) {
			char text[500] = "";

			if (k < all.count)
				(void)snprintf(text, sizeof(text), "%u:%u %.400s",
					       all.items[k].line, all.items[k].column,
					       all.items[k].text);
			if (k >= count ||
			    !str_has_prefix(str_from_c(text), str_from_c(all_errors[i].says[k])))
				fail_msg("%s\n# got  %s\n# want %s", all_errors[i].text, text,
					 k < count ? all_errors[i].says[k] : "");
		}
		diags_fini(&all);
		diags_fini(&warnings);
	}
}

static void test_schema__warns_of_what_is_hardly_meant(void **state)
{
	static const char text[] = "entity Long;\nentity A = {\n  x: Bool,\n  x: String };\n"
				   "type A = String;\nnamespace N { type ipaddr = String; }";
	static const char *const wants[] = {
		"1:8 `Long` hides the built-in type", "4:3 attribute `x` stands twice",
		"5:6 type `A` hides the entity type", "6:20 `ipaddr` hides the built-in type"};
	struct diags warnings;
	struct schema *schema;
	char got[500];

	(void)state;
	load_all(text, NULL, &warnings, &schema);
	assert_int_equal(warnings.count, ARRAY_LEN(wants));
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		(void)snprintf(got, sizeof(got), "%u:%u %.400s", warnings.items[i].line,
			       warnings.items[i].column, warnings.items[i].text);
		if (!str_has_prefix(str_from_c(got), str_from_c(wants[i])))
			fail_msg("got %s, want %s", got, wants[i]);
	}
	diags_fini(&warnings);
	schema_free(schema);
}

static void test_schema__stops_when_the_list_is_full(void **state)
{
	struct schema_source source = {.file = "s"};
	struct schema *schema = NULL;
	struct diags all;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(buf_append(&text, STR("entity 1;\n")), OK);
	source.text = buf_str(&text);
	source.all = &all;
	diags_init(&all, 10);
	assert_int_equal(schema_load_source(&source, &schema, NULL), ERR_MALFORMED);
	assert_int_equal(all.count, 10);
	diags_fini(&all);
	buf_fini(&text);
}

static void test_schema__names_its_limits(void **state)
{
	struct schema *schema = NULL;
	struct diag diag;
	struct buf text;

	(void)state;
	buf_init(&text, SCHEMA_TEXT_BYTES + 1);
	for (size_t i = 0; i < 600; i++)
		assert_int_equal(buf_printf(&text, "type T%zu = T%zu;\n", i, i + 1), OK);
	assert_int_equal(buf_append(&text, STR("type T600 = Long;")), OK);
	assert_int_equal(schema_load("s", buf_str(&text), &schema, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "512"));
	buf_reset(&text);
	assert_int_equal(buf_append(&text, STR("entity A = {")), OK);
	for (size_t i = 0; i < 10001; i++)
		assert_int_equal(buf_printf(&text, "a%zu: Long,", i), OK);
	assert_int_equal(buf_append(&text, STR("};")), OK);
	assert_int_equal(schema_load("s", buf_str(&text), &schema, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "10000"));
	buf_reset(&text);
	while (text.len < SCHEMA_TEXT_BYTES + 1)
		assert_int_equal(buf_append_byte(&text, ' '), OK);
	assert_int_equal(schema_load("s", buf_str(&text), &schema, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "16777216"));
	text.len--;
	assert_int_equal(schema_load("s", buf_str(&text), &schema, &diag), OK);
	schema_free(schema);
	buf_fini(&text);
}

static void test_schema__knows_text_from_json(void **state)
{
	(void)state;
	assert_int_equal(schema_format_of(STR("")), SCHEMA_FORMAT_TEXT);
	assert_int_equal(schema_format_of(STR(" \t\r\n")), SCHEMA_FORMAT_TEXT);
	assert_int_equal(schema_format_of(STR("entity A;")), SCHEMA_FORMAT_TEXT);
	assert_int_equal(schema_format_of(STR(" \n{}")), SCHEMA_FORMAT_JSON);
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
		cmocka_unit_test(test_schema__lists_all_errors),
		cmocka_unit_test(test_schema__warns_of_what_is_hardly_meant),
		cmocka_unit_test(test_schema__stops_when_the_list_is_full),
		cmocka_unit_test(test_schema__names_its_limits),
		cmocka_unit_test(test_schema__knows_text_from_json),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
