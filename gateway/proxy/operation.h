/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: which call a method and path mean, in which dialect, and under
 * which Cedar action. A closed list (operations.def); the path is matched
 * exactly, segment by segment, after the codec refused every unclean one.
 *
 * Owns:    nothing; results are static rows and views into the path.
 * Threads: any.
 * Limits:  none.
 */
#ifndef GATEWAY_PROXY_OPERATION_H
#define GATEWAY_PROXY_OPERATION_H

#include "base/arena.h"
#include "gateway/http/message.h"

enum operation_id {
#define OPERATION_ROW(id, method, path, dialect, action, where, flags) id,
#include "gateway/proxy/operations.def"
	OP_COUNT
};

enum model_where {
	MODEL_IN_NONE,
	MODEL_IN_BODY,
	MODEL_IN_PATH,
};

enum operation_flag {
	OP_METERED = 1,		     /* has usage and a price; without a price it is refused */
	OP_STREAMS = 2,		     /* the body may ask for an event stream */
	OP_USAGE_ON_REQUEST = 4,     /* a stream tells its usage only when asked to */
	OP_OWN_ANSWER = 8,	     /* the gateway answers itself */
	OP_STREAMS_UNLESS_TOLD = 16, /* a body that does not speak of it asks for a stream */
	OP_STREAMS_ALWAYS = 32,
};

/* Whose words an error is said in. */
enum family {
	FAMILY_OPENAI,
	FAMILY_ANTHROPIC,
	FAMILY_V2,
	FAMILY_MLFLOW,
	FAMILY_GOOGLE,
	FAMILY_COHERE,
	FAMILY_OLLAMA,
};

struct operation {
	enum operation_id id;
	enum method method;
	struct str path;
	struct str dialect;
	struct str action;
	enum model_where where;
	unsigned flags;
};

struct operation_match {
	const struct operation *operation;
	struct str model;   /* from the path; unset otherwise */
	struct str version; /* from the path; unset otherwise */
};

/* ERR_NOT_FOUND: no such path. ERR_METHOD: the path exists with another method. */
MUST_CHECK enum err operation_match(enum method method, struct str path,
				    struct operation_match *out);
/* What a path takes, for ERR_METHOD: every path has one method. Unset: no such path. */
struct str operation_allowed(struct str path);
/* Where the call goes at its model's server, below the server's base. version may be unset. */
struct str operation_target(const struct operation *operation, struct str model, struct str version,
			    struct arena *arena);
/* By the path alone, for errors before a match. */
enum family operation_family(struct str path);

#endif
