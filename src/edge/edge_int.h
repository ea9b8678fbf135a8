/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_EDGE_INT_H
#define EDGE_EDGE_INT_H
/*
 * edge/edge_int - what edge.c, hello.c, reload.c and renew.c share.
 */
#include <sys/types.h>

#include "ca/authority.h"
#include "edge/edge.h"
#include "edge/sockets.h"
#include "edge/worker.h"
#include "net/loop.h"
#include "tls/ctx.h"

#define EDGE_WORKERS_MAX 256

#define EDGE_CHAINS_TEXT 2560 /* bytes for the names of all chains */

struct edge {
	const struct edge_params *params;
	struct conf *conf;
	struct tls_ctx *tls;
	struct ca_files ca;           /* of our own CA; empty when not in use */
	uint8_t secret[32];
	int lock_fd;

	struct store *store;
	struct users *users;
	struct location *location;
	struct profiles *profiles;
	struct syslogd *syslogd;
	struct worker_shared shared;
	struct sockets sockets;       /* open now                             */
	struct worker *worker[EDGE_WORKERS_MAX];
	unsigned nworkers;

	struct loop *loop;            /* the main thread's                    */
	struct event *on_int, *on_term, *on_hup, *tick;
	uint64_t looked;              /* the files of the chains last made    */
	uint64_t loaded;              /* ... of those now in use              */
	uint64_t last;                /* as of the last look                  */
	struct {
		pid_t pid;            /* of siptrust ca renew, 0: none        */
		int out;              /* what it says                         */
		uint64_t next_ms;     /* not again before                     */
	} renewal;
	bool expiry_said;
	int64_t expiry_looked_s;
};

/* edge.c */
/* With the chains that conf presents: configured ones, our own CA's. */
/*
 * keep: one that cannot be loaded stays as it is in force, which the log says.
 * What can work but not everywhere is in the log as well.
 */
MUSTCHECK int edge_make_tls(struct edge *e, const struct conf *conf, bool keep,
    struct tls_ctx **out, struct buf *why);
/* "public,private"; returns out. */
const char *edge_chain_names(const struct tls_ctx *tls, char *out,
    size_t size);
/* Is the chain of our own CA among those that conf presents? */
bool edge_uses_own_chain(const struct conf *conf);
/* Sockets s for every worker, fds worker by worker; on failure none. */
MUSTCHECK int edge_bind_all(struct edge *e, struct sockets *s,
    int (*fd)[SOCKETS_MAX], struct buf *why);

/* Syslog and, when there is one, the guest: at the start and at a reload. */
MUSTCHECK int edge_guest_prepare(struct edge *e, struct conf *conf,
    struct buf *why);
void edge_guest_end(struct edge *e, bool right);

void edge_set_log_level(const struct conf *conf);

/* hello.c: on the standard output, and the log's edge-ready. */
void edge_say_hello(const struct edge *e);

/* reload.c */
void edge_reload(struct edge *e);
void edge_watch_files(struct edge *e);   /* once a second */
/* Before the files of conf's chains are read: what is changed meanwhile is
 * another look's. */
void edge_watch_look(struct edge *e, const struct conf *conf);
/* What was read after that look is in force. */
void edge_watch_begin(struct edge *e);
/* The files of all chains again, with the settings that are in force. */
void edge_reload_chains(struct edge *e);

/* renew.c: once a second, and at the end. */
void edge_renew(struct edge *e);
void edge_renew_end(struct edge *e);

#endif
