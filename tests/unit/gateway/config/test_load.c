/* SPDX-License-Identifier: Apache-2.0 */
/* What people get wrong, and what they are told: file, line, column, the mistake, the way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/gateway/config/folder.h"
#include "tests/unit/policy/gateway_case.h"

static enum err check_listeners(const struct config *config, struct diag *diag)
{
	struct diags all;
	enum err err;

	diags_init(&all, CONFIG_FAULTS);
	err = config_check_listeners(config, &all);
	assert_int_equal(diags_first(&all, diag), err);
	diags_fini(&all);
	return err;
}

static enum err load(struct diag *diag)
{
	struct config *config = NULL;
	struct snapshot *snap = NULL;
	enum err err = config_load(folder_path("tollgate.yaml"), diag, &config);

	if (err == OK)
		err = check_listeners(config, diag);
	if (err == OK)
		err = config_snapshot(config, 1, diag, &snap);
	snapshot_unref(snap);
	config_free(config);
	return err;
}

/* want is the first line of the message; the file's own line and the caret follow. */
static bool is_refused_with(const char *want)
{
	struct diag diag = {0};
	const char *message;
	struct str left, line;

	assert_int_not_equal(load(&diag), OK);
	message = folder_message(&diag);
	left = str_from_c(message);
	(void)str_cut(&left, '\n', &line);
	if (!str_eq(line, str_from_c(want)))
		print_error(" got %s\nwant %s\n", message, want);
	/* Whoever says a line shows it. */
	assert_true(diag.line == 0 || diag.source[0] != '\0');
	return str_eq(line, str_from_c(want));
}

