/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of header fields: lists, parameters, addresses, Via. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sip/nameaddr.h"
#include "sip/param.h"
#include "sip/via.h"

static void
equals(struct str got, const char *want)
{
	if (!str_eq(got, str_cstr(want)))
		fail_msg("\"%.*s\", expected \"%s\"", STR_FMT(got), want);
}

/* The elements with a bar between them. */
static const char *
elements(const char *list)
{
	static char text[256];
	struct str rest = str_cstr(list), one;
	size_t n = 0;

	while (sip_list_next(&rest, &one))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s",
		    n > 0 ? "|" : "", STR_FMT(one));
	return text;
}

static void
a_list_is_cut_at_its_commas(void **state)
{
	assert_string_equal(elements("a"), "a");
	assert_string_equal(elements("a , \r\n b"), "a|b");
	assert_string_equal(elements("\"a,b\",c"), "\"a,b\"|c");
	assert_string_equal(elements("\"a\\\",b\",c"), "\"a\\\",b\"|c");
	assert_string_equal(elements("<sip:a,b>,c"), "<sip:a,b>|c");
	assert_string_equal(elements("<sip:\",a>,b"), "<sip:\",a>|b");
	assert_string_equal(elements("\"<\",a"), "\"<\"|a");
	/* What does not end takes the rest. */
	assert_string_equal(elements("\"a,b"), "\"a,b");
	assert_string_equal(elements("\"a\\"), "\"a\\");
	assert_string_equal(elements("a,,b"), "a||b");
	assert_true(sip_list_has(STR("a, B ,c"), STR("b")));
	assert_false(sip_list_has(STR("ab, c"), STR("b")));
}

/* "name=value;" of each, and what is left. */
static const char *
params(const char *list)
{
	static char text[256];
	struct str rest = str_cstr(list);
	struct sip_param p;
	size_t n = 0;

	while (sip_param_next(&rest, &p))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s%s%.*s|",
		    STR_FMT(p.name), p.value.p != NULL ? "=" : "",
		    STR_FMT(p.value));
	snprintf(text + n, sizeof(text) - n, "%.*s", STR_FMT(rest));
	return text;
}

static void
parameters_one_by_one(void **state)
{
	struct str v;

	assert_string_equal(params(""), "");
	assert_string_equal(params(";a"), "a|");
	assert_string_equal(params(" ; a = b ;\r\n c"), "a=b|c|");
	assert_string_equal(params(";a=\"b;c\";d"), "a=\"b;c\"|d|");
	assert_string_equal(params(";a=[2001:db8::1];b"),
	    "a=[2001:db8::1]|b|");
	/* Where it is malformed it stops, and says so by what is left. */
	assert_string_equal(params(";a;;b"), "a|;;b");
	assert_string_equal(params(";a=;b"), ";a=;b");
	assert_string_equal(params(";a=\"b"), ";a=\"b");
	assert_string_equal(params(";a b"), ";a b");
	assert_string_equal(params(";=b"), ";=b");
	assert_string_equal(params("a"), "a");
	assert_string_equal(params(";a,b"), ";a,b");
	assert_true(sip_param_get(STR(";A=1;b"), STR("a"), &v));
	equals(v, "1");
	assert_true(sip_param_get(STR(";A=1;b"), STR("B"), &v));
	assert_null(v.p);
	assert_false(sip_param_get(STR(";A=1;b"), STR("c"), &v));
	equals(sip_unquote(STR("\"a\"")), "a");
	equals(sip_unquote(STR("\"")), "\"");
	equals(sip_unquote(STR("a")), "a");
}

