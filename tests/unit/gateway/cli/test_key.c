/* SPDX-License-Identifier: Apache-2.0 */
/* The commands as a user types them: words in, exit code, stdout and files out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "gateway/cli/exit.h"
#include "gateway/cli/key.h"
#include "gateway/cli/token.h"
#include "gateway/identity/bearer.h"

static char folder[] = "/tmp/tollgate-test-key-XXXXXX";
static char output[8192];
static char text[65536];

static const char *in_folder(const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *place = path[next++ % 4];

	(void)snprintf(place, sizeof(path[0]), "%s/%s", folder, name);
	return place;
}

static const char *read_file(const char *name)
{
	FILE *file = fopen(in_folder(name), "re");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	assert_int_equal(fclose(file), 0);
	return text;
}

/* words end in NULL; stdout of the command comes to `output`. */
static int run(int (*command)(int argc, char **argv), char **words)
{
	int argc = 0;
	int old;
	FILE *file;
	int code;

	while (words[argc] != NULL)
		argc++;
	(void)fflush(stdout);
	old = dup(STDOUT_FILENO);
	file = fopen(in_folder("stdout"), "w+e");
	assert_non_null(file);
	assert_int_equal(dup2(fileno(file), STDOUT_FILENO), STDOUT_FILENO);
	code = command(argc, words);
	(void)fflush(stdout);
	assert_int_equal(dup2(old, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(close(old), 0);
	rewind(file);
	output[fread(output, 1, sizeof(output) - 1, file)] = '\0';
	assert_int_equal(fclose(file), 0);
	return code;
}

#define RUN(command, ...) run(command, (char *[]){__VA_ARGS__, NULL})
#define W(literal)	  ((char *)(uintptr_t)(literal))

static void test_key__create_shows_the_secret_once_and_stores_its_digest(void **state)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[2 * CRYPT_SHA256_BYTES + 1];

	(void)state;
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--bu=risk"), W("--name"), W("ci"),
			     W("--role"), W("analyst"), W("--role"), W("yes"), W("--attribute"),
			     W("clearance=3"), W("--attribute"), W("tier=\"3\""), W("--attribute"),
			     W("trainings=[gdpr, 7,ai-act]"), W("--attribute"), W("desks=[]"),
			     W("--expires"), W("90d"), W("--file"), W(in_folder("keys.yaml"))),
			 EXIT_CODE_FINE);
	assert_int_equal(strlen(output), 47);
	assert_memory_equal(output, "tg_", 3);
	crypt_sha256(str_make(output, 46), digest);
	crypt_hex(digest, sizeof(digest), hex);
	(void)read_file("keys.yaml");
	assert_non_null(strstr(text, hex));
	output[46] = '\0';
	assert_null(strstr(text, output));
	assert_non_null(strstr(text, "    kind: service\n"));
	assert_non_null(strstr(text, "    roles: [analyst, \"yes\"]\n"));
	assert_non_null(strstr(text, "    attributes: {clearance: 3, tier: \"3\", "
				     "trainings: [gdpr, \"7\", ai-act], desks: []}\n"));
	assert_non_null(strstr(text, "    expires: 20"));
}

