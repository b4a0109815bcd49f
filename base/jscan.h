/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resumable strict JSON skim (RFC 8259): one pass, no tree, no allocation. The
 * caller names paths; the scanner reports the value at each, with the byte
 * offsets of the value in the whole text, and refuses what is not JSON.
 *
 * Strict: UTF-8 (no BOM, surrogates paired in escapes), one top-level value,
 * white space around it only, depth bounded, numbers by grammar.
 *
 * Paths are written as "a.b.c" from the top; "" is the whole text; a component
 * "*" stands for any array element or object member, a decimal such as "0" also
 * for the array element of that index. Keys are compared after unescaping
 * ("mod\u0065l" is "model").
 *
 * Owns:    nothing; scratch is inside the struct (a key or a captured value
 *          that is cut by a chunk edge or holds an escape waits there).
 * Threads: one user at a time; jscan_paths are immutable and shared.
 * Limits:  depth 64 (ERR_LIMIT); captured strings JSCAN_CAPTURE bytes after
 *          unescaping (longer: the first bytes, is_truncated); numbers
 *          JSCAN_DIGITS bytes captured; 64 paths of at most 8 components.
 * Split law: any split of the input gives the same events and the same error
 *          at the same offset.
 */
#ifndef BASE_JSCAN_H
#define BASE_JSCAN_H

#include "base/jescape.h"
#include "base/jscan_paths.h"

#define JSCAN_DEPTH   64
#define JSCAN_CAPTURE 512
#define JSCAN_DIGITS  40

enum jscan_type {
	JSCAN_NULL,
	JSCAN_FALSE,
	JSCAN_TRUE,
	JSCAN_NUMBER,
	JSCAN_STRING,
	JSCAN_OBJECT,
	JSCAN_ARRAY,
};

struct jscan_value {
	unsigned path; /* index in the list given to jscan_paths_new */
	enum jscan_type type;
	struct str text; /* unescaped string, or number as written; unset for the others */
	bool is_truncated;
	bool is_duplicate; /* the same member name came before at this place, or above it; or this
			      one is a twin (jscan_paths.h) */
	uint64_t start;	   /* offsets in the whole text: of the first byte ... */
	uint64_t end;	   /* ... and behind the last (string: with its quotes) */
	uint64_t count;	   /* array or object: how many elements or members */
	uint64_t index;	   /* which element or member of its parent this is, from 0 */
};

/* The value and its text die when it returns. Objects and arrays are reported at their end, so
 * after what is in them. A return other than OK stops the scan with that error. */
typedef enum err (*jscan_fn)(void *arg, const struct jscan_value *value);

/* One open container that a path may still reach into. */
struct jscan_frame {
	uint64_t alive; /* paths that lead here or below */
	uint64_t seen;	/* of those, the ones whose next component was met */
	uint64_t again; /* of those, the ones that came by a repeated name */
	uint64_t start;
	uint64_t count;
	uint64_t index;
};

/* Open so that it can be embedded (about 1.1 KiB); the fields belong to jscan.c. */
struct jscan {
	const struct jscan_paths *paths;
	const uint64_t *ends; /* the paths' own, by number of components */
	jscan_fn on_value;
	void *arg;
	uint64_t offset;      /* of the next byte, or of the error */
	uint64_t token_start; /* of the string, number or word being read */
	uint64_t kinds;	      /* bit d: the container at depth d is an object */
	uint64_t alive;	      /* paths that lead to the value being read, or below it */
	uint64_t again;	      /* as in the frame */
	const char *word;     /* rest of true, false, null */
	struct jescape escape;
	uint16_t scratch_len;
	uint8_t state;
	uint8_t depth;
	uint8_t err;
	uint8_t number_state;
	uint8_t utf8_left; /* continuation bytes still wanted, the next within min..max */
	uint8_t utf8_min;
	uint8_t utf8_max;
	uint8_t word_type;
	bool is_key;
	bool is_capturing;
	bool is_in_scratch;
	bool is_truncated;
	struct jscan_frame frames[JSCAN_COMPONENTS + 1];
	char scratch[JSCAN_CAPTURE];
};

void jscan_init(struct jscan *scan, const struct jscan_paths *paths, jscan_fn on_value, void *arg);
/* Once an error was returned every later call returns the same one. */
MUST_CHECK enum err jscan_feed(struct jscan *scan, struct str in);
/* No more bytes: OK only if exactly one whole value was seen; a top-level number is reported here.
 */
MUST_CHECK enum err jscan_end(struct jscan *scan);
/* Where the error stands, or how many bytes were taken. */
uint64_t jscan_offset(const struct jscan *scan);

#endif
