/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to a service that wants to know: JSON by POST, signed by the Standard
 * Webhooks rules (webhook-id, webhook-timestamp, webhook-signature), one at a
 * time, tried again with growing pauses. The id stays the same, so a receiver
 * that sees it twice can tell.
 *
 * Owns:    its queue, the exchange under way. The options are borrowed.
 * Threads: main: a name is resolved by a blocking look-up.
 * Limits:  WEBHOOK_QUEUE messages of WEBHOOK_BYTES; six attempts within 13
 *          minutes, then the message is dropped with a log line.
 */
#ifndef GATEWAY_PROXY_WEBHOOK_H
#define GATEWAY_PROXY_WEBHOOK_H

#include "gateway/http/fetch.h"

#define WEBHOOK_QUEUE	     64
#define WEBHOOK_BYTES	     4096
#define WEBHOOK_ID_BYTES     64
#define WEBHOOK_KEY_BYTES    64
#define WEBHOOK_KEY_MIN	     24
#define WEBHOOK_SIGNED_BYTES 48 /* "v1," and base64 of a digest, NUL included */

struct webhook_options {
	struct str url;	   /* unset: nobody wants to know */
	struct str secret; /* "whsec_" and base64 of 24 to 64 bytes */
	struct str ca_file;
	bool allow_plain;
};

struct webhook_stats {
	uint64_t sent;
	uint64_t retried;
	uint64_t dropped; /* the queue was full, or nobody took it */
};

struct webhook;

struct webhook *webhook_new(const struct conn_env *env, const struct log *log);
void webhook_free(struct webhook *webhook);
/* options must stay until the next call; the message under way is tried again by the new ones. */
void webhook_set(struct webhook *webhook, const struct webhook_options *options);
/* Copies both; a no-op without a URL. */
void webhook_send(struct webhook *webhook, struct str id, struct str body);
const struct webhook_stats *webhook_stats(const struct webhook *webhook);

/* ERR_MALFORMED for another form. */
MUST_CHECK enum err webhook_key(struct str secret, uint8_t out[static WEBHOOK_KEY_BYTES],
				size_t *out_len);
MUST_CHECK enum err webhook_sign(struct str secret, struct str id, int64_t wall_s, struct str body,
				 char out[static WEBHOOK_SIGNED_BYTES]);

#endif
