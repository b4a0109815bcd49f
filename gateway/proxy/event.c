/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/event.h"

#include "base/clock.h"
#include "base/jscan.h"

/* Writes straight into the buffer's room: a record is some sixty short pieces. What does not fit is
 * left out and remembered: one check at the end of a record. */
struct event {
	struct buf *out;
	char *at, *end;
	bool is_full;
};

static struct event event_begin(struct buf *out)
{
	struct event event = {.out = out};
	size_t room = out->max - out->len;

	if (buf_reserve(out, room, &event.at) != OK)
		event.is_full = true;
	else
		event.end = event.at + room;
	return event;
}

static enum err event_end(struct event *event)
{
	if (event->is_full)
		return ERR_LIMIT;
	buf_commit(event->out, (size_t)(event->at - (event->out->ptr + event->out->len)));
	return OK;
}

static inline void put(struct event *event, struct str text)
{
	if ((size_t)(event->end - event->at) < text.len) {
		event->is_full = true;
		return;
	}
	memcpy(event->at, text.ptr, text.len);
	event->at += text.len;
}

#define PUT(event, lit) put(event, STR(lit))

/* Text that needs escapes goes through the buffer, which knows them. */
static void put_escaped(struct event *event, struct str text)
{
	if (event_end(event) != OK || buf_append_json(event->out, text) != OK)
		event->is_full = true;
	else
		*event = event_begin(event->out);
}

static void put_json(struct event *event, struct str text)
{
	if (buf_json_plain(text) != text.len) {
		put_escaped(event, text);
		return;
	}
	PUT(event, "\"");
	put(event, text);
	PUT(event, "\"");
}

static void put_number(struct event *event, int64_t number)
{
	uint64_t left = number < 0 ? 0U - (uint64_t)number : (uint64_t)number;
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0);
	if (number < 0)
		digits[--at] = '-';
	put(event, str_make(digits + at, sizeof(digits) - at));
}

static void put_bool(struct event *event, bool flag)
{
	put(event, flag ? STR("true") : STR("false"));
}

static void put_time(struct event *event, int64_t wall_ns)
{
	char text[CLOCK_RFC3339_SIZE];
	size_t len = clock_format(wall_ns, 6, text);

	PUT(event, "\"");
	put(event, str_make(text, len));
	PUT(event, "\"");
}

/* CloudEvents attributes and the opening of data. */
static void put_envelope(struct event *event, const struct request *req, struct str type,
			 int64_t wall_ns)
{
	PUT(event, "{\"specversion\":\"1.0\",\"id\":\"");
	put(event, str_make(req->id, REQUEST_ID_LEN));
	PUT(event, ".");
	put_number(event, req->key.attempt);
	PUT(event, ".");
	put(event, type);
	PUT(event, "\",\"source\":");
	put(event, req->snap->source_json);
	PUT(event, ",\"type\":\"tollgate.");
	put(event, type);
	PUT(event, "\",\"time\":");
	put_time(event, wall_ns);
	PUT(event, ",\"subject\":");
	put(event, catalog_principal_subject(req->principal));
	PUT(event, ",\"traceparent\":\"");
	put(event, str_from_c(req->traceparent));
	PUT(event, "\"");
}

static void put_who(struct event *event, const struct request *req)
{
	PUT(event, ",\"data\":{\"request\":\"");
	put(event, str_make(req->id, REQUEST_ID_LEN));
	PUT(event, "\",\"attempt\":");
	put_number(event, req->key.attempt);
	PUT(event, ",");
	put(event, catalog_principal_record(req->principal));
}

/* Dialects and operations are our own words: nothing to escape. */
static void put_what(struct event *event, const struct request *req)
{
	PUT(event, ",");
	put(event, req->model->record);
	PUT(event, ",\"dialect\":\"");
	put(event, req->match.operation->dialect);
	PUT(event, "\",\"operation\":\"");
	put(event, req->match.operation->action);
	PUT(event, "\",\"stream\":");
	put_bool(event, req->peek.is_stream);
}

static void put_decision(struct event *event, const struct request *req)
{
	const struct policy_decision *decision = &req->decision;

	PUT(event, ",\"decision\":");
	put(event, decision->is_allowed ? STR("\"allow\"") : STR("\"deny\""));
	PUT(event, ",\"reasons\":[");
	for (size_t i = 0; i < decision->reason_count; i++) {
		if (i > 0)
			PUT(event, ",");
		put_json(event, policy_id(decision->reasons[i]));
	}
	PUT(event, "],\"errors\":[");
	for (size_t i = 0; i < decision->error_count; i++) {
		if (i > 0)
			PUT(event, ",");
		put_json(event, policy_id(decision->errors[i].policy));
	}
	PUT(event, "],");
	put(event, req->snap->hashes);
	PUT(event, ",\"in_estimate\":");
	put_number(event, req->input_estimate);
	PUT(event, ",\"out_bound\":");
	put_number(event, req->output_bound);
	PUT(event, ",\"bound_pico\":");
	put_number(event, req->bound_pico);
}

