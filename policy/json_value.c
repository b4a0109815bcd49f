/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/json_value.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"
#include "policy/lex.h"

/* Names in messages are cut behind this many bytes. */
#define SHOWN 80

bool json_value_fail(struct json_tree_fault *fault, enum err err, size_t at, const char *fmt, ...)
{
	va_list args;

	fault->err = err;
	fault->at = at;
	va_start(args, fmt);
	(void)vsnprintf(fault->text, sizeof(fault->text), fmt, args);
	va_end(args);
	return false;
}

static bool is_string(const struct json_tree *tree, const char *name)
{
	return json_tree_is(json_tree_get(tree, str_from_c(name)), JSON_TREE_STRING);
}

static bool is_uid(const struct json_tree *tree)
{
	return is_string(tree, "type") && is_string(tree, "id");
}

enum json_value_form json_value_form(const struct json_tree *object)
{
	const struct json_tree *only = object->count == 1 ? object->first : NULL;
	struct json_value_call call;

	if (only == NULL)
		return JSON_VALUE_RECORD;
	if (str_eq(only->name, STR("__expr")) && only->kind == JSON_TREE_STRING)
		return JSON_VALUE_EXPR;
	if (str_eq(only->name, STR("__entity")) && is_uid(only))
		return JSON_VALUE_ENTITY;
	if (str_eq(only->name, STR("__extn")) && json_value_call(only, &call))
		return JSON_VALUE_EXTENSION;
	return JSON_VALUE_RECORD;
}

bool json_value_call(const struct json_tree *inner, struct json_value_call *out_call)
{
	const struct json_tree *name = json_tree_get(inner, STR("fn"));
	const struct json_tree *arg = json_tree_get(inner, STR("arg"));
	const struct json_tree *args = json_tree_get(inner, STR("args"));
	enum fn_id fn;

	if (!json_tree_is(name, JSON_TREE_STRING) ||
	    (arg == NULL && !json_tree_is(args, JSON_TREE_ARRAY)))
		return false;
	fn = fn_find(name->string);
	*out_call = (struct json_value_call){
		.fn = fn == FN_COUNT || fn_table[fn].is_core ? FN_COUNT : fn,
		.count = arg != NULL ? 1 : args->count,
		.args = arg != NULL ? arg : args->first,
	};
	return true;
}

bool json_value_is_type(struct str name)
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

static bool fail_memory(const struct json_tree *tree, struct json_tree_fault *fault)
{
	return json_value_fail(fault, ERR_LIMIT, tree->at, "memory limit reached (`arena_bytes`)");
}

static bool check_type(const struct json_tree *type, struct json_tree_fault *fault)
{
	if (type->kind != JSON_TREE_STRING)
		return json_value_fail(fault, ERR_MALFORMED, type->at,
				       "expected an entity type's name, found %s",
				       json_tree_kind_name(type->kind));
	return json_value_is_type(type->string) ||
	       json_value_fail(fault, ERR_MALFORMED, type->at,
			       "`" STR_FMT "` is not an entity type's name",
			       (int)MIN(type->string.len, SHOWN), type->string.ptr);
}

bool json_value_type(struct arena *arena, const struct json_tree *tree, struct text *out_type,
		     struct json_tree_fault *out_fault)
{
	struct str name;

	if (!check_type(tree, out_fault))
		return false;
	name = arena_str(arena, tree->string);
	if (!str_is_set(name))
		return fail_memory(tree, out_fault);
	*out_type = text_make(name);
	return true;
}

bool json_value_uid(struct arena *arena, const struct json_tree *tree, const struct uid **out_uid,
		    struct json_tree_fault *out_fault)
{
	const struct json_tree *inner = json_tree_get(tree, STR("__entity"));
	const struct json_tree *type;
	struct uid uid;

	if (is_string(tree, "__expr"))
		return json_value_fail(out_fault, ERR_MALFORMED, tree->at,
				       "`__expr` is not supported");
	if (!is_uid(inner))
		inner = tree;
	if (!is_uid(inner))
		return json_value_fail(
			out_fault, ERR_MALFORMED, inner->at,
			"an entity is written {\"type\": ..., \"id\": ...}, both strings");
	type = json_tree_get(inner, STR("type"));
	if (!check_type(type, out_fault))
		return false;
	uid = uid_make(type->string, json_tree_get(inner, STR("id"))->string);
	*out_uid = uid_copy(arena, &uid);
	return *out_uid != NULL || fail_memory(inner, out_fault);
}

static bool fail_unknown(const struct json_tree *member, const struct json_member *members,
			 size_t count, struct json_tree_fault *fault)
{
	struct suggest suggest = {.word = member->name};

	for (size_t i = 0; i < count; i++)
		suggest_try(&suggest, str_from_c(members[i].name));
	if (str_is_set(suggest.best))
		return json_value_fail(
			fault, ERR_MALFORMED, member->name_at,
			"member \"" STR_FMT "\" is unknown here: is it \"" STR_FMT "\"?",
			(int)MIN(member->name.len, SHOWN), member->name.ptr, STR_ARG(suggest.best));
	return json_value_fail(fault, ERR_MALFORMED, member->name_at,
			       "member \"" STR_FMT "\" is unknown here",
			       (int)MIN(member->name.len, SHOWN), member->name.ptr);
}

static bool fail_missing(const struct json_tree *object, const char *name,
			 struct json_tree_fault *fault)
{
	struct suggest suggest = {.word = str_from_c(name)};
	const struct json_tree *near;

	for (const struct json_tree *member = object->first; member != NULL; member = member->next)
		suggest_try(&suggest, member->name);
	near = str_is_set(suggest.best) ? json_tree_get(object, suggest.best) : NULL;
	if (near != NULL)
		return json_value_fail(fault, ERR_MALFORMED, near->name_at,
				       "member \"%s\" is missing: is \"" STR_FMT "\" meant?", name,
				       STR_ARG(near->name));
	return json_value_fail(fault, ERR_MALFORMED, object->at, "member \"%s\" is missing", name);
}

bool json_value_members(const struct json_tree *object, struct json_member *members, size_t count,
			bool is_closed, struct json_tree_fault *out_fault)
{
	if (object->kind != JSON_TREE_OBJECT)
		return json_value_fail(out_fault, ERR_MALFORMED, object->at,
				       "expected an object, found %s",
				       json_tree_kind_name(object->kind));
	for (const struct json_tree *member = object->first; member != NULL;
	     member = member->next) {
		size_t i = 0;

		while (i < count && !str_eq(member->name, str_from_c(members[i].name)))
			i++;
		if (i < count)
			members[i].found = member;
		else if (is_closed)
			return fail_unknown(member, members, count, out_fault);
	}
	for (size_t i = 0; i < count; i++)
		if (members[i].is_required && members[i].found == NULL)
			return fail_missing(object, members[i].name, out_fault);
	return true;
}
