/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's judgement of a chain.  OpenSSL finds every fault; which of them
 * the device finds first, and what it says then, is its manner's.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "base/addr.h"
#include "base/clock.h"
#include "tls/client_int.h"
#include "tlswire/alert.h"
#include "x509/cert.h"
#include "x509/served.h"

static const struct {
	int error;
	enum trust_fault fault;
} meaning[] = {
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, TRUST_FAULT_ROOT },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, TRUST_FAULT_ROOT },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, TRUST_FAULT_ROOT },
	{ X509_V_ERR_CERT_UNTRUSTED, TRUST_FAULT_ROOT },
	{ X509_V_ERR_CERT_CHAIN_TOO_LONG, TRUST_FAULT_ORDER },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, TRUST_FAULT_SELF_SIGNED },
	{ X509_V_ERR_CERT_HAS_EXPIRED, TRUST_FAULT_EXPIRED },
	{ X509_V_ERR_CERT_NOT_YET_VALID, TRUST_FAULT_TOO_NEW },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, TRUST_FAULT_BAD_SIGNATURE },
	{ X509_V_ERR_INVALID_PURPOSE, TRUST_FAULT_PURPOSE },
	{ X509_V_ERR_INVALID_CA, TRUST_FAULT_PURPOSE },
	{ X509_V_ERR_CA_MD_TOO_WEAK, TRUST_FAULT_WEAK_SIGNATURE },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, TRUST_FAULT_WEAK_KEY },
	{ X509_V_ERR_CA_KEY_TOO_SMALL, TRUST_FAULT_WEAK_KEY },
	/* Follows from the missing issuer: says nothing new. */
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, TRUST_FAULT_ROOT },
};

/* An error of OpenSSL's that makes it send this alert. */
static const struct {
	uint16_t says;
	int error;
} telling[] = {
	{ TLS_ALERT_unknown_ca, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY },
	{ TLS_ALERT_bad_certificate, X509_V_ERR_CERT_REJECTED },
	{ TLS_ALERT_certificate_expired, X509_V_ERR_CERT_HAS_EXPIRED },
	{ TLS_ALERT_certificate_revoked, X509_V_ERR_CERT_REVOKED },
	{ TLS_ALERT_unsupported_certificate, X509_V_ERR_INVALID_PURPOSE },
	{ TLS_ALERT_decrypt_error, X509_V_ERR_CERT_SIGNATURE_FAILURE },
	{ TLS_ALERT_handshake_failure, X509_V_ERR_APPLICATION_VERIFICATION },
	{ TLS_ALERT_internal_error, X509_V_ERR_UNSPECIFIED },
	/* No row of its own in OpenSSL's table: the code for all others. */
	{ TLS_ALERT_certificate_unknown, X509_V_ERR_PERMITTED_VIOLATION },
};

static int
error_saying(uint16_t says)
{
	for (size_t i = 0; i < ARRAY_LEN(telling); i++) {
		if (telling[i].says == says)
			return telling[i].error;
	}
	return X509_V_ERR_CERT_REJECTED;
}

static struct tls_connector *
connector_of(X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx,
	    SSL_get_ex_data_X509_STORE_CTX_idx());

	return CONTAINER_OF(tls_bio_of(SSL_get_rbio(ssl)),
	    struct tls_connector, bio);
}

static void
add_fault(struct judgement *j, enum trust_fault f, X509 *cert)
{
	if ((j->faults & 1u << f) != 0)
		return;
	j->faults |= 1u << f;
	if (cert == NULL)
		return;
	x509_name_text(X509_get_subject_name(cert), j->blame[f],
	    sizeof(j->blame[f]));
	j->date_s[f] = x509_time_s(f == TRUST_FAULT_TOO_NEW ?
	    X509_get0_notBefore(cert) : X509_get0_notAfter(cert));
}

/* Take note of a fault and go on: which one counts is decided at the end. */
static int
on_fault(int ok, X509_STORE_CTX *ctx)
{
	struct judgement *j = X509_STORE_CTX_get_app_data(ctx);
	enum trust_fault f = TRUST_FAULT_ROOT;
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(meaning); i++) {
		if (meaning[i].error == error)
			f = meaning[i].fault;
	}
	add_fault(j, f, X509_STORE_CTX_get_current_cert(ctx));
	return 1;
}

