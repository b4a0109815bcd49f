/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each place of the grammar takes expressions from some level on; a node of a
 * lower level gets parentheses there. Chains are nodes of their own, so that one
 * in another of its kind gets them as well: (a && b) && c was written that way.
 */
#include "policy/print.h"

#include "policy/fn.h"
#include "policy/format.h"
#include "policy/print_literal.h"

#define UNARY_MAX 4

/* From the loosest to the tightest, as the productions of parse_expr.c nest. */
enum bind {
	BIND_EXPR, /* if */
	BIND_OR,
	BIND_AND,
	BIND_REL,
	BIND_ADD,
	BIND_MULT,
	BIND_UNARY,
	BIND_MEMBER,
	BIND_PRIMARY,
};

static void print_node(struct print *p, const struct expr *expr, enum bind place);

static bool value_is_negative(struct value value)
{
	return value.kind == VALUE_LONG && value.number < 0;
}

/* A path with a part that is no name: only JSON can say so. */
static bool is_long_has(const struct expr *expr)
{
	for (size_t i = 0; expr->has.count > 1 && i < expr->has.count; i++)
		if (!print_is_name(expr->has.path[i].str))
			return true;
	return false;
}

static enum bind level_of(const struct expr *expr)
{
	switch (expr->kind) {
	case EXPR_IF: return BIND_EXPR;
	case EXPR_OR: return BIND_OR;
	case EXPR_AND: return BIND_AND;
	case EXPR_HAS: return is_long_has(expr) ? BIND_AND : BIND_REL;
	case EXPR_COMPARE:
	case EXPR_LIKE:
	case EXPR_IS: return BIND_REL;
	case EXPR_SUM: return BIND_ADD;
	case EXPR_PRODUCT: return BIND_MULT;
	case EXPR_NOT:
	case EXPR_NEG: return BIND_UNARY;
	case EXPR_CHAIN: return BIND_MEMBER;
	case EXPR_VALUE: return value_is_negative(expr->value) ? BIND_UNARY : BIND_PRIMARY;
	case EXPR_VAR:
	case EXPR_CALL:
	case EXPR_SET:
	case EXPR_RECORD: break;
	}
	return BIND_PRIMARY;
}

static void print_list(struct print *p, const struct expr_list *list, const char *between,
		       enum bind place)
{
	for (size_t i = 0; i < list->count; i++) {
		print_put_c(p, i > 0 ? between : "");
		print_node(p, list->items[i], place);
	}
}

static void print_args(struct print *p, const char *name, const struct expr_list *args)
{
	print_put_c(p, name);
	print_put_c(p, "(");
	print_list(p, args, ", ", BIND_EXPR);
	print_put_c(p, ")");
}

/*
 * Four marks at most may stand in a row. A minus before digits is part of them:
 * so that -(5) stays an operator its literal is bracketed, and -5 as the operand
 * of up to three more stands bare.
 */
static void print_unary(struct print *p, const struct expr *expr)
{
	bool is_neg = expr->kind == EXPR_NEG;
	const struct expr *arg = expr->unary.arg;
	bool is_long = is_neg && arg->kind == EXPR_VALUE && arg->value.kind == VALUE_LONG;
	unsigned count = expr->unary.count;
	unsigned brackets = 0;

	for (; count > UNARY_MAX; count -= UNARY_MAX, brackets++)
		print_put_c(p, is_neg ? "----(" : "!!!!(");
	for (unsigned i = 0; i < count; i++)
		print_put_c(p, is_neg ? "-" : "!");
	if (is_long && (arg->value.number >= 0 || count == UNARY_MAX)) {
		print_put_c(p, "(");
		print_value_literal(p, arg->value);
		print_put_c(p, ")");
	} else {
		print_node(p, arg, is_long ? BIND_UNARY : BIND_MEMBER);
	}
	for (; brackets > 0; brackets--)
		print_put_c(p, ")");
}

static void print_if(struct print *p, const struct expr *expr)
{
	print_put_c(p, "if ");
	print_node(p, expr->cond.test, BIND_EXPR);
	print_put_c(p, " then ");
	print_node(p, expr->cond.then, BIND_EXPR);
	print_put_c(p, " else ");
	print_node(p, expr->cond.other, BIND_EXPR);
}

static void print_sum(struct print *p, const struct expr *expr)
{
	for (size_t i = 0; i < expr->sum.count; i++) {
		const struct expr_term *term = &expr->sum.terms[i];

		if (i > 0)
			print_put_c(p, term->is_minus ? " - " : " + ");
		print_node(p, term->expr, BIND_MULT);
	}
}

