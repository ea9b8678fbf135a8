/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_URI_H
#define SIP_URI_H
/*
 * sip/uri - SIP and SIPS URIs (RFC 3261 19.1, 25.1; IPv6 per RFC 5118).
 * Slices into the parsed bytes; nothing is unescaped in place.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum sip_scheme { SIP_SCHEME_SIP, SIP_SCHEME_SIPS, SIP_SCHEME_OTHER };

struct sip_uri {
	enum sip_scheme scheme;
	struct str scheme_name;
	struct str user;     /* escaped, as sent; absent: none       */
	struct str password; /* absent: none                         */
	struct str host;     /* IPv6 without brackets                */
	bool host_ipv6;
	uint16_t port;       /* 0: none given                        */
	struct str params;   /* after the first ';', without it      */
	struct str headers;  /* after '?'                            */
	struct str all;      /* the whole URI                        */
};

/*
 * An addr-spec without <>.  Another scheme than sip/sips is accepted with
 * only scheme_name and all set (absoluteURI).  0 or E_PARSE.
 */
MUSTCHECK int sip_uri_parse(struct sip_uri *out, struct str s);

/* RFC 3261 19.1.4, escapes and parameter order taken into account. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);

/* Value of a URI parameter; present but without a value: {p, 0}. */
bool sip_uri_param(const struct sip_uri *u, struct str name, struct str *value);

/*
 * The canonical address-of-record (RFC 3261 10.3 step 5): user unescaped,
 * "@", host in lower case; no scheme, port or parameters.  host overrides the
 * URI's own when its p is not NULL.
 */
void sip_uri_aor(struct buf *out, const struct sip_uri *u, struct str host);

#endif
