/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http/h1_sender.h"

#include "base/clock.h"

#define HEAD_STACK_BYTES 4096
#define HEAD_MAX_BYTES	 65536
#define FRAME_VIEWS	 3 /* head, chunk size, end */

/* Where one write is laid out. */
struct layout {
	struct iovec views[STREAM_VIEWS + FRAME_VIEWS];
	size_t count;
	char chunk_size[20];
};

static void layout_add(struct layout *layout, const char *ptr, size_t len)
{
	char *bytes;

	if (len == 0)
		return;
	/* iovec has no const, writev reads only. */
	memcpy(&bytes, &ptr, sizeof(bytes));
	layout->views[layout->count++] = (struct iovec){bytes, len};
}

static uint64_t views_len(const struct h1_send *send)
{
	uint64_t len = 0;

	for (size_t i = 0; i < send->count; i++)
		len += send->views[i].iov_len;
	return len;
}

/* The sender's state behind this call; ERR_INTERNAL when the body breaks its announced length. */
static enum err advance(struct h1_sender *next, const struct h1_send *send, uint64_t len)
{
	ASSERT(next->state != SENDER_DONE);
	ASSERT((send->head != NULL) == (next->state == SENDER_HEAD));
	if (send->head != NULL) {
		next->framing = send->head->framing;
		next->remaining = send->head->content_length;
		next->is_silent = send->head->status != 0 &&
				  (send->head->method == METHOD_HEAD || send->head->status == 204 ||
				   send->head->status == 304);
		next->state = SENDER_BODY;
	}
	if (send->end)
		next->state = SENDER_DONE;
	if (next->is_silent)
		return OK;
	if (next->framing == FRAMING_NONE)
		return len == 0 ? OK : ERR_INTERNAL;
	if (next->framing != FRAMING_LENGTH)
		return OK;
	if (len > next->remaining || (send->end && len != next->remaining))
		return ERR_INTERNAL;
	next->remaining -= len;
	return OK;
}

static void layout_body(struct layout *layout, const struct h1_sender *next,
			const struct h1_send *send, uint64_t len)
{
	bool is_chunked = next->framing == FRAMING_CHUNKED;

	if (next->is_silent)
		return;
	if (is_chunked && len > 0)
		layout_add(layout, layout->chunk_size,
			   h1_write_chunk_size(len, layout->chunk_size));
	for (size_t i = 0; i < send->count; i++)
		layout_add(layout, send->views[i].iov_base, send->views[i].iov_len);
	if (!is_chunked)
		return;
	if (len > 0 && send->end)
		layout_add(layout, "\r\n0\r\n\r\n", 7);
	else if (len > 0)
		layout_add(layout, "\r\n", 2);
	else if (send->end)
		layout_add(layout, "0\r\n\r\n", 5);
}

static enum err write_head(struct buf *out, const struct h1_send *send)
{
	char date[30];

	if (send->head == NULL)
		return OK;
	if (send->head->status < 200)
		return h1_write_head(out, send->head, send->close, (struct str){NULL, 0});
	clock_http_date(send->wall_ns / CLOCK_NS_PER_S, date);
	return h1_write_head(out, send->head, send->close, str_make(date, 29));
}

static enum err write_out(struct conn *conn, const struct h1_sender *next,
			  const struct h1_send *send, uint64_t len, const struct buf *head)
{
	struct layout layout;

	layout.count = 0;
	layout_add(&layout, head->ptr, head->len);
	layout_body(&layout, next, send, len);
	return layout.count == 0 ? OK : conn_write(conn, layout.views, layout.count);
}

enum err h1_sender_send(struct h1_sender *sender, struct conn *conn, const struct h1_send *send)
{
	char stack[HEAD_STACK_BYTES];
	/* Its maximum lies below its room, so that it never asks for more. */
	struct buf small = {.ptr = stack, .cap = sizeof(stack), .max = sizeof(stack) - 1};
	struct h1_sender next = *sender;
	uint64_t len = views_len(send);
	struct buf large;
	enum err err;

	ASSERT(send->count <= STREAM_VIEWS);
	err = advance(&next, send, len);
	if (err != OK)
		return err;
	err = write_head(&small, send);
	if (err == OK) {
		err = write_out(conn, &next, send, len, &small);
	} else if (err == ERR_LIMIT) {
		buf_init(&large, HEAD_MAX_BYTES);
		err = write_head(&large, send);
		if (err == OK)
			err = write_out(conn, &next, send, len, &large);
		buf_fini(&large);
	}
	if (err == OK)
		*sender = next;
	return err;
}
