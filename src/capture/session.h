/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPTURE_SESSION_H
#define CAPTURE_SESSION_H
/*
 * capture/session - from TCP streams to evidence of TLS handshakes.
 *
 * On any port a stream that brings a ClientHello is followed, at its start or
 * after a few lines in the clear (STARTTLS, a proxy); on a TLS port also one
 * that brings SIP, HTTP or something else.  The evidence is what the edge would
 * have of the same handshake, as far as the wire shows it.
 */
#include "capture/tcp.h"
#include "trust/evidence.h"
#include "x509/path.h"

#define SESSION_PORTS_MAX 16

enum session_outcome {
	SESSION_REFUSED,    /* over before the client sent application data  */
	SESSION_ACCEPTED,   /* the client went on                            */
	SESSION_OPEN,       /* neither, when the capture ended               */
};

/* Why a stream gave no evidence, or less than it might. */
enum session_skip {
	SESSION_SKIP_NOT_TLS,     /* another protocol                        */
	SESSION_SKIP_MID_STREAM,  /* TLS, begun before the capture           */
	SESSION_SKIP_EMPTY,       /* no byte of data                         */
	SESSION_SKIP_GAP,         /* packets missing before the ClientHello  */
	SESSION_SKIP_MEMORY,
	SESSION_SKIPS
};
const char *session_skip_text(enum session_skip s);

/*
 * gaps: packets of it are missing in the capture, so what is not in e may have
 * been there.  e is borrowed for the call.
 */
typedef void(session_fn)(const struct trust_evidence *e,
    enum session_outcome outcome, bool gaps, void *arg);

struct sessions {
	struct tcp tcp;
	uint16_t port[SESSION_PORTS_MAX];   /* where TLS is expected         */
	size_t nports;
	const struct x509_roots *roots;     /* borrowed                      */
	session_fn *fn;
	void *arg;
	uint64_t handshakes;
	uint64_t skipped[SESSION_SKIPS];
};

/* roots is borrowed until sessions_fini.  0 or -ENOMEM. */
MUSTCHECK int sessions_init(struct sessions *s, const struct x509_roots *roots,
    session_fn *fn, void *arg);
void sessions_fini(struct sessions *s);

/* False: there is no room for more ports. */
bool sessions_add_port(struct sessions *s, uint16_t port);

void sessions_segment(struct sessions *s, const struct segment *seg,
    uint64_t now_us);

/* The end of the capture: what is open is told. */
void sessions_end(struct sessions *s, uint64_t now_us);

#endif
