/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* RFC 4231, cases 2, 6 and a key of one block. */
static void test_crypt__hmac_sha256(void **state)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[2 * CRYPT_SHA256_BYTES + 1], key[131];

	(void)state;
	crypt_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), digest);
	crypt_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	crypt_hmac_sha256(str_make(key, sizeof(key)),
			  STR("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
	crypt_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex,
			    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void assert_sha256(struct str in, const char *want)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[2 * CRYPT_SHA256_BYTES + 1];

	crypt_sha256(in, digest);
	crypt_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, want);
}

/* FIPS 180-4 examples. */
static void test_crypt__hashes_the_published_examples(void **state)
{
	(void)state;
	assert_sha256((struct str){NULL, 0},
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_sha256(STR("abc"),
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_sha256(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* RFC 3720 appendix B.4, and one bit at a time: the definition itself. */
static uint32_t crc_by_definition(const unsigned char *p, size_t len)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
	}
	return ~crc;
}

static void test_crypt__checks_by_crc32c(void **state)
{
	unsigned char bytes[200] = {0};
	uint64_t seed = 5;

	(void)state;
	assert_int_equal(crypt_crc32c(0, "123456789", 9), 0xE3069283);
	assert_int_equal(crypt_crc32c(0, bytes, 32), 0x8A9136AA);
	assert_int_equal(crypt_crc32c(77, NULL, 0), 77);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)next_random(&seed);
	for (size_t len = 0; len < sizeof(bytes); len++) {
		uint32_t whole = crypt_crc32c(0, bytes, len);
		size_t cut = len == 0 ? 0 : next_random(&seed) % len;

		assert_int_equal(whole, crc_by_definition(bytes, len));
		assert_int_equal(whole,
				 crypt_crc32c(crypt_crc32c(0, bytes, cut), bytes + cut, len - cut));
	}
}

static void test_crypt__compares_and_wipes(void **state)
{
	char secret[4] = "abc";

	(void)state;
	assert_true(crypt_equal("abc", secret, 3));
	assert_false(crypt_equal("abd", secret, 3));
	assert_true(crypt_equal("x", secret, 0));
	crypt_wipe(secret, sizeof(secret));
	assert_memory_equal(secret, "\0\0\0\0", 4);
}

static void test_crypt__gives_random_bytes(void **state)
{
	uint8_t one[32] = {0}, other[32] = {0};

	(void)state;
	crypt_random(one, sizeof(one));
	crypt_random(other, sizeof(other));
	assert_memory_not_equal(one, other, sizeof(one));
	crypt_random(one, 0);
}

static void test_crypt__reads_and_writes_hexadecimal(void **state)
{
	static const char *const bad[] = {"0", "012", "01020", "0g", "01 2", "0102 3"};
	uint8_t out[2] = {7, 7};
	char hex[5];

	(void)state;
	crypt_hex("\x01\xFE", 2, hex);
	assert_string_equal(hex, "01fe");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(crypt_unhex(str_from_c(bad[i]), out, 2), ERR_MALFORMED);
		assert_int_equal(out[0], 7);
	}
	assert_int_equal(crypt_unhex(STR("01FE"), out, 2), OK);
	assert_memory_equal(out, "\x01\xFE", 2);
	assert_int_equal(crypt_unhex(STR(""), out, 0), OK);
}

/* RFC 4648 section 10, without padding. */
static void test_crypt__encodes_the_published_examples(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"f", "Zg"},
		{"f\x6f", "Zm8"},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg"},
		{"fooba", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy"},
		{"\xFB\xFF", "-_8"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[16];
		uint8_t back[16];
		size_t len = strlen(rows[i][0]), back_len = 99;

		print_message("# %s\n", rows[i][1]);
		assert_int_equal(crypt_base64url_encode(rows[i][0], len, text), strlen(rows[i][1]));
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(
			crypt_base64url_decode(str_from_c(text), back, sizeof(back), &back_len),
			OK);
		assert_int_equal(back_len, len);
		assert_memory_equal(back, rows[i][0], len);
	}
}

static void test_crypt__refuses_what_is_not_base64url(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} rows[] = {
		{"A", "one character is no byte"},
		{"AAAAA", "one character left"},
		{"Zg==", "padding"},
		{"Zg=", "padding"},
		{"Zh", "unused bits"},
		{"Zm9=", "padding for the fourth"},
		{"Zm9", "unused bits of three"},
		{"+/8", "the other alphabet"},
		{"Zm 9v", "a space"},
		{"Zm9v\n", "a line end"},
		{"Zm\xC3\xA9", "not ASCII"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t out[16];
		size_t len = 99;

		print_message("# %s\n", rows[i].why);
		assert_int_equal(
			crypt_base64url_decode(str_from_c(rows[i].text), out, sizeof(out), &len),
			ERR_MALFORMED);
		assert_int_equal(len, 99);
	}
}

static void test_crypt__decodes_into_no_more_room_than_given(void **state)
{
	uint8_t *out = malloc(3);
	size_t len = 0;

	(void)state;
	assert_int_equal(crypt_base64url_decode(STR("Zm9v"), out, 3, &len), OK);
	assert_int_equal(crypt_base64url_decode(STR("Zm9vYg"), out, 3, &len), ERR_LIMIT);
	free(out);
}

static void test_crypt__decodes_what_it_encoded(void **state)
{
	uint64_t seed = 31;

	(void)state;
	for (size_t len = 0; len < 200; len++) {
		uint8_t bytes[200], back[200];
		char text[4 * (200 + 2) / 3 + 1];
		size_t text_len, back_len = 0;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)next_random(&seed);
		text_len = crypt_base64url_encode(bytes, len, text);
		assert_int_equal(crypt_base64url_decode(str_make(text, text_len), back,
							sizeof(back), &back_len),
				 OK);
		assert_int_equal(back_len, len);
		assert_memory_equal(back, bytes, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crypt__hmac_sha256),
		cmocka_unit_test(test_crypt__hashes_the_published_examples),
		cmocka_unit_test(test_crypt__checks_by_crc32c),
		cmocka_unit_test(test_crypt__compares_and_wipes),
		cmocka_unit_test(test_crypt__gives_random_bytes),
		cmocka_unit_test(test_crypt__reads_and_writes_hexadecimal),
		cmocka_unit_test(test_crypt__encodes_the_published_examples),
		cmocka_unit_test(test_crypt__refuses_what_is_not_base64url),
		cmocka_unit_test(test_crypt__decodes_into_no_more_room_than_given),
		cmocka_unit_test(test_crypt__decodes_what_it_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
