/* SPDX-License-Identifier: BSD-2-Clause */
/* Session descriptions: what a phone reads of them, and its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "phone/sdp.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\n"

static struct sdp s;
static char bytes[4096];

static int
parse(const char *text)
{
	return sdp_parse(&s, str_cstr(text));
}

static void
a_plain_offer(void **state)
{
	const struct sdp_media *m;

	assert_int_equal(parse(HEAD "c=IN IP4 192.0.2.9\r\nt=0 0\r\n"
	    "m=audio 4000 RTP/AVP 9 8 101\r\na=rtpmap:9 G722/8000\r\n"), 0);
	m = sdp_audio(&s);
	assert_non_null(m);
	assert_int_equal(m->port, 4000);
	assert_int_equal(s.payload, 8);
	assert_int_equal(m->direction, SDP_SENDRECV);
	assert_true(str_eq(m->formats, STR("9 8 101")));
	/* Lines that end in LF alone, and an empty one at the end. */
	assert_int_equal(parse("v=0\nc=IN IP6 2001:db8::9\n"
	    "m=audio 4000/2 RTP/AVP 0\n\n"), 0);
	assert_int_equal(s.payload, 0);
	assert_int_equal(sdp_audio(&s)->at.u.sa.sa_family, AF_INET6);
}

static void
the_medias_own_lines_win(void **state)
{
	assert_int_equal(parse(HEAD "c=IN IP4 192.0.2.1\r\na=sendonly\r\n"
	    "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.2/127\r\n"
	    "a=inactive\r\nm=video 4002 RTP/AVP 31\r\n"), 0);
	assert_int_equal(s.nmedia, 2);
	assert_int_equal(s.media[0].direction, SDP_INACTIVE);
	assert_int_equal(s.media[1].direction, SDP_SENDONLY);
	assert_int_equal(ntohl(s.media[0].at.u.in.sin_addr.s_addr) & 255, 2);
}

static void
streams_that_it_cannot_play(void **state)
{
	assert_int_equal(parse(HEAD "c=IN IP4 192.0.2.1\r\n"
	    "m=audio 4000 RTP/SAVP 0\r\nm=audio 0 RTP/AVP 0\r\n"
	    "m=audio 4000 RTP/AVP 18\r\nm=video 4 RTP/AVP 0\r\n"
	    "m=audio 4000 RTP/AVP 10 80\r\n"), 0);
	assert_int_equal(s.audio, -1);
	assert_null(sdp_audio(&s));
}

static void
nowhere_to_send(void **state)
{
	/* RFC 2543's way to hold; and a name, which is not looked up. */
	assert_int_equal(parse(HEAD "c=IN IP4 0.0.0.0\r\n"
	    "m=audio 4000 RTP/AVP 0\r\n"), 0);
	assert_int_equal(s.audio, 0);
	assert_null(sdp_audio(&s));
	assert_int_equal(parse(HEAD "c=IN IP4 phone.example\r\n"
	    "m=audio 4000 RTP/AVP 0\r\n"), 0);
	assert_null(sdp_audio(&s));
	assert_int_equal(parse(HEAD "m=audio 4000 RTP/AVP 0\r\n"), 0);
	assert_null(sdp_audio(&s));
}

static void
what_is_none(void **state)
{
	static const char *const bad[] = { "", "\r\n", "v=1\r\n", "hello",
		"v=0\r\nm\r\n", "v=0\r\n\r\nm=audio 1 RTP/AVP 0\r\n",
		"v=0\r\nm=audio\r\n", "v=0\r\nm=audio x RTP/AVP 0\r\n",
		"v=0\r\nm=audio 65536 RTP/AVP 0\r\n",
		"v=0\r\nm=audio 1 RTP/AVP\r\n", "m=audio 1 RTP/AVP 0\r\n" };
	char text[1024] = "v=0\r\n";

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (parse(bad[i]) != E_PARSE)
			fail_msg("taken: %s", bad[i]);
	}
	for (int i = 0; i <= SDP_MEDIA_MAX; i++)
		strcat(text, "m=audio 1 RTP/AVP 0\r\n");
	assert_int_equal(parse(text), E_LIMIT);
}

static const char *
answer(void)
{
	struct addr at;
	struct buf out;

	assert_int_equal(addr_parse(&at, STR("192.0.2.1:6000"), 0), 0);
	buf_init_array(&out, bytes, sizeof(bytes) - 1);
	sdp_put_answer(&out, &s, &at, 7, 2);
	assert_false(out.failed);
	bytes[out.n] = '\0';
	return bytes;
}

static void
an_answer_has_the_offers_streams(void **state)
{
	assert_int_equal(parse(HEAD "c=IN IP4 192.0.2.9\r\n"
	    "m=video 4002 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8\r\n"
	    "a=sendonly\r\nm=audio 4004 RTP/AVP 0\r\n"), 0);
	assert_string_equal(answer(), "v=0\r\no=- 7 2 IN IP4 192.0.2.1\r\n"
	    "s=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	    "m=video 0 RTP/AVP 31\r\nm=audio 6000 RTP/AVP 8\r\n"
	    "a=rtpmap:8 PCMA/8000\r\na=recvonly\r\n"
	    "m=audio 0 RTP/AVP 0\r\n");
	/* And can be read again. */
	assert_int_equal(parse(answer()), 0);
	assert_int_equal(s.audio, 1);
}

static void
an_offer_can_be_read(void **state)
{
	struct addr at;
	struct buf out;

	assert_int_equal(addr_parse(&at, STR("[2001:db8::1]:6000"), 0), 0);
	buf_init_array(&out, bytes, sizeof(bytes));
	sdp_put_offer(&out, &at, SDP_SENDONLY, 1, 1);
	assert_int_equal(sdp_parse(&s, buf_as_str(&out)), 0);
	assert_true(addr_equal_ip(&sdp_audio(&s)->at, &at));
	assert_int_equal(sdp_audio(&s)->direction, SDP_SENDONLY);
	assert_int_equal(s.payload, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_offer),
		cmocka_unit_test(the_medias_own_lines_win),
		cmocka_unit_test(streams_that_it_cannot_play),
		cmocka_unit_test(nowhere_to_send),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(an_answer_has_the_offers_streams),
		cmocka_unit_test(an_offer_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
