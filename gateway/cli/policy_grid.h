/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every request that two rule sets can be asked, for `diff`: each principal,
 * action and resource that the schemas let meet, of the entities of both sides
 * and one more of each type that stands for all others, in each context given or
 * in a context that is not known.
 *
 * Owns:    nothing; sides and contexts are the caller's.
 * Threads: main.
 * Limits:  the caller's, on the number of cells, counted before the first; 256
 *          MiB for one cell.
 */
#ifndef GATEWAY_CLI_POLICY_GRID_H
#define GATEWAY_CLI_POLICY_GRID_H

#include "gateway/cli/policy_inputs.h"
#include "policy/review.h"

#define POLICY_GRID_SIDES 2

struct policy_grid_side {
	const struct policy_inputs *inputs;
	struct policy_options options;
};

struct policy_grid_entity {
	const struct uid *uid; /* NULL: all others of the type */
	struct str type;
};

struct policy_grid_cell {
	struct policy_grid_entity principal, resource;
	const struct uid *action;
	size_t context; /* from 1; 0: not known */
	struct review reviews[POLICY_GRID_SIDES];
};

/* Called for every cell; what the reviews point to lives until the next one. */
typedef enum err (*policy_grid_fn)(void *arg, const struct policy_grid_cell *cell);

struct policy_grid {
	struct policy_grid_side sides[POLICY_GRID_SIDES];
	size_t context_count;
	const struct str *contexts; /* JSON objects */
	const char *context_file;
	size_t limit;
};

/* ERR_LIMIT with a diag that names the number of cells when there are more than the limit;
 * ERR_MALFORMED for a context that fits no action. */
MUST_CHECK enum err policy_grid_run(const struct policy_grid *grid, struct diag *diag,
				    policy_grid_fn visit, void *arg);

#endif
