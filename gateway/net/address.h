/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IPv4 or IPv6 address with its port, and its text. Small, unlike
 * sockaddr_storage, because every conn holds one.
 *
 * Owns:    nothing; a value.
 * Threads: any.
 * Limits:  none.
 */
#ifndef GATEWAY_NET_ADDRESS_H
#define GATEWAY_NET_ADDRESS_H

#include <netinet/in.h>

#include "base/str.h"

#define ADDRESS_TEXT_BYTES INET6_ADDRSTRLEN

/* Zero-filled: unknown (AF_UNSPEC). */
union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Other families give the unknown address. */
union address address_from(const struct sockaddr *from);
/* "127.0.0.1:8080", "[::1]:8080": numbers only, nothing is looked up. */
MUST_CHECK enum err address_parse(struct str text, union address *out);
socklen_t address_len(const union address *address);
uint16_t address_port(const union address *address);
/* "10.1.2.3" or "::1", without port; "" when unknown. */
void address_text(const union address *address, char out[static ADDRESS_TEXT_BYTES]);

#endif
