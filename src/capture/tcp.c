/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/tcp.h"

#include <errno.h>
#include <stdlib.h>

struct tcp_waiting {
	struct list node;
	uint32_t seq;
	uint32_t n;
	char bytes[];
};

/* RFC 9293 3.4: sequence numbers wrap around. */
static int32_t
after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

int
tcp_init(struct tcp *t, const struct tcp_reader *reader, size_t streams_max)
{
	*t = (struct tcp) {
		.reader = *reader,
		.streams_max = streams_max != 0 ? streams_max :
		    TCP_STREAMS_MAX,
	};
	list_init(&t->by_use);
	return hash_init(&t->table, 1024);
}

/* ---- what waits ---- */

static void
waiting_drop(struct tcp *t, struct tcp_dir *d, struct tcp_waiting *w)
{
	list_remove(&w->node);
	d->waiting_bytes -= w->n;
	d->waiting_segments--;
	t->waiting_bytes -= w->n;
	free(w);
}

static void
forget_waiting(struct tcp *t, struct tcp_dir *d)
{
	struct tcp_waiting *w;

	while ((w = LIST_FIRST(&d->waiting, struct tcp_waiting, node)) != NULL)
		waiting_drop(t, d, w);
}

static void
give_up(struct tcp *t, struct tcp_dir *d)
{
	if (!d->missing)
		t->counts.missing++;
	d->missing = true;
	forget_waiting(t, d);
}

/* Bytes that came too early; behind those of the same sequence number. */
static void
keep(struct tcp *t, struct tcp_dir *d, uint32_t seq, struct str s)
{
	struct list *at = &d->waiting;
	struct tcp_waiting *w;

	t->counts.out_of_order++;
	if (s.n > TCP_WAITING_MAX - d->waiting_bytes ||
	    d->waiting_segments == TCP_SEGMENTS_MAX ||
	    s.n > TCP_ALL_MAX - t->waiting_bytes ||
	    (w = malloc(sizeof(*w) + s.n)) == NULL) {
		give_up(t, d);
		return;
	}
	w->seq = seq;
	w->n = (uint32_t)s.n;
	memcpy(w->bytes, s.p, s.n);
	for (struct list *it = d->waiting.prev; it != &d->waiting;
	    it = it->prev) {
		if (after(seq, CONTAINER_OF(it, struct tcp_waiting, node)->seq)
		    >= 0)
			break;
		at = it;
	}
	list_append(at, &w->node); /* that is: before at */
	d->waiting_bytes += w->n;
	d->waiting_segments++;
	t->waiting_bytes += w->n;
}

/* ---- in order ---- */

static void
pass_on(struct tcp *t, struct tcp_stream *s, int side, struct str bytes,
    uint64_t now_us)
{
	struct tcp_dir *d = &s->dir[side];

	d->next += (uint32_t)bytes.n;
	if (s->deaf || d->bytes >= TCP_READ_MAX)
		return;
	d->bytes += bytes.n;
	t->reader.bytes(s, side, bytes, now_us, t->reader.arg);
}

/* The part of a segment that is new, if it is its turn. */
static bool
take(struct tcp *t, struct tcp_stream *s, int side, uint32_t seq,
    struct str bytes, uint64_t now_us)
{
	uint32_t known = s->dir[side].next - seq;

	if (after(seq, s->dir[side].next) > 0)
		return false;
	if (known >= bytes.n)
		return true;
	pass_on(t, s, side, str_from(bytes, known), now_us);
	return true;
}

static void
take_waiting(struct tcp *t, struct tcp_stream *s, int side, uint64_t now_us)
{
	struct tcp_dir *d = &s->dir[side];
	struct tcp_waiting *w;

	while ((w = LIST_FIRST(&d->waiting, struct tcp_waiting, node)) !=
	    NULL) {
		if (!take(t, s, side, w->seq, str_of(w->bytes, w->n), now_us))
			break;
		waiting_drop(t, d, w);
	}
}

