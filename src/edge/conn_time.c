/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections whose time is over, and who goes when there is no room. */
#include "edge/conn_int.h"

#define CONNECT_MS         4000 /* for a connection of ours; then its TLS    */
#define CLOSING_MS         2000 /* for the peer to read our last bytes       */
#define HANDSHAKE_GRACE_MS 2000 /* before a handshake may be pushed out      */
#define PUSH_OUT_READS     16   /* of those that only seem to be silent      */
#define BOUND_EXTRA_S      60

/* Its time in its state is over. */
static void
conn_timed_out(struct conn *c)
{
	/* It reads nothing, so the rest of its message is not read either. */
	if (c->state == CONN_BLOCKED ||
	    (c->state == CONN_FRESH && c->outq.n > 0)) {
		conn_close_slow_reader(c);
		return;
	}
	switch (c->state) {
	case CONN_SILENT:
	case CONN_HANDSHAKE:
		tally(TALLY_HANDSHAKE_TIMEOUT, &c->flow.peer);
		conn_linger(c, TRUST_END_TIMEOUT);
		break;
	case CONN_FRESH:
		tally(TALLY_FIRST_MESSAGE_TIMEOUT, &c->flow.peer);
		conn_linger(c, TRUST_END_TIMEOUT);
		break;
	case CONN_IDLE:
	case CONN_BOUND:
		tally(TALLY_IDLE_TIMEOUT, &c->flow.peer);
		conn_linger(c, TRUST_END_TIMEOUT);
		break;
	default:
		conn_close(c, TRUST_END_TIMEOUT);
		break;
	}
}

static uint64_t
time_in_state_ms(const struct conf *conf, enum conn_state state)
{
	int bound_s = conf->expires_max + BOUND_EXTRA_S;

	switch (state) {
	case CONN_CONNECTING:
	case CONN_SHAKING:
		return CONNECT_MS;
	case CONN_SILENT:
	case CONN_HANDSHAKE:
		return (uint64_t)conf->handshake_timeout * 1000;
	case CONN_FRESH:
	case CONN_BLOCKED:
		return (uint64_t)conf->first_message_timeout * 1000;
	case CONN_IDLE:
		return (uint64_t)conf->idle_timeout * 1000;
	case CONN_BOUND:
		/* A binding is refreshed or expired by then. */
		return (uint64_t)(conf->idle_timeout > bound_s ?
		    conf->idle_timeout : bound_s) * 1000;
	default:
		return CLOSING_MS;
	}
}

void
conn_sweep(struct worker *w, uint64_t now_ms)
{
	for (int s = 0; s < CONN_STATES; s++) {
		uint64_t limit = time_in_state_ms(w->conf, (enum conn_state)s);
		struct conn *c;

		while ((c = LIST_FIRST(&w->by_state[s], struct conn,
		    in_state)) != NULL && now_ms - c->since_ms >= limit)
			conn_timed_out(c);
	}
}

/* The connection that has been silent longest, or a handshake that has waited
 * for its client for a while.  NULL: none. */
static struct conn *
first_to_go(struct worker *w)
{
	struct conn *c = LIST_FIRST(&w->by_state[CONN_SILENT], struct conn,
	    in_state);

	if (c != NULL)
		return c;
	c = LIST_FIRST(&w->by_state[CONN_HANDSHAKE], struct conn, in_state);
	return c != NULL &&
	    worker_now_ms(w) - c->since_ms >= HANDSHAKE_GRACE_MS ? c : NULL;
}

bool
conn_may_push_out(struct worker *w)
{
	return first_to_go(w) != NULL;
}

/* Its first bytes may wait in the socket: then it is not silent. */
static bool
has_spoken(const struct conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* Make room: one is pushed out.  False: none can be. */
bool
conn_push_out(struct worker *w)
{
	struct conn *c = first_to_go(w);

	for (int i = 0; i < PUSH_OUT_READS && c != NULL &&
	    c->state == CONN_SILENT && has_spoken(c); i++) {
		conn_on_readable(c);
		c = first_to_go(w);
	}
	if (c == NULL || (c->state == CONN_SILENT && has_spoken(c)))
		return false;
	tally(TALLY_HANDSHAKES_MAX, &c->flow.peer);
	conn_judge(c, TRUST_END_US, true);
	conn_close(c, TRUST_END_US);
	return true;
}
