/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_LOOK_H
#define TLS_LOOK_H
/*
 * tls/look - how a TLS client looks to a server and how it judges: plain data,
 * made from a device's profile or by hand.
 */
#include <stdbool.h>
#include <stdint.h>

#include "trust/stack.h"

#define TLS_LOOK_LIST_MAX 96
#define TLS_SAYS_PASS     0xffff /* it does not mind this fault */

enum tls_manner_id {
#define MANNER(id, ...) TLS_MANNER_##id,
#include "tls/manner.def"
#undef MANNER
	TLS_MANNERS
};

/* How a stack refuses; a row of manner.def. */
struct tls_manner {
	const char *name;
	bool late;                     /* judges after the handshake       */
	uint16_t says[TRUST_FAULTS];   /* an alert, TRUST_SAYS_NOTHING or
	                                  TLS_SAYS_PASS                    */
	uint8_t order[TRUST_FAULTS];   /* of its checks                    */
	uint8_t norder;
};

struct tls_list {
	uint16_t v[TLS_LOOK_LIST_MAX]; /* numbers of the IANA registry     */
	unsigned n;                    /* 0: as the library has it         */
};

/* Which names of a certificate count. */
enum tls_names {
	TLS_NAMES_HOST,     /* as browsers have it: a wildcard does         */
	TLS_NAMES_SIP,      /* RFC 5922 7.1, 7.2: a sip URI before the names
	                       of hosts, no wildcards                       */
	TLS_NAMES_SIP_WILD, /* the same with wildcards                      */
};

struct tls_look {
	uint16_t min_version, max_version; /* enum tls_version; 0: library */
	struct tls_list suites, sigalgs, groups;
	bool server_name;              /* sends SNI, where it has a name   */
	bool modern;                   /* tickets, extended_master_secret,
	                                  encrypt_then_mac                 */
	bool checks_chain, checks_name, checks_dates;
	enum tls_names names;
	bool strict;                   /* it is no device but we: the library's
	                                  own security level and options   */
	bool old_paths;                /* follows the path that was sent to
	                                  its end, as OpenSSL before 1.1.0:
	                                  an expired cross-signer spoils it */
	unsigned depth_max;            /* certificates in a chain, 0: any  */
	unsigned rsa_max_bits;         /* 0: any                           */
	bool no_sha2;                  /* computes SHA-1 and MD5 alone     */
	struct tls_manner manner;
};

/* A client of today: OpenSSL's own hello, all checks. */
void tls_look_init(struct tls_look *l);

/* By the begin of its name, case aside; NULL: none of the table. */
const struct tls_manner *tls_manner_find(const char *name);
const struct tls_manner *tls_manner(enum tls_manner_id id);

/* Of a mask of faults those that it minds; the one of these that it finds
 * first (faults is not 0). */
uint32_t tls_manner_minds(const struct tls_manner *m, uint32_t faults);
enum trust_fault tls_manner_first(const struct tls_manner *m, uint32_t faults);

/* The same word for every fault: an alert's code or TRUST_SAYS_NOTHING. */
void tls_manner_says(struct tls_manner *m, uint16_t says);

#endif
