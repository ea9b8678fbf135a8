/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_ADMISSION_H
#define EDGE_ADMISSION_H
/*
 * edge/admission - how many connections are open, in all and per address, and
 * how fast one address opens them.
 *
 * Shared by the workers.  A table entry exists while its address has a
 * connection, and until it may open as many as ever again (a token bucket);
 * of the latter there are at most ADMISSION_IDLE_MAX.
 */
#include <stdbool.h>

#include "base/addr.h"
#include "base/compiler.h"
#include "edge/tally.h"

struct admission;

MUSTCHECK int admission_new(struct admission **out);
void admission_free(struct admission *a);

#define ADMISSION_IDLE_MAX 65536

struct admission_limits {
	unsigned max;
	unsigned max_per_address; /* so many at once, and as a burst too     */
	unsigned rate;            /* then so many a second from one address  */
};

/* Take a place for one connection; false: refused, *why says which limit. */
bool admission_enter(struct admission *a, const struct addr *peer,
    const struct admission_limits *l, uint64_t now_us, enum tally_kind *why);
void admission_leave(struct admission *a, const struct addr *peer);

unsigned admission_count(const struct admission *a);
/* Tests: addresses without a connection that are still remembered. */
unsigned admission_idle(struct admission *a);

#endif
