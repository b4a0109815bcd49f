/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a set: names, places, errors. */
#include "policy/set.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define POSITION_BROKEN SIZE_MAX /* its id is known, but it is not in the set */
#define ID_SHOWN	100

enum err set_fail_diag(struct set_source *source, enum err err, const struct diag *diag)
{
	struct policy_set *set = source->set;

	if (set->err == OK) {
		set->err = err;
		if (set->diag != NULL)
			*set->diag = *diag;
	}
	return diags_add(set->options.all, err, diag);
}

enum err set_fail(struct set_source *source, enum err err, size_t at, const char *fmt, ...)
{
	struct diag diag;
	char message[sizeof(diag.text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	lex_place_move(&source->place, source->text, at);
	err = diag_set(&diag, err, source->file, source->place.line, source->place.column, "%s",
		       message);
	lex_place_show(&source->place, source->text, &diag);
	return set_fail_diag(source, err, &diag);
}

bool set_goes_on(const struct policy_set *set)
{
	const struct diags *all = set->options.all;

	if (set->is_full || arena_has_overflowed(&set->arena))
		return false;
	return set->err == OK || (all != NULL && all->count < all->max);
}

bool set_is_broken(const struct policy *policy)
{
	return policy->position == POSITION_BROKEN;
}

static void set_push(struct set_list *list, struct policy *policy)
{
	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 16 : list->cap * 2;
		const struct policy **items = base_alloc(cap * sizeof(*items));

		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		free(list->items);
		list->items = items;
		list->cap = cap;
	}
	policy->position = list->count;
	list->items[list->count++] = policy;
}

static void fail_taken(struct set_source *source, struct str id, const struct policy *other,
		       size_t at)
{
	int shown = (int)MIN(id.len, ID_SHOWN);

	if (other->template != NULL)
		set_fail(source, ERR_CONFLICT, at,
			 "policy id `" STR_FMT "` is taken by a link of template `" STR_FMT "`",
			 shown, id.ptr, (int)MIN(other->template->id.len, ID_SHOWN),
			 other->template->id.ptr);
	else
		set_fail(source, ERR_CONFLICT, at,
			 "policy id `" STR_FMT "` is taken by the %s of %s:%u", shown, id.ptr,
			 other->is_template ? "template" : "policy", other->file, other->line);
}

bool set_claim_id(struct set_source *source, struct policy *policy, struct str id, size_t at)
{
	struct policy_set *set = source->set;
	const struct policy *other = map_get(&set->ids, id);

	policy->id = id;
	if (other != NULL) {
		fail_taken(source, id, other, at);
		return false;
	}
	if (map_put(&set->ids, id, policy) != OK) {
		set->is_full = true;
		set_fail(source, ERR_LIMIT, at, "more than %zu policies (limit `policies`)",
			 set->options.limits.policies);
		return false;
	}
	return true;
}

/* What every policy gets that was read from a source. */
static bool set_name(struct set_source *source, struct policy *policy, struct str id)
{
	struct policy_set *set = source->set;
	size_t number = set->named++;

	lex_place_move(&source->place, source->text, policy->at);
	policy->file = source->file;
	policy->text = source->text;
	policy->line = source->place.line;
	if (!str_is_set(id) && set->options.ids == POLICY_IDS_ANNOTATED) {
		id = policy_annotation(policy, STR("id"));
		if (str_is_set(id) && id.len == 0) {
			set_fail(source, ERR_MALFORMED, policy->at, "the policy's @id is empty");
			return false;
		}
	}
	if (!str_is_set(id))
		id = arena_printf(&set->arena, "policy%zu", number);
	return str_is_set(id) && set_claim_id(source, policy, id, policy->at);
}

void set_add(struct set_source *source, struct policy *policy, struct str id)
{
	struct policy_set *set = source->set;

	if (policy->is_template && !set->options.takes_templates)
		set_fail(source, ERR_UNSUPPORTED, policy->at,
			 "a template (slot in the scope) cannot stand among policies");
	if (set_name(source, policy, id))
		set_push(policy->is_template ? &set->templates : &set->policies, policy);
}

void set_add_broken(struct set_source *source, struct policy *policy, struct str id)
{
	policy->position = POSITION_BROKEN;
	(void)set_name(source, policy, id);
}

void set_push_link(struct policy_set *set, struct policy *policy)
{
	ASSERT(policy->template != NULL && !policy->is_template);
	set_push(&set->policies, policy);
}
