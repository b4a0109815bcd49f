/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/address.h"

#include <arpa/inet.h>

union address address_from(const struct sockaddr *from)
{
	union address address = {0};

	if (from->sa_family == AF_INET)
		memcpy(&address.v4, from, sizeof(address.v4));
	else if (from->sa_family == AF_INET6)
		memcpy(&address.v6, from, sizeof(address.v6));
	return address;
}

static bool parse_host(struct str host, int family, void *out)
{
	char text[ADDRESS_TEXT_BYTES];

	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	return strlen(text) == host.len && inet_pton(family, text, out) == 1;
}

enum err address_parse(struct str text, union address *out)
{
	union address address = {0};
	struct str host = text, port;
	uint64_t number;
	size_t colon = text.len;

	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return ERR_MALFORMED;
	host = str_sub(text, 0, colon - 1);
	port = str_sub(text, colon, text.len);
	if (str_to_u64(port, &number) != OK || number > UINT16_MAX)
		return ERR_MALFORMED;
	if (str_has_prefix(host, STR("[")) && str_has_suffix(host, STR("]"))) {
		host = str_sub(host, 1, host.len - 2);
		if (!parse_host(host, AF_INET6, &address.v6.sin6_addr))
			return ERR_MALFORMED;
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons((uint16_t)number);
	} else {
		if (!parse_host(host, AF_INET, &address.v4.sin_addr))
			return ERR_MALFORMED;
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons((uint16_t)number);
	}
	*out = address;
	return OK;
}

socklen_t address_len(const union address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

uint16_t address_port(const union address *address)
{
	if (address->any.sa_family == AF_INET6)
		return ntohs(address->v6.sin6_port);
	return address->any.sa_family == AF_INET ? ntohs(address->v4.sin_port) : 0;
}

void address_text(const union address *address, char out[static ADDRESS_TEXT_BYTES])
{
	out[0] = '\0';
	if (address->any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &address->v6.sin6_addr, out, ADDRESS_TEXT_BYTES);
	else if (address->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &address->v4.sin_addr, out, ADDRESS_TEXT_BYTES);
}
