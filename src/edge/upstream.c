/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "edge/upstream_int.h"

#define AGAIN_MIN_S   30   /* between two questions to the resolver */
#define AGAIN_SOON_S  5    /* while there is no address             */
#define SERVERS_BYTES 1024 /* of the log line                       */
#define FAILED_S      60  /* between two lines of upstream_failed   */

static void
lock_read(const struct upstreams *u)
{
	pthread_rwlock_rdlock((pthread_rwlock_t *)&u->lock);
}

static void
unlock(const struct upstreams *u)
{
	pthread_rwlock_unlock((pthread_rwlock_t *)&u->lock);
}

/* The same in every run: tokens of an earlier one name it. */
static uint32_t
hash_of(const void *p, size_t n)
{
	static const uint64_t key[2] = { 0x75707374, 0x7265616d };
	uint64_t h = hash_siphash(key, p, n);

	return (uint32_t)(h ^ h >> 32) | 1;
}

static uint64_t
server_id(const struct upstream *x, const struct addr *addr,
    enum flow_transport transport)
{
	char text[ADDR_STRLEN], whole[ADDR_STRLEN + 8];
	int n = snprintf(whole, sizeof(whole), "%s/%s",
	    addr_print(addr, text), flow_transport_name(transport));

	return (uint64_t)x->hash << 32 | hash_of(whole, (size_t)n);
}

/* ---- servers ---- */

static void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	server_unwatch(s);
	free(s);
}

static struct server *
server_new(struct upstream *x, const struct addr *addr,
    enum flow_transport transport)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->upstream = x;
	s->addr = *addr;
	s->transport = transport;
	s->id = server_id(x, addr, transport);
	s->since_s = clock_wall_s();
	s->rtt_us = -1;
	x->all->news = true;
	s->from = server_source(s);
	if (server_watch(s) != 0) {
		free(s);
		return NULL;
	}
	return s;
}

/* The one of x at this address, taken out of it; NULL: there is none. */
static struct server *
take(struct upstream *x, const struct addr *addr, enum flow_transport transport)
{
	for (size_t i = 0; i < x->nserver; i++) {
		struct server *s = x->server[i];

		if (s == NULL || s->transport != transport ||
		    !addr_equal(&s->addr, addr))
			continue;
		x->server[i] = NULL;
		return s;
	}
	return NULL;
}

static void
say_servers(const struct upstream *x)
{
	char text[SERVERS_BYTES], addr[ADDR_STRLEN];
	struct buf b;

	buf_init_array(&b, text, sizeof(text));
	for (size_t i = 0; i < x->nserver; i++)
		buf_printf(&b, "%s%s/%s", i > 0 ? "," : "",
		    addr_print(&x->server[i]->addr, addr),
		    flow_transport_name(x->server[i]->transport));
	log_info("upstream-resolved", "name=%s servers=%.*s", x->name,
	    STR_FMT(buf_as_str(&b)));
}

/* Without an address of our own for TLS there is no way by TLS. */
static bool
is_usable(const struct upstream *x, const struct dns_hop *h)
{
	return h->transport != DNS_TLS ||
	    (x->tls != NULL && x->all->conf->tls.n > 0);
}

static enum flow_transport
transport_of(const struct dns_hop *h)
{
	return h->transport == DNS_TLS ? FLOW_TLS :
	    h->transport == DNS_TCP ? FLOW_TCP : FLOW_UDP;
}

/* What the resolver said; a server that stays keeps its health. */
static void
set_servers(struct upstream *x, const struct dns_answer *a)
{
	struct server *all[UPSTREAM_SERVERS_MAX], *old[UPSTREAM_SERVERS_MAX];
	size_t n = 0, nold = x->nserver;
	bool same = true;

	pthread_rwlock_wrlock(&x->all->lock);
	for (size_t i = 0; i < a->n && n < UPSTREAM_SERVERS_MAX; i++) {
		const struct dns_hop *h = &a->hop[i];
		enum flow_transport t = transport_of(h);

		if (!is_usable(x, h))
			continue;
		all[n] = take(x, &h->addr, t);
		same = same && all[n] != NULL;
		if (all[n] == NULL)
			all[n] = server_new(x, &h->addr, t);
		n += all[n] != NULL;
	}
	memcpy(old, x->server, sizeof(old));
	memcpy(x->server, all, n * sizeof(all[0]));
	x->nserver = n;
	pthread_rwlock_unlock(&x->all->lock);
	for (size_t i = 0; i < nold; i++) {
		same = same && old[i] == NULL;
		server_free(old[i]);
	}
	if (!same)
		say_servers(x);
}

/* ---- names ---- */

static void
resolve_in(struct upstream *x, uint32_t s)
{
	struct timeval tv = { .tv_sec = s };

	event_add(x->again, &tv);
}

