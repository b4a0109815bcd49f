/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One journal record and its frame on disk. All integers little endian:
 *
 *   0  length u32 | 4  type u8, zero u8 | 6  attempt u16
 *   8  gateway u32 | 12 epoch u32       | 16 sequence u64
 *   24 lead u32    | 28 call id 16 bytes
 *   44 payload, `length` bytes          | CRC-32C u32 of all before it
 *
 * `lead` is how many records stand before this one in its group. A group is
 * written only when the one before it is durable; so a good record proves that
 * everything before its group was durable once (recovery.h).
 *
 * Owns:    nothing; a decoded payload points into the caller's bytes.
 * Threads: any; pure.
 * Limits:  payload 1 to 65,535 bytes.
 */
#ifndef METERING_JOURNAL_RECORD_H
#define METERING_JOURNAL_RECORD_H

#include "base/err.h"
#include "base/str.h"

#define RECORD_CALL_BYTES    16
#define RECORD_HEAD_BYTES    44
#define RECORD_FRAME_BYTES   (RECORD_HEAD_BYTES + 4) /* around the payload */
#define RECORD_PAYLOAD_BYTES 65535
#define RECORD_BYTES	     (RECORD_FRAME_BYTES + RECORD_PAYLOAD_BYTES)

/* Stored on disk: never renumber. 0 is the preallocated nothing behind the last record. */
enum record_type {
	RECORD_INTENT = 1,
	RECORD_SETTLE = 2,
	RECORD_PROGRESS = 3,  /* how far an open call got; no verdict */
	RECORD_DECISION = 4,  /* a call that was not forwarded */
	RECORD_LIFECYCLE = 5, /* start, stop, reload */
};
#define RECORD_TYPE_MAX RECORD_LIFECYCLE

/* One try of one call: joins its INTENT, PROGRESS and SETTLE. All zero for LIFECYCLE. */
struct record_key {
	uint8_t call[RECORD_CALL_BYTES]; /* the request id */
	uint16_t attempt;
};

struct record {
	uint64_t sequence; /* from 1, without gaps, per gateway */
	uint32_t epoch;	   /* boot that wrote it; (epoch, sequence) grows strictly */
	uint32_t gateway;  /* record_gateway() of its name */
	uint32_t lead;
	enum record_type type;
	struct record_key key;
	struct str payload;
};

/* "intent", "settle", ...; static text. */
const char *record_type_name(enum record_type type);
/* Short hash of the gateway's configured id; never 0. */
uint32_t record_gateway(struct str gateway_id);
bool record_key_eq(const struct record_key *a, const struct record_key *b);

static inline size_t record_size(size_t payload_len)
{
	return RECORD_FRAME_BYTES + payload_len;
}

/* Writes record_size(payload.len) bytes; the payload may already stand at out + RECORD_HEAD_BYTES.
 * Returns the frame's size. */
size_t record_encode(const struct record *record, uint8_t *out);
/* Takes the frame at the front of `in`. ERR_NOT_FOUND: zeros, the end of what was written;
 * ERR_LIMIT: `in` is too short to hold it (size so far in *out_size);
 * ERR_DAMAGED: does not verify. */
MUST_CHECK enum err record_decode(struct str in, struct record *out, size_t *out_size);

#endif
