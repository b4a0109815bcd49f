/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows become entries, an entry has one set of lines per context band, and
 * every model name or pattern leads to the entries that list it:
 *
 *   names: "gpt-x"        -> entry A (until 2026-11), entry B (from 2026-11)
 *          "gpt-x-2026-*" -> entry B            (also in patterns, longest first)
 *   entry: id, version, provider, tier, region, period
 *          sets: base rates < above 128000 < above 272000
 *
 * Entries of one name may differ in provider, tier, region or period; where
 * all of these meet, the book is refused.
 */
#include "metering/money/price.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "metering/money/rate.h"

#define BOOK_BYTES (64UL << 20)

struct slot {
	struct price_line line;
	struct str as;		     /* the meter whose rate this one takes; empty: its own */
	const struct price_row *row; /* while loading */
	struct slot *next;
};

struct entry;

struct price_set {
	const struct entry *entry;
	int64_t above; /* 0: the base rates */
	struct price_set *lower;
	struct slot *slots;
};

struct entry {
	struct str id, version, provider, tier, region, currency;
	int64_t from_ns, to_ns;
	unsigned line;
	struct price_set *highest; /* down to the base by lower */
};

/* An entry under one of its names. */
struct ref {
	const struct entry *entry;
	struct ref *next;
};

struct name {
	struct str text; /* as written; a pattern with its "*" */
	bool is_pattern;
	struct ref *refs;
};

struct price_book {
	struct arena arena;
	struct map names;
	struct map versions; /* id@version, each once */
	const struct name **patterns;
	size_t pattern_count;
	const struct price_line **lines;
	size_t line_count;
};

struct loader {
	struct price_book *book;
	const struct price_options *options;
	struct diag *diag;
};

static struct str standard_tier(struct str tier)
{
	if (tier.len == 0 || str_eq(tier, STR("default")) || str_eq(tier, STR("auto")))
		return STR("standard");
	return tier;
}

/* ---- checks of one row ---- */

#define REFUSE_ENTRY(loader, row, ...)                                                             \
	diag_set((loader)->diag, ERR_MALFORMED, (loader)->options->file, (row)->entry_line,        \
		 (row)->entry_column, __VA_ARGS__)
#define REFUSE_RATE(loader, row, ...)                                                              \
	diag_set((loader)->diag, ERR_MALFORMED, (loader)->options->file, (row)->line,              \
		 (row)->column, __VA_ARGS__)

/* Part of a price line's name: no "/" or "@", which join the parts. */
static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
			       c == ':' || c == '+';

		if (!is_fine)
			return false;
	}
	return s.len > 0 && s.len <= 100;
}

static bool is_currency(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 'A' || s.ptr[i] > 'Z')
			return false;
	}
	return s.len == 3;
}

static enum err check_models(const struct loader *loader, const struct price_row *row)
{
	if (row->model_count == 0)
		return REFUSE_ENTRY(loader, row, "price " STR_FMT " names no models",
				    STR_ARG(row->id));
	for (size_t i = 0; i < row->model_count; i++) {
		struct str model = row->models[i];

		if (model.len == 0 || str_index(model, '*') + 1 < model.len)
			return REFUSE_ENTRY(loader, row,
					    "price " STR_FMT ": model \"" STR_FMT
					    "\" is no name; a \"*\" may only end it",
					    STR_ARG(row->id), STR_ARG(model));
	}
	return OK;
}

static enum err check_entry(const struct loader *loader, const struct price_row *row)
{
	if (!is_word(row->id))
		return REFUSE_ENTRY(loader, row,
				    "a price needs an id of letters, digits and . _ - : +");
	if (!is_word(row->version))
		return REFUSE_ENTRY(loader, row,
				    "price " STR_FMT " needs a version, its own or the book's, of "
				    "letters, digits and . _ - : +",
				    STR_ARG(row->id));
	if (!is_currency(row->currency))
		return REFUSE_ENTRY(loader, row,
				    "price " STR_FMT " needs a currency of three capital letters",
				    STR_ARG(row->id));
	return check_models(loader, row);
}

