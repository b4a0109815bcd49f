/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"

static const char entities[] =
	"[{\"uid\": {\"type\": \"Team\", \"id\": \"t\"}, \"attrs\": {}, \"parents\": []},"
	" {\"uid\": {\"type\": \"User\", \"id\": \"ana\"}, \"attrs\": {\"level\": 2,"
	"  \"home\": {\"city\": \"Rome\"}, \"boss\": {\"__entity\": {\"type\": \"User\", \"id\": "
	"\"bob\"}}},"
	"  \"parents\": [{\"type\": \"Team\", \"id\": \"t\"}], \"tags\": {\"dept\": \"risk\"}},"
	" {\"uid\": {\"type\": \"User\", \"id\": \"bob\"}, \"attrs\": {\"level\": 9}, \"parents\": "
	"[]}]";

struct world {
	struct arena arena;
	struct entity_store *store;
	struct policy_set *set;
	struct uid uids[3];
	struct policy_request request;
};

static void world_init(struct world *world, const char *policies)
{
	const struct policy_source source = {.file = "test.cedar", .text = str_from_c(policies)};
	const char *const types[] = {"User", "Action", "File"};
	const char *const ids[] = {"ana", "look", "plan"};
	const struct text names[] = {text_make(STR("hour")), text_make(STR("tags"))};
	struct value values[2];

	arena_init(&world->arena, 4096, 1 << 20);
	assert_int_equal(policy_set_load(&source, 1, NULL, &world->set, NULL), OK);
	world->store = entity_store_new(NULL);
	assert_int_equal(
		entity_store_load_json(world->store, "test.json", str_from_c(entities), NULL, NULL),
		OK);
	assert_int_equal(entity_store_freeze(world->store, NULL), OK);
	for (size_t i = 0; i < ARRAY_LEN(world->uids); i++)
		world->uids[i] = uid_make(str_from_c(types[i]), str_from_c(ids[i]));
	values[0] = value_long(3);
	values[1] = value_set(&world->arena, values, 1);
	world->request = (struct policy_request){
		.principal = &world->uids[0],
		.action = &world->uids[1],
		.resource = &world->uids[2],
		.context = value_record(&world->arena, names, values, ARRAY_LEN(values)),
	};
}

static void world_fini(struct world *world)
{
	policy_set_free(world->set);
	entity_store_free(world->store);
	arena_fini(&world->arena);
}

static enum err explain(struct world *world, struct explain *out)
{
	return policy_explain(world->set, world->store, &world->request, NULL, &world->arena, out);
}

/* "-", "F", "T", "E". */
static void put_outcome(struct buf *out, enum explain_outcome outcome)
{
	assert_int_equal(buf_append_byte(out, "-FTE"[outcome]), OK);
}

static void put_policy(struct buf *out, const struct explain_policy *policy)
{
	for (size_t i = 0; i < ARRAY_LEN(policy->scopes); i++)
		put_outcome(out, policy->scopes[i].is_true ? EXPLAIN_TRUE : EXPLAIN_FALSE);
	for (size_t i = 0; i < policy->condition_count; i++) {
		const struct explain_condition *condition = &policy->conditions[i];

		assert_int_equal(
			buf_append(out, condition->is_unless ? STR(" unless ") : STR(" when ")),
			OK);
		put_outcome(out, condition->outcome);
		for (size_t k = 0; k < condition->clause_count; k++) {
			const struct explain_clause *clause = &condition->clauses[k];

			assert_int_equal(buf_printf(out, " [%u: " STR_FMT " ", clause->line,
						    STR_ARG(clause->text)),
					 OK);
			put_outcome(out, clause->outcome);
			for (size_t r = 0; r < clause->read_count; r++)
				assert_int_equal(
					buf_printf(out, "; " STR_FMT "=" STR_FMT,
						   STR_ARG(clause->reads[r].path),
						   STR_ARG(str_is_set(clause->reads[r].value)
								   ? clause->reads[r].value
								   : STR("absent"))),
					OK);
			assert_int_equal(buf_append_byte(out, ']'), OK);
		}
	}
	assert_int_equal(buf_append_byte(out, '\0'), OK);
}

#define ANY "permit (principal, action, resource) "

