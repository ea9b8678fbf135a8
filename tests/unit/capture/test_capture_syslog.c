/* SPDX-License-Identifier: BSD-2-Clause */
/* What phones send by syslog, and what of it says something of our chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/said.h"
#include "capture/syslog.h"
#include "trust/evidence.h"

#define NOW_S 1764132484 /* 2025-11-26T04:48:04Z */
#define F(name) (1u << TRUST_FAULT_##name)

static void
is(struct str s, const char *expected)
{
	if (!str_eq(s, str_cstr(expected)))
		fail_msg("found '%.*s', expected '%s'", STR_FMT(s), expected);
}

static void
forms_of_lines(void **state)
{
	static const struct {
		const char *line;
		int priority;
		const char *when, *host, *tag, *text;
	} rows[] = {
		{ "<134>Nov  6 12:34:56 10.0.0.7 SPA502G: off", 134,
		  "Nov  6 12:34:56", "10.0.0.7", "SPA502G", "off" },
		{ "<13>Nov 26 07:36:19 host root[77]: a: b", 13,
		  "Nov 26 07:36:19", "host", "root", "a: b" },
		{ "<13>Nov 6 2025 07:36:19.250: sip: x", 13,
		  "Nov 6 2025 07:36:19.250", "", "sip", "x" },
		{ "<13>2025-11-26T07:36:19+01:00 host app: x", 13,
		  "2025-11-26T07:36:19+01:00", "host", "app", "x" },
		{ "<165>1 2003-10-11T22:14:15.003Z h.example evntslog 12 ID47 "
		  "[a@1 b=\"c\\\"]\"][d@1] \xef\xbb\xbfsays", 165,
		  "2003-10-11T22:14:15.003Z", "h.example", "evntslog",
		  "says" },
		{ "<165>1 - - - - - - says", 165, "", "", "", "says" },
		{ "<165>1 - - - - - [broken says", 165, "", "", "",
		  "[broken says" },
		{ "<165>1 one two", 165, "", "", "", "1 one two" },
		{ "<15> GS_LOG: [00:0b:82:00:a1:be][000] Ethernet link is up",
		  15, "", "", "GS_LOG",
		  "[00:0b:82:00:a1:be][000] Ethernet link is up" },
		{ "1005165947|sip  |4|03|Untrusted", -1, "", "", "",
		  "1005165947|sip  |4|03|Untrusted" },
		{ "<14>Nov  6 12:34:56 words without a tag", 14,
		  "Nov  6 12:34:56", "", "", "words without a tag" },
		{ "<192>x", -1, "", "", "", "<192>x" },
		{ "<>x", -1, "", "", "", "<>x" },
		{ "<1234>x", -1, "", "", "", "<1234>x" },
		{ "<13", -1, "", "", "", "<13" },
		{ "<13>", 13, "", "", "", "" },
		{ "<13>Nov 66 1", 13, "", "", "", "Nov 66 1" },
		{ "  ", -1, "", "", "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct syslog_line l;

		syslog_parse(&l, str_cstr(rows[i].line));
		assert_int_equal(l.priority, rows[i].priority);
		is(l.when, rows[i].when);
		is(l.host, rows[i].host);
		is(l.tag, rows[i].tag);
		is(l.text, rows[i].text);
	}
	assert_string_equal(syslog_severity(134), "info");
	assert_string_equal(syslog_severity(-1), "");
}

static void
several_lines_in_a_datagram(void **state)
{
	struct str rest = STR("\n\0<14>one\r\n<14>two\0\0<14>three\n"), line;
	const char *expected[] = { "<14>one", "<14>two", "<14>three" };

	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_true(syslog_next(&rest, &line));
		is(line, expected[i]);
	}
	assert_false(syslog_next(&rest, &line));
}

