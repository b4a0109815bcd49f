/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are nearly right, names and strings that are not what they look like, and links. What
 * is refused and what is warned of was judged alike by the official build; the words are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/check.h"

static const char schema_text[] =
	"namespace App { entity User in Group = {clearance: Long, \"say_\xd2\xbb"
	"ello\"?: Long}; "
	"entity Group; entity Color enum [\"red\", \"green\"]; entity Doc;"
	"action read, write appliesTo {principal: User, resource: Doc, context: {purpose: String}};"
	"action paint appliesTo {principal: [User, Color], resource: Color}; }";

struct checked {
	struct schema *schema;
	struct policy_set *set;
	struct check_report report;
};

static void check(struct checked *c, const struct policy_source *sources, size_t count)
{
	struct policy_set_options options = {.takes_templates = true};
	struct diag diag = {.text = ""};
	enum err err;

	if (schema_load("s", str_from_c(schema_text), &c->schema, &diag) != OK ||
	    policy_set_load(sources, count, &options, &c->set, &diag) != OK)
		fail_msg("%s", diag.text);
	check_report_init(&c->report);
	err = check_policies(c->set, c->schema, &c->report);
	assert_int_equal(err, c->report.error_count == 0 ? OK : ERR_MALFORMED);
}

static void release(struct checked *c)
{
	check_report_fini(&c->report);
	policy_set_free(c->set);
	schema_free(c->schema);
}

/* The policy of that condition, or whole one, has exactly this finding (NULL: none). */
static void check_row(const char *text, bool is_warning, const char *says)
{
	struct policy_source source = {.file = "p.cedar", .text = str_from_c(text)};
	struct checked c;
	bool is_found = false;

	check(&c, &source, 1);
	for (size_t i = 0; i < c.report.count; i++) {
		const struct check_finding *finding = &c.report.findings[i];

		is_found |=
			says != NULL && finding->is_warning == is_warning &&
			memmem(finding->text.ptr, finding->text.len, says, strlen(says)) != NULL;
		if (says == NULL || !is_found)
			print_message("# %s: " STR_FMT "\n", text, STR_ARG(finding->text));
	}
	if (is_found != (says != NULL) || (says == NULL && c.report.count > 0))
		fail_msg("%s", text);
	release(&c);
}

static void test_check_names__suggests_what_was_meant(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"permit(principal is User, action, resource);",
		 "`User` is not in the schema; did you mean `App::User`?"},
		{"permit(principal is App::Usr, action, resource);", "did you mean `App::User`?"},
		{"permit(principal is App::Zebra, action, resource);",
		 "`App::Zebra` is not in the schema"},
		{"permit(principal, action == Action::\"read\", resource);",
		 "did you mean App::Action::\"read\"?"},
		{"permit(principal, action == App::Action::\"writee\", resource);",
		 "did you mean App::Action::\"write\"?"},
		{"permit(principal, action == App::Action::\"destroy\", resource);",
		 "App::Action::\"destroy\" is not in the schema"},
		{"permit(principal, action, resource == App::Color::\"gren\");",
		 "did you mean \"green\"?"},
		{"permit(principal, action, resource == App::Color::\"blue\");",
		 "App::Color::\"blue\" is not one of its enum's ids"},
		{"permit(principal is App::User, action, resource) when { principal.clearence > 1 "
		 "};",
		 "App::User has no attribute `clearence`; did you mean `clearance`?"},
		{"permit(principal, action == App::Action::\"read\", resource) when {"
		 " context.purpos == \"x\" };",
		 "did you mean `purpose`?"},
		{"permit(principal is App::User, action, resource) when { principal.zebra > 1 };",
		 "App::User has no attribute `zebra`"},
		{"permit(principal is App::User, action, resource) when { resource.zebra > 1 };",
		 "App::Doc has no attribute `zebra`"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(rows[i].text, false, rows[i].says);
}

