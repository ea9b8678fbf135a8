/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_UPSTREAM_H
#define EDGE_UPSTREAM_H
/*
 * edge/upstream - the PBXs behind us: their addresses (RFC 3263), whether each
 * is alive (OPTIONS), which one is next; REGISTER towards them with Path (RFC
 * 3327) or a rewritten Contact, and what their answers teach.
 *
 * One struct upstreams serves all workers.  The addresses and health are
 * written by the main thread (resolver and pings run in its loop), read by the
 * workers under one short lock; a flow to an upstream is the asking worker's
 * own: a UDP socket of ours, or a connection that is opened when needed and
 * kept (edge/conn_out).
 */
#include "base/conf.h"
#include "edge/route.h"
#include "net/loop.h"
#include "sip/forward.h"

struct devices;
struct upstream_fault;
struct upstreams;
struct worker_shared;

/* As many as conf has; none: *out is NULL and that is no error.  loop is the
 * main thread's; shared has the tokens, and the workers once the loop runs.  0,
 * -ENOMEM, or E_CONFIG with why. */
MUSTCHECK int upstreams_new(struct upstreams **out, struct conf *conf,
    struct loop *loop, const struct worker_shared *shared, struct buf *why);
void upstreams_free(struct upstreams *u);
/*
 * Reload, main thread.  First the files that conf's upstreams name are read and
 * kept for what follows; keep: those that cannot be read stay as they are in
 * force, which the log says.  0; else a sentence in why, and nothing is kept.
 * Then all of it is put in force, what stays keeps its health (0, or -ENOMEM:
 * all is as it was), or dropped.  u NULL: nothing.
 */
MUSTCHECK int upstreams_prepare(struct upstreams *u, const struct conf *conf,
    bool keep, struct buf *why);
MUSTCHECK int upstreams_set_conf(struct upstreams *u, struct conf *conf);
void upstreams_discard(struct upstreams *u);

/*
 * Does this peer speak as one of them (then no 407, no device, and what carries
 * no token of ours leads nowhere: 404)?  On loopback, where phones may live as
 * well, only with the port that we send to.  0: no.  Thread-safe.
 */
uint64_t upstreams_at(const struct upstreams *u, const struct addr *peer);
/* Is it the host of one, whatever the port?  What opens a dialog with a token
 * for a phone's flow must come from there. */
bool upstreams_host(const struct upstreams *u, const struct addr *peer);

/*
 * Targets for what goes to a PBX: the healthy ones in order (one_by_one), or
 * this one alone (only: as route_target.upstream had it, for what is inside a
 * dialog: that server, and the others of the same upstream after it; 0: any).
 * None alive: status 503 with retry_after.
 */
void upstream_route(struct route *out, const struct route_view *v,
    const struct flow *from, const struct sip_msg *m, uint64_t only);

/* A target answered, or did not (transport failure, Timer B or F): health. */
void upstream_heard(struct upstreams *u, uint64_t upstream, int status);
/* A worker's connection came to nothing: the log says so where no OPTIONS are
 * sent, which say it else. */
void upstream_failed(struct upstreams *u, uint64_t upstream,
    const struct upstream_fault *f);

/*
 * The upstream's response to a REGISTER that upstream_route sent on: what to
 * change in it (Contact put back), and, for a 200, the account is learned: the
 * flow is kept, the device gets its name.  from: the phone's flow, on its
 * worker.  text: memory for change->fields.
 */
void upstream_registered(struct upstreams *u, uint64_t upstream,
    const struct route_view *v, const struct flow *from,
    const struct sip_msg *request, const struct sip_msg *response,
    struct devices *devices, struct sip_forward_change *change,
    struct buf *text);

#endif
