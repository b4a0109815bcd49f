/* SPDX-License-Identifier: Apache-2.0 */
/* Links of templates: which are refused (each row as the official engine has it), and that those
 * taken decide as any policy does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/policy.h"

#define SHOWN 8

/* Two templates and a policy; what is linked stands in a file of its own. */
static const char policies_text[] =
	"@id(\"one\") @reason(\"linked\")\n"
	"permit(principal == ?principal, action, resource);\n"
	"@id(\"both\")\n"
	"forbid(principal in ?principal, action, resource == ?resource)\n"
	"  when { context.is_late };\n"
	"@id(\"photos\") permit(principal, action, resource is Photo in (?resource));\n"
	"@id(\"plain\") permit(principal == User::\"eve\", action, resource);\n";

#define ANA    "{\"type\": \"User\", \"id\": \"ana\"}"
#define ADMINS "{\"__entity\": {\"type\": \"Group\", \"id\": \"admins\"}}"
#define PHOTO  "{\"type\": \"Photo\", \"id\": \"p1\"}"
#define ALBUM  "{\"type\": \"Album\", \"id\": \"a1\"}"
#define LINK(template, id, values)                                                                 \
	"{\"templateId\": \"" template "\", \"newId\": \"" id "\", \"values\": {" values "}}"
#define P(uid)	    "\"?principal\": " uid
#define R(uid)	    "\"?resource\": " uid
#define LINKS(list) "{\"templateLinks\": [\n" list "]}"

static enum err load(const char *links, struct diags *all, struct policy_set **out_set,
		     struct diag *diag)
{
	struct policy_source sources[] = {
		{.file = "links.json", .text = str_from_c(links), .format = POLICY_FORMAT_JSON},
		{.file = "p.cedar", .text = str_from_c(policies_text)},
	};
	struct policy_set_options options = {.all = all, .takes_templates = true};

	*diag = (struct diag){.text = ""};
	return policy_set_load(sources, 2, &options, out_set, diag);
}

static const struct {
	const char *links;
	enum err err;
	const char *message; /* NULL: taken */
} rows[] = {
	{LINKS(""), OK, NULL},
	{LINKS(LINK("one", "l", P(ANA))), OK, NULL},
	{LINKS(LINK("one", "l", P(ADMINS))), OK, NULL},
	{LINKS(LINK("one", "", P(ANA))), OK, NULL},
	{LINKS(LINK("one", "l", P(ANA)) "," LINK("one", "m", P(ANA))), OK, NULL},
	{LINKS(LINK("both", "l", P(ANA) "," R(PHOTO))), OK, NULL},
	{LINKS(LINK("one", "l", "")), ERR_MALFORMED,
	 "link `l` gives no value for ?principal of template `one`"},
	{LINKS(LINK("both", "l", P(ANA))), ERR_MALFORMED,
	 "link `l` gives no value for ?resource of template `both`"},
	{LINKS(LINK("one", "l", P(ANA) "," R(PHOTO))), ERR_MALFORMED,
	 "link `l` gives a value for ?resource, a slot that template `one` does not have"},
	{LINKS(LINK("ones", "l", P(ANA))), ERR_NOT_FOUND,
	 "there is no template `ones`; did you mean `one`?"},
	{LINKS(LINK("elsewhere", "l", P(ANA))), ERR_NOT_FOUND, "there is no template `elsewhere`"},
	{LINKS(LINK("plain", "l", "")), ERR_MALFORMED, "`plain` is a policy, not a template"},
	{LINKS(LINK("one", "l", P(ANA)) "," LINK("l", "m", "")), ERR_MALFORMED,
	 "`l` is a link, not a template"},
	{LINKS(LINK("one", "one", P(ANA))), ERR_CONFLICT,
	 "policy id `one` is taken by the template of p.cedar:1"},
	{LINKS(LINK("one", "both", P(ANA))), ERR_CONFLICT,
	 "policy id `both` is taken by the template of p.cedar:3"},
	{LINKS(LINK("one", "plain", P(ANA))), ERR_CONFLICT,
	 "policy id `plain` is taken by the policy of p.cedar:7"},
	{LINKS(LINK("one", "l", P(ANA)) "," LINK("one", "l", P(ANA))), ERR_CONFLICT,
	 "policy id `l` is taken by a link of template `one`"},
	{LINKS(LINK("one", "l", "\"?action\": " ANA)), ERR_MALFORMED, "?action"},
	{LINKS(LINK("one", "l", "\"principal\": " ANA)), ERR_MALFORMED, "principal"},
};

