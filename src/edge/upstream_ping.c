/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OPTIONS to the servers of upstreams (RFC 3261 11), from the main thread: by
 * a datagram socket, or over a connection, TCP or TLS, that lives for one of
 * them: so each says whether the server takes new connections, and whether its
 * certificate is still good.  A plain state machine: idle, connecting, over TLS
 * shaking hands, waiting.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "edge/upstream_int.h"
#include "net/sock.h"
#include "sip/frame.h"
#include "sip/request.h"

#define ANSWER_MS   4000 /* for the whole of one                         */
#define FIRST_MS    500  /* then it is sent again, over UDP (Timer E)    */
#define SOON_MS     1000 /* after a miss, until it counts as down        */
#define DOWN_MISSES 2
#define HEAD_MAX    16384
#define BYTES_MAX   65536
#define OUT_MAX     65536 /* of the TLS handshake                        */
#define ID_BYTES    8

struct ping {
	struct server *server;
	struct event *timer;   /* idle: the next one; else: again, or over    */
	struct event *io;      /* of the socket; NULL: idle                   */
	int fd;
	bool connected;
	uint64_t began_ms;
	uint64_t asked_us;     /* when it went out first, 0: not yet          */
	unsigned again_ms;
	uint32_t cseq;
	char call_id[2 * ID_BYTES + 1];
	struct upstream_tls *with;   /* TLS: a reference                      */
	struct tls_connector *tls;
	struct buf in, out;    /* over a connection                           */
	struct sip_frame frame;
};

static void on_io(evutil_socket_t fd, short what, void *arg);

struct addr
server_source(const struct server *s)
{
	struct addr from;

	if (sock_source(&s->addr, &from) != 0)
		return ADDR_NONE;
	addr_set_port(&from, 0);
	return from;
}

/* Routes change while we run. */
static void
look_for_source(struct server *s)
{
	struct upstreams *u = s->upstream->all;
	struct addr from = server_source(s);

	if (addr_equal(&from, &s->from))
		return;
	pthread_rwlock_wrlock(&u->lock);
	s->from = from;
	pthread_rwlock_unlock(&u->lock);
}

static void
arm(struct ping *p, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000 };

	event_add(p->timer, &tv);
}

/* ---- what it means ---- */

static void
set_health(struct server *s, enum server_health health,
    const struct upstream_fault *why)
{
	struct upstreams *u = s->upstream->all;
	struct server_label label;

	if (s->health == health)
		return;
	server_label(s, &label);
	pthread_rwlock_wrlock(&u->lock);
	s->health = health;
	s->since_s = clock_wall_s();
	pthread_rwlock_unlock(&u->lock);
	server_say(&label, health == SERVER_UP ? "upstream-up" :
	    "upstream-down", why);
	/* What waits for its answer goes to the next. */
	for (unsigned i = 0; health == SERVER_DOWN && i < u->shared->nworker;
	    i++)
		worker_upstream_down(u->shared->worker[i], s->id);
}

static void
hang_up(struct ping *p)
{
	if (p->io != NULL)
		event_free(p->io);
	if (p->fd >= 0)
		close(p->fd);
	tls_connector_free(p->tls);
	upstream_tls_unref(p->with);
	buf_fini(&p->in);
	buf_fini(&p->out);
	p->io = NULL;
	p->fd = -1;
	p->tls = NULL;
	p->with = NULL;
}

/* One is over: NULL: answered; else why it is a miss. */
static void
over(struct ping *p, const struct upstream_fault *why)
{
	struct server *s = p->server;
	uint64_t every_ms = (uint64_t)s->upstream->all->conf->upstream_ping *
	    1000;

	hang_up(p);
	s->asked_s = clock_wall_s();
	s->rtt_us = why != NULL ? -1 : (int64_t)(clock_mono_us() - p->asked_us);
	s->why = why != NULL ? *why : (struct upstream_fault) { .reason = "" };
	s->upstream->all->news = true;
	if (why == NULL) {
		s->misses = 0;
		set_health(s, SERVER_UP, NULL);
	} else if (++s->misses >= DOWN_MISSES) {
		set_health(s, SERVER_DOWN, why);
	}
	if (s->misses > 0 && s->misses < DOWN_MISSES)
		arm(p, SOON_MS);
	else
		arm(p, every_ms > 0 ? every_ms : SOON_MS);
}

static void
miss(struct ping *p, const char *why)
{
	struct upstream_fault f;

	upstream_fault_plain(&f, why);
	over(p, &f);
}

static void
no_connection(struct ping *p, int error)
{
	struct upstream_fault f;

	upstream_fault_connect(&f, error);
	over(p, &f);
}

