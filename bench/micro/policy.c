/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_micro: what one decision with the gateway's policies costs. A decision is a fresh context
 * record, the request held against the schema, and policy_decide, in a reset arena; each is timed
 * by itself, the two readings of the clock included.
 *
 *   policy_micro slices POLICIES   reads counts from stdin; for each decides that often and answers
 *                                  a line of JSON: p50, p99 in ns
 *   policy_micro load POLICIES     parses and validates; a line of JSON: milliseconds of both
 *   policy_micro growth COUNT      bytes the heap has grown by after COUNT decisions
 *   policy_micro text POLICIES     the policies themselves, for peers
 *   policy_micro schema 1          their schema
 *   policy_micro [COUNT]           a table: parts, and 12 to 10,000 policies
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "gateway_case.h"
#include "policy/check.h"
#include "policy/conform.h"

#define OTHERS_BYTES	 (64U << 20)
#define GATEWAY_POLICIES 12

struct run {
	struct arena made; /* principal, shape, values */
	struct arena arena;
	struct policy_set *set;
	struct schema *schema;
	const struct schema_action *action;
	struct entity_store *store;
	const struct entity *principal;
	const struct value_shape *shape;
	struct value values[FIELD_COUNT];
	double parse_ms, check_ms;
};

static int order_ns(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;

	return (*x > *y) - (*x < *y);
}

/* Policies of other groups and models: the index must leave them out. */
static void write_others(struct buf *buf, size_t policies)
{
	size_t count = policies > GATEWAY_POLICIES ? policies - GATEWAY_POLICIES : 0;

	for (size_t i = 0; i < count; i++)
		ASSERT(buf_printf(buf,
				  "%s(principal in Inference::Group::\"g%zu\", action in "
				  "Inference::Action::\"use\", resource in "
				  "Inference::ModelGroup::\"m%zu\") when { context.data_class > "
				  "%zu && principal.clearance < 3 };\n",
				  i % 3 == 0 ? "forbid" : "permit", i / 4, i % 100, i % 4) == OK);
}

static void load_policies(struct run *run, size_t policies)
{
	struct policy_source sources[2] = {{.file = "gateway.cedar"}, {.file = "others.cedar"}};
	struct check_report report;
	struct diag diag;
	struct buf others;
	int64_t start;

	sources[0].text = str_from_c(gateway_case_policies);
	buf_init(&others, OTHERS_BYTES);
	write_others(&others, policies);
	sources[1].text = buf_str(&others);
	start = clock_mono_ns();
	ASSERT(policy_set_load(sources, 2, NULL, &run->set, &diag) == OK);
	run->parse_ms = (double)(clock_mono_ns() - start) / 1e6;
	start = clock_mono_ns();
	check_report_init(&report);
	ASSERT(check_policies(run->set, run->schema, &report) == OK);
	check_report_fini(&report);
	run->check_ms = (double)(clock_mono_ns() - start) / 1e6;
	buf_fini(&others);
}

static void run_init(struct run *run, size_t policies)
{
	struct uid action = uid_make(STR("Inference::Action"), STR("Invoke"));
	struct diag diag;

	arena_init(&run->made, 8192, 1 << 20);
	arena_init(&run->arena, 16384, 1 << 20);
	ASSERT(schema_load("gateway.cedarschema", str_from_c(gateway_case_schema), &run->schema,
			   &diag) == OK);
	run->action = schema_find_action(run->schema, &action);
	run->store = gateway_case_store();
	run->principal = gateway_case_principal(&run->made, "ana");
	run->shape = gateway_case_shape(&run->made);
	gateway_case_values(&run->made, run->values);
	load_policies(run, policies);
}

static void run_fini(struct run *run)
{
	policy_set_free(run->set);
	entity_store_free(run->store);
	schema_free(run->schema);
	arena_fini(&run->made);
	arena_fini(&run->arena);
}

enum part {
	PART_CONTEXT,
	PART_CONFORM, /* and the context */
	PART_ALL,
};

