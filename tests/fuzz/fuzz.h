/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one function of a fuzz target: called by libFuzzer, or by replay.c for
 * each file of the committed corpus. It returns 0, and aborts on a finding.
 *
 * Owns:    nothing; the input belongs to the caller.
 * Threads: one.
 * Limits:  inputs up to 1 MiB when replayed.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
