/* SPDX-License-Identifier: BSD-2-Clause */
/* The segment comes out of whatever it is wrapped in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "capture/decap.h"
#include "frames.h"

static char memory[4][70000];
static struct decap d;
static struct segment seg;

static struct buf
fresh(int i)
{
	struct buf b;

	buf_init_array(&b, memory[i], sizeof(memory[i]));
	return b;
}

static struct str
tcp(const char *payload)
{
	struct buf b = fresh(0);

	put_tcp(&b, 40000, 5061, 77, TCP_ACK, str_cstr(payload));
	return buf_as_str(&b);
}

static struct str
ip4(const char *payload)
{
	struct buf b = fresh(1);

	put_ip4(&b, 0x4000, 1, tcp(payload));
	return buf_as_str(&b);
}

static struct str
wrap(struct str head, struct str body, const char *tail)
{
	struct buf b = fresh(2);

	buf_str(&b, head);
	buf_str(&b, body);
	buf_puts(&b, tail);
	return buf_as_str(&b);
}

static void
is_hello(const char *from, const char *to)
{
	char text[ADDR_STRLEN];

	assert_string_equal(addr_print(&seg.from, text), from);
	assert_string_equal(addr_print(&seg.to, text), to);
	assert_int_equal(seg.seq, 77);
	assert_int_equal(seg.cut, 0);
	assert_true(str_eq(seg.payload, STR("hello")));
}

#define IP4_FROM "192.0.2.1:40000"
#define IP4_TO   "192.0.2.2:5061"
#define IP6_FROM "[2001:db8::1]:40000"
#define IP6_TO   "[2001:db8::2]:5061"

static void
link_types(void **state)
{
	static const struct {
		int link_type;
		struct str head;
	} rows[] = {
		{ 1, STR("aaaaaabbbbbb\x08\0") },
		{ 1, STR("aaaaaabbbbbb\x81\0\0\x05\x08\0") },
		{ 1, STR("aaaaaabbbbbb\x88\xa8\0\x05\x81\0\0\x06\x08\0") },
		{ 1, STR("aaaaaabbbbbb\x88\x64\x11\0\0\1\0\x40\0\x21") },
		{ 113, STR("\0\0\0\1\0\6aaaaaa\0\0\x08\0") },
		{ 276, STR("\x08\0\0\0\0\0\0\1\0\1\0\6aaaaaaaa") },
		{ 0, STR("\2\0\0\0") },
		{ 108, STR("\0\0\0\2") },
		{ 9, STR("\xff\3\0\x21") },
		{ 9, STR("\0\x21") },
		{ 12, STR("") },
		{ 101, STR("") },
		{ 228, STR("") },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(decap_knows(rows[i].link_type));
		decap_init(&d, rows[i].link_type);
		assert_int_equal(decap_frame(&d, wrap(rows[i].head,
		    ip4("hello"), "filled up"), &seg), DECAP_SEGMENT);
		is_hello(IP4_FROM, IP4_TO);
		decap_fini(&d);
	}
	assert_false(decap_knows(147));
}

static void
ip6_with_extension_headers(void **state)
{
	struct buf b = fresh(1), body = fresh(3);

	buf_str(&body, STR("\x3c\0\1\4\0\0\0\0\x2b\0\1\4\0\0\0\0"
	    "\x06\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
	buf_str(&body, tcp("hello"));
	put_ip6(&b, 0, buf_as_str(&body));
	decap_init(&d, 229);
	assert_int_equal(decap_frame(&d, buf_as_str(&b), &seg), DECAP_SEGMENT);
	is_hello(IP6_FROM, IP6_TO);
	decap_fini(&d);
}

static enum decap_result
fragment4(struct str whole, size_t from, size_t n, unsigned id, bool more)
{
	struct buf b = fresh(2);

	put_ip4(&b, (unsigned)(from / 8) | (more ? 0x2000 : 0), id,
	    str_of(whole.p + from, n));
	return decap_frame(&d, buf_as_str(&b), &seg);
}

static void
fragments_in_any_order(void **state)
{
	struct str whole = tcp("hello");

	decap_init(&d, 101);
	assert_int_equal(fragment4(whole, 16, 9, 7, false), DECAP_FRAGMENT);
	assert_int_equal(fragment4(whole, 0, 8, 7, true), DECAP_FRAGMENT);
	assert_int_equal(fragment4(whole, 0, 8, 7, true), DECAP_FRAGMENT);
	assert_int_equal(fragment4(whole, 0, 16, 8, true), DECAP_FRAGMENT);
	assert_int_equal(fragment4(whole, 8, 8, 7, true), DECAP_SEGMENT);
	is_hello(IP4_FROM, IP4_TO);
	/* Beyond what a datagram can be; not a multiple of eight. */
	assert_int_equal(fragment4(whole, 65528, 16, 9, false), DECAP_BROKEN);
	assert_int_equal(fragment4(whole, 0, 9, 9, true), DECAP_BROKEN);
	decap_fini(&d);
}

