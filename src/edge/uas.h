/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_UAS_H
#define EDGE_UAS_H
/*
 * edge/uas - what the edge answers to a SIP request (RFC 3261 8.2).
 *
 * Validates a parsed message, dispatches it by method, and writes the answer:
 * REGISTER to the registrar, OPTIONS here, the rest a correct refusal.
 * Stateless but for what the registrar keeps.  One struct uas serves all
 * workers; uas_handle is thread-safe.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "edge/flow.h"
#include "sip/msg.h"

struct uas;
struct location;
struct users;

/* conf is referenced; location and users are borrowed until uas_free. */
MUSTCHECK int uas_new(struct uas **out, struct conf *conf,
    struct location *location, struct users *users);
void uas_free(struct uas *u);

/* Whom to tell who has registered; borrowed.  Before the workers start. */
struct devices;
void uas_set_devices(struct uas *u, struct devices *devices);

/* Reload: take a new snapshot.  Main thread; workers see it from then on. */
void uas_set_conf(struct uas *u, struct conf *conf);

enum uas_result {
	UAS_REPLY, /* out holds the response: send it over the flow */
	UAS_LATER, /* the answer follows by flow_send, on the flow's worker */
	UAS_NONE,  /* nothing to send (a response, an ACK)                  */
};

/*
 * One message that sip_msg_parse returned (also with an error: then the
 * answer is a 400 where one can be made).  m borrows the datagram or stream
 * buffer during the call only.
 */
enum uas_result uas_handle(struct uas *u, const struct flow *flow,
    const struct sip_msg *m, struct buf *out);

/* Overload (design 8): a 503 with Retry-After for this request. */
enum uas_result uas_busy(struct uas *u, const struct flow *flow,
    const struct sip_msg *m, struct buf *out);

#endif
