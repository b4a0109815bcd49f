/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of other services, body in and answer out, on the gateway's own schema and policies. */
#include "gateway/admin/authzen.h"

#include "tests/unit/gateway/proxy/case.h"

#define PERSON(id, properties)                                                                     \
	"\"subject\":{\"type\":\"User\",\"id\":\"" id "\",\"properties\":{" properties "}}"
#define ANA                                                                                        \
	PERSON("ana",                                                                              \
	       "\"clearance\":2,\"home_region\":\"EU\",\"trainings\":[\"ai-act-deployer\"],"       \
	       "\"suspended\":false,\"parents\":[{\"type\":\"Role\",\"id\":\"analyst\"},"          \
	       "{\"type\":\"Inference::BusinessUnit\",\"id\":\"risk\"}]")
#define BOB                                                                                        \
	PERSON("bob",                                                                              \
	       "\"clearance\":0,\"home_region\":\"US\",\"trainings\":[],\"suspended\":true,"       \
	       "\"parents\":[]")
#define ETL                                                                                        \
	"\"subject\":{\"type\":\"Inference::Service\",\"id\":\"etl\",\"properties\":{"             \
	"\"clearance\":1,\"home_region\":\"EU\",\"env\":\"prod\",\"suspended\":false}}"
#define DO(name) ",\"action\":{\"name\":\"" name "\"}"
#define GPT	 ",\"resource\":{\"type\":\"Model\",\"id\":\"gpt-x\"}"
#define BASE                                                                                       \
	"\"now\":\"2026-11-23T09:00:00Z\",\"local\":\"2026-11-23T10:00:00Z\",\"source_ip\":"       \
	"\"10.1.2.3\",\"mfa\":true,\"scopes\":[\"models:read\"],\"request_id\":\"r\","
#define REST                                                                                       \
	"\"purpose\":\"\",\"annex_iii\":false,\"human_oversight\":false,\"stream\":false,"         \
	"\"max_tokens\":1,\"input_tokens\":1,\"budget\":{\"remaining_micro\":5000000,\"hard\":"    \
	"true},\"tools\":[],\"on_call\":false"
#define CALL_OF(weekday, mtls, class, pii, region, cost)                                           \
	",\"context\":{" BASE "\"weekday\":" weekday ",\"mtls\":" mtls                             \
	",\"data_class\":" class ",\"pii\":" pii ",\"upstream_region\":\"" region                  \
				 "\",\"cost_micro\":" cost "," REST "}"
#define CALL	CALL_OF("1", "true", "1", "false", "eu-west-1", "1200")
#define READING ",\"context\":{" BASE "\"weekday\":1,\"mtls\":true}"
#define ANY	ANA DO("Invoke") GPT CALL

#define ALLOW(ids) "{\"decision\":true,", "\"reasons\":[" ids "],\"errors\":[]"
#define DENY(ids)  "{\"decision\":false,", "\"reasons\":[" ids "],\"errors\":[]"

