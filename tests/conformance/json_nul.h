/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cedar attribute names may hold U+0000; jansson refuses it in member names.
 * hide rewrites a JSON text so that no \u0000 is left, show undoes it in each
 * decoded string:  \u0000 <-> U+FDD0 "0",  U+FDD0 <-> U+FDD0 "1".
 *
 * Owns:    nothing; results live in the arena.
 * Threads: any.
 * Limits:  the arena's cap: an unset view past it.
 */
#ifndef TESTS_CONFORMANCE_JSON_NUL_H
#define TESTS_CONFORMANCE_JSON_NUL_H

#include "base/arena.h"

struct str json_nul_hide(struct arena *arena, struct str text);
struct str json_nul_show(struct arena *arena, struct str decoded);

#endif
