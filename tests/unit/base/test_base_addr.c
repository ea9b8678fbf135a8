/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/addr.h"
#include "base/err.h"

static void
check_print(const char *in, const char *want)
{
	struct addr a;
	char out[ADDR_STRLEN];
	assert_int_equal(addr_parse(&a, str_cstr(in), 5060), 0);
	assert_string_equal(addr_print(&a, out), want);
}

static void
test_parse_and_print(void **state)
{
	(void)state;
	check_print("192.0.2.1:5061", "192.0.2.1:5061");
	check_print("192.0.2.1", "192.0.2.1:5060");
	check_print("0.0.0.0:0", "0.0.0.0:0");
	check_print("192.0.2.1:65535", "192.0.2.1:65535");
	check_print("[2001:DB8::1]:5061", "[2001:db8::1]:5061");
	check_print("[::]", "[::]:5060");
	check_print("2001:db8::1", "[2001:db8::1]:5060");
	/* One phone, one address: IPv4 within IPv6 is IPv4. */
	check_print("[::ffff:192.0.2.1]:7", "192.0.2.1:7");
	check_print("[fe80::1%7]:7", "[fe80::1%7]:7");
	check_print("[fe80::1%lo]:7", "[fe80::1%lo]:7");
}

static void
test_what_is_no_address(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", ":", ":5060", "192.0.2.1:",
		"192.0.2.1:65536", "192.0.2.1:99999999999", "192.0.2.1:5a",
		"192.0.2.1:-1", "192.0.2", "192.0.2.256", "192.0.2.1 ", " ::1",
		"example.com", "example.com:5060", "[192.0.2.1]:5060", "[]",
		"[", "[::1", "[::1]5060", "[::1]x", "::1]", "[::1]:",
		"1:2:3:4:5:6:7:8:9", "[2001:db8::1%lo]", "[fe80::1%]",
		"[fe80::1%nosuchif]", "192.0.2.1:5060:1",
		"[11111111111111111111111111111111111111111111111111::1]" };
	struct addr a = ADDR_NONE;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		if (addr_parse(&a, str_cstr(wrong[i]), 1) != E_PARSE)
			fail_msg("taken for an address: %s", wrong[i]);
	}
	assert_int_equal(addr_parse(&a, STR_NULL, 1), E_PARSE);
	assert_int_equal(addr_parse(&a, STR("192.0.2.1\0"), 1), E_PARSE);
	assert_false(addr_is_set(&a)); /* untouched by failures */
}

static void
test_parse_ip(void **state)
{
	(void)state;
	struct addr a;
	char out[ADDR_STRLEN];
	assert_int_equal(addr_parse_ip(&a, STR("[2001:db8::1]")), 0);
	assert_string_equal(addr_print_ip(&a, true, out), "[2001:db8::1]");
	assert_string_equal(addr_print_ip(&a, false, out), "2001:db8::1");
	assert_int_equal(addr_port(&a), 0);
	assert_int_equal(addr_parse_ip(&a, STR("192.0.2.9")), 0);
	assert_string_equal(addr_print_ip(&a, true, out), "192.0.2.9");
	assert_int_equal(addr_parse_ip(&a, STR("192.0.2.9:5060")), E_PARSE);
}

static void
test_sockaddr_round_trip(void **state)
{
	(void)state;
	struct addr a, b;
	assert_int_equal(addr_parse(&a, STR("[2001:db8::7]:99"), 0), 0);
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in6));
	addr_from_sa(&b, &a.u.sa);
	assert_true(addr_equal(&a, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(addr_parse(&a, STR("192.0.2.7:99"), 0), 0);
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in));
	addr_from_sa(&b, &a.u.sa);
	assert_memory_equal(&a, &b, sizeof(a));
	struct sockaddr other = { .sa_family = AF_UNIX };
	addr_from_sa(&b, &other);
	assert_false(addr_is_set(&b));
	assert_int_equal(addr_len(&b), 0);
	assert_int_equal(addr_port(&b), 0);
}