static const struct {
	const char *first;
	unsigned own; /* sections that `first` has, or that are to be missing */
	const char *want;
} main_rows[] = {
	/* The document. */
	{"[1]\n#", FOLDER_ALL, "tollgate.yaml:1:1: the file must be a map of sections, not a list"},
	{"gateway: {id: [}\n", 0, "tollgate.yaml:1:16: did not find expected node content"},
	{"gateway: {id: a, id: b}\n", 0,
	 "tollgate.yaml:1:18: this key stands twice in the same map"},
	{"gateway: {}\ngateway: {}\n", 0,
	 "tollgate.yaml:2:1: this key stands twice in the same map"},
	{"gateway: &g {}\n", 0, "tollgate.yaml:1:10: anchors and tags are not supported"},

	/* Names of sections and options. */
	{"modles: []\n", 0,
	 "tollgate.yaml:1:1: there is no section \"modles\"; did you mean \"models\"?"},
	{"telemetry: {}\n", 0,
	 "tollgate.yaml:1:1: there is no section \"telemetry\"; there are gateway, listeners, "
	 "admin, limits, identity, policy, prices, budgets, ledger, journal, upstreams and models"},
	{"limits:\n  bodx: 1MiB\n", 0,
	 "tollgate.yaml:2:3: limits has no option \"bodx\"; did you mean \"body\"?"},
	{"limits: {colour: red}\n", 0,
	 "tollgate.yaml:1:10: limits has no option \"colour\"; `tollgate check --options` lists "
	 "them"},
	{"ledger: {redis: {timeoux: 1s}}\n", 0,
	 "tollgate.yaml:1:18: ledger has no option \"redis.timeoux\"; did you mean "
	 "\"redis.timeout\"?"},
	{"ledger: {redis.timeout: 1s}\n", 0,
	 "tollgate.yaml:1:10: ledger has no option \"redis.timeout\"; `tollgate check --options` "
	 "lists them"},
	{"ledger: {redis: fast}\n", 0, "tollgate.yaml:1:17: redis must be a map, not a value"},
	{"limits: [body]\n", 0, "tollgate.yaml:1:9: limits must be a map, not a list"},

	/* Values. */
	{"limits: {body: }\n", 0,
	 "tollgate.yaml:1:16: body stands without a value; give it one or take the line out"},
	{"limits: {body: ~}\n", 0,
	 "tollgate.yaml:1:16: body stands without a value; give it one or take the line out"},
	{"limits: {body: [1]}\n", 0,
	 "tollgate.yaml:1:16: body must be a value (bytes), not a list"},
	{"limits: {body: 32MB}\n", 0,
	 "tollgate.yaml:1:16: body: \"32MB\" is not a size such as 64KiB or 32MiB"},
	{"limits: {body: 2GiB}\n", 0, "tollgate.yaml:1:16: body: \"2GiB\" is outside 1B .. 1GiB"},
	{"limits: {idle_timeout: 75}\n", 0,
	 "tollgate.yaml:1:24: idle_timeout: \"75\" is not a time such as 250ms, 30s, 5m, 1h or 7d"},
	{"limits: {idle_timeout: 2d}\n", 0,
	 "tollgate.yaml:1:24: idle_timeout: \"2d\" is outside 1ms .. 1d"},
	{"gateway: {workers: four}\n", 0,
	 "tollgate.yaml:1:20: workers: \"four\" is not a whole number"},
	{"gateway: {workers: 64}\n", 0, "tollgate.yaml:1:20: workers: \"64\" is outside 0 .. 63"},
	{"gateway: {log_level: infos}\n", 0,
	 "tollgate.yaml:1:22: log_level: \"infos\" is not one of debug|info|warn|error; did you "
	 "mean \"info\"?"},
	{"gateway: {log_level: loud}\n", 0,
	 "tollgate.yaml:1:22: log_level: \"loud\" is not one of debug|info|warn|error"},
	{"gateway: {id: \"gw 1\"}\n", 0,
	 "tollgate.yaml:1:15: id: \"gw 1\" may hold letters, digits, '-', '_' and '.' only"},
	{"gateway: {id: \"\"}\n", 0, "tollgate.yaml:1:15: id must have 1 to 64 characters"},
	{"gateway: {utc_offset: \"+1:00\"}\n", 0,
	 "tollgate.yaml:1:23: utc_offset must have 6 to 6 characters"},
	{"gateway: {utc_offset: \"+25:00\"}\n", 0,
	 "tollgate.yaml:1:23: utc_offset: \"+25:00\" is not an offset such as +01:00"},

	/* Listeners. */
	{"", FOLDER_LISTENERS, "tollgate.yaml: the list \"listeners\" is missing or has no entry"},
	{"listeners:\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:11: the list \"listeners\" is missing or has no entry"},
	{"listeners: []\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:12: listeners must have 1 to 16 entries"},
	{"listeners: {address: x}\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:12: listeners must be a list, not a map"},
	{"listeners: [8080]\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:13: listeners[] must be a map, not a value"},
	{"listeners: [{}]\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:13: listeners[]: the option \"address\" is missing (IP address and "
	 "port where clients connect; port 0 takes a free one)"},
	{"listeners: [{addrezs: \"x:1\"}]\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:14: listeners[] has no option \"addrezs\"; did you mean \"address\"?"},
	{"listeners: [{address: \"localhost:1\"}]\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:23: address: \"localhost:1\" is not an IP address with a port, such as "
	 "0.0.0.0:8080 or [::]:8080"},
	{"listeners: [{address: \"[::]:0\", tls: {key: p.cedar}}]\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:38: tls needs both certificate and key"},
	{"listeners: [{address: \"[::]:0\", tls: {client_ca: p.cedar}}]\n", FOLDER_LISTENERS,
	 "tollgate.yaml:1:38: tls.client_ca needs certificate and key"},
	{"listeners: [{address: \"[::]:0\", tls: {certificate: p.cedar, key: p.cedar, "
	 "client_required: "
	 "true}}]\n",
	 FOLDER_LISTENERS, "tollgate.yaml:1:38: tls.client_required needs client_ca"},
	{"listeners: [{address: \"[::]:0\", tls: {certificate: p.cedar, key: p.cedar}}]\n",
	 FOLDER_LISTENERS, "tollgate.yaml: cannot load the certificate from \"p.cedar\": PEM lib"},
	{"listeners: [{address: \"[::]:0\", tls: {certificate: none, key: none}}]\n",
	 FOLDER_LISTENERS,
	 "tollgate.yaml:1:52: tls.certificate: none cannot be opened: No such file or directory"},
	{"admin: {address: \"9090\"}\n", 0,
	 "tollgate.yaml:1:18: address: \"9090\" is not an IP address with a port, such as "
	 "0.0.0.0:8080 or [::]:8080"},

	/* Upstreams and models. */
	{"", FOLDER_UPSTREAMS, "tollgate.yaml: the list \"upstreams\" is missing or has no entry"},
	{"upstreams: [{name: u, url: \"ftp://x/y\", provider: p}]\n", FOLDER_UPSTREAMS,
	 "tollgate.yaml:1:13: upstream u: \"ftp://x/y\" is not a URL of the form "
	 "http[s]://host[:port][/base]"},
	{"upstreams: [{name: u, url: \"http://999.0.0.1.invalid\", provider: p}]\n",
	 FOLDER_UPSTREAMS,
	 "tollgate.yaml:1:13: cannot resolve host 999.0.0.1.invalid: Name or service not known"},
	{"upstreams:\n  - {name: u, url: \"http://127.0.0.1\", provider: p}\n"
	 "  - {name: u, url: \"http://127.0.0.1\", provider: p}\n",
	 FOLDER_UPSTREAMS, "tollgate.yaml:3:5: another upstream has the name \"u\""},
	{"upstreams: [{name: u, url: \"http://127.0.0.1\", provider: p, credential: {header: "
	 "x}}]\n",
	 FOLDER_UPSTREAMS, "tollgate.yaml:1:73: credential needs both header and value"},
	{"upstreams: [{name: u, url: \"http://127.0.0.1\", provider: p, credential: {header: \"a "
	 "b\", value: \"${env:HOME}\"}}]\n",
	 FOLDER_UPSTREAMS, "tollgate.yaml:1:82: credential.header: \"a b\" cannot name a field"},
	{"upstreams: [{name: u, url: \"https://127.0.0.1\", provider: p, ca: none.pem}]\n",
	 FOLDER_UPSTREAMS,
	 "tollgate.yaml:1:66: ca: none.pem cannot be opened: No such file or directory"},
	{"models:\n  - {name: m, upstream: v, dialects: openai.chat}\n", FOLDER_MODELS,
	 "tollgate.yaml:2:5: model m: there is no upstream \"v\""},
	{"models:\n  - {name: m, upstream: u, dialects: [openai.chat, openai]}\n", FOLDER_MODELS,
	 "tollgate.yaml:2:5: model m: there is no dialect \"openai\""},
	{"models:\n  - {name: m, upstream: u, dialects: []}\n", FOLDER_MODELS,
	 "tollgate.yaml:2:38: dialects must have 1 to 32 entries"},
	{"models:\n  - {name: m, upstream: u, dialects: [\"\"]}\n", FOLDER_MODELS,
	 "tollgate.yaml:2:39: dialects: an entry is empty"},
	{"models:\n  - {name: m, upstream: u, dialects: [[x]]}\n", FOLDER_MODELS,
	 "tollgate.yaml:2:39: dialects: an entry must be a value, not a list"},
	{"models:\n  - {name: m, upstream: u, dialects: openai.chat, aliases: [a, a]}\n",
	 FOLDER_MODELS, "tollgate.yaml:2:5: model m: another model has the name \"a\""},
	{"models:\n  - {name: m, upstream: u, dialects: openai.chat, approved_until: soon}\n",
	 FOLDER_MODELS,
	 "tollgate.yaml:2:67: approved_until: \"soon\" is not a date such as 2027-01-01"},
	{"models:\n  - {name: m, upstream: u, dialects: openai.chat, risk: hihg}\n", FOLDER_MODELS,
	 "tollgate.yaml:2:57: risk: \"hihg\" is not one of minimal|limited|high|prohibited; did "
	 "you mean \"high\"?"},
	{"models:\n  - {name: m, upstream: u, dialects: openai.chat}\nprices: {unpriced: "
	 "refuse}\n",
	 FOLDER_MODELS | FOLDER_PRICES,
	 "tollgate.yaml:2:5: model m: the price book does not know \"m\"; add it to a file named "
	 "by prices.file or set prices.unpriced: allow"},

	/* Files that are named. */
	{"identity: {keys: none.yaml}\n", 0,
	 "tollgate.yaml:1:18: keys: none.yaml cannot be opened: No such file or directory"},
	{"identity: {keys: .}\n", 0, "tollgate.yaml:1:18: keys: . is not a regular file"},
	{"identity: {keys: pipe}\n", 0, "tollgate.yaml:1:18: keys: pipe is not a regular file"},
	{"identity: {keys: \"\"}\n", 0, "tollgate.yaml:1:18: keys: \"\" is no path"},
	{"prices: {file: none.yaml}\n", FOLDER_PRICES,
	 "tollgate.yaml:1:16: file: none.yaml cannot be opened: No such file or directory"},
	{"", FOLDER_POLICY,
	 "tollgate.yaml: policy: the option \"schema\" is missing (Cedar schema that every policy "
	 "is checked against, text or (*.json) JSON)"},
	{"policy: {schema: g.cedarschema}\n", FOLDER_POLICY,
	 "tollgate.yaml:1:9: policy: the option \"files\" is missing (Cedar policies, text or "
	 "(*.json) JSON, with templates and links; a name may hold * as in a shell)"},
	{"policy:\n  files:\n    - p.cedar\n    - q*.cedar\n  schema: g.cedarschema\n",
	 FOLDER_POLICY, "tollgate.yaml:4:7: files: q*.cedar: no file has such a name"},
	{"policy: {files: p.cedar, schema: none}\n", FOLDER_POLICY,
	 "tollgate.yaml:1:34: schema: none cannot be opened: No such file or directory"},
	{"policy: {files: p.cedar, entities: none, schema: g.cedarschema}\n", FOLDER_POLICY,
	 "tollgate.yaml:1:36: entities: none cannot be opened: No such file or directory"},

	/* Issuers. */
	{"identity: {issuers: x}\n", 0, "tollgate.yaml:1:21: issuers must be a list, not a value"},
	{"identity: {issuers: [{name: i, issuer: i, audience: a, algorithms: none, jwks: {url: "
	 "\"https://x/\"}}]}\n",
	 0, "tollgate.yaml:1:68: algorithms: \"none\" is not one we verify"},
	{"identity: {issuers: [{name: i, issuer: i, audience: a, algorithms: ES256}]}\n", 0,
	 "tollgate.yaml:1:22: jwks needs either file or url"},
	{"identity: {issuers: [{name: i, issuer: i, audience: a, algorithms: ES256, jwks: {url: "
	 "\"http://x.test/\"}}]}\n",
	 0, "tollgate.yaml:1:87: jwks.url must begin with https://"},
	{"identity: {issuers: [{name: i, issuer: i, audience: a, algorithms: ES256, jwks: {file: "
	 "none.json}}]}\n",
	 0, "tollgate.yaml:1:88: jwks.file: none.json cannot be opened: No such file or directory"},
	{"identity: {issuers: [{name: i, issuer: i, audience: a, algorithms: ES256, jwks: {url: "
	 "\"https://x/\"}, claims: {attributes: {a: [b]}}}]}\n",
	 0, "tollgate.yaml:1:127: claims.attributes: a must name one claim"},
	{"identity: {issuers: [{name: i, issuer: i, audience: a, algorithms: [ES256, HS256], "
	 "jwks: {url: \"https://x/\"}}]}\n",
	 0, "tollgate.yaml:1:22: issuer \"i\" mixes HMAC and public-key algorithms"},
	{"identity:\n  issuers:\n    - &i {}\n", 0,
	 "tollgate.yaml:3:7: anchors and tags are not supported"},

	/* Stores. */
	{"ledger: {store: redis}\n", 0,
	 "tollgate.yaml:1:17: the ledger's Redis is given as "
	 "redis://[user[:password]@]host[:port][/db] or unix:///path"},
	{"ledger: {store: redis, redis: {url: \"rediss://x\"}}\n", 0,
	 "tollgate.yaml:1:31: rediss:// needs TLS, which this build's hiredis does not have; use "
	 "redis:// inside a trusted network or a TLS tunnel"},
	{"journal: {segment: 1KiB}\n", 0,
	 "tollgate.yaml:1:20: segment: \"1KiB\" is outside 256KiB .. 1GiB"},
};

