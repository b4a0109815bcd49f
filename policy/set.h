/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a policy set: what decide.c reads, and how the readers of text
 * and JSON fill it while it is loaded.
 *
 *   source ─► set_source ─► set_add (policies, templates), set_add_link ─┐
 *   all sources are read ─► set_resolve_links ─► index ◄─────────────────┘
 *
 * Owns:    arena, id map, the arrays of policies and templates.
 * Threads: one while loading; immutable after it.
 * Limits:  options.limits; policies, templates and links share `policies`.
 */
#ifndef POLICY_SET_H
#define POLICY_SET_H

#include "base/map.h"
#include "policy/index.h"
#include "policy/lex.h"
#include "policy/policy.h"

struct set_list {
	const struct policy **items;
	size_t count;
	size_t cap;
};

/* One source while it is read; lives in the set's arena, as file and text do. */
struct set_source {
	struct policy_set *set;
	const char *file;
	struct str text;
	struct lex_place place; /* of what was asked last: places mostly grow */
};

/* Strings and uids live in the set's arena. */
struct set_link {
	struct str template_id;
	struct str id;
	const struct uid *principal; /* NULL: no value for the slot */
	const struct uid *resource;
	size_t at; /* byte of the source, for messages */
};

/* A link that waits for the last source. */
struct set_pending {
	struct set_pending *next;
	struct set_source *source;
	struct set_link link;
};

struct policy_set {
	struct arena arena;
	struct policy_set_options options;
	struct map ids; /* id -> struct policy: policies and templates */
	struct set_list policies;
	struct set_list templates;
	const struct policy_index *index; /* NULL: is_unindexed */
	char hash[POLICY_HASH_HEX + 1];

	/* While loading. */
	enum err err;	   /* of the first error */
	struct diag *diag; /* the first error; may be NULL */
	size_t named;	   /* policies and templates so far: the N of policyN */
	bool is_full;	   /* a limit of the set is passed: no more is read */
	struct set_pending *first_link;
	struct set_pending **last_link;
};

struct eval;

/* Every policy whose scope the request may match (decide.c); one with several actions may come
 * twice. */
void set_visit(const struct policy_set *set, struct eval *eval, index_visit_fn visit, void *arg);

/* Something is wrong at byte `at` of the source: the load will fail. Returns err. */
PRINTF_LIKE(4, 5)
enum err set_fail(struct set_source *source, enum err err, size_t at, const char *fmt, ...);
/* The same, when the message is already made. */
enum err set_fail_diag(struct set_source *source, enum err err, const struct diag *diag);
/* Whether reading on makes sense: nothing was wrong yet, or all errors are wanted. */
bool set_goes_on(const struct policy_set *set);

/*
 * A policy, or a template (is_template), that lives in the set's arena with
 * effect, scopes, conditions, annotations and `at` filled in. Every `at` is a
 * byte of source->text; a node may carry its policy's. id unset: named by the
 * set's options. Fails (set_fail) when the id is taken or templates are not.
 */
void set_add(struct set_source *source, struct policy *policy, struct str id);
/* One that could not be read: its id is taken, so that a link to it is no second error. */
void set_add_broken(struct set_source *source, struct policy *policy, struct str id);
/* Checked by set_resolve_links (link.c). */
void set_add_link(struct set_source *source, const struct set_link *link);
/* For link.c: takes the id or fails (set_fail) at byte `at`; adds a policy made of a template. */
bool set_claim_id(struct set_source *source, struct policy *policy, struct str id, size_t at);
void set_push_link(struct policy_set *set, struct policy *policy);
bool set_is_broken(const struct policy *policy);
/* Behind the last source: links become policies (link.c). */
void set_resolve_links(struct policy_set *set);

#endif
