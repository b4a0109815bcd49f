/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptor is reached through a BIO of our own: send() with MSG_NOSIGNAL,
 * so that a closed connection is an error and not a signal. Read-ahead takes a
 * whole record with one recv(); SSL_MODE_RELEASE_BUFFERS gives the buffers back
 * while a connection is idle.
 */
#include "gateway/net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/loop.h"

#define TLS_MAGIC	0x746c7321U
#define TLS_CHAIN	8
#define TLS_PATH_BYTES	4096
#define TLS_CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls_context {
	atomic_uint refs;
	bool is_server;
	SSL_CTX *ssl;
	BIO_METHOD *bio;
	char *name; /* client: whom the certificate must name */
};

struct tls {
	uint32_t magic;
	int fd;
	bool has_eof; /* of the descriptor */
	SSL *ssl;
	struct tls_context *context;
	const char *error; /* OpenSSL's static text */
};

/* ---- the descriptor ---- */

static int bio_result(BIO *bio, ssize_t len)
{
	BIO_clear_retry_flags(bio);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	return (int)len;
}

static int on_bio_write(BIO *bio, const char *in, int len)
{
	struct tls *tls = BIO_get_data(bio);
	ssize_t sent = send(tls->fd, in, (size_t)len, MSG_NOSIGNAL);
	int result = bio_result(bio, sent);

	if (sent < 0 && result == -1 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return result;
}

static int on_bio_read(BIO *bio, char *out, int cap)
{
	struct tls *tls = BIO_get_data(bio);
	ssize_t got = recv(tls->fd, out, (size_t)cap, 0);
	int result = bio_result(bio, got);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	tls->has_eof = got == 0;
	return result;
}

static long on_bio_ctrl(BIO *bio, int command, long number, void *ptr)
{
	struct tls *tls = BIO_get_data(bio);

	(void)number, (void)ptr;
	if (command == BIO_CTRL_EOF)
		return tls->has_eof ? 1 : 0;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method_new(void)
{
	BIO_METHOD *method =
		BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tollgate descriptor");

	ASSERT(method != NULL);
	BIO_meth_set_write(method, on_bio_write);
	BIO_meth_set_read(method, on_bio_read);
	BIO_meth_set_ctrl(method, on_bio_ctrl);
	return method;
}

/* ---- contexts ---- */

static const unsigned char alpn_http11[] = "\x08http/1.1";

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *arg)
{
	unsigned char *chosen = NULL;
	int found = SSL_select_next_proto(&chosen, out_len, alpn_http11, sizeof(alpn_http11) - 1,
					  in, in_len);

	(void)ssl, (void)arg;
	*out = chosen;
	return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A key with a pass phrase is refused instead of asking at the terminal. */
static int on_pass_phrase(char *out, int cap, int is_writing, void *arg)
{
	(void)out, (void)cap, (void)is_writing, (void)arg;
	return 0;
}

static struct tls_context *context_new(bool is_server)
{
	struct tls_context *context = base_alloc(sizeof(*context));

	context->refs = 1;
	context->is_server = is_server;
	context->bio = bio_method_new();
	context->ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	ASSERT(context->ssl != NULL);
	SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(context->ssl, TLS_CIPHERS_1_2);
	SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(context->ssl, 1);
	SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify_depth(context->ssl, TLS_CHAIN);
	SSL_CTX_set_default_passwd_cb(context->ssl, on_pass_phrase);
	return context;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	atomic_fetch_add(&context->refs, 1);
	return context;
}

void tls_context_unref(struct tls_context *context)
{
	if (context == NULL || atomic_fetch_sub(&context->refs, 1) > 1)
		return;
	SSL_CTX_free(context->ssl);
	BIO_meth_free(context->bio);
	free(context->name);
	free(context);
}

static const char *last_error(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason == NULL ? "unknown failure" : reason;
}

static bool path_to_c(struct str path, char out[static TLS_PATH_BYTES])
{
	if (path.len == 0 || path.len >= TLS_PATH_BYTES || memchr(path.ptr, '\0', path.len) != NULL)
		return false;
	memcpy(out, path.ptr, path.len);
	out[path.len] = '\0';
	return true;
}

typedef int (*load_fn)(SSL_CTX *ssl, const char *path);

static int load_chain(SSL_CTX *ssl, const char *path)
{
	return SSL_CTX_use_certificate_chain_file(ssl, path);
}

static int load_key(SSL_CTX *ssl, const char *path)
{
	return SSL_CTX_use_PrivateKey_file(ssl, path, SSL_FILETYPE_PEM);
}

static int load_ca(SSL_CTX *ssl, const char *path)
{
	return SSL_CTX_load_verify_locations(ssl, path, NULL);
}

/* The names a server sends to say whose certificates it takes. */
static int load_client_ca(SSL_CTX *ssl, const char *path)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);

	if (names == NULL)
		return 0;
	SSL_CTX_set_client_CA_list(ssl, names);
	return load_ca(ssl, path);
}

static enum err load(struct tls_context *context, const char *what, struct str path, load_fn fn,
		     struct diag *diag)
{
	char name[TLS_PATH_BYTES];

	ERR_clear_error();
	if (path_to_c(path, name) && fn(context->ssl, name) == 1)
		return OK;
	return diag_set(diag, ERR_MALFORMED, NULL, 0, 0,
			"cannot load the %s from \"" STR_FMT "\": %s", what, STR_ARG(path),
			last_error());
}

