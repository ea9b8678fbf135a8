/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One TCP or TLS connection: bytes in, messages served, and, when a TLS
 * connection ends without a SIP message, evidence to the judge.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "edge/conn_int.h"
#include "net/sock.h"
#include "tlswire/fingerprint.h"
#include "txn/txn.h"

#define BAD_MAX        8    /* messages that do not parse, then close        */
#define AORS_MAX       4096
#define READS_PER_TURN 4

void
conn_enter(struct conn *c, enum conn_state state)
{
	struct worker *w = c->flow.worker;

	if (c->state != CONN_CLOSED) {
		list_remove(&c->in_state);
		w->count[c->state]--;
	}
	c->state = state;
	if (state == CONN_CLOSED)
		return;
	c->since_ms = worker_now_ms(w);
	list_append(&w->by_state[state], &c->in_state);
	w->count[state]++;
}

/* Who has sent nothing but keepalives still owes us a first message. */
static bool
owes_first(const struct conn *c)
{
	return !c->accepted && c->out == NULL;
}

void
conn_enter_rest(struct conn *c)
{
	if (owes_first(c))
		return;
	if (c->write_armed)
		conn_enter(c, CONN_BLOCKED);
	else
		conn_enter(c, c->aors != NULL ? CONN_BOUND : CONN_IDLE);
}

/* ---- slots ---- */

static bool
slots_grow(struct worker *w)
{
	size_t n = w->nslots == 0 ? 256 : 2 * w->nslots;
	struct conn **slot = realloc(w->slot, n * sizeof(*slot));
	uint32_t *free_slot;

	if (slot == NULL)
		return false;
	w->slot = slot;
	free_slot = realloc(w->free_slot, n * sizeof(*free_slot));
	if (free_slot == NULL)
		return false;
	w->free_slot = free_slot;
	for (size_t i = n; i-- > w->nslots;) {
		w->slot[i] = NULL;
		w->free_slot[w->nfree++] = (uint32_t)i;
	}
	w->nslots = n;
	return true;
}

struct conn *
conn_new(struct worker *w)
{
	struct conn *c;

	if (w->nfree == 0 && !slots_grow(w))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->flow.slot = w->free_slot[--w->nfree];
	c->flow.worker = w;
	c->flow.id = (uint64_t)(w->index + 1) << 48 | ++w->serial;
	c->state = CONN_CLOSED;
	list_init(&c->in_state);
	w->slot[c->flow.slot] = c;
	buf_init(&c->outq, CONN_QUEUE_MAX);
	return c;
}

void
conn_free(void *arg)
{
	struct conn *c = arg;

	for (struct conn_aor *a = c->aors, *next; a != NULL; a = next) {
		next = a->next;
		free(a);
	}
	tls_conn_free(c->tls);
	buf_fini(&c->in);
	buf_fini(&c->outq);
	conn_out_free(c->out);
	free(c);
}

/* Never open, never on a list. */
void
conn_unmake(struct conn *c)
{
	struct worker *w = c->flow.worker;

	w->slot[c->flow.slot] = NULL;
	w->free_slot[w->nfree++] = c->flow.slot;
	conn_free(c);
}

/* ---- the end of a connection ---- */

/* What this handshake showed, if it brought no SIP message (design 4). */
void
conn_judge(struct conn *c, enum trust_end end, bool over_limit)
{
	struct worker *w = c->flow.worker;
	const struct device_peer peer = { c->flow.peer, c->fingerprint };
	struct trust_evidence e;
	struct trust_verdict v;

	if (c->flow.transport != FLOW_TLS || c->accepted || c->judged ||
	    w->quiet || c->out != NULL)
		return;
	c->judged = true;
	if (c->tls != NULL) {
		tls_conn_evidence(c->tls, &e, end, clock_mono_us());
	} else {
		trust_evidence_init(&e);
		e.end = end;
		e.us_total = (uint32_t)(clock_mono_us() - c->accepted_us);
	}
	e.over_limit = over_limit;
	e.peer = c->flow.peer;
	e.local = c->flow.local;
	e.when_s = clock_wall_s();
	/* What it says to a question is no refusal of a chain of ours. */
	if (c->tls != NULL && tls_conn_probe(c->tls) != NULL) {
		probes_answer(w->shared->probes, tls_conn_probe(c->tls), &e);
		return;
	}
	devices_judge(w->shared->devices, &e, c->fingerprint, &v);
	if (trust_is_about_chain(&v, &e))
		probes_real(w->shared->probes, &peer, false);
	refusals_add(w->shared->refusals, &e, &v,
	    (uint32_t)w->conf->refusal_window, worker_now_ms(w));
}

