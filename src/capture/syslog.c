/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/syslog.h"

#include <string.h>
#include <time.h>

#define PRIORITY_MAX  191         /* RFC 5424 6.2.1 */
#define HOST_MAX      255         /* RFC 5424 6     */
#define TAG_MAX       48
#define OFF_DAYS      2           /* no time zone, no leap day explains it */
#define DAY_S         INT64_C(86400)
#define YEAR_DAYS     365

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
skip_spaces(struct str *s)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = str_from(*s, 1);
}

/* n digits at s; -1: there are others. */
static int
number_at(struct str s, size_t at, size_t n)
{
	int v = 0;

	if (at + n > s.n)
		return -1;
	for (size_t i = at; i < at + n; i++) {
		if (!is_digit(s.p[i]))
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

/* ---- the parts, each cut off the front ---- */

/* "<134>"; RFC 3164 4.3.3: without it the whole is content. */
static int
cut_priority(struct str *s)
{
	int v = 0;
	size_t i = 1;

	if (s->n < 3 || s->p[0] != '<')
		return -1;
	for (; i < s->n && i <= 3 && is_digit(s->p[i]); i++)
		v = v * 10 + (s->p[i] - '0');
	if (i == 1 || i == s->n || s->p[i] != '>' || v > PRIORITY_MAX)
		return -1;
	*s = str_from(*s, i + 1);
	return v;
}

static int
month_at(struct str s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int m = 0; s.n >= 3 && m < 12; m++)
		if (str_ieq(str_of(s.p, 3), str_of(names + 3 * m, 3)))
			return m;
	return -1;
}

/* "12:34:56", or 0. */
static size_t
clock_length(struct str s)
{
	return s.n >= 8 && number_at(s, 0, 2) >= 0 && s.p[2] == ':' &&
	    number_at(s, 3, 2) >= 0 && s.p[5] == ':' &&
	    number_at(s, 6, 2) >= 0 ? 8 : 0;
}

/*
 * "Nov  6 12:34:56" (RFC 3164 4.1.2); phones also write "Nov 06", "Nov 6", a
 * year behind the day, milliseconds, and a colon at the end.
 */
static struct str
cut_bsd_time(struct str *s)
{
	struct str at = *s;
	size_t digits = 0;
	struct str when;

	if (month_at(at) < 0 || at.n < 4 || at.p[3] != ' ')
		return STR_NULL;
	at = str_from(at, 4);
	skip_spaces(&at);
	while (digits < 2 && digits < at.n && is_digit(at.p[digits]))
		digits++;
	if (digits == 0 || digits == at.n || at.p[digits] != ' ')
		return STR_NULL;
	at = str_from(at, digits + 1);
	if (number_at(at, 0, 4) >= 0 && at.n > 4 && at.p[4] == ' ')
		at = str_from(at, 5);
	if (clock_length(at) == 0)
		return STR_NULL;
	at = str_from(at, clock_length(at));
	while (at.n > 0 && (at.p[0] == '.' || is_digit(at.p[0])))
		at = str_from(at, 1);
	when = str_of(s->p, s->n - at.n);
	if (at.n > 0 && at.p[0] == ':')
		at = str_from(at, 1);
	*s = at;
	return when;
}

/* "2026-11-26T07:36:19.123+01:00" (RFC 3339), or with a space for the T. */
static struct str
cut_iso_time(struct str *s)
{
	struct str all = *s;
	size_t n = 19;

	if (all.n < n || number_at(all, 0, 4) < 0 || all.p[4] != '-' ||
	    number_at(all, 5, 2) < 0 || all.p[7] != '-' ||
	    number_at(all, 8, 2) < 0 ||
	    (all.p[10] != 'T' && all.p[10] != ' ') ||
	    clock_length(str_from(all, 11)) == 0)
		return STR_NULL;
	while (n < all.n && (is_digit(all.p[n]) ||
	    memchr(".:+-Z", all.p[n], 5) != NULL))
		n++;
	*s = str_from(all, n);
	return str_of(all.p, n);
}

/* A word up to a space; "-" is none (RFC 5424 6). */
static struct str
cut_word(struct str *s)
{
	struct str word;

	skip_spaces(s);
	word = str_of(s->p, str_find(*s, ' '));
	*s = str_from(*s, word.n);
	return str_eq(word, STR("-")) ? str_of(word.p, 0) : word;
}

/* "[id name="value"]..." or "-" (RFC 5424 6.3); broken: it is content. */
static void
skip_data(struct str *s)
{
	struct str at;

	skip_spaces(s);
	at = *s;
	if (at.n > 0 && at.p[0] == '-') {
		*s = str_from(at, 1);
		return;
	}
	while (at.n > 0 && at.p[0] == '[') {
		bool quoted = false;
		size_t i = 1;

		for (; i < at.n && (quoted || at.p[i] != ']'); i++) {
			if (at.p[i] == '\\' && quoted)
				i++;
			else if (at.p[i] == '"')
				quoted = !quoted;
		}
		if (i >= at.n)
			return;
		at = str_from(at, i + 1);
	}
	*s = at;
}

/* "1 TIME HOST APP PROCID MSGID DATA MSG" behind the priority. */
static bool
parse_5424(struct syslog_line *out, struct str s)
{
	if (s.n < 2 || s.p[0] != '1' || s.p[1] != ' ')
		return false;
	s = str_from(s, 2);
	if (s.n > 0 && s.p[0] == '-' && (s.n == 1 || s.p[1] == ' '))
		s = str_from(s, 1);
	else if ((out->when = cut_iso_time(&s)).n == 0)
		return false;
	out->host = cut_word(&s);
	out->tag = cut_word(&s);
	IGNORE(cut_word(&s).p == NULL); /* PROCID */
	IGNORE(cut_word(&s).p == NULL); /* MSGID  */
	skip_data(&s);
	skip_spaces(&s);
	if (str_starts(s, STR("\xef\xbb\xbf")))
		s = str_from(s, 3);
	out->text = str_trim(s);
	return true;
}

/* "sshd[12]:", "GS_LOG:": how long with its colon, 0: no tag. */
static size_t
tag_length(struct str s, size_t *name)
{
	size_t i = 0;

	while (i < s.n && i < TAG_MAX && (is_letter(s.p[i]) ||
	    is_digit(s.p[i]) || memchr("_-./", s.p[i], 4) != NULL))
		i++;
	*name = i;
	if (i < s.n && s.p[i] == '[') {
		while (i < s.n && i < 2 * TAG_MAX && s.p[i] != ']' &&
		    s.p[i] != ' ')
			i++;
		if (i == s.n || s.p[i++] != ']')
			return 0;
	}
	return *name > 0 && i < s.n && s.p[i] == ':' &&
	    (i + 1 == s.n || s.p[i + 1] == ' ') ? i + 1 : 0;
}

static void
cut_tag(struct syslog_line *out, struct str *s)
{
	size_t name, n = tag_length(*s, &name);

	if (n == 0)
		return;
	out->tag = str_of(s->p, name);
	*s = str_from(*s, n);
	skip_spaces(s);
}

/* TIME HOST TAG: MSG, each of which may be missing (RFC 3164 4.1, 4.3). */
static void
parse_3164(struct syslog_line *out, struct str s)
{
	size_t name, host;

	skip_spaces(&s);
	out->when = cut_bsd_time(&s);
	if (out->when.n == 0)
		out->when = cut_iso_time(&s);
	skip_spaces(&s);
	host = str_find(s, ' ');
	/* Who leaves the host out has its tag there; a host has no colon
	 * at its end, and a tag behind it. */
	if (out->when.n > 0 && host > 0 && host <= HOST_MAX && host < s.n &&
	    s.p[host - 1] != ':' && tag_length(s, &name) == 0) {
		struct str rest = str_from(s, host);

		skip_spaces(&rest);
		if (tag_length(rest, &name) > 0) {
			out->host = str_of(s.p, host);
			s = rest;
		}
	}
	cut_tag(out, &s);
	out->text = str_trim(s);
}

void
syslog_parse(struct syslog_line *out, struct str line)
{
	*out = (struct syslog_line) { .priority = -1 };
	line = str_trim(line);
	out->priority = cut_priority(&line);
	if (out->priority < 0 || !parse_5424(out, line)) {
		out->when = out->host = out->tag = STR_NULL;
		parse_3164(out, line);
	}
}

const char *
syslog_severity(int priority)
{
	static const char *const names[] = { "emerg", "alert", "crit", "err",
		"warning", "notice", "info", "debug" };

	return priority < 0 ? "" : names[priority & 7];
}

/* ---- lines and frames ---- */

static bool
is_end(char c)
{
	return c == '\n' || c == '\r' || c == '\0';
}

bool
syslog_next(struct str *rest, struct str *line)
{
	size_t n = 0;

	while (rest->n > 0 && is_end(rest->p[0]))
		*rest = str_from(*rest, 1);
	while (n < rest->n && !is_end(rest->p[n]))
		n++;
	*line = str_of(rest->p, n);
	*rest = str_from(*rest, n);
	return n > 0;
}

/* "123 <": the length of what follows; 0: this is no counted frame. */
static uint32_t
counted(struct str s, size_t *digits)
{
	uint32_t n = 0;
	size_t i = 0;

	for (; i < s.n && i < 7 && is_digit(s.p[i]); i++)
		n = n * 10 + (uint32_t)(s.p[i] - '0');
	if (i == 0 || s.p[0] == '0' || i + 1 >= s.n || s.p[i] != ' ' ||
	    s.p[i + 1] != '<')
		return 0;
	*digits = i + 1;
	return n;
}

/* It may become a counted frame with more bytes. */
static bool
is_undecided(struct str s)
{
	size_t i = 0;

	while (i < s.n && i < 7 && is_digit(s.p[i]))
		i++;
	return i == s.n || (i > 0 && i + 1 == s.n && s.p[i] == ' ');
}

bool
syslog_frame(struct str bytes, struct str *frame, size_t *used,
    uint32_t *skip)
{
	size_t head = 0, n = 0, whole;
	uint32_t length = counted(bytes, &head);

	*skip = 0;
	if (length > 0) {
		whole = head + length;
		n = whole < SYSLOG_FRAME_MAX ? whole : SYSLOG_FRAME_MAX;
		if (bytes.n < n)
			return false;
		*skip = (uint32_t)(whole - n);
		*frame = str_of(bytes.p + head, n - head);
		*used = n;
		return true;
	}
	if (is_undecided(bytes) && bytes.n < SYSLOG_FRAME_MAX)
		return false;
	/* RFC 6587 3.4.2: LF, and what else implementations end it with. */
	while (n < bytes.n && n < SYSLOG_FRAME_MAX && bytes.p[n] != '\n' &&
	    bytes.p[n] != '\0')
		n++;
	if (n == bytes.n && n < SYSLOG_FRAME_MAX)
		return false;
	*frame = str_of(bytes.p, n);
	*used = n;
	if (n < SYSLOG_FRAME_MAX)
		*used = n + 1;
	else
		*skip = SYSLOG_SKIP_LINE;
	return true;
}

size_t
syslog_skip(struct str bytes, uint32_t *skip)
{
	size_t n;

	if (*skip != SYSLOG_SKIP_LINE) {
		n = bytes.n < *skip ? bytes.n : *skip;
		*skip -= (uint32_t)n;
		return n;
	}
	n = str_find(bytes, '\n');
	if (n == bytes.n)
		return n;
	*skip = 0;
	return n + 1;
}

/* ---- its clock ---- */

/* Days since the epoch, to a day: leap years are not looked at closely. */
static int64_t
days_of(int year, int month, int day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243,
		273, 304, 334 };

	return (int64_t)(year - 1970) * YEAR_DAYS + (year - 1969) / 4 +
	    before[month % 12] + day - 1;
}

bool
syslog_clock_is_off(struct str when, int64_t now_s)
{
	int64_t today = now_s / DAY_S, off;
	time_t t = (time_t)now_s;
	struct str day;
	struct tm tm;
	int month;

	if (when.n == 0 || gmtime_r(&t, &tm) == NULL)
		return false;
	if (is_digit(when.p[0])) {
		off = days_of(number_at(when, 0, 4), number_at(when, 5, 2) +
		    11, number_at(when, 8, 2)) - today;
		return off < -OFF_DAYS || off > OFF_DAYS;
	}
	month = month_at(when);
	day = str_from(when, 4);
	skip_spaces(&day);
	if (month < 0 || day.n < 2)
		return false;
	off = number_at(day, 0, 2);
	if (off < 0)
		off = number_at(day, 0, 1);
	/* Without its year: the nearest of three. */
	off += days_of(tm.tm_year + 1900, month, 0) - today;
	if (off > YEAR_DAYS / 2)
		off -= YEAR_DAYS;
	else if (off < -YEAR_DAYS / 2)
		off += YEAR_DAYS;
	return off < -OFF_DAYS || off > OFF_DAYS;
}
