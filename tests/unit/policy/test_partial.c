/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/partial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/capability.h"
#include "policy/parse.h"
#include "policy/residual.h"

static const char schema_text[] =
	"entity Group in [Group];"
	"entity User in [Group] = {level: Long, boss?: User, r: {a: Long}} tags String;"
	"entity Photo = {level: Long, owner: User, seen: datetime, words: Set<String>};"
	"action view appliesTo {principal: User, resource: Photo, context: {"
	"  b: Bool, c: Bool, opt?: Bool, n: Long, s: String, u: User, us: Set<User>,"
	"  words: Set<String>, rec: {a: Long, b?: {x: Long}}, ip: ipaddr, t: datetime,"
	"  d: duration, dec: decimal}};";

static const char entities_text[] =
	"[{\"uid\":{\"type\":\"User\",\"id\":\"ana\"},\"attrs\":{\"level\":2,\"r\":{\"a\":1}},"
	"  \"parents\":[{\"type\":\"Group\",\"id\":\"g\"}],\"tags\":{\"t\":\"v\"}},"
	" {\"uid\":{\"type\":\"Photo\",\"id\":\"p\"},\"attrs\":{\"level\":1,\"owner\":"
	"  {\"__entity\":{\"type\":\"User\",\"id\":\"ana\"}},\"seen\":\"2026-11-23T09:00:00Z\","
	"  \"words\":[\"x\",\"y\"]},\"parents\":[]}]";

/* What is known beyond the action. */
enum known {
	KNOWS_BOTH = 0, /* principal and resource */
	OPEN_PRINCIPAL = 1,
	ANY_PRINCIPAL = 2,
	OPEN_RESOURCE = 4,
	ANY_RESOURCE = 8,
	NO_SCHEMA = 16,
	CONTEXT = 32, /* {b: true, n: 3, rec: {a: 1}} is known, the rest of the context not */
};

struct row {
	unsigned known;
	const char *condition;
	const char *want; /* an expression; "true", "false", "error" */
};

struct fixture {
	struct schema *schema;
	struct entity_store *store;
	struct arena arena;
};

static void setup(struct fixture *f)
{
	struct diag diag = {.text = ""};

	assert_int_equal(schema_load("schema", str_from_c(schema_text), &f->schema, &diag), OK);
	f->store = entity_store_new(NULL);
	assert_int_equal(entity_store_load_json(f->store, "entities", str_from_c(entities_text),
						f->schema, &diag),
			 OK);
	assert_int_equal(entity_store_freeze(f->store, &diag), OK);
	arena_init(&f->arena, 8192, 16 << 20);
}

static void teardown(struct fixture *f)
{
	arena_fini(&f->arena);
	entity_store_free(f->store);
	schema_free(f->schema);
}

static const struct expr *parse_text(struct arena *arena, const char *text)
{
	struct diag diag = {.text = ""};
	struct parse parse;
	const struct expr *expr;

	parse_init(&parse, "want", str_from_c(text), arena, &diag);
	parse.max_elements = 1000;
	expr = parse_expr(&parse);
	assert_string_equal(diag.text, "");
	return expr;
}

static struct partial_request request_of(struct fixture *f, unsigned known)
{
	static struct uid ana, photo, view;
	const struct schema *schema = (known & NO_SCHEMA) != 0 ? NULL : f->schema;
	struct partial_request request;
	struct diag diag = {.text = ""};

	ana = uid_make(STR("User"), STR("ana"));
	photo = uid_make(STR("Photo"), STR("p"));
	view = uid_make(STR("Action"), STR("view"));
	request = (struct partial_request){
		.principal = {.uid = &ana, .is_open = (known & OPEN_PRINCIPAL) != 0},
		.action = {.uid = &view},
		.resource = {.uid = &photo, .is_open = (known & OPEN_RESOURCE) != 0},
	};
	if ((known & ANY_PRINCIPAL) != 0)
		request.principal = (struct partial_entity){.type = STR("User")};
	if ((known & ANY_RESOURCE) != 0)
		request.resource = (struct partial_entity){.type = STR("Photo")};
	if ((known & CONTEXT) != 0)
		assert_int_equal(entity_context_json(&f->arena, "context",
						     STR("{\"b\":true,\"n\":3,\"rec\":{\"a\":1}}"),
						     NULL, NULL, &request.context, &diag),
				 OK);
	assert_true(partial_open_context(&request, schema, &f->arena));
	return request;
}

