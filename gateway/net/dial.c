/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/dial.h"

#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

#define HOST_BYTES 256 /* a name has at most 253 (RFC 1035) */

enum err dial_resolve(struct str host, uint16_t port, struct diag *diag,
		      struct dial_address out[static DIAL_ADDRESSES], size_t *out_count)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	char name[HOST_BYTES], service[8];
	size_t count = 0;
	int failed;

	if (host.len == 0 || host.len >= sizeof(name) || memchr(host.ptr, '\0', host.len) != NULL)
		return diag_set(diag, ERR_MALFORMED, NULL, 0, 0,
				"\"" STR_FMT "\" is not a host name", STR_ARG(host));
	memcpy(name, host.ptr, host.len);
	name[host.len] = '\0';
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	failed = getaddrinfo(name, service, &hints, &list);
	/* RFC 6761 §6.3: localhost is the loopback also where no hosts file says so. */
	if (failed != 0 && str_eq_nocase(host, STR("localhost")))
		failed = getaddrinfo("127.0.0.1", service, &hints, &list);
	if (failed != 0)
		return diag_set(diag, ERR_NOT_FOUND, NULL, 0, 0, "cannot resolve host %s: %s", name,
				gai_strerror(failed));
	for (struct addrinfo *at = list; at != NULL && count < DIAL_ADDRESSES; at = at->ai_next) {
		struct dial_address *address = &out[count++];

		memset(address, 0, sizeof(*address));
		memcpy(&address->addr, at->ai_addr, at->ai_addrlen);
		address->len = at->ai_addrlen;
	}
	freeaddrinfo(list);
	*out_count = count;
	return OK;
}

struct conn *dial_conn(const struct conn_env *env, const struct dial_address *address,
		       struct tls *tls, const struct conn_options *options,
		       const struct conn_events *events, void *arg)
{
	const struct sockaddr *remote = (const struct sockaddr *)&address->addr;
	int fd = socket(remote->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct conn_options dialled = *options;
	struct conn *conn;
	int failed = -1;

	if (fd >= 0)
		failed = connect(fd, remote, address->len);
	/* Success, "in progress" and failure alike are told by the conn, from the loop. */
	(void)failed;
	dialled.linger_ms = -1; /* who asks has no answer to protect */
	conn = conn_new(env, fd, tls, &dialled, events, arg);
	conn_set_remote(conn, remote);
	return conn;
}
