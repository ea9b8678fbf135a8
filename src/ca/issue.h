/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_ISSUE_H
#define CA_ISSUE_H
/*
 * ca/issue - makes the certificates of one's own CA; no files, no policy.
 *
 * The profile is for old phones; the reasons stand beside each rule in
 * issue.c.  All objects that are handed out belong to the caller.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

#define CA_NAMES_MAX 64 /* addresses in one certificate */

/* What a server certificate is to name. */
struct ca_names {
	const char *domain;      /* DNS name, or an address in text form */
	const struct addr *ip;   /* those that are not IPv4 are skipped  */
	size_t nip;
	const char *const *host; /* more DNS names                       */
	size_t nhost;
};

enum ca_key_type { CA_KEY_RSA, CA_KEY_P256 };

struct ca_server_want {
	struct ca_names names;
	int days;                /* 0: CA_SERVER_DAYS */
};

struct ca_root_want {
	const char *domain;
	int years;               /* 0: CA_ROOT_YEARS                          */
	const char *const *permit; /* names and networks it may issue for     */
	size_t npermit;          /* 0: any                                    */
};

#define CA_ROOT_YEARS  20
#define CA_SERVER_DAYS 398 /* from now */
#define CA_DAYS_MAX    825 /* Apple refuses a longer one, also a private CA's */

/* RSA-2048 or P-256.  0, E_CRYPTO */
MUSTCHECK int ca_key_new(EVP_PKEY **out, enum ca_key_type type);

/*
 * A self-signed CA certificate for key.  With permit a critical extension
 * nameConstraints (RFC 5280 4.2.1.10) confines it to these DNS names, what is
 * below them, and these networks ("10.0.0.0/8").  0, E_CRYPTO, -ENOMEM;
 * E_PARSE: a permit is neither.
 */
MUSTCHECK int ca_root_new(X509 **out, EVP_PKEY *key,
    const struct ca_root_want *want, int64_t now_s);

/* A server certificate for the public part of key, signed by the CA. */
MUSTCHECK int ca_server_new(X509 **out, EVP_PKEY *key,
    const struct ca_server_want *want, X509 *ca, EVP_PKEY *ca_key,
    int64_t now_s);

/* Does cert name the domain, every host and every IPv4 address? */
bool ca_covers(X509 *cert, const struct ca_names *names);

/* May this CA issue what cert names?  Else its nameConstraints forbid it. */
bool ca_permits(X509 *ca, X509 *cert);

/* Letters, digits, hyphens and underscores between dots (RFC 1123 2.1). */
bool ca_is_dns_name(const char *name);

#endif
