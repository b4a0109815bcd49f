/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descriptor with or without TLS on it: reading and writing in one form. No
 * events, no state beyond OpenSSL's; each call tries and says how it went.
 *
 * Owns:    nothing: the conn opens and closes both parts.
 * Threads: its conn's.
 * Limits:  64 views per system call; a TLS record carries what lies together at
 *          the queue's front, at most 16 KiB.
 */
#ifndef GATEWAY_NET_WIRE_H
#define GATEWAY_NET_WIRE_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/queue.h"
#include "gateway/net/tls.h"

struct wire {
	struct tls *tls; /* NULL: plain */
	int fd;
};

/* *out_wanted: the readiness that IO_AGAIN waits for. */
enum io wire_handshake(const struct wire *wire, unsigned *out_wanted);
/* One recv() or one record. */
enum io wire_read(const struct wire *wire, char *out, size_t cap, size_t *out_len,
		  unsigned *out_wanted);
/* Bytes that were received and wait inside TLS: the descriptor will not tell. */
bool wire_has_pending(const struct wire *wire);
/* What a read would meet, without taking it. IO_AGAIN on TLS: not known. */
enum io wire_peek(const struct wire *wire, char *scratch);
/* Plain only: one try with the first views. */
enum io wire_write(const struct wire *wire, const struct iovec *views, size_t count,
		   size_t *out_len);
/* All views but their first `from` bytes into the queue; the caller has seen to the room. */
void wire_keep(struct queue *queue, const struct iovec *views, size_t count, size_t from);
/* From the queue until it is empty (IO_DONE), the kernel is full or it is another's turn
 * (IO_AGAIN). *out_len bytes went, whatever the verdict. */
enum io wire_flush(const struct wire *wire, struct queue *queue, size_t *out_len);
/* 0, or the errno with which a connect failed. */
int wire_connect_error(const struct wire *wire);
/* False while there is nobody at the other end. */
bool wire_remote(const struct wire *wire, struct sockaddr_storage *out_remote);

#endif