static void print_compare(struct print *p, const struct expr *expr)
{
	static const char *const marks[] = {
		[OP_EQ] = " == ", [OP_NE] = " != ", [OP_LT] = " < ",  [OP_LE] = " <= ",
		[OP_GT] = " > ",  [OP_GE] = " >= ", [OP_IN] = " in ",
	};

	print_node(p, expr->compare.left, BIND_ADD);
	print_put_c(p, marks[expr->compare.op]);
	print_node(p, expr->compare.right, BIND_ADD);
}

/* x has a["b c"] is no Cedar: it is x has a && x.a has "b c". */
static void print_long_has(struct print *p, const struct expr *expr)
{
	for (size_t i = 0; i < expr->has.count && p->err == OK; i++) {
		print_put_c(p, i > 0 ? " && " : "");
		print_node(p, expr->has.left, i > 0 ? BIND_MEMBER : BIND_ADD);
		for (size_t step = 0; step < i; step++)
			print_attribute(p, expr->has.path[step].str);
		print_put_c(p, " has ");
		print_key(p, expr->has.path[i].str);
	}
}

static void print_has(struct print *p, const struct expr *expr)
{
	if (is_long_has(expr)) {
		print_long_has(p, expr);
		return;
	}
	print_node(p, expr->has.left, BIND_ADD);
	print_put_c(p, " has ");
	for (size_t i = 0; i < expr->has.count; i++) {
		print_put_c(p, i > 0 ? "." : "");
		print_key(p, expr->has.path[i].str);
	}
}

static void print_like(struct print *p, const struct expr *expr)
{
	print_node(p, expr->like.left, BIND_ADD);
	print_put_c(p, " like ");
	print_pattern_literal(p, &expr->like.pattern);
}

static void print_is(struct print *p, const struct expr *expr)
{
	print_node(p, expr->is.left, BIND_ADD);
	print_put_c(p, " is ");
	print_put(p, expr->is.type.str);
	if (expr->is.in == NULL)
		return;
	print_put_c(p, " in ");
	print_node(p, expr->is.in, BIND_ADD);
}

static void print_chain(struct print *p, const struct expr *expr)
{
	print_node(p, expr->chain.base, BIND_PRIMARY);
	for (size_t i = 0; i < expr->chain.count; i++) {
		const struct expr_step *step = &expr->chain.steps[i];

		if (!step->is_call) {
			print_attribute(p, step->attr.str);
			continue;
		}
		print_put_c(p, ".");
		print_args(p, fn_table[step->fn].name, &step->args);
	}
}

static void print_record(struct print *p, const struct expr *expr)
{
	print_put_c(p, "{");
	for (size_t i = 0; i < expr->record.count; i++) {
		print_put_c(p, i > 0 ? ", " : " ");
		print_key(p, expr->record.keys[i].str);
		print_put_c(p, ": ");
		print_node(p, expr->record.values[i], BIND_EXPR);
	}
	print_put_c(p, expr->record.count > 0 ? " }" : "}");
}

static void print_set(struct print *p, const struct expr *expr)
{
	print_put_c(p, "[");
	print_list(p, &expr->list, ", ", BIND_EXPR);
	print_put_c(p, "]");
}

static void print_bare(struct print *p, const struct expr *expr)
{
	static const char *const variables[] = {
		[VAR_PRINCIPAL] = "principal",
		[VAR_ACTION] = "action",
		[VAR_RESOURCE] = "resource",
		[VAR_CONTEXT] = "context",
	};

	switch (expr->kind) {
	case EXPR_VALUE: print_value_literal(p, expr->value); break;
	case EXPR_VAR: print_put_c(p, variables[expr->var]); break;
	case EXPR_NOT:
	case EXPR_NEG: print_unary(p, expr); break;
	case EXPR_IF: print_if(p, expr); break;
	case EXPR_AND: print_list(p, &expr->list, " && ", BIND_REL); break;
	case EXPR_OR: print_list(p, &expr->list, " || ", BIND_AND); break;
	case EXPR_SUM: print_sum(p, expr); break;
	case EXPR_PRODUCT: print_list(p, &expr->list, " * ", BIND_UNARY); break;
	case EXPR_COMPARE: print_compare(p, expr); break;
	case EXPR_HAS: print_has(p, expr); break;
	case EXPR_LIKE: print_like(p, expr); break;
	case EXPR_IS: print_is(p, expr); break;
	case EXPR_CHAIN: print_chain(p, expr); break;
	case EXPR_CALL: print_args(p, fn_table[expr->call.fn].name, &expr->call.args); break;
	case EXPR_SET: print_set(p, expr); break;
	case EXPR_RECORD: print_record(p, expr); break;
	}
}

