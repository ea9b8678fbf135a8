/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device/install: the lines for each profile are those of tests/device/, which
 * were compared with what the makers document.  SIPTRUST_UPDATE=1 writes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "device/catalogue.h"
#include "device/install.h"

#define PEM_TEXT                                                               \
	"-----BEGIN CERTIFICATE-----\n"                                        \
	"MIIBAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKiss\n" \
	"AAEC+/==\n"                                                           \
	"-----END CERTIFICATE-----\n"

static const struct device_ca usual = {
	.base_url = STR("http://10.0.0.5:8080/"),
	.file = STR("roots/isrg-root-x1"),
	.pem = STR("subject=/CN=Root\n" PEM_TEXT),
	.host = STR("sip.example.com"),
};

static int
load(void **state)
{
	struct device_catalogue *c = NULL;
	struct buf why;
	int err;

	buf_init(&why, 1 << 16);
	err = device_catalogue_load(&c, NULL, &why);
	buf_fini(&why);
	*state = c;
	return err;
}

static int
unload(void **state)
{
	device_catalogue_unref(*state);
	return 0;
}

/* Each tag of an XML text is closed, in order; attributes are quoted. */
static void
assert_xml(struct str name, struct str s)
{
	struct str open[16];
	size_t depth = 0;

	while (str_find(s, '<') < s.n) {
		struct str tag, word;
		bool quoted = false;
		size_t n = 0;

		str_cut(&s, '<');
		while (n < s.n && (quoted || s.p[n] != '>'))
			quoted ^= s.p[n++] == '"';
		if (n == s.n)
			fail_msg("%.*s: a tag without end", STR_FMT(name));
		tag = str_of(s.p, n);
		s = str_from(s, n + 1);
		if (tag.p[0] == '?' || tag.p[n - 1] == '/')
			continue;
		word = str_of(tag.p, strcspn(tag.p, " \n>"));
		if (tag.p[0] != '/') {
			assert_true(depth < 16);
			open[depth++] = word;
		} else if (depth == 0 ||
		    !str_eq(open[--depth], str_from(word, 1))) {
			fail_msg("%.*s: <%.*s> closes nothing", STR_FMT(name),
			    STR_FMT(word));
		}
	}
	assert_int_equal(depth, 0);
}

