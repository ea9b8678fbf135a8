/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/syslog.h"

#include <time.h>
#include <unistd.h>

#include "net/sock.h"

#define LOCAL0         16
#define WARNING        4
#define INFORMATIONAL  6
#define LINE_MAX_BYTES 1024 /* RFC 3164 4.1 */

int
syslog_open(struct syslog *s, const struct addr *to, const char *host,
    const char *tag)
{
	*s = (struct syslog) { .fd = -1 };
	str_copy(s->host, sizeof(s->host), str_cstr(host));
	str_copy(s->tag, sizeof(s->tag), str_cstr(tag));
	if (!addr_is_set(to))
		return 0;
	s->fd = sock_connect(to, NULL, true);
	return s->fd < 0 ? s->fd : 0;
}

void
syslog_close(struct syslog *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void
syslog_format(struct buf *out, const struct syslog *s, bool warning,
    const char *text, int64_t wall_s)
{
	static const char month[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)wall_s;
	struct tm tm = { 0 };

	IGNORE(gmtime_r(&t, &tm) == NULL); /* then it is the epoch */
	buf_printf(out, "<%d>%s %2d %02d:%02d:%02d %s %s: %s",
	    LOCAL0 * 8 + (warning ? WARNING : INFORMATIONAL),
	    month[tm.tm_mon % 12], tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, s->host, s->tag, text);
}

void
syslog_send(struct syslog *s, bool warning, const char *text, int64_t wall_s)
{
	char bytes[LINE_MAX_BYTES];
	struct buf line;

	if (s->fd < 0)
		return;
	buf_init_array(&line, bytes, sizeof(bytes));
	syslog_format(&line, s, warning, text, wall_s);
	if (!line.failed)
		IGNORE(send(s->fd, line.p, line.n, MSG_NOSIGNAL) < 0);
}
