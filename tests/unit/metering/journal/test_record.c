/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct record sample(struct str payload)
{
	return (struct record){
		.sequence = 77,
		.epoch = 3,
		.gateway = record_gateway(STR("gw-1")),
		.lead = 4,
		.type = RECORD_SETTLE,
		.key = {.call = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
			.attempt = 2},
		.payload = payload};
}

static void assert_same(const struct record *a, const struct record *b)
{
	assert_int_equal(a->sequence, b->sequence);
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->gateway, b->gateway);
	assert_int_equal(a->lead, b->lead);
	assert_int_equal(a->type, b->type);
	assert_true(record_key_eq(&a->key, &b->key));
	assert_true(str_eq(a->payload, b->payload));
}

static void test_record__reads_back_what_it_wrote(void **state)
{
	static const size_t sizes[] = {1, 2, 7, 8, 600, 65534, 65535};
	uint8_t *frame = malloc(RECORD_BYTES);
	char *text = malloc(RECORD_PAYLOAD_BYTES);

	(void)state;
	memset(text, 'x', RECORD_PAYLOAD_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct record in = sample(str_make(text, sizes[i]));
		struct record out;
		size_t size = 0;
		size_t len = record_encode(&in, frame);

		assert_int_equal(len, record_size(sizes[i]));
		assert_int_equal(record_decode(str_make((char *)frame, len), &out, &size), OK);
		assert_int_equal(size, len);
		assert_same(&in, &out);
	}
	free(text);
	free(frame);
}

static void test_record__tells_short_from_damaged(void **state)
{
	uint8_t frame[256];
	struct record in = sample(STR("{\"a\":1}"));
	struct record out;
	size_t size = 0;
	size_t len = record_encode(&in, frame);

	(void)state;
	assert_int_equal(record_decode(str_make((char *)frame, 0), &out, &size), ERR_NOT_FOUND);
	for (size_t i = 1; i < len; i++) {
		assert_int_equal(record_decode(str_make((char *)frame, i), &out, &size), ERR_LIMIT);
		assert_true(size > i && size <= len);
	}
}

static void test_record__refuses_any_flipped_bit(void **state)
{
	uint8_t frame[256];
	struct record in = sample(STR("{\"a\":1}"));
	struct record out;
	size_t size = 0;
	size_t len = record_encode(&in, frame);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_not_equal(record_decode(str_make((char *)frame, len), &out, &size), OK);
		frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(record_decode(str_make((char *)frame, len), &out, &size), OK);
}

static void test_record__takes_zeros_for_the_end(void **state)
{
	static const char zeros[RECORD_BYTES];
	struct record out;
	size_t size = 0;

	(void)state;
	assert_int_equal(record_decode(str_make(zeros, sizeof(zeros)), &out, &size), ERR_NOT_FOUND);
	assert_int_equal(record_decode(str_make(zeros, 3), &out, &size), ERR_NOT_FOUND);
}

static void test_record__names_its_types(void **state)
{
	(void)state;
	assert_string_equal(record_type_name(RECORD_INTENT), "intent");
	assert_string_equal(record_type_name(RECORD_SETTLE), "settle");
	assert_string_equal(record_type_name(RECORD_PROGRESS), "progress");
	assert_string_equal(record_type_name(RECORD_DECISION), "decision");
	assert_string_equal(record_type_name(RECORD_LIFECYCLE), "lifecycle");
	assert_string_equal(record_type_name((enum record_type)99), "unknown");
	assert_int_not_equal(record_gateway(STR("")), 0);
	assert_int_not_equal(record_gateway(STR("a")), record_gateway(STR("b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record__reads_back_what_it_wrote),
		cmocka_unit_test(test_record__tells_short_from_damaged),
		cmocka_unit_test(test_record__refuses_any_flipped_bit),
		cmocka_unit_test(test_record__takes_zeros_for_the_end),
		cmocka_unit_test(test_record__names_its_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
