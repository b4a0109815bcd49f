/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admin/question.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/suggest.h"
#include "policy/conform.h"
#include "policy/type.h"

#define QUESTION_TEXT_BYTES ((size_t)1 << 20)

const struct str question_names[QUESTION_PARTS] = {
	[QUESTION_SUBJECT] = STR("subject"),
	[QUESTION_ACTION] = STR("action"),
	[QUESTION_RESOURCE] = STR("resource"),
	[QUESTION_CONTEXT] = STR("context"),
};

struct question {
	const struct question_terms *terms;
	enum question_part part; /* under way */
	char *message;
};

PRINTF_LIKE(2, 3) static bool fail(struct question *q, const char *fmt, ...)
{
	va_list args;
	int len = snprintf(q->message, QUESTION_MESSAGE, STR_FMT ": ",
			   STR_ARG(question_names[q->part]));

	va_start(args, fmt);
	(void)vsnprintf(q->message + len, QUESTION_MESSAGE - (size_t)len, fmt, args);
	va_end(args);
	return false;
}

static bool fail_memory(struct question *q)
{
	return fail(q, "too large for the memory of one question");
}

/* What ends a number or a word. */
static bool is_end(char c)
{
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The bytes of a value: a tree knows only where it begins. The text is JSON, so brackets match. */
static struct str bytes_of(struct str text, const struct json_tree *tree)
{
	size_t at = tree->at, depth = 0;
	bool in_string = false;

	if (tree->kind < JSON_TREE_STRING) {
		while (at < text.len && !is_end(text.ptr[at]))
			at++;
		return str_sub(text, tree->at, at - tree->at);
	}
	do {
		char c = text.ptr[at++];

		if (in_string && c == '\\')
			at++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']'))
			depth--;
	} while (depth > 0 || in_string);
	return str_sub(text, tree->at, at - tree->at);
}

/* Members --------------------------------------------------------------------------------- */

/* names ends at the first unset one. */
static bool check_members(struct question *q, const struct json_tree *tree, const struct str *names)
{
	if (!json_tree_is(tree, JSON_TREE_OBJECT))
		return tree == NULL ? fail(q, "is missing")
				    : fail(q, "must be an object, not %s",
					   json_tree_kind_name(tree->kind));
	for (const struct json_tree *member = tree->first; member != NULL; member = member->next) {
		struct suggest suggest = {.word = member->name};
		bool is_known = false;

		for (size_t i = 0; str_is_set(names[i]); i++) {
			is_known = is_known || str_eq(names[i], member->name);
			suggest_try(&suggest, names[i]);
		}
		if (is_known)
			continue;
		if (str_is_set(suggest.best))
			return fail(q,
				    "has no member \"" STR_FMT "\"; did you mean \"" STR_FMT "\"?",
				    (int)MIN(member->name.len, 60), member->name.ptr,
				    STR_ARG(suggest.best));
		return fail(q, "has no member \"" STR_FMT "\"", (int)MIN(member->name.len, 60),
			    member->name.ptr);
	}
	return true;
}

static bool read_text(struct question *q, const struct json_tree *tree, const char *name,
		      struct str *out)
{
	const struct json_tree *member = json_tree_get(tree, str_from_c(name));

	if (!json_tree_is(member, JSON_TREE_STRING))
		return fail(q, "\"%s\" must be a string", name);
	*out = member->string;
	return true;
}

/* Types and actions ------------------------------------------------------------------------ */

/* "Inference::User" for "User"? */
static bool is_short_for(struct str name, struct str full)
{
	return full.len > name.len + 2 && str_has_suffix(full, name) &&
	       str_eq(str_sub(full, full.len - name.len - 2, 2), STR("::"));
}

/* Looks through the types of all actions' principals or resources. */
struct type_search {
	struct str name;
	struct str found;
	bool is_ambiguous;
	struct suggest suggest;
};

static void search_types(struct type_search *search, const struct str *types, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str own = types[i];

		for (size_t c = own.len; c > 0; c--)
			if (own.ptr[c - 1] == ':') {
				own = str_sub(own, c, own.len);
				break;
			}
		suggest_try(&search->suggest, own);
		if (!is_short_for(search->name, types[i]))
			continue;
		search->is_ambiguous = search->is_ambiguous || (str_is_set(search->found) &&
								!str_eq(search->found, types[i]));
		search->found = types[i];
	}
}

