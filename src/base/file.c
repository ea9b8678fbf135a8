/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static int
complain(struct buf *why, const char *path, const char *what, int error)
{
	buf_printf(why, "%s: cannot %s: %s", path, what, err_str(-error));
	return -error;
}

static void
folder_of(const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		str_copy(folder, PATH_MAX, STR("."));
	else
		str_copy(folder, PATH_MAX,
		    str_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

/* Ours, root's; for root, whose the folder is: he can exchange it anyway. */
static bool
is_trusted(const char *path, uid_t owner)
{
	char folder[PATH_MAX];
	struct stat st;

	if (owner == geteuid() || owner == 0)
		return true;
	folder_of(path, folder);
	return geteuid() == 0 && stat(folder, &st) == 0 &&
	    st.st_uid == owner;
}

static int
check_kind(const char *path, int fd, enum file_kind kind, struct buf *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return complain(why, path, "look at it", errno);
	if (!S_ISREG(st.st_mode)) {
		buf_printf(why, "%s: is not a regular file", path);
		return E_CONFIG;
	}
	if (kind == FILE_PUBLIC)
		return 0;
	if (!is_trusted(path, st.st_uid)) {
		buf_printf(why,
		    "%s: belongs to user %u, must belong to user %u: "
		    "chown %u %s",
		    path, (unsigned)st.st_uid, (unsigned)geteuid(),
		    (unsigned)geteuid(), path);
		return E_CONFIG;
	}
	if ((st.st_mode & 077) != 0) {
		buf_printf(why,
		    "%s: holds a secret, but its mode %04o lets others at it: "
		    "chmod 600 %s",
		    path, (unsigned)(st.st_mode & 07777), path);
		return E_CONFIG;
	}
	return 0;
}

static int
read_all(struct buf *out, int fd, const char *path, struct buf *why)
{
	char chunk[4096];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain(why, path, "read", errno);
		if (n == 0)
			return 0;
		buf_put(out, chunk, (size_t)n);
		if (out->failed) {
			buf_printf(why, "%s: is longer than %zu bytes", path,
			    out->cap);
			return E_LIMIT;
		}
	}
}

int
file_read(struct buf *out, const char *path, enum file_kind kind,
    struct buf *why)
{
	size_t before = out->n;
	int fd, rc;

	/* O_NONBLOCK: a FIFO in the file's place must not hang the start. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return complain(why, path, "open", errno);
	rc = check_kind(path, fd, kind, why);
	if (rc == 0)
		rc = read_all(out, fd, path, why);
	if (rc != 0)
		out->n = before;
	close(fd);
	return rc;
}

static int
write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

/* The rename itself is durable only when the folder is synced. */
static int
sync_folder(const char *path)
{
	char folder[PATH_MAX];
	int fd, rc;

	folder_of(path, folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

int
file_write(const char *path, enum file_kind kind, struct str content,
    struct buf *why)
{
	return file_write_for(path, kind, NULL, content, why);
}

int
file_write_for(const char *path, enum file_kind kind,
    const struct file_owner *owner, struct str content, struct buf *why)
{
	char new[PATH_MAX];
	int fd, rc;

	if ((size_t)snprintf(new, sizeof(new), "%s.new", path) >= sizeof(new))
		return complain(why, path, "write", ENAMETOOLONG);
	/* What an interrupted write left behind. */
	if (unlink(new) != 0 && errno != ENOENT)
		return complain(why, new, "remove", errno);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return complain(why, new, "create", errno);
	rc = owner != NULL && fchown(fd, owner->uid, owner->gid) != 0 ?
	    -errno : 0;
	if (rc == 0)
		rc = write_all(fd, content);
	if (rc == 0 && fchmod(fd, kind == FILE_SECRET ? 0600 : 0644) != 0)
		rc = -errno;
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(new, path) != 0)
		rc = -errno;
	if (rc == 0)
		return (rc = sync_folder(path)) == 0 ? 0 :
		    complain(why, path, "sync the folder of", -rc);
	IGNORE(unlink(new)); /* the first error is the one to tell */
	return complain(why, path, "write", -rc);
}
