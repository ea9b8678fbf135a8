/* SPDX-License-Identifier: BSD-2-Clause */
/* When a line of a log was written, where it says so with the year. */
#include <time.h>

#include "capture/pbxlog_int.h"

/* n digits at i; -1: there are none. */
static int
number_at(struct str s, size_t i, size_t n)
{
	int v = 0;

	for (; n > 0; n--, i++) {
		if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

/* "+01:00", "-0500" behind the seconds and their parts; "Z" and none: 0. */
static int
zone_of(struct str s)
{
	size_t i = 0;
	int hours, minutes;

	while (i < s.n && (s.p[i] == '.' || s.p[i] == ',' ||
	    (s.p[i] >= '0' && s.p[i] <= '9')))
		i++;
	if (i == s.n || (s.p[i] != '+' && s.p[i] != '-'))
		return 0;
	hours = number_at(s, i + 1, 2);
	minutes = number_at(s, i + 3 < s.n && s.p[i + 3] == ':' ? i + 4 :
	    i + 3, 2);
	if (hours < 0 || hours > 14)
		return 0;
	minutes = hours * 60 + (minutes > 0 ? minutes : 0);
	return (s.p[i] == '-' ? -minutes : minutes) * 60;
}

/*
 * "2026-11-20 09:00:02", "2026-11-20T09:00:02+01:00", "2026.11.20 09:00:02",
 * "2026/11/20 09:00:02".  Without a zone it is the PBX's, taken for UTC: what
 * is judged by it is dates, to the day.
 */
int64_t
pbxlog_time(struct str text)
{
	struct tm tm = {
		.tm_year = number_at(text, 0, 4) - 1900,
		.tm_mon = number_at(text, 5, 2) - 1,
		.tm_mday = number_at(text, 8, 2),
		.tm_hour = number_at(text, 11, 2),
		.tm_min = number_at(text, 14, 2),
		.tm_sec = number_at(text, 17, 2),
	};

	if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mon > 11 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 ||
	    tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 ||
	    tm.tm_sec < 0 || tm.tm_sec > 60)
		return 0;
	return (int64_t)timegm(&tm) - zone_of(str_from(text, 19));
}
