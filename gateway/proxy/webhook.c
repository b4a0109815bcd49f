/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   send ─► queue ─► first: fetch ─► 2xx: next one
 *                      ▲    └─ else: pause, again; after the last pause: drop it, next one
 *                      └──────────── timer
 */
#include "gateway/proxy/webhook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"

#define WEBHOOK_TIMEOUT_MS 10000
#define WEBHOOK_ANSWER	   65536

static const int64_t pauses_ms[] = {1000, 5000, 30000, 120000, 600000};

struct message {
	struct message *next;
	unsigned attempts;
	char id[WEBHOOK_ID_BYTES + 1];
	size_t len;
	char body[];
};

struct webhook {
	const struct conn_env *env;
	struct log log;
	const struct webhook_options *options; /* NULL: none yet */
	struct message *first, *last;
	size_t count;
	struct fetch *fetch;
	struct loop_timer timer;
	struct webhook_stats stats;
};

/* Signatures ------------------------------------------------------------------------- */

enum err webhook_key(struct str secret, uint8_t out[static WEBHOOK_KEY_BYTES], size_t *out_len)
{
	static const struct str prefix = STR("whsec_");
	char text[WEBHOOK_KEY_BYTES * 4 / 3 + 8];
	struct str word = str_sub(secret, prefix.len, secret.len);
	enum err err;

	if (!str_has_prefix(secret, prefix))
		return ERR_MALFORMED;
	while (word.len > 0 && word.ptr[word.len - 1] == '=')
		word.len--;
	if (word.len > sizeof(text))
		return ERR_MALFORMED;
	/* The other alphabet of base64. */
	for (size_t i = 0; i < word.len; i++)
		text[i] = word.ptr[i] == '+' ? '-' : word.ptr[i] == '/' ? '_' : word.ptr[i];
	err = crypt_base64url_decode(str_make(text, word.len), out, WEBHOOK_KEY_BYTES, out_len);
	crypt_wipe(text, sizeof(text));
	return err == OK && *out_len >= WEBHOOK_KEY_MIN ? OK : ERR_MALFORMED;
}

enum err webhook_sign(struct str secret, struct str id, int64_t wall_s, struct str body,
		      char out[static WEBHOOK_SIGNED_BYTES])
{
	uint8_t key[WEBHOOK_KEY_BYTES], digest[CRYPT_SHA256_BYTES];
	struct buf text;
	size_t key_len, len;
	enum err err = webhook_key(secret, key, &key_len);

	if (err != OK)
		return err;
	buf_init(&text, WEBHOOK_BYTES + WEBHOOK_ID_BYTES + 32);
	err = buf_printf(&text, STR_FMT ".%lld.", STR_ARG(id), (long long)wall_s);
	if (err == OK)
		err = buf_append(&text, body);
	if (err == OK) {
		crypt_hmac_sha256(str_make((const char *)key, key_len), buf_str(&text), digest);
		(void)snprintf(out, WEBHOOK_SIGNED_BYTES, "v1,");
		len = 3 + crypt_base64url_encode(digest, sizeof(digest), out + 3);
		for (size_t i = 3; i < len; i++)
			out[i] = out[i] == '-' ? '+' : out[i] == '_' ? '/' : out[i];
		(void)snprintf(out + len, WEBHOOK_SIGNED_BYTES - len, "=");
	}
	buf_fini(&text);
	crypt_wipe(key, sizeof(key));
	return err;
}

/* Queue --------------------------------------------------------------------------------- */

static void take_first(struct webhook *webhook)
{
	struct message *message = webhook->first;

	webhook->first = message->next;
	if (webhook->first == NULL)
		webhook->last = NULL;
	webhook->count--;
	free(message);
}

static void try_first(struct webhook *webhook);

static void on_timer(void *arg)
{
	try_first(arg);
}

static void fail_first(struct webhook *webhook, const char *why)
{
	struct message *message = webhook->first;
	unsigned attempt = message->attempts++;

	if (attempt < ARRAY_LEN(pauses_ms)) {
		log_warn(&webhook->log, "webhook_failed", "id=%s attempt=%u why=%s", message->id,
			 attempt + 1, why);
		webhook->stats.retried++;
		loop_timer_start(webhook->env->loop, &webhook->timer, pauses_ms[attempt], on_timer,
				 webhook);
		return;
	}
	log_error(&webhook->log, "webhook_dropped", "id=%s attempts=%u why=%s", message->id,
		  attempt + 1, why);
	webhook->stats.dropped++;
	take_first(webhook);
	try_first(webhook);
}