static bool is_as_wanted(struct fixture *f, const struct partial_result *result, const char *want)
{
	static const char *const names[] = {
		[PARTIAL_FALSE] = "false",
		[PARTIAL_TRUE] = "true",
		[PARTIAL_ERROR] = "error",
	};

	if (result->verdict != PARTIAL_RESIDUAL)
		return str_eq(str_from_c(want), str_from_c(names[result->verdict]));
	return !str_eq(str_from_c(want), STR("error")) &&
	       expr_same(result->expr, parse_text(&f->arena, want));
}

/* text is a policy. */
static void check_policy(struct fixture *f, unsigned known, const char *text, const char *want,
			 struct partial_result *out)
{
	const struct schema *schema = (known & NO_SCHEMA) != 0 ? NULL : f->schema;
	struct policy_source source = {.file = "row", .text = str_from_c(text)};
	struct partial_request request = request_of(f, known);
	struct policy_set *set;
	struct partial partial;
	struct diag diag = {.text = ""};
	bool is_good;

	if (policy_set_load(&source, 1, NULL, &set, &diag) != OK)
		print_message("# %s: %s\n", text, diag.text);
	assert_true(partial_init(&partial, f->store, schema, &request, &f->arena));
	assert_int_equal(partial_policy(&partial, policy_set_at(set, 0), out), OK);
	is_good = is_as_wanted(f, out, want);
	if (!is_good)
		print_message("# %s: got %d\n", text, (int)out->verdict);
	assert_true(is_good);
	policy_set_free(set);
}

static void check_rows(const struct row *rows, size_t count)
{
	struct partial_result result;
	struct fixture f;
	char text[1000];

	setup(&f);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(text, sizeof(text), "permit(principal,action,resource) when {%s};",
			       rows[i].condition);
		check_policy(&f, rows[i].known, text, rows[i].want, &result);
	}
	teardown(&f);
}

