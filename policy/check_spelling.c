/* SPDX-License-Identifier: Apache-2.0 */
/* Characters are named by their numbers: shown, they would do again what is warned of. */
#include "policy/check_spelling.h"

#include <stdarg.h>
#include <stdio.h>

#include "policy/script.h"

PRINTF_LIKE(3, 4)
static void warn(const struct check_spelling *spelling, uint32_t at, const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	spelling->on_warning(spelling->arg, at, text);
}

/* The first character of that kind; 0 when there is none. */
static uint32_t find_char(struct str text, bool (*is_kind)(uint32_t c))
{
	while (text.len > 0) {
		uint32_t c = script_next(&text);

		if (is_kind(c))
			return c;
	}
	return 0;
}

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return false;
	return true;
}

static void check_parts(const struct check_spelling *spelling, const char *what,
			const struct str *parts, size_t count, uint32_t at)
{
	struct script_mix mix;
	uint32_t c = 0;

	for (size_t i = 0; i < count && c == 0; i++)
		c = find_char(parts[i], script_is_direction);
	if (c != 0) {
		warn(spelling, at,
		     "the %s holds U+%04X, which changes the direction of what is shown", what,
		     (unsigned)c);
		return;
	}
	script_mix_init(&mix);
	for (size_t i = 0; i < count; i++)
		if (!script_mix_add(&mix, parts[i], &c)) {
			warn(spelling, at,
			     "the %s mixes scripts: U+%04X is of another than what stands before "
			     "it",
			     what, (unsigned)c);
			return;
		}
}

void check_spelling_string(const struct check_spelling *spelling, struct str text, uint32_t at)
{
	if (!is_plain(text))
		check_parts(spelling, "string", &text, 1, at);
}

void check_spelling_pattern(const struct check_spelling *spelling, const struct pattern *pattern,
			    uint32_t at)
{
	check_parts(spelling, "pattern", pattern->pieces, pattern->count, at);
}

/* NUL is odd too, but not to be found by find_char. */
void check_spelling_name(const struct check_spelling *spelling, struct str name, uint32_t at)
{
	bool has_nul = name.len > 0 && memchr(name.ptr, '\0', name.len) != NULL;
	uint32_t c;

	if (is_plain(name))
		return;
	c = find_char(name, script_is_odd);
	if ((c == 0 && !has_nul) || find_char(name, script_is_direction) != 0)
		check_parts(spelling, "name", &name, 1, at);
	else
		warn(spelling, at, "the name holds U+%04X, which names are not made of",
		     (unsigned)c);
}
