/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http/h1_session.h"

#include "gateway/http/h1_exchange.h"

const struct session_options session_default_options = {
	.limits =
		{
			.head_bytes = 65536,
			.target_bytes = 8192,
			.field_count = MESSAGE_FIELDS,
			.body_bytes = UINT64_C(32) << 20,
			.chunk_overhead_bytes = 1U << 20,
			.informational = 8,
		},
	.head_timeout_ms = 10000,
	.idle_timeout_ms = 60000,
	.body_timeout_ms = 30000,
	.write_stall_ms = 30000,
	.max_queued_bytes = 1U << 20,
};

enum refusal h1_session_refusal(const struct h1_session *session)
{
	return h1_refusal(&session->h1);
}

struct conn *h1_session_conn(struct h1_session *session)
{
	return session->conn;
}

bool h1_session_is_idle(const struct h1_session *session)
{
	return session->phase == SESSION_IDLE && session->behind.len == 0;
}

void h1_session_drain(struct h1_session *session)
{
	session->must_close = true;
	if (session->conn != NULL && h1_session_is_idle(session))
		h1_exchange_close(session);
}

void h1_session_abort(struct h1_session *session)
{
	if (session->conn != NULL)
		h1_exchange_abort(session, ERR_IO);
}