static enum err load_server(struct tls_context *context, const struct tls_server_options *options,
			    struct diag *diag)
{
	static const unsigned char session_name[] = "tollgate";
	int mode =
		SSL_VERIFY_PEER | (options->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
	enum err err = load(context, "certificate", options->certificate_file, load_chain, diag);

	if (err == OK)
		err = load(context, "key", options->key_file, load_key, diag);
	if (err != OK || !str_is_set(options->client_ca_file))
		return err;
	err = load(context, "client CA", options->client_ca_file, load_client_ca, diag);
	if (err != OK)
		return err;
	SSL_CTX_set_verify(context->ssl, mode, NULL);
	/* Without it a resumed session with a client certificate is refused. */
	SSL_CTX_set_session_id_context(context->ssl, session_name, sizeof(session_name) - 1);
	return OK;
}

enum err tls_server_context_new(const struct tls_server_options *options, struct diag *diag,
				struct tls_context **out)
{
	struct tls_context *context = context_new(true);
	enum err err = load_server(context, options, diag);

	if (err != OK) {
		tls_context_unref(context);
		return err;
	}
	SSL_CTX_set_options(context->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(context->ssl, 1);
	SSL_CTX_set_alpn_select_cb(context->ssl, on_alpn, NULL);
	*out = context;
	return OK;
}

enum err tls_client_context_new(const struct tls_client_options *options, struct diag *diag,
				struct tls_context **out)
{
	struct tls_context *context = context_new(false);
	enum err err = OK;

	if (options->name.len == 0)
		err = diag_set(diag, ERR_MALFORMED, NULL, 0, 0,
			       "TLS needs a name to check the certificate against");
	else if (str_is_set(options->ca_file))
		err = load(context, "CA", options->ca_file, load_ca, diag);
	else if (SSL_CTX_set_default_verify_paths(context->ssl) != 1)
		err = diag_set(diag, ERR_IO, NULL, 0, 0, "cannot load the system's CAs: %s",
			       last_error());
	if (err != OK) {
		tls_context_unref(context);
		return err;
	}
	context->name = strndup(options->name.ptr, options->name.len);
	ASSERT(context->name != NULL);
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_alpn_protos(context->ssl, alpn_http11, sizeof(alpn_http11) - 1);
	*out = context;
	return OK;
}

/* ---- one connection ---- */

/* A literal address is checked as such and never sent as SNI (RFC 6066 §3). */
static void set_name(SSL *ssl, char *name)
{
	unsigned char address[sizeof(struct in6_addr)];
	bool is_address =
		inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
	int done;

	if (is_address) {
		done = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	} else {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		done = SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
	}
	ASSERT(done == 1);
}

struct tls *tls_new(struct tls_context *context)
{
	struct tls *tls = base_alloc(sizeof(*tls));
	BIO *bio = BIO_new(context->bio);

	*tls = (struct tls){
		.magic = TLS_MAGIC,
		.fd = -1,
		.ssl = SSL_new(context->ssl),
		.context = tls_context_ref(context),
		.error = "no failure",
	};
	ASSERT(tls->ssl != NULL && bio != NULL);
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	if (context->is_server) {
		SSL_set_accept_state(tls->ssl);
	} else {
		SSL_set_connect_state(tls->ssl);
		set_name(tls->ssl, context->name);
	}
	return tls;
}

void tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	ASSERT(tls->magic == TLS_MAGIC);
	tls->magic = 0;
	SSL_free(tls->ssl);
	tls_context_unref(tls->context);
	free(tls);
}

static void keep_error(struct tls *tls)
{
	long verified = SSL_get_verify_result(tls->ssl);

	tls->error = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
		     : tls->has_eof	   ? "closed without close_notify"
					   : last_error();
}

static enum io tls_verdict(struct tls *tls, int result, unsigned *out_wanted)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_NONE: return IO_DONE;
	case SSL_ERROR_WANT_READ: *out_wanted = LOOP_READABLE; return IO_AGAIN;
	case SSL_ERROR_WANT_WRITE: *out_wanted = LOOP_WRITABLE; return IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN: return IO_EOF;
	default: keep_error(tls); return IO_FAIL;
	}
}

enum io tls_handshake(struct tls *tls, int fd, unsigned *out_wanted)
{
	ASSERT(tls->magic == TLS_MAGIC);
	tls->fd = fd;
	ERR_clear_error();
	return tls_verdict(tls, SSL_do_handshake(tls->ssl), out_wanted);
}

enum io tls_read(struct tls *tls, char *out, size_t cap, size_t *out_len, unsigned *out_wanted)
{
	ASSERT(tls->magic == TLS_MAGIC);
	ERR_clear_error();
	return tls_verdict(tls, SSL_read_ex(tls->ssl, out, cap, out_len), out_wanted);
}

enum io tls_write(struct tls *tls, const char *in, size_t len, size_t *out_len,
		  unsigned *out_wanted)
{
	enum io io;

	ASSERT(tls->magic == TLS_MAGIC && len > 0);
	ERR_clear_error();
	io = tls_verdict(tls, SSL_write_ex(tls->ssl, in, len, out_len), out_wanted);
	return io == IO_EOF ? IO_FAIL : io;
}

bool tls_has_pending(const struct tls *tls)
{
	return SSL_has_pending(tls->ssl) == 1;
}

void tls_shutdown(struct tls *tls)
{
	ASSERT(tls->magic == TLS_MAGIC);
	ERR_clear_error();
	/* One try: whoever waits for an answer to it is told by the descriptor's end. */
	if (SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

const char *tls_error(const struct tls *tls)
{
	return tls->error;
}
