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
};

MUSTCHECK int ca_key_new(EVP_PKEY **out); /* RSA-2048.  0, E_CRYPTO */

/* A self-signed CA certificate for key.  0, E_CRYPTO, -ENOMEM. */
MUSTCHECK int ca_root_new(X509 **out, EVP_PKEY *key, const char *domain,
    int64_t now_s);

/* A server certificate for the public part of key, signed by the CA. */
MUSTCHECK int ca_server_new(X509 **out, EVP_PKEY *key,
    const struct ca_names *names, X509 *ca, EVP_PKEY *ca_key, int64_t now_s);

/* Does cert name the domain and every IPv4 address? */
bool ca_covers(X509 *cert, const struct ca_names *names);

/* Letters, digits, hyphens and underscores between dots (RFC 1123 2.1). */
bool ca_is_dns_name(const char *name);

#endif
