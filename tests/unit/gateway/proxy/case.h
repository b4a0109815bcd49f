/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot with the gateway's schema and example policies, two upstreams,
 * four models, prices and the three people of the golden decisions; and
 * requests on it that have been read but not yet decided.
 *
 * Owns:    what the makers return is the caller's to free.
 * Threads: one.
 * Limits:  none.
 */
#ifndef TESTS_UNIT_GATEWAY_PROXY_CASE_H
#define TESTS_UNIT_GATEWAY_PROXY_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/proxy/request.h"

#define CASE_NOW_NS 1795424400000000000LL /* 2026-11-23T09:00:00Z, a Monday */

/* gpt-x (priced), embed-x (priced), iris (kserve, priced by row), free-x (no price). */
void case_options(struct snapshot_options *out);
struct snapshot *case_snapshot(void);
/* NULL when it is refused; diag says why. */
struct snapshot *case_snapshot_of(const struct snapshot_options *options, struct diag *diag);
/* ana, bob, etl. */
const struct principal *case_principal(const char *name);
/* A draft with nothing but a kind and a name. */
struct principal case_draft(enum principal_kind kind, struct str id);
/* A copy with the policy entity hung on it. */
const struct principal *case_principal_of(const struct principal *draft);
/* Takes the principal's reference, holds one of snap. body NULL: none was sent. */
struct request *case_request(struct snapshot *snap, const struct principal *principal,
			     enum method method, const char *path, const char *body);
void case_request_free(struct request *req);

#endif
