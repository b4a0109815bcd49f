/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/review.h"

#include "policy/capability.h"
#include "policy/residual.h"

struct reviewing {
	struct arena *arena;
	bool is_error_ignored;
	struct review review;
	size_t permit_count, forbid_count; /* of the parts of the condition */
	const struct expr **permits;	   /* what remains of each */
	const struct expr **forbids;	   /* its opposite */
	bool is_permitted;		   /* by one without a condition */
	bool is_forbidden;
};

static void take(struct review_policies *list, const struct policy *policy)
{
	list->policies[list->count++] = policy;
}

static void take_permit(struct reviewing *r, const struct policy *policy,
			const struct partial_result *result)
{
	if (result->verdict == PARTIAL_TRUE) {
		r->is_permitted = true;
		take(&r->review.permits, policy);
	} else if (result->verdict == PARTIAL_RESIDUAL && !result->is_never_true) {
		take(&r->review.permits, policy);
		r->permits[r->permit_count++] = result->expr;
		r->review.may_err |= result->may_err;
	}
}

/* Those that deny always come before those that may: they alone are named then. */
static bool take_forbid(struct reviewing *r, const struct policy *policy,
			const struct partial_result *result)
{
	bool is_sure = result->verdict == PARTIAL_TRUE ||
		       (result->verdict == PARTIAL_ERROR && !r->is_error_ignored);
	bool may_deny = result->verdict == PARTIAL_RESIDUAL &&
			(!result->is_never_true || (result->may_err && !r->is_error_ignored));

	if (is_sure && !r->is_forbidden) {
		r->is_forbidden = true;
		r->review.forbids.count = 0;
	}
	if (is_sure || (may_deny && !r->is_forbidden))
		take(&r->review.forbids, policy);
	if (!may_deny)
		return true;
	r->review.may_err |= result->may_err;
	r->forbids[r->forbid_count] = residual_negate(r->arena, result->expr);
	return r->forbids[r->forbid_count++] != NULL;
}

/* Two forbids often ask the same first; a condition says it once. */
static size_t without_twins(const struct expr **parts, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		bool is_new = true;

		for (size_t k = 0; is_new && k < kept; k++)
			is_new = !expr_same(parts[k], parts[i]);
		if (is_new)
			parts[kept++] = parts[i];
	}
	return kept;
}

static const struct expr *const *conjuncts(const struct expr *const *expr, size_t *count)
{
	bool is_chain = (*expr)->kind == EXPR_AND;

	*count = is_chain ? (*expr)->list.count : 1;
	return is_chain ? (*expr)->list.items : expr;
}

/* Whatever `narrow` lets pass, `wide` lets pass: all that wide asks narrow asks too. */
static bool covers(const struct expr *const *wide, const struct expr *const *narrow)
{
	size_t wide_count;
	size_t narrow_count;
	const struct expr *const *asked = conjuncts(wide, &wide_count);
	const struct expr *const *own = conjuncts(narrow, &narrow_count);

	for (size_t i = 0; i < wide_count; i++) {
		bool is_there = false;

		for (size_t k = 0; !is_there && k < narrow_count; k++)
			is_there = expr_same(asked[i], own[k]);
		if (!is_there)
			return false;
	}
	return true;
}

/* A permit that asks for more than another one does adds nothing to what is permitted. */
static size_t without_narrower(const struct expr **permits, size_t count)
{
	size_t kept = 0;

	count = without_twins(permits, count);
	for (size_t i = 0; i < count; i++) {
		bool is_covered = false;

		for (size_t k = 0; !is_covered && k < count; k++)
			is_covered =
				k != i && permits[k] != NULL && covers(&permits[k], &permits[i]);
		if (is_covered)
			permits[i] = NULL;
	}
	for (size_t i = 0; i < count; i++)
		if (permits[i] != NULL)
			permits[kept++] = permits[i];
	return kept;
}

/* False past the arena's cap. */
static bool conclude(struct reviewing *r)
{
	struct review *review = &r->review;
	const struct expr **parts = arena_array(r->arena, r->forbid_count + 1, sizeof(*parts));
	size_t count = 0;

	if (parts == NULL)
		return false;
	if (r->is_forbidden || review->permits.count == 0) {
		review->verdict = REVIEW_NEVER;
		review->permits.count = 0;
		review->forbids.count = r->is_forbidden ? review->forbids.count : 0;
		return true;
	}
	if (!r->is_permitted) {
		r->permit_count = without_narrower(r->permits, r->permit_count);
		parts[count] = residual_join(r->arena, EXPR_OR, r->permits, r->permit_count);
		if (parts[count++] == NULL)
			return false;
	}
	for (size_t i = 0; i < r->forbid_count; i++)
		parts[count++] = r->forbids[i];
	review->verdict = count == 0 ? REVIEW_ALWAYS : REVIEW_IF;
	if (count > 0) {
		review->condition =
			residual_join(r->arena, EXPR_AND, parts, without_twins(parts, count));
		return review->condition != NULL;
	}
	return true;
}

