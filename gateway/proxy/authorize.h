/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this principal do this with this model? The question is put to policy in
 * the gateway schema's terms; deny by default, and deny when it cannot be put.
 *
 * Owns:    nothing; a decision lives in the request's arena.
 * Threads: the request's worker.
 * Limits:  the arena's.
 */
#ifndef GATEWAY_PROXY_AUTHORIZE_H
#define GATEWAY_PROXY_AUTHORIZE_H

#include "gateway/proxy/request.h"

/* What the caller declares about a call in x-tollgate-* fields, read and stripped here. */
struct declared {
	int64_t data_class;
	bool is_pii;
	struct str purpose;
	bool is_annex_iii;
	bool has_human_oversight;
	struct str fria_id; /* unset: none */
};

/* ERR_MALFORMED: a field stands twice or has no proper value; *out_field names it. */
MUST_CHECK enum err declared_read(const struct head *head, struct declared *out,
				  struct str *out_field);

/* Decides req's own operation on req->model into req->decision. ERR_MALFORMED: the caller or the
 * call does not fit the schema, req->misfit says how; that and any other error must deny. */
MUST_CHECK enum err authorize_request(struct request *req, const struct declared *declared);
/* For lists: would a plain call (Invoke or Embed) of that model be allowed? */
bool authorize_may_use(struct request *req, const struct model *model);

#endif
