/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of an HTTP/1 head, one function per production, and the rules that
 * need the whole head: Host, framing, Expect, Connection. Lines come without
 * their CR LF.
 *
 * Owns:    nothing; the head's views point into the lines.
 * Threads: any.
 * Limits:  given by the caller per call.
 */
#ifndef GATEWAY_HTTP_H1_HEAD_H
#define GATEWAY_HTTP_H1_HEAD_H

#include "gateway/http/h1.h"

/* request-line: also target, path, query, and the authority of an absolute-form target. */
enum refusal h1_head_request_line(struct str line, const struct h1_limits *limits,
				  struct head *head, struct str *out_authority);
enum refusal h1_head_status_line(struct str line, struct head *head);
/* field-line, appended to head->fields. */
enum refusal h1_head_field(struct str line, const struct h1_limits *limits, struct head *head);
/* A field-line of the trailer section: checked and dropped. */
enum refusal h1_head_trailer(struct str line);
/* The whole head: fills framing, content_length, keep_alive, expects_continue, has_upgrade. */
enum refusal h1_head_settle_request(struct head *head, struct str authority,
				    const struct h1_limits *limits);
/* The same for a response to `method`; also for the informational ones. */
enum refusal h1_head_settle_response(struct head *head, enum method method,
				     const struct h1_limits *limits);

#endif
