/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_PROBE_PLAN_H
#define EDGE_PROBE_PLAN_H
/*
 * edge/probe_plan - a run of trust/probe as devices.db has it: the roots with
 * what asking for them takes, and the state that the answers so far lead to.
 * For the edge, which goes on with it, and for the command, which shows it.
 */
#include "store/probe.h"
#include "tls/probe.h"

struct probe_plan_root {
	struct tls_probe_root root;  /* points into bytes                    */
	struct str genuine;
	char label[TRUST_TEXT_MAX];
	char sha256[65];
	char *bytes;
};

struct probe_plan {
	struct trust_probe plan;
	struct trust_probe_root *ask;   /* plan.nroots of each               */
	struct probe_plan_root *root;
	int64_t no;                     /* of the last answer                */
};

/*
 * All of the run that row is the head of.  0; E_PARSE: it cannot be read;
 * E_STORE, -ENOMEM.  Whatever it returns, probe_plan_fini must follow.
 */
MUSTCHECK int probe_plan_load(struct probe_plan *out, struct probe_store *s,
    const struct store_probe *row);
void probe_plan_fini(struct probe_plan *p);

/*
 * What root i of the run has come to, as a row; words are put into text and
 * borrowed from it.  False: it was not asked.
 */
bool probe_plan_holding(struct store_probe_holding *out,
    const struct probe_plan *p, unsigned i, struct buf *text);

#endif
