/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/chain_int.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/hash.h"
#include "x509/odd.h"
#include "x509/signed.h"

#define FAULT(name) (1u << TRUST_FAULT_##name)
#define RSA_BITS_MIN 2048

void
tls_chain_warn(const struct tls_chain_making *m, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (m->src->warnings == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_printf(m->src->warnings, "chain %s: %s\n", m->conf->name, line);
}

void
tls_chain_place(const struct tls_chain_making *m)
{
	if (m->conf->line >= 0)
		conf_place(m->src->conf, m->conf->line, m->src->why);
	buf_printf(m->src->why, "chain %s: ", m->conf->name);
}

_Static_assert((int)TRUST_SIGNED_OTHER == (int)X509_SIGNED_OTHER, "in order");

/* ---- facts ---- */

static void
look_at_signatures(struct trust_chain *f, const struct x509_chain *c)
{
	for (unsigned i = 0; i < f->depth; i++) {
		X509 *x = x509_path_at(c, i);
		EVP_PKEY *key = X509_get0_pubkey(x);
		bool weak;

		if (key != NULL && EVP_PKEY_is_a(key, "RSA") == 1 &&
		    EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
			f->faults |= FAULT(WEAK_KEY);
		/* Nobody checks the signature of a root. */
		if (x509_self_signed(x))
			continue;
		f->signed_with |= 1u << x509_signed_with(x, &weak);
		if (weak)
			f->faults |= FAULT(WEAK_SIGNATURE);
	}
	ERR_clear_error();
}

static void
look_at_oddities(struct trust_chain *f, const struct x509_chain *c)
{
	struct x509_odd odd;

	x509_odd_look(&odd, c);
	f->faults |= (odd.no_alt_name ? FAULT(NO_ALT_NAME) : 0) |
	    (odd.critical ? FAULT(CRITICAL) : 0) |
	    (odd.usage ? FAULT(USAGE) : 0) |
	    (odd.issuer ? FAULT(ISSUER) : 0) |
	    (odd.must_staple ? FAULT(STAPLE) : 0); /* we give none */
}

/* RFC 6066 6: of an RSA key's modulus, of another's subjectPublicKey. */
static void
hash_key(uint8_t out[20], const X509 *root)
{
	EVP_PKEY *key = X509_get0_pubkey(root);
	unsigned char bytes[2048];
	BIGNUM *modulus = NULL;
	unsigned n = 0;

	if (key != NULL && EVP_PKEY_is_a(key, "RSA") == 1) {
		if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N,
		    &modulus) == 1 &&
		    BN_num_bytes(modulus) <= (int)sizeof(bytes))
			SHA1(bytes, (size_t)BN_bn2bin(modulus, bytes), out);
		BN_free(modulus);
	} else if (X509_pubkey_digest(root, EVP_sha1(), out, &n) != 1) {
		memset(out, 0, 20);
	}
}

static int
name_root(struct trust_chain *f, const struct x509_chain *c, X509 *root)
{
	X509_NAME *name = root != NULL ? X509_get_subject_name(root) :
	    X509_get_issuer_name(x509_path_last(c));
	unsigned char *der = NULL;
	unsigned n = 0;
	int len = i2d_X509_NAME(name, &der);

	if (len < 0)
		return E_CRYPTO;
	f->root_name = str_of((char *)der, (size_t)len);
	SHA1(der, (size_t)len, f->root_name_sha1);
	x509_name_text(name, f->root, sizeof(f->root));
	if (root != NULL) {
		hash_key(f->root_key_sha1, root);
		if (X509_digest(root, EVP_sha1(), f->root_cert_sha1, &n) != 1)
			memset(f->root_cert_sha1, 0, 20);
		if (X509_digest(root, EVP_sha256(), f->root_sha256, &n) != 1)
			memset(f->root_sha256, 0, 32);
	}
	ERR_clear_error();
	return 0;
}