static void test_key__list_and_revoke_find_it_again(void **state)
{
	char id[32];
	const char *at;

	(void)state;
	assert_int_equal(RUN(cli_key, W("key"), W("list"), W("--file"), W(in_folder("keys.yaml")),
			     W("--format=csv")),
			 EXIT_CODE_FINE);
	at = strstr(output, "\n\"k_");
	assert_non_null(at);
	memcpy(id, at + 2, 14);
	id[14] = '\0';
	assert_non_null(strstr(output, ",valid\n"));
	assert_int_equal(
		RUN(cli_key, W("key"), W("revoke"), id, W("--file"), W(in_folder("keys.yaml"))),
		EXIT_CODE_FINE);
	assert_int_equal(
		RUN(cli_key, W("key"), W("revoke"), id, W("--file"), W(in_folder("keys.yaml"))),
		EXIT_CODE_NO);
	assert_int_equal(RUN(cli_key, W("key"), W("list"), W("--file"), W(in_folder("keys.yaml")),
			     W("--format"), W("json")),
			 EXIT_CODE_FINE);
	assert_non_null(strstr(output, "\"state\":\"revoked\"}]"));
	assert_int_equal(RUN(cli_key, W("key"), W("list"), W("--file"), W(in_folder("keys.yaml"))),
			 EXIT_CODE_FINE);
	assert_non_null(strstr(output, id));
	assert_int_equal(RUN(cli_key, W("key"), W("revoke"), W("k_nobody"), W("--file"),
			     W(in_folder("keys.yaml"))),
			 EXIT_CODE_NO);
}

static void test_key__refuses_wrong_use(void **state)
{
	(void)state;
	assert_int_equal(RUN(cli_key, W("key")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("make")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("--help")), EXIT_CODE_FINE);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--name"), W("x")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--name")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--nome"), W("x")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--name"), W("x"), W("--bu"), W("b"),
			     W("--kind"), W("robot")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--name"), W("x"), W("--bu"), W("b"),
			     W("--expires"), W("2020-01-01")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--name"), W("x"), W("--bu"), W("b"),
			     W("--attribute"), W("=3")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("revoke")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("list"), W("--format"), W("xml")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--name"), W("x"), W("--bu"), W("b"),
			     W("--file"), W("/nowhere/at/all/keys.yaml")),
			 EXIT_CODE_FAILED);
}

static void test_token__keygen_and_issue_make_a_token_that_verifies(void **state)
{
	static const struct str audience[] = {STR("tollgate")};
	struct jwks *keys;
	struct issuer issuer = {
		.name = STR("dev"),
		.issuer = STR("https://idp.example"),
		.audience = {audience, 1},
		.claims = {.bu = STR("bu")},
	};
	struct bearer_verdict verdict;
	const struct principal *ana;

	(void)state;
	assert_int_equal(
		RUN(cli_token, W("token"), W("keygen"), W("--alg"), W("ES256"), W("--out"), folder),
		EXIT_CODE_FINE);
	assert_int_equal(
		RUN(cli_token, W("token"), W("keygen"), W("--alg"), W("ES256"), W("--out"), folder),
		EXIT_CODE_NO);
	assert_int_equal(RUN(cli_token, W("token"), W("issue"), W("--alg"), W("ES256"), W("--key"),
			     W(in_folder("dev.pem")), W("--kid"), W("dev"), W("--issuer"),
			     W("https://idp.example"), W("--subject"), W("ana"), W("--audience"),
			     W("tollgate"), W("--claim"), W("bu=risk")),
			 EXIT_CODE_FINE);
	assert_int_equal(jwks_load(in_folder("dev.jwks.json"), UINT32_MAX, NULL, &keys), OK);
	issuer.keys = keys;
	assert_int_equal(bearer_verify(&issuer, 1, str_make(output, strlen(output) - 1),
				       clock_wall_ns(), NULL, &ana, &verdict),
			 OK);
	assert_true(str_eq(ana->bu, STR("risk")));
	principal_unref(ana);
	jwks_unref(keys);
}

