/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_PROBES_H
#define EDGE_PROBES_H
/*
 * edge/probes - runs in which a device is asked which roots it holds (design
 * 5): finds the orders in devices.db, puts one question to each connection
 * that the named device makes by itself, with its real chain in between, and
 * writes down what it answers.
 *
 * What is asked and what it means is trust/probe; how it is asked tls/probe.
 * Only the device named is asked, only in its window; a run ends by itself
 * when the phone changes.  Hooks are called on any worker and take one short
 * lock, nothing but an atomic read while no run is open; file and keys are the
 * main thread's, once a second.
 */
#include "edge/devices.h"
#include "tls/conn.h"

struct probes;

/* dir: of devices.db; devices is borrowed.  0, -ENOMEM. */
MUSTCHECK int probes_new(struct probes **out, const char *dir,
    struct devices *devices);
void probes_free(struct probes *p); /* NULL does nothing */

/* Main thread, at the start and at a reload: whose names questions bear. */
void probes_set_tls(struct probes *p, struct tls_ctx *tls);
/* Main thread, once a second: orders, answers, windows.  last: at the end. */
void probes_tick(struct probes *p, bool last);

/*
 * Inside the ClientHello callback, after devices_choose: shall this connection
 * be asked something?  Sets out->probe.
 */
void probes_choose(struct probes *p, const struct device_peer *peer,
    struct tls_choice *out);

/* The connection that was asked has ended, e says how; or a SIP message came
 * over it (e NULL). */
void probes_answer(struct probes *p, const struct tls_probe *probe,
    const struct trust_evidence *e);

/* How a chain of ours fared with a device. */
void probes_real(struct probes *p, const struct device_peer *peer,
    bool accepted);

#endif
