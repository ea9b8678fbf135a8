/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificates of questions.  A signature in a root's name is made of
 * random bytes: who holds the root finds it wrong, who does not never looks.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/digest.h"
#include "tls/probe_int.h"
#include "x509/path.h"

#define SERIAL_BYTES 16
#define SIG_MAX      2048
#define KEYID_BYTES  20

X509 *
tls_probe_next_cert(struct str *der)
{
	const unsigned char *p = (const unsigned char *)der->p, *at = p;
	X509 *cert;

	if (der->n == 0 || der->n > X509_FILE_MAX)
		return NULL;
	cert = d2i_X509(NULL, &at, (long)der->n);
	if (cert != NULL)
		*der = str_from(*der, (size_t)(at - p));
	return cert;
}

/* ---- parts ---- */

static int
set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *bn;
	int ok;

	digest_random(bytes, sizeof(bytes));
	bytes[0] = (bytes[0] & 0x7f) | 0x40;
	bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = bn != NULL &&
	    BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
	BN_free(bn);
	return ok;
}

/* Of no CA that ever was. */
static X509_NAME *
made_up_name(void)
{
	X509_NAME *name = X509_NAME_new();
	uint8_t chance[6];
	char hex[13], text[64];

	digest_random(chance, sizeof(chance));
	str_hex(hex, chance, sizeof(chance));
	hex[12] = '\0';
	snprintf(text, sizeof(text), "Root Authority %s", hex);
	if (name != NULL && X509_NAME_add_entry_by_NID(name, NID_commonName,
	    MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1)
		return name;
	X509_NAME_free(name);
	return NULL;
}

/* authorityKeyIdentifier of one key identifier; NULL: none is written. */
static int
add_akid(X509 *cert, const ASN1_OCTET_STRING *id)
{
	AUTHORITY_KEYID *akid;
	int ok;

	if (id == NULL)
		return 1;
	akid = AUTHORITY_KEYID_new();
	if (akid == NULL)
		return 0;
	akid->keyid = ASN1_OCTET_STRING_dup(id);
	ok = akid->keyid != NULL && X509_add1_ext_i2d(cert,
	    NID_authority_key_identifier, akid, 0, X509V3_ADD_REPLACE) == 1;
	AUTHORITY_KEYID_free(akid);
	return ok;
}

static ASN1_OCTET_STRING *
made_up_id(void)
{
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	uint8_t chance[KEYID_BYTES];

	digest_random(chance, sizeof(chance));
	if (id != NULL && ASN1_OCTET_STRING_set(id, chance, KEYID_BYTES) == 1)
		return id;
	ASN1_OCTET_STRING_free(id);
	return NULL;
}

static int
add_ext(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int ok;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static int
copy_ext(X509 *to, const X509 *from, int nid)
{
	int at = X509_get_ext_by_NID(from, nid, -1);

	return at < 0 || X509_add_ext(to, X509_get_ext(from, at), -1) == 1;
}

/* ---- a signature that is none ---- */

static size_t
put_len(uint8_t *out, size_t n)
{
	size_t at = 0;

	if (n >= 256) {
		out[at++] = 0x82;
		out[at++] = (uint8_t)(n >> 8);
	} else if (n >= 128) {
		out[at++] = 0x81;
	}
	out[at++] = (uint8_t)n;
	return at;
}

/* An INTEGER below 2^(8 n - 1), so below the order of the curve. */
static size_t
put_chance_integer(uint8_t *out, size_t n)
{
	size_t at = 1;

	out[0] = 0x02;
	at += put_len(out + at, n);
	digest_random(out + at, n);
	out[at] = (out[at] & 0x3f) | 0x20;
	return at + n;
}

/* As long as one by such a key: who verifies it computes all of it. */
static size_t
chance_signature(uint8_t out[SIG_MAX], bool ec, unsigned bits)
{
	size_t bytes = ((size_t)bits + 7) / 8, n;
	uint8_t pair[SIG_MAX / 2];

	if (!ec) {
		if (bytes < 64 || bytes > SIG_MAX)
			return 0;
		digest_random(out, bytes);
		out[0] &= 0x3f; /* below the modulus */
		return bytes;
	}
	if (bytes < 16 || bytes > 80)
		return 0;
	n = put_chance_integer(pair, bytes);
	n += put_chance_integer(pair + n, bytes);
	out[0] = 0x30;
	bytes = 1 + put_len(out + 1, n);
	memcpy(out + bytes, pair, n);
	return bytes + n;
}

/* SEQUENCE { tbs, algorithm, BIT STRING } in one piece. */
static X509 *
assemble(X509 *cert, const uint8_t *sig, size_t n)
{
	const X509_ALGOR *alg;
	uint8_t *tbs = NULL, *algorithm = NULL, *all, head[8], bits[8];
	const uint8_t *p;
	int ntbs = i2d_re_X509_tbs(cert, &tbs), nalg;
	size_t nhead, nbits, at = 0;
	X509 *out = NULL;

	X509_get0_signature(NULL, &alg, cert);
	nalg = i2d_X509_ALGOR((X509_ALGOR *)alg, &algorithm);
	bits[0] = 0x03;
	nbits = 1 + put_len(bits + 1, n + 1);
	bits[nbits++] = 0; /* no unused bits */
	if (ntbs > 0 && nalg > 0 && ntbs < 0xf000) {
		size_t total = (size_t)ntbs + (size_t)nalg + nbits + n;

		head[0] = 0x30;
		nhead = 1 + put_len(head + 1, total);
		all = OPENSSL_malloc(nhead + total);
		if (all != NULL) {
			memcpy(all, head, nhead);
			memcpy(all + (at = nhead), tbs, (size_t)ntbs);
			memcpy(all + (at += (size_t)ntbs), algorithm,
			    (size_t)nalg);
			memcpy(all + (at += (size_t)nalg), bits, nbits);
			memcpy(all + (at += nbits), sig, n);
			p = all;
			out = d2i_X509(NULL, &p, (long)(at + n));
			OPENSSL_free(all);
		}
	}
	OPENSSL_free(tbs);
	OPENSSL_free(algorithm);
	return out;
}

/*
 * As if signed by such a key.  The signature of ours fills in the
 * algorithm, in the certificate and behind it, and is thrown away.
 */
static int
sign_by_chance(X509 **cert, const struct tls_probe_kit *k, bool ec,
    unsigned bits)
{
	uint8_t sig[SIG_MAX];
	size_t n = chance_signature(sig, ec, bits);
	X509 *made = NULL;

	if (n > 0 && X509_sign(*cert, ec ? k->ec : k->rsa, EVP_sha256()) > 0)
		made = assemble(*cert, sig, n);
	if (made == NULL)
		return 0;
	X509_free(*cert);
	*cert = made;
	return 1;
}

/* ---- spoofed root ---- */

/*
 * What phones look at, and nothing that a CA would add: must-staple, policies,
 * places to ask (facts/alerts 1, "everything else must be right").
 */
static int
fill_spoof(X509 *cert, const struct tls_probe_kit *k,
    const X509_NAME *issuer)
{
	return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	    X509_set1_notBefore(cert, X509_get0_notBefore(k->leaf)) &&
	    X509_set1_notAfter(cert, X509_get0_notAfter(k->leaf)) &&
	    X509_set_subject_name(cert, X509_get_subject_name(k->leaf)) &&
	    X509_set_issuer_name(cert, issuer) &&
	    X509_set_pubkey(cert, k->rsa) &&
	    add_ext(cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_ext(cert, NID_key_usage,
	    "critical,digitalSignature,keyEncipherment") &&
	    add_ext(cert, NID_ext_key_usage, "serverAuth") &&
	    add_ext(cert, NID_subject_key_identifier, "hash") &&
	    copy_ext(cert, k->leaf, NID_subject_alt_name);
}

/* Byte for byte the root's, string types too. */
static X509_NAME *
name_of(const struct tls_probe_root *root)
{
	const unsigned char *p = (const unsigned char *)root->subject.p;

	return d2i_X509_NAME(NULL, &p, (long)root->subject.n);
}

static ASN1_OCTET_STRING *
key_id_of(const struct tls_probe_root *root)
{
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

	if (id != NULL && ASN1_OCTET_STRING_set(id,
	    (const unsigned char *)root->key_id.p, (int)root->key_id.n) == 1)
		return id;
	ASN1_OCTET_STRING_free(id);
	return NULL;
}

int
tls_probe_spoof(X509 **out, const struct tls_probe_kit *k,
    const struct tls_probe_root *root, bool made_up)
{
	X509_NAME *name = made_up ? made_up_name() : name_of(root);
	ASN1_OCTET_STRING *id = NULL;
	X509 *cert = X509_new();
	int ok;

	if (root->key_id.n > 0)
		id = made_up ? made_up_id() : key_id_of(root);
	ok = name != NULL && cert != NULL &&
	    (id != NULL || root->key_id.n == 0) &&
	    fill_spoof(cert, k, name) && add_akid(cert, id) &&
	    sign_by_chance(&cert, k, root->ec, root->bits);
	X509_NAME_free(name);
	ASN1_OCTET_STRING_free(id);
	if (ok)
		*out = cert;
	else
		X509_free(cert);
	return ok;
}

/* ---- genuine chain ---- */

struct bogus {
	OSSL_PARAM_BLD *bld;
	BIGNUM *n, *e, *d;
	char group[64];
	uint8_t point[256];
};

static int
push_rsa(struct bogus *b, const EVP_PKEY *public)
{
	b->d = BN_new();
	return b->d != NULL &&
	    EVP_PKEY_get_bn_param(public, OSSL_PKEY_PARAM_RSA_N,
	    &b->n) == 1 &&
	    EVP_PKEY_get_bn_param(public, OSSL_PKEY_PARAM_RSA_E,
	    &b->e) == 1 &&
	    BN_rand(b->d, BN_num_bits(b->n) - 1, BN_RAND_TOP_ONE,
	    BN_RAND_BOTTOM_ODD) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b->bld, OSSL_PKEY_PARAM_RSA_N,
	    b->n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b->bld, OSSL_PKEY_PARAM_RSA_E,
	    b->e) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b->bld, OSSL_PKEY_PARAM_RSA_D, b->d) == 1;
}

static int
push_ec(struct bogus *b, const EVP_PKEY *public)
{
	size_t n = 0;

	b->d = BN_new();
	return b->d != NULL &&
	    EVP_PKEY_get_utf8_string_param(public,
	    OSSL_PKEY_PARAM_GROUP_NAME, b->group, sizeof(b->group),
	    NULL) == 1 &&
	    EVP_PKEY_get_octet_string_param(public, OSSL_PKEY_PARAM_PUB_KEY,
	    b->point, sizeof(b->point), &n) == 1 &&
	    BN_rand(b->d, EVP_PKEY_get_bits(public) - 2, BN_RAND_TOP_ONE,
	    BN_RAND_BOTTOM_ODD) == 1 &&
	    OSSL_PARAM_BLD_push_utf8_string(b->bld,
	    OSSL_PKEY_PARAM_GROUP_NAME, b->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(b->bld,
	    OSSL_PKEY_PARAM_PUB_KEY, b->point, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b->bld, OSSL_PKEY_PARAM_PRIV_KEY,
	    b->d) == 1;
}

int
tls_probe_bogus_key(EVP_PKEY **out, X509 *cert)
{
	const EVP_PKEY *public = X509_get0_pubkey(cert);
	int type = public != NULL ? EVP_PKEY_get_base_id(public) : 0;
	struct bogus b = { .bld = OSSL_PARAM_BLD_new() };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL,
	    type == EVP_PKEY_RSA ? "RSA" : "EC", NULL);
	OSSL_PARAM *params = NULL;
	int ok;

	ok = b.bld != NULL && ctx != NULL &&
	    ((type == EVP_PKEY_RSA && push_rsa(&b, public)) ||
	    (type == EVP_PKEY_EC && push_ec(&b, public))) &&
	    (params = OSSL_PARAM_BLD_to_param(b.bld)) != NULL &&
	    EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, out, EVP_PKEY_KEYPAIR, params) == 1;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b.bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(b.n);
	BN_free(b.e);
	BN_free(b.d);
	return ok;
}

