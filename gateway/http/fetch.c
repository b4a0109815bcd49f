/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   fetch_start: parse url, resolve -> dial first address
 *   on_idle: send it       on_close before that: dial the next address
 *   on_end / reset / time-out -> h1_session_abort -> on_close -> on_done, free
 */
#include "gateway/http/fetch.h"

#include <stdlib.h>

#include "gateway/http/grammar.h"
#include "gateway/http/h1_session.h"
#include "gateway/net/dial.h"
#include "gateway/net/tls.h"

#define FETCH_URL_BYTES 1024

struct fetch {
	const struct conn_env *env;
	fetch_done_fn on_done; /* NULL: cancelled */
	void *arg;
	struct h1_session *session;
	struct stream *stream;
	struct tls_context *tls; /* NULL: plain */
	struct session_options options;
	int64_t timeout_ms;
	struct loop_timer timer;

	char url[FETCH_URL_BYTES];
	struct str host;      /* in url, without brackets */
	struct str authority; /* in url */
	struct str target;    /* in url */
	uint16_t port;

	struct dial_address addresses[DIAL_ADDRESSES];
	size_t address_count;
	size_t address_index;

	bool is_connected;
	enum err err; /* of the whole; OK once the response is complete */
	unsigned status;
	struct buf body;

	struct str sent; /* the caller's; unset: GET */
	struct field fields[FETCH_FIELDS];
	size_t field_count;
	char values[FETCH_FIELD_BYTES];
};

static const struct session_events session_events;

/* ---- the url ---- */

/* "host", "host:port", "[v6]", "[v6]:port": grammar_is_host has said yes. */
static enum err split_authority(struct fetch *fetch, uint16_t default_port)
{
	struct str rest = fetch->authority;
	uint64_t port = default_port;
	bool is_v6 = rest.ptr[0] == '[';

	if (is_v6)
		rest = str_make(rest.ptr + 1, rest.len - 1);
	(void)str_cut(&rest, is_v6 ? ']' : ':', &fetch->host);
	if (is_v6 && str_is_set(rest) && rest.len > 0)
		rest = str_make(rest.ptr + 1, rest.len - 1);
	if (str_is_set(rest) && rest.len > 0 && str_to_u64(rest, &port) != OK)
		return ERR_MALFORMED;
	if (port == 0 || port > UINT16_MAX)
		return ERR_MALFORMED;
	fetch->port = (uint16_t)port;
	return OK;
}

static enum err split_url(struct fetch *fetch, struct str url, bool allow_plain, bool *out_is_tls)
{
	bool is_tls = str_has_prefix(url, STR("https://"));
	bool is_plain = str_has_prefix(url, STR("http://"));
	size_t scheme = is_tls ? 8 : 7;
	struct str rest;
	size_t slash;

	if (url.len >= sizeof(fetch->url) || (!is_tls && !(is_plain && allow_plain)))
		return ERR_MALFORMED;
	memcpy(fetch->url, url.ptr, url.len);
	rest = str_make(fetch->url + scheme, url.len - scheme);
	slash = str_index(rest, '/');
	fetch->authority = str_make(rest.ptr, slash);
	fetch->target = slash < rest.len ? str_make(rest.ptr + slash, rest.len - slash) : STR("/");
	if (!grammar_is_host(fetch->authority) ||
	    grammar_span(fetch->target, GRAMMAR_TARGET) != fetch->target.len)
		return ERR_MALFORMED;
	*out_is_tls = is_tls;
	return split_authority(fetch, is_tls ? 443 : 80);
}

/* ---- life ---- */

static void fetch_free(struct fetch *fetch)
{
	loop_timer_stop(&fetch->timer);
	tls_context_unref(fetch->tls);
	buf_fini(&fetch->body);
	free(fetch);
}

static void dial(struct fetch *fetch)
{
	struct tls *tls = fetch->tls == NULL ? NULL : tls_new(fetch->tls);

	fetch->session =
		h1_session_new_client(fetch->env, &fetch->addresses[fetch->address_index++], tls,
				      &fetch->options, fetch->timeout_ms, &session_events, fetch);
}

/* Ends it with a verdict; on_close brings the rest. */
static void conclude(struct fetch *fetch, enum err err)
{
	fetch->err = err;
	fetch->stream = NULL;
	h1_session_abort(fetch->session);
}

static void on_timer(void *arg)
{
	struct fetch *fetch = arg;

	fetch->stream = NULL;
	fetch->is_connected = true; /* no further address */
	conclude(fetch, ERR_TIMEOUT);
}

/* ---- the response ---- */

static void on_head(void *arg, const struct head *head)
{
	struct fetch *fetch = arg;

	fetch->status = head->status;
}

static void on_body(void *arg, struct str view)
{
	struct fetch *fetch = arg;

	/* The codec's body limit is the same number: it has refused what does not fit. */
	if (buf_append(&fetch->body, view) != OK)
		fetch->status = 0;
}

static void on_end(void *arg)
{
	struct fetch *fetch = arg;
	struct stream *stream = fetch->stream;

	fetch->err = fetch->status == 0 ? ERR_LIMIT : OK;
	fetch->stream = NULL;
	stream_abort(stream);
}

static void on_drained(void *arg)
{
	(void)arg;
}

