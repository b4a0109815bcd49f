/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/crypt.h"
#include "gateway/config/config.h"
#include "gateway/config/file.h"
#include "gateway/config/keys.h"
#include "gateway/config/options.h"
#include "gateway/config/prices.h"
#include "metering/usage/usage.h"

#define LOAD_ARENA_MAX	(1U << 30)
#define LOAD_TEXT_BYTES (256U << 20) /* of one Cedar or JSON file */
#define LOAD_QUEUED	(1U << 20)

/* The arena and what was read go with the configuration. */
struct load {
	struct config config; /* first: config_free gets a pointer to it */
	struct arena arena;
	struct config_raw raw;
	struct option_reader reader; /* of the main file */
	struct diag *diag;
	struct buf digests; /* SHA-256 of every file, in the order of reading */
};

static enum err load_file(struct load *load, const char *path, size_t max, struct str *out)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	enum err err = config_file_read(&load->arena, path, max, load->diag, out);

	if (err != OK)
		return err;
	crypt_sha256(*out, digest);
	return buf_append(&load->digests, str_make((const char *)digest, sizeof(digest)));
}

/* The folder that a file's relative paths are taken from. */
static struct str folder_of(struct arena *arena, struct str path)
{
	while (path.len > 0 && path.ptr[path.len - 1] != '/')
		path.len--;
	return path.len > 1 ? arena_str(arena, str_sub(path, 0, path.len - 1)) : path;
}

static enum err load_yaml(struct load *load, const char *path, struct option_reader *reader,
			  const struct config_yaml **out)
{
	*reader = (struct option_reader){
		.arena = &load->arena,
		.file = path,
		.folder = folder_of(&load->arena, str_from_c(path)),
		.diag = load->diag,
	};
	if (load_file(load, path, CONFIG_YAML_BYTES, &reader->text) != OK)
		return ERR_IO;
	return config_yaml_parse(&load->arena, path, reader->text, load->diag, out);
}

/* Sections that stand once ------------------------------------------------------------- */

static const struct {
	struct str name;
	enum option_section section;
} singles[] = {
	{STR("gateway"), OPTION_GATEWAY}, {STR("admin"), OPTION_ADMIN},
	{STR("limits"), OPTION_LIMITS},	  {STR("identity"), OPTION_IDENTITY},
	{STR("policy"), OPTION_POLICY},	  {STR("prices"), OPTION_PRICES},
	{STR("ledger"), OPTION_LEDGER},	  {STR("journal"), OPTION_JOURNAL},
};

static const struct str lists[] = {STR("listeners"), STR("upstreams"), STR("models")};

static enum err check_sections(struct load *load, const struct config_yaml *root)
{
	for (const struct config_yaml *node = root->first; node != NULL; node = node->next) {
		struct config_yaml at_key = {.line = node->key_line, .column = node->key_column};
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_LEN(singles); i++)
			is_known |= str_eq(singles[i].name, node->key);
		for (size_t i = 0; i < ARRAY_LEN(lists); i++)
			is_known |= str_eq(lists[i], node->key);
		if (!is_known)
			return option_fail(&load->reader, ERR_MALFORMED, &at_key,
					   "there is no section \"" STR_FMT
					   "\"; there are gateway, listeners, admin, limits, "
					   "identity, policy, prices, ledger, journal, upstreams "
					   "and models",
					   STR_ARG(node->key));
	}
	return OK;
}

static enum err load_singles(struct load *load, const struct config_yaml *root)
{
	enum err err = root->kind == CONFIG_YAML_MAP
			       ? check_sections(load, root)
			       : option_fail(&load->reader, ERR_MALFORMED, root,
					     "the file must be a map of sections");

	for (size_t i = 0; err == OK && i < ARRAY_LEN(singles); i++)
		err = option_read(&load->reader, singles[i].section,
				  config_yaml_get(root, singles[i].name), &load->raw);
	return err;
}

/* Lists ------------------------------------------------------------------------------------ */

static enum err list_of(struct load *load, const struct config_yaml *root, struct str name,
			const struct config_yaml **out)
{
	*out = config_yaml_get(root, name);
	if (*out == NULL)
		return option_fail(&load->reader, ERR_MALFORMED, root,
				   "the list \"" STR_FMT "\" is missing", STR_ARG(name));
	if ((*out)->kind != CONFIG_YAML_LIST)
		return option_fail(&load->reader, ERR_MALFORMED, *out,
				   STR_FMT " must be a list, not %s", STR_ARG(name),
				   config_yaml_kind_name((*out)->kind));
	return OK;
}

