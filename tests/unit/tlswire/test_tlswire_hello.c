/* SPDX-License-Identifier: BSD-2-Clause */
/* A ClientHello is read whole or refused, and its JA3 and JA4 are the public
 * ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hellos.h"
#include "base/digest.h"
#include "tlswire/fingerprint.h"
#include "tlswire/hello.h"

#define LIST(...) ((const int[]) { __VA_ARGS__, -1 })

static char message_memory[4096], extension_memory[4096];
static struct buf message, extensions;
static struct tls_hello h;

static int
setup(void **state)
{
	buf_init_array(&message, message_memory, sizeof(message_memory));
	buf_init_array(&extensions, extension_memory,
	    sizeof(extension_memory));
	return digest_setup();
}

static void
equals(struct str got, const char *want)
{
	if (!str_eq(got, str_cstr(want)))
		fail_msg("\"%.*s\", expected \"%s\"", STR_FMT(got), want);
}

/* With what has been put into extensions. */
static int
parse(unsigned version, const int *suites)
{
	struct hello_parts p = { version, suites, buf_as_str(&extensions) };

	return tls_hello_parse(&h, make_hello(&message, &p));
}

static int
parse_one(unsigned type, struct str body)
{
	buf_reset(&extensions);
	put_extension(&extensions, type, body);
	return parse(0x0303, LIST(0xc02f));
}

static void
what_a_hello_says(void **state)
{
	uint16_t v;
	size_t pos = 0;

	buf_reset(&extensions);
	put_extension(&extensions, 0, STR("\0\x0b\0\0\x08pbx.test"));
	put_extension(&extensions, 16, STR("\0\x0b\2h2\7sip/2.0"));
	put_u16_extension(&extensions, 10, 2, LIST(0x1a1a, 29, 23));
	put_extension(&extensions, 11, STR("\2\0\1"));
	put_u16_extension(&extensions, 13, 2, LIST(0x0804, 0x0401));
	put_u16_extension(&extensions, 43, 1, LIST(0x2a2a, 0x0304, 0x0303));
	put_extension(&extensions, 35, STR("ticket"));
	put_extension(&extensions, 23, STR(""));
	put_extension(&extensions, 47, STR("\0\4\0\2ca"));
	put_extension(&extensions, 0x7777, STR("unknown"));
	assert_int_equal(parse(0x0303, LIST(0x0a0a, 0x1301, 0xc02f, 0x5600,
	    0x00ff)), 0);
	equals(h.server_name, "pbx.test");
	equals(h.alpn, "h2");
	assert_int_equal(h.groups.n, 6);
	assert_int_equal(h.point_formats.n, 2);
	assert_int_equal(h.max_version, 0x0304);
	assert_int_equal(h.min_version, 0x0303);
	assert_true(h.session_ticket && h.ticket_offered && h.ems);
	assert_true(h.fallback_scsv && h.renegotiation_info);
	assert_false(h.psk || h.status_request || h.sslv2);
	assert_int_equal(h.certificate_authorities.n, 4);
	assert_memory_equal(h.certificate_authorities.p, "\0\2ca", 4);
	assert_true(tls_hello_offers_cipher(&h, 0xc02f));
	assert_false(tls_hello_offers_cipher(&h, 0xc030));
	assert_true(tls_hello_offers_sigalg(&h, 0x0401));
	assert_false(tls_hello_offers_sigalg(&h, 0x0403));
	assert_true(tls_hello_next_cipher(&h, &pos, &v));
	assert_true(tls_is_grease(v));
	assert_false(tls_is_grease(0x0a1a));
	assert_false(tls_is_grease(0x1301));
}

static void
an_old_hello_has_no_extensions(void **state)
{
	struct hello_parts p = { 0x0301, LIST(0x0005, 0x000a), STR_NULL };

	assert_int_equal(tls_hello_parse(&h, make_hello(&message, &p)), 0);
	assert_false(h.has_extensions);
	assert_int_equal(h.max_version, 0x0301);
	assert_int_equal(h.min_version, 0);
	/* A ticket extension without a ticket asks for one. */
	assert_int_equal(parse_one(35, STR("")), 0);
	assert_true(h.session_ticket && !h.ticket_offered);
}

/* RFC 5246 E.2: kinds of three bytes, of which TLS knows those that begin
 * with a zero. */
