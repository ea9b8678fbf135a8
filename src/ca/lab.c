/* SPDX-License-Identifier: BSD-2-Clause */
#include "ca/lab.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/digest.h"

#define DAY_S     ((int64_t)86400)
#define YEAR_S    (365 * DAY_S)
#define BUNDLE_MAX 65536

struct maker {
	EVP_PKEY *root_key, *inter_key, *leaf_key;
	X509 *root, *inter, *leaf;
};

static bool
set_serial(X509 *cert)
{
	unsigned char bytes[8];
	uint64_t v = 0;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		v = v << 8 | bytes[i];
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert),
	    v >> 1 | 1) == 1;
}

static bool
add_name(X509_NAME *name, const char *field, const char *value)
{
	return value == NULL || X509_NAME_add_entry_by_txt(name, field,
	    MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool
add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

/* A CA certificate for key; issuer NULL: its own. */
static X509 *
make_ca(EVP_PKEY *key, const char *cn, const char *organization, X509 *issuer,
    EVP_PKEY *issuer_key, int64_t now_s)
{
	X509 *cert = X509_new(), *by = issuer != NULL ? issuer : cert;

	if (cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
	    set_serial(cert) &&
	    ASN1_TIME_set(X509_getm_notBefore(cert),
	    (time_t)(now_s - 5 * YEAR_S)) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(cert),
	    (time_t)(now_s + 5 * YEAR_S)) != NULL &&
	    add_name(X509_get_subject_name(cert), "O", organization) &&
	    add_name(X509_get_subject_name(cert), "CN", cn) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(by)) == 1 &&
	    X509_set_pubkey(cert, key) == 1 &&
	    add_ext(cert, by, NID_basic_constraints, "critical,CA:TRUE") &&
	    add_ext(cert, by, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_ext(cert, by, NID_subject_key_identifier, "hash") &&
	    add_ext(cert, by, NID_authority_key_identifier, "keyid") &&
	    X509_sign(cert, issuer_key != NULL ? issuer_key : key,
	    EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

static bool
make_keys(struct maker *m, bool intermediate)
{
	return ca_key_new(&m->root_key, CA_KEY_RSA) == 0 &&
	    ca_key_new(&m->leaf_key, CA_KEY_RSA) == 0 &&
	    (!intermediate ||
	    ca_key_new(&m->inter_key, CA_KEY_RSA) == 0);
}

static bool
make_certs(struct maker *m, const struct ca_lab_want *w)
{
	const struct ca_server_want leaf = { .names = w->names };

	m->root = make_ca(m->root_key, w->root, w->organization, NULL, NULL,
	    w->now_s);
	if (m->root == NULL)
		return false;
	if (w->intermediate == NULL)
		return ca_server_new(&m->leaf, m->leaf_key, &leaf, m->root,
		    m->root_key, w->now_s) == 0;
	m->inter = make_ca(m->inter_key, w->intermediate, w->organization,
	    m->root, m->root_key, w->now_s);
	return m->inter != NULL && ca_server_new(&m->leaf, m->leaf_key,
	    &leaf, m->inter, m->inter_key, w->now_s) == 0;
}

static bool
put_bio(struct buf *out, BIO *bio)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	if (n > 0)
		buf_put(out, p, (size_t)n);
	return n > 0 && !out->failed;
}

static bool
put_cert(struct buf *out, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio != NULL && PEM_write_bio_X509(bio, cert) == 1 &&
	    put_bio(out, bio);

	BIO_free(bio);
	return ok;
}

static bool
put_key(struct buf *out, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	bool ok = bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL,
	    0, NULL, NULL) == 1 && put_bio(out, bio);

	BIO_free(bio);
	return ok;
}

int
ca_lab_make(struct ca_lab *out, const struct ca_lab_want *want)
{
	struct maker m = { 0 };
	struct ca_lab l;
	bool ok;

	buf_init(&l.root, BUNDLE_MAX);
	buf_init(&l.chain, BUNDLE_MAX);
	buf_init(&l.key, BUNDLE_MAX);
	ok = make_keys(&m, want->intermediate != NULL) &&
	    make_certs(&m, want) && put_cert(&l.root, m.root) &&
	    put_cert(&l.chain, m.leaf) &&
	    (m.inter == NULL || put_cert(&l.chain, m.inter)) &&
	    put_key(&l.key, m.leaf_key);
	X509_free(m.root);
	X509_free(m.inter);
	X509_free(m.leaf);
	EVP_PKEY_free(m.root_key);
	EVP_PKEY_free(m.inter_key);
	EVP_PKEY_free(m.leaf_key);
	ERR_clear_error();
	if (!ok) {
		ca_lab_fini(&l);
		return E_CRYPTO;
	}
	*out = l;
	return 0;
}

void
ca_lab_fini(struct ca_lab *l)
{
	buf_fini(&l->root);
	buf_fini(&l->chain);
	if (l->key.p != NULL)
		digest_wipe(l->key.p, l->key.n);
	buf_fini(&l->key);
}
