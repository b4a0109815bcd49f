/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed-answer upstream: a model server that costs next to nothing, so that
 * what is measured is what stands before it.
 *
 *   no `"stream":true` near the start of the body   200, 600 bytes of chat completion
 *   `"stream":true`                                 64 events of 250 bytes, one with
 *                                                   the usage, [DONE]; one write
 *   the same with `"user":"paced"`                  an event every 20 ms, each with the
 *                                                   monotonic time it left at
 *
 * usage: upstream [PORT]     prints "listening PORT"; SIGTERM ends it
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"

#define EVENTS_PER_WAIT	 256
#define READ_BYTES	 (256U << 10)
#define HEAD_BYTES	 8192
#define LOOK_BYTES	 256U /* of the body, for what is asked */
#define STREAM_EVENTS	 64
#define EVENT_BYTES	 250U
#define UNARY_BODY_BYTES 600U
#define PACE_NS		 (20 * CLOCK_NS_PER_MS)
#define ANSWER_MAX	 65536

struct conn {
	struct conn *next_paced;
	int fd;
	size_t head_len; /* bytes in head: the head and what follows it */
	uint64_t body_left;
	bool is_in_body, is_paced, is_streaming;
	unsigned next_event;
	int64_t due_ns;
	struct str pending; /* static answer that did not go at once */
	char head[HEAD_BYTES];
};

struct upstream {
	int epoll, listener;
	/* The pace is one for all, so the line is in order of due time. */
	struct conn *paced_first, *paced_last;
	struct buf unary, burst, stream_head, stream_tail;
	struct buf event, chunk; /* the paced one being sent */
	char buffer[READ_BYTES];
};

static NORETURN void die(const char *what)
{
	fprintf(stderr, "upstream: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* Answers ---------------------------------------------------------------------------------- */

static void put(struct buf *buf, struct str text)
{
	if (buf_append(buf, text) != OK)
		die("answer too long");
}

static void put_padding(struct buf *buf, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(buf, STR("x"));
}

static void put_chunk(struct buf *out, struct str data)
{
	char line[16];
	int len = snprintf(line, sizeof(line), "%zx\r\n", data.len);

	put(out, str_make(line, (size_t)len));
	put(out, data);
	put(out, STR("\r\n"));
}

static const struct str usage_text =
	STR("\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":64,\"total_tokens\":314,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":128},"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":16}}");

/* One event of EVENT_BYTES; the stamp is `sent-` and sixteen digits. */
static void event_make(int64_t now_ns, struct buf *out)
{
	char stamp[32];
	size_t before = buf_str(out).len, len;

	snprintf(stamp, sizeof(stamp), "sent-%016lld ", (long long)now_ns);
	put(out, STR("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
		     "\"created\":1790000000,\"model\":\"bench-model\",\"choices\":[{\"index\":0,"
		     "\"delta\":{\"content\":\""));
	put(out, str_from_c(stamp));
	len = buf_str(out).len - before;
	put_padding(out, EVENT_BYTES - len - 49);
	put(out, STR("\"},\"finish_reason\":null}],\"usage\":null        }\n\n"));
}

static void make_unary(struct upstream *up)
{
	struct buf body;
	char line[128];
	size_t len;

	buf_init(&body, ANSWER_MAX);
	put(&body,
	    STR("{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1790000000,"
		"\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
		"\"assistant\",\"content\":\""));
	put_padding(&body, UNARY_BODY_BYTES - buf_str(&body).len - usage_text.len - 29);
	put(&body, STR("\"},\"finish_reason\":\"stop\"}],"));
	put(&body, usage_text);
	put(&body, STR("}"));
	buf_init(&up->unary, ANSWER_MAX);
	len = (size_t)snprintf(line, sizeof(line),
			       "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
			       "content-length: %zu\r\n\r\n",
			       buf_str(&body).len);
	put(&up->unary, str_make(line, len));
	put(&up->unary, buf_str(&body));
	buf_fini(&body);
}

