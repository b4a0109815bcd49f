/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resumable strict JSON skim (RFC 8259): one pass, no tree, no allocation. The
 * caller names paths; the scanner reports the value at each, with the byte
 * offsets of the value in the whole text, and refuses what is not JSON.
 *
 * Strict: UTF-8 (no BOM, surrogates paired in escapes), one top-level value,
 * white space around it only, depth bounded, numbers by grammar.
 *
 * Paths are written as "a.b.c" from the top; a component "*" stands for any
 * array element or any object member name. Keys are compared after unescaping
 * ("mod\u0065l" is "model").
 *
 * Owns:    nothing; scratch is inside the struct (a key or a captured value
 *          that is cut by a chunk edge waits there).
 * Threads: one user at a time.
 * Limits:  depth 64; captured strings JSCAN_CAPTURE bytes after unescaping
 *          (longer: reported with is_truncated); numbers 40 bytes captured;
 *          16 paths of at most 8 components.
 * Split law: any split of the input gives the same events and the same error
 *          at the same offset.
 */
#ifndef BASE_JSCAN_H
#define BASE_JSCAN_H

#include "base/err.h"
#include "base/str.h"

#define JSCAN_DEPTH      64
#define JSCAN_CAPTURE    512
#define JSCAN_PATHS      32
#define JSCAN_COMPONENTS 8

enum jscan_type {
	JSCAN_NULL,
	JSCAN_FALSE,
	JSCAN_TRUE,
	JSCAN_NUMBER,
	JSCAN_STRING,
	JSCAN_OBJECT,
	JSCAN_ARRAY,
};

/* Compiled once at start, shared and immutable. */
struct jscan_paths;

struct jscan_value {
	unsigned path;   /* index in the list given to jscan_paths_new */
	enum jscan_type type;
	struct str text; /* unescaped string, or number as written; empty for the others */
	bool is_truncated;
	bool is_duplicate; /* the same member name at the same place came before */
	uint64_t start;    /* offsets in the whole text: of the first byte ... */
	uint64_t end;      /* ... and behind the last (string: with its quotes) */
	uint64_t count;    /* array or object: how many elements or members */
};

/* view dies when it returns. Objects and arrays are reported at their end. A return other than
 * OK stops the scan with that error. */
typedef enum err (*jscan_fn)(void *arg, const struct jscan_value *value);

/* NULL-terminated list of paths, static text. */
struct jscan_paths *jscan_paths_new(const char *const *list);
void jscan_paths_free(struct jscan_paths *paths);

/* Open so that it can be embedded; the fields belong to jscan.c. */
struct jscan {
	const struct jscan_paths *paths;
	jscan_fn on_value;
	void *arg;
	uint64_t offset;
	/* state, stack and scratch follow */
};

void jscan_init(struct jscan *scan, const struct jscan_paths *paths, jscan_fn on_value, void *arg);
/* Once an error was returned every later call returns the same one. */
MUST_CHECK enum err jscan_feed(struct jscan *scan, struct str in);
/* No more bytes: OK only if exactly one whole value was seen. */
MUST_CHECK enum err jscan_end(struct jscan *scan);
/* Where the error stands, or how many bytes were taken. */
uint64_t jscan_offset(const struct jscan *scan);

#endif