/*
 * A root presented as a server's certificate is imitated with a key of ours,
 * so that its own signature is right, as the genuine one's is.
 */
static int
imitate_root(X509 *c, const struct tls_probe_kit *k, X509_NAME *name,
    EVP_PKEY **key)
{
	EVP_PKEY *own = EVP_PKEY_get_base_id(X509_get0_pubkey(c)) ==
	    EVP_PKEY_EC ? k->ec : k->rsa;
	ASN1_OCTET_STRING *id = X509_get0_subject_key_id(c) != NULL ?
	    made_up_id() : NULL;
	int at = X509_get_ext_by_NID(c, NID_authority_key_identifier, -1);
	int ok;

	ok = X509_set_subject_name(c, name) && X509_set_pubkey(c, own) &&
	    (id == NULL || X509_add1_ext_i2d(c, NID_subject_key_identifier,
	    id, 0, X509V3_ADD_REPLACE) == 1) &&
	    (at < 0 || id == NULL || add_akid(c, id)) &&
	    X509_sign(c, own, EVP_sha256()) > 0 && EVP_PKEY_up_ref(own) == 1;
	ASN1_OCTET_STRING_free(id);
	if (ok)
		*key = own;
	return ok;
}

/* With the same algorithm and length as the genuine one's signature. */
static int
sign_like(X509 **cert, const struct tls_probe_kit *k, const X509 *c)
{
	const ASN1_BIT_STRING *sig;
	int nid = NID_undef;

	X509_get0_signature(&sig, NULL, c);
	IGNORE(!OBJ_find_sigid_algs(X509_get_signature_nid(c), NULL,
	    &nid)); /* then it is taken for RSA */
	if (nid == NID_X9_62_id_ecPublicKey)
		return sign_by_chance(cert, k, true,
		    ASN1_STRING_length(sig) > 80 ? 384 : 256);
	return sign_by_chance(cert, k, false,
	    (unsigned)ASN1_STRING_length(sig) * 8);
}

int
tls_probe_imitate(X509 **out, const struct tls_probe_kit *k, X509 *c,
    EVP_PKEY **key)
{
	X509_NAME *name = made_up_name();
	X509 *cert = X509_dup(c);
	bool self = x509_self_signed(c);
	ASN1_OCTET_STRING *id = NULL;
	int ok;

	*key = NULL;
	if (X509_get0_authority_key_id(c) != NULL)
		id = made_up_id();
	ok = name != NULL && cert != NULL && set_serial(cert) &&
	    X509_set_issuer_name(cert, name);
	if (ok && self)
		ok = imitate_root(cert, k, name, key);
	else if (ok)
		ok = add_akid(cert, id) && sign_like(&cert, k, c);
	X509_NAME_free(name);
	ASN1_OCTET_STRING_free(id);
	if (ok)
		*out = cert;
	else
		X509_free(cert);
	return ok;
}