static bool
is_for(X509 *cert, const char *name, enum tls_names rule)
{
	struct addr a;

	if (rule != TLS_NAMES_HOST)
		return x509_is_for(cert, name, rule == TLS_NAMES_SIP_WILD);
	if (addr_parse_ip(&a, str_cstr(name)) != 0)
		return X509_check_host(cert, name, 0, 0, NULL) == 1;
	if (a.u.sa.sa_family == AF_INET)
		return X509_check_ip(cert,
		    (const unsigned char *)&a.u.in.sin_addr, 4, 0) == 1;
	return X509_check_ip(cert, (const unsigned char *)&a.u.in6.sin6_addr,
	    16, 0) == 1;
}

static void
set_rules(X509_STORE_CTX *ctx, const struct tls_look *l, int64_t now_s)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
	if (!l->checks_dates)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	if (l->old_paths) {
		X509_VERIFY_PARAM_clear_flags(param,
		    X509_V_FLAG_TRUSTED_FIRST);
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_ALT_CHAINS);
	}
	/* OpenSSL counts those between leaf and root. */
	if (l->depth_max > 1)
		X509_VERIFY_PARAM_set_depth(param, (int)l->depth_max - 2);
	/* A stack of today minds SHA-1 and short keys. */
	X509_VERIFY_PARAM_set_auth_level(param, l->modern ? 2 : 0);
	X509_STORE_CTX_set_verify_cb(ctx, on_fault);
}

static void
keep_chain(struct judgement *j, X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);

	if (sent != NULL)
		j->chain = X509_chain_up_ref(sent);
}

/* Keys and signatures that are beyond what it computes. */
static void
find_strange(struct judgement *j, const struct tls_look *l)
{
	for (int i = 0; i < sk_X509_num(j->chain); i++) {
		X509 *cert = sk_X509_value(j->chain, i);
		EVP_PKEY *key = X509_get0_pubkey(cert);
		int md = NID_undef;

		if (l->rsa_max_bits != 0 && key != NULL &&
		    EVP_PKEY_is_a(key, "RSA") == 1 &&
		    EVP_PKEY_get_bits(key) > (int)l->rsa_max_bits)
			add_fault(j, TRUST_FAULT_KEY_TYPE, cert);
		IGNORE(X509_get_signature_info(cert, &md, NULL, NULL, NULL));
		/* A root's own is not looked at. */
		if (l->no_sha2 && X509_self_signed(cert, 0) != 1 &&
		    md != NID_sha1 && md != NID_md5)
			add_fault(j, TRUST_FAULT_KEY_TYPE, cert);
	}
}

/* Of the faults that the device minds the one that it finds first. */
static void
decide(struct judgement *j, const struct tls_manner *m)
{
	j->faults = tls_manner_minds(m, j->faults);
	j->says = TLS_SAYS_PASS;
	if (j->faults == 0)
		return;
	j->fault = tls_manner_first(m, j->faults);
	j->says = m->says[j->fault];
}

void
judgement_find(struct judgement *j, X509_STORE_CTX *ctx,
    const struct tls_look *l, const char *name, int64_t now_s)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);

	keep_chain(j, ctx);
	X509_STORE_CTX_set_app_data(ctx, j);
	if (l->checks_chain) {
		set_rules(ctx, l, now_s);
		IGNORE(X509_verify_cert(ctx)); /* the faults are noted */
		find_strange(j, l);
	}
	if (l->checks_name && !is_for(leaf, name, l->names))
		add_fault(j, TRUST_FAULT_NAME, leaf);
	ERR_clear_error();
}

int
client_judge(X509_STORE_CTX *ctx, void *arg)
{
	struct tls_connector *k = connector_of(ctx);
	const struct tls_look *l = &k->client->look;
	struct judgement *j = &k->judgement;

	judgement_find(j, ctx, l, k->name, k->now_s);
	decide(j, &l->manner);
	if (j->says == TLS_SAYS_PASS || l->manner.late) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	k->refuser = TLS_REFUSER_DEVICE;
	X509_STORE_CTX_set_error(ctx, error_saying(j->says));
	return 0;
}

