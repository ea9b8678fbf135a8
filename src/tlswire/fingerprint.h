/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLSWIRE_FINGERPRINT_H
#define TLSWIRE_FINGERPRINT_H
/* tlswire/fingerprint - names of a ClientHello: JA3, JA4, one of our own. */
#include "tlswire/hello.h"

#define TLS_JA3_LEN 33 /* 32 hex digits and NUL */
#define TLS_JA4_LEN 37 /* "t13d311000_e8f1e7e78f70_1f22a2ca17c4" and NUL */

/* MD5 of version,ciphers,extensions,groups,point formats; GREASE left out. */
void tls_ja3(const struct tls_hello *h, char out[TLS_JA3_LEN]);

/* FoxIO JA4 for TLS over TCP. */
void tls_ja4(const struct tls_hello *h, char out[TLS_JA4_LEN]);

/*
 * What one client's ClientHellos have in common, as a number: never 0, the same
 * in every process and release (it is stored), well under a microsecond.  The
 * order of suites, extensions, groups and so on does not count (some clients
 * shuffle), nor does what one client changes from connection to connection:
 * GREASE, server_name, resumption (tickets, PSK, early data, session ID),
 * cookie, padding, and the roots that it lists.  Nothing is kept secret by it:
 * whoever wants the number of another client sends that client's hello.
 */
uint64_t tls_hello_fingerprint(const struct tls_hello *h);

#endif
