/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream is cut into the same messages however it arrives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sip/frame.h"

#define HEAD_MAX    256
#define MESSAGE_MAX 512

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The results of a stream that comes step bytes at a time, as letters. */
static void
cut(struct str s, size_t step, char *out)
{
	static const char letters[] = {
		[SIP_FRAME_MSG] = 'm',  [SIP_FRAME_PING] = 'p',
		[SIP_FRAME_SKIP] = 's', [SIP_FRAME_BAD] = 'B',
		[SIP_FRAME_LIMIT] = 'L',
	};
	struct sip_frame f = { 0 };
	size_t at = 0, have = 0, used;
	const char *why;

	for (;;) {
		enum sip_frame_result r = SIP_FRAME_MORE;

		if (at < have)
			r = sip_frame_next(&f, str_of(s.p + at, have - at),
					   HEAD_MAX, MESSAGE_MAX, &used, &why);
		if (r == SIP_FRAME_MORE) {
			if (have == s.n)
				break;
			have = s.n - have < step ? s.n : have + step;
			continue;
		}
		if (r != SIP_FRAME_SKIP)
			*out++ = letters[r];
		if (r == SIP_FRAME_BAD || r == SIP_FRAME_LIMIT)
			break;
		at += used;
	}
	*out = '\0';
}

static void
every_way(const char *text, size_t n, const char *want)
{
	char got[64];

	for (size_t step = 1; step <= n; step++) {
		cut(str_of(text, n), step, got);
		assert_string_equal(got, want);
	}
}

#define REQUEST "OPTIONS sip:a SIP/2.0\r\n"
#define EMPTY   REQUEST "Content-Length: 0\r\n\r\n"

static void
framed_by_content_length(void **state)
{
	static const struct {
		const char *stream, *want;
	} rows[] = {
		{ EMPTY, "m" },
		{ EMPTY EMPTY, "mm" },
		{ REQUEST "l:3\r\n\r\nabc" EMPTY, "mm" },
		{ REQUEST "Content-Length: 23\r\n\r\n" REQUEST EMPTY, "mm" },
		{ "\r\n\r\n" EMPTY "\r\n\r\n", "pmp" },
		{ "\r\n" EMPTY, "m" },
		{ REQUEST "Content-Length: 4\r\n\r\nabc", "" },
		{ REQUEST "\r\n", "B" },
		{ REQUEST "Content-Length: -1\r\n\r\n", "B" },
		{ REQUEST "Content-Length: 3\r\nl: 4\r\n\r\nabcd", "B" },
		{ REQUEST "Content-Length: 3\r\nl: 3\r\n\r\nabc", "m" },
		{ REQUEST "Content-Length: 99999999999\r\n\r\n", "B" },
		{ REQUEST "Content-Length: 9999\r\n\r\n", "L" },
		{ REQUEST "Content-Length: 4294967295\r\n\r\n", "L" },
		{ "GET / HTTP/1.0\r\n\r\n", "B" },
		{ REQUEST "X: y\n\r\n", "B" },
		{ "\x16\x03\x01", "B" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		every_way(rows[i].stream, strlen(rows[i].stream),
		    rows[i].want);
	}
}

/*
 * What came in the same read as the end of an oversized head made it BAD, and
 * LIMIT when it came in pieces (found by fuzz_sip_frame).
 */
static void
limit_however_split(void **state)
{
	char big[2 * HEAD_MAX];
	size_t n = strlen(REQUEST);

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, REQUEST, n);
	memcpy(big + n, "X: ", 3);
	every_way(big, sizeof(big), "L");
	/* A bare LF just after the limit is never looked at. */
	big[HEAD_MAX + 3] = '\n';
	every_way(big, sizeof(big), "L");
	/* Just before it, it is. */
	big[HEAD_MAX - 3] = '\n';
	every_way(big, sizeof(big), "B");
	/* The head's end exactly at the limit is inside. */
	memset(big, 'x', sizeof(big));
	memcpy(big, REQUEST, n);
	memcpy(big + n, "X: ", 3);
	memcpy(big + HEAD_MAX - 9, "\r\nl:0\r\n\r\n", 9);
	every_way(big, HEAD_MAX, "m");
	/* And one byte later outside. */
	memset(big + HEAD_MAX - 9, 'x', 9);
	memcpy(big + HEAD_MAX - 8, "\r\nl:0\r\n\r\n", 9);
	every_way(big, HEAD_MAX + 1, "L");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(framed_by_content_length),
		cmocka_unit_test(limit_however_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
