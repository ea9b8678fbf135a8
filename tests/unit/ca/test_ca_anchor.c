/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/anchor.h"
#include "device/root.h"
#include "x509/cert.h"
#include "../pki.h"

static char dir[256], file[300], why_bytes[4096];
static struct buf why;

static int
setup(void **state)
{
	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	pki_folder(dir);
	snprintf(file, sizeof(file), "%s/roots.pem", dir);
	return 0;
}

static int
teardown(void **state)
{
	unlink(file);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(ERR_peek_error(), 0);
	return 0;
}

static struct pki_cert
root(const char *cn)
{
	return pki_make(&(struct pki_want) { .cn = cn, .ca = true });
}

static void
put(struct pki_cert *certs, size_t n)
{
	struct buf pem;

	buf_init(&pem, 1 << 20);
	for (size_t i = 0; i < n; i++)
		pki_put_cert(&pem, certs[i].x);
	pki_write(file, buf_as_str(&pem), 0644);
	buf_fini(&pem);
}

static void
a_root_in_both_forms(void **state)
{
	struct pki_cert c = root("Test Root X1");
	struct ca_anchor a;
	const unsigned char *p;
	char print[96];
	X509 *x;

	put(&c, 1);
	assert_int_equal(ca_anchor_load(&a, file, PKI_NOW, &why), 0);
	assert_string_equal(a.root, "Test Root X1");
	assert_string_equal(a.name, "test-root-x1");
	x509_fingerprint(c.x, print);
	assert_string_equal(a.fingerprint, print);
	p = (const unsigned char *)a.der.p;
	x = d2i_X509(NULL, &p, (long)a.der.n);
	assert_int_equal(X509_cmp(x, c.x), 0);
	X509_free(x);
	assert_int_equal(x509_cert_read(&x, "x", buf_as_str(&a.pem), &why), 0);
	assert_int_equal(X509_cmp(x, c.x), 0);
	X509_free(x);
	assert_true(a.modified_s > 0);
	ca_anchor_fini(&a);
	pki_free(&c);
}

static void
refused(int rc, const char *says)
{
	struct ca_anchor a = { .name = "untouched" };

	assert_int_equal(ca_anchor_load(&a, file, PKI_NOW, &why), rc);
	assert_string_equal(a.name, "untouched");
	pki_says(&why, says);
}

static void
what_is_no_root_for_phones(void **state)
{
	struct pki_cert c = root("Test Root"), two[2];
	struct pki_cert leaf = pki_make(&(struct pki_want) {
	    .cn = "pbx.example.com", .issuer = &c });
	struct pki_cert between = pki_make(&(struct pki_want) {
	    .cn = "Test R3", .issuer = &c, .ca = true });
	struct pki_cert old = pki_make(&(struct pki_want) { .cn = "Old Root",
	    .ca = true, .to_s = PKI_NOW - PKI_DAY });
	char *big = calloc(1, 10 << 20);

	refused(-ENOENT, "roots.pem: cannot open");
	put(&leaf, 1);
	refused(E_MISMATCH, "\"pbx.example.com\" is no CA");
	put(&between, 1);
	refused(E_MISMATCH, "\"Test R3\" is not self-signed (its issuer is "
	    "\"Test Root\")");
	put(&old, 1);
	refused(E_STATE, "\"Old Root\" expired on 2026-11-17");
	two[0] = c;
	two[1] = old;
	put(two, 2);
	refused(E_MISMATCH, "more than one certificate");
	pki_write(file, STR(""), 0644);
	refused(E_PARSE, "is empty");
	pki_write(file, STR("<html>404</html>"), 0644);
	refused(E_PARSE, "holds no certificate");
	pki_write(file, STR("\x30\x82\x03\x29"), 0644);
	refused(E_PARSE, "is binary (DER");
	pki_write(file, str_of(big, 10 << 20), 0644);
	refused(E_LIMIT, "is longer than 65536 bytes");
	free(big);
	pki_free(&c);
	pki_free(&leaf);
	pki_free(&between);
	pki_free(&old);
}