static const struct {
	const char *name;
	const char *body; /* between braces */
	unsigned status;
	const char *begins, *holds;
} rows[] = {
	{"ana", ANY, 200, ALLOW("\"rbac-analysts-standard-models\",\"abac-clearance\"")},
	{"cost", ANA DO("Invoke") GPT CALL_OF("1", "true", "1", "false", "eu-west-1", "9000000"),
	 200, DENY("\"budget-hard-stop\"")},
	{"residency", ANA DO("Invoke") GPT CALL_OF("1", "true", "1", "true", "us-east-1", "1200"),
	 200, DENY("\"eu-residency\"")},
	{"hours", ANA DO("Batch") GPT CALL_OF("7", "true", "1", "false", "eu-west-1", "1200"), 200,
	 DENY("\"out-of-hours-batch\"")},
	{"no certificate",
	 ETL DO("Embed") GPT CALL_OF("1", "false", "1", "false", "eu-west-1", "1"), 200,
	 DENY("\"prod-services-mtls\"")},
	{"certificate", ETL DO("Embed") GPT CALL, 200, ALLOW("\"abac-clearance\"")},
	{"suspended", BOB DO("Invoke") GPT CALL, 200, DENY("\"suspended\"")},
	{"whole names",
	 "\"subject\":{\"type\":\"Inference::User\",\"id\":\"eve\",\"properties\":{\"clearance\":0,"
	 "\"home_region\":\"\",\"trainings\":[],\"suspended\":false}}" DO(
		 "ListModels") ",\"resource\":{\"type\":\"Inference::Model\",\"id\":\"gpt-"
			       "x\"}" READING,
	 200, ALLOW("\"list-models\"")},
	{"words for people", BOB DO("Invoke") GPT CALL, 200, "{\"decision\":false,",
	 "\"reason_admin\":{\"en\":\"denied by policy \\\"suspended\\\"\"},\"reason_user\":{\"en\":"
	 "\"Principal is suspended\"}"},
	{"properties of the resource",
	 ANA DO("Invoke") ",\"resource\":{\"type\":\"Model\",\"id\":\"gpt-x\",\"properties\":{"
			  "\"status\":"
			  "\"trial\",\"approved_until\":\"2020-01-01\"}}" CALL,
	 200, ALLOW("\"rbac-analysts-standard-models\"")},
	{"a resource that is not loaded",
	 ANA DO("CallTool") ",\"resource\":{\"type\":\"Tool\",\"id\":\"rm\",\"properties\":{"
			    "\"side_effects\":false,\"max_classification\":1}}" CALL,
	 200, DENY("")},
	{"a group among the parents of a resource",
	 ANA DO("Invoke") ",\"resource\":{\"type\":\"Model\",\"id\":\"new\",\"properties\":{"
			  "\"provider\":"
			  "{\"type\":\"Inference::Provider\",\"id\":\"azure\"},\"regions\":[],"
			  "\"risk\":"
			  "{\"type\":\"Inference::RiskClass\",\"id\":\"limited\"},\"max_"
			  "classification\":0,"
			  "\"status\":\"trial\",\"modalities\":[],\"open_weights\":false,\"owner\":"
			  "{\"type\":"
			  "\"Inference::BusinessUnit\",\"id\":\"it\"},\"parents\":[{\"type\":"
			  "\"ModelGroup\","
			  "\"id\":\"standard\"}]}}" CALL,
	 200, ALLOW("\"rbac-analysts-standard-models\"")},

	{"no subject", "\"action\":{\"name\":\"Invoke\"}", 400, "\"subject: is missing", ""},
	{"a subject that is none", "\"subject\":1" DO("Invoke") GPT CALL, 400,
	 "\"subject: must be an object, not ", ""},
	{"a type that is no string", "\"subject\":{\"type\":1,\"id\":\"x\"}", 400,
	 "\"subject: \\\"type\\\" must be a string", ""},
	{"an unknown member of it", "\"subject\":{\"type\":\"User\",\"id\":\"x\",\"name\":\"y\"}",
	 400, "\"subject: has no member \\\"name\\\"", ""},
	{"an unknown type", "\"subject\":{\"type\":\"Usr\",\"id\":\"x\"}", 400,
	 "\"subject: no such type \\\"Usr\\\"; did you mean \\\"User\\\"?", ""},
	{"nobody known", "\"subject\":{\"type\":\"User\",\"id\":\"x\"}", 400,
	 "\"subject: the attribute `", "is neither loaded nor among the properties"},
	{"an attribute of another type", PERSON("x", "\"clearance\":\"2\""), 400,
	 "\"subject: attributes, attribute clearance", "Long is expected, not String"},
	{"an attribute that is not declared", PERSON("x", "\"shoe\":\"2\""), 400,
	 "\"subject: ", "shoe"},
	{"properties that are none",
	 "\"subject\":{\"type\":\"User\",\"id\":\"x\",\"properties\":[]}", 400,
	 "\"subject: \\\"properties\\\" must be an object", ""},
	{"parents that are none", PERSON("x", "\"parents\":1"), 400,
	 "\"subject: \\\"parents\\\" must be a list", ""},
	{"a parent that may not be",
	 PERSON("x", "\"clearance\":0,\"home_region\":\"\",\"trainings\":[],"
		     "\"suspended\":false,\"parents\":[{\"type\":\"Tool\","
		     "\"id\":\"t\"}]"),
	 400, "\"subject: ", "parent"},
	{"no action", ANA GPT, 400, "\"action: is missing", ""},
	{"an unknown action", ANA DO("Invok") GPT CALL, 400,
	 "\"action: no such action \\\"Invok\\\"; did you mean \\\"Invoke\\\"?", ""},
	{"a group of actions", ANA DO("use") GPT CALL, 400, "\"action: \\\"use\\\" is a group", ""},
	{"properties of an action",
	 ANA ",\"action\":{\"name\":\"Invoke\",\"properties\":{\"a\":1}}", 400,
	 "\"action: actions have no properties", ""},
	{"none of them", ANA ",\"action\":{\"name\":\"Invoke\",\"properties\":{}}" GPT CALL, 200,
	 "{\"decision\":true", ""},
	{"no resource", ANA DO("Invoke"), 400, "\"resource: is missing", ""},
	{"a resource of others", ANA DO("CallTool") GPT CALL, 400,
	 "\"resource: the action \\\"CallTool\\\" does not apply to a Inference::Model", ""},
	{"a subject of others",
	 ETL DO("ReadAudit") ",\"resource\":{\"type\":\"Gateway\",\"id\":\"main\"}", 400,
	 "\"subject: the action \\\"ReadAudit\\\" does not apply to a Inference::Service", ""},
	{"no context", ANA DO("Invoke") GPT, 400, "\"context: required attribute", ""},
	{"a context that is none", ANA DO("Invoke") GPT ",\"context\":[]", 400,
	 "\"context: must be an object, not ", ""},
	{"an unknown member", ANY ",\"contxt\":{}", 400,
	 "\"there is no member \\\"contxt\\\"; did you mean \\\"context\\\"?", ""},
	{"a member twice", ANY ",\"action\":{}", 400, "\"the body is not JSON: byte ", ""},
};

