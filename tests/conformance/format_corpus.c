/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format_corpus DIR --expect FILES: holds every policy text below DIR against
 * the laws of printing and formatting (format_law.h), as it is and once more
 * with comments scattered over it. One TAP line per law.
 */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy/format_law.h"

#define TEXT_MAX  ((size_t)1 << 20)
#define SHOWN_MAX 20

/* nftw has no argument for its callback. */
static struct {
	size_t files, policies, comments;
	size_t broken, lost;
	size_t shown;
} corpus;

static void show(const char *path, const char *what)
{
	if (corpus.shown++ < SHOWN_MAX)
		printf("# %s: %s\n", path, what);
}

static void check_law(const char *path, struct str text, unsigned width)
{
	size_t policies;
	const char *broken = format_law(text, width, &policies);

	if (broken == NULL && policies == 0)
		broken = "there is no policy in it";
	corpus.policies += policies;
	corpus.broken += broken != NULL;
	if (broken != NULL)
		show(path, broken);
}

static void check_comments(const char *path, struct str text, unsigned width)
{
	size_t comments;
	const char *broken = format_law_comments(text, corpus.files, width, &comments);

	corpus.comments += comments;
	corpus.lost += broken != NULL;
	if (broken != NULL)
		show(path, broken);
}

static int visit(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
	static char bytes[TEXT_MAX];
	/* Each file at one of a few widths. */
	static const unsigned widths[] = {80, 40, 100, 20};
	unsigned width = widths[corpus.files % ARRAY_LEN(widths)];
	struct str text = {bytes, 0};
	FILE *file;

	(void)stat;
	(void)ftw;
	if (kind != FTW_F || !str_has_suffix(str_from_c(path), STR(".cedar")))
		return 0;
	file = fopen(path, "rb");
	if (file == NULL) {
		show(path, "cannot be opened");
		corpus.broken++;
		return 0;
	}
	text.len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	corpus.files++;
	check_law(path, text, width);
	check_comments(path, text, width);
	return 0;
}

static bool report(int number, bool is_fine, const char *what, size_t count, size_t of)
{
	printf("%sok %d - %s: %zu of %zu\n", is_fine ? "" : "not ", number, what, count, of);
	return is_fine;
}

int main(int argc, char **argv)
{
	bool is_fine = true;
	uint64_t expected;

	if (argc != 4 || strcmp(argv[2], "--expect") != 0 ||
	    str_to_u64(str_from_c(argv[3]), &expected) != OK) {
		fprintf(stderr, "usage: format_corpus DIR --expect FILES\n");
		return 2;
	}
	if (nftw(argv[1], visit, 16, FTW_PHYS) != 0)
		return 3;
	printf("1..3\n");
	is_fine &= report(1, corpus.files == expected, "policy files read", corpus.files,
			  (size_t)expected);
	is_fine &= report(2, corpus.broken == 0,
			  "files whose policies come back printed and formatted",
			  corpus.files - corpus.broken, corpus.files);
	is_fine &= report(3, corpus.lost == 0, "the same with comments scattered over them",
			  corpus.files - corpus.lost, corpus.files);
	printf("# %zu policies, %zu comments\n", corpus.policies, corpus.comments);
	return is_fine ? 0 : 1;
}
