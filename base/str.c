/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#define STR_DISTANCE_MAX 32

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower((unsigned char)a.ptr[i]) != lower((unsigned char)b.ptr[i]))
			return false;
	return true;
}

bool str_has_prefix(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_make(s.ptr, prefix.len), prefix);
}

bool str_has_suffix(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

int str_cmp(struct str a, struct str b)
{
	size_t common = MIN(a.len, b.len);
	int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

struct str str_sub(struct str s, size_t from, size_t len)
{
	if (s.ptr == NULL)
		return s;
	from = MIN(from, s.len);
	return str_make(s.ptr + from, MIN(len, s.len - from));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

size_t str_index(struct str s, char c)
{
	const char *found = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);

	return found == NULL ? s.len : (size_t)(found - s.ptr);
}

bool str_cut(struct str *s, char sep, struct str *out_head)
{
	size_t at = str_index(*s, sep);
	struct str all = *s;

	*out_head = str_make(all.ptr, at);
	if (at == all.len) {
		*s = (struct str){NULL, 0};
		return false;
	}
	*s = str_make(all.ptr + at + 1, all.len - at - 1);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.ptr[i]))
			return false;
	return s.len > 0;
}

/* True when value had room for one more decimal digit. */
static bool push_digit(uint64_t *value, char c)
{
	return !__builtin_mul_overflow(*value, 10U, value) &&
	       !__builtin_add_overflow(*value, (uint64_t)(c - '0'), value);
}

enum err str_to_u64(struct str s, uint64_t *out)
{
	uint64_t value = 0;

	if (!is_digits(s))
		return ERR_MALFORMED;
	for (size_t i = 0; i < s.len; i++)
		if (!push_digit(&value, s.ptr[i]))
			return ERR_LIMIT;
	*out = value;
	return OK;
}

/* The magnitude of a negative number may be one more than INT64_MAX. */
static enum err signed_from(uint64_t magnitude, bool is_negative, int64_t *out)
{
	if (magnitude > (uint64_t)INT64_MAX + (is_negative ? 1U : 0U))
		return ERR_LIMIT;
	*out = is_negative ? (int64_t)(0U - magnitude) : (int64_t)magnitude;
	return OK;
}

static bool take_minus(struct str *s)
{
	if (s->len == 0 || s->ptr[0] != '-')
		return false;
	s->ptr++;
	s->len--;
	return true;
}

enum err str_to_i64(struct str s, int64_t *out)
{
	bool is_negative = take_minus(&s);
	uint64_t magnitude = 0;
	enum err err = str_to_u64(s, &magnitude);

	return err != OK ? err : signed_from(magnitude, is_negative, out);
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err str_to_hex64(struct str s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.len == 0)
		return ERR_MALFORMED;
	for (size_t i = 0; i < s.len; i++) {
		if (hex_value(s.ptr[i]) < 0)
			return ERR_MALFORMED;
		value = value << 4 | (uint64_t)hex_value(s.ptr[i]);
	}
	if (s.len > 16)
		return ERR_LIMIT;
	*out = value;
	return OK;
}

enum err str_to_scaled(struct str s, unsigned digits, int64_t *out)
{
	bool is_negative = take_minus(&s);
	struct str whole;
	bool has_point = str_cut(&s, '.', &whole);
	uint64_t magnitude = 0;

	if (!is_digits(whole) || (has_point && !is_digits(s)))
		return ERR_MALFORMED;
	for (size_t i = digits; i < s.len; i++)
		if (s.ptr[i] != '0')
			return ERR_MALFORMED;
	for (size_t i = 0; i < whole.len; i++)
		if (!push_digit(&magnitude, whole.ptr[i]))
			return ERR_LIMIT;
	for (size_t i = 0; i < digits; i++)
		if (!push_digit(&magnitude, i < s.len ? s.ptr[i] : '0'))
			return ERR_LIMIT;
	return signed_from(magnitude, is_negative, out);
}

/* Length of the well-formed sequence at p (Unicode table 3-7), or 0. */
static size_t utf8_sequence(const unsigned char *p, size_t len)
{
	unsigned char low = 0x80, high = 0xBF;
	size_t need;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	need = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (p[0] == 0xE0)
		low = 0xA0; /* overlong */
	else if (p[0] == 0xED)
		high = 0x9F; /* surrogates */
	else if (p[0] == 0xF0)
		low = 0x90; /* overlong */
	else if (p[0] == 0xF4)
		high = 0x8F; /* above U+10FFFF */
	if (len < need || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return need;
}

bool str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t at = 0;

	while (at < s.len) {
		uint64_t word;
		size_t step;

		if (s.len - at >= sizeof(word)) {
			memcpy(&word, p + at, sizeof(word));
			if ((word & 0x8080808080808080U) == 0) {
				at += sizeof(word);
				continue;
			}
		}
		step = utf8_sequence(p + at, s.len - at);
		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

unsigned str_distance(struct str a, struct str b)
{
	unsigned row[STR_DISTANCE_MAX + 1];

	if (a.len > STR_DISTANCE_MAX || b.len > STR_DISTANCE_MAX)
		return 99;
	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1] ? 1 : 0);

			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[b.len];
}
