/* SPDX-License-Identifier: Apache-2.0 */
/* Policies in JSON: no input may crash, leak or loop. What is taken is written, read again and
 * written to the same bytes; the two decide alike. All errors listed are as many errors as one. */
#include "fuzz.h"

#include "base/buf.h"
#include "policy/policy.h"
#include "policy/policy_json_write.h"

static enum err load(struct str text, struct diags *all, struct policy_set **set)
{
	struct policy_set_options options = {
		.limits = {.arena_bytes = 64 << 20}, .takes_templates = true, .all = all};
	struct policy_source source = {"fuzz", text, POLICY_FORMAT_JSON};
	struct diag diag;

	return policy_set_load(&source, 1, &options, set, &diag);
}

static void decide(const struct policy_set *set, struct arena *arena, struct policy_decision *out)
{
	struct uid principal = uid_make(STR("User"), STR("ana"));
	struct uid action = uid_make(STR("Action"), STR("view"));
	struct uid resource = uid_make(STR("Photo"), STR("p1"));
	struct policy_request request = {.principal = &principal,
					 .action = &action,
					 .resource = &resource,
					 .context = {.kind = VALUE_NONE}};

	if (policy_decide(set, NULL, &request, NULL, arena, out) != OK)
		*out = (struct policy_decision){.considered = SIZE_MAX};
}

static void compare(const struct policy_set *a, const struct policy_set *b)
{
	struct policy_decision of_a, of_b;
	struct arena arenas[2];

	arena_init(&arenas[0], 8192, 4 << 20);
	arena_init(&arenas[1], 8192, 4 << 20);
	decide(a, &arenas[0], &of_a);
	decide(b, &arenas[1], &of_b);
	ASSERT(of_a.considered == of_b.considered);
	ASSERT(of_a.is_allowed == of_b.is_allowed);
	ASSERT(of_a.reason_count == of_b.reason_count);
	ASSERT(of_a.error_count == of_b.error_count);
	arena_fini(&arenas[0]);
	arena_fini(&arenas[1]);
}

static void write_and_read(const struct policy_set *set)
{
	struct policy_set *again = NULL;
	struct buf once, twice;

	buf_init(&once, 64 << 20);
	buf_init(&twice, 64 << 20);
	ASSERT(policy_set_json_write(&once, set) == OK);
	ASSERT(load(buf_str(&once), NULL, &again) == OK);
	ASSERT(policy_set_json_write(&twice, again) == OK);
	ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
	compare(set, again);
	policy_set_free(again);
	buf_fini(&once);
	buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct policy_set *set = NULL, *listed = NULL;
	struct diags all;
	enum err err = load(text, NULL, &set);

	diags_init(&all, 20);
	ASSERT((load(text, &all, &listed) == OK) == (err == OK));
	ASSERT((all.total == 0) == (err == OK));
	if (err == OK)
		write_and_read(set);
	diags_fini(&all);
	policy_set_free(set);
	policy_set_free(listed);
	return 0;
}
