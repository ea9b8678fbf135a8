/* SPDX-License-Identifier: BSD-2-Clause */
#include "x509/served.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/file.h"

/* ---- one certificate ---- */

static struct str
der_of(const X509_NAME *name)
{
	const unsigned char *der = NULL;
	size_t n = 0;

	return X509_NAME_get0_der(name, &der, &n) == 1 ?
	    str_of((const char *)der, n) : STR_NULL;
}

static uint8_t
key_id(uint8_t out[20], const ASN1_OCTET_STRING *id)
{
	int n = id != NULL ? ASN1_STRING_length(id) : 0;

	if (n <= 0 || n > 20)
		return 0;
	memcpy(out, ASN1_STRING_get0_data(id), (size_t)n);
	return (uint8_t)n;
}

static void
read_key(struct x509_served_cert *c, X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	const char *kind = "other";
	int bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;

	if (key != NULL && (EVP_PKEY_is_a(key, "RSA") == 1 ||
	    EVP_PKEY_is_a(key, "RSA-PSS") == 1)) {
		kind = "rsa";
		c->rsa_bits = (uint32_t)bits;
	} else if (key != NULL && EVP_PKEY_is_a(key, "EC") == 1) {
		kind = "ec";
	}
	snprintf(c->key, sizeof(c->key), "%s%d", kind, bits);
}

static void
read_signature(struct x509_served_cert *c, X509 *x)
{
	int digest = NID_undef, key = NID_undef, bits;
	uint32_t flags;
	const char *name = "other";

	if (X509_get_signature_info(x, &digest, &key, &bits, &flags) == 1 &&
	    digest != NID_undef)
		name = OBJ_nid2sn(digest);
	snprintf(c->signature, sizeof(c->signature), "%s-%s",
	    key == NID_rsaEncryption ? "rsa" : key == NID_rsassaPss ?
	    "rsa-pss" : key == NID_X9_62_id_ecPublicKey ? "ecdsa" : "other",
	    name);
	for (char *p = c->signature; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
}

static void
read_cert(struct x509_served_cert *c, X509 *x)
{
	unsigned int n = 0;
	unsigned char md[EVP_MAX_MD_SIZE];

	x509_name_text(X509_get_subject_name(x), c->subject,
	    sizeof(c->subject));
	x509_name_text(X509_get_issuer_name(x), c->issuer, sizeof(c->issuer));
	c->not_before_s = x509_time_s(X509_get0_notBefore(x));
	c->not_after_s = x509_time_s(X509_get0_notAfter(x));
	c->ca = X509_check_ca(x) != 0;
	c->self_signed = x509_self_signed(x);
	c->subject_der = der_of(X509_get_subject_name(x));
	c->issuer_der = der_of(X509_get_issuer_name(x));
	c->nski = key_id(c->ski, X509_get0_subject_key_id(x));
	c->naki = key_id(c->aki, X509_get0_authority_key_id(x));
	if (X509_digest(x, EVP_sha256(), md, &n) == 1 &&
	    n == sizeof(c->sha256))
		memcpy(c->sha256, md, n);
	read_key(c, x);
	read_signature(c, x);
}

/* ---- the names of the leaf ---- */

/* RFC 5922 7.1: sip:domain, without a user. */
static struct str
sip_domain(const GENERAL_NAME *g)
{
	struct str s;

	if (g->type != GEN_URI)
		return STR_NULL;
	s = str_of((const char *)ASN1_STRING_get0_data(g->d.ia5),
	    (size_t)ASN1_STRING_length(g->d.ia5));
	if (!str_istarts(s, STR("sip:")))
		return STR_NULL;
	s = str_from(s, 4);
	return str_find(s, '@') == s.n ? s : STR_NULL;
}

static void
put_name(struct buf *out, const GENERAL_NAME *g)
{
	struct str s;

	if (g->type == GEN_DNS || g->type == GEN_URI) {
		s = str_of((const char *)ASN1_STRING_get0_data(g->d.ia5),
		    (size_t)ASN1_STRING_length(g->d.ia5));
		buf_puts(out, out->n > 0 ? ", " : "");
		for (size_t i = 0; i < s.n; i++)
			buf_putc(out, s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] :
			    '?');
	} else if (g->type == GEN_IPADD &&
	    ASN1_STRING_length(g->d.iPAddress) == 4) {
		const unsigned char *p = ASN1_STRING_get0_data(g->d.iPAddress);

		buf_printf(out, "%s%u.%u.%u.%u", out->n > 0 ? ", " : "", p[0],
		    p[1], p[2], p[3]);
	} else if (g->type == GEN_IPADD) {
		buf_printf(out, "%san IPv6 address", out->n > 0 ? ", " : "");
	}
}

static bool
is_host(X509 *leaf, const char *name, unsigned flags)
{
	bool yes = X509_check_host(leaf, name, 0, flags, NULL) == 1 ||
	    X509_check_ip_asc(leaf, name, 0) == 1;

	ERR_clear_error();
	return yes;
}

/* Where a sip URI is, names of hosts do not count. */
static bool
is_named(X509 *cert, const GENERAL_NAMES *all, const char *name, unsigned flags)
{
	bool uris = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		struct str domain = sip_domain(sk_GENERAL_NAME_value(all, i));

		if (domain.p != NULL && str_ieq(domain, str_cstr(name)))
			return true;
		uris |= domain.p != NULL;
	}
	return !uris && is_host(cert, name, flags);
}

