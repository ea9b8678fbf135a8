/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_UPSTREAM_INT_H
#define EDGE_UPSTREAM_INT_H
/*
 * edge/upstream_int - what upstream.c (addresses, order), upstream_ping.c
 * (health), upstream_route.c (requests on) and upstream_account.c (who has
 * registered) share.
 *
 * The main thread writes, under the lock; workers read under it.  A server's
 * ping is the main thread's alone.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "edge/upstream.h"
#include "edge/upstream_tls.h"
#include "edge/worker.h"
#include "net/dns.h"

#define UPSTREAM_SERVERS_MAX 8  /* of one upstream                           */
#define UPSTREAM_NAME_MAX    65
#define UPSTREAM_TARGETS_MAX 4  /* that one request is tried at              */

struct upstream;

enum server_health {
	SERVER_UNKNOWN, /* nothing has come back yet: taken for alive */
	SERVER_UP,
	SERVER_DOWN,
};

struct server {
	struct upstream *upstream;
	uint64_t id;               /* upstream's name above, address below */
	struct addr addr;
	enum flow_transport transport;
	struct addr from;          /* the address we send from, port 0     */
	enum server_health health;
	unsigned misses;           /* in a row                             */
	int64_t since_s;
	int64_t failed_s;          /* upstream_failed's last line          */
	int64_t asked_s, rtt_us;   /* main thread: the last ping, or 0, -1 */
	struct upstream_fault why; /* likewise: why that was a miss        */
	struct ping *ping;
};

struct upstream {
	struct upstreams *all;
	char name[UPSTREAM_NAME_MAX];
	struct conf_upstream *conf; /* of all->conf                        */
	uint32_t hash;              /* of the name, the same in every run  */
	struct upstream_tls *tls;   /* NULL: it is not reached over TLS    */
	struct server *server[UPSTREAM_SERVERS_MAX];
	size_t nserver;
	struct event *again;        /* to be resolved                      */
	bool asked;                 /* the resolver works on it            */
	bool unresolved;            /* which the log has said              */
};

struct account;

struct upstreams {
	pthread_rwlock_t lock;
	struct conf *conf;
	struct loop *loop;
	struct dns *dns;
	const struct worker_shared *shared;
	struct upstream *v[CONF_UPSTREAMS_MAX];
	size_t n;
	struct upstream_tls *next[CONF_UPSTREAMS_MAX]; /* prepared         */

	struct event *note;         /* DATA/upstreams, when something is new */
	bool news, note_failed;

	struct loop_letter poke;    /* from a worker: look at them now     */
	atomic_bool poked;

	pthread_mutex_t accounts_lock;
	struct hash_table accounts; /* by address-of-record                */
	struct event *sweep;
};

/* ---- upstream.c ---- */

/* What a worker needs of a server; a copy. */
struct server_pick {
	uint64_t id;
	struct addr addr, from;
	enum flow_transport transport;
	struct upstream_tls *tls;  /* TLS: a reference                     */
	bool contact;              /* register = "contact"                 */
};

/* In the order to try; only: as upstream_route's.  Whoever picks gives the
 * references of tls back. */
size_t upstreams_pick(const struct upstreams *u, uint64_t only,
    struct server_pick out[UPSTREAM_TARGETS_MAX]);
/* The name of the upstream with this id; false: it is gone. */
bool upstreams_name(const struct upstreams *u, uint64_t id,
    char out[UPSTREAM_NAME_MAX]);

/* ---- upstream_say.c ---- */

/* From now on DATA/upstreams is kept up to date.  0, -ENOMEM. */
MUSTCHECK int upstreams_note_begin(struct upstreams *u);
/* There are none. */
void upstreams_note_none(const struct conf *conf);

/* What the log calls a server; a copy. */
struct server_label {
	char name[UPSTREAM_NAME_MAX];
	struct addr addr;
	enum flow_transport transport;
};
void server_label(const struct server *s, struct server_label *out);
/* upstream-up, -down and so on; f may be NULL.  Not under the lock. */
void server_say(const struct server_label *s, const char *event,
    const struct upstream_fault *f);

/* ---- upstream_ping.c, main thread ---- */

/* Begin with OPTIONS to it, at once.  0 or -ENOMEM. */
MUSTCHECK int server_watch(struct server *s);
void server_unwatch(struct server *s);
/* Now instead of later, when none is under way; down: one that is known not to
 * live too. */
void server_look(struct server *s, bool down);
/* The address that the system would send from; not set: it cannot. */
struct addr server_source(const struct server *s);

/* ---- upstream_account.c ---- */

MUSTCHECK int accounts_init(struct upstreams *u);
void accounts_fini(struct upstreams *u);
size_t accounts_count(struct upstreams *u);

#endif
