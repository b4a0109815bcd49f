/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/conform.h"

#include "policy/type.h"

static bool is_enum_id(const struct schema_entity *entity, const struct uid *uid)
{
	for (size_t i = 0; i < entity->id_count; i++)
		if (str_eq(entity->ids[i], uid->id))
			return true;
	return false;
}

static bool is_of(const struct schema_entity *entity, const struct uid *uid)
{
	return entity->name_hash == uid->type_hash && str_eq(entity->name, uid->type);
}

/* Declared; of an enum, one of its ids. */
static bool is_declared(const struct schema *schema, const struct uid *uid)
{
	const struct schema_entity *entity = schema_find_entity(schema, uid->type);

	if (entity == NULL)
		return schema_is_action_type(uid->type) && schema_find_action(schema, uid) != NULL;
	return !entity->is_enum || is_enum_id(entity, uid);
}

/* The type of actions alone is no entity type: which of them are declared must be looked up. */
static bool conform_uid(const struct schema *schema, const struct schema_type *type,
			const struct uid *uid)
{
	if (type->entity == NULL)
		return str_eq(type->name, uid->type) && schema_find_action(schema, uid) != NULL;
	return is_of(type->entity, uid) &&
	       (!type->entity->is_enum || is_enum_id(type->entity, uid));
}

static bool conform_set(const struct schema *schema, const struct schema_type *element,
			const struct value_set *set)
{
	enum value_kind plain = type_plain_value(element);

	for (size_t i = 0; i < set->count; i++)
		if (plain != VALUE_NONE ? set->items[i].kind != plain
					: !conform_value(schema, element, set->items[i]))
			return false;
	return true;
}

/* Attributes and fields ascend alike: one walk over both. */
static bool conform_record(const struct schema *schema, const struct schema_type *type,
			   const struct value_record *record)
{
	const struct value_field *field = record->fields;
	const struct value_field *end = field + record->count;

	for (size_t i = 0; i < type->attr_count; i++) {
		const struct schema_attr *attr = &type->attrs[i];

		if (field == end || field->hash != attr->key.hash ||
		    !text_eq(field->key, &attr->key)) {
			if (attr->is_required)
				return false;
			continue;
		}
		if (attr->plain != VALUE_NONE ? field->value.kind != attr->plain
					      : !conform_value(schema, attr->type, field->value))
			return false;
		field++;
	}
	return field == end;
}

bool conform_value(const struct schema *schema, const struct schema_type *type, struct value value)
{
	type = schema_real_type(type);
	if (value.kind == VALUE_ENTITY)
		return type->kind == SCHEMA_ENTITY && conform_uid(schema, type, value.uid);
	if (value.kind == VALUE_SET)
		return type->kind == SCHEMA_SET && conform_set(schema, type->element, value.set);
	if (value.kind == VALUE_RECORD)
		return type->kind == SCHEMA_RECORD && conform_record(schema, type, value.record);
	return value.kind != VALUE_NONE && value.kind == type_plain_value(type);
}

static enum err refuse(struct diag *diag, const char *what, const struct uid *uid, const char *why)
{
	char text[200];

	return diag_set(diag, ERR_MALFORMED, "request", 0, 0, "%s %s %s", what,
			entity_uid_text(uid, text, sizeof(text)), why);
}

static bool lists_type(const struct str *types, size_t count, struct str type)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(types[i], type))
			return true;
	return false;
}

static const struct schema_type *context_type(const struct schema_action *action)
{
	return action->context == NULL ? type_of_kind(SCHEMA_RECORD)
				       : schema_real_type(action->context);
}

static bool conform_context(const struct schema *schema, const struct schema_action *action,
			    struct value context)
{
	const struct schema_type *type = context_type(action);

	if (context.kind != VALUE_NONE)
		return conform_value(schema, type, context);
	for (size_t i = 0; i < type->attr_count; i++)
		if (type->attrs[i].is_required)
			return false;
	return true;
}

/* The first attribute that is wrong, by its name and what was declared. */
static enum err refuse_context(const struct schema *schema, const struct schema_action *action,
			       struct value context, struct diag *diag)
{
	const struct schema_type *type = context_type(action);
	const struct value_record *record = context.kind == VALUE_RECORD ? context.record : NULL;
	char action_text[200], text[200];

