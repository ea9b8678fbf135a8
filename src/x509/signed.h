/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_SIGNED_H
#define X509_SIGNED_H
/*
 * x509/signed - what a client has to compute and to compare in a certificate.
 */
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* In the order of trust/choose.h's enum trust_signed. */
enum x509_signed {
	X509_SIGNED_RSA_SHA1,
	X509_SIGNED_RSA_SHA256,
	X509_SIGNED_RSA_SHA384,
	X509_SIGNED_RSA_SHA512,
	X509_SIGNED_RSA_PSS,
	X509_SIGNED_ECDSA_SHA256,
	X509_SIGNED_ECDSA_SHA384,
	X509_SIGNED_OTHER,
};

/* How its issuer signed it; *weak: with SHA-1 or MD5. */
enum x509_signed x509_signed_with(X509 *x, bool *weak);

/*
 * A number for what a client may compare the name it was told with: the common
 * name and the subjectAltName.  Never 0; another in each process.
 */
uint64_t x509_names_hash(const X509 *leaf);

/*
 * A number for the root that last leads to, by name and key identifier; root
 * may be NULL: not known.  0: neither tells the key.  Another in each process.
 */
uint64_t x509_root_id(X509 *last, X509 *root);

#endif