static void make_stream(struct upstream *up)
{
	struct buf event;

	buf_init(&up->stream_head, ANSWER_MAX);
	buf_init(&up->stream_tail, ANSWER_MAX);
	buf_init(&up->burst, ANSWER_MAX);
	buf_init(&event, ANSWER_MAX);
	buf_init(&up->event, ANSWER_MAX);
	buf_init(&up->chunk, ANSWER_MAX);
	put(&up->stream_head, STR("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
				  "transfer-encoding: chunked\r\n\r\n"));
	put(&event, STR("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
			"\"created\":1790000000,\"model\":\"bench-model\",\"choices\":[],"));
	put(&event, usage_text);
	put(&event, STR("}\n\n"));
	put_chunk(&up->stream_tail, buf_str(&event));
	put_chunk(&up->stream_tail, STR("data: [DONE]\n\n"));
	put(&up->stream_tail, STR("0\r\n\r\n"));
	put(&up->burst, buf_str(&up->stream_head));
	for (unsigned i = 0; i < STREAM_EVENTS; i++) {
		buf_reset(&event);
		event_make(0, &event);
		put_chunk(&up->burst, buf_str(&event));
	}
	put(&up->burst, buf_str(&up->stream_tail));
	buf_fini(&event);
}

/* Connections -------------------------------------------------------------------------------- */

static void watch(struct upstream *up, int operation, int fd, uint32_t events, void *ptr)
{
	struct epoll_event event = {.events = events, .data = {.ptr = ptr}};

	if (epoll_ctl(up->epoll, operation, fd, &event) != 0)
		die("epoll_ctl");
}

