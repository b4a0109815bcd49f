/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities and contexts from JSON.
 *
 *   [{"uid": U, "attrs": {..}, "parents": [U ..], "tags": {..}}]    tags may be missing
 *
 * U and the values are written as json_value.h says, by declared types as json_data.h says. Unknown
 * members of an entity are passed over, as the official reader does.
 */
#include "policy/entity.h"

#include "policy/json_data.h"
#include "policy/json_value.h"
#include "policy/schema.h"
#include "policy/type.h"

#define SCRATCH_BLOCK 16384

/* An action of the text, kept until all are known. */
struct listed_action {
	const struct schema_action *action;
	const struct uid *const *parents;
	size_t count;
	size_t at;
	struct listed_action *next;
};

struct entity_reader {
	struct json_data data;
	struct entity_store *store;
	struct listed_action *actions; /* with a schema */
};

static const struct schema_type no_attrs = {.kind = SCHEMA_RECORD};

/* A parent may be of any type that is above the entity's, not only of those just above. */
static bool check_parent(struct json_data *d, const struct json_tree *tree,
			 const struct schema_entity *type, const struct uid *parent)
{
	for (size_t i = 0; type != NULL && i < type->parent_count; i++)
		if (type_is_below(d->schema, d->arena, type->parents[i], parent->type))
			return true;
	return type == NULL || json_data_fail(d, ERR_MALFORMED, tree->at,
					      "a parent of type " STR_FMT " is not in the schema",
					      STR_ARG(parent->type));
}

static bool read_parents(struct json_data *d, const struct json_tree *tree,
			 const struct schema_entity *type, const struct uid ***out)
{
	bool is_fine = true;
	size_t i = 0;

	if (tree->kind != JSON_TREE_ARRAY)
		return json_data_fail(d, ERR_MALFORMED, tree->at, "`parents` must be an array");
	*out = arena_array(d->arena, tree->count, sizeof(const struct uid *));
	if (*out == NULL)
		return json_data_fail_memory(d, tree);
	for (const struct json_tree *at = tree->first; at != NULL && json_data_goes_on(d);
	     at = at->next, i++)
		is_fine &= json_data_uid(d, at, &(*out)[i]) && check_parent(d, at, type, (*out)[i]);
	return is_fine && i == tree->count;
}

static bool read_attrs(struct json_data *d, const struct json_tree *tree,
		       const struct schema_entity *type, struct value *out)
{
	const struct schema_type *shape = NULL;

	if (tree->kind != JSON_TREE_OBJECT)
		return json_data_fail(d, ERR_MALFORMED, tree->at, "`attrs` must be an object");
	if (d->schema != NULL)
		shape = type != NULL && type->shape != NULL ? schema_real_type(type->shape)
							    : &no_attrs;
	return json_data_record(d, tree, shape, NULL, out);
}

static bool read_tags(struct json_data *d, const struct json_tree *tree,
		      const struct schema_entity *type, struct value *out)
{
	*out = value_none();
	if (tree == NULL)
		return true;
	if (tree->kind != JSON_TREE_OBJECT)
		return json_data_fail(d, ERR_MALFORMED, tree->at, "`tags` must be an object");
	if (d->schema != NULL && tree->count > 0 && (type == NULL || type->tags == NULL))
		return json_data_fail(d, ERR_MALFORMED, tree->name_at,
				      "its type has no tags in the schema");
	return json_data_record(d, tree, NULL, type == NULL ? NULL : type->tags, out);
}

/* An entity as read, not yet in the store. */
struct entity_draft {
	const struct uid *uid;
	struct value attrs;
	struct value tags;
	size_t parent_count;
	const struct uid **parents;
};

static bool list_action(struct entity_reader *r, const struct json_tree *tree,
			const struct entity_draft *draft)
{
	struct listed_action *listed = arena_alloc(r->data.arena, sizeof(*listed));

	if (listed == NULL)
		return json_data_fail_memory(&r->data, tree);
	*listed = (struct listed_action){
		.action = schema_find_action(r->data.schema, draft->uid),
		.parents = draft->parents,
		.count = draft->parent_count,
		.at = tree->at,
		.next = r->actions,
	};
	r->actions = listed;
	return true;
}

