/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int system_open(void *arg, const char *path, int flags)
{
	(void)arg;
	return open(path, flags | O_CLOEXEC, 0640);
}

static int system_close(void *arg, int fd)
{
	(void)arg;
	return close(fd);
}

static ssize_t system_pread(void *arg, int fd, void *out, size_t len, off_t offset)
{
	(void)arg;
	return pread(fd, out, len, offset);
}

static ssize_t system_pwrite(void *arg, int fd, const void *in, size_t len, off_t offset)
{
	(void)arg;
	return pwrite(fd, in, len, offset);
}

static int system_fdatasync(void *arg, int fd)
{
	(void)arg;
	return fdatasync(fd);
}

static int system_fsync(void *arg, int fd)
{
	(void)arg;
	return fsync(fd);
}

/* Where the file system cannot (EOPNOTSUPP), the C library writes zeros instead. */
static int system_fallocate(void *arg, int fd, off_t len)
{
	int error;

	(void)arg;
	error = posix_fallocate(fd, 0, len);
	errno = error;
	return error == 0 ? 0 : -1;
}

static void system_writeback(void *arg, int fd, off_t offset, off_t len)
{
	(void)arg;
	(void)!sync_file_range(fd, offset, len, SYNC_FILE_RANGE_WRITE);
}

static int system_ftruncate(void *arg, int fd, off_t len)
{
	(void)arg;
	return ftruncate(fd, len);
}

static off_t system_size(void *arg, int fd)
{
	struct stat st;

	(void)arg;
	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static int system_rename(void *arg, const char *from, const char *to)
{
	(void)arg;
	return rename(from, to);
}

static int system_unlink(void *arg, const char *path)
{
	(void)arg;
	return unlink(path);
}

static int system_mkdir(void *arg, const char *path)
{
	(void)arg;
	return mkdir(path, 0750);
}

static int system_lock(void *arg, int fd)
{
	(void)arg;
	return flock(fd, LOCK_EX | LOCK_NB);
}

static int system_list(void *arg, const char *dir, file_name_fn each, void *each_arg)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	int error;

	(void)arg;
	if (stream == NULL)
		return -1;
	errno = 0;
	while ((entry = readdir(stream)) != NULL)
		each(each_arg, entry->d_name);
	error = errno;
	closedir(stream);
	errno = error;
	return error == 0 ? 0 : -1;
}

static const struct file_ops system_ops = {
	.open = system_open,
	.close = system_close,
	.pread = system_pread,
	.pwrite = system_pwrite,
	.fdatasync = system_fdatasync,
	.fsync = system_fsync,
	.fallocate = system_fallocate,
	.writeback = system_writeback,
	.ftruncate = system_ftruncate,
	.size = system_size,
	.rename = system_rename,
	.unlink = system_unlink,
	.mkdir = system_mkdir,
	.lock = system_lock,
	.list = system_list,
};

struct files files_system(void)
{
	return (struct files){&system_ops, NULL};
}

enum err files_error(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_UNAVAILABLE : ERR_IO;
}

enum err files_write(struct files files, int fd, const void *in, size_t len, off_t offset)
{
	const char *next = in;

	while (len > 0) {
		ssize_t n = files.ops->pwrite(files.arg, fd, next, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0) /* no progress and no errno: as full as a disk gets */
			errno = ENOSPC;
		if (n <= 0)
			return files_error();
		next += n;
		len -= (size_t)n;
		offset += n;
	}
	return OK;
}

enum err files_read(struct files files, int fd, void *out, size_t len, off_t offset,
		    size_t *out_len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = files.ops->pread(files.arg, fd, (char *)out + done, len - done,
					     offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*out_len = done;
	return OK;
}

/* EINTR has not consumed an error of the device, so asking again is honest; any other failure
 * has, and the caller must not believe this descriptor any more. */
enum err files_sync(struct files files, int fd)
{
	int rc;

	do
		rc = files.ops->fdatasync(files.arg, fd);
	while (rc != 0 && errno == EINTR);
	return rc == 0 ? OK : files_error();
}

enum err files_sync_dir(struct files files, const char *dir)
{
	int fd = files.ops->open(files.arg, dir, O_RDONLY | O_DIRECTORY);
	int rc;
	int error;

	if (fd < 0)
		return files_error();
	do
		rc = files.ops->fsync(files.arg, fd);
	while (rc != 0 && errno == EINTR);
	error = errno;
	files.ops->close(files.arg, fd);
	errno = error;
	return rc == 0 ? OK : files_error();
}

enum err files_make_dir(struct files files, const char *dir)
{
	return files.ops->mkdir(files.arg, dir) == 0 || errno == EEXIST ? OK : files_error();
}

enum err files_path(char out[static FILE_PATH_BYTES], const char *dir, const char *name)
{
	int n = snprintf(out, FILE_PATH_BYTES, "%s/%s", dir, name);

	return n < 0 || n >= FILE_PATH_BYTES ? ERR_LIMIT : OK;
}