static void put_line(struct event *event, const struct cost_line *line)
{
	PUT(event, "{\"meter\":\"");
	put(event, line->meter);
	PUT(event, "\",\"quantity\":");
	put_number(event, line->quantity);
	PUT(event, ",\"price\":");
	put_json(event, line->price != NULL ? line->price->ref : STR("unpriced"));
	PUT(event, ",\"rate_micro\":");
	put_number(event, line->price != NULL ? line->price->rate_micro : 0);
	PUT(event, ",\"pico\":");
	put_number(event, line->pico);
	PUT(event, "}");
}

static void put_lines(struct event *event, const struct cost *cost)
{
	PUT(event, "[");
	for (size_t i = 0; i < cost->count; i++) {
		if (i > 0)
			PUT(event, ",");
		put_line(event, &cost->lines[i]);
	}
	PUT(event, "]");
}

enum err event_intent(struct buf *out, const struct request *req, int64_t wall_ns)
{
	struct event event = event_begin(out);

	put_envelope(&event, req, STR("intent"), wall_ns);
	put_who(&event, req);
	put_what(&event, req);
	put_decision(&event, req);
	PUT(&event, ",\"floor\":");
	put_lines(&event, &req->floor);
	PUT(&event, ",\"floor_pico\":");
	put_number(&event, req->floor.pico);
	PUT(&event, ",\"currency\":");
	put_json(&event, req->floor.currency);
	PUT(&event, ",\"started\":");
	put_time(&event, req->started_ns);
	PUT(&event, "}}");
	return event_end(&event);
}

enum err event_decision(struct buf *out, const struct request *req, int64_t wall_ns,
			unsigned status)
{
	struct event event = event_begin(out);

	put_envelope(&event, req, STR("decision"), wall_ns);
	put_who(&event, req);
	put_what(&event, req);
	put_decision(&event, req);
	PUT(&event, ",\"status\":");
	put_number(&event, status);
	PUT(&event, "}}");
	return event_end(&event);
}

/* Settle ------------------------------------------------------------------------------- */

const char *outcome_name(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_COMPLETE: return "complete";
	case OUTCOME_ABORTED: return "aborted";
	case OUTCOME_UPSTREAM_ERROR: return "upstream_error";
	case OUTCOME_RECOVERED: return "recovered";
	}
	return "";
}

static void put_cost(struct event *event, const struct event_settle *settle)
{
	PUT(event, ",\"usage_source\":");
	put_json(event, settle->usage_source);
	PUT(event, ",\"flags\":[");
	for (size_t i = 0; i < settle->flag_count; i++) {
		if (i > 0)
			PUT(event, ",");
		put_json(event, settle->flags[i]);
	}
	PUT(event, "],\"lines\":");
	put_lines(event, settle->cost);
	PUT(event, ",\"cost_pico\":");
	put_number(event, settle->cost->pico);
	PUT(event, ",\"currency\":");
	put_json(event, settle->cost->currency);
}

enum err event_settle(struct buf *out, const struct request *req, int64_t wall_ns,
		      const struct event_settle *settle)
{
	struct event event = event_begin(out);

	put_envelope(&event, req, STR("settle"), wall_ns);
	put_who(&event, req);
	put_what(&event, req);
	PUT(&event, ",\"model_served\":");
	put_json(&event,
		 settle->model_served.len > 0 ? settle->model_served : req->model->options.name);
	PUT(&event, ",\"status\":");
	put_number(&event, settle->status);
	PUT(&event, ",\"outcome\":");
	put_json(&event, str_from_c(outcome_name(settle->outcome)));
	put_cost(&event, settle);
	PUT(&event, ",\"started\":");
	put_time(&event, req->started_ns);
	PUT(&event, ",\"duration_ms\":");
	put_number(&event, settle->duration_ms);
	PUT(&event, "}}");
	return event_end(&event);
}

/* Recovered ------------------------------------------------------------------------------- */

/* Members of an intent that its settle repeats word for word, and what each is called there. */
static const char *const intent_paths[] = {
	"source",	 "subject",	 "traceparent",
	"data.request",	 "data.attempt", "data.principal",
	"data.key",	 "data.bu",	 "data.team",
	"data.project",	 "data.model",	 "data.deployment",
	"data.provider", "data.dialect", "data.operation",
	"data.stream",	 "data.floor",	 "data.floor_pico",
	"data.currency", "data.started", NULL,
};

enum intent_member {
	INTENT_SOURCE,
	INTENT_SUBJECT,
	INTENT_TRACEPARENT,
	INTENT_REQUEST,
	INTENT_ATTEMPT,
	INTENT_REPEATED, /* from principal to stream: the same name in both */
	INTENT_STREAM = INTENT_REPEATED + 10,
	INTENT_FLOOR,
	INTENT_FLOOR_PICO,
	INTENT_CURRENCY,
	INTENT_STARTED,
	INTENT_COUNT,
};

