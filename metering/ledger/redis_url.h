/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where Redis is, from redis://[user[:password]@]host[:port][/db] or
 * unix:///path, with what the options say beside it put on top.
 *
 * Owns:    its parts, inline; the password is wiped by whoever holds it.
 * Threads: any; pure.
 * Limits:  256 bytes a part, longer is refused.
 */
#ifndef METERING_LEDGER_REDIS_URL_H
#define METERING_LEDGER_REDIS_URL_H

#include "metering/ledger/ledger.h"

#define LEDGER_REDIS_PART 256

struct ledger_redis_url {
	char host[LEDGER_REDIS_PART];
	char socket[LEDGER_REDIS_PART]; /* "" when TCP */
	char user[LEDGER_REDIS_PART];
	char password[LEDGER_REDIS_PART];
	uint16_t port;
	uint16_t db;
};

/* A node of a cluster. */
struct ledger_redis_node {
	char host[LEDGER_REDIS_PART]; /* "": the host that was asked */
	uint16_t port;
};

/* ERR_UNSUPPORTED for rediss://, ERR_MALFORMED for what else is wrong; the text never shows the
 * URL's password. */
MUST_CHECK enum err ledger_redis_url_parse(const struct ledger_redis_options *options,
					   struct diag *diag, struct ledger_redis_url *out);
/* "MOVED 3999 127.0.0.1:6381"; anything else is ERR_MALFORMED. */
MUST_CHECK enum err ledger_redis_moved_parse(struct str error, struct ledger_redis_node *out);

#endif
