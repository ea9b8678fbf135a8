/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_CERT_H
#define X509_CERT_H
/*
 * x509/cert - certificate chains and keys from PEM files, checked.
 *
 * Every complaint names the file, which certificate in it, what is wrong and
 * the mend, for an admin who has never read RFC 5280.  Parsing works on
 * memory; only x509_chain_load touches files.  A chain is immutable once made.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define X509_CHAIN_MAX 16                /* certificates in one file     */
#define X509_FILE_MAX  ((size_t)1 << 20) /* bytes of one file            */

/* A certificate list as presented: leaf first (RFC 5246 7.4.2). */
struct x509_chain {
	X509 *leaf;
	STACK_OF(X509) *rest;    /* intermediates, in order, maybe the root   */
	EVP_PKEY *key;
	char root[128];          /* common name (else the whole name) of the
	                            root it leads to: issuer of the last, or
	                            the last's own subject if self-signed     */
	char subject[128];       /* common name of the leaf                   */
	int64_t not_before_s;    /* latest begin of all certificates          */
	int64_t not_after_s;     /* earliest end of all certificates          */
	bool rsa;                /* key type of the leaf                      */
};

#define X509_ANY_TIME INT64_MIN

/*
 * Read certificate list and key, and check: key matches leaf, each next
 * certificate certifies the one before, nothing expired or not yet valid at
 * now_s (X509_ANY_TIME: that is not looked at).  key_file may be NULL, empty or
 * the certificate file itself: the key is then sought in there.  On failure
 * *out is untouched and why names the file, what is wrong and the mend.  0;
 * -errno, E_LIMIT or E_CONFIG (no regular file); E_PARSE: not what it should
 * be; E_MISMATCH: key, order or dates do not fit; E_CRYPTO: a key that cannot
 * be used.
 */
MUSTCHECK int x509_chain_load(struct x509_chain **out, const char *cert_file,
    const char *key_file, int64_t now_s, struct buf *why);
void x509_chain_free(struct x509_chain *c); /* NULL does nothing */

/* The same from memory: the file names serve the complaints alone. */
struct x509_source {
	const char *cert_name;
	struct str cert;
	const char *key_name;
	struct str key;
};
MUSTCHECK int x509_chain_read(struct x509_chain **out,
    const struct x509_source *src, int64_t now_s, struct buf *why);

/*
 * The parts, for those who keep a certificate or a key alone.  The first
 * certificate or the first private key of a PEM text; the caller owns it.
 * 0, E_PARSE with a sentence in why.
 */
MUSTCHECK int x509_cert_read(X509 **out, const char *name, struct str pem,
    struct buf *why);
/* All certificates, in order, at most max of them. */
MUSTCHECK int x509_certs_read(STACK_OF(X509) **out, const char *name,
    struct str pem, int max, struct buf *why);
MUSTCHECK int x509_key_read(EVP_PKEY **out, const char *name, struct str pem,
    struct buf *why);

/* Common name, else RFC 2253 form, of a name. */
void x509_name_text(const X509_NAME *name, char *out, size_t size);

/* SHA-256 fingerprint "AB:CD:..." of a certificate; out takes 96 bytes. */
void x509_fingerprint(const X509 *cert, char out[96]);

int64_t x509_time_s(const ASN1_TIME *t); /* Unix seconds, INT64_MIN: bad */

#endif
