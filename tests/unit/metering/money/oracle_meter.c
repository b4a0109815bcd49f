/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of oracle.py: reads a price book and then responses, answers what
 * each consumed and cost. Lines of fields separated by tabs, on stdin:
 *
 *   row ENTRY ID MODEL METER RATE ABOVE FROM TO      one rate
 *   ask MODEL DIALECT 0|1 DATE BODY                  line ends in BODY as \x01
 *     -> PICO UNPRICED INPUT OUTPUT FLAGS
 *   end
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "metering/money/cost.h"
#include "metering/usage/extract.h"

#define ROWS_MAX       20000
#define LINE_MAX_BYTES 65536

struct oracle {
	struct arena arena;
	struct price_row *rows;
	size_t row_count;
	struct price_book *book;
	struct dialects *dialects;
};

static void die(const char *why)
{
	fprintf(stderr, "oracle_meter: %s\n", why);
	exit(3);
}

static struct str field(struct str *line)
{
	struct str head;

	(void)str_cut(line, '\t', &head);
	return head;
}

static void add_row(struct oracle *o, struct str line)
{
	struct price_row *row = &o->rows[o->row_count++];
	struct str *models = arena_zalloc(&o->arena, sizeof(*models));
	uint64_t entry = 0;

	if (o->row_count == ROWS_MAX || str_to_u64(field(&line), &entry) != OK)
		die("bad row");
	row->entry_line = (unsigned)entry;
	row->id = arena_str(&o->arena, field(&line));
	*models = arena_str(&o->arena, field(&line));
	row->meter = arena_str(&o->arena, field(&line));
	row->rate = arena_str(&o->arena, field(&line));
	row->above_input = arena_str(&o->arena, field(&line));
	row->valid_from = arena_str(&o->arena, field(&line));
	row->valid_to = arena_str(&o->arena, field(&line));
	row->models = models;
	row->model_count = 1;
	row->version = STR("1");
	row->currency = STR("USD");
}

static void load(struct oracle *o)
{
	static const struct price_options options = {"data.json", NULL};
	struct diag diag = {.text = ""};

	if (price_book_new(o->rows, o->row_count, &options, &diag, &o->book) != OK)
		die(diag.text);
}

static void price(const struct oracle *o, struct str model, int64_t at_ns,
		  const struct usage *usage)
{
	struct price_key key = {.model = model};
	struct cost_item items[METER_COUNT];
	struct cost cost;

	for (unsigned i = 0; i < METER_COUNT; i++)
		items[i] =
			(struct cost_item){str_from_c(meter_name((enum meter)i)), usage->counts[i]};
	if (cost_compute(price_find_set(o->book, &key, at_ns, usage_input(usage)), items,
			 METER_COUNT, &cost) != OK)
		die("cost overflows");
	printf("%lld %d %lld %lld %u\n", (long long)cost.pico, cost.has_unpriced,
	       (long long)usage_input(usage), (long long)usage_output(usage), usage->flags);
}

static void ask(const struct oracle *o, struct str line, char *body)
{
	struct str model = field(&line), name = field(&line);
	bool is_stream = str_eq(field(&line), STR("1"));
	enum dialect dialect;
	struct usage usage;
	struct extract x;
	int64_t at_ns;

	if (!dialect_from_name(name, &dialect) || clock_parse(field(&line), &at_ns) != OK)
		die("bad question");
	for (char *c = body; *c != '\0'; c++)
		*c = *c == '\x01' ? '\n' : *c;
	extract_init(&x, o->dialects, dialect, is_stream ? EXTRACT_SSE : EXTRACT_JSON);
	extract_set_provider(&x, str_sub(model, 0, str_index(model, ':')));
	extract_feed(&x, line);
	extract_finish(&x, 0, &usage);
	price(o, model, at_ns, &usage);
}

int main(void)
{
	struct oracle o = {.row_count = 0};
	char *text = malloc(LINE_MAX_BYTES);

	arena_init(&o.arena, 65536, 64 << 20);
	o.rows = calloc(ROWS_MAX, sizeof(*o.rows));
	o.dialects = dialects_new();
	while (fgets(text, LINE_MAX_BYTES, stdin) != NULL) {
		struct str line = str_make(text, strcspn(text, "\n"));
		struct str verb = field(&line);

		if (str_eq(verb, STR("row"))) {
			add_row(&o, line);
			continue;
		}
		if (str_eq(verb, STR("end")))
			break;
		if (o.book == NULL)
			load(&o);
		ask(&o, line, text);
	}
	price_book_free(o.book);
	dialects_free(o.dialects);
	arena_fini(&o.arena);
	free(o.rows);
	free(text);
	return 0;
}
