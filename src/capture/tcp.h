/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPTURE_TCP_H
#define CAPTURE_TCP_H
/*
 * capture/tcp - segments in any order in, each side's bytes in order out.
 *
 * For reading along, not for talking: nothing is acknowledged, so what was
 * lost by the capture is lost, and that side is then passed over (missing).
 * Bounded: streams (the one idle longest goes), bytes and segments that wait
 * for a gap to close, of one stream and of all, and the bytes of a side that
 * are passed on at all.  Of bytes that come twice the first ones count.  Time
 * is the packets'.  Not thread-safe.
 */
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "capture/decap.h"

#define TCP_STREAMS_MAX   8192
#define TCP_READ_MAX      (256 * 1024) /* bytes of a side passed on         */
#define TCP_WAITING_MAX   (64 * 1024)  /* bytes of a side out of order      */
#define TCP_SEGMENTS_MAX  64           /* likewise, segments                */
#define TCP_ALL_MAX       (16 << 20)   /* bytes out of order, all streams   */
#define TCP_IDLE_US       UINT64_C(120000000)

struct tcp_waiting;

struct tcp_dir {
	uint32_t next;        /* sequence number of the next byte          */
	uint32_t fin_at;
	bool begun;           /* next is known                             */
	bool fin_seen;        /* fin_at is known                           */
	bool fin;             /* and all before it has come                */
	bool missing;         /* a gap that will not close                 */
	uint64_t bytes;       /* passed on                                 */
	struct list waiting;  /* by sequence number                        */
	uint32_t waiting_bytes, waiting_segments;
};

struct tcp_stream {
	struct hash_node node;
	struct list by_use;
	struct addr end[2];   /* the sides; dir[i] is what end[i] sent     */
	struct tcp_dir dir[2];
	bool from_start;      /* its SYN was seen: then 0 opened it        */
	bool reset;
	bool told_gone;
	bool deaf;            /* the reader wants no more: it may set this */
	uint64_t first_us, last_us;
	void *user;           /* the reader's                              */
};

enum tcp_closing { TCP_CLOSED_FIN, TCP_CLOSED_RST };
enum tcp_gone {
	TCP_GONE_OVER,        /* both sides closed, or reset               */
	TCP_GONE_IDLE,
	TCP_GONE_EVICTED,     /* to make room                              */
	TCP_GONE_END,         /* of the capture                            */
};

/* What the reader is told; a stream is borrowed until gone returns. */
struct tcp_reader {
	void (*bytes)(struct tcp_stream *s, int side, struct str bytes,
	    uint64_t now_us, void *arg);
	void (*closed)(struct tcp_stream *s, int side, enum tcp_closing how,
	    uint64_t now_us, void *arg);
	void (*gone)(struct tcp_stream *s, enum tcp_gone why, uint64_t now_us,
	    void *arg);
	void *arg;
};

struct tcp_counts {
	uint64_t streams, segments;
	uint64_t mid_stream;      /* streams that began before the capture */
	uint64_t evicted;
	uint64_t missing;         /* sides with a gap that did not close   */
	uint64_t retransmitted;   /* segments with nothing new in them     */
	uint64_t out_of_order;
	uint64_t cut;             /* by the snapshot length                */
};

struct tcp {
	struct tcp_reader reader;
	struct hash_table table;
	struct list by_use;       /* idle longest first */
	size_t streams_max;
	size_t waiting_bytes;     /* of all streams     */
	struct tcp_counts counts;
};

/* streams_max 0: TCP_STREAMS_MAX.  0 or -ENOMEM. */
MUSTCHECK int tcp_init(struct tcp *t, const struct tcp_reader *reader,
    size_t streams_max);
/* Tells no more: tcp_end first. */
void tcp_fini(struct tcp *t);

void tcp_segment(struct tcp *t, const struct segment *seg, uint64_t now_us);

/* The end of the capture: every stream is told to be gone. */
void tcp_end(struct tcp *t, uint64_t now_us);

#endif
