/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_SERVED_H
#define X509_SERVED_H
/*
 * x509/served - a chain as a server sends it, looked at from outside: every
 * certificate of it, its names, and what clients may dislike.
 *
 * Pure.  Slices borrow from the certificates, which are held by reference.
 */
#include "x509/sent.h"

#define X509_SERVED_MAX   X509_CHAIN_MAX
#define X509_SERVED_NAMES 400

struct x509_served_cert {
	char subject[128], issuer[128]; /* common names, else whole names    */
	int64_t not_before_s, not_after_s;
	char key[16];                   /* "rsa2048", "ec256"                */
	char signature[24];             /* "rsa-sha256"                      */
	uint32_t rsa_bits;              /* 0: another kind of key            */
	bool ca, self_signed;
	bool certified;                 /* by the next one's key             */
	struct str subject_der, issuer_der;
	uint8_t sha256[32];
	uint8_t ski[20], aki[20];       /* key identifiers, where they are   */
	uint8_t nski, naki;             /* that long; 0: none                */
};

struct x509_served {
	STACK_OF(X509) *chain;          /* as sent                           */
	struct x509_served_cert cert[X509_SERVED_MAX];
	unsigned n;                     /* of them; sent may be more         */
	unsigned sent;
	size_t bytes;                   /* of all of them in DER             */
	struct x509_sent facts;         /* wrong_name: by the laxer rule     */
	char names[X509_SERVED_NAMES];  /* of the leaf, ", " between         */
	bool named;                     /* for the name asked for: RFC 5922  */
	bool by_wildcard;               /* only where a wildcard counts      */
	bool names_ip6, names_none;     /* an IPv6 address; no SAN at all    */
	bool no_common_name;
	bool signs, enciphers;          /* key usage of the leaf             */
};

/* Is a certificate for this SIP domain or host?  RFC 5922 7.1: one that has a
 * sip URI is for its host and no other; 7.2: no wildcards, but where they are
 * asked for. */
bool x509_is_for(X509 *cert, const char *name, bool wildcards);

/*
 * name: the SIP domain or host that clients are set to.  0, -ENOMEM, E_PARSE:
 * no certificate.
 */
MUSTCHECK int x509_served_read(struct x509_served *out, STACK_OF(X509) *chain,
    const char *name, const struct x509_roots *roots);
void x509_served_fini(struct x509_served *s);

/*
 * The chain of a PEM file, to look at it: a key beside it is passed over and
 * told in *has_key.  The leaf must come first, each next certify the one
 * before; dates are not looked at.  0; -errno, E_LIMIT, E_CONFIG, E_PARSE;
 * E_MISMATCH: wrong order, two leaves; a sentence in why.
 */
MUSTCHECK int x509_served_file(struct x509_served *out, const char *path,
    const char *name, const struct x509_roots *roots, bool *has_key,
    struct buf *why);

#endif