static void test_load__says_where_the_main_file_is_wrong(void **state)
{
	unsigned failures = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(main_rows); i++) {
		print_message("# %s\n", main_rows[i].want);
		folder_main(main_rows[i].first, main_rows[i].own);
		failures += is_refused_with(main_rows[i].want) ? 0 : 1;
	}
	assert_int_equal(failures, 0);
}

#define HEX64 "00000000000000000000000000000000000000000000000000000000000000aa"

static const struct {
	const char *file, *text, *want;
} other_rows[] = {
	{"keys.yaml", "keys: {}\n", "keys.yaml:1:7: keys must be a list, not a map"},
	{"keys.yaml", "keys: []\nmore: 1\n",
	 "keys.yaml:1:1: the file must be a map with one list, \"keys\""},
	{"keys.yaml", "keys:\n  - x\n", "keys.yaml:2:5: a key must be a map, not a value"},
	{"keys.yaml", "keys:\n  - {id: a, roels: [x]}\n",
	 "keys.yaml:2:13: a key has no member \"roels\"; did you mean \"roles\"?"},
	{"keys.yaml", "keys:\n  - {id: a, roles: x}\n",
	 "keys.yaml:2:20: roles must be a list, not a value"},
	{"keys.yaml", "keys:\n  - {id: a, kind: robot}\n",
	 "keys.yaml:2:19: kind must be user or service"},
	{"keys.yaml", "keys:\n  - {id: a, expires: soon}\n",
	 "keys.yaml:2:22: expires must be a date or date-time such as 2027-01-01T00:00:00Z"},
	{"keys.yaml", "keys:\n  - {id: a, revoked: yes}\n",
	 "keys.yaml:2:22: revoked must be true or false"},
	{"keys.yaml", "keys:\n  - {id: a, name: \"x\\ny\"}\n",
	 "keys.yaml:2:19: a line break cannot stand in it"},
	{"keys.yaml", "keys:\n  - {id: a, name: n, sha256: abc}\n",
	 "keys.yaml:2:5: key \"a\": sha256 must be 64 hexadecimal digits"},
	{"keys.yaml", "keys:\n  - {id: a, sha256: " HEX64 "}\n",
	 "keys.yaml:2:5: key \"a\": has no name"},
	{"keys.yaml",
	 "keys:\n  - {id: a, name: n, sha256: " HEX64 "}\n  - {id: b, name: n, sha256: " HEX64
	 "}\n",
	 "keys.yaml:3:5: key \"b\": the same secret is listed twice"},
	{"prices.yaml", "prices: {}\n", "prices.yaml:1:9: prices must be a list, not a map"},
	{"prices.yaml", "version: [1]\nprices: []\n",
	 "prices.yaml:1:10: version must be a value, not a list"},
	{"prices.yaml", "version: 1\n", "prices.yaml:1:1: the file must have a list \"prices\""},
	{"prices.yaml", "price: []\n", "prices.yaml:1:1: the price book has no member \"price\""},
	{"prices.yaml",
	 "version: 1\ncurrency: USD\nprices:\n  - {id: a, models: [m], rates: {in_text_uncached: "
	 "x}}\n",
	 "prices.yaml:4:52: rate \"x\" is not understood; write \"2.50\" (per million, at most 6 "
	 "decimals), \"0.10 per 1000\" (9), \"0.001 per 1\" (12) or \"as METER\""},
	{"prices.yaml", "version: 1\ncurrency: USD\nprices:\n  - {id: a, models: [m], rate: {}}\n",
	 "prices.yaml:4:26: an entry has no member \"rate\""},
	{"prices.yaml",
	 "version: 1\ncurrency: USD\nprices:\n  - {id: a, models: [m], rates: {in_txet: 1}}\n",
	 "prices.yaml:4:43: no meter \"in_txet\"; did you mean in_tool?"},
	{"bad.cedar", "permit (principal, action, resource);\nforbid (principal action);\n",
	 "bad.cedar:2:19: expected `,` and the action's scope, found `action`"},
	{"schema", "entity A in ;\n", "schema:1:13: expected a type's name, found `;`"},
	{"entities.json", "[{]",
	 "entities.json:1:3: entities: expected a member's name in quotes, found `]`"},
	{"jwks.json", "{\"keys\": 1}", "jwks.json: not a JWK Set: no array \"keys\" at the top"},
};

