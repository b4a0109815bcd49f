/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy format [--check] [--width N] [FILE ... | -]`: lays policy
 * text out (policy/format.h), in place or from stdin to stdout; --check changes
 * nothing and shows what would change.
 *
 * All files are formatted before the first is written: when one of them does not
 * parse, none changes. Each is replaced as a whole.
 *
 * Owns:    nothing that outlives the call.
 * Threads: main.
 * Limits:  1024 files of 16 MiB each, 1 GiB in all.
 */
#ifndef GATEWAY_CLI_POLICY_FORMAT_H
#define GATEWAY_CLI_POLICY_FORMAT_H

int cli_policy_format(int argc, char **argv);

#endif
