/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/dialect.h"

#include <stdlib.h>

#include "base/jscan.h"

/* A row of dialects.def. */
struct path_row {
	enum dialect dialect;
	enum dialect_framing framing;
	enum dialect_field field;
	const char *path;
	const char *element_path; /* in an array of events */
};

static const struct path_row path_rows[] = {
#define PATH(dialect, framing, field, path)                                                        \
	{DIALECT_##dialect, DIALECT_##framing, FIELD_##field, path, "*." path},
#include "metering/usage/dialects.def"
};

static const struct {
	enum dialect dialect;
	struct str provider;
	unsigned rules;
} provider_rows[] = {
#define THOUGHTS_BESIDE			   DIALECT_THOUGHTS_BESIDE
#define PROVIDER(dialect, provider, rules) {DIALECT_##dialect, STR(provider), rules},
#include "metering/usage/dialects.def"
};

static const struct {
	enum dialect dialect;
	enum dialect_field field;
	struct str name;
} header_rows[] = {
#define HEADER(dialect, field, name) {DIALECT_##dialect, FIELD_##field, STR(name)},
#include "metering/usage/dialects.def"
};

static const struct {
	const char *name;
	unsigned rules;
} dialect_rows[] = {
#define IN_HAS_CACHE		     DIALECT_IN_HAS_CACHE
#define TOTAL_IS_INPUT		     DIALECT_TOTAL_IS_INPUT
#define USAGE_CHUNK		     DIALECT_USAGE_CHUNK
#define IS_FREE			     DIALECT_IS_FREE
#define BY_CALL			     DIALECT_BY_CALL
#define IMAGE_BESIDE		     DIALECT_IMAGE_BESIDE
#define OUT_IS_IMAGE		     DIALECT_OUT_IS_IMAGE
#define OUT_IS_AUDIO		     DIALECT_OUT_IS_AUDIO
#define ONE_SHAPE		     DIALECT_ONE_SHAPE
#define BY_UNIT			     DIALECT_BY_UNIT
#define SAYS_TEXT		     DIALECT_SAYS_TEXT
#define HEARS_SOUND		     DIALECT_HEARS_SOUND
#define DIALECT_ROW(id, name, rules) [id] = {name, rules},
#include "metering/usage/dialects.def"
};

_Static_assert(ARRAY_LEN(dialect_rows) == DIALECT_COUNT, "a row for each dialect");
_Static_assert(DIALECT_COUNT <= 64, "models keep theirs as a set of bits");

/* The paths of one dialect and framing, in the order of the table. */
struct path_set {
	struct jscan_paths *paths;
	uint8_t fields[JSCAN_PATHS];
};

struct dialects {
	struct path_set sets[DIALECT_COUNT][DIALECT_FRAMINGS];
};

static void set_compile(struct path_set *set, enum dialect dialect, enum dialect_framing framing)
{
	bool is_one_shape = (dialect_rows[dialect].rules & DIALECT_ONE_SHAPE) != 0;
	enum dialect_framing source = is_one_shape ? DIALECT_UNARY : framing;
	const char *list[JSCAN_PATHS + 1];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(path_rows); i++) {
		const struct path_row *row = &path_rows[i];

		if (row->dialect != dialect || row->framing != source)
			continue;
		ASSERT(count < JSCAN_PATHS);
		list[count] = framing == DIALECT_ARRAY ? row->element_path : row->path;
		set->fields[count++] = (uint8_t)row->field;
	}
	list[count] = NULL;
	set->paths = jscan_paths_new(list);
}

struct dialects *dialects_new(void)
{
	struct dialects *dialects = base_alloc(sizeof(*dialects));

	for (unsigned d = 0; d < DIALECT_COUNT; d++) {
		for (unsigned f = 0; f < DIALECT_FRAMINGS; f++)
			set_compile(&dialects->sets[d][f], (enum dialect)d,
				    (enum dialect_framing)f);
	}
	return dialects;
}

void dialects_free(struct dialects *dialects)
{
	if (dialects == NULL)
		return;
	for (unsigned d = 0; d < DIALECT_COUNT; d++) {
		for (unsigned f = 0; f < DIALECT_FRAMINGS; f++)
			jscan_paths_free(dialects->sets[d][f].paths);
	}
	free(dialects);
}

const char *dialect_name(enum dialect dialect)
{
	ASSERT(dialect < DIALECT_COUNT);
	return dialect_rows[dialect].name;
}

bool dialect_from_name(struct str name, enum dialect *out_dialect)
{
	for (unsigned d = 0; d < DIALECT_COUNT; d++) {
		if (str_eq(name, str_from_c(dialect_rows[d].name))) {
			*out_dialect = (enum dialect)d;
			return true;
		}
	}
	return false;
}

unsigned dialect_rules(enum dialect dialect)
{
	ASSERT(dialect < DIALECT_COUNT);
	return dialect_rows[dialect].rules;
}

unsigned dialect_provider_rules(enum dialect dialect, struct str provider)
{
	unsigned rules = dialect_rules(dialect);

	for (size_t i = 0; i < ARRAY_LEN(provider_rows); i++) {
		if (provider_rows[i].dialect == dialect &&
		    str_eq_nocase(provider_rows[i].provider, provider))
			rules |= provider_rows[i].rules;
	}
	return rules;
}

bool dialect_header_field(enum dialect dialect, struct str name, enum dialect_field *out_field)
{
	for (size_t i = 0; i < ARRAY_LEN(header_rows); i++) {
		if (header_rows[i].dialect == dialect && str_eq_nocase(header_rows[i].name, name)) {
			*out_field = header_rows[i].field;
			return true;
		}
	}
	return false;
}

const struct jscan_paths *dialects_paths(const struct dialects *dialects, enum dialect dialect,
					 enum dialect_framing framing)
{
	ASSERT(dialect < DIALECT_COUNT);
	return dialects->sets[dialect][framing].paths;
}

enum dialect_field dialects_field(const struct dialects *dialects, enum dialect dialect,
				  enum dialect_framing framing, unsigned path)
{
	ASSERT(path < JSCAN_PATHS);
	return (enum dialect_field)dialects->sets[dialect][framing].fields[path];
}
