/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy convert --to json|cedar FILE ...`: policies, templates and
 * links from one form to the other, on stdout.
 *
 * JSON keeps ids beside the policies, text has them as @id only: to text, a
 * policy of another id gets an @id, and a link, for which text has no form,
 * becomes the policy it makes. What is written was read again and is the same.
 *
 * Owns:    nothing that outlives the call.
 * Threads: main.
 * Limits:  64 files of 16 MiB each; 256 MiB of output; those of policy_set_load.
 */
#ifndef GATEWAY_CLI_POLICY_CONVERT_H
#define GATEWAY_CLI_POLICY_CONVERT_H

int cli_policy_convert(int argc, char **argv);

#endif
