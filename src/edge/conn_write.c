/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes out of a connection: at once, gathered, or when there is room. */
#include <errno.h>

#include "edge/conn_int.h"

void
conn_arm(struct conn *c, bool write)
{
	struct worker *w = c->flow.worker;

	/* While the peer does not read our answers, we do not read it. */
	event_del(&c->event);
	event_assign(&c->event, loop_base(w->loop), c->fd,
	    (write ? EV_WRITE : EV_READ) | EV_PERSIST, conn_on_event, c);
	event_add(&c->event, NULL);
	c->write_armed = write;
}

void
conn_close_slow_reader(struct conn *c)
{
	tally(TALLY_SLOW_READER, &c->flow.peer);
	conn_close(c, TRUST_END_US);
}

/*
 * Send bytes, keep what the socket does not take.  A send error is no reason
 * to close: what the peer said before is still to be read (the alert!).
 */
static void
conn_put(struct conn *c, struct str bytes)
{
	ssize_t n = 0;

	if (bytes.n == 0 || c->state == CONN_CLOSED)
		return;
	if (c->outq.n == 0 && c->state != CONN_CONNECTING) {
		n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				return;
			n = 0;
		}
	}
	if ((size_t)n == bytes.n)
		return;
	buf_str(&c->outq, str_from(bytes, (size_t)n));
	if (c->outq.failed) {
		conn_close_slow_reader(c);
		return;
	}
	if (c->write_armed)
		return;
	conn_arm(c, true);
	if (c->state == CONN_IDLE || c->state == CONN_BOUND)
		conn_enter(c, CONN_BLOCKED);
}

/* The scratch buffer's bytes go out in one piece. */
void
conn_put_scratch(struct conn *c)
{
	struct worker *w = c->flow.worker;

	/* What does not fit in here nobody will read in time either. */
	if (w->out.failed)
		conn_close_slow_reader(c);
	else if (w->out.n > 0)
		conn_put(c, buf_as_str(&w->out));
	buf_reset(&w->out);
}

static int
encrypt(struct conn *c, struct str bytes, struct buf *out)
{
	if (c->out != NULL)
		return conn_out_encrypt(c, bytes, out);
	return c->tls != NULL ? tls_conn_send(c->tls, bytes, out) : E_STATE;
}

void
conn_put_close_notify(struct conn *c)
{
	struct buf *out = &c->flow.worker->out;

	if (c->out != NULL)
		conn_out_close_notify(c, out);
	else if (c->tls != NULL && tls_conn_state(c->tls) == TLS_CONN_OPEN)
		tls_conn_close(c->tls, out);
}

/*
 * While bytes of a connection are read its answers gather in the scratch buffer
 * and leave together; from anywhere else an answer leaves at once.  What a
 * message of another connection brings here must not mix with what gathers for
 * that one.
 */
bool
conn_send(struct conn *c, struct str bytes)
{
	struct worker *w = c->flow.worker;

	if (c->state == CONN_CLOSED || c->state == CONN_CLOSING)
		return false;
	if (c->flow.transport != FLOW_TLS) {
		if (c->feeding)
			buf_str(&w->out, bytes);
		else
			conn_put(c, bytes);
		return true;
	}
	if (encrypt(c, bytes, c->feeding ? &w->out : &w->side) != 0)
		return false;
	if (!c->feeding) {
		conn_put(c, buf_as_str(&w->side));
		buf_reset(&w->side);
	}
	return true;
}

void
conn_on_writable(struct conn *c)
{
	ssize_t n = send(c->fd, c->outq.p, c->outq.n,
	    MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		n = (ssize_t)c->outq.n; /* it reads no more: read on */
	}
	buf_drop(&c->outq, (size_t)n);
	if (c->outq.n > 0)
		return;
	buf_fini(&c->outq);
	if (c->state == CONN_CLOSING)
		shutdown(c->fd, SHUT_WR);
	conn_arm(c, false);
	if (c->state == CONN_BLOCKED)
		conn_enter_rest(c);
}
