/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/claims.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/clock.h"

#define CLAIMS_ARENA_BYTES (64U * 1024U)
#define CLAIMS_TIME_MAX_S  9000000000LL /* 2255; in nanoseconds it still fits */
#define CLAIMS_PATH_DEPTH  8

struct claims {
	json_t *root;
};

enum err claims_parse(struct str json, struct claims **out)
{
	json_t *root = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(root)) {
		json_decref(root);
		return ERR_MALFORMED;
	}
	*out = base_alloc(sizeof(**out));
	(*out)->root = root;
	return OK;
}

void claims_free(struct claims *claims)
{
	if (claims == NULL)
		return;
	json_decref(claims->root);
	free(claims);
}

static struct str text_of(const json_t *value)
{
	if (!json_is_string(value))
		return str_make(NULL, 0);
	return str_make(json_string_value(value), json_string_length(value));
}

struct str claims_text(const struct claims *claims, const char *name)
{
	return text_of(json_object_get(claims->root, name));
}

/* ---- checking ---- */

static bool is_time(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static int64_t time_of(const json_t *value)
{
	return MIN((int64_t)json_integer_value(value), CLAIMS_TIME_MAX_S);
}

/* Absent is fine for these two; present, it must not lie in the future. */
static enum identity_reason check_not_before(const struct claims *claims, const char *name,
					     int64_t latest_s)
{
	const json_t *value = json_object_get(claims->root, name);

	if (value == NULL)
		return IDENTITY_OK;
	if (!is_time(value))
		return IDENTITY_CLAIMS;
	return time_of(value) > latest_s ? IDENTITY_NOT_YET_VALID : IDENTITY_OK;
}

static enum identity_reason check_times(const struct claims *claims, const struct issuer *issuer,
					int64_t wall_ns, int64_t *out_until_ns)
{
	const json_t *exp = json_object_get(claims->root, "exp");
	int64_t now_s = wall_ns / CLOCK_NS_PER_S;
	int64_t until_ns;
	enum identity_reason reason;

	if (!is_time(exp))
		return IDENTITY_CLAIMS;
	until_ns = (time_of(exp) + issuer->leeway_s) * CLOCK_NS_PER_S;
	if (until_ns <= wall_ns)
		return IDENTITY_EXPIRED;
	reason = check_not_before(claims, "nbf", now_s + issuer->leeway_s);
	if (reason == IDENTITY_OK)
		reason = check_not_before(claims, "iat", now_s + issuer->leeway_s);
	if (reason == IDENTITY_OK)
		*out_until_ns = until_ns;
	return reason;
}

/* RFC 7519 §4.1.3: one string, or an array of strings and nothing else. */
static enum identity_reason check_audience(const struct claims *claims, const struct issuer *issuer)
{
	const json_t *aud = json_object_get(claims->root, "aud");
	bool is_ours = false;

	if (json_is_string(aud))
		return str_list_has(issuer->audience, text_of(aud)) ? IDENTITY_OK
								    : IDENTITY_AUDIENCE;
	if (!json_is_array(aud))
		return IDENTITY_CLAIMS;
	for (size_t i = 0; i < json_array_size(aud); i++) {
		const json_t *item = json_array_get(aud, i);

		if (!json_is_string(item))
			return IDENTITY_CLAIMS;
		is_ours |= str_list_has(issuer->audience, text_of(item));
	}
	return is_ours ? IDENTITY_OK : IDENTITY_AUDIENCE;
}

enum identity_reason claims_check(const struct claims *claims, const struct issuer *issuer,
				  int64_t wall_ns, int64_t *out_until_ns)
{
	int64_t until_ns = 0;
	enum identity_reason reason;

	if (!str_eq(claims_text(claims, "iss"), issuer->issuer))
		return IDENTITY_UNKNOWN_ISSUER;
	reason = check_times(claims, issuer, wall_ns, &until_ns);
	if (reason == IDENTITY_OK)
		reason = check_audience(claims, issuer);
	if (reason == IDENTITY_OK)
		*out_until_ns = until_ns;
	return reason;
}

/* ---- mapping ---- */

/* jansson wants C strings: paths come from the configuration and are short. */
static const json_t *member(const json_t *object, struct str name)
{
	char key[256];

	if (!json_is_object(object) || name.len >= sizeof(key))
		return NULL;
	memcpy(key, name.ptr, name.len);
	key[name.len] = '\0';
	return json_object_get(object, key);
}

/* NULL: not there; JSON null counts as not there. */
static const json_t *find(const struct claims *claims, struct str path)
{
	const json_t *value;
	struct str part;

	if (path.len == 0)
		return NULL;
	value = member(claims->root, path);
	if (value == NULL) {
		value = claims->root;
		while (value != NULL && str_is_set(path)) {
			(void)str_cut(&path, '.', &part);
			value = member(value, part);
		}
	}
	return json_is_null(value) ? NULL : value;
}

static enum err map_text(const struct claims *claims, struct str path, struct str *out)
{
	const json_t *value = find(claims, path);

	*out = STR("");
	if (value == NULL)
		return OK;
	if (!json_is_string(value))
		return ERR_MALFORMED;
	*out = text_of(value);
	return OK;
}

static enum err list_from_array(const json_t *array, struct arena *arena, struct str_list *out)
{
	size_t count = json_array_size(array);
	struct str *items;

	if (count > PRINCIPAL_LIST)
		return ERR_LIMIT;
	items = arena_array(arena, count, sizeof(items[0]));
	if (items == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		items[i] = text_of(json_array_get(array, i));
		if (!str_is_set(items[i]))
			return ERR_MALFORMED;
	}
	*out = (struct str_list){items, count};
	return OK;
}

/* RFC 8693 §4.2: words with one space between. */
static enum err list_from_words(struct str words, struct arena *arena, struct str_list *out)
{
	struct str *items = arena_array(arena, PRINCIPAL_LIST, sizeof(items[0]));
	struct str word;
	size_t count = 0;

	if (items == NULL)
		return ERR_LIMIT;
	while (str_is_set(words)) {
		(void)str_cut(&words, ' ', &word);
		if (word.len == 0)
			continue;
		if (count == PRINCIPAL_LIST)
			return ERR_LIMIT;
		items[count++] = word;
	}
	*out = (struct str_list){items, count};
	return OK;
}

static enum err map_list(const struct claims *claims, struct str path, bool is_words,
			 struct arena *arena, struct str_list *out)
{
	const json_t *value = find(claims, path);
	struct str *one;

	*out = (struct str_list){NULL, 0};
	if (value == NULL)
		return OK;
	if (json_is_array(value))
		return list_from_array(value, arena, out);
	if (!json_is_string(value))
		return ERR_MALFORMED;
	if (is_words)
		return list_from_words(text_of(value), arena, out);
	one = arena_array(arena, 1, sizeof(*one));
	if (one == NULL)
		return ERR_LIMIT;
	*one = text_of(value);
	*out = (struct str_list){one, 1};
	return OK;
}

static enum err read_attribute(const json_t *value, struct arena *arena, struct attribute *out)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		out->type = ATTRIBUTE_STRING;
		out->text = text_of(value);
		return OK;
	case JSON_INTEGER:
		out->type = ATTRIBUTE_LONG;
		out->number = json_integer_value(value);
		return OK;
	case JSON_TRUE:
	case JSON_FALSE:
		out->type = ATTRIBUTE_BOOL;
		out->flag = json_is_true(value);
		return OK;
	case JSON_ARRAY: out->type = ATTRIBUTE_SET; return list_from_array(value, arena, &out->set);
	case JSON_OBJECT:
	case JSON_REAL:
	case JSON_NULL: break;
	}
	return ERR_MALFORMED;
}

