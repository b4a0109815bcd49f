/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define FILE_PATTERN_BYTES 8192

static enum err read_all(int fd, char *out, size_t len, size_t *out_len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, out + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*out_len = have;
	return OK;
}

/* Of a pipe nobody need write: opening must not wait for it. */
static enum err open_regular(const char *path, struct diag *diag, int *out_fd, size_t *out_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return diag_set(diag, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, path, 0, 0,
				"cannot be opened: %s", strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return diag_set(diag, ERR_IO, path, 0, 0, "is not a regular file");
	}
	*out_fd = fd;
	*out_len = (size_t)st.st_size;
	return OK;
}

enum err config_file_check(const char *path, struct diag *diag)
{
	size_t len;
	int fd;
	enum err err = open_regular(path, diag, &fd, &len);

	if (err == OK)
		close(fd);
	return err;
}

enum err config_file_read(struct arena *arena, const char *path, size_t max, struct diag *diag,
			  struct str *out)
{
	char *content = NULL;
	size_t size = 0, len = 0;
	int fd = -1;
	enum err err = open_regular(path, diag, &fd, &size);

	if (err != OK)
		return err;
	if (size > max) {
		err = diag_set(diag, ERR_LIMIT, path, 0, 0, "is larger than %zu bytes", max);
		goto out;
	}
	content = arena_alloc(arena, size + 1);
	if (content == NULL) {
		err = diag_set(diag, ERR_LIMIT, path, 0, 0,
			       "does not fit into what memory a configuration may take");
		goto out;
	}
	if (read_all(fd, content, size, &len) != OK) {
		err = diag_set(diag, ERR_IO, path, 0, 0, "cannot be read: %s", strerror(errno));
		goto out;
	}
	content[len] = '\0';
	*out = str_make(content, len);
out:
	close(fd);
	return err;
}

/* folder/pattern, with what is special to glob escaped in the folder. */
static enum err make_pattern(struct str folder, struct str pattern, struct buf *out)
{
	enum err err = OK;
	bool has_folder = folder.len > 0 && (pattern.len == 0 || pattern.ptr[0] != '/');

	for (size_t i = 0; err == OK && has_folder && i < folder.len; i++) {
		char c = folder.ptr[i];

		if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\')
			err = buf_append_byte(out, '\\');
		if (err == OK)
			err = buf_append_byte(out, c);
	}
	if (err == OK && has_folder)
		err = buf_append_byte(out, '/');
	if (err == OK)
		err = buf_append(out, pattern);
	return err != OK ? err : buf_append_byte(out, '\0');
}

static enum err fail_match(int failed, struct str pattern, struct diag *diag)
{
	char name[200];

	(void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(pattern));
	if (failed == GLOB_NOMATCH)
		return diag_set(diag, ERR_NOT_FOUND, name, 0, 0, "no file has such a name");
	return diag_set(diag, ERR_IO, name, 0, 0, "the folder cannot be read: %s", strerror(errno));
}

enum err config_file_match(struct arena *arena, struct str folder, struct str pattern,
			   struct diag *diag, const char *out[static CONFIG_FILE_MATCHES],
			   size_t *out_count)
{
	glob_t found = {0};
	struct buf full;
	int failed = GLOB_NOSPACE;
	enum err err;

	buf_init(&full, FILE_PATTERN_BYTES);
	err = make_pattern(folder, pattern, &full);
	if (err == OK) {
		failed = glob(full.ptr, GLOB_ERR, NULL, &found);
		if (failed != 0)
			err = fail_match(failed, pattern, diag);
	} else {
		err = diag_set(diag, err, "", 0, 0, "the name is too long");
	}
	if (err == OK && found.gl_pathc > CONFIG_FILE_MATCHES)
		err = diag_set(diag, ERR_LIMIT, full.ptr, 0, 0,
			       "more than %d files have such names", CONFIG_FILE_MATCHES);
	for (size_t i = 0; err == OK && i < found.gl_pathc; i++) {
		out[i] = arena_str(arena, str_from_c(found.gl_pathv[i])).ptr;
		if (out[i] == NULL)
			err = diag_set(diag, ERR_LIMIT, full.ptr, 0, 0, "too many files");
	}
	if (err == OK)
		*out_count = found.gl_pathc;
	if (failed == 0)
		globfree(&found);
	buf_fini(&full);
	return err;
}
