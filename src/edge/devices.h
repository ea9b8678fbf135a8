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
#include "edge/profiles.h"
#include "tls/ctx.h"
#include "trust/choose.h"
#include "trust/verdict.h"

struct devices;
struct heard;

/* Who is at the other end of a connection, as far as a handshake tells. */
struct device_peer {
	struct addr addr;
	uint64_t fingerprint;   /* tls_hello_fingerprint; 0: none, or no TLS */
};

/*
 * Opens DIR/devices.db, loads all, starts the writer.  A broken file is renamed
 * to devices.db.broken, said in the log, and a new one begun.  conf is
 * referenced.  On failure why has a sentence.
 */
MUSTCHECK int devices_new(struct devices **out, const char *dir,
    struct conf *conf, struct buf *why);
/* Writes what is not written yet, stops the writer. */
void devices_free(struct devices *d);
/*
 * Reload: pins, old_tls, refusal_memory, and the chains that will be presented.
 * Main thread; also once before the workers start.  conf is referenced.
 */
void devices_set_conf(struct devices *d, struct conf *conf,
    const struct tls_ctx *ctx);

/*
 * Who puts a verdict's remedy into words: it is stored with the verdict.
 * Before the workers start; without one it is trust_remedy's with nothing
 * known of where the files lie.  Called on any worker.
 */
typedef void(devices_remedy_fn)(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, void *arg);
void devices_set_remedy(struct devices *d, devices_remedy_fn *fn, void *arg);

/* For selectors by profile; borrowed.  Before the workers start. */
void devices_set_profiles(struct devices *d, struct profiles *p);

/*
 * Inside the ClientHello callback: which chain of ctx, and whether old
 * protocol versions are allowed.  No allocation.
 */
void devices_choose(struct devices *d, const struct device_peer *p,
    const struct tls_hello *h, const struct tls_ctx *ctx,
    struct tls_choice *out);

/* How many devices are known at this address with this fingerprint. */
size_t devices_count_at(struct devices *d, const struct addr *peer,
    uint64_t fingerprint);

/* The first SIP message came over a TLS connection: its chain is accepted. */
struct device_handshake {
	const struct trust_chain *chain; /* NULL: resumed, nothing presented */
	uint16_t version, cipher_suite;
	const struct tls_hello *hello;   /* NULL: not kept                   */
	int64_t now_s;
};
void devices_accepted(struct devices *d, const struct device_peer *p,
    const struct device_handshake *h);

/*
 * A User-Agent was seen at an address, registered or not: a refused handshake,
 * which brings none, can name the device.  In a table of fixed size.
 */
void devices_saw(struct devices *d, const struct addr *peer,
    struct str user_agent);
/* The User-Agent last seen at this address; false: none. */
bool devices_agent(struct devices *d, const struct addr *peer, char *out,
    size_t size);

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

/*
 * Devices were asked for roots (siptrust roots probe): what they said, as their
 * file has it, counts for the choice from now on.  Main thread.
 */
void devices_asked(struct devices *d);

/*
 * What the devices said in their own logs: evidence for their refusals, and
 * written with them.  Owned; never NULL.
 */
struct heard *devices_heard(struct devices *d);

/* Is a device known at this address?  Its User-Agent, or "". */
bool devices_at(struct devices *d, const struct addr *peer, char *agent,
    size_t size);

/*
 * A device at this address said this of our certificate: if it refused a chain
 * a moment ago, that is judged again.  True: the verdict is another now, *v.
 */
bool devices_said(struct devices *d, const struct addr *peer, uint32_t faults,
    struct str text, int64_t now_s, struct trust_verdict *v);

/* How many are known: registered ones, and those in the cache. */
void devices_count(struct devices *d, size_t *registered, size_t *cached);
/* Tests, and before a command reads the file: write all that is due, now. */
void devices_sync(struct devices *d);

#endif
