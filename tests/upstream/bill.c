/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/upstream/bill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const meter_names[METER_COUNT] = {
	[IN_TEXT_UNCACHED] = "in_text_uncached",
	[IN_CACHE_READ] = "in_cache_read",
	[IN_CACHE_WRITE_5M] = "in_cache_write_5m",
	[IN_CACHE_WRITE_1H] = "in_cache_write_1h",
	[IN_CACHE_WRITE_OTHER] = "in_cache_write_other",
	[OUT_TEXT] = "out_text",
	[OUT_REASONING] = "out_reasoning",
	[REQUESTS] = "requests",
	[ROWS] = "rows",
	[SEARCHES] = "searches",
	[OUT_AUDIO] = "out_audio",
	[OUT_IMAGE] = "out_image",
	[IMAGES] = "images",
	[AUDIO_MS] = "audio_ms",
	[CHARS] = "chars",
};

struct bill_line {
	struct bill_line *next;
	char *model, *credential;
	uint64_t calls, complete, cut;
	uint64_t meters[METER_COUNT];
	uint64_t cut_meters[METER_COUNT];
};

struct price {
	struct price *next;
	char *model;
	uint64_t micro[METER_COUNT];
};

struct bill {
	struct bill_line *lines;
	struct price *prices;
};

static void *checked(void *ptr)
{
	if (!ptr)
		abort();
	return ptr;
}

struct bill *bill_new(void)
{
	return checked(calloc(1, sizeof(struct bill)));
}

static struct price *price_of(struct bill *bill, struct span model)
{
	struct price *price;

	for (price = bill->prices; price; price = price->next) {
		if (span_is(model, price->model))
			return price;
	}
	price = checked(calloc(1, sizeof(*price)));
	price->model = checked(strndup(model.ptr, model.len));
	price->next = bill->prices;
	bill->prices = price;
	return price;
}

/* One word of a price line; the rest stays in `line`. */
static struct span cut_word(struct span *line)
{
	struct span word;
	size_t from = 0, to;

	while (from < line->len && strchr(" \t\n", line->ptr[from]))
		from++;
	for (to = from; to < line->len && !strchr(" \t\n", line->ptr[to]);)
		to++;
	word = (struct span){line->ptr + from, to - from};
	*line = (struct span){line->ptr + to, line->len - to};
	return word;
}

static bool price_add(struct bill *bill, struct span line)
{
	struct span model = cut_word(&line), name = cut_word(&line), micro = cut_word(&line);

	if (!model.len || model.ptr[0] == '#')
		return true;
	for (size_t meter = 0; meter < METER_COUNT; meter++) {
		if (span_is(name, meter_names[meter]) && micro.len) {
			price_of(bill, model)->micro[meter] = span_u64(micro);
			return true;
		}
	}
	return false;
}

bool bill_load_prices(struct bill *bill, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];
	bool is_good = file != NULL;

	while (is_good && fgets(line, sizeof(line), file)) {
		is_good = price_add(bill, (struct span){line, strlen(line)});
		if (!is_good) {
			fprintf(stderr, "%s: not `MODEL METER MICRO`: %s", path, line);
			errno = EINVAL;
		}
	}
	if (file)
		fclose(file);
	return is_good;
}

struct bill_line *bill_line(struct bill *bill, struct span model, struct span credential)
{
	struct bill_line *line;

	for (line = bill->lines; line; line = line->next) {
		if (span_is(model, line->model) && span_is(credential, line->credential))
			return line;
	}
	line = checked(calloc(1, sizeof(*line)));
	line->model = checked(strndup(model.ptr ? model.ptr : "", model.len));
	line->credential = checked(strndup(credential.ptr ? credential.ptr : "", credential.len));
	line->next = bill->lines;
	bill->lines = line;
	return line;
}

uint64_t bill_start(struct bill_line *line)
{
	return ++line->calls;
}

void bill_complete(struct bill_line *line, const uint64_t meters[METER_COUNT])
{
	line->complete++;
	for (size_t meter = 0; meter < METER_COUNT; meter++)
		line->meters[meter] += meters[meter];
}

