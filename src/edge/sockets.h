/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_SOCKETS_H
#define EDGE_SOCKETS_H
/*
 * edge/sockets - the addresses of a configuration as bound sockets.
 *
 * Every worker gets sockets of its own on every address.  Main thread only.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "edge/worker.h"

#define SOCKETS_MAX 64 /* addresses times transports */

/* Transports and addresses the edge listens on; fd is unused here. */
struct sockets {
	struct worker_socket v[SOCKETS_MAX];
	struct addr asked[SOCKETS_MAX]; /* v[i].addr as configured: port 0 */
	size_t n;
};

/* What the configuration asks for: sip as UDP and TCP, tls as TLS. */
MUSTCHECK int sockets_wanted(struct sockets *out, const struct conf *conf,
    struct buf *why);

/* Those of a that are not in b, by what was configured. */
void sockets_minus(struct sockets *out, const struct sockets *a,
    const struct sockets *b);
/* Append those of more; it is known that there is room. */
void sockets_add(struct sockets *to, const struct sockets *more);

/*
 * Does another program listen on one of s?  To bind would not tell
 * (SO_REUSEPORT).  ours: open now; a port of theirs is not looked at.
 * -EADDRINUSE, and why names the address.
 */
MUSTCHECK int sockets_check(const struct sockets *s,
    const struct sockets *ours, struct buf *why);

/*
 * Bind each of s once; fd[i] gets the descriptor.  A port 0 is replaced in s by
 * the one the system gave, so that the next worker binds the same; TCP and UDP
 * of one address get the same.  On failure nothing stays open and why names
 * the address.
 */
MUSTCHECK int sockets_bind(struct sockets *s, int fd[SOCKETS_MAX],
    struct buf *why);

/* "192.0.2.1:5060,[2001:db8::1]:5060" of one transport. */
void sockets_print(struct buf *out, const struct sockets *s,
    enum flow_transport transport);

#endif
