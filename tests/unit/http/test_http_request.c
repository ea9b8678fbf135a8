/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/date.h"
#include "http/request.h"

static struct http_request q;

/* The status of a whole head; what is not one whole head is an error here. */
static unsigned
parse(const char *text)
{
	size_t seen = 0;

	assert_int_equal(http_head_length(str_cstr(text), &seen),
	    strlen(text));
	assert_int_equal(http_head_early(str_cstr(text)), 0);
	return http_request_parse(&q, str_cstr(text));
}

static void
is(struct str got, const char *wanted)
{
	if (!str_eq(got, str_cstr(wanted)))
		fail_msg("got \"%.*s\", expected \"%s\"", STR_FMT(got), wanted);
}

static void
what_phones_send(void **state)
{
	assert_int_equal(parse("GET /ca.pem HTTP/1.1\r\nHost: 10.0.0.5:8080\r\n"
	    "User-Agent: Cisco/SPA502G-7.6.2 (000E08AABBCC)(CBT1)\r\n\r\n"), 0);
	assert_int_equal(q.method, HTTP_GET);
	is(q.path, "/ca.pem");
	is(q.host, "10.0.0.5:8080");
	is(q.user_agent, "Cisco/SPA502G-7.6.2 (000E08AABBCC)(CBT1)");
	assert_null(q.if_none_match.p);
	/* HTTP/1.0 without a field, bare LF, empty lines in front. */
	assert_int_equal(parse("GET /ca.pem HTTP/1.0\n\n"), 0);
	is(q.path, "/ca.pem");
	assert_int_equal(parse("\r\n\r\nHEAD /ca.der http/1.1\r\n\r\n"), 0);
	assert_int_equal(q.method, HTTP_HEAD);
	/* An absolute target, which names the host. */
	assert_int_equal(parse("GET http://pbx:80/roots/x.pem?mac=1 HTTP/1.1"
	    "\r\nHost: other\r\n\r\n"), 0);
	is(q.host, "pbx:80");
	is(q.path, "/roots/x.pem");
	is(q.query, "mac=1");
	assert_int_equal(parse("GET http://pbx HTTP/1.1\r\n\r\n"), 0);
	is(q.path, "");
	/* A blank in the path, no value, a folded line, a value with one. */
	assert_int_equal(parse("GET /my ca.pem HTTP/1.1\r\nX-Empty:\r\nA: b\r\n"
	    "\tc: d\r\nif-none-match:  \"x\" , W/\"y\" \r\n\r\n"), 0);
	is(q.path, "/my ca.pem");
	is(q.if_none_match, "\"x\" , W/\"y\"");
	assert_int_equal(parse("POST / HTTP/1.1\r\n\r\n"), 0);
	assert_int_equal(q.method, HTTP_OTHER);
	/* Methods are told apart by case (RFC 9110 9.1). */
	assert_int_equal(parse("get / HTTP/1.1\r\n\r\n"), 0);
	assert_int_equal(q.method, HTTP_OTHER);
}

static void
what_is_refused(void **state)
{
	static const struct { unsigned status; const char *head; } bad[] = {
		{ 400, "GET /\x01 HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nno colon\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n: x\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n" },
		{ 400, "GET HTTP/1.1\r\n\r\n" },
	};
	char many[4096] = "GET / HTTP/1.1\r\n", line[16];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (parse(bad[i].head) != bad[i].status)
			fail_msg("row %zu: not %u", i, bad[i].status);
	}
	for (int i = 0; i <= HTTP_FIELDS_MAX; i++) {
		snprintf(line, sizeof(line), "a%d: b\r\n", i);
		strcat(many, line);
	}
	assert_int_equal(parse(strcat(many, "\r\n")), 431);
}

static void
what_is_told_early(void **state)
{
	static const struct { unsigned status; const char *bytes; } rows[] = {
		{ 0, "" },
		{ 0, "GE" },
		{ 0, "GET /ca.pem HTTP/1.1" },
		{ 0, "GET /ca.pem HTTP/1.1\r\n" },
		{ 0, "\r\nGET /ca.pem HTTP/1.0\n" },
		{ 400, "GET /ca.pem\r\n" },          /* HTTP/0.9      */
		{ 400, "\x16\x03\x01\x02" },         /* a ClientHello */
		{ 400, "REGISTER sip:x SIP/2.0\r\n" },
		{ 400, "GET / HTTP/x.1\r\n" },
		{ 400, "\n\n\x80" },
		{ 505, "PRI * HTTP/2.0\r\n" },
	};
	char longest[1024] = "GET /";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned got = http_head_early(str_cstr(rows[i].bytes));
		if (got != rows[i].status)
			fail_msg("row %zu: %u, not %u", i, got,
			    rows[i].status);
	}
	memset(longest + 5, 'a', 1000);
	assert_int_equal(http_head_early(str_cstr(longest)), 414);
	strcpy(longest + 600, " HTTP/1.1\r\n\r\n");
	assert_int_equal(http_request_parse(&q, str_cstr(longest)), 414);
}

