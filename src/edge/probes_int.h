/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_PROBES_INT_H
#define EDGE_PROBES_INT_H
/*
 * edge/probes_int - what probes.c (hooks) and probes_store.c (the file) share.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "edge/probe_plan.h"
#include "edge/probes.h"

#define PROBES_RUNS    16   /* at a time                                     */
#define PROBES_UNSAID  64   /* answers not yet in the file; then it waits    */
#define PROBES_RETRY_S 5

struct probes_run {
	int64_t device, run;
	struct addr host;
	uint64_t fingerprint;
	char name[TRUST_TEXT_MAX];
	int64_t until_s, picked_s;
	struct probe_plan of;
	struct tls_probe_kit *kit;
	bool in_flight;
	struct trust_probe_question unsaid_q[PROBES_UNSAID];
	struct trust_probe_answer unsaid[PROBES_UNSAID];
	int64_t unsaid_s[PROBES_UNSAID];
	unsigned nunsaid;
	bool dirty;                     /* differs from its row              */
	bool said_end;
};

struct probes {
	char *dir;
	struct devices *devices;
	struct tls_ctx *tls;
	struct probe_store *store;      /* main thread                       */
	int64_t next_try_s;
	bool failing;
	bool told;                      /* holdings were written: main thread */

	pthread_mutex_t lock;           /* all below                         */
	atomic_uint nruns;
	struct probes_run *run[PROBES_RUNS];
};

/* probes.c, under the lock */
void probes_run_free(struct probes_run *r);
struct probes_run *probes_find(struct probes *p, int64_t device, unsigned *at);
void probes_remove(struct probes *p, unsigned at);
void probes_stop(struct probes_run *r, enum trust_probe_stop why);

/* probes_store.c, main thread */
void probes_load(struct probes *p, int64_t now_s);
/* 0, or an error: nothing is written. */
MUSTCHECK int probes_write(struct probes *p);

#endif
