/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts where the provider gave none: before the call, to reserve; after a
 * stream that was cut, to bill what was seen. Always marked as an estimate.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  never more than USAGE_COUNT_MAX.
 */
#ifndef METERING_USAGE_ESTIMATE_H
#define METERING_USAGE_ESTIMATE_H

#include "metering/usage/extract.h"

/* Input tokens of a request body of so many bytes. must_hold: an upper bound (2 bytes a token),
 * for reservations; otherwise the likely number (3 bytes a token). */
int64_t estimate_input_tokens(uint64_t body_bytes, bool must_hold);
/* Output tokens of what the extractor has seen: at least one per delta, and one per 4 bytes. */
int64_t estimate_output_tokens(const struct extract *x);
/* Hardly fewer, whatever the text: one per delta, or one per 16 bytes where deltas hold several.
 * For stopping a stream, never for billing it. */
int64_t estimate_output_least(const struct extract *x);
/* Completes a usage that the provider did not: a direction it reported nothing for gets the
 * estimate, and a cut stream (is_cut) whose last running count is smaller than what was seen gets
 * the larger. input is the request's estimate, in tokens or milliseconds of sound as the dialect
 * counts. No-op for dialects that are free or counted by the call or by units that were told; sets
 * USAGE_ESTIMATE where it changed something. */
void estimate_complete(struct usage *usage, const struct extract *x, int64_t input, bool is_cut);

#endif
