/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/load.h"

#include <stdlib.h>

#include "base/crypt.h"
#include "base/suggest.h"
#include "gateway/config/budgets.h"
#include "gateway/config/file.h"
#include "gateway/config/issuers.h"
#include "gateway/config/keys.h"
#include "gateway/config/models.h"
#include "gateway/config/prices.h"
#include "gateway/config/warning.h"
#include "gateway/net/address.h"
#include "metering/ledger/redis_url.h"

#define LOAD_ARENA_MAX	(1U << 30)
#define LOAD_TEXT_BYTES (256U << 20) /* of one Cedar or JSON file */
#define LOAD_QUEUED	(1U << 20)

static enum err fail_memory(struct load *load, const struct config_yaml *node)
{
	return option_fail(&load->reader, ERR_LIMIT, node, "the configuration is too large");
}

/* Files ------------------------------------------------------------------------------------ */

static enum err keep_text(struct load *load, const char *path, struct str text)
{
	struct load_text *kept = arena_alloc(&load->arena, sizeof(*kept));
	uint8_t digest[CRYPT_SHA256_BYTES];

	if (kept == NULL)
		return fail_memory(load, NULL);
	*kept = (struct load_text){.file = path, .text = text, .next = load->texts};
	load->texts = kept;
	crypt_sha256(text, digest);
	if (buf_append(&load->digests, str_make((const char *)digest, sizeof(digest))) != OK)
		return fail_memory(load, NULL);
	return OK;
}

/* node: what named the file, and is blamed when it cannot be read; NULL for the main file. */
static enum err load_file(struct load *load, const struct config_yaml *node, const char *path,
			  size_t max, struct str *out)
{
	struct diag diag = {0};
	enum err err = config_file_read(&load->arena, path, max, &diag, out);

	if (err == OK)
		return keep_text(load, path, *out);
	if (node == NULL)
		return diags_add(load->all, err, &diag);
	return option_fail(&load->reader, err, node, "%s %s", diag.file, diag.text);
}

static enum err load_yaml(struct load *load, const struct config_yaml *node, const char *path,
			  struct option_reader *reader, const struct config_yaml **out)
{
	struct str text = {0};
	struct diag diag = {0};
	enum err err = load_file(load, node, path, CONFIG_YAML_BYTES, &text);

	if (err != OK)
		return err;
	*reader = (struct option_reader){
		.arena = &load->arena,
		.file = path,
		.text = text,
		.folder = option_folder(&load->arena, str_from_c(path)),
		.all = load->all,
	};
	err = config_yaml_parse(&load->arena, path, text, &diag, out);
	return err == OK ? OK : option_note(reader, err, &diag);
}

/* The value of an option that was read; never NULL for one that is set. */
static const struct config_yaml *node_of(const struct config_yaml *root, struct str section,
					 struct str name)
{
	const struct config_yaml *map = config_yaml_get(root, section);

	return map == NULL ? NULL : config_yaml_get(map, name);
}

/* Sections that stand once ------------------------------------------------------------- */

static const struct {
	struct str name;
	enum option_section section;
} singles[] = {
	{STR("gateway"), OPTION_GATEWAY}, {STR("admin"), OPTION_ADMIN},
	{STR("limits"), OPTION_LIMITS},	  {STR("identity"), OPTION_IDENTITY},
	{STR("policy"), OPTION_POLICY},	  {STR("prices"), OPTION_PRICES},
	{STR("budgets"), OPTION_BUDGETS}, {STR("ledger"), OPTION_LEDGER},
	{STR("journal"), OPTION_JOURNAL},
};

static const struct str lists[] = {STR("listeners"), STR("upstreams"), STR("models")};

static enum err check_section(struct load *load, const struct config_yaml *node)
{
	struct config_yaml at_key = {.line = node->key_line, .column = node->key_column};
	struct suggest suggest = {.word = node->key};

