/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEB_PROVISION_H
#define WEB_PROVISION_H
/*
 * web/provision - the CA files for phones over plain HTTP, on listeners and a
 * thread of their own, as a guest of the edge.
 *
 * Serves what web/site holds and nothing else.  It answers while the workers
 * are busy and they while it is: all that the two share is the devices.
 */
#include "edge/edge.h"

struct provision;

/* 0 or -ENOMEM. */
MUSTCHECK int provision_new(struct provision **out);
void provision_free(struct provision *p); /* NULL does nothing */

/* What edge_run is given; valid as long as p. */
const struct edge_guest *provision_guest(const struct provision *p);

#endif
