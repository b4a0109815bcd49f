/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer on its way: bytes to the client as they come, a copy to the usage
 * reader, the last ones held until the settle record is durable. A slow client
 * slows the upstream; a client that left is drained for, or not, by the
 * model's rule.
 *
 * Owns:    nothing beyond the request's own relay part.
 * Threads: the request's worker.
 * Limits:  client output 256 KiB before the upstream is paused; drain by the
 *          model's bytes and time.
 */
#ifndef GATEWAY_PROXY_RELAY_H
#define GATEWAY_PROXY_RELAY_H

#include "gateway/proxy/request.h"

/* The upstream's head, body pieces and end, noted; request_run acts on them. */
void relay_take_head(struct request *req, const struct head *head);
void relay_take_body(struct request *req, struct str view);
void relay_take_end(struct request *req);
/* The client left: may the answer still be read for its usage? */
bool relay_may_drain(struct request *req);

#endif
