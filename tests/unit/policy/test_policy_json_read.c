/* SPDX-License-Identifier: Apache-2.0 */
/* Policies in JSON: what the official reader takes and refuses (4.10.0, asked case by case), and
 * where a fault is said to be. That text and its JSON mean the same is tested by answer.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "policy/policy_json_write.h"
#include "policy/set.h"

#define SCOPE  "\"action\": {\"op\": \"All\"}, \"resource\": {\"op\": \"All\"}, \"conditions\": []}"
#define POLICY "{\"effect\": \"permit\", \"principal\": {\"op\": \"All\"}, " SCOPE
#define SLOT                                                                                       \
	"{\"effect\": \"permit\", \"principal\": {\"op\": \"==\", \"slot\": "                      \
	"\"?principal\"}, " SCOPE
#define USER	"{\"type\": \"User\", \"id\": \"a\"}"
#define CONTEXT "{\"Var\": \"context\"}"
#define BOTH	"{\"left\": " CONTEXT ", \"right\": " CONTEXT "}"

static const struct policy_set_options takes_all = {.takes_templates = true};

static enum err load(const struct policy_set_options *options, struct str text,
		     struct policy_set **set, struct diag *diag)
{
	struct policy_source source = {"p.json", text, POLICY_FORMAT_JSON};

	return policy_set_load(&source, 1, options, set, diag);
}

/* NULL: taken. Else `~` marks the fault, or the text ends at once behind it. */
struct row {
	const char *text;
	const char *message;
};

static void check_row(const struct row *row, const char *before, const char *behind)
{
	struct diag diag = {.text = ""};
	struct policy_set *set = NULL;
	char marked[3000], text[3000];
	unsigned line, column;
	size_t at;
	enum err err;

	print_message("# %s\n", row->text);
	(void)snprintf(marked, sizeof(marked), "%s%s%s", before, row->text, behind);
	at = str_index(str_from_c(marked), '~');
	(void)snprintf(text, sizeof(text), "%.*s%s", (int)at, marked,
		       marked[at] == '\0' ? "" : marked + at + 1);
	err = load(&takes_all, str_from_c(text), &set, &diag);
	if ((err == OK) != (row->message == NULL))
		print_message("# %s\n", diag.text);
	assert_int_equal(err == OK, row->message == NULL);
	if (err == OK) {
		policy_set_free(set);
		return;
	}
	if (strstr(diag.text, row->message) == NULL)
		print_message("# %s\n", diag.text);
	assert_non_null(strstr(diag.text, row->message));
	lex_position(str_from_c(text), at, &line, &column);
	assert_int_equal(diag.line, line);
	assert_int_equal(diag.column, column);
}

static const struct row policies[] = {
	{POLICY, NULL},
	{SLOT, NULL},
	{"{\"effect\": ~\"Permit\", \"principal\": {\"op\": \"All\"}, " SCOPE,
	 "expected \"permit\""},
	{"~{\"effect\": \"permit\", " SCOPE, "member \"principal\" is missing"},
	{"{\"effect\": \"permit\", ~\"x\": 1, \"principal\": {\"op\": \"All\"}, " SCOPE,
	 "member \"x\" is unknown here"},
	{"{\"effect\": \"permit\", ~\"principals\": 1, \"principal\": {\"op\": \"All\"}, " SCOPE,
	 "member \"principals\" is unknown here: is it \"principal\"?"},
	{"~[]", "expected an object, found an array"},
	{"~1", "expected an object, found an integer"},
	{"{\"effect\": 1~", "expected `,` or `}`, found the end"},
};

static void test_policy_json_read__takes_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++)
		check_row(&policies[i], "", "");
}