static enum err load_listeners(struct load *load, const struct config_yaml *root)
{
	const struct config_yaml *list;
	enum err err = list_of(load, root, STR("listeners"), &list);

	if (err == OK && list->count > CONFIG_LISTENERS)
		err = option_fail(&load->reader, ERR_LIMIT, list, "more than %d listeners",
				  CONFIG_LISTENERS);
	for (const struct config_yaml *node = err == OK ? list->first : NULL;
	     err == OK && node != NULL; node = node->next) {
		struct config_raw_listener raw = {0};
		struct config_listener *out =
			&load->config.listeners[load->config.listener_count++];

		err = option_read(&load->reader, OPTION_LISTENER, node, &raw);
		out->address = raw.address;
		out->has_tls = str_is_set(raw.certificate) || str_is_set(raw.key);
		out->tls.certificate_file = raw.certificate;
		out->tls.key_file = raw.key;
		out->tls.client_ca_file = raw.client_ca;
		out->tls.client_required = raw.is_client_required;
		if (err == OK && out->has_tls &&
		    (!str_is_set(raw.certificate) || !str_is_set(raw.key)))
			err = option_fail(&load->reader, ERR_MALFORMED, node,
					  "tls needs both certificate and key");
	}
	return err;
}

static enum err load_upstreams(struct load *load, const struct config_yaml *root)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	struct upstream_options *upstreams;
	const struct config_yaml *list;
	enum err err = list_of(load, root, STR("upstreams"), &list);

	if (err != OK)
		return err;
	upstreams = arena_array(&load->arena, list->count, sizeof(*upstreams));
	if (upstreams == NULL)
		return ERR_LIMIT;
	snapshot->upstreams = upstreams;
	for (const struct config_yaml *node = list->first; err == OK && node != NULL;
	     node = node->next) {
		struct upstream_options *own = &upstreams[snapshot->upstream_count++];

		err = option_read(&load->reader, OPTION_UPSTREAM, node, own);
		if (err == OK &&
		    str_is_set(own->credential_header) != str_is_set(own->credential_value))
			err = option_fail(&load->reader, ERR_MALFORMED, node,
					  "credential needs both header and value");
		for (size_t i = 0; err == OK && i + 1 < snapshot->upstream_count; i++)
			if (str_eq(upstreams[i].name, own->name))
				err = option_fail(&load->reader, ERR_CONFLICT, node,
						  "another upstream has the name \"" STR_FMT "\"",
						  STR_ARG(own->name));
	}
	return err;
}

static enum err load_models(struct load *load, const struct config_yaml *root)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	struct model_options *models;
	const struct config_yaml *list;
	enum err err = list_of(load, root, STR("models"), &list);

	if (err != OK)
		return err;
	models = arena_array(&load->arena, list->count, sizeof(*models));
	if (models == NULL)
		return ERR_LIMIT;
	snapshot->models = models;
	for (const struct config_yaml *node = list->first; err == OK && node != NULL;
	     node = node->next) {
		struct model_options *own = &models[snapshot->model_count++];

		own->line = node->line;
		own->column = node->column;
		err = option_read(&load->reader, OPTION_MODEL, node, own);
		if (err == OK && own->region_count == 0 && str_is_set(own->region)) {
			own->regions = &own->region;
			own->region_count = 1;
		}
	}
	return err;
}

/* Identity ------------------------------------------------------------------------------------ */

static enum err issuer_algorithms(struct load *load, const struct config_yaml *node,
				  const struct config_raw_issuer *raw, struct issuer *out)
{
	for (size_t i = 0; i < raw->algorithms.count; i++) {
		enum jws_alg alg;

		if (jws_alg_from_str(raw->algorithms.items[i], &alg) != OK)
			return option_fail(&load->reader, ERR_MALFORMED, node,
					   "algorithms: \"" STR_FMT "\" is not one we verify",
					   STR_ARG(raw->algorithms.items[i]));
		out->algorithms |= JWS_ALG_BIT(alg);
	}
	return OK;
}

static enum err issuer_attributes(struct load *load, const struct config_raw_issuer *raw,
				  struct issuer *out)
{
	const struct config_yaml *map = raw->attributes;
	struct claim_attribute *attributes;

	if (map == NULL)
		return OK;
	attributes = arena_array(&load->arena, map->count, sizeof(*attributes));
	if (attributes == NULL)
		return ERR_LIMIT;
	out->claims.attributes = attributes;
	for (const struct config_yaml *node = map->first; node != NULL; node = node->next) {
		if (node->kind != CONFIG_YAML_SCALAR)
			return option_fail(&load->reader, ERR_MALFORMED, node,
					   "an attribute must name one claim");
		attributes[out->claims.attribute_count++] =
			(struct claim_attribute){node->key, node->text};
	}
	return OK;
}