static void
frames_of_a_connection(void **state)
{
	struct str in = STR("10 <14>first!<14>second\n14 <14>th\nird\0!"),
	    frame;
	uint32_t skip;
	size_t used;

	/* Not before it is whole. */
	for (size_t n = 0; n < 13; n++)
		assert_false(syslog_frame(str_of(in.p, n), &frame, &used,
		    &skip));
	assert_true(syslog_frame(in, &frame, &used, &skip));
	is(frame, "<14>first!");
	assert_int_equal(skip, 0);
	in = str_from(in, used);
	assert_true(syslog_frame(in, &frame, &used, &skip));
	is(frame, "<14>second");
	in = str_from(in, used);
	/* A counted frame may hold line breaks. */
	assert_false(syslog_frame(str_of(in.p, in.n - 1), &frame, &used,
	    &skip));
	/* A line may begin with a number. */
	assert_true(syslog_frame(STR("12 lines\n"), &frame, &used, &skip));
	is(frame, "12 lines");
	assert_true(syslog_frame(STR("007 <14>x\n"), &frame, &used, &skip));
	is(frame, "007 <14>x");
}

static void
a_frame_that_is_too_long_is_cut(void **state)
{
	static char big[3 * SYSLOG_FRAME_MAX];
	struct str frame;
	uint32_t skip;
	size_t used;

	memset(big, 'x', sizeof(big));
	assert_false(syslog_frame(str_of(big, SYSLOG_FRAME_MAX - 1), &frame,
	    &used, &skip));
	assert_true(syslog_frame(str_of(big, SYSLOG_FRAME_MAX), &frame, &used,
	    &skip));
	assert_int_equal(frame.n, SYSLOG_FRAME_MAX);
	assert_int_equal(skip, SYSLOG_SKIP_LINE);
	assert_int_equal(syslog_skip(str_of(big, 100), &skip), 100);
	assert_int_equal(skip, SYSLOG_SKIP_LINE);
	assert_int_equal(syslog_skip(STR("xx\nyy"), &skip), 3);
	assert_int_equal(skip, 0);

	memcpy(big, "20000 <14>", 10);
	assert_true(syslog_frame(str_of(big, SYSLOG_FRAME_MAX), &frame, &used,
	    &skip));
	assert_int_equal(used, SYSLOG_FRAME_MAX);
	assert_int_equal(skip, 20006 - SYSLOG_FRAME_MAX);
	assert_int_equal(syslog_skip(str_of(big, 20000), &skip),
	    20006 - SYSLOG_FRAME_MAX);
	assert_int_equal(skip, 0);
}

