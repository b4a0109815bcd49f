/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates made when the test runs: a CA, a server "localhost" (also
 * 127.0.0.1), a client, and a CA nobody trusts. Files in a folder of their own.
 *
 * Owns:    the folder; removed by certs_fini.
 * Threads: one.
 * Limits:  none.
 */
#ifndef TESTS_UNIT_GATEWAY_NET_CERTS_H
#define TESTS_UNIT_GATEWAY_NET_CERTS_H

#include "base/str.h"

struct certs {
	char folder[64];
	char ca[96], server[96], server_key[96], client[96], client_key[96], stranger[96];
};

void certs_init(struct certs *certs);
void certs_fini(struct certs *certs);

#endif
