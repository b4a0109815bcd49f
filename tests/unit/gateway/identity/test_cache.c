/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/identity/cache.h"

#define NS 1000000000LL

/* How many principals are alive is seen by their attachments. */
static void *attach(void *arg, const struct principal *principal)
{
	(void)principal;
	(*(int *)arg)++;
	return arg;
}

static void detach(void *arg, void *attachment)
{
	(void)attachment;
	(*(int *)arg)--;
}

/* n spelled into a digest; with collide all fall into one bucket. */
static void digest_of(unsigned n, bool collide, uint8_t out[static CRYPT_SHA256_BYTES])
{
	memset(out, 0, CRYPT_SHA256_BYTES);
	if (!collide)
		memcpy(out, &n, sizeof(n));
	memcpy(out + 8, &n, sizeof(n));
}

static void put(struct identity_cache *cache, unsigned n, bool collide, int64_t until_ns,
		int *alive)
{
	const struct principal draft = {.id = STR("ana")};
	const struct principal_ops ops = {attach, detach, alive};
	const struct principal *principal;
	uint8_t digest[CRYPT_SHA256_BYTES];

	assert_int_equal(principal_new(&draft, &ops, &principal), OK);
	digest_of(n, collide, digest);
	identity_cache_put(cache, digest, principal, until_ns);
	principal_unref(principal);
}

static bool has(struct identity_cache *cache, unsigned n, bool collide, int64_t wall_ns)
{
	uint8_t digest[CRYPT_SHA256_BYTES];

	digest_of(n, collide, digest);
	return identity_cache_get(cache, digest, wall_ns) != NULL;
}

static void test_cache__never_holds_more_than_its_bound(void **state)
{
	(void)state;
	for (int collide = 0; collide < 2; collide++) {
		struct identity_cache *cache = identity_cache_new(100);
		int alive = 0;

		for (unsigned n = 0; n < 1000; n++) {
			put(cache, n, collide != 0, INT64_MAX, &alive);
			assert_true(has(cache, n, collide != 0, 1));
			assert_true(alive <= 100);
		}
		assert_int_equal(identity_cache_read_stat(cache).count, 100);
		assert_int_equal(identity_cache_read_stat(cache).evictions, 900);
		identity_cache_free(cache);
		assert_int_equal(alive, 0);
	}
}

static void test_cache__keeps_what_is_used(void **state)
{
	struct identity_cache *cache = identity_cache_new(10);
	int alive = 0;

	(void)state;
	put(cache, 7777, false, INT64_MAX, &alive);
	for (unsigned n = 0; n < 100; n++) {
		assert_true(has(cache, 7777, false, 1));
		put(cache, n, false, INT64_MAX, &alive);
	}
	assert_true(has(cache, 7777, false, 1));
	identity_cache_free(cache);
}

static void test_cache__forgets_at_expiry(void **state)
{
	struct identity_cache *cache = identity_cache_new(10);
	int alive = 0;

	(void)state;
	put(cache, 1, true, 50, &alive);
	put(cache, 2, true, 60, &alive);
	assert_true(has(cache, 1, true, 49));
	assert_false(has(cache, 1, true, 50));
	assert_int_equal(alive, 1);
	assert_true(has(cache, 2, true, 50));
	put(cache, 3, true, 60, &alive);
	assert_true(has(cache, 3, true, 50));
	identity_cache_free(cache);
	assert_int_equal(alive, 0);
}

static void test_cache__replaces_the_same_digest(void **state)
{
	struct identity_cache *cache = identity_cache_new(10);
	int alive = 0;

	(void)state;
	put(cache, 1, false, 50, &alive);
	put(cache, 1, false, 90, &alive);
	assert_int_equal(alive, 1);
	assert_true(has(cache, 1, false, 70));
	assert_int_equal(identity_cache_read_stat(cache).count, 1);
	identity_cache_free(cache);
}

static void test_cache__is_emptied_by_a_new_generation(void **state)
{
	struct identity_cache *cache = identity_cache_new(10);
	int alive = 0;

	(void)state;
	identity_cache_set_generation(cache, 4);
	put(cache, 1, false, INT64_MAX, &alive);
	identity_cache_set_generation(cache, 4);
	assert_true(has(cache, 1, false, 1));
	identity_cache_set_generation(cache, 5);
	assert_false(has(cache, 1, false, 1));
	assert_int_equal(alive, 0);
	put(cache, 1, false, INT64_MAX, &alive);
	assert_true(has(cache, 1, false, 1));
	identity_cache_free(cache);
}

static void test_cache__lets_one_ask_a_second(void **state)
{
	struct identity_cache *cache = identity_cache_new(10);
	unsigned asked = 0;

	(void)state;
	for (int64_t ns = 10 * NS; ns < 12 * NS; ns += NS / 100)
		asked += identity_cache_may_ask(cache, 3, ns);
	assert_int_equal(asked, 2);
	assert_true(identity_cache_may_ask(cache, 4, 12 * NS));
	/* The clock was set back. */
	assert_true(identity_cache_may_ask(cache, 3, NS));
	identity_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache__never_holds_more_than_its_bound),
		cmocka_unit_test(test_cache__keeps_what_is_used),
		cmocka_unit_test(test_cache__forgets_at_expiry),
		cmocka_unit_test(test_cache__replaces_the_same_digest),
		cmocka_unit_test(test_cache__is_emptied_by_a_new_generation),
		cmocka_unit_test(test_cache__lets_one_ask_a_second),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