static const struct row scopes[] = {
	{"{\"op\": \"all\"}", NULL},
	{"{\"op\": \"All\", \"x\": 1}", NULL},
	{"~{}", "member \"op\" is missing"},
	{"~\"All\"", "expected an object, found a string"},
	{"{\"op\": ~\"ALL\"}", "expected \"All\", \"==\", \"in\" or \"is\""},
	{"{\"op\": \"==\", \"entity\": " USER "}", NULL},
	{"{\"op\": \"==\", \"entity\": {\"__entity\": " USER ", \"z\": 1}}", NULL},
	{"{\"op\": \"==\", \"entity\": " USER ", \"slot\": \"?principal\"}", NULL},
	{"{\"op\": \"==\", \"entity\": ~\"User::\\\"a\\\"\"}", "an entity is written"},
	{"~{\"op\": \"==\"}", "member \"entity\" or \"slot\" is missing"},
	{"{\"op\": \"==\", \"slot\": ~\"?resource\"}", "this slot cannot stand here"},
	{"{\"op\": \"==\", \"slot\": ~\"principal\"}", "this slot cannot stand here"},
	{"{\"op\": \"==\", \"slot\": ~1}", "expected a string, found an integer"},
	{"{\"op\": \"in\", \"slot\": \"?principal\"}", NULL},
	{"~{\"op\": \"in\", \"entities\": [" USER "]}", "member \"entity\" or \"slot\" is missing"},
	{"{\"op\": \"is\", \"entity_type\": \"A::B\"}", NULL},
	{"{\"op\": \"is\", \"entity_type\": ~\"A :: B\"}", "is not an entity type's name"},
	{"{\"op\": \"is\", \"entity_type\": ~\"if\"}", "is not an entity type's name"},
	{"{\"op\": \"is\", \"entity_type\": ~\"__cedar::X\"}", "is not an entity type's name"},
	{"{\"op\": \"is\", \"entity_type\": ~\"\"}", "is not an entity type's name"},
	{"{\"op\": \"is\", \"entity_type\": ~1}",
	 "expected an entity type's name, found an integer"},
	{"~{\"op\": \"is\"}", "member \"entity_type\" is missing"},
	{"{\"op\": \"is\", \"entity_type\": \"U\", \"in\": {\"entity\": " USER ", \"z\": 1}}",
	 NULL},
	{"{\"op\": \"is\", \"entity_type\": \"U\", \"in\": {\"slot\": \"?principal\"}}", NULL},
	{"{\"op\": \"is\", \"entity_type\": \"U\", \"in\": null}", NULL},
	{"{\"op\": \"is\", \"entity_type\": \"U\", \"in\": ~{}}",
	 "\"entity\" or \"slot\" is missing"},
	{"{\"op\": \"is\", \"entity_type\": \"U\", ~\"x\": 1}", "member \"x\" is unknown here"},
};

static const struct row actions[] = {
	{"{\"op\": \"==\", \"entity\": {\"type\": \"N::Action\", \"id\": \"v\"}}", NULL},
	{"{\"op\": \"==\", \"entity\": ~{\"type\": \"Action::N\", \"id\": \"v\"}}",
	 "an action's type must be Action"},
	{"{\"op\": \"in\", \"entity\": {\"type\": \"Action\", \"id\": \"v\"}, \"entities\": []}",
	 NULL},
	{"{\"op\": \"in\", \"entities\": []}", NULL},
	{"{\"op\": \"in\", \"entities\": [{\"__entity\": {\"type\": \"Action\", \"id\": \"v\"}}]}",
	 NULL},
	{"{\"op\": \"in\", \"entities\": [~" USER "]}", "an action's type must be Action"},
	{"{\"op\": \"in\", \"entities\": ~{}}", "expected an array, found an object"},
	{"{\"op\": \"==\", \"slot\": ~\"?action\"}", "this slot cannot stand here"},
	{"{\"op\": ~\"is\", \"entity_type\": \"Action\"}", "expected \"All\", \"==\" or \"in\""},
};

static void test_policy_json_read__takes_scopes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		check_row(&scopes[i], "{\"effect\": \"forbid\", \"principal\": ", ", " SCOPE);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		check_row(&actions[i],
			  "{\"effect\": \"forbid\", \"principal\": {\"op\": \"All\"}, \"action\": ",
			  ", \"resource\": {\"op\": \"All\"}, \"conditions\": []}");
}

static const struct row annotations[] = {
	{"{}", NULL},
	{"{\"a\": null, \"b\": \"\", \"if\": \"x\", \"__cedar\": \"y\", \"_9\": \"z\"}", NULL},
	{"~null", "expected an object, found null"},
	{"{~\"a b\": \"1\"}", "an annotation's name is an identifier"},
	{"{~\"\": \"1\"}", "an annotation's name is an identifier"},
	{"{~\"9\": \"1\"}", "an annotation's name is an identifier"},
	{"{\"a\": ~1}", "expected a string, found an integer"},
	{"{\"a\": \"1\", ~\"a\": \"2\"}", "member \"a\" stands twice in one object"},
};

static const struct row conditions[] = {
	{"[]", NULL},
	{"~{}", "expected an array, found an object"},
	{"[~1]", "expected an object, found an integer"},
	{"[{\"kind\": ~\"When\", \"body\": " CONTEXT "}]", "expected \"when\" or \"unless\""},
	{"[{\"kind\": \"when\", \"body\": " CONTEXT ", ~\"x\": 1}]",
	 "member \"x\" is unknown here"},
	{"[~{\"kind\": \"when\"}]", "member \"body\" is missing"},
	{"[{\"kind\": \"unless\", \"body\": " CONTEXT "}, {\"kind\": \"when\", \"body\": ~1}]",
	 "expected an object, found an integer"},
};