	for (size_t i = 0; i < ARRAY_LEN(singles); i++) {
		if (str_eq(singles[i].name, node->key))
			return OK;
		suggest_try(&suggest, singles[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (str_eq(lists[i], node->key))
			return OK;
		suggest_try(&suggest, lists[i]);
	}
	if (str_is_set(suggest.best))
		return option_fail(&load->reader, ERR_MALFORMED, &at_key,
				   "there is no section \"" STR_FMT "\"; did you mean \"" STR_FMT
				   "\"?",
				   STR_ARG(node->key), STR_ARG(suggest.best));
	return option_fail(&load->reader, ERR_MALFORMED, &at_key,
			   "there is no section \"" STR_FMT
			   "\"; there are gateway, listeners, admin, limits, identity, policy, "
			   "prices, budgets, ledger, journal, upstreams and models",
			   STR_ARG(node->key));
}

static enum err load_singles(struct load *load, const struct config_yaml *root)
{
	enum err err = OK;

	if (root->kind != CONFIG_YAML_MAP)
		return option_fail(&load->reader, ERR_MALFORMED, root,
				   "the file must be a map of sections, not %s",
				   config_yaml_kind_name(root->kind));
	for (const struct config_yaml *node = root->first; node != NULL; node = node->next)
		err = option_both(err, check_section(load, node));
	for (size_t i = 0; i < ARRAY_LEN(singles); i++)
		err = option_both(err,
				  option_read(&load->reader, singles[i].section,
					      config_yaml_get(root, singles[i].name), &load->raw));
	return err;
}

/* Lists ------------------------------------------------------------------------------------ */

static enum err list_of(struct load *load, const struct config_yaml *root, struct str name,
			const struct config_yaml **out)
{
	const struct config_yaml *list = config_yaml_get(root, name);

	if (list == NULL || config_yaml_is_null(list))
		return option_fail(&load->reader, ERR_MALFORMED, list,
				   "the list \"" STR_FMT "\" is missing or has no entry",
				   STR_ARG(name));
	if (list->kind != CONFIG_YAML_LIST)
		return option_fail(&load->reader, ERR_MALFORMED, list,
				   STR_FMT " must be a list, not %s", STR_ARG(name),
				   config_yaml_kind_name(list->kind));
	*out = list;
	return OK;
}

static enum err check_address(struct load *load, const struct config_yaml *section,
			      struct str address)
{
	union address parsed;

	if (address_parse(address, &parsed) == OK)
		return OK;
	return option_fail(&load->reader, ERR_MALFORMED, config_yaml_get(section, STR("address")),
			   "address: \"" STR_FMT
			   "\" is not an IP address with a port, such as 0.0.0.0:8080 or [::]:8080",
			   STR_ARG(address));
}

static enum err load_listener(struct load *load, const struct config_yaml *node,
			      struct config_raw_listener *raw, struct config_listener *out)
{
	enum err err = option_read(&load->reader, OPTION_LISTENER, node, raw);
	const struct config_yaml *tls;

	if (err == OK)
		err = check_address(load, node, raw->address);
	if (err != OK)
		return err;
	tls = config_yaml_get(node, STR("tls"));
	if (str_is_set(raw->certificate) != str_is_set(raw->key))
		return option_fail(&load->reader, ERR_MALFORMED, tls,
				   "tls needs both certificate and key");
	if (str_is_set(raw->client_ca) && !str_is_set(raw->certificate))
		return option_fail(&load->reader, ERR_MALFORMED, tls,
				   "tls.client_ca needs certificate and key");
	if (raw->is_client_required && !str_is_set(raw->client_ca))
		return option_fail(&load->reader, ERR_MALFORMED, tls,
				   "tls.client_required needs client_ca");
	out->address = raw->address;
	out->has_tls = str_is_set(raw->certificate);
	out->tls = (struct tls_server_options){
		.certificate_file = raw->certificate,
		.key_file = raw->key,
		.client_ca_file = raw->client_ca,
		.client_required = raw->is_client_required,
	};
	return OK;
}

static enum err load_listeners(struct load *load, const struct config_yaml *root)
{
	struct config *config = &load->config;
	const struct config_yaml *list;
	enum err err = list_of(load, root, STR("listeners"), &list);

	if (err == OK && (list->count == 0 || list->count > CONFIG_LISTENERS))
		err = option_fail(&load->reader, ERR_LIMIT, list,
				  "listeners must have 1 to %d entries", CONFIG_LISTENERS);
	for (const struct config_yaml *node = err == OK ? list->first : NULL; node != NULL;
	     node = node->next) {
		size_t i = config->listener_count++;

		err = option_both(
			err, load_listener(load, node, &load->listeners[i], &config->listeners[i]));
	}
	return err;
}

static enum err load_routes(struct load *load, const struct config_yaml *root)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	struct config_upstreams upstreams = {0};
	struct config_models models = {0};
	const struct config_yaml *list;
	enum err upstreams_err = list_of(load, root, STR("upstreams"), &list), models_err;

	if (upstreams_err == OK)
		upstreams_err = config_upstreams_read(&load->reader, list, &upstreams);
	/* Kept even so: credentials are wiped from there. */
	snapshot->upstreams = upstreams.items;
	snapshot->upstream_count = upstreams.count;
	models_err = list_of(load, root, STR("models"), &list);
	if (models_err == OK)
		models_err = config_models_read(&load->reader, list, &models);
	snapshot->models = models.items;
	snapshot->model_count = models.count;
	return option_both(upstreams_err, models_err);
}

/* Files that are named ------------------------------------------------------------------- */

static enum err load_keys(struct load *load, const struct config_yaml *root)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	const struct config_yaml *document;
	struct option_reader reader;
	enum err err;

