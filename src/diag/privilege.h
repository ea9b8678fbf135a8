/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_PRIVILEGE_H
#define DIAG_PRIVILEGE_H
/* diag/privilege - root's rights are given up before strangers' bytes come. */
#include "base/buf.h"

/*
 * Become user for good, with no other groups; who is not root stays what he
 * is.  0, or an error with a sentence in why: then go no further.
 */
MUSTCHECK int privilege_drop(const char *user, struct buf *why);

#endif
