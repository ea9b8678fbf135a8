/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_REFUSAL_H
#define EDGE_REFUSAL_H
/*
 * edge/refusal - evidence in, at most one line out.
 *
 * Judges the evidence of a handshake that brought no SIP message and logs the
 * verdict as "tls-refused ...".  The first refusal of its kind is a line at
 * once; equal ones (same address, chain, cause, ClientHello) inside the window
 * are counted, and the count is in the next line or, at the window's end, in a
 * line of its own.  Nothing is dropped; memory is bounded: when the table is
 * full the oldest entry is written out first.  Shared by the workers.
 *
 * Also remembers the User-Agent last seen at an address (in a table of fixed
 * size), so that a refused handshake, which has none, can name the device.
 */
#include "base/addr.h"
#include "base/compiler.h"
#include "base/str.h"
#include "trust/evidence.h"

struct refusals;

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

/* e gets its device filled in. */
void refusals_add(struct refusals *r, struct trust_evidence *e,
    uint32_t window_s, uint64_t now_ms);

/* Main thread, once a second: lines for windows that are over; all: now. */
void refusals_flush(struct refusals *r, uint32_t window_s, uint64_t now_ms,
    bool all);

/* The User-Agent last seen at this address; false: none. */
bool refusals_device(struct refusals *r, const struct addr *peer, char *out,
    size_t size);

void refusals_saw_device(struct refusals *r, const struct addr *peer,
    struct str user_agent);

#endif
