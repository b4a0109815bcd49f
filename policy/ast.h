/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as parsed: kept as written (>, != and has a.b are not rewritten), so
 * that they can be printed and checked; chains of &&, ||, +, *, members are one
 * node each, so that no depth comes from their length.
 *
 * Owns:    nothing; every node lives in the arena of its policy set.
 * Threads: any, once parsed.
 * Limits:  AST_DEPTH levels of brackets and conditionals.
 */
#ifndef POLICY_AST_H
#define POLICY_AST_H

#include "policy/fn.h"
#include "policy/value.h"

#define AST_DEPTH 128

enum expr_kind {
	EXPR_VALUE,   /* literal: bool, long, string, uid */
	EXPR_VAR,     /* var */
	EXPR_NOT,     /* unary, count times */
	EXPR_NEG,     /* unary, count times */
	EXPR_IF,      /* cond */
	EXPR_AND,     /* list, two or more */
	EXPR_OR,      /* list, two or more */
	EXPR_SUM,     /* sum: + and - from left to right */
	EXPR_PRODUCT, /* list, two or more */
	EXPR_COMPARE, /* compare */
	EXPR_HAS,     /* has */
	EXPR_LIKE,    /* like */
	EXPR_IS,      /* is */
	EXPR_CHAIN,   /* chain: .a ["b"] .f(x) behind a primary */
	EXPR_CALL,    /* call: an extension constructor */
	EXPR_SET,     /* list */
	EXPR_RECORD,  /* record */
};

enum expr_var {
	VAR_PRINCIPAL,
	VAR_ACTION,
	VAR_RESOURCE,
	VAR_CONTEXT,
};

enum expr_op {
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_IN,
};

/* Literal pieces with a wildcard between each two: "a*b" has two, "*" has two empty ones. */
struct pattern {
	size_t count;
	const struct str *pieces;
};

struct expr_list {
	size_t count;
	const struct expr *const *items;
};

struct expr_term {
	const struct expr *expr;
	bool is_minus;
};

struct expr_step {
	bool is_call;
	enum fn_id fn;	       /* call */
	struct expr_list args; /* call */
	struct text attr;      /* attribute */
	uint32_t at;
};

struct expr {
	enum expr_kind kind;
	uint32_t at; /* byte offset in its source */
	/* The value of a CALL, SET or RECORD that cannot depend on a request. */
	const struct value *constant;
	union {
		struct value value;
		enum expr_var var;
		struct {
			const struct expr *arg;
			unsigned count;
		} unary;
		struct {
			const struct expr *test, *then, *other;
		} cond;
		struct expr_list list;
		struct {
			size_t count;
			const struct expr_term *terms;
		} sum;
		struct {
			enum expr_op op;
			const struct expr *left, *right;
		} compare;
		struct {
			const struct expr *left;
			size_t count;
			const struct text *path;
		} has;
		struct {
			const struct expr *left;
			struct pattern pattern;
		} like;
		struct {
			const struct expr *left;
			struct text type;
			const struct expr *in; /* NULL: plain `is` */
		} is;
		struct {
			const struct expr *base;
			size_t count;
			const struct expr_step *steps;
		} chain;
		struct {
			enum fn_id fn;
			struct expr_list args;
		} call;
		struct {
			size_t count;
			const struct text *keys;
			const struct expr *const *values;
		} record;
	};
};

enum scope_kind {
	SCOPE_ANY,
	SCOPE_EQ,
	SCOPE_IN,
	SCOPE_IS,
	SCOPE_IS_IN,
	SCOPE_IN_SET, /* action only */
};

struct scope {
	enum scope_kind kind;
	bool is_slot;	       /* of a template: uid is what a link fills in */
	struct text type;      /* IS, IS_IN */
	const struct uid *uid; /* EQ, IN, IS_IN */
	size_t uid_count;      /* IN_SET */
	const struct uid *const *uids;
};

struct policy_condition {
	bool is_unless;
	const struct expr *body;
};

struct policy_annotation {
	struct str key;
	struct str value; /* unset when written without one */
};

struct policy {
	struct str id;
	size_t position; /* in the set */
	bool is_forbid;
	bool is_template;
	const struct policy *template; /* of a link; its scopes hold the uids, no slots */
	struct scope principal, action, resource;
	size_t condition_count;
	const struct policy_condition *conditions;
	size_t annotation_count;
	const struct policy_annotation *annotations;
	const char *file;
	struct str text; /* all of its source, text or JSON, kept with the set */
	unsigned line;
	uint32_t at;
};

#endif
