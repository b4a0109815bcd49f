/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http/grammar.h"

#define T GRAMMAR_TOKEN
#define V GRAMMAR_VALUE
#define Q GRAMMAR_TARGET
#define P GRAMMAR_PATH
#define H GRAMMAR_HOST
#define A GRAMMAR_ADDRESS

const uint8_t grammar_classes[256] = {
	['\t'] = V,
	[' '] = V,
	['!'] = T | V | Q | P,
	['"'] = V | Q,
	['#'] = T | V,
	['$'] = T | V | Q | P,
	['%'] = T | V | Q,
	['&'] = T | V | Q | P,
	['\''] = T | V | Q | P,
	['(' ... ')'] = V | Q | P,
	['*' ... '+'] = T | V | Q | P,
	[','] = V | Q | P,
	['-'] = T | V | Q | P | H,
	['.'] = T | V | Q | P | H | A,
	['/'] = V | Q | P,
	['0' ... '9'] = T | V | Q | P | H | A,
	[':'] = V | Q | P | A,
	[';' ... '<'] = V | Q,
	['='] = V | Q | P,
	['>' ... '?'] = V | Q,
	['@'] = V | Q | P,
	['A' ... 'F'] = T | V | Q | P | H | A,
	['G' ... 'Z'] = T | V | Q | P | H,
	['[' ... ']'] = V | Q,
	['^'] = T | V | Q,
	['_'] = T | V | Q | P | H,
	['`'] = T | V | Q,
	['a' ... 'f'] = T | V | Q | P | H | A,
	['g' ... 'z'] = T | V | Q | P | H,
	['{'] = V | Q,
	['|'] = T | V | Q,
	['}'] = V | Q,
	['~'] = T | V | Q | P,
	[0x80 ... 0xff] = V,
};

#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

size_t grammar_span(struct str s, enum grammar_class class)
{
	size_t i = 0;

	while (i < s.len && grammar_is(s.ptr[i], class))
		i++;
	return i;
}

/* True if one of eight bytes may be a control: exact save for HTAB, which it reports too. */
static bool has_control(uint64_t word)
{
	uint64_t del = word ^ BYTES(0x7f);
	uint64_t low = (word - BYTES(0x20)) & ~word;

	return ((low | ((del - BYTES(1)) & ~del)) & BYTES(0x80)) != 0;
}

bool grammar_is_value(struct str s)
{
	size_t i = 0;

	for (; s.len - i >= 8; i += 8) {
		uint64_t word;

		memcpy(&word, s.ptr + i, sizeof(word));
		if (has_control(word) && grammar_span(str_make(s.ptr + i, 8), GRAMMAR_VALUE) != 8)
			return false;
	}
	return grammar_span(str_make(s.ptr + i, s.len - i), GRAMMAR_VALUE) == s.len - i;
}

bool grammar_is_token(struct str s)
{
	return s.len > 0 && grammar_span(s, GRAMMAR_TOKEN) == s.len;
}

static bool is_port(struct str s)
{
	uint64_t port;

	return s.len <= 5 && str_to_u64(s, &port) == OK && port <= UINT16_MAX;
}

bool grammar_is_host(struct str s)
{
	size_t len;

	if (s.len > 0 && s.ptr[0] == '[') {
		len = 1 + grammar_span(str_make(s.ptr + 1, s.len - 1), GRAMMAR_ADDRESS);
		if (len < 3 || len == s.len || s.ptr[len] != ']')
			return false;
		len++;
	} else {
		len = grammar_span(s, GRAMMAR_HOST);
	}
	if (len == 0 || len == s.len)
		return len != 0;
	return s.ptr[len] == ':' && is_port(str_make(s.ptr + len + 1, s.len - len - 1));
}

bool grammar_is_path(struct str s)
{
	if (s.len == 0 || s.ptr[0] != '/' || grammar_span(s, GRAMMAR_PATH) != s.len)
		return false;
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i - 1] == '/' && (s.ptr[i] == '/' || s.ptr[i] == '.'))
			return false;
	}
	return true;
}
