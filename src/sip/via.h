/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_VIA_H
#define SIP_VIA_H
/*
 * sip/via - one Via value (RFC 3261 20.42, 18.2; rport: RFC 3581).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct sip_via {
	struct str transport;  /* "UDP", "TLS", ...            */
	struct str host;       /* sent-by, IPv6 with brackets  */
	uint16_t port;         /* 0: none given                */
	struct str branch;     /* absent: none                 */
	struct str received;   /* absent: none                 */
	bool rport;            /* parameter is there           */
	struct str params;     /* from the first ';', or ""    */
	struct str all;        /* the whole value              */
};

/* One value, already cut at the comma.  0 or E_PARSE. */
MUSTCHECK int sip_via_parse(struct sip_via *out, struct str s);

/*
 * The value as the next hop keeps it: its own received and the value of its
 * rport give way to what was seen (RFC 3261 18.2.1, RFC 3581 4).
 */
void sip_via_put(struct buf *out, const struct sip_via *via,
    const struct addr *source);

#endif