static void test_token__refuses_wrong_use(void **state)
{
	(void)state;
	assert_int_equal(RUN(cli_token, W("token")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_token, W("token"), W("--help")), EXIT_CODE_FINE);
	assert_int_equal(RUN(cli_token, W("token"), W("keygen"), W("--alg"), W("none")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_token, W("token"), W("keygen"), W("--alg"), W("HS256"), W("--out"),
			     folder, W("--kid"), W("h")),
			 EXIT_CODE_NO);
	assert_int_equal(RUN(cli_token, W("token"), W("keygen"), W("--alg"), W("ES256"), W("--out"),
			     folder, W("--kid"), W("../x")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_token, W("token"), W("issue"), W("--alg"), W("ES256")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN(cli_token, W("token"), W("issue"), W("--alg"), W("ES256"), W("--key"),
			     W("/nowhere"), W("--issuer"), W("i"), W("--subject"), W("s"),
			     W("--audience"), W("a")),
			 EXIT_CODE_FAILED);
	assert_int_equal(RUN(cli_token, W("token"), W("issue"), W("--alg"), W("EdDSA"), W("--key"),
			     W(in_folder("dev.pem")), W("--issuer"), W("i"), W("--subject"), W("s"),
			     W("--audience"), W("a")),
			 EXIT_CODE_NO);
}

/* The sample is in the form that the command can change, and that the gateway reads. */
static void test_key__changes_and_lists_the_sample(void **state)
{
	const char *root = getenv("TOLLGATE_ROOT");
	char path[4096];
	FILE *from;
	FILE *to;
	size_t len;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/conf/keys.yaml", root == NULL ? "." : root);
	from = fopen(path, "re");
	assert_non_null(from);
	len = fread(text, 1, sizeof(text), from);
	assert_int_equal(fclose(from), 0);
	to = fopen(in_folder("sample.yaml"), "we");
	assert_int_equal(fwrite(text, 1, len, to), len);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--bu"), W("b"), W("--name"), W("n"),
			     W("--file"), W(in_folder("sample.yaml"))),
			 EXIT_CODE_FINE);
	assert_int_equal(RUN(cli_key, W("key"), W("revoke"), W("k_3f9a2c71d0e4"), W("--file"),
			     W(in_folder("sample.yaml"))),
			 EXIT_CODE_FINE);
	assert_int_equal(RUN(cli_key, W("key"), W("list"), W("--format=csv"), W("--file"),
			     W(in_folder("sample.yaml"))),
			 EXIT_CODE_FINE);
	assert_non_null(strstr(output, "\"k_3f9a2c71d0e4\",\"ci\",\"service\",\"risk\",\"fraud\","
				       "\"scoring\",\"2099-02-21T09:00:00Z\",revoked\n"));
	assert_non_null(strstr(output, "\"n\",\"service\",\"b\",\"\",\"\",\"\",valid\n"));
	assert_int_equal(unlink(in_folder("sample.yaml")), 0);
}

static void test_key__does_not_save_what_the_gateway_would_refuse(void **state)
{
	FILE *file = fopen(in_folder("sample.yaml"), "we");

	(void)state;
	assert_true(fputs("keys:\n  - id: k_1\n    name: x\n    kind: robot\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(RUN(cli_key, W("key"), W("create"), W("--bu"), W("b"), W("--name"), W("n"),
			     W("--file"), W(in_folder("sample.yaml"))),
			 EXIT_CODE_NO);
	assert_string_equal(output, "");
	assert_string_equal(read_file("sample.yaml"),
			    "keys:\n  - id: k_1\n    name: x\n    kind: robot\n");
	assert_int_equal(RUN(cli_key, W("key"), W("list"), W("--file"), W(in_folder("none.yaml"))),
			 EXIT_CODE_FAILED);
	assert_int_equal(unlink(in_folder("sample.yaml")), 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"keys.yaml", "stdout", "dev.pem", "dev.jwks.json"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlink(in_folder(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key__create_shows_the_secret_once_and_stores_its_digest),
		cmocka_unit_test(test_key__list_and_revoke_find_it_again),
		cmocka_unit_test(test_key__refuses_wrong_use),
		cmocka_unit_test(test_token__keygen_and_issue_make_a_token_that_verifies),
		cmocka_unit_test(test_token__refuses_wrong_use),
		cmocka_unit_test(test_key__changes_and_lists_the_sample),
		cmocka_unit_test(test_key__does_not_save_what_the_gateway_would_refuse),
	};

	return cmocka_run_group_tests_name("key", tests, set_up, tear_down);
}
