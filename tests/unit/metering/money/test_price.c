/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/money/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "metering/money/rate.h"

static const char *const meters[] = {
	"in_text_uncached",
	"in_cache_read",
	"in_cache_write_5m",
	"in_cache_write_1h",
	"in_cache_write_other",
	"in_audio",
	"out_text",
	"out_reasoning",
	"requests",
	"rows",
	NULL,
};

static const struct price_options options = {"prices.yaml", meters};

static const struct str gpt[] = {{"gpt-x", 5}, {"gpt-x-latest", 12}, {"gpt-x-2026-*", 12}};
static const struct str gpt_any[] = {{"gpt-x*", 6}};
static const struct str sonnet[] = {{"claude-x", 8}};

#define ROW(...)                                                                                   \
	{                                                                                          \
		.version = {"1", 1}, .currency = {"USD", 3}, __VA_ARGS__                           \
	}
#define TEXT(lit)                                                                                  \
	{                                                                                          \
		lit, sizeof(lit) - 1                                                               \
	}
#define GPT    .models = gpt, .model_count = 3
#define SONNET .models = sonnet, .model_count = 1

static const struct price_row sample[] = {
	ROW(.id = TEXT("gpt-x"), GPT, .valid_to = TEXT("2026-11-01"), .provider = TEXT("azure"),
	    .meter = TEXT("in_text_uncached"), .rate = TEXT("2.50"), .line = 5, .entry_line = 4),
	ROW(.id = TEXT("gpt-x"), GPT, .valid_to = TEXT("2026-11-01"), .provider = TEXT("azure"),
	    .meter = TEXT("out_text"), .rate = TEXT("15"), .line = 6, .entry_line = 4),
	ROW(.id = TEXT("gpt-x-cheap"), GPT, .valid_from = TEXT("2026-11-01"),
	    .provider = TEXT("azure"), .meter = TEXT("in_text_uncached"), .rate = TEXT("2"),
	    .entry_line = 10),
	ROW(.id = TEXT("gpt-x-flex"), GPT, .tier = TEXT("flex"), .meter = TEXT("in_text_uncached"),
	    .rate = TEXT("1.25"), .entry_line = 14),
	ROW(.id = TEXT("gpt-x-eu"), GPT, .provider = TEXT("azure"), .region = TEXT("eu-west-1"),
	    .meter = TEXT("in_text_uncached"), .rate = TEXT("2.75"), .entry_line = 18),
	ROW(.id = TEXT("gpt-x-any"), .models = gpt_any, .model_count = 1,
	    .meter = TEXT("in_text_uncached"), .rate = TEXT("9"), .entry_line = 22),
	ROW(.id = TEXT("claude-x"), SONNET, .meter = TEXT("in_text_uncached"), .rate = TEXT("3"),
	    .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .meter = TEXT("in_cache_read"), .rate = TEXT("0.30"),
	    .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .meter = TEXT("in_cache_write_5m"),
	    .rate = TEXT("3.75"), .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .meter = TEXT("in_audio"),
	    .rate = TEXT("as in_text_uncached"), .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .meter = TEXT("out_text"), .rate = TEXT("15"),
	    .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .meter = TEXT("requests"),
	    .rate = TEXT("0.10 per 1000"), .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .above_input = TEXT("200000"),
	    .meter = TEXT("in_text_uncached"), .rate = TEXT("6"), .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .above_input = TEXT("200000"),
	    .meter = TEXT("in_audio"), .rate = TEXT("as in_text_uncached"), .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .above_input = TEXT("200000"),
	    .meter = TEXT("out_text"), .rate = TEXT("22.5"), .entry_line = 30),
	ROW(.id = TEXT("claude-x"), SONNET, .above_input = TEXT("500000"),
	    .meter = TEXT("out_text"), .rate = TEXT("30"), .entry_line = 30),
};

static struct price_book *load(const struct price_row *rows, size_t count)
{
	struct price_book *book = NULL;
	struct diag diag = {.text = ""};
	enum err err = price_book_new(rows, count, &options, &diag, &book);

	if (err != OK)
		print_message("# %s:%u:%u: %s\n", diag.file, diag.line, diag.column, diag.text);
	assert_int_equal(err, OK);
	return book;
}

static int64_t at(const char *text)
{
	int64_t ns = 0;

	assert_int_equal(clock_parse(str_from_c(text), &ns), OK);
	return ns;
}

