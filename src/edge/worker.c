/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/keepalive.h"
#include "edge/worker_int.h"
#include "net/sock.h"
#include "sip/stun.h"

#define ACCEPTS_PER_TURN 16
#define BATCHES_PER_TURN 4
#define SWEEP_MS         500

uint64_t
worker_now_ms(struct worker *w)
{
	return loop_now_us(w->loop) / 1000;
}

struct conn *
worker_conn(const struct flow *f)
{
	struct worker *w = f->worker;
	struct conn *c = f->slot < w->nslots ? w->slot[f->slot] : NULL;

	return c != NULL && c->flow.id == f->id ? c : NULL;
}

/* ---- messages ---- */

/* A device is known by its User-Agent before it tries TLS (design 4). */
static void
note_device(struct worker *w, const struct flow *f)
{
	const struct sip_field *ua;

	/* Phones come without credentials first: that one is enough. */
	if (w->msg.method != SIP_METHOD_REGISTER ||
	    sip_msg_field(&w->msg, SIP_HEADER_AUTHORIZATION) != NULL)
		return;
	ua = sip_msg_field(&w->msg, SIP_HEADER_USER_AGENT);
	if (ua != NULL && ua->value.n > 0)
		devices_saw(w->shared->devices, &f->peer, ua->value);
}

/* w->msg goes to whom it concerns, and an answer back over f. */
static void
dispatch(struct worker *w, const struct flow *f, bool parsed)
{
	struct sip_msg *m = &w->msg;
	enum uas_result result;

	if (parsed && !m->request) {
		proxy_response(w->proxy, f, m);
		return;
	}
	if (parsed)
		note_device(w, f);
	buf_reset(&w->reply);
	if (!parsed || (m->method == SIP_METHOD_REGISTER &&
	    w->shared->upstreams == NULL))
		result = uas_handle(w->shared->uas, f, m, &w->reply);
	else
		result = proxy_request(w->proxy, f, m, &w->reply);
	if (result == UAS_REPLY && w->reply.failed) {
		/* What it makes us say passes all limits, so it does too. */
		buf_reset(&w->reply);
		m->refuse = 513;
		m->why = "Message Too Large";
		tally(TALLY_MESSAGE_TOO_LONG, &f->peer);
		result = uas_handle(w->shared->uas, f, m, &w->reply);
	}
	if (result == UAS_REPLY && !w->reply.failed)
		IGNORE(!flow_send(f, buf_as_str(&w->reply))); /* peer gone */
}

static int
parse(struct worker *w, const struct flow *f, struct str bytes,
    enum sip_msg_form form)
{
	struct sip_msg *m = &w->msg;
	int err = sip_msg_parse(m, bytes, form, (size_t)w->conf->head_max);

	/* A stream's messages were measured when they were cut. */
	if (err == 0 && form == SIP_DATAGRAM &&
	    m->all.n > (size_t)w->conf->message_max) {
		m->refuse = 513;
		m->why = "Message Too Large";
		err = E_LIMIT;
	}
	if (err != 0)
		tally(err == E_LIMIT ? TALLY_MESSAGE_TOO_LONG :
		    TALLY_BAD_MESSAGE, &f->peer);
	return err;
}

bool
worker_serve(struct worker *w, const struct flow *f, struct str bytes)
{
	int err = parse(w, f, bytes, SIP_STREAM);

	dispatch(w, f, err == 0);
	return err == 0;
}

void
worker_refuse(struct worker *w, const struct flow *f, struct str head,
    int status, const char *why)
{
	struct sip_msg *m = &w->msg;

	IGNORE(sip_msg_parse(m, head, SIP_STREAM,
	    (size_t)w->conf->head_max)); /* what is there will do */
	/* Without its body a head that is fine looks as if it were not. */
	if (m->refuse == 0 || status == 513) {
		m->refuse = status;
		m->why = why;
	}
	dispatch(w, f, false);
}

/*
 * Where a UDP answer goes (RFC 3261 18.2.2, RFC 3581 4).  Without rport it is
 * the port of the sent-by; but when the sent-by is not the address the request
 * came from there is a NAT between, and only the source port leads back.
 */