static void test_load__says_where_another_file_is_wrong(void **state)
{
	unsigned failures = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(other_rows); i++) {
		print_message("# %s\n", other_rows[i].want);
		folder_write("keys.yaml", STR(""));
		folder_write("prices.yaml", STR("prices: []\nversion: 1\ncurrency: USD\n"));
		folder_write("bad.cedar", STR(""));
		folder_write("schema", str_from_c(gateway_case_schema));
		folder_write("entities.json", STR("[]"));
		folder_write("jwks.json",
			     STR("{\"keys\": [{\"kty\": \"oct\", \"alg\": \"HS256\", \"k\": "
				 "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}"));
		folder_write(other_rows[i].file, str_from_c(other_rows[i].text));
		folder_main(
			"identity: {keys: keys.yaml, issuers: [{name: i, issuer: i, audience: "
			"a, algorithms: HS256, jwks: {file: jwks.json}}]}\n"
			"prices: {file: prices.yaml, unpriced: allow}\n"
			"policy: {files: [\"*.cedar\"], schema: schema, entities: entities.json}\n",
			FOLDER_PRICES | FOLDER_POLICY);
		failures += is_refused_with(other_rows[i].want) ? 0 : 1;
	}
	assert_int_equal(failures, 0);
	folder_write("bad.cedar", STR(""));
}

