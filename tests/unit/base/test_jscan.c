/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jscan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

static const char *const probe_paths[] = {
	"",	  "model",  "stream",	"n",	  "a.b",  "a.b.c",
	"list.*", "list.0", "list.*.k", "*.deep", "text", NULL,
};

/* What a scan did, as text: two equal transcripts are the same events. */
struct transcript {
	struct buf text;
	enum err err;
	uint64_t offset;
};

static enum err on_value(void *arg, const struct jscan_value *v)
{
	struct transcript *t = arg;

	assert_int_equal(buf_printf(&t->text, "%s %d%s%s %lu-%lu n%lu i%lu ", probe_paths[v->path],
				    (int)v->type, v->is_duplicate ? " dup" : "",
				    v->is_truncated ? " cut" : "", v->start, v->end, v->count,
				    v->index),
			 OK);
	assert_int_equal(buf_append(&t->text, v->text), OK);
	assert_int_equal(buf_append_byte(&t->text, '\n'), OK);
	return OK;
}

/* Pieces: [0,first), then `step` bytes at a time. Each is its own heap block, so that ASan sees
 * a read past it. */
static void feed_pieces(struct transcript *t, const struct jscan_paths *paths, struct str in,
			size_t first, size_t step)
{
	struct jscan scan;
	size_t at = 0, len = first;

	buf_init(&t->text, 1 << 20);
	jscan_init(&scan, paths, on_value, t);
	t->err = OK;
	while (at < in.len && t->err == OK) {
		char *piece;

		len = MIN(len, in.len - at);
		piece = malloc(len + 1);
		memcpy(piece, in.ptr + at, len);
		t->err = jscan_feed(&scan, str_make(piece, len));
		free(piece);
		at += len;
		len = step;
	}
	if (t->err == OK)
		t->err = jscan_end(&scan);
	t->offset = jscan_offset(&scan);
	assert_int_equal(jscan_feed(&scan, STR("")), t->err == OK ? OK : t->err);
}

static void assert_same(const struct transcript *want, struct transcript *got)
{
	assert_int_equal(got->err, want->err);
	assert_int_equal(got->offset, want->offset);
	assert_int_equal(got->text.len, want->text.len);
	assert_true(str_eq(buf_str(&got->text), buf_str(&want->text)));
	buf_fini(&got->text);
}

/* The split law; returns the verdict of the whole. */
static enum err feed_all_splits(const struct jscan_paths *paths, struct str in)
{
	struct transcript whole, split;

	feed_pieces(&whole, paths, in, in.len, in.len);
	feed_pieces(&split, paths, in, 1, 1);
	assert_same(&whole, &split);
	for (size_t at = 0; in.len <= 700 && at <= in.len; at++) {
		feed_pieces(&split, paths, in, at, in.len);
		assert_same(&whole, &split);
	}
	for (size_t step = 3; in.len <= 5000 && step < 70; step += 13) {
		feed_pieces(&split, paths, in, step, step);
		assert_same(&whole, &split);
	}
	buf_fini(&whole.text);
	return whole.err;
}

