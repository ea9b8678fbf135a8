/* SPDX-License-Identifier: BSD-2-Clause */
#include "ca/show.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/addr.h"
#include "ca/ca_int.h"
#include "x509/cert.h"

static void
put_name(char *out, size_t size, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 &
	    ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_get_mem_data(bio, &text);
	str_copy(out, size, str_of(text, n > 0 ? (size_t)n : 0));
	BIO_free(bio);
}

static void
put_print(char *out, size_t size, const X509 *cert, const EVP_MD *md)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf b;

	buf_init_array(&b, out, size - 1);
	if (X509_digest(cert, md, sum, &n) != 1)
		n = 0;
	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "%s%02X", i > 0 ? ":" : "", sum[i]);
	out[b.n] = '\0';
}

static void
put_key(char *out, size_t size, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char group[24] = "";

	if (key == NULL) {
		str_copy(out, size, STR("unknown"));
	} else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
		snprintf(out, size, "RSA %d", EVP_PKEY_get_bits(key));
	} else if (EVP_PKEY_get_group_name(key, group, sizeof(group),
	    NULL) == 1) {
		snprintf(out, size, "EC %s", strcmp(group, "prime256v1") == 0 ?
		    "P-256" : group);
	} else {
		snprintf(out, size, "%d bits", EVP_PKEY_get_bits(key));
	}
}

static void
put_ip(struct buf *b, const ASN1_OCTET_STRING *ip)
{
	const unsigned char *p = ASN1_STRING_get0_data(ip);
	int n = ASN1_STRING_length(ip);

	if (n == 4 || n == 8)
		buf_printf(b, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
	if (n == 8)
		buf_printf(b, "/%u.%u.%u.%u", p[4], p[5], p[6], p[7]);
	if (n == 16) {
		struct sockaddr_in6 sa = { .sin6_family = AF_INET6 };
		char text[ADDR_STRLEN];
		struct addr a;

		memcpy(&sa.sin6_addr, p, 16);
		addr_from_sa(&a, (struct sockaddr *)&sa);
		buf_puts(b, addr_print_ip(&a, false, text));
	}
}

static void
put_general(struct buf *b, const GENERAL_NAME *g)
{
	if (b->n > 0)
		buf_putc(b, '\n');
	if (g->type == GEN_DNS) {
		const unsigned char *p = ASN1_STRING_get0_data(g->d.dNSName);
		for (int i = 0; i < ASN1_STRING_length(g->d.dNSName); i++)
			buf_putc(b, p[i] > ' ' && p[i] < 0x7f ? (char)p[i] :
			    '?');
	} else if (g->type == GEN_IPADD) {
		put_ip(b, g->d.iPAddress);
	} else {
		buf_puts(b, "(another kind of name)");
	}
}

static void
put_names(struct ca_shown *out, X509 *cert)
{
	GENERAL_NAMES *alt = X509_get_ext_d2i(cert, NID_subject_alt_name,
	    NULL, NULL);
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(cert, NID_name_constraints,
	    NULL, NULL);
	struct buf names, permitted;

	buf_init_array(&names, out->names, sizeof(out->names) - 1);
	buf_init_array(&permitted, out->permitted, sizeof(out->permitted) - 1);
	for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++)
		put_general(&names, sk_GENERAL_NAME_value(alt, i));
	/* RFC 5280 4.2.1.10: a kind that none of them is of is not confined. */
	out->any_name = out->any_address = nc != NULL;
	for (int i = 0; nc != NULL && i < sk_GENERAL_SUBTREE_num(
	    nc->permittedSubtrees); i++) {
		const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(
		    nc->permittedSubtrees, i)->base;

		put_general(&permitted, base);
		out->any_name = out->any_name && base->type != GEN_DNS;
		out->any_address = out->any_address &&
		    base->type != GEN_IPADD;
	}
	out->names[names.n] = '\0';
	out->permitted[permitted.n] = '\0';
	GENERAL_NAMES_free(alt);
	NAME_CONSTRAINTS_free(nc);
}

int
ca_show(struct ca_shown *out, const char *path, struct buf *why)
{
	BIGNUM *serial;
	X509 *cert = NULL;
	char *hex = NULL;
	int rc = ca_read_cert(&cert, path, why);

	if (rc != 0)
		return rc;
	memset(out, 0, sizeof(*out));
	put_name(out->subject, sizeof(out->subject),
	    X509_get_subject_name(cert));
	put_name(out->issuer, sizeof(out->issuer),
	    X509_get_issuer_name(cert));
	serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	hex = serial != NULL ? BN_bn2hex(serial) : NULL;
	str_copy(out->serial, sizeof(out->serial), str_cstr(hex));
	x509_fingerprint(cert, out->sha256);
	put_print(out->sha1, sizeof(out->sha1), cert, EVP_sha1());
	put_key(out->key, sizeof(out->key), cert);
	put_names(out, cert);
	out->not_before_s = x509_time_s(X509_get0_notBefore(cert));
	out->not_after_s = x509_time_s(X509_get0_notAfter(cert));
	out->ca = X509_check_ca(cert) != 0;
	out->self_signed = X509_self_signed(cert, 1) == 1;
	OPENSSL_free(hex);
	BN_free(serial);
	X509_free(cert);
	ERR_clear_error();
	return 0;
}
