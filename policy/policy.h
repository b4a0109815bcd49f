/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The façade of the Cedar engine: policy text in, decisions out. Pure: no I/O,
 * no clock, no globals, no threads.
 *
 *   load time:   policy_set_load     entity_store_new .. freeze   (schema_load)
 *   per token:   entity_new          the principal, in the cache entry's arena
 *   per attempt: value_shape_record  the context, in the request's arena
 *                policy_decide       the decision, in the request's arena
 *
 * A forbid that errors denies (options.ignore_forbid_errors off), against
 * Cedar's own rule of skipping it; the decision says when that made the answer.
 *
 * Owns:    a policy_set owns everything its policies point to; it borrows
 *          nothing after load. A decision lives in the arena it was made in,
 *          the policies it names in the set.
 * Threads: a loaded set and a frozen store are immutable: any number of readers.
 * Limits:  struct policy_limits; nesting 128 in text and evaluation. A decision
 *          takes what the arena's cap allows and never touches the heap.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/diags.h"
#include "policy/entity.h"
#include "policy/schema.h"
#include "policy/value.h"

#define POLICY_HASH_HEX 64 /* SHA-256 of the set, lower case */

struct policy;
struct policy_set;

/* 0 takes the default. */
struct policy_limits {
	size_t text_bytes;  /* of one source: 16 MiB */
	size_t policies;    /* of the set: 200,000 */
	size_t annotations; /* of one policy: 100 */
	size_t elements;    /* of one set, record or argument list: 100,000 */
	size_t arena_bytes; /* all memory of the set: 2 GiB */
};

enum policy_ids {
	POLICY_IDS_ANNOTATED, /* @id, else policyN; unique over all sources */
	POLICY_IDS_POSITION,  /* policyN only, as the official tools count */
};

struct policy_set_options {
	struct policy_limits limits;
	enum policy_ids ids;
	bool is_unindexed;    /* every policy is a candidate: for tests of the index */
	bool takes_templates; /* else a template among policies is refused */
	/* Go on behind an error and list all of them here, by source and place. They stop when it
	 * is full. NULL: the first error ends the load. */
	struct diags *all;
};

enum policy_format {
	POLICY_FORMAT_TEXT,
	POLICY_FORMAT_JSON, /* a policy, or {staticPolicies, templates, templateLinks} */
};

struct policy_source {
	const char *file; /* for messages; borrowed for the call */
	struct str text;  /* borrowed for the call */
	enum policy_format format;
};

/* All or nothing: an error in any source refuses the whole set; diag gets the first one. Links are
 * resolved behind the last source: they may name templates of any. options may be NULL. */
MUST_CHECK enum err policy_set_load(const struct policy_source *sources, size_t count,
				    const struct policy_set_options *options,
				    struct policy_set **out_set, struct diag *diag);
/* Policies are those that decide: static ones and links, in the order of the sources, links last.
 */
size_t policy_set_count(const struct policy_set *set);
/* Lower-case hex of SHA-256 over the sources in order, POLICY_HASH_HEX bytes. */
struct str policy_set_hash(const struct policy_set *set);
/* NULL when there is no such id. */
const struct policy *policy_set_find(const struct policy_set *set, struct str id);
const struct policy *policy_set_at(const struct policy_set *set, size_t position);
size_t policy_set_template_count(const struct policy_set *set);
const struct policy *policy_set_template_at(const struct policy_set *set, size_t position);
const struct policy *policy_set_find_template(const struct policy_set *set, struct str id);
void policy_set_free(struct policy_set *set);

struct str policy_id(const struct policy *policy);
bool policy_is_forbid(const struct policy *policy);
/* What a link was made of: annotations, conditions and place are its template's. NULL for a policy
 * that is no link. */
const struct policy *policy_template(const struct policy *policy);
/* Unset when the policy has no such annotation, empty when it has no value. */
struct str policy_annotation(const struct policy *policy, struct str key);
/* Where its text began; file lives in the set. */
const char *policy_file(const struct policy *policy);
unsigned policy_line(const struct policy *policy);

struct policy_request {
	const struct uid *principal;
	const struct uid *action;
	const struct uid *resource;
	/* The principal's entity, lying over the store's of the same uid; ancestors of its parents
	 * come from the store. NULL: the store alone. Its uid need not be the principal's. */
	const struct entity *overlay;
	/* The resource's entity, lying over the store's of the same uid, with all its ancestors.
	 * NULL: the store alone. */
	const struct entity *resource_entity;
	struct value context; /* a record, or VALUE_NONE for the empty one */
};

struct policy_options {
	bool ignore_forbid_errors; /* true: on_forbid_error is "skip", Cedar's own rule */
};

struct policy_error {
	const struct policy *policy;
	struct str text;
};

struct policy_decision {
	bool is_allowed;
	bool is_forbid_error; /* denied, but would be allowed had no forbid errored */
	/* Allowed: all satisfied permits. Denied: all satisfied forbids, possibly none. In the
	 * order of the set. Empty when is_forbid_error: the policies are then in errors. */
	size_t reason_count;
	const struct policy *const *reasons;
	size_t error_count;
	const struct policy_error *errors;
	size_t considered; /* policies whose scope was looked at */
};

/* ERR_LIMIT when the arena's cap is reached (also before the call): the caller must deny. */
MUST_CHECK enum err policy_decide(const struct policy_set *set, const struct entity_store *store,
				  const struct policy_request *request,
				  const struct policy_options *options, struct arena *arena,
				  struct policy_decision *out_decision);

#endif
