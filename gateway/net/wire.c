/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/wire.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/loop.h"

#define WIRE_VIEWS 64
#define WIRE_SENDS 16 /* per flush, then others have their turn */

enum io wire_handshake(const struct wire *wire, unsigned *out_wanted)
{
	return tls_handshake(wire->tls, wire->fd, out_wanted);
}

static enum io receive(const struct wire *wire, char *out, size_t cap, int flags, size_t *out_len)
{
	ssize_t got;

	do {
		got = recv(wire->fd, out, cap, flags);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? IO_AGAIN : IO_FAIL;
	if (got == 0)
		return IO_EOF;
	*out_len = (size_t)got;
	return IO_DONE;
}

enum io wire_read(const struct wire *wire, char *out, size_t cap, size_t *out_len,
		  unsigned *out_wanted)
{
	if (wire->tls != NULL)
		return tls_read(wire->tls, out, cap, out_len, out_wanted);
	*out_wanted = LOOP_READABLE;
	return receive(wire, out, cap, 0, out_len);
}

bool wire_has_pending(const struct wire *wire)
{
	return wire->tls != NULL && tls_has_pending(wire->tls);
}

enum io wire_peek(const struct wire *wire, char *scratch)
{
	size_t len;

	return wire->tls != NULL ? IO_AGAIN : receive(wire, scratch, 1, MSG_PEEK, &len);
}

static enum io transmit(const struct wire *wire, struct iovec *views, size_t count, size_t *out_len)
{
	struct msghdr message = {.msg_iov = views, .msg_iovlen = count};
	ssize_t sent;

	do {
		sent = sendmsg(wire->fd, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EAGAIN ? IO_AGAIN : IO_FAIL;
	*out_len = (size_t)sent;
	return IO_DONE;
}

enum io wire_write(const struct wire *wire, const struct iovec *views, size_t count,
		   size_t *out_len)
{
	struct iovec some[WIRE_VIEWS];
	size_t taken = MIN(count, (size_t)WIRE_VIEWS);

	ASSERT(wire->tls == NULL);
	memcpy(some, views, taken * sizeof(*some));
	return transmit(wire, some, taken, out_len);
}

static enum io flush_plain(const struct wire *wire, struct queue *queue, size_t *out_len)
{
	struct iovec views[WIRE_VIEWS];
	size_t count = queue_views(queue, 0, views, WIRE_VIEWS);
	size_t offered = 0, sent;
	enum io io;

	for (size_t i = 0; i < count; i++)
		offered += views[i].iov_len;
	io = transmit(wire, views, count, &sent);
	if (io != IO_DONE)
		return io;
	queue_consume(queue, sent);
	*out_len += sent;
	/* A short write says that the kernel is full: no need to ask again. */
	return sent < offered ? IO_AGAIN : IO_DONE;
}

static enum io flush_tls(const struct wire *wire, struct queue *queue, size_t *out_len)
{
	struct iovec view;
	unsigned wanted;
	size_t sent;
	enum io io;

	queue_views(queue, 0, &view, 1);
	io = tls_write(wire->tls, view.iov_base, view.iov_len, &sent, &wanted);
	if (io != IO_DONE)
		return io;
	queue_consume(queue, sent);
	*out_len += sent;
	return IO_DONE;
}

enum io wire_flush(const struct wire *wire, struct queue *queue, size_t *out_len)
{
	size_t total = 0;
	enum io io = IO_DONE;

	for (unsigned i = 0; i < WIRE_SENDS && io == IO_DONE && queue->len > 0; i++)
		io = wire->tls == NULL ? flush_plain(wire, queue, &total)
				       : flush_tls(wire, queue, &total);
	*out_len = total;
	return io == IO_DONE && queue->len > 0 ? IO_AGAIN : io;
}

void wire_keep(struct queue *queue, const struct iovec *views, size_t count, size_t from)
{
	for (size_t i = 0; i < count; i++) {
		struct str view = str_make(views[i].iov_base, views[i].iov_len);
		size_t skip = MIN(from, view.len);
		enum err err = queue_append(queue, str_sub(view, skip, view.len));

		ASSERT(err == OK);
		from -= skip;
	}
}

int wire_connect_error(const struct wire *wire)
{
	int cause = 0;
	socklen_t len = sizeof(cause);

	if (wire->fd < 0)
		return EMFILE; /* without a descriptor there is nothing else to blame */
	if (getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &cause, &len) != 0)
		return errno;
	return cause;
}

bool wire_remote(const struct wire *wire, struct sockaddr_storage *out_remote)
{
	socklen_t len = sizeof(*out_remote);

	return wire->fd >= 0 && getpeername(wire->fd, (struct sockaddr *)out_remote, &len) == 0;
}
