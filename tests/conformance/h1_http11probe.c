/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published Http11Probe request cases (shared/http/README.md) at codec
 * level: what the codec completes counts as an answer of 200, what it refuses
 * as the refusal's status, what it still waits for as neither. Cases about what
 * an origin puts into its answer are pass-through here; the whole binary meets
 * them in the flow tests.
 *
 *   usage: h1_http11probe SHARED_FOLDER
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "gateway/http/h1.h"

#define CASES	   102
#define WIRE_BYTES 80000

enum outcome_kind {
	OUTCOME_ACCEPTED,
	OUTCOME_REFUSED,
	OUTCOME_WAITING,
};

struct outcome {
	enum outcome_kind kind;
	unsigned status;
	size_t messages;
};

struct wire_text {
	char bytes[WIRE_BYTES];
	size_t len;
};

/* ---- the bytes of a case ---- */

static void put(struct wire_text *wire, const char *ptr, size_t len)
{
	ASSERT(wire->len + len <= sizeof(wire->bytes));
	memcpy(wire->bytes + wire->len, ptr, len);
	wire->len += len;
}

static void put_run(struct wire_text *wire, char c, size_t len)
{
	ASSERT(wire->len + len <= sizeof(wire->bytes));
	memset(wire->bytes + wire->len, c, len);
	wire->len += len;
}

/* \r \n \t \0 \xNN; *at stands on the backslash and is moved behind the escape. */
static void put_escape(struct wire_text *wire, const char *text, size_t *at)
{
	uint64_t byte = 0;
	char c = text[*at + 1];

	if (c == 'x') {
		enum err err = str_to_hex64(str_make(text + *at + 2, 2), &byte);

		ASSERT(err == OK);
		put_run(wire, (char)byte, 1);
		*at += 4;
		return;
	}
	put_run(wire, (char)(c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : '\0'), 1);
	*at += 2;
}

/* Real newlines only lay the text out. */
static void put_text(struct wire_text *wire, const char *text)
{
	size_t at = 0;

	while (text[at] != '\0') {
		if (text[at] == '\\') {
			put_escape(wire, text, &at);
		} else if (strncmp(text + at, "[TAB]", 5) == 0) {
			put_run(wire, '\t', 1);
			at += 5;
		} else {
			if (text[at] != '\n')
				put(wire, text + at, 1);
			at++;
		}
	}
}

/* The three that the page abbreviates. */
static bool put_abbreviated(struct wire_text *wire, const char *id)
{
	char pair[32];

	if (strcmp(id, "COMP-LONG-URL-OK") == 0) {
		put_text(wire, "GET /");
		put_run(wire, 'a', 7900);
		put_text(wire, " HTTP/1.1\\r\\nHost: localhost:8080\\r\\n\\r\\n");
		return true;
	}
	if (strcmp(id, "COOK-OVERSIZED") != 0 && strcmp(id, "COOK-MANY-PAIRS") != 0)
		return false;
	put_text(wire, "GET /echo HTTP/1.1\\r\\nHost: localhost:8080\\r\\nCookie: ");
	if (strcmp(id, "COOK-OVERSIZED") == 0) {
		put_text(wire, "big=");
		put_run(wire, 'A', 65536);
	} else {
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(pair, sizeof(pair), "%sk%u=v%u", i == 0 ? "" : "; ", i, i);
			put_text(wire, pair);
		}
	}
	put_text(wire, "\\r\\n\\r\\n");
	return true;
}

/* ---- the codec's answer ---- */

static enum err on_head(void *arg, const struct head *head)
{
	(void)arg;
	(void)head;
	return OK;
}

static enum err on_body(void *arg, struct str view)
{
	(void)arg;
	(void)view;
	return OK;
}

static enum err on_end(void *arg)
{
	struct outcome *outcome = arg;

	outcome->messages++;
	return OK;
}

static struct outcome run(const struct wire_text *wire)
{
	static const struct h1_events events = {on_head, on_body, on_end};
	struct outcome outcome = {0};
	struct str rest = str_make(wire->bytes, wire->len);
	struct h1 h1;
	enum err err = OK;

