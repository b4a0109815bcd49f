/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/record.h"

#include "base/crypt.h"

static void put_u16(uint8_t *out, uint16_t v)
{
	out[0] = (uint8_t)v;
	out[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *out, uint32_t v)
{
	put_u16(out, (uint16_t)v);
	put_u16(out + 2, (uint16_t)(v >> 16));
}

static void put_u64(uint8_t *out, uint64_t v)
{
	put_u32(out, (uint32_t)v);
	put_u32(out + 4, (uint32_t)(v >> 32));
}

static uint16_t get_u16(const uint8_t *in)
{
	return (uint16_t)(in[0] | (unsigned)in[1] << 8);
}

static uint32_t get_u32(const uint8_t *in)
{
	return get_u16(in) | (uint32_t)get_u16(in + 2) << 16;
}

static uint64_t get_u64(const uint8_t *in)
{
	return get_u32(in) | (uint64_t)get_u32(in + 4) << 32;
}

const char *record_type_name(enum record_type type)
{
	switch (type) {
	case RECORD_INTENT: return "intent";
	case RECORD_SETTLE: return "settle";
	case RECORD_PROGRESS: return "progress";
	case RECORD_DECISION: return "decision";
	case RECORD_LIFECYCLE: return "lifecycle";
	}
	return "unknown";
}

uint32_t record_gateway(struct str gateway_id)
{
	uint32_t hash = crypt_crc32c(0, gateway_id.ptr, gateway_id.len);

	return hash == 0 ? 1 : hash;
}

bool record_key_eq(const struct record_key *a, const struct record_key *b)
{
	return a->attempt == b->attempt && memcmp(a->call, b->call, RECORD_CALL_BYTES) == 0;
}

size_t record_encode(const struct record *record, uint8_t *out)
{
	size_t len = record->payload.len;
	uint8_t *payload = out + RECORD_HEAD_BYTES;

	ASSERT(len > 0 && len <= RECORD_PAYLOAD_BYTES);
	ASSERT(record->type >= RECORD_INTENT && record->type <= RECORD_TYPE_MAX);
	ASSERT(record->gateway != 0 && record->sequence > record->lead);
	put_u32(out, (uint32_t)len);
	out[4] = (uint8_t)record->type;
	out[5] = 0;
	put_u16(out + 6, record->key.attempt);
	put_u32(out + 8, record->gateway);
	put_u32(out + 12, record->epoch);
	put_u64(out + 16, record->sequence);
	put_u32(out + 24, record->lead);
	memcpy(out + 28, record->key.call, RECORD_CALL_BYTES);
	if (record->payload.ptr != (const char *)payload)
		memcpy(payload, record->payload.ptr, len);
	put_u32(payload + len, crypt_crc32c(0, out, RECORD_HEAD_BYTES + len));
	return record_size(len);
}

static bool is_zero(const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (in[i] != 0)
			return false;
	return true;
}

/* What can be said before the checksum; cheap, so that a search can try every offset. */
static bool is_plausible(const uint8_t *head)
{
	uint32_t len = get_u32(head);

	return len > 0 && len <= RECORD_PAYLOAD_BYTES && head[4] >= RECORD_INTENT &&
	       head[4] <= RECORD_TYPE_MAX && head[5] == 0 && get_u32(head + 8) != 0 &&
	       get_u64(head + 16) > get_u32(head + 24);
}

enum err record_decode(struct str in, struct record *out, size_t *out_size)
{
	const uint8_t *head = (const uint8_t *)in.ptr;
	size_t len;

	if (in.len < RECORD_HEAD_BYTES) {
		if (in.len == 0 || is_zero(head, in.len))
			return ERR_NOT_FOUND;
		*out_size = RECORD_HEAD_BYTES;
		return ERR_LIMIT;
	}
	if (!is_plausible(head))
		return is_zero(head, RECORD_HEAD_BYTES) ? ERR_NOT_FOUND : ERR_DAMAGED;
	len = get_u32(head);
	if (in.len < record_size(len)) {
		*out_size = record_size(len);
		return ERR_LIMIT;
	}
	if (crypt_crc32c(0, head, RECORD_HEAD_BYTES + len) !=
	    get_u32(head + RECORD_HEAD_BYTES + len))
		return ERR_DAMAGED;
	*out = (struct record){.sequence = get_u64(head + 16),
			       .epoch = get_u32(head + 12),
			       .gateway = get_u32(head + 8),
			       .lead = get_u32(head + 24),
			       .type = (enum record_type)head[4],
			       .key.attempt = get_u16(head + 6),
			       .payload = str_make(in.ptr + RECORD_HEAD_BYTES, len)};
	memcpy(out->key.call, head + 28, RECORD_CALL_BYTES);
	*out_size = record_size(len);
	return OK;
}
