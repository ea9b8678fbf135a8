/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OPTIONS to the servers of upstreams (RFC 3261 11), from the main thread: by
 * a datagram socket, or over a connection, that lives for one of them.  A plain
 * state machine: idle, connecting, waiting.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
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
#define ID_BYTES    8

struct ping {
	struct server *server;
	struct event *timer;   /* idle: the next one; else: again, or over    */
	struct event *io;      /* of the socket; NULL: idle                   */
	int fd;
	bool connected;
	uint64_t began_ms;
	unsigned again_ms;
	uint32_t cseq;
	char call_id[2 * ID_BYTES + 1];
	struct buf in;         /* over a connection                           */
	struct sip_frame frame;
};

static void on_io(evutil_socket_t fd, short what, void *arg);

void
server_find_from(struct server *s)
{
	if (sock_source(&s->addr, &s->from) != 0)
		s->from = ADDR_NONE;
	else
		addr_set_port(&s->from, 0);
}

static void
arm(struct ping *p, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000 };

	event_add(p->timer, &tv);
}

/* ---- what it means ---- */

static void
say(const struct server *s, const char *event, const char *why)
{
	char addr[ADDR_STRLEN], text[LOG_VAL_MAX];

	if (why == NULL)
		log_info(event, "name=%s server=%s transport=%s",
		    s->upstream->name, addr_print(&s->addr, addr),
		    flow_transport_name(s->transport));
	else
		log_warn(event, "name=%s server=%s transport=%s reason=%s",
		    s->upstream->name, addr_print(&s->addr, addr),
		    flow_transport_name(s->transport),
		    log_val(text, sizeof(text), str_cstr(why)));
}

static void
set_health(struct server *s, enum server_health health, const char *why)
{
	struct upstreams *u = s->upstream->all;

	if (s->health == health)
		return;
	pthread_rwlock_wrlock(&u->lock);
	s->health = health;
	s->since_s = clock_wall_s();
	pthread_rwlock_unlock(&u->lock);
	say(s, health == SERVER_UP ? "upstream-up" : "upstream-down", why);
}

/* One is over: NULL: answered; else why it is a miss. */
static void
over(struct ping *p, const char *why)
{
	struct server *s = p->server;
	uint64_t every_ms = (uint64_t)s->upstream->all->conf->upstream_ping *
	    1000;

	if (p->io != NULL) {
		event_free(p->io);
		close(p->fd);
	}
	p->io = NULL;
	buf_fini(&p->in);
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

/* False: it cannot be sent. */
static bool
put(struct ping *p)
{
	char text[2048];
	struct buf out;
	ssize_t n;

	buf_init_array(&out, text, sizeof(text));
	put_request(p, &out);
	n = send(p->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	return !out.failed && n == (ssize_t)out.n;
}

static const char *
why_of(int error)
{
	return error == ECONNREFUSED ? "connection refused" : err_str(-error);
}

/* Over a connection it goes out when that is there. */
static void
begin(struct ping *p)
{
	struct server *s = p->server;
	bool udp = s->transport == FLOW_UDP;

	server_find_from(s);
	p->fd = sock_connect(&s->addr, NULL, udp);
	if (p->fd < 0) {
		over(p, err_str(p->fd));
		return;
	}
	p->connected = udp;
	p->began_ms = clock_mono_ms();
	p->again_ms = FIRST_MS;
	p->cseq++;
	p->frame = (struct sip_frame) { 0 };
	buf_init(&p->in, BYTES_MAX);
	p->io = event_new(loop_base(s->upstream->all->loop), p->fd,
	    (udp ? EV_READ : EV_WRITE) | EV_PERSIST, on_io, p);
	if (p->io == NULL || event_add(p->io, NULL) != 0 ||
	    (udp && !put(p))) {
		if (p->io == NULL)
			close(p->fd);
		over(p, "out of memory");
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
	if (past >= ANSWER_MS) {
		over(p, p->connected ? "no answer to OPTIONS" :
		    "no connection");
		return;
	}
	if (p->server->transport == FLOW_UDP) {
		IGNORE(!put(p)); /* the next one may come through */
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
	over(p, m.status == 503 ? "503 Service Unavailable" : NULL);
	return true;
}

static void
read_stream(struct ping *p, struct str bytes)
{
	buf_str(&p->in, bytes);
	while (!p->in.failed && p->in.n > 0) {
		const char *why;
		size_t used = 0;
		enum sip_frame_result r = sip_frame_next(&p->frame,
		    buf_as_str(&p->in), HEAD_MAX, BYTES_MAX, &used, &why);

		if (r == SIP_FRAME_MORE)
			return;
		if (r == SIP_FRAME_BAD || r == SIP_FRAME_LIMIT)
			break;
		if (r == SIP_FRAME_MSG && heard(p, str_of(p->in.p, used),
		    SIP_STREAM))
			return;
		buf_drop(&p->in, used);
	}
	if (p->in.failed || p->in.n > 0)
		over(p, "what came over the connection is not SIP");
}

static void
on_open(struct ping *p)
{
	int error = sock_error(p->fd);

	if (error != 0 || !put(p)) {
		over(p, error != 0 ? why_of(error) : "cannot be sent");
		return;
	}
	p->connected = true;
	event_free(p->io);
	p->io = event_new(loop_base(p->server->upstream->all->loop), p->fd,
	    EV_READ | EV_PERSIST, on_io, p);
	if (p->io == NULL || event_add(p->io, NULL) != 0) {
		if (p->io == NULL)
			close(p->fd);
		over(p, "out of memory");
	}
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
	if (n < 0)
		over(p, why_of(errno));
	else if (p->server->transport == FLOW_UDP)
		IGNORE(heard(p, str_of(bytes, (size_t)n), SIP_DATAGRAM));
	else if (n == 0)
		over(p, "it closed the connection");
	else
		read_stream(p, str_of(bytes, (size_t)n));
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
	if (p->io != NULL) {
		event_free(p->io);
		close(p->fd);
	}
	event_free(p->timer);
	buf_fini(&p->in);
	free(p);
	s->ping = NULL;
}

void
server_look(struct server *s)
{
	if (s->ping->io == NULL && s->health != SERVER_DOWN)
		arm(s->ping, 0);
}
