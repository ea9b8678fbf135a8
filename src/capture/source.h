/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H
/*
 * capture/source - frames from a capture file (pcap, pcapng) or an interface.
 *
 * The only place that knows libpcap.
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

struct source;

struct frame {
	struct str captured;  /* valid until the next source_next           */
	uint64_t time_us;     /* Unix time                                  */
	bool cut;             /* there was more of it on the wire           */
};

/* "-" is standard input.  0, or an error with a sentence in why. */
MUSTCHECK int source_open_file(struct source **out, const char *path,
    struct buf *why);
/* The same; takes f, also on failure. */
MUSTCHECK int source_open_stream(struct source **out, FILE *f,
    const char *name, struct buf *why);
/* All that passes the interface; needs the right to (CAP_NET_RAW). */
MUSTCHECK int source_open_live(struct source **out, const char *interface,
    struct buf *why);
void source_close(struct source *s); /* NULL does nothing */

int source_link_type(const struct source *s);
const char *source_link_name(const struct source *s);

/*
 * 1: *out is filled; 0: the end, or a live source was stopped; 2: nothing for
 * now (live); -1: the rest cannot be read, with a sentence in why.
 */
int source_next(struct source *s, struct frame *out, struct buf *why);

/* From a signal handler too. */
void source_stop(struct source *s);

/* Live: packets that the kernel had to drop so far. */
uint64_t source_dropped(struct source *s);

#endif
