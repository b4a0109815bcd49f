/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain is written from its outside in: all that opens, the innermost
 * operand, then each further operand with what closes.
 *
 *   AND [a, b, c]  ->  {"&&":{"left":{"&&":{"left": a ,"right": b }},"right": c }}
 */
#include "policy/policy_json_write.h"

#include "policy/ast.h"
#include "policy/ext_text.h"
#include "policy/set.h"

/* The first error stays, and nothing is written behind it. */
struct json_write {
	struct buf *out;
	enum err err;
};

static void write_expr(struct json_write *w, const struct expr *expr);

static void put(struct json_write *w, struct str s)
{
	if (w->err == OK)
		w->err = buf_append(w->out, s);
}

#define PUT(w, text) put(w, STR(text))

static void put_string(struct json_write *w, struct str s)
{
	if (w->err == OK)
		w->err = buf_append_json(w->out, s);
}

/* "name": */
static void put_name(struct json_write *w, struct str name)
{
	put_string(w, name);
	PUT(w, ":");
}

static void put_comma(struct json_write *w, size_t i)
{
	if (i > 0)
		PUT(w, ",");
}

static void write_uid(struct json_write *w, const struct uid *uid)
{
	PUT(w, "{\"type\":");
	put_string(w, uid->type);
	PUT(w, ",\"id\":");
	put_string(w, uid->id);
	PUT(w, "}");
}

static void write_extension(struct json_write *w, struct value value)
{
	char text[EXT_TEXT_MAX];

	if (!ext_text(value, text)) {
		w->err = w->err == OK ? ERR_UNSUPPORTED : w->err;
		return;
	}
	PUT(w, "{\"__extn\":{\"fn\":");
	put_string(w, str_from_c(fn_table[ext_constructor(value.kind)].name));
	PUT(w, ",\"arg\":");
	put_string(w, str_from_c(text));
	PUT(w, "}}");
}

static void write_data(struct json_write *w, struct value value)
{
	switch (value.kind) {
	case VALUE_BOOL: put(w, value.boolean ? STR("true") : STR("false")); break;
	case VALUE_LONG:
		if (w->err == OK)
			w->err = buf_append_i64(w->out, value.number);
		break;
	case VALUE_STRING: put_string(w, value.text->str); break;
	case VALUE_ENTITY:
		PUT(w, "{\"__entity\":");
		write_uid(w, value.uid);
		PUT(w, "}");
		break;
	case VALUE_SET:
		for (size_t i = 0; i < value.set->count; i++) {
			put(w, i == 0 ? STR("[") : STR(","));
			write_data(w, value.set->items[i]);
		}
		put(w, value.set->count == 0 ? STR("[]") : STR("]"));
		break;
	case VALUE_RECORD:
		PUT(w, "{");
		for (size_t i = 0; i < value.record->count; i++) {
			put_comma(w, i);
			put_name(w, value.record->fields[i].key->str);
			write_data(w, value.record->fields[i].value);
		}
		PUT(w, "}");
		break;
	case VALUE_DECIMAL:
	case VALUE_IP:
	case VALUE_DATETIME:
	case VALUE_DURATION: write_extension(w, value); break;
	case VALUE_NONE: ASSERT(value.kind != VALUE_NONE);
	}
}

/* [a,b] behind what is open. */
static void write_list(struct json_write *w, const struct expr_list *list)
{
	PUT(w, "[");
	for (size_t i = 0; i < list->count; i++) {
		put_comma(w, i);
		write_expr(w, list->items[i]);
	}
	PUT(w, "]");
}

/* {"op":{"left": */
static void open_binary(struct json_write *w, struct str op)
{
	PUT(w, "{");
	put_name(w, op);
	PUT(w, "{\"left\":");
}

static void close_binary(struct json_write *w, const struct expr *right)
{
	PUT(w, ",\"right\":");
	write_expr(w, right);
	PUT(w, "}}");
}

static void write_spine(struct json_write *w, const struct expr_list *list, struct str op)
{
	for (size_t i = 1; i < list->count; i++)
		open_binary(w, op);
	write_expr(w, list->items[0]);
	for (size_t i = 1; i < list->count; i++)
		close_binary(w, list->items[i]);
}

