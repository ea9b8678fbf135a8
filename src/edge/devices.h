/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_DEVICES_H
#define EDGE_DEVICES_H
/*
 * edge/devices - every device that came, what it did with our chains, and so
 * which chain it is presented next (design 4).
 *
 * A device is known by its address and the fingerprint of its ClientHello
 * until it registers, then by its account and User-Agent as well: a phone that
 * comes back from another address takes its history along when it registers.
 * Devices that never registered are kept in a cache of fixed size, the least
 * recently seen is forgotten; registered ones are kept in the store by a
 * writer thread of its own, in groups, what matters within seconds and mere
 * counts at leisure.  Shared by the workers; locks by shard, none across I/O.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/conf.h"
#include "edge/flow.h"
#include "tls/ctx.h"
#include "trust/choose.h"
#include "trust/verdict.h"

struct devices;

/* Who is at the other end of a connection, as far as a handshake tells. */
struct device_peer {
	struct addr addr;
	uint64_t fingerprint;   /* tls_hello_fingerprint, 0: none yet, or no TLS */
};

/*
 * Opens DIR/devices.db, loads all, starts the writer.  conf is referenced.  On
 * failure why has a sentence.
 */
MUSTCHECK int devices_new(struct devices **out, const char *dir,
    struct conf *conf, struct buf *why);
/* Writes what is not written yet, stops the writer. */
void devices_free(struct devices *d);
/* Reload: pins, old_tls, refusal_memory.  Thread-safe. */
void devices_set_conf(struct devices *d, struct conf *conf);

/*
 * Inside the ClientHello callback: which chain of ctx, and whether old
 * protocol versions are allowed.  No allocation.
 */
void devices_choose(struct devices *d, const struct device_peer *p,
    const struct tls_hello *h, const struct tls_ctx *ctx,
    struct tls_choice *out);

/* The first SIP message came over a TLS connection: its chain is accepted. */
struct device_handshake {
	const struct trust_chain *chain; /* NULL: resumed, nothing presented */
	uint16_t version, cipher_suite;
	const struct tls_hello *hello;   /* NULL: not kept                   */
	int64_t now_s;
};
void devices_accepted(struct devices *d, const struct device_peer *p,
    const struct device_handshake *h);

/* A REGISTER with right credentials was answered 200. */
void devices_registered(struct devices *d, const struct device_peer *p,
    struct str account, struct str user_agent, enum flow_transport transport,
    int64_t now_s);

/*
 * A handshake ended without a SIP message: adds the device's name to e, judges
 * it with the device's history, and takes the refusal down if it was one.
 */
void devices_judge(struct devices *d, struct trust_evidence *e,
    uint64_t fingerprint, struct trust_verdict *v);

/* The device at this address has fetched the file of this root completely. */
void devices_fetched(struct devices *d, const struct addr *peer,
    struct str root, int64_t now_s);

#endif
