/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_ADMISSION_H
#define EDGE_ADMISSION_H
/*
 * edge/admission - how many connections are open, in all and per address.
 *
 * Shared by the workers.  A table entry exists only while its address has a
 * connection, so memory is bounded by connections_max.
 */
#include <stdbool.h>

#include "base/addr.h"
#include "base/compiler.h"
#include "edge/tally.h"

struct admission;

MUSTCHECK int admission_new(struct admission **out);
void admission_free(struct admission *a);

/* Take a place for one connection; false: refused, *why says which limit. */
bool admission_enter(struct admission *a, const struct addr *peer,
    unsigned max, unsigned max_per_address, enum tally_kind *why);
void admission_leave(struct admission *a, const struct addr *peer);

unsigned admission_count(const struct admission *a);

#endif
