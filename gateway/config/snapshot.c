/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "gateway/config/load.h"

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

/* What can be said of prices without a call: every model must be in the book. */
static enum err check_prices(const struct config *config, const struct snapshot *snap,
			     struct diag *diag)
{
	const struct snapshot_options *options = &config->snapshot;

	for (size_t i = 0; i < options->model_count && !options->allow_unpriced; i++) {
		const struct model_options *model = &options->models[i];
		struct str name = str_is_set(model->price) ? model->price : model->name;
		const char *file = options->prices_file;

		if (price_book_knows(snap->rules->prices, name))
			continue;
		return diag_set(diag, ERR_NOT_FOUND, config->file, model->line, model->column,
				"model " STR_FMT ": the price book does not know \"" STR_FMT
				"\"; add it to %s or set prices.unpriced: allow",
				STR_ARG(model->name), STR_ARG(name),
				file[0] == '\0' ? "a file named by prices.file" : file);
	}
	return OK;
}

enum err config_snapshot(struct config *config, uint64_t generation, struct diag *diag,
			 struct snapshot **out)
{
	struct snapshot *snap = NULL;
	struct diag own = {0};
	enum err err;

	config->snapshot.generation = generation;
	err = snapshot_new(&config->snapshot, &own, &snap);
	if (err == OK)
		err = check_prices(config, snap, &own);
	if (err == OK) {
		*out = snap;
		return OK;
	}
	snapshot_unref(snap);
	if (own.text[0] == '\0')
		(void)diag_set(&own, err, "", 0, 0, "the configuration is too large");
	place(config, &own);
	if (diag != NULL)
		*diag = own;
	return err;
}

enum err config_check_listeners(const struct config *config, struct diag *diag)
{
	for (size_t i = 0; i < config->listener_count; i++) {
		struct tls_context *tls = NULL;
		struct diag own = {0};
		enum err err;

		if (!config->listeners[i].has_tls)
			continue;
		err = tls_server_context_new(&config->listeners[i].tls, &own, &tls);
		tls_context_unref(tls);
		if (err == OK)
			continue;
		place(config, &own);
		if (diag != NULL)
			*diag = own;
		return err;
	}
	return OK;
}
