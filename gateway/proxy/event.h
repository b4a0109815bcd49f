/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of journal records: CloudEvents attributes around what a reader
 * needs to know of a call. Never a prompt, an answer, a key or a token.
 *
 * Owns:    nothing; appends to the caller's buffer.
 * Threads: any.
 * Limits:  65,535 bytes; the caller's buffer has that maximum.
 */
#ifndef GATEWAY_PROXY_EVENT_H
#define GATEWAY_PROXY_EVENT_H

#include "base/buf.h"
#include "gateway/proxy/request.h"
#include "metering/money/cost.h"

/* Before forwarding: who, what, why allowed, at most how much. */
MUST_CHECK enum err event_intent(struct buf *out, const struct request *req, int64_t wall_ns);
/* A call that was not forwarded; status is what the caller was told. */
MUST_CHECK enum err event_decision(struct buf *out, const struct request *req, int64_t wall_ns,
				   unsigned status);

struct event_settle {
	const struct cost *cost;
	struct str model_served; /* unset: as asked */
	struct str usage_source;
	const struct str *flags;
	size_t flag_count;
	unsigned status;
	enum outcome outcome;
	int64_t duration_ms;
};

MUST_CHECK enum err event_settle(struct buf *out, const struct request *req, int64_t wall_ns,
				 const struct event_settle *settle);

/* The settle of a call whose gateway died: made from the text of its intent alone, marked as
 * estimated (metering rule: what was sent is billed as estimated input, output unknown). */
MUST_CHECK enum err event_recovered(struct buf *out, struct str intent, int64_t wall_ns);

/* Start, stop, reload. what is "start", ...; detail is a JSON object's members or empty. */
MUST_CHECK enum err event_lifecycle(struct buf *out, struct str source, const char *what,
				    int64_t wall_ns, struct str detail);

const char *outcome_name(enum outcome outcome);

#endif
