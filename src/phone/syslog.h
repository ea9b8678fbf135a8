/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_SYSLOG_H
#define PHONE_SYSLOG_H
/*
 * phone/syslog - the phone's own log, sent by UDP in the form of RFC 3164, as
 * phones do.  What cannot be sent is dropped.
 */
#include <stdbool.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

struct syslog {
	int fd;           /* -1: nobody is told */
	char host[32];    /* HOSTNAME: the phone's MAC address */
	char tag[32];
};

/* to not set: nobody is told.  0 or -errno. */
MUSTCHECK int syslog_open(struct syslog *s, const struct addr *to,
    const char *host, const char *tag);
void syslog_close(struct syslog *s);

/* facility local0; severity warning or informational. */
void syslog_send(struct syslog *s, bool warning, const char *text,
    int64_t wall_s);

/* "<134>Nov 26 04:48:04 HOST TAG: TEXT" (RFC 3164 4.1), UTC. */
void syslog_format(struct buf *out, const struct syslog *s, bool warning,
    const char *text, int64_t wall_s);

#endif
