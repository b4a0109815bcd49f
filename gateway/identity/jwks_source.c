/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/jwks_source.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "gateway/http/fetch.h"

#define REFRESH_MS	(60 * 60 * 1000LL)
#define MIN_INTERVAL_MS (30 * 1000LL)
#define MAX_STALE_MS	(24 * 60 * 60 * 1000LL)
#define TIMEOUT_MS	(10 * 1000LL)
#define BACKOFF_MIN_MS	1000LL
#define BACKOFF_MAX_MS	(5 * 60 * 1000LL)

struct jwks_source {
	const struct conn_env *env;
	const struct log *log;
	struct jwks_source_options options; /* texts are copies with a NUL behind */
	jwks_keys_fn on_keys;
	void *arg;
	struct loop_timer timer;
	struct fetch *fetch;
	bool is_fetching;
	struct jwks *keys; /* NULL: none, or withdrawn */
	int64_t started_ns;
	int64_t succeeded_ns; /* of keys; both by the loop's monotonic clock */
	unsigned failures;    /* in a row */
	struct jwks_source_stat stat;
};

static void read_now(struct jwks_source *source);

static void on_due(void *arg)
{
	read_now(arg);
}

static void schedule(struct jwks_source *source, int64_t delay_ms)
{
	loop_timer_start(source->env->loop, &source->timer, delay_ms, on_due, source);
}

/* Takes keys over. The same document again changes nothing for anybody. */
static void take_keys(struct jwks_source *source, struct jwks *keys)
{
	bool is_same = source->keys != NULL && crypt_equal(jwks_digest(source->keys),
							   jwks_digest(keys), CRYPT_SHA256_BYTES);

	source->failures = 0;
	source->succeeded_ns = loop_now_ns(source->env->loop);
	source->stat.last_success_ns = loop_wall_ns(source->env->loop);
	schedule(source, source->options.refresh_ms);
	if (is_same) {
		jwks_unref(keys);
		return;
	}
	jwks_unref(source->keys);
	source->keys = keys;
	log_info(source->log, "jwks_changed", "issuer=%zu keys=%zu", source->options.issuer,
		 jwks_count(keys));
	source->on_keys(source->arg, source->options.issuer, keys);
}

static bool is_too_stale(const struct jwks_source *source)
{
	int64_t age_ns = loop_now_ns(source->env->loop) - source->succeeded_ns;

	return source->keys != NULL && age_ns / CLOCK_NS_PER_MS >= source->options.max_stale_ms;
}

static void fail(struct jwks_source *source, const struct diag *diag)
{
	int64_t delay_ms = BACKOFF_MIN_MS << MIN(source->failures, 10U);
	char quoted[128];

	source->failures++;
	source->stat.failures++;
	log_warn(source->log, "jwks_failed", "issuer=%zu failures=%u keeping=%zu why=%s",
		 source->options.issuer, source->failures,
		 source->keys == NULL ? 0 : jwks_count(source->keys),
		 log_quote(str_from_c(diag->text), quoted, sizeof(quoted)));
	schedule(source, MIN(delay_ms, BACKOFF_MAX_MS));
	if (!is_too_stale(source))
		return;
	log_error(source->log, "jwks_withdrawn", "issuer=%zu", source->options.issuer);
	jwks_unref(source->keys);
	source->keys = NULL;
	source->on_keys(source->arg, source->options.issuer, NULL);
}

static void on_fetched(void *arg, enum err err, unsigned status, struct str body)
{
	struct jwks_source *source = arg;
	struct jwks *keys = NULL;
	struct diag diag = {0};

	source->fetch = NULL;
	source->is_fetching = false;
	if (err != OK)
		(void)diag_set(&diag, err, "", 0, 0, "fetch failed: %s", err_label(err));
	else if (status != 200)
		err = diag_set(&diag, ERR_UPSTREAM, "", 0, 0, "answered with status %u", status);
	else
		err = jwks_parse(body, source->options.algorithms, source->options.url.ptr, &diag,
				 &keys);
	if (err == OK)
		take_keys(source, keys);
	else
		fail(source, &diag);
}