static bool make_room(struct reviewing *r, size_t count)
{
	struct review_policies *lists[] = {&r->review.permits, &r->review.forbids,
					   &r->review.errors};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		lists[i]->policies = arena_array(r->arena, count, sizeof(*lists[i]->policies));
		if (lists[i]->policies == NULL)
			return false;
	}
	r->permits = arena_array(r->arena, count, sizeof(*r->permits));
	r->forbids = arena_array(r->arena, count, sizeof(*r->forbids));
	return r->permits != NULL && r->forbids != NULL;
}

enum err review_request(const struct policy_set *set, const struct entity_store *store,
			const struct schema *schema, const struct partial_request *request,
			const struct policy_options *options, struct arena *arena,
			struct review *out)
{
	struct reviewing r = {.arena = arena};
	struct partial partial;

	r.is_error_ignored = options != NULL && options->ignore_forbid_errors;
	if (!make_room(&r, policy_set_count(set)) ||
	    !partial_init(&partial, store, schema, request, arena))
		return ERR_LIMIT;
	for (size_t i = 0; i < policy_set_count(set); i++) {
		const struct policy *policy = policy_set_at(set, i);
		struct partial_result result;
		enum err err = partial_policy(&partial, policy, &result);

		if (err != OK)
			return err;
		if (result.verdict == PARTIAL_ERROR)
			take(&r.review.errors, policy);
		if (!policy->is_forbid)
			take_permit(&r, policy, &result);
		else if (!take_forbid(&r, policy, &result))
			return ERR_LIMIT;
	}
	if (!conclude(&r))
		return ERR_LIMIT;
	*out = r.review;
	return OK;
}

/* Each part of a stands in b. */
static bool has_parts(const struct expr *a, const struct expr *b)
{
	for (size_t i = 0; i < a->list.count; i++) {
		bool is_there = false;

		for (size_t k = 0; !is_there && k < b->list.count; k++)
			is_there = review_is_same_condition(a->list.items[i], b->list.items[k]);
		if (!is_there)
			return false;
	}
	return true;
}

bool review_is_same_condition(const struct expr *a, const struct expr *b)
{
	if (expr_same(a, b))
		return true;
	return a->kind == b->kind && (a->kind == EXPR_AND || a->kind == EXPR_OR) &&
	       has_parts(a, b) && has_parts(b, a);
}

bool review_is_same(const struct review *a, const struct review *b)
{
	return a->verdict == b->verdict &&
	       (a->verdict != REVIEW_IF || review_is_same_condition(a->condition, b->condition));
}

static bool same_uids(const struct uid *a, const struct uid *b)
{
	return a == NULL || b == NULL ? a == b : uid_eq(a, b);
}

static bool same_scope(const struct scope *a, const struct scope *b)
{
	if (a->kind != b->kind || a->uid_count != b->uid_count || a->is_slot != b->is_slot ||
	    !str_eq(a->type.str, b->type.str) || !same_uids(a->uid, b->uid))
		return false;
	for (size_t i = 0; i < a->uid_count; i++)
		if (!uid_eq(a->uids[i], b->uids[i]))
			return false;
	return true;
}

static bool same_annotations(const struct policy *a, const struct policy *b)
{
	if (a->annotation_count != b->annotation_count)
		return false;
	for (size_t i = 0; i < a->annotation_count; i++) {
		struct str key = a->annotations[i].key;
		struct str other = policy_annotation(b, key);

		if (!str_is_set(other) || !str_eq(policy_annotation(a, key), other))
			return false;
	}
	return true;
}

bool review_is_same_policy(const struct policy *a, const struct policy *b)
{
	if (a->is_forbid != b->is_forbid || !same_scope(&a->principal, &b->principal) ||
	    !same_scope(&a->action, &b->action) || !same_scope(&a->resource, &b->resource) ||
	    a->condition_count != b->condition_count || !same_annotations(a, b))
		return false;
	for (size_t i = 0; i < a->condition_count; i++)
		if (a->conditions[i].is_unless != b->conditions[i].is_unless ||
		    !expr_same(a->conditions[i].body, b->conditions[i].body))
			return false;
	return true;
}
