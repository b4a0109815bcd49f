/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models and where they are served: the name a client asks for, or one of its
 * aliases, leads to one deployment. Immutable.
 *
 * Owns:    model_table owns its models and holds references of their upstreams;
 *          all text is copied into its arena.
 * Threads: any (immutable).
 * Limits:  100,000 names.
 */
#ifndef GATEWAY_ROUTE_MODEL_H
#define GATEWAY_ROUTE_MODEL_H

#include "gateway/route/upstream.h"

enum on_abort {
	ON_ABORT_DRAIN,	 /* read on to the usage report, within the caps */
	ON_ABORT_CANCEL, /* close quickly, bill what was seen */
};

/* As configured; lists of text are arrays of views. Attributes that only policy reads are passed
 * through unchanged. */
struct model_options {
	struct str name;
	const struct str *aliases;
	size_t alias_count;
	struct str upstream;	    /* name of an upstream */
	struct str upstream_model;  /* what the endpoint calls it; unset: name */
	const struct str *dialects; /* names from dialects.def; at least one */
	size_t dialect_count;
	struct str version; /* V2 model version asked of the endpoint; may be unset */
	struct str region;
	struct str price;    /* key in the price book; unset: name */
	uint64_t max_output; /* injected bound when the caller gives none; 0 = none */
	enum on_abort on_abort;
	uint64_t drain_bytes;
	int64_t drain_time_ms;
	/* For policy. */
	const struct str *groups;
	size_t group_count;
	const struct str *modalities;
	size_t modality_count;
	const struct str *regions;
	size_t region_count;
	struct str risk;	   /* minimal limited high prohibited */
	struct str status;	   /* approved trial deprecated blocked */
	struct str owner;	   /* business unit */
	struct str approved_until; /* RFC 3339 date; unset: no end */
	uint64_t max_classification;
	bool open_weights;
	unsigned line, column; /* where it stands in its file */
};

struct model {
	struct model_options options;
	struct upstream *upstream;
	struct str deployment;		/* name@upstream */
	struct str upstream_model_json; /* a JSON string with its quotes */
	struct str record;	 /* "model":…,"deployment":…,"provider":… as records say it */
	unsigned upstream_index; /* place in the list given to model_table_new */
	unsigned index;		 /* place in the table */
	uint64_t dialect_set;	 /* bit per index in `dialect_names` given at creation */
};

struct model_table;

/* upstreams: those the models may name. dialect_names: every dialect the program speaks, in the
 * order of the bits in dialect_set. */
MUST_CHECK enum err model_table_new(const struct model_options *models, size_t count,
				    struct upstream *const *upstreams, size_t upstream_count,
				    const struct str *dialect_names, size_t dialect_count,
				    struct diag *diag, struct model_table **out);
void model_table_free(struct model_table *table);
/* By name or alias; NULL when there is none. */
const struct model *model_find(const struct model_table *table, struct str name);
size_t model_count(const struct model_table *table);
const struct model *model_at(const struct model_table *table, size_t index);

#endif
