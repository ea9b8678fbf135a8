/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_SENT_H
#define X509_SENT_H
/*
 * x509/sent - what a server's Certificate message shows to who reads along.
 *
 * The message of TLS 1.2 and older, in the clear (RFC 5246 7.4.2).  Works on
 * memory; keeps nothing of the message.
 */
#include "base/str.h"
#include "x509/odd.h"
#include "x509/path.h"

struct x509_sent {
	char leaf[128];          /* its common name                         */
	char root[128];          /* of the root that it leads to            */
	int64_t not_before_s, not_after_s; /* narrowest of all              */
	unsigned depth;          /* certificates that were sent             */
	int bits;                /* of the leaf's key                       */
	bool rsa, ecdsa;         /* kind of the leaf's key                  */
	uint32_t signed_with;    /* mask of enum x509_signed                */
	uint64_t names;          /* x509_names_hash of the leaf             */
	uint64_t root_id;        /* x509_root_id                            */
	bool incomplete;         /* an issuer between is missing            */
	bool self_signed, leaf_is_ca;
	bool out_of_order;       /* not each the issuer of the one before   */
	bool wrong_name;         /* not name                                */
	bool wrong_purpose;      /* not for servers                         */
	bool weak_signature;     /* SHA-1 or MD5                            */
	bool weak_key;           /* RSA below 2048 bits                     */
	struct x509_odd odd;     /* what is wrong in the certificates       */
};

/*
 * msg: the message with its header of 4 bytes.  name: what the client asked
 * for, empty: not known; wildcards: whether they count (RFC 5922 7.2: not for
 * SIP).  0; E_PARSE: no certificates that can be read.
 */
MUSTCHECK int x509_sent_read(struct x509_sent *out, struct str msg,
    struct str name, bool wildcards, const struct x509_roots *roots);

/* The same of certificates that are there: leaf first, at least one.  0,
 * -ENOMEM. */
MUSTCHECK int x509_sent_look(struct x509_sent *out, STACK_OF(X509) *chain,
    struct str name, bool wildcards, const struct x509_roots *roots);

#endif