static void
compare(const struct device_profile *p, const char *what, struct str text)
{
	char path[512];
	struct buf expected, why;

	snprintf(path, sizeof(path), "%s/tests/device/%.*s.%s", SOURCE_ROOT,
	    STR_FMT(p->name), what);
	buf_init(&expected, 1 << 16);
	buf_init(&why, 4096);
	if (getenv("SIPTRUST_UPDATE") != NULL)
		assert_int_equal(file_write(path, FILE_PUBLIC, text, &why), 0);
	if (file_read(&expected, path, FILE_PUBLIC, &why) != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
	if (!str_eq(buf_as_str(&expected), text))
		fail_msg("%s: expected:\n%.*sgot:\n%.*s", path,
		    STR_FMT(buf_as_str(&expected)), STR_FMT(text));
	buf_fini(&expected);
	buf_fini(&why);
}

static void
check_one(const struct device_profile *p, enum device_key key)
{
	struct buf out, why;
	int err;

	buf_init(&out, 1 << 16);
	buf_init(&why, 4096);
	err = device_install_print(&out, p, key, &usual, &why);
	if (device_profile_facts(p, key).n == 0) {
		assert_int_equal(err, E_ABSENT);
		assert_int_equal(out.n, 0);
	} else {
		if (err != 0)
			fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
		if (p->config_syntax == DEVICE_XML)
			assert_xml(p->name, buf_as_str(&out));
		compare(p, device_key_name(key), buf_as_str(&out));
	}
	assert_int_equal(why.n, 0);
	buf_fini(&out);
	buf_fini(&why);
}

static void
test_each_profile_prints_its_documented_form(void **state)
{
	for (size_t i = 0; i < device_catalogue_count(*state); i++) {
		const struct device_profile *p =
		    device_catalogue_at(*state, i);

		check_one(p, DEVICE_KEY_setting);
		check_one(p, DEVICE_KEY_tls_setting);
	}
}

/* ---- what is filled in, with profiles made for it ---- */

static struct device_profile *
profile(const char *lines)
{
	struct device_profile *p = NULL;
	struct buf text, why;

	buf_init(&text, 1 << 16);
	buf_init(&why, 1 << 16);
	buf_printf(&text, "name = a\nvendor = b\ntitle = c\nuser_agent = Phone "
	    "; unverified\n%s", lines);
	if (device_profile_read(&p, "a", buf_as_str(&text), &why) != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
	buf_fini(&text);
	buf_fini(&why);
	return p;
}

#define U " ; unverified\n"
#define TEXT_FILE "config_syntax = text" U
#define XML_FILE  "config_syntax = xml" U
#define BY_URL    "ca_way = url" U "ca_parameter = ca" U
#define INLINE    "ca_way = inline" U "ca_parameter = ca" U

static void
assert_lines(const char *lines, const struct device_ca *ca,
    const char *expected)
{
	struct device_profile *p = profile(lines);
	struct buf out, why;

	buf_init(&out, 1 << 17);
	buf_init(&why, 4096);
	if (device_install_print(&out, p, DEVICE_KEY_setting, ca, &why) != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
	if (!str_eq(buf_as_str(&out), str_cstr(expected)))
		fail_msg("%.*s", STR_FMT(buf_as_str(&out)));
	device_profile_free(p);
	buf_fini(&out);
	buf_fini(&why);
}

static void
test_what_is_filled_in(void **state)
{
	struct device_ca ca = usual;

	assert_lines(TEXT_FILE BY_URL "setting = a={url} {file} {X} {" U, &ca,
	    "a=http://10.0.0.5:8080/roots/isrg-root-x1.pem isrg-root-x1.pem "
	    "{X} {\n");
	assert_lines(TEXT_FILE BY_URL "ca_format = der" U "setting = {url}" U,
	    &ca, "http://10.0.0.5:8080/roots/isrg-root-x1.der\n");
	assert_lines(TEXT_FILE BY_URL "ca_format = der, pem" U
	    "setting = {url}" U, &ca,
	    "http://10.0.0.5:8080/roots/isrg-root-x1.pem\n");
	assert_lines(TEXT_FILE INLINE "setting = a={base64}" U, &ca,
	    "a=MIIBAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKi"
	    "ssAAEC+/==\n");
	ca.pem = STR(PEM_TEXT "trailing text\n");
	assert_lines(XML_FILE INLINE "setting = <a>{pem}</a>" U, &ca,
	    "<a>-----BEGIN CERTIFICATE-----\n"
	    "MIIBAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKiss"
	    "\nAAEC+/==\n-----END CERTIFICATE-----</a>\n");
	ca.pem = STR("-----BEGIN CERTIFICATE-----\r\nAAAA\r\n"
	    "-----END CERTIFICATE-----\r\n");
	assert_lines(XML_FILE INLINE "setting = <a b=\"{pem_xml}\"/>" U, &ca,
	    "<a b=\"-----BEGIN CERTIFICATE-----&#10;AAAA&#10;-----END "
	    "CERTIFICATE-----\"/>\n");
}

static void
test_markup_is_escaped_in_xml_alone(void **state)
{
	struct device_ca ca = usual;

	ca.base_url = STR("http://h/?a=1&b=<\">");
	ca.file = STR("ca");
	assert_lines(XML_FILE BY_URL "setting = <a>{url}</a>" U, &ca,
	    "<a>http://h/?a=1&amp;b=&lt;&quot;&gt;/ca.pem</a>\n");
	assert_lines(TEXT_FILE BY_URL "setting = {url}" U, &ca,
	    "http://h/?a=1&b=<\">/ca.pem\n");
}

static void
assert_refused(const char *lines, const struct device_ca *ca,
    const char *expected)
{
	struct device_profile *p = profile(lines);
	struct buf out, why;

	buf_init(&out, 1 << 17);
	buf_init(&why, 4096);
	assert_int_equal(device_install_print(&out, p, DEVICE_KEY_setting, ca,
	    &why), E_CONFIG);
	assert_int_equal(out.n, 0);
	buf_putc(&why, '\0');
	if (strstr(why.p, expected) == NULL)
		fail_msg("%s", why.p);
	device_profile_free(p);
	buf_fini(&out);
	buf_fini(&why);
}

static void
test_what_does_not_fit_is_refused(void **state)
{
	struct device_ca ca = usual;

	ca.base_url = STR("http://h/a b");
	assert_refused(TEXT_FILE BY_URL "setting = {url}" U, &ca,
	    "a: expected an address without blanks");
	ca.base_url = STR("http://h\nadmin_password = 1");
	assert_refused(TEXT_FILE BY_URL "setting = x" U "setting = {url}" U,
	    &ca, "a: expected an address without blanks");
	ca.base_url = STR_NULL;
	assert_refused(TEXT_FILE BY_URL "setting = {url}" U, &ca,
	    "a: expected the address of the server");
	ca = usual;
	ca.file = STR_NULL;
	assert_refused(TEXT_FILE BY_URL "setting = {file}" U, &ca,
	    "a: expected the name of the CA file");
	ca = usual;
	ca.host = STR_NULL;
	assert_refused(TEXT_FILE BY_URL "setting = {url} {host}" U, &ca,
	    "a: expected the host that serves SIP");
	ca = usual;
	ca.pem = STR_NULL;
	assert_refused(TEXT_FILE INLINE "setting = {pem}" U, &ca,
	    "a: its configuration holds the certificate itself");
	ca.pem = STR("-----BEGIN CERTIFICATE-----\nAAAA\n");
	assert_refused(TEXT_FILE INLINE "setting = {pem}" U, &ca,
	    "a: its configuration holds the certificate itself");
	ca.pem = STR(PEM_TEXT PEM_TEXT);
	assert_refused(TEXT_FILE INLINE "setting = {pem}" U, &ca,
	    "a: its configuration holds one certificate");
	ca.pem = STR("-----BEGIN CERTIFICATE-----\nAA</P8433>\n"
	    "-----END CERTIFICATE-----\n");
	assert_refused(XML_FILE INLINE "setting = {pem}" U, &ca,
	    "a: the certificate is no PEM");
}

static void
test_no_room_is_told(void **state)
{
	struct device_profile *p = profile(TEXT_FILE BY_URL
	    "setting = {url}" U);
	struct buf out, why;

	buf_init(&out, 16);
	buf_init(&why, 4096);
	assert_int_equal(device_install_print(&out, p, DEVICE_KEY_setting,
	    &usual, &why), E_LIMIT);
	device_profile_free(p);
	buf_fini(&out);
	buf_fini(&why);
}

static void
assert_remedy(const struct device_catalogue *c, const char *name,
    const char *url, const char *expected)
{
	const struct device_profile *p =
	    device_catalogue_find(c, str_cstr(name));
	struct buf out;

	assert_non_null(p);
	buf_init(&out, 4096);
	device_install_remedy(&out, p, str_cstr(url));
	if (!str_eq(buf_as_str(&out), str_cstr(expected)))
		fail_msg("%.*s", STR_FMT(buf_as_str(&out)));
	buf_fini(&out);
}

static void
test_remedies(void **state)
{
	const struct device_catalogue *c = *state;

	assert_remedy(c, "cisco-spa50x", "http://h:8080/ca.pem",
	    "write http://h:8080/ca.pem into its Custom_CA_RULE");
	assert_remedy(c, "snom", "http://h:8080/roots/isrg-root-x1.pem",
	    "write http://h:8080/roots/isrg-root-x1.der into its "
	    "certificates");
	assert_remedy(c, "yealink-v80", "", "serve it over HTTP and write "
	    "its address into its static.trusted_certificates.url");
	assert_remedy(c, "polycom-vvx", "http://h:8080/ca.pem", "put it into "
	    "its device.sec.TLS.customCaCert1 (siptrust ca export --for "
	    "polycom-vvx)");
	assert_remedy(c, "fanvil", "http://h:8080/ca.pem",
	    "upload it in the phone's own pages");
	assert_remedy(c, "linksys-sipura", "http://h:8080/ca.pem", "");
	assert_remedy(c, "pjsip", "http://h:8080/ca.pem", "");
}

static void
test_which_hold_the_certificate_itself(void **state)
{
	const struct device_catalogue *c = *state;

	assert_true(device_install_inline(
	    device_catalogue_find(c, STR("polycom-vvx"))));
	assert_true(device_install_inline(
	    device_catalogue_find(c, STR("grandstream-ht"))));
	assert_false(device_install_inline(
	    device_catalogue_find(c, STR("cisco-spa50x"))));
	assert_string_equal(device_install_ending(
	    device_catalogue_find(c, STR("snom"))), "der");
	assert_string_equal(device_install_ending(
	    device_catalogue_find(c, STR("yealink-v80"))), "pem");
	assert_string_equal(device_install_ending(
	    device_catalogue_find(c, STR("linphone"))), "pem");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_profile_prints_its_documented_form),
		cmocka_unit_test(test_what_is_filled_in),
		cmocka_unit_test(test_markup_is_escaped_in_xml_alone),
		cmocka_unit_test(test_what_does_not_fit_is_refused),
		cmocka_unit_test(test_no_room_is_told),
		cmocka_unit_test(test_remedies),
		cmocka_unit_test(test_which_hold_the_certificate_itself),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
