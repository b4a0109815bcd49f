/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/decimal.h"

/* The magnitude of the smallest value does not fit its own type. */
static unsigned __int128 magnitude(__int128 value)
{
	return value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
}

size_t decimal_int(__int128 value, char out[static DECIMAL_SIZE])
{
	unsigned __int128 rest = magnitude(value);
	char reversed[DECIMAL_SIZE];
	size_t digits = 0;
	size_t len = 0;

	do {
		reversed[digits++] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	} while (rest != 0);
	if (value < 0)
		out[len++] = '-';
	while (digits > 0)
		out[len++] = reversed[--digits];
	out[len] = '\0';
	return len;
}

enum err decimal_parse_int(struct str text, __int128 *out)
{
	bool is_negative = text.len > 0 && text.ptr[0] == '-';
	__int128 value = 0;

	if (text.len == (size_t)is_negative)
		return ERR_MALFORMED;
	for (size_t i = is_negative; i < text.len; i++) {
		int digit = text.ptr[i] - '0';

		if (digit < 0 || digit > 9)
			return ERR_MALFORMED;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, is_negative ? -digit : digit, &value))
			return ERR_LIMIT;
	}
	*out = value;
	return OK;
}
