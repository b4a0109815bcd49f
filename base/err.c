/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_row {
	int status;
	bool is_retryable;
	enum level level;
	const char *label;
} err_rows[] = {
#define ERR_ROW(code, status, retryable, level, label) [code] = {status, retryable, level, label},
#include "base/errs.def"
};

_Static_assert(ARRAY_LEN(err_rows) == ERR_COUNT, "one row per error");

static const struct err_row *err_row(enum err err)
{
	ASSERT((unsigned)err < ERR_COUNT);
	return &err_rows[err];
}

int err_status(enum err err)
{
	return err_row(err)->status;
}

bool err_is_retryable(enum err err)
{
	return err_row(err)->is_retryable;
}

enum level err_level(enum err err)
{
	return err_row(err)->level;
}

const char *err_label(enum err err)
{
	return err_row(err)->label;
}

enum err diag_set(struct diag *diag, enum err err, const char *file, unsigned line, unsigned column,
		  const char *fmt, ...)
{
	va_list args;

	if (diag == NULL)
		return err;
	snprintf(diag->file, sizeof(diag->file), "%s", file == NULL ? "" : file);
	diag->line = line;
	diag->column = column;
	diag->source[0] = '\0';
	va_start(args, fmt);
	vsnprintf(diag->text, sizeof(diag->text), fmt, args);
	va_end(args);
	return err;
}

void diag_set_source(struct diag *diag, const char *text, size_t len)
{
	const char *end, *newline;
	size_t copied;

	if (diag == NULL)
		return;
	diag->source[0] = '\0';
	if (diag->line == 0 || len == 0)
		return;
	end = text + len;
	for (unsigned line = 1; line < diag->line; line++) {
		newline = memchr(text, '\n', (size_t)(end - text));
		if (newline == NULL)
			return;
		text = newline + 1;
	}
	newline = memchr(text, '\n', (size_t)(end - text));
	if (newline == NULL)
		newline = end;
	if (newline > text && newline[-1] == '\r')
		newline--;
	copied = MIN((size_t)(newline - text), sizeof(diag->source) - 1);
	memcpy(diag->source, text, copied);
	diag->source[copied] = '\0';
}

/* Blanks up to the column; tabs stay tabs, so that the caret stands right at any tab width. */
static void diag_caret(const struct diag *diag, char out[static sizeof(diag->source) + 1])
{
	size_t at = 0;

	while (at + 1 < diag->column && diag->source[at] != '\0') {
		out[at] = diag->source[at] == '\t' ? '\t' : ' ';
		at++;
	}
	out[at++] = '^';
	out[at] = '\0';
}

size_t diag_print(const struct diag *diag, char *out, size_t cap)
{
	char place[24] = "";
	char caret[sizeof(diag->source) + 1] = "";
	bool has_caret = diag->source[0] != '\0' && diag->column != 0;
	int len;

	if (diag->line != 0 && diag->column != 0)
		snprintf(place, sizeof(place), ":%u:%u", diag->line, diag->column);
	else if (diag->line != 0)
		snprintf(place, sizeof(place), ":%u", diag->line);
	if (has_caret)
		diag_caret(diag, caret);
	len = snprintf(out, cap, "%s%s%s%s%s%s%s%s", diag->file, place,
		       diag->file[0] == '\0' ? "" : ": ", diag->text,
		       diag->source[0] == '\0' ? "" : "\n", diag->source, has_caret ? "\n" : "",
		       caret);
	return len < 0 ? 0 : (size_t)len;
}