static void
test_mapped_sockaddr_becomes_v4(void **state)
{
	(void)state;
	struct addr a, b;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(5) };
	memcpy(in6.sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7",
	    16);
	addr_from_sa(&a, (struct sockaddr *)&in6);
	assert_int_equal(addr_parse(&b, STR("192.0.2.7:5"), 0), 0);
	assert_true(addr_equal(&a, &b));
}

static void
test_equality_and_hash(void **state)
{
	(void)state;
	struct addr a, b;
	assert_int_equal(addr_parse(&a, STR("192.0.2.7:1"), 0), 0);
	assert_int_equal(addr_parse(&b, STR("192.0.2.7:2"), 0), 0);
	assert_false(addr_equal(&a, &b));
	assert_true(addr_equal_ip(&a, &b));
	assert_true(addr_hash_ip(&a) == addr_hash_ip(&b));
	addr_set_port(&b, 1);
	assert_true(addr_equal(&a, &b));
	assert_int_equal(addr_parse(&b, STR("192.0.2.8:1"), 0), 0);
	assert_false(addr_equal_ip(&a, &b));
	assert_true(addr_hash_ip(&a) != addr_hash_ip(&b));
	assert_int_equal(addr_parse(&b, STR("[::1]:1"), 0), 0);
	assert_false(addr_equal_ip(&a, &b));
	assert_int_equal(addr_parse(&a, STR("[fe80::1%1]:1"), 0), 0);
	assert_int_equal(addr_parse(&b, STR("[fe80::1%2]:1"), 0), 0);
	assert_false(addr_equal_ip(&a, &b));
}

static void
test_link_local(void **state)
{
	static const struct { const char *text; bool is; } t[] = {
		{ "169.254.1.2", true }, { "169.253.1.2", false },
		{ "fe80::1", true }, { "fec0::1", false },
		{ "10.0.0.1", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct addr a;
		assert_int_equal(addr_parse_ip(&a, str_cstr(t[i].text)), 0);
		assert_int_equal(addr_is_linklocal(&a), t[i].is);
	}
}

static void
test_kinds(void **state)
{
	(void)state;
	struct addr a;
	assert_int_equal(addr_parse(&a, STR("0.0.0.0:1"), 0), 0);
	assert_true(addr_is_any(&a));
	assert_false(addr_is_loopback(&a));
	assert_int_equal(addr_parse(&a, STR("[::]:1"), 0), 0);
	assert_true(addr_is_any(&a));
	assert_int_equal(addr_parse(&a, STR("127.9.9.9:1"), 0), 0);
	assert_true(addr_is_loopback(&a));
	assert_false(addr_is_any(&a));
	assert_int_equal(addr_parse(&a, STR("[::1]:1"), 0), 0);
	assert_true(addr_is_loopback(&a));
	a = ADDR_NONE;
	assert_false(addr_is_set(&a));
	assert_false(addr_is_any(&a));
	assert_false(addr_is_loopback(&a));
}

static void
test_local_addresses_are_distinct_and_bounded(void **state)
{
	(void)state;
	struct addr all[64];
	size_t n = addr_local(all, ARRAY_LEN(all));
	bool loopback = false;
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		loopback |= addr_is_loopback(&all[i]);
		assert_int_equal(addr_port(&all[i]), 0);
		for (size_t j = 0; j < i; j++)
			assert_false(addr_equal_ip(&all[i], &all[j]));
	}
	assert_true(loopback);
	assert_int_equal(addr_local(all, 1), 1);
	assert_int_equal(addr_local(all, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_parse_and_print),
		cmocka_unit_test(test_what_is_no_address),
		cmocka_unit_test(test_parse_ip),
		cmocka_unit_test(test_sockaddr_round_trip),
		cmocka_unit_test(test_mapped_sockaddr_becomes_v4),
		cmocka_unit_test(test_equality_and_hash),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_local_addresses_are_distinct_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
