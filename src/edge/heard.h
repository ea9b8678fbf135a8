/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_HEARD_H
#define EDGE_HEARD_H
/*
 * edge/heard - what phones said in their own logs, by address, in bounded
 * memory: the last lines of the addresses heard last.  Secrets are masked
 * before a line comes here.  Thread-safe, one short lock.
 *
 * A syslog line says nothing of who sent it but its address, and over UDP not
 * even that for sure: it is shown, and it is a hint to the judge.
 */
#include "capture/said.h"
#include "capture/syslog.h"
#include "store/device.h"
#include "trust/evidence.h"

#define HEARD_LINES     16   /* of one address                              */
#define HEARD_OWN       8    /* of them are about TLS and the like, if any  */
#define HEARD_TEXT_MAX  256  /* bytes of a line                             */
#define HEARD_ADDRESSES 4096 /* where a device is known                     */
#define HEARD_STRANGERS 256  /* and where none is                           */
#define HEARD_RATE      20   /* lines a second of one address               */
#define HEARD_BURST     400  /* a phone that starts says much               */

struct heard;

MUSTCHECK int heard_new(struct heard **out);
void heard_free(struct heard *h); /* NULL does nothing */

/*
 * May this address add a line now?  False: it says too much.  known: a device
 * is known there; asked of is_known when the address is new, and again when
 * it was a stranger and a second has passed.
 */
typedef bool(heard_known_fn)(const struct addr *peer, void *arg);
bool heard_admit(struct heard *h, const struct addr *peer, uint64_t now_ms,
    heard_known_fn *is_known, void *arg);

/* One line of an address that was admitted.  text: masked. */
struct heard_line {
	int64_t when_s;          /* by our clock                            */
	int priority;            /* as in struct syslog_line                */
	enum said_topic topic;
	uint32_t faults;         /* as in struct said                       */
	struct str text;
};
void heard_add(struct heard *h, const struct addr *peer,
    const struct heard_line *l);

/*
 * What this address said about our certificate between the two times: a mask
 * of faults, 0: nothing; said: the line that did, the newest.
 */
uint32_t heard_about(struct heard *h, const struct addr *peer, int64_t from_s,
    int64_t to_s, char said[TRUST_TEXT_MAX]);

/*
 * Is it news that this address says this, for a line in the log?  Equal ones
 * within window_s are not.
 */
bool heard_is_news(struct heard *h, const struct addr *peer,
    enum said_topic topic, uint32_t faults, int64_t now_s, int window_s);

/*
 * Write what is new, of at most max addresses where a device is known, each
 * as a whole, into the transaction that is open; *more: there are others.
 * heard_written: was it committed?  The devices' writer alone.
 */
MUSTCHECK int heard_write(struct heard *h, struct device_store *s,
    unsigned max, bool *more);
void heard_written(struct heard *h, bool committed);
bool heard_is_due(struct heard *h);
/* Once a second: strangers that have become known. */
void heard_review(struct heard *h, heard_known_fn *is_known, void *arg);
/* At the start: a line as it was written, the oldest first. */
void heard_restore(struct heard *h, const struct store_said *row);

/* Tests. */
void heard_count(struct heard *h, size_t *known, size_t *strangers);

#endif
