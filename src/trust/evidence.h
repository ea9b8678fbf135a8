/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_EVIDENCE_H
#define TRUST_EVIDENCE_H
/*
 * trust/evidence - what one handshake showed.  Facts only.
 *
 * The same form whichever source made it (live edge, capture, log line); a
 * source that cannot know a fact leaves it unknown: zero, empty, NOT_SEEN.
 * Plain data without pointers: copied, kept in a ring, compared in tests.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "tlswire/fingerprint.h"
#include "tlswire/tap.h"

/* How far the handshake got, as the server sees it; each includes the last. */
enum trust_stage {
	TRUST_STAGE_NOTHING,        /* not one byte                         */
	TRUST_STAGE_BYTES,          /* bytes, but no whole ClientHello      */
	TRUST_STAGE_HELLO,          /* ClientHello read                     */
	TRUST_STAGE_CERTIFICATE,    /* our Certificate flight is sent       */
	TRUST_STAGE_KEY_EXCHANGE,   /* client went on (TLS 1.2 and older)   */
	TRUST_STAGE_FINISHED,       /* handshake complete                   */
	TRUST_STAGE_SIP,            /* a SIP message came: accepted         */
};

enum trust_end {
	TRUST_END_UNKNOWN,
	TRUST_END_OPEN,             /* not over                             */
	TRUST_END_FIN,              /* peer closed                          */
	TRUST_END_RST,              /* peer reset                           */
	TRUST_END_TIMEOUT,          /* we gave up waiting                   */
	TRUST_END_US,               /* we ended it (our alert, or a limit)  */
};

/* The key of the leaf we presented. */
enum trust_key {
	TRUST_KEY_UNKNOWN,
	TRUST_KEY_RSA,
	TRUST_KEY_ECDSA,
};

/*
 * What can be wrong with a chain, in general or in the eyes of one client; a
 * set of them is a mask of 1 << fault.
 */
enum trust_fault {
	TRUST_FAULT_ROOT,           /* the client does not hold the root    */
	TRUST_FAULT_INCOMPLETE,     /* an issuer between was not sent       */
	TRUST_FAULT_SELF_SIGNED,    /* the leaf is its own root             */
	TRUST_FAULT_NAME,           /* not the name the client asked for    */
	TRUST_FAULT_EXPIRED,
	TRUST_FAULT_TOO_NEW,        /* not valid yet                        */
	TRUST_FAULT_PURPOSE,        /* extended key usage without serverAuth */
	TRUST_FAULT_WEAK_SIGNATURE, /* SHA-1 or MD5                         */
	TRUST_FAULT_WEAK_KEY,       /* RSA below 2048 bits                  */
	TRUST_FAULT_BAD_SIGNATURE,  /* not its issuer's: same name, other key */
	TRUST_FAULT_KEY_MISMATCH,   /* our key is not the leaf's            */
	TRUST_FAULT_LEAF_IS_CA,     /* a CA's certificate in the leaf's place */
	TRUST_FAULT_ORDER,          /* not leaf first, each issuer next     */
	TRUST_FAULT_STAPLE,         /* OCSP: revoked, or demanded, not given */
	TRUST_FAULT_TOO_LONG,       /* more certificates than it follows    */
	TRUST_FAULT_KEY_TYPE,       /* a key or signature it cannot compute */
	TRUST_FAULT_NO_ALT_NAME,    /* a name in its subject alone          */
	TRUST_FAULT_CRITICAL,       /* a critical extension nobody knows    */
	TRUST_FAULT_USAGE,          /* key usage without digitalSignature   */
	TRUST_FAULT_ISSUER,         /* one of ours that may not issue it: no
	                               CA, too long a path, another name    */
	TRUST_FAULTS
};

/* The hello lists roots, and the one our chain leads to is among them. */
enum trust_listed {
	TRUST_LISTED_UNKNOWN,       /* it lists none, or none to compare    */
	TRUST_LISTED_NO,
	TRUST_LISTED_YES,
};

#define TRUST_TEXT_MAX    128
#define TRUST_CIPHERS_MAX 96

struct trust_evidence {
	/* who, when */
	int64_t when_s;             /* Unix time of the end                 */
	struct addr peer;
	struct addr local;
	char device[TRUST_TEXT_MAX];/* User-Agent last seen there, or ""    */