void
judgement_fini(struct judgement *j)
{
	sk_X509_pop_free(j->chain, X509_free);
	j->chain = NULL;
}

/* ---- words ---- */

static void
put_date(struct buf *out, int64_t s)
{
	char day[CLOCK_DAY_LEN];

	buf_puts(out, clock_day(day, s));
}

/* What the leaf is for: its DNS names, or its common name. */
static void
put_names(struct buf *out, X509 *leaf, const char *cn)
{
	GENERAL_NAMES *names = leaf == NULL ? NULL :
	    X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int n = sk_GENERAL_NAME_num(names), put = 0;

	for (int i = 0; i < n && put < 3; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		if (g->type == GEN_DNS) {
			buf_printf(out, "%s%.*s", put++ > 0 ? ", " : "",
			    ASN1_STRING_length(g->d.dNSName),
			    (const char *)ASN1_STRING_get0_data(g->d.dNSName));
		}
	}
	if (put == 0)
		buf_puts(out, cn);
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
}

void
judgement_words(struct buf *out, const struct judgement *j,
    enum trust_fault f, const char *name, const char *root)
{
	const char *who = j->blame[f];

	switch (f) {
	case TRUST_FAULT_ROOT:
		buf_printf(out, "does not hold the root \"%s\"", root);
		break;
	case TRUST_FAULT_SELF_SIGNED:
		buf_printf(out, "the certificate \"%s\" is signed by itself "
		    "and is none of the roots it holds", who);
		break;
	case TRUST_FAULT_NAME:
		buf_printf(out, "is set to \"%s\", the certificate is for ",
		    name);
		put_names(out, j->chain != NULL ? sk_X509_value(j->chain, 0) :
		    NULL, who);
		break;
	case TRUST_FAULT_EXPIRED:
		buf_printf(out, "the certificate \"%s\" expired on ", who);
		put_date(out, j->date_s[f]);
		break;
	case TRUST_FAULT_TOO_NEW:
		buf_printf(out, "by its clock the certificate \"%s\" is not "
		    "valid before ", who);
		put_date(out, j->date_s[f]);
		break;
	case TRUST_FAULT_BAD_SIGNATURE:
		buf_printf(out, "the signature of \"%s\" is not its issuer's: "
		    "it holds a root of that name with another key", who);
		break;
	case TRUST_FAULT_PURPOSE:
		buf_printf(out, "the certificate \"%s\" is not for servers",
		    who);
		break;
	case TRUST_FAULT_KEY_TYPE:
		buf_printf(out, "the certificate \"%s\" has a key or a "
		    "signature that it cannot compute", who);
		break;
	case TRUST_FAULT_ORDER:
		buf_printf(out, "%d certificates in the chain, more than it "
		    "takes", sk_X509_num(j->chain));
		break;
	default:
		buf_printf(out, "the certificate \"%s\" has a weak signature "
		    "or key", who);
	}
}

static void
server_words(struct buf *out, const struct tls_connector *k)
{
	const struct tls_look *l = &k->client->look;

	buf_printf(out, "the server refuses: %s(%u)",
	    tls_alert_name(k->server_alert), k->server_alert);
	if (k->server_alert == TLS_ALERT_protocol_version)
		buf_printf(out, "; this device speaks at most %s",
		    l->max_version != 0 ? tls_version_name(l->max_version) :
		    "what OpenSSL does");
	else if (k->server_alert == TLS_ALERT_handshake_failure)
		buf_puts(out, "; no cipher suite in common, or it wants a "
		    "client certificate");
}

void
client_words(const struct tls_connector *k, struct tls_outcome *o)
{
	struct buf out;

	buf_init_array(&out, o->words, sizeof(o->words) - 1);
	switch (k->refuser) {
	case TLS_REFUSER_DEVICE:
		judgement_words(&out, &k->judgement, k->judgement.fault,
		    k->name, o->root);
		break;
	case TLS_REFUSER_SERVER:
		server_words(&out, k);
		break;
	case TLS_REFUSER_NEITHER:
		buf_puts(&out, k->trouble);
		break;
	case TLS_REFUSER_NONE:
		break;
	}
	o->words[out.n] = '\0';
}
