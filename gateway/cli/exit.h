/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exit codes of every subcommand.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none.
 */
#ifndef GATEWAY_CLI_EXIT_H
#define GATEWAY_CLI_EXIT_H

enum exit_code {
	EXIT_CODE_FINE = 0,
	EXIT_CODE_NO = 1,     /* denied, invalid, mismatch */
	EXIT_CODE_USAGE = 2,  /* wrong use */
	EXIT_CODE_FAILED = 3, /* the environment failed */
};

#endif
