/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/budget_table.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

#define TABLE_ARENA_MAX (16U << 20)
/* Behind the lists of the dimensions: first comes the list without a scope. */
#define TABLE_LISTS (BUDGET_DIMS + 1U)

struct budget_table {
	struct arena arena;
	struct budget_entry *entries;
	size_t count;
	struct budget_entry *unscoped;
	struct map lists[BUDGET_DIMS]; /* value: the first entry */
	struct map accounts;	       /* by identity */
};

const char *budget_unit_name(enum budget_unit unit)
{
	static const char *const names[] = {
		[BUDGET_MONEY] = "money",
		[BUDGET_REQUESTS] = "requests",
		[BUDGET_TOKENS] = "tokens",
	};

	return names[unit];
}

const char *budget_dim_name(enum budget_dim dim)
{
	static const char *const names[] = {
		[BUDGET_GROUP] = "group",     [BUDGET_MODEL] = "model",
		[BUDGET_BU] = "bu",	      [BUDGET_TEAM] = "team",
		[BUDGET_PROJECT] = "project", [BUDGET_PRINCIPAL] = "principal",
	};

	return names[dim];
}

/* Accounts ------------------------------------------------------------------------ */

static void account_unref(struct budget_account *account)
{
	if (account == NULL || atomic_fetch_sub(&account->refs, 1) != 1)
		return;
	budget_free(account->budget);
	zone_free(account->zone);
	free((void *)(uintptr_t)account->identity.ptr);
	free(account);
}

/* Everything that changes what is counted; limit and mode do not. */
static struct str identity_of(struct arena *arena, const struct budget_options *options)
{
	struct str text = arena_printf(arena, "%s\x1f" STR_FMT "\x1f" STR_FMT "\x1f" STR_FMT,
				       budget_unit_name(options->unit), STR_ARG(options->name),
				       STR_ARG(options->window_text), STR_ARG(options->currency));

	text = arena_printf(arena, STR_FMT "\x1f" STR_FMT, STR_ARG(text), STR_ARG(options->zone));
	for (unsigned i = 0; i < BUDGET_DIMS; i++)
		text = arena_printf(arena, STR_FMT "\x1f%c" STR_FMT, STR_ARG(text),
				    str_is_set(options->scope[i]) ? '=' : '*',
				    STR_ARG(options->scope[i]));
	return text;
}

static enum err account_new(const struct budget_options *options, struct str identity,
			    int64_t wall_s, struct diag *diag, struct budget_account **out)
{
	struct budget_account *account;
	struct zone *zone = NULL;
	char *text;

	if (str_is_set(options->zone_file)) {
		enum err err = zone_new("zone", options->zone_file, diag, &zone);

		if (err != OK)
			return err;
	}
	account = base_alloc(sizeof(*account));
	text = base_alloc(identity.len + 1);
	memcpy(text, identity.ptr, identity.len);
	account->identity = str_make(text, identity.len);
	account->zone = zone;
	account->window = options->window;
	account->window.zone = zone;
	account->budget = budget_new(&account->window, wall_s);
	atomic_init(&account->refs, 1);
	/* What was spent in a minute before this process is past when it is ready. */
	atomic_init(&account->is_seeded, options->window.kind == WINDOW_MINUTE);
	*out = account;
	return OK;
}

static enum err take_account(struct budget_table *table, const struct budget_table *before,
			     struct budget_entry *entry, const struct budget_options *options,
			     int64_t wall_s, struct diag *diag)
{
	struct str identity = identity_of(&table->arena, options);
	struct budget_account *account = NULL;
	enum err err = OK;

	if (!str_is_set(identity))
		return diag_set(diag, ERR_LIMIT, "", 0, 0, "too many budgets");
	if (before != NULL)
		account = map_get(&before->accounts, identity);
	if (account != NULL)
		atomic_fetch_add(&account->refs, 1);
	else
		err = account_new(options, identity, wall_s, diag, &account);
	entry->account = account;
	return err != OK ? err : map_put(&table->accounts, account->identity, account);
}

