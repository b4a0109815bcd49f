/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate audit`: reads the journal of a state folder, also while a gateway
 * writes it. `tail` prints the last records and may follow; `show` prints all,
 * or those of one request.
 *
 * Owns:    nothing.
 * Threads: main; it only reads files.
 * Limits:  a record is one line; json prints the payload as it was stored.
 */
#ifndef GATEWAY_CLI_AUDIT_H
#define GATEWAY_CLI_AUDIT_H

int cli_audit(int argc, char **argv);

#endif
