/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/selector.h"

static bool
matches(const char *selector, const char *peer, const char *user_agent,
    const char *ja4, const char *account)
{
	struct selector s;
	struct addr a;
	struct selector_device d = { .user_agent = str_cstr(user_agent),
		.ja4 = str_cstr(ja4), .account = str_cstr(account) };

	if (selector_parse(&s, str_cstr(selector)) != 0)
		fail_msg("%s", selector);
	if (peer != NULL) {
		assert_int_equal(addr_parse(&a, str_cstr(peer), 0), 0);
		d.peer = &a;
	}
	return selector_matches(&s, &d);
}

static bool
from(const char *selector, const char *peer)
{
	return matches(selector, peer, NULL, NULL, NULL);
}

static void
test_subnets(void **state)
{
	assert_true(from("10.0.7.0/24", "10.0.7.0"));
	assert_true(from("10.0.7.0/24", "10.0.7.255:5061"));
	assert_false(from("10.0.7.0/24", "10.0.8.1"));
	assert_false(from("10.0.7.0/24", "10.0.6.255"));
	assert_true(from("10.0.7.128/25", "10.0.7.128"));
	assert_false(from("10.0.7.128/25", "10.0.7.127"));
	assert_true(from("10.0.7.8/29", "10.0.7.15"));
	assert_false(from("10.0.7.8/29", "10.0.7.16"));
	assert_true(from("0.0.0.0/0", "203.0.113.9"));
	assert_false(from("0.0.0.0/0", "[2001:db8::1]"));
	assert_true(from("192.0.2.7", "192.0.2.7:1"));
	assert_true(from("192.0.2.7/32", "192.0.2.7:1"));
	assert_false(from("192.0.2.7", "192.0.2.6:1"));
	assert_true(from("2001:db8::/32", "[2001:db8:ffff::1]"));
	assert_false(from("2001:db8::/32", "[2001:db9::1]"));
	assert_true(from("2001:db8::1", "[2001:db8::1]:9"));
	assert_false(from("2001:db8::1", "[2001:db8::2]:9"));
	assert_true(from("fe80::/10", "[febf::1]"));
	assert_false(from("fe80::/10", "[fec0::1]"));
	assert_true(from("::/0", "[::1]"));
	assert_false(from("10.0.7.0/24", NULL));
}

static void
test_models(void **state)
{
	assert_true(matches("model:Cisco/SPA", NULL, "Cisco/SPA502G-7.6.2",
	    NULL, NULL));
	assert_true(matches("model:a=b", NULL, "a=b", NULL, NULL));
	assert_false(matches("model:Cisco/SPA", NULL, "cisco/spa", NULL, NULL));
	assert_false(matches("model:Cisco/SPA", NULL, "Cisco/SP", NULL, NULL));
	assert_false(matches("model:Cisco/SPA", NULL, NULL, NULL, NULL));
}

#define JA4 "t12d800700_ee0b5a6c69b8_cdbdbcd6f742"

static void
test_fingerprints(void **state)
{
	assert_true(matches("ja4:" JA4, NULL, NULL, JA4, NULL));
	assert_false(matches("ja4:" JA4, NULL, NULL, NULL, NULL));
	assert_false(matches("ja4:" JA4, NULL, NULL,
	    "t12d800700_ee0b5a6c69b8_cdbdbcd6f743", NULL));
}

static void
test_accounts(void **state)
{
	assert_true(matches("account:100", NULL, NULL, NULL, "100@a.example"));
	assert_true(matches("account:100", NULL, NULL, NULL, "100"));
	assert_false(matches("account:100", NULL, NULL, NULL,
	    "1001@a.example"));
	assert_false(matches("account:100", NULL, NULL, NULL, "10@a.example"));
	assert_true(matches("account:100@a.example", NULL, NULL, NULL,
	    "100@A.Example"));
	assert_false(matches("account:100@a.example", NULL, NULL, NULL,
	    "100@b.example"));
	assert_false(matches("account:100@a.example", NULL, NULL, NULL, "100"));
	assert_false(matches("account:100", NULL, NULL, NULL, NULL));
}

static void
test_profiles(void **state)
{
	struct selector s;
	struct selector_device d = { .profile = STR("cisco-spa50x") };

	assert_int_equal(selector_parse(&s, STR("profile:cisco-spa50x")), 0);
	assert_int_equal(s.kind, SELECTOR_PROFILE);
	assert_true(selector_matches(&s, &d));
	d.profile = STR("cisco-spa50");
	assert_false(selector_matches(&s, &d));
	d.profile = STR_NULL;
	assert_false(selector_matches(&s, &d));
}

static void
test_what_is_no_selector(void **state)
{
	static const char *const bad[] = { "", "10.0.7.0/33", "10.0.7.0/",
		"10.0.7.0/-1", "10.0.7.0/2x", "10.0.7.1/24", "10.0.7", "/24",
		"2001:db8::/129", "2001:db8::1/64", "phones.example",
		"10.0.7.0/24/8", "10.0.7.0:5061", "model:", "ja4:", "ja4:abc",
		"ja4:t12d800700-ee0b5a6c69b8_cdbdbcd6f742",
		"ja4:T12D800700_EE0B5A6C69B8_CDBDBCD6F742",
		"account:", "profile:", "profile:A", "profile:a b",
		"account:@a.example", "account:100@", "mac:1",
		"MODEL:x", "10.0.7.0 /24" };
	struct selector s;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (selector_parse(&s, str_cstr(bad[i])) != E_PARSE)
			fail_msg("%s", bad[i]);
	assert_int_equal(selector_parse(&s, STR_NULL), E_PARSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subnets),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_fingerprints),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_what_is_no_selector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