/* In whatever pieces it comes. */
static void
the_end_of_a_head_in_pieces(void **state)
{
	static const char *const heads[] = { "GET / HTTP/1.1\r\nA: b\r\n\r\n",
		"GET / HTTP/1.0\n\n", "\r\n\r\nGET / HTTP/1.1\n\r\n" };

	for (size_t h = 0; h < ARRAY_LEN(heads); h++) {
		size_t n = strlen(heads[h]), seen = 0;
		for (size_t i = 0; i < n; i++)
			assert_int_equal(http_head_length(str_of(heads[h], i),
			    &seen), 0);
		assert_int_equal(http_head_length(str_of(heads[h], n), &seen),
		    n);
	}
}

static bool
same(const char *if_none_match, const char *if_modified_since)
{
	struct http_request r = {
		.if_none_match = str_cstr(if_none_match),
		.if_modified_since = str_cstr(if_modified_since),
	};

	return http_not_modified(&r, STR("\"abc\""), 784111777);
}

static void
conditions(void **state)
{
	assert_false(same(NULL, NULL));
	assert_true(same("\"abc\"", NULL));
	assert_true(same("W/\"abc\"", NULL));
	assert_true(same("\"x\", \"abc\"", NULL));
	assert_true(same("*", NULL));
	assert_false(same("\"ab\"", NULL));
	assert_false(same("abc", NULL));
	assert_false(same("", NULL));
	assert_true(same(NULL, "Sun, 06 Nov 1994 08:49:37 GMT"));
	assert_false(same(NULL, "Sun, 06 Nov 1994 08:49:36 GMT"));
	assert_false(same(NULL, "yesterday"));
	/* If-None-Match takes precedence (RFC 9110 13.2.2). */
	assert_false(same("\"x\"", "Sun, 06 Nov 1994 08:49:37 GMT"));
}

static void
dates(void **state)
{
	static const char *const good[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994" };
	static const char *const bad[] = { "", "Sun", "Sun, ", "06 Nov 1994",
		"Sun, 06 Nov 1994 08:49:37", "Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Xxx 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
		"Sun, 06 Nov 1994 08:49:37 GMT x" };
	char text[HTTP_DATE_LEN];
	int64_t t;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(http_date_parse(&t, str_cstr(good[i])), 0);
		assert_int_equal(t, 784111777);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (http_date_parse(&t, str_cstr(bad[i])) != E_PARSE)
			fail_msg("taken for a date: \"%s\"", bad[i]);
	}
	assert_string_equal(http_date_print(784111777, text), good[0]);
	assert_string_equal(http_date_print(INT64_MAX, text),
	    "Thu, 01 Jan 1970 00:00:00 GMT");
}

static void
decoded(const char *path, const char *wanted)
{
	char text[16];

	if (wanted == NULL) {
		assert_false(http_path_decode(text, sizeof(text),
		    str_cstr(path)));
		return;
	}
	assert_true(http_path_decode(text, sizeof(text), str_cstr(path)));
	assert_string_equal(text, wanted);
}

static void
paths(void **state)
{
	decoded("/ca.pem", "/ca.pem");
	decoded("//d///x", "/d/x");
	decoded("/%63a.pem", "/ca.pem");
	decoded("/100%", "/100%");
	decoded("/%zz%4", "/%zz%4");
	decoded("/%2f/x", "/x");
	decoded("", "");
	decoded("/%00", NULL);
	decoded("/%0a", NULL);
	decoded("/\x7f", NULL);
	decoded("/45678901234567", "/45678901234567");
	decoded("/456789012345678", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_phones_send),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(what_is_told_early),
		cmocka_unit_test(the_end_of_a_head_in_pieces),
		cmocka_unit_test(conditions),
		cmocka_unit_test(dates),
		cmocka_unit_test(paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
