/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_DGRAM_H
#define NET_DGRAM_H
/*
 * net/dgram - datagrams in batches (recvmmsg, sendmmsg), each with the local
 * address it came to, so that the answer leaves from there (RFC 3581 4).
 */
#include <stddef.h>

#include "base/addr.h"
#include "base/str.h"

#define DGRAM_BATCH 32
#define DGRAM_MAX   65535

struct dgram {
	struct addr peer;
	struct addr local;
	struct str bytes; /* valid until the next dgram_recv */
};

struct dgram_io; /* buffers of one worker, shared by its UDP sockets */

MUSTCHECK int dgram_io_new(struct dgram_io **out);
void dgram_io_free(struct dgram_io *io);

/* Up to DGRAM_BATCH datagrams; the number, 0 when none waits, or -errno. */
MUSTCHECK int dgram_recv(struct dgram_io *io, int fd, const struct addr *bound,
    struct dgram out[DGRAM_BATCH]);

/*
 * Queue a datagram (copied) for fd; sent at dgram_flush or when the batch is
 * full.  What the kernel will not take is dropped and counted: UDP.
 */
void dgram_send(struct dgram_io *io, int fd, const struct addr *bound,
    const struct addr *local, const struct addr *peer, struct str bytes);
void dgram_flush(struct dgram_io *io);

#endif
