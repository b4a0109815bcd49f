/* SPDX-License-Identifier: Apache-2.0 */
/* The table against itself: every row's default lies in its range, both bounds are taken, and what
 * lies one beyond is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/config/value.h"

struct fixture {
	struct arena arena;
	struct diag diag;
	struct option_reader reader;
	union {
		struct str text;
		struct str_list list;
		uint64_t number;
		int64_t ms;
		unsigned word;
		bool flag;
	} member;
};

static void fixture_init(struct fixture *fixture)
{
	*fixture = (struct fixture){0};
	arena_init(&fixture->arena, 4096, 16U << 20);
	fixture->reader = (struct option_reader){
		.arena = &fixture->arena,
		.file = "f",
		.text = STR("line"),
		.folder = STR("/folder"),
		.diag = &fixture->diag,
	};
}

static enum err read_text(struct fixture *fixture, const struct option_row *row, struct str text)
{
	struct config_yaml node = {.text = text, .line = 1, .column = 1, .is_quoted = true};

	return config_value_read(&fixture->reader, row, &node, &fixture->member);
}

static size_t size_of(enum option_type type)
{
	switch (type) {
	case OPTION_STRING:
	case OPTION_NAME:
	case OPTION_PATH:
	case OPTION_FILE:
	case OPTION_SECRET:
	case OPTION_WORD:
	case OPTION_DATE: return sizeof(struct str);
	case OPTION_BOOL: return sizeof(bool);
	case OPTION_INTEGER:
	case OPTION_BYTES: return sizeof(uint64_t);
	case OPTION_DURATION: return sizeof(int64_t);
	case OPTION_ENUM: return sizeof(unsigned);
	case OPTION_STRINGS: return 0; /* a list, or its pointer before its count */
	case OPTION_NODE:
	case OPTION_NODES: return sizeof(void *);
	}
	return 0;
}

static void test_options__members_have_their_types_size(void **state)
{
	const struct option_row *row;

	(void)state;
	for (size_t i = 0; (row = option_at(i)) != NULL; i++) {
		print_message("# %s.%s\n", option_section_name(row->section), row->name);
		if (row->type == OPTION_STRINGS)
			assert_true(row->size == sizeof(struct str_list) ||
				    row->size == sizeof(void *));
		else
			assert_int_equal(row->size, size_of(row->type));
	}
}

static void test_options__defaults_are_good(void **state)
{
	const struct option_row *row;

	(void)state;
	for (size_t i = 0; (row = option_at(i)) != NULL; i++) {
		struct fixture fixture;

		if (row->fallback == NULL || row->fallback[0] == '!')
			continue;
		print_message("# %s.%s: %s\n", option_section_name(row->section), row->name,
			      row->fallback);
		fixture_init(&fixture);
		assert_int_equal(config_value_read(&fixture.reader, row, NULL, &fixture.member),
				 OK);
		arena_fini(&fixture.arena);
	}
}

static void expect(const struct option_row *row, struct str text, enum err want, const char *why)
{
	struct fixture fixture;

	fixture_init(&fixture);
	assert_int_equal(read_text(&fixture, row, text), want);
	if (want != OK)
		assert_non_null(strstr(fixture.diag.text, why));
	arena_fini(&fixture.arena);
}

static void expect_number(const struct option_row *row, int64_t value, const char *unit,
			  enum err want)
{
	char text[40];
	int len = snprintf(text, sizeof(text), "%lld%s", (long long)value, unit);

	expect(row, str_make(text, (size_t)len), want, "is outside ");
}

static void check_number(const struct option_row *row, const char *unit)
{
	expect_number(row, row->min, unit, OK);
	expect_number(row, row->max, unit, OK);
	expect_number(row, row->max + 1, unit, ERR_MALFORMED);
	if (row->min > 0)
		expect_number(row, row->min - 1, unit, ERR_MALFORMED);
	expect(row, STR("many"), ERR_MALFORMED, "\"many\" is not a ");
	expect(row, STR(""), ERR_MALFORMED, "\"\" is not a ");
	expect(row, STR("-1"), ERR_MALFORMED, "\"-1\" is not a ");
	expect(row, STR("99999999999999999999"), ERR_MALFORMED, " is not a ");
}

static void check_text(const struct option_row *row)
{
	char *text = malloc((size_t)row->max + 1);

	assert_non_null(text);
	memset(text, row->name[0] == 'u' && row->max == 6 ? '0' : 'x', (size_t)row->max + 1);
	expect(row, str_make(text, (size_t)row->max), OK, "");
	expect(row, str_make(text, (size_t)row->max + 1), ERR_MALFORMED, "characters");
	expect(row, str_make(text, (size_t)row->min), OK, "");
	if (row->min > 0)
		expect(row, str_make(text, (size_t)row->min - 1), ERR_MALFORMED, "characters");
	free(text);
	expect(row, STR("a\nb"), ERR_MALFORMED, "line break");
}

