/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/probe.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/hash.h"
#include "tls/ctx_int.h"
#include "tls/probe_int.h"
#include "x509/path.h"

#define KEY_BITS   2048
#define CERTS_MAX  8   /* of a genuine chain */
#define WEAK_BITS  2048

/* ---- what all questions of a run share ---- */

int
tls_probe_kit_new(struct tls_probe_kit **out, const struct tls_ctx *ctx,
    unsigned i)
{
	struct tls_probe_kit *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return -ENOMEM;
	k->rsa = EVP_RSA_gen(KEY_BITS);
	k->ec = EVP_EC_gen("P-256");
	k->leaf = X509_dup(ctx->chains.cert[i < ctx->chains.n ? i : 0]->leaf);
	if (k->rsa != NULL && k->ec != NULL && k->leaf != NULL) {
		*out = k;
		return 0;
	}
	ERR_clear_error();
	tls_probe_kit_free(k);
	return E_CRYPTO;
}

void
tls_probe_kit_free(struct tls_probe_kit *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->rsa);
	EVP_PKEY_free(k->ec);
	X509_free(k->leaf);
	free(k);
}

/* ---- one question ---- */

static int
make_spoof(struct tls_probe *p, const struct tls_probe_kit *k,
    const struct tls_probe_want *want)
{
	if (want->root == NULL || !tls_probe_spoof(&p->leaf, k, want->root,
	    want->question.root < 0) || EVP_PKEY_up_ref(k->rsa) != 1)
		return 0;
	p->key = k->rsa;
	return 1;
}

static int
read_chain(STACK_OF(X509) *all, struct str der)
{
	X509 *cert;

	while (sk_X509_num(all) < CERTS_MAX &&
	    (cert = tls_probe_next_cert(&der)) != NULL) {
		if (sk_X509_push(all, cert) == 0) {
			X509_free(cert);
			return 0;
		}
	}
	return sk_X509_num(all) > 0 && der.n == 0;
}

/* All certificates; the last one imitated when nobody is to hold its root. */
static int
make_genuine(struct tls_probe *p, const struct tls_probe_kit *k,
    const struct tls_probe_want *want)
{
	EVP_PKEY *own = NULL;
	X509 *last, *made = NULL;

	if (!read_chain(p->rest, want->genuine))
		return 0;
	if (want->question.root < 0) {
		last = sk_X509_pop(p->rest);
		if (!tls_probe_imitate(&made, k, last, &own) ||
		    sk_X509_push(p->rest, made) == 0)
			X509_free(made);
		X509_free(last);
	}
	p->leaf = sk_X509_shift(p->rest);
	/* With a key of ours only where the server's is the imitated one. */
	if (sk_X509_num(p->rest) == 0)
		p->key = own;
	else
		EVP_PKEY_free(own);
	if (p->leaf == NULL)
		return 0;
	p->static_rsa = EVP_PKEY_get_base_id(X509_get0_pubkey(p->leaf)) ==
	    EVP_PKEY_RSA;
	return p->key != NULL || tls_probe_bogus_key(&p->key, p->leaf);
}

int
tls_probe_new(struct tls_probe **out, const struct tls_probe_kit *k,
    const struct tls_probe_want *want)
{
	struct tls_probe *p = calloc(1, sizeof(*p));
	int ok;

	if (p == NULL)
		return -ENOMEM;
	atomic_init(&p->refs, 1);
	p->question = want->question;
	p->run = want->run;
	p->rest = sk_X509_new_null();
	ERR_clear_error();
	ok = p->rest != NULL && (want->question.method == TRUST_PROBE_GENUINE ?
	    make_genuine(p, k, want) : make_spoof(p, k, want));
	ERR_clear_error();
	if (ok) {
		*out = p;
		return 0;
	}
	tls_probe_unref(p);
	return E_CRYPTO;
}