static void print_node(struct print *p, const struct expr *expr, enum bind place)
{
	bool is_loose = level_of(expr) < place;

	if (p->err != OK)
		return;
	print_put_c(p, is_loose ? "(" : "");
	print_bare(p, expr);
	print_put_c(p, is_loose ? ")" : "");
}

/* Policies ----------------------------------------------------------------------------------- */

static void print_scope_entity(struct print *p, const struct scope *scope, const char *variable)
{
	if (scope->is_slot) {
		print_put_c(p, "?");
		print_put_c(p, variable);
	} else {
		print_uid_literal(p, scope->uid);
	}
}

static void print_scope_set(struct print *p, const struct scope *scope)
{
	print_put_c(p, " in [");
	for (size_t i = 0; i < scope->uid_count; i++) {
		print_put_c(p, i > 0 ? ", " : "");
		print_uid_literal(p, scope->uids[i]);
	}
	print_put_c(p, "]");
}

static void print_scope(struct print *p, const struct scope *scope, const char *variable)
{
	bool is_typed = scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN;

	print_put_c(p, variable);
	print_put_c(p, is_typed ? " is " : "");
	print_put(p, is_typed ? scope->type.str : STR(""));
	switch (scope->kind) {
	case SCOPE_ANY:
	case SCOPE_IS: break;
	case SCOPE_EQ:
		print_put_c(p, " == ");
		print_scope_entity(p, scope, variable);
		break;
	case SCOPE_IN:
	case SCOPE_IS_IN:
		print_put_c(p, " in ");
		print_scope_entity(p, scope, variable);
		break;
	case SCOPE_IN_SET: print_scope_set(p, scope); break;
	}
}

static void print_annotations(struct print *p, const struct policy *policy)
{
	for (size_t i = 0; i < policy->annotation_count; i++) {
		const struct policy_annotation *annotation = &policy->annotations[i];

		print_put_c(p, "@");
		print_put(p, annotation->key);
		if (str_is_set(annotation->value)) {
			print_put_c(p, "(");
			print_string_literal(p, annotation->value);
			print_put_c(p, ")");
		}
		print_put_c(p, "\n");
	}
}

static void print_body(struct print *p, const struct policy *policy)
{
	print_put_c(p, policy->is_forbid ? "forbid (" : "permit (");
	print_scope(p, &policy->principal, "principal");
	print_put_c(p, ", ");
	print_scope(p, &policy->action, "action");
	print_put_c(p, ", ");
	print_scope(p, &policy->resource, "resource");
	print_put_c(p, ")");
	for (size_t i = 0; i < policy->condition_count; i++) {
		print_put_c(p, policy->conditions[i].is_unless ? " unless { " : " when { ");
		print_node(p, policy->conditions[i].body, BIND_EXPR);
		print_put_c(p, " }");
	}
	print_put_c(p, ";");
}

/* The public face ---------------------------------------------------------------------------- */

enum err print_expr(struct buf *out, const struct expr *expr)
{
	struct print p = {.out = out};

	print_node(&p, expr, BIND_EXPR);
	return p.err;
}

enum err print_value(struct buf *out, struct value value)
{
	struct print p = {.out = out};

	print_value_literal(&p, value);
	return p.err;
}

enum err print_uid(struct buf *out, const struct uid *uid)
{
	struct print p = {.out = out};

	print_uid_literal(&p, uid);
	return p.err;
}

enum err print_string(struct buf *out, struct str s)
{
	struct print p = {.out = out};

	print_string_literal(&p, s);
	return p.err;
}

enum err print_policy_line(struct buf *out, const struct policy *policy)
{
	struct print p = {.out = out};

	print_body(&p, policy);
	return p.err;
}

enum err print_policy_plain(struct buf *out, const struct policy *policy)
{
	struct print p = {.out = out};

	print_annotations(&p, policy);
	print_body(&p, policy);
	return p.err;
}

enum err print_policy(struct buf *out, const struct policy *policy)
{
	struct buf plain;
	enum err err;

	buf_init(&plain, out->max);
	err = print_policy_plain(&plain, policy);
	if (err == OK)
		err = format_layout(buf_str(&plain), out);
	buf_fini(&plain);
	return err;
}
