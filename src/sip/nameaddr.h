/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_NAMEADDR_H
#define SIP_NAMEADDR_H
/*
 * sip/nameaddr - From, To, Contact, Route and Path values: display-name, URI,
 * header parameters (RFC 3261 20.10, 25.1).
 */
#include "sip/uri.h"

struct sip_nameaddr {
	struct str display;  /* as sent, quotes included; absent: none      */
	struct str uri;      /* addr-spec without <>                        */
	struct str params;   /* header parameters from the first ';', or "" */
	bool star;           /* Contact: *                                  */
	bool brackets;
};

/* One value, already cut at the comma.  0 or E_PARSE. */
MUSTCHECK int sip_nameaddr_parse(struct sip_nameaddr *out, struct str s);

#endif
