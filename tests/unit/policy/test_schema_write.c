/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas written as text and as JSON. The law: reading what was written gives the same schema, so
 * that writing it again gives the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway_case.h"
#include "policy/schema_json_write.h"
#include "policy/schema_text_write.h"

#define MAX_BYTES (1 << 20)

static struct schema *load(struct str text)
{
	struct schema_source source = {.file = "s", .text = text};
	struct schema *schema = NULL;
	struct diag diag = {.text = ""};

	source.format = schema_format_of(text);
	if (schema_load_source(&source, &schema, &diag) != OK)
		print_message("# %u:%u %s\n" STR_FMT "\n", diag.line, diag.column, diag.text,
			      STR_ARG(text));
	assert_non_null(schema);
	return schema;
}

static void write_json(struct buf *out, const struct schema *schema)
{
	buf_init(out, MAX_BYTES);
	assert_int_equal(schema_json_write(out, schema), OK);
}

static void write_text(struct buf *out, const struct schema *schema)
{
	struct diag diag = {.text = ""};

	buf_init(out, MAX_BYTES);
	if (schema_text_write(out, schema, &diag) != OK)
		print_message("# %s\n", diag.text);
	assert_string_equal(diag.text, "");
}

/* text -> JSON -> text -> JSON: both JSONs are one, and so are both texts. */
static void check_law(const char *text)
{
	struct buf json[2], cedar[2];
	struct schema *schemas[4];

	schemas[0] = load(str_from_c(text));
	write_json(&json[0], schemas[0]);
	schemas[1] = load(buf_str(&json[0]));
	write_text(&cedar[0], schemas[1]);
	schemas[2] = load(buf_str(&cedar[0]));
	write_json(&json[1], schemas[2]);
	schemas[3] = load(buf_str(&json[1]));
	write_text(&cedar[1], schemas[3]);
	if (!str_eq(buf_str(&json[0]), buf_str(&json[1])))
		print_message("# %s\n" STR_FMT STR_FMT, text, STR_ARG(buf_str(&json[0])),
			      STR_ARG(buf_str(&json[1])));
	assert_true(str_eq(buf_str(&json[0]), buf_str(&json[1])));
	assert_true(str_eq(buf_str(&cedar[0]), buf_str(&cedar[1])));
	for (size_t i = 0; i < 2; i++) {
		buf_fini(&json[i]);
		buf_fini(&cedar[i]);
	}
	for (size_t i = 0; i < 4; i++)
		schema_free(schemas[i]);
}