static enum err issuer_keys(struct load *load, const struct config_yaml *node, size_t index,
			    const struct config_raw_issuer *raw, struct issuer *out,
			    struct jwks_source_options *source)
{
	if (str_is_set(raw->file) == str_is_set(raw->url))
		return option_fail(&load->reader, ERR_MALFORMED, node,
				   "jwks needs either file or url");
	*source = (struct jwks_source_options){
		.issuer = index,
		.file = raw->file,
		.url = raw->url,
		.ca_file = raw->ca,
		.allow_plain = raw->allow_plain,
		.algorithms = out->algorithms,
		.refresh_ms = raw->refresh_ms,
	};
	if (str_is_set(raw->url)) {
		bool is_plain = str_has_prefix(raw->url, STR("http://"));

		if (!str_has_prefix(raw->url, STR("https://")) && !(is_plain && raw->allow_plain))
			return option_fail(&load->reader, ERR_MALFORMED, node,
					   "jwks.url must begin with https://");
		return OK;
	}
	return jwks_load(raw->file.ptr, out->algorithms, load->diag, &out->keys);
}

static enum err load_issuer(struct load *load, const struct config_yaml *node, size_t index,
			    struct issuer *out, struct jwks_source_options *source)
{
	struct config_raw_issuer raw = {0};
	enum err err = option_read(&load->reader, OPTION_ISSUER, node, &raw);

	if (err != OK)
		return err;
	*out = (struct issuer){
		.name = raw.name,
		.issuer = raw.issuer,
		.audience = raw.audience,
		.leeway_s = raw.leeway_ms / 1000,
		.kind = (enum principal_kind)raw.kind,
		.claims = raw.claims,
	};
	err = issuer_algorithms(load, node, &raw, out);
	if (err == OK)
		err = issuer_attributes(load, &raw, out);
	return err != OK ? err : issuer_keys(load, node, index, &raw, out, source);
}

static enum err load_issuers(struct load *load)
{
	const struct config_yaml *list = load->raw.issuers;
	struct config *config = &load->config;
	struct jwks_source_options *sources;
	struct issuer *issuers;
	enum err err = OK;

	if (list == NULL)
		return OK;
	issuers = arena_array(&load->arena, list->count, sizeof(*issuers));
	sources = arena_array(&load->arena, list->count, sizeof(*sources));
	if (issuers == NULL || sources == NULL)
		return ERR_LIMIT;
	config->snapshot.issuers = issuers;
	config->key_sources = sources;
	for (const struct config_yaml *node = list->first; err == OK && node != NULL;
	     node = node->next) {
		size_t i = config->snapshot.issuer_count++;

		err = load_issuer(load, node, i, &issuers[i], &sources[i]);
		config->key_source_count++;
	}
	return err;
}

static enum err load_keys(struct load *load)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	const struct config_yaml *root;
	struct option_reader reader;
	enum err err;

	if (!str_is_set(load->raw.keys_file))
		return OK;
	snapshot->keys_file = load->raw.keys_file.ptr;
	err = load_yaml(load, snapshot->keys_file, &reader, &root);
	return err != OK ? err
			 : config_keys_read(&reader, root, &snapshot->keys, &snapshot->key_count);
}

/* Prices and policy ------------------------------------------------------------------------------
 */

static enum err load_prices(struct load *load)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	const struct config_yaml *root;
	struct option_reader reader;
	enum err err;

	snapshot->allow_unpriced = load->raw.unpriced == 1;
	snapshot->prices_file = "";
	if (!str_is_set(load->raw.prices_file))
		return OK;
	snapshot->prices_file = load->raw.prices_file.ptr;
	err = load_yaml(load, snapshot->prices_file, &reader, &root);
	return err != OK ? err
			 : config_prices_read(&reader, root, &snapshot->prices,
					      &snapshot->price_count);
}

static enum err load_source(struct load *load, struct str path, struct policy_source *out)
{
	if (!str_is_set(path))
		return OK;
	out->file = path.ptr;
	return load_file(load, path.ptr, LOAD_TEXT_BYTES, &out->text);
}

static enum err load_policies(struct load *load)
{
	struct snapshot_options *snapshot = &load->config.snapshot;
	const char *paths[CONFIG_FILE_MATCHES];
	struct policy_source *sources = arena_array(
		&load->arena, load->raw.policy_files.count * CONFIG_FILE_MATCHES, sizeof(*sources));
	enum err err = OK;