static bool find_type(struct question *q, struct str name, struct str *out)
{
	const struct schema *schema = q->terms->schema;
	struct type_search search = {.name = name, .suggest = {.word = name}};
	bool is_subject = q->part == QUESTION_SUBJECT;

	if (schema_find_entity(schema, name) != NULL) {
		*out = name;
		return true;
	}
	for (size_t i = 0; i < schema_action_count(schema); i++) {
		const struct schema_action *action = schema_action_at(schema, i);

		search_types(&search, is_subject ? action->principals : action->resources,
			     is_subject ? action->principal_count : action->resource_count);
	}
	*out = search.found;
	if (search.is_ambiguous)
		return fail(
			q, "the type \"" STR_FMT "\" stands in several namespaces; write all of it",
			(int)MIN(name.len, 100), name.ptr);
	if (str_is_set(search.found))
		return true;
	if (str_is_set(search.suggest.best))
		return fail(q, "no such type \"" STR_FMT "\"; did you mean \"" STR_FMT "\"?",
			    (int)MIN(name.len, 100), name.ptr, STR_ARG(search.suggest.best));
	return fail(q, "no action of the schema takes a \"" STR_FMT "\"", (int)MIN(name.len, 100),
		    name.ptr);
}

static bool find_action(struct question *q, struct str name, const struct schema_action **out)
{
	const struct schema *schema = q->terms->schema;
	struct suggest suggest = {.word = name};
	const struct schema_action *found = NULL;

	for (size_t i = 0; i < schema_action_count(schema); i++) {
		const struct schema_action *action = schema_action_at(schema, i);

		suggest_try(&suggest, action->uid->id);
		if (!str_eq(action->uid->id, name))
			continue;
		if (found != NULL)
			return fail(q, "\"" STR_FMT "\" is an action of several namespaces",
				    STR_ARG(name));
		found = action;
	}
	if (found == NULL && str_is_set(suggest.best))
		return fail(q, "no such action \"" STR_FMT "\"; did you mean \"" STR_FMT "\"?",
			    (int)MIN(name.len, 100), name.ptr, STR_ARG(suggest.best));
	if (found == NULL)
		return fail(q, "no such action \"" STR_FMT "\"", (int)MIN(name.len, 100), name.ptr);
	*out = found;
	return true;
}

/* Entities --------------------------------------------------------------------------------- */

/* What is known of a subject or resource while its properties are read. */
struct known {
	const struct uid *uid;
	const struct entity *loaded; /* NULL: it is in no entities file */
	struct value attrs;	     /* of the properties; VALUE_NONE: there are none */
	const struct json_tree *parents;
};

/* `parents` is an attribute where the schema says so, and a list of entities where not. */
static bool has_attr(const struct schema *schema, struct str type, struct str name)
{
	const struct schema_entity *entity = schema_find_entity(schema, type);
	struct text key = text_make(name);

	return entity != NULL && entity->shape != NULL &&
	       type_find_attr(schema_real_type(entity->shape), &key) != NULL;
}

/* The properties without `parents`, as a text of their own. */
static enum err append_attrs(struct buf *out, struct str text, const struct json_tree *properties,
			     const struct json_tree *parents)
{
	enum err err = buf_append_byte(out, '{');

	for (const struct json_tree *member = properties->first; err == OK && member != NULL;
	     member = member->next) {
		if (member == parents)
			continue;
		if (out->len > 1)
			err = buf_append_byte(out, ',');
		if (err == OK)
			err = buf_append(
				out, str_sub(text, member->name_at, member->at - member->name_at));
		if (err == OK)
			err = buf_append(out, bytes_of(text, member));
	}
	return err != OK ? err : buf_append_byte(out, '}');
}

static bool read_properties(struct question *q, const struct json_tree *properties,
			    struct known *known)
{
	const struct question_terms *terms = q->terms;
	struct diag diag = {0};
	struct buf text;
	enum err err;

	if (properties == NULL)
		return true;
	if (!json_tree_is(properties, JSON_TREE_OBJECT))
		return fail(q, "\"properties\" must be an object");
	if (!has_attr(terms->schema, known->uid->type, STR("parents")))
		known->parents = json_tree_get(properties, STR("parents"));
	buf_init(&text, QUESTION_TEXT_BYTES);
	err = append_attrs(&text, terms->text, properties, known->parents);
	if (err == OK)
		err = entity_attrs_json(terms->arena, "", buf_str(&text), terms->schema,
					known->uid->type, &known->attrs, &diag);
	buf_fini(&text);
	return err == OK || fail(q, "%s", diag.text);
}

/* Attributes of the properties lie over those loaded. */
static struct value merge_attrs(struct arena *arena, const struct known *known)
{
	size_t loaded = known->loaded == NULL ? 0 : known->loaded->attrs->count;
	size_t own = known->attrs.kind == VALUE_NONE ? 0 : known->attrs.record->count;
	struct text *keys = arena_array(arena, loaded + own, sizeof(*keys));
	struct value *values = arena_array(arena, loaded + own, sizeof(*values));