static void test_policy_json_read__takes_annotations_and_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(annotations); i++)
		check_row(&annotations[i], "{\"effect\": \"permit\", \"annotations\": ",
			  ", \"principal\": {\"op\": \"All\"}, " SCOPE);
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
		check_row(&conditions[i],
			  "{\"effect\": \"permit\", \"principal\": {\"op\": \"All\"}, \"action\": "
			  "{\"op\": "
			  "\"All\"}, \"resource\": {\"op\": \"All\"},\n \"conditions\": ",
			  "}");
}

static const struct row bodies[] = {
	{"~{}", "an expression is an object of one member, its operator; this has 0"},
	{"~{\"Value\": true, \"Var\": \"context\"}", "this has 2"},
	{"~true", "expected an object, found a boolean"},
	{"{~\"nope\": []}", "`nope` is no operator or function"},
	{"{~\"isIpv5\": []}", "`isIpv5` is no operator or function: is it `isIpv4`?"},
	{"{\"Value\": ~null}", "null is not a value"},
	{"{\"Value\": ~1.5}", "numbers must be integers of 64 bits"},
	{"{\"Value\": ~-0}", "numbers must be integers of 64 bits"},
	{"{\"Value\": ~9223372036854775808}", "numbers must be integers of 64 bits"},
	{"{\"Value\": -9223372036854775808}", NULL},
	{"{\"Value\": \"a\\u0000b\"}", NULL},
	{"{\"Value\": [1, \"a\", [true], {}]}", NULL},
	{"{\"Value\": [1, ~null]}", "null is not a value"},
	{"{\"Value\": {\"if\": 1, \"\": 2, \"__cedar\": {\"a\": []}}}", NULL},
	{"{\"Value\": {\"a\": ~null}}", "null is not a value"},
	{"{\"Value\": {\"__entity\": " USER "}}", NULL},
	{"{\"Value\": {\"__entity\": {\"type\": ~\"A B\", \"id\": \"a\"}}}",
	 "not an entity type's name"},
	{"{\"Value\": {\"__entity\": {\"type\": \"A B\"}}}", NULL},
	{"{\"Value\": ~{\"__expr\": \"1\"}}", "`__expr` is not supported"},
	{"{\"Value\": {\"__expr\": 1}}", NULL},
	{"{\"Value\": {\"__extn\": {\"fn\": \"ip\", \"arg\": \"1.2.3\"}}}", NULL},
	{"{\"Value\": {\"__extn\": {\"fn\": \"ip\", \"args\": [\"x\", 1]}}}", NULL},
	{"{\"Value\": {\"__extn\": {\"fn\": \"ip\"}}}", NULL},
	{"{\"Value\": {\"__extn\": {\"fn\": \"ip\", \"arg\": ~null}}}", "null is not a value"},
	{"{\"Value\": {\"__extn\": ~{\"fn\": \"nope\", \"arg\": 1}}}", "\"fn\" names no extension"},
	{"{\"Value\": ~{\"__extn\": {\"fn\": \"isIpv4\", \"args\": []}}}",
	 "a method needs the value"},
	{"{\"Value\": {\"__extn\": {\"fn\": \"isIpv4\", \"args\": [{\"__extn\": {\"fn\": \"ip\", "
	 "\"arg\": \"::1\"}}]}}}",
	 NULL},
	{"{\"Var\": ~\"foo\"}", "not a variable"},
	{"{\"Var\": ~1}", "expected a string, found an integer"},
	{"~{\"Slot\": \"?principal\"}", "slots may stand in the scope only"},
	{"{\"!\": {\"arg\": " CONTEXT "}}", NULL},
	{"{\"!\": ~{}}", "member \"arg\" is missing"},
	{"{\"!\": {\"arg\": {\"!\": {\"arg\": {\"!\": {\"arg\": {\"!\": {\"arg\": {\"!\": "
	 "{\"arg\": " CONTEXT "}}}}}}}}}}",
	 NULL},
	{"{\"neg\": {\"arg\": {\"Value\": -5}}}", NULL},
	{"{\"neg\": {\"arg\": ~1}}", "expected an object, found an integer"},
	{"{\"neg\": {\"arg\": {~\"x\": 1}}}", "`x` is no operator"},
	{"{\"isEmpty\": {\"arg\": " CONTEXT "}}", NULL},
	{"{\"isEmpty\": {~\"left\": 1}}", "member \"left\" is unknown here"},
	{"{\"isEmpty\": ~[]}", "expected an object, found an array"},
	{"{\"==\": " BOTH "}", NULL},
	{"{\"!=\": " BOTH "}", NULL},
	{"{\">=\": " BOTH "}", NULL},
	{"{\"in\": ~[]}", "expected an object, found an array"},
	{"{\"<\": ~{\"left\": " CONTEXT "}}", "member \"right\" is missing"},
	{"{\"<\": {\"left\": " CONTEXT ", \"right\": ~1}}", "expected an object"},
	{"{\"<\": {\"left\": ~1, \"right\": " CONTEXT "}}", "expected an object"},
	{"{\"&&\": " BOTH "}", NULL},
	{"{\"&&\": {\"left\": {\"&&\": ~{\"left\": 1}}, \"right\": " CONTEXT "}}",
	 "\"right\" is missing"},
	{"{\"&&\": {\"left\": {\"&&\": " BOTH "}, \"right\": ~1}}", "expected an object"},
	{"{\"&&\": {\"left\": {\"Var\": ~1}, \"right\": 1}}", "expected a string"},
	{"{\"||\": ~1}", "expected an object, found an integer"},
	{"{\"*\": " BOTH "}", NULL},
	{"{\"+\": {\"left\": {\"-\": " BOTH "}, \"right\": ~1}}", "expected an object"},
	{"{\"-\": {\"left\": {\"Var\": ~1}, \"right\": 1}}", "expected a string"},
	{"{\"-\": ~1}", "expected an object, found an integer"},
	{"{\".\": {\"left\": " CONTEXT ", \"attr\": \"a b\"}}", NULL},
	{"{\".\": {\"left\": " CONTEXT ", \"attr\": ~[\"a\"]}}",
	 "expected a string, found an array"},
	{"{\".\": {\"left\": {\"Var\": ~1}, \"attr\": \"a\"}}", "expected a string"},
	{"{\".\": ~{\"left\": " CONTEXT "}}", "member \"attr\" is missing"},
	{"{\"contains\": " BOTH "}", NULL},
	{"{\"getTag\": {\"left\": {\"hasTag\": " BOTH "}, \"right\": ~1}}", "expected an object"},
	{"{\"has\": {\"left\": " CONTEXT ", \"attr\": \"a b\", \"x\": 1}}", NULL},
	{"{\"has\": {\"left\": " CONTEXT ", \"attr\": [\"a b\", \"if\", \"\"]}}", NULL},
	{"{\"has\": {\"left\": " CONTEXT ", \"attr\": ~[]}}",
	 "an attribute's name or a list of them"},
	{"{\"has\": {\"left\": " CONTEXT ", \"attr\": [~1]}}", "an attribute's name or a list"},
	{"{\"has\": {\"left\": ~1, \"attr\": \"a\"}}", "expected an object"},
	{"{\"like\": {\"left\": " CONTEXT ", \"pattern\": []}}", NULL},
	{"{\"like\": {\"left\": " CONTEXT ", \"pattern\": [\"Wildcard\", {\"Literal\": \"a*\"}]}}",
	 NULL},
	{"{\"like\": {\"left\": " CONTEXT ", \"pattern\": ~\"a*\"}}", "expected an array"},
	{"{\"like\": {\"left\": " CONTEXT ", \"pattern\": [~\"wildcard\"]}}",
	 "expected \"Wildcard\" or"},
	{"{\"like\": {\"left\": " CONTEXT ", \"pattern\": [~{\"Literal\": \"\", \"x\": 1}]}}",
	 "expected \"Wildcard\" or"},
	{"{\"like\": {\"left\": ~1, \"pattern\": []}}", "expected an object"},
	{"{\"is\": {\"left\": " CONTEXT ", \"entity_type\": \"A::B\", \"in\": " CONTEXT "}}", NULL},
	{"{\"is\": {\"left\": " CONTEXT ", \"entity_type\": \"A\", \"in\": null}}", NULL},
	{"{\"is\": {\"left\": " CONTEXT ", \"entity_type\": ~\"A:: B\"}}",
	 "not an entity type's name"},
	{"{\"is\": {\"left\": " CONTEXT ", \"entity_type\": \"A\", \"in\": ~1}}",
	 "expected an object"},
	{"{\"is\": {\"left\": ~1, \"entity_type\": \"A\"}}", "expected an object"},
	{"{\"if-then-else\": {\"if\": " CONTEXT ", \"then\": " CONTEXT ", \"else\": " CONTEXT "}}",
	 NULL},
	{"{\"if-then-else\": {\"if\": " CONTEXT ", \"then\": ~1, \"else\": 1}}",
	 "expected an object"},
	{"{\"if-then-else\": ~{\"if\": " CONTEXT ", \"then\": 1}}", "member \"else\" is missing"},
	{"{\"Set\": [" CONTEXT ", " CONTEXT "]}", NULL},
	{"{\"Set\": [" CONTEXT ", ~1]}", "expected an object, found an integer"},
	{"{\"Set\": ~{}}", "expected an array, found an object"},
	{"{\"Record\": {\"a\": " CONTEXT ", \"\": " CONTEXT "}}", NULL},
	{"{\"Record\": {\"a\": ~1}}", "expected an object"},
	{"{\"Record\": {\"a\": " CONTEXT ", ~\"a\": " CONTEXT "}}", "member \"a\" stands twice"},
	{"{\"Record\": ~[]}", "expected an object, found an array"},
	{"{\"ip\": []}", NULL},
	{"{\"ip\": [" CONTEXT ", " CONTEXT "]}", NULL},
	{"{\"ip\": ~{}}", "expected an array, found an object"},
	{"{\"ip\": [~1]}", "expected an object, found an integer"},
	{"{\"isInRange\": [" CONTEXT "]}", NULL},
	{"{\"isInRange\": [" CONTEXT ", " CONTEXT ", " CONTEXT "]}", NULL},
	{"{\"isInRange\": [" CONTEXT ", ~1]}", "expected an object, found an integer"},
	{"{\"isInRange\": ~[]}", "a method needs the value it is called on as its first element"},
	{"{\"isInRange\": ~{}}", "expected an array, found an object"},
};