static void
many_roots_by_name(void **state)
{
	struct pki_cert c[4] = { root("Test Root X1"), root("Test Root X1"),
		root("Zweiter (Klasse 2) \xc3\x84"),
		pki_make(&(struct pki_want) { .cn = "Old", .ca = true,
		    .to_s = PKI_NOW - PKI_DAY }) };
	struct ca_anchors a;

	put(c, 4);
	assert_int_equal(ca_anchors_load(&a, file, true, NULL, PKI_NOW, &why),
	    0);
	assert_int_equal(a.n, 3);
	assert_int_equal(a.left_out, 1);
	assert_string_equal(a.v[0].name, "test-root-x1");
	assert_string_equal(a.v[1].name, "test-root-x1-2");
	assert_string_equal(a.v[2].name, "zweiter-klasse-2");
	assert_ptr_equal(ca_anchors_find(&a, "test-root-x1-2", NULL), &a.v[1]);
	assert_ptr_equal(ca_anchors_find(&a, "TEST-root-x1", NULL), &a.v[0]);
	assert_ptr_equal(ca_anchors_find(&a, "zweiter (klasse 2) \xc3\x84",
	    &why), &a.v[2]);
	assert_null(ca_anchors_find(&a, "Old", &why));
	assert_int_equal(why.n, 0);
	/* Which of the two?  Another's file would mend nothing. */
	assert_null(ca_anchors_find(&a, "Test Root X1", NULL));
	assert_null(ca_anchors_find(&a, "Test Root X1", &why));
	pki_says(&why, "test-root-x1, test-root-x1-2");
	ca_anchors_fini(&a);
	for (int i = 0; i < 4; i++)
		pki_free(&c[i]);
}

static void
a_leaf_among_the_roots(void **state)
{
	struct pki_cert c[2] = { root("Test Root") };
	struct ca_anchors a;

	c[1] = pki_make(&(struct pki_want) { .cn = "leaf", .issuer = &c[0] });
	put(c, 2);
	assert_int_equal(ca_anchors_load(&a, file, true, NULL, PKI_NOW, &why),
	    E_MISMATCH);
	pki_says(&why, "roots.pem: certificate 2, \"leaf\", is no CA");
	assert_int_equal(ca_anchors_load(&a, file, false, NULL, PKI_NOW, &why),
	    0);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.left_out, 1);
	assert_int_equal(why.n, 0);
	ca_anchors_fini(&a);
	pki_free(&c[0]);
	pki_free(&c[1]);
}

/* What Debian installs must all be read, and Let's Encrypt's be there. */
static void
the_roots_of_the_system(void **state)
{
	const char *system = ca_system_roots();
	const struct ca_anchor *r3, *r6;
	struct device_roots *known = NULL;
	struct ca_anchors a;

	if (system == NULL) {
		print_message("skipped: no ca-certificates\n");
		skip();
	}
	assert_int_equal(device_roots_load(&known, &why), 0);
	if (ca_anchors_load(&a, system, false, known, PKI_NOW, &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	assert_non_null(ca_anchors_find(&a, "isrg-root-x1", NULL));
	assert_non_null(ca_anchors_find(&a, "ISRG Root X2", NULL));
	/* Four are called GlobalSign: each by the name that it has for good. */
	r3 = ca_anchors_find(&a, "globalsign-root-ca-r3", NULL);
	r6 = ca_anchors_find(&a, "globalsign-root-ca-r6", NULL);
	assert_true(r3 != NULL && r6 != NULL && r3 != r6);
	assert_string_equal(r3->root, "GlobalSign");
	assert_string_equal(r6->root, "GlobalSign");
	assert_null(ca_anchors_find(&a, "GlobalSign", &why));
	pki_says(&why, "globalsign-root-ca-r3");
	device_roots_free(known);
	ca_anchors_fini(&a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_root_in_both_forms),
		T(what_is_no_root_for_phones),
		T(many_roots_by_name),
		T(a_leaf_among_the_roots),
		T(the_roots_of_the_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