static uint16_t
reply_port(const struct sip_msg *m, const struct flow *f)
{
	struct addr sent_by;

	if (m->via.rport || addr_parse_ip(&sent_by, m->via.host) != 0 ||
	    !addr_equal_ip(&sent_by, &f->peer))
		return 0;
	return m->via.port != 0 ? m->via.port : 5060;
}

static void
serve_datagram(struct worker *w, struct listener *l, uint32_t slot,
    const struct dgram *d)
{
	struct flow f = {
		.worker = w, .slot = slot, .transport = FLOW_UDP,
		.peer = d->peer, .local = d->local,
	};
	struct sip_msg *m = &w->msg;
	int err;

	/* Keepalives of phones: CRLFs, zero bytes, a lone byte; STUN. */
	if (d->bytes.n <= 4 || str_trim(d->bytes).n == 0)
		return;
	buf_reset(&w->reply);
	if (stun_answer(&w->reply, d->bytes, &d->peer)) {
		if (w->reply.n > 0)
			IGNORE(!flow_send(&f, buf_as_str(&w->reply)));
		return;
	}
	err = parse(w, &f, d->bytes, SIP_DATAGRAM);
	if (m->request && (m->answerable || err == 0))
		f.reply_port = reply_port(m, &f);
	dispatch(w, &f, err == 0);
}

/* ---- sockets ---- */

static void
on_datagrams(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct worker *w = l->worker;
	struct dgram d[DGRAM_BATCH];
	uint32_t slot = 0;

	while (slot < w->nudp && w->udp[slot] != l)
		slot++;
	for (int i = 0; i < BATCHES_PER_TURN; i++) {
		int n = dgram_recv(w->io, fd, &l->socket.addr, d);

		/* An ICMP error is reported once and means nothing here. */
		for (int k = 0; k < n; k++)
			serve_datagram(w, l, slot, &d[k]);
		if (n < DGRAM_BATCH)
			break;
	}
}

static bool
tls_is_full(const struct worker *w)
{
	return w->count[CONN_SILENT] + w->count[CONN_HANDSHAKE] >=
	    (unsigned)w->conf->handshakes_max;
}

/* Who waits is told again and again, whether or not he can be let in. */
static void
pause_accept(struct listener *l)
{
	event_del(&l->event);
	l->paused = true;
}

void
worker_resume_accept(struct worker *w)
{
	/* Handshakes that stand still may go after a while: look again. */
	bool full = tls_is_full(w) && !conn_may_push_out(w);

	LIST_FOREACH(it, &w->listeners) {
		struct listener *l = CONTAINER_OF(it, struct listener, link);

		if (!l->paused || w->quiet ||
		    (full && l->socket.transport == FLOW_TLS))
			continue;
		l->paused = false;
		event_add(&l->event, NULL);
	}
}

static void
admit(struct worker *w, struct listener *l, int fd, const struct addr *peer,
    const struct addr *local)
{
	const struct admission_limits limits = {
		(unsigned)w->conf->connections_max,
		(unsigned)w->conf->connections_per_address,
		(unsigned)w->conf->connections_per_address_rate,
	};
	enum tally_kind why;

	if (!admission_enter(w->shared->admission, peer, &limits,
	    clock_mono_us(), &why)) {
		tally(why, peer);
		sock_reset(fd);
		return;
	}
	conn_accept(w, l, fd, peer, local);
}

static void
on_connections(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct worker *w = l->worker;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct addr peer, local;
		int conn;

		/* What waits in the backlog costs nothing and is not lost. */
		if (l->socket.transport == FLOW_TLS && tls_is_full(w) &&
		    !conn_push_out(w) && tls_is_full(w)) {
			pause_accept(l);
			return;
		}
		conn = sock_accept(fd, &l->socket.addr, &peer, &local);
		if (conn == -EMFILE || conn == -ENFILE) {
			tally(TALLY_OPEN_FILES, &l->socket.addr);
			if (conn_push_out(w))
				continue;
			pause_accept(l);
			return;
		}
		if (conn == -EAGAIN)
			return;
		if (conn >= 0)
			admit(w, l, conn, &peer, &local);
	}
}

