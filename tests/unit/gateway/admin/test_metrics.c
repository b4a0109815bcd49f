/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /metrics, held against the rules of its format by a small parser. */
#include "gateway/admin/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/metering/ledger/tape.h"

#define METRICS 64

struct metric {
	struct str name;
	struct str kind;
	uint64_t last_bucket, infinity, count;
	int64_t last_le_us;
	unsigned samples;
	bool has_sum;
};

struct exposition {
	struct metric metrics[METRICS];
	size_t count;
	struct str pending; /* name of the HELP before */
	struct str series[512];
	size_t series_count;
};

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return s.len > 0;
}

static void take_comment(struct exposition *x, struct str line)
{
	struct str mark, word, name;

	assert_true(str_cut(&line, ' ', &mark));
	assert_true(str_cut(&line, ' ', &word));
	assert_true(str_cut(&line, ' ', &name));
	assert_true(is_name(name));
	assert_true(line.len > 0);
	if (str_eq(word, STR("HELP"))) {
		x->pending = name;
		return;
	}
	/* A metric begins once, with both of its comments. */
	assert_true(str_eq(word, STR("TYPE")));
	assert_true(str_eq(name, x->pending));
	assert_true(str_eq(line, STR("counter")) || str_eq(line, STR("gauge")) ||
		    str_eq(line, STR("histogram")));
	for (size_t i = 0; i < x->count; i++)
		assert_false(str_eq(x->metrics[i].name, name));
	assert_true(x->count < METRICS);
	x->metrics[x->count++] = (struct metric){.name = name, .kind = line, .last_le_us = -1};
}

static uint64_t whole(struct str value)
{
	uint64_t number = 0;

	assert_int_equal(str_to_u64(value, &number), OK);
	return number;
}

static void take_bucket(struct metric *metric, struct str series, struct str value)
{
	struct str le = str_sub(series, str_index(series, '"') + 1, series.len);
	uint64_t number = whole(value);
	int64_t le_us = 0;

	le = str_sub(le, 0, str_index(le, '"'));
	assert_true(number >= metric->last_bucket);
	metric->last_bucket = number;
	if (str_eq(le, STR("+Inf"))) {
		metric->infinity = number;
		return;
	}
	assert_int_equal(str_to_scaled(le, 6, &le_us), OK);
	assert_true(le_us > metric->last_le_us);
	metric->last_le_us = le_us;
}

static void take_sample(struct exposition *x, struct str line)
{
	struct metric *metric = &x->metrics[x->count - 1];
	struct str series, name, tail;

	assert_true(x->count > 0);
	assert_true(str_cut(&line, ' ', &series));
	assert_true(line.len > 0);
	for (size_t i = 0; i < x->series_count; i++)
		assert_false(str_eq(x->series[i], series));
	assert_true(x->series_count < ARRAY_LEN(x->series));
	x->series[x->series_count++] = series;
	metric->samples++;
	name = str_sub(series, 0, str_index(series, '{'));
	assert_true(is_name(name));
	assert_true(str_has_prefix(name, metric->name));
	tail = str_sub(name, metric->name.len, name.len);
	if (!str_eq(metric->kind, STR("histogram"))) {
		assert_int_equal(tail.len, 0);
		(void)whole(line);
		return;
	}
	if (str_eq(tail, STR("_bucket")))
		take_bucket(metric, series, line);
	else if (str_eq(tail, STR("_count")))
		metric->count = whole(line);
	else
		assert_true(str_eq(tail, STR("_sum")));
	metric->has_sum = metric->has_sum || str_eq(tail, STR("_sum"));
}

static void parse(struct exposition *x, struct str text)
{
	struct str line;

	*x = (struct exposition){.count = 0};
	assert_true(str_has_suffix(text, STR("\n")));
	while (str_cut(&text, '\n', &line)) {
		if (str_has_prefix(line, STR("#")))
			take_comment(x, line);
		else
			take_sample(x, line);
	}
	for (size_t i = 0; i < x->count; i++) {
		const struct metric *metric = &x->metrics[i];

		assert_true(metric->samples > 0);
		assert_true(str_has_prefix(metric->name, STR("tollgate_")));
		assert_int_equal(str_eq(metric->kind, STR("counter")),
				 str_has_suffix(metric->name, STR("_total")));
		if (!str_eq(metric->kind, STR("histogram")))
			continue;
		assert_true(metric->has_sum);
		assert_int_equal(metric->infinity, metric->count);
	}
}

static bool has_line(struct str text, const char *want)
{
	struct str line;

	while (str_cut(&text, '\n', &line))
		if (str_eq(line, str_from_c(want)))
			return true;
	return false;
}

/* Sources ------------------------------------------------------------------------------- */

static enum err on_open(void *arg, const struct record *intent, const struct record *progress,
			struct buf *out_settle)
{
	(void)arg;
	(void)intent;
	(void)progress;
	(void)out_settle;
	return ERR_INTERNAL;
}

struct fixture {
	char folder[64];
	struct journal *journal;
	struct ledger *ledger;
	struct worker *workers[2];
	struct budget_table *budgets;
	struct metrics_sources sources;
};

