/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_PKI_H
#define TESTS_PKI_H
/* Certificates made up on the spot, for the tests of x509, ca and tls. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "../temp.h"

#define PKI_NOW   ((int64_t)1795000000) /* 2026-11-18 */
#define PKI_DAY   ((int64_t)86400)

struct pki_cert {
	X509 *x;
	EVP_PKEY *k;
};

struct pki_want {
	const char *cn;
	const struct pki_cert *issuer; /* NULL: self-signed              */
	const char *alt;               /* subjectAltName, NULL: none     */
	int64_t from_s, to_s;          /* 0: a year around PKI_NOW       */
	bool ca, rsa;
	EVP_PKEY *key;                 /* taken over; NULL: a new one    */
};

static inline void
pki_ext(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static inline struct pki_cert
pki_make(const struct pki_want *w)
{
	static long serial = 1000;
	struct pki_cert c = { X509_new(), w->key };

	if (c.k == NULL)
		c.k = w->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	assert_non_null(c.x);
	assert_non_null(c.k);
	const struct pki_cert *by = w->issuer != NULL ? w->issuer : &c;
	X509_set_version(c.x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x), serial++);
	X509_NAME_add_entry_by_NID(X509_get_subject_name(c.x), NID_commonName,
	    MBSTRING_UTF8, (const unsigned char *)w->cn, -1, -1, 0);
	X509_set_issuer_name(c.x, X509_get_subject_name(by->x));
	ASN1_TIME_set(X509_getm_notBefore(c.x),
	    w->from_s != 0 ? w->from_s : PKI_NOW - 365 * PKI_DAY);
	ASN1_TIME_set(X509_getm_notAfter(c.x),
	    w->to_s != 0 ? w->to_s : PKI_NOW + 365 * PKI_DAY);
	X509_set_pubkey(c.x, c.k);
	if (w->ca) {
		pki_ext(c.x, NID_basic_constraints, "critical,CA:TRUE");
		pki_ext(c.x, NID_key_usage, "critical,keyCertSign");
	}
	if (w->alt != NULL)
		pki_ext(c.x, NID_subject_alt_name, w->alt);
	assert_true(X509_sign(c.x, by->k, EVP_sha256()) > 0);
	return c;
}

static inline void
pki_free(struct pki_cert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->k);
	*c = (struct pki_cert) { NULL, NULL };
}

static inline void
pki_put_bio(struct buf *out, BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	buf_put(out, p, (size_t)n);
	BIO_free(bio);
}

static inline void
pki_put_cert(struct buf *out, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, x), 1);
	pki_put_bio(out, bio);
}

/* password NULL: not encrypted. */
static inline void
pki_put_key(struct buf *out, EVP_PKEY *k, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PrivateKey(bio, k,
	    password != NULL ? EVP_aes_128_cbc() : NULL,
	    (const unsigned char *)password,
	    password != NULL ? (int)strlen(password) : 0, NULL, NULL), 1);
	pki_put_bio(out, bio);
}

/* A new folder under $TMPDIR; returns path. */
static inline const char *
pki_folder(char path[TEMP_MAX])
{
	assert_non_null(temp_folder(path, "test"));
	return path;
}

static inline void
pki_write(const char *path, struct str content, unsigned mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(content.p, 1, content.n, f), content.n);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

/* Is part in the text?  Prints the text when not. */
static inline void
pki_says(struct buf *why, const char *part)
{
	buf_putc(why, '\0');
	assert_false(why->failed);
	if (strstr(why->p, part) == NULL)
		fail_msg("expected \"%s\" in: %s", part, why->p);
	buf_reset(why);
}

#endif
