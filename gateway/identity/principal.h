/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is calling, and everything that policy and metering may ask about it.
 * Built once, when a key file is loaded or a token verified, then never changed,
 * so that a prebuilt policy entity can hang on it for as long as it lives.
 *
 * Owns:    all its text, in the one block that the struct begins; and the
 *          attachment, which principal_ops.detach frees with the last reference.
 * Threads: immutable; the reference count is atomic, so any thread may hold one.
 * Limits:  PRINCIPAL_LIST entries per list, PRINCIPAL_TEXT bytes per text.
 */
#ifndef GATEWAY_IDENTITY_PRINCIPAL_H
#define GATEWAY_IDENTITY_PRINCIPAL_H

#include "base/str.h"

#define PRINCIPAL_LIST 256
#define PRINCIPAL_TEXT 1024

enum principal_kind {
	PRINCIPAL_USER,
	PRINCIPAL_SERVICE,
};

enum principal_method {
	PRINCIPAL_API_KEY,
	PRINCIPAL_JWT,
	PRINCIPAL_MTLS,
};

struct str_list {
	const struct str *items;
	size_t count;
};

enum attribute_type {
	ATTRIBUTE_STRING,
	ATTRIBUTE_LONG,
	ATTRIBUTE_BOOL,
	ATTRIBUTE_SET, /* of strings */
};

/* Which of the four values counts is told by type; the others are zero. */
struct attribute {
	struct str name;
	enum attribute_type type;
	struct str text;
	int64_t number;
	bool flag;
	struct str_list set;
};

/* Text that is not known is empty, never unset. */
struct principal {
	enum principal_kind kind;
	enum principal_method method;
	struct str id; /* without its kind: "ana" of User::"ana" */
	struct str bu;
	struct str team;
	struct str project;
	struct str key_id; /* id of the API key, or "<issuer name>/<kid>" */
	struct str issuer; /* the iss claim; empty for API keys */
	struct str_list roles;
	struct str_list groups;
	struct str_list scopes;
	const struct attribute *attributes;
	size_t attribute_count;
	int64_t expires_ns; /* wall clock; INT64_MAX: never */
	bool has_mfa;
	void *attachment; /* what principal_ops.attach returned; NULL without ops */
};

/* How the owner of a higher floor hangs its own form of the principal on it. attach runs once,
 * when the principal is complete save for the attachment; it may return NULL. detach runs on
 * whichever thread drops the last reference, and never for NULL. arg must outlive both. */
struct principal_ops {
	void *(*attach)(void *arg, const struct principal *principal);
	void (*detach)(void *arg, void *attachment);
	void *arg;
};

/* A deep copy of draft (whose views may die afterwards) with one reference; ops may be NULL and is
 * copied. draft->attachment is ignored. ERR_LIMIT when a list or text is too long. */
MUST_CHECK enum err principal_new(const struct principal *draft, const struct principal_ops *ops,
				  const struct principal **out);
const struct principal *principal_ref(const struct principal *principal);
/* NULL is fine. */
void principal_unref(const struct principal *principal);

/* "User" or "Service", as in the policy schema. */
const char *principal_kind_name(enum principal_kind kind);
const char *principal_method_name(enum principal_method method);
/* NULL: no such attribute. */
const struct attribute *principal_attribute(const struct principal *principal, struct str name);
bool str_list_has(struct str_list list, struct str item);

#endif