static void on_reset(void *arg, enum err why)
{
	struct fetch *fetch = arg;

	fetch->stream = NULL;
	if (fetch->err == ERR_UPSTREAM)
		fetch->err = why;
}

static const struct stream_events stream_events = {
	.on_head = on_head,
	.on_body = on_body,
	.on_end = on_end,
	.on_drained = on_drained,
	.on_reset = on_reset,
};

/* ---- the session ---- */

static void on_idle(void *arg, struct h1_session *session)
{
	struct fetch *fetch = arg;
	struct field fields[4 + FETCH_FIELDS] = {
		{STR("Accept"), STR("application/json"), HEADER_ACCEPT},
		{STR("Accept-Encoding"), STR("identity"), HEADER_ACCEPT_ENCODING},
		{STR("User-Agent"), STR("tollgate"), HEADER_USER_AGENT},
	};
	struct head_out head = {
		.method = METHOD_GET,
		.target = fetch->target,
		.host = fetch->authority,
		.fields = fields,
		.field_count = 3,
	};
	struct iovec view = {(void *)(uintptr_t)fetch->sent.ptr, fetch->sent.len};

	if (str_is_set(fetch->sent)) {
		head.method = METHOD_POST;
		head.framing = FRAMING_LENGTH;
		head.content_length = fetch->sent.len;
		fields[head.field_count++] = (struct field){
			STR("Content-Type"), STR("application/json"), HEADER_CONTENT_TYPE};
	}
	for (size_t i = 0; i < fetch->field_count; i++)
		fields[head.field_count++] = fetch->fields[i];

	fetch->is_connected = true;
	fetch->err = ERR_UPSTREAM;
	fetch->stream = h1_session_open_stream(session, &stream_events, fetch);
	/* Its failure is a dead conn, and that reports itself. */
	if (stream_send(fetch->stream, &head, &view, str_is_set(fetch->sent) ? 1 : 0, true) != OK)
		conclude(fetch, ERR_UPSTREAM);
}

static void on_close(void *arg, struct h1_session *session, enum err why)
{
	struct fetch *fetch = arg;

	(void)session;
	fetch->session = NULL;
	if (!fetch->is_connected) {
		if (fetch->address_index < fetch->address_count && fetch->on_done != NULL) {
			dial(fetch);
			return;
		}
		fetch->err = why == OK ? ERR_UPSTREAM : why;
	}
	if (fetch->on_done != NULL)
		fetch->on_done(fetch->arg, fetch->err, fetch->err == OK ? fetch->status : 0,
			       buf_str(&fetch->body));
	fetch_free(fetch);
}

static const struct session_events session_events = {
	.on_idle = on_idle,
	.on_close = on_close,
};

/* ---- calls ---- */

static enum err prepare(struct fetch *fetch, const struct fetch_options *options, struct diag *diag)
{
	struct tls_client_options tls = {.ca_file = options->ca_file};
	bool is_tls = false;
	enum err err = split_url(fetch, options->url, options->allow_plain, &is_tls);

	if (err != OK)
		return diag_set(diag, err, "", 0, 0,
				"\"" STR_FMT
				"\" is not a usable URL; write https://host[:port]/path",
				STR_ARG(options->url));
	err = dial_resolve(fetch->host, fetch->port, diag, fetch->addresses, &fetch->address_count);
	if (err != OK || !is_tls)
		return err;
	tls.name = fetch->host;
	return tls_client_context_new(&tls, diag, &fetch->tls);
}

/* Names are constants of the caller's; values may not outlive the call. */
static void copy_fields(struct fetch *fetch, const struct fetch_options *options)
{
	size_t used = 0;

	ASSERT(options->field_count <= FETCH_FIELDS);
	for (size_t i = 0; i < options->field_count; i++) {
		struct field field = options->fields[i];

		ASSERT(field.value.len <= sizeof(fetch->values) - used);
		memcpy(fetch->values + used, field.value.ptr, field.value.len);
		field.value.ptr = fetch->values + used;
		used += field.value.len;
		fetch->fields[fetch->field_count++] = field;
	}
	fetch->sent = options->body;
}

enum err fetch_start(const struct conn_env *env, const struct fetch_options *options,
		     struct diag *diag, fetch_done_fn on_done, void *arg, struct fetch **out)
{
	struct fetch *fetch = base_alloc(sizeof(*fetch));
	enum err err;

	fetch->env = env;
	fetch->on_done = on_done;
	fetch->arg = arg;
	fetch->err = ERR_UPSTREAM;
	fetch->timeout_ms = options->timeout_ms;
	buf_init(&fetch->body, options->max_bytes);
	copy_fields(fetch, options);
	err = prepare(fetch, options, diag);
	if (err != OK) {
		fetch_free(fetch);
		return err;
	}
	fetch->options = session_default_options;
	fetch->options.limits = h1_default_upstream_limits;
	fetch->options.limits.body_bytes = options->max_bytes;
	fetch->options.limits.chunk_overhead_bytes = options->max_bytes + 1024;
	loop_timer_start(env->loop, &fetch->timer, options->timeout_ms, on_timer, fetch);
	dial(fetch);
	*out = fetch;
	return OK;
}

void fetch_cancel(struct fetch *fetch)
{
	if (fetch == NULL)
		return;
	fetch->on_done = NULL;
	h1_session_abort(fetch->session);
}
