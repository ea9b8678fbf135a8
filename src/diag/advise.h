/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_ADVISE_H
#define DIAG_ADVISE_H
/*
 * diag/advise - which certificate serves most of a fleet, and which chains
 * together serve all of it, until when.  Pure, but for memory.
 */
#include "diag/fleet_impact.h"

#define ADVISE_OPTIONS_MAX 64

/* A certificate that can be had. */
struct advise_option {
	struct str name;             /* "Let's Encrypt"; a CA of one's own by
	                                its root's name                      */
	struct str roots;            /* names of public roots, or the label  */
	struct str how;
	bool own;
	int64_t until_s;             /* 0: not known                         */
	uint32_t accept, refuse, unknown;
	uint32_t takes_ca;           /* of those that do not accept: models
	                                that a CA of one's own can be given  */
	struct trust_impact *impact; /* one a device; its own                */
	bool chosen;                 /* of the combination                   */
};

struct advise {
	struct advise_option option[ADVISE_OPTIONS_MAX];
	size_t n;                    /* the best first                       */
	uint32_t over_tls;           /* devices that count                   */
	uint32_t served;             /* by the combination                   */
	int64_t until_s;             /* of it: the first of its ends         */
	bool *left;                  /* one a device: no option serves it    */
	uint32_t nleft, left_takes_ca;
};

/* f and roots must outlive out.  0, -ENOMEM. */
MUSTCHECK int advise(struct advise *out, const struct fleet *f,
    const struct device_roots *roots);
void advise_fini(struct advise *a);

/* A CA of one's own can be given to its model. */
bool advise_takes_ca(const struct fleet *f, size_t device);

#endif