static const struct {
	const char *name;
	struct str in;
	const char *want; /* events, or NULL: refused */
	uint64_t offset;  /* of the error */
} rows[] = {
	{"members", STR("{\"model\":\"m\",\"stream\":true,\"n\":-1.5e2}"),
	 "model 4 9-12 n0 i0 m\nstream 2 22-26 n0 i1 \nn 3 31-37 n0 i2 -1.5e2\n 5 0-38 n3 i0 \n",
	 0},
	{"escaped key", STR("{\"mod\\u0065l\":\"\\u00e9\\n\\ud83d\\ude00\"}"),
	 "model 4 14-36 n0 i0 \303\251\n\360\237\230\200\n 5 0-37 n1 i0 \n", 0},
	{"duplicate", STR("{\"n\":1,\"n\":2}"),
	 "n 3 5-6 n0 i0 1\nn 3 dup 11-12 n0 i1 2\n 5 0-13 n2 i0 \n", 0},
	{"duplicate above", STR("{\"a\":{\"b\":1},\"a\":{\"b\":2}}"),
	 "a.b 3 10-11 n0 i0 1\na.b 3 dup 22-23 n0 i0 2\n 5 0-25 n2 i0 \n", 0},
	{"elsewhere is not here", STR("{\"x\":{\"model\":1},\"y\":[{\"model\":2}]}"),
	 " 5 0-35 n2 i0 \n", 0},
	{"elements", STR("{\"list\":[7,{\"k\":null},[]]}"),
	 "list.* 3 9-10 n0 i0 7\nlist.0 3 9-10 n0 i0 7\nlist.*.k 0 16-20 n0 i0 \n"
	 "list.* 5 11-21 n1 i1 \nlist.* 6 22-24 n0 i2 \n 5 0-26 n1 i0 \n",
	 0},
	{"any member", STR("{\"p\":{\"deep\":1},\"q\":{\"deep\":2}}"),
	 "*.deep 3 13-14 n0 i0 1\n*.deep 3 28-29 n0 i0 2\n 5 0-31 n2 i0 \n", 0},
	{"object and what is in it", STR("{\"a\":{\"b\":{\"c\":[]}}}"),
	 "a.b.c 6 15-17 n0 i0 \na.b 5 10-18 n1 i0 \n 5 0-20 n1 i0 \n", 0},
	{"top-level number", STR(" 12 "), " 3 1-3 n0 i0 12\n", 0},
	{"top-level number at the end", STR("12"), " 3 0-2 n0 i0 12\n", 0},
	{"top-level word", STR("null"), " 0 0-4 n0 i0 \n", 0},
	{"empty name", STR("{\"\":1}"), " 5 0-6 n1 i0 \n", 0},
	{"nothing", STR(""), NULL, 0},
	{"white space only", STR(" \r\n\t"), NULL, 4},
	{"two values", STR("1 2"), NULL, 2},
	{"lone high surrogate", STR("[\"\\ud800\"]"), NULL, 8},
	{"high then no low", STR("[\"\\ud800\\u0041\"]"), NULL, 13},
	{"lone low surrogate", STR("[\"\\udc00\"]"), NULL, 7},
	{"overlong", STR("[\"\xc0\x80\"]"), NULL, 2},
	{"surrogate in UTF-8", STR("[\"\xed\xa0\x80\"]"), NULL, 3},
	{"above U+10FFFF", STR("[\"\xf4\x90\x80\x80\"]"), NULL, 3},
	{"cut UTF-8", STR("[\"\xe2\x82\"]"), NULL, 4},
	{"control", STR("[\"0123456789012345678901234567890123456789\x1f\"]"), NULL, 42},
	{"leading zero", STR("[01]"), NULL, 2},
	{"bare minus", STR("[-]"), NULL, 2},
	{"byte order mark", STR("\xef\xbb\xbf{}"), NULL, 0},
	{"trailing comma", STR("[1,]"), NULL, 3},
	{"wrong bracket", STR("{\"a\":1]"), NULL, 6},
	{"half a word", STR("tru"), NULL, 3},
};

static void test_jscan__reports_and_refuses(void **state)
{
	struct jscan_paths *paths = jscan_paths_new(probe_paths);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct transcript t;

		print_message("# %s\n", rows[i].name);
		feed_pieces(&t, paths, rows[i].in, rows[i].in.len, 1);
		if (rows[i].want == NULL) {
			assert_int_equal(t.err, ERR_MALFORMED);
			assert_int_equal(t.offset, rows[i].offset);
		} else {
			assert_int_equal(t.err, OK);
			assert_int_equal(t.offset, rows[i].in.len);
			assert_int_equal(buf_append_byte(&t.text, '\0'), OK);
			assert_string_equal(t.text.ptr, rows[i].want);
		}
		buf_fini(&t.text);
		(void)feed_all_splits(paths, rows[i].in);
	}
	jscan_paths_free(paths);
}

static void test_jscan__bounds_depth(void **state)
{
	struct jscan_paths *paths = jscan_paths_new(probe_paths);
	char text[2 * JSCAN_DEPTH + 2];
	struct jscan scan;

	(void)state;
	memset(text, '[', JSCAN_DEPTH);
	memset(text + JSCAN_DEPTH, ']', JSCAN_DEPTH);
	assert_int_equal(feed_all_splits(paths, str_make(text, 2L * JSCAN_DEPTH)), OK);
	memset(text, '[', sizeof(text));
	jscan_init(&scan, paths, NULL, NULL);
	assert_int_equal(jscan_feed(&scan, str_make(text, sizeof(text))), ERR_LIMIT);
	assert_int_equal(jscan_offset(&scan), JSCAN_DEPTH);
	assert_int_equal(feed_all_splits(paths, str_make(text, sizeof(text))), ERR_LIMIT);
	jscan_paths_free(paths);
}

static enum err on_long(void *arg, const struct jscan_value *v)
{
	const size_t *want = arg;