/* Whether the text puts the action below the group: itself, or by what it says of a parent. */
static bool puts_below(const struct listed_action *listed, const struct uid *group,
		       const struct entity_store *actions, const uint8_t *is_listed,
		       const struct schema *schema)
{
	for (size_t i = 0; i < listed->count; i++) {
		const struct schema_action *parent = schema_find_action(schema, listed->parents[i]);
		const struct entity *above = entity_store_find(actions, listed->parents[i]);

		if (uid_eq(listed->parents[i], group) ||
		    (is_listed[parent->index] &&
		     entity_refs_have(above->ancestors, above->ancestor_count, group)))
			return true;
	}
	return false;
}

/* By induction over the parents: each listed action has all its groups and no others. */
static bool has_its_groups(const struct listed_action *listed, const struct entity_store *actions,
			   const uint8_t *is_listed, const struct schema *schema)
{
	const struct entity *own = entity_store_find(actions, listed->action->uid);
	bool is_same = true;

	for (size_t i = 0; is_same && i < listed->count; i++)
		is_same = entity_refs_have(own->ancestors, own->ancestor_count, listed->parents[i]);
	for (size_t i = 0; is_same && i < own->ancestor_count; i++)
		is_same = puts_below(listed, own->ancestors[i].uid, actions, is_listed, schema);
	return is_same;
}

/* The actions of a text must stand below the same groups as in the schema, which is where they
 * come from; which of them are named directly does not matter. */
static bool check_actions(struct entity_reader *r)
{
	const struct schema *schema = r->data.schema;
	uint8_t *is_listed = arena_array(r->data.arena, schema_action_count(schema), 1);
	struct entity_store *actions;
	struct diag diag;
	char where[300];
	bool is_fine;

	if (is_listed == NULL)
		return json_data_fail(&r->data, ERR_LIMIT, 0,
				      "memory limit reached (limit `arena_bytes`)");
	actions = entity_store_new(NULL);
	is_fine = (entity_store_add_actions(actions, schema, &diag) == OK &&
		   entity_store_freeze(actions, &diag) == OK) ||
		  json_data_fail(&r->data, ERR_LIMIT, 0, "%s", diag.text);
	for (const struct listed_action *l = r->actions; l != NULL; l = l->next)
		is_listed[l->action->index] = 1;
	for (const struct listed_action *l = r->actions; is_fine && l != NULL; l = l->next) {
		r->data.where = entity_uid_text(l->action->uid, where, sizeof(where));
		if (!has_its_groups(l, actions, is_listed, schema))
			is_fine = json_data_fail(&r->data, ERR_MALFORMED, l->at,
						 "its groups are others than in the schema");
	}
	entity_store_free(actions);
	return is_fine;
}

/* Not of an action when there is a schema: those are compared with it. */
static bool add_entity(struct entity_reader *r, const struct json_tree *tree,
		       const struct entity_draft *draft)
{
	struct diag diag;
	enum err err;

	if (r->data.schema != NULL && schema_is_action_type(draft->uid->type))
		return list_action(r, tree, draft);
	err = entity_store_add(r->store, draft->uid, draft->attrs, draft->tags, draft->parents,
			       draft->parent_count, &diag);
	r->data.where = "entities";
	return err == OK || json_data_fail(&r->data, err, tree->at, "%s", diag.text);
}

static bool read_entity(struct entity_reader *r, const struct json_tree *tree)
{
	struct json_member members[] = {{.name = "uid", .is_required = true},
					{.name = "attrs", .is_required = true},
					{.name = "parents", .is_required = true},
					{.name = "tags"}};
	const struct schema_entity *type = NULL;
	struct entity_draft draft;
	struct json_tree_fault fault;
	char where[300];
	bool is_fine;

	r->data.where = "an entity";
	if (!json_value_members(tree, members, 1, false, &fault))
		return json_data_fail(&r->data, fault.err, fault.at, "%s", fault.text);
	if (!json_data_uid(&r->data, members[0].found, &draft.uid))
		return false;
	r->data.where = entity_uid_text(draft.uid, where, sizeof(where));
	if (!json_value_members(tree, members, ARRAY_LEN(members), false, &fault))
		return json_data_fail(&r->data, fault.err, fault.at, "%s", fault.text);
	if (r->data.schema != NULL && !schema_is_action_type(draft.uid->type))
		type = schema_find_entity(r->data.schema, draft.uid->type);
	is_fine = read_attrs(&r->data, members[1].found, type, &draft.attrs);
	if (json_data_goes_on(&r->data))
		is_fine &= read_tags(&r->data, members[3].found, type, &draft.tags);
	if (json_data_goes_on(&r->data))
		is_fine &= read_parents(&r->data, members[2].found, type, &draft.parents);
	draft.parent_count = members[2].found->count;
	return is_fine && add_entity(r, tree, &draft);
}