static void test_partial__folds_what_is_known(void **state)
{
	static const struct row rows[] = {
		{KNOWS_BOTH, "principal.level == 2", "true"},
		{KNOWS_BOTH, "principal.level >= context.n", "2 >= context.n"},
		{KNOWS_BOTH, "principal.level + 1 == context.n", "3 == context.n"},
		{KNOWS_BOTH, "resource.owner == context.u", "User::\"ana\" == context.u"},
		{KNOWS_BOTH, "context.u in principal", "context.u in principal"},
		{KNOWS_BOTH, "resource.words.contains(context.s)",
		 "[\"x\", \"y\"].contains(context.s)"},
		{KNOWS_BOTH, "resource.seen < context.t",
		 "datetime(\"2026-11-23T09:00:00Z\") < context.t"},
		{KNOWS_BOTH, "principal.r == context.rec", "{a: 1} == context.rec"},
		{KNOWS_BOTH, "principal.missing || context.b", "error"},
		{KNOWS_BOTH, "resource.owner.getTag(context.s) == \"v\"",
		 "User::\"ana\".getTag(context.s) == \"v\""},
		{KNOWS_BOTH, "resource.owner.getTag(\"t\") == context.s", "\"v\" == context.s"},
		{KNOWS_BOTH, "-principal.level == context.n", "-2 == context.n"},
		{KNOWS_BOTH, "2 * principal.level == context.n * 2", "4 == context.n * 2"},
		{KNOWS_BOTH, "[principal.level, context.n].contains(2)",
		 "[2, context.n].contains(2)"},
		{KNOWS_BOTH, "{a: principal.level, b: context.n} == {}",
		 "{a: 2, b: context.n} == {}"},
		{KNOWS_BOTH, "context.s like \"a*\"", "context.s like \"a*\""},
		{KNOWS_BOTH, "ip(context.s).isIpv4()", "ip(context.s).isIpv4()"},
		{CONTEXT, "context.b && context.c", "context.c"},
		{CONTEXT, "context.n + context.rec.a == 4", "true"},
		{CONTEXT, "context has b && context has opt", "context has opt"},
		{CONTEXT, "context has rec.b", "false"},
		{CONTEXT, "context has rec.a", "true"},
		{CONTEXT, "context has rec.a.x", "error"},
		{CONTEXT | NO_SCHEMA, "context has rec.a && context has c", "context has c"},
		{CONTEXT | NO_SCHEMA, "context.x.y.z == context.n", "context.x.y.z == 3"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void test_partial__keeps_what_may_err_before_a_stop(void **state)
{
	static const struct row rows[] = {
		{KNOWS_BOTH, "false && context.b", "false"},
		{KNOWS_BOTH, "context.b && false",
		 "false"}, /* a Bool that is there, says the schema */
		{NO_SCHEMA, "context.b && false", "context.b && false"},
		{NO_SCHEMA, "context.b || true", "context.b || true"},
		{NO_SCHEMA, "context has b || true", "true"},
		{KNOWS_BOTH, "context.opt || true", "context.opt || true"},
		{KNOWS_BOTH, "context.b || principal.missing", "context.b || principal.missing"},
		{KNOWS_BOTH, "context.b && principal.missing && context.c",
		 "context.b && principal.missing"},
		{KNOWS_BOTH, "context.b && true && context.c", "context.b && context.c"},
		{KNOWS_BOTH, "(context.b && context.c) && true", "context.b && context.c"},
		{NO_SCHEMA, "(true && context.b) == context.c", "(context.b && true) == context.c"},
		{NO_SCHEMA, "(context.b || false) == 1", "(context.b || false) == 1"},
		{KNOWS_BOTH, "(true && context.b) == context.c", "context.b == context.c"},
		{KNOWS_BOTH, "(context.b || context.n) && false",
		 "(context.b || context.n) && false"},
		{KNOWS_BOTH, "context.n", "error"},
		{KNOWS_BOTH, "1 && context.b", "error"},
		{KNOWS_BOTH, "context.b && 1", "context.b && 1"},
		{KNOWS_BOTH, "if context.b then true else false", "context.b"},
		{KNOWS_BOTH, "if context.b then false else true", "!context.b"},
		{KNOWS_BOTH, "if context.b then context.c else context.c",
		 "if context.b then context.c else context.c"},
		{KNOWS_BOTH, "(if context.b then 1 else 1) == context.n", "1 == context.n"},
		{NO_SCHEMA, "(if context.b then 1 else 1) == 1",
		 "(if context.b then 1 else 1) == 1"},
		{KNOWS_BOTH, "if context.b then 1 else principal.missing", "error"},
		{KNOWS_BOTH, "if context.n then true else false", "error"},
		{KNOWS_BOTH, "if context.b then principal.level == 2 else context.c",
		 "if context.b then true else context.c"},
		{KNOWS_BOTH, "!(context.b && context.n > 3)", "!context.b || context.n <= 3"},
		{KNOWS_BOTH, "!!context.b", "context.b"},
		{NO_SCHEMA, "!!context.b == true", "!!context.b == true"},
		{KNOWS_BOTH, "!(context.s == \"a\" || context.s has x)",
		 "context.s != \"a\" && !(context.s has x)"},
		{KNOWS_BOTH, "context.n + \"a\" == 1 || context.b", "error"},
		{KNOWS_BOTH, "context.n * context.s == 1", "error"},
		{KNOWS_BOTH, "-context.s == 1", "error"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void test_partial__uses_declared_types(void **state)
{
	static const struct row rows[] = {
		{KNOWS_BOTH, "context has b", "true"},
		{KNOWS_BOTH, "context has nothing", "false"},
		{KNOWS_BOTH, "context has rec.a", "true"},
		{KNOWS_BOTH, "context has rec.b.x", "context has rec.b.x"},
		{KNOWS_BOTH, "context has rec.b.y", "false"},
		{KNOWS_BOTH, "context has s.x", "error"},
		{KNOWS_BOTH, "context has opt.x", "context has opt.x"},
		{KNOWS_BOTH, "context.rec has b.x", "context.rec has b.x"},
		{KNOWS_BOTH, "context.rec has a", "true"},
		{KNOWS_BOTH, "context.nothing", "error"},
		{KNOWS_BOTH, "context.rec.nothing == 1", "error"},
		{KNOWS_BOTH, "context.n.x == 1", "error"},
		{KNOWS_BOTH, "context.u is User", "true"},
		{KNOWS_BOTH, "context.u is Photo", "false"},
		{KNOWS_BOTH, "context.u is User in Group::\"g\"", "context.u in Group::\"g\""},
		{NO_SCHEMA, "context.u is User in Group::\"g\"",
		 "context.u is User in Group::\"g\""},
		{KNOWS_BOTH, "context.s is User", "error"},
		{KNOWS_BOTH, "context.u in Photo::\"p\"", "false"},
		{KNOWS_BOTH, "context.u in [Photo::\"p\"]", "context.u in [Photo::\"p\"]"},
		{KNOWS_BOTH, "context.u in [1]", "error"},
		{KNOWS_BOTH, "context.u in context.n", "error"},
		{KNOWS_BOTH, "context.n in context.u", "error"},
		{KNOWS_BOTH, "context.n == context.s", "false"},
		{KNOWS_BOTH, "context.n != context.s", "true"},
		{KNOWS_BOTH, "context.u == Photo::\"p\"", "false"},
		{KNOWS_BOTH, "context.u == 1", "false"},
		{NO_SCHEMA, "context.u == 1", "context.u == 1"},
		{KNOWS_BOTH, "context.n < context.t", "error"},
		{KNOWS_BOTH, "context.s < \"a\"", "error"},
		{KNOWS_BOTH, "1 < context.s", "error"},
		{KNOWS_BOTH, "context.n like \"a\"", "error"},
		{KNOWS_BOTH, "context.n.contains(1)", "error"},
		{KNOWS_BOTH, "context.words.containsAll(context.s)", "error"},
		{KNOWS_BOTH, "context.n.isIpv4()", "error"},
		{KNOWS_BOTH, "context.ip.isIpv4(1)", "error"},
		{KNOWS_BOTH, "ip(context.n).isIpv4()", "error"},
		{KNOWS_BOTH, "context.u has nothing", "false"},
		{KNOWS_BOTH, "context.u has level", "context.u has level"},
		{KNOWS_BOTH, "context.u has r.a", "context.u has r.a"},
		{KNOWS_BOTH, "context.n has x", "error"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void test_partial__takes_nothing_of_an_open_entity_from_the_store(void **state)
{
	static const struct row rows[] = {
		{OPEN_PRINCIPAL, "principal.level == 2", "principal.level == 2"},
		{OPEN_PRINCIPAL, "principal == User::\"ana\"", "true"},
		{OPEN_PRINCIPAL, "principal in Group::\"g\"", "principal in Group::\"g\""},
		{OPEN_PRINCIPAL, "resource.owner.level == 2", "User::\"ana\".level == 2"},
		{OPEN_PRINCIPAL, "resource.owner has boss.level", "User::\"ana\" has boss.level"},
		{OPEN_PRINCIPAL, "resource has owner.boss.level", "User::\"ana\" has boss.level"},
		{OPEN_PRINCIPAL, "principal.hasTag(\"t\")", "principal.hasTag(\"t\")"},
		{OPEN_PRINCIPAL, "principal.nothing", "error"},
		{ANY_PRINCIPAL, "principal is User && resource.level == 1", "true"},
		{ANY_PRINCIPAL, "principal is Photo", "false"},
		{ANY_PRINCIPAL, "principal == resource", "false"},
		{ANY_PRINCIPAL, "resource.owner == principal", "User::\"ana\" == principal"},
		{ANY_PRINCIPAL, "principal in Photo::\"p\"", "false"},
		{ANY_PRINCIPAL | NO_SCHEMA, "principal in Photo::\"p\"",
		 "principal in Photo::\"p\""},
		{ANY_RESOURCE, "resource.owner == principal", "resource.owner == principal"},
		{ANY_RESOURCE, "resource.level <= principal.level", "resource.level <= 2"},
		{OPEN_RESOURCE, "resource.level == 1", "resource.level == 1"},
		{OPEN_RESOURCE, "principal.level == 2", "true"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void test_partial__asks_the_scope_as_well(void **state)
{
	static const struct row rows[] = {
		{KNOWS_BOTH, "permit(principal == User::\"bob\", action, resource);", "false"},
		{KNOWS_BOTH, "permit(principal, action == Action::\"x\", resource);", "false"},
		{KNOWS_BOTH, "permit(principal, action in [Action::\"view\"], resource);", "true"},
		{KNOWS_BOTH, "permit(principal, action in [], resource);", "false"},
		{ANY_PRINCIPAL, "permit(principal == User::\"bob\", action, resource is Photo);",
		 "principal == User::\"bob\""},
		{ANY_PRINCIPAL, "permit(principal is User in Group::\"g\", action, resource);",
		 "principal in Group::\"g\""},
		{ANY_PRINCIPAL, "permit(principal is Photo in Group::\"g\", action, resource);",
		 "false"},
		{ANY_PRINCIPAL | ANY_RESOURCE,
		 "forbid(principal in Group::\"g\", action, resource) when {context.b} unless "
		 "{context.c};",
		 "principal in Group::\"g\" && context.b && !context.c"},
		{KNOWS_BOTH, "forbid(principal, action, resource) unless {principal.level > 1};",
		 "false"},
	};
	struct partial_result result;
	struct fixture f;

	(void)state;
	setup(&f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_policy(&f, rows[i].known, rows[i].condition, rows[i].want, &result);
	teardown(&f);
}

static void test_partial__says_what_may_err_and_what_is_never_true(void **state)
{
	static const struct {
		struct row row;
		bool may_err, is_never_true;
	} rows[] = {
		{{KNOWS_BOTH, "context.b", "context.b"}, false, false},
		{{KNOWS_BOTH, "context.opt", "context.opt"}, true, false},
		{{KNOWS_BOTH, "context.n + 1 == 2", "context.n + 1 == 2"}, true, false},
		{{KNOWS_BOTH, "context.words.containsAny([context.s])",
		  "context.words.containsAny([context.s])"},
		 false,
		 false},
		{{KNOWS_BOTH, "context.u in context.us", "context.u in context.us"}, false, false},
		{{KNOWS_BOTH, "context.opt && false", "context.opt && false"}, true, true},
		{{KNOWS_BOTH, "(context.opt && false) || (context.opt && principal.missing)",
		  "(context.opt && false) || (context.opt && principal.missing)"},
		 true,
		 true},
		{{KNOWS_BOTH, "if context.opt then false else principal.missing",
		  "if context.opt then false else principal.missing"},
		 true,
		 false},
		{{KNOWS_BOTH, "context.b || principal.missing", "context.b || principal.missing"},
		 true,
		 false},
	};
	struct partial_result result;
	struct fixture f;
	char text[1000];

	(void)state;
	setup(&f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(text, sizeof(text), "permit(principal,action,resource) when {%s};",
			       rows[i].row.condition);
		check_policy(&f, rows[i].row.known, text, rows[i].row.want, &result);
		assert_int_equal(result.may_err, rows[i].may_err);
		assert_int_equal(result.is_never_true, rows[i].is_never_true);
	}
	teardown(&f);
}

/* Every cap ends in ERR_LIMIT or in the answer, never in another answer. */
static void test_partial__refuses_when_the_arena_is_full(void **state)
{
	static const char text[] =
		"permit(principal is User in Group::\"g\", action in [Action::\"view\"], resource)"
		" when { principal.level + 1 == context.n && [principal.level].contains(context.n)"
		" && resource.seen < context.t && {a: principal.r} == context.rec"
		" && !(if context.b then context.c else ip(context.s).isIpv4())"
		" && context.u is User in Group::\"g\" && context has rec.b.x && -context.n == 1"
		" && context.s like \"*\" && 2 * context.n == 1 && !(context.b || context.c) == "
		"true}"
		" unless { context.b && context.c };";
	struct policy_source source = {.file = "row", .text = str_from_c(text)};
	struct partial_request request;
	struct policy_set *set;
	struct diag diag = {.text = ""};
	struct fixture f;
	size_t limits = 0;
	size_t answers = 0;

	(void)state;
	setup(&f);
	request = request_of(&f, ANY_PRINCIPAL);
	assert_int_equal(policy_set_load(&source, 1, NULL, &set, &diag), OK);
	for (size_t cap = 64; cap < 40000; cap += 48) {
		struct partial_result result = {.verdict = PARTIAL_TRUE};
		struct partial partial;
		struct arena arena;
		enum err err = ERR_LIMIT;

		arena_init(&arena, 64, cap);
		if (partial_init(&partial, f.store, f.schema, &request, &arena))
			err = partial_policy(&partial, policy_set_at(set, 0), &result);
		limits += err == ERR_LIMIT ? 1U : 0U;
		answers += err == OK && result.verdict == PARTIAL_RESIDUAL ? 1U : 0U;
		assert_true(err == ERR_LIMIT || result.verdict == PARTIAL_RESIDUAL);
		arena_fini(&arena);
	}
	assert_true(limits > 50);
	assert_true(answers > 50);
	policy_set_free(set);
	teardown(&f);
}

static void test_residual__writes_values_within_its_limits(void **state)
{
	struct value many[RESIDUAL_ITEMS + 1];
	struct value nested = value_long(1);
	struct value set;
	struct arena arena;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = value_long((int64_t)i);
	set = value_set(&arena, many, RESIDUAL_ITEMS);
	assert_non_null(residual_of_value(&arena, set, 0));
	set = value_set(&arena, many, RESIDUAL_ITEMS + 1);
	assert_null(residual_of_value(&arena, set, 0));
	for (size_t i = 0; i < RESIDUAL_DEPTH; i++)
		nested = value_set(&arena, &nested, 1);
	assert_non_null(residual_of_value(&arena, nested, 0));
	nested = value_set(&arena, &nested, 1);
	assert_null(residual_of_value(&arena, nested, 0));
	assert_null(residual_of_value(&arena, value_datetime_ms(INT64_MAX), 0));
	assert_null(residual_of_value(&arena, value_none(), 0));
	arena_fini(&arena);
}

/* Single letters stand for attributes of the context. */
static const struct expr *parse_letters(struct arena *arena, const char *text)
{
	char out[300];
	size_t len = 0;

	for (size_t i = 0; text[i] != '\0'; i++) {
		bool is_alone = text[i] >= 'a' && text[i] <= 'd' && (i == 0 || text[i - 1] < 'a') &&
				text[i + 1] < 'a';

		len += (size_t)snprintf(out + len, sizeof(out) - len,
					is_alone ? "context.%c" : "%c", text[i]);
	}
	return parse_text(arena, out);
}

static void test_residual__moves_the_not_inwards(void **state)
{
	static const char *const rows[][2] = {
		{"a", "!a"},
		{"!a", "a"},
		{"!!a", "!a"},
		{"!!!a", "a"},
		{"true", "false"},
		{"false", "true"},
		{"a == b", "a != b"},
		{"a != b", "a == b"},
		{"a < b", "a >= b"},
		{"a <= b", "a > b"},
		{"a > b", "a <= b"},
		{"a >= b", "a < b"},
		{"a in b", "!(a in b)"},
		{"a && b", "!a || !b"},
		{"a || b && c", "!a && (!b || !c)"},
		{"a || (b || !(c && d))", "!a && !b && c && d"},
		{"if a then b else c", "!(if a then b else c)"},
	};
	struct arena arena;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct expr *expr = parse_letters(&arena, rows[i][0]);

		print_message("# %s\n", rows[i][0]);
		assert_true(expr_same(residual_negate(&arena, expr),
				      parse_letters(&arena, rows[i][1])));
	}
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partial__folds_what_is_known),
		cmocka_unit_test(test_partial__keeps_what_may_err_before_a_stop),
		cmocka_unit_test(test_partial__uses_declared_types),
		cmocka_unit_test(test_partial__takes_nothing_of_an_open_entity_from_the_store),
		cmocka_unit_test(test_partial__asks_the_scope_as_well),
		cmocka_unit_test(test_partial__says_what_may_err_and_what_is_never_true),
		cmocka_unit_test(test_partial__refuses_when_the_arena_is_full),
		cmocka_unit_test(test_residual__writes_values_within_its_limits),
		cmocka_unit_test(test_residual__moves_the_not_inwards),
	};

	return cmocka_run_group_tests_name("partial", tests, NULL, NULL);
}
