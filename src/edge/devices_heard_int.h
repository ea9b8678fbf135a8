/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_DEVICES_HEARD_INT_H
#define EDGE_DEVICES_HEARD_INT_H
/*
 * edge/devices_heard_int - between the devices' judge and what devices say in
 * their own logs.
 */
#include "edge/devices_int.h"
#include "edge/heard.h"

/* devices_history.c.  now: this handshake is not among those counted yet. */
void devices_history(struct devices *d, struct trust_history *h,
    const struct place *p, uint64_t fingerprint, unsigned chain, bool now);
/* devices_judge.c */
void devices_set_refusal(struct device *dev, const struct trust_verdict *v,
    struct str remedy, int64_t now_s);
void devices_put_remedy(struct devices *d, struct buf *out,
    const struct trust_verdict *v, const struct trust_evidence *e);
/*
 * devices_heard.c, under the shard's lock: what the phone said of it in its
 * own log, now or when it refused this chain before, becomes part of e.
 */
void devices_hear(struct devices *d, struct trust_evidence *e,
    const struct place *p, unsigned chain, struct device_shard *s);

/* Is a device known there?  arg: the devices. */
bool devices_is_at(const struct addr *peer, void *arg);

#endif
