/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_REPLY_H
#define SIP_REPLY_H
/*
 * sip/reply - build responses (RFC 3261 8.2.6, 18.2.1, RFC 3581 4).
 */
#include "base/addr.h"
#include "base/buf.h"
#include "sip/msg.h"

/*
 * Status line and the fields every response copies from its request: all Via
 * (the top one with received and rport filled in from source), From, To (with
 * to_tag added when it has none and to_tag is not absent), Call-ID, CSeq,
 * Timestamp.  reason NULL: the standard phrase.  Follow with further fields,
 * then sip_reply_end.
 */
void sip_reply_begin(struct buf *out, const struct sip_msg *m, int status,
    const char *reason, struct str to_tag, const struct addr *source);

/* Content-Length: 0 and the empty line. */
void sip_reply_end(struct buf *out);

/* "Date: Mon, 23 Nov 2026 20:12:36 GMT\r\n" (RFC 3261 20.17). */
void sip_reply_date(struct buf *out, int64_t wall_s);

const char *sip_reason(int status);

#endif
