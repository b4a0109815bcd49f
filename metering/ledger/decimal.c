/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/decimal.h"

#define PICO_DIGITS 12

/* The magnitude of the smallest value does not fit its own type. */
static unsigned __int128 magnitude(__int128 value)
{
	return value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
}

static size_t print(bool is_negative, unsigned __int128 value, unsigned decimals, bool keep_zeros,
		    char out[static DECIMAL_SIZE])
{
	char reversed[DECIMAL_SIZE];
	size_t len = 0;
	size_t at = 0;
	bool is_significant = keep_zeros;

	for (unsigned i = 0; i < decimals; i++, value /= 10) {
		is_significant = is_significant || value % 10 != 0;
		if (is_significant)
			reversed[len++] = (char)('0' + (int)(value % 10));
	}
	if (len > 0)
		reversed[len++] = '.';
	do {
		reversed[len++] = (char)('0' + (int)(value % 10));
		value /= 10;
	} while (value != 0);
	if (is_negative)
		out[at++] = '-';
	while (len > 0)
		out[at++] = reversed[--len];
	out[at] = '\0';
	return at;
}

size_t decimal_int(__int128 value, char out[static DECIMAL_SIZE])
{
	return print(value < 0, magnitude(value), 0, true, out);
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

size_t decimal_pico(__int128 pico, char out[static DECIMAL_SIZE])
{
	return print(pico < 0, magnitude(pico), PICO_DIGITS, false, out);
}

size_t decimal_pico_rounded(__int128 pico, unsigned digits, char out[static DECIMAL_SIZE])
{
	unsigned __int128 value = magnitude(pico);
	unsigned __int128 unit = 1;
	unsigned __int128 rest;

	ASSERT(digits <= PICO_DIGITS);
	for (unsigned i = digits; i < PICO_DIGITS; i++)
		unit *= 10;
	rest = value % unit;
	value /= unit;
	if (rest * 2 > unit || (rest * 2 == unit && value % 2 == 1))
		value++;
	return print(pico < 0 && value != 0, value, digits, true, out);
}
