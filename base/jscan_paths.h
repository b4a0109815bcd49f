/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths a JSON skim looks for, compiled: per level the component names and
 * the set of paths (one bit each) that have them there. How paths are written
 * stands in jscan.h.
 *
 * Owns:    its one block, freed by jscan_paths_free; names are the caller's
 *          static text.
 * Threads: immutable once made, shared by all.
 * Limits:  JSCAN_PATHS paths of at most JSCAN_COMPONENTS components, a name of
 *          at most 63 bytes; more is our own mistake.
 */
#ifndef BASE_JSCAN_PATHS_H
#define BASE_JSCAN_PATHS_H

#include "base/str.h"

#define JSCAN_PATHS	 64
#define JSCAN_COMPONENTS 8

struct jscan_paths;

/* NULL-terminated list of paths, static text. */
struct jscan_paths *jscan_paths_new(const char *const *list);
void jscan_paths_free(struct jscan_paths *paths);

uint64_t jscan_paths_all(const struct jscan_paths *paths);
/* Element n: those that have exactly n components, 0 .. JSCAN_COMPONENTS. */
const uint64_t *jscan_paths_ends(const struct jscan_paths *paths);
/* Those whose component at `level` (from 0) is this name; "*" is not counted. */
uint64_t jscan_paths_named(const struct jscan_paths *paths, unsigned level, struct str name);
/* From now on names that a reader without case would take for one of the list are found as its
 * twins. For texts that somebody else reads too. */
void jscan_paths_watch_twins(struct jscan_paths *paths);
/* Those whose component at `level` is this name in another case, but not this name. Case is
 * folded as far as JSON readers go: A to Z, U+017F for s, U+212A for k. */
uint64_t jscan_paths_twins(const struct jscan_paths *paths, unsigned level, struct str name);
/* Those that have "*" there. */
uint64_t jscan_paths_stars(const struct jscan_paths *paths, unsigned level);
/* Those that have "*" or the array index there. */
uint64_t jscan_paths_indexed(const struct jscan_paths *paths, unsigned level, uint64_t index);

#endif