/* Every file has something wrong, one of them twice: all is told in one run, by file and line. */
static void test_load__lists_every_fault_of_every_file(void **state)
{
	static const char *const want[] = {
		"tollgate.yaml:1:1: there is no section \"gatewey\"; did you mean \"gateway\"?",
		"tollgate.yaml:2:16: body: \"1XB\" is not a size such as 64KiB or 32MiB",
		"tollgate.yaml:2:21: limits has no option \"haed\"; did you mean \"head\"?",
		"tollgate.yaml:3:23: address: \"x:1\" is not an IP address with a port, such as "
		"0.0.0.0:8080 or [::]:8080",
		"tollgate.yaml:4:13: upstreams[]: the option \"url\" is missing "
		"(http[s]://host[:port][/base]; the operation's path follows the base)",
		"tollgate.yaml:5:39: risk: \"hihg\" is not one of minimal|limited|high|prohibited; "
		"did you mean \"high\"?",
		"tollgate.yaml:6:10: models[]: the option \"upstream\" is missing (Where it is "
		"served)",
		"keys.yaml:1:25: a key has no member \"b\"; did you mean \"bu\"?",
		"keys.yaml:1:31: a key has no member \"c\"",
		"two.cedar:1:19: expected `,` and the action's scope, found `action`",
		"three.cedar:1:27: expected `,` and the resource's scope, found `resource`",
		"entities.json:1:2: Inference::Group::\"g\": member \"attrs\" is missing",
	};
	struct config *config = NULL;
	struct diags all;

	(void)state;
	folder_write("keys.yaml", STR("keys: [{id: k, name: n, b: 1, c: 2}]\n"));
	folder_write("two.cedar", STR("permit (principal action, resource);\n"));
	folder_write("three.cedar", STR("forbid (principal, action resource);\n"));
	folder_write("entities.json",
		     STR("[{\"uid\": {\"type\": \"Inference::Group\", \"id\": \"g\"}}]"));
	folder_main("gatewey: {}\n"
		    "limits: {body: 1XB, haed: 1KiB}\n"
		    "listeners: [{address: \"x:1\"}]\n"
		    "upstreams: [{name: u, provider: p}]\n"
		    "models: [{name: m, upstream: u, risk: hihg, dialects: openai.chat},\n"
		    "         {name: n, dialects: openai.chat}]\n"
		    "identity: {keys: keys.yaml}\n"
		    "policy: {schema: g.cedarschema, files: [two.cedar, three.cedar], entities: "
		    "entities.json}\n",
		    FOLDER_ALL & ~(unsigned)FOLDER_PRICES);
	diags_init(&all, CONFIG_FAULTS);
	assert_int_equal(config_load_all(folder_path("tollgate.yaml"), &all, &config),
			 ERR_MALFORMED);
	for (size_t i = 0; i < all.count; i++) {
		struct str left = str_from_c(folder_message(&all.items[i])), line;

		(void)str_cut(&left, '\n', &line);
		print_message("# " STR_FMT "\n", STR_ARG(line));
		assert_true(i < ARRAY_LEN(want));
		if (!str_eq(line, str_from_c(want[i])))
			fail_msg("want %s", want[i]);
	}
	assert_int_equal(all.count, ARRAY_LEN(want));
	assert_int_equal(all.total, ARRAY_LEN(want));
	diags_fini(&all);
	folder_write("two.cedar", STR(""));
	folder_write("three.cedar", STR(""));
	folder_write("keys.yaml", STR(""));
	folder_write("entities.json", STR("[]"));
}

