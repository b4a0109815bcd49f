/* SPDX-License-Identifier: Apache-2.0 */
/* Methods and extension constructors: receivers, arguments and results, mostly from one table. */
#include "policy/check_expr.h"

/* clang-format off */
/* Of methods whose types are fixed: receiver, argument (SCHEMA_NAME: none), result. */
static const struct signature {
	enum schema_kind receiver, argument, result;
} signatures[FN_COUNT] = {
	[FN_IS_IPV4]               = {SCHEMA_IP, SCHEMA_NAME, SCHEMA_BOOL},
	[FN_IS_IPV6]               = {SCHEMA_IP, SCHEMA_NAME, SCHEMA_BOOL},
	[FN_IS_LOOPBACK]           = {SCHEMA_IP, SCHEMA_NAME, SCHEMA_BOOL},
	[FN_IS_MULTICAST]          = {SCHEMA_IP, SCHEMA_NAME, SCHEMA_BOOL},
	[FN_IS_IN_RANGE]           = {SCHEMA_IP, SCHEMA_IP, SCHEMA_BOOL},
	[FN_LESS_THAN]             = {SCHEMA_DECIMAL, SCHEMA_DECIMAL, SCHEMA_BOOL},
	[FN_LESS_THAN_OR_EQUAL]    = {SCHEMA_DECIMAL, SCHEMA_DECIMAL, SCHEMA_BOOL},
	[FN_GREATER_THAN]          = {SCHEMA_DECIMAL, SCHEMA_DECIMAL, SCHEMA_BOOL},
	[FN_GREATER_THAN_OR_EQUAL] = {SCHEMA_DECIMAL, SCHEMA_DECIMAL, SCHEMA_BOOL},
	[FN_OFFSET]                = {SCHEMA_DATETIME, SCHEMA_DURATION, SCHEMA_DATETIME},
	[FN_DURATION_SINCE]        = {SCHEMA_DATETIME, SCHEMA_DATETIME, SCHEMA_DURATION},
	[FN_TO_DATE]               = {SCHEMA_DATETIME, SCHEMA_NAME, SCHEMA_DATETIME},
	[FN_TO_TIME]               = {SCHEMA_DATETIME, SCHEMA_NAME, SCHEMA_DURATION},
	[FN_TO_MILLISECONDS]       = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG},
	[FN_TO_SECONDS]            = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG},
	[FN_TO_MINUTES]            = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG},
	[FN_TO_HOURS]              = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG},
	[FN_TO_DAYS]               = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG},
	[FN_IP]                    = {SCHEMA_NAME, SCHEMA_STRING, SCHEMA_IP},
	[FN_DECIMAL]               = {SCHEMA_NAME, SCHEMA_STRING, SCHEMA_DECIMAL},
	[FN_DATETIME]              = {SCHEMA_NAME, SCHEMA_STRING, SCHEMA_DATETIME},
	[FN_DURATION]              = {SCHEMA_NAME, SCHEMA_STRING, SCHEMA_DURATION},
};
/* clang-format on */

bool check_constructor(struct check_env *env, const struct expr *expr, struct typing *out)
{
	const char *name = fn_table[expr->call.fn].name;
	const struct expr *arg = expr->call.args.count == 1 ? expr->call.args.items[0] : NULL;

	out->type = type_of_kind(signatures[expr->call.fn].result);
	if (arg == NULL)
		return check_fail(env, expr->at, "%s takes one argument, not %zu", name,
				  expr->call.args.count);
	if (arg->kind != EXPR_VALUE || arg->value.kind != VALUE_STRING)
		return check_fail(env, arg->at,
				  "%s takes a string literal, so that it is checked now", name);
	return expr->constant != NULL ||
	       check_fail(env, arg->at, "\"" STR_FMT "\" is not a valid %s",
			  (int)MIN(arg->value.text->str.len, 80), arg->value.text->str.ptr, name);
}

static bool check_bound(struct check_env *env, uint32_t at, const struct schema_type *a,
			const struct schema_type *b)
{
	char left[200], right[200];

	if (type_bound(env->arena, a, b) != NULL)
		return true;
	return check_fail(env, at, "elements of %s cannot be compared with %s",
			  type_text(a, left, sizeof(left)), type_text(b, right, sizeof(right)));
}