static const struct {
	const char *name;
	const char *provider, *model, *alias, *tier, *region, *time, *meter;
	int64_t input;
	const char *want; /* NULL: unpriced */
} finds[] = {
	{"exact name", "azure", "gpt-x", "", "", "", "2026-10-31T23:59:59Z", "in_text_uncached", 1,
	 "gpt-x/in_text_uncached@1"},
	{"the new price from its first instant", "azure", "gpt-x", "", "", "",
	 "2026-11-01T00:00:00Z", "in_text_uncached", 1, "gpt-x-cheap/in_text_uncached@1"},
	{"pattern of the entry, dated model", "azure", "gpt-x-2026-03-05", "", "default", "",
	 "2026-10-01", "in_text_uncached", 1, "gpt-x/in_text_uncached@1"},
	{"the longest pattern that fits, else a shorter one", "azure", "gpt-x-2027", "", "", "",
	 "2026-10-01", "in_text_uncached", 1, "gpt-x-any/in_text_uncached@1"},
	{"another provider falls to the pattern for any", "other", "gpt-x", "", "", "",
	 "2026-10-01", "in_text_uncached", 1, "gpt-x-any/in_text_uncached@1"},
	{"served unknown, alias known", "azure", "m-77", "gpt-x", "", "", "2026-10-01",
	 "in_text_uncached", 1, "gpt-x/in_text_uncached@1"},
	{"served goes before alias", "azure", "claude-x", "gpt-x", "", "", "2026-10-01",
	 "in_text_uncached", 1, "claude-x/in_text_uncached@1"},
	{"nothing served", "azure", "", "gpt-x", "", "", "2026-10-01", "in_text_uncached", 1,
	 "gpt-x/in_text_uncached@1"},
	{"tier", "azure", "gpt-x", "", "flex", "", "2026-10-01", "in_text_uncached", 1,
	 "gpt-x-flex/in_text_uncached@1"},
	{"a tier nobody listed is unpriced", "azure", "gpt-x", "", "priority", "", "2026-10-01",
	 "in_text_uncached", 1, NULL},
	{"region", "azure", "gpt-x", "", "", "eu-west-1", "2026-12-01", "in_text_uncached", 1,
	 "gpt-x-eu/in_text_uncached@1"},
	{"an unlisted region takes the one for any", "azure", "gpt-x", "", "", "us-1", "2026-12-01",
	 "in_text_uncached", 1, "gpt-x-cheap/in_text_uncached@1"},
	{"unknown model", "azure", "what", "", "", "", "2026-10-01", "in_text_uncached", 1, NULL},
	{"a pattern is not a name", "azure", "what", "gpt-x-2026-*", "", "", "2026-10-01",
	 "in_text_uncached", 1, "gpt-x/in_text_uncached@1"},
	{"a meter without a rate", "azure", "gpt-x", "", "", "", "2026-10-01", "in_cache_read", 1,
	 NULL},
	{"reasoning costs what text costs", "azure", "gpt-x", "", "", "", "2026-10-01",
	 "out_reasoning", 1, "gpt-x/out_text@1"},
	{"other writes cost what 5m writes cost", "", "claude-x", "", "", "", "2026-10-01",
	 "in_cache_write_other", 1, "claude-x/in_cache_write_5m@1"},
	{"1h writes do not fall back", "", "claude-x", "", "", "", "2026-10-01",
	 "in_cache_write_1h", 1, NULL},
	{"at the band's bound", "", "claude-x", "", "", "", "2026-10-01", "out_text", 200000,
	 "claude-x/out_text@1"},
	{"one above", "", "claude-x", "", "", "", "2026-10-01", "out_text", 200001,
	 "claude-x/out_text/above-200000@1"},
	{"the highest band", "", "claude-x", "", "", "", "2026-10-01", "out_text", 500001,
	 "claude-x/out_text/above-500000@1"},
	{"a band keeps the base rate of what it does not list", "", "claude-x", "", "", "",
	 "2026-10-01", "requests", 200001, "claude-x/requests@1"},
	{"the band's text rate for its reasoning", "", "claude-x", "", "", "", "2026-10-01",
	 "out_reasoning", 200001, "claude-x/out_text/above-200000@1"},
};