static void fetch_now(struct jwks_source *source)
{
	const struct fetch_options options = {
		.url = source->options.url,
		.ca_file = source->options.ca_file,
		.allow_plain = source->options.allow_plain,
		.max_bytes = JWKS_BYTES,
		.timeout_ms = TIMEOUT_MS,
	};
	struct fetch *fetch = NULL;
	struct diag diag = {0};

	source->is_fetching = true;
	if (fetch_start(source->env, &options, &diag, on_fetched, source, &fetch) != OK) {
		source->is_fetching = false;
		fail(source, &diag);
		return;
	}
	/* It may be over already. */
	source->fetch = source->is_fetching ? fetch : NULL;
}

static void read_file(struct jwks_source *source)
{
	struct jwks *keys = NULL;
	struct diag diag = {0};

	if (jwks_load(source->options.file.ptr, source->options.algorithms, &diag, &keys) == OK)
		take_keys(source, keys);
	else
		fail(source, &diag);
}

static void read_now(struct jwks_source *source)
{
	ASSERT(!source->is_fetching);
	loop_timer_stop(&source->timer);
	source->started_ns = loop_now_ns(source->env->loop);
	source->stat.fetches++;
	if (str_is_set(source->options.file))
		read_file(source);
	else
		fetch_now(source);
}

/* Unset stays unset. */
static struct str copy_text(struct str text)
{
	char *copy;

	if (!str_is_set(text))
		return text;
	copy = base_alloc(text.len + 1);
	memcpy(copy, text.ptr, text.len);
	return str_make(copy, text.len);
}

static void free_text(struct str text)
{
	free((void *)(uintptr_t)text.ptr);
}

static int64_t or_usual(int64_t value_ms, int64_t usual_ms)
{
	return value_ms > 0 ? value_ms : usual_ms;
}

enum err jwks_source_new(const struct conn_env *env, const struct log *log,
			 const struct jwks_source_options *options, struct jwks *initial,
			 jwks_keys_fn on_keys, void *arg, struct jwks_source **out)
{
	struct jwks_source *source;

	if (str_is_set(options->file) == str_is_set(options->url))
		return ERR_MALFORMED;
	source = base_alloc(sizeof(*source));
	source->env = env;
	source->log = log;
	source->options = *options;
	source->options.file = copy_text(options->file);
	source->options.url = copy_text(options->url);
	source->options.ca_file = copy_text(options->ca_file);
	source->options.refresh_ms = or_usual(options->refresh_ms, REFRESH_MS);
	source->options.min_interval_ms = or_usual(options->min_interval_ms, MIN_INTERVAL_MS);
	source->options.max_stale_ms = or_usual(options->max_stale_ms, MAX_STALE_MS);
	source->on_keys = on_keys;
	source->arg = arg;
	*out = source;
	if (initial == NULL) {
		read_now(source);
		return OK;
	}
	source->keys = jwks_ref(initial);
	source->started_ns = loop_now_ns(env->loop);
	source->succeeded_ns =
		options->succeeded_ns == 0 ? source->started_ns : options->succeeded_ns;
	source->stat.last_success_ns = loop_wall_ns(env->loop);
	schedule(source, source->options.refresh_ms);
	return OK;
}

void jwks_source_free(struct jwks_source *source)
{
	if (source == NULL)
		return;
	loop_timer_stop(&source->timer);
	if (source->is_fetching)
		fetch_cancel(source->fetch);
	jwks_unref(source->keys);
	free_text(source->options.file);
	free_text(source->options.url);
	free_text(source->options.ca_file);
	free(source);
}

void jwks_source_refresh(struct jwks_source *source)
{
	if (!source->is_fetching)
		read_now(source);
}

void jwks_source_want(struct jwks_source *source)
{
	int64_t since_ms = (loop_now_ns(source->env->loop) - source->started_ns) / CLOCK_NS_PER_MS;

	/* One at a time; and after a failure the back-off has the word. */
	if (source->is_fetching || source->failures > 0)
		return;
	if (since_ms >= source->options.min_interval_ms)
		read_now(source);
	else
		schedule(source, MIN(source->options.min_interval_ms - since_ms,
				     source->options.refresh_ms));
}

struct jwks_source_stat jwks_source_read_stat(const struct jwks_source *source)
{
	struct jwks_source_stat stat = source->stat;

	stat.succeeded_ns = source->succeeded_ns;
	return stat;
}