static void write_sum(struct json_write *w, const struct expr *expr)
{
	for (size_t i = expr->sum.count - 1; i > 0; i--)
		open_binary(w, expr->sum.terms[i].is_minus ? STR("-") : STR("+"));
	write_expr(w, expr->sum.terms[0].expr);
	for (size_t i = 1; i < expr->sum.count; i++)
		close_binary(w, expr->sum.terms[i].expr);
}

static void write_unary(struct json_write *w, const struct expr *expr)
{
	for (unsigned i = 0; i < expr->unary.count; i++)
		put(w,
		    expr->kind == EXPR_NOT ? STR("{\"!\":{\"arg\":") : STR("{\"neg\":{\"arg\":"));
	write_expr(w, expr->unary.arg);
	for (unsigned i = 0; i < expr->unary.count; i++)
		PUT(w, "}}");
}

static void write_compare(struct json_write *w, const struct expr *expr)
{
	static const struct str ops[] = {
		[OP_EQ] = {"==", 2}, [OP_NE] = {"!=", 2}, [OP_LT] = {"<", 1},  [OP_LE] = {"<=", 2},
		[OP_GT] = {">", 1},  [OP_GE] = {">=", 2}, [OP_IN] = {"in", 2},
	};

	open_binary(w, ops[expr->compare.op]);
	write_expr(w, expr->compare.left);
	close_binary(w, expr->compare.right);
}

static void write_has(struct json_write *w, const struct expr *expr)
{
	open_binary(w, STR("has"));
	write_expr(w, expr->has.left);
	PUT(w, ",\"attr\":");
	for (size_t i = 0; i < expr->has.count; i++) {
		if (expr->has.count > 1)
			put(w, i == 0 ? STR("[") : STR(","));
		put_string(w, expr->has.path[i].str);
	}
	put(w, expr->has.count > 1 ? STR("]}}") : STR("}}"));
}

static void write_like(struct json_write *w, const struct expr *expr)
{
	const struct pattern *pattern = &expr->like.pattern;
	bool is_first = true;

	open_binary(w, STR("like"));
	write_expr(w, expr->like.left);
	PUT(w, ",\"pattern\":[");
	for (size_t i = 0; i < pattern->count; i++) {
		if (i > 0) {
			put(w, is_first ? STR("\"Wildcard\"") : STR(",\"Wildcard\""));
			is_first = false;
		}
		if (pattern->pieces[i].len == 0)
			continue;
		put(w, is_first ? STR("{\"Literal\":") : STR(",{\"Literal\":"));
		is_first = false;
		put_string(w, pattern->pieces[i]);
		PUT(w, "}");
	}
	PUT(w, "]}}");
}

static void write_is(struct json_write *w, const struct expr *expr)
{
	open_binary(w, STR("is"));
	write_expr(w, expr->is.left);
	PUT(w, ",\"entity_type\":");
	put_string(w, expr->is.type.str);
	if (expr->is.in != NULL) {
		PUT(w, ",\"in\":");
		write_expr(w, expr->is.in);
	}
	PUT(w, "}}");
}

static void open_step(struct json_write *w, const struct expr_step *step)
{
	if (!step->is_call) {
		open_binary(w, STR("."));
		return;
	}
	PUT(w, "{");
	put_name(w, str_from_c(fn_table[step->fn].name));
	if (!fn_table[step->fn].is_core)
		PUT(w, "[");
	else
		put(w, step->args.count == 0 ? STR("{\"arg\":") : STR("{\"left\":"));
}

static void close_step(struct json_write *w, const struct expr_step *step)
{
	if (!step->is_call) {
		PUT(w, ",\"attr\":");
		put_string(w, step->attr.str);
		PUT(w, "}}");
		return;
	}
	for (size_t i = 0; i < step->args.count; i++) {
		put(w, fn_table[step->fn].is_core ? STR(",\"right\":") : STR(","));
		write_expr(w, step->args.items[i]);
	}
	put(w, fn_table[step->fn].is_core ? STR("}}") : STR("]}"));
}

