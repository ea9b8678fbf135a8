/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dns.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/list.h"
#include "net/dnsrec.h"

/* 1.34 deprecates what 1.18 has (facts about c-ares: only this file). */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define TYPE_SRV    33
#define TYPE_NAPTR  35
#define CLASS_IN    1
#define TIMEOUT_MS  1500 /* for the first try at a server; c-ares doubles it */
#define TRIES       3
#define LOOKUP_MS   20000 /* no further question after this                 */
#define TTL_MIN_S   5
#define TTL_MAX_S   86400
#define FILES_TTL_S 60    /* of what /etc/hosts says                        */
#define SRVS_MAX    4     /* names that are asked for SRV                   */
#define TARGETS_MAX 8     /* hosts that are asked for their addresses       */
#define HOST_BYTES  256

struct dns {
	struct loop *loop;
	ares_channel channel;
	struct list watches;
	struct list lookups;  /* under way                                   */
	struct list finished; /* wait for their done                         */
	struct event *timer;  /* c-ares' next time-out                       */
	struct event *finish;
};

/* A socket of c-ares'. */
struct watch {
	struct list link;
	struct dns *dns;
	struct event *event;
	ares_socket_t fd;
};

struct target {
	char host[HOST_BYTES];
	uint16_t port;
	enum dns_transport transport;
};

/* One dns_locate: NAPTR, then SRV of each transport, then addresses. */
struct lookup {
	struct list link;
	struct dns *dns;
	dns_done_fn done;
	void *arg;
	uint64_t began_ms;
	char host[HOST_BYTES];
	uint16_t port;
	bool sips;
	enum dns_transport transport; /* when no record says another */
	struct target srv[SRVS_MAX];  /* host: the name to ask       */
	size_t nsrv, srv_at;
	struct target target[TARGETS_MAX];
	size_t ntarget, target_at;
	int status;                   /* of the last failure         */
	struct dns_answer answer;
};

/* ---- the loop ---- */

static void
arm_timer(struct dns *d)
{
	struct timeval tv;

	if (ares_timeout(d->channel, NULL, &tv) != NULL)
		event_add(d->timer, &tv);
	else
		event_del(d->timer);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	struct dns *d = w->dns; /* w may go while this runs */

	ares_process_fd(d->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
	    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	arm_timer(d);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm_timer(d);
}

static void
watch_free(struct watch *w)
{
	list_remove(&w->link);
	if (w->event != NULL)
		event_free(w->event);
	free(w);
}

static struct watch *
watch_of(struct dns *d, ares_socket_t fd)
{
	struct watch *w;

	LIST_FOREACH(it, &d->watches) {
		w = CONTAINER_OF(it, struct watch, link);
		if (w->fd == fd)
			return w;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->dns = d;
	w->fd = fd;
	list_append(&d->watches, &w->link);
	return w;
}

/* c-ares wants to know of this socket, or (neither) has closed it. */
static void
on_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct watch *w = watch_of(data, fd);
	short what = (short)((readable ? EV_READ : 0) |
	    (writable ? EV_WRITE : 0));

	if (w == NULL)
		return; /* no memory: the question times out */
	if (w->event != NULL)
		event_free(w->event);
	w->event = what == 0 ? NULL : event_new(loop_base(w->dns->loop), fd,
	    (short)(what | EV_PERSIST), on_socket, w);
	if (w->event == NULL)
		watch_free(w);
	else
		event_add(w->event, NULL);
}

/* ---- the end of a lookup ---- */

static void
on_finish(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;

	while (!list_empty(&d->finished)) {
		struct lookup *l = LIST_FIRST(&d->finished, struct lookup,
		    link);

		list_remove(&l->link);
		l->done(&l->answer, l->arg);
		free(l);
	}
}

static void
say_failure(struct lookup *l)
{
	struct dns_answer *a = &l->answer;

	a->error = E_ABSENT;
	if (l->status == ARES_ETIMEOUT || l->status == ARES_ECONNREFUSED)
		a->error = E_TIMEOUT;
	if (l->status == ARES_ENOMEM)
		a->error = -ENOMEM;
	snprintf(a->why, sizeof(a->why), "%.100s: %s", l->host,
	    l->status == ARES_SUCCESS ? "has no address" :
	    ares_strerror(l->status));
}

static void
finish(struct lookup *l)
{
	struct dns_answer *a = &l->answer;

	if (a->n == 0)
		say_failure(l);
	if (a->ttl_s < TTL_MIN_S)
		a->ttl_s = TTL_MIN_S;
	if (a->ttl_s > TTL_MAX_S)
		a->ttl_s = TTL_MAX_S;
	list_remove(&l->link);
	list_append(&l->dns->finished, &l->link);
	event_active(l->dns->finish, EV_TIMEOUT, 1);
}

static bool
out_of_time(const struct lookup *l)
{
	return clock_mono_ms() - l->began_ms > LOOKUP_MS;
}

static void
note_ttl(struct lookup *l, uint32_t ttl_s)
{
	if (ttl_s < l->answer.ttl_s)
		l->answer.ttl_s = ttl_s;
}

/* ---- addresses ---- */

static void next_target(struct lookup *l);

static uint16_t
default_port(enum dns_transport t)
{
	return t == DNS_TLS ? 5061 : 5060;
}

static void
add_target(struct lookup *l, const char *host, uint16_t port,
    enum dns_transport transport)
{
	struct target *t;

	if (l->ntarget == TARGETS_MAX)
		return;
	t = &l->target[l->ntarget++];
	str_copy(t->host, sizeof(t->host), str_cstr(host));
	t->port = port != 0 ? port : default_port(transport);
	t->transport = transport;
}

static void
add_hop(struct lookup *l, const struct target *t, const struct addr *addr)
{
	struct dns_answer *a = &l->answer;
	struct dns_hop *h = &a->hop[a->n];

	if (a->n == DNS_HOPS_MAX)
		return;
	*h = (struct dns_hop) { .addr = *addr, .transport = t->transport };
	addr_set_port(&h->addr, t->port);
	str_copy(h->host, sizeof(h->host), str_cstr(t->host));
	for (size_t i = 0; i < a->n; i++) {
		if (a->hop[i].transport == h->transport &&
		    addr_equal(&a->hop[i].addr, &h->addr))
			return; /* two names of one server */
	}
	a->n++;
}

static void
on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *res)
{
	struct lookup *l = arg;
	struct ares_addrinfo_node *n = res != NULL ? res->nodes : NULL;

	if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) {
		if (res != NULL)
			ares_freeaddrinfo(res);
		return;
	}
	if (status != ARES_SUCCESS)
		l->status = status;
	for (; n != NULL; n = n->ai_next) {
		struct addr addr;

		addr_from_sa(&addr, n->ai_addr);
		note_ttl(l, n->ai_ttl > 0 ? (uint32_t)n->ai_ttl : FILES_TTL_S);
		add_hop(l, &l->target[l->target_at], &addr);
	}
	if (res != NULL)
		ares_freeaddrinfo(res);
	l->target_at++;
	next_target(l);
}