static enum err parse_period(const struct loader *loader, const struct price_row *row,
			     struct entry *entry)
{
	entry->from_ns = INT64_MIN;
	entry->to_ns = INT64_MAX;
	if (row->valid_from.len > 0 && clock_parse(row->valid_from, &entry->from_ns) != OK)
		return REFUSE_ENTRY(loader, row, "valid_from \"" STR_FMT "\" is no date",
				    STR_ARG(row->valid_from));
	if (row->valid_to.len > 0 && clock_parse(row->valid_to, &entry->to_ns) != OK)
		return REFUSE_ENTRY(loader, row, "valid_to \"" STR_FMT "\" is no date",
				    STR_ARG(row->valid_to));
	if (entry->from_ns >= entry->to_ns)
		return REFUSE_ENTRY(loader, row,
				    "price " STR_FMT " is never valid: valid_to is exclusive and "
				    "must be later than valid_from",
				    STR_ARG(row->id));
	return OK;
}

static enum err check_meter(const struct loader *loader, const struct price_row *row)
{
	const char *const *meters = loader->options->meters;
	const char *near = NULL;
	unsigned best = 4;

	if (meters == NULL)
		return OK;
	for (; *meters != NULL; meters++) {
		unsigned distance = str_distance(row->meter, str_from_c(*meters));

		if (distance == 0)
			return OK;
		if (distance < best) {
			best = distance;
			near = *meters;
		}
	}
	return REFUSE_RATE(loader, row, "no meter \"" STR_FMT "\"%s%s%s", STR_ARG(row->meter),
			   near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
			   near == NULL ? "" : "?");
}

/* ---- entries and their names ---- */

static bool overlaps(const struct entry *a, const struct entry *b)
{
	return str_eq(a->provider, b->provider) && str_eq(a->tier, b->tier) &&
	       str_eq(a->region, b->region) && a->from_ns < b->to_ns && b->from_ns < a->to_ns;
}

static enum err add_name(struct loader *loader, const struct price_row *row, struct str text,
			 const struct entry *entry)
{
	struct price_book *book = loader->book;
	struct name *name = map_get(&book->names, text);
	struct ref *ref = arena_zalloc(&book->arena, sizeof(*ref));

	if (name == NULL)
		name = arena_zalloc(&book->arena, sizeof(*name));
	if (name == NULL || ref == NULL)
		return ERR_LIMIT;
	if (name->refs == NULL) {
		name->text = arena_str(&book->arena, text);
		name->is_pattern = text.ptr[text.len - 1] == '*';
		if (!str_is_set(name->text) || map_put(&book->names, name->text, name) != OK)
			return ERR_LIMIT;
		book->pattern_count += name->is_pattern;
	}
	for (const struct ref *other = name->refs; other != NULL; other = other->next) {
		if (other->entry == entry)
			return REFUSE_ENTRY(loader, row,
					    "price " STR_FMT " names " STR_FMT " twice",
					    STR_ARG(row->id), STR_ARG(text));
		if (overlaps(other->entry, entry))
			return REFUSE_ENTRY(loader, row,
					    "price " STR_FMT " overlaps price " STR_FMT
					    " (line %u) for " STR_FMT
					    ": same provider, tier and region at the same time",
					    STR_ARG(row->id), STR_ARG(other->entry->id),
					    other->entry->line, STR_ARG(text));
	}
	ref->entry = entry;
	ref->next = name->refs;
	name->refs = ref;
	return OK;
}

static enum err add_version(struct loader *loader, const struct price_row *row, struct entry *entry)
{
	struct price_book *book = loader->book;
	struct str key = arena_printf(&book->arena, STR_FMT "@" STR_FMT, STR_ARG(row->id),
				      STR_ARG(row->version));
	const struct entry *other = str_is_set(key) ? map_get(&book->versions, key) : NULL;

	if (other != NULL)
		return REFUSE_ENTRY(
			loader, row,
			"price " STR_FMT " version " STR_FMT
			" was already given in line %u; records could not tell them apart",
			STR_ARG(row->id), STR_ARG(row->version), other->line);
	return str_is_set(key) ? map_put(&book->versions, key, entry) : ERR_LIMIT;
}

static enum err entry_new(struct loader *loader, const struct price_row *row,
			  struct entry **out_entry)
{
	struct arena *arena = &loader->book->arena;
	enum err err = check_entry(loader, row);
	struct entry *entry;