static unsigned ask(const char *body, bool is_many, struct buf *out)
{
	struct snapshot *snap = case_snapshot();
	struct authzen_stats stats = {0};
	struct str text = str_from_c(body);
	unsigned status = 0;

	buf_reset(out);
	if (is_many)
		assert_int_equal(authzen_evaluations(snap, text, &stats, out, &status), OK);
	else
		assert_int_equal(authzen_evaluation(snap, text, &stats, out, &status), OK);
	assert_true(status == 200 || stats.refused == 1);
	assert_int_equal(buf_append_byte(out, '\0'), OK);
	snapshot_unref(snap);
	return status;
}

static void test_authzen__answers_each_question(void **state)
{
	unsigned failures = 0;
	struct buf body, out;

	(void)state;
	buf_init(&body, 1 << 20);
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned status;

		print_message("# %s\n", rows[i].name);
		buf_reset(&body);
		assert_int_equal(buf_printf(&body, "{%s}", rows[i].body), OK);
		assert_int_equal(buf_append_byte(&body, '\0'), OK);
		status = ask(body.ptr, i % 2 == 1, &out);
		if (status == rows[i].status &&
		    strncmp(out.ptr, rows[i].begins, strlen(rows[i].begins)) == 0 &&
		    strstr(out.ptr, rows[i].holds) != NULL)
			continue;
		print_error("%s: %u %s\n", rows[i].name, status, out.ptr);
		failures++;
	}
	assert_int_equal(failures, 0);
	buf_fini(&body);
	buf_fini(&out);
}

static const struct {
	const char *body;
	unsigned status;
	const char *want; /* begin of the answer; for lists the decisions alone */
} many[] = {
	{"{" ANY ",\"evaluations\":[{},{\"action\":{\"name\":\"Fly\"}},{}]}", 200, "101"},
	{"{" ANY ",\"evaluations\":[{},{\"action\":{\"name\":\"Fly\"}},{}],\"options\":{}}", 200,
	 "101"},
	{"{" ANY ",\"evaluations\":[{},7,{\"x\":1},{}],\"options\":{\"evaluations_semantic\":"
	 "\"execute_all\",\"more\":[1]}}",
	 200, "1001"},
	{"{" ANY ",\"evaluations\":[{},{" BOB "},{}],\"options\":{\"evaluations_semantic\":"
	 "\"deny_on_first_deny\"}}",
	 200, "10"},
	{"{" ANY ",\"evaluations\":[{" BOB "},{},{}],\"options\":{\"evaluations_semantic\":"
	 "\"permit_on_first_permit\"}}",
	 200, "01"},
	{"{" ANY ",\"evaluations\":[]}", 200, "{\"decision\":true"},
	{"{" ANY ",\"evaluations\":{}}", 400, "\"evaluations: must be a list\""},
	{"{" ANY ",\"evaluations\":[{}],\"options\":[]}", 400, "\"options: must be an object\""},
	{"{" ANY ",\"evaluations\":[{}],\"options\":{\"evaluations_semantic\":\"all\"}}", 400,
	 "\"options.evaluations_semantic: must be"},
	{"{" ANY ",\"evaluatoins\":[{}]}", 400, "\"there is no member"},
	{"[]", 400, "\"the body must be an object, not "},
	{"", 400, "\"the body is not JSON: byte 0"},
	{"{}x", 400, "\"the body is not JSON: byte 2"},
};

/* "101" of the decisions in the order of the answer. */
static void decisions(const char *answer, char out[static 16])
{
	size_t count = 0;

	for (const char *at = strstr(answer, "{\"decision\":"); at != NULL && count < 15;
	     at = strstr(at + 1, "{\"decision\":"))
		out[count++] = at[12] == 't' ? '1' : '0';
	out[count] = '\0';
}