/* Entries --------------------------------------------------------------------------- */

static struct str copy(struct budget_table *table, struct str text)
{
	return str_is_set(text) ? arena_str(&table->arena, text) : text;
}

/* "User::ana" is the kind and the id that principals have. */
static void cut_principal(struct budget_entry *entry)
{
	struct str *id = &entry->options.scope[BUDGET_PRINCIPAL];

	for (size_t i = 0; str_is_set(*id) && i + 1 < id->len; i++) {
		if (id->ptr[i] != ':' || id->ptr[i + 1] != ':')
			continue;
		entry->kind = str_sub(*id, 0, i);
		*id = str_sub(*id, i + 2, id->len);
		return;
	}
}

static enum err list_entry(struct budget_table *table, struct budget_entry *entry)
{
	for (unsigned i = BUDGET_DIMS; i-- > 0;) {
		struct str value = entry->options.scope[i];

		if (!str_is_set(value))
			continue;
		entry->next = map_get(&table->lists[i], value);
		return map_put(&table->lists[i], value, entry);
	}
	entry->next = table->unscoped;
	table->unscoped = entry;
	return OK;
}

static enum err add_entry(struct budget_table *table, const struct budget_table *before,
			  const struct budget_options *options, int64_t wall_s, struct diag *diag)
{
	struct budget_entry *entry = &table->entries[table->count++];
	enum err err;

	entry->options = *options;
	entry->options.name = copy(table, options->name);
	entry->options.window_text = copy(table, options->window_text);
	entry->options.zone = copy(table, options->zone);
	entry->options.zone_file = (struct str){0};
	entry->options.currency = copy(table, options->currency);
	for (unsigned i = 0; i < BUDGET_DIMS; i++)
		entry->options.scope[i] = copy(table, options->scope[i]);
	cut_principal(entry);
	err = take_account(table, before, entry, options, wall_s, diag);
	return err != OK ? err : list_entry(table, entry);
}

enum err budget_table_new(const struct budget_options *options, size_t count,
			  const struct budget_table *before, int64_t wall_s, struct diag *diag,
			  struct budget_table **out)
{
	struct budget_table *table = base_alloc(sizeof(*table));
	enum err err = OK;

	arena_init(&table->arena, 4096, TABLE_ARENA_MAX);
	for (unsigned i = 0; i < BUDGET_DIMS; i++)
		map_init(&table->lists[i], count + 1);
	map_init(&table->accounts, count + 1);
	table->entries = arena_array(&table->arena, count, sizeof(*table->entries));
	if (count > BUDGET_ENTRIES || table->entries == NULL)
		err = diag_set(diag, ERR_LIMIT, "", 0, 0, "more than %d budgets", BUDGET_ENTRIES);
	/* From the end, so that each list begins with the first of the file. */
	for (size_t i = count; err == OK && i-- > 0;)
		err = add_entry(table, before, &options[i], wall_s, diag);
	if (err == OK && arena_has_overflowed(&table->arena))
		err = diag_set(diag, ERR_LIMIT, "", 0, 0, "the budgets are too large");
	if (err != OK) {
		budget_table_free(table);
		return err;
	}
	*out = table;
	return OK;
}

void budget_table_free(struct budget_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++)
		account_unref(table->entries[i].account);
	for (unsigned i = 0; i < BUDGET_DIMS; i++)
		map_fini(&table->lists[i]);
	map_fini(&table->accounts);
	arena_fini(&table->arena);
	free(table);
}

size_t budget_count(const struct budget_table *table)
{
	return table->count;
}

const struct budget_entry *budget_at(const struct budget_table *table, size_t index)
{
	/* They were taken in from the end. */
	return &table->entries[table->count - 1 - index];
}

