/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admin/admin.h"

#include <stdlib.h>
#include <unistd.h>

#include "gateway/admin/authzen.h"
#include "gateway/http/h1_session.h"
#include "gateway/net/listener.h"

#define ADMIN_CONNECTIONS  64
#define ADMIN_BODY_BYTES   AUTHZEN_BODY_BYTES
#define ADMIN_ANSWER_BYTES (4U << 20)
#define ADMIN_TIMEOUT_MS   10000
#define ADMIN_ID_BYTES	   128 /* of X-Request-ID; a longer one is not echoed */
#define ADMIN_FAULTS	   100

struct admin {
	const struct conn_env *env;
	struct listener *listener;
	const struct admin_ops *ops;
	void *arg;
	struct session_options session;
	struct authzen_stats authzen;
	struct admin_client *clients;
	size_t count;
	bool is_closing;
};

struct route;

struct admin_client {
	struct admin *admin;
	struct h1_session *session;
	struct stream *stream;
	enum method method;
	const struct route *route; /* NULL: there is none of that path */
	bool is_page;		   /* a browser sends it on behalf of some page */
	bool is_json;		   /* its body says so */
	struct buf body;	   /* kept for the routes that read one */
	char id[ADMIN_ID_BYTES + 1];
	struct admin_client *prev, *next;
};

typedef enum err (*admin_fn)(struct admin_client *client, struct buf *out, unsigned *out_status);

static enum err answer_health(struct admin_client *client, struct buf *out, unsigned *out_status)
{
	(void)client;
	(void)out_status;
	return buf_append(out, STR("ok\n"));
}

static enum err answer_ready(struct admin_client *client, struct buf *out, unsigned *out_status)
{
	bool is_ready = client->admin->ops->is_ready(client->admin->arg);

	*out_status = is_ready ? 200 : 503;
	return buf_append(out, is_ready ? STR("ready\n") : STR("not ready\n"));
}

static enum err answer_metrics(struct admin_client *client, struct buf *out, unsigned *out_status)
{
	(void)out_status;
	return client->admin->ops->write_metrics(client->admin->arg, out);
}

static enum err answer_reload(struct admin_client *client, struct buf *out, unsigned *out_status)
{
	struct diags all;
	char text[1024];
	enum err err = OK;

	diags_init(&all, ADMIN_FAULTS);
	if (client->admin->ops->reload(client->admin->arg, &all) == OK) {
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

static enum err answer_evaluation(struct admin_client *client, struct buf *out,
				  unsigned *out_status)
{
	struct admin *admin = client->admin;

	return authzen_evaluation(admin->ops->snapshot(admin->arg), buf_str(&client->body),
				  &admin->authzen, out, out_status);
}

static enum err answer_evaluations(struct admin_client *client, struct buf *out,
				   unsigned *out_status)
{
	struct admin *admin = client->admin;

	return authzen_evaluations(admin->ops->snapshot(admin->arg), buf_str(&client->body),
				   &admin->authzen, out, out_status);
}

static const struct route {
	struct str path;
	enum method method;
	bool is_json; /* it reads a body of JSON and answers JSON */
	admin_fn answer;
} routes[] = {
	{STR("/access/v1/evaluation"), METHOD_POST, true, answer_evaluation},
	{STR("/access/v1/evaluations"), METHOD_POST, true, answer_evaluations},
	{STR("/admin/reload"), METHOD_POST, false, answer_reload},
	{STR("/healthz"), METHOD_GET, false, answer_health},
	{STR("/metrics"), METHOD_GET, false, answer_metrics},
	{STR("/readyz"), METHOD_GET, false, answer_ready},
};

static enum err answer(struct admin_client *client, struct buf *out, unsigned *out_status)
{
	const struct route *route = client->route;

	*out_status = 404;
	if (route == NULL)
		return OK;
	*out_status = 405;
	if (route->method != client->method)
		return OK;
	/* No page may act through an operator's browser. */
	*out_status = 403;
	if (client->is_page && client->method != METHOD_GET)
		return OK;
	*out_status = 415;
	if (route->is_json && !client->is_json)
		return buf_append(out, STR("\"the content-type must be application/json\""));
	*out_status = 200;
	return route->answer(client, out, out_status);
}

static void send_answer(struct admin_client *client, struct head_out *head, struct buf *body)
{
	struct iovec view = {body->ptr, body->len};

	head->content_length = body->len;
	if (stream_send(client->stream, head, &view, body->len > 0 ? 1 : 0, true) == OK)
		stream_release(client->stream);
	else
		stream_abort(client->stream);
	client->stream = NULL;
}

static void on_end(void *arg)
{
	struct admin_client *client = arg;
	bool is_json = client->route != NULL && client->route->is_json;
	const struct field fields[] = {
		{STR("content-type"),
		 is_json ? STR("application/json") : STR("text/plain; charset=utf-8"),
		 HEADER_CONTENT_TYPE},
		{STR("x-request-id"), str_from_c(client->id), HEADER_OTHER},
	};
	struct head_out head = {
		.fields = fields,
		.field_count = ARRAY_LEN(fields) - (client->id[0] == '\0' ? 1 : 0),
		.framing = FRAMING_LENGTH,
	};
	struct buf body;

	buf_init(&body, ADMIN_ANSWER_BYTES);
	if (answer(client, &body, &head.status) != OK) {
		buf_reset(&body);
		head.status = 500;
	}
	send_answer(client, &head, &body);
	buf_fini(&body);
	buf_release(&client->body);
}

static void on_body(void *arg, struct str view)
{
	struct admin_client *client = arg;

	/* The session bounds it; what nobody reads is not kept. */
	if (client->route == NULL || !client->route->is_json)
		return;
	if (buf_append(&client->body, view) != OK)
		buf_release(&client->body);
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

static bool is_json_type(struct str type)
{
	static const struct str json = STR("application/json");

	return type.len >= json.len && str_eq_nocase(str_sub(type, 0, json.len), json) &&
	       (type.len == json.len || type.ptr[json.len] == ';' || type.ptr[json.len] == ' ');
}

static void keep_id(struct admin_client *client, struct str id)
{
	size_t len = id.len > ADMIN_ID_BYTES ? 0 : id.len;

	if (len > 0)
		memcpy(client->id, id.ptr, len);
	client->id[len] = '\0';
}

static void on_stream(void *arg, struct h1_session *session, struct stream *stream,
		      const struct head *head)
{
	struct admin_client *client = arg;

	(void)session;
	client->stream = stream;
	client->method = head->method;
	client->route = NULL;
	client->is_json = is_json_type(head_value(head, HEADER_CONTENT_TYPE));
	keep_id(client, head_value_by_name(head, STR("x-request-id")));
	buf_release(&client->body);
	client->is_page = str_is_set(head_value_by_name(head, STR("origin"))) ||
			  str_is_set(head_value_by_name(head, STR("sec-fetch-site")));
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (str_eq(routes[i].path, head->path))
			client->route = &routes[i];
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
	buf_fini(&client->body);
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
	buf_init(&client->body, ADMIN_BODY_BYTES);
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

const struct authzen_stats *admin_authzen_stats(const struct admin *admin)
{
	return &admin->authzen;
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
