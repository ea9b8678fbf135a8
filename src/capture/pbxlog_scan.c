/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sieve: of a large log only lines with "tls", "ssl" or "cer" in them, in
 * either case, are looked at, and stunnel's, "LOG5[", which has no such word
 * where it names the peer.  Sixteen bytes at a time.
 */
#include "capture/pbxlog_int.h"

#define LANES 16

typedef uint8_t lanes __attribute__((vector_size(LANES)));

static bool
is_word(const char *p)
{
	char a = (char)(p[0] | 0x20), b = (char)(p[1] | 0x20),
	    c = (char)(p[2] | 0x20);

	return (a == 't' && b == 'l' && c == 's') ||
	    (a == 's' && b == 's' && c == 'l') ||
	    (a == 'c' && b == 'e' && c == 'r') ||
	    (a == 'g' && b == '5' && c == ('[' | 0x20));
}

static lanes
load(const char *p)
{
	lanes v;

	memcpy(&v, p, LANES);
	return v | 0x20;
}

static bool
has_word(const char *p)
{
	lanes a = load(p), b = load(p + 1), c = load(p + 2);
	lanes hit = (lanes)((a == 't') & (b == 'l') & (c == 's')) |
	    (lanes)((a == 's') & (b == 's') & (c == 'l')) |
	    (lanes)((a == 'c') & (b == 'e') & (c == 'r')) |
	    (lanes)((a == 'g') & (b == '5') & (c == ('[' | 0x20)));
	uint64_t half[2];

	memcpy(half, &hit, sizeof(half));
	return (half[0] | half[1]) != 0;
}

size_t
pbxlog_scan(const char *p, size_t n)
{
	size_t i = 0;

	while (i + LANES + 2 <= n && !has_word(p + i))
		i += LANES;
	while (i + 3 <= n && !is_word(p + i))
		i++;
	return i + 3 <= n ? i : n;
}
