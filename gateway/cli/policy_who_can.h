/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy who-can ACTION RESOURCE`: every principal of the entities
 * that may do it, with the conditions that remain, and what would let in a
 * principal that is not among them.
 *
 * Owns:    nothing.
 * Threads: main; it reads files.
 * Limits:  those of its inputs; 256 MiB for one principal's answer.
 */
#ifndef GATEWAY_CLI_POLICY_WHO_CAN_H
#define GATEWAY_CLI_POLICY_WHO_CAN_H

int cli_policy_who_can(int argc, char **argv);

#endif
