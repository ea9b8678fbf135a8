/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "x509/cafile.h"
#include "../pki.h"

static struct pki_cert root, inter, leaf, old, young;
static struct x509_set *into;
static char why_bytes[4096];
static struct buf why, text;

static int
setup_all(void **state)
{
	root = pki_make(&(struct pki_want) { .cn = "Test Root", .ca = true });
	inter = pki_make(&(struct pki_want) { .cn = "Test Inter",
	    .issuer = &root, .ca = true });
	leaf = pki_make(&(struct pki_want) { .cn = "sip.example.com",
	    .issuer = &inter, .alt = "DNS:sip.example.com" });
	old = pki_make(&(struct pki_want) { .cn = "Old Root", .ca = true,
	    .to_s = PKI_NOW - PKI_DAY });
	young = pki_make(&(struct pki_want) { .cn = "Young Root", .ca = true,
	    .from_s = PKI_NOW + PKI_DAY, .to_s = PKI_NOW + 9 * PKI_DAY });
	return 0;
}

static int
teardown_all(void **state)
{
	pki_free(&root);
	pki_free(&inter);
	pki_free(&leaf);
	pki_free(&old);
	pki_free(&young);
	return 0;
}

static int
setup(void **state)
{
	assert_int_equal(x509_set_new(&into), 0);
	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	buf_init(&text, 20 << 20);
	return 0;
}

static int
teardown(void **state)
{
	x509_set_free(into);
	buf_fini(&text);
	assert_int_equal(ERR_peek_error(), 0);
	return 0;
}

static void
put_der(X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	assert_true(n > 0);
	buf_put(&text, der, (size_t)n);
	OPENSSL_free(der);
}

static int
read_as(unsigned forms)
{
	struct x509_cafile_want w = { .forms = forms, .now_s = PKI_NOW };

	return x509_cafile_read(into, buf_as_str(&text), &w, &why);
}

static void
refused(int want, const char *says)
{
	assert_int_equal(read_as(X509_FORM_PEM), want);
	pki_says(&why, says);
	assert_int_equal(x509_set_count(into), 0);
}

static void
pem_and_der(void **state)
{
	pki_put_cert(&text, root.x);
	assert_int_equal(read_as(X509_FORM_PEM), 0);
	assert_int_equal(x509_set_count(into), 1);
	assert_int_equal(read_as(X509_FORM_DER), E_PARSE);
	pki_says(&why, "PEM where this phone takes DER");
	buf_reset(&text);
	put_der(root.x);
	assert_int_equal(read_as(X509_FORM_DER), 0);
	assert_int_equal(read_as(X509_FORM_PEM | X509_FORM_DER), 0);
	assert_int_equal(x509_set_count(into), 3);
	assert_int_equal(read_as(X509_FORM_PEM), E_PARSE);
	pki_says(&why, "DER where this phone takes PEM");
	assert_int_equal(x509_set_count(into), 3);
}

static void
bundle_and_its_limit(void **state)
{
	struct x509_cafile_want w = { .forms = X509_FORM_PEM,
		.now_s = PKI_NOW };

	buf_puts(&text, "# two roots\n");
	pki_put_cert(&text, root.x);
	pki_put_cert(&text, inter.x);
	assert_int_equal(x509_cafile_read(into, buf_as_str(&text), &w, &why),
	    0);
	assert_int_equal(x509_set_count(into), 2);
	w.certs_max = 1;
	assert_int_equal(x509_cafile_read(into, buf_as_str(&text), &w, &why),
	    0);
	assert_int_equal(x509_set_count(into), 3);
	/* All or nothing: one that is expired spoils the file. */
	pki_put_cert(&text, old.x);
	w.certs_max = 0;
	assert_int_equal(x509_cafile_read(into, buf_as_str(&text), &w, &why),
	    E_MISMATCH);
	pki_says(&why, "\"Old Root\" expired on 2026-11-17");
	assert_int_equal(x509_set_count(into), 3);
	/* A phone without a clock takes it. */
	w.now_s = 0;
	assert_int_equal(x509_cafile_read(into, buf_as_str(&text), &w, &why),
	    0);
}

static void
what_is_no_ca_file(void **state)
{
	refused(E_PARSE, "the file is empty");
	buf_puts(&text, " \r\n");
	refused(E_PARSE, "the file is empty");
	buf_puts(&text, "<!DOCTYPE html><html>404 Not Found</html>");
	refused(E_PARSE, "a web page (HTML)");
	buf_reset(&text);
	buf_puts(&text, "hello");
	refused(E_PARSE, "neither PEM");
	buf_reset(&text);
	buf_puts(&text, "-----BEGIN CERTIFICATE-----\nMIIB");
	refused(E_PARSE, "damaged");
	buf_reset(&text);
	buf_puts(&text, "-----BEGIN CERTIFICATE-----\nMIIB\n"
	    "-----END CERTIFICATE-----\n");
	refused(E_PARSE, "damaged");
	buf_reset(&text);
	buf_puts(&text, "-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n");
	refused(E_PARSE, "no certificate in it");
}

static void
wrong_certificates(void **state)
{
	pki_put_cert(&text, leaf.x);
	refused(E_MISMATCH, "\"sip.example.com\" is a server's own "
	    "certificate, not a CA's");
	buf_reset(&text);
	pki_put_cert(&text, leaf.x);
	refused(E_MISMATCH, "issued by \"Test Inter\"");
	buf_reset(&text);
	pki_put_cert(&text, young.x);
	refused(E_MISMATCH, "not valid before 2026-11-19");
	buf_reset(&text);
	pki_put_cert(&text, root.x);
	pki_put_key(&text, root.k, NULL);
	refused(E_PARSE, "holds a private key");
}

static void
ten_megabytes(void **state)
{
	char *room = buf_room(&text, 10 << 20);

	memset(room, 'A', 10 << 20);
	text.n += 10 << 20;
	refused(E_LIMIT, "10485760 bytes, but this phone takes 5242880");
}

static void
pick_by_name(void **state)
{
	const char *names[] = { "old root", "Nobody" };

	pki_put_cert(&text, root.x);
	buf_puts(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n"
	    "-----END CERTIFICATE-----\n");
	pki_put_cert(&text, old.x);
	assert_int_equal(x509_cafile_pick(into, buf_as_str(&text), names, 2),
	    1);
	assert_int_equal(x509_cafile_pick(into, buf_as_str(&text), NULL, 0),
	    2);
	assert_int_equal(x509_cafile_pick(into, STR_NULL, NULL, 0), 0);
	assert_int_equal(x509_set_count(into), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pem_and_der, setup, teardown),
		cmocka_unit_test_setup_teardown(bundle_and_its_limit, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(what_is_no_ca_file, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(wrong_certificates, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(ten_megabytes, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(pick_by_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
