/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_WATCH_H
#define DIAG_WATCH_H
/*
 * diag/watch - a capture in, verdicts on its TLS handshakes out.
 *
 * Frames to segments to streams to evidence (capture/), and that to the same
 * judge as the edge's (trust/).  Prints nothing; one thread; memory bounded by
 * the constants of capture/tcp.h and capture/decap.h.
 */
#include "capture/session.h"
#include "capture/source.h"
#include "diag/clients.h"
#include "trust/verdict.h"

#define WATCH_UNSEEN_MAX 256

/*
 * A handshake and its verdict; or, where repeat is not 0, so many refusals like
 * this one that were not told; or, with accepted, an earlier refusal of e's
 * chain that is judged again now that its client has accepted another.
 */
struct watch_found {
	const struct trust_evidence *e;
	const struct trust_verdict *v;
	enum session_outcome outcome;
	uint32_t repeat;
	const struct trust_evidence *accepted;
	char unseen[WATCH_UNSEEN_MAX]; /* what this capture cannot show, "" */
};

/* found and what it points to are borrowed for the call. */
typedef void(watch_fn)(const struct watch_found *found, void *arg);

struct watch_counts {
	uint64_t frames, bytes;
	uint64_t other;         /* frames without TCP                       */
	uint64_t broken;        /* that could not be read                   */
	uint64_t refused, accepted, unknown;
};

struct watch {
	struct decap decap;
	struct sessions sessions;
	struct x509_roots *roots;
	struct watch_counts counts;
	struct clients clients;
	bool each;              /* tell each refusal, equal ones too        */
	uint64_t now_us;
	uint64_t flushed_us;
	watch_fn *fn;
	void *arg;
};

/*
 * Of a source with this link type; TLS is expected at port 5061.  0; E_CONFIG:
 * a link type that is not read; -ENOMEM.
 */
MUSTCHECK int watch_init(struct watch *w, int link_type, watch_fn *fn,
    void *arg);
void watch_fini(struct watch *w);

/* TLS is expected at this port too.  False: too many. */
bool watch_add_port(struct watch *w, uint16_t port);

void watch_frame(struct watch *w, const struct frame *f);

/* Live, when no frame comes: now_us is the time. */
void watch_idle(struct watch *w, uint64_t now_us);

/* No more frames come: what is still open is told. */
void watch_end(struct watch *w);

#endif
