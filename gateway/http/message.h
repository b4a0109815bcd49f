/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP heads as views: what a codec reports and what a session writes. The
 * same for every version of the protocol.
 *
 * Owns:    nothing. Views point into the codec's input until message_copy puts
 *          the bytes into an arena.
 * Threads: any.
 * Limits:  MESSAGE_FIELDS fields; total bytes by the codec's limits.
 */
#ifndef GATEWAY_HTTP_MESSAGE_H
#define GATEWAY_HTTP_MESSAGE_H

#include "base/arena.h"
#include "base/str.h"

#define MESSAGE_FIELDS 100

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_PATCH,
	METHOD_COUNT,
};

/* Fields the program knows, from headers.def (lower case names); HEADER_OTHER is the rest. */
enum header {
	HEADER_OTHER,
#define HEADER_ROW(id, name, flags) id,
#include "gateway/http/headers.def"
	HEADER_COUNT
};

struct field {
	struct str name; /* as written; compare without case */
	struct str value; /* trimmed */
	enum header id;
};

enum framing {
	FRAMING_NONE,
	FRAMING_LENGTH,
	FRAMING_CHUNKED,
	FRAMING_CLOSE, /* responses only: until the other side closes */
};

struct head {
	/* request */
	enum method method;
	struct str target; /* origin form as written: path and query */
	struct str path;   /* target up to '?' */
	struct str query;  /* behind it; unset without '?' */
	/* response */
	unsigned status;
	/* both */
	unsigned minor; /* HTTP/1.minor */
	struct field fields[MESSAGE_FIELDS];
	size_t field_count;
	enum framing framing;
	uint64_t content_length; /* when FRAMING_LENGTH */
	bool keep_alive;
	bool expects_continue;
	bool has_upgrade;
};

/* First field with that id, or NULL. */
const struct field *head_find(const struct head *head, enum header id);
/* Value of it, or unset. */
struct str head_value(const struct head *head, enum header id);
/* How many fields have that id. */
size_t head_count(const struct head *head, enum header id);
/* By name without case, for names that are not in the table. */
struct str head_value_by_name(const struct head *head, struct str name);

/* A copy whose bytes and field array live in the arena (only as many fields as there are);
 * NULL past the arena's cap. */
struct head *head_copy(struct arena *arena, const struct head *head);

struct str method_name(enum method method);
/* Reason phrase of a status, "" when unknown. */
struct str status_reason(unsigned status);

/* Head to be written: built by the owner, serialised by the session. The one choke point where a
 * CR, LF or NUL in any name or value is refused (ERR_INTERNAL). */
struct head_out {
	enum method method; /* request */
	struct str target;
	struct str host;
	unsigned status; /* response; 0 = this is a request */
	const struct field *fields; /* without framing and connection fields: the session adds them */
	size_t field_count;
	enum framing framing;
	uint64_t content_length;
};

#endif