static void test_policy_json_read__takes_expressions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		check_row(&bodies[i],
			  "{\"effect\": \"permit\", \"principal\": {\"op\": \"All\"}, \"action\": "
			  "{\"op\": "
			  "\"All\"}, \"resource\": {\"op\": \"All\"},\n"
			  " \"conditions\": [{\"kind\": \"when\", \"body\": ",
			  "}]}");
}

static const struct row sets[] = {
	{"{}", NULL},
	{"{\"staticPolicies\": {}, \"templates\": {}, \"templateLinks\": []}", NULL},
	{"{\"staticPolicies\": ~null}", "expected an object, found null"},
	{"{\"staticPolicies\": {}, ~\"x\": 1}", "member \"x\" is unknown here"},
	{"{~\"staticPolicy\": {}}", "member \"staticPolicy\" is unknown here"},
	{"{\"staticPolicies\": {\"a\": " POLICY ", \"\": " POLICY "}}", NULL},
	{"{\"staticPolicies\": {\"a\": " POLICY ", ~\"a\": " POLICY "}}",
	 "member \"a\" stands twice"},
	{"{\"staticPolicies\": {\"a\": ~" SLOT "}}", "belongs under \"templates\""},
	{"{\"staticPolicies\": {\"a\": ~1}}", "expected an object, found an integer"},
	{"{\"staticPolicies\": ~[" POLICY "]}", "expected an object, found an array"},
	{"{\"templates\": {\"a\": " SLOT "}}", NULL},
	{"{\"templates\": {\"a\": ~" POLICY "}}", "a template has a slot in its scope"},
	{"{\"templates\": ~[]}", "expected an object, found an array"},
	{"{\"staticPolicies\": {\"a\": " POLICY "}, \"templates\": {\"a\": ~" SLOT "}}",
	 "policy id `a` is taken"},
	{"{\"templateLinks\": ~{}}", "expected an array, found an object"},
	{"{\"templateLinks\": [~{\"templateId\": \"t\", \"newId\": \"l\"}]}",
	 "member \"values\" is missing"},
	{"{\"templateLinks\": [{\"templateId\": ~1, \"newId\": \"l\", \"values\": {}}]}",
	 "expected a string"},
	{"{\"templateLinks\": [{\"templateId\": \"t\", \"newId\": ~1, \"values\": {}}]}",
	 "expected a string"},
	{"{\"templateLinks\": [~{\"templateId\": \"t\", \"newId\": \"l\", \"values\": {}}]}",
	 "there is no template `t`"},
	{"{\"templates\": {\"t\": " SLOT
	 "}, \"templateLinks\": [{\"templateId\": \"t\", \"newId\": \"l\", "
	 "\"values\": {\"?principal\": " USER "}}]}",
	 NULL},
	{"{\"templates\": {\"t\": " SLOT
	 "}, \"templateLinks\": [~{\"templateId\": \"t\", \"newId\": \"l\", "
	 "\"values\": {}}]}",
	 "gives no value for ?principal"},
	{"{\"templates\": {\"t\": " SLOT
	 "}, \"templateLinks\": [{\"templateId\": \"t\", \"newId\": \"l\", "
	 "\"values\": {\"?principal\": ~1}}]}",
	 "an entity is written"},
	{"{\"templates\": {\"t\": " SLOT
	 "}, \"templateLinks\": [{\"templateId\": \"t\", \"newId\": \"l\", "
	 "\"values\": {~\"principal\": " USER "}}]}",
	 "member \"principal\" is unknown here: is it \"?principal\"?"},
	{"{\"staticPolicies\": {\"a\": \"permit(principal, action, resource);\"}}", NULL},
	{"{\"staticPolicies\": \"permit(principal, action, resource); permit(principal, action, "
	 "resource);\"}",
	 NULL},
	{"{\"templates\": {\"a\": \"permit(principal == ?principal, action, resource);\"}}", NULL},
};

