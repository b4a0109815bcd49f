/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/crossing.h"

#include <string.h>

/* Each stands for all names that begin with it. */
static const struct str stopped[] = {
	/* our own words */
	STR("x-tollgate"),
	/* who the caller is, said by the caller */
	STR("x-user"),
	STR("x-forwarded"),
	STR("forwarded"),
	STR("x-real-"),
	STR("x-remote-"),
	STR("x-auth"),
	STR("x-ssl-"),
	STR("x-client-ip"),
	STR("x-client-cert"),
	STR("x-cluster-client-ip"),
	STR("true-client-ip"),
	STR("cf-connecting-ip"),
	STR("fastly-client-ip"),
	/* another route, method or account than the one that was decided on */
	STR("x-original-"),
	STR("x-rewrite-"),
	STR("x-host"),
	STR("x-scheme"),
	STR("x-http-method"),
	STR("x-method-override"),
	STR("x-envoy-"),
	STR("x-litellm"),
	STR("x-portkey"),
	STR("helicone-"),
	STR("openai-organization"),
	STR("openai-project"),
	/* keys */
	STR("authorization"),
	STR("x-api-key"),
	STR("api-key"),
	STR("x-goog-api-key"),
	STR("ocp-apim-"),
	STR("x-access-token"),
	STR("x-amz-security-token"),
	STR("cookie"),
	STR("proxy-"),
	/* tunnels */
	STR("sec-websocket-"),
	/* written anew */
	STR("accept-encoding"),
	STR("traceparent"),
};

/* Cookies would tie callers to a session of the gateway's own credential; a redirect or another
 * service would send them past the gateway; the rest would speak for this host or ask for keys. */
static const struct str kept_back[] = {
	STR("x-tollgate"),	STR("set-cookie"),	STR("location"),
	STR("refresh"),		STR("alt-svc"),		STR("strict-transport-security"),
	STR("public-key-pins"), STR("clear-site-data"), STR("www-authenticate"),
	STR("proxy-"),
};

/* For a token: letters lowered, '_' read as '-'; no other tchar lands on a letter or '-'. */
static char fold(char c)
{
	return c == '_' ? '-' : (char)(c | 0x20);
}

static bool begins_with(struct str name, struct str prefix)
{
	if (name.len < prefix.len)
		return false;
	for (size_t i = 0; i < prefix.len; i++)
		if (fold(name.ptr[i]) != prefix.ptr[i])
			return false;
	return true;
}

static bool is_listed(const struct str *prefixes, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (begins_with(name, prefixes[i]))
			return true;
	return false;
}

bool crossing_to_upstream(const struct head *head, const struct field *field)
{
	return !head_is_hop(head, field) && !is_listed(stopped, ARRAY_LEN(stopped), field->name) &&
	       !str_has_prefix(field->name, STR("x_")) && !str_has_prefix(field->name, STR("X_"));
}

bool crossing_to_client(const struct head *head, const struct field *field)
{
	return !head_is_hop(head, field) &&
	       !is_listed(kept_back, ARRAY_LEN(kept_back), field->name);
}

bool crossing_is_name(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (fold(a.ptr[i]) != fold(b.ptr[i]))
			return false;
	return true;
}

/* Words that need no escape and mean nothing to a path or a query. */
static bool is_plain_value(struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '-' || c == '.' || c == '_'))
			return false;
	}
	return value.len > 0;
}

static bool is_kept_parameter(struct str parameter)
{
	struct str value = parameter, name;

	if (!str_cut(&value, '=', &name))
		return false;
	return (str_eq(name, STR("api-version")) || str_eq(name, STR("beta")) ||
		str_eq(name, STR("alt"))) &&
	       is_plain_value(value);
}

struct str crossing_query(struct arena *arena, struct str query)
{
	char *kept = query.len == 0 ? NULL : arena_alloc(arena, query.len);
	size_t len = 0;
	struct str parameter;
	bool has_more = true;

	if (query.len == 0 || kept == NULL)
		return str_make(query.len == 0 ? "" : NULL, 0);
	while (has_more) {
		has_more = str_cut(&query, '&', &parameter);
		if (!is_kept_parameter(parameter))
			continue;
		if (len > 0)
			kept[len++] = '&';
		memcpy(kept + len, parameter.ptr, parameter.len);
		len += parameter.len;
	}
	return str_make(kept, len);
}

struct str crossing_secret(const struct field *credential)
{
	struct str rest, secret;

	if (credential == NULL)
		return (struct str){NULL, 0};
	rest = credential->value;
	while (str_cut(&rest, ' ', &secret))
		;
	return secret.len < CROSSING_SECRET_BYTES ? (struct str){NULL, 0} : secret;
}

bool crossing_tells(struct str text, struct str secret)
{
	return str_is_set(secret) && text.len >= secret.len &&
	       memmem(text.ptr, text.len, secret.ptr, secret.len) != NULL;
}
