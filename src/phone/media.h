/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_MEDIA_H
#define PHONE_MEDIA_H
/*
 * phone/media - the phone's RTP socket: it sends silence in G.711, a packet
 * each 20 ms, and counts what comes (RFC 3550, 3551).  No RTCP, no sound.
 * Loop thread.
 */
#include "base/addr.h"
#include "base/err.h"
#include "net/loop.h"

struct media;

/* Bound to this address, any port.  0 or -errno. */
MUSTCHECK int media_open(struct media **out, struct loop *loop,
    const struct addr *ip);
void media_close(struct media *m); /* NULL does nothing */

/* What it is bound to. */
void media_local(const struct media *m, struct addr *out);

/* A call begins, or changes: to not set, or sends false: nothing is sent.
 * payload: 0 PCMU, 8 PCMA.  begins: the counts are set to 0. */
void media_set(struct media *m, const struct addr *to, uint8_t payload,
    bool sends, bool begins);
void media_stop(struct media *m);

/* Packets of this call. */
void media_counts(const struct media *m, uint32_t *sent, uint32_t *received);

#endif
