/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/route/model.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"

#define MODEL_NAMES_MAX 100000
#define MODEL_ARENA_MAX (256U << 20)
#define MODEL_TEXT_MAX	16384

struct model_table {
	struct arena arena;
	struct map names;
	struct model *models;
	size_t count;
};

struct model_load {
	struct model_table *table;
	struct upstream *const *upstreams;
	size_t upstream_count;
	const struct str *dialect_names;
	size_t dialect_count;
	struct diag *diag;
};

static const struct str *list_copy(struct arena *arena, const struct str *list, size_t count)
{
	struct str *copy = arena_array(arena, count, sizeof(*copy));

	for (size_t i = 0; copy != NULL && i < count; i++)
		copy[i] = arena_str(arena, list[i]);
	return copy;
}

static void model_copy_options(struct arena *arena, struct model_options *own,
			       const struct model_options *from)
{
	*own = *from;
	own->name = arena_str(arena, from->name);
	own->aliases = list_copy(arena, from->aliases, from->alias_count);
	own->upstream = arena_str(arena, from->upstream);
	own->upstream_model = arena_str(
		arena, str_is_set(from->upstream_model) ? from->upstream_model : from->name);
	own->dialects = list_copy(arena, from->dialects, from->dialect_count);
	own->version = arena_str(arena, from->version);
	own->region = arena_str(arena, from->region);
	own->price = arena_str(arena, str_is_set(from->price) ? from->price : from->name);
	own->groups = list_copy(arena, from->groups, from->group_count);
	own->modalities = list_copy(arena, from->modalities, from->modality_count);
	own->regions = list_copy(arena, from->regions, from->region_count);
	own->risk = arena_str(arena, from->risk);
	own->status = arena_str(arena, from->status);
	own->owner = arena_str(arena, from->owner);
	own->approved_until = arena_str(arena, from->approved_until);
}

static enum err model_fail(const struct model_load *load, const struct model *model, enum err err,
			   const char *what, struct str name)
{
	return diag_set(load->diag, err, "", model->options.line, model->options.column,
			"model " STR_FMT ": %s \"" STR_FMT "\"", STR_ARG(model->options.name), what,
			STR_ARG(name));
}

static enum err model_find_upstream(const struct model_load *load, struct model *model)
{
	for (size_t i = 0; i < load->upstream_count; i++) {
		struct upstream *upstream = load->upstreams[i];

		if (!str_eq(upstream_options(upstream)->name, model->options.upstream))
			continue;
		model->upstream = upstream_ref(upstream);
		model->upstream_index = (unsigned)i;
		model->deployment = arena_printf(&load->table->arena, STR_FMT "@" STR_FMT,
						 STR_ARG(model->options.name),
						 STR_ARG(model->options.upstream));
		return OK;
	}
	return model_fail(load, model, ERR_NOT_FOUND, "there is no upstream",
			  model->options.upstream);
}

static enum err append_member(struct buf *text, const char *before, struct str value)
{
	enum err err = buf_append(text, str_from_c(before));

	return err != OK ? err : buf_append_json(text, value);
}

/* What is spliced into every request and every record is escaped once, here. */
static enum err model_set_json(const struct model_load *load, struct model *model)
{
	struct buf text;
	enum err err;

	buf_init(&text, MODEL_TEXT_MAX);
	err = buf_append_json(&text, model->options.upstream_model);
	model->upstream_model_json = arena_str(&load->table->arena, buf_str(&text));
	buf_reset(&text);
	if (err == OK)
		err = append_member(&text, "\"model\":", model->options.name);
	if (err == OK)
		err = append_member(&text, ",\"deployment\":", model->deployment);
	if (err == OK)
		err = append_member(&text,
				    ",\"provider\":", upstream_options(model->upstream)->provider);
	model->record = arena_str(&load->table->arena, buf_str(&text));
	buf_fini(&text);
	if (err != OK)
		return model_fail(load, model, err, "names are too long, at", model->options.name);
	return OK;
}

static enum err model_set_dialects(const struct model_load *load, struct model *model)
{
	for (size_t i = 0; i < model->options.dialect_count; i++) {
		size_t bit = 0;

		while (bit < load->dialect_count &&
		       !str_eq(load->dialect_names[bit], model->options.dialects[i]))
			bit++;
		if (bit == load->dialect_count)
			return model_fail(load, model, ERR_NOT_FOUND, "there is no dialect",
					  model->options.dialects[i]);
		model->dialect_set |= UINT64_C(1) << bit;
	}
	if (model->dialect_set == 0)
		return model_fail(load, model, ERR_MALFORMED, "names no dialect; it needs at least",
				  STR("one"));
	return OK;
}

static enum err model_add_name(const struct model_load *load, struct model *model, struct str name)
{
	if (map_get(&load->table->names, name) != NULL)
		return model_fail(load, model, ERR_CONFLICT, "another model has the name", name);
	if (map_put(&load->table->names, name, model) != OK)
		return model_fail(load, model, ERR_LIMIT, "too many names, at", name);
	return OK;
}

static enum err model_init(const struct model_load *load, struct model *model,
			   const struct model_options *options)
{
	enum err err;

	model_copy_options(&load->table->arena, &model->options, options);
	if (arena_has_overflowed(&load->table->arena))
		return model_fail(load, model, ERR_LIMIT, "too much text, at", options->name);
	err = model_find_upstream(load, model);
	if (err == OK)
		err = model_set_json(load, model);
	if (err == OK)
		err = model_set_dialects(load, model);
	if (err == OK)
		err = model_add_name(load, model, model->options.name);
	for (size_t i = 0; err == OK && i < model->options.alias_count; i++)
		err = model_add_name(load, model, model->options.aliases[i]);
	return err;
}

enum err model_table_new(const struct model_options *models, size_t count,
			 struct upstream *const *upstreams, size_t upstream_count,
			 const struct str *dialect_names, size_t dialect_count, struct diag *diag,
			 struct model_table **out)
{
	struct model_table *table = base_alloc(sizeof(*table));
	struct model_load load = {
		.table = table,
		.upstreams = upstreams,
		.upstream_count = upstream_count,
		.dialect_names = dialect_names,
		.dialect_count = dialect_count,
		.diag = diag,
	};
	enum err err = OK;

	ASSERT(dialect_count <= 32);
	arena_init(&table->arena, 16384, MODEL_ARENA_MAX);
	map_init(&table->names, MODEL_NAMES_MAX);
	table->models = arena_array(&table->arena, count, sizeof(*table->models));
	if (table->models == NULL)
		err = diag_set(diag, ERR_LIMIT, "", 0, 0, "too many models");
	for (size_t i = 0; err == OK && i < count; i++) {
		table->models[i].index = (unsigned)i;
		table->count++;
		err = model_init(&load, &table->models[i], &models[i]);
	}
	if (err != OK) {
		model_table_free(table);
		return err;
	}
	*out = table;
	return OK;
}

void model_table_free(struct model_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++)
		upstream_unref(table->models[i].upstream);
	map_fini(&table->names);
	arena_fini(&table->arena);
	free(table);
}

const struct model *model_find(const struct model_table *table, struct str name)
{
	return map_get(&table->names, name);
}

size_t model_count(const struct model_table *table)
{
	return table->count;
}

const struct model *model_at(const struct model_table *table, size_t index)
{
	ASSERT(index < table->count);
	return &table->models[index];
}
