/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_CHOOSE_H
#define TRUST_CHOOSE_H
/*
 * trust/choose - which chain to present to this ClientHello (design 4).
 *
 * trust_choose is a pure function of the chains, the hello, and what is known
 * of the device and of its kind: no I/O, no clock, no allocation, no lock.  It
 * runs inside the ClientHello callback, so it is a few table walks and no
 * more.  A device that nothing pleases is shown every chain that it can take
 * in turn, so what was mended in the meantime is found by itself.
 */
#include "tlswire/hello.h"
#include "trust/evidence.h"

#define TRUST_CHAINS_MAX 32 /* on one port, variants included */

/* How the certificates of a chain are signed; a set is a mask of 1 << x. */
enum trust_signed {
	TRUST_SIGNED_RSA_SHA1,
	TRUST_SIGNED_RSA_SHA256,
	TRUST_SIGNED_RSA_SHA384,
	TRUST_SIGNED_RSA_SHA512,
	TRUST_SIGNED_RSA_PSS,
	TRUST_SIGNED_ECDSA_SHA256,
	TRUST_SIGNED_ECDSA_SHA384,
	TRUST_SIGNED_OTHER,
};

/* What the chooser and the judge know of a chain; immutable. */
struct trust_chain {
	char name[TRUST_TEXT_MAX];  /* in the configuration; a variant's too  */
	char root[TRUST_TEXT_MAX];  /* common name of the root it leads to    */
	uint8_t root_name_sha1[20]; /* of the root's DER subject: what a hello's
	                               roots are compared with (RFC 6066 6)   */
	uint8_t root_key_sha1[20];  /* of its public key, all zero: not known:
	                               an RSA key's modulus without leading
	                               zeros, else the subjectPublicKey bits
	                               (RFC 6066 6)                           */
	uint8_t root_cert_sha1[20]; /* of the whole root, all zero: not known */
	uint8_t root_sha256[32];    /* likewise: how a device is asked for it */
	struct str root_name;       /* DER subject, for certificate_authorities
	                               (RFC 8446 4.2.4); the owner's          */
	struct str issuer_names;    /* DER subjects of the CAs between leaf and
	                               root, one after the other; empty: not
	                               known, or none; borrowed likewise      */
	enum trust_key key;         /* of the leaf                            */
	uint32_t bits;              /* of the leaf's key                      */
	uint16_t scheme;            /* the one by which this key signs, 0: by
	                               several (RFC 8446 4.2.3): Ed25519,
	                               Ed448, the first of RSA-PSS keys;
	                               0xffff: by none that is in use         */
	uint32_t signed_with;       /* mask of trust_signed, leaf and all that
	                               is sent but a self-signed root         */
	uint32_t faults;            /* mask of trust_fault, without dates     */
	uint32_t depth;             /* certificates sent                      */
	uint64_t names;             /* hash of the leaf's names, CN too, in
	                               order and lower case; 0: not known     */
	uint64_t root_id;           /* of name and key of the root, 0: its key
	                               is not known                           */
	int64_t not_before_s, not_after_s; /* narrowest of all                */
};

/* The chain was presented to h (NULL: not read): e says so. */
void trust_evidence_chain(struct trust_evidence *e, const struct trust_chain *c,
    const struct tls_hello *h);

/* What a device said when it was asked for a root (trust/probe). */
enum trust_asked {
	TRUST_ASKED_NOTHING,    /* it was not, or it cannot tell              */
	TRUST_ASKED_LACKS,
	TRUST_ASKED_HOLDS,
};

/*
 * What one device did with one chain.  Order is by event number, not by the
 * clock: each acceptance and refusal of a device takes the device's next.
 */
struct trust_deed {
	uint32_t accepted, refused;       /* handshakes                       */
	uint32_t accepted_no, refused_no; /* number of the last, 0: never     */
	uint32_t in_row;                  /* refusals since it was accepted   */
	bool fetched;                     /* the device has fetched this root's
	                                     file and not refused since       */
	uint8_t asked;                    /* enum trust_asked, of its root    */
	int64_t accepted_s, refused_s;    /* Unix time of the last            */
};

/* How the devices with one fingerprint stand to one chain, by their last
 * word. */
struct trust_class {
	uint32_t accepting, refusing; /* devices */
};

enum trust_choice_reason {
	TRUST_CHOICE_ONLY,      /* there is no other                          */
	TRUST_CHOICE_PINNED,    /* the admin said so                          */
	TRUST_CHOICE_LISTED,    /* the hello lists its root                   */
	TRUST_CHOICE_FETCHED,   /* the device has just fetched its root       */
	TRUST_CHOICE_ACCEPTED,  /* the device accepted it last                */
	TRUST_CHOICE_ASKED,     /* it was asked, and holds its root           */
	TRUST_CHOICE_CLASS,     /* most devices of its fingerprint accept it  */
	TRUST_CHOICE_ORDER,     /* first of the configured order not refused  */
	TRUST_CHOICE_ROTATION,  /* all refused: the one refused longest ago   */
};

struct trust_question {
	const struct trust_chain *chain;  /* in the configured order          */
	unsigned nchain;                  /* 1 to TRUST_CHAINS_MAX            */
	const struct tls_hello *hello;
	int pinned;                       /* index of a chain, -1: none       */
	const struct trust_deed *deed;    /* one a chain; NULL: not known     */
	const struct trust_class *kind;   /* one a chain; NULL: not known     */
	uint16_t max_version;             /* that will be spoken at most      */
	int64_t now_s;
	int64_t memory_s;                 /* a refusal older than this is
	                                     forgotten                        */
};

struct trust_choice {
	unsigned chain;
	enum trust_choice_reason reason;
	uint32_t fit;             /* mask of the chains the hello can take    */
};

/* Always answers; q is borrowed for the call. */
struct trust_choice trust_choose(const struct trust_question *q);

/* "order", "accepted": for the log and --json. */
const char *trust_choice_name(enum trust_choice_reason r);

#endif
