/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_LOCATION_H
#define EDGE_LOCATION_H
/*
 * edge/location - the location service: address-of-record to bindings.
 *
 * Reads and pure refreshes happen on the caller's thread under a shard lock.
 * Every change that must survive goes to one writer thread, which applies it
 * (RFC 3261 10.3 steps 6 and 7, RFC 5626 6), commits it to the store together
 * with its neighbours (group commit: at most 20 ms or 500 changes), publishes
 * it and only then reports back: a 200 follows the commit.  If the commit
 * fails, nothing of the group is visible and every one of them is told so.
 *
 * The store may hold an expiry later than the one granted, by at most the
 * configured store_slack: a refresh inside the slack changes memory only, and
 * after a restart the binding is there.  A binding whose flow has closed is
 * gone from memory at once; its row is deleted some seconds later unless the
 * phone comes back with the same binding before.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/str.h"
#include "edge/flow.h"
#include "store/store.h"

struct location;
struct users;

/* One Contact of a REGISTER, as asked for; slices owned by the op's memory. */
struct location_contact {
	struct str uri;          /* addr-spec, exactly as received            */
	struct str params;       /* header parameters to echo (q, +sip.instance,
	                            unknown ones), without expires; may be "" */
	struct str instance_id;  /* +sip.instance without quotes, or absent   */
	uint32_t reg_id;         /* 0: none                                   */
	uint32_t expires_s;      /* already cut to the limits; 0: remove      */
};

enum location_status {
	LOCATION_OK,
	LOCATION_OUT_OF_ORDER, /* same Call-ID, CSeq not higher: 500 (10.3 7) */
	LOCATION_TOO_MANY,     /* over contacts_max: 403; those of connections
	                          of an earlier run make room before          */
	LOCATION_STORE_FAILED, /* 500 with Retry-After                        */
	LOCATION_BUSY,         /* the writer's queue is full: 503             */
};

/*
 * A change asked of the location service.  Built by the registrar in one heap
 * block that it owns and gets back through done(); everything the slices
 * point to must live until then.
 */
struct location_op {
	/* next, entry and flow_gone are location's own. */
	struct location_op *next;
	struct location_aor *entry;
	bool flow_gone;
	struct str aor;           /* canonical: user@domain                   */
	struct str call_id;
	uint32_t cseq;
	bool remove_all;          /* Contact: *                               */
	const struct location_contact *contact;
	size_t ncontact;
	struct str path;          /* Path vector as received, comma separated */
	struct str user_agent;
	struct flow flow;         /* source address, transport, connection    */
	int64_t now_s;

	/* Result: written before done() is called. */
	enum location_status status;
	unsigned added, removed;  /* bindings that are new, that are gone     */
	struct buf *contacts;     /* when not NULL: location_print of the new
	                             state, taken at the moment of the commit */

	/* Called on the writer thread; typically posts to the flow's loop. */
	void (*done)(struct location_op *op);
};

/*
 * store is borrowed and from now on used by the writer thread alone; every
 * binding in it is loaded before this returns (an error there is returned and
 * said in the log).  Starts the writer thread, which also reloads users
 * (borrowed, already loaded once) within a second of another process having
 * written to the store.
 */
MUSTCHECK int location_new(struct location **out, struct conf *conf,
    struct store *store, struct users *users);

/* Reload: take a new snapshot of the settings.  Thread-safe. */
void location_set_conf(struct location *l, struct conf *conf);

/*
 * Commits what is queued and stops the writer: from here on a change is
 * answered LOCATION_BUSY, and reading goes on.  For an end in which the last
 * answers are still under way to their flows.
 */
void location_stop(struct location *l);
/* The same and the end of it, when nobody uses it any more.  Bindings stay in
 * the store.  NULL does nothing, to both. */
void location_free(struct location *l);

/*
 * Try to do op in place, on the caller's thread, without the store: true when
 * it is a pure refresh inside the slack (exactly the binding asked for is
 * there, same Call-ID with a higher CSeq, nothing but time and flow changes,
 * no change of this AOR is under way, and the store is where it was opened).
 * Then op->status is set, the bindings are printed into contacts, and done is
 * not called.
 */
bool location_refresh(struct location *l, struct location_op *op,
    struct buf *contacts);

/* Hand op over; done() is called exactly once, also on failure. */
void location_submit(struct location *l, struct location_op *op);

/*
 * Current bindings of an AOR as Contact header lines of a 200 ("Contact:
 * <uri>;params;expires=N\r\n" each).  Expired ones are left out.  Returns the
 * number printed.
 */
size_t location_print(struct location *l, struct str aor, int64_t now_s,
    struct buf *out);

/* Where requests for one binding go. */
struct location_target {
	struct str uri;      /* its contact                                  */
	struct str path;     /* as stored, or ""                             */
	uint16_t q;          /* 0 to 1000                                    */
	bool natted;         /* uri is not the address it was registered from */
	struct flow flow;    /* worker NULL: by id, or any for UDP; local not
	                        set: it was registered in an earlier run     */
};

/*
 * The live bindings of an AOR, those with the highest q first, at most max of
 * them; their texts are copied into text, what does not fit there is left out.
 */
size_t location_lookup(struct location *l, struct str aor, int64_t now_s,
    struct location_target *out, size_t max, struct buf *text);

/*
 * All live bindings of one of LOCATION_PARTS parts.  fn is called with the
 * texts as they are there, under a short lock: it keeps no slice and calls
 * nothing of location's.
 */
#define LOCATION_PARTS 64
void location_walk(struct location *l, unsigned part, int64_t now_s,
    void (*fn)(const struct location_target *t, struct str user_agent,
    void *arg), void *arg);

/* A connection has closed: its bindings under this AOR end (RFC 5626 7). */
void location_flow_closed(struct location *l, struct str aor, uint64_t flow_id);

/* Number of bindings now; approximate while changes are under way. */
size_t location_count(const struct location *l);

#endif
