/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_test_report.h"

#include <string.h>

/* Text --------------------------------------------------------------------------------------- */

/* Ids of policies may hold anything; a line stays a line. */
static void print_flat(FILE *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		fputc(c < ' ' || c == 0x7f ? ' ' : c, out);
	}
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-_./=:@%+,", c) != NULL);
}

/* As a shell takes it: in quotes when it must be, '\'' for a quote. */
static void print_word(FILE *out, struct str word)
{
	bool is_quoted = word.len == 0;

	for (size_t i = 0; i < word.len; i++)
		is_quoted |= !is_plain(word.ptr[i]);
	fputs(is_quoted ? " '" : " ", out);
	for (size_t i = 0; i < word.len; i++)
		if (word.ptr[i] == '\'')
			fputs("'\\''", out);
		else
			fputc(word.ptr[i], out);
	if (is_quoted)
		fputc('\'', out);
}

static void print_said(FILE *out, const char *margin, const char *label, struct str text)
{
	if (!str_is_set(text))
		return;
	fprintf(out, "%s%-9s ", margin, label);
	print_flat(out, text);
	fputc('\n', out);
}

/* The lines that say what went wrong, each behind `margin`. */
static void print_failure(const struct policy_test_report *report, const char *margin,
			  const char *file, const struct policy_test_result *result)
{
	FILE *out = report->out;

	print_said(out, margin, "expected:", result->expected);
	print_said(out, margin, "got:", result->got);
	print_said(out, margin, "hint:", result->hint);
	fprintf(out, "%s%-9s", margin, "explain:");
	for (size_t i = 0; i < report->explain_count; i++)
		print_word(out, str_from_c(report->explain[i]));
	print_word(out, str_from_c(file));
	fputs(" --case", out);
	print_word(out, result->name);
	fputc('\n', out);
}

static void text_file(const struct policy_test_report *report, const char *file,
		      const struct policy_test_result *results, size_t count, size_t failed)
{
	fprintf(report->out, "%s  %s: %zu of %zu cases\n", failed == 0 ? "ok  " : "FAIL", file,
		count - failed, count);
	for (size_t i = 0; i < count; i++) {
		if (results[i].has_passed)
			continue;
		fprintf(report->out, "  %s:%u: " STR_FMT "\n", file, results[i].line,
			STR_ARG(results[i].name));
		print_failure(report, "    ", file, &results[i]);
	}
}

/* TAP ---------------------------------------------------------------------------------------- */

/* In a description # begins a directive. */
static void tap_print(FILE *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '#' || c == '\\')
			fputc('\\', out);
		fputc(c, out);
	}
}

static void tap_file(const struct policy_test_report *report, const char *file,
		     const struct policy_test_result *results, size_t count)
{
	FILE *out = report->out;

	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s %zu - ", results[i].has_passed ? "ok" : "not ok",
			report->case_count + i + 1);
		tap_print(out, str_from_c(file));
		fputs(": ", out);
		tap_print(out, results[i].name);
		fputc('\n', out);
		if (!results[i].has_passed)
			print_failure(report, "# ", file, &results[i]);
	}
}

/* JUnit -------------------------------------------------------------------------------------- */

/* Text of an attribute or element; what XML cannot hold becomes U+FFFD. */
static void xml_print(FILE *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		switch (c) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\t':
		case '\n':
		case '\r': fprintf(out, "&#%u;", (unsigned)c); break;
		default:
			if (c < ' ')
				fputs("\xef\xbf\xbd", out);
			else
				fputc(c, out);
			break;
		}
	}
}

static void junit_case(const struct policy_test_report *report, const char *file,
		       const struct policy_test_result *result)
{
	FILE *out = report->out;

	fputs("    <testcase classname=\"", out);
	xml_print(out, str_from_c(file));
	fputs("\" name=\"", out);
	xml_print(out, result->name);
	fprintf(out, "\" line=\"%u\"", result->line);
	if (result->has_passed) {
		fputs("/>\n", out);
		return;
	}
	fputs(">\n      <failure message=\"expected ", out);
	xml_print(out, result->expected);
	fputs(", got ", out);
	xml_print(out, result->got);
	fputs("\">", out);
	if (str_is_set(result->hint))
		xml_print(out, result->hint);
	fputs("</failure>\n    </testcase>\n", out);
}

static void junit_file(const struct policy_test_report *report, const char *file,
		       const struct policy_test_result *results, size_t count, size_t failed)
{
	fputs("  <testsuite name=\"", report->out);
	xml_print(report->out, str_from_c(file));
	fprintf(report->out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\">\n", count, failed);
	for (size_t i = 0; i < count; i++)
		junit_case(report, file, &results[i]);
	fputs("  </testsuite>\n", report->out);
}

/* All ---------------------------------------------------------------------------------------- */

void policy_test_report_begin(struct policy_test_report *report)
{
	if (report->format == POLICY_TEST_TAP)
		fputs("TAP version 13\n", report->out);
	if (report->format == POLICY_TEST_JUNIT)
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", report->out);
}

void policy_test_report_file(struct policy_test_report *report, const char *file,
			     const struct policy_test_result *results, size_t count)
{
	size_t failed = 0;

	for (size_t i = 0; i < count; i++)
		failed += results[i].has_passed ? 0 : 1;
	switch (report->format) {
	case POLICY_TEST_TEXT: text_file(report, file, results, count, failed); break;
	case POLICY_TEST_TAP: tap_file(report, file, results, count); break;
	case POLICY_TEST_JUNIT: junit_file(report, file, results, count, failed); break;
	}
	report->file_count++;
	report->case_count += count;
	report->failed_count += failed;
}

void policy_test_report_end(struct policy_test_report *report)
{
	switch (report->format) {
	case POLICY_TEST_TEXT:
		fprintf(report->out, "%zu cases in %zu file%s: %zu passed, %zu failed\n",
			report->case_count, report->file_count, report->file_count == 1 ? "" : "s",
			report->case_count - report->failed_count, report->failed_count);
		break;
	case POLICY_TEST_TAP: fprintf(report->out, "1..%zu\n", report->case_count); break;
	case POLICY_TEST_JUNIT: fputs("</testsuites>\n", report->out); break;
	}
}
