/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_grid.h"

#include <stdlib.h>

#define GRID_ARENA ((size_t)256 << 20)

/* A context as one side reads it for one action. */
struct context_read {
	bool fits;
	struct value value;
};

struct walk {
	const struct policy_grid *grid;
	policy_grid_fn visit;
	void *arg;
	struct arena arena; /* of the whole walk */
	struct arena cell_arena;
	size_t entity_count;
	const struct uid **entities; /* of both sides, without twins */
	/* Of the action at hand. */
	const struct uid *action;
	const struct schema_action *declared[POLICY_GRID_SIDES]; /* NULL: not there */
	size_t principal_count, resource_count;
	struct policy_grid_entity *principals, *resources;
	struct context_read *contexts; /* side after side */
	bool *has_fit;		       /* of each context, to any action */
};

static int order_by_name(const void *a, const void *b)
{
	const struct uid *x = *(const struct uid *const *)a;
	const struct uid *y = *(const struct uid *const *)b;
	int by_type = str_cmp(x->type, y->type);

	return by_type != 0 ? by_type : str_cmp(x->id, y->id);
}

static bool collect_entities(struct walk *walk)
{
	size_t total = 0;
	size_t count = 0;

	for (size_t s = 0; s < POLICY_GRID_SIDES; s++)
		total += entity_store_count(walk->grid->sides[s].inputs->entities);
	walk->entities = arena_array(&walk->arena, total, sizeof(*walk->entities));
	if (walk->entities == NULL)
		return false;
	for (size_t s = 0; s < POLICY_GRID_SIDES; s++) {
		const struct entity_store *store = walk->grid->sides[s].inputs->entities;

		for (size_t i = 0; i < entity_store_count(store); i++)
			walk->entities[count++] = &entity_store_at(store, i)->uid;
	}
	if (count > 0)
		qsort(walk->entities, count, sizeof(const struct uid *), order_by_name);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !uid_eq(walk->entities[i], walk->entities[i - 1]))
			walk->entities[walk->entity_count++] = walk->entities[i];
	return true;
}

static bool has_type(const struct schema_action *action, bool is_principal, struct str type)
{
	const struct str *types = NULL;
	size_t count = 0;

	if (action != NULL && action->applies) {
		types = is_principal ? action->principals : action->resources;
		count = is_principal ? action->principal_count : action->resource_count;
	}
	for (size_t i = 0; i < count; i++)
		if (str_eq(types[i], type))
			return true;
	return false;
}

/* The entities of a type that either side lets the action meet; each type's others behind them.
 * NULL past the arena's cap. */
static struct policy_grid_entity *collect(struct walk *walk, bool is_principal, size_t *out_count)
{
	struct policy_grid_entity *list;
	size_t types = 0;
	size_t count = 0;

	for (size_t s = 0; s < POLICY_GRID_SIDES; s++)
		if (walk->declared[s] != NULL)
			types += is_principal ? walk->declared[s]->principal_count
					      : walk->declared[s]->resource_count;
	list = arena_array(&walk->arena, walk->entity_count + types, sizeof(*list));
	if (list == NULL)
		return NULL;
	for (size_t i = 0; i < walk->entity_count; i++) {
		const struct uid *uid = walk->entities[i];

		if (has_type(walk->declared[0], is_principal, uid->type) ||
		    has_type(walk->declared[1], is_principal, uid->type))
			list[count++] = (struct policy_grid_entity){uid, uid->type};
	}
	for (size_t s = 0; s < POLICY_GRID_SIDES; s++) {
		const struct schema_action *action = walk->declared[s];
		size_t own = action == NULL ? 0
			     : is_principal ? action->principal_count
					    : action->resource_count;

		for (size_t i = 0; i < own; i++) {
			struct str type =
				is_principal ? action->principals[i] : action->resources[i];

			if (s == 0 || !has_type(walk->declared[0], is_principal, type))
				list[count++] = (struct policy_grid_entity){NULL, type};
		}
	}
	*out_count = count;
	return list;
}