	(void)entity_uid_text(action->uid, action_text, sizeof(action_text));
	for (size_t i = 0; i < type->attr_count; i++) {
		const struct schema_attr *attr = &type->attrs[i];
		struct value value =
			record == NULL ? value_none() : value_record_get(record, &attr->key);
		int len = (int)MIN(attr->key.str.len, 80);

		if (value.kind == VALUE_NONE && attr->is_required)
			return diag_set(diag, ERR_MALFORMED, "request", 0, 0,
					"the context of %s lacks the attribute `" STR_FMT "`",
					action_text, len, attr->key.str.ptr);
		if (value.kind != VALUE_NONE && !conform_value(schema, attr->type, value))
			return diag_set(diag, ERR_MALFORMED, "request", 0, 0,
					"attribute `" STR_FMT
					"` of the context of %s is not of the declared type %s",
					len, attr->key.str.ptr, action_text,
					type_text(attr->type, text, sizeof(text)));
	}
	return refuse(diag, "the context of", action->uid, "has attributes that are not declared");
}

static const struct schema_entity *find_type(const struct schema_entity *const *types, size_t count,
					     const struct uid *uid)
{
	for (size_t i = 0; i < count; i++)
		if (is_of(types[i], uid))
			return types[i];
	return NULL;
}

/* One of the types an action applies to. */
static enum err conform_side(const struct schema_entity *const *types, size_t count,
			     const struct uid *uid, const char *what, struct diag *diag)
{
	const struct schema_entity *type = find_type(types, count, uid);

	if (type == NULL)
		return refuse(diag, what, uid, "is of a type that the action does not apply to");
	if (type->is_enum && !is_enum_id(type, uid))
		return refuse(diag, what, uid, "is not one of its enum's ids");
	return OK;
}

enum err conform_call(const struct schema *schema, const struct schema_action *action,
		      const struct policy_request *request, struct diag *diag)
{
	enum err err = conform_side(action->principal_types, action->principal_count,
				    request->principal, "principal", diag);

	if (err == OK)
		err = conform_side(action->resource_types, action->resource_count,
				   request->resource, "resource", diag);
	if (err == OK && !conform_context(schema, action, request->context))
		err = refuse_context(schema, action, request->context, diag);
	return err;
}

enum err conform_request(const struct schema *schema, const struct policy_request *request,
			 struct diag *diag)
{
	const struct schema_action *action = schema_find_action(schema, request->action);

	if (action == NULL)
		return refuse(diag, "action", request->action, "is not in the schema");
	return conform_call(schema, action, request, diag);
}

static bool conform_tags(const struct schema *schema, const struct schema_type *tags,
			 const struct value_record *record)
{
	if (tags == NULL)
		return record->count == 0;
	for (size_t i = 0; i < record->count; i++)
		if (!conform_value(schema, tags, record->fields[i].value))
			return false;
	return true;
}

static bool conform_action(const struct schema *schema, const struct entity *entity)
{
	const struct schema_action *action = schema_find_action(schema, &entity->uid);
	bool is_good = action != NULL && entity->attrs->count == 0 && entity->tags->count == 0;

	for (size_t i = 0; is_good && i < entity->parent_count; i++) {
		is_good = false;
		for (size_t g = 0; g < action->group_count && !is_good; g++)
			is_good = uid_eq(action->groups[g], entity->parents[i].uid);
	}
	return is_good;
}

enum err conform_entity(const struct schema *schema, const struct entity *entity, struct diag *diag)
{
	const struct schema_entity *type = schema_find_entity(schema, entity->uid.type);
	const struct schema_type *shape;

	if (type == NULL)
		return conform_action(schema, entity)
			       ? OK
			       : refuse(diag, "entity", &entity->uid, "is not in the schema");
	if (!is_declared(schema, &entity->uid))
		return refuse(diag, "entity", &entity->uid, "is not one of its enum's ids");
	shape = type->shape == NULL ? type_of_kind(SCHEMA_RECORD) : schema_real_type(type->shape);
	if (!conform_record(schema, shape, entity->attrs))
		return refuse(diag, "entity", &entity->uid, "has not the declared attributes");
	if (!conform_tags(schema, type->tags, entity->tags))
		return refuse(diag, "entity", &entity->uid, "has not the declared tags");
	for (size_t i = 0; i < entity->parent_count; i++)
		if (!lists_type(type->parents, type->parent_count, entity->parents[i].uid->type) ||
		    !is_declared(schema, entity->parents[i].uid))
			return refuse(diag, "entity", &entity->uid,
				      "has a parent that its type does not allow");
	return OK;
}
