/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_EXPLAIN_H
#define DIAG_EXPLAIN_H
/*
 * diag/explain - what one event of a PBX's log means, in words.
 *
 * Pure.  The judge speaks wherever the lines are evidence; where they are none
 * (Asterisk loses the reason, a PBX's own settings) the tables of this module
 * do.  A log is hearsay - servers are known to print another connection's
 * error - so no verdict is ever certain here.
 */
#include "base/buf.h"
#include "capture/pbxlog.h"

#define EXPLAIN_TEXT_MAX 640

struct explain {
	struct trust_verdict verdict; /* its reason is how[]                 */
	bool ranked;         /* the lines do not tell: rank.def orders causes */
	char what[EXPLAIN_TEXT_MAX];  /* what happened                       */
	char how[EXPLAIN_TEXT_MAX];   /* how we know                         */
	char next[EXPLAIN_TEXT_MAX];  /* what to do                          */
};

void explain_event(struct explain *out, const struct pbxlog_event *e);

/* Causes by how often they are the reason where a log tells none. */
struct explain_rank {
	enum trust_cause cause;
	unsigned count;      /* of the failures counted                     */
};

/* Most frequent first; *n rows, *total failures counted.  Static. */
const struct explain_rank *explain_ranks(size_t *n, unsigned *total);

#endif
