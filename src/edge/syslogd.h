/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_SYSLOGD_H
#define EDGE_SYSLOGD_H
/*
 * edge/syslogd - the phones' syslog over UDP and TCP, on a thread of its own.
 *
 * Each line is kept with the device of its address (edge/heard); one that says
 * why it refused our certificate goes to the judge (devices_said), and is a
 * line of the operator's log: phone-said.  Whoever says more than is bearable
 * is not heard for a while, and tallied.
 *
 * All but what its thread does is the main thread's; prepare, then end.
 */
#include "base/buf.h"
#include "base/conf.h"

struct devices;
struct syslogd;

/* devices: borrowed, outlives it. */
MUSTCHECK int syslogd_new(struct syslogd **out, struct devices *devices);
void syslogd_free(struct syslogd *s); /* NULL does nothing */

/*
 * The sockets that conf wants, beside those that are open.  0; E_CONFIG or
 * -errno: why says which address, and nothing has changed.
 */
MUSTCHECK int syslogd_prepare(struct syslogd *s, struct conf *conf,
    struct buf *why);
/* right: what was prepared is put in force; else it is thrown away. */
void syslogd_end(struct syslogd *s, bool right);
/* Ends the thread; before the devices. */
void syslogd_stop(struct syslogd *s);

/* "192.0.2.1:514,[::]:514"; nothing where it is off. */
void syslogd_print(const struct syslogd *s, struct buf *out);

#endif