/* The CAs between, one after the other; the root has a member of its own. */
static int
name_issuers(struct trust_chain *f, const struct x509_chain *c)
{
	unsigned char *der = NULL, *more;
	size_t n = 0;

	for (unsigned i = 1; i < f->depth; i++) {
		X509_NAME *name = X509_get_subject_name(x509_path_at(c, i));
		unsigned char *one = NULL;
		int len = i2d_X509_NAME(name, &one);

		more = len < 0 ? NULL :
		    OPENSSL_realloc(der, n + (size_t)len);
		if (more != NULL) {
			der = more;
			memcpy(der + n, one, (size_t)len);
			n += (size_t)len;
		}
		OPENSSL_free(one);
		if (more == NULL) {
			OPENSSL_free(der);
			return E_CRYPTO;
		}
	}
	f->issuer_names = str_of((char *)der, n);
	return 0;
}

static void
forget_names(struct trust_chain *f)
{
	OPENSSL_free((void *)(uintptr_t)f->root_name.p);
	OPENSSL_free((void *)(uintptr_t)f->issuer_names.p);
}

/* What TLS knows beside RSA and the curves that phones know. */
static uint16_t
only_scheme(EVP_PKEY *key)
{
	static const struct { const char *key; uint16_t scheme; } one[] = {
		{ "ED25519", 0x0807 }, { "ED448", 0x0808 },
		{ "RSA-PSS", 0x0809 },
	};
	static const char *const curves[] = { "prime256v1", "secp384r1",
		"secp521r1" };
	char group[64] = "";
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(one); i++)
		if (EVP_PKEY_is_a(key, one[i].key) == 1)
			return one[i].scheme;
	if (EVP_PKEY_is_a(key, "EC") != 1)
		return 0;
	IGNORE(EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1);
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (strcmp(group, curves[i]) == 0)
			return 0;
	return 0xffff;
}

static int
tell_facts(struct trust_chain *f, const struct x509_chain *c, X509 *root)
{
	EVP_PKEY *key = X509_get0_pubkey(c->leaf);

	f->key = c->rsa ? TRUST_KEY_RSA : TRUST_KEY_ECDSA;
	f->bits = key != NULL ? (uint32_t)EVP_PKEY_get_bits(key) : 0;
	f->scheme = key != NULL ? only_scheme(key) : 0;
	f->depth = x509_path_depth(c);
	f->not_before_s = c->not_before_s;
	f->not_after_s = c->not_after_s;
	if (x509_self_signed(c->leaf))
		f->faults |= FAULT(SELF_SIGNED);
	else if (X509_check_ca(c->leaf) == 1)
		f->faults |= FAULT(LEAF_IS_CA);
	look_at_signatures(f, c);
	look_at_oddities(f, c);
	f->names = x509_names_hash(c->leaf);
	f->root_id = x509_root_id(x509_path_last(c), root);
	if (name_root(f, c, root) != 0 || name_issuers(f, c) != 0) {
		forget_names(f);
		return E_CRYPTO;
	}
	return 0;
}

/* ---- where it leads ---- */

/* The root that the chain must lead to is what root says. */
static int
check_root(const struct tls_chain_making *m, const struct x509_chain *c,
    X509 *root)
{
	char want[128], got[128];

	if (root != NULL && X509_cmp(root, m->given) == 0)
		return 0;
	x509_name_text(X509_get_subject_name(m->given), want, sizeof(want));
	x509_name_text(X509_get_issuer_name(x509_path_last(c)), got,
	    sizeof(got));
	tls_chain_place(m);
	buf_printf(m->src->why, "%s leads to \"%s\", but root = \"%s\" is "
	    "\"%s\"%s: append what is missing between, or name the right root",
	    m->conf->certificate, got, m->conf->root, want,
	    strcmp(want, got) == 0 ? " with another key" : "");
	return E_MISMATCH;
}