static void fixture_init(struct fixture *f)
{
	struct journal_options journal = {.gateway = STR("gw-1"), .on_open = on_open};
	struct ledger_options ledger = {.gateway = "gw-1"};
	static const struct budget_options budgets[] = {
		{.name = STR("a\"b\\"),
		 .window = {.kind = WINDOW_HOUR},
		 .limit = 7,
		 .is_hard = true},
		{.name = STR("c"), .unit = BUDGET_TOKENS, .window = {.kind = WINDOW_DAY}},
	};
	static const struct authzen_stats authzen = {.allowed = 5, .denied = 6, .refused = 7};
	struct diag diag;

	tape_folder(f->folder);
	journal.state = ledger.state = f->folder;
	assert_int_equal(journal_open(&journal, &diag, &f->journal), OK);
	assert_int_equal(ledger_start(&ledger, f->journal, &diag, &f->ledger), OK);
	assert_int_equal(budget_table_new(budgets, ARRAY_LEN(budgets), NULL, 0, &diag, &f->budgets),
			 OK);
	for (size_t i = 0; i < ARRAY_LEN(f->workers); i++)
		f->workers[i] = calloc(1, sizeof(*f->workers[i]));
	f->sources = (struct metrics_sources){
		.workers = f->workers,
		.worker_count = ARRAY_LEN(f->workers),
		.journal = f->journal,
		.ledger = f->ledger,
		.budgets = f->budgets,
		.reloads = 3,
		.failed_reloads = 1,
		.authzen = &authzen,
	};
}

static void fixture_fini(struct fixture *f)
{
	for (size_t i = 0; i < ARRAY_LEN(f->workers); i++)
		free(f->workers[i]);
	budget_table_free(f->budgets);
	assert_true(ledger_stop(f->ledger, 10000));
	assert_int_equal(journal_close(f->journal), OK);
	tape_remove(f->folder);
}

static void test_metrics__are_well_formed(void **state)
{
	static struct exposition x;
	struct fixture f;
	struct buf text;

	(void)state;
	fixture_init(&f);
	buf_init(&text, 1 << 20);
	assert_int_equal(metrics_write(&text, &f.sources), OK);
	parse(&x, buf_str(&text));
	assert_true(x.count > 30);
	for (int64_t ns = 1; ns < 1000000000000000; ns *= 3) {
		stat_observe_ns(&f.workers[0]->stats.duration, ns);
		stat_observe_ns(&f.workers[1]->stats.first_byte, ns);
	}
	buf_reset(&text);
	assert_int_equal(metrics_write(&text, &f.sources), OK);
	parse(&x, buf_str(&text));
	buf_fini(&text);
	fixture_fini(&f);
}

static void test_metrics__tell_budgets_by_name_and_unit(void **state)
{
	struct budget_hold hold;
	struct fixture f;
	struct buf text;

	(void)state;
	fixture_init(&f);
	budget_table_enforce(f.budgets);
	assert_int_equal(budget_reserve(budget_at(f.budgets, 0)->account->budget, 5, 0, &hold), OK);
	buf_init(&text, 1 << 20);
	assert_int_equal(metrics_write(&text, &f.sources), OK);
	assert_true(has_line(buf_str(&text), "tollgate_budget_limit{budget=\"a\\\"b\\\\\","
					     "unit=\"money\",mode=\"hard\"} 7"));
	assert_true(has_line(buf_str(&text), "tollgate_budget_held{budget=\"a\\\"b\\\\\","
					     "unit=\"money\",mode=\"hard\"} 5"));
	assert_true(has_line(buf_str(&text), "tollgate_budget_spent{budget=\"c\","
					     "unit=\"tokens\",mode=\"soft\"} 0"));
	assert_true(has_line(buf_str(&text), "tollgate_budgets_untold 0"));
	buf_fini(&text);
	fixture_fini(&f);
}

static void test_metrics__are_summed_over_the_workers(void **state)
{
	struct fixture f;
	struct buf text;

	(void)state;
	fixture_init(&f);
	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < 2; i++) {
		struct worker_stats *stats = &f.workers[i]->stats;

		stat_add(&stats->requests, 5 + i);
		stat_add(&stats->answers[2], 4);
		stat_add(&stats->answers[0], i);
		stat_observe_ns(&stats->duration, 2000000);
	}
	/* A gauge that one worker raised and the other lowered. */
	stat_add(&f.workers[0]->stats.open, 3);
	stat_add(&f.workers[1]->stats.open, UINT64_MAX);
	assert_int_equal(metrics_write(&text, &f.sources), OK);
	assert_true(has_line(buf_str(&text), "tollgate_requests_total 11"));
	assert_true(has_line(buf_str(&text), "tollgate_answers_total{class=\"2xx\"} 8"));
	assert_true(has_line(buf_str(&text), "tollgate_answers_total{class=\"broken\"} 1"));
	assert_true(has_line(buf_str(&text), "tollgate_connections_open 2"));
	assert_true(has_line(buf_str(&text), "tollgate_request_duration_seconds_count 2"));
	assert_true(has_line(buf_str(&text), "tollgate_request_duration_seconds_sum 0.004000"));
	assert_true(has_line(buf_str(&text), "tollgate_journal_admits 1"));
	assert_true(has_line(buf_str(&text), "tollgate_reloads_total 3"));
	assert_true(has_line(buf_str(&text),
			     "tollgate_authzen_evaluations_total{answer=\"refused\"} 7"));
	assert_true(has_line(buf_str(&text), "tollgate_reloads_failed_total 1"));
	buf_fini(&text);
	fixture_fini(&f);
}

static void test_metrics__that_do_not_fit_are_an_error(void **state)
{
	struct fixture f;
	struct buf text;
	size_t len;

	(void)state;
	fixture_init(&f);
	buf_init(&text, 1 << 20);
	assert_int_equal(metrics_write(&text, &f.sources), OK);
	len = text.len;
	buf_fini(&text);
	for (size_t max = 0; max < len; max += 97) {
		buf_init(&text, max);
		assert_int_equal(metrics_write(&text, &f.sources), ERR_LIMIT);
		buf_fini(&text);
	}
	fixture_fini(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics__are_well_formed),
		cmocka_unit_test(test_metrics__tell_budgets_by_name_and_unit),
		cmocka_unit_test(test_metrics__are_summed_over_the_workers),
		cmocka_unit_test(test_metrics__that_do_not_fit_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