static const struct {
	const char *policy;
	const char *want;
	enum eval_verdict verdict;
} rows[] = {
	{ANY ";", "TTT", EVAL_SATISFIED},
	{"permit (principal == User::\"ana\", action, resource is File);", "TTT", EVAL_SATISFIED},
	{ANY "when { principal.level > 1 };",
	 "TTT when T [1: principal.level > 1 T; principal.level=2]", EVAL_SATISFIED},
	{ANY "when { principal.level > 1 &&\n context.hour == 4 && true };",
	 "TTT when F [1: principal.level > 1 T; principal.level=2]"
	 " [2: context.hour == 4 F; context.hour=3] [2: true -]",
	 EVAL_UNSATISFIED},
	{ANY "when { false } unless { true };", "TTT when F [1: false F] unless - [1: true -]",
	 EVAL_UNSATISFIED},
	{ANY "unless { context.hour > 2 && principal.level > 2 };",
	 "TTT unless F [1: context.hour > 2 T; context.hour=3]"
	 " [1: principal.level > 2 F; principal.level=2]",
	 EVAL_SATISFIED},
	{ANY "unless { true };", "TTT unless T [1: true T]", EVAL_UNSATISFIED},
	{ANY "when { context.hour };", "TTT when E [1: context.hour E; context.hour=3]",
	 EVAL_ERROR},
	{ANY "when { resource.owner == principal || true } when { true };",
	 "TTT when E [1: resource.owner == principal || true E; resource.owner=absent]"
	 " when - [1: true -]",
	 EVAL_ERROR},
	/* What a clause reads: paths as far as they are attributes or tags, each once. */
	{ANY "when { principal.home.city == principal[\"home\"][\"city\"] };",
	 "TTT when T [1: principal.home.city == principal.home.city T; "
	 "principal.home.city=\"Rome\"]",
	 EVAL_SATISFIED},
	{ANY "when { principal has home.city };",
	 "TTT when T [1: principal has home.city T; principal.home.city=\"Rome\"]", EVAL_SATISFIED},
	{ANY "when { principal.home has street };",
	 "TTT when F [1: principal.home has street F; principal.home.street=absent]",
	 EVAL_UNSATISFIED},
	{ANY "when { {a: context.hour} has a };",
	 "TTT when T [1: { a: context.hour } has a T; context.hour=3]", EVAL_SATISFIED},
	{ANY "when { principal.hasTag(\"dept\") };",
	 "TTT when T [1: principal.hasTag(\"dept\") T; principal.getTag(\"dept\")=\"risk\"]",
	 EVAL_SATISFIED},
	{ANY "when { principal.getTag(\"dept\") like \"r*\" };",
	 "TTT when T [1: principal.getTag(\"dept\") like \"r*\" T; "
	 "principal.getTag(\"dept\")=\"risk\"]",
	 EVAL_SATISFIED},
	{ANY "when { principal.boss.level > -context.hour + 2 * context.hour };",
	 "TTT when T [1: principal.boss.level > -context.hour + 2 * context.hour T; "
	 "principal.boss.level=9; context.hour=3]",
	 EVAL_SATISFIED},
	{ANY "when { User::\"bob\".level == 9 && !context.tags.contains(context.hour) };",
	 "TTT when F [1: User::\"bob\".level == 9 T; User::\"bob\".level=9]"
	 " [1: !context.tags.contains(context.hour) F; context.tags=[3]; context.hour=3]",
	 EVAL_UNSATISFIED},
	{ANY "when { if context.hour > 1 then principal is User in principal.boss else false };",
	 "TTT when F [1: if context.hour > 1 then principal is User in principal.boss else false "
	 "F; "
	 "context.hour=3; principal.boss=User::\"bob\"]",
	 EVAL_UNSATISFIED},
	{ANY "when { [principal.level, 1].containsAll([context.hour]) || ip(\"::1\").isIpv4() };",
	 "TTT when F [1: [principal.level, 1].containsAll([context.hour]) || ip(\"::1\").isIpv4() "
	 "F; principal.level=2; context.hour=3]",
	 EVAL_UNSATISFIED},
};

static void test_explain__shows_clauses_and_what_they_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world world;
		struct explain result;
		struct buf got;

		print_message("# %s\n", rows[i].policy);
		world_init(&world, rows[i].policy);
		buf_init(&got, 4096);
		assert_int_equal(explain(&world, &result), OK);
		assert_int_equal(result.count, 1);
		assert_int_equal(result.considered_count, 1);
		put_policy(&got, &result.policies[0]);
		assert_string_equal(got.ptr, rows[i].want);
		assert_int_equal(result.policies[0].verdict, rows[i].verdict);
		assert_int_equal(result.decision.is_allowed, rows[i].verdict == EVAL_SATISFIED);
		buf_fini(&got);
		world_fini(&world);
	}
}

