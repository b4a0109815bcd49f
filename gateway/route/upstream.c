/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/route/upstream.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/crypt.h"
#include "gateway/net/tls.h"

#define UPSTREAM_ARENA_MAX 65536

struct upstream {
	_Atomic unsigned refs;
	struct arena arena;
	struct upstream_options options;
	struct str host;
	struct str base;
	struct field credential;
	struct dial_address addresses[DIAL_ADDRESSES];
	size_t address_count;
	struct tls_context *tls;
};

struct url {
	bool is_tls;
	struct str host;      /* without brackets */
	struct str authority; /* as written */
	uint16_t port;
	struct str base;
};

static enum err url_parse_port(struct str text, uint16_t *out)
{
	uint64_t port = 0;

	if (str_to_u64(text, &port) != OK || port == 0 || port > UINT16_MAX)
		return ERR_MALFORMED;
	*out = (uint16_t)port;
	return OK;
}

/* authority = host [":" port]; an IPv6 host stands in brackets. */
static enum err url_parse_authority(struct str text, struct url *url)
{
	size_t host_end = str_index(text, ':');

	url->authority = text;
	url->host = str_sub(text, 0, host_end);
	if (text.len > 0 && text.ptr[0] == '[') {
		size_t close = str_index(text, ']');

		if (close == text.len)
			return ERR_MALFORMED;
		url->host = str_sub(text, 1, close - 1);
		host_end = close + 1;
	}
	url->port = url->is_tls ? 443 : 80;
	if (url->host.len == 0)
		return ERR_MALFORMED;
	if (host_end == text.len)
		return OK;
	if (text.ptr[host_end] != ':')
		return ERR_MALFORMED;
	return url_parse_port(str_sub(text, host_end + 1, text.len), &url->port);
}

static enum err url_parse(struct str text, struct url *url)
{
	struct str rest;
	size_t slash;

	if (str_has_prefix(text, STR("https://")))
		url->is_tls = true;
	else if (!str_has_prefix(text, STR("http://")))
		return ERR_MALFORMED;
	rest = str_sub(text, url->is_tls ? 8 : 7, text.len);
	slash = str_index(rest, '/');
	url->base = str_sub(rest, slash, rest.len);
	while (url->base.len > 0 && url->base.ptr[url->base.len - 1] == '/')
		url->base.len--;
	for (size_t i = 0; i < url->base.len; i++) {
		unsigned char c = (unsigned char)url->base.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '?' || c == '#')
			return ERR_MALFORMED;
	}
	return url_parse_authority(str_sub(rest, 0, slash), url);
}

static void upstream_copy_options(struct upstream *upstream, const struct upstream_options *options)
{
	struct arena *arena = &upstream->arena;
	struct upstream_options *own = &upstream->options;

	*own = *options;
	own->name = arena_str(arena, options->name);
	own->url = arena_str(arena, options->url);
	own->provider = arena_str(arena, options->provider);
	own->credential_header = arena_str(arena, options->credential_header);
	own->credential_value = arena_str(arena, options->credential_value);
	own->ca_file = arena_str(arena, options->ca_file);
	upstream->credential = (struct field){
		.name = own->credential_header,
		.value = own->credential_value,
	};
}

static enum err upstream_load_tls(struct upstream *upstream, const struct url *url,
				  struct diag *diag)
{
	struct tls_client_options options = {
		.ca_file = upstream->options.ca_file,
		.name = arena_str(&upstream->arena, url->host),
	};

	return tls_client_context_new(&options, diag, &upstream->tls);
}

enum err upstream_new(const struct upstream_options *options, struct diag *diag,
		      struct upstream **out)
{
	struct upstream *upstream = base_alloc(sizeof(*upstream));
	struct url url = {0};
	enum err err;

	atomic_init(&upstream->refs, 1);
	arena_init(&upstream->arena, 1024, UPSTREAM_ARENA_MAX);
	upstream_copy_options(upstream, options);
	err = url_parse(upstream->options.url, &url);
	if (err != OK) {
		err = diag_set(diag, err, "", 0, 0,
			       "upstream " STR_FMT ": \"" STR_FMT
			       "\" is not a URL of the form http[s]://host[:port][/base]",
			       STR_ARG(options->name), STR_ARG(options->url));
		goto out;
	}
	upstream->host = url.authority;
	upstream->base = url.base;
	err = dial_resolve(url.host, url.port, diag, upstream->addresses, &upstream->address_count);
	if (err == OK && url.is_tls)
		err = upstream_load_tls(upstream, &url, diag);
	if (err == OK && arena_has_overflowed(&upstream->arena))
		err = diag_set(diag, ERR_LIMIT, "", 0, 0, "upstream " STR_FMT ": options too long",
			       STR_ARG(options->name));
out:
	if (err != OK) {
		/* A file is named when it is a CA bundle that is at fault. */
		if (diag != NULL && diag->file[0] == '\0') {
			diag->line = options->line;
			diag->column = options->column;
		}
		upstream_unref(upstream);
		return err;
	}
	*out = upstream;
	return OK;
}

struct upstream *upstream_ref(struct upstream *upstream)
{
	atomic_fetch_add(&upstream->refs, 1);
	return upstream;
}

void upstream_unref(struct upstream *upstream)
{
	if (upstream == NULL || atomic_fetch_sub(&upstream->refs, 1) != 1)
		return;
	/* The credential was copied once, into the arena; wiped there before it is given back. */
	if (upstream->credential.value.len > 0) {
		void *secret = (void *)(uintptr_t)upstream->credential.value.ptr;

		crypt_wipe(secret, upstream->credential.value.len);
	}
	tls_context_unref(upstream->tls);
	arena_fini(&upstream->arena);
	free(upstream);
}

const struct upstream_options *upstream_options(const struct upstream *upstream)
{
	return &upstream->options;
}

struct str upstream_host(const struct upstream *upstream)
{
	return upstream->host;
}

struct str upstream_base(const struct upstream *upstream)
{
	return upstream->base;
}

const struct field *upstream_credential(const struct upstream *upstream)
{
	return upstream->credential.name.len > 0 ? &upstream->credential : NULL;
}

const struct dial_address *upstream_address(const struct upstream *upstream, unsigned turn)
{
	return &upstream->addresses[turn % upstream->address_count];
}

struct tls *upstream_new_tls(const struct upstream *upstream)
{
	return upstream->tls == NULL ? NULL : tls_new(upstream->tls);
}
