/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_ANCHOR_H
#define DIAG_ANCHOR_H
/*
 * diag/anchor - the roots that a chain can be trusted by: the one at its end,
 * and each that one of the certificates on the way is a cross-certificate of.
 * Pure.
 */
#include "device/root.h"
#include "x509/served.h"

struct anchor {
	unsigned at;                    /* the path up to this certificate,
	                                   whose issuer it is: 0 is the leaf */
	const struct device_root *root; /* NULL: in no public store          */
	char label[128];                /* its name, as evidence has it      */
	int64_t not_after_s;            /* of the root, 0: not known         */
	bool end;                       /* the one at the chain's end        */
};

struct anchors {
	struct anchor v[2 * X509_SERVED_MAX];
	unsigned n;
	bool incomplete;                /* at its end an intermediate's
	                                   issuer is missing                 */
};

void anchors_find(struct anchors *out, const struct x509_served *chain,
    const struct device_roots *roots);

/* The one to install where one is to be: valid longest, those of public stores
 * first; NULL: there is none. */
const struct anchor *anchors_best(const struct anchors *a);

#endif
