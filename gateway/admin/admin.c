/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admin/admin.h"

#include <stdlib.h>
#include <unistd.h>

#include "gateway/http/h1_session.h"
#include "gateway/net/listener.h"

#define ADMIN_CONNECTIONS  64
#define ADMIN_BODY_BYTES   65536
#define ADMIN_ANSWER_BYTES (4U << 20)
#define ADMIN_TIMEOUT_MS   10000
#define ADMIN_FAULTS	   100

struct admin {
	const struct conn_env *env;
	struct listener *listener;
	const struct admin_ops *ops;
	void *arg;
	struct session_options session;
	struct admin_client *clients;
	size_t count;
	bool is_closing;
};

struct admin_client {
	struct admin *admin;
	struct h1_session *session;
	struct stream *stream;
	enum method method;
	struct str path; /* one of the routes' */
	bool is_page;	 /* a browser sends it on behalf of some page */
	struct admin_client *prev, *next;
};

typedef enum err (*admin_fn)(struct admin *admin, struct buf *out, unsigned *out_status);

static enum err answer_health(struct admin *admin, struct buf *out, unsigned *out_status)
{
	(void)admin;
	(void)out_status;
	return buf_append(out, STR("ok\n"));
}

static enum err answer_ready(struct admin *admin, struct buf *out, unsigned *out_status)
{
	bool is_ready = admin->ops->is_ready(admin->arg);

	*out_status = is_ready ? 200 : 503;
	return buf_append(out, is_ready ? STR("ready\n") : STR("not ready\n"));
}

static enum err answer_metrics(struct admin *admin, struct buf *out, unsigned *out_status)
{
	(void)out_status;
	return admin->ops->write_metrics(admin->arg, out);
}

static enum err answer_reload(struct admin *admin, struct buf *out, unsigned *out_status)
{
	struct diags all;
	char text[1024];
	enum err err = OK;

	diags_init(&all, ADMIN_FAULTS);
	if (admin->ops->reload(admin->arg, &all) == OK) {
		err = buf_append(out, STR("reloaded\n"));
		goto out;
	}
	*out_status = 422;
	for (size_t i = 0; err == OK && i < all.count; i++) {
		(void)diag_print(&all.items[i], text, sizeof(text));
		err = buf_append(out, str_from_c(text));
		if (err == OK)
			err = buf_append(out, STR("\n"));
	}
out:
	diags_fini(&all);
	return err;
}

static const struct {
	struct str path;
	enum method method;
	admin_fn answer;
} routes[] = {
	{STR("/admin/reload"), METHOD_POST, answer_reload},
	{STR("/healthz"), METHOD_GET, answer_health},
	{STR("/metrics"), METHOD_GET, answer_metrics},
	{STR("/readyz"), METHOD_GET, answer_ready},
};

static enum err answer(struct admin_client *client, struct buf *out, unsigned *out_status)
{
	*out_status = 404;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!str_eq(routes[i].path, client->path))
			continue;
		*out_status = 405;
		if (routes[i].method != client->method)
			return OK;
		/* No page may act through an operator's browser. */
		*out_status = 403;
		if (client->is_page && client->method != METHOD_GET)
			return OK;
		*out_status = 200;
		return routes[i].answer(client->admin, out, out_status);
	}
	return OK;
}

static void on_end(void *arg)
{
	struct admin_client *client = arg;
	static const struct field fields[] = {
		{STR("content-type"), STR("text/plain; charset=utf-8"), HEADER_CONTENT_TYPE},
	};
	struct head_out head = {
		.fields = fields,
		.field_count = ARRAY_LEN(fields),
		.framing = FRAMING_LENGTH,
	};
	struct iovec view;
	struct buf body;

	buf_init(&body, ADMIN_ANSWER_BYTES);
	if (answer(client, &body, &head.status) != OK) {
		buf_reset(&body);
		head.status = 500;
	}
	head.content_length = body.len;
	view = (struct iovec){body.ptr, body.len};
	if (stream_send(client->stream, &head, &view, body.len > 0 ? 1 : 0, true) == OK)
		stream_release(client->stream);
	else
		stream_abort(client->stream);
	client->stream = NULL;
	buf_fini(&body);
}