static void
data(struct tcp *t, struct tcp_stream *s, int side, const struct segment *seg,
    uint64_t now_us)
{
	struct tcp_dir *d = &s->dir[side];

	if (seg->payload.n > 0 && after(seg->seq +
	    (uint32_t)seg->payload.n, d->next) <= 0)
		t->counts.retransmitted++;
	else if (seg->payload.n > 0 &&
	    !take(t, s, side, seg->seq, seg->payload, now_us))
		keep(t, d, seg->seq, seg->payload);
	else
		take_waiting(t, s, side, now_us);
	if (seg->cut > 0) {
		t->counts.cut++;
		give_up(t, d);
	}
}

/* ---- streams ---- */

/* The same for both directions. */
static uint64_t
hash_of(const struct segment *seg)
{
	uint64_t a[2] = { addr_hash_ip(&seg->from), addr_port(&seg->from) };
	uint64_t b[2] = { addr_hash_ip(&seg->to), addr_port(&seg->to) };

	return hash_bytes(a, sizeof(a)) ^ hash_bytes(b, sizeof(b));
}

static void
tell_gone(struct tcp *t, struct tcp_stream *s, enum tcp_gone why,
    uint64_t now_us)
{
	if (s->told_gone)
		return;
	s->told_gone = true;
	s->deaf = true;
	for (int i = 0; i < 2; i++)
		if (!list_empty(&s->dir[i].waiting))
			give_up(t, &s->dir[i]);
	t->reader.gone(s, why, now_us, t->reader.arg);
}

static void
stream_free(struct tcp *t, struct tcp_stream *s)
{
	hash_remove(&t->table, &s->node);
	list_remove(&s->by_use);
	forget_waiting(t, &s->dir[0]);
	forget_waiting(t, &s->dir[1]);
	free(s);
}

/* Those that have been silent too long, and one where there is no room. */
static void
make_room(struct tcp *t, uint64_t now_us)
{
	struct tcp_stream *s;

	while ((s = LIST_FIRST(&t->by_use, struct tcp_stream, by_use)) !=
	    NULL) {
		bool idle = now_us > s->last_us &&
		    now_us - s->last_us > TCP_IDLE_US;
		if (!idle && t->table.count < t->streams_max)
			break;
		if (!idle && !s->told_gone)
			t->counts.evicted++;
		tell_gone(t, s, idle ? TCP_GONE_IDLE : TCP_GONE_EVICTED,
		    now_us);
		stream_free(t, s);
	}
}