static void test_policy_json_read__takes_sets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		check_row(&sets[i], "", "");
}

/* Text inside of JSON: places are those of the text. */
static const struct {
	const char *text;
	unsigned column;
	const char *file;
	const char *message;
} texts[] = {
	{"{\"staticPolicies\": {\"a\": \"permit(principal, action, resource)\"}}", 36,
	 "p.json, \"a\"", "expected"},
	{"{\"staticPolicies\": {\"a\": \"\"}}", 1, "p.json, \"a\"", "expected a policy"},
	{"{\"staticPolicies\": {\"a\": \"permit(principal, action, resource); permit\"}}", 38,
	 "p.json, \"a\"", "expected no second policy"},
	{"{\"staticPolicies\": {\"a\": \"permit(principal == ?principal, action, resource);\"}}", 1,
	 "p.json, \"a\"", "belongs under \"templates\""},
	{"{\"templates\": {\"a\": \"permit(principal, action, resource);\"}}", 1, "p.json, \"a\"",
	 "a template has a slot"},
	{"{\"staticPolicies\": \"permit(principal, action, resource); x\"}", 38,
	 "p.json, \"staticPolicies\"", "expected"},
};

static void test_policy_json_read__places_faults_of_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct policy_set *set = NULL;
		struct diag diag = {.text = ""};

		print_message("# %s\n", texts[i].text);
		assert_int_equal(load(&takes_all, str_from_c(texts[i].text), &set, &diag),
				 ERR_MALFORMED);
		if (strstr(diag.text, texts[i].message) == NULL)
			print_message("# %s\n", diag.text);
		assert_non_null(strstr(diag.text, texts[i].message));
		assert_string_equal(diag.file, texts[i].file);
		assert_int_equal(diag.column, texts[i].column);
	}
}

