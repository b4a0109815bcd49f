/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: every source is read into the set's one arena, links are resolved, then all is indexed.
 * The façade's questions to what was loaded. */
#include "policy/policy.h"

#include <stdlib.h>

#include "base/crypt.h"
#include "policy/parse.h"
#include "policy/policy_json_read.h"
#include "policy/set.h"

static void take_default(size_t *limit, size_t value)
{
	if (*limit == 0)
		*limit = value;
}

static void set_init(struct policy_set *set, const struct policy_set_options *options)
{
	if (options != NULL)
		set->options = *options;
	take_default(&set->options.limits.text_bytes, (size_t)16 << 20);
	take_default(&set->options.limits.policies, 200000);
	take_default(&set->options.limits.annotations, 100);
	take_default(&set->options.limits.elements, 100000);
	take_default(&set->options.limits.arena_bytes, (size_t)2 << 30);
	arena_init(&set->arena, 16384, set->options.limits.arena_bytes);
	map_init(&set->ids, set->options.limits.policies);
}

static struct set_source *open_source(struct policy_set *set, const struct policy_source *given)
{
	struct set_source *source = arena_zalloc(&set->arena, sizeof(*source));

	if (source == NULL)
		return NULL;
	source->set = set;
	source->place = (struct lex_place){.line = 1, .column = 1};
	source->file = arena_str(&set->arena, str_from_c(given->file)).ptr;
	if (given->text.len > set->options.limits.text_bytes) {
		set_fail(source, ERR_LIMIT, 0, "text is longer than %zu bytes (limit `text_bytes`)",
			 set->options.limits.text_bytes);
		return NULL;
	}
	source->text = arena_str(&set->arena, given->text);
	return source;
}

static void read_text(struct set_source *source)
{
	struct policy_set *set = source->set;
	struct str no_id = {NULL, 0};
	struct diag diag;
	struct parse parse;
	struct policy *policy;

	parse_init(&parse, source->file, source->text, &set->arena, &diag);
	parse.max_elements = set->options.limits.elements;
	parse.max_annotations = set->options.limits.annotations;
	do {
		while (set_goes_on(set) && (policy = parse_policy(&parse)) != NULL)
			set_add(source, policy, no_id);
		if (parse.lex.err == OK)
			return;
		set_fail_diag(source, parse.lex.err, &diag);
		if (parse.policy != NULL)
			set_add_broken(source, parse.policy, no_id);
	} while (set_goes_on(set) && parse_recover(&parse));
}

static void read_source(struct policy_set *set, const struct policy_source *given)
{
	struct set_source *source = open_source(set, given);

	if (source == NULL || arena_has_overflowed(&set->arena))
		return;
	if (given->format == POLICY_FORMAT_JSON)
		policy_json_read(source);
	else
		read_text(source);
}

/* Links are resolved last: their errors belong among those of their source. */
static size_t source_of(const struct policy_source *sources, size_t count, const struct diag *diag)
{
	size_t i = 0;

	while (i < count && strncmp(sources[i].file, diag->file, sizeof(diag->file) - 1) != 0)
		i++;
	return i;
}

