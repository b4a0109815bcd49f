/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a corpus through a fuzz target without libFuzzer, so that gcc's
 * sanitizers see it too: one TAP case per file. The target fails by aborting.
 *
 * usage: replay_NAME FOLDER
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX_BYTES (1U << 20)

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The copy has exactly the input's size, so that reading one byte too far is seen. */
static int replay_file(const char *path, uint8_t *scratch)
{
	FILE *file = fopen(path, "rb");
	uint8_t *exact;
	size_t size;

	if (!file)
		return -1;
	size = fread(scratch, 1, INPUT_MAX_BYTES, file);
	fclose(file);
	exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	if (size)
		memcpy(exact, scratch, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	uint8_t *scratch = malloc(INPUT_MAX_BYTES);
	int count, failed = 0;

	if (argc != 2 || !scratch) {
		fprintf(stderr, "usage: replay_NAME FOLDER\n");
		free(scratch);
		return 2;
	}
	count = scandir(argv[1], &entries, is_input, alphasort);
	printf("1..%d\n", count > 0 ? count : 0);
	for (int i = 0; i < count; i++) {
		char path[4096];
		bool is_good;

		snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
		is_good = replay_file(path, scratch) == 0;
		failed += !is_good;
		printf("%s %d - %s\n", is_good ? "ok" : "not ok", i + 1, entries[i]->d_name);
		fflush(stdout);
		free(entries[i]);
	}
	free(entries);
	free(scratch);
	return failed ? 1 : 0;
}