static void
an_sslv2_hello(void **state)
{
	static const char v2[] = "\1\3\1\0\x09\0\0\0\x10"
	    "\1\0\x80\0\0\x05\0\0\x0a" "0123456789abcdef";
	char text[sizeof(v2)];
	struct str s = { v2, sizeof(v2) - 1 };
	uint16_t v;
	size_t pos = 0;

	assert_int_equal(tls_hello_parse(&h, s), 0);
	assert_true(h.sslv2);
	assert_int_equal(h.max_version, 0x0301);
	assert_true(tls_hello_next_cipher(&h, &pos, &v) && v == 0x0005);
	assert_true(tls_hello_next_cipher(&h, &pos, &v) && v == 0x000a);
	assert_false(tls_hello_next_cipher(&h, &pos, &v));
	for (size_t n = 0; n < s.n; n++)
		assert_int_equal(tls_hello_parse(&h, str_of(s.p, n)), E_PARSE);
	memcpy(text, v2, sizeof(v2));
	text[1] = 4; /* no version of ours */
	assert_int_equal(tls_hello_parse(&h, str_of(text, s.n)), E_PARSE);
	memcpy(text, v2, sizeof(v2));
	text[4] = 8; /* no multiple of three */
	assert_int_equal(tls_hello_parse(&h, str_of(text, s.n)), E_PARSE);
}

/* Cut off anywhere, or with one byte too many. */
static void
lengths_that_lie_are_refused(void **state)
{
	struct str whole;
	char *copy;

	buf_reset(&extensions);
	put_extension(&extensions, 0, STR("\0\4\0\0\1a"));
	put_u16_extension(&extensions, 10, 2, LIST(29));
	assert_int_equal(parse(0x0303, LIST(0xc02f)), 0);
	whole = buf_as_str(&message);
	for (size_t n = 0; n < whole.n; n++) {
		/* At its exact size, for the address sanitizer. */
		copy = malloc(n > 0 ? n : 1);
		assert_non_null(copy);
		memcpy(copy, whole.p, n);
		assert_int_equal(tls_hello_parse(&h, str_of(copy, n)),
		    E_PARSE);
		/* And with a header that says so. */
		if (n > 4) {
			copy[2] = (char)((n - 4) >> 8);
			copy[3] = (char)(n - 4);
			/* Without its extensions it is an old one. */
			assert_int_equal(tls_hello_parse(&h, str_of(copy, n)),
			    n == 45 ? 0 : E_PARSE);
		}
		free(copy);
	}
	buf_putc(&message, 0);
	assert_int_equal(tls_hello_parse(&h, buf_as_str(&message)), E_PARSE);
}

static void
what_is_malformed_is_refused(void **state)
{
	static const struct {
		unsigned type;
		struct str body;
	} bad[] = {
		{ 0, STR("") }, { 0, STR("\0\0") }, { 0, STR("\0\3\0\0\0") },
		{ 0, STR("\0\5\0\0\1a") }, { 0, STR("\0\4\0\0\1ab") },
		{ 10, STR("") }, { 10, STR("\0\1\0") }, { 10, STR("\0\2\0") },
		{ 11, STR("\2\0") }, { 13, STR("\0\3\0\0\0") },
		{ 16, STR("\0\0") }, { 16, STR("\0\1\0") },
		{ 16, STR("\0\3\5ab") }, { 43, STR("\3\3\3\3") },
		{ 43, STR("\4\3\3") }, { 50, STR("\0\1\0") },
		{ 47, STR("\0\5ab") },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (parse_one(bad[i].type, bad[i].body) != E_PARSE)
			fail_msg("accepted: row %zu", i);
	}
	buf_reset(&extensions);
	put_extension(&extensions, 23, STR(""));
	put_extension(&extensions, 23, STR(""));
	assert_int_equal(parse(0x0303, LIST(0xc02f)), E_PARSE);
	buf_reset(&extensions);
	put_extension(&extensions, 0xff01, STR("\0"));
	put_extension(&extensions, 0xff01, STR("\0"));
	assert_int_equal(parse(0x0303, LIST(0xc02f)), E_PARSE);
	/* More extensions than anybody sends. */
	buf_reset(&extensions);
	for (unsigned i = 0; i < 65; i++)
		put_extension(&extensions, 0x8000 + i, STR(""));
	assert_int_equal(parse(0x0303, LIST(0xc02f)), E_PARSE);
	/* No suite at all. */
	buf_reset(&extensions);
	assert_int_equal(parse(0x0303, LIST(-1)), E_PARSE);
}

