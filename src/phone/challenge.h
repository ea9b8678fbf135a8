/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_CHALLENGE_H
#define PHONE_CHALLENGE_H
/*
 * phone/challenge - what a phone keeps of a Digest challenge, and its answer
 * to it (RFC 3261 22, RFC 8760).  Pure.
 */
#include "base/buf.h"
#include "sip/auth.h"
#include "sip/msg.h"

/* How often in a row a phone answers one: RFC 3261 22.2: then the password is
 * wrong; and where only the nonce was too old. */
#define CHALLENGES_MAX 1
#define STALES_MAX     4

struct challenge {
	char realm[128], nonce[256], opaque[256];
	enum digest_alg alg;
	bool qop, proxy;         /* qop=auth; Proxy-Authorization         */
	uint32_t nc;
	unsigned tries;          /* answered in a row                     */
};

/* Forget it: the next request goes out without credentials. */
void challenge_forget(struct challenge *c);

/*
 * Take the first challenge of a 401 or 407 that can be answered (RFC 8760
 * 2.4).  False: there is none, or it has been answered often enough.
 * md5_only: an old phone.
 */
bool challenge_take(struct challenge *c, const struct sip_msg *m,
    bool md5_only);

/* The field with the credentials for this request; nothing without a
 * challenge. */
void challenge_put(struct challenge *c, struct buf *out, struct str method,
    struct str uri, struct str user, struct str password);

#endif