void
conn_close(struct conn *c, enum trust_end end)
{
	struct worker *w = c->flow.worker;

	if (c->state == CONN_CLOSED)
		return;
	conn_judge(c, end, false);
	if (c->out != NULL)
		conn_out_end(c, end);
	/* At shutdown bindings stay: the phones are served again soon. */
	for (struct conn_aor *a = c->aors; a != NULL && !w->quiet; a = a->next)
		location_flow_closed(w->shared->location,
		    str_of(a->text, a->n), c->flow.id);
	if (c->asked_ms != 0 && c->out == NULL && !w->quiet &&
	    worker_now_ms(w) - c->asked_ms < TXN_TIMER_B_MS)
		flow_lost(w, c->flow.id);
	conn_enter(c, CONN_CLOSED);
	event_del(&c->event);
	close(c->fd);
	c->fd = -1;
	if (c->out == NULL)
		admission_leave(w->shared->admission, &c->flow.peer);
	w->slot[c->flow.slot] = NULL;
	w->free_slot[w->nfree++] = c->flow.slot;
	c->reap.fn = c->out != NULL ? conn_out_reap : conn_free;
	c->reap.arg = c;
	loop_reap(w->loop, &c->reap);
	worker_resume_accept(w);
}

void
conn_linger(struct conn *c, enum trust_end end)
{
	if (c->state == CONN_CLOSED || c->state == CONN_CLOSING)
		return;
	conn_judge(c, end, false);
	conn_put_close_notify(c);
	conn_put_scratch(c);
	if (c->state == CONN_CLOSED)
		return;
	if (c->outq.n == 0)
		shutdown(c->fd, SHUT_WR);
	conn_enter(c, CONN_CLOSING);
}

/* ---- messages ---- */

void
conn_keep(struct conn *c, struct str aor)
{
	uint64_t hash = hash_bytes(aor.p, aor.n);
	struct conn_aor *a;
	size_t n = 0;

	for (a = c->aors; a != NULL; a = a->next, n++) {
		if (a->hash == hash && str_eq(str_of(a->text, a->n), aor))
			return;
	}
	a = n < AORS_MAX ? malloc(sizeof(*a) + aor.n) : NULL;
	if (a == NULL) {
		/* Not tracked: the binding lives until it expires. */
		tally(TALLY_OUT_OF_MEMORY, &c->flow.peer);
		return;
	}
	a->hash = hash;
	a->n = aor.n;
	memcpy(a->text, aor.p, aor.n);
	a->next = c->aors;
	c->aors = a;
	if (c->state == CONN_IDLE)
		conn_enter_rest(c);
}

/* A message that cannot be framed: answer it if possible, then close. */
static void
refuse_stream(struct conn *c, struct str head, bool limit, const char *why)
{
	struct worker *w = c->flow.worker;
	enum tally_kind kind = limit ? TALLY_MESSAGE_TOO_LONG :
	    TALLY_BAD_FRAMING;

	if (c->flow.transport == FLOW_TCP && head.n > 2 && head.p[0] == 0x16 &&
	    head.p[1] == 0x03)
		kind = TALLY_TLS_ON_SIP_PORT;
	tally(kind, &c->flow.peer);
	if (head.n > 0)
		worker_refuse(w, &c->flow, head, limit ? 513 : 400,
		    limit ? "Message Too Large" : why);
	conn_linger(c, TRUST_END_US);
}

static struct device_peer
peer_of(const struct conn *c)
{
	return (struct device_peer) { c->flow.peer, c->fingerprint };
}

/* Which chain, of those of the context that the connection began with. */
static void
on_choose(const struct tls_hello *h, const struct tls_ctx *ctx,
    struct tls_choice *out, void *arg)
{
	struct conn *c = arg;
	struct device_peer peer;

	c->fingerprint = tls_hello_fingerprint(h);
	peer = peer_of(c);
	devices_choose(c->flow.worker->shared->devices, &peer, h, ctx, out);
	probes_choose(c->flow.worker->shared->probes, &peer, out);
}