static void
next_target(struct lookup *l)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM,
	};
	struct addr numeric;

	while (l->target_at < l->ntarget) {
		struct target *t = &l->target[l->target_at];

		if (addr_parse_ip(&numeric, str_cstr(t->host)) == 0) {
			add_hop(l, t, &numeric);
			l->target_at++;
			continue;
		}
		if (out_of_time(l))
			break;
		ares_getaddrinfo(l->dns->channel, t->host, NULL, &hints,
		    on_addresses, l);
		return;
	}
	finish(l);
}

/* ---- SRV ---- */

static void next_srv(struct lookup *l);

static uint32_t
draw(void *arg, uint32_t n)
{
	uint64_t random;

	digest_random(&random, sizeof(random));
	return (uint32_t)(random % ((uint64_t)n + 1));
}

static bool
answered(struct lookup *l, int status, const unsigned char *bytes)
{
	if (status != ARES_SUCCESS)
		l->status = status;
	return status == ARES_SUCCESS && bytes != NULL;
}

static void
on_srv(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
	struct lookup *l = arg;
	struct dnsrec_srv v[DNSREC_MAX];
	size_t found = 0;

	if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
		return;
	if (answered(l, status, bytes))
		found = dnsrec_srv(str_of((char *)bytes, (size_t)n), v);
	dnsrec_order_srv(v, found, draw, NULL);
	for (size_t i = 0; i < found; i++) {
		note_ttl(l, v[i].ttl_s);
		if (v[i].target[0] != '\0')
			add_target(l, v[i].target, v[i].port,
			    l->srv[l->srv_at].transport);
	}
	l->srv_at++;
	next_srv(l);
}

static void
next_srv(struct lookup *l)
{
	if (l->srv_at < l->nsrv && !out_of_time(l)) {
		ares_query(l->dns->channel, l->srv[l->srv_at].host, CLASS_IN,
		    TYPE_SRV, on_srv, l);
		return;
	}
	/* RFC 3263 4.2: no SRV, then the addresses of the name itself. */
	if (l->ntarget == 0)
		add_target(l, l->host, l->port, l->transport);
	next_target(l);
}

static void
add_srv(struct lookup *l, const char *name, enum dns_transport transport)
{
	struct target *t = &l->srv[l->nsrv];

	if (l->nsrv < SRVS_MAX &&
	    str_copy(t->host, sizeof(t->host), str_cstr(name))) {
		t->transport = transport;
		l->nsrv++;
	}
}

