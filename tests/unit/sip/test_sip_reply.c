/* SPDX-License-Identifier: BSD-2-Clause */
/* Responses: what they copy, received and rport (RFC 3581), the date. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "sip/reply.h"

static char text[4096];

/* The whole answer to a request with these Via and To fields. */
static const char *
answer(const char *via, const char *to, const char *source)
{
	static char request[2048];
	static struct sip_msg m;
	struct addr from;
	struct buf b;

	snprintf(request, sizeof(request), "OPTIONS sip:b SIP/2.0\r\n"
	    "%sFrom: <sip:a>;tag=f\r\nt: %s\r\ni: one\r\nCSeq: 7 OPTIONS\r\n"
	    "Timestamp: 54.2\r\nSubject: not copied\r\n"
	    "Content-Length: 0\r\n\r\n", via, to);
	/* A message that is refused is answered, too. */
	IGNORE(sip_msg_parse(&m, str_cstr(request), SIP_DATAGRAM, 2048) != 0);
	assert_int_equal(addr_parse(&from, str_cstr(source), 0), 0);
	buf_init_array(&b, text, sizeof(text) - 1);
	sip_reply_begin(&b, &m, 200, NULL, STR("ours"), &from);
	sip_reply_end(&b);
	assert_false(b.failed);
	text[b.n] = '\0';
	return text;
}

static void
what_every_answer_copies(void **state)
{
	assert_string_equal(answer("Via: SIP/2.0/UDP 192.0.2.1;branch=1\r\n"
	    "v: SIP/2.0/TCP two;branch=2, SIP/2.0/TLS three\r\n", "<sip:b>",
	    "192.0.2.1:5060"),
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=1\r\n"
	    "Via: SIP/2.0/TCP two;branch=2, SIP/2.0/TLS three\r\n"
	    "From: <sip:a>;tag=f\r\nTo: <sip:b>;tag=ours\r\nCall-ID: one\r\n"
	    "CSeq: 7 OPTIONS\r\nTimestamp: 54.2\r\nContent-Length: 0\r\n\r\n");
}

static void
a_tag_that_is_there_stays(void **state)
{
	answer("Via: SIP/2.0/UDP 192.0.2.1\r\n", "<sip:b>;tag=theirs",
	    "192.0.2.1:5060");
	assert_non_null(strstr(text, "\r\nTo: <sip:b>;tag=theirs\r\n"));
	/* One that cannot be read is copied as it is. */
	answer("Via: SIP/2.0/UDP 192.0.2.1\r\n", "<sip:", "192.0.2.1:5060");
	assert_non_null(strstr(text, "\r\nTo: <sip:\r\n"));
}

static void
received_and_rport(void **state)
{
	static const struct {
		const char *via, *source, *want;
	} rows[] = {
		{ "SIP/2.0/UDP 192.0.2.1;branch=1", "192.0.2.1:999",
		  "SIP/2.0/UDP 192.0.2.1;branch=1" },
		/* RFC 3261 18.2.1: another address, or a name. */
		{ "SIP/2.0/UDP 10.0.0.1;branch=1", "192.0.2.1:999",
		  "SIP/2.0/UDP 10.0.0.1;branch=1;received=192.0.2.1" },
		{ "SIP/2.0/UDP phone.test:5070", "192.0.2.1:999",
		  "SIP/2.0/UDP phone.test:5070;received=192.0.2.1" },
		/* RFC 3581 4: both, always. */
		{ "SIP/2.0/UDP 192.0.2.1;rport;branch=1", "192.0.2.1:999",
		  "SIP/2.0/UDP 192.0.2.1;rport=999;branch=1"
		  ";received=192.0.2.1" },
		/* What the client claims to be is not believed. */
		{ "SIP/2.0/UDP 192.0.2.1;received=6.6.6.6;rport=6;x=\"y\"",
		  "192.0.2.1:999", "SIP/2.0/UDP 192.0.2.1;rport=999;x=\"y\""
		  ";received=192.0.2.1" },
		{ "SIP/2.0/TLS [2001:db8::1]:5061", "[2001:db8:0::1]:5061",
		  "SIP/2.0/TLS [2001:db8::1]:5061" },
		{ "SIP/2.0/TLS h", "[2001:db8::1]:5061",
		  "SIP/2.0/TLS h;received=2001:db8::1" },
		{ "SIP/2.0/UDP h ; rport ; received = 6.6.6.6 ; x",
		  "192.0.2.1:999", "SIP/2.0/UDP h ;rport=999; x"
		  ";received=192.0.2.1" },
		/* One that cannot be read to its end still finds its way. */
		{ "SIP/2.0/UDP h:99999;branch=1", "192.0.2.1:999",
		  "SIP/2.0/UDP h:99999;branch=1;received=192.0.2.1" },
		/* Those behind it in the same field are copied. */
		{ "SIP/2.0/UDP h;branch=1 , SIP/2.0/UDP i;rport",
		  "192.0.2.1:999", "SIP/2.0/UDP h;branch=1;received=192.0.2.1"
		  " , SIP/2.0/UDP i;rport" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char via[256], want[256];

		snprintf(via, sizeof(via), "Via: %s\r\n", rows[i].via);
		snprintf(want, sizeof(want), "\r\nVia: %s\r\n", rows[i].want);
		answer(via, "<sip:b>", rows[i].source);
		if (strstr(text, want) == NULL)
			fail_msg("expected %s in\n%s", want, text);
	}
}

/* The C library's calendar says the same, on every day until 2105. */
static void
dates_like_the_library(void **state)
{
	char want[64];

	for (int64_t t = 0; t < INT64_C(4260000000); t += 86400 + 3607) {
		time_t when = (time_t)t;
		struct buf b;
		struct tm tm;

		buf_init_array(&b, text, sizeof(text));
		sip_reply_date(&b, t);
		assert_non_null(gmtime_r(&when, &tm));
		strftime(want, sizeof(want),
		    "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
		if (!str_eq(buf_as_str(&b), str_cstr(want)))
			fail_msg("%.*s, expected %s", STR_FMT(buf_as_str(&b)),
			    want);
	}
}

static void
reasons(void **state)
{
	assert_string_equal(sip_reason(423), "Interval Too Brief");
	assert_string_equal(sip_reason(439),
	    "First Hop Lacks Outbound Support");
	assert_string_equal(sip_reason(499), "Request Failure");
	assert_string_equal(sip_reason(199), "Progress");
	assert_string_equal(sip_reason(99), "Unknown");
	assert_string_equal(sip_reason(700), "Unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_every_answer_copies),
		cmocka_unit_test(a_tag_that_is_there_stays),
		cmocka_unit_test(received_and_rport),
		cmocka_unit_test(dates_like_the_library),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
