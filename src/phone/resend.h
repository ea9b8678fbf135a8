/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_RESEND_H
#define PHONE_RESEND_H
/*
 * phone/resend - the times of what is sent again until the other side has it:
 * an INVITE (RFC 3261 17.1.1.2: Timers A and B), its final response until the
 * ACK (17.2.1: Timers G and H; 13.3.1.4 for a 200), another request (17.1.2:
 * Timers E and F).  Pure: it knows neither message nor socket, and time is
 * given.
 *
 * It is no transaction of txn/: a phone has one request under way, makes each
 * anew for a challenge and finds its response by Call-ID and CSeq, and its
 * owner asks when the next time is due instead of turning a wheel.
 */
#include <stdbool.h>
#include <stdint.h>

#include "txn/txn.h"

struct resend {
	bool running;
	bool quiet;          /* nothing is sent again: wait for the end  */
	bool proceeding;     /* a provisional response has come          */
	uint32_t every_ms, most_ms;
	uint64_t again_ms, over_ms;
};

enum resend_due { RESEND_NOTHING, RESEND_AGAIN, RESEND_OVER };

/*
 * It has just been sent.  quiet: a reliable transport repeats by itself.
 * most_ms: the longest interval, T2 but for an INVITE; 0: it doubles for ever
 * (Timer A).
 */
void resend_start(struct resend *t, bool quiet, uint32_t most_ms,
    uint64_t now_ms);
void resend_stop(struct resend *t);

/* A response of this status to a request other than INVITE has come. */
void resend_response(struct resend *t, int status, uint64_t now_ms);

/* What the time asks for; AGAIN counts as sent. */
enum resend_due resend_due(struct resend *t, uint64_t now_ms);
uint64_t resend_next_ms(const struct resend *t); /* UINT64_MAX: not running */

#endif
