/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON for machines that read a command's answer: members and elements
 * in order, commas and escapes by itself.
 *
 *   json_out_open(o, NULL, '{'); json_out_str(o, "id", id); json_out_close(o, '}');
 *
 * Owns:    its buffer, until fini.
 * Threads: one user at a time.
 * Limits:  max at init; past it everything more is dropped and print says so.
 */
#ifndef GATEWAY_CLI_JSON_OUT_H
#define GATEWAY_CLI_JSON_OUT_H

#include <stdio.h>

#include "base/buf.h"

struct json_out {
	struct buf buf;
	bool wants_comma;
	enum err err; /* sticks */
};

void json_out_init(struct json_out *out, size_t max);
void json_out_fini(struct json_out *out);

/* key is the member's name; NULL in an array and for the whole. */
void json_out_open(struct json_out *out, const char *key, char bracket);
void json_out_close(struct json_out *out, char bracket);
/* An unset text is null. */
void json_out_str(struct json_out *out, const char *key, struct str text);
void json_out_number(struct json_out *out, const char *key, uint64_t number);
void json_out_bool(struct json_out *out, const char *key, bool b);
/* JSON text as it is. */
void json_out_raw(struct json_out *out, const char *key, struct str json);

/* Writes what there is with a line end and empties it. ERR_LIMIT when something was dropped,
 * ERR_IO when the stream refused. */
MUST_CHECK enum err json_out_print(struct json_out *out, FILE *file);

#endif