static bool collect_both(struct walk *walk)
{
	walk->principals = collect(walk, true, &walk->principal_count);
	walk->resources = collect(walk, false, &walk->resource_count);
	return walk->principals != NULL && walk->resources != NULL;
}

/* Actions of both schemas, each once, one after the other; false behind the last. */
static bool next_action(struct walk *walk, size_t *side, size_t *at)
{
	for (; *side < POLICY_GRID_SIDES; (*side)++, *at = 0) {
		const struct schema *schema = walk->grid->sides[*side].inputs->schema;

		while (*at < schema_action_count(schema)) {
			walk->action = schema_action_at(schema, (*at)++)->uid;
			for (size_t s = 0; s < POLICY_GRID_SIDES; s++)
				walk->declared[s] = schema_find_action(
					walk->grid->sides[s].inputs->schema, walk->action);
			if (*side == 0 || walk->declared[0] == NULL)
				return true;
		}
	}
	return false;
}

/* Each context as each side reads it; one that does not fit an action is not asked of it. */
static enum err read_contexts(struct walk *walk)
{
	const struct policy_grid *grid = walk->grid;
	size_t count = grid->context_count;

	walk->contexts =
		arena_array(&walk->arena, count * POLICY_GRID_SIDES, sizeof(*walk->contexts));
	if (walk->contexts == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count * POLICY_GRID_SIDES; i++) {
		size_t s = i / count;
		struct context_read *read = &walk->contexts[i];
		struct diag unfit = {
			.text = ""}; /* fits another action, or check_contexts says so */

		if (walk->declared[s] == NULL || !walk->declared[s]->applies)
			continue;
		read->fits = entity_context_json(&walk->arena, grid->context_file,
						 grid->contexts[i % count],
						 grid->sides[s].inputs->schema, walk->action,
						 &read->value, &unfit) == OK;
		walk->has_fit[i % count] |= read->fits;
	}
	return OK;
}

static struct partial_entity as_known(const struct entity_store *store,
				      const struct policy_grid_entity *entity)
{
	if (entity->uid == NULL)
		return (struct partial_entity){.type = entity->type};
	return (struct partial_entity){.uid = entity->uid,
				       .is_open = entity_store_find(store, entity->uid) == NULL};
}

/* What one side says. A request that its schema does not know is never allowed. */
static enum err review_side(struct walk *walk, const struct policy_grid_cell *cell, size_t s,
			    struct review *out)
{
	const struct policy_grid_side *side = &walk->grid->sides[s];
	const struct policy_inputs *inputs = side->inputs;
	struct partial_request request = {
		.principal = as_known(inputs->entities, &cell->principal),
		.action = {.uid = cell->action},
		.resource = as_known(inputs->entities, &cell->resource),
	};

	*out = (struct review){.verdict = REVIEW_NEVER};
	if (!has_type(walk->declared[s], true, cell->principal.type) ||
	    !has_type(walk->declared[s], false, cell->resource.type))
		return OK;
	if (cell->context == 0) {
		if (!partial_open_context(&request, inputs->schema, &walk->cell_arena))
			return ERR_LIMIT;
	} else {
		const struct context_read *read =
			&walk->contexts[s * walk->grid->context_count + cell->context - 1];

		if (!read->fits)
			return OK;
		request.context = read->value;
	}
	return review_request(inputs->policies, inputs->entities, inputs->schema, &request,
			      &side->options, &walk->cell_arena, out);
}

static bool fits_a_side(const struct walk *walk, size_t context)
{
	size_t count = walk->grid->context_count;

	return context == 0 || walk->contexts[context - 1].fits ||
	       walk->contexts[count + context - 1].fits;
}

static enum err visit_cell(struct walk *walk, struct policy_grid_cell *cell)
{
	enum err err = OK;

