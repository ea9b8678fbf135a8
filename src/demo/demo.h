/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H
/*
 * demo/demo - the story that this program comes from, replayed on loopback: an
 * edge and simulated phones as children of this process, in a temporary
 * folder.  Each step makes a claim and checks it by what the edge logs and
 * what the phone reports; nothing is printed here.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum demo_say {
	DEMO_STEP,     /* a step begins: its title              */
	DEMO_WORDS,    /* what happens, for a newcomer          */
	DEMO_PBX,      /* a line of the old PBX's log           */
	DEMO_EDGE,     /* a line of our edge's log              */
	DEMO_PHONE,    /* what the phone's screen shows         */
	DEMO_CALLER,   /* and that of the phone which calls it  */
	DEMO_PROVED,   /* the step's claim, which holds         */
	DEMO_BROKEN,   /* the step's claim, and what was there  */
};

struct demo_params {
	bool keep;     /* the folder stays                      */
	void (*say)(enum demo_say what, unsigned step, const char *text,
	    void *arg);
	void *arg;
};

struct demo_result {
	unsigned steps, held;
	char folder[256];  /* with keep */
};

/* Nobody listens any more: all that is waited for fails from now on. */
void demo_stop(void);

/*
 * 0: it was run, out says how many claims held; an error with a sentence in
 * why: it could not be run, or was stopped.
 */
MUSTCHECK int demo_run(struct demo_result *out, const struct demo_params *p,
    struct buf *why);

#endif