	if (v->type == JSCAN_OBJECT)
		return OK;
	assert_int_equal(v->text.len, want[0]);
	assert_int_equal(v->is_truncated, want[1]);
	return OK;
}

static void assert_captured(struct str in, size_t len, bool is_cut)
{
	struct jscan_paths *paths = jscan_paths_new(probe_paths);
	size_t want[2] = {len, is_cut};
	struct jscan scan;

	jscan_init(&scan, paths, on_long, want);
	assert_int_equal(jscan_feed(&scan, in), OK);
	assert_int_equal(jscan_end(&scan), OK);
	assert_int_equal(feed_all_splits(paths, in), OK);
	jscan_paths_free(paths);
}

static void test_jscan__cuts_long_text(void **state)
{
	struct buf buf;

	(void)state;
	for (size_t len = JSCAN_CAPTURE - 1; len <= JSCAN_CAPTURE + 1; len++) {
		buf_init(&buf, 4096);
		assert_int_equal(buf_printf(&buf, "{\"model\":\"%0*d\"}", (int)len, 0), OK);
		assert_captured(buf_str(&buf), MIN(len, JSCAN_CAPTURE), len > JSCAN_CAPTURE);
		buf_reset(&buf);
		assert_int_equal(buf_printf(&buf, "{\"model\":\"\\u0041%0*d\"}", (int)len - 1, 0),
				 OK);
		assert_captured(buf_str(&buf), MIN(len, JSCAN_CAPTURE), len > JSCAN_CAPTURE);
		buf_reset(&buf);
		assert_int_equal(buf_printf(&buf, "{\"model%0*d\":1}", (int)len, 0), OK);
		assert_captured(buf_str(&buf), 0, false);
		buf_fini(&buf);
	}
	for (size_t len = JSCAN_DIGITS - 1; len <= JSCAN_DIGITS + 1; len++) {
		buf_init(&buf, 4096);
		assert_int_equal(buf_printf(&buf, "{\"n\":1%0*d}", (int)len - 1, 0), OK);
		assert_captured(buf_str(&buf), MIN(len, JSCAN_DIGITS), len > JSCAN_DIGITS);
		buf_fini(&buf);
	}
}

static enum err on_stop(void *arg, const struct jscan_value *v)
{
	(void)arg;
	return v->path == 1 ? ERR_CONFLICT : OK;
}

static void test_jscan__stops_where_the_caller_says(void **state)
{
	struct jscan_paths *paths = jscan_paths_new(probe_paths);
	struct str in = STR("{\"n\":1,\"model\":\"m\",\"text\":");

	(void)state;
	for (size_t at = 0; at <= in.len; at++) {
		struct jscan scan;
		enum err err;

		jscan_init(&scan, paths, on_stop, NULL);
		err = jscan_feed(&scan, str_sub(in, 0, at));
		if (err == OK)
			err = jscan_feed(&scan, str_sub(in, at, in.len));
		assert_int_equal(err, ERR_CONFLICT);
		assert_int_equal(jscan_offset(&scan), 18);
		assert_int_equal(jscan_end(&scan), ERR_CONFLICT);
	}
	jscan_paths_free(paths);
}

/* Plain text is skipped in words: a special byte at every place of a long run must be seen. */
static void test_jscan__finds_special_bytes_anywhere(void **state)
{
	struct jscan_paths *paths = jscan_paths_new(probe_paths);
	char text[100];

	(void)state;
	for (size_t at = 1; at < sizeof(text) - 1; at++) {
		for (unsigned c = 0; c < 256; c++) {
			struct jscan scan;
			enum err err;
			/* In the middle a lead byte lacks its continuation, a quote ends the text.
			 */
			bool is_fine = c >= ' ' && c < 0x80 && c != '"' && c != '\\';

			memset(text, 'x', sizeof(text));
			text[0] = text[sizeof(text) - 1] = '"';
			text[at] = (char)c;
			jscan_init(&scan, paths, NULL, NULL);
			scan.alive = 0;
			err = jscan_feed(&scan, str_make(text, sizeof(text)));
			if (err == OK)
				err = jscan_end(&scan);
			assert_int_equal(err == OK, is_fine);
		}
	}
	jscan_paths_free(paths);
}

/* The archive as one block of memory, or NULL. tests/unit has no tar reader to lean on: gzip
 * unpacks it, and a ustar header is name[100] .. size[12] at 124, padded to 512. */
