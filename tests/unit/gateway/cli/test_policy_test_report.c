/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_test_report.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/base.h"

static const struct policy_test_result results[] = {
	{.name = STR("fine"), .line = 3, .has_passed = true},
	{.name = STR("a<b&\"c\" 'd' #e\\f"),
	 .line = 9,
	 .expected = STR("deny by <x>\ny\x01"),
	 .got = STR("allow"),
	 .hint = STR("there is no policy \"x\"")},
};

static const char *const explain[] = {"why", "a b", "--test"};

static const char *const wants[] = {
	[POLICY_TEST_TEXT] =
		"FAIL  f&.yaml: 1 of 2 cases\n"
		"  f&.yaml:9: a<b&\"c\" 'd' #e\\f\n"
		"    expected: deny by <x> y \n"
		"    got:      allow\n"
		"    hint:     there is no policy \"x\"\n"
		"    explain:  why 'a b' --test 'f&.yaml' --case 'a<b&\"c\" '\\''d'\\'' "
		"#e\\f'\n"
		"2 cases in 1 file: 1 passed, 1 failed\n",
	[POLICY_TEST_TAP] = "TAP version 13\n"
			    "ok 1 - f&.yaml: fine\n"
			    "not ok 2 - f&.yaml: a<b&\"c\" 'd' \\#e\\\\f\n"
			    "# expected: deny by <x> y \n"
			    "# got:      allow\n"
			    "# hint:     there is no policy \"x\"\n"
			    "# explain:  why 'a b' --test 'f&.yaml' --case 'a<b&\"c\" '\\''d'\\'' "
			    "#e\\f'\n"
			    "1..2\n",
	[POLICY_TEST_JUNIT] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"  <testsuite name=\"f&amp;.yaml\" tests=\"2\" failures=\"1\" errors=\"0\">\n"
		"    <testcase classname=\"f&amp;.yaml\" name=\"fine\" line=\"3\"/>\n"
		"    <testcase classname=\"f&amp;.yaml\" name=\"a&lt;b&amp;&quot;c&quot; 'd' "
		"#e\\f\" line=\"9\">\n"
		"      <failure message=\"expected deny by &lt;x&gt;&#10;y\xef\xbf\xbd, got "
		"allow\">there is no "
		"policy &quot;x&quot;</failure>\n"
		"    </testcase>\n  </testsuite>\n</testsuites>\n",
};

static void test_policy_test_report__escapes_for_each_reader(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(wants); i++) {
		char text[2000];
		struct policy_test_report report = {
			.format = (enum policy_test_format)i,
			.explain_count = ARRAY_LEN(explain),
			.explain = explain,
		};

		print_message("# format %u\n", i);
		report.out = fmemopen(text, sizeof(text), "w");
		assert_non_null(report.out);
		policy_test_report_begin(&report);
		policy_test_report_file(&report, "f&.yaml", results, ARRAY_LEN(results));
		policy_test_report_end(&report);
		assert_int_equal(fclose(report.out), 0);
		assert_string_equal(text, wants[i]);
		assert_int_equal(report.failed_count, 1);
		assert_int_equal(report.case_count, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_test_report__escapes_for_each_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
