/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_OPINION_H
#define TLS_OPINION_H
/*
 * tls/opinion - what a device would think of a chain, without a connection.
 *
 * Pure: the certificates as a server sent them in, faults out.  What the device
 * checks is the look's; whether it holds the root is the caller's question: the
 * opinion is that of one that does.
 */
#include <openssl/x509.h>

#include "base/err.h"
#include "tls/look.h"

#define TLS_OPINION_WORDS 256

struct tls_opinion {
	uint32_t faults;   /* that it minds, a mask; ROOT: from the leaf no
	                      path leads to the certificate of the question */
	char words[TRUST_FAULTS][TLS_OPINION_WORDS]; /* a clause for each  */
};

/*
 * chain: leaf first, at least one.  at: the path up to this certificate counts
 * (0 is the leaf), whose issuer the device holds.  name: what it is set to
 * connect to; root: what its words call the root; now_s: its clock.  0,
 * -ENOMEM.
 */
MUSTCHECK int tls_opinion_of(struct tls_opinion *out,
    const struct tls_look *look, STACK_OF(X509) *chain, unsigned at,
    const char *name, const char *root, int64_t now_s);

#endif