/* Over TLS this is what makes the chain accepted. */
static void
first_message(struct conn *c)
{
	struct device_peer peer = peer_of(c);
	struct device_handshake h;
	struct tls_hello hello;

	c->accepted = true;
	if (c->tls == NULL)
		return;
	if (tls_conn_probe(c->tls) != NULL) {
		/* It checks nothing; it is served all the same. */
		probes_answer(c->flow.worker->shared->probes,
		    tls_conn_probe(c->tls), NULL);
		tls_conn_accepted(c->tls);
		return;
	}
	h = (struct device_handshake) {
		.chain = tls_conn_chain(c->tls),
		.version = tls_conn_version(c->tls),
		.cipher_suite = tls_conn_cipher(c->tls),
		.hello = tls_conn_hello(c->tls, &hello) ? &hello : NULL,
		.now_s = clock_wall_s(),
	};
	devices_accepted(c->flow.worker->shared->devices, &peer, &h);
	probes_real(c->flow.worker->shared->probes, &peer, true);
	tls_conn_accepted(c->tls);
}

static void
one_message(struct conn *c, struct str bytes)
{
	struct worker *w = c->flow.worker;

	if (!c->accepted)
		first_message(c);
	if (worker_serve(w, &c->flow, bytes))
		return;
	if (++c->bad >= BAD_MAX)
		conn_linger(c, TRUST_END_US);
}

/*
 * RFC 5626 4.4.1: a pong for each ping.  Many at once: 60 kB of pings would
 * cost 15,000 system calls, or as many TLS records.
 */
static void
send_pongs(struct conn *c, size_t n)
{
	char pongs[512];
	size_t most = n < sizeof(pongs) / 2 ? n : sizeof(pongs) / 2;

	for (size_t i = 0; i < most; i++)
		memcpy(pongs + 2 * i, "\r\n", 2);
	while (n > 0) {
		size_t some = n < most ? n : most;

		IGNORE(!conn_send(c, str_of(pongs, 2 * some))); /* gone */
		n -= some;
	}
}

/* Serve all that is complete in bytes; returns how much was consumed. */
static size_t
serve_stream(struct conn *c, struct str bytes)
{
	const struct conf *conf = c->flow.worker->conf;
	size_t done = 0, pings = 0;

	while (done < bytes.n && c->state < CONN_CLOSING) {
		struct str rest = str_from(bytes, done);
		const char *why = NULL;
		size_t used = 0;
		enum sip_frame_result r = sip_frame_next(&c->frame, rest,
		    (size_t)conf->head_max, (size_t)conf->message_max, &used,
		    &why);

		if (r != SIP_FRAME_PING) {
			send_pongs(c, pings);
			pings = 0;
		}
		if (r == SIP_FRAME_MORE)
			break;
		if (r == SIP_FRAME_BAD || r == SIP_FRAME_LIMIT) {
			refuse_stream(c, str_of(rest.p, used),
			    r == SIP_FRAME_LIMIT, why);
			return bytes.n;
		}
		done += used;
		pings += r == SIP_FRAME_PING;
		if (r == SIP_FRAME_MSG)
			one_message(c, str_of(rest.p, used));
	}
	send_pongs(c, pings);
	return done;
}

/* Plain bytes of the stream, decrypted or not. */
void
conn_plain(struct str plain, void *arg)
{
	struct conn *c = arg;
	struct str bytes = plain;
	size_t used;

	if (c->state >= CONN_CLOSING)
		return;
	if (c->in.n > 0) {
		buf_str(&c->in, plain);
		if (c->in.failed) {
			refuse_stream(c, STR_NULL, true, NULL);
			return;
		}
		bytes = buf_as_str(&c->in);
	}
	used = serve_stream(c, bytes);
	if (c->state >= CONN_CLOSING)
		return;
	if (used == bytes.n) {
		buf_fini(&c->in);
		conn_enter_rest(c);
		return;
	}
	if (c->in.n > 0) {
		if (used == 0)
			return; /* still the same message: its time runs on */
		buf_drop(&c->in, used);
	} else {
		/* One more message and what came with it always fits. */
		buf_init(&c->in, (size_t)c->flow.worker->conf->message_max +
		    WORKER_RECV_BYTES);
		buf_str(&c->in, str_from(bytes, used));
		if (c->in.failed) {
			refuse_stream(c, STR_NULL, true, NULL);
			return;
		}
	}
	if (!owes_first(c) || c->state != CONN_FRESH)
		conn_enter(c, CONN_FRESH);
}

