/* SPDX-License-Identifier: Apache-2.0 */
/* A decision takes memory from the caller's arena and nowhere else. The linker sends malloc and its
 * kin through the counters below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway_case.h"
#include "policy/conform.h"

static size_t calls;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_malloc(size_t size)
{
	calls++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	calls++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
	calls++;
	return __real_realloc(ptr, size);
}

struct scene {
	struct arena made;
	struct schema *schema;
	struct policy_set *set;
	struct entity_store *store;
	const struct entity *principal;
	const struct value_shape *shape;
	struct value values[FIELD_COUNT];
};

static void scene_init(struct scene *scene, const char *who)
{
	struct policy_source source = {.file = "gateway.cedar",
				       .text = str_from_c(gateway_case_policies)};
	struct diag diag;

	arena_init(&scene->made, 8192, 1 << 20);
	assert_int_equal(schema_load("s", str_from_c(gateway_case_schema), &scene->schema, &diag),
			 OK);
	assert_int_equal(policy_set_load(&source, 1, NULL, &scene->set, &diag), OK);
	scene->store = gateway_case_store();
	scene->principal = gateway_case_principal(&scene->made, who);
	scene->shape = gateway_case_shape(&scene->made);
	gateway_case_values(&scene->made, scene->values);
}

static void scene_fini(struct scene *scene)
{
	policy_set_free(scene->set);
	entity_store_free(scene->store);
	schema_free(scene->schema);
	arena_fini(&scene->made);
}

static bool decide(const struct scene *scene, struct arena *arena)
{
	struct uid action = uid_make(STR("Inference::Action"), STR("Invoke"));
	struct uid resource = uid_make(STR("Inference::Model"), STR("gpt-x"));
	struct policy_request request = {.principal = &scene->principal->uid,
					 .action = &action,
					 .resource = &resource,
					 .overlay = scene->principal};
	struct policy_decision decision;

	request.context = value_shape_record(scene->shape, arena, scene->values);
	if (conform_request(scene->schema, &request, NULL) != OK ||
	    policy_decide(scene->set, scene->store, &request, NULL, arena, &decision) != OK)
		return false;
	return decision.reason_count > 0;
}

static void test_allocation__is_counted(void **state)
{
	size_t before = calls;
	struct arena arena;

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	assert_non_null(arena_alloc(&arena, 16));
	assert_true(calls > before);
	arena_fini(&arena);
}

static void test_allocation__of_decisions_is_the_arenas(void **state)
{
	static const char *const people[] = {"ana", "bob", "etl"};
	struct scene scene;
	struct arena arena;
	size_t before;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(people); i++) {
		scene_init(&scene, people[i]);
		arena_init(&arena, 32768, 32768);
		assert_true(decide(&scene, &arena)); /* takes the one block */
		before = calls;
		for (size_t k = 0; k < 1000; k++) {
			arena_reset(&arena);
			assert_true(decide(&scene, &arena));
		}
		assert_int_equal(calls, before);
		arena_fini(&arena);
		scene_fini(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocation__is_counted),
		cmocka_unit_test(test_allocation__of_decisions_is_the_arenas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