	if (!fits_a_side(walk, cell->context))
		return OK;
	arena_reset(&walk->cell_arena);
	for (size_t s = 0; err == OK && s < POLICY_GRID_SIDES; s++)
		err = review_side(walk, cell, s, &cell->reviews[s]);
	return err == OK ? walk->visit(walk->arg, cell) : err;
}

static enum err visit_action(struct walk *walk)
{
	size_t contexts = MAX(walk->grid->context_count, (size_t)1);
	size_t from = walk->grid->context_count > 0 ? 1 : 0;
	size_t cells = walk->principal_count * walk->resource_count * contexts;
	enum err err = OK;

	for (size_t i = 0; err == OK && i < cells; i++) {
		size_t pair = i / contexts;
		struct policy_grid_cell cell = {
			.principal = walk->principals[pair / walk->resource_count],
			.resource = walk->resources[pair % walk->resource_count],
			.action = walk->action,
			.context = i % contexts + from,
		};

		err = visit_cell(walk, &cell);
	}
	return err;
}

static enum err count_cells(struct walk *walk, struct diag *diag)
{
	size_t contexts = MAX(walk->grid->context_count, (size_t)1);
	size_t total = 0;
	size_t side = 0;
	size_t at = 0;

	while (next_action(walk, &side, &at)) {
		struct arena_mark mark = arena_mark(&walk->arena);
		size_t cells;

		if (!collect_both(walk))
			return ERR_LIMIT;
		if (__builtin_mul_overflow(walk->principal_count, walk->resource_count, &cells) ||
		    __builtin_mul_overflow(cells, contexts, &cells) ||
		    __builtin_add_overflow(total, cells, &total))
			total = SIZE_MAX;
		arena_rewind(&walk->arena, mark);
		if (total == SIZE_MAX)
			break;
	}
	if (total <= walk->grid->limit)
		return OK;
	return diag_set(diag, ERR_LIMIT, "", 0, 0,
			"the grid has %zu requests, the limit is %zu: give a higher --limit, or "
			"recorded requests with --requests",
			total, walk->grid->limit);
}

static enum err check_contexts(const struct walk *walk, struct diag *diag)
{
	for (size_t i = 0; i < walk->grid->context_count; i++)
		if (!walk->has_fit[i])
			return diag_set(diag, ERR_MALFORMED, walk->grid->context_file, 0, 0,
					"context %zu fits no action of either schema", i + 1);
	return OK;
}

static enum err run(struct walk *walk, struct diag *diag)
{
	size_t side = 0;
	size_t at = 0;
	enum err err;

	walk->has_fit =
		arena_array(&walk->arena, walk->grid->context_count, sizeof(*walk->has_fit));
	if (walk->has_fit == NULL || !collect_entities(walk))
		return ERR_LIMIT;
	err = count_cells(walk, diag);
	while (err == OK && next_action(walk, &side, &at)) {
		struct arena_mark mark = arena_mark(&walk->arena);

		err = collect_both(walk) ? read_contexts(walk) : ERR_LIMIT;
		if (err == OK)
			err = visit_action(walk);
		arena_rewind(&walk->arena, mark);
	}
	return err == OK ? check_contexts(walk, diag) : err;
}

enum err policy_grid_run(const struct policy_grid *grid, struct diag *diag, policy_grid_fn visit,
			 void *arg)
{
	struct walk walk = {.grid = grid, .visit = visit, .arg = arg};
	enum err err;

	for (size_t s = 0; s < POLICY_GRID_SIDES; s++)
		ASSERT(grid->sides[s].inputs->schema != NULL);
	arena_init(&walk.arena, 65536, GRID_ARENA);
	arena_init(&walk.cell_arena, 65536, GRID_ARENA);
	err = run(&walk, diag);
	arena_fini(&walk.cell_arena);
	arena_fini(&walk.arena);
	return err;
}