static bool is_before(const struct policy_source *sources, size_t count, const struct diag *a,
		      const struct diag *b)
{
	size_t source_a = source_of(sources, count, a);
	size_t source_b = source_of(sources, count, b);

	if (source_a != source_b)
		return source_a < source_b;
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* By insertion: nearly all stand in order already. */
static void sort_errors(struct diags *all, size_t from, const struct policy_source *sources,
			size_t count)
{
	for (size_t i = from + 1; i < all->count; i++) {
		struct diag diag = all->items[i];
		size_t to = i;

		while (to > from && is_before(sources, count, &diag, &all->items[to - 1]))
			to--;
		memmove(&all->items[to + 1], &all->items[to], (i - to) * sizeof(diag));
		all->items[to] = diag;
	}
}

static void hash_add(uint8_t chain[static 2 * CRYPT_SHA256_BYTES], struct str text)
{
	crypt_sha256(text, chain + CRYPT_SHA256_BYTES);
	crypt_sha256(str_make((const char *)chain, 2 * CRYPT_SHA256_BYTES), chain);
}

static void fail_memory(struct policy_set *set, const char *file)
{
	struct set_source source = {.set = set};
	struct diag diag;

	diag_set(&diag, ERR_LIMIT, file, 0, 0, "memory limit reached (limit `arena_bytes`)");
	set_fail_diag(&source, ERR_LIMIT, &diag);
}

/* Whatever is wrong is kept in set->err and told. */
static void set_fill(struct policy_set *set, const struct policy_source *sources, size_t count)
{
	uint8_t chain[2 * CRYPT_SHA256_BYTES] = {0};

	for (size_t i = 0; set_goes_on(set) && i < count; i++) {
		read_source(set, &sources[i]);
		hash_add(chain, sources[i].text);
	}
	crypt_hex(chain, CRYPT_SHA256_BYTES, set->hash);
	set_resolve_links(set);
	if (set->err == OK && !set->options.is_unindexed)
		set->index =
			policy_index_new(&set->arena, set->policies.items, set->policies.count);
	if (set->err == OK && arena_has_overflowed(&set->arena))
		fail_memory(set, count > 0 ? sources[0].file : "policies");
}

enum err policy_set_load(const struct policy_source *sources, size_t count,
			 const struct policy_set_options *options, struct policy_set **out_set,
			 struct diag *diag)
{
	struct policy_set *set = base_alloc(sizeof(*set));
	struct diags *all = options == NULL ? NULL : options->all;
	size_t before = all == NULL ? 0 : all->count;
	enum err err;

	set_init(set, options);
	set->diag = diag;
	set_fill(set, sources, count);
	err = set->err;
	if (err != OK) {
		policy_set_free(set);
		if (all == NULL || all->count == before)
			return err;
		sort_errors(all, before, sources, count);
		if (diag != NULL)
			*diag = all->items[before];
		return err;
	}
	set->diag = NULL;
	set->options.all = NULL;
	*out_set = set;
	return OK;
}

void policy_set_free(struct policy_set *set)
{
	if (set == NULL)
		return;
	map_fini(&set->ids);
	arena_fini(&set->arena);
	free(set->policies.items);
	free(set->templates.items);
	free(set);
}

size_t policy_set_count(const struct policy_set *set)
{
	return set->policies.count;
}

size_t policy_set_template_count(const struct policy_set *set)
{
	return set->templates.count;
}

struct str policy_set_hash(const struct policy_set *set)
{
	return str_make(set->hash, POLICY_HASH_HEX);
}

const struct policy *policy_set_find(const struct policy_set *set, struct str id)
{
	const struct policy *policy = map_get(&set->ids, id);

	return policy != NULL && !policy->is_template ? policy : NULL;
}

const struct policy *policy_set_find_template(const struct policy_set *set, struct str id)
{
	const struct policy *policy = map_get(&set->ids, id);

	return policy != NULL && policy->is_template ? policy : NULL;
}

const struct policy *policy_set_at(const struct policy_set *set, size_t position)
{
	ASSERT(position < set->policies.count);
	return set->policies.items[position];
}

const struct policy *policy_set_template_at(const struct policy_set *set, size_t position)
{
	ASSERT(position < set->templates.count);
	return set->templates.items[position];
}

struct str policy_id(const struct policy *policy)
{
	return policy->id;
}

bool policy_is_forbid(const struct policy *policy)
{
	return policy->is_forbid;
}

const struct policy *policy_template(const struct policy *policy)
{
	return policy->template;
}

struct str policy_annotation(const struct policy *policy, struct str key)
{
	for (size_t i = 0; i < policy->annotation_count; i++)
		if (str_eq(policy->annotations[i].key, key))
			return str_is_set(policy->annotations[i].value)
				       ? policy->annotations[i].value
				       : STR("");
	return (struct str){NULL, 0};
}

const char *policy_file(const struct policy *policy)
{
	return policy->file;
}

unsigned policy_line(const struct policy *policy)
{
	return policy->line;
}