	if (!str_is_set(load->raw.keys_file))
		return OK;
	snapshot->keys_file = load->raw.keys_file.ptr;
	err = load_yaml(load, node_of(root, STR("identity"), STR("keys")), snapshot->keys_file,
			&reader, &document);
	return err != OK
		       ? err
		       : config_keys_read(&reader, document, &snapshot->keys, &snapshot->key_count);
}

static enum err load_issuers(struct load *load)
{
	struct config *config = &load->config;
	struct config_issuers issuers = {0};
	enum err err = config_issuers_read(&load->reader, load->raw.issuers, &issuers);

	config->snapshot.issuers = issuers.items;
	config->snapshot.issuer_count = issuers.count;
	config->key_sources = issuers.sources;
	config->key_source_count = issuers.count;
	return err;
}

static enum err load_prices(struct load *load, const struct config_yaml *root)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	const struct config_yaml *document;
	struct option_reader reader;
	enum err err;

	snapshot->allow_unpriced = load->raw.unpriced == 1;
	snapshot->prices_file = "";
	if (!str_is_set(load->raw.prices_file))
		return OK;
	snapshot->prices_file = load->raw.prices_file.ptr;
	err = load_yaml(load, node_of(root, STR("prices"), STR("file")), snapshot->prices_file,
			&reader, &document);
	return err != OK ? err
			 : config_prices_read(&reader, document, &snapshot->prices,
					      &snapshot->price_count);
}

static enum err load_budgets(struct load *load, const struct config_yaml *root)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	const struct config_yaml *document;
	struct option_reader reader;
	enum err err;

	snapshot->budgets_file = "";
	snapshot->budget_headers = load->raw.budget_headers;
	if (!str_is_set(load->raw.budgets_file))
		return OK;
	snapshot->budgets_file = load->raw.budgets_file.ptr;
	err = load_yaml(load, node_of(root, STR("budgets"), STR("file")), snapshot->budgets_file,
			&reader, &document);
	return err != OK ? err
			 : config_budgets_read(&reader, document, &snapshot->budgets,
					       &snapshot->budget_count);
}

static enum err check_webhook(struct load *load, const struct config_yaml *root)
{
	const struct config_yaml *node = node_of(root, STR("budgets"), STR("webhook"));
	struct webhook_options *webhook = &load->config.webhook;
	uint8_t key[WEBHOOK_KEY_BYTES];
	size_t len;
	enum err err;

