/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.2 and 1.3 for conns, on OpenSSL, whose types stay in tls.c.
 *
 * Owns:    tls_context is refcounted and immutable; a struct tls belongs to its
 *          conn and holds a reference.
 * Threads: tls_context any; tls its loop's.
 * Limits:  certificate chains of 8; handshake bytes are bounded by OpenSSL.
 */
#ifndef GATEWAY_NET_TLS_H
#define GATEWAY_NET_TLS_H

#include "base/err.h"
#include "base/str.h"

struct tls;
struct tls_context;

struct tls_server_options {
	struct str certificate_file; /* PEM chain */
	struct str key_file;
	struct str client_ca_file; /* unset: no client certificates */
	bool client_required;
};

struct tls_client_options {
	struct str ca_file; /* unset: the system's store */
	struct str name;    /* checked against the certificate and sent as SNI */
};

MUST_CHECK enum err tls_server_context_new(const struct tls_server_options *options,
					   struct diag *diag, struct tls_context **out);
MUST_CHECK enum err tls_client_context_new(const struct tls_client_options *options,
					   struct diag *diag, struct tls_context **out);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context);

/* One side of one connection; the role is the context's. */
struct tls *tls_new(struct tls_context *context);
void tls_free(struct tls *tls);

/* Steps on a non-blocking descriptor. *out_wanted says which readiness IO_AGAIN waits for. */
enum io tls_handshake(struct tls *tls, int fd, unsigned *out_wanted);
enum io tls_read(struct tls *tls, char *out, size_t cap, size_t *out_len, unsigned *out_wanted);
enum io tls_write(struct tls *tls, const char *in, size_t len, size_t *out_len,
		  unsigned *out_wanted);
/* Bytes that are decrypted and wait inside: read them before waiting for the descriptor. */
bool tls_has_pending(const struct tls *tls);
/* Sends close_notify; one try. */
void tls_shutdown(struct tls *tls);
/* Text of the last failure, for the log. */
const char *tls_error(const struct tls *tls);

#endif