static bool
has_usable(const struct upstream *x, const struct dns_answer *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (is_usable(x, &a->hop[i]))
			return true;
	}
	return false;
}

static void
on_resolved(const struct dns_answer *a, void *arg)
{
	struct upstream *x = arg;
	char why[LOG_VAL_MAX];

	x->asked = false;
	if (x->all == NULL) { /* a reload has dropped it meanwhile */
		free(x);
		return;
	}
	if (has_usable(x, a)) {
		x->unresolved = false;
		set_servers(x, a);
		resolve_in(x, a->ttl_s > AGAIN_MIN_S ? a->ttl_s : AGAIN_MIN_S);
		return;
	}
	if (!x->unresolved)
		log_warn("upstream-unresolved", "name=%s reason=%s kept=%s",
		    x->name, log_val(why, sizeof(why), str_cstr(a->n > 0 ?
		    "the DNS names servers for TLS alone, and tls has no "
		    "address" : a->why)),
		    x->nserver > 0 ? "yes" : "no");
	x->unresolved = true;
	resolve_in(x, x->nserver > 0 ? AGAIN_MIN_S : AGAIN_SOON_S);
}

static void
resolve_now(struct upstream *x)
{
	const struct conf_upstream *c = x->conf;
	struct dns_question q = {
		.host = str_cstr(c->host), .port = (uint16_t)c->port,
		.transport_given = c->transport != CONF_TRANSPORT_ANY,
		.transport = c->transport == CONF_TRANSPORT_TCP ? DNS_TCP :
		    c->transport == CONF_TRANSPORT_TLS ? DNS_TLS : DNS_UDP,
		.sips = c->sips,
	};

	if (x->asked)
		return;
	x->asked = true;
	if (dns_locate(x->all->dns, &q, on_resolved, x) != 0) {
		x->asked = false;
		resolve_in(x, AGAIN_SOON_S);
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	resolve_now(arg);
}

/* ---- life ---- */

static void
upstream_drop(struct upstream *x)
{
	for (size_t i = 0; i < x->nserver; i++)
		server_free(x->server[i]);
	if (x->again != NULL)
		event_free(x->again);
	x->again = NULL;
	upstream_tls_unref(x->tls);
	x->tls = NULL;
	x->nserver = 0;
	x->all = NULL;
	if (!x->asked)
		free(x);
}

static struct upstream *
upstream_new(struct upstreams *u, struct conf_upstream *conf)
{
	struct upstream *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->all = u;
	x->conf = conf;
	str_copy(x->name, sizeof(x->name), str_cstr(conf->name));
	x->hash = hash_of(x->name, strlen(x->name));
	x->again = event_new(loop_base(u->loop), -1, 0, on_again, x);
	if (x->again == NULL) {
		free(x);
		return NULL;
	}
	return x;
}

/* The one of before that means the same. */
static struct upstream *
keep(struct upstreams *u, struct conf_upstream *conf)
{
	for (size_t i = 0; i < u->n; i++) {
		struct upstream *x = u->v[i];

		if (x == NULL || strcmp(x->name, conf->name) != 0 ||
		    strcmp(x->conf->uri, conf->uri) != 0)
			continue;
		u->v[i] = NULL;
		return x;
	}
	return NULL;
}

/* ---- settings ---- */

static struct upstream *
find(const struct upstreams *u, const char *name)
{
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->v[i]->name, name) == 0)
			return u->v[i];
	return NULL;
}

void
upstreams_discard(struct upstreams *u)
{
	for (size_t i = 0; u != NULL && i < CONF_UPSTREAMS_MAX; i++) {
		upstream_tls_unref(u->next[i]);
		u->next[i] = NULL;
	}
}

/* The one in force instead of one that cannot be made. */
static struct upstream_tls *
stay(const struct upstreams *u, const struct conf_upstream *c,
    const struct buf *said)
{
	const struct upstream *x = find(u, c->name);
	char text[LOG_VAL_MAX * 2];

	if (x == NULL || x->tls == NULL)
		return NULL;
	log_err("upstream-files-not-loaded", "name=%s reason=%s kept=yes",
	    c->name, log_val(text, sizeof(text), buf_as_str(said)));
	return upstream_tls_ref(x->tls);
}

static void
warn_unverified(const struct conf_upstream *c)
{
	if (c->verify == CONF_VERIFY_NO)
		log_warn("upstream-unverified", "name=%s reason=\"verify is "
		    "no: whoever is in between can be the PBX\"", c->name);
}

