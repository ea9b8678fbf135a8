/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/date.h"

#include <stdio.h>
#include <time.h>

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

const char *
http_date_print(int64_t unix_s, char out[HTTP_DATE_LEN])
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < 0 || tm.tm_year > 8099) {
		t = 0;
		gmtime_r(&t, &tm);
	}
	snprintf(out, HTTP_DATE_LEN, "%s, %02u %s %04u %02u:%02u:%02u GMT",
	    days[tm.tm_wday % 7], (unsigned)tm.tm_mday % 100u,
	    months[tm.tm_mon % 12], (unsigned)(tm.tm_year + 1900) % 10000u,
	    (unsigned)tm.tm_hour % 100u, (unsigned)tm.tm_min % 100u,
	    (unsigned)tm.tm_sec % 100u);
	return out;
}

/* ---- the parts, each taken off the front; false: not there ---- */

static bool
skip(struct str *s, struct str what)
{
	if (!str_starts(*s, what))
		return false;
	*s = str_from(*s, what.n);
	return true;
}

static bool
number(struct str *s, size_t digits, int *out)
{
	uint32_t v;

	if (s->n < digits || !str_u32(str_of(s->p, digits), &v))
		return false;
	*out = (int)v;
	*s = str_from(*s, digits);
	return true;
}

static bool
month(struct str *s, int *out)
{
	for (int i = 0; i < 12; i++) {
		if (skip(s, str_of(months[i], 3))) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool
hms(struct str *s, struct tm *tm)
{
	return number(s, 2, &tm->tm_hour) && skip(s, STR(":")) &&
	    number(s, 2, &tm->tm_min) && skip(s, STR(":")) &&
	    number(s, 2, &tm->tm_sec);
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool
imf_fixdate(struct str s, struct tm *tm)
{
	bool ok = number(&s, 2, &tm->tm_mday) && skip(&s, STR(" ")) &&
	    month(&s, &tm->tm_mon) && skip(&s, STR(" ")) &&
	    number(&s, 4, &tm->tm_year) && skip(&s, STR(" ")) &&
	    hms(&s, tm) && str_eq(s, STR(" GMT"));

	tm->tm_year -= 1900;
	return ok;
}

/* "06-Nov-94 08:49:37 GMT": fifty years ahead at the most, else past. */
static bool
rfc850(struct str s, struct tm *tm)
{
	bool ok = number(&s, 2, &tm->tm_mday) && skip(&s, STR("-")) &&
	    month(&s, &tm->tm_mon) && skip(&s, STR("-")) &&
	    number(&s, 2, &tm->tm_year) && skip(&s, STR(" ")) &&
	    hms(&s, tm) && str_eq(s, STR(" GMT"));

	/* Without a clock of its own: 1970 to 2069. */
	if (tm->tm_year < 70)
		tm->tm_year += 100;
	return ok;
}

/* "Nov  6 08:49:37 1994" */
static bool
asctime_date(struct str s, struct tm *tm)
{
	bool ok = month(&s, &tm->tm_mon) && skip(&s, STR(" ")) &&
	    (skip(&s, STR(" ")) ? number(&s, 1, &tm->tm_mday) :
	    number(&s, 2, &tm->tm_mday)) && skip(&s, STR(" ")) &&
	    hms(&s, tm) && skip(&s, STR(" ")) && number(&s, 4, &tm->tm_year) &&
	    s.n == 0;

	tm->tm_year -= 1900;
	return ok;
}

static bool
in_range(const struct tm *tm)
{
	return tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour <= 23 &&
	    tm->tm_min <= 59 && tm->tm_sec <= 60 && tm->tm_year >= 0;
}

int
http_date_parse(int64_t *out, struct str text)
{
	struct tm tm = { 0 };
	struct str s = str_trim(text);
	size_t day = 0;
	bool ok;

	/* The name of the day is not checked: it says nothing new. */
	while (day < s.n && ((s.p[day] | 0x20) >= 'a' &&
	    (s.p[day] | 0x20) <= 'z'))
		day++;
	if (day < 3)
		return E_PARSE;
	s = str_from(s, day);
	if (skip(&s, STR(", ")))
		ok = s.n > 2 && s.p[2] == '-' ? rfc850(s, &tm) :
		    imf_fixdate(s, &tm);
	else
		ok = skip(&s, STR(" ")) && asctime_date(s, &tm);
	if (!ok || !in_range(&tm))
		return E_PARSE;
	*out = timegm(&tm);
	return 0;
}