static void test_check_names__warns_of_texts_that_mislead(void **state)
{
	static const struct {
		const char *condition, *says;
	} rows[] = {
		{"\"plain\" == \"text\" || true", NULL},
		{"\"Stra\xc3\x9f"
		 "e\" == \"\\n\\t\xe6\x9d\xb1\xe3\x81\xae\" || true",
		 NULL},
		{"\"say_\xd2\xbb"
		 "ello\" == \"x\" || true",
		 "the string mixes scripts: U+04BB"},
		{"\"a\\u{202e}b\" == \"x\" || true", "the string holds U+202E"},
		{"\"a\" like \"*\\u{2066}*\" || true", "the pattern holds U+2066"},
		{"\"a\" like \"a*\xd2\xbb*\" || true", "the pattern mixes scripts"},
		{"\"a\" like \"a*b*\" || true", NULL},
		{"principal has \"say_\xd2\xbb"
		 "ello\"",
		 "the name mixes scripts"},
		{"principal has \"say_\xd2\xbb"
		 "ello\" && principal[\"say_\xd2\xbb"
		 "ello\"] == 1",
		 "the name mixes scripts"},
		{"principal has \"is\xe2\x80\x8b"
		 "Admin\" || true",
		 "the name holds U+200B, which names are not made of"},
		{"principal has \"a\\0\" || true", "the name holds U+0000"},
		{"principal has \"a\\n\" || true", "the name holds U+000A"},
		{"principal has \"get /pets/{id}?a=b#c\" || true", NULL},
		{"principal has \"a\\u{202e}\" || true", "the name holds U+202E, which changes"},
		{"{\"\xf0\x9f\x8d\x8c\": 1} == {\"\xf0\x9f\x8d\x8c\": 2} || true",
		 "the name holds U+1F34C"},
		{"principal == App::User::\"b\xd0\xbe"
		 "b\" || true",
		 "the name mixes scripts"},
		{"principal in [App::Group::\"\xd0\xbf\xd1\x80\"] || true", NULL},
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(text, sizeof(text),
			       "permit(principal is App::User, action, resource) when { %s };",
			       rows[i].condition);
		check_row(text, true, rows[i].says);
	}
	check_row("permit(principal == App::User::\"b\xd0\xbe"
		  "b\", action, resource);",
		  true, "the name mixes scripts: U+043E");
}

static void test_check_names__judges_templates_and_links(void **state)
{
	static const struct {
		const char *template, *values;
		const char *says; /* NULL: nothing */
		bool is_warning;
	} rows[] = {
		{"permit(principal in ?principal, action, resource);",
		 "\"?principal\":{\"type\":\"App::Group\",\"id\":\"g\"}", NULL, false},
		{"permit(principal in ?principal, action, resource);",
		 "\"?principal\":{\"type\":\"App::User\",\"id\":\"u\"}", NULL, false},
		{"permit(principal in ?principal, action == App::Action::\"read\", resource);",
		 "\"?principal\":{\"type\":\"App::Doc\",\"id\":\"d\"}", "no action of the schema",
		 false},
		{"permit(principal in ?principal, action, resource);",
		 "\"?principal\":{\"type\":\"App::Groupx\",\"id\":\"g\"}",
		 "did you mean `App::Group`?", false},
		{"permit(principal, action, resource == ?resource);",
		 "\"?resource\":{\"type\":\"App::Color\",\"id\":\"blue\"}",
		 "App::Color::\"blue\" is not one of its enum's ids", true},
		{"permit(principal == ?principal, action, resource) when { principal.clearance > 1 "
		 "};",
		 "\"?principal\":{\"type\":\"App::User\",\"id\":\"u\"}",
		 "App::Color has no attribute `clearance`", false},
		{"permit(principal is App::User in ?principal, action, resource) when {"
		 " principal.clearance > 1 };",
		 "\"?principal\":{\"type\":\"App::Group\",\"id\":\"g\"}", NULL, false},
		{"permit(principal is App::User in ?principal, action, resource);",
		 "\"?principal\":{\"type\":\"App::Doc\",\"id\":\"g\"}", "no action of the schema",
		 false},
		{"permit(principal == ?principal, action, resource) when { false };",
		 "\"?principal\":{\"type\":\"App::User\",\"id\":\"u\"}", "is impossible", true},
		{"permit(principal == ?principal, action, resource) when { principal is App::User "
		 "};",
		 "\"?principal\":{\"type\":\"App::Color\",\"id\":\"red\"}", NULL, false},
	};
	char template[300], links[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_source sources[2] = {
			{.file = "t.cedar"}, {.file = "l.json", .format = POLICY_FORMAT_JSON}};
		struct checked c;

		(void)snprintf(template, sizeof(template), "@id(\"t\") %s", rows[i].template);
		(void)snprintf(links, sizeof(links),
			       "{\"staticPolicies\":{},\"templates\":{},\"templateLinks\":[{"
			       "\"templateId\":\"t\",\"newId\":\"l\",\"values\":{%s}}]}",
			       rows[i].values);
		sources[0].text = str_from_c(template);
		sources[1].text = str_from_c(links);
		check(&c, sources, 2);
		for (size_t k = 0; k < c.report.count; k++)
			print_message("# " STR_FMT ": " STR_FMT "\n",
				      STR_ARG(policy_id(c.report.findings[k].policy)),
				      STR_ARG(c.report.findings[k].text));
		assert_int_equal(c.report.count > 0, rows[i].says != NULL);
		if (rows[i].says != NULL) {
			assert_non_null(memmem(c.report.findings[0].text.ptr,
					       c.report.findings[0].text.len, rows[i].says,
					       strlen(rows[i].says)));
			assert_int_equal(c.report.findings[0].is_warning, rows[i].is_warning);
		}
		release(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_names__suggests_what_was_meant),
		cmocka_unit_test(test_check_names__warns_of_texts_that_mislead),
		cmocka_unit_test(test_check_names__judges_templates_and_links),
	};

	return cmocka_run_group_tests_name("check_names", tests, NULL, NULL);
}
