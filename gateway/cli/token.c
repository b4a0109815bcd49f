/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "gateway/cli/args.h"
#include "gateway/identity/bearer.h"
#include "gateway/identity/token.h"

#define KEY_FILE_BYTES 65536
#define CLAIMS_MAX     32

static const char usage[] =
	"usage: tollgate token issue --key FILE --alg ALG --issuer ISS --subject SUB --audience "
	"AUD\n"
	"                            [--kid KID] [--claim NAME=VALUE]... [--ttl 1h]\n"
	"       tollgate token keygen --alg ALG --out FOLDER [--kid dev]\n"
	"\n"
	"issue prints a signed token. FILE is the private key in PEM (HS*: the secret itself). ALG "
	"is\n"
	"RS256, RS384, RS512, ES256, ES384, ES512, HS256, HS384 or HS512. A claim's value is taken "
	"as\n"
	"JSON when it is JSON ('[\"analyst\"]', 3, true), else as text.\n"
	"keygen writes KID.pem (private, mode 0600) and KID.jwks.json (public, for "
	"identity.issuers)\n"
	"into FOLDER. ALG may also be PS256, PS384, PS512 or EdDSA.\n"
	"Both are for development and tests.\n";

struct token_words {
	struct str alg, key, kid, issuer, subject, audience, ttl, out;
	struct token_claim claims[CLAIMS_MAX];
	size_t claim_count;
};

static int add_claim(const struct args *args, struct token_words *words, struct str pair)
{
	struct str name;

	if (words->claim_count == CLAIMS_MAX)
		return args_fail(args, "more than %d claims", CLAIMS_MAX);
	if (!str_cut(&pair, '=', &name) || name.len == 0)
		return args_fail(args, "--claim wants NAME=VALUE");
	words->claims[words->claim_count++] = (struct token_claim){name, pair};
	return EXIT_CODE_FINE;
}

static int take_option(struct args *args, struct str name, struct token_words *words)
{
	const struct {
		struct str name;
		struct str *place;
	} rows[] = {
		{STR("alg"), &words->alg},	   {STR("key"), &words->key},
		{STR("kid"), &words->kid},	   {STR("issuer"), &words->issuer},
		{STR("subject"), &words->subject}, {STR("audience"), &words->audience},
		{STR("ttl"), &words->ttl},	   {STR("out"), &words->out},
	};
	struct str value;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!str_eq(rows[i].name, name))
			continue;
		return args_value(args, rows[i].place) ? EXIT_CODE_FINE : EXIT_CODE_USAGE;
	}
	if (!str_eq(name, STR("claim")))
		return args_unknown(args, args->option);
	return args_value(args, &value) ? add_claim(args, words, value) : EXIT_CODE_USAGE;
}

static int parse_words(struct args *args, struct token_words *words)
{
	struct str word;
	int code = EXIT_CODE_FINE;

	while (code == EXIT_CODE_FINE) {
		switch (args_next(args, &word)) {
		case ARGS_END: return EXIT_CODE_FINE;
		case ARGS_OPERAND: return args_unknown(args, word);
		case ARGS_OPTION: code = take_option(args, word, words); break;
		}
	}
	return code;
}

static int parse_alg(const struct args *args, struct str name, enum jws_alg *out)
{
	if (jws_alg_from_str(name, out) == OK)
		return EXIT_CODE_FINE;
	return args_fail(args, "--alg wants an algorithm such as RS256 or ES256");
}

/* ---- issue ---- */

static enum err read_key(const char *path, struct buf *out, struct diag *diag)
{
	FILE *file = fopen(path, "re");
	enum err err;
	char *ptr = NULL;

	if (file == NULL)
		return diag_set(diag, ERR_IO, path, 0, 0, "cannot open: %s", strerror(errno));
	err = buf_reserve(out, KEY_FILE_BYTES, &ptr);
	if (err == OK)
		buf_commit(out, fread(ptr, 1, KEY_FILE_BYTES, file));
	if (err == OK && ferror(file) != 0)
		err = diag_set(diag, ERR_IO, path, 0, 0, "cannot read");
	(void)fclose(file);
	return err;
}

static enum err issue_with(const struct token_words *words, enum jws_alg alg, int64_t ttl_ms,
			   struct diag *diag, struct buf *token)
{
	struct token_options options = {
		.alg = alg,
		.kid = words->kid,
		.issuer = words->issuer,
		.subject = words->subject,
		.audience = words->audience,
		.claims = words->claims,
		.claim_count = words->claim_count,
		.now_s = clock_wall_ns() / CLOCK_NS_PER_S,
		.ttl_s = ttl_ms / 1000,
	};
	struct buf key;
	enum err err;

	buf_init(&key, KEY_FILE_BYTES);
	err = read_key(words->key.ptr, &key, diag);
	options.key = buf_str(&key);
	if (err == OK)
		err = token_issue(&options, diag, token);
	if (key.ptr != NULL)
		crypt_wipe(key.ptr, key.len);
	buf_fini(&key);
	return err;
}

