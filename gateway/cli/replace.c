/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err write_all(int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t wrote = write(fd, text.ptr, text.len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return ERR_IO;
		text = str_sub(text, (size_t)wrote, text.len - (size_t)wrote);
	}
	return fsync(fd) == 0 ? OK : ERR_IO;
}

/* The rename itself must survive a crash. */
static enum err sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";
	int fd;
	enum err err;

	if (slash != NULL && (size_t)(slash - path) < sizeof(folder)) {
		size_t len = (size_t)MAX(slash - path, 1);

		memcpy(folder, path, len);
		folder[len] = '\0';
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	err = fsync(fd) == 0 ? OK : ERR_IO;
	(void)close(fd);
	return err;
}

/* Mode and owner of the old file: the gateway must be able to read the new one as well. */
static enum err copy_rights(const char *path, int fd)
{
	struct stat old;

	if (stat(path, &old) != 0)
		return fchmod(fd, 0600) == 0 ? OK : ERR_IO;
	if ((old.st_uid != geteuid() || old.st_gid != getegid()) &&
	    fchown(fd, old.st_uid, old.st_gid) != 0)
		return ERR_IO;
	return fchmod(fd, old.st_mode & 07777) == 0 ? OK : ERR_IO;
}

static enum err write_beside(const char *path, const char *beside, struct str text)
{
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum err err;

	if (fd < 0)
		return ERR_IO;
	err = copy_rights(path, fd);
	if (err == OK)
		err = write_all(fd, text);
	if (close(fd) != 0)
		err = ERR_IO;
	if (err == OK && rename(beside, path) != 0)
		err = ERR_IO;
	if (err != OK) {
		int why = errno;

		(void)unlink(beside);
		errno = why;
		return err;
	}
	return sync_folder(path);
}

enum err replace_file(const char *path, struct str text, struct diag *diag)
{
	/* Through a link the file it names is replaced, not the link. */
	char *real = realpath(path, NULL);
	const char *target = real == NULL ? path : real;
	size_t len = strlen(target);
	char *beside = base_alloc(len + sizeof(".new"));
	enum err err;

	memcpy(beside, target, len);
	memcpy(beside + len, ".new", sizeof(".new"));
	errno = 0;
	err = write_beside(target, beside, text);
	if (err != OK && errno == EEXIST)
		err = diag_set(diag, err, beside, 0, 0,
			       "is there already: another change is going on, or one was cut "
			       "short (then remove it)");
	else if (err != OK)
		err = diag_set(diag, err, beside, 0, 0, "cannot write: %s", strerror(errno));
	free(beside);
	free(real);
	return err;
}
