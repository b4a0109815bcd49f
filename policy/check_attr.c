/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: chains of them, and `has`, which shows that they are there. */
#include "policy/check_expr.h"

#include "base/suggest.h"

/* An attribute of a record or entity type; NULL when it has none of that name. */
static const struct schema_attr *attr_of(const struct check_env *env,
					 const struct schema_type *type, const struct text *key)
{
	const struct schema_entity *entity;

	if (type->kind == SCHEMA_RECORD)
		return type_find_attr(type, key);
	entity = schema_find_entity(env->schema, type->name);
	return entity == NULL || entity->shape == NULL
		       ? NULL
		       : type_find_attr(schema_real_type(entity->shape), key);
}

static bool check_holder(struct check_env *env, uint32_t at, const struct schema_type *type)
{
	char text[200];

	return type->kind == SCHEMA_RECORD || type->kind == SCHEMA_ENTITY ||
	       check_fail(env, at, "expected an entity or a record, found %s",
			  type_text(type, text, sizeof(text)));
}

static bool fail_attr(struct check_env *env, const struct schema_type *type, struct str key,
		      uint32_t at)
{
	struct suggest suggest = {.word = key};
	const struct schema_type *record = type;
	const struct schema_entity *entity;
	char text[120];

	if (type->kind == SCHEMA_ENTITY) {
		entity = schema_find_entity(env->schema, type->name);
		record = entity == NULL || entity->shape == NULL ? type_of_kind(SCHEMA_RECORD)
								 : schema_real_type(entity->shape);
	}
	for (size_t i = 0; i < record->attr_count; i++)
		suggest_try(&suggest, record->attrs[i].key.str);
	return check_fail(env, at, "%s has no attribute `" STR_FMT "`%s" STR_FMT "%s",
			  type_text(type, text, sizeof(text)), (int)MIN(key.len, 100), key.ptr,
			  suggest.best.len > 0 ? "; did you mean `" : "",
			  (int)MIN(suggest.best.len, 100), suggest.best.ptr,
			  suggest.best.len > 0 ? "`?" : "");
}

static struct check_depth depth_behind(struct check_env *env, const struct typing *holder,
				       const struct text *key, unsigned *needed)
{
	return holder->type->kind == SCHEMA_RECORD ? check_depth_field(&holder->depth, key)
						   : check_look_into(env, &holder->depth, needed);
}

static bool check_attr(struct check_env *env, const struct expr *of, struct typing *typing,
		       const struct text *key, uint32_t at, const struct capability_set *known,
		       unsigned *needed)
{
	struct capability item = {.of = of, .attr = *key};
	const struct schema_attr *attr;
	int len = (int)MIN(key->str.len, 100);

	if (!check_holder(env, at, typing->type))
		return false;
	attr = attr_of(env, typing->type, key);
	if (attr == NULL)
		return fail_attr(env, typing->type, key->str, at);
	*typing = (struct typing){.type = schema_real_type(attr->type),
				  .depth = depth_behind(env, typing, key, needed)};
	return attr->is_required || capability_has(known, &item) ||
	       check_fail(env, at,
			  "attribute `" STR_FMT "` may be absent: test it with `has` && before",
			  len, key->str.ptr);
}

/* The first `count` steps of a chain as an expression of its own. */
static const struct expr *chain_prefix(struct check_env *env, const struct expr *expr, size_t count)
{
	struct expr *prefix;

	if (count == 0)
		return expr->chain.base;
	prefix = arena_alloc(env->arena, sizeof(*prefix));
	if (prefix == NULL)
		return expr;
	*prefix = *expr;
	prefix->chain.count = count;
	prefix->constant = NULL;
	return prefix;
}

bool check_chain(struct check_env *env, const struct expr *expr, const struct capability_set *known,
		 struct typing *out)
{
	bool is_good = check_expr(env, expr->chain.base, known, out);
	unsigned needed = 0;

	for (size_t i = 0; is_good && i < expr->chain.count; i++) {
		const struct expr_step *step = &expr->chain.steps[i];
		const struct expr *of = chain_prefix(env, expr, i);

		if (step->is_call)
			is_good = check_method(env, of, step, known, out, &needed);
		else
			is_good = check_attr(env, of, out, &step->attr, step->at, known, &needed);
	}
	check_level(env, expr->at, needed);
	return is_good;
}

/* left.a.b as an expression, a and b being the first `count` of a `has` path. */
static const struct expr *path_prefix(struct check_env *env, const struct expr *expr, size_t count)
{
	struct expr_step *steps = arena_array(env->arena, count, sizeof(*steps));
	struct expr *prefix = arena_zalloc(env->arena, sizeof(*prefix));

	if (count == 0 || steps == NULL || prefix == NULL)
		return expr->has.left;
	for (size_t i = 0; i < count; i++)
		steps[i].attr = expr->has.path[i];
	prefix->kind = EXPR_CHAIN;
	prefix->at = expr->at;
	prefix->chain.base = expr->has.left;
	prefix->chain.count = count;
	prefix->chain.steps = steps;
	return prefix;
}

/* An entity may be missing from the store: only a record is sure to have what is required. */
static struct typing has_one(struct check_env *env, const struct schema_type *type,
			     const struct capability *item, const struct capability_set *known)
{
	const struct schema_attr *attr = attr_of(env, type, &item->attr);

	if (attr == NULL)
		return (struct typing){.type = type_of_bool(false)};
	if (capability_has(known, item) || (type->kind == SCHEMA_RECORD && attr->is_required))
		return (struct typing){.type = type_of_bool(true),
				       .shown = capability_add(env->arena, NULL, item)};
	return (struct typing){.type = type_of_kind(SCHEMA_BOOL),
			       .shown = capability_add(env->arena, NULL, item)};
}

/* x has a.b is x has a && x.a has b. */
bool check_has(struct check_env *env, const struct expr *expr, const struct capability_set *known,
	       struct typing *out)
{
	struct typing holder, one;
	bool is_good = check_expr(env, expr->has.left, known, &holder);
	unsigned needed = 0;

	*out = (struct typing){.type = type_of_bool(true)};
	for (size_t i = 0; is_good && i < expr->has.count; i++) {
		struct capability item = {.of = path_prefix(env, expr, i),
					  .attr = expr->has.path[i]};

		if (!check_holder(env, expr->at, holder.type))
			return false;
		one = has_one(env, holder.type, &item, known);
		if (holder.type->kind == SCHEMA_ENTITY)
			(void)check_look_into(env, &holder.depth, &needed);
		*out = check_and(env, *out, one);
		if (out->type->kind == SCHEMA_FALSE)
			break;
		known = capability_union(env->arena, known, one.shown);
		if (i + 1 < expr->has.count)
			is_good = check_attr(env, item.of, &holder, &item.attr, expr->at, known,
					     &needed);
	}
	check_level(env, expr->at, needed);
	return is_good;
}
