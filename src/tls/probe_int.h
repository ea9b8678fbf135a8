/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_PROBE_INT_H
#define TLS_PROBE_INT_H
/* tls/probe_int - what conn.c sees of a question, and its two makers share. */
#include <openssl/ssl.h>
#include <stdatomic.h>

#include "tls/probe.h"

struct tls_probe_kit {
	EVP_PKEY *rsa, *ec;      /* ours, of this run alone                  */
	X509 *leaf;              /* whose names and dates are borrowed       */
};

struct tls_probe {
	atomic_uint refs;
	X509 *leaf;
	STACK_OF(X509) *rest;
	EVP_PKEY *key;
	bool static_rsa;         /* where it is offered: no signature of ours
	                            is asked for then (facts/alerts 3)       */
	uint64_t run;
	struct trust_probe_question question;
};

/* probe_cert.c: each 1, or 0 with OpenSSL's error queue not empty. */

/* A certificate for the kit's RSA key in issuer's name, not signed. */
int tls_probe_spoof(X509 **out, const struct tls_probe_kit *k,
    const struct tls_probe_root *root, bool made_up);
/* c as if a made-up root had issued it; *key: what it is presented with. */
int tls_probe_imitate(X509 **out, const struct tls_probe_kit *k, X509 *c,
    EVP_PKEY **key);
/* The public key of cert with a private part of chance. */
int tls_probe_bogus_key(EVP_PKEY **out, X509 *cert);
/* The next certificate of DER bytes; NULL: none, or none that can be read. */
X509 *tls_probe_next_cert(struct str *der);

#endif