/* Nobody here knows what the last certificate's issuer is. */
static int
check_complete(const struct tls_chain_making *m, const char *name, bool variant,
    const struct x509_chain *c, enum x509_end end)
{
	X509 *last = x509_path_last(c);
	char issuer[128], url[256];

	x509_name_text(X509_get_issuer_name(last), issuer, sizeof(issuer));
	if (end == X509_END_MISSING && !variant) {
		tls_chain_place(m);
		buf_printf(m->src->why, "%s is incomplete: the intermediate "
		    "certificate \"%s\" is missing: append it (PEM; it is at "
		    "%s), or name the root if that is one: root = \"FILE\"",
		    m->conf->certificate, issuer,
		    x509_path_issuer_url(last, url, sizeof(url)));
		return E_MISMATCH;
	}
	tls_chain_warn(m, "%s (%s): leads to \"%s\", which is no root known "
	    "here: if it is an intermediate append its certificate, if a "
	    "root name it: root = \"FILE\"", m->conf->certificate, name,
	    issuer);
	return 0;
}

/* Facts of c, which is then out's last. */
static int
add(struct tls_chain_making *m, const char *name, bool variant,
    struct x509_chain *c)
{
	struct trust_chain *f = &m->out->fact[m->out->n];
	X509 *root = NULL;
	enum x509_end end = x509_path_end(c, m->src->roots, m->given, &root);
	int rc = 0;

	memset(f, 0, sizeof(*f));
	str_copy(f->name, sizeof(f->name), str_cstr(name));
	if (m->given != NULL && !variant)
		rc = check_root(m, c, root);
	if (rc == 0 && (end == X509_END_UNKNOWN || end == X509_END_MISSING))
		rc = check_complete(m, name, variant, c, end);
	if (end == X509_END_MISSING)
		f->faults |= FAULT(INCOMPLETE);
	if (rc == 0)
		rc = tell_facts(f, c, root);
	X509_free(root);
	if (rc != 0) {
		x509_chain_free(c);
		return rc;
	}
	m->out->cert[m->out->n++] = c;
	return variant ? 0 : tls_chain_fitness(m, c, f);
}

/* ---- the chain and what is made of it ---- */

static void
variant_name(char out[TRUST_TEXT_MAX], const struct tls_chain_making *m,
    const char *kind, unsigned number)
{
	if (number == 1)
		snprintf(out, TRUST_TEXT_MAX, "%s-%s", m->conf->name, kind);
	else
		snprintf(out, TRUST_TEXT_MAX, "%s-%s%u", m->conf->name, kind,
		    number);
}

static int
add_variants(struct tls_chain_making *m, const struct x509_chain *base)
{
	char name[TRUST_TEXT_MAX];
	struct x509_chain *c;
	int rc = 0;

	for (unsigned i = 1; i <= (unsigned)m->conf->shorter &&
	    i < x509_path_depth(base) && rc == 0; i++) {
		rc = x509_path_shorten(&c, base, i);
		variant_name(name, m, "short", i);
		if (rc == 0)
			rc = add(m, name, true, c);
	}
	for (unsigned i = 0; i < m->conf->cross.n && rc == 0; i++) {
		size_t said = m->src->why->n;
		tls_chain_place(m);
		rc = x509_path_extend(&c, base, m->conf->cross.v[i],
		    m->src->now_s, m->src->why);
		if (rc == 0)
			m->src->why->n = said;
		variant_name(name, m, "cross", i + 1);
		if (rc == 0)
			rc = add(m, name, true, c);
	}
	return rc;
}

static int
load_root(struct tls_chain_making *m)
{
	struct buf pem;
	int rc;

	if (m->conf->root == NULL)
		return 0;
	buf_init(&pem, X509_FILE_MAX);
	rc = file_read(&pem, m->conf->root, FILE_PUBLIC, m->src->why);
	if (rc == 0)
		rc = x509_cert_read(&m->given, m->conf->root, buf_as_str(&pem),
		    m->src->why);
	buf_fini(&pem);
	return rc;
}

static bool
make_room(struct tls_chains *out, unsigned more)
{
	struct trust_chain *fact = realloc(out->fact,
	    (out->n + more) * sizeof(*fact));
	struct x509_chain **cert;

	if (fact == NULL)
		return false;
	out->fact = fact;
	cert = realloc(out->cert, (out->n + more) *
	    sizeof(struct x509_chain *));
	if (cert == NULL)
		return false;
	out->cert = cert;
	return true;
}