static void test_policy_json_read__lists_a_fault_per_policy(void **state)
{
	static const char text[] =
		"{\"staticPolicies\": {\n\"a\": {\"effect\": 1, \"principal\": 2, " SCOPE
		",\n\"b\": " POLICY
		",\n\"c\": 3},\n\"templates\": {\n\"t\": {\"effect\": \"permit\"}},\n"
		"\"templateLinks\": [\n{\"templateId\": \"t\", \"newId\": \"l\", \"values\": "
		"{}},\n4]}";
	static const unsigned lines[] = {2, 4, 6, 9};
	struct policy_set_options options = takes_all;
	struct policy_set *set = NULL;
	struct diags all;
	struct diag diag;

	(void)state;
	diags_init(&all, 100);
	options.all = &all;
	assert_int_equal(load(&options, STR(text), &set, &diag), ERR_MALFORMED);
	assert_int_equal(all.count, ARRAY_LEN(lines));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_int_equal(all.items[i].line, lines[i]);
	diags_fini(&all);
}

static void repeat(struct buf *buf, struct str piece, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_append(buf, piece), OK);
}

/* before * count, inner, behind * count, as the body of a condition. */
static enum err load_nested(const char *before, const char *inner, const char *behind, size_t count,
			    struct policy_set **set, struct diag *diag)
{
	struct buf buf;
	enum err err;

