/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing output text and views of input text for the scripted model server,
 * and the little JSON it needs. None of it is shared with the gateway, so that
 * one mistake cannot hide in both.
 *
 * Owns:    a struct text owns its bytes until text_free.
 * Threads: one.
 * Limits:  none; the server bounds what it reads.
 */
#ifndef TESTS_UPSTREAM_TEXT_H
#define TESTS_UPSTREAM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const char *ptr;
	size_t len;
};

struct text {
	char *ptr;
	size_t len, cap;
};

/* Room for `more` bytes after the end. */
void text_reserve(struct text *text, size_t more);
void text_add(struct text *text, const char *ptr, size_t len);
void text_puts(struct text *text, const char *string);
void text_u64(struct text *text, uint64_t value);
/* A sum of pico that may pass 64 bits. */
void text_u128(struct text *text, unsigned __int128 value);
/* Quoted and escaped. */
void text_quoted(struct text *text, struct span value);
void text_free(struct text *text);

bool span_is(struct span span, const char *string);
bool span_starts(struct span span, const char *prefix);
bool span_ends(struct span span, const char *suffix);
/* Leading digits; 0 when there are none. */
uint64_t span_u64(struct span span);

/* Steps through the members of an object or the elements of an array. */
struct json_walk {
	const char *at, *end;
	bool is_object, is_broken, is_done;
};

/* False when `value` is neither an object nor an array. */
bool json_enter(struct json_walk *walk, struct span value);
/* False at the end, and when the text is not JSON (is_broken). Keys come without their quotes. */
bool json_next(struct json_walk *walk, struct span *out_key, struct span *out_value);
/* What a string value says, its quotes taken off; escapes stay as they are. */
struct span json_string(struct span value);
uint64_t json_count(struct span array);

#endif
