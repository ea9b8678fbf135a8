/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/link.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/sock.h"
#include "sip/frame.h"

#define RECV_BYTES   65536
#define HEAD_MAX     16384
#define MESSAGE_MAX  65535
#define OUT_MAX      (256 * 1024)
#define WAIT_S       20  /* for the connection and the handshake */

struct link {
	struct loop_reap reap;
	struct loop *loop;
	enum link_transport transport;
	int fd;
	struct event *event, *timer;
	struct tls_connector *tls;
	struct sip_frame frame;
	struct buf in, out;
	bool connected, up, dead;
	const struct link_ops *ops;
	void *arg;
	char bytes[RECV_BYTES];
};

static void on_event(evutil_socket_t fd, short what, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);

struct str
link_transport_name(enum link_transport t)
{
	return t == LINK_UDP ? STR("UDP") : t == LINK_TCP ? STR("TCP") :
							    STR("TLS");
}

static void
link_free(void *arg)
{
	struct link *l = arg;

	if (l->event != NULL)
		event_free(l->event);
	if (l->timer != NULL)
		event_free(l->timer);
	if (l->fd >= 0)
		close(l->fd);
	tls_connector_free(l->tls);
	buf_fini(&l->in);
	buf_fini(&l->out);
	free(l);
}

/* ---- the end ---- */

static void
die(struct link *l, const char *why)
{
	struct tls_outcome outcome;
	struct link_end end = { .why = why, .was_up = l->up };

	if (l->dead)
		return;
	l->dead = true;
	event_del(l->event);
	event_del(l->timer);
	if (l->tls != NULL) {
		tls_connector_outcome(l->tls, &outcome);
		if (outcome.refuser != TLS_REFUSER_NONE) {
			end.outcome = &outcome;
			end.why = outcome.words;
		}
	}
	/* What is not flushed now is lost: an alert leaves at once. */
	close(l->fd);
	l->fd = -1;
	l->ops->down(&end, l->arg);
}

/* ---- bytes out ---- */

static void
arm(struct link *l)
{
	short what = EV_READ | EV_PERSIST;

	if (!l->connected || l->out.n > 0)
		what |= EV_WRITE;
	event_del(l->event);
	event_assign(l->event, loop_base(l->loop), l->fd, what, on_event, l);
	event_add(l->event, NULL);
}