static enum err load_json(struct entity_reader *r, const struct json_tree *tree)
{
	size_t before = entity_store_count(r->store);

	if (tree != NULL && tree->kind != JSON_TREE_ARRAY)
		(void)json_data_fail(&r->data, ERR_MALFORMED, tree->at, "must be a JSON array");
	else if (tree != NULL)
		for (const struct json_tree *at = tree->first;
		     at != NULL && json_data_goes_on(&r->data); at = at->next)
			(void)read_entity(r, at);
	if (r->data.err == OK && r->actions != NULL)
		(void)check_actions(r);
	if (r->data.err != OK)
		entity_store_truncate(r->store, before);
	return r->data.err;
}

static enum err load_store(struct entity_store *store, const char *file, struct str text,
			   const struct schema *schema, struct diags *all, struct diag *diag)
{
	const struct entity_limits *limits = entity_store_limits(store);
	struct entity_reader r = {.data = {.arena = entity_store_arena(store),
					   .schema = schema,
					   .file = file,
					   .text = text,
					   .where = "entities",
					   .max_elements = limits->elements,
					   .all = all,
					   .diag = diag},
				  .store = store};
	struct arena scratch;
	enum err err;

	arena_init(&scratch, SCRATCH_BLOCK, limits->arena_bytes);
	err = load_json(&r, json_data_parse(&r.data, &scratch, limits->text_bytes));
	arena_fini(&scratch);
	return err;
}

enum err entity_store_load_json(struct entity_store *store, const char *file, struct str text,
				const struct schema *schema, struct diag *diag)
{
	return load_store(store, file, text, schema, NULL, diag);
}

enum err entity_store_load_all(struct entity_store *store, const char *file, struct str text,
			       const struct schema *schema, struct diags *all)
{
	return load_store(store, file, text, schema, all, NULL);
}

enum err entity_store_add_actions(struct entity_store *store, const struct schema *schema,
				  struct diag *diag)
{
	for (size_t i = 0; i < schema_action_count(schema); i++) {
		const struct schema_action *action = schema_action_at(schema, i);
		enum err err = entity_store_add(store, action->uid, value_none(), value_none(),
						action->groups, action->group_count, diag);

		if (err != OK)
			return err;
	}
	return OK;
}

/* One object, whose record goes to *out; type NULL: any, with escapes. */
static enum err read_one(struct json_data *d, const struct schema_type *type, struct value *out)
{
	const struct json_tree *tree;
	struct value value = value_none();
	struct arena scratch;

	d->max_elements = 100000;
	arena_init(&scratch, SCRATCH_BLOCK, SCHEMA_ARENA);
	tree = json_data_parse(d, &scratch, SCHEMA_TEXT_BYTES);
	if (tree != NULL && tree->kind != JSON_TREE_OBJECT)
		(void)json_data_fail(d, ERR_MALFORMED, tree->at, "must be a JSON object");
	else if (tree != NULL && type != NULL)
		(void)json_data_record(d, tree, type, NULL, &value);
	else if (tree != NULL && json_data_object(d, tree, &value) && value.kind != VALUE_RECORD)
		(void)json_data_fail(d, ERR_MALFORMED, tree->at, "must be a record");
	arena_fini(&scratch);
	if (d->err == OK)
		*out = value;
	return d->err;
}

enum err entity_attrs_json(struct arena *arena, const char *file, struct str text,
			   const struct schema *schema, struct str type, struct value *out_attrs,
			   struct diag *diag)
{
	const struct schema_entity *declared = schema_find_entity(schema, type);
	struct json_data d = {.arena = arena,
			      .schema = schema,
			      .file = file,
			      .text = text,
			      .where = "attributes",
			      .is_partial = true,
			      .diag = diag};

	return read_one(&d,
			declared == NULL || declared->shape == NULL
				? &no_attrs
				: schema_real_type(declared->shape),
			out_attrs);
}

enum err entity_context_json(struct arena *arena, const char *file, struct str text,
			     const struct schema *schema, const struct uid *action,
			     struct value *out_context, struct diag *diag)
{
	const struct schema_action *declared =
		schema == NULL || action == NULL ? NULL : schema_find_action(schema, action);
	struct json_data d = {.arena = arena,
			      .schema = schema,
			      .file = file,
			      .text = text,
			      .where = "context",
			      .diag = diag};
	const struct schema_type *type = NULL;

	if (declared != NULL)
		type = declared->context == NULL ? &no_attrs : schema_real_type(declared->context);
	return read_one(&d, type, out_context);
}
