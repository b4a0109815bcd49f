/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jnumber.h"

enum {
	STATE_START = JNUMBER_START,
	STATE_SIGN,
	STATE_ZERO,
	STATE_INT,
	STATE_DOT,
	STATE_FRACTION,
	STATE_E,
	STATE_E_SIGN,
	STATE_EXPONENT,
};

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int from_start(char c)
{
	if (c == '-')
		return STATE_SIGN;
	if (c == '0')
		return STATE_ZERO;
	return is_digit(c) ? STATE_INT : -1;
}

static int from_e(char c)
{
	if (c == '+' || c == '-')
		return STATE_E_SIGN;
	return is_digit(c) ? STATE_EXPONENT : -1;
}

/* The state after c, or -1 when c does not continue the number. */
static inline int next_state(int state, char c)
{
	bool is_e = c == 'e' || c == 'E';

	switch (state) {
	case STATE_START: return from_start(c);
	case STATE_SIGN: return c == '-' ? -1 : from_start(c);
	case STATE_ZERO: return c == '.' ? STATE_DOT : is_e ? STATE_E : -1;
	case STATE_INT:
		if (is_digit(c))
			return STATE_INT;
		return c == '.' ? STATE_DOT : is_e ? STATE_E : -1;
	case STATE_DOT: return is_digit(c) ? STATE_FRACTION : -1;
	case STATE_FRACTION: return is_digit(c) ? STATE_FRACTION : is_e ? STATE_E : -1;
	case STATE_E: return from_e(c);
	default: return is_digit(c) ? STATE_EXPONENT : -1;
	}
}

static inline bool takes_digits(int state)
{
	return state == STATE_INT || state == STATE_FRACTION || state == STATE_EXPONENT;
}

const char *jnumber_feed(uint8_t *state, const char *p, const char *end)
{
	int now = *state;

	while (p < end) {
		int next = next_state(now, *p);

		if (next < 0)
			break;
		now = next;
		p++;
		while (takes_digits(now) && p < end && is_digit(*p))
			p++;
	}
	*state = (uint8_t)now;
	return p;
}

bool jnumber_is_whole(uint8_t state)
{
	return state == STATE_ZERO || takes_digits(state);
}