	/* what the ClientHello offered */
	enum tls_first first;
	uint8_t first_bytes[TLS_TAP_FIRST_MAX];
	uint8_t nfirst;
	bool hello_seen;
	bool hello_malformed;
	uint16_t record_version, legacy_version, max_version, min_version;
	uint16_t cipher[TRUST_CIPHERS_MAX];
	uint16_t nciphers;          /* offered; the array holds the first   */
	uint16_t sigalg[TRUST_CIPHERS_MAX];
	uint16_t nsigalgs;
	char server_name[TRUST_TEXT_MAX];
	uint32_t hello_time_s;      /* first four bytes of the random: in old
	                               stacks the client's clock, Unix time
	                               (RFC 5246 7.4.1.2), else chance       */
	char ja3[TLS_JA3_LEN];
	char ja4[TLS_JA4_LEN];
	enum trust_listed listed;   /* trust/listed.h                       */
	bool resumption_offered;
	bool resumed;

	/* what we presented */
	char chain[TRUST_TEXT_MAX]; /* its name in the configuration        */
	char root[TRUST_TEXT_MAX];  /* common name of the root it leads to  */
	int64_t chain_not_before_s, chain_not_after_s; /* narrowest of all  */
	uint32_t chain_faults;      /* mask of those that we know of        */
	uint32_t chain_depth;       /* certificates sent, 0: unknown        */
	uint32_t chain_signed;      /* mask of trust_signed, 0: unknown     */
	uint64_t chain_names;       /* hash of the leaf's, 0: unknown       */
	uint64_t root_id;           /* of name and key, 0: key unknown      */
	enum trust_key our_key;
	uint32_t our_bits;          /* of it, 0: unknown                    */
	uint16_t our_min_version, our_max_version;
	uint16_t version;           /* negotiated, 0: none                  */
	uint16_t cipher_suite;      /* negotiated, 0: none                  */

	/* how far, how it ended */
	enum trust_stage stage;
	enum trust_end end;
	struct tls_tap_alert alert[TLS_TAP_ALERTS_MAX];
	uint8_t nalert;
	bool alert_hidden;          /* the client's last words were as long as
	                               an alert, but encrypted               */
	uint32_t us_since_flight;   /* from our Certificate flight to the
	                               first reaction that ended it; 0:
	                               unknown                               */
	uint32_t us_total;          /* from accept to end                   */
	uint64_t app_bytes;         /* decrypted bytes from the client      */
	bool no_shared_cipher;      /* the library found no common suite    */
	bool ciphers_foreign;       /* it has none at all of those offered  */
	bool client_cert_asked;     /* we sent a CertificateRequest         */
	bool client_cert_empty;     /* and it answered that it has none     */
	bool over_limit;            /* ended by a limit of ours             */

	/* what the client's own log said of it meanwhile, by syslog */
	uint32_t said_faults;       /* one of these: a mask; 0: nothing      */
	char said[TRUST_TEXT_MAX];  /* in its words                          */
};

/* "name", "weak_key"; the word in the text form. */
const char *trust_fault_name(enum trust_fault f);

void trust_evidence_init(struct trust_evidence *e);

/* Fill the ClientHello part. */
void trust_evidence_hello(struct trust_evidence *e, const struct tls_hello *h);

/*
 * Fill first bytes, alerts, versions, the stage as far as the wire tells it
 * (never lowering it) and, when an alert of the client ended it,
 * us_since_flight.  Who has seen the connection close computes that from
 * t->flight_us where there was no alert.
 */
void trust_evidence_tap(struct trust_evidence *e, const struct tls_tap *t);

/*
 * A text form, one "name: value" a line, for tests and --json's sibling.  What
 * is unknown is left out.
 */
void trust_evidence_print(struct buf *out, const struct trust_evidence *e);
/*
 * The inverse: scan(print(e)) is e, member by member.  Empty lines and lines
 * that start with # are passed over.  0, or E_PARSE with *line set to the
 * faulty line, counted from 1.
 */
MUSTCHECK int trust_evidence_scan(struct trust_evidence *e, struct str text,
    int *line);

#endif
