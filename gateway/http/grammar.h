/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte classes of the HTTP grammars (RFC 9110 §5.6, RFC 9112 §3, RFC 3986) and
 * the questions asked of whole texts. Reader and writer ask the same ones.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none; every check is one pass.
 */
#ifndef GATEWAY_HTTP_GRAMMAR_H
#define GATEWAY_HTTP_GRAMMAR_H

#include "base/str.h"

enum grammar_class {
	GRAMMAR_TOKEN = 1,   /* tchar */
	GRAMMAR_VALUE = 2,   /* VCHAR, obs-text, SP, HTAB */
	GRAMMAR_TARGET = 4,  /* VCHAR without '#' */
	GRAMMAR_PATH = 8,    /* pchar and '/', without '%' and ';' */
	GRAMMAR_HOST = 16,   /* letters, digits, "-._" */
	GRAMMAR_ADDRESS = 32 /* hex digits, ':' and '.' of an IPv6 literal */
};

extern const uint8_t grammar_classes[256];

static inline bool grammar_is(char c, enum grammar_class class)
{
	return (grammar_classes[(unsigned char)c] & class) != 0;
}

/* How many leading bytes of s are in the class. */
size_t grammar_span(struct str s, enum grammar_class class);
/* All bytes are field-content; empty is fine. */
bool grammar_is_value(struct str s);
/* At least one byte, all tchar. */
bool grammar_is_token(struct str s);
/* uri-host [":" port], not empty: a name, an IPv4 address or a bracketed IPv6 address. */
bool grammar_is_host(struct str s);
/* A path free of everything that two readers could resolve differently: no escapes, no
 * parameters, no backslash, no empty or dot-led segment. */
bool grammar_is_path(struct str s);

#endif