	if (keys == NULL || values == NULL)
		return value_none();
	for (size_t i = 0; i < loaded + own; i++) {
		const struct value_field *field =
			i < loaded ? &known->loaded->attrs->fields[i]
				   : &known->attrs.record->fields[i - loaded];

		keys[i] = *field->key;
		values[i] = field->value;
	}
	return value_record(arena, keys, values, loaded + own);
}

/* Of the entity loaded and of the properties; room for both. */
static bool read_parents(struct question *q, const struct known *known, const struct uid ***out,
			 size_t *out_count)
{
	static const struct str members[] = {STR("type"), STR("id"), {0}};
	struct arena *arena = q->terms->arena;
	size_t loaded = known->loaded == NULL ? 0 : known->loaded->parent_count, count = 0;
	size_t own = known->parents == NULL ? 0 : known->parents->count;
	const struct uid **parents = arena_array(arena, loaded + own, sizeof(*parents));

	if (parents == NULL)
		return fail_memory(q);
	if (known->parents != NULL && !json_tree_is(known->parents, JSON_TREE_ARRAY))
		return fail(q, "\"parents\" must be a list of {type, id}");
	for (; count < loaded; count++)
		parents[count] = known->loaded->parents[count].uid;
	for (const struct json_tree *item = own == 0 ? NULL : known->parents->first; item != NULL;
	     item = item->next) {
		struct str type, id;
		struct uid uid;

		if (!check_members(q, item, members) || !read_text(q, item, "type", &type) ||
		    !read_text(q, item, "id", &id))
			return false;
		/* A parent's type is looked for beside the entity's own. */
		if (schema_find_entity(q->terms->schema, type) == NULL) {
			struct str full = known->uid->type;

			while (full.len > 0 && full.ptr[full.len - 1] != ':')
				full.len--;
			type = arena_concat(arena, full, type);
		}
		uid = uid_make(type, id);
		parents[count] = uid_copy(arena, &uid);
		if (parents[count++] == NULL)
			return fail_memory(q);
	}
	*out = parents;
	*out_count = count;
	return true;
}

/* All ancestors, as freeze would have found them. */
static bool set_ancestors(struct question *q, struct entity *entity)
{
	const struct entity_store *store = q->terms->store;
	size_t count = entity->parent_count, at = 0;
	struct entity_ref *refs;

	for (size_t i = 0; i < entity->parent_count; i++) {
		const struct entity *parent = entity_store_find(store, entity->parents[i].uid);

		count += parent == NULL ? 0 : parent->ancestor_count;
	}
	refs = arena_array(q->terms->arena, count, sizeof(*refs));
	for (size_t i = 0; refs != NULL && i < entity->parent_count; i++) {
		const struct entity *parent = entity_store_find(store, entity->parents[i].uid);

		refs[at++] = entity->parents[i];
		for (size_t k = 0; parent != NULL && k < parent->ancestor_count; k++)
			refs[at++] = parent->ancestors[k];
	}
	if (refs == NULL || !entity_refs_sort(q->terms->arena, refs, &count))
		return fail_memory(q);
	entity->ancestors = refs;
	entity->ancestor_count = count;
	return true;
}

/* Says which attribute is not there: the commonest fault of a question. */
static bool check_required(struct question *q, const struct entity *entity)
{
	const struct schema_entity *type = schema_find_entity(q->terms->schema, entity->uid.type);
	const struct schema_type *shape =
		type == NULL || type->shape == NULL ? NULL : schema_real_type(type->shape);

	for (size_t i = 0; shape != NULL && i < shape->attr_count; i++) {
		const struct schema_attr *attr = &shape->attrs[i];

		if (attr->is_required &&
		    value_record_get(entity->attrs, &attr->key).kind == VALUE_NONE)
			return fail(q,
				    "the attribute `" STR_FMT "` of a " STR_FMT
				    " is neither loaded nor among the properties",
				    STR_ARG(attr->key.str), STR_ARG(entity->uid.type));
	}
	return true;
}

static bool make_entity(struct question *q, const struct known *known, const struct entity **out)
{
	struct arena *arena = q->terms->arena;
	struct value attrs = merge_attrs(arena, known), tags = value_none();
	const struct uid **parents = NULL;
	const struct entity *made;
	struct entity *entity = arena_zalloc(arena, sizeof(*entity));
	struct diag why = {0};
	size_t count = 0;

	if (attrs.kind != VALUE_RECORD || entity == NULL)
		return fail_memory(q);
	if (!read_parents(q, known, &parents, &count))
		return false;
	if (known->loaded != NULL)
		tags = (struct value){.kind = VALUE_RECORD, .record = known->loaded->tags};
	made = entity_new(arena, known->uid, attrs, tags, parents, count);
	if (made == NULL)
		return fail_memory(q);
	*entity = *made;
	if (!check_required(q, entity) || !set_ancestors(q, entity))
		return false;
	if (conform_entity(q->terms->schema, entity, &why) != OK)
		return fail(q, "%s", why.text);
	*out = entity;
	return true;
}