static int issue(struct args *args, struct token_words *words)
{
	enum jws_alg alg;
	int64_t ttl_ms;
	struct buf token;
	struct diag diag = {0};
	enum err err;
	int code = parse_alg(args, words->alg, &alg);

	if (code != EXIT_CODE_FINE)
		return code;
	if (words->key.len == 0 || words->issuer.len == 0 || words->subject.len == 0 ||
	    words->audience.len == 0)
		return args_fail(args, "wants --key, --issuer, --subject and --audience");
	if (words->ttl.len == 0)
		words->ttl = STR("1h");
	if (clock_parse_duration_ms(words->ttl, &ttl_ms) != OK || ttl_ms < 1000)
		return args_fail(args, "--ttl is a duration of at least 1s, such as \"1h\"");
	buf_init(&token, BEARER_TOKEN_BYTES);
	err = issue_with(words, alg, ttl_ms, &diag, &token);
	if (err == OK)
		(void)printf(STR_FMT "\n", STR_ARG(buf_str(&token)));
	buf_fini(&token);
	return err == OK ? EXIT_CODE_FINE : args_fail_diag(args, err, &diag);
}

/* ---- keygen ---- */

static enum err write_file(const char *path, mode_t mode, struct str text, struct diag *diag)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	enum err err = OK;

	if (fd < 0)
		return diag_set(diag, errno == EEXIST ? ERR_CONFLICT : ERR_IO, path, 0, 0,
				"cannot create: %s", strerror(errno));
	if (write(fd, text.ptr, text.len) != (ssize_t)text.len)
		err = diag_set(diag, ERR_IO, path, 0, 0, "cannot write: %s", strerror(errno));
	if (close(fd) != 0 && err == OK)
		err = diag_set(diag, ERR_IO, path, 0, 0, "cannot write: %s", strerror(errno));
	return err;
}

static enum err write_pair(const struct token_words *words, struct str pem, struct str jwk,
			   struct diag *diag)
{
	char path[4096];
	struct buf set;
	enum err err;

	(void)snprintf(path, sizeof(path), STR_FMT "/" STR_FMT ".pem", STR_ARG(words->out),
		       STR_ARG(words->kid));
	err = write_file(path, 0600, pem, diag);
	(void)snprintf(path, sizeof(path), STR_FMT "/" STR_FMT ".jwks.json", STR_ARG(words->out),
		       STR_ARG(words->kid));
	buf_init(&set, KEY_FILE_BYTES);
	if (err == OK)
		err = buf_printf(&set, "{\"keys\":[" STR_FMT "]}\n", STR_ARG(jwk));
	if (err == OK)
		err = write_file(path, 0644, buf_str(&set), diag);
	buf_fini(&set);
	return err;
}

static enum err generate(const struct token_words *words, enum jws_alg alg, struct diag *diag)
{
	struct buf pem;
	struct buf jwk;
	enum err err;

	buf_init(&pem, KEY_FILE_BYTES);
	buf_init(&jwk, KEY_FILE_BYTES);
	err = jws_generate(alg, words->kid, &pem, &jwk);
	if (err != OK)
		(void)diag_set(diag, err, "", 0, 0,
			       "%s has no key pair; any file of random bytes is its key",
			       jws_alg_name(alg));
	if (err == OK)
		err = write_pair(words, buf_str(&pem), buf_str(&jwk), diag);
	if (pem.ptr != NULL)
		crypt_wipe(pem.ptr, pem.len);
	buf_fini(&pem);
	buf_fini(&jwk);
	return err;
}

static int keygen(struct args *args, struct token_words *words)
{
	enum jws_alg alg;
	struct diag diag = {0};
	enum err err;
	int code = parse_alg(args, words->alg, &alg);

	if (code != EXIT_CODE_FINE)
		return code;
	if (words->kid.len == 0)
		words->kid = STR("dev");
	if (words->out.len == 0)
		return args_fail(args, "wants --out FOLDER");
	if (words->kid.len > JWS_KID || str_index(words->kid, '/') != words->kid.len)
		return args_fail(args, "--kid names the files: no '/', at most %d bytes", JWS_KID);
	err = generate(words, alg, &diag);
	if (err != OK)
		return args_fail_diag(args, err, &diag);
	(void)printf(STR_FMT "/" STR_FMT ".pem\n" STR_FMT "/" STR_FMT ".jwks.json\n",
		     STR_ARG(words->out), STR_ARG(words->kid), STR_ARG(words->out),
		     STR_ARG(words->kid));
	return EXIT_CODE_FINE;
}

int cli_token(int argc, char **argv)
{
	static const struct {
		const char *name;
		const char *command;
		int (*run)(struct args *args, struct token_words *words);
	} commands[] = {
		{"issue", "tollgate token issue", issue},
		{"keygen", "tollgate token keygen", keygen},
	};
	struct token_words words = {0};
	struct args args;
	int code;

	for (int i = 1; i < argc; i++) {
		if (str_eq(str_from_c(argv[i]), STR("--help"))) {
			(void)fputs(usage, stdout);
			return EXIT_CODE_FINE;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(commands) && argc > 1; i++) {
		if (!str_eq(str_from_c(argv[1]), str_from_c(commands[i].name)))
			continue;
		args_init(&args, commands[i].command, argc - 1, argv + 1);
		code = parse_words(&args, &words);
		return code != EXIT_CODE_FINE ? code : commands[i].run(&args, &words);
	}
	(void)fputs(usage, stderr);
	return EXIT_CODE_USAGE;
}
