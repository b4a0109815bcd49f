/* SPDX-License-Identifier: Apache-2.0 */
/* The split law of base/jscan: the first byte is the size of the pieces. */
#include "base/jscan.h"
#include "tests/fuzz/fuzz.h"

static const char *const list[] = {
	"",	  "model",    "stream", "a.b", "a.b.c", "list.*",
	"list.0", "list.*.k", "*.deep", "*.*", NULL,
};

/* FNV-1a over all that was reported. */
struct digest {
	uint64_t value;
};

static void digest_bytes(struct digest *digest, const void *ptr, size_t len)
{
	const unsigned char *p = ptr;

	for (size_t i = 0; i < len; i++)
		digest->value = (digest->value ^ p[i]) * 0x100000001b3ULL;
}

static void digest_number(struct digest *digest, uint64_t number)
{
	digest_bytes(digest, &number, sizeof(number));
}

static enum err on_value(void *arg, const struct jscan_value *value)
{
	struct digest *digest = arg;

	digest_number(digest, value->path);
	digest_number(digest, value->type);
	digest_number(digest, value->is_truncated * 2U + value->is_duplicate);
	digest_number(digest, value->start);
	digest_number(digest, value->end);
	digest_number(digest, value->count);
	digest_number(digest, value->index);
	digest_number(digest, value->text.len);
	digest_bytes(digest, value->text.ptr, value->text.len);
	ASSERT(value->start < value->end);
	ASSERT(value->text.len <= JSCAN_CAPTURE);
	return OK;
}

static uint64_t run(const struct jscan_paths *paths, struct str in, size_t step)
{
	struct digest digest = {0xcbf29ce484222325ULL};
	struct jscan scan;
	enum err err = OK;

	jscan_init(&scan, paths, on_value, &digest);
	for (size_t at = 0; at < in.len && err == OK; at += step)
		err = jscan_feed(&scan, str_sub(in, at, step));
	if (err == OK)
		err = jscan_end(&scan);
	digest_number(&digest, err);
	digest_number(&digest, jscan_offset(&scan));
	return digest.value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jscan_paths *paths;
	struct str in;
	uint64_t whole;

	if (size < 1)
		return 0;
	paths = jscan_paths_new(list);
	in = str_make((const char *)data + 1, size - 1);
	whole = run(paths, in, in.len + 1);
	ASSERT(run(paths, in, 1) == whole);
	ASSERT(run(paths, in, 1U + data[0]) == whole);
	jscan_paths_free(paths);
	return 0;
}
