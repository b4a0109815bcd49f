/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call may cost at most, and what it surely costs, before it is sent:
 * the first is shown to policy and stands in the record, the second is billed
 * if the gateway dies while the call is open.
 *
 * Owns:    nothing.
 * Threads: the request's worker.
 * Limits:  none beyond int64 pico.
 */
#ifndef GATEWAY_PROXY_RESERVE_H
#define GATEWAY_PROXY_RESERVE_H

#include "gateway/proxy/request.h"
#include "metering/money/cost.h"

/* Sets the estimates, the bound and the floor of req. ERR_NOT_FOUND: the model has no price, and
 * the configuration does not allow that. */
MUST_CHECK enum err reserve_bound(struct request *req);
/* The key under which req's model is priced; served and tier may be empty. */
struct price_key reserve_price_key(const struct request *req, struct str served, struct str tier);

#endif
