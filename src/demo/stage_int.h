/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_STAGE_INT_H
#define DEMO_STAGE_INT_H
/* demo/stage_int - what the story is played on: a folder, an edge, a phone. */
#include "demo/child.h"
#include "demo/demo.h"

#define STAGE_WAIT_MS 25000  /* generous: a busy machine, sanitizers */
#define STAGE_DOMAIN  "pbx.demo"

/* The chains that the edge presents; one at a time, as the old PBX did. */
enum stage_chain { STAGE_PUBLIC, STAGE_BOUGHT, STAGE_OWN };

struct stage_cast {
	const char *as, *from, *user; /* profile, its address, its account */
	const char *roots;            /* file in the folder                */
};

struct stage {
	const struct demo_params *p;
	unsigned step;
	char folder[200];
	char path[256];             /* scratch of stage_path             */
	unsigned sip, tls, http;    /* ports */
	struct child edge, phone, caller;
	char edge_line[2048];       /* the last one that was waited for  */
	char event[32];             /* the phone's last outcome          */
	char event_line[4096];      /* JSON of it                        */
	char broken[512];           /* what was there instead of a claim */
	struct buf *why;
};

/* Folder, chains, accounts, edge.  0 or an error with a sentence in why. */
MUSTCHECK int stage_set(struct stage *s);
/* Ends what runs, removes the folder unless it is to be kept. */
void stage_strike(struct stage *s);

/* A signal asked us to stop: everything waited for fails from now on. */
bool stage_interrupted(void);

/* PATH in the folder; valid until the next call. */
const char *stage_path(struct stage *s, const char *name);

/* The edge reloads with this chain alone. */
bool stage_present(struct stage *s, enum stage_chain chain);

/* Switch a phone on; transport "tls" or "udp"; ca a path on the edge's HTTP
 * server or NULL.  The one before is switched off. */
bool stage_phone(struct stage *s, const struct stage_cast *who,
    const char *transport, const char *ca);
void stage_phone_off(struct stage *s); /* and the caller */

/* Another phone calls this URI, talks for a second, hangs up and ends. */
bool stage_call(struct stage *s, const struct stage_cast *who,
    const char *transport, const char *uri);
/* As stage_phone_reports. */
bool stage_caller_reports(struct stage *s, const char *event,
    const char *const *facts);

/*
 * Wait for the phone's next outcome: registered, refused, failed.  True: it is
 * this event, and each "key", "value" pair of facts (NULL ends; NULL: none) is
 * in it.  Its screen is relayed meanwhile.
 */
bool stage_phone_does(struct stage *s, const char *event,
    const char *const *facts);
/* Wait for an event that is no outcome. */
bool stage_phone_reports(struct stage *s, const char *event,
    const char *const *facts);

/* Wait for a line of the edge's that holds all of these words (NULL ends). */
bool stage_edge_says(struct stage *s, const char *const *words);

/* The same among the lines since mark (edge.mark of then) too: for two lines
 * that come in either order. */
bool stage_edge_also(struct stage *s, size_t mark, const char *const *words);

/* Tell; text is one line. */
void stage_say(struct stage *s, enum demo_say what, const char *text);

#endif
