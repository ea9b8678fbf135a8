/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_STATUS_H
#define EDGE_STATUS_H
/*
 * edge/status - the fleet as devices.db has it: read, put together, judged;
 * not printed.  Works while the edge runs (it is at most seconds behind), and
 * when it does not.
 */
#include "base/buf.h"
#include "store/device.h"
#include "store/probe.h"
#include "trust/belief.h"

struct status_device {
	struct store_device row;
	struct store_deed *deed;
	size_t ndeeds;
	struct store_event *event;   /* newest first                         */
	size_t nevents;
	struct store_said *said;     /* of its own log, the oldest first     */
	size_t nsaid;
	struct trust_belief belief[TRUST_BELIEFS_MAX];
	size_t nbeliefs;
	struct store_probe_holding *asked; /* what siptrust roots probe found */
	size_t nasked;
	struct str profile;          /* the reader's to fill in: its name    */
	bool refused;                /* its last word is no, and no chain is
	                                known that it accepts                */
};

struct status {
	struct status_device *device; /* seen last first                     */
	size_t n;
	size_t refused;               /* of them                             */
	char **text;                  /* what the slices point into          */
	size_t ntext, text_size;
	bool no_memory;
};

/*
 * Read dir/devices.db.  which: an address, an account with or without domain,
 * a row's number, or a selector (base/selector) but of a profile; empty: all.
 * 0; E_ABSENT: there is no such file, or no such device; E_STORE and so on; why
 * has a sentence.
 */
MUSTCHECK int status_read(struct status *s, const char *dir, struct str which,
    struct buf *why);
/* Forget the devices of which fn says false. */
typedef bool(status_keep_fn)(const struct status_device *d, void *arg);
void status_keep(struct status *s, status_keep_fn *fn, void *arg);
void status_fini(struct status *s);

#endif
