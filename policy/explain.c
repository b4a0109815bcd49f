/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include "policy/lex.h"
#include "policy/print.h"
#include "policy/set.h"

struct explaining {
	struct eval eval;
	struct arena *arena;
	struct explain *out;
};

/* What a printer wrote, as far as it came, in the arena. */
static struct str keep(struct explaining *x, struct buf *text, enum err err)
{
	struct str kept = arena_concat(x->arena, buf_str(text), err == OK ? STR("") : STR(" …"));

	buf_fini(text);
	return kept;
}

static struct str shown_expr(struct explaining *x, const struct expr *expr)
{
	struct buf text;

	buf_init(&text, EXPLAIN_TEXT);
	return keep(x, &text, print_expr(&text, expr));
}

static struct str shown_value(struct explaining *x, struct value value)
{
	struct buf text;

	buf_init(&text, EXPLAIN_VALUE);
	return keep(x, &text, print_value(&text, value));
}

/* Scopes ----------------------------------------------------------------------------------- */

static enum err print_uids(struct buf *out, const struct scope *scope)
{
	enum err err = buf_append(out, STR(" in ["));

	for (size_t i = 0; err == OK && i < scope->uid_count; i++) {
		if (i > 0)
			err = buf_append(out, STR(", "));
		if (err == OK)
			err = print_uid(out, scope->uids[i]);
	}
	return err == OK ? buf_append_byte(out, ']') : err;
}

static enum err print_scope(struct buf *out, struct str variable, const struct scope *scope)
{
	bool has_type = scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN;
	enum err err = buf_append(out, variable);

	if (err == OK && has_type)
		err = buf_printf(out, " is " STR_FMT, STR_ARG(scope->type.str));
	if (err == OK && scope->kind == SCOPE_IN_SET)
		return print_uids(out, scope);
	if (err != OK || scope->uid == NULL)
		return err;
	err = buf_append(out, scope->kind == SCOPE_EQ ? STR(" == ") : STR(" in "));
	return err == OK ? print_uid(out, scope->uid) : err;
}

static struct explain_scope explain_scope(struct explaining *x, struct str variable,
					  const struct scope *scope, const struct uid *uid)
{
	struct buf text;

	buf_init(&text, EXPLAIN_TEXT);
	return (struct explain_scope){
		.text = keep(x, &text, print_scope(&text, variable, scope)),
		.is_true = eval_scope(&x->eval, scope, uid),
	};
}

/* Reads ------------------------------------------------------------------------------------ */

struct reads {
	struct explaining *x;
	size_t count;
	struct explain_read *items;
};

static void add_read(struct reads *reads, const struct expr *expr)
{
	struct explaining *x = reads->x;
	struct explain_read read = {.path = shown_expr(x, expr)};
	struct value value;

	for (size_t i = 0; i < reads->count; i++)
		if (str_eq(reads->items[i].path, read.path))
			return;
	if (reads->count == EXPLAIN_READS)
		return;
	if (eval_expr(&x->eval, expr, &value))
		read.value = shown_value(x, value);
	reads->items[reads->count++] = read;
}

/* An attribute, or a tag whose name is written out. */
static bool is_access(const struct expr_step *step)
{
	return !step->is_call || (step->fn == FN_GET_TAG && step->args.count == 1 &&
				  step->args.items[0]->kind == EXPR_VALUE);
}

static bool is_root(const struct expr *expr)
{
	return expr->kind == EXPR_VAR ||
	       (expr->kind == EXPR_VALUE && expr->value.kind == VALUE_ENTITY);
}

/* of.step ..., as far as one can go on from a variable or an entity. */
static void add_access(struct reads *reads, const struct expr *of, const struct expr_step *steps,
		       size_t count)
{
	struct expr chain = {.kind = EXPR_CHAIN, .at = of->at, .chain = {of, count, steps}};

	if (count > 0 && is_root(of))
		add_read(reads, &chain);
}

