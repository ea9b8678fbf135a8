/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_FILE_H
#define BASE_FILE_H
/*
 * base/file - small files read whole and replaced whole.
 *
 * A secret file is 0600 and belongs to this user or root: one that others
 * can read is refused, with the command that mends it.  Root also takes one
 * that belongs to whoever owns its folder: the user of a service.  A file is
 * written under PATH.new, synced and renamed: readers see the old one or the
 * new one.
 * Two writers of one path must exclude each other.
 */
#include <sys/types.h>

#include "base/buf.h"
#include "base/compiler.h"

enum file_kind { FILE_PUBLIC, FILE_SECRET };

/*
 * Append the file's content to out (whose cap is the limit).  0, -errno,
 * E_LIMIT, E_CONFIG (not a regular file, wrong owner or mode); then why has a
 * sentence that names the file, and out is as it was.
 */
MUSTCHECK int file_read(struct buf *out, const char *path,
    enum file_kind kind, struct buf *why);

/* Make or replace.  0 or -errno with a sentence in why. */
MUSTCHECK int file_write(const char *path, enum file_kind kind,
    struct str content, struct buf *why);

/* Whom a new file is to belong to. */
struct file_owner {
	uid_t uid;
	gid_t gid;
};

/* The same, for owner from the moment it is there; NULL: for us. */
MUSTCHECK int file_write_for(const char *path, enum file_kind kind,
    const struct file_owner *owner, struct str content, struct buf *why);

#endif