static int
udp_slot(struct worker *w, struct listener *l)
{
	struct listener **udp = realloc(w->udp, (w->nudp + 1) * sizeof(*udp));

	if (udp == NULL)
		return -ENOMEM;
	w->udp = udp;
	w->udp[w->nudp++] = l;
	return 0;
}

static struct listener *
listener_new(struct worker *w, const struct worker_socket *s)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->worker = w;
	l->socket = *s;
	list_init(&l->link);
	event_assign(&l->event, loop_base(w->loop), s->fd, EV_READ | EV_PERSIST,
	    s->transport == FLOW_UDP ? on_datagrams : on_connections, l);
	return l;
}

int
worker_add_socket(struct worker *w, const struct worker_socket *s)
{
	struct listener *l = listener_new(w, s);

	if (l == NULL || (s->transport == FLOW_UDP && udp_slot(w, l) != 0)) {
		free(l);
		return -ENOMEM;
	}
	list_append(&w->listeners, &l->link);
	event_add(&l->event, NULL);
	return 0;
}

static void
listener_free(void *arg)
{
	free(arg);
}

static void
listener_close(struct worker *w, struct listener *l)
{
	event_del(&l->event);
	close(l->socket.fd);
	list_remove(&l->link);
	for (size_t i = 0; i < w->nudp; i++) {
		if (w->udp[i] == l)
			w->udp[i] = NULL; /* slots keep their numbers */
	}
	l->reap.fn = listener_free;
	l->reap.arg = l;
	loop_reap(w->loop, &l->reap);
}

bool
worker_listens_on(const struct worker *w, uint16_t port)
{
	LIST_FOREACH(it, &w->listeners) {
		const struct listener *l = CONTAINER_OF(it, struct listener,
		    link);

		if (addr_port(&l->socket.addr) == port)
			return true;
	}
	return false;
}

/* ---- the worker ---- */

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	conn_sweep(w, worker_now_ms(w));
	worker_resume_accept(w);
}

int
worker_new(struct worker **out, unsigned index,
    const struct worker_shared *shared, struct conf *conf, struct tls_ctx *tls)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct timeval every = { 0, SWEEP_MS * 1000 };
	int err = -ENOMEM;

	if (w == NULL)
		return -ENOMEM;
	w->index = index;
	w->shared = shared;
	list_init(&w->listeners);
	list_init(&w->outgoing);
	for (int s = 0; s < CONN_STATES; s++)
		list_init(&w->by_state[s]);
	buf_init(&w->reply, WORKER_REPLY_BYTES);
	buf_init(&w->out, WORKER_OUT_BYTES);
	buf_init(&w->side, WORKER_OUT_BYTES);
	w->conf = conf_ref(conf);
	w->tls = tls != NULL ? tls_ctx_ref(tls) : NULL;
	err = loop_new(&w->loop);
	if (err == 0)
		err = dgram_io_new(&w->io);
	if (err == 0)
		err = proxy_new(&w->proxy, w);
	if (err == 0)
		err = keepalive_new(&w->keepalive, w);
	if (err != 0)
		goto out;
	err = -ENOMEM;
	w->sweep = event_new(loop_base(w->loop), -1, EV_PERSIST, on_sweep, w);
	if (w->sweep == NULL || event_add(w->sweep, &every) != 0)
		goto out;
	*out = w;
	return 0;
out:
	worker_free(w);
	return err;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	LIST_FOREACH_SAFE(it, next, &w->listeners) {
		struct listener *l = CONTAINER_OF(it, struct listener, link);
		event_del(&l->event);
		close(l->socket.fd);
		free(l);
	}
	if (w->sweep != NULL)
		event_free(w->sweep);
	proxy_free(w->proxy);
	keepalive_free(w->keepalive);
	dgram_io_free(w->io);
	loop_free(w->loop);
	buf_fini(&w->reply);
	buf_fini(&w->out);
	buf_fini(&w->side);
	free(w->udp);
	free(w->slot);
	free(w->free_slot);
	tls_ctx_unref(w->tls);
	conf_unref(w->conf);
	free(w);
}

int
worker_start(struct worker *w)
{
	return loop_start(w->loop, &w->thread);
}

/* ---- told by the main thread ---- */

struct told {
	struct loop_letter letter;
	struct worker *worker;
	uint64_t upstream;
};

