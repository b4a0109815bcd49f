/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/http/h1.h"

#define DATE "Mon, 23 Nov 2026 09:00:00 GMT"

static void check(const struct head_out *head, bool close, const char *want)
{
	struct buf out;

	buf_init(&out, 4096);
	assert_int_equal(h1_write_head(&out, head, close, STR(DATE)), OK);
	assert_int_equal(buf_append_byte(&out, '\0'), OK);
	assert_string_equal(out.ptr, want);
	buf_fini(&out);
}

static void test_h1_write__request(void **state)
{
	struct field fields[] = {{STR("Accept"), STR("*/*"), HEADER_ACCEPT}};
	struct head_out head = {
		.method = METHOD_POST,
		.target = STR("/v1/x?y"),
		.host = STR("a:1"),
		.fields = fields,
		.field_count = 1,
		.framing = FRAMING_LENGTH,
		.content_length = 12,
	};

	(void)state;
	check(&head, false,
	      "POST /v1/x?y HTTP/1.1\r\nHost: a:1\r\nAccept: */*\r\nContent-Length: 12\r\n\r\n");
	head.framing = FRAMING_CHUNKED;
	check(&head, true,
	      "POST /v1/x?y HTTP/1.1\r\nHost: a:1\r\nAccept: */*\r\nTransfer-Encoding: chunked\r\n"
	      "Connection: close\r\n\r\n");
	head.framing = FRAMING_NONE;
	head.field_count = 0;
	check(&head, false, "POST /v1/x?y HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n");
	head.method = METHOD_GET;
	check(&head, false, "GET /v1/x?y HTTP/1.1\r\nHost: a:1\r\n\r\n");
}

static void test_h1_write__response(void **state)
{
	struct field fields[] = {{STR("X"), STR(""), HEADER_OTHER},
				 {STR("date"), STR("then"), HEADER_DATE}};
	struct head_out head = {.status = 200, .fields = fields, .field_count = 1};

	(void)state;
	check(&head, false,
	      "HTTP/1.1 200 OK\r\nX: \r\nDate: " DATE "\r\nContent-Length: 0\r\n\r\n");
	head.field_count = 2;
	head.status = 204;
	check(&head, false, "HTTP/1.1 204 No Content\r\nX: \r\ndate: then\r\n\r\n");
	head.status = 299;
	head.framing = FRAMING_CLOSE;
	check(&head, true, "HTTP/1.1 299 \r\nX: \r\ndate: then\r\nConnection: close\r\n\r\n");
	head.framing = FRAMING_NONE;
	head.method = METHOD_HEAD;
	check(&head, false, "HTTP/1.1 299 \r\nX: \r\ndate: then\r\n\r\n");
}

static void test_h1_write__leaves_out_fields_of_the_connection(void **state)
{
	/* With the owner's id wrong on purpose: the name counts. */
	struct field fields[] = {
		{STR("Connection"), STR("x"), HEADER_OTHER},
		{STR("transfer-encoding"), STR("x"), HEADER_OTHER},
		{STR("Content-Length"), STR("9"), HEADER_OTHER},
		{STR("Host"), STR("b"), HEADER_OTHER},
		{STR("Upgrade"), STR("h2c"), HEADER_OTHER},
		{STR("Expect"), STR("100-continue"), HEADER_OTHER},
	};
	struct head_out head = {.target = STR("/"),
				.host = STR("a"),
				.fields = fields,
				.field_count = ARRAY_LEN(fields)};

	(void)state;
	check(&head, false, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void check_refused(const struct head_out *head)
{
	struct buf out;

	buf_init(&out, 4096);
	assert_int_equal(buf_append(&out, STR("before")), OK);
	assert_int_equal(h1_write_head(&out, head, false, STR(DATE)), ERR_INTERNAL);
	assert_true(str_eq(buf_str(&out), STR("before")));
	buf_fini(&out);
}

static void test_h1_write__refuses_every_control_in_every_place(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		char text[3] = {'a', (char)c, 'b'};
		struct str bad = str_make(text, 3);
		struct field field = {STR("X"), bad, HEADER_OTHER};
		struct head_out head = {.target = STR("/"), .host = STR("a")};

		if ((c >= 0x20 && c != 0x7f) || c == '\t')
			continue;
		head.fields = &field;
		head.field_count = 1;
		check_refused(&head);
		head.status = 200;
		check_refused(&head);
		field = (struct field){bad, STR("x"), HEADER_OTHER};
		check_refused(&head);
		head = (struct head_out){.target = bad, .host = STR("a")};
		check_refused(&head);
		head = (struct head_out){.target = STR("/"), .host = bad};
		check_refused(&head);
	}
}

static void test_h1_write__refuses_what_cannot_be(void **state)
{
	struct head_out rows[] = {
		{.target = STR(""), .host = STR("a")},
		{.target = STR("/"), .host = STR("")},
		{.target = STR("/ HTTP/1.1"), .host = STR("a")},
		{.status = 99},
		{.status = 1000},
		{.status = 204, .framing = FRAMING_LENGTH, .content_length = 1},
		{.status = 204, .framing = FRAMING_CHUNKED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_refused(&rows[i]);
}

static void test_h1_write__stops_at_the_bound(void **state)
{
	struct field field = {STR("X"), STR("0123456789"), HEADER_OTHER};
	struct head_out head = {.status = 200, .fields = &field, .field_count = 1};
	struct buf out;

	(void)state;
	for (size_t max = 0; max < 80; max++) {
		buf_init(&out, max);
		assert_int_equal(h1_write_head(&out, &head, true, STR(DATE)), ERR_LIMIT);
		assert_int_equal(out.len, 0);
		buf_fini(&out);
	}
}

static void test_h1_write__chunk_size(void **state)
{
	static const struct {
		uint64_t len;
		const char *want;
	} rows[] = {
		{0, "0\r\n"},	{9, "9\r\n"},	    {15, "f\r\n"},
		{16, "10\r\n"}, {6698, "1a2a\r\n"}, {UINT64_MAX, "ffffffffffffffff\r\n"},
	};
	char out[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = h1_write_chunk_size(rows[i].len, out);

		assert_int_equal(len, strlen(rows[i].want));
		assert_memory_equal(out, rows[i].want, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h1_write__request),
		cmocka_unit_test(test_h1_write__response),
		cmocka_unit_test(test_h1_write__leaves_out_fields_of_the_connection),
		cmocka_unit_test(test_h1_write__refuses_every_control_in_every_place),
		cmocka_unit_test(test_h1_write__refuses_what_cannot_be),
		cmocka_unit_test(test_h1_write__stops_at_the_bound),
		cmocka_unit_test(test_h1_write__chunk_size),
	};

	return cmocka_run_group_tests_name("h1_write", tests, NULL, NULL);
}