	buf_init(&buf, 4 << 20);
	repeat(&buf,
	       STR("{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":"
		   "\"All\"},"
		   "\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":"),
	       1);
	repeat(&buf, str_from_c(before), count);
	repeat(&buf, str_from_c(inner), 1);
	repeat(&buf, str_from_c(behind), count);
	repeat(&buf, STR("}]}"), 1);
	err = load(NULL, buf_str(&buf), set, diag);
	buf_fini(&buf);
	return err;
}

static const struct {
	const char *before, *inner, *behind;
} chains[] = {
	{"{\"&&\":{\"left\":", "{\"Value\":true}", ",\"right\":{\"Value\":true}}}"},
	{"{\"||\":{\"left\":", "{\"Value\":true}", ",\"right\":{\"Value\":true}}}"},
	{"{\"+\":{\"left\":", "{\"Value\":1}", ",\"right\":{\"Value\":1}}}"},
	{"{\"*\":{\"left\":", "{\"Value\":1}", ",\"right\":{\"Value\":1}}}"},
	{"{\".\":{\"left\":", "{\"Var\":\"context\"}", ",\"attr\":\"a\"}}"},
	{"{\"toDate\":[", "{\"Value\":1}", "]}"},
};

/* Long chains are no depth, there and back. */
static void test_policy_json_read__takes_long_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
		struct policy_set *set = NULL, *again = NULL;
		struct buf once, twice;
		struct diag diag;

		buf_init(&once, 4 << 20);
		buf_init(&twice, 4 << 20);
		assert_int_equal(load_nested(chains[i].before, chains[i].inner, chains[i].behind,
					     8000, &set, &diag),
				 OK);
		assert_int_equal(policy_set_json_write(&once, set), OK);
		assert_int_equal(load(NULL, buf_str(&once), &again, &diag), OK);
		assert_int_equal(policy_set_json_write(&twice, again), OK);
		assert_true(str_eq(buf_str(&once), buf_str(&twice)));
		policy_set_free(set);
		policy_set_free(again);
		buf_fini(&once);
		buf_fini(&twice);
	}
}

static const struct {
	const char *before, *inner, *behind;
	size_t per_level;
} nests[] = {
	{"{\"Set\":[", "{\"Value\":1}", "]}", 1},
	{"{\"&&\":{\"left\":{\"Value\":true},\"right\":", "{\"Value\":true}", "}}", 1},
	{"{\"!\":{\"arg\":", "{\"Value\":true}", "}}", 4},
	{"{\"if-then-else\":{\"if\":{\"Value\":true},\"then\":{\"Value\":true},\"else\":",
	 "{\"Value\":true}", "}}", 1},
	{"{\"ip\":[", "{\"Value\":\"x\"}", "]}", 1},
};

static void test_policy_json_read__bounds_nesting(void **state)
{
	struct policy_set *set = NULL;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nests); i++) {
		size_t most = (AST_DEPTH - 1) * nests[i].per_level;

		print_message("# %s\n", nests[i].before);
		assert_int_equal(load_nested(nests[i].before, nests[i].inner, nests[i].behind, most,
					     &set, &diag),
				 OK);
		policy_set_free(set);
		assert_int_equal(load_nested(nests[i].before, nests[i].inner, nests[i].behind,
					     most + 5 * nests[i].per_level, &set, &diag),
				 ERR_LIMIT);
		assert_string_equal(diag.text, "nested deeper than 128 levels");
	}
}

static void test_policy_json_read__bounds_data(void **state)
{
	struct policy_set *set = NULL;
	struct diag diag;
	struct buf buf;

	(void)state;
	buf_init(&buf, 4096);
	for (size_t depth = AST_DEPTH; depth <= AST_DEPTH + 1; depth++) {
		buf_reset(&buf);
		repeat(&buf, STR("{\"Value\":"), 1);
		repeat(&buf, STR("["), depth);
		repeat(&buf, STR("]"), depth);
		repeat(&buf, STR("}\0"), 1);
		assert_int_equal(load_nested("", buf.ptr, "", 1, &set, &diag),
				 depth == AST_DEPTH ? OK : ERR_LIMIT);
		if (depth == AST_DEPTH)
			policy_set_free(set);
	}
	buf_fini(&buf);
}

