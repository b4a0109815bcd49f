/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   keys of the request ─► index ─► candidates ─► eval ─► satisfied permits
 *                                                         satisfied forbids ─► decision
 *                                                         errors
 *
 * All candidates are evaluated, also behind a satisfied forbid: reasons and
 * errors are then complete. What an evaluation built is taken back from the
 * arena at once, unless it left an error's text behind.
 */
#include "policy/eval.h"
#include "policy/set.h"
#include "policy/sort.h"

struct hits {
	size_t count;
	size_t cap;
	const struct policy **policies;
};

struct decide {
	struct eval eval;
	struct hits permits;
	struct hits forbids;
	struct policy_error *errors;
	size_t error_count;
	size_t error_cap;
	size_t considered;
	bool has_forbid_error;
};

/* Room for one more item; the old array stays behind in the arena. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *cap, size_t size)
{
	size_t room = *cap == 0 ? 8 : *cap * 2;
	void *grown;

	if (count < *cap)
		return items;
	grown = arena_array(arena, room, size);
	if (grown == NULL)
		return NULL;
	if (count > 0)
		memcpy(grown, items, count * size);
	*cap = room;
	return grown;
}

static void hits_add(struct arena *arena, struct hits *hits, const struct policy *policy)
{
	const struct policy **policies =
		grow(arena, hits->policies, hits->count, &hits->cap, sizeof(const struct policy *));

	if (policies == NULL)
		return; /* the arena's overflow stays set and refuses the decision */
	hits->policies = policies;
	hits->policies[hits->count++] = policy;
}

static void errors_add(struct decide *d, const struct policy *policy)
{
	struct policy_error *errors =
		grow(d->eval.arena, d->errors, d->error_count, &d->error_cap, sizeof(*errors));

	if (errors == NULL)
		return;
	d->errors = errors;
	d->errors[d->error_count++] = (struct policy_error){policy, d->eval.error};
	d->has_forbid_error |= policy->is_forbid;
}

/* Only a policy that names several actions is reached twice. */
static bool was_seen(const struct decide *d, const struct policy *policy)
{
	const struct hits *hits = policy->is_forbid ? &d->forbids : &d->permits;

	if (policy->action.kind != SCOPE_IN_SET || policy->action.uid_count < 2)
		return false;
	for (size_t i = 0; i < hits->count; i++)
		if (hits->policies[i] == policy)
			return true;
	for (size_t i = 0; i < d->error_count; i++)
		if (d->errors[i].policy == policy)
			return true;
	return false;
}

static void on_candidate(void *arg, const struct policy *policy)
{
	struct decide *d = arg;
	struct arena_mark mark = arena_mark(d->eval.arena);
	enum eval_verdict verdict;

	d->considered++;
	if (was_seen(d, policy))
		return;
	verdict = eval_policy(&d->eval, policy);
	if (verdict == EVAL_ERROR) {
		errors_add(d, policy);
		return;
	}
	if (!arena_has_overflowed(d->eval.arena))
		arena_rewind(d->eval.arena, mark);
	if (verdict == EVAL_SATISFIED)
		hits_add(d->eval.arena, policy->is_forbid ? &d->forbids : &d->permits, policy);
}

/* The uid, what it is below, its type: what a scope can ask of it. */
static struct index_keys request_keys(struct eval *e, const struct uid *uid)
{
	const struct entity *entity = eval_entity(e, uid);
	const struct entity *overlay = e->request->overlay;
	bool is_overlay = entity != NULL && entity == overlay;
	size_t own = entity == NULL || is_overlay ? 0 : entity->ancestor_count;
	bool with_overlay = is_overlay || (own > 0 && overlay != NULL &&
					   entity_refs_have(entity->ancestors, own, &overlay->uid));
	size_t over = with_overlay ? e->overlay_ref_count : 0;
	uint64_t *keys = arena_array(e->arena, own + over + 2, sizeof(*keys));
	size_t count = 0;

	if (keys == NULL)
		return (struct index_keys){0, NULL};
	keys[count++] = index_uid_key(uid->hash);
	keys[count++] = index_type_key(uid->type_hash);
	for (size_t i = 0; i < own; i++)
		keys[count++] = index_uid_key(entity->ancestors[i].hash);
	for (size_t i = 0; i < over; i++) {
		const struct entity_ref *ref = &e->overlay_refs[i];

		/* No key twice: a policy would be met twice. */
		if (!uid_eq(ref->uid, uid) &&
		    !(own > 0 && entity_refs_have(entity->ancestors, own, ref->uid)))
			keys[count++] = index_uid_key(ref->hash);
	}
	return (struct index_keys){count, keys};
}

void set_visit(const struct policy_set *set, struct eval *eval, index_visit_fn visit, void *arg)
{
	struct index_keys keys[INDEX_DIMENSIONS];

	if (set->index == NULL) {
		for (size_t i = 0; i < set->policies.count; i++)
			visit(arg, set->policies.items[i]);
		return;
	}
	keys[0] = request_keys(eval, eval->request->principal);
	keys[1] = request_keys(eval, eval->request->action);
	keys[2] = request_keys(eval, eval->request->resource);
	policy_index_visit(set->index, keys, visit, arg);
}

static int order_policies(const void *a, const void *b)
{
	const struct policy *x = *(const struct policy *const *)a;
	const struct policy *y = *(const struct policy *const *)b;

	return (x->position > y->position) - (x->position < y->position);
}

static int order_errors(const void *a, const void *b)
{
	const struct policy *x = ((const struct policy_error *)a)->policy;
	const struct policy *y = ((const struct policy_error *)b)->policy;

	return order_policies(&x, &y);
}

static bool sort_results(struct decide *d, struct hits *reasons)
{
	return (reasons->count < 2 || sort_stable(d->eval.arena, reasons->policies, reasons->count,
						  sizeof(const struct policy *), order_policies)) &&
	       (d->error_count < 2 || sort_stable(d->eval.arena, d->errors, d->error_count,
						  sizeof(*d->errors), order_errors));
}

enum err policy_decide(const struct policy_set *set, const struct entity_store *store,
		       const struct policy_request *request, const struct policy_options *options,
		       struct arena *arena, struct policy_decision *out_decision)
{
	struct decide d = {0};
	struct hits none = {0};
	struct hits *reasons = &none;
	bool is_allowed;
	bool is_error_deny;

	if (arena_has_overflowed(arena) || !eval_init(&d.eval, store, request, arena))
		return ERR_LIMIT;
	set_visit(set, &d.eval, on_candidate, &d);
	is_allowed = d.forbids.count == 0 && d.permits.count > 0;
	is_error_deny = is_allowed && d.has_forbid_error &&
			(options == NULL || !options->ignore_forbid_errors);
	if (d.forbids.count > 0)
		reasons = &d.forbids;
	else if (is_allowed && !is_error_deny)
		reasons = &d.permits;
	if (!sort_results(&d, reasons) || arena_has_overflowed(arena))
		return ERR_LIMIT;
	*out_decision = (struct policy_decision){
		.is_allowed = is_allowed && !is_error_deny,
		.is_forbid_error = is_error_deny,
		.reason_count = reasons->count,
		.reasons = reasons->policies,
		.error_count = d.error_count,
		.errors = d.errors,
		.considered = d.considered,
	};
	return OK;
}
