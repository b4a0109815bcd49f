/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MODEL_BYTES (1 << 18)

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_queue__refuses_what_passes_its_max_whole(void **state)
{
	struct queue_pool *pool = queue_pool_new(0);
	struct queue queue;
	char out[8] = "";

	(void)state;
	queue_init(&queue, pool, 5);
	assert_int_equal(queue_append(&queue, STR("abc")), OK);
	assert_int_equal(queue_append(&queue, STR("def")), ERR_LIMIT);
	assert_int_equal(queue_append(&queue, STR("de")), OK);
	assert_int_equal(queue_append(&queue, (struct str){NULL, 0}), OK);
	queue_copy(&queue, 0, 5, out);
	assert_string_equal(out, "abcde");
	queue_reset(&queue);
	assert_int_equal(queue.len, 0);
	queue_pool_free(pool);
}

static void test_queue__holds_no_chunk_while_empty(void **state)
{
	struct queue_pool *pool = queue_pool_new(1);
	struct queue queue;

	(void)state;
	queue_init(&queue, pool, 100);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(queue_append(&queue, STR("x")), OK);
		assert_non_null(queue.head);
		queue_consume(&queue, 1);
		assert_null(queue.head);
		assert_null(queue.tail);
	}
	queue_pool_free(pool);
}

static void check_against(const struct queue *queue, const char *model, size_t len, uint64_t *seed)
{
	struct iovec views[40];
	size_t from = len == 0 ? 0 : next_random(seed) % len;
	size_t count = queue_views(queue, from, views, ARRAY_LEN(views));
	char *copy = malloc(len + 1);
	size_t at = from;

	assert_int_equal(queue->len, len);
	for (size_t i = 0; i < count; i++) {
		assert_true(views[i].iov_len > 0);
		assert_memory_equal(views[i].iov_base, model + at, views[i].iov_len);
		at += views[i].iov_len;
	}
	assert_int_equal(at, len);
	queue_copy(queue, from, len - from, copy);
	assert_memory_equal(copy, model + from, len - from);
	free(copy);
}

/* Random appends and consumes, against one flat array. */
static void test_queue__agrees_with_a_flat_model(void **state)
{
	struct queue_pool *pool = queue_pool_new(3);
	char *model = base_alloc(MODEL_BYTES);
	char *piece = base_alloc(MODEL_BYTES);
	uint64_t seed = 4711;
	struct queue queue;
	size_t len = 0;

	(void)state;
	queue_init(&queue, pool, MODEL_BYTES);
	for (unsigned step = 0; step < 4000; step++) {
		size_t size = next_random(&seed) % (1U << next_random(&seed) % 17);

		if (next_random(&seed) % 2 == 0) {
			for (size_t i = 0; i < size; i++)
				piece[i] = (char)next_random(&seed);
			if (len + size > MODEL_BYTES) {
				assert_int_equal(queue_append(&queue, str_make(piece, size)),
						 ERR_LIMIT);
			} else {
				assert_int_equal(queue_append(&queue, str_make(piece, size)), OK);
				memcpy(model + len, piece, size);
				len += size;
			}
		} else {
			size = MIN(size, len);
			queue_consume(&queue, size);
			len -= size;
			memmove(model, model + size, len);
		}
		if (step % 8 == 0)
			check_against(&queue, model, len, &seed);
	}
	queue_reset(&queue);
	queue_pool_free(pool);
	free(model);
	free(piece);
}

static void test_queue__fills_only_as_many_views_as_asked(void **state)
{
	struct queue_pool *pool = queue_pool_new(0);
	char *bytes = base_alloc(3 * QUEUE_CHUNK_BYTES);
	struct iovec views[3];
	struct queue queue;

	(void)state;
	queue_init(&queue, pool, 3 * QUEUE_CHUNK_BYTES);
	assert_int_equal(queue_append(&queue, str_make(bytes, 3 * QUEUE_CHUNK_BYTES)), OK);
	assert_int_equal(queue_views(&queue, 0, views, 2), 2);
	assert_int_equal(queue_views(&queue, QUEUE_CHUNK_BYTES, views, 3), 2);
	assert_int_equal(views[0].iov_len, QUEUE_CHUNK_BYTES);
	queue_reset(&queue);
	queue_pool_free(pool);
	queue_pool_free(NULL);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue__refuses_what_passes_its_max_whole),
		cmocka_unit_test(test_queue__holds_no_chunk_while_empty),
		cmocka_unit_test(test_queue__agrees_with_a_flat_model),
		cmocka_unit_test(test_queue__fills_only_as_many_views_as_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