static void
on_told(void *arg)
{
	struct told *t = arg;

	if (!t->worker->quiet)
		proxy_upstream_down(t->worker->proxy, t->upstream);
	free(t);
}

void
worker_upstream_down(struct worker *w, uint64_t upstream)
{
	struct told *t = malloc(sizeof(*t));

	if (t == NULL)
		return; /* then Timer B or F ends what waits */
	*t = (struct told) { .letter = { .fn = on_told, .arg = t },
		.worker = w, .upstream = upstream };
	loop_post(w->loop, &t->letter);
}

/* ---- orders of the main thread ---- */

/* An order the main thread waits for; lives on its stack. */
struct order {
	struct loop_letter letter;
	struct worker *worker;
	void (*fn)(struct order *o);
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;

	struct conf *conf;
	struct tls_ctx *tls;
	const struct worker_socket *add;
	size_t nadd;
	const struct worker_socket *keep;
	size_t nkeep;
	int err;
};

static void
carry_out(void *arg)
{
	struct order *o = arg;

	o->fn(o);
	pthread_mutex_lock(&o->lock);
	o->done = true;
	pthread_cond_signal(&o->cond);
	pthread_mutex_unlock(&o->lock);
}

static void
give_order(struct worker *w, struct order *o, void (*fn)(struct order *))
{
	o->letter.fn = carry_out;
	o->letter.arg = o;
	o->worker = w;
	o->fn = fn;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->cond, NULL);
	loop_post(w->loop, &o->letter);
	pthread_mutex_lock(&o->lock);
	while (!o->done)
		pthread_cond_wait(&o->cond, &o->lock);
	pthread_mutex_unlock(&o->lock);
	pthread_mutex_destroy(&o->lock);
	pthread_cond_destroy(&o->cond);
}

static bool
is_kept(const struct order *o, const struct listener *l)
{
	for (size_t i = 0; i < o->nkeep; i++) {
		if (o->keep[i].transport == l->socket.transport &&
		    addr_equal(&o->keep[i].addr, &l->socket.addr))
			return true;
	}
	return false;
}

static void
do_reload(struct order *o)
{
	struct worker *w = o->worker;
	struct conf *old_conf = w->conf;
	struct tls_ctx *old_tls = w->tls;

	LIST_FOREACH_SAFE(it, next, &w->listeners) {
		struct listener *l = CONTAINER_OF(it, struct listener, link);
		if (!is_kept(o, l))
			listener_close(w, l);
	}
	for (size_t i = 0; i < o->nadd && o->err == 0; i++)
		o->err = worker_add_socket(w, &o->add[i]);
	w->conf = conf_ref(o->conf);
	w->tls = tls_ctx_ref(o->tls);
	conf_unref(old_conf);
	tls_ctx_unref(old_tls);
}

int
worker_reload(struct worker *w, struct conf *conf, struct tls_ctx *tls,
    const struct worker_socket *add, size_t nadd,
    const struct worker_socket *keep, size_t nkeep)
{
	struct order o = {
		.conf = conf, .tls = tls, .add = add, .nadd = nadd,
		.keep = keep, .nkeep = nkeep,
	};

	give_order(w, &o, do_reload);
	return o.err;
}

static void
do_quiesce(struct order *o)
{
	struct worker *w = o->worker;

	w->quiet = true;
	proxy_end(w->proxy);
	LIST_FOREACH(it, &w->listeners)
		event_del(&CONTAINER_OF(it, struct listener, link)->event);
	for (int s = 0; s < CONN_STATES; s++) {
		LIST_FOREACH(it, &w->by_state[s]) {
			struct conn *c = CONTAINER_OF(it, struct conn,
			    in_state);
			if (!c->write_armed)
				event_del(&c->event);
		}
	}
}

void
worker_quiesce(struct worker *w)
{
	struct order o = { 0 };

	if (w->thread.started)
		give_order(w, &o, do_quiesce);
}

static void
do_stop(struct order *o)
{
	conn_free_all(o->worker);
	loop_stop(o->worker->loop);
}

void
worker_stop(struct worker *w)
{
	struct order o = { 0 };

	if (w->thread.started)
		give_order(w, &o, do_stop);
}

void
worker_join(struct worker *w)
{
	thread_join(&w->thread);
}
