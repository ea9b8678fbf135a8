/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_BELIEF_H
#define TRUST_BELIEF_H
/*
 * trust/belief - what we hold of a device's trust anchors (design 1).
 *
 * From what it did with our chains and what its refusals meant.  A device that
 * accepts may not check at all, so it "accepts" a root until it has refused
 * another for its root: only who checks can be said to hold one.  Pure.
 */
#include "trust/verdict.h"

enum trust_holding {
	TRUST_CANNOT_TELL,
	TRUST_LACKS,        /* it does not hold the root                     */
	TRUST_ACCEPTS,      /* it accepts, but may not check                 */
	TRUST_HOLDS,        /* it accepts this one, and has refused another  */
};

/* What one device did with one chain; texts are borrowed. */
struct trust_fact {
	struct str chain, root;
	uint32_t accepted, refused;
	uint32_t accepted_no, refused_no; /* as in struct trust_deed         */
	enum trust_cause cause;           /* of the last refusal             */
	enum trust_confidence confidence;
};

struct trust_belief {
	struct str root;                  /* borrowed from a fact            */
	enum trust_holding holding;
	enum trust_confidence confidence; /* of TRUST_LACKS                  */
	struct str chain;                 /* by what it did with this        */
};

#define TRUST_BELIEFS_MAX 32

/* One for each root in the facts, in their order; returns how many. */
size_t trust_beliefs(struct trust_belief out[TRUST_BELIEFS_MAX],
    const struct trust_fact *fact, size_t n);

/*
 * The device was asked for a root (trust/probe) that some belief is about: what
 * it said counts where its deeds leave it open.
 */
void trust_beliefs_asked(struct trust_belief *b, size_t n, struct str root,
    enum trust_holding said, enum trust_confidence sure);

/* "holds", "lacks", "accepts", "cannot_tell". */
const char *trust_holding_name(enum trust_holding h);

#endif
