/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "ast_same.h"
#include "policy/policy_json_write.h"
#include "policy/set.h"

static const char entities_json[] =
	"[{\"uid\":{\"type\":\"User\",\"id\":\"ana\"},\"attrs\":{\"age\":30,\"name\":"
	"\"ana\",\"tags\":[\"x\",\"y\"],\"boss\":{\"__entity\":{\"type\":\"User\",\"id"
	"\":\"bob\"}},\"r\":{\"a\":1},\"a.b\":1},\"parents\":[{\"type\":\"Group\",\"i"
	"d\":\"g1\"},{\"type\":\"Group\",\"id\":\"dangling\"}],\"tags\":{\"t\":\"v\",\""
	"n\":3}},"
	"{\"uid\":{\"type\":\"User\",\"id\":\"bob\"},\"attrs\":{\"age\":40},\"parent"
	"s\":[]},"
	"{\"uid\":{\"type\":\"Group\",\"id\":\"g1\"},\"attrs\":{},\"parents\":[{\"ty"
	"pe\":\"Group\",\"id\":\"g2\"}]},"
	"{\"uid\":{\"type\":\"Group\",\"id\":\"g2\"},\"attrs\":{},\"parents\":[]},"
	"{\"uid\":{\"type\":\"Photo\",\"id\":\"p1\"},\"attrs\":{\"owner\":{\"__entit"
	"y\":{\"type\":\"User\",\"id\":\"ana\"}},\"size\":900719925474},\"parents"
	"\":[{\"type\":\"Album\",\"id\":\"al\"}]},"
	"{\"uid\":{\"type\":\"Action\",\"id\":\"view\"},\"attrs\":{},\"parents\":[{"
	"\"type\":\"Action\",\"id\":\"read\"}]},"
	"{\"uid\":{\"type\":\"Action\",\"id\":\"read\"},\"attrs\":{},\"parents\":[]"
	"}]";

static const char context_json[] =
	"{\"n\": 5, \"s\": \"abc\", \"set\": [1, 2, 3], \"rec\": {\"a\": {\"b\": 1}},"
	"\"ip\": {\"__extn\": {\"fn\": \"ip\", \"arg\": \"10.1.2.3\"}}}";

static struct entity_store *store_new(void)
{
	struct entity_store *store = entity_store_new(NULL);
	struct diag diag;

	assert_int_equal(
		entity_store_load_json(store, "entities", str_from_c(entities_json), NULL, &diag),
		OK);
	assert_int_equal(entity_store_freeze(store, &diag), OK);
	return store;
}

/* The same set, written in JSON and read back; what is written then is the same again. */
static struct policy_set *through_json(struct policy_set *set)
{
	struct policy_set_options ids = {.ids = POLICY_IDS_POSITION};
	struct policy_source source = {.file = "row.json", .format = POLICY_FORMAT_JSON};
	struct policy_set *read = NULL;
	struct diag diag = {.text = ""};
	struct buf once, twice;

	buf_init(&once, 1 << 20);
	buf_init(&twice, 1 << 20);
	assert_int_equal(policy_set_json_write(&once, set), OK);
	source.text = buf_str(&once);
	if (policy_set_load(&source, 1, &ids, &read, &diag) != OK)
		print_message("# %s\n", diag.text);
	assert_non_null(read);
	assert_int_equal(policy_set_json_write(&twice, read), OK);
	assert_true(str_eq(buf_str(&once), buf_str(&twice)));
	assert_int_equal(policy_set_count(read), policy_set_count(set));
	for (size_t i = 0; i < policy_set_count(set); i++)
		assert_true(ast_same_policy(policy_set_at(read, i), policy_set_at(set, i)));
	buf_fini(&once);
	buf_fini(&twice);
	policy_set_free(set);
	return read;
}

static enum answer answer_with(const struct entity_store *store, struct str text)
{
	struct policy_options options = {.ignore_forbid_errors = true};
	struct uid principal = uid_make(STR("User"), STR("ana"));
	struct uid action = uid_make(STR("Action"), STR("view"));
	struct uid resource = uid_make(STR("Photo"), STR("p1"));
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};
	struct policy_set_options ids = {.ids = POLICY_IDS_POSITION};
	struct policy_source source = {.file = "row", .text = text};
	struct policy_decision decision;
	struct policy_set *set;
	struct arena arena;
	struct diag diag;
	enum answer answer;

	if (policy_set_load(&source, 1, &ids, &set, &diag) != OK)
		return ANSWER_REJECT;
	set = through_json(set);
	arena_init(&arena, 8192, 8 << 20);
	assert_int_equal(entity_context_json(&arena, "context", str_from_c(context_json), NULL,
					     NULL, &request.context, &diag),
			 OK);
	assert_int_equal(policy_decide(set, store, &request, &options, &arena, &decision), OK);
	answer = decision.error_count > 0 ? ANSWER_ERROR
		 : decision.is_allowed	  ? ANSWER_TRUE
					  : ANSWER_FALSE;
	arena_fini(&arena);
	policy_set_free(set);
	return answer;
}

enum answer answer_policy(struct str text)
{
	struct entity_store *store = store_new();
	enum answer answer = answer_with(store, text);

	entity_store_free(store);
	return answer;
}

void answer_check(const struct answer_row *rows, size_t count, const char *before,
		  const char *behind)
{
	struct entity_store *store = store_new();
	char text[1024];

	for (size_t i = 0; i < count; i++) {
		enum answer got;

		(void)snprintf(text, sizeof(text), "%s%s%s", before, rows[i].text, behind);
		got = answer_with(store, str_from_c(text));
		if (got != rows[i].want)
			print_message("# %s\n", rows[i].text);
		assert_int_equal(got, rows[i].want);
	}
	entity_store_free(store);
}
