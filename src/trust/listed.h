/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_LISTED_H
#define TRUST_LISTED_H
/*
 * trust/listed - the roots that a ClientHello names, compared with a chain's.
 *
 * A client may say whom it trusts: certificate_authorities (RFC 8446 4.2.4)
 * holds names, trusted_ca_keys (RFC 6066 6) names or SHA-1 hashes.  Where it
 * does, it is believed.  Pure, without allocation, linear in the hello.
 */
#include "tlswire/hello.h"
#include "trust/choose.h"

/*
 * It names at least one root, in a form that can be read.  pre_agreed alone
 * names none.
 */
bool trust_hello_lists_roots(const struct tls_hello *h);

/*
 * A root that it names is c's, or by name one of the CAs between: YES.  NO:
 * every entry could be compared and none is.  UNKNOWN: it names none, or some
 * in a way of which c has not the like (hash not known, pre_agreed).
 */
enum trust_listed trust_hello_listed(const struct tls_hello *h,
    const struct trust_chain *c);

/* The same as one bit: YES. */
bool trust_hello_lists_root(const struct tls_hello *h,
    const struct trust_chain *c);

#endif
