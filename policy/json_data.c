/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/json_data.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"
#include "policy/eval.h"
#include "policy/json_value.h"
#include "policy/type.h"

/* More names than that are not searched for a near one. */
#define NEAR_AMONG 1000
#define SHOWN	   100

const struct json_tree *json_data_parse(struct json_data *data, struct arena *scratch, size_t max)
{
	struct json_tree_fault fault;
	const struct json_tree *tree;

	if (data->text.len > max) {
		data->text = STR("");
		(void)json_data_fail(data, ERR_LIMIT, 0,
				     "text is longer than %zu bytes (limit `text_bytes`)", max);
		return NULL;
	}
	tree = json_tree_parse(scratch, data->text, &fault);
	if (tree == NULL)
		(void)json_data_fail(data, fault.err, fault.at, "%s", fault.text);
	return tree;
}

bool json_data_fail(struct json_data *data, enum err err, size_t at, const char *fmt, ...)
{
	struct diag diag;
	char text[sizeof(diag.text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_tree_diag(&diag, err, data->file, data->text, at, "%s%s" STR_FMT ": %s", data->where,
		       str_is_set(data->member) ? ", attribute " : "",
		       (int)MIN(data->member.len, SHOWN), data->member.ptr, text);
	if (data->err == OK && data->diag != NULL)
		*data->diag = diag;
	if (data->err == OK)
		data->err = err;
	(void)diags_add(data->all, err, &diag);
	return false;
}

bool json_data_fail_memory(struct json_data *data, const struct json_tree *tree)
{
	return json_data_fail(data, ERR_LIMIT, tree->at,
			      "memory limit reached (limit `arena_bytes`)");
}

bool json_data_goes_on(const struct json_data *data)
{
	if (arena_has_overflowed(data->arena))
		return false;
	return data->err == OK || (data->all != NULL && data->all->count < data->all->max);
}

/* ": is it X?" when a near name was found; returns buf. */
static const char *near_text(const struct suggest *near, char *buf, size_t cap)
{
	buf[0] = '\0';
	if (str_is_set(near->best))
		(void)snprintf(buf, cap, ": is it `" STR_FMT "`?", (int)MIN(near->best.len, SHOWN),
			       near->best.ptr);
	return buf;
}

static bool fail_type(struct json_data *d, const struct json_tree *tree, const struct uid *uid)
{
	struct suggest near = {.word = uid->type};
	size_t count = schema_entity_count(d->schema);
	char text[2 * SHOWN];

	for (size_t i = 0; i < count && i < NEAR_AMONG; i++)
		suggest_try(&near, schema_entity_at(d->schema, i)->name);
	return json_data_fail(d, ERR_MALFORMED, tree->at,
			      "entity type `" STR_FMT "` is not in the schema%s",
			      (int)MIN(uid->type.len, SHOWN), uid->type.ptr,
			      near_text(&near, text, sizeof(text)));
}

static bool fail_action(struct json_data *d, const struct json_tree *tree, const struct uid *uid)
{
	struct suggest near = {.word = uid->id};
	size_t count = schema_action_count(d->schema);
	char name[300];
	char text[2 * SHOWN];

	for (size_t i = 0; i < count && i < NEAR_AMONG; i++)
		suggest_try(&near, schema_action_at(d->schema, i)->uid->id);
	return json_data_fail(d, ERR_MALFORMED, tree->at, "action %s is not in the schema%s",
			      entity_uid_text(uid, name, sizeof(name)),
			      near_text(&near, text, sizeof(text)));
}

static bool check_enum(struct json_data *d, const struct json_tree *tree, const struct uid *uid,
		       const struct schema_entity *entity)
{
	struct suggest near = {.word = uid->id};
	char name[300];
	char text[2 * SHOWN];

	for (size_t i = 0; i < entity->id_count; i++) {
		if (str_eq(entity->ids[i], uid->id))
			return true;
		suggest_try(&near, entity->ids[i]);
	}
	return json_data_fail(d, ERR_MALFORMED, tree->at, "%s is not one of its enum's ids%s",
			      entity_uid_text(uid, name, sizeof(name)),
			      near_text(&near, text, sizeof(text)));
}

bool json_data_uid(struct json_data *d, const struct json_tree *tree, const struct uid **out)
{
	const struct schema_entity *entity;
	struct json_tree_fault fault;

	if (!json_value_uid(d->arena, tree, out, &fault))
		return json_data_fail(d, fault.err, fault.at, "%s", fault.text);
	if (d->schema == NULL)
		return true;
	if (schema_is_action_type((*out)->type))
		return schema_find_action(d->schema, *out) != NULL || fail_action(d, tree, *out);
	entity = schema_find_entity(d->schema, (*out)->type);
	if (entity == NULL)
		return fail_type(d, tree, *out);
	return !entity->is_enum || check_enum(d, tree, *out, entity);
}

static bool read_entity_ref(struct json_data *d, const struct json_tree *tree,
			    const struct schema_type *type, struct value *out)
{
	const struct uid *uid;

	if (!json_data_uid(d, tree, &uid))
		return false;
	if (type != NULL && !str_eq(type->name, uid->type))
		return json_data_fail(d, ERR_MALFORMED, tree->at,
				      "an entity of type " STR_FMT " is expected, not " STR_FMT,
				      STR_ARG(type->name), (int)MIN(uid->type.len, SHOWN),
				      uid->type.ptr);
	*out = value_entity(uid);
	return true;
}

/* F(args): any extension function or method, computed now. */
static bool read_call(struct json_data *d, const struct json_tree *tree,
		      const struct json_value_call *call, struct value *out)
{
	struct eval eval = {.arena = d->arena};
	struct value args[2] = {{.kind = VALUE_NONE}, {.kind = VALUE_NONE}};
	const struct json_tree *arg = call->args;
	const struct fn *fn;
	size_t need;

	if (call->fn == FN_COUNT)
		return json_data_fail(d, ERR_MALFORMED, tree->at,
				      "\"fn\" names no extension function");
	fn = &fn_table[call->fn];
	need = fn->arity + (fn->is_method ? 1U : 0U);
	if (call->count != need)
		return json_data_fail(d, ERR_MALFORMED, tree->at,
				      "%s takes %zu argument%s, not %zu", fn->name, need,
				      need == 1 ? "" : "s", call->count);
	for (size_t i = 0; i < need; i++, arg = arg->next)
		if (!json_data_read(d, arg, NULL, &args[i]))
			return false;
	if (!fn->is_method) {
		args[1] = args[0];
		args[0] = value_none();
	}
	return eval_apply(&eval, call->fn, args[0], args[1], out) ||
	       json_data_fail(d, ERR_MALFORMED, tree->at, STR_FMT, STR_ARG(eval.error));
}

static bool fail_kind(struct json_data *d, const struct json_tree *tree, enum value_kind kind)
{
	return json_data_fail(d, ERR_MALFORMED, tree->at, "%s is expected, found %s",
			      value_kind_name(kind), json_tree_kind_name(tree->kind));
}

static bool fail_expr(struct json_data *d, const struct json_tree *tree)
{
	return json_data_fail(d, ERR_MALFORMED, tree->at, "`__expr` is not supported");
}

/* By declared extension type: its constructor's string, {"fn", "arg"} or the escape. */
static bool read_extension(struct json_data *d, const struct json_tree *tree,
			   enum fn_id constructor, enum value_kind kind, struct value *out)
{
	struct json_value_call call = {.fn = constructor, .count = 1, .args = tree};

	if (tree->kind == JSON_TREE_STRING)
		return read_call(d, tree, &call, out);
	if (tree->kind != JSON_TREE_OBJECT)
		return fail_kind(d, tree, kind);
	if (json_tree_is(json_tree_get(tree, STR("__expr")), JSON_TREE_STRING))
		return fail_expr(d, tree);
	if (!json_value_call(json_tree_get(tree, STR("__extn")), &call) &&
	    !json_value_call(tree, &call))
		return fail_kind(d, tree, kind);
	if (!read_call(d, tree, &call, out))
		return false;
	return out->kind == kind ||
	       json_data_fail(d, ERR_MALFORMED, tree->at, "%s is expected, not %s",
			      value_kind_name(kind), value_kind_name(out->kind));
}

static bool check_count(struct json_data *d, const struct json_tree *tree)
{
	return tree->count <= d->max_elements ||
	       json_data_fail(d, ERR_LIMIT, tree->at, "more than %zu elements (limit `elements`)",
			      d->max_elements);
}

static bool read_set(struct json_data *d, const struct json_tree *tree,
		     const struct schema_type *element, struct value *out)
{
	struct value *values;
	size_t i = 0;

	if (!check_count(d, tree))
		return false;
	values = arena_array(d->arena, tree->count, sizeof(*values));
	if (values == NULL)
		return json_data_fail_memory(d, tree);
	for (const struct json_tree *item = tree->first; item != NULL; item = item->next)
		if (!json_data_read(d, item, element, &values[i++]))
			return false;
	*out = value_set(d->arena, values, tree->count);
	return out->kind == VALUE_SET || json_data_fail_memory(d, tree);
}

static bool fail_attr(struct json_data *d, const struct json_tree *member,
		      const struct schema_type *type)
{
	struct suggest near = {.word = member->name};
	char text[2 * SHOWN];

	for (size_t i = 0; i < type->attr_count && i < NEAR_AMONG; i++)
		suggest_try(&near, type->attrs[i].key.str);
	return json_data_fail(d, ERR_MALFORMED, member->name_at,
			      "attribute `" STR_FMT "` is not in the schema%s",
			      (int)MIN(member->name.len, SHOWN), member->name.ptr,
			      near_text(&near, text, sizeof(text)));
}

static bool check_required(struct json_data *d, const struct json_tree *tree,
			   const struct schema_type *type)
{
	bool is_fine = true;

	if (d->is_partial && d->depth == 0)
		return true;
	for (size_t i = 0; i < type->attr_count && json_data_goes_on(d); i++) {
		struct str key = type->attrs[i].key.str;

		if (type->attrs[i].is_required && json_tree_get(tree, key) == NULL)
			is_fine = json_data_fail(d, ERR_MALFORMED, tree->at,
						 "required attribute `" STR_FMT "` is missing",
						 (int)MIN(key.len, SHOWN), key.ptr);
	}
	return is_fine;
}

static bool read_member(struct json_data *d, const struct json_tree *member, const struct text *key,
			const struct schema_type *type, const struct schema_type *element,
			struct value *out)
{
	const struct schema_attr *attr = type == NULL ? NULL : type_find_attr(type, key);

	bool is_fine;

	if (type != NULL && attr == NULL)
		return fail_attr(d, member, type);
	if (d->depth == 0)
		d->member = member->name;
	is_fine = json_data_read(d, member, attr != NULL ? attr->type : element, out);
	if (d->depth == 0)
		d->member = (struct str){NULL, 0};
	return is_fine;
}

bool json_data_record(struct json_data *d, const struct json_tree *tree,
		      const struct schema_type *type, const struct schema_type *element,
		      struct value *out)
{
	struct text *keys;
	struct value *values;
	bool is_fine = true;
	size_t i = 0;

	if (!check_count(d, tree))
		return false;
	keys = arena_array(d->arena, tree->count, sizeof(*keys));
	values = arena_array(d->arena, tree->count, sizeof(*values));
	if (keys == NULL || values == NULL)
		return json_data_fail_memory(d, tree);
	for (const struct json_tree *at = tree->first; at != NULL && json_data_goes_on(d);
	     at = at->next, i++) {
		struct str key = arena_str(d->arena, at->name);

		if (!str_is_set(key))
			return json_data_fail_memory(d, at);
		keys[i] = text_make(key);
		is_fine &= read_member(d, at, &keys[i], type, element, &values[i]);
	}
	is_fine &= type == NULL || check_required(d, tree, type);
	if (!is_fine || i < tree->count)
		return false;
	*out = value_record(d->arena, keys, values, tree->count);
	return out->kind == VALUE_RECORD || json_data_fail_memory(d, tree);
}

bool json_data_object(struct json_data *d, const struct json_tree *tree, struct value *out)
{
	struct json_value_call call;

	switch (json_value_form(tree)) {
	case JSON_VALUE_ENTITY: return read_entity_ref(d, tree, NULL, out);
	case JSON_VALUE_EXTENSION:
		return json_value_call(tree->first, &call) && read_call(d, tree->first, &call, out);
	case JSON_VALUE_EXPR: return fail_expr(d, tree);
	case JSON_VALUE_RECORD: break;
	}
	return json_data_record(d, tree, NULL, NULL, out);
}

static bool read_untyped(struct json_data *d, const struct json_tree *tree, struct value *out)
{
	switch (tree->kind) {
	case JSON_TREE_BOOL: *out = value_bool(tree->boolean); return true;
	case JSON_TREE_INTEGER: *out = value_long(tree->integer); return true;
	case JSON_TREE_STRING:
		*out = value_string(d->arena, arena_str(d->arena, tree->string));
		return !arena_has_overflowed(d->arena) || json_data_fail_memory(d, tree);
	case JSON_TREE_ARRAY: return read_set(d, tree, NULL, out);
	case JSON_TREE_OBJECT: return json_data_object(d, tree, out);
	case JSON_TREE_NUMBER:
		return json_data_fail(d, ERR_MALFORMED, tree->at,
				      "numbers must be integers of 64 bits");
	case JSON_TREE_NULL: break;
	}
	return json_data_fail(d, ERR_MALFORMED, tree->at, "null is not a value");
}

static bool read_plain(struct json_data *d, const struct json_tree *tree, enum value_kind kind,
		       struct value *out)
{
	if (!read_untyped(d, tree, out))
		return false;
	return out->kind == kind ||
	       json_data_fail(d, ERR_MALFORMED, tree->at, "%s is expected, not %s",
			      value_kind_name(kind), value_kind_name(out->kind));
}

static bool read_typed(struct json_data *d, const struct json_tree *tree,
		       const struct schema_type *type, struct value *out)
{
	type = schema_real_type(type);
	switch (type->kind) {
	case SCHEMA_BOOL: return read_plain(d, tree, VALUE_BOOL, out);
	case SCHEMA_LONG: return read_plain(d, tree, VALUE_LONG, out);
	case SCHEMA_STRING: return read_plain(d, tree, VALUE_STRING, out);
	case SCHEMA_ENTITY: return read_entity_ref(d, tree, type, out);
	case SCHEMA_SET:
		return tree->kind == JSON_TREE_ARRAY ? read_set(d, tree, type->element, out)
						     : fail_kind(d, tree, VALUE_SET);
	case SCHEMA_RECORD:
		return tree->kind == JSON_TREE_OBJECT ? json_data_record(d, tree, type, NULL, out)
						      : fail_kind(d, tree, VALUE_RECORD);
	case SCHEMA_IP: return read_extension(d, tree, FN_IP, VALUE_IP, out);
	case SCHEMA_DECIMAL: return read_extension(d, tree, FN_DECIMAL, VALUE_DECIMAL, out);
	case SCHEMA_DATETIME: return read_extension(d, tree, FN_DATETIME, VALUE_DATETIME, out);
	case SCHEMA_DURATION: return read_extension(d, tree, FN_DURATION, VALUE_DURATION, out);
	case SCHEMA_NAME:
	case SCHEMA_ALIAS:
	case SCHEMA_TRUE:
	case SCHEMA_FALSE: break;
	}
	return json_data_fail(d, ERR_INTERNAL, tree->at, "unresolved type");
}

bool json_data_read(struct json_data *d, const struct json_tree *tree,
		    const struct schema_type *type, struct value *out)
{
	bool is_fine;

	if (d->depth >= ENTITY_JSON_DEPTH)
		return json_data_fail(d, ERR_LIMIT, tree->at, "nested deeper than %d levels",
				      ENTITY_JSON_DEPTH);
	d->depth++;
	is_fine = type == NULL ? read_untyped(d, tree, out) : read_typed(d, tree, type, out);
	d->depth--;
	return is_fine;
}