_Static_assert(ARRAY_LEN(intent_paths) == INTENT_COUNT + 1, "a path per member");

/* Set of enum jscan_type that a member may have: what is copied into another place must fit there.
 */
static unsigned intent_types(unsigned member)
{
	switch (member) {
	case INTENT_ATTEMPT:
	case INTENT_FLOOR_PICO: return 1U << JSCAN_NUMBER;
	case INTENT_FLOOR: return 1U << JSCAN_ARRAY;
	case INTENT_STREAM: return 1U << JSCAN_TRUE | 1U << JSCAN_FALSE;
	default: return 1U << JSCAN_STRING;
	}
}

struct intent {
	struct str text;
	struct str members[INTENT_COUNT]; /* as written */
};

static enum err on_intent_value(void *arg, const struct jscan_value *value)
{
	struct intent *intent = arg;

	if (value->is_duplicate || (intent_types(value->path) & 1U << value->type) == 0)
		return ERR_DAMAGED;
	intent->members[value->path] =
		str_sub(intent->text, value->start, value->end - value->start);
	return OK;
}

static enum err intent_read(struct intent *intent)
{
	struct jscan_paths *paths = jscan_paths_new(intent_paths);
	struct jscan scan;
	enum err err;

	jscan_init(&scan, paths, on_intent_value, intent);
	err = jscan_feed(&scan, intent->text);
	if (err == OK)
		err = jscan_end(&scan);
	jscan_paths_free(paths);
	for (unsigned i = 0; err == OK && i < INTENT_COUNT; i++)
		if (!str_is_set(intent->members[i]))
			err = ERR_DAMAGED;
	return err;
}

enum err event_recovered(struct buf *out, struct str intent, int64_t wall_ns)
{
	struct intent from = {.text = intent};
	struct event event = event_begin(out);
	enum err err = intent_read(&from);

	if (err != OK)
		return err;
	PUT(&event, "{\"specversion\":\"1.0\",\"id\":\"");
	/* Without its quotes: it goes on behind. */
	put(&event, str_sub(from.members[INTENT_REQUEST], 1, from.members[INTENT_REQUEST].len - 2));
	PUT(&event, ".");
	put(&event, from.members[INTENT_ATTEMPT]);
	PUT(&event, ".settle\",\"source\":");
	put(&event, from.members[INTENT_SOURCE]);
	PUT(&event, ",\"type\":\"tollgate.settle\",\"time\":");
	put_time(&event, wall_ns);
	PUT(&event, ",\"subject\":");
	put(&event, from.members[INTENT_SUBJECT]);
	PUT(&event, ",\"traceparent\":");
	put(&event, from.members[INTENT_TRACEPARENT]);
	PUT(&event, ",\"data\":{\"request\":");
	put(&event, from.members[INTENT_REQUEST]);
	PUT(&event, ",\"attempt\":");
	put(&event, from.members[INTENT_ATTEMPT]);
	for (unsigned i = INTENT_REPEATED; i < INTENT_FLOOR; i++) {
		PUT(&event, ",\"");
		put(&event, str_from_c(intent_paths[i] + strlen("data.")));
		PUT(&event, "\":");
		put(&event, from.members[i]);
	}
	PUT(&event, ",\"model_served\":\"\",\"status\":0,\"outcome\":\"recovered\","
		    "\"usage_source\":\"estimate\",\"flags\":[],\"lines\":");
	put(&event, from.members[INTENT_FLOOR]);
	PUT(&event, ",\"cost_pico\":");
	put(&event, from.members[INTENT_FLOOR_PICO]);
	PUT(&event, ",\"currency\":");
	put(&event, from.members[INTENT_CURRENCY]);
	PUT(&event, ",\"started\":");
	put(&event, from.members[INTENT_STARTED]);
	PUT(&event, ",\"duration_ms\":0}}");
	return event_end(&event);
}

/* Life cycle ----------------------------------------------------------------------------- */

enum err event_lifecycle(struct buf *out, struct str source, const char *what, int64_t wall_ns,
			 struct str detail)
{
	struct event event = event_begin(out);

	PUT(&event, "{\"specversion\":\"1.0\",\"id\":\"");
	put(&event, str_from_c(what));
	PUT(&event, ".");
	put_number(&event, wall_ns);
	PUT(&event, "\",\"source\":");
	put_json(&event, source);
	PUT(&event, ",\"type\":\"tollgate.");
	put(&event, str_from_c(what));
	PUT(&event, "\",\"time\":");
	put_time(&event, wall_ns);
	PUT(&event, ",\"data\":{");
	put(&event, detail);
	PUT(&event, "}}");
	return event_end(&event);
}
