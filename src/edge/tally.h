/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_TALLY_H
#define EDGE_TALLY_H
/*
 * edge/tally - what happens too often to be a line each: counted, and logged
 * in sums.  The first of a kind is logged within a second, what follows at
 * most every ten seconds: "limit kind=idle_timeout count=12 last=192.0.2.7:5069
 * window=10s".  Thread-safe.
 */
#include "base/addr.h"

enum tally_kind {
#define TALLY(id, word) TALLY_##id,
#include "edge/tally.def"
#undef TALLY
	TALLY_KINDS
};

/* True while so few have come in this window that one may be told in full. */
bool tally(enum tally_kind kind, const struct addr *last);

/* Main thread, once a second: log what is due; all of it when force is set. */
void tally_flush(uint64_t now_ms, bool force);

#endif