int
upstreams_prepare(struct upstreams *u, const struct conf *conf, bool keep,
    struct buf *why)
{
	upstreams_discard(u);
	for (size_t i = 0; u != NULL && i < conf->nupstream; i++) {
		const struct conf_upstream *c = &conf->upstream[i];
		char text[2048];
		struct buf said;
		int err = 0;

		buf_init_array(&said, text, sizeof(text));
		if (conf_upstream_may_use_tls(c))
			err = upstream_tls_new(&u->next[i], conf, c, &said);
		if (err != 0 && keep)
			u->next[i] = stay(u, c, &said);
		if (err != 0 && u->next[i] == NULL) {
			buf_str(why, buf_as_str(&said));
			upstreams_discard(u);
			return err;
		}
		if (!keep)
			warn_unverified(c);
	}
	return 0;
}

/* Each upstream gets what was prepared for it; the lock is held. */
static void
take_prepared(struct upstreams *u)
{
	for (size_t i = 0; i < u->n; i++) {
		struct upstream_tls *before = u->v[i]->tls;

		u->v[i]->tls = u->next[i];
		u->next[i] = before; /* for upstreams_discard */
	}
}

int
upstreams_set_conf(struct upstreams *u, struct conf *conf)
{
	struct upstream *all[CONF_UPSTREAMS_MAX], *old[CONF_UPSTREAMS_MAX];
	struct conf *before = u->conf;
	size_t nold = u->n, fresh = 0;
	struct upstream *begun[CONF_UPSTREAMS_MAX];

	for (size_t i = 0; i < conf->nupstream; i++) {
		begun[i] = upstream_new(u, &conf->upstream[i]);
		if (begun[i] != NULL)
			continue;
		while (i-- > 0)
			upstream_drop(begun[i]);
		return -ENOMEM;
	}
	pthread_rwlock_wrlock(&u->lock);
	for (size_t i = 0; i < conf->nupstream; i++) {
		all[i] = keep(u, &conf->upstream[i]);
		if (all[i] == NULL) {
			all[i] = begun[i];
			begun[i] = NULL;
		} else {
			all[i]->conf = &conf->upstream[i];
		}
	}
	memcpy(old, u->v, sizeof(old));
	memcpy(u->v, all, conf->nupstream * sizeof(all[0]));
	u->n = conf->nupstream;
	u->conf = conf_ref(conf);
	take_prepared(u);
	u->news = true;
	pthread_rwlock_unlock(&u->lock);
	upstreams_discard(u);
	for (size_t i = 0; i < nold; i++) {
		if (old[i] != NULL)
			upstream_drop(old[i]);
	}
	for (size_t i = 0; i < conf->nupstream; i++) {
		if (begun[i] != NULL)
			upstream_drop(begun[i]);
		else
			fresh++;
	}
	conf_unref(before);
	for (size_t i = 0; fresh > 0 && i < u->n; i++) {
		if (u->v[i]->nserver == 0)
			resolve_now(u->v[i]);
	}
	/* What was refused may be taken now. */
	for (size_t i = 0; i < u->n; i++) {
		for (size_t k = 0; u->v[i]->tls != NULL &&
		    k < u->v[i]->nserver; k++)
			server_look(u->v[i]->server[k], true);
	}
	return 0;
}

int
upstreams_new(struct upstreams **out, struct conf *conf, struct loop *loop,
    const struct worker_shared *shared, struct buf *why)
{
	const char *servers = conf->dns_servers[0] != '\0' ?
	    conf->dns_servers : NULL;
	struct upstreams *u;
	int err;

	*out = NULL;
	if (conf->nupstream == 0) {
		upstreams_note_none(conf);
		return 0;
	}
	u = calloc(1, sizeof(*u));
	if (u == NULL)
		return -ENOMEM;
	pthread_rwlock_init(&u->lock, NULL);
	pthread_mutex_init(&u->accounts_lock, NULL);
	u->loop = loop;
	u->shared = shared;
	err = accounts_init(u);
	if (err == 0)
		err = dns_new(&u->dns, loop, servers);
	if (err == 0)
		err = upstreams_note_begin(u);
	if (err == 0)
		err = upstreams_prepare(u, conf, false, why);
	if (err == 0)
		err = upstreams_set_conf(u, conf);
	if (err != 0) {
		upstreams_free(u);
		return err;
	}
	*out = u;
	return 0;
}

void
upstreams_free(struct upstreams *u)
{
	if (u == NULL)
		return;
	/* What the resolver still works on gets no answer any more. */
	dns_free(u->dns);
	for (size_t i = 0; i < u->n; i++) {
		u->v[i]->asked = false;
		upstream_drop(u->v[i]);
	}
	upstreams_discard(u);
	if (u->note != NULL)
		event_free(u->note);
	accounts_fini(u);
	pthread_mutex_destroy(&u->accounts_lock);
	pthread_rwlock_destroy(&u->lock);
	conf_unref(u->conf);
	free(u);
}