static void write_chain(struct json_write *w, const struct expr *expr)
{
	for (size_t i = expr->chain.count; i > 0; i--)
		open_step(w, &expr->chain.steps[i - 1]);
	write_expr(w, expr->chain.base);
	for (size_t i = 0; i < expr->chain.count; i++)
		close_step(w, &expr->chain.steps[i]);
}

static void write_if(struct json_write *w, const struct expr *expr)
{
	PUT(w, "{\"if-then-else\":{\"if\":");
	write_expr(w, expr->cond.test);
	PUT(w, ",\"then\":");
	write_expr(w, expr->cond.then);
	PUT(w, ",\"else\":");
	write_expr(w, expr->cond.other);
	PUT(w, "}}");
}

static void write_var(struct json_write *w, enum expr_var var)
{
	switch (var) {
	case VAR_PRINCIPAL: PUT(w, "{\"Var\":\"principal\"}"); break;
	case VAR_ACTION: PUT(w, "{\"Var\":\"action\"}"); break;
	case VAR_RESOURCE: PUT(w, "{\"Var\":\"resource\"}"); break;
	case VAR_CONTEXT: PUT(w, "{\"Var\":\"context\"}"); break;
	}
}

static void write_record(struct json_write *w, const struct expr *expr)
{
	PUT(w, "{\"Record\":{");
	for (size_t i = 0; i < expr->record.count; i++) {
		put_comma(w, i);
		put_name(w, expr->record.keys[i].str);
		write_expr(w, expr->record.values[i]);
	}
	PUT(w, "}}");
}

static void write_call(struct json_write *w, const struct expr *expr)
{
	PUT(w, "{");
	put_name(w, str_from_c(fn_table[expr->call.fn].name));
	write_list(w, &expr->call.args);
	PUT(w, "}");
}

static void write_expr(struct json_write *w, const struct expr *expr)
{
	if (w->err != OK)
		return;
	switch (expr->kind) {
	case EXPR_VALUE:
		PUT(w, "{\"Value\":");
		write_data(w, expr->value);
		PUT(w, "}");
		break;
	case EXPR_VAR: write_var(w, expr->var); break;
	case EXPR_NOT:
	case EXPR_NEG: write_unary(w, expr); break;
	case EXPR_IF: write_if(w, expr); break;
	case EXPR_AND: write_spine(w, &expr->list, STR("&&")); break;
	case EXPR_OR: write_spine(w, &expr->list, STR("||")); break;
	case EXPR_PRODUCT: write_spine(w, &expr->list, STR("*")); break;
	case EXPR_SUM: write_sum(w, expr); break;
	case EXPR_COMPARE: write_compare(w, expr); break;
	case EXPR_HAS: write_has(w, expr); break;
	case EXPR_LIKE: write_like(w, expr); break;
	case EXPR_IS: write_is(w, expr); break;
	case EXPR_CHAIN: write_chain(w, expr); break;
	case EXPR_CALL: write_call(w, expr); break;
	case EXPR_SET:
		PUT(w, "{\"Set\":");
		write_list(w, &expr->list);
		PUT(w, "}");
		break;
	case EXPR_RECORD: write_record(w, expr); break;
	}
}

/* "entity":{..} or "slot":"?variable" */
static void write_scope_uid(struct json_write *w, const struct scope *scope, struct str variable)
{
	if (scope->is_slot) {
		PUT(w, "\"slot\":\"?");
		put(w, variable);
		PUT(w, "\"");
		return;
	}
	PUT(w, "\"entity\":");
	write_uid(w, scope->uid);
}

static void write_scope_set(struct json_write *w, const struct scope *scope)
{
	PUT(w, "{\"op\":\"in\",\"entities\":[");
	for (size_t i = 0; i < scope->uid_count; i++) {
		put_comma(w, i);
		write_uid(w, scope->uids[i]);
	}
	PUT(w, "]}");
}

static void write_scope_is(struct json_write *w, const struct scope *scope, struct str variable)
{
	PUT(w, "{\"op\":\"is\",\"entity_type\":");
	put_string(w, scope->type.str);
	if (scope->kind == SCOPE_IS_IN) {
		PUT(w, ",\"in\":{");
		write_scope_uid(w, scope, variable);
		PUT(w, "}");
	}
	PUT(w, "}");
}

