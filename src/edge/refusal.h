/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_REFUSAL_H
#define EDGE_REFUSAL_H
/*
 * edge/refusal - a verdict in, at most one line out.
 *
 * Logs the verdict on a handshake that brought no SIP message as "tls-refused
 * ...".  The first refusal of its kind is a line at
 * once; equal ones (same address, chain, cause, ClientHello) inside the window
 * are counted, and the count is in the next line or, at the window's end, in a
 * line of its own.  Nothing is dropped; memory is bounded: when the table is
 * full the oldest entry is written out first.  Shared by the workers.
 */
#include "base/addr.h"
#include "base/compiler.h"
#include "base/str.h"
#include "trust/verdict.h"

struct refusals;
struct profiles;

/* ca_file: where our CA's certificate lies, for the remedy; NULL: unknown. */
MUSTCHECK int refusals_new(struct refusals **out, const char *ca_file);
void refusals_free(struct refusals *r);

/*
 * Where a phone gets the CA files, for the remedy: fn writes "" for what is
 * not served.  Before the workers start.
 */
typedef void(refusal_places_fn)(void *arg, const struct addr *local,
    const char *root, char *ca_url, char *root_url);
#define REFUSAL_URL_MAX 320
void refusals_set_places(struct refusals *r, refusal_places_fn *fn, void *arg);

/* How a phone takes the files, for the remedy; borrowed.  As above. */
void refusals_set_profiles(struct refusals *r, struct profiles *p);

/* Nothing is done when v says that nothing was refused. */
void refusals_add(struct refusals *r, const struct trust_evidence *e,
    const struct trust_verdict *v, uint32_t window_s, uint64_t now_ms);

/* The remedy with the places of the files in it; arg: the struct refusals. */
void refusals_remedy(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, void *arg);

/* Main thread, once a second: lines for windows that are over; all: now. */
void refusals_flush(struct refusals *r, uint32_t window_s, uint64_t now_ms,
    bool all);

#endif
