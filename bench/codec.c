/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage: codec [ROUNDS]
 *
 * What the SIP codec costs at its worst: for crafted messages of 60,000 bytes
 * the CPU time to frame one that comes in pieces of 1,460 bytes, to decode it
 * and to walk all its lists, in microseconds; the lowest of ROUNDS (20).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sip/auth.h"
#include "sip/frame.h"
#include "sip/msg.h"
#include "sip/nameaddr.h"
#include "sip/param.h"

#define SIZE     60000
#define SEGMENT  1460
#define TARGET_US 1000

/* A head begins with this; the filling, and then the end, follow. */
#define HEAD                                                             \
	"REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\n" \
	"From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\n"         \
	"CSeq: 1 REGISTER\r\n"

static const struct craft {
	const char *what, *before, *filling, *after;
} crafts[] = {
	{ "many short fields", HEAD, "a:\r\n", "" },
	{ "many known fields", HEAD, "m:<sip:a>\r\n", "" },
	{ "many Content-Length", HEAD, "l:0\r\n", "" },
	{ "one long field", HEAD "X: ", "x", "\r\n" },
	{ "folded lines", HEAD "X: x", "\r\n x", "\r\n" },
	{ "spaces", HEAD "X:", " ", "\r\n" },
	{ "quotes and backslashes", HEAD "m: \"", "\\\"", "\" <sip:a>\r\n" },
	{ "open quotes", HEAD "m: ", "\"", "\r\n" },
	{ "open brackets", HEAD "m: ", "<", "\r\n" },
	{ "a list of contacts", HEAD "m: <sip:a>", ",<sip:a>", "\r\n" },
	{ "commas", HEAD "m: ", ",", "\r\n" },
	{ "parameters", HEAD "m: <sip:a>", ";a=b", "\r\n" },
	{ "semicolons", HEAD "m: <sip:a>", ";", "\r\n" },
	{ "URI parameters", HEAD "m: <sip:a", ";a", ">\r\n" },
	{ "escapes in a user", HEAD "m: <sip:", "%41", "@h>\r\n" },
	{ "a list of Via", "REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h",
	  ",SIP/2.0/TCP h", "\r\n" },
	{ "credentials", HEAD "Authorization: Digest a=\"b\"", ",a=\"b\"",
	  "\r\n" },
	{ "a long Request-URI", "REGISTER sip:", "a", " SIP/2.0\r\n" },
	{ "a long method", "", "R", " sip:a SIP/2.0\r\n" },
	{ "keepalives", "", "\r\n", "" },
};

static char text[SIZE + 256];
static size_t sink;

static size_t
build(const struct craft *c)
{
	static const char end[] = "Content-Length: 0\r\n\r\n";
	size_t n = strlen(c->before), fill = strlen(c->filling);
	size_t rest = strlen(c->after) + strlen(end);

	memcpy(text, c->before, n);
	for (; n + fill + rest <= SIZE; n += fill)
		memcpy(text + n, c->filling, fill);
	memcpy(text + n, c->after, strlen(c->after));
	n += strlen(c->after);
	memcpy(text + n, end, strlen(end));
	return n + strlen(end);
}

static void
frame(struct str s)
{
	struct sip_frame f = { 0 };
	size_t at = 0, have = 0, used;
	const char *why;

	for (;;) {
		enum sip_frame_result r = SIP_FRAME_MORE;

		if (at < have)
			r = sip_frame_next(&f, str_of(s.p + at, have - at),
			    SIZE, SIZE, &used, &why);
		if (r == SIP_FRAME_MORE) {
			if (have == s.n)
				return;
			have = s.n - have < SEGMENT ? s.n : have + SEGMENT;
			continue;
		}
		if (r == SIP_FRAME_BAD || r == SIP_FRAME_LIMIT)
			return;
		at += used;
	}
}

static void
walk(struct str value)
{
	struct str element;

	while (sip_list_next(&value, &element)) {
		struct sip_nameaddr na;
		struct sip_param p;
		struct sip_uri u;

		sink++;
		if (sip_nameaddr_parse(&na, element) != 0)
			continue;
		while (sip_param_next(&na.params, &p))
			sink++;
		if (sip_uri_parse(&u, na.uri) == 0)
			sink += sip_uri_equal(&u, &u);
	}
}

static void
decode(struct str s)
{
	static struct sip_msg m;
	struct sip_credentials credentials;

	if (sip_msg_parse(&m, s, SIP_STREAM, SIZE) != 0)
		sink++;
	for (size_t i = 0; i < m.nfield; i++) {
		if (m.field[i].id == SIP_HEADER_AUTHORIZATION)
			sink += (size_t)sip_credentials_parse(&credentials,
			    m.field[i].value);
		walk(m.field[i].value);
	}
	m.nfield = 0;
}

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 20;
	double worst = 0;

	printf("%-24s %8s %8s  us for %d bytes\n", "message", "frame",
	    "decode", SIZE);
	for (size_t i = 0; i < sizeof(crafts) / sizeof(*crafts); i++) {
		struct str s = str_of(text, build(&crafts[i]));
		double framing = 1e9, decoding = 1e9;

		for (int k = 0; k < rounds; k++) {
			double a = cpu_us(), b, c;

			frame(s);
			b = cpu_us();
			decode(s);
			c = cpu_us();
			framing = b - a < framing ? b - a : framing;
			decoding = c - b < decoding ? c - b : decoding;
		}
		printf("%-24s %8.1f %8.1f\n", crafts[i].what, framing,
		    decoding);
		if (framing + decoding > worst)
			worst = framing + decoding;
	}
	printf("worst: %.0f us; to stay under: %d us (%zu)\n", worst,
	    TARGET_US, sink % 10);
	return worst > TARGET_US;
}
