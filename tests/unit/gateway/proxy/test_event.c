/* SPDX-License-Identifier: Apache-2.0 */
/* Every record is a JSON document for another parser, whatever the names in it are. */
#include "gateway/proxy/event.h"
#include "tests/unit/gateway/proxy/case.h"

#include <jansson.h>

#include "gateway/proxy/reserve.h"
#include "metering/journal/record.h"
#include "metering/usage/usage.h"

#define NOW_NS (CASE_NOW_NS + 123456789)

static json_t *parse(struct str text)
{
	json_error_t error;
	json_t *document =
		json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (document == NULL)
		print_message("# %s at %d in " STR_FMT "\n", error.text, error.position,
			      STR_ARG(text));
	assert_non_null(document);
	assert_true(json_is_object(document));
	return document;
}

static const char *text_of(const json_t *document, const char *name)
{
	const char *text = json_string_value(json_object_get(document, name));

	if (text == NULL)
		print_message("# no text %s\n", name);
	assert_non_null(text);
	return text;
}

static int64_t number_of(const json_t *document, const char *name)
{
	const json_t *value = json_object_get(document, name);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static struct request *chat(struct snapshot *snap, const struct principal *principal)
{
	struct request *req = case_request(
		snap, principal, METHOD_POST, "/v1/chat/completions",
		"{\"model\":\"gpt-x\",\"stream\":true,\"max_tokens\":50,\"messages\":[]}");

	assert_int_equal(reserve_bound(req), OK);
	return req;
}

static void settle_of(struct request *req, struct cost *cost, struct event_settle *out)
{
	static const struct str flags[] = {STR("usage_inconsistent"), STR("unpriced")};
	const struct cost_item items[] = {{STR("in_text_uncached"), 176}, {STR("out_text"), 40}};
	struct price_key key = reserve_price_key(req, STR("gpt-x-2026"), STR(""));

	assert_int_equal(
		cost_compute(price_find_set(req->snap->rules->prices, &key, req->started_ns, 176),
			     items, ARRAY_LEN(items), cost),
		OK);
	*out = (struct event_settle){
		.cost = cost,
		.model_served = STR("gpt-x-2026"),
		.usage_source = STR("provider"),
		.flags = flags,
		.flag_count = 2,
		.status = 200,
		.outcome = OUTCOME_COMPLETE,
		.duration_ms = 812,
	};
}

static void check_envelope(const json_t *document, const char *type, const char *subject)
{
	char id[64], full[64];

	snprintf(id, sizeof(id), "01JD0000000000000000000000.1.%s", type);
	snprintf(full, sizeof(full), "tollgate.%s", type);
	assert_string_equal(text_of(document, "specversion"), "1.0");
	assert_string_equal(text_of(document, "id"), id);
	assert_string_equal(text_of(document, "type"), full);
	assert_string_equal(text_of(document, "source"), "tollgate/gw-1");
	assert_string_equal(text_of(document, "subject"), subject);
	assert_string_equal(text_of(document, "time"), "2026-11-23T09:00:00.123456Z");
	assert_int_equal(strlen(text_of(document, "traceparent")), 55);
}

static void check_call(const json_t *data)
{
	assert_string_equal(text_of(data, "request"), "01JD0000000000000000000000");
	assert_int_equal(number_of(data, "attempt"), 1);
	assert_string_equal(text_of(data, "principal"), "User::ana");
	assert_string_equal(text_of(data, "key"), "key-1");
	assert_string_equal(text_of(data, "bu"), "risk");
	assert_string_equal(text_of(data, "team"), "fraud");
	assert_string_equal(text_of(data, "project"), "p1");
	assert_string_equal(text_of(data, "model"), "gpt-x");
	assert_string_equal(text_of(data, "deployment"), "gpt-x@azure");
	assert_string_equal(text_of(data, "provider"), "azure");
	assert_string_equal(text_of(data, "dialect"), "openai.chat");
	assert_string_equal(text_of(data, "operation"), "Invoke");
	assert_true(json_is_true(json_object_get(data, "stream")));
}

static void test_event__intent_says_who_what_and_why(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *req = chat(snap, case_principal("ana"));
	const struct policy *reasons[] = {policy_set_at(snap->rules->policies, 0),
					  policy_set_at(snap->rules->policies, 1)};
	struct buf text;
	json_t *document, *data;

	(void)state;
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	req->decision =
		(struct policy_decision){.is_allowed = true, .reasons = reasons, .reason_count = 2};
	assert_int_equal(event_intent(&text, req, NOW_NS), OK);
	document = parse(buf_str(&text));
	check_envelope(document, "intent", "User::ana");
	data = json_object_get(document, "data");
	check_call(data);
	assert_string_equal(text_of(data, "decision"), "allow");
	assert_int_equal(json_array_size(json_object_get(data, "reasons")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(data, "reasons"), 1)),
			    "abac-clearance");
	assert_int_equal(strlen(text_of(data, "policy_hash")), 64);
	assert_string_equal(text_of(data, "config_hash"), "c0ffee");
	assert_int_equal(number_of(data, "out_bound"), 50);
	assert_int_equal(number_of(data, "bound_pico"), req->bound_pico);
	assert_int_equal(number_of(data, "floor_pico"), req->floor.pico);
	assert_string_equal(text_of(data, "currency"), "USD");
	assert_string_equal(text_of(data, "started"), "2026-11-23T09:00:00.000000Z");
	json_decref(document);
	buf_fini(&text);
	case_request_free(req);
	snapshot_unref(snap);
}

