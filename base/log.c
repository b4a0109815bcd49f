/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_BYTES	     2048
#define LOG_LINES_PER_SECOND 20
#define LOG_EVENTS	     256 /* names counted apart; those that find no place are not limited */
#define LOG_CHAIN	     8
#define LOG_PROBES	     8

struct log_event {
	_Atomic(const char *) name;
	_Atomic int64_t second;
	_Atomic unsigned lines;
	_Atomic unsigned suppressed;
};

struct log_sink {
	int fd;
	_Atomic int level;
	_Atomic int64_t suppressed_in; /* a second in which lines were held back; 0: none */
	struct log_event events[LOG_EVENTS];
};

struct log_line {
	size_t len;
	char bytes[LOG_LINE_BYTES];
};

struct log_sink *log_sink_new(int fd)
{
	struct log_sink *sink = base_alloc(sizeof(*sink));

	sink->fd = fd;
	sink->level = LEVEL_INFO;
	return sink;
}

void log_sink_free(struct log_sink *sink)
{
	free(sink);
}

void log_sink_set_level(struct log_sink *sink, enum level level)
{
	atomic_store(&sink->level, (int)level);
}

void log_init(struct log *log, const struct log *parent, const char *key)
{
	*log = (struct log){
		.parent = parent,
		.sink = parent == NULL ? NULL : parent->sink,
		.key = key,
	};
}

void log_set_sink(struct log *log, struct log_sink *sink)
{
	log->sink = sink;
}

void log_set_id(struct log *log, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(log->id, sizeof(log->id), fmt, args);
	va_end(args);
}

void log_set_id_text(struct log *log, struct str id)
{
	size_t len = MIN(id.len, sizeof(log->id) - 1);

	memcpy(log->id, id.ptr, len);
	log->id[len] = '\0';
}

bool log_passes(const struct log *log, enum level level)
{
	if (log == NULL || log->sink == NULL)
		return level >= LEVEL_INFO;
	return (int)level >= atomic_load_explicit(&log->sink->level, memory_order_relaxed);
}

/* How many bytes at the front are a character that some readers take for a line's end or that
 * turns the order of what follows: U+0080..U+009F, U+2028..U+202E, U+2066..U+2069. */
static size_t hidden_len(const char *ptr, size_t len)
{
	unsigned char third = len < 3 ? 0 : (unsigned char)ptr[2];

	if (len >= 2 && ptr[0] == '\xc2' && (unsigned char)ptr[1] < 0xa0)
		return 2;
	if (len >= 3 && memcmp(ptr, "\xe2\x80", 2) == 0 && third >= 0xa8 && third <= 0xae)
		return 3;
	if (len >= 3 && memcmp(ptr, "\xe2\x81", 2) == 0 && third >= 0xa6 && third <= 0xa9)
		return 3;
	return 0;
}

static bool needs_quotes(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7F)
			return true;
	}
	return s.len == 0;
}

/* The form of one byte inside quotes: itself, a letter escape or \xNN. Returns its length. */
static size_t escape_byte(unsigned char c, bool is_hidden, char out[static 4])
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	if (c == '"' || c == '\\') {
		out[1] = (char)c;
		return 2;
	}
	if (c == '\n' || c == '\r' || c == '\t') {
		out[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
		return 2;
	}
	if (c >= ' ' && c != 0x7F && !is_hidden) {
		out[0] = (char)c;
		return 1;
	}
	out[1] = 'x';
	out[2] = digits[c >> 4];
	out[3] = digits[c & 15];
	return 4;
}

const char *log_quote(struct str s, char *buf, size_t cap)
{
	bool is_quoted = needs_quotes(s);
	size_t len = 0, hidden_end = 0;

	ASSERT(cap >= 8);
	if (is_quoted)
		buf[len++] = '"';
	for (size_t i = 0; i < s.len; i++) {
		size_t hidden = hidden_len(s.ptr + i, s.len - i);
		char form[4];
		size_t form_len;

		if (hidden > 0)
			hidden_end = i + hidden;
		form_len = escape_byte((unsigned char)s.ptr[i], i < hidden_end, form);

		/* Room is kept for ".." of a cut text, the quote and the NUL. */
		if (len + form_len > cap - 4) {
			buf[len++] = '.';
			buf[len++] = '.';
			break;
		}
		memcpy(buf + len, form, form_len);
		len += form_len;
	}
	if (is_quoted)
		buf[len++] = '"';
	buf[len] = '\0';
	return buf;
}

