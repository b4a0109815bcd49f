/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For print.c: the leaves of what is printed, and the first error that ends the
 * writing, so that printers need not look at each step.
 *
 * Owns:    nothing.
 * Threads: one user at a time.
 * Limits:  the buffer's maximum.
 */
#ifndef POLICY_PRINT_LITERAL_H
#define POLICY_PRINT_LITERAL_H

#include "base/buf.h"
#include "policy/ast.h"

struct print {
	struct buf *out;
	enum err err; /* the first one: nothing is written behind it */
};

void print_put(struct print *p, struct str s);
void print_put_c(struct print *p, const char *s);

/* In quotes, with the escapes that are needed. */
void print_string_literal(struct print *p, struct str s);
void print_pattern_literal(struct print *p, const struct pattern *pattern);
void print_uid_literal(struct print *p, const struct uid *uid);
/* Whether it can stand bare behind a dot. */
bool print_is_name(struct str s);
/* A name, or a string where it is none: behind `has` and in records. */
void print_key(struct print *p, struct str key);
/* .name or ["no name"]. */
void print_attribute(struct print *p, struct str attr);
/* A negative number stands bare. */
void print_value_literal(struct print *p, struct value value);

#endif
