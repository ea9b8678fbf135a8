/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/reply - build responses (RFC 3261 8.2.6, 18.2.1, RFC 3581 4).
 */
#include "sip/reply.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 100, "Trying" },
	{ 180, "Ringing" },
	{ 181, "Call Is Being Forwarded" },
	{ 182, "Queued" },
	{ 183, "Session Progress" },
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Moved Temporarily" },
	{ 305, "Use Proxy" },
	{ 380, "Alternative Service" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 410, "Gone" },
	{ 412, "Conditional Request Failed" },
	{ 413, "Request Entity Too Large" },
	{ 414, "Request-URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Unsupported URI Scheme" },
	{ 420, "Bad Extension" },
	{ 421, "Extension Required" },
	{ 423, "Interval Too Brief" },
	{ 430, "Flow Failed" },
	{ 439, "First Hop Lacks Outbound Support" },
	{ 480, "Temporarily Unavailable" },
	{ 481, "Call/Transaction Does Not Exist" },
	{ 482, "Loop Detected" },
	{ 483, "Too Many Hops" },
	{ 484, "Address Incomplete" },
	{ 485, "Ambiguous" },
	{ 486, "Busy Here" },
	{ 487, "Request Terminated" },
	{ 488, "Not Acceptable Here" },
	{ 489, "Bad Event" },
	{ 491, "Request Pending" },
	{ 493, "Undecipherable" },
	{ 500, "Server Internal Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Server Time-out" },
	{ 505, "Version Not Supported" },
	{ 513, "Message Too Large" },
	{ 600, "Busy Everywhere" },
	{ 603, "Decline" },
	{ 604, "Does Not Exist Anywhere" },
	{ 606, "Not Acceptable" },
};

static const char *const classes[] = {
	[1] = "Progress",
	[2] = "OK",
	[3] = "Redirection",
	[4] = "Request Failure",
	[5] = "Server Failure",
	[6] = "Global Failure",
};

const char *
sip_reason(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	if (status >= 100 && status <= 699)
		return classes[status / 100];
	return "Unknown";
}

static void
line(struct buf *out, const char *name, struct str value)
{
	buf_puts(out, name);
	buf_put(out, ": ", 2);
	buf_str(out, value);
	buf_put(out, "\r\n", 2);
}

static void
vias(struct buf *out, const struct sip_msg *m, const struct addr *source)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_VIA);
	const char *after;

	if (f != NULL && m->via.all.p != NULL && source != NULL &&
	    addr_is_set(source)) {
		buf_puts(out, "Via: ");
		sip_via_put(out, &m->via, source);
		after = str_end(m->via.all);
		buf_put(out, after, (size_t)(str_end(f->value) - after));
		buf_put(out, "\r\n", 2);
		f = sip_msg_next(m, f);
	}
	for (; f != NULL; f = sip_msg_next(m, f))
		line(out, "Via", f->value);
}

static void
copied(struct buf *out, const struct sip_msg *m, enum sip_header id)
{
	const struct sip_field *f = sip_msg_field(m, id);

	if (f != NULL)
		line(out, sip_header_str(id).p, f->value);
}

void
sip_reply_begin(struct buf *out, const struct sip_msg *m, int status,
    const char *reason, struct str to_tag, const struct addr *source)
{
	const struct sip_field *to = sip_msg_field(m, SIP_HEADER_TO);

	buf_puts(out, "SIP/2.0 ");
	buf_u64(out, (uint64_t)status);
	buf_putc(out, ' ');
	buf_puts(out, reason != NULL ? reason : sip_reason(status));
	buf_put(out, "\r\n", 2);
	vias(out, m, source);
	copied(out, m, SIP_HEADER_FROM);
	if (to != NULL) {
		buf_puts(out, "To: ");
		buf_str(out, to->value);
		/* A To that could not be read is copied and left alone. */
		if (m->to.uri.p != NULL && m->to_tag.p == NULL &&
		    to_tag.p != NULL) {
			buf_puts(out, ";tag=");
			buf_str(out, to_tag);
		}
		buf_put(out, "\r\n", 2);
	}
	copied(out, m, SIP_HEADER_CALL_ID);
	copied(out, m, SIP_HEADER_CSEQ);
	copied(out, m, SIP_HEADER_TIMESTAMP);
}

void
sip_reply_end(struct buf *out)
{
	buf_puts(out, "Content-Length: 0\r\n\r\n");
}

/* Two digits. */
static void
two(char *p, int v)
{
	p[0] = (char)('0' + v / 10);
	p[1] = (char)('0' + v % 10);
}

/*
 * Proleptic Gregorian calendar by hand: gmtime_r takes the lock of the time
 * zone, and this goes into every 200.  Years are counted from March, so that
 * the leap day is the last of its year.
 */
void
sip_reply_date(struct buf *out, int64_t wall_s)
{
	static const char wdays[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
	char text[] = "Date: Www, DD Mmm YYYY HH:MM:SS GMT\r\n";
	int64_t days, era, doe, yoe, doy, month;
	int s, year;

	if (wall_s < 0)
		wall_s = 0;
	days = wall_s / 86400;
	s = (int)(wall_s % 86400);
	era = (days + 719468) / 146097; /* days from 1 March of year 0 */
	doe = (days + 719468) % 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	month = (5 * doy + 2) / 153; /* 0: March */
	year = (int)((yoe + era * 400 + (month >= 10)) % 10000);
	memcpy(text + 6, wdays + days % 7 * 3, 3);
	two(text + 11, (int)(doy - (153 * month + 2) / 5 + 1));
	memcpy(text + 14, months + month * 3, 3);
	two(text + 18, year / 100);
	two(text + 20, year % 100);
	two(text + 23, s / 3600);
	two(text + 26, s / 60 % 60);
	two(text + 29, s % 60);
	buf_put(out, text, sizeof(text) - 1);
}
