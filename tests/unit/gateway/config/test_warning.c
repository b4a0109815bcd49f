/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/gateway/config/folder.h"

/* want NULL: no warning but that about callers. */
static const struct {
	const char *first;
	unsigned own;
	const char *want;
} rows[] = {
	{"", 0, "identity: there are no keys and no issuers: nobody can call"},
	{"admin: {address: \"0.0.0.0:0\"}\n", 0, "admin.address 0.0.0.0:0: other hosts reach it"},
	{"listeners: [{address: \"[::]:0\"}]\n", FOLDER_LISTENERS,
	 "listener [::]:0: without tls, keys and tokens cross the network in the clear"},
	{"models: []\n", FOLDER_MODELS, "models: there are none to call"},
	{"upstreams: [{name: u, url: \"http://models.test/x\", provider: p, credential: {header: "
	 "a, "
	 "value: \"${env:TEST_SECRET}\"}}]\n",
	 FOLDER_UPSTREAMS, "upstream u: its credential crosses the network in the clear"},
	{"ledger: {redis: {url: \"redis://127.0.0.1\"}}\n", 0, "ledger.redis: has no effect"},
	{"identity: {issuers: [{name: i, issuer: i, audience: a, algorithms: ES256, jwks: {url: "
	 "\"http://idp.test/keys\", allow_plain: true}}]}\n",
	 0, "issuer i: whoever is on the way to \"http://idp.test/keys\" can put own keys in"},
	{"listeners: [{address: \"[::1]:0\"}, {address: \"127.9.9.9:0\"}]\n"
	 "admin: {address: \"127.0.0.1:0\"}\n"
	 "upstreams: [{name: u, url: \"http://localhost\", provider: p, credential: {header: a, "
	 "value: \"${env:TEST_SECRET}\"}}]\n",
	 FOLDER_LISTENERS | FOLDER_UPSTREAMS, NULL},
};

static bool has_warning(const struct config *config, const char *want)
{
	for (size_t i = 0; i < config->warning_count; i++)
		if (str_has_prefix(str_from_c(config->warnings[i]), str_from_c(want)))
			return true;
	return false;
}

static void test_warning__says_what_is_hardly_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *config = NULL;
		struct diag diag = {0};

		print_message("# %s\n", rows[i].want == NULL ? "none" : rows[i].want);
		folder_main(rows[i].first, rows[i].own);
		if (config_load(folder_path("tollgate.yaml"), &diag, &config) != OK)
			fail_msg("%s", folder_message(&diag));
		if (rows[i].want == NULL)
			assert_int_equal(config->warning_count, 1);
		else
			assert_true(has_warning(config, rows[i].want));
		config_free(config);
	}
}

/* Each entry prices the model; the second and third not here, the fourth not now. */
static const struct {
	const char *limits;
	size_t want;
} prices[] = {
	{"", 0},
	{"provider: other, ", 1},
	{"region: mars, ", 1},
	{"valid_from: 2200-01-01, ", 1},
};

static void test_warning__says_that_no_price_is_in_force(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(prices); i++) {
		struct config *config = NULL;
		struct snapshot *snap = NULL;
		struct diag diag = {0};
		char text[256];
		int len = snprintf(text, sizeof(text),
				   "version: 1\ncurrency: USD\nprices:\n"
				   "  - {id: p, models: [m], %srates: {in_text_uncached: \"1\"}}\n",
				   prices[i].limits);
		size_t before;

		print_message("# %s\n", prices[i].limits);
		folder_write("prices.yaml", str_make(text, (size_t)len));
		folder_main("prices: {file: prices.yaml}\n", FOLDER_PRICES);
		if (config_load(folder_path("tollgate.yaml"), &diag, &config) != OK)
			fail_msg("%s", folder_message(&diag));
		before = config->warning_count;
		if (config_snapshot(config, 1, &diag, &snap) != OK)
			fail_msg("%s", folder_message(&diag));
		assert_int_equal(config->warning_count, before + prices[i].want);
		if (prices[i].want > 0)
			assert_true(has_warning(config, "model m: no price is in force"));
		snapshot_unref(snap);
		config_free(config);
	}
}

static int make(void **state)
{
	(void)setenv("TEST_SECRET", "swordfish", 1);
	return folder_make(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warning__says_what_is_hardly_meant),
		cmocka_unit_test(test_warning__says_that_no_price_is_in_force),
	};

	return cmocka_run_group_tests(tests, make, folder_drop);
}
