/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/warning.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/config/load.h"
#include "gateway/net/address.h"

void config_warning_add(struct config *config, const char *fmt, ...)
{
	va_list args;

	if (config->warning_count == CONFIG_WARNINGS)
		return;
	va_start(args, fmt);
	(void)vsnprintf(config->warnings[config->warning_count++], CONFIG_WARNING_BYTES, fmt, args);
	va_end(args);
}

static bool is_loopback(struct str text)
{
	union address address;

	if (address_parse(text, &address) != OK)
		return false;
	if (address.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
	return ntohl(address.v4.sin_addr.s_addr) >> 24 == 127;
}

/* "http://127.0.0.1:9000/x", "http://localhost". */
static bool is_plain_and_remote(struct str url)
{
	static const struct str local[] = {STR("127."), STR("localhost:"), STR("localhost/"),
					   STR("[::1]")};
	struct str host;

	if (!str_has_prefix(url, STR("http://")))
		return false;
	host = str_sub(url, 7, url.len);
	for (size_t i = 0; i < ARRAY_LEN(local); i++)
		if (str_has_prefix(host, local[i]))
			return false;
	return !str_eq(host, STR("localhost"));
}

static void warn_callers(struct config *config)
{
	const struct snapshot_options *snapshot = &config->snapshot;

	if (snapshot->key_count == 0 && snapshot->issuer_count == 0)
		config_warning_add(config,
				   "identity: there are no keys and no issuers: nobody can call");
	for (size_t i = 0; i < config->key_source_count; i++)
		if (is_plain_and_remote(config->key_sources[i].url))
			config_warning_add(config,
					   "issuer " STR_FMT ": whoever is on the way to \"" STR_FMT
					   "\" can put own keys in",
					   STR_ARG(snapshot->issuers[i].name),
					   STR_ARG(config->key_sources[i].url));
}

static void warn_listeners(struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++) {
		const struct config_listener *listener = &config->listeners[i];

		if (!listener->has_tls && !is_loopback(listener->address))
			config_warning_add(
				config,
				"listener " STR_FMT
				": without tls, keys and tokens cross the network in the clear",
				STR_ARG(listener->address));
	}
	if (str_is_set(config->admin_address) && !is_loopback(config->admin_address))
		config_warning_add(config,
				   "admin.address " STR_FMT
				   ": other hosts reach it, and it asks for no credential",
				   STR_ARG(config->admin_address));
}

static void warn_upstreams(struct config *config)
{
	const struct snapshot_options *snapshot = &config->snapshot;

	if (snapshot->model_count == 0)
		config_warning_add(config, "models: there are none to call");
	for (size_t i = 0; i < snapshot->upstream_count; i++) {
		const struct upstream_options *upstream = &snapshot->upstreams[i];

		if (str_is_set(upstream->credential_value) && is_plain_and_remote(upstream->url))
			config_warning_add(
				config,
				"upstream " STR_FMT
				": its credential crosses the network in the clear; use https://",
				STR_ARG(upstream->name));
	}
}

static void warn_ledger(struct config *config)
{
	const struct config_raw *raw = &load_of(config)->raw;

	if (raw->store == 0 && (str_is_set(raw->redis_url) || str_is_set(raw->redis_socket)))
		config_warning_add(config,
				   "ledger.redis: has no effect while ledger.store is sqlite");
}

void config_warn(struct config *config)
{
	warn_callers(config);
	warn_listeners(config);
	warn_upstreams(config);
	warn_ledger(config);
}
