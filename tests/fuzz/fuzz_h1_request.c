/* SPDX-License-Identifier: Apache-2.0 */
/* Requests under the split law: whole, byte by byte, and cut at a place the input chooses. */
#include "tests/fuzz/h1_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	h1_target_run(H1_REQUESTS, str_make((const char *)data, size));
	return 0;
}