static void test_schema_write__reads_what_it_wrote(void **state)
{
	static const char *const texts[] = {
		"",
		"namespace N {}",
		"entity A;",
		"entity A, B in [A, B] = {a: Long, b?: String, \"c d\": Set<A>, \"\": Bool};",
		"entity A = {a: {b: {c: ipaddr}}} tags Set<{x?: decimal}>;",
		"entity E enum [\"a\", \"b\\n\\\"\\\\\\u{7f}\\0\", \"\xc3\xa4\"];",
		"@doc(\"d\") @x namespace N { @e(\"1\") entity A = {@a a: Long}; @t type T = A;"
		"@c(\"z\\n\") action a, \"b c\" in [g, N::Action::\"h\"]; action g, h; }",
		"action a; action \"if\" in [a, \"b\"]; action b;",
		"entity U; type C = {x: Long}; action a appliesTo {principal: [U], resource: U, "
		"context: C};",
		"entity U; action a appliesTo {principal: [U, U], resource: U, context: {x?: U}};",
		"entity Long; entity A = {a: __cedar::Long, b: Long};",
		"type ipaddr = String; entity A = {a: __cedar::ipaddr, b: ipaddr};",
		"namespace N { entity String; entity A = {a: String, b: __cedar::String}; }",
		"namespace N { entity A; type T = Set<A>; } entity B in [N::A] = {a: N::A, t: "
		"N::T};",
		"entity G; type T = Long; action g; namespace N { entity A in [G] = {g: G, t: T};"
		"action a in [g]; }",
		"namespace A { entity X; } namespace A::B { entity X; entity Y in [X, A::X] ="
		" {x: X, a: A::X}; action a; } namespace C { action b in [A::B::Action::\"a\"]; }",
		"action a; entity A = {x: Action}; namespace N { action b; entity B = {x: Action,"
		" y: Set<Action>}; } namespace M { entity C = {x: N::Action, y: Action}; }",
		"type EntityOrCommon = Long; entity A = {a: EntityOrCommon};",
		"type A = B; type B = {b: C}; type C = Set<Bool>; entity E = {a: A, b: B};",
		"entity T; type U = T; namespace N { type V = U; } entity X = {t: U, v: N::V};",
		"entity A = {\"__cedar\": Long, \"in\": Long, entity: Long, type: "
		"Long};",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check_law(texts[i]);
	check_law(gateway_case_schema);
}

static void test_schema_write__lays_text_out(void **state)
{
	static const char text[] = "type T = {\n"
				   "  a: Long,\n"
				   "  @doc(\"why\")\n"
				   "  b?: Set<String>,\n"
				   "};\n"
				   "entity A, B in G = {\n"
				   "  t: T,\n"
				   "  \"x y\": {},\n"
				   "} tags String;\n"
				   "entity G enum [\"one\", \"two\"];\n"
				   "action a, \"b c\" in g appliesTo {\n"
				   "  principal: [A, B],\n"
				   "  resource: G,\n"
				   "  context: T,\n"
				   "};\n"
				   "action g;\n"
				   "@doc(\"d\")\n"
				   "namespace N {\n"
				   "  entity C in A;\n"
				   "}\n";
	struct schema *schema = load(str_from_c(text));
	struct buf out;

	(void)state;
	write_text(&out, schema);
	if (!str_eq(buf_str(&out), str_from_c(text)))
		print_message(STR_FMT, STR_ARG(buf_str(&out)));
	assert_true(str_eq(buf_str(&out), str_from_c(text)));
	buf_fini(&out);
	schema_free(schema);
}

static void test_schema_write__says_what_text_cannot(void **state)
{
	static const struct {
		const char *json, *says;
	} rows[] = {
		{"{\"\":{\"commonTypes\":{\"C\":{\"type\":\"Record\",\"attributes\":{}}},"
		 "\"actions\":{},"
		 "\"entityTypes\":{\"E\":{\"shape\":{\"type\":\"C\"}}}}}",
		 "`E` has a common type as its shape"},
		{"{\"\":{\"commonTypes\":{\"E\":{\"type\":\"Long\"}},\"actions\":{},"
		 "\"entityTypes\":{"
		 "\"E\":{\"tags\":{\"type\":\"Entity\",\"name\":\"E\"}}}}}",
		 "`E` is hidden"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct schema *schema = load(str_from_c(rows[i].json));
		struct diag diag = {.text = ""};
		struct buf out, json;

		buf_init(&out, MAX_BYTES);
		assert_int_equal(schema_text_write(&out, schema, &diag), ERR_UNSUPPORTED);
		assert_non_null(strstr(diag.text, rows[i].says));
		assert_int_equal(schema_text_write(&out, schema, NULL), ERR_UNSUPPORTED);
		buf_fini(&out);
		write_json(&json, schema);
		schema_free(load(buf_str(&json)));
		buf_fini(&json);
		schema_free(schema);
	}
}

static void test_schema_write__leaves_out_an_action_that_applies_to_nothing(void **state)
{
	struct schema *schema =
		load(STR("{\"\":{\"entityTypes\":{\"E\":{}},\"actions\":{\"a\":{\"appliesTo\":"
			 "{\"principalTypes\":[\"E\"],\"resourceTypes\":[]}}}}}"));
	struct buf out;

	(void)state;
	write_text(&out, schema);
	assert_true(str_eq(buf_str(&out), STR("entity E;\naction a;\n")));
	buf_fini(&out);
	schema_free(schema);
}

static void test_schema_write__keeps_to_the_buffer(void **state)
{
	struct schema *schema = load(str_from_c(gateway_case_schema));
	struct buf whole, out;

	(void)state;
	write_text(&whole, schema);
	for (size_t max = 0; max < whole.len; max += 37) {
		buf_init(&out, max);
		assert_int_equal(schema_text_write(&out, schema, NULL), ERR_LIMIT);
		buf_fini(&out);
		buf_init(&out, max);
		assert_int_equal(schema_json_write(&out, schema), ERR_LIMIT);
		buf_fini(&out);
	}
	buf_fini(&whole);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_write__reads_what_it_wrote),
		cmocka_unit_test(test_schema_write__lays_text_out),
		cmocka_unit_test(test_schema_write__says_what_text_cannot),
		cmocka_unit_test(test_schema_write__leaves_out_an_action_that_applies_to_nothing),
		cmocka_unit_test(test_schema_write__keeps_to_the_buffer),
	};

	return cmocka_run_group_tests_name("schema_write", tests, NULL, NULL);
}
