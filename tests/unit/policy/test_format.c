/* SPDX-License-Identifier: Apache-2.0 */
/* The layout, by example; comments; what is refused; that the check of the result is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "format_law.h"
#include "gateway_case.h"
#include "policy/ast.h"
#include "policy/format.h"

struct format_row {
	const char *text;
	const char *want;
};

static void check_row(const struct format_row *row, unsigned width)
{
	struct format_options options = {width};
	struct str text = str_from_c(row->text);
	struct buf out;
	struct diag diag = {0};
	const char *broken;
	size_t count;

	buf_init(&out, 1 << 20);
	if (format_policies("test", text, &options, &out, &diag) != OK)
		fail_msg("%s: %s", row->text, diag.text);
	assert_int_equal(buf_append_byte(&out, '\0'), OK);
	assert_string_equal(out.ptr, row->want);
	broken = format_law(text, width, &count);
	if (broken == NULL)
		broken = format_law_comments(text, count + width, width, &count);
	if (broken != NULL)
		fail_msg("%s: %s", row->text, broken);
	buf_fini(&out);
}

static void check_rows(const struct format_row *rows, size_t count, unsigned width)
{
	for (size_t i = 0; i < count; i++)
		check_row(&rows[i], width);
}

static void test_format__lays_out_policies(void **state)
{
	static const struct format_row rows[] = {
		{"", ""},
		{" \r\n\t\302\240\n", ""},
		{"permit(principal,action,resource,)\302\240;",
		 "permit (principal, action, resource);\n"},
		{"permit(principal,action,resource);forbid(principal,action,resource);\n\n\n",
		 "permit (principal, action, resource);\n\nforbid (principal, action, "
		 "resource);\n"},
		{"@id(\"a\")@b @if ( \"c\" ) permit(principal,action,resource)when{true}unless\n"
		 "{ 1==1 };",
		 "@id(\"a\")\n@b\n@if(\"c\")\npermit (principal, action, resource)\nwhen { true }\n"
		 "unless { 1 == 1 };\n"},
		{"permit(principal == ?principal, action in [Action::\"a\",], resource in "
		 "?resource);",
		 "permit (\n  principal == ?principal,\n  action in [Action::\"a\"],\n"
		 "  resource in ?resource\n);\n"},
		{"permit(principal is N :: T in ( U::\"a\" ), action, resource);",
		 "permit (\n  principal is N::T in (U::\"a\"),\n  action,\n  resource\n);\n"},
		{"permit(principal, action in [Action::\"one\", Action::\"two\", "
		 "Action::\"three\",],"
		 " resource);",
		 "permit (\n  principal,\n  action in [\n    Action::\"one\",\n    "
		 "Action::\"two\",\n"
		 "    Action::\"three\"\n  ],\n  resource\n);\n"},
		{"permit(principal, action in ([Action::\"one\",]), resource);",
		 "permit (\n  principal,\n  action in ([Action::\"one\"]),\n"
		 "  resource\n);\n"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows), 40);
}

#define HEAD	  "permit (principal, action, resource)\n"
#define HEAD_LINE "permit (principal, action, resource);"

static void test_format__breaks_what_is_too_wide(void **state)
{
	static const struct format_row rows[] = {
		{HEAD "when {context.b.c==1&&context.dd||!context.e};",
		 HEAD "when {\n  context.b.c == 1 && context.dd ||\n  !context.e\n};\n"},
		{HEAD "when { context.aaaaaaaaaa && context.bbbbbbbbbb || context.c };", HEAD
		 "when {\n  context.aaaaaaaaaa &&\n    context.bbbbbbbbbb ||\n  context.c\n};\n"},
		{HEAD "when { context.c || context.aaaaaaaaaa && context.bbbbbbbbbb };", HEAD
		 "when {\n  context.c ||\n  context.aaaaaaaaaa &&\n    context.bbbbbbbbbb\n};\n"},
		{HEAD "when { (context.aaaaaaaaaaaaa || context.bbbbbbbbbb) && context.c };",
		 HEAD "when {\n  (\n    context.aaaaaaaaaaaaa ||\n    context.bbbbbbbbbb\n  ) &&\n"
		      "  context.c\n};\n"},
		{HEAD "when { context.aaaaaaaaaaaa == context.bbbbbbb + 1 };",
		 HEAD "when {\n  context.aaaaaaaaaaaa ==\n    context.bbbbbbb + 1\n};\n"},
		{HEAD
		 "when { context.aaaaaaaaaaaaaa + context.b - context.ccccccccccccccc * 2 > 1 };",
		 HEAD "when {\n  context.aaaaaaaaaaaaaa +\n    context.b -\n"
		      "    context.ccccccccccccccc * 2 > 1\n};\n"},
		{HEAD "when { if context.aaaaaaaaaaaa then context.b else if context.c"
		      " then context.dddddddddd else (context.e) };",
		 HEAD "when {\n  if context.aaaaaaaaaaaa\n  then context.b\n  else if context.c\n"
		      "  then context.dddddddddd\n  else (context.e)\n};\n"},
		{HEAD "when { if context.aaaaaaaaa && context.bbbbbbbbbbb then true else false };",
		 HEAD "when {\n  if context.aaaaaaaaa &&\n    context.bbbbbbbbbbb\n  then true\n"
		      "  else false\n};\n"},
		{HEAD "when { context.tools.containsAny([Tool::\"aaaaaaa\", Tool::\"bbbb\"]) };",
		 HEAD "when {\n  context.tools.containsAny([\n    Tool::\"aaaaaaa\",\n"
		      "    Tool::\"bbbb\"\n  ])\n};\n"},
		{HEAD "when { context.ip.isInRange(ip(\"1234:5678::1234:5678/64\")) };",
		 HEAD "when {\n  context.ip.isInRange(\n    ip(\"1234:5678::1234:5678/64\")\n  )\n"
		      "};\n"},
		{HEAD "when { context.aaaaaaaaaa.bbbbbbbbbb.ccccccccc.isEmpty() };",
		 HEAD "when {\n  context.aaaaaaaaaa\n    .bbbbbbbbbb\n    .ccccccccc\n"
		      "    .isEmpty()\n};\n"},
		{HEAD "when { context[\"aaa aaa\"].bbbbbbbbbbbbb.ccccccccccc };",
		 HEAD "when {\n  context[\"aaa aaa\"]\n    .bbbbbbbbbbbbb\n    .ccccccccccc\n};\n"},
		{HEAD "when { context.now.offset(duration(\"1h\")).toDate() == context.day };",
		 HEAD "when {\n  context.now\n    .offset(duration(\"1h\"))\n    .toDate() == "
		      "context.day\n};\n"},
		{HEAD "when { {a:1,\"b\":principal.bbbbbbbb,ccccccccc:[],}==context };",
		 HEAD "when {\n  {\n    a: 1,\n    \"b\": principal.bbbbbbbb,\n"
		      "    ccccccccc: []\n  } == context\n};\n"},
		{HEAD "when { principal is User in Group::\"aaaaaaaaaaaaaaaaaaaaa\" };",
		 HEAD "when {\n  principal is User in\n    Group::\"aaaaaaaaaaaaaaaaaaaaa\"\n};\n"},
		{HEAD
		 "when {context.aaa has b.c.d&&context.aaaaaaa like \"a*b\"&&principal has \"x\"};",
		 HEAD "when {\n  context.aaa has b.c.d &&\n  context.aaaaaaa like \"a*b\" &&\n"
		      "  principal has \"x\"\n};\n"},
		{HEAD "when { - 1 - - 2 == --context.a * - 3 && !(!{}.a) };",
		 HEAD "when {\n  -1 - -2 == --context.a * -3 &&\n  !(!{}.a)\n};\n"},
		{HEAD "when { \"line\nline\" == \"\303\244\303\266\303\274\303\244\303\266\303\274"
		      "\303\244\303\266\303\274\" };",
		 HEAD
		 "when {\n  \"line\nline\" == \"\303\244\303\266\303\274\303\244\303\266\303\274"
		 "\303\244\303\266\303\274\"\n};\n"},
		{HEAD "when { context.aaaaaaaaaaaaaaaaaaaaaaaaaaaa == \"" HEAD "\" };",
		 HEAD "when {\n  context.aaaaaaaaaaaaaaaaaaaaaaaaaaaa ==\n    \"" HEAD "\"\n};\n"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows), 40);
}

static void test_format__keeps_comments_where_they_belong(void **state)
{
	static const struct format_row rows[] = {
		{"// only", "// only\n"},
		{"\n\n//a\t \r\n\r\n\r\n//b\n\n", "//a\n\n//b\n"},
		{"//a\rpermit(principal,action,resource);",
		 "//a\npermit (principal, action, resource);\n"},
		{"// file\n\n\n// rule\npermit(principal,action,resource); // behind\n// end\n\n// "
		 "last",
		 "// file\n\n// rule\n" HEAD_LINE " // behind\n// end\n\n// last\n"},
		{HEAD_LINE "\n\n// last", HEAD_LINE "\n\n// last\n"},
		{HEAD_LINE "// a\n" HEAD_LINE, HEAD_LINE " // a\n\n" HEAD_LINE "\n"},
		{HEAD_LINE "\n// a\n" HEAD_LINE, HEAD_LINE "\n\n// a\n" HEAD_LINE "\n"},
		{"@a // b\n// c\n\n// d\n@e\n// f\n\n" HEAD_LINE,
		 "@a // b\n// c\n// d\n@e\n// f\n" HEAD_LINE "\n"},
		{"permit(principal // a\n, // b\naction, resource // c\n, // d\n) // e\n;",
		 "permit (\n  principal, // a\n  // b\n  action,\n  resource // c\n  // d\n); // "
		 "e\n"},
		{"permit(principal,action,resource // c\n // d\n, // e\n);",
		 "permit (\n  principal,\n  action,\n  resource // c\n  // d\n  // e\n);\n"},
		{"permit(principal,action,resource, // c\n);",
		 "permit (\n  principal,\n  action,\n  resource // c\n);\n"},
		{"permit(principal,action,resource\n// c\n, // d\n);",
		 "permit (\n  principal,\n  action,\n  resource\n  // c\n  // d\n);\n"},
		{HEAD "when { // a\n // b\n\n true // c\n && false\n // d\n || context.e // f\n};",
		 HEAD
		 "when { // a\n  // b\n  true && // c\n    false ||\n  // d\n  context.e // f\n"
		 "};\n"},
		{HEAD "when {\n\n // a\n true &&\n\n // b\n false\n\n // c\n }\n // d\n;",
		 HEAD "when {\n  // a\n  true &&\n\n  // b\n  false\n\n  // c\n}\n// d\n;\n"},
		{HEAD "when { [// a\n] == {// b\n} };",
		 HEAD "when {\n  [ // a\n  ] == { // b\n  }\n};\n"},
		{"permit // a\n(principal,action,resource)\n// b\nwhen // c\n{ true } // d\n// "
		 "e\n; // f",
		 "permit // a\n(principal, action, resource)\n// b\nwhen // c\n{ true } // d\n// "
		 "e\n; "
		 "// f\n"},
		{HEAD "when { 1 - // a\n 2 == // b\n - // c\n 3 };",
		 HEAD "when {\n  1 - // a\n    2 == // b\n    - // c\n    3\n};\n"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows), 80);
}

static void test_format__holds_for_the_gateways_policies(void **state)
{
	size_t count;

	(void)state;
	for (unsigned width = 20; width <= 120; width += 25) {
		const char *broken = format_law(str_from_c(gateway_case_policies), width, &count);

		if (broken != NULL)
			fail_msg("width %u: %s", width, broken);
		assert_true(count > 10);
		for (uint64_t seed = 1; seed <= 2; seed++) {
			broken = format_law_comments(str_from_c(gateway_case_policies), seed, width,
						     &count);
			if (broken != NULL)
				fail_msg("width %u, seed %u: %s", width, (unsigned)seed, broken);
			assert_true(count > 100);
		}
	}
}

static void test_format__says_where_text_does_not_parse(void **state)
{
	static const char *const texts[] = {
		"permit(principal,action,resource)",
		"\xff",
		(HEAD_LINE "\n" HEAD "when { 1 + };"),
		(HEAD_LINE ";"),
		"/* c */",
		("\xef\xbb\xbf" HEAD_LINE),
	};
	struct buf out;
	struct diag diag;
	size_t count;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_null(format_law(str_from_c(texts[i]), 80, &count));
	buf_init(&out, 1 << 16);
	assert_int_equal(buf_append(&out, STR("kept")), OK);
	assert_int_equal(format_policies("rules.cedar", str_from_c(texts[2]), NULL, &out, &diag),
			 ERR_MALFORMED);
	assert_string_equal(diag.file, "rules.cedar");
	assert_int_equal(diag.line, 3);
	assert_int_equal(diag.column, 12);
	assert_true(str_eq(buf_str(&out), STR("kept")));
	assert_int_equal(format_policies("rules.cedar", STR(HEAD_LINE), NULL, &out, &diag), OK);
	assert_true(str_eq(buf_str(&out), STR("kept" HEAD_LINE "\n")));
	buf_fini(&out);
}