static void test_authzen__answers_many(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		struct snapshot *snap = case_snapshot();
		struct authzen_stats stats = {0};
		unsigned status = 0;
		char have[16];

		buf_reset(&out);
		assert_int_equal(
			authzen_evaluations(snap, str_from_c(many[i].body), &stats, &out, &status),
			OK);
		assert_int_equal(buf_append_byte(&out, '\0'), OK);
		print_message("# %.200s\n", out.ptr);
		assert_int_equal(status, many[i].status);
		if (strncmp(out.ptr, "{\"evaluations\":[", 16) == 0) {
			decisions(out.ptr, have);
			assert_string_equal(have, many[i].want);
			assert_int_equal(stats.allowed + stats.denied + stats.refused,
					 strlen(have));
		} else {
			assert_memory_equal(out.ptr, many[i].want, strlen(many[i].want));
		}
		snapshot_unref(snap);
	}
	buf_fini(&out);
}

/* The rule for forbids that err is the gateway's: `suspended` is not an attribute of the store. */
static void test_authzen__denies_when_a_forbid_errs(void **state)
{
	static const struct policy_source errs = {
		.file = "errs.cedar",
		.text = STR("@id(\"all\") permit (principal, action, resource);\n"
			    "@id(\"sum\") forbid (principal is Inference::User, action, resource)\n"
			    "when { principal.clearance + 9223372036854775807 > 0 };\n")};
	struct snapshot_options options;
	struct authzen_stats stats = {0};
	struct snapshot *snap;
	struct diag diag;
	struct buf out;
	unsigned status;

	(void)state;
	buf_init(&out, 1 << 20);
	for (unsigned skip = 0; skip < 2; skip++) {
		case_options(&options);
		options.policies = &errs;
		options.ignore_forbid_errors = skip == 1;
		snap = case_snapshot_of(&options, &diag);
		assert_non_null(snap);
		buf_reset(&out);
		assert_int_equal(authzen_evaluation(snap, STR("{" ANY "}"), &stats, &out, &status),
				 OK);
		assert_int_equal(buf_append_byte(&out, '\0'), OK);
		assert_non_null(
			strstr(out.ptr, skip == 1 ? "\"decision\":true" : "\"decision\":false"));
		assert_non_null(strstr(out.ptr, "\"errors\":[{\"policy\":\"sum\",\"message\":\""));
		assert_true((strstr(out.ptr, "which could not be evaluated") == NULL) ==
			    (skip == 1));
		snapshot_unref(snap);
	}
	assert_int_equal(stats.allowed, 1);
	assert_int_equal(stats.denied, 1);
	buf_fini(&out);
}

static void fill(struct buf *body, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_int_equal(buf_append(body, str_from_c(text)), OK);
}

/* At each limit and one past it. */
static void test_authzen__names_its_limits(void **state)
{
	struct buf body, out;

	(void)state;
	buf_init(&body, 1 << 20);
	buf_init(&out, 4 << 20);
	for (size_t over = 0; over < 2; over++) {
		buf_reset(&body);
		fill(&body, "{" ANY ",\"evaluations\":[{}", 1);
		fill(&body, ",{}", AUTHZEN_EVALUATIONS - 1 + over);
		fill(&body, "]}", 1);
		assert_int_equal(buf_append_byte(&body, '\0'), OK);
		assert_int_equal(ask(body.ptr, true, &out), over == 0 ? 200 : 400);
		assert_true((strstr(out.ptr, "more than 100") != NULL) == (over == 1));

		buf_reset(&body);
		fill(&body, "{" ANY "}", 1);
		fill(&body, " ", AUTHZEN_BODY_BYTES + over - body.len);
		assert_int_equal(buf_append_byte(&body, '\0'), OK);
		assert_int_equal(ask(body.ptr, false, &out), over == 0 ? 200 : 400);
		assert_true((strstr(out.ptr, "longer than 262144 bytes") != NULL) == (over == 1));

		buf_reset(&body);
		fill(&body, "{\"subject\":", 1);
		fill(&body, "[", AUTHZEN_DEPTH - 1 + over);
		fill(&body, "1", 1);
		fill(&body, "]", AUTHZEN_DEPTH - 1 + over);
		fill(&body, "}", 1);
		assert_int_equal(buf_append_byte(&body, '\0'), OK);
		assert_int_equal(ask(body.ptr, false, &out), 400);
		assert_true((strstr(out.ptr, "deeper than 128 levels") != NULL) == (over == 1));
	}
	buf_fini(&body);
	buf_fini(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authzen__answers_each_question),
		cmocka_unit_test(test_authzen__answers_many),
		cmocka_unit_test(test_authzen__denies_when_a_forbid_errs),
		cmocka_unit_test(test_authzen__names_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
