/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/redis_url.h"

#define DEFAULT_PORT 6379

static bool is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static bool copy(struct str s, char out[static LEDGER_REDIS_PART])
{
	if (s.len >= LEDGER_REDIS_PART)
		return false;
	if (s.len > 0)
		memcpy(out, s.ptr, s.len);
	out[s.len] = '\0';
	return memchr(out, '\0', s.len) == NULL;
}

/* Percent escapes, for passwords with '@' or '/' in them. */
static bool decode(struct str s, char out[static LEDGER_REDIS_PART])
{
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint64_t byte = (unsigned char)s.ptr[i];

		if (s.ptr[i] == '%') {
			if (s.len - i < 3 || str_to_hex64(str_sub(s, i + 1, 2), &byte) != OK)
				return false;
			i += 2;
		}
		if (byte == 0 || len + 1 >= LEDGER_REDIS_PART)
			return false;
		out[len++] = (char)byte;
	}
	out[len] = '\0';
	return true;
}

static bool parse_u16(struct str s, uint16_t *out)
{
	uint64_t value;

	if (str_to_u64(s, &value) != OK || value > UINT16_MAX)
		return false;
	*out = (uint16_t)value;
	return true;
}

static bool parse_login(struct str login, struct ledger_redis_url *url)
{
	struct str user;

	str_cut(&login, ':', &user);
	return decode(user, url->user) && decode(login, url->password);
}

/* host, host:port, [v6], [v6]:port */
static bool parse_host(struct str at, struct ledger_redis_url *url)
{
	struct str host;

	url->port = DEFAULT_PORT;
	if (str_has_prefix(at, STR("["))) {
		size_t end = str_index(at, ']');

		if (end == at.len)
			return false;
		host = str_sub(at, 1, end - 1);
		at = str_sub(at, end + 1, at.len);
		if (at.len > 0 && at.ptr[0] != ':')
			return false;
		at = at.len > 0 ? str_sub(at, 1, at.len) : (struct str){NULL, 0};
	} else {
		str_cut(&at, ':', &host);
	}
	if (host.len == 0 || !copy(host, url->host))
		return false;
	return !str_is_set(at) || (parse_u16(at, &url->port) && url->port != 0);
}

static bool parse_tcp(struct str rest, struct ledger_redis_url *url)
{
	struct str where;
	size_t login_end = 0;

	for (size_t i = 0; i < rest.len && rest.ptr[i] != '/'; i++) {
		if (rest.ptr[i] == '@')
			login_end = i + 1;
	}
	if (login_end > 0 && !parse_login(str_sub(rest, 0, login_end - 1), url))
		return false;
	rest = str_sub(rest, login_end, rest.len);
	str_cut(&rest, '/', &where);
	return parse_host(where, url) && (rest.len == 0 || parse_u16(rest, &url->db));
}

static bool put_over(const char *text, char out[static LEDGER_REDIS_PART])
{
	return !is_given(text) || copy(str_from_c(text), out);
}

enum err ledger_redis_url_parse(const struct ledger_redis_options *options, struct diag *diag,
				struct ledger_redis_url *out)
{
	struct str text = str_from_c(options->url == NULL ? "" : options->url);
	struct ledger_redis_url url = {.port = DEFAULT_PORT};
	bool is_good = false;

	if (str_has_prefix(text, STR("rediss://")))
		return diag_set(
			diag, ERR_UNSUPPORTED, "", 0, 0,
			"rediss:// needs TLS, which this build's hiredis does not have; use "
			"redis:// inside a trusted network or a TLS tunnel");
	if (str_has_prefix(text, STR("unix://")))
		is_good = copy(str_sub(text, 7, text.len), url.socket) && url.socket[0] == '/';
	else if (str_has_prefix(text, STR("redis://")))
		is_good = parse_tcp(str_sub(text, 8, text.len), &url);
	else if (text.len == 0)
		is_good = is_given(options->socket);
	if (!is_good || !put_over(options->user, url.user) ||
	    !put_over(options->password, url.password) || !put_over(options->socket, url.socket))
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"the ledger's Redis is given as "
				"redis://[user[:password]@]host[:port][/db] or unix:///path");
	*out = url;
	return OK;
}

enum err ledger_redis_moved_parse(struct str error, struct ledger_redis_node *out)
{
	struct ledger_redis_node node = {.port = 0};
	struct str word, slot;
	uint64_t number;
	size_t colon = error.len;

	if (!str_cut(&error, ' ', &word) || !str_eq(word, STR("MOVED")) ||
	    !str_cut(&error, ' ', &slot) || str_to_u64(slot, &number) != OK)
		return ERR_MALFORMED;
	/* The last one: a host may be an IPv6 address. */
	for (size_t i = 0; i < error.len; i++) {
		if (error.ptr[i] == ':')
			colon = i;
	}
	if (colon >= error.len || !copy(str_sub(error, 0, colon), node.host) ||
	    !parse_u16(str_sub(error, colon + 1, error.len), &node.port) || node.port == 0)
		return ERR_MALFORMED;
	*out = node;
	return OK;
}