static void test_load__takes_the_default_of_every_option(void **state)
{
	struct config *config = NULL;
	struct diag diag = {0};

	(void)state;
	folder_main("gateway:\nlimits: ~\nledger: {redis: }\n", 0);
	assert_int_equal(config_load(folder_path("tollgate.yaml"), &diag, &config), OK);
	assert_true(str_eq(config->gateway_id, STR("gateway")));
	assert_string_equal(config->state, folder_path("state"));
	assert_int_equal(config->drain_timeout_ms, 30000);
	assert_int_equal(config->log_level, LEVEL_INFO);
	assert_int_equal(config->connections, 10000);
	assert_int_equal(config->session.head_timeout_ms, 10000);
	assert_int_equal(config->session.limits.head_bytes, 65536);
	assert_int_equal(config->snapshot.body_bytes, 32 << 20);
	assert_false(config->snapshot.ignore_forbid_errors);
	assert_int_equal(config->journal.durability, JOURNAL_STRICT);
	assert_int_equal(config->journal.keep_s, 7 * 86400);
	assert_int_equal(config->ledger.store, LEDGER_SQLITE);
	assert_int_equal(config->snapshot.upstreams[0].connections, 256);
	assert_int_equal(config->snapshot.upstreams[0].first_byte_timeout_ms, 60000);
	assert_int_equal(config->snapshot.models[0].on_abort, ON_ABORT_DRAIN);
	assert_int_equal(config->snapshot.models[0].modality_count, 1);
	assert_true(str_eq(config->snapshot.models[0].status, STR("approved")));
	config_free(config);
}