/* The two examples that JA3 was published with. */
static void
ja3_as_published(void **state)
{
	struct hello_parts old = { 0x0301, LIST(4, 5, 10, 9, 100, 98, 3, 6, 19,
	    18, 99), STR_NULL };
	char out[TLS_JA3_LEN];

	assert_int_equal(tls_hello_parse(&h, make_hello(&message, &old)), 0);
	tls_ja3(&h, out);
	assert_string_equal(out, "de350869b8c85de67a350c8d186f11e6");
	buf_reset(&extensions);
	put_extension(&extensions, 0, STR("\0\4\0\0\1a"));
	put_u16_extension(&extensions, 10, 2, LIST(23, 24, 25));
	put_extension(&extensions, 11, STR("\1\0"));
	assert_int_equal(parse(0x0301, LIST(47, 53, 5, 10, 49161, 49162, 49171,
	    49172, 50, 56, 19, 4)), 0);
	tls_ja3(&h, out);
	assert_string_equal(out, "ada70206e40642a3e4461f35503241d5");
}

/* The hello that JA4's own description takes apart; it has GREASE. */
static void
ja4_hello(bool grease)
{
	static const unsigned empty[] = { 0x0017, 0x0023, 0x0012, 0x0005,
		0x002d, 0x0033, 0x001b, 0x4469, 0x0015, 0xff01 };

	buf_reset(&extensions);
	if (grease)
		put_extension(&extensions, 0x8a8a, STR(""));
	put_extension(&extensions, 0, STR("\0\4\0\0\1a"));
	put_extension(&extensions, 16, STR("\0\x0c\2h2\x08http/1.1"));
	put_u16_extension(&extensions, 13, 2, LIST(0x0403, 0x0804, 0x0401,
	    0x0503, 0x0805, 0x0501, 0x0806, 0x0601));
	put_u16_extension(&extensions, 10, 2, LIST(29, 23, 24));
	put_extension(&extensions, 11, STR("\1\0"));
	if (grease)
		put_u16_extension(&extensions, 43, 1, LIST(0x1a1a, 0x0304,
		    0x0303));
	else
		put_u16_extension(&extensions, 43, 1, LIST(0x0303, 0x0304));
	for (size_t i = 0; i < ARRAY_LEN(empty); i++)
		put_extension(&extensions, empty[i], STR(""));
	assert_int_equal(parse(0x0303, grease ?
	    LIST(0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c,
	    0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f,
	    0x0035) :
	    LIST(0x0035, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c,
	    0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f)),
	    0);
}

static void
ja4_as_published(void **state)
{
	char out[TLS_JA4_LEN];

	for (int grease = 0; grease < 2; grease++) {
		ja4_hello(grease != 0);
		tls_ja4(&h, out);
		assert_string_equal(out,
		    "t13d1516h2_8daaf6152771_e5627efa2ab1");
	}
}

static void
ja4_of_little(void **state)
{
	struct hello_parts old = { 0x0301, LIST(0x0a0a), STR_NULL };
	char out[TLS_JA4_LEN];

	assert_int_equal(tls_hello_parse(&h, make_hello(&message, &old)), 0);
	tls_ja4(&h, out);
	assert_string_equal(out, "t10i000000_000000000000_000000000000");
	/* An ALPN that does not begin and end in letters or digits. */
	assert_int_equal(parse_one(16, STR("\0\4\3\xabx\xcd")), 0);
	tls_ja4(&h, out);
	assert_memory_equal(out, "t12i0101ad_", 11);
	assert_int_equal(parse_one(16, STR("\0\2\1x")), 0);
	tls_ja4(&h, out);
	assert_memory_equal(out, "t12i0101xx_", 11);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_hello_says),
		cmocka_unit_test(an_old_hello_has_no_extensions),
		cmocka_unit_test(an_sslv2_hello),
		cmocka_unit_test(lengths_that_lie_are_refused),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(ja3_as_published),
		cmocka_unit_test(ja4_as_published),
		cmocka_unit_test(ja4_of_little),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