static void test_price__finds_the_line(void **state)
{
	struct price_book *book = load(sample, ARRAY_LEN(sample));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(finds); i++) {
		struct price_key key = {
			.provider = str_from_c(finds[i].provider),
			.model = str_from_c(finds[i].model),
			.alias = str_from_c(finds[i].alias),
			.tier = str_from_c(finds[i].tier),
			.region = str_from_c(finds[i].region),
		};
		const struct price_line *line;

		print_message("# %s\n", finds[i].name);
		line = price_find(book, &key, str_from_c(finds[i].meter), at(finds[i].time),
				  finds[i].input);
		assert_int_equal(line == NULL, finds[i].want == NULL);
		if (line != NULL)
			assert_string_equal(line->ref.ptr, finds[i].want);
	}
	price_book_free(book);
}

static void test_price__keeps_rates_exact(void **state)
{
	struct price_book *book = load(sample, ARRAY_LEN(sample));
	const struct price_line *line;
	size_t iter = 0, count = 0;

	(void)state;
	while ((line = price_book_next(book, &iter)) != NULL) {
		count++;
		assert_true(str_eq(line->currency, STR("USD")));
		if (str_eq(line->ref, STR("gpt-x/in_text_uncached@1")))
			assert_int_equal(line->rate_micro, 2500000);
		if (str_eq(line->ref, STR("claude-x/requests@1")))
			assert_int_equal(line->rate_micro, 100000000);
		if (str_eq(line->ref, STR("claude-x/in_audio@1")))
			assert_int_equal(line->rate_micro, 3000000);
		if (str_eq(line->ref, STR("claude-x/in_audio/above-200000@1")))
			assert_int_equal(line->rate_micro, 6000000);
	}
	assert_int_equal(count, ARRAY_LEN(sample));
	assert_true(price_book_knows(book, STR("gpt-x-2026-99")));
	assert_true(price_book_knows(book, STR("claude-x")));
	assert_false(price_book_knows(book, STR("claude-y")));
	price_book_free(book);
	price_book_free(load(NULL, 0));
	price_book_free(NULL);
}

#define GOOD                                                                                       \
	.id = TEXT("a"), SONNET, .meter = TEXT("out_text"), .rate = TEXT("1"), .line = 7,          \
	.column = 9, .entry_line = 3, .entry_column = 5
/* The last initialiser of a member wins, so a row says only what is wrong with it. */
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif

static const struct str bad_star[] = {{"a*b", 3}};
static const struct str empty_name[] = {{"", 0}};
static const struct str twice[] = {{"x", 1}, {"x", 1}};