static void on_done(void *arg, enum err err, unsigned status, struct str body)
{
	struct webhook *webhook = arg;
	char why[32];

	(void)body;
	webhook->fetch = NULL;
	if (err == OK && status >= 200 && status < 300) {
		webhook->stats.sent++;
		take_first(webhook);
		try_first(webhook);
		return;
	}
	(void)snprintf(why, sizeof(why), "%s/%u", err_label(err), status);
	fail_first(webhook, why);
}

static void try_first(struct webhook *webhook)
{
	const struct webhook_options *options = webhook->options;
	int64_t wall_s = clock_wall_ns() / CLOCK_NS_PER_S;
	char stamp[24], signature[WEBHOOK_SIGNED_BYTES];
	struct message *message = webhook->first;
	struct diag diag = {0};
	struct str id;
	enum err err;

	if (message == NULL || webhook->fetch != NULL)
		return;
	id = str_from_c(message->id);
	(void)snprintf(stamp, sizeof(stamp), "%lld", (long long)wall_s);
	err = webhook_sign(options->secret, id, wall_s, str_make(message->body, message->len),
			   signature);
	if (err == OK) {
		const struct field fields[] = {
			{STR("webhook-id"), id, HEADER_OTHER},
			{STR("webhook-timestamp"), str_from_c(stamp), HEADER_OTHER},
			{STR("webhook-signature"), str_from_c(signature), HEADER_OTHER},
		};
		struct fetch_options fetch = {
			.url = options->url,
			.ca_file = options->ca_file,
			.allow_plain = options->allow_plain,
			.max_bytes = WEBHOOK_ANSWER,
			.timeout_ms = WEBHOOK_TIMEOUT_MS,
			.body = str_make(message->body, message->len),
			.fields = fields,
			.field_count = ARRAY_LEN(fields),
		};

		err = fetch_start(webhook->env, &fetch, &diag, on_done, webhook, &webhook->fetch);
	}
	if (err != OK)
		fail_first(webhook, err_label(err));
}

void webhook_send(struct webhook *webhook, struct str id, struct str body)
{
	struct message *message;

	ASSERT(id.len <= WEBHOOK_ID_BYTES && body.len <= WEBHOOK_BYTES);
	if (webhook->options == NULL || !str_is_set(webhook->options->url))
		return;
	if (webhook->count == WEBHOOK_QUEUE) {
		log_error(&webhook->log, "webhook_dropped", "id=" STR_FMT " why=%s", STR_ARG(id),
			  "queue_full");
		webhook->stats.dropped++;
		return;
	}
	message = base_alloc(sizeof(*message) + body.len);
	memcpy(message->id, id.ptr, id.len);
	memcpy(message->body, body.ptr, body.len);
	message->len = body.len;
	if (webhook->last != NULL)
		webhook->last->next = message;
	else
		webhook->first = message;
	webhook->last = message;
	webhook->count++;
	/* One that waits for its turn or its pause is not disturbed. */
	if (webhook->count == 1)
		try_first(webhook);
}

/* Life ------------------------------------------------------------------------------------ */

void webhook_set(struct webhook *webhook, const struct webhook_options *options)
{
	webhook->options = options;
	while (webhook->first != NULL && !str_is_set(options->url) && webhook->fetch == NULL) {
		webhook->stats.dropped++;
		take_first(webhook);
	}
	if (webhook->first == NULL)
		loop_timer_stop(&webhook->timer);
}

const struct webhook_stats *webhook_stats(const struct webhook *webhook)
{
	return &webhook->stats;
}

struct webhook *webhook_new(const struct conn_env *env, const struct log *log)
{
	struct webhook *webhook = base_alloc(sizeof(*webhook));

	webhook->env = env;
	log_init(&webhook->log, log, "webhook");
	return webhook;
}

void webhook_free(struct webhook *webhook)
{
	if (webhook == NULL)
		return;
	fetch_cancel(webhook->fetch);
	loop_timer_stop(&webhook->timer);
	while (webhook->first != NULL)
		take_first(webhook);
	free(webhook);
}