static enum err map_attributes(const struct claims *claims, const struct claim_map *map,
			       struct arena *arena, struct principal *draft)
{
	struct attribute *attributes =
		arena_array(arena, map->attribute_count, sizeof(attributes[0]));
	size_t count = 0;

	if (attributes == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < map->attribute_count; i++) {
		const json_t *value = find(claims, map->attributes[i].path);
		enum err err;

		if (value == NULL)
			continue;
		attributes[count].name = map->attributes[i].name;
		err = read_attribute(value, arena, &attributes[count]);
		if (err != OK)
			return err;
		count++;
	}
	draft->attributes = attributes;
	draft->attribute_count = count;
	return OK;
}

/* RFC 8176: the issuer lists how the user proved itself. */
static bool has_mfa(const struct claims *claims)
{
	const json_t *amr = json_object_get(claims->root, "amr");

	for (size_t i = 0; i < json_array_size(amr); i++) {
		if (str_eq(text_of(json_array_get(amr, i)), STR("mfa")))
			return true;
	}
	return false;
}

static struct str or_else(struct str path, struct str usual)
{
	return path.len == 0 ? usual : path;
}

static enum err fill_draft(const struct claims *claims, const struct claim_map *map,
			   struct arena *arena, struct principal *draft)
{
	enum err err = map_text(claims, or_else(map->subject, STR("sub")), &draft->id);

	if (err == OK && draft->id.len == 0)
		err = ERR_MALFORMED;
	if (err == OK)
		err = map_text(claims, map->bu, &draft->bu);
	if (err == OK)
		err = map_text(claims, map->team, &draft->team);
	if (err == OK)
		err = map_text(claims, map->project, &draft->project);
	if (err == OK)
		err = map_list(claims, map->roles, false, arena, &draft->roles);
	if (err == OK)
		err = map_list(claims, map->groups, false, arena, &draft->groups);
	if (err == OK)
		err = map_list(claims, or_else(map->scopes, STR("scope")), true, arena,
			       &draft->scopes);
	return err != OK ? err : map_attributes(claims, map, arena, draft);
}

enum err claims_principal(const struct claims *claims, const struct issuer *issuer, struct str kid,
			  const struct principal_ops *ops, const struct principal **out)
{
	struct principal draft = {
		.kind = issuer->kind,
		.method = PRINCIPAL_JWT,
		.issuer = issuer->issuer,
		.expires_ns = INT64_MAX,
		.has_mfa = has_mfa(claims),
	};
	const json_t *exp = json_object_get(claims->root, "exp");
	struct arena arena;
	enum err err;

	arena_init(&arena, 2048, CLAIMS_ARENA_BYTES);
	draft.key_id =
		arena_printf(&arena, STR_FMT "/" STR_FMT, STR_ARG(issuer->name), STR_ARG(kid));
	if (is_time(exp))
		draft.expires_ns = time_of(exp) * CLOCK_NS_PER_S;
	err = fill_draft(claims, &issuer->claims, &arena, &draft);
	if (err == OK)
		err = principal_new(&draft, ops, out);
	arena_fini(&arena);
	return err;
}
