/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: every source is parsed into the set's one arena, policies are named, then indexed. */
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypt.h"
#include "base/map.h"
#include "policy/parse.h"
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

/* False when the policy has no such annotation; a missing value is empty. */
static bool find_annotation(const struct policy *policy, struct str key, struct str *out_value)
{
	for (size_t i = 0; i < policy->annotation_count; i++)
		if (str_eq(policy->annotations[i].key, key)) {
			*out_value = str_is_set(policy->annotations[i].value)
					     ? policy->annotations[i].value
					     : STR("");
			return true;
		}
	return false;
}

static void set_name(struct policy_set *set, struct parse *parse, struct policy *policy)
{
	struct str id = {NULL, 0};

	if (set->options.ids != POLICY_IDS_ANNOTATED || !find_annotation(policy, STR("id"), &id))
		id = arena_printf(&set->arena, "policy%zu", policy->position);
	policy->id = id;
	if (id.len == 0)
		lex_fail(&parse->lex, ERR_MALFORMED, policy->at, "the policy's @id is empty");
	else if (map_get(&set->ids, id) != NULL)
		lex_fail(&parse->lex, ERR_CONFLICT, policy->at,
			 "policy id `" STR_FMT "` is taken by an earlier policy",
			 (int)MIN(id.len, 100), id.ptr);
	else if (map_put(&set->ids, id, policy) != OK)
		lex_fail(&parse->lex, ERR_LIMIT, policy->at,
			 "more than %zu policies (limit `policies`)", set->options.limits.policies);
}

static void set_push(struct policy_set *set, struct policy *policy)
{
	if (set->count == set->cap) {
		size_t cap = set->cap == 0 ? 16 : set->cap * 2;
		const struct policy **policies = base_alloc(cap * sizeof(*policies));

		if (set->count > 0)
			memcpy(policies, set->policies, set->count * sizeof(*policies));
		free(set->policies);
		set->policies = policies;
		set->cap = cap;
	}
	set->policies[set->count++] = policy;
}

/* Lines are counted on from the policy before: positions only grow. */
struct line_count {
	size_t at;
	unsigned line;
};

static unsigned line_at(struct line_count *count, struct str text, size_t at)
{
	for (; count->at < at; count->at++)
		count->line += text.ptr[count->at] == '\n' ? 1U : 0U;
	return count->line;
}

static enum err load_source(struct policy_set *set, const struct policy_source *source,
			    struct diag *diag)
{
	struct line_count lines = {.line = 1};
	const char *file = arena_str(&set->arena, str_from_c(source->file)).ptr;
	struct str text = {NULL, 0};
	struct parse parse;
	struct policy *policy;

	if (source->text.len > set->options.limits.text_bytes)
		return diag_set(diag, ERR_LIMIT, source->file, 0, 0,
				"text is longer than %zu bytes (limit `text_bytes`)",
				set->options.limits.text_bytes);
	text = arena_str(&set->arena, source->text);
	parse_init(&parse, source->file, source->text, &set->arena, diag);
	parse.max_elements = set->options.limits.elements;
	parse.max_annotations = set->options.limits.annotations;
	while ((policy = parse_policy(&parse)) != NULL) {
		policy->position = set->count;
		policy->file = file;
		policy->text = text;
		policy->line = line_at(&lines, source->text, policy->at);
		if (policy->is_template)
			lex_fail(&parse.lex, ERR_UNSUPPORTED, policy->at,
				 "a template (slot in the scope) cannot stand among policies");
		set_name(set, &parse, policy);
		set_push(set, policy);
	}
	if (parse.lex.err == OK && arena_has_overflowed(&set->arena))
		lex_fail_memory(&parse.lex);
	return parse.lex.err;
}

static void hash_add(uint8_t chain[static 2 * CRYPT_SHA256_BYTES], struct str text)
{
	crypt_sha256(text, chain + CRYPT_SHA256_BYTES);
	crypt_sha256(str_make((const char *)chain, 2 * CRYPT_SHA256_BYTES), chain);
}

enum err policy_set_load(const struct policy_source *sources, size_t count,
			 const struct policy_set_options *options, struct policy_set **out_set,
			 struct diag *diag)
{
	struct policy_set *set = base_alloc(sizeof(*set));
	uint8_t chain[2 * CRYPT_SHA256_BYTES] = {0};
	enum err err = OK;

	set_init(set, options);
	for (size_t i = 0; err == OK && i < count; i++) {
		err = load_source(set, &sources[i], diag);
		hash_add(chain, sources[i].text);
	}
	crypt_hex(chain, CRYPT_SHA256_BYTES, set->hash);
	if (err == OK && !set->options.is_unindexed) {
		set->index = policy_index_new(&set->arena, set->policies, set->count);
		if (set->index == NULL)
			err = diag_set(diag, ERR_LIMIT, count > 0 ? sources[0].file : "policies", 0,
				       0, "memory limit reached (limit `arena_bytes`)");
	}
	if (err != OK) {
		policy_set_free(set);
		return err;
	}
	*out_set = set;
	return OK;
}

void policy_set_free(struct policy_set *set)
{
	if (set == NULL)
		return;
	map_fini(&set->ids);
	arena_fini(&set->arena);
	free(set->policies);
	free(set);
}

size_t policy_set_count(const struct policy_set *set)
{
	return set->count;
}

struct str policy_set_hash(const struct policy_set *set)
{
	return str_make(set->hash, POLICY_HASH_HEX);
}

const struct policy *policy_set_find(const struct policy_set *set, struct str id)
{
	return map_get(&set->ids, id);
}

const struct policy *policy_set_at(const struct policy_set *set, size_t position)
{
	ASSERT(position < set->count);
	return set->policies[position];
}

struct str policy_id(const struct policy *policy)
{
	return policy->id;
}

bool policy_is_forbid(const struct policy *policy)
{
	return policy->is_forbid;
}

struct str policy_annotation(const struct policy *policy, struct str key)
{
	struct str value = {NULL, 0};

	(void)find_annotation(policy, key, &value);
	return value;
}

const char *policy_file(const struct policy *policy)
{
	return policy->file;
}

unsigned policy_line(const struct policy *policy)
{
	return policy->line;
}
