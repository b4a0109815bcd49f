/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

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

enum err config_file_read(struct arena *arena, const char *path, size_t max, struct diag *diag,
			  struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *content = NULL;
	size_t len = 0;
	enum err err = OK;

	if (fd < 0)
		return diag_set(diag, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, path, 0, 0,
				"cannot be opened: %s", strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = diag_set(diag, ERR_IO, path, 0, 0, "is not a regular file");
	else if ((uint64_t)st.st_size > max)
		err = diag_set(diag, ERR_LIMIT, path, 0, 0, "is larger than %zu bytes", max);
	if (err == OK) {
		content = arena_alloc(arena, (size_t)st.st_size + 1);
		err = content == NULL ? ERR_LIMIT : read_all(fd, content, (size_t)st.st_size, &len);
		if (err != OK)
			err = diag_set(diag, err, path, 0, 0, "cannot be read: %s",
				       strerror(errno));
	}
	close(fd);
	if (err != OK)
		return err;
	content[len] = '\0';
	*out = str_make(content, len);
	return OK;
}

enum err config_file_match(struct arena *arena, const char *pattern, struct diag *diag,
			   const char **out, size_t *out_count)
{
	glob_t found = {0};
	enum err err = OK;

	if (glob(pattern, GLOB_ERR, NULL, &found) != 0)
		err = diag_set(diag, ERR_NOT_FOUND, pattern, 0, 0, "no file has such a name");
	else if (found.gl_pathc > CONFIG_FILE_MATCHES)
		err = diag_set(diag, ERR_LIMIT, pattern, 0, 0, "more than %d files have such names",
			       CONFIG_FILE_MATCHES);
	for (size_t i = 0; err == OK && i < found.gl_pathc; i++) {
		out[i] = arena_str(arena, str_from_c(found.gl_pathv[i])).ptr;
		if (out[i] == NULL)
			err = ERR_LIMIT;
	}
	if (err == OK)
		*out_count = found.gl_pathc;
	globfree(&found);
	return err;
}