static void test_format__has_limits(void **state)
{
	struct buf out;
	struct diag diag;
	char *text = base_alloc(FORMAT_TEXT + 1);

	(void)state;
	memset(text, '\n', FORMAT_TEXT + 1);
	buf_init(&out, 20);
	assert_int_equal(format_policies("big", str_make(text, FORMAT_TEXT + 1), NULL, &out, &diag),
			 ERR_LIMIT);
	assert_non_null(strstr(diag.text, "FORMAT_TEXT"));
	assert_int_equal(format_policies("big", str_make(text, FORMAT_TEXT), NULL, &out, &diag),
			 OK);
	assert_int_equal(format_policies("out", STR(HEAD_LINE), NULL, &out, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "20 bytes"));
	assert_int_equal(out.len, 0);
	buf_fini(&out);
	free(text);
}

/* BEFORE, COUNT times MIDDLE, BEHIND. */
static void append_many(struct buf *out, const char *before, const char *middle, size_t count,
			const char *behind)
{
	assert_int_equal(buf_append(out, str_from_c(before)), OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_append(out, str_from_c(middle)), OK);
	assert_int_equal(buf_append(out, str_from_c(behind)), OK);
}

static void test_format__takes_what_is_deep_or_long(void **state)
{
	struct buf text;
	size_t count;

	(void)state;
	buf_init(&text, 1 << 24);
	append_many(&text, HEAD "when { ", "(", AST_DEPTH - 1, "true");
	append_many(&text, "", ")", AST_DEPTH - 1, " };");
	append_many(&text, HEAD "when { ", "if true then 1 else ", AST_DEPTH - 1, "2 == 2 };");
	append_many(&text, HEAD "when { ", "[", AST_DEPTH - 1, "");
	append_many(&text, "", "]", AST_DEPTH - 1, " == 1 };");
	append_many(&text, HEAD "when { true", " && !!!!context.a // why\n", 2000, "};");
	append_many(&text, HEAD "when { context", ".a[\"b c\"]", 2000, "};");
	append_many(&text, HEAD "when { 1", " + 1 - 2", 2000, " == 1 };");
	append_many(&text, HEAD "when { [", "{}, ", 2000, "] == 1 };");
	append_many(&text, HEAD, "when { true }", 2000, ";");
	append_many(&text, "permit(principal == ", "(", AST_DEPTH, "U::\"a\"");
	append_many(&text, "", ")", AST_DEPTH, ", action, resource);");
	assert_null(format_law(buf_str(&text), 20, &count));
	assert_int_equal(count, 9);
	assert_null(format_law_comments(buf_str(&text), 5, 80, &count));
	buf_fini(&text);
}

