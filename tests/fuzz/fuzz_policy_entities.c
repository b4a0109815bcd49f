/* SPDX-License-Identifier: Apache-2.0 */
/* Entities and contexts from JSON, free and by a schema: no input may crash, leak or loop, and a
 * store that refused a text is as empty as before. */
#include "fuzz.h"

#include "policy/policy.h"

static const char schema_text[] =
	"entity Group in [Group]; entity Kind enum [\"a\", \"b\"];"
	"entity User in [Group] = {age: Long, ip?: ipaddr, boss?: User, kind?: Kind,"
	" list?: Set<String>, r?: {d: decimal, t?: datetime, u?: duration}} tags String;"
	"action view in [read] appliesTo {principal: User, resource: User, context: {n?: Long}};"
	"action read;";

/* With all its faults: the first is the same, and each has a place. */
static void list(struct entity_store *store, struct str text, const struct schema *schema,
		 const struct diag *first)
{
	struct diags all;

	diags_init(&all, 20);
	ASSERT(entity_store_load_all(store, "fuzz", text, schema, &all) != OK);
	ASSERT(entity_store_count(store) == 0);
	ASSERT(all.count > 0 && strcmp(all.items[0].text, first->text) == 0);
	for (size_t i = 0; i < all.count; i++)
		ASSERT(all.items[i].line > 0 && all.items[i].column > 0);
	diags_fini(&all);
}

static void load(struct str text, const struct schema *schema)
{
	struct entity_limits limits = {.arena_bytes = 64 << 20, .ancestors = 100000};
	struct entity_store *store = entity_store_new(&limits);
	struct diag diag;

	if (entity_store_load_json(store, "fuzz", text, schema, &diag) != OK) {
		ASSERT(entity_store_count(store) == 0);
		ASSERT(diag.line > 0 && diag.column > 0);
		list(store, text, schema, &diag);
	}
	if (schema != NULL)
		(void)!entity_store_add_actions(store, schema, &diag);
	(void)!entity_store_freeze(store, &diag);
	entity_store_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct uid action = uid_make(STR("Action"), STR("view"));
	struct schema *schema = NULL;
	struct value context;
	struct arena arena;
	struct diag diag;

	ASSERT(schema_load("schema", str_from_c(schema_text), &schema, &diag) == OK);
	load(text, NULL);
	load(text, schema);
	arena_init(&arena, 8192, 16 << 20);
	(void)!entity_context_json(&arena, "fuzz", text, NULL, NULL, &context, &diag);
	(void)!entity_context_json(&arena, "fuzz", text, schema, &action, &context, &diag);
	arena_fini(&arena);
	schema_free(schema);
	return 0;
}
