/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "net/dnsrec.h"

/* An answer to "example.com": n records of hand-made bytes follow. */
#define HEAD(n)                                                                \
	"\x12\x34\x81\x80\0\x01\0" n "\0\0\0\0\x07" "example\x03" "com\0"      \
	"\0\x21\0\x01"
#define OWNER "\xc0\x0c" /* example.com, by reference */
#define SRV(ttl, rest, len) OWNER "\0\x21\0\x01\0\0\0" ttl "\0" len rest
#define TEXT(s) str_of(s, sizeof(s) - 1)

static void
test_srv(void **state)
{
	static const char text[] = HEAD("\x03")
	    /* A CNAME on the way is passed over. */
	    OWNER "\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x0c"
	    SRV("\x1e", "\0\x01\0\x02\x13\xc4\x03" "pbx\xc0\x0c", "\x0c")
	    SRV("\x3c", "\0\x02\0\0\x13\xc5\0", "\x07");
	struct dnsrec_srv v[DNSREC_MAX];

	assert_int_equal(dnsrec_srv(TEXT(text), v), 2);
	assert_int_equal(v[0].priority, 1);
	assert_int_equal(v[0].weight, 2);
	assert_int_equal(v[0].port, 5060);
	assert_int_equal(v[0].ttl_s, 30);
	assert_string_equal(v[0].target, "pbx.example.com");
	/* "." is no service (RFC 2782). */
	assert_string_equal(v[1].target, "");
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_true(dnsrec_srv(str_of(text, n), v) < 2);
}

static void
test_naptr(void **state)
{
	static const char text[] = HEAD("\x02")
	    OWNER "\0\x23\0\x01\0\0\0\x3c\0\x21"
	    "\0\x0a\0\x32\x01S\x07SIP+D2U\0\x04_sip\x04_udp\xc0\x0c"
	    OWNER "\0\x23\0\x01\0\0\0\x3d\0\x0f"
	    "\0\x0a\0\x01\x01u\x04" "E2U!\x01!\0";
	struct dnsrec_naptr v[DNSREC_MAX];
	static char exact[sizeof(text)];

	memcpy(exact, text, sizeof(text));
	/* The length of the first one's data, counted. */
	exact[sizeof(HEAD("\x02")) - 1 + 11] = 4 + 2 + 8 + 1 + 10 + 2;
	exact[sizeof(HEAD("\x02")) - 1 + 12 + 27 + 11] = 4 + 2 + 5 + 2 + 1;
	assert_int_equal(dnsrec_naptr(TEXT(exact), v), 2);
	assert_int_equal(v[0].order, 10);
	assert_int_equal(v[0].preference, 50);
	assert_int_equal(v[0].flag, 's');
	assert_string_equal(v[0].service, "SIP+D2U");
	assert_string_equal(v[0].replacement, "_sip._udp.example.com");
	assert_int_equal(v[1].flag, 'u');
	assert_string_equal(v[1].replacement, "");
	dnsrec_order_naptr(v, 2);
	assert_int_equal(v[0].preference, 1);
}

static void
test_names_that_are_none(void **state)
{
	/* A name that refers to itself, and one to what lies behind the end. */
	static const char loop[] = HEAD("\x01")
	    SRV("\x1e", "\0\x01\0\x02\x13\xc4\xc0\x2f", "\x08");
	static const char beyond[] = HEAD("\x01")
	    SRV("\x1e", "\0\x01\0\x02\x13\xc4\xff\xff", "\x08");
	static const char blank[] = HEAD("\x01")
	    SRV("\x1e", "\0\x01\0\x02\x13\xc4\x01 \0", "\x09");
	struct dnsrec_srv v[DNSREC_MAX];

	assert_int_equal(dnsrec_srv(TEXT(loop), v), 0);
	assert_int_equal(dnsrec_srv(TEXT(beyond), v), 0);
	assert_int_equal(dnsrec_srv(TEXT(blank), v), 0);
	assert_int_equal(dnsrec_srv(STR_NULL, v), 0);
}

/* All numbers in turn, as fair as can be. */
static uint32_t
in_turn(void *arg, uint32_t n)
{
	uint32_t *at = arg;

	return (*at)++ % (n + 1);
}

static void
test_weights_are_drawn_fairly(void **state)
{
	unsigned first[3] = { 0 };
	uint32_t at = 0;

	for (int i = 0; i < 4000; i++) {
		struct dnsrec_srv v[4] = {
			{ .priority = 2, .port = 9 },
			{ .priority = 1, .weight = 30, .port = 0 },
			{ .priority = 1, .weight = 10, .port = 1 },
			{ .priority = 1, .weight = 0, .port = 2 },
		};

		dnsrec_order_srv(v, 4, in_turn, &at);
		assert_int_equal(v[3].port, 9);
		first[v[0].port]++;
	}
	assert_true(first[0] > 2 * first[1] && first[0] < 4 * first[1]);
	assert_true(first[1] > first[2]);
	assert_true(first[2] > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_srv),
		cmocka_unit_test(test_naptr),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_weights_are_drawn_fairly),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