static void test_link__takes_and_refuses_as_the_official_engine(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_set *set = NULL;
		struct diag diag;

		print_message("# %s\n", rows[i].links);
		assert_int_equal(load(rows[i].links, NULL, &set, &diag), rows[i].err);
		if (rows[i].message != NULL) {
			print_message("# %u:%u %s\n", diag.line, diag.column, diag.text);
			assert_non_null(strstr(diag.text, rows[i].message));
			assert_string_equal(diag.file, "links.json");
			assert_true(diag.line >= 2);
			assert_true(diag.source[0] != '\0');
		}
		policy_set_free(set);
	}
}

/* Links stand behind all policies; their errors where they were written, before those of p.cedar.
 */
static void test_link__lists_errors_by_source_and_place(void **state)
{
	static const char text[] = LINKS(LINK("ones", "l", P(ANA)) ",\n" LINK(
		"one", "m", "") ",\n" LINK("one", "n", P(ANA)) ",\n" LINK("broken", "o", P(ANA)));
	struct policy_source sources[] = {
		{.file = "links.json", .text = str_from_c(text), .format = POLICY_FORMAT_JSON},
		{.file = "p.cedar", .text = str_from_c(policies_text)},
		{.file = "b.cedar",
		 .text = STR(
			 "@id(\"broken\") permit(principal == ?principal, action, resourcey);")},
	};
	struct policy_set_options options = {.takes_templates = true};
	struct policy_set *set = NULL;
	struct diags all;
	struct diag diag;

	(void)state;
	diags_init(&all, SHOWN);
	options.all = &all;
	assert_int_not_equal(policy_set_load(sources, 3, &options, &set, &diag), OK);
	assert_int_equal(all.total, 3);
	assert_string_equal(all.items[0].file, "links.json");
	assert_int_equal(all.items[0].line, 2);
	assert_string_equal(all.items[1].file, "links.json");
	assert_int_equal(all.items[1].line, 3);
	assert_string_equal(all.items[2].file, "b.cedar");
	assert_string_equal(diag.text, all.items[0].text);
	diags_fini(&all);
}

static struct policy_set *load_good(const char *links, bool is_unindexed)
{
	struct policy_source sources[] = {
		{.file = "p.cedar", .text = str_from_c(policies_text)},
		{.file = "links.json", .text = str_from_c(links), .format = POLICY_FORMAT_JSON},
	};
	struct policy_set_options options = {.takes_templates = true, .is_unindexed = is_unindexed};
	struct policy_set *set = NULL;
	struct diag diag = {.text = ""};
	enum err err = policy_set_load(sources, 2, &options, &set, &diag);

	print_message("# %s\n", diag.text);
	assert_int_equal(err, OK);
	return set;
}

static void test_link__is_a_policy_of_the_set(void **state)
{
	struct policy_set *set =
		load_good(LINKS(LINK("one", "l", P(ANA)) "," LINK("one", "m", P(ANA))), false);
	const struct policy *link = policy_set_find(set, STR("l"));
	const struct policy *template = policy_set_find_template(set, STR("one"));

	(void)state;
	assert_int_equal(policy_set_count(set), 3);
	assert_int_equal(policy_set_template_count(set), 3);
	assert_ptr_equal(policy_set_at(set, 1), link);
	assert_ptr_equal(policy_set_template_at(set, 0), template);
	assert_ptr_equal(policy_template(link), template);
	assert_null(policy_template(template));
	assert_null(policy_template(policy_set_find(set, STR("plain"))));
	assert_null(policy_set_find(set, STR("one")));
	assert_null(policy_set_find_template(set, STR("l")));
	assert_null(policy_set_find_template(set, STR("nowhere")));
	assert_true(str_eq(policy_id(link), STR("l")));
	assert_true(str_eq(policy_annotation(link, STR("reason")), STR("linked")));
	assert_string_equal(policy_file(link), "p.cedar");
	assert_int_equal(policy_line(link), 1);
	policy_set_free(set);
}

/* What is decided for principal, resource: the ids of reasons, then those of errors. */
static const struct {
	const char *principal;
	const char *photo;
	const char *want;
} decisions[] = {
	{"eve", "p2", "allow plain"},	{"ana", "p2", "allow l"},
	{"bob", "p2", "deny"},		{"bob", "p1", "allow p | f"},
	{"ana", "p1", "allow l p | f"}, {"eve", "p1", "allow plain p | f"},
};

