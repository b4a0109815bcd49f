/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every `tollgate policy` command works on: policies with their links,
 * schema and entities, from the `policy:` section of a configuration (no other
 * section is looked at) or from paths on the command line, which override it.
 * All errors of all files are gathered, not only the first.
 *
 *   options_init -> option ... -> load -> use | fail -> fini
 *
 * Owns:    all it loads, until fini.
 * Threads: main; it reads files.
 * Limits:  64 --policies and 16 --entities, 256 files to a pattern; 1000
 *          errors and as many warnings are kept; 256 MiB a file, 1 GiB in all.
 */
#ifndef GATEWAY_CLI_POLICY_INPUTS_H
#define GATEWAY_CLI_POLICY_INPUTS_H

#include "base/diags.h"
#include "gateway/cli/args.h"
#include "policy/policy.h"

#define POLICY_INPUTS_POLICIES 64
#define POLICY_INPUTS_ENTITIES 16
#define POLICY_INPUTS_ERRORS   1000

/* Words of the command line; views and pointers into argv. */
struct policy_inputs_options {
	const char *config; /* NULL: tollgate.yaml, unless policies are given */
	size_t policy_count;
	const char *policies[POLICY_INPUTS_POLICIES]; /* file, folder or pattern */
	const char *schema;			      /* NULL: the configuration's */
	size_t entity_count;
	const char *entities[POLICY_INPUTS_ENTITIES];
};

enum policy_inputs_word {
	POLICY_INPUTS_OTHER, /* the option is none of these */
	POLICY_INPUTS_TAKEN,
	POLICY_INPUTS_WRONG, /* and said so: EXIT_CODE_USAGE */
};

/* The lines for the usage text of a command that takes these options. */
extern const char policy_inputs_usage[];
/* --config, --policies, --schema, --entities; name as args_next gave it. */
enum policy_inputs_word policy_inputs_option(struct policy_inputs_options *options,
					     struct args *args, struct str name);

struct policy_inputs {
	struct arena arena;
	const char *config; /* the file that was read; NULL: none */
	size_t source_count;
	const struct policy_source *sources; /* the policies' texts */
	struct policy_source schema_source;  /* file is NULL when there is none */
	size_t entity_source_count;
	const struct policy_source *entity_sources;
	struct policy_set *policies;
	struct schema *schema;	       /* NULL: none was given */
	struct entity_store *entities; /* frozen, with the schema's actions */
	bool ignore_forbid_errors;     /* on_forbid_error: skip */
	unsigned level;		       /* how deep policies may look; 0: the file does not say */
	struct diags diags;	       /* what is wrong, in the order of the files */
	struct diags warnings;	       /* what loads and is hardly meant */
	bool is_unreadable;	       /* of that: a file that is not there or cannot be read */
};

/* All or nothing: on an error policies, schema and entities are NULL, and diags lists all that is
 * wrong. fini it in any case. */
MUST_CHECK enum err policy_inputs_load(const struct policy_inputs_options *options,
				       struct policy_inputs *out);
/* Holds the policies that were loaded against the schema, when there is one, as serve does; errors
 * go to diags. */
MUST_CHECK enum err policy_inputs_validate(struct policy_inputs *inputs);
/* Prints diags to stderr; the exit code: EXIT_CODE_FAILED when a file is not there or cannot be
 * read, else EXIT_CODE_NO. */
int policy_inputs_fail(const struct policy_inputs *inputs);
/* Another store with the schema's actions and, if asked for, the entities of the inputs; to be
 * filled on and frozen by the caller. */
MUST_CHECK enum err policy_inputs_store_new(const struct policy_inputs *inputs, bool with_entities,
					    struct entity_store **out, struct diag *diag);
void policy_inputs_fini(struct policy_inputs *inputs);

#endif
