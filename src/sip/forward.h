/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_FORWARD_H
#define SIP_FORWARD_H
/*
 * sip/forward - a request or response as a proxy passes it on (RFC 3261 16.6,
 * 16.7): our Via, Record-Route and Path put in, our Route and Via taken out,
 * Max-Forwards counted down; every other byte, and the body, as it came.
 *
 * Pure and without allocation: the parsed message and what to change in, bytes
 * out.  m was parsed without error.  What goes in stands before the message's
 * own fields; fields that are changed are written out anew.  Where a Content-
 * Length is missing (a datagram) it is put in.  out is failed when it is too
 * small.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "sip/msg.h"

struct sip_forward {
	struct str request_uri;    /* absent: as it came                     */
	struct str via;            /* "SIP/2.0/TLS host:port;branch=...";
	                              put before the others                  */
	const struct addr *source; /* of the request: received and rport go
	                              into the Via that was topmost; NULL: it
	                              stays as it came                       */
	struct str record_route[2]; /* values with <>, [0] topmost; absent   */
	size_t drop_routes;        /* so many Route values are taken off     */
	bool drop_last_route;      /* the last one too (16.4, strict routing) */
	struct str last_route;     /* put behind them (16.6 step 6); absent  */
	struct str route;          /* Route values put on top; absent: none  */
	struct str path;           /* Path value put on top (RFC 3327 5.1),
	                              with "path" in Supported; absent       */
	struct str realm;          /* Proxy-Authorization for it goes (22.3) */
	int max_forwards;          /* to write                               */
	int max_breadth;           /* RFC 5393 5.3; 0: none is written       */
	bool drop_contacts;        /* the Contact fields are left out ...    */
	struct str fields;         /* ... and these whole lines put in       */
};

void sip_forward_request(struct buf *out, const struct sip_msg *m,
    const struct sip_forward *f);

/* What a proxy changes in a response. */
struct sip_forward_change {
	bool drop_contacts;
	struct str fields;         /* whole lines put in                     */
};

/* The topmost Via value taken off (16.7 step 3); change NULL: nothing more.
 * False: there is no further Via, it was for us. */
bool sip_forward_response(struct buf *out, const struct sip_msg *m,
    const struct sip_forward_change *change);

/*
 * The request's fields that a loop shows up in, hashed (16.6 step 8, RFC 5393
 * 4.2): Request-URI, From tag, Call-ID, CSeq number, Route, Proxy-Require; not
 * the method and the To tag, so that CANCEL and ACK get the same.  Good inside
 * of this process alone (hash_bytes).
 */
uint64_t sip_loop_hash(const struct sip_msg *m);

/*
 * The values of a field kind over all its fields in turn, topmost first, with
 * commas respected; empty ones do not count.  Each byte is looked at once.
 */
struct sip_values {
	const struct sip_msg *msg;
	const struct sip_field *field; /* NULL: there are no more */
	struct str list;               /* what is left of it      */
};
void sip_values_begin(struct sip_values *v, const struct sip_msg *m,
    enum sip_header id);
bool sip_values_next(struct sip_values *v, struct str *out);

/* The n-th of them (0: the topmost), for who wants one: a loop over n would
 * begin anew each time.  False: there are fewer. */
bool sip_msg_value(const struct sip_msg *m, enum sip_header id, size_t n,
    struct str *out);

#endif
