/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jescape.h"

#include <string.h>

enum {
	STATE_CLOSED,
	STATE_NAME, /* the byte behind the backslash */
	STATE_HEX_1,
	STATE_HEX_2,
	STATE_HEX_3,
	STATE_HEX_4,
	STATE_LOW_BACKSLASH, /* behind a high surrogate only \u may follow */
	STATE_LOW_U,
};

void jescape_begin(struct jescape *escape)
{
	*escape = (struct jescape){.state = STATE_NAME};
}

static size_t put_code_point(char *out, uint32_t code)
{
	static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3F));
		code >>= 6;
	}
	out[0] = (char)(leads[len] | code);
	return len;
}

/* Four hex digits are read: a code unit, perhaps half of a pair. */
static bool code_unit(struct jescape *escape, char *out, size_t *out_len)
{
	bool is_high = escape->code >= 0xD800 && escape->code <= 0xDBFF;
	bool is_low = escape->code >= 0xDC00 && escape->code <= 0xDFFF;
	uint32_t code = escape->code;

	if (is_low != (escape->high != 0))
		return false;
	if (is_high) {
		escape->high = escape->code;
		escape->state = STATE_LOW_BACKSLASH;
		return true;
	}
	if (is_low)
		code = 0x10000 + ((escape->high - 0xD800U) << 10) + (code - 0xDC00U);
	*out_len = put_code_point(out, code);
	escape->state = STATE_CLOSED;
	return true;
}

static bool hex_digit(struct jescape *escape, char c, char *out, size_t *out_len)
{
	unsigned digit;

	if (c >= '0' && c <= '9')
		digit = (unsigned)(c - '0');
	else if (c >= 'a' && c <= 'f')
		digit = (unsigned)(c - 'a') + 10;
	else if (c >= 'A' && c <= 'F')
		digit = (unsigned)(c - 'A') + 10;
	else
		return false;
	escape->code = (uint16_t)((escape->code << 4 & 0xFFFF) | digit);
	if (escape->state == STATE_HEX_4)
		return code_unit(escape, out, out_len);
	escape->state++;
	return true;
}

static bool hex_begin(struct jescape *escape)
{
	escape->code = 0;
	escape->state = STATE_HEX_1;
	return true;
}

static bool name_byte(struct jescape *escape, char c, char *out, size_t *out_len)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	const char *name = memchr(names, c, sizeof(names) - 1);

	if (c == 'u')
		return hex_begin(escape);
	if (name == NULL)
		return false;
	out[0] = values[name - names];
	*out_len = 1;
	escape->state = STATE_CLOSED;
	return true;
}

bool jescape_feed(struct jescape *escape, char c, char out[static JESCAPE_OUT], size_t *out_len)
{
	ASSERT(escape->state != STATE_CLOSED);
	*out_len = 0;
	switch (escape->state) {
	case STATE_NAME: return name_byte(escape, c, out, out_len);
	case STATE_LOW_BACKSLASH: escape->state = STATE_LOW_U; return c == '\\';
	case STATE_LOW_U: return c == 'u' && hex_begin(escape);
	default: return hex_digit(escape, c, out, out_len);
	}
}
