/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/money/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct str models[] = {{"m", 1}};

#define TEXT(lit)                                                                                  \
	{                                                                                          \
		lit, sizeof(lit) - 1                                                               \
	}
#define RATE(m, r, ...)                                                                            \
	{                                                                                          \
		.id = TEXT("m"), .version = TEXT("1"), .currency = TEXT("USD"), .models = models,  \
		.model_count = 1, .entry_line = 1, .meter = TEXT(m), .rate = TEXT(r), __VA_ARGS__  \
	}

/* 3 and 15 per million, doubled and half as much again above 200,000. */
static const struct price_row rows[] = {
	RATE("in_text_uncached", "3"),
	RATE("in_cache_read", "0.30"),
	RATE("in_cache_write_5m", "3.75"),
	RATE("in_audio", "40"),
	RATE("out_text", "15"),
	RATE("requests", "0.001 per 1"),
	RATE("rows", "0.10 per 1000"),
	RATE("in_text_uncached", "6", .above_input = TEXT("200000")),
	RATE("out_text", "22.50", .above_input = TEXT("200000")),
};

static const struct price_options options = {"prices.yaml", NULL};
static const struct price_key key = {.model = TEXT("m")};

static struct price_book *load(void)
{
	struct price_book *book = NULL;

	assert_int_equal(price_book_new(rows, ARRAY_LEN(rows), &options, NULL, &book), OK);
	return book;
}

static int64_t price(const struct price_book *book, int64_t in, int64_t read, int64_t write,
		     int64_t out)
{
	struct cost_item items[] = {
		{STR("in_text_uncached"), in},
		{STR("in_cache_read"), read},
		{STR("in_cache_write_5m"), write},
		{STR("out_text"), out},
	};
	const struct price_set *set = price_find_set(book, &key, 0, in + read + write);
	struct cost cost;

	assert_int_equal(cost_compute(set, items, ARRAY_LEN(items), &cost), OK);
	assert_false(cost.has_unpriced);
	return cost.pico;
}

static void test_cost__is_exact_and_a_band_is_a_cliff(void **state)
{
	struct price_book *book = load();

	(void)state;
	/* 0.615 and 1.222506 of the currency. */
	assert_int_equal(price(book, 200000, 0, 0, 1000), 615000000000);
	assert_int_equal(price(book, 200001, 0, 0, 1000), 1222506000000);
	/* Cache counts for the band; it has no rate of its own there. */
	assert_int_equal(price(book, 1, 200000, 0, 0), 6000000 + 200000LL * 300000);
	/* Read at its own rate, not as fresh input: 25 x 3 + 4000 x 0.30 + 800 x 3.75 + 412 x 15.
	 */
	assert_int_equal(price(book, 25, 4000, 800, 412), 10455000000);
	price_book_free(book);
}

static void test_cost__grows_with_every_count(void **state)
{
	struct price_book *book = load();
	int64_t last = 0;

	(void)state;
	for (int64_t n = 0; n < 400000; n += 1999) {
		int64_t now = price(book, n, 10, 20, 30);

		assert_true(now > last);
		assert_true(price(book, n, 11, 20, 30) > now);
		assert_true(price(book, n, 10, 21, 30) > now);
		assert_true(price(book, n, 10, 20, 31) > now);
		last = now;
	}
	price_book_free(book);
}

static void test_cost__shows_what_has_no_price(void **state)
{
	struct price_book *book = load();
	struct cost_item items[] = {
		{STR("in_text_uncached"), 10}, {STR("searches"), 2}, {STR("out_text"), 0}};
	struct cost cost;

	(void)state;
	assert_int_equal(cost_compute(price_find_set(book, &key, 0, 10), items, 3, &cost), OK);
	assert_int_equal(cost.count, 2);
	assert_true(cost.has_unpriced);
	assert_null(cost.lines[1].price);
	assert_int_equal(cost.lines[1].quantity, 2);
	assert_int_equal(cost.pico, 30000000);
	assert_int_equal(cost_compute(NULL, items, 3, &cost), OK);
	assert_int_equal(cost.pico, 0);
	assert_true(cost.has_unpriced);
	assert_int_equal(cost.currency.len, 0);
	price_book_free(book);
}

static void test_cost__refuses_to_overflow(void **state)
{
	struct price_book *book = load();
	const struct price_set *set = price_find_set(book, &key, 0, 0);
	struct cost_item items[] = {{STR("out_text"), 1000000000000}, {STR("in_audio"), 1}};
	struct cost cost;

	(void)state;
	/* 10^12 x 15,000,000 is past 2^63. */
	assert_int_equal(cost_compute(set, items, 1, &cost), ERR_LIMIT);
	items[0].quantity = INT64_MAX / 15000000;
	assert_int_equal(cost_compute(set, items, 1, &cost), OK);
	assert_int_equal(cost_compute(set, items, 2, &cost), ERR_LIMIT);
	price_book_free(book);
}