static void
fragments_of_ip6(void **state)
{
	struct str whole = tcp("hello");

	decap_init(&d, 101);
	for (int i = 0; i < 2; i++) {
		struct buf b = fresh(2), body = fresh(3);

		buf_str(&body, i == 0 ? STR("\6\0\0\1\0\0\0\x09") :
		    STR("\6\0\0\x10\0\0\0\x09"));
		buf_str(&body, i == 0 ? str_of(whole.p, 16) :
		    str_from(whole, 16));
		put_ip6(&b, 44, buf_as_str(&body));
		assert_int_equal(decap_frame(&d, buf_as_str(&b), &seg),
		    i == 0 ? DECAP_FRAGMENT : DECAP_SEGMENT);
	}
	is_hello(IP6_FROM, IP6_TO);
	decap_fini(&d);
}

static void
fragments_without_end_are_bounded(void **state)
{
	struct str whole = tcp("hello");

	decap_init(&d, 101);
	for (unsigned id = 0; id < 3 * DECAP_FRAGMENTED_MAX; id++)
		assert_int_equal(fragment4(whole, 0, 8, id, true),
		    DECAP_FRAGMENT);
	assert_int_equal(d.fragments_dropped, 2 * DECAP_FRAGMENTED_MAX);
	decap_fini(&d);
}

static void
cut_by_the_snapshot_length(void **state)
{
	struct str whole = ip4("hello");

	decap_init(&d, 101);
	for (size_t n = 0; n < 34; n++) /* up to the flags */
		assert_int_equal(decap_frame(&d, str_of(whole.p, n), &seg),
		    DECAP_BROKEN);
	assert_int_equal(decap_frame(&d, str_of(whole.p, 42), &seg),
	    DECAP_SEGMENT);
	assert_true(str_eq(seg.payload, STR("he")));
	assert_int_equal(seg.cut, 3);
	decap_fini(&d);
}

static void
what_is_not_tcp(void **state)
{
	struct str udp = ip4("hello");

	memory[1][9] = 17;
	decap_init(&d, 101);
	assert_int_equal(decap_frame(&d, udp, &seg), DECAP_OTHER);
	decap_fini(&d);
	decap_init(&d, 1);
	assert_int_equal(decap_frame(&d, STR("aaaaaabbbbbb\x08\x06xxxxxxxx"),
	    &seg), DECAP_OTHER);
	assert_int_equal(decap_frame(&d, STR("aaaaaabbbbbb\x81"), &seg),
	    DECAP_BROKEN);
	decap_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_types),
		cmocka_unit_test(ip6_with_extension_headers),
		cmocka_unit_test(fragments_in_any_order),
		cmocka_unit_test(fragments_of_ip6),
		cmocka_unit_test(fragments_without_end_are_bounded),
		cmocka_unit_test(cut_by_the_snapshot_length),
		cmocka_unit_test(what_is_not_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