static const struct {
	const char *name;
	struct price_row rows[2];
	size_t count;
	unsigned line;
	const char *says;
} refusals[] = {
	{"rate with too many decimals", {ROW(GOOD, .rate = TEXT("2.1234567"))}, 1, 7, "2.1234567"},
	{"rate below zero", {ROW(GOOD, .rate = TEXT("-1"))}, 1, 7, "not understood"},
	{"minus zero", {ROW(GOOD, .rate = TEXT("-0"))}, 1, 7, "not understood"},
	{"rate with an exponent", {ROW(GOOD, .rate = TEXT("1e3"))}, 1, 7, "not understood"},
	{"rate with other units", {ROW(GOOD, .rate = TEXT("1 per 10"))}, 1, 7, "not understood"},
	{"rate without a number", {ROW(GOOD, .rate = TEXT(""))}, 1, 7, "not understood"},
	{"rate too large", {ROW(GOOD, .rate = TEXT("99999999999999"))}, 1, 7, "not understood"},
	{"as nothing", {ROW(GOOD, .rate = TEXT("as rows"))}, 1, 7, "no rate of its own"},
	{"as itself", {ROW(GOOD, .rate = TEXT("as out_text"))}, 1, 7, "no rate of its own"},
	{"meter misspelt", {ROW(GOOD, .meter = TEXT("out_txt"))}, 1, 7, "did you mean out_text?"},
	{"meter unknown", {ROW(GOOD, .meter = TEXT("bananas"))}, 1, 7, "no meter"},
	{"no id", {ROW(GOOD, .id = TEXT(""))}, 1, 3, "needs an id"},
	{"id with a slash", {ROW(GOOD, .id = TEXT("a/b"))}, 1, 3, "needs an id"},
	{"no version", {ROW(GOOD, .version = TEXT(""))}, 1, 3, "needs a version"},
	{"currency", {ROW(GOOD, .currency = TEXT("usd"))}, 1, 3, "three capital letters"},
	{"no models", {ROW(GOOD, .model_count = 0)}, 1, 3, "no models"},
	{"star inside", {ROW(GOOD, .models = bad_star)}, 1, 3, "may only end it"},
	{"empty model", {ROW(GOOD, .models = empty_name)}, 1, 3, "is no name"},
	{"model twice", {ROW(GOOD, .models = twice, .model_count = 2)}, 1, 3, "twice"},
	{"valid_from", {ROW(GOOD, .valid_from = TEXT("soon"))}, 1, 3, "is no date"},
	{"valid_to", {ROW(GOOD, .valid_to = TEXT("2026-13-01"))}, 1, 3, "is no date"},
	{"empty period",
	 {ROW(GOOD, .valid_from = TEXT("2026-01-01"), .valid_to = TEXT("2026-01-01"))},
	 1,
	 3,
	 "never valid"},
	{"band", {ROW(GOOD, .above_input = TEXT("many"))}, 1, 7, "no count of tokens"},
	{"band of nothing", {ROW(GOOD, .above_input = TEXT("0"))}, 1, 7, "no count of tokens"},
	{"band without base rates", {ROW(GOOD, .above_input = TEXT("10"))}, 1, 7, "no base rates"},
	{"two rates", {ROW(GOOD), ROW(GOOD, .line = 8)}, 2, 8, "two rates"},
	{"two currencies",
	 {ROW(GOOD), ROW(GOOD, .meter = TEXT("rows"), .currency = TEXT("EUR"), .line = 8)},
	 2,
	 8,
	 "two currencies"},
	{"overlap",
	 {ROW(GOOD), ROW(GOOD, .id = TEXT("b"), .entry_line = 12)},
	 2,
	 12,
	 "overlaps price a (line 3)"},
	{"overlap by a day",
	 {ROW(GOOD, .valid_to = TEXT("2026-01-02")),
	  ROW(GOOD, .id = TEXT("b"), .valid_from = TEXT("2026-01-01"), .entry_line = 12)},
	 2,
	 12,
	 "overlaps price a (line 3)"},
	{"the same name for two entries",
	 {ROW(GOOD, .tier = TEXT("flex")), ROW(GOOD, .entry_line = 12)},
	 2,
	 12,
	 "already given"},
};

static void test_price__refuses_with_a_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct price_book *book = NULL;
		struct diag diag = {.text = ""};

		print_message("# %s\n", refusals[i].name);
		assert_int_equal(
			price_book_new(refusals[i].rows, refusals[i].count, &options, &diag, &book),
			ERR_MALFORMED);
		assert_null(book);
		print_message("# %u: %s\n", diag.line, diag.text);
		assert_string_equal(diag.file, "prices.yaml");
		assert_int_equal(diag.line, refusals[i].line);
		assert_non_null(strstr(diag.text, refusals[i].says));
	}
}

static void test_price__bounds_the_book(void **state)
{
	struct price_book *book = NULL;
	struct diag diag = {.text = ""};

	(void)state;
	assert_int_equal(price_book_new(sample, PRICE_ROWS + 1, &options, &diag, &book), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "too large"));
}

static void test_price__reads_rates(void **state)
{
	static const struct {
		const char *text;
		int64_t micro;
		const char *as;
	} rates[] = {
		{"0", 0, ""},
		{" 2.50 ", 2500000, ""},
		{"0.000001", 1, ""},
		{"0.10 per 1000", 100000000, ""},
		{"0.000000001 per 1000", 1, ""},
		{"3 per 1", 3000000000000, ""},
		{"0.000000000001 per 1", 1, ""},
		{"3 per 1000000", 3000000, ""},
		{"as  out_text ", 0, "out_text"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct rate rate;

		print_message("# %s\n", rates[i].text);
		assert_int_equal(rate_parse(str_from_c(rates[i].text), &rate), OK);
		assert_int_equal(rate.micro, rates[i].micro);
		assert_true(str_eq(rate.as, str_from_c(rates[i].as)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_price__finds_the_line),
		cmocka_unit_test(test_price__keeps_rates_exact),
		cmocka_unit_test(test_price__refuses_with_a_place),
		cmocka_unit_test(test_price__bounds_the_book),
		cmocka_unit_test(test_price__reads_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