static struct tcp_stream *
stream_new(struct tcp *t, const struct segment *seg, uint64_t hash,
    uint64_t now_us)
{
	bool answer = (seg->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
	struct tcp_stream *s;

	make_room(t, now_us);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->end[0] = answer ? seg->to : seg->from;
	s->end[1] = answer ? seg->from : seg->to;
	s->from_start = (seg->flags & TCP_SYN) != 0;
	s->first_us = s->last_us = now_us;
	list_init(&s->dir[0].waiting);
	list_init(&s->dir[1].waiting);
	hash_insert(&t->table, &s->node, hash);
	list_append(&t->by_use, &s->by_use);
	t->counts.streams++;
	if (!s->from_start)
		t->counts.mid_stream++;
	return s;
}

/* -1: none of the two. */
static int
side_of(const struct tcp_stream *s, const struct segment *seg)
{
	if (addr_equal(&s->end[0], &seg->from) &&
	    addr_equal(&s->end[1], &seg->to))
		return 0;
	if (addr_equal(&s->end[1], &seg->from) &&
	    addr_equal(&s->end[0], &seg->to))
		return 1;
	return -1;
}

static struct tcp_stream *
stream_find(struct tcp *t, const struct segment *seg, uint64_t hash, int *side)
{
	for (struct hash_node *n = hash_chain(&t->table, hash); n != NULL;
	    n = n->next) {
		struct tcp_stream *s = CONTAINER_OF(n, struct tcp_stream, node);
		if (n->hash == hash && (*side = side_of(s, seg)) >= 0)
			return s;
	}
	return NULL;
}

/* A port that is used again: this SYN opens another connection. */
static bool
is_another(const struct tcp_stream *s, int side, const struct segment *seg)
{
	const struct tcp_dir *d = &s->dir[side];

	return (seg->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	    (s->told_gone || s->reset || d->bytes > 0 || d->fin ||
	    (d->begun && d->next != seg->seq + 1));
}

/* The stream of seg; NULL: none that tells anything. */
static struct tcp_stream *
stream_of(struct tcp *t, const struct segment *seg, uint64_t now_us, int *side)
{
	uint64_t hash = hash_of(seg);
	struct tcp_stream *s = stream_find(t, seg, hash, side);

	if (s != NULL && is_another(s, *side, seg)) {
		tell_gone(t, s, TCP_GONE_OVER, now_us);
		stream_free(t, s);
		s = NULL;
	}
	if (s == NULL && ((seg->flags & TCP_SYN) != 0 || seg->payload.n > 0)) {
		s = stream_new(t, seg, hash, now_us);
		if (s != NULL)
			*side = side_of(s, seg);
	}
	return s;
}

static void
begin(struct tcp_dir *d, const struct segment *seg)
{
	if ((seg->flags & TCP_SYN) != 0 && !d->begun) {
		d->next = seg->seq + 1;
		d->begun = true;
	} else if (!d->begun) {
		d->next = seg->seq;
		d->begun = true;
	}
}

static void
closing(struct tcp *t, struct tcp_stream *s, int side,
    const struct segment *seg, uint64_t now_us)
{
	struct tcp_dir *d = &s->dir[side];

	if ((seg->flags & TCP_FIN) != 0 && !d->fin_seen) {
		d->fin_seen = true;
		d->fin_at = seg->seq + (uint32_t)seg->payload.n + seg->cut;
	}
	if (d->fin_seen && !d->fin &&
	    (d->missing || after(d->next, d->fin_at) >= 0)) {
		d->fin = true;
		t->reader.closed(s, side, TCP_CLOSED_FIN, now_us,
		    t->reader.arg);
	}
	if ((seg->flags & TCP_RST) != 0 && !s->reset) {
		s->reset = true;
		t->reader.closed(s, side, TCP_CLOSED_RST, now_us,
		    t->reader.arg);
	}
	if (s->reset || (s->dir[0].fin && s->dir[1].fin))
		tell_gone(t, s, TCP_GONE_OVER, now_us);
}

void
tcp_segment(struct tcp *t, const struct segment *seg, uint64_t now_us)
{
	struct segment rest = *seg;
	struct tcp_stream *s;
	int side = 0;

	t->counts.segments++;
	s = stream_of(t, seg, now_us, &side);
	if (s == NULL)
		return;
	s->last_us = now_us;
	list_remove(&s->by_use);
	list_append(&t->by_use, &s->by_use);
	if (s->told_gone)
		return;
	begin(&s->dir[side], seg);
	if ((seg->flags & TCP_SYN) != 0)
		rest.seq++; /* data may come with it (RFC 7413) */
	if (!s->dir[side].missing && (seg->flags & TCP_RST) == 0)
		data(t, s, side, &rest, now_us);
	closing(t, s, side, &rest, now_us);
}

void
tcp_end(struct tcp *t, uint64_t now_us)
{
	struct tcp_stream *s;

	while ((s = LIST_FIRST(&t->by_use, struct tcp_stream, by_use)) !=
	    NULL) {
		tell_gone(t, s, TCP_GONE_END, now_us);
		stream_free(t, s);
	}
}

void
tcp_fini(struct tcp *t)
{
	struct tcp_stream *s;

	while ((s = LIST_FIRST(&t->by_use, struct tcp_stream, by_use)) !=
	    NULL) {
		s->told_gone = true;
		stream_free(t, s);
	}
	hash_fini(&t->table);
}