	*webhook = (struct webhook_options){
		.url = load->raw.webhook_url,
		.secret = load->raw.webhook_secret,
		.ca_file = load->raw.webhook_ca,
		.allow_plain = load->raw.webhook_allow_plain,
	};
	if (str_is_set(webhook->url) != str_is_set(webhook->secret))
		return option_fail_secret(&load->reader, ERR_MALFORMED, node,
					  "webhook needs both url and secret");
	if (!str_is_set(webhook->url))
		return OK;
	if (!str_has_prefix(webhook->url, STR("https://")) &&
	    !(webhook->allow_plain && str_has_prefix(webhook->url, STR("http://"))))
		return option_fail_secret(&load->reader, ERR_MALFORMED, node,
					  "webhook.url must begin with https://");
	err = webhook_key(webhook->secret, key, &len);
	crypt_wipe(key, sizeof(key));
	return err == OK ? OK
			 : option_fail_secret(&load->reader, err, node,
					      "webhook.secret must be whsec_ and base64 of 24 to "
					      "64 bytes");
}

static enum err load_source(struct load *load, const struct config_yaml *node, struct str path,
			    struct policy_source *out)
{
	if (!str_is_set(path))
		return OK;
	out->file = path.ptr;
	out->format = str_has_suffix(path, STR(".json")) ? POLICY_FORMAT_JSON : POLICY_FORMAT_TEXT;
	return load_file(load, node, path.ptr, LOAD_TEXT_BYTES, &out->text);
}

/* Two patterns may find the same file; its policies stand once. */
static bool is_loaded(const struct snapshot_options *snapshot, const char *path)
{
	for (size_t i = 0; i < snapshot->policy_count; i++)
		if (str_eq(str_from_c(snapshot->policies[i].file), str_from_c(path)))
			return true;
	return false;
}

static enum err load_pattern(struct load *load, const struct config_yaml *node, struct str pattern,
			     struct policy_source *sources)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	const char *paths[CONFIG_FILE_MATCHES];
	struct diag diag = {0};
	size_t count = 0;
	enum err err =
		config_file_match(&load->arena, load->reader.folder, pattern, &diag, paths, &count);

	if (err != OK)
		return option_fail(&load->reader, err, node, "files: %s: %s", diag.file, diag.text);
	for (size_t i = 0; i < count; i++) {
		if (is_loaded(snapshot, paths[i]))
			continue;
		err = option_both(err, load_source(load, node, str_from_c(paths[i]),
						   &sources[snapshot->policy_count]));
		snapshot->policy_count++;
	}
	return err;
}

static enum err load_policies(struct load *load, const struct config_yaml *root)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	const struct str_list *patterns = &load->raw.policy_files;
	const struct config_yaml *node = node_of(root, STR("policy"), STR("files"));
	struct policy_source *sources =
		arena_array(&load->arena, patterns->count * CONFIG_FILE_MATCHES, sizeof(*sources));
	enum err err = OK;

	if (sources == NULL)
		return fail_memory(load, node);
	snapshot->policies = sources;
	snapshot->policy_level = (unsigned)load->raw.policy_level;
	/* The node of each entry, when they stand in a list. */
	if (node != NULL && node->kind == CONFIG_YAML_LIST)
		node = node->first;
	for (size_t i = 0; i < patterns->count; i++, node = node->next)
		err = option_both(err, load_pattern(load, node, patterns->items[i], sources));
	err = option_both(err, load_source(load, node_of(root, STR("policy"), STR("schema")),
					   load->raw.schema_file, &snapshot->schema));
	return option_both(err, load_source(load, node_of(root, STR("policy"), STR("entities")),
					    load->raw.entities_file, &snapshot->entities));
}

/* The rest --------------------------------------------------------------------------------- */

/* "+01:00", "-03:30". */
static enum err parse_offset(struct load *load, const struct config_yaml *root, int64_t *out_ms)
{
	struct str text = load->raw.utc_offset;
	uint64_t hours = 0, minutes = 0;

