/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_AUTH_H
#define SIP_AUTH_H
/*
 * sip/auth - Digest challenges, credentials and their check (RFC 3261 22,
 * RFC 7616, RFC 8760).  Pure: nonces are made and judged elsewhere.
 */
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/str.h"

struct sip_credentials {
	struct str username;  /* without quotes, escapes kept */
	struct str realm;
	struct str nonce;
	struct str uri;
	struct str response;
	struct str cnonce;    /* absent: none */
	struct str opaque;
	struct str qop;       /* absent: RFC 2069 form */
	uint32_t nc;          /* 0: none */
	struct str nc_text;   /* the 8 hex digits as sent */
	enum digest_alg alg;
	bool alg_known;       /* false: an algorithm we do not have */
};

/* The value of an Authorization field.  E_PARSE: not Digest or malformed. */
MUSTCHECK int sip_credentials_parse(struct sip_credentials *out, struct str s);

/*
 * Is the response the one that HA1 (hex) gives for this method and
 * digest-uri?  Constant time in the comparison.  qop "auth" or absent; another
 * qop is false.
 */
bool sip_credentials_check(const struct sip_credentials *c, const char *ha1,
    struct str method);

/* HA1 = H(user ":" realm ":" password) as hex; out takes 65 bytes. */
void sip_ha1(enum digest_alg alg, struct str user, struct str realm,
    struct str password, char out[2 * DIGEST_MAX + 1]);

/* One challenge field line, "WWW-Authenticate: Digest ...\r\n", qop="auth". */
void sip_challenge_put(struct buf *out, bool proxy, enum digest_alg alg,
    struct str realm, struct str nonce, bool stale);

/* Client side: what a 401 or 407 wants. */
struct sip_challenge {
	struct str realm;     /* without quotes, escapes kept        */
	struct str nonce;
	struct str opaque;    /* absent: none; to be sent back as is */
	enum digest_alg alg;
	bool alg_known;       /* false: an algorithm we do not have  */
	bool qop_auth;        /* false: none offered (RFC 2069 form)  */
	bool stale;
};

/* The value of a WWW-Authenticate or Proxy-Authenticate field.  E_PARSE: not
 * Digest, malformed, or a qop that we do not have. */
MUSTCHECK int sip_challenge_parse(struct sip_challenge *out, struct str s);

/* Client side (tests, bench, siptrust phone): the Authorization value. */
void sip_credentials_put(struct buf *out, enum digest_alg alg, struct str user,
    struct str realm, struct str password, struct str method, struct str uri,
    struct str nonce, uint32_t nc, struct str cnonce);

/* "MD5", "SHA-256". */
struct str sip_digest_name(enum digest_alg alg);

#endif
