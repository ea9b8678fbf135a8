/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_ANSWER_H
#define PHONE_ANSWER_H
/*
 * phone/answer - what a phone answers to requests that are not about a call
 * (phone/calls): OPTIONS and NOTIFY with 200, what it does not know with 405.
 */
#include <stdbool.h>

#include "base/addr.h"
#include "base/buf.h"
#include "sip/msg.h"

/*
 * Append the response to request m.  True: the request asks
 * the phone to reboot (NOTIFY with Event resync, reboot or check-sync), which
 * it does when the answer has gone.
 */
bool phone_answer(struct buf *out, const struct sip_msg *m,
    const struct addr *source, struct str user_agent);

#endif