static const struct {
	struct policy_limits limits;
	const char *text;
	const char *message;
} limits[] = {
	{{.elements = 1},
	 "{\"Set\": [" CONTEXT ", " CONTEXT "]}",
	 "more than 1 elements (limit `elements`)"},
	{{.elements = 1},
	 "{\"Value\": {\"a\": 1, \"b\": 2}}",
	 "more than 1 elements (limit `elements`)"},
	{{.elements = 1}, "{\"&&\": " BOTH "}", "more than 1 elements (limit `elements`)"},
	{{.elements = 1},
	 "{\"has\": {\"left\": " CONTEXT ", \"attr\": [\"a\", \"b\"]}}",
	 "limit `elements`"},
	{{.elements = 1},
	 "{\"like\": {\"left\": " CONTEXT ", \"pattern\": [\"Wildcard\"]}}",
	 "limit `elements`"},
	{{.elements = 1},
	 CONTEXT "}, {\"kind\": \"when\", \"body\": " CONTEXT,
	 "more than 1 of them"},
	{{.annotations = 1},
	 CONTEXT "}], \"annotations\": {\"a\": \"1\", \"b\": \"2\"}, \"x\": [{\"y\": 1",
	 "member \"x\" is unknown here"},
	{{.text_bytes = 10}, CONTEXT, "text is longer than 10 bytes (limit `text_bytes`)"},
};

static void test_policy_json_read__names_limits(void **state)
{
	struct policy_set_options options = takes_all;
	struct policy_set *set = NULL;
	struct diag diag;
	char text[1000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		print_message("# %s\n", limits[i].text);
		options.limits = limits[i].limits;
		(void)snprintf(
			text, sizeof(text), "%s%s%s",
			"{\"effect\": \"permit\", \"principal\": {\"op\": \"All\"}, \"action\": "
			"{\"op\": \"All\"}, \"resource\": {\"op\": \"All\"}, \"conditions\": "
			"[{\"kind\": \"when\", \"body\": ",
			limits[i].text, "}]}");
		assert_int_not_equal(load(&options, str_from_c(text), &set, &diag), OK);
		assert_non_null(strstr(diag.text, limits[i].message));
	}
	options.limits = (struct policy_limits){.annotations = 1};
	assert_int_equal(
		load(&options,
		     STR("{\"annotations\": {\"a\": \"1\", \"b\": \"2\"}, \"effect\": \"permit\", "
			 "\"principal\": {\"op\": \"All\"}, " SCOPE),
		     &set, &diag),
		ERR_LIMIT);
	assert_string_equal(diag.text, "more than 1 of them (limit `annotations`)");
}

/* Wherever memory ends, the load says so and nothing is left behind. */
static void test_policy_json_read__says_when_memory_ends(void **state)
{
	static const char text[] =
		"{\"staticPolicies\": {\"a\": {\"effect\": \"permit\", \"annotations\": {\"k\": "
		"\"v\"}, "
		"\"principal\": {\"op\": \"is\", \"entity_type\": \"User\", \"in\": "
		"{\"entity\": " USER "}}, \"action\": {\"op\": \"in\", \"entities\": [{\"type\": "
		"\"Action\", \"id\": \"v\"}]}, "
		"\"resource\": {\"op\": \"All\"}, \"conditions\": [{\"kind\": \"when\", \"body\": "
		"{\"&&\": {\"left\": {\"like\": {\"left\": {\"Value\": \"x\"}, \"pattern\": "
		"[{\"Literal\": "
		"\"a\"}, \"Wildcard\"]}}, \"right\": {\"isIpv4\": [{\"ip\": [{\"Value\": "
		"\"::1\"}]}]}}}}]},"
		"\"b\": \"permit(principal, action, resource);\"}, \"templates\": {\"t\": " SLOT
		"}, \"templateLinks\": [{\"templateId\": \"t\", \"newId\": \"l\", \"values\": "
		"{\"?principal\": " USER "}}]}";
	struct policy_set_options options = takes_all;
	struct policy_set *set = NULL;
	bool is_loaded = false;
	struct diag diag;

	(void)state;
	for (size_t cap = 64; !is_loaded; cap += 64) {
		options.limits.arena_bytes = cap;
		is_loaded = load(&options, STR(text), &set, &diag) == OK;
		if (!is_loaded)
			assert_non_null(strstr(diag.text, "arena_bytes"));
	}
	policy_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_json_read__takes_policies),
		cmocka_unit_test(test_policy_json_read__takes_scopes),
		cmocka_unit_test(test_policy_json_read__takes_annotations_and_conditions),
		cmocka_unit_test(test_policy_json_read__takes_expressions),
		cmocka_unit_test(test_policy_json_read__takes_sets),
		cmocka_unit_test(test_policy_json_read__places_faults_of_texts),
		cmocka_unit_test(test_policy_json_read__lists_a_fault_per_policy),
		cmocka_unit_test(test_policy_json_read__takes_long_chains),
		cmocka_unit_test(test_policy_json_read__bounds_nesting),
		cmocka_unit_test(test_policy_json_read__bounds_data),
		cmocka_unit_test(test_policy_json_read__names_limits),
		cmocka_unit_test(test_policy_json_read__says_when_memory_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