	if (text.len != 6 || text.ptr[3] != ':' || (text.ptr[0] != '+' && text.ptr[0] != '-') ||
	    str_to_u64(str_sub(text, 1, 2), &hours) != OK ||
	    str_to_u64(str_sub(text, 4, 2), &minutes) != OK || hours > 14 || minutes > 59)
		return option_fail(&load->reader, ERR_MALFORMED,
				   node_of(root, STR("gateway"), STR("utc_offset")),
				   "utc_offset: \"" STR_FMT "\" is not an offset such as +01:00",
				   STR_ARG(text));
	*out_ms = (int64_t)(hours * 60 + minutes) * 60000;
	if (text.ptr[0] == '-')
		*out_ms = -*out_ms;
	return OK;
}

static void fill_process(struct load *load)
{
	const struct config_raw *raw = &load->raw;
	struct config *config = &load->config;

	config->gateway_id = raw->gateway_id;
	config->state = raw->state.ptr;
	config->workers = (unsigned)raw->workers;
	config->drain_timeout_ms = raw->drain_timeout_ms;
	config->log_level = (enum level)raw->log_level;
	config->admin_address = raw->admin_address;
	config->connections = raw->connections;
	config->token_cache = (size_t)raw->token_cache;
	config->session = (struct session_options){
		.limits = h1_default_limits,
		.head_timeout_ms = raw->head_timeout_ms,
		.idle_timeout_ms = raw->idle_timeout_ms,
		.body_timeout_ms = raw->body_timeout_ms,
		.write_stall_ms = raw->write_stall_ms,
		.max_queued_bytes = LOAD_QUEUED,
	};
	config->session.limits.head_bytes = (size_t)raw->head_bytes;
	/* The proxy itself counts bodies, so that it can answer in the caller's dialect. */
	config->session.limits.body_bytes = UINT64_MAX;
	config->snapshot.gateway_id = raw->gateway_id;
	config->snapshot.body_bytes = raw->body_bytes;
	config->snapshot.ignore_forbid_errors = raw->on_forbid_error == 1;
}

static void fill_stores(struct load *load)
{
	const struct config_raw *raw = &load->raw;
	struct config *config = &load->config;

	config->journal = (struct journal_options){
		.state = raw->state.ptr,
		.gateway = raw->gateway_id,
		.durability = raw->durability == 1 ? JOURNAL_RELAXED : JOURNAL_STRICT,
		.keep_s = (raw->journal_keep_ms + 999) / 1000,
		.segment_bytes = (uint32_t)raw->journal_segment,
	};
	config->ledger = (struct ledger_options){
		.store = raw->store == 1 ? LEDGER_REDIS : LEDGER_SQLITE,
		.state = raw->state.ptr,
		.gateway = raw->gateway_id.ptr,
		.interval_ms = raw->ledger_interval_ms,
		.redis =
			{
				.url = raw->redis_url.ptr,
				.user = raw->redis_user.ptr,
				.password = raw->redis_password.ptr,
				.socket = raw->redis_socket.ptr,
				.timeout_ms = raw->redis_timeout_ms,
			},
	};
}

/* "redis://user:word@host": a secret that stands in the file. */
static bool has_password(struct str url)
{
	struct str login = url;

	while (login.len > 0 && login.ptr[login.len - 1] != '@')
		login.len--;
	return str_has_prefix(url, STR("redis://")) && login.len > 8 &&
	       str_index(str_sub(login, 8, login.len), ':') < login.len - 8;
}

static enum err check_ledger(struct load *load, const struct config_yaml *root)
{
	const struct config_yaml *node = node_of(root, STR("ledger"), STR("redis"));
	struct ledger_redis_url url;
	struct diag diag = {0};
	enum err err = OK;

	if (load->raw.store != 1)
		return OK;
	if (str_is_set(load->raw.redis_url) && has_password(load->raw.redis_url))
		return option_fail_secret(&load->reader, ERR_MALFORMED, node,
					  "redis.url: a password must not stand in this file; use "
					  "redis.user and redis.password");
	err = ledger_redis_url_parse(&load->config.ledger.redis, &diag, &url);
	crypt_wipe(&url, sizeof(url));
	if (err == OK)
		return OK;
	if (node == NULL)
		node = node_of(root, STR("ledger"), STR("store"));
	return option_fail(&load->reader, err, node, "%s", diag.text);
}

