/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may cross the gateway: which fields and query parameters of a caller go
 * on to the upstream, and which fields of its answer come back. What would let
 * a caller speak for somebody else, choose another route or show its own key
 * stays here, and so does what would tell the upstream's key.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  credentials shorter than CROSSING_SECRET_BYTES are too common to be
 *          looked for in answers.
 */
#ifndef GATEWAY_PROXY_CROSSING_H
#define GATEWAY_PROXY_CROSSING_H

#include "base/arena.h"
#include "gateway/http/message.h"

#define CROSSING_SECRET_BYTES 8

/* A caller's field, or one of the answer. '_' and '-' are the same letter here. */
bool crossing_to_upstream(const struct head *head, const struct field *field);
bool crossing_to_client(const struct head *head, const struct field *field);
/* Is a the name b, to a reader that takes '_' for '-'? */
bool crossing_is_name(struct str a, struct str b);

/* The parameters that official clients need ("api-version=...", "beta=true"), without '?'; empty
 * when there are none, unset past the arena's cap. */
struct str crossing_query(struct arena *arena, struct str query);

/* The part of a credential field's value that must not be told: behind its scheme. Unset when there
 * is none worth looking for. */
struct str crossing_secret(const struct field *credential);
/* True if text holds the secret; an unset secret is nowhere. */
bool crossing_tells(struct str text, struct str secret);

#endif
