/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_CERT_H
#define X509_CERT_H
/*
 * x509/cert - certificate chains and keys from PEM files, checked.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A certificate list as presented: leaf first (RFC 5246 7.4.2). */
struct x509_chain {
	X509 *leaf;
	STACK_OF(X509) *rest;    /* intermediates, in order, maybe the root   */
	EVP_PKEY *key;
	char root[128];          /* common name (else the whole name) of the
	                            root it leads to: issuer of the last, or
	                            the last's own subject when self-signed    */
	char subject[128];       /* common name of the leaf                   */
	int64_t not_before_s;    /* latest begin of all certificates          */
	int64_t not_after_s;     /* earliest end of all certificates          */
	bool rsa;                /* key type of the leaf                      */
};

/*
 * Read certificate list and key, and check: key matches leaf, each next
 * certificate certifies the one before, nothing expired or not yet valid at
 * now_s.  On failure *out is untouched and why names the file, what is wrong
 * and the mend.  0, -errno, E_PARSE, E_MISMATCH, E_CRYPTO.
 */
MUSTCHECK int x509_chain_load(struct x509_chain **out, const char *cert_file,
    const char *key_file, int64_t now_s, struct buf *why);
void x509_chain_free(struct x509_chain *c);

/* Common name, else RFC 2253 form, of a name. */
void x509_name_text(const X509_NAME *name, char *out, size_t size);

/* SHA-256 fingerprint "AB:CD:..." of a certificate; out takes 96 bytes. */
void x509_fingerprint(const X509 *cert, char out[96]);

int64_t x509_time_s(const ASN1_TIME *t); /* Unix seconds, INT64_MIN: bad */

#endif
