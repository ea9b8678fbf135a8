/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/keepalive.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "edge/profiles.h"
#include "edge/worker_int.h"

#define TICK_MS     100
#define PAUSE_MS    2000
#define TARGETS_MAX 65536 /* of one part: what is over waits for the next
                             round                                       */
#define MEMO        256   /* User-Agents whose profile was looked up; a
                             power of two                                 */

struct target {
	struct flow flow;
	struct str bytes;     /* static */
};

struct memo {
	uint64_t hash;
	unsigned number;      /* profiles_number; 0: not in use */
	enum device_keepalive word;
};

struct keepalive {
	struct worker *worker;
	struct event *tick;
	unsigned part;        /* the next one of ours                     */
	uint64_t part_ms;     /* when it is due                           */
	struct target *target;
	size_t n, at, size;   /* at: the next to be sent                  */
	struct memo memo[MEMO];
};

struct str
keepalive_bytes(enum flow_transport transport, bool natted,
    enum device_keepalive word)
{
	/* RFC 5626 4.4.1's ping; what follows "\r\n" on a stream is ignored
	 * before a start-line (RFC 3261 7.5). */
	const struct str crlf = STR("\r\n\r\n"), zero = STR("\0\0\0\0");

	if (word == DEVICE_KEEPALIVE_NONE)
		return STR_NULL;
	if (transport != FLOW_UDP)
		return word == DEVICE_KEEPALIVE_CRLF ? crlf : STR_NULL;
	if (word == DEVICE_KEEPALIVE_ZERO)
		return zero;
	return natted || word == DEVICE_KEEPALIVE_CRLF ? crlf : STR_NULL;
}

static enum device_keepalive
word_of(struct keepalive *k, struct str user_agent)
{
	struct profiles *p = k->worker->shared->profiles;
	uint64_t hash = hash_bytes(user_agent.p, user_agent.n);
	struct memo *m = &k->memo[hash & (MEMO - 1)];
	unsigned number;

	if (p == NULL || user_agent.n == 0)
		return 0;
	number = profiles_number(p);
	if (m->number != number || m->hash != hash)
		*m = (struct memo) { hash, number,
			profiles_keepalive(p, user_agent) };
	return m->word;
}

static bool
grow(struct keepalive *k)
{
	size_t size = k->size == 0 ? 64 : 2 * k->size;
	struct target *t;

	if (size > TARGETS_MAX)
		return false;
	t = realloc(k->target, size * sizeof(*t));
	if (t == NULL)
		return false;
	k->target = t;
	k->size = size;
	return true;
}

/* Under location's lock: noted now, sent later. */
static void
collect(const struct location_target *t, struct str user_agent, void *arg)
{
	struct keepalive *k = arg;
	struct str bytes = keepalive_bytes(t->flow.transport, t->natted,
	    word_of(k, user_agent));

	/* Behind an edge of others it is theirs to keep the way open. */
	if (bytes.p == NULL || t->path.n > 0 || !addr_is_set(&t->flow.peer) ||
	    (k->n == k->size && !grow(k)))
		return;
	k->target[k->n++] = (struct target) { t->flow, bytes };
}

static void
send_some(struct keepalive *k, size_t most)
{
	struct worker *w = k->worker;

	for (; k->at < k->n && most > 0; k->at++, most--) {
		struct target *t = &k->target[k->at];

		/* One that is gone is found out by what is sent next. */
		if (flow_place(w, &t->flow))
			IGNORE(!flow_pass(w, &t->flow, t->bytes, 0));
	}
	if (k->at < k->n)
		return;
	free(k->target);
	k->target = NULL;
	k->n = k->at = k->size = 0;
}

/* Parts of this worker; 0: there are more workers than parts. */
static unsigned
parts(const struct keepalive *k)
{
	unsigned n = k->worker->shared->nworker, index = k->worker->index;

	return index < LOCATION_PARTS ?
	    (LOCATION_PARTS - index + n - 1) / n : 0;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct keepalive *k = arg;
	struct worker *w = k->worker;
	uint64_t now_ms = worker_now_ms(w), every_ms;

	every_ms = (uint64_t)w->conf->nat_keepalive * 1000;
	if (every_ms == 0 || parts(k) == 0 || w->quiet)
		return;
	every_ms /= parts(k);
	/* Within the time of their part, evenly. */
	send_some(k, k->n * TICK_MS / (every_ms + 1) + 1);
	for (unsigned n = 0; n < parts(k) && now_ms >= k->part_ms; n++) {
		send_some(k, k->n);
		location_walk(w->shared->location, w->index +
		    k->part * w->shared->nworker, clock_wall_s(), collect, k);
		k->part = (k->part + 1) % parts(k);
		/* After a pause it is not made up for. */
		k->part_ms += every_ms;
		if (k->part_ms + PAUSE_MS < now_ms)
			k->part_ms = now_ms;
	}
}

int
keepalive_new(struct keepalive **out, struct worker *w)
{
	struct timeval every = { 0, TICK_MS * 1000 };
	struct keepalive *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return -ENOMEM;
	k->worker = w;
	k->tick = event_new(loop_base(w->loop), -1, EV_PERSIST, on_tick, k);
	if (k->tick == NULL || event_add(k->tick, &every) != 0) {
		keepalive_free(k);
		return -ENOMEM;
	}
	*out = k;
	return 0;
}

void
keepalive_free(struct keepalive *k)
{
	if (k == NULL)
		return;
	if (k->tick != NULL)
		event_free(k->tick);
	free(k->target);
	free(k);
}