static const char entities_text[] =
	"[{\"uid\": {\"type\": \"User\", \"id\": \"bob\"}, \"attrs\": {}, \"parents\": ["
	"  {\"type\": \"Group\", \"id\": \"all\"}]},"
	" {\"uid\": {\"type\": \"User\", \"id\": \"eve\"}, \"attrs\": {}, \"parents\": ["
	"  {\"type\": \"Group\", \"id\": \"all\"}]},"
	" {\"uid\": {\"type\": \"User\", \"id\": \"ana\"}, \"attrs\": {}, \"parents\": ["
	"  {\"type\": \"Group\", \"id\": \"all\"}]},"
	" {\"uid\": {\"type\": \"Photo\", \"id\": \"p1\"}, \"attrs\": {}, \"parents\": [" ALBUM
	"]}]";

static void describe(const struct policy_decision *decision, char *out, size_t cap)
{
	size_t len = (size_t)snprintf(out, cap, decision->is_allowed ? "allow" : "deny");

	for (size_t i = 0; i < decision->reason_count; i++)
		len += (size_t)snprintf(out + len, cap - len, " " STR_FMT,
					STR_ARG(policy_id(decision->reasons[i])));
	for (size_t i = 0; i < decision->error_count; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s " STR_FMT, i == 0 ? " |" : "",
					STR_ARG(policy_id(decision->errors[i].policy)));
}

static void decide_all(const struct policy_set *set, const struct entity_store *store)
{
	struct policy_options skip = {.ignore_forbid_errors = true};
	struct uid action = uid_make(STR("Action"), STR("view"));

	for (size_t i = 0; i < ARRAY_LEN(decisions); i++) {
		struct uid principal = uid_make(STR("User"), str_from_c(decisions[i].principal));
		struct uid resource = uid_make(STR("Photo"), str_from_c(decisions[i].photo));
		struct policy_request request = {
			.principal = &principal, .action = &action, .resource = &resource};
		struct policy_decision decision;
		struct arena arena;
		char got[100];

		print_message("# %s %s\n", decisions[i].principal, decisions[i].photo);
		arena_init(&arena, 8192, 1 << 20);
		assert_int_equal(policy_decide(set, store, &request, &skip, &arena, &decision), OK);
		describe(&decision, got, sizeof(got));
		assert_string_equal(got, decisions[i].want);
		arena_fini(&arena);
	}
}

static void test_link__decides_as_a_policy_does(void **state)
{
	static const char links[] =
		LINKS(LINK("one", "l", P(ANA)) "," LINK("photos", "p", R(ALBUM)) "," LINK(
			"both", "f", P("{\"type\": \"Group\", \"id\": \"all\"}") "," R(PHOTO)));
	struct entity_store *store = entity_store_new(NULL);
	struct diag diag;

	(void)state;
	assert_int_equal(
		entity_store_load_json(store, "entities", str_from_c(entities_text), NULL, &diag),
		OK);
	assert_int_equal(entity_store_freeze(store, &diag), OK);
	for (unsigned is_unindexed = 0; is_unindexed < 2; is_unindexed++) {
		struct policy_set *set = load_good(links, is_unindexed != 0);

		decide_all(set, store);
		policy_set_free(set);
	}
	entity_store_free(store);
}

/* Static policies, templates and links share one limit. */
static void test_link__counts_among_policies(void **state)
{
	struct policy_source sources[] = {
		{.file = "p.cedar", .text = str_from_c(policies_text)},
		{.file = "links.json",
		 .text = STR(LINKS(LINK("one", "l", P(ANA)) "," LINK("one", "m", P(ANA)))),
		 .format = POLICY_FORMAT_JSON},
	};
	struct policy_set_options options = {.takes_templates = true, .limits = {.policies = 6}};
	struct policy_set *set = NULL;
	struct diag diag = {.text = ""};

	(void)state;
	assert_int_equal(policy_set_load(sources, 2, &options, &set, &diag), OK);
	policy_set_free(set);
	set = NULL;
	options.limits.policies = 5;
	assert_int_equal(policy_set_load(sources, 2, &options, &set, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "more than 5 policies (limit `policies`)"));
	assert_string_equal(diag.file, "links.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link__takes_and_refuses_as_the_official_engine),
		cmocka_unit_test(test_link__lists_errors_by_source_and_place),
		cmocka_unit_test(test_link__is_a_policy_of_the_set),
		cmocka_unit_test(test_link__decides_as_a_policy_does),
		cmocka_unit_test(test_link__counts_among_policies),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
