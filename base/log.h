/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event, one line, logfmt, on stderr. A chain worker -> conn -> request
 * prints ids and what was being done at the time. Values are escaped, so one
 * event is always one line; secrets are printed by LOG_SECRET as their length.
 *
 *   log_warn(&req->log, "upstream_retry", "attempt=%u err=%s", n, err_label(e));
 *   2026-11-23T09:00:00.123Z warn upstream_retry worker=1 conn=17 req=01J.. doing="connecting"
 * attempt=1 err=..
 *
 * Where lines go and which levels pass is a sink's, made once by main and passed
 * down the chain; there is no process-wide state. A log without a sink (or a NULL
 * log) writes levels from info on to stderr, unlimited.
 *
 * Owns:    a sink owns its counts, not its descriptor. struct log is embedded and
 *          points to its parent and sink, which outlive it.
 * Threads: any; each line is one write(2).
 * Limits:  a line is cut at 2 KiB; at most 20 lines per event name and second and
 *          sink, the rest is counted and reported when the second is over; 256 event
 *          names are counted apart.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

struct log_sink;

struct log {
	const struct log *parent;
	struct log_sink *sink;
	const char *key;   /* "worker", "conn", "req"; NULL prints no id */
	char id[40];	   /* printed as key=id */
	const char *doing; /* static text, NULL is left out */
};

/* For printf: a text field that is quoted when needed and cannot break the line. */
#define LOG_STR "%s"
/* For printf: a secret, of which only the length (a size_t) is shown. */
#define LOG_SECRET "secret[%zu]"
/* As LOG_STR wants it, in the caller's buf of at least 8 bytes; longer text is cut and ends "..".
 */
const char *log_quote(struct str s, char *buf, size_t cap);

struct log_sink *log_sink_new(int fd);
void log_sink_free(struct log_sink *sink);
/* LEVEL_INFO at first. */
void log_sink_set_level(struct log_sink *sink, enum level level);

/* Takes over the parent's sink; parent may be NULL. */
void log_init(struct log *log, const struct log *parent, const char *key);
/* For the root; logs made from it afterwards have it too. */
void log_set_sink(struct log *log, struct log_sink *sink);
PRINTF_LIKE(2, 3) void log_set_id(struct log *log, const char *fmt, ...);
/* The same for text that stands, cut at 39 bytes: on hot paths. */
void log_set_id_text(struct log *log, struct str id);
bool log_passes(const struct log *log, enum level level);

PRINTF_LIKE(4, 5)
void log_at(enum level level, const struct log *log, const char *event, const char *fmt, ...);

#define log_debug(log, event, ...)                                                                 \
	(log_passes(log, LEVEL_DEBUG) ? log_at(LEVEL_DEBUG, log, event, __VA_ARGS__) : (void)0)
#define log_info(log, event, ...)  log_at(LEVEL_INFO, log, event, __VA_ARGS__)
#define log_warn(log, event, ...)  log_at(LEVEL_WARN, log, event, __VA_ARGS__)
#define log_error(log, event, ...) log_at(LEVEL_ERROR, log, event, __VA_ARGS__)

#endif
