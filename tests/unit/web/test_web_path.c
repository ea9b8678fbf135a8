/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "web/path.h"

static void
what_is_served(void **state)
{
	static const struct {
		const char *path;
		enum web_document document;
		enum web_form form;
		const char *name, *id;
	} rows[] = {
		{ "/ca.pem", WEB_CA, WEB_PEM, "", "" },
		{ "/ca.der", WEB_CA, WEB_DER, "", "" },
		{ "//ca.pem", WEB_CA, WEB_PEM, "", "" },
		{ "/roots/isrg-root-x1.pem", WEB_ROOT, WEB_PEM, "isrg-root-x1",
		    "" },
		{ "/roots/isrg-root-x1.der", WEB_ROOT, WEB_DER, "isrg-root-x1",
		    "" },
		{ "/roots/ca+isrg-root-x1.pem", WEB_ROOT, WEB_PEM,
		    "ca+isrg-root-x1", "" },
		{ "/roots/a%2Bb+c.pem", WEB_ROOT, WEB_PEM, "a+b+c", "" },
		{ "/polycom-vvx-ca.cfg", WEB_SETTINGS, WEB_CFG, "polycom-vvx",
		    "" },
		{ "/snom-ca.xml", WEB_SETTINGS, WEB_XML, "snom", "" },
		{ "/d/00:0E:08:AA:bb:CC/ca.pem", WEB_CA, WEB_PEM, "",
		    "000e08aabbcc" },
		{ "/d/000E08-AABBCC/ca.pem", WEB_CA, WEB_PEM, "",
		    "000E08-AABBCC" },
		{ "/d/000E08AABBCC/roots/x.der", WEB_ROOT, WEB_DER, "x",
		    "000e08aabbcc" },
		{ "/d/100@example.com/snom-ca.xml", WEB_SETTINGS, WEB_XML,
		    "snom", "100@example.com" },
		{ "/d/00%3A0e%3A08%3Aaa%3Abb%3Acc/ca.pem", WEB_CA, WEB_PEM, "",
		    "000e08aabbcc" },
	};
	struct web_path p;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (web_path_parse(&p, str_cstr(rows[i].path)) != 0)
			fail_msg("%s: not found", rows[i].path);
		assert_int_equal(p.document, rows[i].document);
		assert_int_equal(p.form, rows[i].form);
		assert_string_equal(p.name, rows[i].name);
		assert_string_equal(p.id, rows[i].id);
	}
}

static void
nothing_else(void **state)
{
	static const char *const rows[] = { "", "/", "/ca", "/CA.PEM",
		"/ca.pem/", "/ca.cfg", "/ca-key.pem", "/server-key.pem",
		"/.pem", "/roots", "/roots/", "/roots/.pem", "/roots/../ca.pem",
		"/roots/a/b.pem", "/roots/a.txt", "/roots/A.pem", "/d", "/d/",
		"/d/100", "/d/100/", "/d//ca.pem", "/d/../ca.pem",
		"/d/a b/ca.pem", "/d/%2e%2e/ca.pem", "/d/1/d/2/ca.pem",
		"/roots/a+b.der", "/roots/+a.pem", "/roots/a+.pem",
		"/roots/a++b.pem", "/a+b-ca.cfg", "/ca+a.pem",
		"/-ca.cfg", "/../../etc/passwd", "/%2e%2e/ca-key.pem",
		"ca.pem", "/ca.pem%00", "/a.b-ca.cfg" };
	char longest[600] = "/d/";
	struct web_path p;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (web_path_parse(&p, str_cstr(rows[i])) != E_ABSENT)
			fail_msg("%s: found", rows[i]);
	}
	memset(longest + 3, 'a', WEB_ID_MAX + 1);
	strcpy(longest + 3 + WEB_ID_MAX + 1, "/ca.pem");
	assert_int_equal(web_path_parse(&p, str_cstr(longest)), E_ABSENT);
	memset(longest, '/', sizeof(longest) - 1);
	assert_int_equal(web_path_parse(&p, str_cstr(longest)), E_ABSENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_served),
		cmocka_unit_test(nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
