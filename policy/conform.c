/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/conform.h"

#include "policy/type.h"

/* Declared; of an enum, one of its ids. */
static bool is_declared(const struct schema *schema, const struct uid *uid)
{
	const struct schema_entity *entity = schema_find_entity(schema, uid->type);

	if (entity == NULL)
		return schema_is_action_type(uid->type) && schema_find_action(schema, uid) != NULL;
	if (!entity->is_enum)
		return true;
	for (size_t i = 0; i < entity->id_count; i++)
		if (str_eq(entity->ids[i], uid->id))
			return true;
	return false;
}

static bool conform_set(const struct schema *schema, const struct schema_type *element,
			const struct value_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (!conform_value(schema, element, set->items[i]))
			return false;
	return true;
}

/* Counting the declared attributes that are there finds those that are not declared. */
static bool conform_record(const struct schema *schema, const struct schema_type *type,
			   const struct value_record *record)
{
	size_t found = 0;

	for (size_t i = 0; i < type->attr_count; i++) {
		const struct schema_attr *attr = &type->attrs[i];
		struct value value = value_record_get(record, &attr->key);

		if (value.kind == VALUE_NONE && attr->is_required)
			return false;
		if (value.kind == VALUE_NONE)
			continue;
		if (!conform_value(schema, attr->type, value))
			return false;
		found++;
	}
	return found == record->count;
}

bool conform_value(const struct schema *schema, const struct schema_type *type, struct value value)
{
	type = schema_real_type(type);
	switch (type->kind) {
	case SCHEMA_BOOL: return value.kind == VALUE_BOOL;
	case SCHEMA_LONG: return value.kind == VALUE_LONG;
	case SCHEMA_STRING: return value.kind == VALUE_STRING;
	case SCHEMA_IP: return value.kind == VALUE_IP;
	case SCHEMA_DECIMAL: return value.kind == VALUE_DECIMAL;
	case SCHEMA_DATETIME: return value.kind == VALUE_DATETIME;
	case SCHEMA_DURATION: return value.kind == VALUE_DURATION;
	case SCHEMA_ENTITY:
		return value.kind == VALUE_ENTITY && str_eq(type->name, value.uid->type) &&
		       is_declared(schema, value.uid);
	case SCHEMA_SET:
		return value.kind == VALUE_SET && conform_set(schema, type->element, value.set);
	case SCHEMA_RECORD:
		return value.kind == VALUE_RECORD && conform_record(schema, type, value.record);
	case SCHEMA_TRUE:
	case SCHEMA_FALSE:
	case SCHEMA_NAME:
	case SCHEMA_ALIAS: break;
	}
	return false;
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

static bool conform_context(const struct schema *schema, const struct schema_action *action,
			    struct value context)
{
	const struct schema_type *type = action->context == NULL
						 ? type_of_kind(SCHEMA_RECORD)
						 : schema_real_type(action->context);

	if (context.kind != VALUE_NONE)
		return conform_value(schema, type, context);
	for (size_t i = 0; i < type->attr_count; i++)
		if (type->attrs[i].is_required)
			return false;
	return true;
}

enum err conform_request(const struct schema *schema, const struct policy_request *request,
			 struct diag *diag)
{
	const struct schema_action *action = schema_find_action(schema, request->action);

	if (action == NULL)
		return refuse(diag, "action", request->action, "is not in the schema");
	if (!lists_type(action->principals, action->principal_count, request->principal->type))
		return refuse(diag, "principal", request->principal,
			      "is of a type that the action does not apply to");
	if (!lists_type(action->resources, action->resource_count, request->resource->type))
		return refuse(diag, "resource", request->resource,
			      "is of a type that the action does not apply to");
	if (!is_declared(schema, request->principal))
		return refuse(diag, "principal", request->principal,
			      "is not one of its enum's ids");
	if (!is_declared(schema, request->resource))
		return refuse(diag, "resource", request->resource, "is not one of its enum's ids");
	if (!conform_context(schema, action, request->context))
		return refuse(diag, "the context of", request->action,
			      "is not of the declared type");
	return OK;
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