	if (err != OK)
		return err;
	entry = arena_zalloc(arena, sizeof(*entry));
	if (entry == NULL)
		return ERR_LIMIT;
	entry->id = arena_str(arena, row->id);
	entry->version = arena_str(arena, row->version);
	entry->provider = arena_str(arena, row->provider);
	entry->tier = arena_str(arena, standard_tier(row->tier));
	entry->region = arena_str(arena, row->region);
	entry->currency = arena_str(arena, row->currency);
	entry->line = row->entry_line;
	err = parse_period(loader, row, entry);
	if (err == OK)
		err = add_version(loader, row, entry);
	for (size_t i = 0; i < row->model_count && err == OK; i++)
		err = add_name(loader, row, row->models[i], entry);
	if (err == OK)
		*out_entry = entry;
	return err;
}

static bool is_row_of(const struct price_row *row, const struct entry *entry)
{
	return entry != NULL && row->entry_line == entry->line && str_eq(row->id, entry->id) &&
	       str_eq(row->version, entry->version);
}

/* ---- sets and lines ---- */

/* The band of the row, made where it is missing, in the order of their bounds. */
static enum err find_band(struct loader *loader, const struct price_row *row, struct entry *entry,
			  struct price_set **out_set)
{
	struct price_set **at = &entry->highest;
	struct price_set *set;
	int64_t above = 0;

	if (row->above_input.len > 0 && (str_to_i64(row->above_input, &above) != OK || above <= 0))
		return REFUSE_RATE(loader, row, "above_input \"" STR_FMT "\" is no count of tokens",
				   STR_ARG(row->above_input));
	while (*at != NULL && (*at)->above > above)
		at = &(*at)->lower;
	if (*at == NULL || (*at)->above != above) {
		set = arena_zalloc(&loader->book->arena, sizeof(*set));
		if (set == NULL)
			return ERR_LIMIT;
		set->entry = entry;
		set->above = above;
		set->lower = *at;
		*at = set;
	}
	*out_set = *at;
	return OK;
}

static struct slot *find_slot(const struct price_set *set, struct str meter)
{
	for (struct slot *slot = set->slots; slot != NULL; slot = slot->next) {
		if (str_eq(slot->line.meter, meter))
			return slot;
	}
	return NULL;
}

static enum err name_line(struct loader *loader, const struct price_set *set, struct slot *slot)
{
	struct arena *arena = &loader->book->arena;
	const struct entry *entry = set->entry;
	struct price_line *line = &slot->line;

	line->id =
		arena_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(entry->id), STR_ARG(line->meter));
	if (set->above > 0)
		line->id = arena_printf(arena, STR_FMT "/above-%lld", STR_ARG(line->id),
					(long long)set->above);
	line->ref = arena_printf(arena, STR_FMT "@" STR_FMT, STR_ARG(line->id),
				 STR_ARG(entry->version));
	line->version = entry->version;
	line->currency = entry->currency;
	return str_is_set(line->ref) ? OK : ERR_LIMIT;
}

static enum err add_line(struct loader *loader, const struct price_row *row, struct entry *entry)
{
	struct arena *arena = &loader->book->arena;
	struct price_set *set = NULL;
	struct slot *slot;
	struct rate rate;
	enum err err = check_meter(loader, row);

	if (err == OK)
		err = find_band(loader, row, entry, &set);
	if (err != OK)
		return err;
	if (!str_eq(row->currency, entry->currency))
		return REFUSE_RATE(loader, row, "price " STR_FMT " has two currencies",
				   STR_ARG(entry->id));
	if (find_slot(set, row->meter) != NULL)
		return REFUSE_RATE(loader, row, "meter " STR_FMT " has two rates",
				   STR_ARG(row->meter));
	if (rate_parse(row->rate, &rate) != OK)
		return REFUSE_RATE(loader, row, "rate \"" STR_FMT "\" is not understood; %s",
				   STR_ARG(row->rate), rate_grammar());
	slot = arena_zalloc(arena, sizeof(*slot));
	if (slot == NULL)
		return ERR_LIMIT;
	slot->line.meter = arena_str(arena, row->meter);
	slot->line.rate_micro = rate.micro;
	slot->as = arena_str(arena, rate.as);
	slot->row = row;
	slot->next = set->slots;
	set->slots = slot;
	loader->book->line_count++;
	return name_line(loader, set, slot);
}

