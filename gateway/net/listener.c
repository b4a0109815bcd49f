/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/net/address.h"

#define LISTENER_MAGIC	  0x6c697374U
#define LISTENER_BACKLOG  4096
#define LISTENER_ACCEPTS  16
#define LISTENER_PAUSE_MS 100

struct listener {
	uint32_t magic;
	int fd; /* -1: stopped, waits to be reaped */
	struct loop *loop;
	struct loop_io io;
	struct loop_timer pause;
	listener_accept_fn on_accept;
	void *arg;
};

/* NULL, or what could not be done to the socket. */
static const char *listen_on(int fd, const union address *address)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		return "set options for";
	/* "[::]" means IPv6 alone, whatever the machine's default. */
	if (address->any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return "set options for";
	if (bind(fd, &address->any, address_len(address)) != 0)
		return "bind";
	return listen(fd, LISTENER_BACKLOG) == 0 ? NULL : "listen on";
}

enum err listener_bind(struct str address, struct diag *diag, int *out_fd)
{
	union address parsed;
	const char *failed = "open a socket for";
	int fd, cause;

	if (address_parse(address, &parsed) != OK)
		return diag_set(diag, ERR_MALFORMED, NULL, 0, 0,
				"\"" STR_FMT "\" is not an address; write 127.0.0.1:8080 or "
				"[::1]:8080",
				STR_ARG(address));
	fd = socket(parsed.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		failed = listen_on(fd, &parsed);
	if (failed == NULL) {
		*out_fd = fd;
		return OK;
	}
	cause = errno;
	if (fd >= 0)
		close(fd);
	return diag_set(diag, ERR_IO, NULL, 0, 0, "cannot %s " STR_FMT ": %s", failed,
			STR_ARG(address), strerrordesc_np(cause));
}

uint16_t listener_port(int fd)
{
	union address address = {0};
	socklen_t len = sizeof(address);

	return getsockname(fd, &address.any, &len) == 0 ? address_port(&address) : 0;
}

static void on_pause_over(void *arg)
{
	struct listener *listener = arg;

	loop_io_want(&listener->io, LOOP_READABLE);
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct listener *listener)
{
	struct sockaddr_storage remote = {0};
	socklen_t len = sizeof(remote);
	int fd = accept4(listener->fd, (struct sockaddr *)&remote, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		listener->on_accept(listener->arg, fd, &remote);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		/* The backlog stays readable: without a pause the loop would spin on it. */
		loop_io_want(&listener->io, 0);
		loop_timer_start(listener->loop, &listener->pause, LISTENER_PAUSE_MS, on_pause_over,
				 listener);
		return false;
	}
	/* Whoever gave up while waiting says nothing about the next. */
	return errno != EAGAIN;
}

static void on_acceptable(void *arg, unsigned ready)
{
	struct listener *listener = arg;

	(void)ready;
	ASSERT(listener->magic == LISTENER_MAGIC);
	for (unsigned i = 0; i < LISTENER_ACCEPTS && listener->fd >= 0; i++)
		if (!accept_one(listener))
			return;
}

struct listener *listener_new(struct loop *loop, int fd, listener_accept_fn on_accept, void *arg)
{
	struct listener *listener = base_alloc(sizeof(*listener));

	ASSERT(fd >= 0);
	*listener = (struct listener){
		.magic = LISTENER_MAGIC,
		.fd = fd,
		.loop = loop,
		.on_accept = on_accept,
		.arg = arg,
	};
	loop_io_start(loop, &listener->io, fd, on_acceptable, listener);
	loop_io_want(&listener->io, LOOP_READABLE);
	return listener;
}

static void on_reap(void *arg)
{
	struct listener *listener = arg;

	listener->magic = 0;
	free(listener);
}

void listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	ASSERT(listener->magic == LISTENER_MAGIC && listener->fd >= 0);
	loop_timer_stop(&listener->pause);
	loop_io_stop(&listener->io);
	close(listener->fd);
	listener->fd = -1;
	loop_reap(listener->loop, on_reap, listener);
}