static char *read_archive(const char *path, size_t *out_len)
{
	size_t cap = 4 << 20, len = 0;
	char *all = malloc(cap);
	int fds[2], status = 0;
	ssize_t n;
	pid_t child;

	if (access(path, R_OK) != 0 || pipe(fds) != 0) {
		free(all);
		return NULL;
	}
	child = fork();
	if (child == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		execlp("gzip", "gzip", "-dc", path, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], all + len, cap - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	*out_len = len;
	return all;
}

static size_t octal(const char *p, size_t len)
{
	size_t value = 0;

	for (size_t i = 0; i < len && p[i] >= '0' && p[i] <= '7'; i++)
		value = value * 8 + (size_t)(p[i] - '0');
	return value;
}

static void test_jscan__agrees_with_jsontestsuite(void **state)
{
	const char *shared = getenv("TOLLGATE_SHARED");
	struct jscan_paths *paths = jscan_paths_new(probe_paths);
	unsigned accepted = 0, refused = 0, either = 0;
	char path[512];
	size_t len = 0;
	char *all;

	(void)state;
	snprintf(path, sizeof(path), "%s/json/jsontestsuite-parsing.tar.gz",
		 shared == NULL ? "../shared" : shared);
	all = read_archive(path, &len);
	if (all == NULL) {
		jscan_paths_free(paths);
		print_message("# SKIP jsontestsuite: 318 cases skipped, data absent\n");
		skip();
	}
	for (size_t at = 0; at + 512 <= len && all[at] != '\0';) {
		size_t size = octal(all + at + 124, 12);
		const char *slash = memchr(all + at, '/', 100);
		const char *name = slash == NULL ? all + at : slash + 1;
		struct str in = str_make(all + at + 512, size);

		at += 512 + (size + 511) / 512 * 512;
		if (name[0] == '\0' || name[1] != '_')
			continue;
		print_message("# %.100s\n", name);
		if (name[0] == 'y') {
			assert_int_equal(feed_all_splits(paths, in), OK);
			accepted++;
		} else if (name[0] == 'n') {
			assert_int_not_equal(feed_all_splits(paths, in), OK);
			refused++;
		} else {
			(void)feed_all_splits(paths, in);
			either++;
		}
	}
	free(all);
	jscan_paths_free(paths);
	assert_int_equal(accepted, 95);
	assert_int_equal(refused, 188);
	assert_int_equal(either, 35);
}

static void test_jscan__finds_twins(void **state)
{
	static const struct {
		struct str in;
		bool is_watched;
		unsigned duplicates;
	} twins[] = {
		{STR("{\"model\":1,\"Model\":2}"), true, 1},
		{STR("{\"model\":1,\"Model\":2}"), false, 0},
		{STR("{\"MODEL\":2}"), true, 1},
		{STR("{\"mod\\u0045l\":2}"), true, 1},
		{STR("{\"\xc5\xbftream\":2}"), true, 1},
		{STR("{\"\\u017ftream\":2}"), true, 1},
		{STR("{\"\xe2\x84\xaa\":1,\"\xc5\xbf\":2}"), true, 0},
		{STR("{\"model\":1,\"mode\":2,\"modeln\":3,\"m\xc3\xb6"
		     "del\":4,\"\":5}"),
		 true, 0},
		{STR("{\"a\":{\"B\":1}}"), true, 1},
		{STR("{\"A\":{\"b\":1}}"), true, 1},
		{STR("{\"x\":{\"Model\":1}}"), true, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(twins); i++) {
		struct jscan_paths *paths = jscan_paths_new(probe_paths);
		struct transcript t;
		unsigned count = 0;

		print_message("# %.*s\n", (int)twins[i].in.len, twins[i].in.ptr);
		if (twins[i].is_watched)
			jscan_paths_watch_twins(paths);
		assert_int_equal(feed_all_splits(paths, twins[i].in), OK);
		feed_pieces(&t, paths, twins[i].in, twins[i].in.len, 1);
		assert_int_equal(buf_append_byte(&t.text, '\0'), OK);
		for (const char *at = t.text.ptr; (at = strstr(at, " dup")) != NULL; at++)
			count++;
		assert_int_equal(count, twins[i].duplicates);
		buf_fini(&t.text);
		jscan_paths_free(paths);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jscan__reports_and_refuses),
		cmocka_unit_test(test_jscan__finds_twins),
		cmocka_unit_test(test_jscan__bounds_depth),
		cmocka_unit_test(test_jscan__cuts_long_text),
		cmocka_unit_test(test_jscan__stops_where_the_caller_says),
		cmocka_unit_test(test_jscan__finds_special_bytes_anywhere),
		cmocka_unit_test(test_jscan__agrees_with_jsontestsuite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