static void
addresses(void **state)
{
	static const struct {
		const char *text, *display, *uri, *params; /* uri NULL: bad */
	} rows[] = {
		{ "<sip:a>", "", "sip:a", "" },
		{ "sip:a", "", "sip:a", "" },
		{ "sip:a@b;x=y", "", "sip:a@b", ";x=y" },
		{ "sip:a@b;x=\"<\"", "", "sip:a@b", ";x=\"<\"" },
		{ "sip:a ;x", "", "sip:a", ";x" },
		{ "<sip:a;x=y>;z", "", "sip:a;x=y", ";z" },
		{ "<sip:a,b?c=d>", "", "sip:a,b?c=d", "" },
		{ "A B <sip:a> ; z", "A B", "sip:a", "; z" },
		{ "\"A, <B>\" <sip:a>", "\"A, <B>\"", "sip:a", "" },
		{ "J\xc3\xb6rg <sip:a>", "J\xc3\xb6rg", "sip:a", "" },
		{ "<tel:+49>", "", "tel:+49", "" },
		{ "", NULL, NULL, NULL },
		{ "A", NULL, NULL, NULL },
		{ "A <sip:a", NULL, NULL, NULL },
		{ "<>", NULL, NULL, NULL },
		{ "<sip:a>b", NULL, NULL, NULL },
		{ "<sip:a b>", NULL, NULL, NULL },
		{ "<<sip:a>>", NULL, NULL, NULL },
		{ "\"A <sip:a>", NULL, NULL, NULL },
		{ "\"A\" B <sip:a>", NULL, NULL, NULL },
		{ "\"A\"", NULL, NULL, NULL },
		{ "A, B <sip:a>", NULL, NULL, NULL },
		/* RFC 3261 20: a '?' needs brackets; RFC 4475 3.1.2.13. */
		{ "sip:a?b=c", NULL, NULL, NULL },
		{ "sip:a,b", NULL, NULL, NULL },
		{ "*;x", NULL, NULL, NULL },
		{ "**", NULL, NULL, NULL },
		{ "sip:a <sip:b>", NULL, NULL, NULL },
	};
	struct sip_nameaddr a;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int err = sip_nameaddr_parse(&a, str_cstr(rows[i].text));

		if ((err == 0) != (rows[i].uri != NULL))
			fail_msg("%s: %d", rows[i].text, err);
		if (err != 0)
			continue;
		equals(a.display, rows[i].display);
		equals(a.uri, rows[i].uri);
		equals(a.params, rows[i].params);
		assert_false(a.star);
	}
	assert_int_equal(sip_nameaddr_parse(&a, STR(" * ")), 0);
	assert_true(a.star);
}

static void
vias(void **state)
{
	static const char *const bad[] = { "", "SIP/2.0/UDP", "SIP/2.0/UDP ",
		"SIP/2.0 h", "SIP//UDP h", "/2.0/UDP h", "SIP/2.0/UDPh:",
		"SIP/2.0/UDP h:", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:65536",
		"SIP/2.0/UDP h:x", "SIP/2.0/UDP [::1", "SIP/2.0/UDP [::g]",
		"SIP/2.0/UDP h x", "SIP/2.0/UDP h;", "SIP/2.0/UDP h;=x",
		"SIP/2.0/UDP h;branch=", "SIP/2.0/UDP ;branch=x" };
	struct sip_via v;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (sip_via_parse(&v, str_cstr(bad[i])) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(sip_via_parse(&v, STR(" SIP / 2.0 / TLS [2001:db8::1] "
	    ": 5061 ;Branch=z9hG4bK1; RPORT ;received=192.0.2.1")), 0);
	equals(v.transport, "TLS");
	equals(v.host, "[2001:db8::1]");
	assert_int_equal(v.port, 5061);
	equals(v.branch, "z9hG4bK1");
	equals(v.received, "192.0.2.1");
	assert_true(v.rport);
	assert_int_equal(sip_via_parse(&v, STR("SIP/2.0/UDP h_1.test")), 0);
	assert_int_equal(v.port, 0);
	assert_null(v.branch.p);
	assert_false(v.rport);
	assert_int_equal(sip_via_parse(&v, STR("SIP/2.0/UDP h:65535")), 0);
	assert_int_equal(v.port, 65535);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_cut_at_its_commas),
		cmocka_unit_test(parameters_one_by_one),
		cmocka_unit_test(addresses),
		cmocka_unit_test(vias),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
