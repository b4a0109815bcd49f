/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"

#define TEXT_BYTES 24

/* The process id is there for the reader of the message; the lock itself is the kernel's. */
static enum err locked_by_other(struct files files, int fd, const char *path, struct diag *diag)
{
	char pid[TEXT_BYTES] = "";
	size_t len = 0;

	if (files_read(files, fd, pid, sizeof(pid) - 1, 0, &len) != OK)
		len = 0;
	pid[len] = '\0';
	return diag_set(diag, ERR_CONFLICT, path, 0, 0,
			"another tollgate (process %.*s) uses this state folder; stop it or give "
			"this one its own gateway.state",
			(int)strcspn(pid, "\n"), pid);
}

enum err epoch_lock(struct files files, const char *state, struct diag *diag, int *out_fd)
{
	char path[FILE_PATH_BYTES];
	char pid[TEXT_BYTES];
	enum err err = files_path(path, state, "lock");
	int fd;
	int len;

	if (err != OK)
		return diag_set(diag, err, state, 0, 0, "the path of the state folder is too long");
	fd = files.ops->open(files.arg, path, O_RDWR | O_CREAT);
	if (fd < 0)
		return diag_set(diag, files_error(), path, 0, 0, "cannot open: %s",
				strerror(errno));
	if (files.ops->lock(files.arg, fd) != 0) {
		err = errno == EWOULDBLOCK ? locked_by_other(files, fd, path, diag)
					   : diag_set(diag, ERR_IO, path, 0, 0, "cannot lock: %s",
						      strerror(errno));
		files.ops->close(files.arg, fd);
		return err;
	}
	len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (files.ops->ftruncate(files.arg, fd, 0) == 0)
		err = files_write(files, fd, pid, (size_t)len, 0);
	(void)err; /* a full disk must not keep what is open from being settled */
	*out_fd = fd;
	return OK;
}

void epoch_unlock(struct files files, int fd)
{
	if (fd >= 0)
		files.ops->close(files.arg, fd);
}

static enum err epoch_read(struct files files, const char *path, struct diag *diag, uint32_t *out)
{
	char text[TEXT_BYTES];
	struct str line;
	uint64_t value;
	size_t len = 0;
	enum err err;
	int fd = files.ops->open(files.arg, path, O_RDONLY);

	if (fd < 0 && errno == ENOENT) {
		*out = 0;
		return OK;
	}
	if (fd < 0)
		return diag_set(diag, ERR_IO, path, 0, 0, "cannot open: %s", strerror(errno));
	err = files_read(files, fd, text, sizeof(text), 0, &len);
	files.ops->close(files.arg, fd);
	if (err != OK)
		return diag_set(diag, err, path, 0, 0, "cannot read: %s", strerror(errno));
	line = str_make(text, len);
	if (str_has_suffix(line, STR("\n")))
		line.len--;
	if (str_to_u64(line, &value) != OK || value >= UINT32_MAX)
		return diag_set(diag, ERR_DAMAGED, path, 1, 1,
				"the boot counter is not a number; write the highest epoch seen in "
				"the journal into it");
	*out = (uint32_t)value;
	return OK;
}

static enum err epoch_write(struct files files, const char *state, const char *path, uint32_t epoch)
{
	char path_new[FILE_PATH_BYTES];
	char text[TEXT_BYTES];
	int len = snprintf(text, sizeof(text), "%u\n", epoch);
	enum err err = files_path(path_new, state, "epoch.new");
	int fd;

	if (err != OK)
		return err;
	fd = files.ops->open(files.arg, path_new, O_RDWR | O_CREAT | O_TRUNC);
	if (fd < 0)
		return files_error();
	err = files_write(files, fd, text, (size_t)len, 0);
	if (err == OK && files.ops->fsync(files.arg, fd) != 0)
		err = files_error();
	if (files.ops->close(files.arg, fd) != 0 && err == OK)
		err = files_error();
	if (err == OK && files.ops->rename(files.arg, path_new, path) != 0)
		err = files_error();
	return err == OK ? files_sync_dir(files, state) : err;
}

enum err epoch_advance(struct files files, const char *state, uint32_t at_least, struct diag *diag,
		       uint32_t *out)
{
	char path[FILE_PATH_BYTES];
	uint32_t epoch = 0;
	enum err err = files_path(path, state, "epoch");

	if (err != OK)
		return diag_set(diag, err, state, 0, 0, "the path of the state folder is too long");
	err = epoch_read(files, path, diag, &epoch);
	if (err != OK)
		return err;
	epoch = MAX(epoch, at_least) + 1;
	err = epoch_write(files, state, path, epoch);
	if (err != OK)
		return diag_set(diag, err, path, 0, 0, "cannot store the boot counter: %s",
				strerror(errno));
	*out = epoch;
	return OK;
}