static void test_load__takes_what_is_given(void **state)
{
	struct config *config = NULL;
	struct diag diag = {0};

	(void)state;
	folder_main("gateway: {id: gw-9, state: /var/x, workers: 2, utc_offset: \"-03:30\"}\n"
		    "limits: {body: 1MiB}\n"
		    "policy: {schema: g.cedarschema, files: [p.cedar, \"p*.cedar\"], "
		    "on_forbid_error: skip}\n"
		    "models: [{name: m, upstream: u, dialects: [openai.chat], region: r, on_abort: "
		    "cancel, drain: {bytes: 1KiB, time: 2s}}]\n"
		    "journal: {durability: relaxed, keep: 1500ms}\n",
		    FOLDER_MODELS | FOLDER_POLICY);
	if (config_load(folder_path("tollgate.yaml"), &diag, &config) != OK)
		fail_msg("%s", folder_message(&diag));
	assert_true(str_eq(config->gateway_id, STR("gw-9")));
	assert_string_equal(config->state, "/var/x");
	assert_int_equal(config->workers, 2);
	assert_int_equal(config->snapshot.utc_offset_ms, -(3 * 60 + 30) * 60000);
	assert_int_equal(config->snapshot.body_bytes, 1 << 20);
	/* Both patterns find it; it stands once. */
	assert_int_equal(config->snapshot.policy_count, 1);
	assert_true(config->snapshot.ignore_forbid_errors);
	assert_int_equal(config->journal.durability, JOURNAL_RELAXED);
	assert_int_equal(config->journal.keep_s, 2);
	assert_int_equal(config->snapshot.models[0].on_abort, ON_ABORT_CANCEL);
	assert_int_equal(config->snapshot.models[0].drain_bytes, 1024);
	assert_int_equal(config->snapshot.models[0].region_count, 1);
	assert_true(str_eq(config->snapshot.models[0].regions[0], STR("r")));
	config_free(config);
}

