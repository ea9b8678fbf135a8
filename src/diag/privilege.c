/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/err.h"

int
privilege_drop(const char *user, struct buf *why)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (pw == NULL) {
		buf_printf(why, "no user \"%s\" to become", user);
		return E_ABSENT;
	}
	if (pw->pw_uid == 0)
		return 0; /* the admin asked for it */
	if (setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 ||
	    setuid(pw->pw_uid) != 0) {
		int err = -errno;
		buf_printf(why, "cannot become user \"%s\": %s", user,
		    strerror(errno));
		return err;
	}
	/* It must not be possible to come back. */
	if (setuid(0) == 0 || geteuid() == 0) {
		buf_printf(why, "still root after becoming user \"%s\"", user);
		return E_STATE;
	}
	return 0;
}
