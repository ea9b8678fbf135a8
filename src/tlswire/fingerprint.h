/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLSWIRE_FINGERPRINT_H
#define TLSWIRE_FINGERPRINT_H
/* tlswire/fingerprint - JA3 and JA4 of a ClientHello. */
#include "tlswire/hello.h"

#define TLS_JA3_LEN 33 /* 32 hex digits and NUL */
#define TLS_JA4_LEN 37 /* "t13d311000_e8f1e7e78f70_1f22a2ca17c4" and NUL */

/* MD5 of version,ciphers,extensions,groups,point formats; GREASE left out. */
void tls_ja3(const struct tls_hello *h, char out[TLS_JA3_LEN]);

/* FoxIO JA4 for TLS over TCP. */
void tls_ja4(const struct tls_hello *h, char out[TLS_JA4_LEN]);

#endif
