/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts of Unicode: is a text written in one, and is a character one that
 * names are made of? By UTS 39: Script_Extensions with the usual mixtures of
 * Japanese, Korean and Chinese, and Identifier_Status.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none; the tables are of the Unicode version that script_table.c
 *          names.
 */
#ifndef POLICY_SCRIPT_H
#define POLICY_SCRIPT_H

#include "base/str.h"

/* The next character of valid UTF-8, taken off *rest, which is not empty. */
uint32_t script_next(struct str *rest);
/* Changes the direction of what is shown: U+202A to 202E, U+2066 to 2069. */
bool script_is_direction(uint32_t c);
/* Not recommended in names. */
bool script_is_odd(uint32_t c);

/* The scripts that all characters so far may belong to. */
struct script_mix {
	uint64_t common[3];
};

void script_mix_init(struct script_mix *mix);
/* False: *out_odd is the first character that has no script in common with those before it. */
bool script_mix_add(struct script_mix *mix, struct str text, uint32_t *out_odd);

/* Made by script_table.pl: start << 9 | is allowed in names << 8 | index of its set, ascending;
 * sets of scripts, the first of all, the second of none. */
extern const uint64_t script_sets[][3];
extern const uint32_t script_ranges[];
extern const size_t script_range_count;

#endif