static void check_words(const struct option_row *row)
{
	struct str left = option_words(row), word;
	bool has_more = true;

	assert_true(left.len > 0);
	while (has_more) {
		has_more = str_cut(&left, '|', &word);
		expect(row, word, OK, "");
	}
	expect(row, STR("nonsense"), ERR_MALFORMED, "\"nonsense\" is not one of ");
	expect(row, STR(""), ERR_MALFORMED, "\"\" is not one of ");
}

static void test_options__ranges_are_held(void **state)
{
	const struct option_row *row;

	(void)state;
	for (size_t i = 0; (row = option_at(i)) != NULL; i++) {
		print_message("# %s.%s\n", option_section_name(row->section), row->name);
		switch (row->type) {
		case OPTION_STRING:
		case OPTION_NAME: check_text(row); break;
		case OPTION_INTEGER: check_number(row, ""); break;
		case OPTION_BYTES: check_number(row, "B"); break;
		case OPTION_DURATION: check_number(row, "ms"); break;
		case OPTION_ENUM:
		case OPTION_WORD: check_words(row); break;
		case OPTION_BOOL:
			expect(row, STR("true"), OK, "");
			expect(row, STR("false"), OK, "");
			expect(row, STR("yes"), ERR_MALFORMED, "must be true or false");
			break;
		case OPTION_DATE:
			expect(row, STR("2027-01-01"), OK, "");
			expect(row, STR("2027-02-30"), ERR_MALFORMED, "is not a date");
			break;
		case OPTION_PATH:
			expect(row, STR("a/b"), OK, "");
			expect(row, STR(""), ERR_MALFORMED, "is no path");
			break;
		case OPTION_FILE:
			expect(row, STR("/dev/null/x"), ERR_IO, "cannot be opened: ");
			expect(row, STR(""), ERR_MALFORMED, "is no path");
			break;
		case OPTION_STRINGS:
			expect(row, STR("one"), OK, "");
			expect(row, STR(""), ERR_MALFORMED, "an entry is empty");
			break;
		case OPTION_SECRET:
			expect(row, STR("word"), ERR_MALFORMED, "must not stand in this file");
			break;
		case OPTION_NODE: expect(row, STR("x"), ERR_MALFORMED, "must be a map"); break;
		case OPTION_NODES: expect(row, STR("x"), ERR_MALFORMED, "must be a list"); break;
		}
	}
}

static const struct option_row *row_of(enum option_section section, const char *name)
{
	const struct option_row *row;

	for (size_t i = 0; (row = option_at(i)) != NULL; i++)
		if (row->section == section && strcmp(row->name, name) == 0)
			return row;
	fail();
	return NULL;
}

static void test_options__units_scale(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} sizes[] = {{"7", 7}, {"7B", 7}, {"3KiB", 3072}, {"2MiB", 2097152}, {"1GiB", 1073741824}};
	static const struct {
		const char *text;
		int64_t want;
	} times[] = {
		{"250ms", 250}, {"2s", 2000}, {"3m", 180000}, {"1h", 3600000}, {"1d", 86400000}};
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(read_text(&fixture, row_of(OPTION_LIMITS, "body"),
					   str_from_c(sizes[i].text)),
				 OK);
		assert_int_equal(fixture.member.number, sizes[i].want);
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		assert_int_equal(read_text(&fixture, row_of(OPTION_GATEWAY, "drain_timeout"),
					   str_from_c(times[i].text)),
				 OK);
		assert_int_equal(fixture.member.ms, times[i].want);
	}
	arena_fini(&fixture.arena);
}

static void test_options__paths_are_taken_from_the_folder(void **state)
{
	const struct option_row *row = row_of(OPTION_GATEWAY, "state");
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture);
	assert_int_equal(read_text(&fixture, row, STR("a/b")), OK);
	assert_string_equal(fixture.member.text.ptr, "/folder/a/b");
	assert_int_equal(read_text(&fixture, row, STR("/a/b")), OK);
	assert_string_equal(fixture.member.text.ptr, "/a/b");
	arena_fini(&fixture.arena);
}

static void test_options__ranges_read_well(void **state)
{
	char range[OPTION_RANGE_BYTES];

	(void)state;
	option_range(row_of(OPTION_LIMITS, "head"), range);
	assert_string_equal(range, "1KiB .. 64KiB");
	option_range(row_of(OPTION_ISSUER, "jwks.refresh"), range);
	assert_string_equal(range, "1s .. 1d");
	option_range(row_of(OPTION_GATEWAY, "drain_timeout"), range);
	assert_string_equal(range, "0ms .. 1d");
	option_range(row_of(OPTION_MODEL, "aliases"), range);
	assert_string_equal(range, "0 .. 64 entries");
	option_range(row_of(OPTION_IDENTITY, "keys"), range);
	assert_string_equal(range, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options__members_have_their_types_size),
		cmocka_unit_test(test_options__defaults_are_good),
		cmocka_unit_test(test_options__ranges_are_held),
		cmocka_unit_test(test_options__units_scale),
		cmocka_unit_test(test_options__paths_are_taken_from_the_folder),
		cmocka_unit_test(test_options__ranges_read_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
