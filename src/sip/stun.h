/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIP_STUN_H
#define SIP_STUN_H
/*
 * sip/stun - the STUN keepalives of phones on the SIP port (RFC 5626 4.4.2, 8).
 *
 * A phone that registers with outbound over UDP asks so every half minute
 * whether its flow is still there, and takes no answer for a flow that has
 * failed.  Only the Binding request is answered, without credentials, with the
 * address that it came from (RFC 5389 7.3, 10; without the magic cookie RFC
 * 3489).  Pure: bytes in, bytes out.
 */
#include <stdbool.h>

#include "base/addr.h"
#include "base/buf.h"

/*
 * False: these bytes are no STUN.  True: they are, and the answer to source is
 * appended to out, at most STUN_ANSWER_MAX bytes; none where none is due (an
 * indication, an answer, another method, a length that lies).
 */
#define STUN_ANSWER_MAX 64
bool stun_answer(struct buf *out, struct str datagram,
    const struct addr *source);

#endif
