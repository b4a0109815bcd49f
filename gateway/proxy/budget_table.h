/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which budgets a call touches: the limits of budgets.yaml by whom and what
 * they are for, widest first, and the account behind each.
 *
 *     call ─► walk: no scope │ group │ model │ bu │ team │ project │ principal ─► entries
 *
 * A limit stands in the list of its narrowest dimension and is held against the
 * others, so that a call meets few that are not its own. Accounts outlive their
 * table: the next one takes over those that count the same thing.
 *
 * Owns:    its entries and text; a reference of each account.
 * Threads: immutable but for the accounts, which any thread reserves from and the
 *          keeper's (main) turns, grants and seeds.
 * Limits:  BUDGET_ENTRIES limits.
 */
#ifndef GATEWAY_PROXY_BUDGET_TABLE_H
#define GATEWAY_PROXY_BUDGET_TABLE_H

#include "gateway/identity/principal.h"
#include "gateway/route/model.h"
#include "metering/money/budget.h"

#define BUDGET_ENTRIES 4096
#define BUDGET_ALERTS  8

enum budget_unit {
	BUDGET_MONEY, /* nano of its currency */
	BUDGET_REQUESTS,
	BUDGET_TOKENS,
	BUDGET_UNITS,
};

/* From wide to narrow. */
enum budget_dim {
	BUDGET_GROUP, /* of models */
	BUDGET_MODEL,
	BUDGET_BU,
	BUDGET_TEAM,
	BUDGET_PROJECT,
	BUDGET_PRINCIPAL, /* User::ana */
	BUDGET_DIMS,
};

/* One limit. Texts are borrowed while a table is made. */
struct budget_options {
	struct str name;
	struct str scope[BUDGET_DIMS]; /* unset: any */
	struct str window_text;	       /* part of what makes an account the same */
	struct window window;	       /* .zone is the account's to set */
	struct str zone;	       /* name; unset: UTC */
	struct str zone_file;	       /* its TZif bytes */
	enum budget_unit unit;
	struct str currency; /* of money */
	int64_t limit;
	bool is_hard;
	uint64_t alerts[BUDGET_ALERTS]; /* percent of the limit, rising */
	size_t alert_count;
	unsigned line, column;
};

struct budget_account {
	_Atomic unsigned refs;
	struct str identity;
	struct zone *zone;
	struct window window;
	struct budget *budget;
	_Atomic bool is_seeded; /* what was spent before this process is in it */
	_Atomic bool is_short;	/* it refused a call for what is spent */
	/* The keeper's: */
	int64_t alerted_from_s; /* period of the set */
	unsigned alerted;	/* set of thresholds that were told */
	bool is_full;		/* it was short in the period */
};

struct budget_entry {
	struct budget_options options; /* text in the table; window and zone_file unset */
	struct str kind;	       /* "User" of User::ana; unset: no principal */
	struct budget_account *account;
	struct budget_entry *next; /* of its list */
};

struct budget_table;

/* before: the table whose accounts are taken over where they count the same; may be NULL. */
MUST_CHECK enum err budget_table_new(const struct budget_options *options, size_t count,
				     const struct budget_table *before, int64_t wall_s,
				     struct diag *diag, struct budget_table **out);
void budget_table_free(struct budget_table *table);
size_t budget_count(const struct budget_table *table);
const struct budget_entry *budget_at(const struct budget_table *table, size_t index);
/* A number below budget_count, one for each. */
size_t budget_index(const struct budget_table *table, const struct budget_entry *entry);

/* What decides which budgets a call touches; model texts must be those of the model table. */
struct budget_subject {
	struct str kind, principal; /* "User", "ana" */
	struct str bu, team, project;
	struct str model;
	const struct str *groups; /* of the model */
	size_t group_count;
};

struct budget_subject budget_subject_of(const struct principal *principal,
					const struct model *model);

/* Zero-filled plus table and subject begins a walk. */
struct budget_walk {
	const struct budget_table *table;
	const struct budget_subject *subject;
	unsigned list;
	size_t group;
	const struct budget_entry *next;
};

/* NULL at the end. */
const struct budget_entry *budget_walk_next(struct budget_walk *walk);

/* limit - spent - held: below zero after an overrun, and of soft budgets. */
int64_t budget_entry_remaining(const struct budget_entry *entry);
/* False while it cannot be known what is left. */
bool budget_entry_is_known(const struct budget_entry *entry);
const char *budget_unit_name(enum budget_unit unit);
const char *budget_dim_name(enum budget_dim dim);

/* The keeper's: the limits of this table are in force from now on. */
void budget_table_enforce(const struct budget_table *table);
/* Every account into the period of wall_s. */
void budget_table_turn(const struct budget_table *table, int64_t wall_s);

#endif