/* The connection ended: in the handshake, that is why. */
static void
ended(struct ping *p, enum trust_end end, const char *why)
{
	struct upstream_fault f;

	if (p->tls == NULL || !upstream_tls_fault(&f, p->tls, end))
		upstream_fault_plain(&f, why);
	over(p, &f);
}

/* ---- sending ---- */

static void
put_request(const struct ping *p, struct buf *out)
{
	const struct server *s = p->server;
	char uri[320], from[ADDR_STRLEN + 16], host[ADDR_STRLEN],
	    branch[64];
	struct addr local;
	struct sip_request r;

	sock_local(p->fd, &local);
	snprintf(uri, sizeof(uri), "sip:%s",
	    addr_print(&s->addr, host));
	snprintf(from, sizeof(from), "sip:siptrust@%s",
	    addr_print_ip(&local, true, host));
	snprintf(branch, sizeof(branch), "z9hG4bK-ping-%s-%u", p->call_id,
	    p->cseq);
	r = (struct sip_request) {
		.method = STR("OPTIONS"), .uri = str_cstr(uri),
		.transport = str_cstr(flow_transport_name(s->transport)),
		.sent_by = &local, .branch = str_cstr(branch),
		.from = str_cstr(from), .to = str_cstr(uri),
		.from_tag = str_cstr(p->call_id),
		.call_id = str_cstr(p->call_id), .cseq = p->cseq,
		.contact = str_cstr(from),
		.user_agent = STR("siptrust/" SIPTRUST_VERSION),
	};
	sip_request_begin(out, &r);
	buf_puts(out, "Accept: application/sdp\r\n");
	sip_request_end(out, STR_NULL, STR_NULL);
}

/*
 * False: it cannot be sent.  A connection that has just been closed takes
 * nothing, but what was said before is still to be read: the alert.
 */
