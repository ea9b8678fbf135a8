/* SPDX-License-Identifier: BSD-2-Clause */
/* device/pattern: what fits, what stands where, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "device/pattern.h"

static bool
fits(const char *pattern, const char *text)
{
	const char *what = NULL;

	if (device_pattern_check(str_cstr(pattern), &what) != 0)
		fail_msg("%s: %s", pattern, what);
	return device_pattern_fit(str_cstr(pattern), str_cstr(text), NULL) > 0;
}

static void
test_the_whole_text_fits_or_nothing(void **state)
{
	assert_true(fits("snom/8.7", "snom/8.7"));
	assert_false(fits("snom/8.7", "snom/8.7.5"));
	assert_false(fits("snom/8.7", "snom/8."));
	assert_false(fits("snom/8.7", "Snom/8.7"));
	assert_true(fits("snom/*", "snom/"));
	assert_true(fits("snom/*", "snom/8.7.5"));
	assert_true(fits("*snom/*", "xsnomsnom/8"));
	assert_true(fits("*snom", "snosnom"));
	assert_false(fits("*snom", "snomsno"));
	assert_true(fits("sn?m/", "snom/"));
	assert_false(fits("sn?m/", "snm/"));
	assert_true(fits("a*b*c*dd", "aXbYcZddd"));
	assert_false(fits("a*b*c*dd", "aXcYbZdd"));
	assert_true(fits("a**bcd", "abcd"));
	assert_false(fits("snom", ""));
}

static void
test_sets(void **state)
{
	assert_true(fits("SPA50[24]G", "SPA502G"));
	assert_true(fits("SPA50[24]G", "SPA504G"));
	assert_false(fits("SPA50[24]G", "SPA503G"));
	assert_true(fits("SPA50[2-4]G", "SPA503G"));
	assert_false(fits("SPA50[2-4]G", "SPA505G"));
	assert_true(fits("SPA50[1-37-9x]G", "SPA508G"));
	assert_true(fits("SPA50[1-37-9x]G", "SPA50xG"));
	assert_false(fits("SPA50[1-37-9x]G", "SPA505G"));
	assert_true(fits("SPA50[-]G", "SPA50-G"));
	assert_true(fits("SPA50[2-]G", "SPA50-G"));
	assert_true(fits("a\\*b\\(c\\\\d", "a*b(c\\d"));
	assert_false(fits("a\\*b\\(c", "axb(c"));
}

static struct device_parts
parts(const char *pattern, const char *text)
{
	struct device_parts p = { STR_NULL, STR_NULL, STR_NULL };

	if (device_pattern_fit(str_cstr(pattern), str_cstr(text), &p) == 0)
		fail_msg("%s: %s", pattern, text);
	return p;
}

static void
assert_str(struct str s, const char *expected)
{
	if (!str_eq(s, str_cstr(expected)))
		fail_msg("\"%.*s\", expected \"%s\"", STR_FMT(s), expected);
}

static void
test_parts(void **state)
{
	struct device_parts p;

	p = parts("Cisco/(SPA*)-<*> \\({*}\\)\\(*\\)",
	    "Cisco/SPA508G-7.4.8a (0002FDFF2103)(CBT141400UK)");
	assert_str(p.model, "SPA508G");
	assert_str(p.firmware, "7.4.8a");
	assert_str(p.mac, "0002FDFF2103");
	p = parts("Yealink SIP-(T*) <*>", "Yealink SIP-T38G  38.70.0.125");
	assert_str(p.model, "T38G");
	assert_str(p.firmware, "38.70.0.125"); /* two blanks before it */
	p = parts("snom(*)/", "snom/");
	assert_str(p.model, "");
	p = parts("(Linphone)*", "Linphone");
	assert_str(p.model, "Linphone");
	assert_null(p.firmware.p);
	assert_null(p.mac.p);
	/* The star before gives way; what it had taken is not remembered. */
	p = parts("*x(*)yz", "axbyxcyz");
	assert_str(p.model, "byxc");
	p = parts("*(SPA[0-9]*)-<*>", "My SPA phone SPA502G-7.6.2");
	assert_str(p.model, "SPA502G");
	assert_str(p.firmware, "7.6.2");
}

static void
test_more_that_is_named_counts_more(void **state)
{
	struct str t = STR("Cisco/SPA502G-7.6.2");

	assert_true(device_pattern_fit(STR("Cisco/SPA502G-*"), t, NULL) >
	    device_pattern_fit(STR("Cisco/SPA50*-*"), t, NULL));
	assert_true(device_pattern_fit(STR("Cisco/SPA50[0-9]G-*"), t, NULL) >
	    device_pattern_fit(STR("Cisco/SPA50?G-*"), t, NULL));
}

static void
test_what_is_no_pattern_is_refused(void **state)
{
	static const char *const bad[] = {
		"snom[", "snom[]", "snom[0-9", "snom[[0]", "snom\\",
		"snom(x", "snom)", "snom(x>", "snom(<x>)", "snom(x)(y)",
		"snom{a}{b}", "sn*", "***", "???????", "[a][b][c][d]", "",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *what = NULL;

		if (device_pattern_check(str_cstr(bad[i]), &what) != E_PARSE)
			fail_msg("%s: it was taken", bad[i]);
		assert_non_null(what);
	}
}

static void
test_a_text_that_is_too_long_fits_nothing(void **state)
{
	char text[DEVICE_AGENT_MAX + 1];
	struct str p = STR("xxxx*");

	memset(text, 'x', sizeof(text));
	assert_int_equal(device_pattern_fit(p,
	    str_of(text, DEVICE_AGENT_MAX), NULL), 4);
	assert_int_equal(device_pattern_fit(p,
	    str_of(text, sizeof(text)), NULL), 0);
}

/* Many stars and a long text: the product of both, not a power. */
static void
test_many_stars_are_no_work(void **state)
{
	char pattern[1024], text[DEVICE_AGENT_MAX];
	size_t n = 0;

	while (n + 3 < sizeof(pattern)) {
		pattern[n++] = '*';
		pattern[n++] = 'x';
	}
	pattern[n++] = 'y';
	memset(text, 'x', sizeof(text));
	assert_int_equal(device_pattern_fit(str_of(pattern, n),
	    str_of(text, sizeof(text)), NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_whole_text_fits_or_nothing),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_more_that_is_named_counts_more),
		cmocka_unit_test(test_what_is_no_pattern_is_refused),
		cmocka_unit_test(test_a_text_that_is_too_long_fits_nothing),
		cmocka_unit_test(test_many_stars_are_no_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