static void test_event__decision_says_what_the_caller_was_told(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *req = chat(snap, case_principal("bob"));
	const struct policy_error errors[] = {{policy_set_at(snap->rules->policies, 4), STR("e")}};
	struct buf text;
	json_t *document, *data;

	(void)state;
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	req->decision = (struct policy_decision){.errors = errors, .error_count = 1};
	assert_int_equal(event_decision(&text, req, NOW_NS, 451), OK);
	document = parse(buf_str(&text));
	check_envelope(document, "decision", "User::bob");
	data = json_object_get(document, "data");
	assert_string_equal(text_of(data, "decision"), "deny");
	assert_int_equal(number_of(data, "status"), 451);
	assert_int_equal(json_array_size(json_object_get(data, "reasons")), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(data, "errors"), 0)),
			    "eu-residency");
	json_decref(document);
	buf_fini(&text);
	case_request_free(req);
	snapshot_unref(snap);
}

static void test_event__settle_is_self_contained(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *req = chat(snap, case_principal("ana"));
	struct event_settle settle;
	struct cost cost;
	struct buf text;
	json_t *document, *data, *line;

	(void)state;
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	settle_of(req, &cost, &settle);
	assert_int_equal(event_settle(&text, req, NOW_NS, &settle), OK);
	document = parse(buf_str(&text));
	check_envelope(document, "settle", "User::ana");
	data = json_object_get(document, "data");
	check_call(data);
	assert_string_equal(text_of(data, "model_served"), "gpt-x-2026");
	assert_string_equal(text_of(data, "outcome"), "complete");
	assert_string_equal(text_of(data, "usage_source"), "provider");
	assert_int_equal(number_of(data, "status"), 200);
	assert_int_equal(number_of(data, "duration_ms"), 812);
	assert_int_equal(json_array_size(json_object_get(data, "flags")), 2);
	line = json_array_get(json_object_get(data, "lines"), 0);
	assert_string_equal(text_of(line, "meter"), "in_text_uncached");
	assert_string_equal(text_of(line, "price"), "list/in_text_uncached@1");
	assert_int_equal(number_of(line, "quantity"), 176);
	assert_int_equal(number_of(line, "rate_micro"), 2500000);
	assert_int_equal(number_of(line, "pico"), 440000000);
	assert_int_equal(number_of(data, "cost_pico"), 440000000 + 600000000);
	json_decref(document);
	buf_reset(&text);
	settle.model_served = STR("");
	cost.lines[1].price = NULL;
	assert_int_equal(event_settle(&text, req, NOW_NS, &settle), OK);
	document = parse(buf_str(&text));
	data = json_object_get(document, "data");
	assert_string_equal(text_of(data, "model_served"), "gpt-x");
	line = json_array_get(json_object_get(data, "lines"), 1);
	assert_string_equal(text_of(line, "price"), "unpriced");
	assert_int_equal(number_of(line, "rate_micro"), 0);
	json_decref(document);
	buf_fini(&text);
	case_request_free(req);
	snapshot_unref(snap);
}

static void test_event__outcomes_have_names(void **state)
{
	(void)state;
	assert_string_equal(outcome_name(OUTCOME_COMPLETE), "complete");
	assert_string_equal(outcome_name(OUTCOME_ABORTED), "aborted");
	assert_string_equal(outcome_name(OUTCOME_UPSTREAM_ERROR), "upstream_error");
	assert_string_equal(outcome_name(OUTCOME_RECOVERED), "recovered");
}