static void write_scope(struct json_write *w, const struct scope *scope, struct str variable)
{
	PUT(w, "\"");
	put(w, variable);
	PUT(w, "\":");
	switch (scope->kind) {
	case SCOPE_ANY: PUT(w, "{\"op\":\"All\"}"); break;
	case SCOPE_EQ:
	case SCOPE_IN:
		put(w, scope->kind == SCOPE_EQ ? STR("{\"op\":\"==\",") : STR("{\"op\":\"in\","));
		write_scope_uid(w, scope, variable);
		PUT(w, "}");
		break;
	case SCOPE_IN_SET: write_scope_set(w, scope); break;
	case SCOPE_IS:
	case SCOPE_IS_IN: write_scope_is(w, scope, variable); break;
	}
	PUT(w, ",");
}

static void write_annotations(struct json_write *w, const struct policy *policy)
{
	PUT(w, ",\"annotations\":{");
	for (size_t i = 0; i < policy->annotation_count; i++) {
		put_comma(w, i);
		put_name(w, policy->annotations[i].key);
		if (str_is_set(policy->annotations[i].value))
			put_string(w, policy->annotations[i].value);
		else
			PUT(w, "null");
	}
	PUT(w, "}");
}

static void write_policy(struct json_write *w, const struct policy *policy)
{
	put(w, policy->is_forbid ? STR("{\"effect\":\"forbid\",") : STR("{\"effect\":\"permit\","));
	write_scope(w, &policy->principal, STR("principal"));
	write_scope(w, &policy->action, STR("action"));
	write_scope(w, &policy->resource, STR("resource"));
	PUT(w, "\"conditions\":[");
	for (size_t i = 0; i < policy->condition_count; i++) {
		put_comma(w, i);
		put(w, policy->conditions[i].is_unless ? STR("{\"kind\":\"unless\",\"body\":")
						       : STR("{\"kind\":\"when\",\"body\":"));
		write_expr(w, policy->conditions[i].body);
		PUT(w, "}");
	}
	PUT(w, "]");
	if (policy->annotation_count > 0)
		write_annotations(w, policy);
	PUT(w, "}");
}

/* Each on its own line; links are left to write_links. */
static void write_policies(struct json_write *w, const struct set_list *list)
{
	bool is_first = true;

	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i]->template != NULL)
			continue;
		put(w, is_first ? STR("\n") : STR(",\n"));
		is_first = false;
		put_name(w, list->items[i]->id);
		write_policy(w, list->items[i]);
	}
}

static void write_link(struct json_write *w, const struct policy *link)
{
	bool has_principal = link->template->principal.is_slot;
	bool has_resource = link->template->resource.is_slot;

	PUT(w, "{\"templateId\":");
	put_string(w, link->template->id);
	PUT(w, ",\"newId\":");
	put_string(w, link->id);
	PUT(w, ",\"values\":{");
	if (has_principal) {
		PUT(w, "\"?principal\":");
		write_uid(w, link->principal.uid);
	}
	if (has_resource) {
		put(w, has_principal ? STR(",\"?resource\":") : STR("\"?resource\":"));
		write_uid(w, link->resource.uid);
	}
	PUT(w, "}}");
}

static void write_links(struct json_write *w, const struct set_list *list)
{
	bool is_first = true;

	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i]->template == NULL)
			continue;
		put(w, is_first ? STR("\n") : STR(",\n"));
		is_first = false;
		write_link(w, list->items[i]);
	}
}

enum err policy_json_write(struct buf *out, const struct policy *policy)
{
	struct json_write w = {.out = out};

	write_policy(&w, policy);
	return w.err;
}

enum err policy_json_write_expr(struct buf *out, const struct expr *expr)
{
	struct json_write w = {.out = out};

	write_expr(&w, expr);
	return w.err;
}

enum err policy_set_json_write(struct buf *out, const struct policy_set *set)
{
	struct json_write w = {.out = out};

	PUT(&w, "{\"staticPolicies\":{");
	write_policies(&w, &set->policies);
	PUT(&w, "},\n\"templates\":{");
	write_policies(&w, &set->templates);
	PUT(&w, "},\n\"templateLinks\":[");
	write_links(&w, &set->policies);
	PUT(&w, "]}\n");
	return w.err;
}
