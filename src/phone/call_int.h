/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_CALL_INT_H
#define PHONE_CALL_INT_H
/* phone/call_int - what the caller's and the callee's half share. */
#include "phone/call.h"

/* call.c */
void call_tell(const struct call *c, enum call_news_kind kind);
/* It is over, with this news once; it lingers for what is sent again. */
void call_end(struct call *c, int status, struct str reason, bool by_us,
    uint64_t now_ms);
/* It is answered: what is due in a call. */
void call_begin_talk(struct call *c, uint64_t now_ms);
/* What the other side's SDP says of the media.  0, or the status to refuse
 * with: 400, 488. */
int call_read_sdp(struct call *c, struct str body);
bool call_is_reliable(const struct call *c);
void call_send(const struct call *c, const struct buf *b);

/* call_out.c */
void call_invite(struct call *c, uint64_t now_ms);
void call_cancel(struct call *c, uint64_t now_ms);
void call_bye(struct call *c, const char *why, uint64_t now_ms);
void call_hold(struct call *c, uint64_t now_ms);
void call_out_tick(struct call *c, uint64_t now_ms);

/* call_in.c */
/* Answer their INVITE that is kept: with this status, and SDP in a 200. */
void call_reply(struct call *c, int status, uint64_t now_ms);
void call_in_tick(struct call *c, uint64_t now_ms);

#endif
