/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_FRAME_H
#define SIP_FRAME_H
/*
 * sip/frame - cut a byte stream into SIP messages and keepalives, exactly by
 * Content-Length (RFC 3261 18.3; CRLF keepalives of RFC 5626 3.5.1, 4.4.1).
 *
 * Sans-I/O: the caller keeps the bytes.  Work already done on an incomplete
 * message is remembered in struct sip_frame, so that a message that comes one
 * byte at a time costs linear time.
 */
#include "base/str.h"

struct sip_frame {
	size_t scanned;     /* bytes of the head already looked at          */
	size_t line;        /* bytes to the end of the start-line, 0: not yet */
	size_t head;        /* bytes to the end of the head, 0: not yet seen */
	size_t total;       /* head and body                                 */
	bool half_ping;     /* one CRLF was consumed just before             */
};

enum sip_frame_result {
	SIP_FRAME_MORE,     /* not complete: keep the bytes, come again      */
	SIP_FRAME_MSG,      /* bytes[0, *used) is one message                */
	SIP_FRAME_PING,     /* CRLFCRLF consumed: answer CRLF                */
	SIP_FRAME_SKIP,     /* a stray CRLF or a pong consumed               */
	SIP_FRAME_BAD,      /* cannot be framed: *why, answer 400 if possible
	                       and close                                     */
	SIP_FRAME_LIMIT,    /* head_max or message_max passed: 513 and close */
};

/*
 * Look at bytes, the unconsumed part of the stream.  *f is all zero at the
 * start of a stream, and left ready for the next message.
 *
 * A ping that comes in two pieces is a SKIP and then a PING, so that a lone
 * CRLF never waits in the caller's buffer; but for these SKIPs the results are
 * the same wherever the stream was split.  What cannot be the start of a
 * message (a control byte, a bare LF, a first line without SIP/) is BAD as
 * soon as it is seen.
 *
 * *used: how many bytes to drop (0 with MORE).  With BAD and LIMIT *used is the
 * part that holds the head as far as it is there, for an answer.  No
 * Content-Length, two that differ or a negative one is BAD, one that makes the
 * message longer than message_max is LIMIT.
 */
enum sip_frame_result sip_frame_next(struct sip_frame *f, struct str bytes,
    size_t head_max, size_t message_max, size_t *used, const char **why);

#endif