	if (sources == NULL)
		return ERR_LIMIT;
	snapshot->policies = sources;
	for (size_t i = 0; err == OK && i < load->raw.policy_files.count; i++) {
		struct str pattern = option_path(&load->reader, load->raw.policy_files.items[i]);
		size_t count = 0;

		err = config_file_match(&load->arena, pattern.ptr, load->diag, paths, &count);
		for (size_t p = 0; err == OK && p < count; p++)
			err = load_source(load, str_from_c(paths[p]),
					  &sources[snapshot->policy_count++]);
	}
	if (err == OK)
		err = load_source(load, load->raw.schema_file, &snapshot->schema);
	if (err == OK)
		err = load_source(load, load->raw.entities_file, &snapshot->entities);
	return err;
}

/* The rest ---------------------------------------------------------------------------------------
 */

/* "+01:00", "-03:30". */
static enum err parse_offset(struct load *load, int64_t *out_ms)
{
	struct str text = load->raw.utc_offset;
	uint64_t hours = 0, minutes = 0;

	if (text.len != 6 || text.ptr[3] != ':' || (text.ptr[0] != '+' && text.ptr[0] != '-') ||
	    str_to_u64(str_sub(text, 1, 2), &hours) != OK ||
	    str_to_u64(str_sub(text, 4, 2), &minutes) != OK || hours > 14 || minutes > 59)
		return diag_set(load->diag, ERR_MALFORMED, load->reader.file, 0, 0,
				"gateway.utc_offset: \"" STR_FMT
				"\" is not an offset such as +01:00",
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
		.keep_s = raw->journal_keep_ms / 1000,
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

/* What can be said of prices without a call: every model must be in the book. */
static enum err check_prices(struct load *load)
{
	const struct snapshot_options *snapshot = &load->config.snapshot;
	struct price_options options = {.file = snapshot->prices_file, .meters = meter_names()};
	struct price_book *book = NULL;
	enum err err = price_book_new(snapshot->prices, snapshot->price_count, &options, load->diag,
				      &book);

	for (size_t i = 0; err == OK && i < snapshot->model_count && !snapshot->allow_unpriced;
	     i++) {
		const struct model_options *model = &snapshot->models[i];
		struct config_yaml at = {.line = model->line, .column = model->column};
		struct str name = str_is_set(model->price) ? model->price : model->name;

		if (!price_book_knows(book, name))
			err = option_fail(
				&load->reader, ERR_NOT_FOUND, &at,
				"model " STR_FMT ": the price book does not know \"" STR_FMT
				"\"; add it to %s or set prices.unpriced: allow",
				STR_ARG(model->name), STR_ARG(name), snapshot->prices_file);
	}
	price_book_free(book);
	return err;
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

static enum err load_all(struct load *load, const char *file)
{
	const struct config_yaml *root;
	enum err err = load_yaml(load, file, &load->reader, &root);

	if (err == OK)
		err = load_singles(load, root);
	if (err == OK)
		err = load_listeners(load, root);
	if (err == OK)
		err = load_upstreams(load, root);
	if (err == OK)
		err = load_models(load, root);
	if (err == OK)
		err = load_keys(load);
	if (err == OK)
		err = load_issuers(load);
	if (err == OK)
		err = load_prices(load);
	if (err == OK)
		err = load_policies(load);
	if (err == OK)
		err = parse_offset(load, &load->config.snapshot.utc_offset_ms);
	if (err != OK)
		return err;
	fill_process(load);
	fill_stores(load);
	set_hash(load);
	return check_prices(load);
}

enum err config_load(const char *file, struct diag *diag, struct config **out)
{
	struct load *load = base_alloc(sizeof(*load));
	enum err err;

	load->diag = diag;
	arena_init(&load->arena, 65536, LOAD_ARENA_MAX);
	buf_init(&load->digests, LOAD_ARENA_MAX);
	load->config.file = arena_str(&load->arena, str_from_c(file)).ptr;
	err = load_all(load, load->config.file);
	if (err == OK && arena_has_overflowed(&load->arena))
		err = diag_set(diag, ERR_LIMIT, file, 0, 0, "the configuration is too large");
	buf_fini(&load->digests);
	if (err != OK) {
		config_free(&load->config);
		return err;
	}
	*out = &load->config;
	return OK;
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
	for (size_t i = 0; i < config->snapshot.issuer_count; i++)
		jwks_unref(config->snapshot.issuers[i].keys);
	arena_fini(&load->arena);
	free(load);
}