/* ---- asked by workers ---- */

uint64_t
upstreams_at(const struct upstreams *u, const struct addr *peer)
{
	bool with_port = addr_is_loopback(peer);
	uint64_t id = 0;

	lock_read(u);
	for (size_t i = 0; i < u->n && id == 0; i++) {
		for (size_t k = 0; k < u->v[i]->nserver && id == 0; k++) {
			const struct server *s = u->v[i]->server[k];

			if (with_port ? addr_equal(&s->addr, peer) :
			    addr_equal_ip(&s->addr, peer))
				id = s->id;
		}
	}
	unlock(u);
	return id;
}

bool
upstreams_host(const struct upstreams *u, const struct addr *peer)
{
	bool found = false;

	lock_read(u);
	for (size_t i = 0; i < u->n && !found; i++) {
		for (size_t k = 0; k < u->v[i]->nserver && !found; k++)
			found = addr_equal_ip(&u->v[i]->server[k]->addr, peer);
	}
	unlock(u);
	return found;
}

bool
upstreams_name(const struct upstreams *u, uint64_t id,
    char out[UPSTREAM_NAME_MAX])
{
	bool found = false;

	out[0] = '\0';
	lock_read(u);
	for (size_t i = 0; i < u->n && !found; i++) {
		found = u->v[i]->hash == id >> 32;
		if (found)
			str_copy(out, UPSTREAM_NAME_MAX,
			    str_cstr(u->v[i]->name));
	}
	unlock(u);
	return found;
}

static void
add_pick(struct server_pick out[UPSTREAM_TARGETS_MAX], size_t *n,
    const struct server *s)
{
	for (size_t i = 0; i < *n; i++) {
		if (out[i].id == s->id)
			return;
	}
	if (*n == UPSTREAM_TARGETS_MAX || !addr_is_set(&s->from) ||
	    (s->transport == FLOW_TLS && s->upstream->tls == NULL))
		return;
	out[*n] = (struct server_pick) { .id = s->id, .addr = s->addr,
		.from = s->from, .transport = s->transport,
		.contact = s->upstream->conf->contact };
	if (s->transport == FLOW_TLS)
		out[*n].tls = upstream_tls_ref(s->upstream->tls);
	(*n)++;
}

/* Those of one upstream that live; the one with this id before the others. */
static void
pick_of(const struct upstream *x, uint64_t first,
    struct server_pick out[UPSTREAM_TARGETS_MAX], size_t *n)
{
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < x->nserver; i++) {
			const struct server *s = x->server[i];

			if (s->health != SERVER_DOWN &&
			    (round > 0 || s->id == first))
				add_pick(out, n, s);
		}
	}
}

size_t
upstreams_pick(const struct upstreams *u, uint64_t only,
    struct server_pick out[UPSTREAM_TARGETS_MAX])
{
	size_t n = 0;

	lock_read(u);
	for (size_t i = 0; i < u->n; i++) {
		if (only == 0 || u->v[i]->hash == only >> 32)
			pick_of(u->v[i], only, out, &n);
	}
	unlock(u);
	return n;
}

/* ---- health, told by workers ---- */

static void
on_poke(void *arg)
{
	struct upstreams *u = arg;

	atomic_store(&u->poked, false);
	for (size_t i = 0; i < u->n; i++) {
		for (size_t k = 0; k < u->v[i]->nserver; k++)
			server_look(u->v[i]->server[k], false);
	}
}

void
upstream_heard(struct upstreams *u, uint64_t upstream, int status)
{
	if ((status != 0 && status != 503 && status != 408) ||
	    atomic_exchange(&u->poked, true))
		return;
	u->poke.fn = on_poke;
	u->poke.arg = u;
	loop_post(u->loop, &u->poke);
}

static struct server *
server_of(const struct upstreams *u, uint64_t id)
{
	for (size_t i = 0; i < u->n; i++) {
		for (size_t k = 0; k < u->v[i]->nserver; k++) {
			if (u->v[i]->server[k]->id == id)
				return u->v[i]->server[k];
		}
	}
	return NULL;
}

void
upstream_failed(struct upstreams *u, uint64_t upstream,
    const struct upstream_fault *f)
{
	int64_t now_s = clock_wall_s();
	struct server_label label;
	struct server *s;

	pthread_rwlock_wrlock(&u->lock);
	s = u->conf->upstream_ping == 0 ? server_of(u, upstream) : NULL;
	if (s != NULL && now_s - s->failed_s < FAILED_S)
		s = NULL;
	if (s != NULL) {
		s->failed_s = now_s;
		server_label(s, &label);
	}
	pthread_rwlock_unlock(&u->lock);
	if (s != NULL)
		server_say(&label, "upstream-failed", f);
}