static void
what_lines_say(void **state)
{
	static const struct {
		const char *text;
		enum said_topic topic;
		uint32_t faults;
	} rows[] = {
		/* Polycom, its typo included. */
		{ "Server certificate verification failed, Untrusted "
		  "Cetificate", SAID_CERTIFICATE,
		  F(ROOT) | F(INCOMPLETE) | F(SELF_SIGNED) },
		{ "MakeTlsConnection: SSL_connect error 1", SAID_TLS, 0 },
		/* Libraries. */
		{ "verify error:num=20:Unable To Get Local Issuer certificate",
		  SAID_CERTIFICATE, F(ROOT) | F(INCOMPLETE) },
		{ "The certificate is not correctly signed by the trusted CA",
		  SAID_CERTIFICATE,
		  F(ROOT) | F(INCOMPLETE) | F(BAD_SIGNATURE) },
		{ "certificate verify failed: certificate has expired",
		  SAID_CERTIFICATE, F(EXPIRED) },
		{ "certificate is not yet valid", SAID_CERTIFICATE,
		  F(TOO_NEW) },
		{ "The certificate Common Name (CN) does not match with the "
		  "expected CN", SAID_CERTIFICATE, F(NAME) },
		{ "SSL3 alert write:fatal:unknown CA", SAID_CERTIFICATE,
		  F(ROOT) | F(INCOMPLETE) | F(SELF_SIGNED) },
		/* That was the server's word about the phone's own. */
		{ "error:14094418:SSL routines:ssl3_read_bytes:tlsv1 alert "
		  "unknown ca", SAID_CERTIFICATE, 0 },
		/* The simulated phone. */
		{ "TLS: refuses the server's certificate: does not hold the "
		  "root \"ISRG Root X1\" (says unknown_ca)", SAID_CERTIFICATE,
		  F(ROOT) },
		{ "custom CA: installed \"x\" from http://10.0.0.5/ca.pem",
		  SAID_CERTIFICATE, 0 },
		{ "100@example.com registered over TLS, for 3600 s",
		  SAID_TLS, 0 },
		{ "registration refused: wrong user or password",
		  SAID_REGISTRATION, 0 },
		{ "SNTP request to 10.0.0.1 failed", SAID_CLOCK, F(TOO_NEW) },
		{ "handset lifted", SAID_OTHER, 0 },
		/* Not inside of a word. */
		{ "battles and hassles", SAID_OTHER, 0 },
		{ "", SAID_OTHER, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct said s;

		said_read(&s, str_cstr(rows[i].text));
		if (s.topic != rows[i].topic || s.faults != rows[i].faults)
			fail_msg("\"%s\": topic %d faults %x", rows[i].text,
			    s.topic, s.faults);
	}
	assert_string_equal(said_topic_name(SAID_CLOCK), "clock");
	assert_true(said_is_secret_field(STR("authorization")));
	assert_false(said_is_secret_field(STR("sip")));
}

static void
secrets_are_masked(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "response=\"0123456789abcdef\", qop=auth",
		  "response=***, qop=auth" },
		{ "Authorization: Digest username=\"100\", response=\"a\"",
		  "Authorization: ***" },
		{ "Proxy-Authorization: Basic QWxhZGRpbg==",
		  "Proxy-Authorization: ***" },
		{ "user=100 Password = hunter2; x",
		  "user=100 Password = ***; x" },
		{ "<pwd>x</pwd> passwd:'it is' y",
		  "<pwd>x</pwd> passwd:*** y" },
		{ "http://h/?token=abc&x=1", "http://h/?token=***&x=1" },
		{ "responses: none; ping=3; the pin",
		  "responses: none; ping=3; the pin" },
		{ "a\tb\x01\x7f" "c", "a b  c" },
		{ "password", "password" },
		{ "password=", "password=" },
		{ "password=\"open", "password=***" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[128];
		struct buf out;

		buf_init_array(&out, text, sizeof(text));
		said_mask(&out, str_cstr(rows[i].text));
		is(buf_as_str(&out), rows[i].expected);
	}
}

static void
a_secret_stays_one_where_the_line_is_cut(void **state)
{
	char text[16];
	struct buf out;

	buf_init_array(&out, text, sizeof(text));
	said_mask(&out, STR("x password=hunter2hunter2"));
	is(buf_as_str(&out), "x password=***");
	buf_init_array(&out, text, 4);
	said_mask(&out, STR("long line"));
	is(buf_as_str(&out), "long");
	assert_false(out.failed);
}

static void
a_clock_that_nobody_set(void **state)
{
	static const struct {
		const char *when;
		bool off;
	} rows[] = {
		{ "2025-11-26T04:48:04Z", false },
		{ "2025-11-25T23:48:04-05:00", false },
		{ "1970-01-01T00:00:09Z", true },
		{ "2000-01-01T00:00:09Z", true },
		{ "2025-11-20T00:00:09Z", true },
		{ "Nov 26 04:48:04", false },
		{ "Nov 27 04:48:04", false },
		{ "Jan  1 00:00:12", true },
		{ "Nov  6 00:00:12", true },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (syslog_clock_is_off(str_cstr(rows[i].when), NOW_S) !=
		    rows[i].off)
			fail_msg("%s", rows[i].when);
	/* New year's eve. */
	assert_false(syslog_clock_is_off(STR("Dec 31 23:59:58"), 1767225601));
	assert_false(syslog_clock_is_off(STR("Jan  1 00:00:01"), 1767225590));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_of_lines),
		cmocka_unit_test(several_lines_in_a_datagram),
		cmocka_unit_test(frames_of_a_connection),
		cmocka_unit_test(a_frame_that_is_too_long_is_cut),
		cmocka_unit_test(what_lines_say),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(a_secret_stays_one_where_the_line_is_cut),
		cmocka_unit_test(a_clock_that_nobody_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