static void test_event__lifecycle_carries_its_detail(void **state)
{
	struct buf text;
	json_t *document;

	(void)state;
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	assert_int_equal(event_lifecycle(&text, STR("tollgate/a\"b"), "reload", NOW_NS,
					 STR("\"version\":\"1\"")),
			 OK);
	document = parse(buf_str(&text));
	assert_string_equal(text_of(document, "type"), "tollgate.reload");
	assert_string_equal(text_of(document, "source"), "tollgate/a\"b");
	assert_string_equal(text_of(json_object_get(document, "data"), "version"), "1");
	json_decref(document);
	buf_reset(&text);
	assert_int_equal(event_lifecycle(&text, STR("s"), "stop", NOW_NS, STR("")), OK);
	json_decref(parse(buf_str(&text)));
	buf_fini(&text);
}

/* Hostile names --------------------------------------------------------------------------- */

static const struct str hostile[] = {
	STR(""),
	STR("\"},\"data\":{\"cost_pico\":0}}"),
	STR("\\"),
	STR("a\\\"b\\\\\"c"),
	STR("\x00\x01\x1f\x7f\r\n\t\b\f"),
	STR("\xff\xfe\x80"),
	STR("\xc3"),
	STR("\xe2\x82"),
	STR("\xf0\x9f\x98"),
	STR("\xed\xa0\x80\xed\xb0\x80"),
	STR("\xc0\xaf"),
	STR("\xf4\x90\x80\x80"),
	STR("\xe2\x80\xa8\xe2\x80\xa9"),
	STR("\xef\xbb\xbf"),
	STR("</script><script>"),
	STR("User::root"),
	STR("caf\xc3\xa9 \xf0\x9f\x98\x80"),
};

static const struct principal *hostile_principal(struct str name)
{
	struct principal draft = case_draft(PRINCIPAL_SERVICE, name);

	draft.bu = draft.team = draft.project = draft.key_id = name;
	return case_principal_of(&draft);
}

/* All three records of a call, and the settle that its intent gives after a crash. */
static void check_all_records(struct request *req, struct buf *text)
{
	struct event_settle settle;
	struct cost cost;
	struct buf recovered;

	buf_reset(text);
	settle_of(req, &cost, &settle);
	settle.model_served = req->principal->bu;
	assert_int_equal(event_settle(text, req, NOW_NS, &settle), OK);
	json_decref(parse(buf_str(text)));
	buf_reset(text);
	assert_int_equal(event_decision(text, req, NOW_NS, 403), OK);
	json_decref(parse(buf_str(text)));
	buf_reset(text);
	assert_int_equal(event_intent(text, req, NOW_NS), OK);
	json_decref(parse(buf_str(text)));
	buf_init(&recovered, RECORD_PAYLOAD_BYTES);
	assert_int_equal(event_recovered(&recovered, buf_str(text), NOW_NS), OK);
	json_decref(parse(buf_str(&recovered)));
	buf_fini(&recovered);
}

static void test_event__is_json_whatever_people_are_called(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct buf text;

	(void)state;
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct request *req = chat(snap, hostile_principal(hostile[i]));

		print_message("# name %zu\n", i);
		check_all_records(req, &text);
		case_request_free(req);
	}
	buf_fini(&text);
	snapshot_unref(snap);
}

static void test_event__is_json_whatever_models_are_called(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	for (size_t i = 1; i < ARRAY_LEN(hostile); i++) {
		struct snapshot *snap = case_snapshot();
		struct request *req = chat(snap, case_principal("ana"));
		struct model model = *req->model;

		print_message("# name %zu\n", i);
		model.options.name = hostile[i];
		model.deployment = hostile[i];
		req->model = &model;
		check_all_records(req, &text);
		case_request_free(req);
		snapshot_unref(snap);
	}
	buf_fini(&text);
}

/* Sizes -------------------------------------------------------------------------------- */

/* Text of len bytes each of which becomes six. */
static struct str worst_text(struct arena *arena, size_t len)
{
	char *ptr = arena_alloc(arena, len);

	memset(ptr, 1, len);
	return str_make(ptr, len);
}

/* A request whose every name is as long as its limit allows (options.def, principal.h). */
static struct request *worst_request(struct arena *arena)
{
	struct snapshot_options options;
	struct upstream_options upstream;
	struct model_options model;
	struct principal draft;
	struct snapshot *snap;
	struct request *req;
	struct diag diag;