static void decide(struct run *run, enum part part)
{
	struct uid action = uid_make(STR("Inference::Action"), STR("Invoke"));
	struct uid resource = uid_make(STR("Inference::Model"), STR("gpt-x"));
	struct policy_request request = {.principal = &run->principal->uid,
					 .action = &action,
					 .resource = &resource,
					 .overlay = run->principal};
	struct policy_decision decision;

	arena_reset(&run->arena);
	request.context = value_shape_record(run->shape, &run->arena, run->values);
	if (part == PART_CONTEXT)
		return;
	ASSERT(conform_call(run->schema, run->action, &request, NULL) == OK);
	if (part == PART_CONFORM)
		return;
	ASSERT(policy_decide(run->set, run->store, &request, NULL, &run->arena, &decision) == OK);
	ASSERT(decision.is_allowed && decision.reason_count == 2);
}

struct times {
	int64_t p50, p99;
};

static struct times measure(struct run *run, enum part part, size_t count)
{
	int64_t *ns = base_alloc(count * sizeof(*ns));
	struct times times;

	for (size_t i = 0; i < count; i++) {
		int64_t start = clock_mono_ns();

		decide(run, part);
		ns[i] = clock_mono_ns() - start;
	}
	qsort(ns, count, sizeof(*ns), order_ns);
	times = (struct times){ns[count / 2], ns[count * 99 / 100]};
	free(ns);
	return times;
}

static void print_times(const char *what, struct times times)
{
	printf("%-40s p50 %6lld ns  p99 %6lld ns\n", what, (long long)times.p50,
	       (long long)times.p99);
}

static int print_table(size_t count)
{
	static const size_t sizes[] = {12, 100, 1000, 10000};
	struct run run;
	char what[60];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		run_init(&run, sizes[i]);
		if (i == 0) {
			print_times("context record", measure(&run, PART_CONTEXT, count));
			print_times("  held against the schema",
				    measure(&run, PART_CONFORM, count));
		}
		(void)snprintf(what, sizeof(what), "  and decided by %zu policies", sizes[i]);
		print_times(what, measure(&run, PART_ALL, count));
		run_fini(&run);
	}
	return 0;
}

static int answer_slices(size_t policies)
{
	struct run run;
	char line[32];
	uint64_t count;

	run_init(&run, policies);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct times times;

		if (str_to_u64(str_make(line, strcspn(line, "\n")), &count) != OK || count == 0)
			return 2;
		times = measure(&run, PART_ALL, count);
		printf("{\"p50\": %lld, \"p99\": %lld}\n", (long long)times.p50,
		       (long long)times.p99);
		fflush(stdout);
	}
	run_fini(&run);
	return 0;
}

static int print_load(size_t policies)
{
	struct run run;

	run_init(&run, policies);
	printf("{\"parse_ms\": %.1f, \"check_ms\": %.1f}\n", run.parse_ms, run.check_ms);
	run_fini(&run);
	return 0;
}

static int print_growth(size_t count)
{
	struct run run;
	size_t before, after;

	run_init(&run, 1000);
	decide(&run, PART_ALL);
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < count; i++)
		decide(&run, PART_ALL);
	after = mallinfo2().uordblks;
	printf("{\"decisions\": %zu, \"grown_bytes\": %lld}\n", count,
	       (long long)after - (long long)before);
	run_fini(&run);
	return after == before ? 0 : 1;
}

static int print_text(size_t policies)
{
	struct buf others;

	buf_init(&others, OTHERS_BYTES);
	write_others(&others, policies);
	fputs(gateway_case_policies, stdout);
	fwrite(buf_str(&others).ptr, 1, others.len, stdout);
	buf_fini(&others);
	return 0;
}

int main(int argc, char **argv)
{
	struct str mode = str_from_c(argc > 2 ? argv[1] : "");
	uint64_t number = 200000;

	if (argc > 1 && (str_to_u64(str_from_c(argv[argc - 1]), &number) != OK || number == 0))
		return 2;
	if (str_eq(mode, STR("slices")))
		return answer_slices(number);
	if (str_eq(mode, STR("load")))
		return print_load(number);
	if (str_eq(mode, STR("growth")))
		return print_growth(number);
	if (str_eq(mode, STR("text")))
		return print_text(number);
	if (str_eq(mode, STR("schema")))
		return fputs(gateway_case_schema, stdout) < 0 ? 1 : 0;
	return mode.len == 0 ? print_table(number) : 2;
}