/* *out_entity: lies over the store; NULL when the store's own is all that is known. */
static bool read_entity(struct question *q, const struct json_tree *tree,
			const struct uid **out_uid, const struct entity **out_entity)
{
	static const struct str members[] = {STR("type"), STR("id"), STR("properties"), {0}};
	const struct json_tree *properties = json_tree_get(tree, STR("properties"));
	struct known known = {.attrs = value_none()};
	struct str type, id;
	struct uid uid;

	if (!check_members(q, tree, members) || !read_text(q, tree, "type", &type) ||
	    !read_text(q, tree, "id", &id) || !find_type(q, type, &type))
		return false;
	uid = uid_make(type, id);
	known.uid = uid_copy(q->terms->arena, &uid);
	if (known.uid == NULL)
		return fail_memory(q);
	known.loaded = entity_store_find(q->terms->store, known.uid);
	*out_uid = known.uid;
	if (properties == NULL && known.loaded != NULL)
		return true;
	return read_properties(q, properties, &known) && make_entity(q, &known, out_entity);
}

static bool read_action(struct question *q, const struct json_tree *tree,
			const struct schema_action **out)
{
	static const struct str members[] = {STR("name"), STR("properties"), {0}};
	const struct json_tree *properties = json_tree_get(tree, STR("properties"));
	struct str name;

	if (!check_members(q, tree, members) || !read_text(q, tree, "name", &name))
		return false;
	/* Not passed over: a caller that sends them means them to count. */
	if (properties != NULL &&
	    (!json_tree_is(properties, JSON_TREE_OBJECT) || properties->count > 0))
		return fail(q, "actions have no properties in Cedar; send them as context");
	return find_action(q, name, out);
}

/* Before the context is read, whose faults would hide that the question is about something else. */
static bool check_applies(struct question *q, enum question_part part, const struct str *types,
			  size_t count, const struct uid *uid, const struct uid *action)
{
	q->part = part;
	for (size_t i = 0; i < count; i++)
		if (str_eq(types[i], uid->type))
			return true;
	return fail(q, "the action \"" STR_FMT "\" does not apply to a " STR_FMT,
		    STR_ARG(action->id), STR_ARG(uid->type));
}

static bool read_context(struct question *q, const struct json_tree *tree, const struct uid *action,
			 struct value *out)
{
	struct str text = STR("{}");
	struct diag diag = {0};

	if (tree != NULL && !json_tree_is(tree, JSON_TREE_OBJECT))
		return fail(q, "must be an object, not %s", json_tree_kind_name(tree->kind));
	if (tree != NULL)
		text = bytes_of(q->terms->text, tree);
	if (entity_context_json(q->terms->arena, "", text, q->terms->schema, action, out, &diag) ==
	    OK)
		return true;
	(void)snprintf(q->message, QUESTION_MESSAGE, "%s", diag.text);
	return false;
}

bool question_read(const struct question_terms *terms,
		   const struct json_tree *const parts[static QUESTION_PARTS],
		   struct policy_request *out, char out_message[static QUESTION_MESSAGE])
{
	struct question q = {.terms = terms, .message = out_message};
	const struct schema_action *action = NULL;
	struct policy_request request = {0};
	struct diag why = {0};

	if (!read_entity(&q, parts[QUESTION_SUBJECT], &request.principal, &request.overlay))
		return false;
	q.part = QUESTION_ACTION;
	if (!read_action(&q, parts[QUESTION_ACTION], &action))
		return false;
	if (!action->applies)
		return fail(&q, "\"" STR_FMT "\" is a group of actions: it applies to nothing",
			    STR_ARG(action->uid->id));
	request.action = action->uid;
	q.part = QUESTION_RESOURCE;
	if (!read_entity(&q, parts[QUESTION_RESOURCE], &request.resource, &request.resource_entity))
		return false;
	if (!check_applies(&q, QUESTION_SUBJECT, action->principals, action->principal_count,
			   request.principal, action->uid) ||
	    !check_applies(&q, QUESTION_RESOURCE, action->resources, action->resource_count,
			   request.resource, action->uid))
		return false;
	q.part = QUESTION_CONTEXT;
	if (!read_context(&q, parts[QUESTION_CONTEXT], action->uid, &request.context))
		return false;
	if (conform_call(terms->schema, action, &request, &why) != OK) {
		(void)snprintf(out_message, QUESTION_MESSAGE, "%s", why.text);
		return false;
	}
	*out = request;
	return true;
}