	h1_init(&h1, H1_REQUESTS, &h1_default_limits, &events, &outcome);
	while (rest.len > 0 && err == OK) {
		size_t used;

		err = h1_feed(&h1, rest, &used);
		if (err == OK)
			rest = str_make(rest.ptr + used, rest.len - used);
	}
	if (err != OK) {
		outcome.kind = OUTCOME_REFUSED;
		outcome.status = refusal_status(h1_refusal(&h1));
	} else {
		outcome.kind = h1_is_idle(&h1) ? OUTCOME_ACCEPTED : OUTCOME_WAITING;
		outcome.status = 200;
	}
	h1_fini(&h1);
	return outcome;
}

/* ---- what the case wants ---- */

static bool says(const char *expected, const char *words)
{
	return strstr(expected, words) != NULL;
}

static bool wants_refusal(const char *expected)
{
	return says(expected, "400") || says(expected, "417") || says(expected, "501") ||
	       says(expected, "505") || says(expected, "close") || says(expected, "Reject") ||
	       says(expected, "rejected") || says(expected, "excluded");
}

/* Statuses that only an origin, or the layer above, can give count as accepted here. */
static bool allows_acceptance(const char *expected)
{
	static const char *const words[] = {
		"2xx", "200",	     "204",	  "304",       "405",	  "406", "415",	    "416",
		"426", "Any status", "Not `101`", "non-`101`", "Non-1xx", "IMF", "excluded"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (says(expected, words[i]))
			return !says(expected, "connection close") || says(expected, "2xx");
	}
	return false;
}

static bool status_fits(const char *expected, unsigned status)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", status);
	return says(expected, text) || says(expected, "close") || says(expected, "eject") ||
	       says(expected, "excluded") || (status == 501 && says(expected, "405")) ||
	       says(expected, "4xx");
}

/* Where we choose what the source only warns of: gateway/http/README.md, Choices. */
static bool is_chosen(const char *id)
{
	return strcmp(id, "COMP-GET-WITH-CL-BODY") == 0 ||
	       strcmp(id, "COMP-CHUNKED-EXTENSION") == 0;
}

/* NULL when the case is met, else what went wrong. */
static const char *judge(const char *id, const char *expected, const struct outcome *outcome)
{
	switch (outcome->kind) {
	case OUTCOME_WAITING: return says(expected, "timeout") ? NULL : "the codec waits for more";
	case OUTCOME_ACCEPTED:
		if (says(expected, "`400` = Pass") && !is_chosen(id))
			return "accepted what only warns";
		return allows_acceptance(expected) ? NULL : "accepted";
	case OUTCOME_REFUSED:
		if (says(expected, "`400` = Warn") && !is_chosen(id))
			return "refused what only warns";
		if (!wants_refusal(expected))
			return "refused";
		return status_fits(expected, outcome->status) ? NULL : "refused by another status";
	}
	return "no verdict";
}

static const char *field(const json_t *item, const char *name)
{
	const char *text = json_string_value(json_object_get(item, name));

	return text == NULL ? "" : text;
}

static bool run_case(size_t number, const json_t *item)
{
	static struct wire_text wire;
	const char *id = field(item, "id"), *expected = field(item, "expected");
	struct outcome outcome;
	const char *wrong;

	wire.len = 0;
	if (!put_abbreviated(&wire, id))
		put_text(&wire, field(item, "sends"));
	outcome = run(&wire);
	wrong = judge(id, expected, &outcome);
	if (wrong != NULL)
		printf("# %s, status %u, %zu messages; expected: %s\n", wrong, outcome.status,
		       outcome.messages, expected);
	printf("%s %zu - %s %u\n", wrong == NULL ? "ok" : "not ok", number, id, outcome.status);
	return wrong == NULL;
}

int main(int argc, char **argv)
{
	char path[4096];
	json_error_t error;
	json_t *cases;
	bool good = true;

	if (argc != 2)
		return 2;
	snprintf(path, sizeof(path), "%s/http/http11probe-compliance.json", argv[1]);
	cases = json_load_file(path, 0, &error);
	if (cases == NULL) {
		printf("1..0 # SKIP http11probe: %d cases skipped, data absent\n", CASES);
		return 0;
	}
	printf("1..%zu\n", json_array_size(cases));
	for (size_t i = 0; i < json_array_size(cases); i++)
		good = run_case(i + 1, json_array_get(cases, i)) && good;
	json_decref(cases);
	return good ? 0 : 1;
}
