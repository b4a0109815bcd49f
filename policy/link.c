/* SPDX-License-Identifier: Apache-2.0 */
/* A link is a copy of its template with the slots filled in: to the index, to decisions and to the
 * checker it is a policy as any other. Conditions cannot hold slots, so they are shared. */
#include "base/suggest.h"
#include "policy/set.h"

#define NEAR_AMONG 1000 /* more templates than that are not searched for a near name */

void set_add_link(struct set_source *source, const struct set_link *link)
{
	struct policy_set *set = source->set;
	struct set_pending *pending = arena_zalloc(&set->arena, sizeof(*pending));

	if (pending == NULL)
		return; /* the arena's overflow fails the load */
	*pending = (struct set_pending){.source = source, .link = *link};
	if (set->last_link == NULL)
		set->last_link = &set->first_link;
	*set->last_link = pending;
	set->last_link = &pending->next;
}

static void fail_no_template(struct set_source *source, const struct set_link *link)
{
	const struct set_list *templates = &source->set->templates;
	struct suggest near = {.word = link->template_id};

	for (size_t i = 0; templates->count <= NEAR_AMONG && i < templates->count; i++)
		suggest_try(&near, templates->items[i]->id);
	if (str_is_set(near.best))
		set_fail(source, ERR_NOT_FOUND, link->at,
			 "there is no template `" STR_FMT "`; did you mean `" STR_FMT "`?",
			 STR_ARG(link->template_id), STR_ARG(near.best));
	else
		set_fail(source, ERR_NOT_FOUND, link->at, "there is no template `" STR_FMT "`",
			 STR_ARG(link->template_id));
}

/* NULL: no such template; an error unless it is there but could not be read. */
static const struct policy *find_template(struct set_source *source, const struct set_link *link)
{
	const struct policy *found = map_get(&source->set->ids, link->template_id);

	if (found == NULL)
		fail_no_template(source, link);
	else if (set_is_broken(found))
		return NULL;
	else if (!found->is_template)
		set_fail(source, ERR_MALFORMED, link->at,
			 "`" STR_FMT "` is a %s, not a template: only a policy with a slot in its "
			 "scope can be linked",
			 STR_ARG(link->template_id), found->template == NULL ? "policy" : "link");
	return found != NULL && found->is_template ? found : NULL;
}

/* The slot's uid goes into the scope; a value is needed exactly where there is a slot. */
static bool fill_slot(struct set_source *source, const struct set_link *link, struct scope *scope,
		      const struct uid *uid, const char *slot)
{
	if (scope->is_slot == (uid != NULL)) {
		scope->is_slot = false;
		scope->uid = uid != NULL ? uid : scope->uid;
		return true;
	}
	if (uid == NULL)
		set_fail(source, ERR_MALFORMED, link->at,
			 "link `" STR_FMT "` gives no value for %s of template `" STR_FMT "`",
			 STR_ARG(link->id), slot, STR_ARG(link->template_id));
	else
		set_fail(source, ERR_MALFORMED, link->at,
			 "link `" STR_FMT "` gives a value for %s, a slot that template `" STR_FMT
			 "` does not have",
			 STR_ARG(link->id), slot, STR_ARG(link->template_id));
	return false;
}

static void resolve(struct policy_set *set, const struct set_pending *pending)
{
	struct set_source *source = pending->source;
	const struct set_link *link = &pending->link;
	const struct policy *template = find_template(source, link);
	struct policy *policy = arena_alloc(&set->arena, sizeof(*policy));
	bool is_filled;

	if (template == NULL || policy == NULL)
		return;
	*policy = *template;
	policy->is_template = false;
	policy->template = template;
	is_filled = fill_slot(source, link, &policy->principal, link->principal, "?principal");
	is_filled &= fill_slot(source, link, &policy->resource, link->resource, "?resource");
	if (set_claim_id(source, policy, link->id, link->at) && is_filled)
		set_push_link(set, policy);
}

void set_resolve_links(struct policy_set *set)
{
	for (const struct set_pending *p = set->first_link; p != NULL && set_goes_on(set);
	     p = p->next)
		resolve(set, p);
}