static void test_load__takes_attributes_as_they_are_written(void **state)
{
	const struct attribute *attributes;
	struct config *config = NULL;
	struct diag diag = {0};

	(void)state;
	folder_write(
		"keys.yaml",
		STR("keys:\n  - {id: a, name: n, kind: service, sha256: " HEX64
		    ", revoked: false, scopes: [x, y],\n     attributes: {long: -2, flag: true, "
		    "text: \"2\", word: EU, set: [a, b]}}\n"));
	folder_main("identity: {keys: keys.yaml}\n", 0);
	if (config_load(folder_path("tollgate.yaml"), &diag, &config) != OK)
		fail_msg("%s", folder_message(&diag));
	assert_int_equal(config->snapshot.key_count, 1);
	assert_int_equal(config->snapshot.keys[0].kind, PRINCIPAL_SERVICE);
	assert_int_equal(config->snapshot.keys[0].scopes.count, 2);
	assert_int_equal(config->snapshot.keys[0].attribute_count, 5);
	attributes = config->snapshot.keys[0].attributes;
	assert_int_equal(attributes[0].type, ATTRIBUTE_LONG);
	assert_int_equal(attributes[0].number, -2);
	assert_int_equal(attributes[1].type, ATTRIBUTE_BOOL);
	assert_true(attributes[1].flag);
	assert_int_equal(attributes[2].type, ATTRIBUTE_STRING);
	assert_int_equal(attributes[3].type, ATTRIBUTE_STRING);
	assert_true(str_eq(attributes[3].text, STR("EU")));
	assert_int_equal(attributes[4].type, ATTRIBUTE_SET);
	assert_int_equal(attributes[4].set.count, 2);
	config_free(config);
}

static void test_load__hashes_every_file(void **state)
{
	struct config *config = NULL;
	char before[65];

	(void)state;
	folder_main("", 0);
	assert_int_equal(config_load(folder_path("tollgate.yaml"), NULL, &config), OK);
	assert_int_equal(config->hash.len, 64);
	(void)snprintf(before, sizeof(before), "%s", config->hash.ptr);
	config_free(config);
	assert_int_equal(config_load(folder_path("tollgate.yaml"), NULL, &config), OK);
	assert_string_equal(config->hash.ptr, before);
	config_free(config);
	folder_write("p.cedar", STR("permit (principal, action, resource); // changed\n"));
	assert_int_equal(config_load(folder_path("tollgate.yaml"), NULL, &config), OK);
	assert_string_not_equal(config->hash.ptr, before);
	config_free(config);
}

static void test_load__names_a_main_file_that_is_not_there(void **state)
{
	struct config *config = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(config_load(folder_path("nowhere.yaml"), &diag, &config), ERR_NOT_FOUND);
	assert_string_equal(folder_message(&diag),
			    "nowhere.yaml: cannot be opened: No such file or directory");
}

/* The message as people see it. */
static void test_load__shows_the_line_and_a_caret(void **state)
{
	struct diag diag = {0};

	(void)state;
	folder_main("limits:\n  bodx: 1MiB # more\n", 0);
	assert_int_equal(load(&diag), ERR_MALFORMED);
	assert_string_equal(folder_message(&diag),
			    "tollgate.yaml:2:3: limits has no option \"bodx\"; did you mean "
			    "\"body\"?\n"
			    "  bodx: 1MiB # more\n"
			    "  ^");
}

static int make(void **state)
{
	if (folder_make(state) != 0)
		return -1;
	return mkfifo(folder_path("pipe"), 0600);
}

static int drop(void **state)
{
	(void)unlink(folder_path("pipe"));
	return folder_drop(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load__says_where_the_main_file_is_wrong),
		cmocka_unit_test(test_load__says_where_another_file_is_wrong),
		cmocka_unit_test(test_load__lists_every_fault_of_every_file),
		cmocka_unit_test(test_load__takes_the_default_of_every_option),
		cmocka_unit_test(test_load__takes_what_is_given),
		cmocka_unit_test(test_load__takes_attributes_as_they_are_written),
		cmocka_unit_test(test_load__hashes_every_file),
		cmocka_unit_test(test_load__names_a_main_file_that_is_not_there),
		cmocka_unit_test(test_load__shows_the_line_and_a_caret),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
