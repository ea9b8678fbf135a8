/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is right by the letter, and still makes phones refuse a chain.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/addr.h"
#include "tls/chain_int.h"

#define LOCAL_MAX 64
#define FAULT(name) (1u << TRUST_FAULT_##name)

/* RFC 5280 4.2.1.12: made for servers, or for all. */
static bool
is_for_servers(X509 *leaf)
{
	if ((X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) == 0)
		return true;
	return (X509_get_extended_key_usage(leaf) &
	    (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
}

/* RFC 5246 7.4.2: what the key may be used for decides on the suites. */
static void
check_usage(const struct tls_chain_making *m, X509 *leaf, bool rsa)
{
	uint32_t usage = X509_get_key_usage(leaf); /* all bits: not limited */

	if ((usage & KU_DIGITAL_SIGNATURE) == 0)
		tls_chain_warn(m, "%s: its key usage has no digitalSignature: "
		    "only phones that know static RSA suites can use it, and "
		    "none at TLS 1.3: have it issued with digitalSignature",
		    m->conf->certificate);
	if (rsa && (usage & KU_KEY_ENCIPHERMENT) == 0)
		tls_chain_warn(m, "%s: its key usage has no keyEncipherment: "
		    "old phones that know static RSA suites alone cannot use "
		    "it: have it issued with keyEncipherment",
		    m->conf->certificate);
}

static bool
names(X509 *leaf, const char *name, unsigned flags)
{
	bool yes = X509_check_host(leaf, name, 0, flags, NULL) == 1 ||
	    X509_check_ip_asc(leaf, name, 0) == 1;

	ERR_clear_error();
	return yes;
}

/* The names of the leaf, for a sentence; notes whether an IPv6 one is among. */
static void
put_names(struct buf *out, X509 *leaf, bool *ip6)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL,
	    NULL);
	char cn[128];

	*ip6 = false;
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		const unsigned char *p;
		int n;

		if (g->type == GEN_IPADD && ASN1_STRING_length(
		    g->d.iPAddress) == 16)
			*ip6 = true;
		if (g->type != GEN_DNS && g->type != GEN_IPADD)
			continue;
		buf_puts(out, out->n > 0 ? ", " : "");
		if (g->type == GEN_DNS) {
			p = ASN1_STRING_get0_data(g->d.dNSName);
			n = ASN1_STRING_length(g->d.dNSName);
			for (int k = 0; k < n; k++)
				buf_putc(out, p[k] > ' ' && p[k] < 0x7f ?
				    (char)p[k] : '?');
			continue;
		}
		p = ASN1_STRING_get0_data(g->d.iPAddress);
		if (ASN1_STRING_length(g->d.iPAddress) == 4)
			buf_printf(out, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
		else
			buf_puts(out, "an IPv6 address");
	}
	GENERAL_NAMES_free(all);
	if (out->n == 0) {
		x509_name_text(X509_get_subject_name(leaf), cn, sizeof(cn));
		buf_puts(out, cn);
	}
	ERR_clear_error();
}

/* Domain, alias or address of this host: is the leaf for any of them? */
static bool
names_any(const struct conf *conf, X509 *leaf, unsigned flags)
{
	struct addr local[LOCAL_MAX];
	char text[ADDR_STRLEN];
	size_t n;

	if (names(leaf, conf->domain, flags))
		return true;
	for (size_t i = 0; i < conf->alias.n; i++)
		if (names(leaf, conf->alias.v[i], flags))
			return true;
	n = addr_local(local, LOCAL_MAX);
	for (size_t i = 0; i < n; i++)
		if (!addr_is_loopback(&local[i]) && names(leaf,
		    addr_print_ip(&local[i], false, text), flags))
			return true;
	return false;
}