/* "_sip._udp.example.com" (RFC 3263 4.1). */
static void
add_srv_of(struct lookup *l, enum dns_transport transport)
{
	static const char *const service[] = {
		[DNS_UDP] = "_sip._udp", [DNS_TCP] = "_sip._tcp",
		[DNS_TLS] = "_sips._tcp",
	};
	char name[HOST_BYTES + 16];

	snprintf(name, sizeof(name), "%s.%s", service[transport], l->host);
	add_srv(l, name, transport);
}

/* ---- NAPTR ---- */

static bool
transport_of(const struct dnsrec_naptr *r, bool sips, enum dns_transport *out)
{
	struct str service = str_cstr(r->service);

	if (r->flag != 's' || r->replacement[0] == '\0')
		return false;
	if (str_ieq(service, STR("SIPS+D2T")))
		*out = DNS_TLS;
	else if (str_ieq(service, STR("SIP+D2T")))
		*out = DNS_TCP;
	else if (str_ieq(service, STR("SIP+D2U")))
		*out = DNS_UDP;
	else
		return false;
	return !sips || *out == DNS_TLS;
}

static void
on_naptr(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
	struct lookup *l = arg;
	struct dnsrec_naptr v[DNSREC_MAX];
	size_t found = 0;

	if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
		return;
	if (answered(l, status, bytes))
		found = dnsrec_naptr(str_of((char *)bytes, (size_t)n), v);
	dnsrec_order_naptr(v, found);
	for (size_t i = 0; i < found; i++) {
		enum dns_transport transport;

		if (!transport_of(&v[i], l->sips, &transport))
			continue;
		note_ttl(l, v[i].ttl_s);
		add_srv(l, v[i].replacement, transport);
	}
	/* None: SRV of each transport that could be (RFC 3263 4.1). */
	if (l->nsrv == 0 && !l->sips) {
		add_srv_of(l, DNS_UDP);
		add_srv_of(l, DNS_TCP);
	} else if (l->nsrv == 0) {
		add_srv_of(l, DNS_TLS);
	}
	next_srv(l);
}

/* ---- begin ---- */

int
dns_locate(struct dns *d, const struct dns_question *q, dns_done_fn done,
    void *arg)
{
	struct lookup *l = calloc(1, sizeof(*l));
	struct addr numeric;

	if (l == NULL)
		return -ENOMEM;
	l->dns = d;
	l->done = done;
	l->arg = arg;
	l->began_ms = clock_mono_ms();
	l->port = q->port;
	l->sips = q->sips;
	l->transport = q->transport_given ? q->transport :
	    q->sips ? DNS_TLS : DNS_UDP;
	l->answer.ttl_s = TTL_MAX_S;
	list_append(&d->lookups, &l->link);
	if (!str_copy(l->host, sizeof(l->host), q->host)) {
		l->status = ARES_EBADNAME;
		finish(l);
	} else if (addr_parse_ip(&numeric, q->host) == 0 || q->port != 0) {
		next_srv(l); /* there is none to ask */
	} else if (q->transport_given) {
		add_srv_of(l, q->transport);
		next_srv(l);
	} else {
		ares_query(d->channel, l->host, CLASS_IN, TYPE_NAPTR, on_naptr,
		    l);
	}
	arm_timer(d);
	return 0;
}

int
dns_new(struct dns **out, struct loop *loop, const char *servers)
{
	struct dns *d = calloc(1, sizeof(*d));
	struct ares_options options = {
		.timeout = TIMEOUT_MS, .tries = TRIES,
		.sock_state_cb = on_state, .sock_state_cb_data = d,
	};

	if (d == NULL)
		return -ENOMEM;
	d->loop = loop;
	list_init(&d->watches);
	list_init(&d->lookups);
	list_init(&d->finished);
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		free(d);
		return -ENOMEM;
	}
	if (ares_init_options(&d->channel, &options, ARES_OPT_TIMEOUTMS |
	    ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
		d->channel = NULL;
	d->timer = event_new(loop_base(loop), -1, 0, on_timer, d);
	d->finish = event_new(loop_base(loop), -1, 0, on_finish, d);
	if (d->channel == NULL || d->timer == NULL || d->finish == NULL) {
		dns_free(d);
		return -ENOMEM;
	}
	if (servers != NULL && ares_set_servers_ports_csv(d->channel,
	    servers) != ARES_SUCCESS) {
		dns_free(d);
		return E_PARSE;
	}
	*out = d;
	return 0;
}

static void
free_lookups(struct list *head)
{
	LIST_FOREACH_SAFE(it, next, head)
		free(CONTAINER_OF(it, struct lookup, link));
}

void
dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	if (d->channel != NULL)
		ares_destroy(d->channel);
	LIST_FOREACH_SAFE(it, next, &d->watches)
		watch_free(CONTAINER_OF(it, struct watch, link));
	free_lookups(&d->lookups);
	free_lookups(&d->finished);
	if (d->timer != NULL)
		event_free(d->timer);
	if (d->finish != NULL)
		event_free(d->finish);
	ares_library_cleanup();
	free(d);
}