	case_options(&options);
	upstream = options.upstreams[0];
	upstream.name = worst_text(arena, 128);
	upstream.provider = worst_text(arena, 128);
	model = options.models[0];
	model.upstream = upstream.name;
	model.name = worst_text(arena, 256);
	options.upstreams = &upstream;
	options.upstream_count = 1;
	options.models = &model;
	options.model_count = 1;
	options.gateway_id = worst_text(arena, 64);
	snap = case_snapshot_of(&options, &diag);
	assert_non_null(snap);
	draft = case_draft(PRINCIPAL_USER, worst_text(arena, PRINCIPAL_TEXT));
	draft.bu = draft.team = draft.project = draft.key_id = draft.id;
	req = case_request(snap, case_principal_of(&draft), METHOD_POST, "/v1/chat/completions",
			   "{\"model\":\"x\"}");
	req->model = model_at(snap->rules->models, 0);
	snapshot_unref(snap);
	return req;
}

/* settle.c relies on it: a settle always fits, so that what was forwarded is always settled. */
static void test_event__settle_fits_at_every_limit(void **state)
{
	static char ref[100 + 1 + 32 + 32 + 1 + 100];
	struct price_line price = {.rate_micro = INT64_MAX};
	struct event_settle settle = {.usage_source = STR("provider"),
				      .status = 599,
				      .outcome = OUTCOME_UPSTREAM_ERROR,
				      .duration_ms = INT64_MAX};
	struct str flags[8];
	struct cost cost = {.count = COST_LINES, .pico = INT64_MIN, .currency = STR("USD")};
	struct arena arena;
	struct request *req;
	struct buf text;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	req = worst_request(&arena);
	memset(ref, 'r', sizeof(ref));
	price.ref = str_make(ref, sizeof(ref));
	for (size_t i = 0; i < COST_LINES; i++)
		cost.lines[i] = (struct cost_line){STR("in_cache_write_other_and_more"), INT64_MAX,
						   &price, INT64_MAX};
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		flags[i] = STR("usage_total_mismatch_and_more");
	settle.cost = &cost;
	settle.flags = flags;
	settle.flag_count = ARRAY_LEN(flags);
	settle.model_served = worst_text(&arena, USAGE_MODEL_BYTES);
	assert_int_equal(event_settle(&text, req, NOW_NS, &settle), OK);
	print_message("# the largest settle has %zu bytes\n", text.len);
	json_decref(parse(buf_str(&text)));
	buf_fini(&text);
	case_request_free(req);
	arena_fini(&arena);
}

/* Allowed by so many policies that it cannot be recorded: an error and no half a record, so that
 * the call is refused; and what fits leaves room for the settle that recovery makes of it. */
static void test_event__intent_that_does_not_fit_is_an_error(void **state)
{
	static const struct policy *reasons[4096];
	struct buf text, recovered;
	struct arena arena;
	struct request *req;
	size_t fitting = 0;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	buf_init(&recovered, RECORD_PAYLOAD_BYTES);
	req = worst_request(&arena);
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		reasons[i] = policy_set_at(req->snap->rules->policies, 0);
	req->decision = (struct policy_decision){.is_allowed = true, .reasons = reasons};
	for (req->decision.reason_count = 0; req->decision.reason_count < ARRAY_LEN(reasons);
	     req->decision.reason_count++) {
		buf_reset(&text);
		if (event_intent(&text, req, NOW_NS) != OK)
			break;
		fitting = text.len;
		buf_reset(&recovered);
		assert_int_equal(event_recovered(&recovered, buf_str(&text), NOW_NS), OK);
	}
	print_message("# %zu reasons, %zu bytes\n", req->decision.reason_count, fitting);
	assert_in_range(req->decision.reason_count, 100, ARRAY_LEN(reasons) - 1);
	assert_in_range(fitting, RECORD_PAYLOAD_BYTES - 40, RECORD_PAYLOAD_BYTES);
	buf_reset(&text);
	assert_int_equal(event_intent(&text, req, NOW_NS), ERR_LIMIT);
	req->decision.reason_count = ARRAY_LEN(reasons);
	buf_reset(&text);
	assert_int_equal(event_decision(&text, req, NOW_NS, 403), ERR_LIMIT);
	buf_fini(&recovered);
	buf_fini(&text);
	case_request_free(req);
	arena_fini(&arena);
}

/* Recovered ------------------------------------------------------------------------------ */