static void
check_names(const struct tls_chain_making *m, X509 *leaf)
{
	const struct conf *conf = m->src->conf;
	char text[400];
	struct buf is;
	bool ip6;

	buf_init_array(&is, text, sizeof(text));
	put_names(&is, leaf, &ip6);
	if (ip6)
		tls_chain_warn(m, "%s: names an IPv6 address: one stack in use "
		    "aborts on that: have it issued without",
		    m->conf->certificate);
	if (names_any(conf, leaf, X509_CHECK_FLAG_NO_WILDCARDS))
		return;
	if (names_any(conf, leaf, 0))
		tls_chain_warn(m, "%s: names %s by a wildcard alone: phones "
		    "that keep to RFC 5922 refuse it: have it issued with "
		    "DNS:%s", m->conf->certificate, conf->domain,
		    conf->domain);
	else
		tls_chain_warn(m, "%s: is for %.*s, missing is the domain %s: "
		    "phones that check the name refuse it, unless they are "
		    "told one that it has: have it issued for %s, or set alias",
		    m->conf->certificate, STR_FMT(buf_as_str(&is)),
		    conf->domain, conf->domain);
}

static void
check_strength(const struct tls_chain_making *m, const struct trust_chain *f)
{
	if ((f->faults & FAULT(WEAK_SIGNATURE)) != 0)
		tls_chain_warn(m, "%s: a certificate is signed with MD5 or "
		    "SHA-1: phones of today refuse it: get one that is signed "
		    "with SHA-256", m->conf->certificate);
	if ((f->faults & FAULT(WEAK_KEY)) != 0)
		tls_chain_warn(m, "%s: an RSA key is shorter than 2048 bits: "
		    "phones of today refuse it", m->conf->certificate);
}

static void
check_kind(const struct tls_chain_making *m, const struct x509_chain *c,
    const struct trust_chain *f)
{
	char kind[64] = "";
	size_t n = 0;

	if (f->scheme == 0)
		return;
	if (EVP_PKEY_get_group_name(c->key, kind, sizeof(kind), &n) != 1) {
		const char *name = EVP_PKEY_get0_type_name(c->key);

		IGNORE(!str_copy(kind, sizeof(kind), str_cstr(name)));
	}
	ERR_clear_error();
	tls_chain_warn(m, "%s: its key is of a kind that hardly any phone "
	    "knows (%s): have it issued for an RSA key of 2048 bits, or one "
	    "of the curve P-256", m->conf->certificate, kind);
}

static void
check_odd(const struct tls_chain_making *m, const struct trust_chain *f)
{
	if ((f->faults & FAULT(ISSUER)) != 0)
		tls_chain_warn(m, "%s: one of its issuers may not issue what "
		    "it did: it is no CA's, allows fewer below it than there "
		    "are, or is limited to other names: phones refuse that",
		    m->conf->certificate);
	if ((f->faults & FAULT(CRITICAL)) != 0)
		tls_chain_warn(m, "%s: has a critical extension that few "
		    "know: phones must refuse what they do not know: have it "
		    "issued without", m->conf->certificate);
	if ((f->faults & FAULT(STAPLE)) != 0)
		tls_chain_warn(m, "%s: demands an OCSP answer with it (must-"
		    "staple), which is not given here: clients that heed it "
		    "refuse it: have it issued without", m->conf->certificate);
	if ((f->faults & FAULT(NO_ALT_NAME)) != 0)
		tls_chain_warn(m, "%s: has its name in the subject alone: "
		    "clients of today look for it in the subjectAltName: have "
		    "it issued with one", m->conf->certificate);
}

int
tls_chain_fitness(const struct tls_chain_making *m,
    const struct x509_chain *c, const struct trust_chain *f)
{
	if (!is_for_servers(c->leaf)) {
		tls_chain_place(m);
		buf_printf(m->src->why, "%s: the certificate (%s) is not for "
		    "servers: its extended key usage has no serverAuth: have "
		    "it issued for a TLS server", m->conf->certificate,
		    c->subject);
		return E_MISMATCH;
	}
	if ((f->faults & FAULT(SELF_SIGNED)) != 0)
		tls_chain_warn(m, "%s: is self-signed: only a phone that was "
		    "given this very certificate accepts it",
		    m->conf->certificate);
	else if ((f->faults & FAULT(LEAF_IS_CA)) != 0)
		tls_chain_warn(m, "%s: the first certificate (%s) is a CA's, "
		    "not a server's: some phones refuse that",
		    m->conf->certificate, c->subject);
	check_odd(m, f);
	check_usage(m, c->leaf, c->rsa);
	check_names(m, c->leaf);
	check_strength(m, f);
	check_kind(m, c, f);
	return 0;
}