static void conn_send(struct upstream *up, struct conn *conn, struct str text)
{
	ssize_t sent = send(conn->fd, text.ptr, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	size_t taken = sent < 0 ? 0 : (size_t)sent;

	if (taken == text.len || (sent < 0 && errno != EAGAIN))
		return;
	/* A static text may wait; there is one at a time. A paced event is not worth that. */
	conn->pending = str_sub(text, taken, text.len);
	watch(up, EPOLL_CTL_MOD, conn->fd, EPOLLIN | EPOLLOUT, conn);
}

static void conn_resume(struct upstream *up, struct conn *conn)
{
	struct str text = conn->pending;

	conn->pending = str_make(NULL, 0);
	watch(up, EPOLL_CTL_MOD, conn->fd, EPOLLIN, conn);
	if (text.len > 0)
		conn_send(up, conn, text);
}

static void paced_push(struct upstream *up, struct conn *conn, int64_t due_ns)
{
	conn->due_ns = due_ns;
	conn->next_paced = NULL;
	conn->is_streaming = true;
	if (up->paced_last != NULL)
		up->paced_last->next_paced = conn;
	else
		up->paced_first = conn;
	up->paced_last = conn;
}

static void conn_free(struct conn *conn)
{
	close(conn->fd);
	conn->fd = -1;
	/* One that streams is freed when its turn comes. */
	if (!conn->is_streaming)
		free(conn);
}

static void paced_send(struct upstream *up, struct conn *conn, int64_t now_ns)
{
	if (conn->next_event == STREAM_EVENTS) {
		conn_send(up, conn, buf_str(&up->stream_tail));
		return;
	}
	buf_reset(&up->event);
	buf_reset(&up->chunk);
	event_make(now_ns, &up->event);
	put_chunk(&up->chunk, buf_str(&up->event));
	conn_send(up, conn, buf_str(&up->chunk));
	if (conn->pending.len > 0)
		die("a paced reader does not read");
	conn->next_event++;
	paced_push(up, conn, now_ns + PACE_NS);
}

static void send_paced(struct upstream *up)
{
	int64_t now_ns = clock_mono_ns();

	while (up->paced_first != NULL && up->paced_first->due_ns <= now_ns) {
		struct conn *conn = up->paced_first;

		up->paced_first = conn->next_paced;
		if (up->paced_first == NULL)
			up->paced_last = NULL;
		conn->is_streaming = false;
		if (conn->fd < 0)
			free(conn);
		else
			paced_send(up, conn, clock_mono_ns());
	}
}

static void conn_answer(struct upstream *up, struct conn *conn, struct str body)
{
	struct str look = str_sub(body, 0, LOOK_BYTES);

	if (memmem(look.ptr, look.len, "\"stream\":true", 13) == NULL) {
		conn_send(up, conn, buf_str(&up->unary));
	} else if (memmem(look.ptr, look.len, "\"user\":\"paced\"", 14) == NULL) {
		conn_send(up, conn, buf_str(&up->burst));
	} else {
		conn->next_event = 0;
		conn_send(up, conn, buf_str(&up->stream_head));
		paced_send(up, conn, clock_mono_ns());
	}
}

/* The length of the body; a request without one has none. */
static uint64_t body_length(struct str head)
{
	struct str line, name;
	uint64_t len = 0;

	while (str_cut(&head, '\n', &line))
		if (str_cut(&line, ':', &name) && str_eq_nocase(name, STR("content-length")) &&
		    str_to_u64(str_trim(str_sub(line, 0, line.len - 1)), &len) == OK)
			return len;
	return 0;
}

/* Keeps the head and the body's beginning; counts the rest. */
static void conn_feed(struct upstream *up, struct conn *conn, struct str in)
{
	struct str keep = str_sub(in, 0, HEAD_BYTES - conn->head_len);
	size_t at = conn->head_len;
	const char *end;

	if (conn->is_in_body) {
		conn->body_left -= MIN(in.len, conn->body_left);
	} else {
		memcpy(conn->head + at, keep.ptr, keep.len);
		conn->head_len += keep.len;
		end = memmem(conn->head, conn->head_len, "\r\n\r\n", 4);
		if (end == NULL)
			return;
		at += in.len - (size_t)(end + 4 - conn->head); /* of the body so far */
		conn->is_in_body = true;
		conn->body_left = body_length(str_make(conn->head, (size_t)(end - conn->head) + 2));
		conn->body_left -= MIN(at, conn->body_left);
	}
	if (conn->body_left > 0)
		return;
	end = memmem(conn->head, conn->head_len, "\r\n\r\n", 4);
	conn->is_in_body = false;
	at = conn->head_len;
	conn->head_len = 0;
	conn_answer(up, conn, str_make(end + 4, (size_t)(conn->head + at - (end + 4))));
}

static void on_readable(struct upstream *up, struct conn *conn)
{
	ssize_t len = recv(conn->fd, up->buffer, sizeof(up->buffer), MSG_DONTWAIT);

	if (len > 0)
		conn_feed(up, conn, str_make(up->buffer, (size_t)len));
	else if (len == 0 || errno != EAGAIN)
		conn_free(conn);
}

/* The loop ---------------------------------------------------------------------------------------
 */

static void on_accept(struct upstream *up)
{
	int one = 1, fd;

	while ((fd = accept4(up->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct conn *conn = base_alloc(sizeof(*conn));

		conn->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(up, EPOLL_CTL_ADD, fd, EPOLLIN, conn);
	}
}

static void upstream_turn(struct upstream *up)
{
	struct epoll_event events[EVENTS_PER_WAIT];
	struct timespec timeout = {0};
	int64_t now_ns = clock_mono_ns();
	int64_t left = 0;
	int count;

	if (up->paced_first != NULL && up->paced_first->due_ns > now_ns)
		left = up->paced_first->due_ns - now_ns;
	timeout.tv_sec = left / CLOCK_NS_PER_S;
	timeout.tv_nsec = left % CLOCK_NS_PER_S;
	count = epoll_pwait2(up->epoll, events, EVENTS_PER_WAIT,
			     up->paced_first != NULL ? &timeout : NULL, NULL);
	if (count < 0 && errno != EINTR)
		die("epoll_pwait2");
	for (int i = 0; i < count; i++) {
		struct conn *conn = events[i].data.ptr;

		if (conn == NULL)
			on_accept(up);
		else if ((events[i].events & EPOLLOUT) != 0)
			conn_resume(up, conn);
		else
			on_readable(up, conn);
	}
	send_paced(up);
}

static void upstream_listen(struct upstream *up, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int one = 1;

	up->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(up->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (up->listener < 0 || bind(up->listener, (struct sockaddr *)&address, len) != 0 ||
	    listen(up->listener, 4096) != 0 ||
	    getsockname(up->listener, (struct sockaddr *)&address, &len) != 0)
		die("listen");
	up->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(up, EPOLL_CTL_ADD, up->listener, EPOLLIN, NULL);
	printf("listening %u\n", ntohs(address.sin_port));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct upstream *up = base_alloc(sizeof(*up));
	uint64_t port = 0;

	if (argc > 2 ||
	    (argc == 2 && (str_to_u64(str_from_c(argv[1]), &port) != OK || port > UINT16_MAX))) {
		fprintf(stderr, "usage: upstream [PORT]\n");
		return 2;
	}
	make_unary(up);
	make_stream(up);
	upstream_listen(up, (uint16_t)port);
	for (;;)
		upstream_turn(up);
}
