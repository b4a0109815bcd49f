/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities and contexts from JSON.
 *
 *   [{"uid": U, "attrs": {..}, "parents": [U ..], "tags": {..}}]    tags may be missing
 *   U     = {"type": T, "id": I} | {"__entity": {"type": T, "id": I}}
 *   value = bool | integer | string | [value ..] | {name: value ..}
 *         | {"__entity": {"type": T, "id": I}} | {"__extn": {"fn": F, "arg": v}}
 *         | {"__extn": {"fn": F, "args": [v ..]}}
 *
 * With a schema a value of a declared entity type may be written {"type", "id"},
 * one of an extension type as its constructor's string. Unknown members of an
 * entity and beside an escape are passed over, as the official reader does.
 */
#include "policy/entity.h"

#include <stdarg.h>
#include <stdio.h>

#include <jansson.h>

#include "policy/eval.h"
#include "policy/json_nul.h"
#include "policy/lex.h"
#include "policy/schema.h"
#include "policy/type.h"

struct json_reader {
	struct arena *arena;
	const struct schema *schema; /* may be NULL */
	const char *file;
	const char *where; /* the entity under way, or "context" */
	const char *attr;
	size_t max_elements;
	unsigned depth;
	bool has_nul;		       /* strings are in the form of json_nul_hide */
	bool is_partial;	       /* the outermost record may lack what is required */
	struct listed_action *actions; /* of the text; with a schema */
	struct diag *diag;
	enum err err;
};

static bool read_value(struct json_reader *r, const json_t *json, const struct schema_type *type,
		       struct value *out);

