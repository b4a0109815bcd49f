/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenID AuthZEN Authorization API 1.0: other services ask the loaded policies.
 * Bodies in, answers out; no I/O, no clock, and nothing is recorded, for a
 * question is not a call.
 *
 *   POST /access/v1/evaluation            one question
 *   POST /access/v1/evaluations           many, with what they share written once
 *
 * Owns:    nothing; the snapshot is borrowed for the call.
 * Threads: the caller's alone; the snapshot is only read.
 * Limits:  AUTHZEN_BODY_BYTES a body, AUTHZEN_EVALUATIONS questions in it,
 *          AUTHZEN_DEPTH levels of JSON, 64 MiB of memory.
 */
#ifndef GATEWAY_ADMIN_AUTHZEN_H
#define GATEWAY_ADMIN_AUTHZEN_H

#include "base/buf.h"
#include "gateway/proxy/snapshot.h"

#define AUTHZEN_BODY_BYTES  (256U << 10)
#define AUTHZEN_EVALUATIONS 100
#define AUTHZEN_DEPTH	    128

/* Questions by what became of them. */
struct authzen_stats {
	uint64_t allowed, denied;
	uint64_t refused; /* did not fit: not put to the policies */
};

/* The answer as JSON and its status: 200 with a decision, 400 with a message. An error is the
 * buffer's end. */
MUST_CHECK enum err authzen_evaluation(const struct snapshot *snap, struct str body,
				       struct authzen_stats *stats, struct buf *out,
				       unsigned *out_status);
MUST_CHECK enum err authzen_evaluations(const struct snapshot *snap, struct str body,
					struct authzen_stats *stats, struct buf *out,
					unsigned *out_status);

#endif