/* ---- bytes in ---- */

/* What was to be said meanwhile goes out, if there is still somebody. */
void
conn_end_feed(struct conn *c)
{
	c->feeding = false;
	if (c->state == CONN_CLOSED)
		buf_reset(&c->flow.worker->out);
	else
		conn_put_scratch(c);
}

static void
feed_tls(struct conn *c, struct str bytes)
{
	struct worker *w = c->flow.worker;
	enum tls_conn_state before, after;

	if (c->tls == NULL) {
		if (tls_conn_new(&c->tls, w->tls, c->accepted_us,
		    on_choose, c) != 0) {
			tally(TALLY_OUT_OF_MEMORY, &c->flow.peer);
			conn_close(c, TRUST_END_US);
			return;
		}
		conn_enter(c, CONN_HANDSHAKE);
	}
	before = tls_conn_state(c->tls);
	c->feeding = true;
	after = tls_conn_feed(c->tls, bytes, clock_mono_us(), &w->out,
	    conn_plain, c);
	conn_end_feed(c);
	if (c->state >= CONN_CLOSING)
		return;
	if (after == TLS_CONN_FAILED)
		conn_linger(c, TRUST_END_US);
	else if (after == TLS_CONN_CLOSED)
		conn_close(c, TRUST_END_FIN); /* it wants no more of us */
	else if (before == TLS_CONN_HANDSHAKE && after == TLS_CONN_OPEN &&
	    c->state == CONN_HANDSHAKE)
		conn_enter(c, CONN_FRESH);
	if (before == TLS_CONN_HANDSHAKE && after != TLS_CONN_HANDSHAKE)
		worker_resume_accept(w);
}

static void
on_bytes(struct conn *c, struct str bytes)
{
	if (c->state == CONN_CLOSING)
		return;
	if (c->flow.transport == FLOW_TLS) {
		if (c->out != NULL)
			conn_out_feed(c, bytes);
		else
			feed_tls(c, bytes);
		return;
	}
	c->feeding = true;
	conn_plain(bytes, c);
	conn_end_feed(c);
}

void
conn_on_readable(struct conn *c)
{
	struct worker *w = c->flow.worker;

	for (int i = 0; i < READS_PER_TURN && c->state != CONN_CLOSED &&
	    !c->write_armed; i++) {
		ssize_t n = recv(c->fd, w->recv, sizeof(w->recv), 0);

		if (n > 0) {
			on_bytes(c, str_of(w->recv, (size_t)n));
			if ((size_t)n < sizeof(w->recv))
				return; /* drained; else the loop comes again */
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		conn_close(c, n == 0 ? TRUST_END_FIN : TRUST_END_RST);
	}
}

void
conn_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_CONNECTING)
		conn_out_connected(c);
	else if (what & EV_WRITE)
		conn_on_writable(c);
	else
		conn_on_readable(c);
}

/* ---- begin, end ---- */

void
conn_accept(struct worker *w, const struct listener *l, int fd,
    const struct addr *peer, const struct addr *local)
{
	struct conn *c = conn_new(w);

	if (c == NULL) {
		tally(TALLY_OUT_OF_MEMORY, peer);
		admission_leave(w->shared->admission, peer);
		sock_reset(fd);
		return;
	}
	c->fd = fd;
	c->flow.transport = l->socket.transport;
	c->flow.peer = *peer;
	c->flow.local = *local;
	c->accepted_us = clock_mono_us();
	event_assign(&c->event, loop_base(w->loop), fd, EV_READ | EV_PERSIST,
	    conn_on_event, c);
	event_add(&c->event, NULL);
	conn_enter(c, c->flow.transport == FLOW_TLS ? CONN_SILENT : CONN_FRESH);
}

void
conn_free_all(struct worker *w)
{
	for (int s = 0; s < CONN_STATES; s++) {
		struct conn *c;

		while ((c = LIST_FIRST(&w->by_state[s], struct conn,
		    in_state)) != NULL) {
			conn_put_close_notify(c);
			conn_put_scratch(c);
			conn_close(c, TRUST_END_US);
		}
	}
}