static void
flush(struct link *l)
{
	ssize_t n;

	if (l->dead || !l->connected)
		return;
	while (l->out.n > 0) {
		n = send(l->fd, l->out.p, l->out.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* a broken link shows when it is read */
		buf_drop(&l->out, (size_t)n);
	}
	arm(l);
}

void
link_send(struct link *l, struct str message)
{
	if (l->dead || !l->up)
		return;
	if (l->transport == LINK_UDP) {
		/* UDP: a datagram may be lost on the way out too. */
		IGNORE(send(l->fd, message.p, message.n, MSG_NOSIGNAL) < 0);
		return;
	}
	if (l->transport == LINK_TCP)
		buf_str(&l->out, message);
	else
		/* What fails here shows in the next read. */
		IGNORE(tls_connector_send(l->tls, message, &l->out));
	flush(l);
}

void
link_ping(struct link *l)
{
	link_send(l, l->transport == LINK_UDP ? STR("\r\n") :
						STR("\r\n\r\n"));
}

/* ---- bytes in ---- */

/* Hand over every whole message of the stream. */
static void
cut(struct link *l)
{
	size_t used = 0;

	while (l->in.n > 0 && !l->dead) {
		const char *why = NULL;
		enum sip_frame_result r = sip_frame_next(&l->frame,
		    buf_as_str(&l->in), HEAD_MAX, MESSAGE_MAX, &used, &why);

		if (r == SIP_FRAME_MORE)
			return;
		if (r == SIP_FRAME_BAD || r == SIP_FRAME_LIMIT) {
			die(l, "what the server sent is not SIP");
			return;
		}
		if (r == SIP_FRAME_MSG)
			l->ops->message(str_of(l->in.p, used), l->arg);
		else if (r == SIP_FRAME_PING)
			link_send(l, STR("\r\n")); /* RFC 5626 4.4.1 */
		buf_drop(&l->in, used);
	}
}

static void
on_plain(struct str plain, void *arg)
{
	struct link *l = arg;

	buf_str(&l->in, plain);
}

static void
come_up(struct link *l)
{
	struct addr local;

	l->up = true;
	event_del(l->timer);
	sock_local(l->fd, &local);
	l->ops->up(&local, l->arg);
}

static void
on_tls_bytes(struct link *l, struct str bytes)
{
	enum tls_conn_state s = tls_connector_feed(l->tls, bytes, &l->out,
	    on_plain, l);

	flush(l);
	if (s == TLS_CONN_OPEN && !l->up)
		come_up(l);
	cut(l);
	if (s == TLS_CONN_FAILED)
		die(l, "TLS failed");
	else if (s == TLS_CONN_CLOSED)
		die(l, "the server closed the connection");
}

static void
on_bytes(struct link *l, struct str bytes)
{
	switch (l->transport) {
	case LINK_UDP:
		if (str_trim(bytes).n > 0)
			l->ops->message(bytes, l->arg);
		break;
	case LINK_TCP:
		buf_str(&l->in, bytes);
		cut(l);
		break;
	case LINK_TLS:
		on_tls_bytes(l, bytes);
		break;
	}
}

static void
broken(struct link *l, int error)
{
	char words[128];
	struct buf why;

	if (l->tls != NULL && l->connected)
		tls_connector_ended(l->tls);
	if (error == 0) {
		die(l, "the server closed the connection");
		return;
	}
	buf_init_array(&why, words, sizeof(words) - 1);
	buf_printf(&why, "%s: %s", l->connected && l->transport != LINK_UDP ?
	    "the connection broke" : "no connection", err_str(-error));
	words[why.n] = '\0';
	die(l, words);
}

static void
on_readable(struct link *l)
{
	ssize_t n = recv(l->fd, l->bytes, sizeof(l->bytes), 0);

	if (n > 0)
		on_bytes(l, str_of(l->bytes, (size_t)n));
	else if (n == 0 && l->transport != LINK_UDP)
		broken(l, 0);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		broken(l, errno);
}

/* The connection is made, or it cannot be made. */
static void
on_connected(struct link *l)
{
	int error = sock_error(l->fd);

	if (error != 0) {
		broken(l, error);
		return;
	}
	l->connected = true;
	if (l->transport != LINK_TLS)
		come_up(l);
	else if (tls_connector_start(l->tls, &l->out) != 0)
		die(l, "OpenSSL cannot make a ClientHello");
	else
		flush(l);
	if (!l->dead)
		arm(l);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	if (!l->connected)
		on_connected(l);
	else if (what & EV_READ)
		on_readable(l);
	else
		flush(l);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	die(l, l->connected ? "no answer in the TLS handshake" :
	    "no answer from the server's address");
}

/* ---- begin and end ---- */

static int
set_up(struct link *l, const struct link_params *p)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	int err = 0;

	l->fd = sock_connect(&p->server, &p->local, p->transport == LINK_UDP);
	if (l->fd < 0)
		return l->fd;
	if (p->transport == LINK_TLS)
		err = tls_connector_new(&l->tls, p->client, p->name,
		    p->clock_s);
	if (err != 0)
		return err;
	l->event = event_new(loop_base(l->loop), l->fd, EV_WRITE, on_event,
	    l);
	l->timer = event_new(loop_base(l->loop), -1, 0, on_timer, l);
	return l->event != NULL && l->timer != NULL &&
	    event_add(l->event, NULL) == 0 &&
	    event_add(l->timer, &wait) == 0 ? 0 : -ENOMEM;
}

int
link_open(struct link **out, struct loop *loop, const struct link_params *p,
    const struct link_ops *ops, void *arg, struct buf *why)
{
	struct link *l = calloc(1, sizeof(*l));
	char at[ADDR_STRLEN];
	int err;

	if (l == NULL)
		return -ENOMEM;
	l->loop = loop;
	l->fd = -1;
	l->transport = p->transport;
	l->ops = ops;
	l->arg = arg;
	buf_init(&l->in, MESSAGE_MAX + RECV_BYTES);
	buf_init(&l->out, OUT_MAX);
	err = set_up(l, p);
	if (err != 0) {
		buf_printf(why, "no connection to %s: %s",
		    addr_print(&p->server, at), err_str(err));
		link_free(l);
		return err;
	}
	*out = l;
	return 0;
}

bool
link_outcome(const struct link *l, struct tls_outcome *out)
{
	if (l->tls == NULL || !l->up)
		return false;
	tls_connector_outcome(l->tls, out);
	return true;
}

void
link_close(struct link *l)
{
	if (l == NULL)
		return;
	if (!l->dead) {
		if (l->tls != NULL)
			tls_connector_close(l->tls, &l->out);
		flush(l);
		event_del(l->event);
		event_del(l->timer);
	}
	l->dead = true;
	l->reap.fn = link_free;
	l->reap.arg = l;
	loop_reap(l->loop, &l->reap);
}