/* ---- the whole book ---- */

/* The rate of "as METER": in the same band, else in the base rates; not through a second "as". */
static enum err resolve_as(const struct loader *loader, const struct price_set *set,
			   struct slot *slot)
{
	const struct slot *other = find_slot(set, slot->as);

	if (slot->as.len == 0)
		return OK;
	while (set->lower != NULL)
		set = set->lower;
	if (other == NULL)
		other = find_slot(set, slot->as);
	if (other == NULL || other->as.len > 0)
		return REFUSE_RATE(loader, slot->row,
				   "\"as " STR_FMT "\": that meter has no rate of its own here",
				   STR_ARG(slot->as));
	slot->line.rate_micro = other->line.rate_micro;
	return OK;
}

static enum err finish_entry(struct loader *loader, const struct entry *entry, size_t *next_line)
{
	enum err err = OK;

	if (entry == NULL)
		return OK;
	for (struct price_set *set = entry->highest; set != NULL; set = set->lower) {
		if (set->lower == NULL && set->above > 0)
			return REFUSE_RATE(loader, set->slots->row,
					   "price " STR_FMT " has a band but no base rates",
					   STR_ARG(entry->id));
		for (struct slot *slot = set->slots; slot != NULL && err == OK; slot = slot->next) {
			err = resolve_as(loader, set, slot);
			loader->book->lines[(*next_line)++] = &slot->line;
		}
	}
	return err;
}

static int by_length_down(const void *a, const void *b)
{
	const struct name *const *left = a, *const *right = b;

	if ((*left)->text.len != (*right)->text.len)
		return (*left)->text.len < (*right)->text.len ? 1 : -1;
	return str_cmp((*left)->text, (*right)->text);
}

static enum err sort_patterns(struct price_book *book)
{
	size_t iter = 0, count = 0;
	struct str key;
	void *value;

	book->patterns =
		arena_array(&book->arena, book->pattern_count + 1, sizeof(*book->patterns));
	if (book->patterns == NULL)
		return ERR_LIMIT;
	while (map_next(&book->names, &iter, &key, &value)) {
		const struct name *name = value;

		if (name->is_pattern)
			book->patterns[count++] = name;
	}
	ASSERT(count == book->pattern_count);
	qsort(book->patterns, count, sizeof(*book->patterns), by_length_down);
	return OK;
}

static enum err load(struct loader *loader, const struct price_row *rows, size_t count)
{
	struct price_book *book = loader->book;
	struct entry *entry = NULL;
	size_t next_line = 0;
	enum err err = OK;

	book->lines = arena_array(&book->arena, count + 1, sizeof(*book->lines));
	if (book->lines == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count && err == OK; i++) {
		if (!is_row_of(&rows[i], entry)) {
			err = finish_entry(loader, entry, &next_line);
			if (err == OK)
				err = entry_new(loader, &rows[i], &entry);
		}
		if (err == OK)
			err = add_line(loader, &rows[i], entry);
	}
	if (err == OK)
		err = finish_entry(loader, entry, &next_line);
	if (err == OK)
		err = sort_patterns(book);
	return err;
}

enum err price_book_new(const struct price_row *rows, size_t count,
			const struct price_options *options, struct diag *diag,
			struct price_book **out_book)
{
	struct price_book *book = base_alloc(sizeof(*book));
	struct loader loader = {book, options, diag};
	enum err err;

	arena_init(&book->arena, 64 << 10, BOOK_BYTES);
	map_init(&book->names, 16 * PRICE_ROWS);
	map_init(&book->versions, PRICE_ROWS);
	err = count <= PRICE_ROWS ? load(&loader, rows, count) : ERR_LIMIT;
	if (err == ERR_LIMIT)
		err = diag_set(diag, ERR_LIMIT, options->file, 0, 0,
			       "the price book is too large: at most %d rates and %lu MiB of text",
			       PRICE_ROWS, BOOK_BYTES >> 20);
	if (err != OK) {
		price_book_free(book);
		return err;
	}
	*out_book = book;
	return OK;
}

void price_book_free(struct price_book *book)
{
	if (book == NULL)
		return;
	map_fini(&book->names);
	map_fini(&book->versions);
	arena_fini(&book->arena);
	free(book);
}