/* hasTag("x") asks for what getTag("x") reads. */
static void add_tag(struct reads *reads, const struct expr *of, const struct expr_step *steps,
		    size_t count)
{
	struct expr_step *copy = arena_array(reads->x->arena, count + 1, sizeof(*copy));

	if (copy == NULL)
		return;
	memcpy(copy, steps, (count + 1) * sizeof(*copy));
	copy[count].fn = FN_GET_TAG;
	if (is_access(&copy[count]))
		add_access(reads, of, copy, count + 1);
}

static void find_reads(struct reads *reads, const struct expr *expr);

static void find_in_list(struct reads *reads, const struct expr_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		find_reads(reads, list->items[i]);
}

static void find_in_chain(struct reads *reads, const struct expr *expr)
{
	const struct expr_step *steps = expr->chain.steps;
	size_t count = 0;

	while (count < expr->chain.count && is_access(&steps[count]))
		count++;
	if (count < expr->chain.count && steps[count].fn == FN_HAS_TAG)
		add_tag(reads, expr->chain.base, steps, count);
	else
		add_access(reads, expr->chain.base, steps, count);
	find_reads(reads, expr->chain.base);
	for (size_t i = 0; i < expr->chain.count; i++)
		if (steps[i].is_call)
			find_in_list(reads, &steps[i].args);
}

/* `principal has a.b` asks for principal.a.b. */
static void find_in_has(struct reads *reads, const struct expr *expr)
{
	const struct expr *left = expr->has.left;
	bool is_chain = left->kind == EXPR_CHAIN;
	const struct expr *base = is_chain ? left->chain.base : left;
	size_t own = is_chain ? left->chain.count : 0;
	struct expr_step *steps =
		arena_array(reads->x->arena, own + expr->has.count, sizeof(*steps));
	bool is_path = steps != NULL && is_root(base);

	for (size_t i = 0; is_path && i < own; i++) {
		steps[i] = left->chain.steps[i];
		is_path = is_access(&steps[i]);
	}
	if (!is_path) {
		find_reads(reads, left);
		return;
	}
	for (size_t i = 0; i < expr->has.count; i++)
		steps[own + i] = (struct expr_step){.attr = expr->has.path[i], .at = expr->at};
	add_access(reads, base, steps, own + expr->has.count);
}

/* Recursion is bounded by the parser's AST_DEPTH. */
static void find_reads(struct reads *reads, const struct expr *expr)
{
	switch (expr->kind) {
	case EXPR_VALUE:
	case EXPR_VAR: break;
	case EXPR_NOT:
	case EXPR_NEG: find_reads(reads, expr->unary.arg); break;
	case EXPR_IF:
		find_reads(reads, expr->cond.test);
		find_reads(reads, expr->cond.then);
		find_reads(reads, expr->cond.other);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_PRODUCT:
	case EXPR_SET: find_in_list(reads, &expr->list); break;
	case EXPR_SUM:
		for (size_t i = 0; i < expr->sum.count; i++)
			find_reads(reads, expr->sum.terms[i].expr);
		break;
	case EXPR_COMPARE:
		find_reads(reads, expr->compare.left);
		find_reads(reads, expr->compare.right);
		break;
	case EXPR_HAS: find_in_has(reads, expr); break;
	case EXPR_LIKE: find_reads(reads, expr->like.left); break;
	case EXPR_IS:
		find_reads(reads, expr->is.left);
		if (expr->is.in != NULL)
			find_reads(reads, expr->is.in);
		break;
	case EXPR_CHAIN: find_in_chain(reads, expr); break;
	case EXPR_CALL: find_in_list(reads, &expr->call.args); break;
	case EXPR_RECORD:
		for (size_t i = 0; i < expr->record.count; i++)
			find_reads(reads, expr->record.values[i]);
		break;
	}
}

/* Conditions ------------------------------------------------------------------------------- */

static void evaluate(struct explaining *x, const struct expr *expr, struct explain_clause *out)
{
	struct explain_read items[EXPLAIN_READS];
	struct reads reads = {.x = x, .items = items};
	struct explain_read *kept;
	struct value value;

	if (eval_expr(&x->eval, expr, &value) && eval_expect(&x->eval, value, VALUE_BOOL)) {
		out->outcome = value.boolean ? EXPLAIN_TRUE : EXPLAIN_FALSE;
	} else {
		out->outcome = EXPLAIN_ERROR;
		out->error = x->eval.error;
	}
	find_reads(&reads, expr);
	kept = arena_array(x->arena, reads.count, sizeof(*kept));
	if (kept == NULL)
		return;
	if (reads.count > 0)
		memcpy(kept, items, reads.count * sizeof(*kept));
	out->reads = kept;
	out->read_count = reads.count;
}

