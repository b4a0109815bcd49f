/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/clock.h"
#include "gateway/config/load.h"
#include "gateway/config/warning.h"

/*
 * What the modules find wrong they place by line and column at best: they never
 * saw the file. Here the main file's name is put in where none stands, and the
 * line itself beside it.
 */
static void place(const struct config *config, struct diag *diag)
{
	const struct load *load = load_of(config);

	if (diag->file[0] == '\0')
		(void)snprintf(diag->file, sizeof(diag->file), "%s", config->file);
	if (diag->line == 0 || diag->source[0] != '\0')
		return;
	for (const struct load_text *kept = load->texts; kept != NULL; kept = kept->next) {
		if (!str_eq(str_from_c(kept->file), str_from_c(diag->file)))
			continue;
		diag_set_source(diag, kept->text.ptr, kept->text.len);
		return;
	}
}

/* As the proxy will ask. */
static bool is_priced_now(const struct snapshot *snap, const struct model *model)
{
	const struct model_options *options = &model->options;
	struct price_key key = {
		.provider = upstream_options(model->upstream)->provider,
		.model = options->upstream_model,
		.alias = options->price,
		.tier = STR(""),
		.region = str_is_set(options->region) ? options->region : STR(""),
	};

	return price_find_set(snap->rules->prices, &key, clock_wall_ns(), 0) != NULL;
}

static enum err refuse_unpriced(const struct config *config, const struct model_options *options,
				struct diags *all)
{
	const char *file = config->snapshot.prices_file;
	struct diag diag = {0};
	enum err err = diag_set(&diag, ERR_NOT_FOUND, config->file, options->line, options->column,
				"model " STR_FMT ": the price book does not know \"" STR_FMT
				"\"; add it to %s or set prices.unpriced: allow",
				STR_ARG(options->name), STR_ARG(options->price),
				file[0] == '\0' ? "a file named by prices.file" : file);

	place(config, &diag);
	return diags_add(all, err, &diag);
}

/* What can be said of prices without a call. A price that begins tomorrow is no fault. */
static enum err check_prices(struct config *config, const struct snapshot *snap, struct diags *all)
{
	size_t count = config->snapshot.allow_unpriced ? 0 : model_count(snap->rules->models);
	enum err err = OK;

	for (size_t i = 0; i < count; i++) {
		const struct model *model = model_at(snap->rules->models, i);
		const struct model_options *options = &model->options;

		if (is_priced_now(snap, model))
			continue;
		if (!price_book_knows(snap->rules->prices, options->price) &&
		    !price_book_knows(snap->rules->prices, options->upstream_model))
			err = refuse_unpriced(config, options, all);
		else
			config_warning_add(
				config,
				"model " STR_FMT
				": no price is in force for its provider and region; its calls "
				"will be refused",
				STR_ARG(options->name));
	}
	return err;
}

static void keep_warnings(struct config *config, const struct diags *warnings)
{
	for (size_t i = 0; i < warnings->count; i++) {
		const struct diag *diag = &warnings->items[i];

		config_warning_add(config, "%s:%u:%u: %s", diag->file, diag->line, diag->column,
				   diag->text);
	}
}

enum err config_snapshot_all(struct config *config, uint64_t generation, struct diags *all,
			     struct snapshot **out)
{
	struct snapshot *snap = NULL;
	struct diags warnings;
	size_t before = all->count;
	enum err err;

	diags_init(&warnings, CONFIG_WARNINGS);
	config->snapshot.generation = generation;
	config->snapshot.warnings = &warnings;
	err = snapshot_new(&config->snapshot, all, &snap);
	for (size_t i = before; i < all->count; i++) {
		if (all->items[i].text[0] == '\0')
			(void)diag_set(&all->items[i], err, "", 0, 0,
				       "the configuration is too large");
		place(config, &all->items[i]);
	}
	if (err == OK)
		err = check_prices(config, snap, all);
	if (err == OK)
		keep_warnings(config, &warnings);
	config->snapshot.warnings = NULL;
	diags_fini(&warnings);
	if (err == OK)
		*out = snap;
	else
		snapshot_unref(snap);
	return err;
}

enum err config_snapshot(struct config *config, uint64_t generation, struct diag *diag,
			 struct snapshot **out)
{
	struct diags all;
	enum err err;

	diags_init(&all, CONFIG_FAULTS);
	err = config_snapshot_all(config, generation, &all, out);
	(void)diags_first(&all, diag);
	diags_fini(&all);
	return err;
}

enum err config_check_listeners(const struct config *config, struct diags *all)
{
	enum err err = OK;

	for (size_t i = 0; i < config->listener_count; i++) {
		struct tls_context *tls = NULL;
		struct diag diag = {0};
		enum err one;

		if (!config->listeners[i].has_tls)
			continue;
		one = tls_server_context_new(&config->listeners[i].tls, &diag, &tls);
		tls_context_unref(tls);
		if (one == OK)
			continue;
		place(config, &diag);
		err = option_both(err, diags_add(all, one, &diag));
	}
	return err;
}