static void
drop_to(struct tls_chains *c, unsigned n)
{
	while (c->n > n) {
		c->n--;
		forget_names(&c->fact[c->n]);
		x509_chain_free(c->cert[c->n]);
	}
}

int
tls_chains_add(struct tls_chains *out, const struct tls_chain_source *src,
    const struct conf_chain *chain)
{
	struct tls_chain_making m = { .src = src, .conf = chain, .out = out };
	unsigned before = out->n;
	size_t said = src->why->n;
	struct x509_chain *base = NULL;
	/* Our own has expired with its CA: ca/authority made what it could. */
	int64_t now_s = chain->line < 0 ? X509_ANY_TIME : src->now_s;
	int rc;

	if (!make_room(out, 1 + (unsigned)chain->shorter +
	    (unsigned)chain->cross.n))
		return -ENOMEM;
	tls_chain_place(&m);
	rc = load_root(&m);
	if (rc == 0)
		rc = x509_chain_load(&base, chain->certificate, chain->key,
		    now_s, src->why);
	if (rc == 0) {
		src->why->n = said;
		rc = add(&m, chain->name, false, base);
	}
	if (rc == 0)
		rc = add_variants(&m, base);
	if (rc == 0 && out->n > TRUST_CHAINS_MAX) {
		tls_chain_place(&m);
		buf_printf(src->why, "found chain number %u, expected at most "
		    "%d, variants included", out->n, TRUST_CHAINS_MAX);
		rc = E_LIMIT;
	}
	if (rc != 0)
		drop_to(out, before);
	X509_free(m.given);
	ERR_clear_error();
	return rc;
}

/* Is name a chain's of that name, or of one that was made of it? */
static bool
is_of(const char *name, const char *base)
{
	struct str rest = str_cstr(name);

	if (!str_starts(rest, str_cstr(base)))
		return false;
	rest = str_from(rest, strlen(base));
	return rest.n == 0 || str_starts(rest, STR("-short")) ||
	    str_starts(rest, STR("-cross"));
}

int
tls_chains_keep(struct tls_chains *out, const struct tls_chains *from,
    const char *name)
{
	unsigned before = out->n;

	if (!make_room(out, from->n))
		return -ENOMEM;
	for (unsigned i = 0; i < from->n; i++) {
		struct trust_chain *f = &out->fact[out->n];

		if (!is_of(from->fact[i].name, name))
			continue;
		if (x509_path_shorten(&out->cert[out->n], from->cert[i],
		    0) != 0) {
			drop_to(out, before);
			return -ENOMEM;
		}
		*f = from->fact[i];
		f->root_name.p = OPENSSL_memdup(f->root_name.p,
		    f->root_name.n);
		f->issuer_names.p = OPENSSL_memdup(f->issuer_names.p,
		    f->issuer_names.n);
		if (f->root_name.p == NULL)
			f->root_name.n = 0;
		if (f->issuer_names.p == NULL)
			f->issuer_names.n = 0;
		out->n++;
	}
	return out->n > before ? 0 : E_ABSENT;
}

bool
tls_chains_same(const struct tls_chains *a, unsigned i,
    const struct tls_chains *b, unsigned k)
{
	const struct x509_chain *x = a->cert[i], *y = b->cert[k];

	if (x509_path_depth(x) != x509_path_depth(y))
		return false;
	for (unsigned d = 0; d < x509_path_depth(x); d++)
		if (X509_cmp(x509_path_at(x, d), x509_path_at(y, d)) != 0)
			return false;
	return true;
}

void
tls_chains_fini(struct tls_chains *c)
{
	drop_to(c, 0);
	free(c->fact);
	free(c->cert);
	*c = (struct tls_chains) { NULL, NULL, 0 };
}

bool
tls_chains_named(const struct tls_chains *c, unsigned i, struct str name)
{
	X509 *leaf = c->cert[i]->leaf;
	char text[256];
	bool yes;

	if (name.n == 0 || !str_copy(text, sizeof(text), name))
		return false;
	yes = X509_check_host(leaf, text, name.n,
	    X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1 ||
	    X509_check_ip_asc(leaf, text, 0) == 1;
	ERR_clear_error();
	return yes;
}