/* A condition's operands of &&: the first that is not true settles it. */
static void explain_condition(struct explaining *x, const struct policy *policy,
			      const struct policy_condition *condition, bool is_reached,
			      struct explain_condition *out)
{
	const struct expr *body = condition->body;
	bool is_and = body->kind == EXPR_AND;
	size_t count = is_and ? body->list.count : 1;
	unsigned column;

	out->is_unless = condition->is_unless;
	out->outcome = is_reached ? EXPLAIN_TRUE : EXPLAIN_NOT_REACHED;
	out->clauses = arena_array(x->arena, count, sizeof(*out->clauses));
	if (out->clauses == NULL)
		return;
	out->clause_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct expr *expr = is_and ? body->list.items[i] : body;

		out->clauses[i].text = shown_expr(x, expr);
		lex_position(policy->text, expr->at, &out->clauses[i].line, &column);
		if (out->outcome != EXPLAIN_TRUE)
			continue;
		evaluate(x, expr, &out->clauses[i]);
		out->outcome = out->clauses[i].outcome;
	}
}

static void explain_conditions(struct explaining *x, struct explain_policy *out, bool is_reached)
{
	const struct policy *policy = out->policy;

	out->conditions = arena_array(x->arena, policy->condition_count, sizeof(*out->conditions));
	if (out->conditions == NULL)
		return;
	out->condition_count = policy->condition_count;
	for (size_t i = 0; i < policy->condition_count; i++) {
		struct explain_condition *condition = &out->conditions[i];

		explain_condition(x, policy, &policy->conditions[i], is_reached, condition);
		is_reached =
			condition->outcome == (condition->is_unless ? EXPLAIN_FALSE : EXPLAIN_TRUE);
	}
}

/* Policies --------------------------------------------------------------------------------- */

static void on_candidate(void *arg, const struct policy *policy)
{
	struct explaining *x = arg;
	struct explain_policy *out = &x->out->policies[policy->position];

	x->out->considered_count += out->is_considered ? 0 : 1;
	out->is_considered = true;
}

static void explain_one(struct explaining *x, struct explain_policy *out)
{
	const struct policy_request *request = x->eval.request;
	const struct policy *policy = out->policy;
	bool is_reached;

	out->scopes[0] = explain_scope(x, STR("principal"), &policy->principal, request->principal);
	out->scopes[1] = explain_scope(x, STR("action"), &policy->action, request->action);
	out->scopes[2] = explain_scope(x, STR("resource"), &policy->resource, request->resource);
	is_reached = out->scopes[0].is_true && out->scopes[1].is_true && out->scopes[2].is_true;
	/* What the index leaves out cannot match: otherwise it would change answers. */
	ASSERT(out->is_considered || !is_reached);
	out->verdict = eval_policy(&x->eval, policy);
	if (out->is_considered)
		explain_conditions(x, out, is_reached);
}

enum err policy_explain(const struct policy_set *set, const struct entity_store *store,
			const struct policy_request *request, const struct policy_options *options,
			struct arena *arena, struct explain *out)
{
	struct explaining x = {.arena = arena, .out = out};
	size_t count = policy_set_count(set);
	enum err err;

	*out = (struct explain){.count = count};
	err = policy_decide(set, store, request, options, arena, &out->decision);
	out->policies = arena_array(arena, count, sizeof(*out->policies));
	if (err != OK || out->policies == NULL || !eval_init(&x.eval, store, request, arena))
		return ERR_LIMIT;
	set_visit(set, &x.eval, on_candidate, &x);
	for (size_t i = 0; i < count; i++) {
		out->policies[i].policy = policy_set_at(set, i);
		explain_one(&x, &out->policies[i]);
	}
	return arena_has_overflowed(arena) ? ERR_LIMIT : OK;
}
