/* SPDX-License-Identifier: BSD-2-Clause */
/* A phone's STUN keepalive gets the address it came from, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sip/stun.h"

/* The transaction of the sample messages of RFC 5769 2. */
#define COOKIE "\x21\x12\xa4\x42"
#define ID     "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"

static struct buf out;
static char memory[STUN_ANSWER_MAX];

static bool
ask(struct str datagram, const char *source)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_cstr(source), 0), 0);
	buf_init_array(&out, memory, sizeof(memory));
	return stun_answer(&out, datagram, &a);
}

static void
answers(struct str request, const char *source, struct str want)
{
	assert_true(ask(request, source));
	assert_false(out.failed);
	assert_int_equal(out.n, want.n);
	assert_memory_equal(out.p, want.p, want.n);
}

#define REQUEST STR("\x00\x01\x00\x00" COOKIE ID)

static void
mapped_addresses_of_rfc_5769(void **state)
{
	answers(REQUEST, "192.0.2.1:32853", STR("\x01\x01\x00\x0c" COOKIE ID
	    "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"));
	answers(REQUEST, "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
	    STR("\x01\x01\x00\x18" COOKIE ID "\x00\x20\x00\x14\x00\x02\xa1\x47"
	    "\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9"
	    "\xd9"));
}

static void
without_cookie_the_address_is_plain(void **state)
{
	answers(STR("\x00\x01\x00\x00" "0123456789abcdef"), "192.0.2.1:32853",
	    STR("\x01\x01\x00\x0c" "0123456789abcdef"
	    "\x00\x01\x00\x08\x00\x01\x80\x55\xc0\x00\x02\x01"));
}

static void
what_need_not_be_known_is_passed_over(void **state)
{
	/* SOFTWARE of five bytes, padded; USERNAME; FINGERPRINT. */
	answers(STR("\x00\x01\x00\x1c" COOKIE ID
	    "\x80\x22\x00\x05phone\x00\x00\x00"
	    "\x00\x06\x00\x03uid\x00" "\x80\x28\x00\x04\x01\x02\x03\x04"),
	    "192.0.2.1:32853", STR("\x01\x01\x00\x0c" COOKIE ID
	    "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"));
}

static void
what_must_be_known_is_named(void **state)
{
	/* CHANGE-REQUEST, RESPONSE-ADDRESS and one more. */
	answers(STR("\x00\x01\x00\x14" COOKIE ID "\x00\x03\x00\x04\x00\x00"
	    "\x00\x06" "\x00\x02\x00\x00" "\x00\x7f\x00\x01x\x00\x00\x00"),
	    "192.0.2.1:32853", STR("\x01\x11\x00\x14" COOKIE ID
	    "\x00\x09\x00\x04\x00\x00\x04\x14" "\x00\x0a\x00\x06\x00\x03"
	    "\x00\x02\x00\x7f\x00\x00"));
}

static void
stun_that_gets_no_answer(void **state)
{
	static const struct str rows[] = {
		STR("\x00\x11\x00\x00" COOKIE ID),         /* indication   */
		STR("\x01\x01\x00\x00" COOKIE ID),         /* an answer    */
		STR("\x00\x03\x00\x00" COOKIE ID),         /* Allocate     */
		STR("\x00\x01\x00\x04" COOKIE ID),         /* too short    */
		STR("\x00\x01\x00\x00" COOKIE ID "\r\n"),  /* too long     */
		STR("\x00\x01\x00\x02" COOKIE ID "ab"),    /* not by fours */
		STR("\x00\x01\x00\x04" COOKIE ID "\x00\x06\x00\x09"),
		STR("\x00\x01\x00\x04" COOKIE ID "\x00\x06\xff\xff"),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(ask(rows[i], "192.0.2.1:5060"));
		if (out.n != 0)
			fail_msg("row %zu is answered", i);
	}
}

static void
sip_and_junk_are_no_stun(void **state)
{
	static const struct str rows[] = {
		STR("OPTIONS sip:example.com SIP/2.0\r\n\r\n"),
		STR("\r\n\r\nOPTIONS sip:example.com SIP/2.0\r\n\r\n"),
		STR("0PT sip:example.com SIP/2.0\r\nX: y\r\n\r\n"),
		STR("\x00\x01\x00\x00" COOKIE "short"),
		STR("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		    "\x00\x00\x00\x00\x00\x00"),
		STR("\x00\x01\x00\x08" "0123456789abcdef" "abcd"),
		STR("\x40\x01\x00\x00" COOKIE ID),
		STR(""),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (ask(rows[i], "192.0.2.1:5060") || out.n != 0)
			fail_msg("row %zu is taken for STUN", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_addresses_of_rfc_5769),
		cmocka_unit_test(without_cookie_the_address_is_plain),
		cmocka_unit_test(what_need_not_be_known_is_passed_over),
		cmocka_unit_test(what_must_be_known_is_named),
		cmocka_unit_test(stun_that_gets_no_answer),
		cmocka_unit_test(sip_and_junk_are_no_stun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
