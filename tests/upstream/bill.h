/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model server's own bill: what it served to the last byte, counted per
 * model and credential, priced from its own table. It is what the gateway's
 * ledger is compared with, so it shares no code with it.
 *
 * Owns:    its lines and prices.
 * Threads: one.
 * Limits:  none.
 */
#ifndef TESTS_UPSTREAM_BILL_H
#define TESTS_UPSTREAM_BILL_H

#include "tests/upstream/text.h"

enum meter {
	IN_TEXT_UNCACHED,
	IN_CACHE_READ,
	IN_CACHE_WRITE_5M,
	IN_CACHE_WRITE_1H,
	IN_CACHE_WRITE_OTHER,
	OUT_TEXT,
	OUT_REASONING,
	REQUESTS,
	ROWS,
	SEARCHES,
	OUT_AUDIO,
	OUT_IMAGE,
	IMAGES,
	AUDIO_MS,
	CHARS,
	METER_COUNT,
};

struct bill;
struct bill_line;

struct bill *bill_new(void);
/* A text file of lines `MODEL METER MICRO_PER_MILLION`; `#` starts a comment. False: see errno or
 * the line printed. */
bool bill_load_prices(struct bill *bill, const char *path);
/* Found or made; valid until bill_free. */
struct bill_line *bill_line(struct bill *bill, struct span model, struct span credential);
/* The number of this call on its line, from 1. */
uint64_t bill_start(struct bill_line *line);
void bill_complete(struct bill_line *line, const uint64_t meters[METER_COUNT]);
/* The caller or a fault ended it before its last byte. */
void bill_cut(struct bill_line *line, const uint64_t meters[METER_COUNT]);
void bill_print(const struct bill *bill, struct text *out);
void meters_print(const uint64_t meters[METER_COUNT], struct text *out);
/* Written beside and renamed, so that a reader sees a whole one. */
bool bill_save(const struct bill *bill, const char *path);
void bill_free(struct bill *bill);

#endif
