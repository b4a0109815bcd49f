/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of policies that may not be what they look like: characters that turn
 * the direction of writing, letters of several scripts in one word, characters
 * that no name is made of.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none.
 */
#ifndef POLICY_CHECK_SPELLING_H
#define POLICY_CHECK_SPELLING_H

#include "policy/ast.h"

/* Gets one sentence. */
struct check_spelling {
	void (*on_warning)(void *arg, uint32_t at, const char *text);
	void *arg;
};

/* An attribute, a key, an entity's id. */
void check_spelling_name(const struct check_spelling *spelling, struct str name, uint32_t at);
void check_spelling_string(const struct check_spelling *spelling, struct str text, uint32_t at);
void check_spelling_pattern(const struct check_spelling *spelling, const struct pattern *pattern,
			    uint32_t at);

#endif