static const struct {
	const char *name;
	struct cost_bound bound;
	enum err err;
	int64_t pico;
} bounds[] = {
	{"no cache hit is hoped for",
	 {.input_tokens = 1000, .output_tokens = 100},
	 OK,
	 1000LL * 3000000 + 100LL * 15000000},
	{"writes cost more", {.input_tokens = 1000, .may_write_cache = true}, OK, 1000LL * 3750000},
	{"media cost most", {.input_tokens = 1000, .has_media = true}, OK, 1000LL * 40000000},
	{"the band that could apply",
	 {.input_tokens = 200001, .output_tokens = 1},
	 OK,
	 200001LL * 6000000 + 22500000},
	{"at its bound it cannot",
	 {.input_tokens = 200000, .output_tokens = 1},
	 OK,
	 200000LL * 3000000 + 15000000},
	{"calls and rows", {.requests = 1, .rows = 30}, OK, 1000000000 + 30LL * 100000000},
	{"units beside tokens: the dearer",
	 {.input_tokens = 1000, .unit = STR("rows"), .unit_count = 300},
	 OK,
	 300LL * 100000000},
	{"tokens beside units: the dearer",
	 {.input_tokens = 1000, .unit = STR("rows"), .unit_count = 3},
	 OK,
	 1000LL * 3000000},
	{"a unit that has no rate cannot be charged",
	 {.input_tokens = 1000, .unit = STR("images"), .unit_count = 300},
	 OK,
	 1000LL * 3000000},
	{"too many units", {.unit = STR("rows"), .unit_count = INT64_MAX / 2}, ERR_LIMIT, 0},
	{"nothing", {.input_tokens = 0}, OK, 0},
	{"too much", {.output_tokens = INT64_MAX / 2}, ERR_LIMIT, 0},
};

static void test_cost__bounds_the_worst(void **state)
{
	struct price_book *book = load();
	struct price_key other = {.model = STR("x")};
	int64_t pico;
	struct str currency;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		print_message("# %s\n", bounds[i].name);
		pico = 0;
		assert_int_equal(cost_bound(book, &key, 0, &bounds[i].bound, &pico, &currency),
				 bounds[i].err);
		assert_int_equal(pico, bounds[i].pico);
	}
	assert_int_equal(cost_bound(book, &other, 0, &bounds[0].bound, &pico, &currency),
			 ERR_NOT_FOUND);
	price_book_free(book);
}

static void test_cost__rounds_up_to_nano(void **state)
{
	(void)state;
	assert_int_equal(cost_nano_up(0), 0);
	assert_int_equal(cost_nano_up(1), 1);
	assert_int_equal(cost_nano_up(999), 1);
	assert_int_equal(cost_nano_up(1000), 1);
	assert_int_equal(cost_nano_up(1001), 2);
	assert_int_equal(cost_nano_up(INT64_MAX), INT64_MAX / 1000 + 1);
}

static void test_cost__prints_and_reads_back(void **state)
{
	static const struct {
		int64_t pico;
		const char *exact, *cents, *whole;
	} amounts[] = {
		{0, "0.00", "0.00", "0"},
		{1, "0.000000000001", "0.00", "0"},
		{440000000, "0.00044", "0.00", "0"},
		{615000000000, "0.615", "0.62", "1"},
		{605000000000, "0.605", "0.60", "1"},
		{1222506000000, "1.222506", "1.22", "1"},
		{2500000000000, "2.50", "2.50", "2"},
		{3500000000000, "3.50", "3.50", "4"},
		{-12345000000000000, "-12345.00", "-12345.00", "-12345"},
		{-1, "-0.000000000001", "0.00", "0"},
		{INT64_MAX, "9223372.036854775807", "9223372.04", "9223372"},
	};
	char text[COST_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		struct cost_sum sum = {amounts[i].pico}, back = {0};

		assert_int_equal(cost_print(sum, text), strlen(amounts[i].exact));
		assert_string_equal(text, amounts[i].exact);
		assert_int_equal(cost_parse(str_from_c(text), &back), OK);
		assert_true(back.pico == sum.pico);
		(void)cost_print_rounded(sum, 2, text);
		assert_string_equal(text, amounts[i].cents);
		(void)cost_print_rounded(sum, 0, text);
		assert_string_equal(text, amounts[i].whole);
	}
}

static void test_cost__reads_no_nonsense(void **state)
{
	static const char *const bad[] = {
		"", ".", "1.", ".5", "1e3", "--1", "1.2.3", "+1", "1,00", " 1", "0.1234567890123"};
	struct cost_sum sum;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		print_message("# \"%s\"\n", bad[i]);
		assert_int_not_equal(cost_parse(str_from_c(bad[i]), &sum), OK);
	}
}

static void test_cost__sums_beyond_64_bits(void **state)
{
	struct cost_sum sum = {0};
	char text[COST_TEXT];

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(cost_sum_add(&sum, INT64_MAX), OK);
	(void)cost_print(sum, text);
	assert_string_equal(text, "9223372036.854775807");
	sum.pico = (__int128)(~(unsigned __int128)0 >> 1);
	assert_int_equal(cost_sum_add(&sum, 1), ERR_LIMIT);
	assert_int_equal(cost_print(sum, text), 40);
	assert_string_equal(text, "170141183460469231731687303.715884105727");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cost__is_exact_and_a_band_is_a_cliff),
		cmocka_unit_test(test_cost__grows_with_every_count),
		cmocka_unit_test(test_cost__shows_what_has_no_price),
		cmocka_unit_test(test_cost__refuses_to_overflow),
		cmocka_unit_test(test_cost__bounds_the_worst),
		cmocka_unit_test(test_cost__rounds_up_to_nano),
		cmocka_unit_test(test_cost__prints_and_reads_back),
		cmocka_unit_test(test_cost__reads_no_nonsense),
		cmocka_unit_test(test_cost__sums_beyond_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