static void test_event__recovered_bills_the_floor(void **state)
{
	static const char *const same[] = {"request",	"attempt", "principal", "key",
					   "bu",	"team",	   "project",	"model",
					   "provider",	"dialect", "stream",	"deployment",
					   "operation", "started", "currency"};
	struct snapshot *snap = case_snapshot();
	struct request *req = chat(snap, case_principal("ana"));
	struct buf intent, text;
	json_t *was, *document, *data;

	(void)state;
	buf_init(&intent, RECORD_PAYLOAD_BYTES);
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	assert_int_equal(event_intent(&intent, req, CASE_NOW_NS), OK);
	assert_int_equal(event_recovered(&text, buf_str(&intent), NOW_NS), OK);
	was = parse(buf_str(&intent));
	document = parse(buf_str(&text));
	check_envelope(document, "settle", "User::ana");
	data = json_object_get(document, "data");
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_true(json_equal(json_object_get(data, same[i]),
				       json_object_get(json_object_get(was, "data"), same[i])));
	assert_true(json_equal(json_object_get(data, "lines"),
			       json_object_get(json_object_get(was, "data"), "floor")));
	assert_string_equal(text_of(data, "outcome"), "recovered");
	assert_string_equal(text_of(data, "usage_source"), "estimate");
	assert_int_equal(number_of(data, "cost_pico"), req->floor.pico);
	assert_true(req->floor.pico > 0);
	json_decref(document);
	json_decref(was);
	buf_fini(&text);
	buf_fini(&intent);
	case_request_free(req);
	snapshot_unref(snap);
}

static const struct {
	const char *from, *to;
} damages[] = {
	{"\"request\":\"01JD0000000000000000000000\"", "\"request\":7"},
	{"\"request\":\"01JD0000000000000000000000\"", "\"request\":{\"a\":\"b\"}"},
	{"\"request\":", "\"requesT\":"},
	{"\"attempt\":1", "\"attempt\":\"1\""},
	{"\"attempt\":1", "\"attempt\":{\"a\":\"b\"}"},
	{"\"attempt\":1", "\"attempt\":null"},
	{"\"floor\":[", "\"floor\":7,\"flooR\":["},
	{"\"floor_pico\":", "\"floor_pico\":\"1\",\"floor_picO\":"},
	{"\"currency\":\"USD\"", "\"currency\":1"},
	{"\"bu\":\"risk\"", "\"bu\":null"},
	{"\"bu\":\"risk\"", "\"bu\":\"risk\",\"bu\":\"other\""},
	{"\"stream\":true", "\"stream\":\"true\""},
	{"\"subject\":\"User::ana\"", "\"subject\":[]"},
	{"\"data\":{", "\"Data\":{"},
	{"}}", "}"},
	{"}}", "}}}"},
	{"{\"specversion\"", "\"specversion\""},
};

/* What stands on disk was written by us, but it is checked like anything else. */
static void test_event__recovered_refuses_what_is_no_intent(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *req = chat(snap, case_principal("ana"));
	struct buf intent, broken, text;

	(void)state;
	buf_init(&intent, RECORD_PAYLOAD_BYTES);
	buf_init(&broken, RECORD_PAYLOAD_BYTES);
	buf_init(&text, RECORD_PAYLOAD_BYTES);
	assert_int_equal(event_intent(&intent, req, CASE_NOW_NS), OK);
	assert_int_equal(buf_append_byte(&intent, '\0'), OK);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		const char *at = strstr(intent.ptr, damages[i].from);
		const char *rest;

		print_message("# %s\n", damages[i].to);
		assert_non_null(at);
		rest = at + strlen(damages[i].from);
		buf_reset(&broken);
		assert_int_equal(
			buf_append(&broken, str_make(intent.ptr, (size_t)(at - intent.ptr))), OK);
		assert_int_equal(buf_append(&broken, str_from_c(damages[i].to)), OK);
		assert_int_equal(buf_append(&broken, str_from_c(rest)), OK);
		buf_reset(&text);
		assert_int_not_equal(event_recovered(&text, buf_str(&broken), NOW_NS), OK);
	}
	assert_int_not_equal(event_recovered(&text, STR(""), NOW_NS), OK);
	assert_int_not_equal(event_recovered(&text, STR("{}"), NOW_NS), OK);
	buf_fini(&text);
	buf_fini(&broken);
	buf_fini(&intent);
	case_request_free(req);
	snapshot_unref(snap);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event__intent_says_who_what_and_why),
		cmocka_unit_test(test_event__decision_says_what_the_caller_was_told),
		cmocka_unit_test(test_event__settle_is_self_contained),
		cmocka_unit_test(test_event__outcomes_have_names),
		cmocka_unit_test(test_event__lifecycle_carries_its_detail),
		cmocka_unit_test(test_event__is_json_whatever_people_are_called),
		cmocka_unit_test(test_event__is_json_whatever_models_are_called),
		cmocka_unit_test(test_event__settle_fits_at_every_limit),
		cmocka_unit_test(test_event__intent_that_does_not_fit_is_an_error),
		cmocka_unit_test(test_event__recovered_bills_the_floor),
		cmocka_unit_test(test_event__recovered_refuses_what_is_no_intent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