void bill_cut(struct bill_line *line, const uint64_t meters[METER_COUNT])
{
	line->cut++;
	for (size_t meter = 0; meter < METER_COUNT; meter++)
		line->cut_meters[meter] += meters[meter];
}

void meters_print(const uint64_t meters[METER_COUNT], struct text *out)
{
	const char *separator = "";

	text_puts(out, "{");
	for (size_t meter = 0; meter < METER_COUNT; meter++) {
		if (!meters[meter])
			continue;
		text_puts(out, separator);
		text_quoted(out, (struct span){meter_names[meter], strlen(meter_names[meter])});
		text_puts(out, ":");
		text_u64(out, meters[meter]);
		separator = ",";
	}
	text_puts(out, "}");
}

/* One unit at one micro per million is one pico: a product, nothing to round. */
static unsigned __int128 line_pico(const struct bill *bill, const struct bill_line *line)
{
	unsigned __int128 pico = 0;

	for (const struct price *price = bill->prices; price; price = price->next) {
		if (strcmp(price->model, line->model) != 0)
			continue;
		for (size_t meter = 0; meter < METER_COUNT; meter++)
			pico += (unsigned __int128)line->meters[meter] * price->micro[meter];
	}
	return pico;
}

static void line_print(const struct bill *bill, const struct bill_line *line, struct text *out)
{
	text_puts(out, "{\"model\":");
	text_quoted(out, (struct span){line->model, strlen(line->model)});
	text_puts(out, ",\"credential\":");
	text_quoted(out, (struct span){line->credential, strlen(line->credential)});
	text_puts(out, ",\"calls\":");
	text_u64(out, line->calls);
	text_puts(out, ",\"complete\":");
	text_u64(out, line->complete);
	text_puts(out, ",\"cut\":");
	text_u64(out, line->cut);
	text_puts(out, ",\"meters\":");
	meters_print(line->meters, out);
	text_puts(out, ",\"cut_meters\":");
	meters_print(line->cut_meters, out);
	text_puts(out, ",\"cost_pico\":\"");
	text_u128(out, line_pico(bill, line));
	text_puts(out, "\"}");
}

void bill_print(const struct bill *bill, struct text *out)
{
	unsigned __int128 pico = 0;
	uint64_t calls = 0, complete = 0, cut = 0;

	text_puts(out, "{\"lines\":[");
	for (const struct bill_line *line = bill->lines; line; line = line->next) {
		line_print(bill, line, out);
		text_puts(out, line->next ? "," : "");
		calls += line->calls;
		complete += line->complete;
		cut += line->cut;
		pico += line_pico(bill, line);
	}
	text_puts(out, "],\"calls\":");
	text_u64(out, calls);
	text_puts(out, ",\"complete\":");
	text_u64(out, complete);
	text_puts(out, ",\"cut\":");
	text_u64(out, cut);
	text_puts(out, ",\"cost_pico\":\"");
	text_u128(out, pico);
	text_puts(out, "\"}");
}

bool bill_save(const struct bill *bill, const char *path)
{
	struct text out = {0};
	char beside[4096];
	FILE *file;
	bool is_good = false;

	snprintf(beside, sizeof(beside), "%s.new", path);
	bill_print(bill, &out);
	text_puts(&out, "\n");
	file = fopen(beside, "w");
	if (file) {
		is_good = fwrite(out.ptr, 1, out.len, file) == out.len;
		is_good = fclose(file) == 0 && is_good && rename(beside, path) == 0;
	}
	text_free(&out);
	return is_good;
}

void bill_free(struct bill *bill)
{
	while (bill->lines) {
		struct bill_line *line = bill->lines;

		bill->lines = line->next;
		free(line->model);
		free(line->credential);
		free(line);
	}
	while (bill->prices) {
		struct price *price = bill->prices;

		bill->prices = price->next;
		free(price->model);
		free(price);
	}
	free(bill);
}