bool
x509_is_for(X509 *cert, const char *name, bool wildcards)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL,
	    NULL);
	bool yes = is_named(cert, all, name, wildcards ? 0 :
	    X509_CHECK_FLAG_NO_WILDCARDS);

	GENERAL_NAMES_free(all);
	ERR_clear_error();
	return yes;
}

static void
read_names(struct x509_served *out, X509 *leaf, const char *name)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL,
	    NULL);
	struct buf names;

	buf_init_array(&names, out->names, sizeof(out->names) - 1);
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		put_name(&names, g);
		out->names_ip6 |= g->type == GEN_IPADD &&
		    ASN1_STRING_length(g->d.iPAddress) == 16;
	}
	out->names[names.n] = '\0';
	out->names_none = sk_GENERAL_NAME_num(all) <= 0;
	out->named = is_named(leaf, all, name, X509_CHECK_FLAG_NO_WILDCARDS);
	out->by_wildcard = is_host(leaf, name, 0) &&
	    !is_host(leaf, name, X509_CHECK_FLAG_NO_WILDCARDS);
	out->no_common_name = X509_NAME_get_index_by_NID(
	    X509_get_subject_name(leaf), NID_commonName, -1) < 0;
	if (names.n == 0)
		x509_name_text(X509_get_subject_name(leaf), out->names,
		    sizeof(out->names));
	GENERAL_NAMES_free(all);
	ERR_clear_error();
}

/* ---- the whole ---- */

int
x509_served_read(struct x509_served *out, STACK_OF(X509) *chain,
    const char *name, const struct x509_roots *roots)
{
	int n = chain != NULL ? sk_X509_num(chain) : 0;
	uint32_t usage;
	X509 *leaf;
	int err;

	*out = (struct x509_served) { .sent = n > 0 ? (unsigned)n : 0 };
	if (n <= 0)
		return E_PARSE;
	out->chain = X509_chain_up_ref(chain);
	if (out->chain == NULL)
		return -ENOMEM;
	leaf = sk_X509_value(chain, 0);
	err = x509_sent_look(&out->facts, chain, str_cstr(name), true, roots);
	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(chain, i);
		int len = i2d_X509(x, NULL);

		out->bytes += len > 0 ? (size_t)len : 0;
		if (i >= X509_SERVED_MAX)
			continue;
		read_cert(&out->cert[i], x);
		out->cert[i].certified = i + 1 < n &&
		    x509_certifies(sk_X509_value(chain, i + 1), x);
		out->n++;
	}
	read_names(out, leaf, name);
	usage = X509_get_key_usage(leaf); /* all bits: not limited */
	out->signs = (usage & KU_DIGITAL_SIGNATURE) != 0;
	out->enciphers = (usage & KU_KEY_ENCIPHERMENT) != 0;
	ERR_clear_error();
	if (err != 0)
		x509_served_fini(out);
	return err;
}

void
x509_served_fini(struct x509_served *s)
{
	sk_X509_pop_free(s->chain, X509_free);
	*s = (struct x509_served) { .chain = NULL };
}

static int
check_order(const struct x509_served *s, const char *path, struct buf *why)
{
	for (unsigned i = 1; i < s->n; i++) {
		const struct x509_served_cert *c = &s->cert[i];

		if (!c->ca) {
			buf_printf(why, "%s: certificate %u (%s) is no CA's: "
			    "%s", path, i + 1, c->subject, s->cert[0].ca ?
			    "out of order: expected the leaf first, then each "
			    "issuer" : "there are two leaves, expected one "
			    "and its issuers");
			return E_MISMATCH;
		}
		if (!s->cert[i - 1].certified) {
			buf_printf(why, "%s: out of order: certificate %u "
			    "(%s) does not certify certificate %u (%s): "
			    "expected the leaf first, then each issuer", path,
			    i + 1, c->subject, i, s->cert[i - 1].subject);
			return E_MISMATCH;
		}
	}
	return 0;
}

static bool
holds_key(struct str pem)
{
	static const struct str mark = { "PRIVATE KEY-----", 16 };

	for (size_t i = 0; i + mark.n <= pem.n; i++)
		if (pem.p[i] == 'P' && str_starts(str_from(pem, i), mark))
			return true;
	return false;
}

int
x509_served_file(struct x509_served *out, const char *path, const char *name,
    const struct x509_roots *roots, bool *has_key, struct buf *why)
{
	STACK_OF(X509) *list = NULL;
	struct buf pem;
	int err;

	*out = (struct x509_served) { .chain = NULL };
	buf_init(&pem, X509_FILE_MAX);
	err = file_read(&pem, path, FILE_PUBLIC, why);
	*has_key = err == 0 && holds_key(buf_as_str(&pem));
	if (err == 0)
		err = x509_certs_read(&list, path, buf_as_str(&pem),
		    X509_CHAIN_MAX, why);
	if (err == 0)
		err = x509_served_read(out, list, name, roots);
	if (err == 0)
		err = check_order(out, path, why);
	sk_X509_pop_free(list, X509_free);
	/* Nobody is to find the key in freed memory. */
	if (pem.n > 0)
		OPENSSL_cleanse(pem.p, pem.n);
	buf_fini(&pem);
	if (err != 0 && out->chain != NULL)
		x509_served_fini(out);
	return err;
}
