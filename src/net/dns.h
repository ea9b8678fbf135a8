/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_DNS_H
#define NET_DNS_H
/*
 * net/dns - locate a SIP server (RFC 3263): NAPTR, SRV, A and AAAA through
 * c-ares, in a loop, without blocking.
 *
 * The answer is a list in the order to try: by NAPTR order and preference, SRV
 * priority and weight (RFC 2782, drawn with the given random bytes), addresses
 * as the resolver has them.  TTLs are kept, at least 5 s and at most a day.
 */
#include "base/addr.h"
#include "base/str.h"
#include "net/loop.h"

enum dns_transport { DNS_UDP, DNS_TCP, DNS_TLS };

struct dns_hop {
	struct addr addr;           /* with port */
	enum dns_transport transport;
	char host[256];             /* of the A or AAAA, for names        */
};

#define DNS_HOPS_MAX 16

struct dns_answer {
	int error;                  /* 0, E_ABSENT, E_TIMEOUT, -errno     */
	char why[160];              /* a sentence, when error             */
	struct dns_hop hop[DNS_HOPS_MAX];
	size_t n;
	uint32_t ttl_s;             /* of the shortest record             */
};

struct dns;

/* servers: "127.0.0.1:5353,..." instead of the system's; NULL: the system's.
 * loop is borrowed. */
MUSTCHECK int dns_new(struct dns **out, struct loop *loop, const char *servers);
void dns_free(struct dns *d); /* what is under way gets no answer */

struct dns_question {
	struct str host;            /* name or address (then answered at
	                               once, by done, not before return)  */
	uint16_t port;              /* 0: none given: SRV is asked        */
	bool transport_given;
	enum dns_transport transport;
	bool sips;
};

typedef void (*dns_done_fn)(const struct dns_answer *a, void *arg);

/* done comes once, on the loop, unless dns_free comes before.  0 or -ENOMEM. */
MUSTCHECK int dns_locate(struct dns *d, const struct dns_question *q,
    dns_done_fn done, void *arg);

#endif
