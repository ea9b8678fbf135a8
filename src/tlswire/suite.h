/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLSWIRE_SUITE_H
#define TLSWIRE_SUITE_H
/* tlswire/suite - what kind of certificate a cipher suite needs. */
#include <stdbool.h>
#include <stdint.h>

enum tls_auth {
	TLS_AUTH_OTHER, /* unknown, or a kind that we never present */
	TLS_AUTH_RSA,
	TLS_AUTH_ECDSA,
	TLS_AUTH_ANY,   /* TLS 1.3: the suite does not say          */
};

/* Of the IANA registry's TLS cipher suites. */
enum tls_auth tls_suite_auth(uint16_t suite);

/*
 * "RC4", "3DES": why no library of today has this suite (RFC 7465, RFC 9325
 * 4.1); NULL: it may have it.
 */
const char *tls_suite_obsolete(uint16_t suite);

/* The client encrypts to the certificate's key; the server signs nothing. */
bool tls_suite_static_rsa(uint16_t suite);

#endif