static bool check_set_method(struct check_env *env, const struct schema_type *receiver,
			     const struct expr_step *step, const struct typing *arg)
{
	if (!check_kind(env, step->at, receiver, SCHEMA_SET))
		return false;
	if (step->fn == FN_IS_EMPTY)
		return true;
	if (step->fn == FN_CONTAINS)
		return check_bound(env, step->at, receiver->element, arg->type);
	return check_kind(env, step->args.items[0]->at, arg->type, SCHEMA_SET) &&
	       check_bound(env, step->at, receiver->element, arg->type->element);
}

/* tag.of is the receiver, whose typing `of` is; the result's goes to out. */
static bool check_tag_method(struct check_env *env, const struct capability *tag,
			     const struct typing *of, const struct expr_step *step,
			     const struct typing *arg, const struct capability_set *known,
			     struct typing *out)
{
	const struct schema_type *receiver = of->type;
	const struct schema_entity *entity;
	bool is_shown;
	char name[200];

	if (!check_kind(env, step->at, receiver, SCHEMA_ENTITY) ||
	    !check_kind(env, tag->tag->at, arg->type, SCHEMA_STRING))
		return false;
	entity = schema_find_entity(env->schema, receiver->name);
	is_shown = capability_has(known, tag);
	(void)type_text(receiver, name, sizeof(name));
	if (step->fn == FN_HAS_TAG) {
		if (entity == NULL || entity->tags == NULL) {
			out->type = type_of_bool(false);
			return true;
		}
		out->type = is_shown ? type_of_bool(true) : type_of_kind(SCHEMA_BOOL);
		out->shown = capability_add(env->arena, NULL, tag);
		return true;
	}
	if (entity == NULL || entity->tags == NULL)
		return check_fail(env, step->at, "entities of type %s have no tags", name);
	out->type = schema_real_type(entity->tags);
	return is_shown ||
	       check_fail(env, step->at,
			  "the tag may be absent: test it with hasTag(...) && before getTag(...)");
}

static bool check_fixed(struct check_env *env, const struct schema_type *receiver,
			const struct expr_step *step, const struct typing *arg)
{
	const struct signature *signature = &signatures[step->fn];

	if (!check_kind(env, step->at, receiver, signature->receiver))
		return false;
	if (step->args.count != fn_table[step->fn].arity)
		return check_fail(env, step->at, "%s takes %u argument%s, not %zu",
				  fn_table[step->fn].name, (unsigned)fn_table[step->fn].arity,
				  fn_table[step->fn].arity == 1 ? "" : "s", step->args.count);
	return signature->argument == SCHEMA_NAME ||
	       check_kind(env, step->args.items[0]->at, arg->type, signature->argument);
}

/* The result where nothing else says it, also behind an error. */
static const struct schema_type *result_type(enum fn_id fn)
{
	return fn_table[fn].is_core ? type_of_kind(SCHEMA_BOOL)
				    : type_of_kind(signatures[fn].result);
}

bool check_method(struct check_env *env, const struct expr *of, const struct expr_step *step,
		  const struct capability_set *known, struct typing *inout, unsigned *needed)
{
	struct typing receiver = *inout;
	struct capability tag = {.of = of};
	struct typing arg = {.type = NULL};
	struct check_depth inside;
	bool is_good = true;

	for (size_t i = 0; i < step->args.count; i++)
		is_good &= check_expr(env, step->args.items[i], known, &arg);
	*inout = (struct typing){.type = result_type(step->fn)};
	if (!is_good)
		return false;
	switch ((unsigned)step->fn) {
	case FN_CONTAINS:
	case FN_CONTAINS_ALL:
	case FN_CONTAINS_ANY:
	case FN_IS_EMPTY: return check_set_method(env, receiver.type, step, &arg);
	case FN_HAS_TAG:
	case FN_GET_TAG:
		tag.tag = step->args.items[0];
		inside = check_look_into(env, &receiver.depth, needed);
		if (step->fn == FN_GET_TAG)
			inout->depth = inside;
		return check_tag_method(env, &tag, &receiver, step, &arg, known, inout);
	default: return check_fixed(env, receiver.type, step, &arg);
	}
}