static bool
put(struct ping *p, struct str bytes)
{
	ssize_t n = send(p->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n == (ssize_t)bytes.n ||
	    (n < 0 && p->server->transport != FLOW_UDP);
}

/* What TLS has to say. */
static bool
flush(struct ping *p)
{
	bool sent = !p->out.failed && (p->out.n == 0 ||
	    put(p, buf_as_str(&p->out)));

	buf_reset(&p->out);
	return sent;
}

static bool
ask(struct ping *p)
{
	char text[2048];
	struct buf out;

	buf_init_array(&out, text, sizeof(text));
	put_request(p, &out);
	if (out.failed)
		return false;
	if (p->asked_us == 0)
		p->asked_us = clock_mono_us();
	if (p->tls == NULL)
		return put(p, buf_as_str(&out));
	return tls_connector_send(p->tls, buf_as_str(&out), &p->out) == 0 &&
	    flush(p);
}

static bool
watch(struct ping *p, short what)
{
	if (p->io != NULL)
		event_free(p->io);
	p->io = event_new(loop_base(p->server->upstream->all->loop), p->fd,
	    (short)(what | EV_PERSIST), on_io, p);
	return p->io != NULL && event_add(p->io, NULL) == 0;
}

/* Over a connection it goes out when that is there. */
static void
begin(struct ping *p)
{
	struct server *s = p->server;
	bool udp = s->transport == FLOW_UDP;

	look_for_source(s);
	buf_init(&p->in, BYTES_MAX);
	buf_init(&p->out, OUT_MAX);
	p->connected = udp;
	p->asked_us = 0;
	p->began_ms = clock_mono_ms();
	p->again_ms = FIRST_MS;
	p->cseq++;
	p->frame = (struct sip_frame) { 0 };
	p->fd = sock_connect(&s->addr, NULL, udp);
	if (p->fd < 0) {
		no_connection(p, -p->fd);
		return;
	}
	if (s->transport == FLOW_TLS && s->upstream->tls != NULL) {
		p->with = upstream_tls_ref(s->upstream->tls);
		if (upstream_tls_connect(&p->tls, p->with) != 0)
			p->tls = NULL;
	}
	if (!watch(p, udp ? EV_READ : EV_WRITE) ||
	    (s->transport == FLOW_TLS && p->tls == NULL)) {
		miss(p, "out of memory");
		return;
	}
	if (udp && !ask(p)) {
		miss(p, "cannot be sent");
		return;
	}
	arm(p, udp ? FIRST_MS : ANSWER_MS);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ping *p = arg;
	uint64_t past;

	if (p->io == NULL) {
		if (p->server->upstream->all->conf->upstream_ping > 0)
			begin(p);
		else
			arm(p, SOON_MS); /* a reload may want them */
		return;
	}
	past = clock_mono_ms() - p->began_ms;
	if (past >= ANSWER_MS && !p->connected) {
		no_connection(p, 0);
		return;
	}
	if (past >= ANSWER_MS) {
		ended(p, TRUST_END_TIMEOUT, "no answer to OPTIONS");
		return;
	}
	if (p->server->transport == FLOW_UDP) {
		IGNORE(!ask(p)); /* the next one may come through */
		p->again_ms *= 2;
	}
	arm(p, past + p->again_ms < ANSWER_MS ? p->again_ms :
	    ANSWER_MS - past);
}

/* ---- receiving ---- */

/* Is it the answer to ours?  Then it is over. */
static bool
heard(struct ping *p, struct str bytes, enum sip_msg_form form)
{
	struct sip_msg m;

	if (sip_msg_parse(&m, bytes, form, HEAD_MAX) != 0 || m.request ||
	    m.status < 200 || m.cseq != p->cseq ||
	    !str_eq(m.call_id, str_cstr(p->call_id)))
		return false;
	if (m.status == 503)
		miss(p, "503 Service Unavailable");
	else
		over(p, NULL);
	return true;
}

/* What has come over the connection; true: it is over. */
static bool
look_through(struct ping *p)
{
	while (!p->in.failed && p->in.n > 0) {
		const char *why;
		size_t used = 0;
		enum sip_frame_result r = sip_frame_next(&p->frame,
		    buf_as_str(&p->in), HEAD_MAX, BYTES_MAX, &used, &why);

		if (r == SIP_FRAME_MORE)
			return false;
		if (r == SIP_FRAME_BAD || r == SIP_FRAME_LIMIT)
			break;
		if (r == SIP_FRAME_MSG && heard(p, str_of(p->in.p, used),
		    SIP_STREAM))
			return true;
		buf_drop(&p->in, used);
	}
	if (!p->in.failed && p->in.n == 0)
		return false;
	miss(p, "what came over the connection is not SIP");
	return true;
}

static void
on_plain(struct str plain, void *arg)
{
	struct ping *p = arg;

	buf_str(&p->in, plain);
}

static void
read_tls(struct ping *p, struct str bytes)
{
	enum tls_conn_state before = tls_connector_state(p->tls);
	enum tls_conn_state now = tls_connector_feed(p->tls, bytes, &p->out,
	    on_plain, p);
	bool sent = flush(p);

	if (look_through(p))
		return;
	if (now == TLS_CONN_FAILED || now == TLS_CONN_CLOSED)
		ended(p, TRUST_END_FIN, "it closed the connection");
	else if (!sent || (before == TLS_CONN_HANDSHAKE &&
	    now == TLS_CONN_OPEN && !ask(p)))
		miss(p, "cannot be sent");
}

static void
on_open(struct ping *p)
{
	int error = sock_error(p->fd);

	if (error != 0) {
		no_connection(p, error);
		return;
	}
	p->connected = true;
	if (p->tls != NULL ? tls_connector_start(p->tls, &p->out) != 0 ||
	    !flush(p) : !ask(p))
		miss(p, "cannot be sent");
	else if (!watch(p, EV_READ))
		miss(p, "out of memory");
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	struct ping *p = arg;
	char bytes[BYTES_MAX];
	ssize_t n;

	if (!p->connected) {
		on_open(p);
		return;
	}
	n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && p->server->transport == FLOW_UDP) {
		no_connection(p, errno);
	} else if (n < 0) {
		ended(p, TRUST_END_RST, err_str(-errno));
	} else if (p->server->transport == FLOW_UDP) {
		IGNORE(heard(p, str_of(bytes, (size_t)n), SIP_DATAGRAM));
	} else if (n == 0) {
		ended(p, TRUST_END_FIN, "it closed the connection");
	} else if (p->tls != NULL) {
		read_tls(p, str_of(bytes, (size_t)n));
	} else {
		on_plain(str_of(bytes, (size_t)n), p);
		IGNORE(look_through(p)); /* nothing else is to be done */
	}
}

/* ---- life ---- */

int
server_watch(struct server *s)
{
	struct ping *p = calloc(1, sizeof(*p));
	uint8_t id[ID_BYTES];

	if (p == NULL)
		return -ENOMEM;
	p->server = s;
	p->fd = -1;
	digest_random(id, sizeof(id));
	str_hex(p->call_id, id, sizeof(id));
	p->timer = event_new(loop_base(s->upstream->all->loop), -1, 0,
	    on_timer, p);
	if (p->timer == NULL) {
		free(p);
		return -ENOMEM;
	}
	s->ping = p;
	arm(p, 0);
	return 0;
}

void
server_unwatch(struct server *s)
{
	struct ping *p = s->ping;

	if (p == NULL)
		return;
	hang_up(p);
	event_free(p->timer);
	free(p);
	s->ping = NULL;
}

void
server_look(struct server *s, bool down)
{
	if (s->ping->io == NULL && (down || s->health != SERVER_DOWN))
		arm(s->ping, 0);
}