static void on_body(void *arg, struct str view)
{
	(void)arg;
	(void)view;
}

static void on_reset(void *arg, enum err why)
{
	struct admin_client *client = arg;

	(void)why;
	client->stream = NULL;
}

static const struct stream_events stream_events = {
	.on_body = on_body,
	.on_end = on_end,
	.on_reset = on_reset,
};

static void on_stream(void *arg, struct h1_session *session, struct stream *stream,
		      const struct head *head)
{
	struct admin_client *client = arg;

	(void)session;
	client->stream = stream;
	client->method = head->method;
	client->path = (struct str){0};
	client->is_page = str_is_set(head_value_by_name(head, STR("origin"))) ||
			  str_is_set(head_value_by_name(head, STR("sec-fetch-site")));
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (str_eq(routes[i].path, head->path))
			client->path = routes[i].path;
	stream_attach(stream, &stream_events, client);
}

static void on_refuse(void *arg, struct h1_session *session, enum err err)
{
	struct admin_client *client = arg;

	(void)session;
	log_debug(client->admin->env->log, "admin_bad_request", "err=%s", err_label(err));
}

static void on_close(void *arg, struct h1_session *session, enum err why)
{
	struct admin_client *client = arg;
	struct admin *admin = client->admin;

	(void)session;
	(void)why;
	if (client->prev != NULL)
		client->prev->next = client->next;
	else
		admin->clients = client->next;
	if (client->next != NULL)
		client->next->prev = client->prev;
	admin->count--;
	free(client);
	if (admin->is_closing && admin->count == 0)
		free(admin);
}

static const struct session_events session_events = {
	.on_stream = on_stream,
	.on_refuse = on_refuse,
	.on_close = on_close,
};

static void on_accept(void *arg, int fd, const struct sockaddr_storage *remote)
{
	struct admin *admin = arg;
	struct admin_client *client;

	(void)remote;
	if (admin->count >= ADMIN_CONNECTIONS) {
		close(fd);
		return;
	}
	client = base_alloc(sizeof(*client));
	client->admin = admin;
	client->next = admin->clients;
	if (admin->clients != NULL)
		admin->clients->prev = client;
	admin->clients = client;
	admin->count++;
	client->session = h1_session_new_server(admin->env, fd, NULL, &admin->session,
						&session_events, client);
}

struct admin *admin_new(const struct conn_env *env, int fd, const struct admin_ops *ops, void *arg)
{
	struct admin *admin = base_alloc(sizeof(*admin));

	admin->env = env;
	admin->ops = ops;
	admin->arg = arg;
	admin->session = (struct session_options){
		.limits = h1_default_limits,
		.head_timeout_ms = ADMIN_TIMEOUT_MS,
		.idle_timeout_ms = ADMIN_TIMEOUT_MS,
		.body_timeout_ms = ADMIN_TIMEOUT_MS,
		.write_stall_ms = ADMIN_TIMEOUT_MS,
		.max_queued_bytes = ADMIN_ANSWER_BYTES + 65536,
	};
	admin->session.limits.body_bytes = ADMIN_BODY_BYTES;
	admin->listener = listener_new(env->loop, fd, on_accept, admin);
	return admin;
}

void admin_free(struct admin *admin)
{
	struct admin_client *next;

	if (admin == NULL)
		return;
	listener_free(admin->listener);
	for (struct admin_client *client = admin->clients; client != NULL; client = next) {
		next = client->next;
		h1_session_abort(client->session);
	}
	admin->is_closing = true;
	if (admin->count == 0)
		free(admin);
}