struct tls_probe *
tls_probe_ref(struct tls_probe *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void
tls_probe_unref(struct tls_probe *p)
{
	if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	X509_free(p->leaf);
	sk_X509_pop_free(p->rest, X509_free);
	EVP_PKEY_free(p->key);
	free(p);
}

const struct trust_probe_question *
tls_probe_question(const struct tls_probe *p)
{
	return &p->question;
}

uint64_t
tls_probe_run(const struct tls_probe *p)
{
	return p->run;
}

/* ---- kinds ---- */

/* What a device can look at before it looks for the issuer. */
static uint64_t
looks(X509 *cert, int64_t now_s)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	int bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;
	int type = key != NULL ? EVP_PKEY_get_base_id(key) : 0;
	uint64_t f[] = {
		(uint64_t)type,
		/* The curve, or whether it is long enough. */
		type == EVP_PKEY_RSA ? bits >= WEAK_BITS : (uint64_t)bits,
		X509_get_key_usage(cert), X509_get_extended_key_usage(cert),
		(uint64_t)X509_check_ca(cert),
		(uint64_t)X509_get_signature_nid(cert),
		x509_time_s(X509_get0_notAfter(cert)) < now_s,
		x509_time_s(X509_get0_notBefore(cert)) > now_s,
		X509_get_ext_by_NID(cert, NID_subject_alt_name, -1) >= 0,
		x509_self_signed(cert),
	};

	return hash_bytes(f, sizeof(f));
}

static uint32_t
genuine_kind(struct str der, int64_t now_s)
{
	uint64_t sum = 0;
	X509 *cert;
	unsigned n = 0;

	while (n < CERTS_MAX && (cert = tls_probe_next_cert(&der)) != NULL) {
		sum = sum * 31 + looks(cert, now_s);
		X509_free(cert);
		n++;
	}
	ERR_clear_error();
	return n == 0 || der.n > 0 ? 0 : (uint32_t)(sum ^ sum >> 32) | 1;
}

uint32_t
tls_probe_kind(enum trust_probe_method m, const struct tls_probe_root *root,
    struct str genuine, int64_t now_s)
{
	if (m == TRUST_PROBE_GENUINE)
		return genuine_kind(genuine, now_s);
	if (root->subject.n == 0 || root->bits < 256)
		return 0;
	return (m == TRUST_PROBE_TIME ? root->bits << 4 : 4) |
	    (root->ec ? 2 : 1);
}

/* ---- files ---- */

struct parts {
	unsigned char *der, *subject, *issuer;
	char label[TRUST_TEXT_MAX];
};

static struct str
der_of(unsigned char *p, int n)
{
	return n > 0 ? str_of((char *)p, (size_t)n) : STR_NULL;
}

static struct str
id_of(const ASN1_OCTET_STRING *id)
{
	return id == NULL ? STR_NULL : str_of(
	    (const char *)ASN1_STRING_get0_data(id),
	    (size_t)ASN1_STRING_length(id));
}

static int
read_cert(struct tls_probe_cert *c, struct parts *p, X509 *x)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	int type = key != NULL ? EVP_PKEY_get_base_id(key) : 0;
	int n, nsubject, nissuer;

	*p = (struct parts) { .der = NULL };
	n = i2d_X509(x, &p->der);
	nsubject = i2d_X509_NAME(X509_get_subject_name(x), &p->subject);
	nissuer = i2d_X509_NAME(X509_get_issuer_name(x), &p->issuer);
	x509_name_text(X509_get_subject_name(x), p->label, sizeof(p->label));
	*c = (struct tls_probe_cert) {
		.der = der_of(p->der, n), .label = str_cstr(p->label),
		.root = { .subject = der_of(p->subject, nsubject),
		    .key_id = id_of(X509_get0_subject_key_id(x)),
		    .ec = type == EVP_PKEY_EC },
		.issuer = der_of(p->issuer, nissuer),
		.issuer_key_id = id_of(X509_get0_authority_key_id(x)),
		.self_signed = x509_self_signed(x),
		.ca = X509_check_ca(x) != 0,
		.not_after_s = x509_time_s(X509_get0_notAfter(x)),
	};
	if (type == EVP_PKEY_EC || type == EVP_PKEY_RSA)
		c->root.bits = (unsigned)EVP_PKEY_get_bits(key);
	return n > 0 && nsubject > 0 && nissuer > 0 &&
	    X509_digest(x, EVP_sha256(), c->sha256, NULL) == 1;
}

int
tls_probe_certs(struct str pem, const char *name, int max,
    int (*fn)(const struct tls_probe_cert *c, void *arg), void *arg,
    struct buf *why)
{
	STACK_OF(X509) *all = NULL;
	int rc = x509_certs_read(&all, name, pem, max, why);

	for (int i = 0; rc == 0 && i < sk_X509_num(all); i++) {
		struct tls_probe_cert c;
		struct parts p;

		if (read_cert(&c, &p, sk_X509_value(all, i)))
			rc = fn(&c, arg);
		OPENSSL_free(p.der);
		OPENSSL_free(p.subject);
		OPENSSL_free(p.issuer);
	}
	sk_X509_pop_free(all, X509_free);
	ERR_clear_error();
	return rc;
}
