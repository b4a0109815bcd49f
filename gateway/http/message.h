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

/* Columns of headers.def. */
enum header_flag {
	HEADER_HOP = 1,
	HEADER_SINGLE = 2,
	HEADER_SECRET = 4,
};

struct field {
	struct str name;  /* as written; compare without case */
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
	enum framing framing;
	uint64_t content_length; /* when FRAMING_LENGTH */
	bool keep_alive;
	bool expects_continue;
	bool has_upgrade;
	size_t field_count;
	struct field fields[MESSAGE_FIELDS]; /* last: a copy holds field_count of them only */
};

/* By name without case; the name must be a token. HEADER_OTHER when it is not in the table. */
enum header header_find(struct str name);
/* The same with '_' read as '-': what a careless reader would take it for. */
enum header header_find_lookalike(struct str name);
/* Set of enum header_flag; 0 for HEADER_OTHER. */
unsigned header_flags(enum header id);

/* First field with that id, or NULL. */
const struct field *head_find(const struct head *head, enum header id);
/* Value of it, or unset. */
struct str head_value(const struct head *head, enum header id);
/* How many fields have that id. */
size_t head_count(const struct head *head, enum header id);
/* By name without case, for names that are not in the table. */
struct str head_value_by_name(const struct head *head, struct str name);

/* True for fields that belong to the connection: HOP in headers.def or named by Connection. */
bool head_is_hop(const struct head *head, const struct field *field);

/* A copy whose bytes and field array live in the arena (only as many fields as there are);
 * NULL past the arena's cap. */
struct head *head_copy(struct arena *arena, const struct head *head);

/* False when unknown; names are case-sensitive. */
bool method_find(struct str name, enum method *out);
struct str method_name(enum method method);
/* Reason phrase of a status, "" when unknown. */
struct str status_reason(unsigned status);

/* Head to be written: built by the owner, serialised by the session. The one choke point where a
 * CR, LF or NUL in any name or value is refused (ERR_INTERNAL). */
struct head_out {
	enum method method; /* request; in a response: what it answers (the session knows) */
	struct str target;
	struct str host;
	unsigned status; /* response; 0 = this is a request */
	const struct field
		*fields; /* without framing and connection fields: the session adds them */
	size_t field_count;
	enum framing framing;
	uint64_t content_length;
};

#endif