static const struct {
	const char *scope;
	const char *text[3];
} scopes[] = {
	{"principal, action, resource", {"principal", "action", "resource"}},
	{"principal in Team::\"t\", action in Action::\"look\", resource == File::\"plan\"",
	 {"principal in Team::\"t\"", "action in Action::\"look\"", "resource == File::\"plan\""}},
	{"principal is User in Team::\"t\", action in [Action::\"x\", Action::\"look\"], resource "
	 "is "
	 "File",
	 {"principal is User in Team::\"t\"", "action in [Action::\"x\", Action::\"look\"]",
	  "resource is File"}},
};

static void test_explain__writes_scopes_as_the_policy_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
		struct world world;
		struct explain result;
		char policy[200];

		print_message("# %s\n", scopes[i].scope);
		(void)snprintf(policy, sizeof(policy), "permit (%s);", scopes[i].scope);
		world_init(&world, policy);
		assert_int_equal(explain(&world, &result), OK);
		for (size_t k = 0; k < 3; k++) {
			assert_true(str_eq(result.policies[0].scopes[k].text,
					   str_from_c(scopes[i].text[k])));
			assert_true(result.policies[0].scopes[k].is_true);
		}
		world_fini(&world);
	}
}

static void test_explain__tells_what_the_index_left_out(void **state)
{
	struct world world;
	struct explain result;
	struct buf text;
	size_t considered = 0;

	(void)state;
	buf_init(&text, 65536);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(buf_printf(&text,
					    "permit (principal == User::\"u%u\", action, resource)"
					    " when { true };\n",
					    i),
				 OK);
	assert_int_equal(buf_append(&text, STR("forbid (principal == User::\"ana\", action == "
					       "Action::\"look\", resource);\n")),
			 OK);
	assert_int_equal(buf_append_byte(&text, '\0'), OK);
	world_init(&world, text.ptr);
	assert_int_equal(explain(&world, &result), OK);
	assert_int_equal(result.count, 41);
	for (size_t i = 0; i < result.count; i++) {
		const struct explain_policy *policy = &result.policies[i];

		considered += policy->is_considered ? 1 : 0;
		assert_int_equal(policy->verdict, i == 40 ? EVAL_SATISFIED : EVAL_UNSATISFIED);
		assert_int_equal(policy->scopes[0].is_true, i == 40);
		assert_true(policy->is_considered || policy->condition_count == 0);
	}
	assert_true(result.policies[40].is_considered);
	assert_true(considered < 40);
	assert_int_equal(considered, result.considered_count);
	assert_int_equal(result.decision.reason_count, 1);
	buf_fini(&text);
	world_fini(&world);
}

static void test_explain__cuts_what_is_long_and_ends_at_the_arenas_cap(void **state)
{
	struct world world;
	struct explain result;
	const struct explain_clause *clause;
	struct arena small;
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	assert_int_equal(buf_append(&text, STR(ANY "when { [")), OK);
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(buf_printf(&text, "principal.a%u, ", i), OK);
	assert_int_equal(buf_append(&text, STR("1].isEmpty() };")), OK);
	assert_int_equal(buf_append_byte(&text, '\0'), OK);
	world_init(&world, text.ptr);
	assert_int_equal(explain(&world, &result), OK);
	clause = &result.policies[0].conditions[0].clauses[0];
	assert_int_equal(clause->outcome, EXPLAIN_ERROR);
	assert_true(str_has_suffix(clause->text, STR("…")));
	assert_true(clause->text.len <= EXPLAIN_TEXT + sizeof("…"));
	assert_int_equal(clause->read_count, EXPLAIN_READS);
	for (size_t cap = 256; cap <= 4096; cap *= 2) {
		arena_init(&small, 64, cap);
		assert_int_equal(policy_explain(world.set, world.store, &world.request, NULL,
						&small, &result),
				 ERR_LIMIT);
		arena_fini(&small);
	}
	buf_fini(&text);
	world_fini(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain__shows_clauses_and_what_they_read),
		cmocka_unit_test(test_explain__writes_scopes_as_the_policy_does),
		cmocka_unit_test(test_explain__tells_what_the_index_left_out),
		cmocka_unit_test(test_explain__cuts_what_is_long_and_ends_at_the_arenas_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
