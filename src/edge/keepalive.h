/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_KEEPALIVE_H
#define EDGE_KEEPALIVE_H
/*
 * edge/keepalive - what keeps the way to a phone open while nothing is said:
 * over UDP through a NAT, and over any transport where the phone's profile asks
 * for it (server_keepalive).
 *
 * One a worker, on its thread.  The workers share the parts of the location
 * service; each walks its own, one after the other, so that every binding is
 * served once in nat_keepalive seconds and never many at a time.
 */
#include "base/str.h"
#include "device/profile.h"
#include "edge/flow.h"

struct keepalive;

MUSTCHECK int keepalive_new(struct keepalive **out, struct worker *w);
void keepalive_free(struct keepalive *k); /* NULL does nothing */

/* What is sent to a phone; absent: nothing.  word 0: its profile, if it has
 * one, says nothing.  Static; pure. */
struct str keepalive_bytes(enum flow_transport transport, bool natted,
    enum device_keepalive word);

#endif
