/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_SOCK_H
#define NET_SOCK_H
/*
 * net/sock - sockets: bind, listen, accept, options.  Every descriptor is
 * non-blocking and close-on-exec.  The only module that calls socket(2).
 */
#include <stdbool.h>

#include "base/addr.h"
#include "base/buf.h"

/* TCP listener with SO_REUSEPORT; its connections have keepalives, no delay.
 *  >= 0: the descriptor; else -errno. */
MUSTCHECK int sock_listen(const struct addr *local, int backlog);

/* UDP socket with SO_REUSEPORT; with IP_PKTINFO when local is a wildcard. */
MUSTCHECK int sock_udp(const struct addr *local);

/*
 * Does another socket, of whatever process, hold this address and port?  With
 * SO_REUSEPORT a second program of the same user is let in, and each gets a
 * part of what comes.
 */
bool sock_is_taken(const struct addr *local, bool udp);

/* Why sock_listen or sock_udp failed, in words; what: "SIP server". */
void sock_bind_why(struct buf *why, int err, const char *what);

/*
 * Accept one; -EAGAIN when there is none.  bound: what the listener is bound
 * to; peer and local are written.
 */
MUSTCHECK int sock_accept(int listener, const struct addr *bound,
    struct addr *peer, struct addr *local);

/*
 * A socket on its way to peer: TCP (it is connected when it becomes writable:
 * then ask sock_error), or UDP that hears this peer alone.  local: where it
 * comes from; NULL or not set: as the system has it.  Or -errno.
 */
MUSTCHECK int sock_connect(const struct addr *peer, const struct addr *local,
    bool udp);

/* The error that waits on a descriptor, as errno; 0: none. */
int sock_error(int fd);

/* The address a descriptor is bound to. */
void sock_local(int fd, struct addr *out);

/* The address of ours from which the system would send to peer; port of no
 * meaning.  0 or -errno. */
MUSTCHECK int sock_source(const struct addr *peer, struct addr *out);

/* Close with RST instead of FIN and without TIME-WAIT: for what was refused. */
void sock_reset(int fd);

#endif
