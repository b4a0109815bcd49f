/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One expression partially evaluated: a value, an error, or what remains of it
 * with what is known of its type. The inside of partial.h, shared by its parts:
 * operators in partial_expr.c, attributes and methods in partial_chain.c.
 *
 * Owns:    nothing; expressions live in the arena of partial->eval.
 * Threads: as partial.h.
 * Limits:  as partial.h.
 */
#ifndef POLICY_PARTIAL_TERM_H
#define POLICY_PARTIAL_TERM_H

#include "policy/partial.h"

enum term_kind {
	TERM_VALUE,
	TERM_ERROR, /* every completion ends in an error */
	TERM_RESIDUAL,
};

struct term {
	enum term_kind kind;
	struct value value;
	const struct expr *expr;	/* what remains; of the others: what it was made from */
	const struct schema_type *type; /* RESIDUAL: of its value, when it has one; NULL: any */
	bool is_total;			/* RESIDUAL: it cannot be in error */
	bool is_never_true;		/* RESIDUAL */
};

/* is_condition: who asks takes anything but a Bool for an error. */
struct term partial_term(struct partial *partial, const struct expr *expr, bool is_condition);
struct term partial_chain(struct partial *partial, const struct expr *expr);
struct term partial_has(struct partial *partial, const struct expr *expr);
struct term partial_call(struct partial *partial, const struct expr *expr);
struct term partial_not(struct partial *partial, const struct expr *origin, struct term arg,
			unsigned count, bool is_condition);

/* A chain of && (stop: false) or || (stop: true) as its terms come. */
struct term_logic {
	struct partial *partial;
	bool stop;
	bool is_settled; /* to stop, whatever comes */
	bool is_ended;	 /* nothing behind is looked at */
	bool is_total;
	size_t count;
	struct term *terms; /* room for all that will be pushed */
};

void term_logic_push(struct term_logic *logic, struct term term);
struct term term_logic_end(const struct term_logic *logic, const struct expr *origin,
			   bool is_condition);

struct term term_value(struct value value, const struct expr *origin);
struct term term_error(const struct expr *origin);
struct term term_residual(const struct expr *expr, const struct schema_type *type, bool is_total);
/* What is known not to be a Bool is an error. */
struct term term_as_bool(struct term term);
/* The term as a part of a residual. */
const struct expr *term_expr(struct partial *partial, const struct term *term);
/* A literal of any value, for evaluating alone. */
struct expr term_literal(struct value value);
/* Evaluates a node whose parts are literals. */
struct term term_fold(struct partial *partial, const struct expr *node, const struct expr *origin);
/* In the arena; NULL past its cap, which ends in ERR_LIMIT. */
struct expr *term_node(struct partial *partial, const struct expr *like);
/* Without aliases; NULL when it is not known. */
const struct schema_type *term_type(struct partial *partial, const struct term *term);
/* Its kind, every Bool being SCHEMA_BOOL; SCHEMA_NAME when it is not known. */
enum schema_kind term_kind_of(struct partial *partial, const struct term *term);
/* Known, and another one than that. */
bool term_is_not(struct partial *partial, const struct term *term, enum schema_kind kind);

bool partial_has_whole_context(const struct partial *partial);
/* May it be an entity of which nothing is known? */
bool partial_is_open(const struct partial *partial, const struct uid *uid);

#endif
