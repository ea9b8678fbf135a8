/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "x509/cert.h"
#include "../pki.h"

static struct pki_cert root, inter, leaf, other;
static char why_bytes[4096];
static struct buf why, cert_pem, key_pem;

static int
setup_all(void **state)
{
	root = pki_make(&(struct pki_want) { .cn = "Test Root", .ca = true });
	inter = pki_make(&(struct pki_want) { .cn = "Test Inter",
	    .issuer = &root, .ca = true });
	leaf = pki_make(&(struct pki_want) { .cn = "sip.example.com",
	    .issuer = &inter, .to_s = PKI_NOW + 90 * PKI_DAY });
	other = pki_make(&(struct pki_want) { .cn = "Other", .rsa = true });
	return 0;
}

static int
teardown_all(void **state)
{
	pki_free(&root);
	pki_free(&inter);
	pki_free(&leaf);
	pki_free(&other);
	return 0;
}

static int
setup(void **state)
{
	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	buf_init(&cert_pem, 1 << 20);
	buf_init(&key_pem, 1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	buf_fini(&cert_pem);
	buf_fini(&key_pem);
	assert_int_equal(ERR_peek_error(), 0);
	return 0;
}

static int
read_at(struct x509_chain **c, int64_t now_s)
{
	struct x509_source src = { "chain.pem", buf_as_str(&cert_pem),
		"key.pem", buf_as_str(&key_pem) };

	*c = NULL;
	return x509_chain_read(c, &src, now_s, &why);
}

/* Certificates up to a NULL; then the key of the first argument. */
static void
put(const struct pki_cert *key, const struct pki_cert *a,
    const struct pki_cert *b, const struct pki_cert *c)
{
	buf_reset(&cert_pem);
	buf_reset(&key_pem);
	pki_put_key(&key_pem, key->k, NULL);
	if (a != NULL)
		pki_put_cert(&cert_pem, a->x);
	if (b != NULL)
		pki_put_cert(&cert_pem, b->x);
	if (c != NULL)
		pki_put_cert(&cert_pem, c->x);
}

static void
refused(int code, const char *part)
{
	struct x509_chain *c;

	assert_int_equal(read_at(&c, PKI_NOW), code);
	assert_null(c);
	pki_says(&why, part);
}

static void
test_good_chain_in_order(void **state)
{
	struct x509_chain *c;

	put(&leaf, &leaf, &inter, NULL);
	assert_int_equal(read_at(&c, PKI_NOW), 0);
	assert_string_equal(c->subject, "sip.example.com");
	assert_string_equal(c->root, "Test Root");
	assert_int_equal(sk_X509_num(c->rest), 1);
	assert_int_equal(c->not_after_s, PKI_NOW + 90 * PKI_DAY);
	assert_int_equal(c->not_before_s, PKI_NOW - 365 * PKI_DAY);
	assert_false(c->rsa);
	x509_chain_free(c);

	put(&leaf, &leaf, &inter, &root);
	assert_int_equal(read_at(&c, PKI_NOW), 0);
	assert_string_equal(c->root, "Test Root");
	x509_chain_free(c);

	put(&other, &other, NULL, NULL);
	assert_int_equal(read_at(&c, PKI_NOW), 0);
	assert_string_equal(c->root, "Other");
	assert_true(c->rsa);
	x509_chain_free(c);
	assert_int_equal(why.n, 0);
}

static void
test_leaf_alone_leads_to_its_issuer(void **state)
{
	struct x509_chain *c;

	put(&leaf, &leaf, NULL, NULL);
	assert_int_equal(read_at(&c, PKI_NOW), 0);
	assert_string_equal(c->root, "Test Inter");
	x509_chain_free(c);
}

static void
test_text_between_blocks_is_passed_over(void **state)
{
	struct x509_chain *c;

	buf_puts(&cert_pem, "subject=CN = sip.example.com\n");
	pki_put_cert(&cert_pem, leaf.x);
	buf_puts(&cert_pem, "\nissuer\n");
	pki_put_cert(&cert_pem, inter.x);
	pki_put_key(&key_pem, leaf.k, NULL);
	assert_int_equal(read_at(&c, PKI_NOW), 0);
	assert_int_equal(sk_X509_num(c->rest), 1);
	x509_chain_free(c);
}

static void
test_wrong_order(void **state)
{
	put(&leaf, &inter, &leaf, NULL);
	refused(E_MISMATCH, "certificate 2 (sip.example.com), which must come");
	put(&leaf, &leaf, &root, &inter);
	refused(E_MISMATCH, "its issuer is certificate 3: move it up to "
	    "place 2");
	put(&leaf, &leaf, &root, NULL);
	refused(E_MISMATCH, "insert the certificate of its issuer, Test Inter");
	put(&leaf, &leaf, &leaf, &inter);
	refused(E_MISMATCH, "same certificate again");
	put(&other, &other, &root, NULL);
	refused(E_MISMATCH, "is a root and must be the last");
	put(&other, &other, &other, NULL);
	refused(E_MISMATCH, "same certificate again");
}

static void
test_issuer_with_the_right_name_but_another_key(void **state)
{
	struct pki_cert fake = pki_make(&(struct pki_want) {
	    .cn = "Test Inter", .issuer = &root, .ca = true });

	put(&leaf, &leaf, &fake, NULL);
	refused(E_MISMATCH, "right name but another key");
	pki_free(&fake);
}

static void
test_key_of_another_certificate(void **state)
{
	put(&other, &leaf, &inter, NULL);
	refused(E_MISMATCH, "key.pem: this key does not belong");
}

static void
test_dates(void **state)
{
	struct x509_chain *c;

	put(&leaf, &leaf, &inter, NULL);
	assert_int_equal(read_at(&c, PKI_NOW + 91 * PKI_DAY), E_MISMATCH);
	pki_says(&why, "certificate 1 (sip.example.com) expired on 2027-02-1");
	assert_int_equal(read_at(&c, PKI_NOW - 366 * PKI_DAY), E_MISMATCH);
	pki_says(&why, "is this host's clock right");
	assert_null(c);

	struct pki_cert old = pki_make(&(struct pki_want) { .cn = "Old Root",
	    .ca = true, .to_s = PKI_NOW - 1 });
	struct pki_cert end = pki_make(&(struct pki_want) { .cn = "x",
	    .issuer = &old });
	put(&end, &end, &old, NULL);
	refused(E_MISMATCH, "it is a root: leave it out");
	pki_free(&old);
	pki_free(&end);
}

static void
test_encrypted_key(void **state)
{
	put(&leaf, &leaf, NULL, NULL);
	buf_reset(&key_pem);
	pki_put_key(&key_pem, leaf.k, "secret");
	refused(E_PARSE, "key.pem: the key is encrypted");
}

static void
test_not_what_was_expected(void **state)
{
	static const char der[] = "\x30\x82\x01\x02\x30\x03";
	struct buf swap;

	put(&leaf, &leaf, NULL, NULL);
	buf_reset(&key_pem);
	refused(E_PARSE, "key.pem: is empty");
	buf_puts(&key_pem, "hello\n");
	refused(E_PARSE, "key.pem: holds no private key (a PEM block");
	buf_reset(&key_pem);
	pki_put_cert(&key_pem, leaf.x);
	refused(E_PARSE, "swapped?");

	put(&leaf, NULL, NULL, NULL);
	refused(E_PARSE, "chain.pem: is empty");
	swap = cert_pem;
	cert_pem = key_pem;
	refused(E_PARSE, "swapped?");
	cert_pem = swap;
	buf_put(&cert_pem, der, sizeof(der) - 1);
	refused(E_PARSE, "is binary (DER or PKCS#12)");
}

static void
test_damaged(void **state)
{
	char *p;

	put(&leaf, &leaf, &inter, NULL);
	cert_pem.n -= 60;
	refused(E_PARSE, "damaged");
	put(&leaf, &leaf, NULL, NULL);
	buf_putc(&cert_pem, '\0');
	p = strstr(cert_pem.p, "MII");
	if (p != NULL)
		memcpy(p, "AAAA", 4);
	else
		cert_pem.p[40] ^= 1;
	cert_pem.n--;
	refused(E_PARSE, "certificate 1 is damaged");
	put(&leaf, &leaf, NULL, NULL);
	buf_reset(&key_pem);
	buf_puts(&key_pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n"
	    "-----END PRIVATE KEY-----\n");
	refused(E_PARSE, "key.pem: the key (PRIVATE KEY) is damaged");
}

static void
test_too_many_and_too_long(void **state)
{
	put(&leaf, &leaf, NULL, NULL);
	for (int i = 0; i < X509_CHAIN_MAX; i++)
		pki_put_cert(&cert_pem, inter.x);
	refused(E_LIMIT, "more than 16 certificates");

	struct x509_source src = { "big.pem", { why_bytes, X509_FILE_MAX + 1 },
		"key.pem", STR("") };
	struct x509_chain *c = NULL;
	assert_int_equal(x509_chain_read(&c, &src, PKI_NOW, &why), E_LIMIT);
	pki_says(&why, "big.pem: is longer than");
}

static void
test_files(void **state)
{
	char dir[256], cert[300], key[300];
	struct x509_chain *c = NULL;

	pki_folder(dir);
	snprintf(cert, sizeof(cert), "%s/both.pem", dir);
	snprintf(key, sizeof(key), "%s/absent.pem", dir);
	put(&leaf, &leaf, &inter, NULL);
	buf_str(&cert_pem, buf_as_str(&key_pem));
	pki_write(cert, buf_as_str(&cert_pem), 0640);

	assert_int_equal(x509_chain_load(&c, cert, NULL, PKI_NOW, &why), 0);
	x509_chain_free(c);
	assert_int_equal(x509_chain_load(&c, cert, "", PKI_NOW, &why), 0);
	x509_chain_free(c);
	assert_int_equal(x509_chain_load(&c, cert, cert, PKI_NOW, &why), 0);
	x509_chain_free(c);
	c = NULL;
	assert_int_equal(x509_chain_load(&c, cert, key, PKI_NOW, &why),
	    -ENOENT);
	pki_says(&why, "absent.pem: cannot open: No such file");
	assert_int_equal(x509_chain_load(&c, key, cert, PKI_NOW, &why),
	    -ENOENT);
	pki_says(&why, "absent.pem: cannot open");
	assert_int_equal(x509_chain_load(&c, dir, cert, PKI_NOW, &why),
	    E_CONFIG);
	pki_says(&why, "not a regular file");
	assert_null(c);
	unlink(cert);
	rmdir(dir);
}

static void
test_name_text(void **state)
{
	X509_NAME *n = X509_NAME_new();
	char text[128], small[8];

	x509_name_text(n, text, sizeof(text));
	assert_string_equal(text, "");
	X509_NAME_add_entry_by_NID(n, NID_organizationName, MBSTRING_UTF8,
	    (const unsigned char *)"Entrust, Inc.", -1, -1, 0);
	X509_NAME_add_entry_by_NID(n, NID_organizationalUnitName,
	    MBSTRING_UTF8, (const unsigned char *)"Root\nX", -1, -1, 0);
	x509_name_text(n, text, sizeof(text));
	assert_string_equal(text, "OU=Root\\0AX,O=Entrust\\, Inc.");
	X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)"a\nb\0c", 5, -1, 0);
	x509_name_text(n, text, sizeof(text));
	assert_string_equal(text, "a?b?c");
	x509_name_text(n, small, 4);
	assert_string_equal(small, "a?b");
	X509_NAME_free(n);
	x509_name_text(NULL, text, sizeof(text));
	assert_string_equal(text, "");
}

static void
test_fingerprint_and_time(void **state)
{
	char print[96];
	ASN1_TIME *t = ASN1_TIME_new();

	x509_fingerprint(leaf.x, print);
	assert_int_equal(strlen(print), 95);
	assert_int_equal(print[2], ':');
	assert_int_equal(x509_time_s(NULL), INT64_MIN);
	assert_int_equal(ASN1_TIME_set_string(t, "20490102030405Z"), 1);
	assert_int_equal(x509_time_s(t), 2493169445);
	assert_int_equal(ASN1_STRING_set(t, "rubbish", -1), 1);
	assert_int_equal(x509_time_s(t), INT64_MIN);
	ASN1_TIME_free(t);
	ERR_clear_error();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_good_chain_in_order),
		T(test_leaf_alone_leads_to_its_issuer),
		T(test_text_between_blocks_is_passed_over),
		T(test_wrong_order),
		T(test_issuer_with_the_right_name_but_another_key),
		T(test_key_of_another_certificate),
		T(test_dates),
		T(test_encrypted_key),
		T(test_not_what_was_expected),
		T(test_damaged),
		T(test_too_many_and_too_long),
		T(test_files),
		T(test_name_text),
		T(test_fingerprint_and_time),
	};
	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
