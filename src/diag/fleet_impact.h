/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_FLEET_IMPACT_H
#define DIAG_FLEET_IMPACT_H
/* diag/fleet_impact - trust/impact of every device of a fleet.  Pure. */
#include "diag/anchor.h"
#include "diag/fleet.h"
#include "trust/impact.h"

#define FLEET_ROOTS_MAX (2 * X509_SERVED_MAX)

/* A chain, as far as it is known: unknown is 0. */
struct fleet_chain {
	uint32_t root[FLEET_ROOTS_MAX]; /* texts of the fleet's: by any of
	                                   these roots it can be trusted     */
	unsigned nroots;
	const struct device_root *public[FLEET_ROOTS_MAX]; /* the same; NULL:
	                                   in no public store                */
	unsigned npublic;
	const struct device_roots *roots;
	enum trust_key key;
	uint32_t depth, faults;
	uint32_t instead;               /* text: the chain whose place it
	                                   takes; UINT32_MAX: of all         */
};

/* out: f->n of them.  0, -ENOMEM. */
MUSTCHECK int fleet_impact(struct trust_impact *out, const struct fleet *f,
    const struct fleet_chain *c);

#endif