static void set_hash(struct load *load)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[2 * CRYPT_SHA256_BYTES + 1];

	crypt_sha256(buf_str(&load->digests), digest);
	crypt_hex(digest, sizeof(digest), hex);
	load->config.hash = arena_str(&load->arena, str_make(hex, sizeof(hex) - 1));
	load->config.snapshot.config_hash = load->config.hash;
}

/* Every section is read whatever became of the others, so that all faults are told at once. */
static enum err load_sections(struct load *load, const struct config_yaml *root)
{
	enum err err = load_singles(load, root);
	bool has_singles = err == OK;

	if (root->kind != CONFIG_YAML_MAP)
		return err;
	if (has_singles)
		err = parse_offset(load, root, &load->config.snapshot.utc_offset_ms);
	if (str_is_set(load->raw.admin_address))
		err = option_both(err, check_address(load, config_yaml_get(root, STR("admin")),
						     load->raw.admin_address));
	err = option_both(err, load_listeners(load, root));
	err = option_both(err, load_routes(load, root));
	err = option_both(err, load_keys(load, root));
	err = option_both(err, load_issuers(load));
	err = option_both(err, load_prices(load, root));
	err = option_both(err, load_budgets(load, root));
	if (has_singles)
		err = option_both(err, check_webhook(load, root));
	err = option_both(err, load_policies(load, root));
	if (!has_singles)
		return err;
	fill_process(load);
	fill_stores(load);
	return option_both(err, check_ledger(load, root));
}

/* No snapshot will be made, which would check them. */
static void check_rules(struct load *load)
{
	struct rulebook_options options = snapshot_rulebook_options(&load->config.snapshot);
	struct rulebook book;

	if (options.policy_count > 0 && str_is_set(options.schema.text) &&
	    rulebook_load(&options, load->all, NULL, &book) == OK)
		rulebook_fini(&book);
}

static enum err load_all(struct load *load, const char *file)
{
	const struct config_yaml *root;
	enum err err = load_yaml(load, NULL, file, &load->reader, &root);

	if (err != OK)
		return err;
	err = load_sections(load, root);
	if (err == OK && arena_has_overflowed(&load->arena))
		err = fail_memory(load, NULL);
	if (err != OK && !arena_has_overflowed(&load->arena))
		check_rules(load);
	if (err == OK)
		set_hash(load);
	return err;
}

enum err config_load_all(const char *file, struct diags *all, struct config **out)
{
	struct load *load = base_alloc(sizeof(*load));
	enum err err;

	load->all = load->reader.all = all;
	arena_init(&load->arena, 65536, LOAD_ARENA_MAX);
	buf_init(&load->digests, LOAD_ARENA_MAX);
	load->config.file = arena_str(&load->arena, str_from_c(file)).ptr;
	err = load_all(load, load->config.file);
	buf_fini(&load->digests);
	if (err != OK) {
		config_free(&load->config);
		return err;
	}
	load->all = load->reader.all = NULL;
	config_warn(&load->config);
	*out = &load->config;
	return OK;
}

enum err config_load(const char *file, struct diag *diag, struct config **out)
{
	struct diags all;
	enum err err;

	diags_init(&all, CONFIG_FAULTS);
	err = config_load_all(file, &all, out);
	(void)diags_first(&all, diag);
	diags_fini(&all);
	return err;
}

static void wipe(struct str secret)
{
	if (secret.len > 0)
		crypt_wipe((void *)(uintptr_t)secret.ptr, secret.len);
}

void config_free(struct config *config)
{
	struct load *load = (struct load *)config;

	if (config == NULL)
		return;
	for (size_t i = 0; i < config->snapshot.upstream_count; i++)
		wipe(config->snapshot.upstreams[i].credential_value);
	wipe(load->raw.redis_password);
	wipe(load->raw.webhook_secret);
	for (size_t i = 0; i < config->snapshot.issuer_count; i++)
		jwks_unref(config->snapshot.issuers[i].keys);
	arena_fini(&load->arena);
	free(load);
}
