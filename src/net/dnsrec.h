/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_DNSREC_H
#define NET_DNSREC_H
/*
 * net/dnsrec - the SRV and NAPTR records of a DNS answer (RFC 1035 4, RFC 2782,
 * RFC 3403) with their TTLs, and the order in which they are to be used.
 *
 * Pure: bytes in, structs out.  c-ares 1.18 gives no TTL of these, and its
 * later reader is not in 1.18.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define DNSREC_NAME_MAX 254 /* characters and NUL (RFC 1035 2.3.4) */
#define DNSREC_MAX      32  /* of an answer; more are left aside   */

struct dnsrec_srv {
	uint16_t priority, weight, port;
	uint32_t ttl_s;
	char target[DNSREC_NAME_MAX]; /* "": the service is not there */
};

struct dnsrec_naptr {
	uint16_t order, preference;
	uint32_t ttl_s;
	char flag;                    /* in lower case, 0: none       */
	char service[32];             /* "" when it is longer         */
	char replacement[DNSREC_NAME_MAX];
};

/*
 * Records of the answer section, those whose class is IN and which are well
 * formed; names are letters, digits, "-", "_" and ".".  The number; 0 also when
 * the message is none.
 */
size_t dnsrec_srv(struct str message, struct dnsrec_srv out[DNSREC_MAX]);
size_t dnsrec_naptr(struct str message, struct dnsrec_naptr out[DNSREC_MAX]);

/* By priority, and inside of one by weight as RFC 2782 draws it: draw(arg, n)
 * is a fair number of 0 ... n. */
void dnsrec_order_srv(struct dnsrec_srv *v, size_t n,
    uint32_t (*draw)(void *arg, uint32_t n), void *arg);
/* By order, then preference. */
void dnsrec_order_naptr(struct dnsrec_naptr *v, size_t n);

#endif
