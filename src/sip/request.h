/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_REQUEST_H
#define SIP_REQUEST_H
/*
 * sip/request - build requests (RFC 3261 8.1.1).
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/str.h"

struct sip_request {
	struct str method;
	struct str uri;          /* Request-URI                          */
	struct str transport;    /* "UDP", "TCP", "TLS"                  */
	const struct addr *sent_by;
	struct str branch;       /* with its magic cookie                */
	struct str from, to;     /* URIs, without <>                     */
	struct str from_tag;
	struct str to_tag;       /* absent: none yet                     */
	struct str call_id;
	uint32_t cseq;
	struct str contact;      /* URI; absent: no Contact              */
	struct str user_agent;   /* absent: none                         */
};

/*
 * Start-line and the fields of every request, Via with rport (RFC 3581 3).
 * Follow with further fields, then sip_request_end.
 */
void sip_request_begin(struct buf *out, const struct sip_request *r);

/* Content-Type (when there is a body), Content-Length, empty line, body. */
void sip_request_end(struct buf *out, struct str type, struct str body);

#endif