size_t budget_index(const struct budget_table *table, const struct budget_entry *entry)
{
	return (size_t)(entry - table->entries);
}

/* Walks ------------------------------------------------------------------------------- */

struct budget_subject budget_subject_of(const struct principal *principal,
					const struct model *model)
{
	return (struct budget_subject){
		.kind = str_from_c(principal_kind_name(principal->kind)),
		.principal = principal->id,
		.bu = principal->bu,
		.team = principal->team,
		.project = principal->project,
		.model = model->options.name,
		.groups = model->options.groups,
		.group_count = model->options.group_count,
	};
}

static struct str subject_value(const struct budget_subject *subject, enum budget_dim dim)
{
	switch (dim) {
	case BUDGET_MODEL: return subject->model;
	case BUDGET_BU: return subject->bu;
	case BUDGET_TEAM: return subject->team;
	case BUDGET_PROJECT: return subject->project;
	case BUDGET_PRINCIPAL: return subject->principal;
	case BUDGET_GROUP:
	case BUDGET_DIMS: break;
	}
	return (struct str){0};
}

static bool in_group(const struct budget_subject *subject, struct str group)
{
	for (size_t i = 0; i < subject->group_count; i++)
		if (str_eq(subject->groups[i], group))
			return true;
	return false;
}

static bool touches(const struct budget_entry *entry, const struct budget_subject *subject)
{
	const struct str *scope = entry->options.scope;

	if (str_is_set(entry->kind) && !str_eq(entry->kind, subject->kind))
		return false;
	if (str_is_set(scope[BUDGET_GROUP]) && !in_group(subject, scope[BUDGET_GROUP]))
		return false;
	for (unsigned i = BUDGET_MODEL; i < BUDGET_DIMS; i++)
		if (str_is_set(scope[i]) &&
		    !str_eq(scope[i], subject_value(subject, (enum budget_dim)i)))
			return false;
	return true;
}

/* The first entry of the next list; false when there is none. */
static bool walk_enter(struct budget_walk *walk)
{
	const struct budget_subject *subject = walk->subject;
	unsigned dim = walk->list - 1;

	if (walk->list >= TABLE_LISTS || walk->table->count == 0)
		return false;
	if (walk->list == 0) {
		walk->next = walk->table->unscoped;
	} else if (dim == BUDGET_GROUP && walk->group < subject->group_count) {
		walk->next = map_get(&walk->table->lists[dim], subject->groups[walk->group++]);
		return true;
	} else if (dim != BUDGET_GROUP) {
		walk->next = map_get(&walk->table->lists[dim],
				     subject_value(subject, (enum budget_dim)dim));
	}
	walk->list++;
	return true;
}

const struct budget_entry *budget_walk_next(struct budget_walk *walk)
{
	for (;;) {
		const struct budget_entry *entry = walk->next;

		if (entry == NULL) {
			if (!walk_enter(walk))
				return NULL;
			continue;
		}
		walk->next = entry->next;
		if (touches(entry, walk->subject))
			return entry;
	}
}

/* Standing ----------------------------------------------------------------------------- */

int64_t budget_entry_remaining(const struct budget_entry *entry)
{
	struct budget_standing standing;

	budget_read(entry->account->budget, &standing);
	return entry->options.limit - standing.spent - standing.held;
}

bool budget_entry_is_known(const struct budget_entry *entry)
{
	return atomic_load(&entry->account->is_seeded);
}

void budget_table_enforce(const struct budget_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct budget_entry *entry = &table->entries[i];

		/* A soft one counts like a hard one and never refuses. */
		budget_grant(entry->account->budget,
			     entry->options.is_hard ? entry->options.limit : BUDGET_MAX);
	}
}

void budget_table_turn(const struct budget_table *table, int64_t wall_s)
{
	for (size_t i = 0; i < table->count; i++)
		(void)budget_turn(table->entries[i].account->budget, wall_s);
}
