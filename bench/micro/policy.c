/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_micro [DECISIONS]: time of one decision with the gateway's policies,
 * alone and among policies that do not apply; of building a context; of a load.
 * Each request is a fresh context record and one decision in a reset arena.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "gateway_case.h"

#define BATCH 16 /* decisions between two readings of the clock */

static int order_ns(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static struct policy_set *load(size_t others)
{
	struct policy_source sources[2] = {
		{.file = "gateway.cedar", .text = str_from_c(gateway_case_policies)}};
	struct policy_set *set = NULL;
	struct diag diag;
	struct buf buf;
	int64_t start;

	buf_init(&buf, 64 << 20);
	for (size_t i = 0; i < others; i++)
		ASSERT(buf_printf(&buf,
				  "%s(principal in Inference::Group::\"g%zu\", action in "
				  "Inference::Action::\"use\", resource in "
				  "Inference::ModelGroup::\"m%zu\") when { context.data_class > "
				  "%zu && principal.clearance < 3 };\n",
				  i % 3 == 0 ? "forbid" : "permit", i / 4, i % 100, i % 4) == OK);
	sources[1] = (struct policy_source){.file = "others.cedar", .text = buf_str(&buf)};
	start = clock_mono_ns();
	ASSERT(policy_set_load(sources, 2, NULL, &set, &diag) == OK);
	printf("%6zu policies loaded in %8.2f ms\n", policy_set_count(set),
	       (double)(clock_mono_ns() - start) / 1e6);
	buf_fini(&buf);
	return set;
}

struct run {
	const struct policy_set *set;
	const struct entity_store *store;
	const struct entity *principal;
	const struct value_shape *shape;
	struct value values[FIELD_COUNT];
};

static size_t decide(const struct run *run, struct arena *arena, bool is_context_only)
{
	struct uid action = uid_make(STR("Inference::Action"), STR("Invoke"));
	struct uid resource = uid_make(STR("Inference::Model"), STR("gpt-x"));
	struct policy_request request = {.principal = &run->principal->uid,
					 .action = &action,
					 .resource = &resource,
					 .overlay = run->principal};
	struct policy_decision decision;

	arena_reset(arena);
	request.context = value_shape_record(run->shape, arena, run->values);
	if (is_context_only)
		return 0;
	ASSERT(policy_decide(run->set, run->store, &request, NULL, arena, &decision) == OK);
	ASSERT(decision.is_allowed && decision.reason_count == 2);
	return decision.considered;
}

static void measure(const char *what, const struct run *run, size_t count, bool is_context_only)
{
	size_t samples = count / BATCH;
	int64_t *ns = base_alloc(samples * sizeof(*ns));
	size_t considered = 0;
	struct arena arena;

	arena_init(&arena, 16384, 1 << 20);
	for (size_t i = 0; i < samples; i++) {
		int64_t start = clock_mono_ns();

		for (size_t k = 0; k < BATCH; k++)
			considered = decide(run, &arena, is_context_only);
		ns[i] = (clock_mono_ns() - start) / BATCH;
	}
	qsort(ns, samples, sizeof(*ns), order_ns);
	printf("%-28s p50 %6lld ns  p99 %6lld ns  (%zu policies looked at, %zu arena bytes)\n",
	       what, (long long)ns[samples / 2], (long long)ns[samples * 99 / 100], considered,
	       arena.total);
	arena_fini(&arena);
	free(ns);
}

int main(int argc, char **argv)
{
	static const size_t others[] = {0, 88, 988, 9988};
	struct run run = {.store = gateway_case_store()};
	uint64_t count = 1000000;
	struct arena arena;

	if (argc > 1 && str_to_u64(str_from_c(argv[1]), &count) != OK)
		return 2;
	count = MAX(count, 100 * BATCH);
	arena_init(&arena, 8192, 1 << 20);
	run.principal = gateway_case_principal(&arena, "ana");
	run.shape = gateway_case_shape(&arena);
	gateway_case_values(&arena, run.values);
	measure("context record alone", &run, count, true);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct policy_set *set = load(others[i]);
		char what[60];

		run.set = set;
		(void)snprintf(what, sizeof(what), "one decision, %zu policies",
			       policy_set_count(set));
		measure(what, &run, count, false);
		policy_set_free(set);
	}
	arena_fini(&arena);
	entity_store_free((struct entity_store *)(uintptr_t)run.store);
	return 0;
}