/* ---- questions ---- */

/* How well an entry fits, 0: not at all. */
static unsigned fit(const struct entry *entry, const struct price_key *key, struct str tier,
		    int64_t at_ns)
{
	bool has_provider = entry->provider.len > 0, has_region = entry->region.len > 0;

	if (at_ns < entry->from_ns || at_ns >= entry->to_ns || !str_eq(entry->tier, tier))
		return 0;
	if (has_provider && !str_eq(entry->provider, key->provider))
		return 0;
	if (has_region && !str_eq(entry->region, key->region))
		return 0;
	return 1U + has_provider * 2U + has_region;
}

static const struct entry *best_ref(const struct name *name, const struct price_key *key,
				    int64_t at_ns)
{
	struct str tier = standard_tier(key->tier);
	const struct entry *best = NULL;
	unsigned best_fit = 0;

	for (const struct ref *ref = name->refs; ref != NULL; ref = ref->next) {
		unsigned f = fit(ref->entry, key, tier, at_ns);

		if (f > best_fit) {
			best_fit = f;
			best = ref->entry;
		}
	}
	return best;
}

static bool pattern_fits(const struct name *pattern, struct str model)
{
	return str_has_prefix(model, str_make(pattern->text.ptr, pattern->text.len - 1));
}

/* By the exact name, else by the longest pattern that has an entry for the key. */
static const struct entry *find_entry(const struct price_book *book, const struct price_key *key,
				      struct str model, int64_t at_ns)
{
	const struct name *name = model.len == 0 ? NULL : map_get(&book->names, model);
	const struct entry *entry = NULL;

	if (model.len == 0)
		return NULL;
	if (name != NULL && !name->is_pattern)
		entry = best_ref(name, key, at_ns);
	for (size_t i = 0; i < book->pattern_count && entry == NULL; i++) {
		if (pattern_fits(book->patterns[i], model))
			entry = best_ref(book->patterns[i], key, at_ns);
	}
	return entry;
}

const struct price_set *price_find_set(const struct price_book *book, const struct price_key *key,
				       int64_t at_ns, int64_t input_tokens)
{
	const struct entry *entry = find_entry(book, key, key->model, at_ns);
	const struct price_set *set;

	if (entry == NULL)
		entry = find_entry(book, key, key->alias, at_ns);
	if (entry == NULL)
		return NULL;
	set = entry->highest;
	while (set->above > 0 && input_tokens <= set->above)
		set = set->lower;
	return set;
}

const struct price_set *price_set_lower(const struct price_set *set)
{
	return set->lower;
}

struct str price_set_currency(const struct price_set *set)
{
	return set->entry->currency;
}

/* In the band itself, else in the base rates. */
static const struct price_line *listed(const struct price_set *set, struct str meter)
{
	const struct slot *slot = find_slot(set, meter);

	if (slot == NULL && set->above > 0) {
		while (set->above > 0)
			set = set->lower;
		slot = find_slot(set, meter);
	}
	return slot == NULL ? NULL : &slot->line;
}

const struct price_line *price_set_line(const struct price_set *set, struct str meter)
{
	const struct price_line *line = listed(set, meter);

	if (line == NULL && str_eq(meter, STR("out_reasoning")))
		line = listed(set, STR("out_text"));
	if (line == NULL && str_eq(meter, STR("in_cache_write_other")))
		line = listed(set, STR("in_cache_write_5m"));
	return line;
}

const struct price_line *price_find(const struct price_book *book, const struct price_key *key,
				    struct str meter, int64_t at_ns, int64_t input_tokens)
{
	const struct price_set *set = price_find_set(book, key, at_ns, input_tokens);

	return set == NULL ? NULL : price_set_line(set, meter);
}

bool price_book_knows(const struct price_book *book, struct str model)
{
	const struct name *name = map_get(&book->names, model);

	if (name != NULL && !name->is_pattern)
		return true;
	for (size_t i = 0; i < book->pattern_count; i++) {
		if (pattern_fits(book->patterns[i], model))
			return true;
	}
	return false;
}

const struct price_line *price_book_next(const struct price_book *book, size_t *iter)
{
	return *iter < book->line_count ? book->lines[(*iter)++] : NULL;
}