PRINTF_LIKE(3, 4)
static bool read_fail(struct json_reader *r, enum err err, const char *fmt, ...)
{
	char text[sizeof(r->diag->text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (r->err == OK)
		r->err = diag_set(r->diag, err, r->file, 0, 0, "%s%s%s: %s", r->where,
				  r->attr == NULL ? "" : ", attribute ",
				  r->attr == NULL ? "" : r->attr, text);
	return false;
}

static bool read_memory(struct json_reader *r)
{
	return read_fail(r, ERR_LIMIT, "memory limit reached (`arena_bytes`)");
}

/* A copy in the reader's arena. */
static struct str own_text(struct json_reader *r, struct str s)
{
	return r->has_nul ? json_nul_show(r->arena, s) : arena_str(r->arena, s);
}

static struct str own_string(struct json_reader *r, const json_t *json)
{
	return own_text(r, str_make(json_string_value(json), json_string_length(json)));
}

/* Words joined by `::`, none reserved, nothing else. */
static bool is_type_name(struct str name)
{
	bool at_start = true;

	for (size_t i = 0, from = 0; i <= name.len; i++) {
		char c = i < name.len ? name.ptr[i] : ':';
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (is_letter || (!at_start && c >= '0' && c <= '9')) {
			at_start = false;
			continue;
		}
		if (c != ':' || at_start || lex_is_reserved(str_sub(name, from, i - from)))
			return false;
		if (i < name.len && (i + 2 >= name.len || name.ptr[i + 1] != ':'))
			return false;
		i += i < name.len ? 1 : 0;
		from = i + 1;
		at_start = true;
	}
	return name.len > 0;
}

static bool is_uid(const json_t *json)
{
	return json_is_string(json_object_get(json, "type")) &&
	       json_is_string(json_object_get(json, "id"));
}

static bool is_call(const json_t *json)
{
	return json_is_string(json_object_get(json, "fn")) &&
	       (json_object_get(json, "arg") != NULL ||
		json_is_array(json_object_get(json, "args")));
}

static bool refuse_expr(struct json_reader *r)
{
	return read_fail(r, ERR_MALFORMED, "`__expr` is not supported");
}

/* {"type","id"}, or that inside of "__entity". */
static bool read_uid(struct json_reader *r, const json_t *json, const struct uid **out)
{
	const json_t *inner = json_object_get(json, "__entity");
	const json_t *type = json_object_get(is_uid(inner) ? inner : json, "type");
	const json_t *id = json_object_get(is_uid(inner) ? inner : json, "id");
	struct uid *uid = arena_alloc(r->arena, sizeof(*uid));
	struct str name;

	if (uid == NULL)
		return read_memory(r);
	if (json_is_string(json_object_get(json, "__expr")))
		return refuse_expr(r);
	if (!json_is_string(type) || !json_is_string(id))
		return read_fail(r, ERR_MALFORMED,
				 "an entity is written {\"type\": ..., \"id\": ...}, both strings");
	name = own_string(r, type);
	if (!is_type_name(name))
		return read_fail(r, ERR_MALFORMED, "`" STR_FMT "` is not an entity type's name",
				 (int)MIN(name.len, 100), name.ptr);
	*uid = uid_make(name, own_string(r, id));
	*out = uid;
	return !arena_has_overflowed(r->arena) || read_memory(r);
}

/* The type is declared and an enum's id is one of its own. */
static bool check_uid(struct json_reader *r, const struct uid *uid)
{
	const struct schema_entity *entity;
	bool is_known = false;
	char text[300];

	if (r->schema == NULL)
		return true;
	(void)entity_uid_text(uid, text, sizeof(text));
	if (schema_is_action_type(uid->type))
		return schema_find_action(r->schema, uid) != NULL ||
		       read_fail(r, ERR_MALFORMED, "action %s is not in the schema", text);
	entity = schema_find_entity(r->schema, uid->type);
	if (entity == NULL)
		return read_fail(r, ERR_MALFORMED, "the type of %s is not in the schema", text);
	for (size_t i = 0; i < entity->id_count; i++)
		is_known = is_known || str_eq(entity->ids[i], uid->id);
	return !entity->is_enum || is_known ||
	       read_fail(r, ERR_MALFORMED, "%s is not one of its enum's ids", text);
}

static bool read_entity_ref(struct json_reader *r, const json_t *json,
			    const struct schema_type *type, struct value *out)
{
	const struct uid *uid;

	if (!read_uid(r, json, &uid) || !check_uid(r, uid))
		return false;
	if (type != NULL && !str_eq(type->name, uid->type))
		return read_fail(r, ERR_MALFORMED, "an entity of type " STR_FMT " is expected",
				 STR_ARG(type->name));
	*out = value_entity(uid);
	return true;
}

/* F(args): any extension function or method, computed now; `arg` goes before `args`. */
static bool read_extension(struct json_reader *r, const json_t *json, struct value *out)
{
	const json_t *name = json_object_get(json, "fn");
	const json_t *arg = json_object_get(json, "arg");
	const json_t *list = json_object_get(json, "args");
	struct eval eval = {.arena = r->arena};
	struct value args[2] = {{.kind = VALUE_NONE}, {.kind = VALUE_NONE}};
	size_t count = arg != NULL ? 1 : json_array_size(list);
	enum fn_id fn =
		json_is_string(name) ? fn_find(str_from_c(json_string_value(name))) : FN_COUNT;
	size_t need;

	if (fn == FN_COUNT || fn_table[fn].is_core)
		return read_fail(r, ERR_MALFORMED, "`fn` must name an extension function");
	need = fn_table[fn].arity + (fn_table[fn].is_method ? 1U : 0U);
	if (!is_call(json) || count != need)
		return read_fail(r, ERR_MALFORMED, "%s takes %zu arguments in `arg` or `args`",
				 fn_table[fn].name, need);
	for (size_t i = 0; i < count; i++)
		if (!read_value(r, arg != NULL ? arg : json_array_get(list, i), NULL, &args[i]))
			return false;
	if (!fn_table[fn].is_method) {
		args[1] = args[0];
		args[0] = value_none();
	}
	if (!eval_apply(&eval, fn, args[0], args[1], out))
		return read_fail(r, ERR_MALFORMED, STR_FMT, STR_ARG(eval.error));
	return true;
}

/* By declared extension type: its constructor's string, {"fn", "arg"} or the escape. */
static bool read_extension_typed(struct json_reader *r, const json_t *json, enum fn_id constructor,
				 enum value_kind kind, struct value *out)
{
	struct eval eval = {.arena = r->arena};
	const json_t *escape = json_object_get(json, "__extn");
	struct value arg;

	if (json_is_string(json)) {
		arg = value_string(r->arena, own_string(r, json));
		if (!eval_apply(&eval, constructor, value_none(), arg, out))
			return read_fail(r, ERR_MALFORMED, STR_FMT, STR_ARG(eval.error));
		return true;
	}
	if (!json_is_object(json))
		return read_fail(r, ERR_MALFORMED, "%s is expected", value_kind_name(kind));
	if (json_is_string(json_object_get(json, "__expr")))
		return refuse_expr(r);
	if (!read_extension(r, is_call(escape) ? escape : json, out))
		return false;
	return out->kind == kind ||
	       read_fail(r, ERR_MALFORMED, "%s is expected", value_kind_name(kind));
}

static bool read_set(struct json_reader *r, const json_t *json, const struct schema_type *element,
		     struct value *out)
{
	size_t count = json_array_size(json);
	struct value *values;

	if (count > r->max_elements)
		return read_fail(r, ERR_LIMIT, "more than %zu elements (limit `elements`)",
				 r->max_elements);
	values = arena_array(r->arena, count, sizeof(*values));
	for (size_t i = 0; values != NULL && i < count; i++)
		if (!read_value(r, json_array_get(json, i), element, &values[i]))
			return false;
	*out = values == NULL ? value_none() : value_set(r->arena, values, count);
	return out->kind == VALUE_SET || read_memory(r);
}

static const struct schema_attr *find_attr(const struct schema_type *type, struct str key)
{
	for (size_t i = 0; i < type->attr_count; i++)
		if (str_eq(type->attrs[i].key.str, key))
			return &type->attrs[i];
	return NULL;
}

static bool check_required(struct json_reader *r, const struct value_record *record,
			   const struct schema_type *type)
{
	if (r->is_partial && r->depth == 0)
		return true;
	for (size_t i = 0; i < type->attr_count; i++) {
		const struct schema_attr *attr = &type->attrs[i];

		if (attr->is_required && value_record_get(record, &attr->key).kind == VALUE_NONE)
			return read_fail(r, ERR_MALFORMED,
					 "required attribute `" STR_FMT "` is missing",
					 STR_ARG(attr->key.str));
	}
	return true;
}

/* type NULL: anything goes; of a tags type: `element` holds for every member. */
static bool read_record(struct json_reader *r, const json_t *json, const struct schema_type *type,
			const struct schema_type *element, struct value *out)
{
	size_t count = json_object_size(json);
	struct text *keys = arena_array(r->arena, count, sizeof(*keys));
	struct value *values = arena_array(r->arena, count, sizeof(*values));
	void *iter = json_object_iter((json_t *)(uintptr_t)json);

	if (count > r->max_elements)
		return read_fail(r, ERR_LIMIT, "more than %zu members (limit `elements`)",
				 r->max_elements);
	if (keys == NULL || values == NULL)
		return read_memory(r);
	for (size_t i = 0; iter != NULL; i++) {
		struct str key = own_text(r, str_from_c(json_object_iter_key(iter)));
		const struct schema_attr *attr = type == NULL ? NULL : find_attr(type, key);

		if (type != NULL && attr == NULL)
			return read_fail(r, ERR_MALFORMED, "`" STR_FMT "` is not in the schema",
					 (int)MIN(key.len, 100), key.ptr);
		keys[i] = text_make(key);
		if (r->depth == 0)
			r->attr = key.ptr;
		if (!read_value(r, json_object_iter_value(iter),
				attr != NULL ? attr->type : element, &values[i]))
			return false;
		if (r->depth == 0)
			r->attr = NULL;
		iter = json_object_iter_next((json_t *)(uintptr_t)json, iter);
	}
	*out = value_record(r->arena, keys, values, count);
	if (out->kind != VALUE_RECORD || arena_has_overflowed(r->arena))
		return read_memory(r);
	return type == NULL || check_required(r, out->record, type);
}

/* An escape is the only member and of its form; what is not quite one is a record, as in the
 * official reader. */
static bool read_object(struct json_reader *r, const json_t *json, struct value *out)
{
	const json_t *call = json_object_get(json, "__extn");

	if (json_object_size(json) == 1) {
		if (json_is_string(json_object_get(json, "__expr")))
			return refuse_expr(r);
		if (is_uid(json_object_get(json, "__entity")))
			return read_entity_ref(r, json, NULL, out);
		if (is_call(call))
			return read_extension(r, call, out);
	}
	return read_record(r, json, NULL, NULL, out);
}

static bool read_untyped(struct json_reader *r, const json_t *json, struct value *out)
{
	switch (json_typeof(json)) {
	case JSON_TRUE:
	case JSON_FALSE: *out = value_bool(json_is_true(json)); return true;
	case JSON_INTEGER: *out = value_long(json_integer_value(json)); return true;
	case JSON_STRING:
		*out = value_string(r->arena, own_string(r, json));
		return out->kind == VALUE_STRING || read_memory(r);
	case JSON_ARRAY: return read_set(r, json, NULL, out);
	case JSON_OBJECT: return read_object(r, json, out);
	case JSON_REAL: return read_fail(r, ERR_MALFORMED, "numbers must be integers of 64 bits");
	case JSON_NULL: break;
	}
	return read_fail(r, ERR_MALFORMED, "null is not a value");
}

static bool read_plain(struct json_reader *r, const json_t *json, enum value_kind kind,
		       struct value *out)
{
	struct value value;

	if (!read_untyped(r, json, &value))
		return false;
	if (value.kind != kind)
		return read_fail(r, ERR_MALFORMED, "%s is expected, not %s", value_kind_name(kind),
				 value_kind_name(value.kind));
	*out = value;
	return true;
}

static bool read_typed(struct json_reader *r, const json_t *json, const struct schema_type *type,
		       struct value *out)
{
	type = schema_real_type(type);
	switch (type->kind) {
	case SCHEMA_BOOL: return read_plain(r, json, VALUE_BOOL, out);
	case SCHEMA_LONG: return read_plain(r, json, VALUE_LONG, out);
	case SCHEMA_STRING: return read_plain(r, json, VALUE_STRING, out);
	case SCHEMA_ENTITY: return read_entity_ref(r, json, type, out);
	case SCHEMA_SET:
		return json_is_array(json) ? read_set(r, json, type->element, out)
					   : read_fail(r, ERR_MALFORMED, "a set is expected");
	case SCHEMA_RECORD:
		return json_is_object(json) ? read_record(r, json, type, NULL, out)
					    : read_fail(r, ERR_MALFORMED, "a record is expected");
	case SCHEMA_IP: return read_extension_typed(r, json, FN_IP, VALUE_IP, out);
	case SCHEMA_DECIMAL: return read_extension_typed(r, json, FN_DECIMAL, VALUE_DECIMAL, out);
	case SCHEMA_DATETIME:
		return read_extension_typed(r, json, FN_DATETIME, VALUE_DATETIME, out);
	case SCHEMA_DURATION:
		return read_extension_typed(r, json, FN_DURATION, VALUE_DURATION, out);
	case SCHEMA_NAME:
	case SCHEMA_ALIAS:
	case SCHEMA_TRUE:
	case SCHEMA_FALSE: break;
	}
	return read_fail(r, ERR_INTERNAL, "unresolved type");
}

static bool read_value(struct json_reader *r, const json_t *json, const struct schema_type *type,
		       struct value *out)
{
	bool is_fine;

	if (r->depth >= ENTITY_JSON_DEPTH)
		return read_fail(r, ERR_LIMIT, "nested deeper than %d levels", ENTITY_JSON_DEPTH);
	r->depth++;
	is_fine = type == NULL ? read_untyped(r, json, out) : read_typed(r, json, type, out);
	r->depth--;
	return is_fine;
}

static const struct schema_entity *entity_type(struct json_reader *r, const struct uid *uid)
{
	return r->schema == NULL || schema_is_action_type(uid->type)
		       ? NULL
		       : schema_find_entity(r->schema, uid->type);
}

/* A parent may be of any type that is above the entity's, not only of those just above. */
static bool check_parent(struct json_reader *r, const struct schema_entity *type,
			 const struct uid *parent)
{
	if (!check_uid(r, parent) || type == NULL)
		return r->err == OK;
	for (size_t i = 0; i < type->parent_count; i++)
		if (type_is_below(r->schema, r->arena, type->parents[i], parent->type))
			return true;
	return read_fail(r, ERR_MALFORMED, "a parent of type " STR_FMT " is not in the schema",
			 STR_ARG(parent->type));
}

static bool read_parents(struct json_reader *r, const json_t *json,
			 const struct schema_entity *type, const struct uid ***out, size_t *count)
{
	if (!json_is_array(json))
		return read_fail(r, ERR_MALFORMED, "`parents` must be an array");
	*count = json_array_size(json);
	*out = arena_array(r->arena, *count, sizeof(const struct uid *));
	if (*out == NULL)
		return read_memory(r);
	for (size_t i = 0; i < *count; i++)
		if (!read_uid(r, json_array_get(json, i), &(*out)[i]) ||
		    !check_parent(r, type, (*out)[i]))
			return false;
	return true;
}

static bool read_tags(struct json_reader *r, const json_t *json, const struct schema_entity *type,
		      struct value *out)
{
	*out = value_none();
	if (json == NULL)
		return true;
	if (!json_is_object(json))
		return read_fail(r, ERR_MALFORMED, "`tags` must be an object");
	if (r->schema != NULL && json_object_size(json) > 0 && (type == NULL || type->tags == NULL))
		return read_fail(r, ERR_MALFORMED, "its type has no tags in the schema");
	return read_record(r, json, NULL, type == NULL ? NULL : type->tags, out);
}

/* An action of the text, kept until all are known. */
struct listed_action {
	const struct schema_action *action;
	const struct uid *const *parents;
	size_t count;
	struct listed_action *next;
};

static bool list_action(struct json_reader *r, const struct uid *uid,
			const struct uid *const *parents, size_t count)
{
	struct listed_action *listed = arena_alloc(r->arena, sizeof(*listed));

	if (listed == NULL)
		return read_memory(r);
	*listed = (struct listed_action){
		.action = schema_find_action(r->schema, uid),
		.parents = parents,
		.count = count,
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
static bool check_actions(struct json_reader *r)
{
	struct entity_store *actions;
	uint8_t *is_listed = arena_array(r->arena, schema_action_count(r->schema), 1);
	char where[300];

	if (is_listed == NULL)
		return read_memory(r);
	actions = entity_store_new(NULL);
	r->err = entity_store_add_actions(actions, r->schema, r->diag);
	if (r->err == OK)
		r->err = entity_store_freeze(actions, r->diag);
	for (const struct listed_action *l = r->actions; l != NULL; l = l->next)
		is_listed[l->action->index] = 1;
	for (const struct listed_action *l = r->actions; r->err == OK && l != NULL; l = l->next) {
		r->where = entity_uid_text(l->action->uid, where, sizeof(where));
		if (!has_its_groups(l, actions, is_listed, r->schema))
			(void)read_fail(r, ERR_MALFORMED,
					"its groups are others than in the schema");
	}
	entity_store_free(actions);
	return r->err == OK;
}

static bool read_entity(struct json_reader *r, struct entity_store *store, const json_t *json)
{
	static const struct schema_type no_attrs = {.kind = SCHEMA_RECORD};
	const json_t *attrs_json = json_object_get(json, "attrs");
	const struct schema_entity *type;
	const struct schema_type *shape = NULL;
	const struct uid *uid;
	const struct uid **parents;
	struct value attrs;
	struct value tags;
	size_t count = 0;
	char where[300];

	r->where = "an entity's uid";
	if (!read_uid(r, json_object_get(json, "uid"), &uid))
		return false;
	r->where = entity_uid_text(uid, where, sizeof(where));
	type = entity_type(r, uid);
	if (r->schema != NULL)
		shape = type != NULL && type->shape != NULL ? type->shape : &no_attrs;
	if (!check_uid(r, uid))
		return false;
	if (!json_is_object(attrs_json))
		return read_fail(r, ERR_MALFORMED, "`attrs` must be an object");
	if (!read_record(r, attrs_json, shape == NULL ? NULL : schema_real_type(shape), NULL,
			 &attrs) ||
	    !read_tags(r, json_object_get(json, "tags"), type, &tags) ||
	    !read_parents(r, json_object_get(json, "parents"), type, &parents, &count))
		return false;
	if (r->schema != NULL && type == NULL)
		return list_action(r, uid, parents, count);
	if (r->err == OK)
		r->err = entity_store_add(store, uid, attrs, tags, parents, count, r->diag);
	return r->err == OK;
}

static json_t *parse_text(struct json_reader *r, struct str text, size_t max)
{
	json_t *json;
	json_error_t error;

	if (text.len > max) {
		(void)read_fail(r, ERR_LIMIT, "text is longer than %zu bytes (limit `text_bytes`)",
				max);
		return NULL;
	}
	r->has_nul = json_nul_is_in(text);
	if (r->has_nul)
		text = json_nul_hide(r->arena, text);
	if (!str_is_set(text)) {
		(void)read_memory(r);
		return NULL;
	}
	json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (json != NULL)
		return json;
	r->err = diag_set(r->diag, ERR_MALFORMED, r->file, (unsigned)MAX(error.line, 0),
			  (unsigned)MAX(error.column, 0), "%s", error.text);
	if (r->diag != NULL)
		diag_set_source(r->diag, text.ptr, text.len);
	return NULL;
}

enum err entity_store_load_json(struct entity_store *store, const char *file, struct str text,
				const struct schema *schema, struct diag *diag)
{
	const struct entity_limits *limits = entity_store_limits(store);
	struct json_reader r = {.arena = entity_store_arena(store),
				.schema = schema,
				.file = file,
				.where = "entities",
				.max_elements = limits->elements,
				.diag = diag};
	size_t before = entity_store_count(store);
	json_t *json = parse_text(&r, text, limits->text_bytes);

	if (r.err == OK && !json_is_array(json))
		(void)read_fail(&r, ERR_MALFORMED, "must be a JSON array");
	for (size_t i = 0; r.err == OK && i < json_array_size(json); i++)
		(void)read_entity(&r, store, json_array_get(json, i));
	if (r.err == OK && r.actions != NULL)
		(void)check_actions(&r);
	json_decref(json);
	if (r.err != OK)
		entity_store_truncate(store, before);
	return r.err;
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

enum err entity_attrs_json(struct arena *arena, const char *file, struct str text,
			   const struct schema *schema, struct str type, struct value *out_attrs,
			   struct diag *diag)
{
	static const struct schema_type no_attrs = {.kind = SCHEMA_RECORD};
	const struct schema_entity *declared = schema_find_entity(schema, type);
	struct json_reader r = {.arena = arena,
				.schema = schema,
				.file = file,
				.where = "attributes",
				.max_elements = 100000,
				.is_partial = true,
				.diag = diag};
	json_t *json = parse_text(&r, text, SCHEMA_TEXT_BYTES);
	const struct schema_type *shape =
		declared == NULL || declared->shape == NULL ? &no_attrs : declared->shape;

	if (r.err == OK && !json_is_object(json))
		(void)read_fail(&r, ERR_MALFORMED, "must be a JSON object");
	if (r.err == OK)
		(void)read_record(&r, json, schema_real_type(shape), NULL, out_attrs);
	json_decref(json);
	return r.err;
}

enum err entity_context_json(struct arena *arena, const char *file, struct str text,
			     const struct schema *schema, const struct uid *action,
			     struct value *out_context, struct diag *diag)
{
	static const struct schema_type no_attrs = {.kind = SCHEMA_RECORD};
	const struct schema_action *declared =
		schema == NULL || action == NULL ? NULL : schema_find_action(schema, action);
	const struct schema_type *type = NULL;
	struct json_reader r = {.arena = arena,
				.schema = schema,
				.file = file,
				.where = "context",
				.max_elements = 100000,
				.diag = diag};
	json_t *json = parse_text(&r, text, SCHEMA_TEXT_BYTES);
	struct value context;

	if (declared != NULL)
		type = declared->context == NULL ? &no_attrs : schema_real_type(declared->context);
	if (r.err == OK && !json_is_object(json))
		(void)read_fail(&r, ERR_MALFORMED, "must be a JSON object");
	if (r.err == OK && type != NULL)
		(void)read_record(&r, json, type, NULL, out_context);
	else if (r.err == OK && read_object(&r, json, &context) && context.kind != VALUE_RECORD)
		(void)read_fail(&r, ERR_MALFORMED, "must be a record");
	else if (r.err == OK)
		*out_context = context;
	json_decref(json);
	return r.err;
}