/* One byte is kept for the newline, one for the NUL. */
PRINTF_LIKE(2, 0) static void line_vprintf(struct log_line *line, const char *fmt, va_list args)
{
	size_t room = sizeof(line->bytes) - 1 - line->len;
	int len = vsnprintf(line->bytes + line->len, room, fmt, args);

	if (len > 0)
		line->len += MIN((size_t)len, room - 1);
}

PRINTF_LIKE(2, 3) static void line_printf(struct log_line *line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line_vprintf(line, fmt, args);
	va_end(args);
}

static void line_begin(struct log_line *line, enum level level, const char *event, int64_t wall_ns)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	char when[CLOCK_RFC3339_SIZE];

	line->len = 0;
	clock_format(wall_ns, 3, when);
	line_printf(line, "%s %s %s", when, names[level], event);
}

/* Ids from the root down; what was being done comes from the nearest that says. */
static void line_chain(struct log_line *line, const struct log *log)
{
	const struct log *chain[LOG_CHAIN];
	const char *doing = NULL;
	size_t depth = 0;

	for (; log != NULL && depth < LOG_CHAIN; log = log->parent) {
		chain[depth++] = log;
		if (doing == NULL)
			doing = log->doing;
	}
	while (depth-- > 0)
		if (chain[depth]->key != NULL && chain[depth]->id[0] != '\0')
			line_printf(line, " %s=%s", chain[depth]->key, chain[depth]->id);
	if (doing != NULL)
		line_printf(line, " doing=\"%s\"", doing);
}

static void line_write(struct log_line *line, int fd)
{
	ssize_t written;

	/* The last guard for "one event is one line": no text can hold a control. */
	for (size_t i = 0; i < line->len; i++) {
		size_t hidden = hidden_len(line->bytes + i, line->len - i);

		if ((unsigned char)line->bytes[i] < ' ' || line->bytes[i] == 0x7F)
			line->bytes[i] = '?';
		memset(line->bytes + i, '?', hidden);
	}
	line->bytes[line->len++] = '\n';
	written = write(fd, line->bytes, line->len);
	/* Nobody is left to tell when the log itself cannot be written. */
	(void)written;
}

static struct log_event *find_event(struct log_sink *sink, const char *name)
{
	uint32_t hash = 2166136261U;

	for (const char *c = name; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	for (unsigned i = 0; i < LOG_PROBES; i++) {
		struct log_event *event = &sink->events[(hash + i) % LOG_EVENTS];
		const char *held = NULL;

		if (atomic_compare_exchange_strong(&event->name, &held, name) ||
		    strcmp(held, name) == 0)
			return event;
	}
	return NULL;
}

/* Says once how many lines were held back, when their second is over. */
static void report_suppressed(struct log_sink *sink, int64_t second, int64_t wall_ns)
{
	int64_t before = atomic_load(&sink->suppressed_in);

	if (before == 0 || before == second ||
	    !atomic_compare_exchange_strong(&sink->suppressed_in, &before, 0))
		return;
	for (size_t i = 0; i < LOG_EVENTS; i++) {
		unsigned lines = atomic_exchange(&sink->events[i].suppressed, 0);
		struct log_line line;

		if (lines == 0)
			continue;
		line_begin(&line, LEVEL_WARN, "log_suppressed", wall_ns);
		line_printf(&line, " event=%s lines=%u", atomic_load(&sink->events[i].name), lines);
		line_write(&line, sink->fd);
	}
}

static bool may_write(struct log_sink *sink, const char *name, int64_t second)
{
	struct log_event *event = find_event(sink, name);

	if (event == NULL)
		return true;
	if (atomic_exchange(&event->second, second) != second)
		atomic_store(&event->lines, 0);
	if (atomic_fetch_add(&event->lines, 1) < LOG_LINES_PER_SECOND)
		return true;
	atomic_fetch_add(&event->suppressed, 1);
	atomic_store(&sink->suppressed_in, second);
	return false;
}

void log_at(enum level level, const struct log *log, const char *event, const char *fmt, ...)
{
	struct log_sink *sink = log == NULL ? NULL : log->sink;
	int64_t wall_ns, second;
	struct log_line line;
	va_list args;

	if (!log_passes(log, level))
		return;
	wall_ns = clock_wall_ns();
	second = wall_ns / CLOCK_NS_PER_S;
	if (sink != NULL) {
		report_suppressed(sink, second, wall_ns);
		if (!may_write(sink, event, second))
			return;
	}
	line_begin(&line, level, event, wall_ns);
	line_chain(&line, log);
	if (fmt[0] != '\0')
		line_printf(&line, " ");
	va_start(args, fmt);
	line_vprintf(&line, fmt, args);
	va_end(args);
	line_write(&line, sink == NULL ? STDERR_FILENO : sink->fd);
}