static void test_format__compares_what_it_wrote(void **state)
{
	static const struct {
		const char *before, *after;
		const char *want; /* in the message; NULL: they are the same */
	} rows[] = {
		{"", " \n", NULL},
		{HEAD_LINE, "permit(principal,action,resource,);", NULL},
		{"//a \r\n" HEAD_LINE "//b", "//a\n\n" HEAD_LINE "\n//b\n", NULL},
		{HEAD "when { (1) == 1 };", HEAD "when { 1 == 1 };", NULL},
		{HEAD_LINE, "forbid (principal, action, resource);", "policies"},
		{HEAD_LINE, HEAD "when { true };", "policies"},
		{HEAD_LINE, "@a " HEAD_LINE, "policies"},
		{"@a(\"\")" HEAD_LINE, "@a " HEAD_LINE, "policies"},
		{HEAD_LINE HEAD_LINE, HEAD_LINE, "policies"},
		{HEAD_LINE, HEAD_LINE HEAD_LINE, "policies"},
		{HEAD_LINE, HEAD, "policies"},
		{HEAD "when { 1 - 2 - 3 == 1 };", HEAD "when { 1 - (2 - 3) == 1 };", "policies"},
		{HEAD "when { true && true && true };", HEAD "when { true && (true && true) };",
		 "policies"},
		{HEAD "when { \"*\" like \"*\" };", HEAD "when { \"*\" like \"\\*\" };",
		 "policies"},
		{HEAD_LINE "//a", HEAD_LINE, "comments"},
		{HEAD_LINE, "//a\n" HEAD_LINE, "comments"},
		{"//a\n" HEAD_LINE "//b", "//b\n" HEAD_LINE "//a", "comments"},
		{"//a", "//a b", "comments"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct diag diag = {0};
		enum err err = format_compare("rules", str_from_c(rows[i].before),
					      str_from_c(rows[i].after), &diag);

		if (err != (rows[i].want == NULL ? OK : ERR_INTERNAL))
			fail_msg("%s | %s: %d", rows[i].before, rows[i].after, (int)err);
		if (rows[i].want != NULL)
			assert_non_null(strstr(diag.text, rows[i].want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format__lays_out_policies),
		cmocka_unit_test(test_format__breaks_what_is_too_wide),
		cmocka_unit_test(test_format__keeps_comments_where_they_belong),
		cmocka_unit_test(test_format__holds_for_the_gateways_policies),
		cmocka_unit_test(test_format__says_where_text_does_not_parse),
		cmocka_unit_test(test_format__has_limits),
		cmocka_unit_test(test_format__takes_what_is_deep_or_long),
		cmocka_unit_test(test_format__compares_what_it_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
