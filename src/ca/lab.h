/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_LAB_H
#define CA_LAB_H
/*
 * ca/lab - chains made up on the spot, for the demo and for labs: a root of
 * any name, an intermediate under it where wanted, a server certificate.  The
 * roots' keys are thrown away: nothing else will ever be issued by them.
 */
#include "ca/issue.h"

struct ca_lab_want {
	const char *root;          /* common names                    */
	const char *intermediate;  /* NULL: the root issues the leaf  */
	const char *organization;  /* of both; NULL: none             */
	struct ca_names names;     /* of the leaf                     */
	int64_t now_s;
};

/* All in PEM form; chain as served: leaf, then the intermediate. */
struct ca_lab {
	struct buf root, chain, key;
};

/* 0, E_CRYPTO, -ENOMEM; *out is then untouched.  ca_lab_fini wipes the key. */
MUSTCHECK int ca_lab_make(struct ca_lab *out, const struct ca_lab_want *want);
void ca_lab_fini(struct ca_lab *l);

#endif
