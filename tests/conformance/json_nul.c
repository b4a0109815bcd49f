/* SPDX-License-Identifier: Apache-2.0 */
#include "json_nul.h"

#define MARK "\xef\xb7\x90" /* U+FDD0, which is no character */

struct str json_nul_hide(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.len / 3 * 4 + 4);
	size_t len = 0;
	size_t i = 0;

	if (out == NULL)
		return (struct str){NULL, 0};
	while (i < text.len) {
		struct str six = str_sub(text, i, 6);
		bool is_nul = str_eq(six, STR("\\u0000"));
		bool is_mark = str_eq_nocase(six, STR("\\ufdd0"));
		bool is_raw = str_has_prefix(six, STR(MARK));
		size_t step = is_nul || is_mark ? 6 : is_raw ? 3 : text.ptr[i] == '\\' ? 2 : 1;

		step = MIN(step, text.len - i);
		if (is_nul || is_mark || is_raw) {
			memcpy(out + len, is_nul ? MARK "0" : MARK "1", 4);
			len += 4;
		} else {
			memcpy(out + len, text.ptr + i, step);
			len += step;
		}
		i += step;
	}
	return str_make(out, len);
}

struct str json_nul_show(struct arena *arena, struct str decoded)
{
	char *out = arena_alloc(arena, decoded.len + 1);
	size_t len = 0;

	if (out == NULL)
		return (struct str){NULL, 0};
	for (size_t i = 0; i < decoded.len; i++) {
		if (!str_has_prefix(str_sub(decoded, i, 3), STR(MARK))) {
			out[len++] = decoded.ptr[i];
			continue;
		}
		i += 3;
		if (i < decoded.len && decoded.ptr[i] == '0') {
			out[len++] = '\0';
		} else {
			memcpy(out + len, MARK, 3);
			len += 3;
		}
	}
	return str_make(out, len);
}
