/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jscan_paths.h"

#include <stdlib.h>

#define LEVELS	    (JSCAN_COMPONENTS + 1)
#define NAME_BYTES  63
#define INDEX_BYTES 9

/* A name that some paths have at one level. */
struct component {
	struct str name;
	uint64_t paths;
	uint64_t index; /* as an array index; UINT64_MAX when it is no number */
};

struct floor {
	struct component components[JSCAN_PATHS];
	unsigned count;
	bool has_index;
	uint64_t stars;
	uint64_t lengths; /* bit n: a name of n bytes is among the components */
};

struct jscan_paths {
	uint64_t all;
	uint64_t ends[LEVELS];
	bool has_twins;
	struct floor floors[LEVELS];
};

_Static_assert(JSCAN_PATHS == 64, "a set of paths is one word");
_Static_assert(NAME_BYTES < 64, "a length is a bit of one word");

static uint64_t component_index(struct str name)
{
	uint64_t index;

	if (name.len > INDEX_BYTES || str_to_u64(name, &index) != OK)
		return UINT64_MAX;
	return index;
}

static void floor_add(struct floor *floor, struct str name, uint64_t bit)
{
	struct component *component = floor->components;
	const struct component *end = component + floor->count;

	ASSERT(name.len <= NAME_BYTES);
	if (str_eq(name, STR("*"))) {
		floor->stars |= bit;
		return;
	}
	while (component < end && !str_eq(component->name, name))
		component++;
	if (component == end) {
		floor->count++;
		component->name = name;
		component->index = component_index(name);
		floor->has_index |= component->index != UINT64_MAX;
		floor->lengths |= 1ULL << name.len;
	}
	component->paths |= bit;
}

static void paths_add(struct jscan_paths *paths, struct str path, uint64_t bit)
{
	unsigned level = 0;

	paths->all |= bit;
	while (path.len > 0) {
		struct str name;

		ASSERT(level < JSCAN_COMPONENTS);
		(void)str_cut(&path, '.', &name);
		floor_add(&paths->floors[level++], name, bit);
	}
	paths->ends[level] |= bit;
}

struct jscan_paths *jscan_paths_new(const char *const *list)
{
	struct jscan_paths *paths = base_alloc(sizeof(*paths));

	for (unsigned i = 0; list[i] != NULL; i++) {
		ASSERT(i < JSCAN_PATHS);
		paths_add(paths, str_from_c(list[i]), 1ULL << i);
	}
	return paths;
}

void jscan_paths_free(struct jscan_paths *paths)
{
	free(paths);
}

uint64_t jscan_paths_all(const struct jscan_paths *paths)
{
	return paths->all;
}

const uint64_t *jscan_paths_ends(const struct jscan_paths *paths)
{
	return paths->ends;
}

uint64_t jscan_paths_named(const struct jscan_paths *paths, unsigned level, struct str name)
{
	const struct floor *floor = &paths->floors[level];

	if (name.len > NAME_BYTES || (floor->lengths >> name.len & 1) == 0)
		return 0;
	for (unsigned i = 0; i < floor->count; i++) {
		if (str_eq(floor->components[i].name, name))
			return floor->components[i].paths;
	}
	return 0;
}

void jscan_paths_watch_twins(struct jscan_paths *paths)
{
	paths->has_twins = true;
}

/* One character from the front of *name, lower case; bytes that no listed name has stay. */
static char fold_next(struct str *name)
{
	size_t len = 1;
	char c = name->ptr[0];

	if ((unsigned char)c < 0x80) {
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
	} else if (str_has_prefix(*name, STR("\xc5\xbf"))) {
		c = 's';
		len = 2;
	} else if (str_has_prefix(*name, STR("\xe2\x84\xaa"))) {
		c = 'k';
		len = 3;
	}
	*name = str_make(name->ptr + len, name->len - len);
	return c;
}

static bool is_twin(struct str a, struct str b)
{
	/* Nearly all differ in their first letter. */
	if (a.len > 0 && b.len > 0 && ((a.ptr[0] ^ b.ptr[0]) & ~0x20) != 0 &&
	    ((a.ptr[0] | b.ptr[0]) & 0x80) == 0)
		return false;
	while (a.len > 0 && b.len > 0)
		if (fold_next(&a) != fold_next(&b))
			return false;
	return a.len == b.len;
}

uint64_t jscan_paths_twins(const struct jscan_paths *paths, unsigned level, struct str name)
{
	const struct floor *floor = &paths->floors[level];
	uint64_t twins = 0;

	/* A name longer than the capture comes unset; no component is a third of that. */
	if (!str_is_set(name))
		return 0;
	for (unsigned i = 0; paths->has_twins && i < floor->count; i++) {
		const struct component *component = &floor->components[i];

		if (!str_eq(component->name, name) && is_twin(component->name, name))
			twins |= component->paths;
	}
	return twins;
}

uint64_t jscan_paths_stars(const struct jscan_paths *paths, unsigned level)
{
	return paths->floors[level].stars;
}

uint64_t jscan_paths_indexed(const struct jscan_paths *paths, unsigned level, uint64_t index)
{
	const struct floor *floor = &paths->floors[level];
	uint64_t hits = floor->stars;

	for (unsigned i = 0; floor->has_index && i < floor->count; i++) {
		if (floor->components[i].index == index)
			hits |= floor->components[i].paths;
	}
	return hits;
}
