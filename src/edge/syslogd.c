/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/syslogd.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "edge/devices.h"
#include "edge/heard.h"
#include "edge/tally.h"
#include "net/dgram.h"
#include "net/loop.h"
#include "net/sock.h"

#define ADDRESSES_MAX    16
#define BACKLOG          64
#define CONNS_MAX        256
#define CONNS_PER_PEER   8
#define TICK_MS          50
#define LINES_PER_TICK   500  /* 10,000 a second, from all together      */
#define NEWS_PER_S       5    /* lines of our own log                    */
#define NEWS_BURST       20
#define NEWS_WINDOW_S    600  /* equal ones of one phone: once           */
#define IN_BYTES         (SYSLOG_FRAME_MAX + 1024)

struct service;

struct conn {
	struct list by_age;   /* spoke longest ago first */
	struct service *service;
	struct event event;
	struct addr peer;
	int fd;
	uint32_t skip;        /* as in syslog_frame      */
	size_t n;
	char in[IN_BYTES];
	struct loop_reap reap;
};

struct listener {
	struct service *service;
	struct event event;
	struct addr bound;
	int fd;
	bool udp;
};

/* The sockets of one configuration, with their thread. */
struct service {
	struct devices *devices;
	struct conf *conf;
	struct loop *loop;
	struct dgram_io *io;
	struct listener listener[2 * ADDRESSES_MAX];
	unsigned n;
	struct list conns;
	unsigned nconns;
	struct event *tick;
	unsigned budget;      /* lines until the next tick */
	bool paused;
	unsigned news;
	uint64_t news_ms;
	struct thread thread;
};

struct syslogd {
	struct devices *devices;
	struct service *now, *next;
	bool prepared;
};

/* ---- a line ---- */

static bool
may_tell(struct service *v, uint64_t now_ms)
{
	uint64_t more = (now_ms - v->news_ms) * NEWS_PER_S / 1000;

	if (more > 0) {
		v->news = more + v->news > NEWS_BURST ? NEWS_BURST :
		    v->news + (unsigned)more;
		v->news_ms = now_ms;
	}
	if (v->news == 0)
		return false;
	v->news--;
	return true;
}

static void
put_faults(struct buf *out, uint32_t faults)
{
	const char *comma = " says=";

	for (int f = 0; f < TRUST_FAULTS; f++) {
		if ((faults & 1u << f) == 0)
			continue;
		buf_printf(out, "%s%s", comma,
		    trust_fault_name((enum trust_fault)f));
		comma = ",";
	}
}

/* v: what its last refusal is now taken for; NULL: for no other. */
static void
say(const struct addr *peer, const char *agent, const struct heard_line *l,
    const struct trust_verdict *v)
{
	char from[ADDR_STRLEN], device[LOG_VAL_MAX], text[2 * HEARD_TEXT_MAX];
	char more[256];
	struct buf b;

	buf_init_array(&b, more, sizeof(more) - 1);
	put_faults(&b, l->faults);
	if (v != NULL)
		buf_printf(&b, " cause=%s confidence=%s",
		    trust_cause_name(v->cause),
		    trust_confidence_name(v->confidence));
	more[b.n] = '\0';
	log_line(l->faults != 0 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
	    "phone-said", "peer=%s%s%s about=%s%s line=%s",
	    addr_print_ip(peer, false, from), agent[0] != '\0' ?
	    " device=" : "", agent[0] != '\0' ? log_val(device,
	    sizeof(device), str_cstr(agent)) : "", said_topic_name(l->topic),
	    more, log_val(text, sizeof(text), l->text));
}

/* About something of ours: to the judge, and to the log if it is news. */
static void
tell(struct service *v, const struct addr *peer, const struct heard_line *l,
    uint64_t now_ms)
{
	char agent[TRUST_TEXT_MAX];
	struct trust_verdict verdict;
	bool changed = l->faults != 0 && devices_said(v->devices, peer,
	    l->faults, l->text, l->when_s, &verdict);

	if ((l->faults == 0 && log_get_level() < LOG_LEVEL_DEBUG) ||
	    (!heard_is_news(devices_heard(v->devices), peer, l->topic,
	    l->faults, l->when_s, NEWS_WINDOW_S) && !changed))
		return;
	if (!may_tell(v, now_ms)) {
		tally(TALLY_PHONE_SAID, peer);
		return;
	}
	IGNORE(!devices_at(v->devices, peer, agent, sizeof(agent)));
	say(peer, agent, l, changed ? &verdict : NULL);
}

static bool
is_known(const struct addr *peer, void *arg)
{
	char agent[TRUST_TEXT_MAX];

	return devices_at(arg, peer, agent, sizeof(agent));
}

static void
take_line(struct service *v, const struct addr *peer, struct str bytes)
{
	char text[HEARD_TEXT_MAX];
	struct heard *heard = devices_heard(v->devices);
	uint64_t now_ms = clock_mono_ms();
	struct heard_line l = { .when_s = clock_wall_s() };
	struct syslog_line parsed;
	struct said said;
	struct buf out;

	if (v->budget > 0)
		v->budget--;
	if (!heard_admit(heard, peer, now_ms, is_known, v->devices)) {
		tally(TALLY_SYSLOG_RATE, peer);
		return;
	}
	syslog_parse(&parsed, bytes);
	if (parsed.text.n == 0)
		return;
	/* A SIP message line by line: that is no program's name. */
	if (said_is_secret_field(parsed.tag))
		parsed.text = str_of(parsed.tag.p, (size_t)(parsed.text.p -
		    parsed.tag.p) + parsed.text.n);
	said_read(&said, parsed.text);
	if (said.faults == 0 && said.topic >= SAID_TLS &&
	    syslog_clock_is_off(parsed.when, l.when_s))
		said.faults = 1u << TRUST_FAULT_TOO_NEW;
	buf_init_array(&out, text, sizeof(text));
	said_mask(&out, parsed.text);
	l.priority = parsed.priority;
	l.topic = said.topic;
	l.faults = said.faults;
	l.text = buf_as_str(&out);
	heard_add(heard, peer, &l);
	if (l.topic != SAID_OTHER)
		tell(v, peer, &l, now_ms);
}

static void
take_lines(struct service *v, const struct addr *peer, struct str bytes)
{
	struct str line;

	while (syslog_next(&bytes, &line))
		take_line(v, peer, line);
}

/* ---- how much of it ---- */

/* What comes now waits with the kernel, or is dropped there. */
static void
pause_all(struct service *v, const struct addr *last)
{
	if (v->budget > 0 || v->paused)
		return;
	v->paused = true;
	tally(TALLY_SYSLOG_RATE, last);
	for (unsigned i = 0; i < v->n; i++)
		event_del(&v->listener[i].event);
	LIST_FOREACH(it, &v->conns)
		event_del(&CONTAINER_OF(it, struct conn, by_age)->event);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct service *v = arg;

	v->budget = LINES_PER_TICK;
	if (!v->paused)
		return;
	v->paused = false;
	for (unsigned i = 0; i < v->n; i++)
		event_add(&v->listener[i].event, NULL);
	LIST_FOREACH(it, &v->conns)
		event_add(&CONTAINER_OF(it, struct conn, by_age)->event,
		    NULL);
}

/* ---- UDP ---- */

static void
on_datagrams(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct service *v = l->service;
	struct dgram d[DGRAM_BATCH];
	int n = 0;

	while (v->budget > 0 && (n = dgram_recv(v->io, fd, &l->bound, d)) > 0)
		for (int i = 0; i < n; i++)
			take_lines(v, &d[i].peer, d[i].bytes);
	pause_all(v, n > 0 ? &d[n - 1].peer : &l->bound);
}

/* ---- TCP ---- */

static void
conn_free(void *arg)
{
	free(arg);
}

static void
conn_close(struct conn *c)
{
	event_del(&c->event);
	close(c->fd);
	list_remove(&c->by_age);
	c->service->nconns--;
	c->reap.fn = conn_free;
	c->reap.arg = c;
	loop_reap(c->service->loop, &c->reap);
}

static void
drop(struct conn *c, size_t n)
{
	c->n -= n;
	memmove(c->in, c->in + n, c->n);
}

/* All whole frames of what is there. */
static void
take_frames(struct conn *c)
{
	for (;;) {
		struct str frame;
		size_t used;

		if (c->skip != 0) {
			drop(c, syslog_skip(str_of(c->in, c->n), &c->skip));
			if (c->skip != 0)
				return;
		}
		if (!syslog_frame(str_of(c->in, c->n), &frame, &used,
		    &c->skip))
			return;
		take_lines(c->service, &c->peer, frame);
		drop(c, used);
	}
}

static void
on_bytes(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct service *v = c->service;
	ssize_t n = recv(fd, c->in + c->n, sizeof(c->in) - c->n, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* the last line may lack its end */
		if (c->skip == 0)
			take_lines(v, &c->peer, str_of(c->in, c->n));
		conn_close(c);
		return;
	}
	list_remove(&c->by_age);
	list_append(&v->conns, &c->by_age);
	c->n += (size_t)n;
	take_frames(c);
	pause_all(v, &c->peer);
}

/* Room for one more: of the same address, or of all, who spoke longest ago
 * goes. */
static void
make_room(struct service *v, const struct addr *peer)
{
	struct conn *oldest = NULL;
	unsigned n = 0;

	LIST_FOREACH(it, &v->conns) {
		struct conn *c = CONTAINER_OF(it, struct conn, by_age);

		if (!addr_equal_ip(&c->peer, peer))
			continue;
		if (n++ == 0)
			oldest = c;
	}
	if (n < CONNS_PER_PEER)
		oldest = v->nconns < CONNS_MAX ? NULL :
		    LIST_FIRST(&v->conns, struct conn, by_age);
	if (oldest == NULL)
		return;
	tally(TALLY_SYSLOG_CONNECTIONS, &oldest->peer);
	conn_close(oldest);
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct service *v = l->service;
	struct addr peer, local;
	struct conn *c;
	int got = sock_accept(fd, &l->bound, &peer, &local);

	if (got < 0)
		return;
	make_room(v, &peer);
	c = malloc(sizeof(*c));
	if (c == NULL) {
		sock_reset(got);
		return;
	}
	c->service = v;
	c->peer = peer;
	c->fd = got;
	c->skip = 0;
	c->n = 0;
	event_assign(&c->event, loop_base(v->loop), got, EV_READ | EV_PERSIST,
	    on_bytes, c);
	list_append(&v->conns, &c->by_age);
	v->nconns++;
	event_add(&c->event, NULL);
}

/* ---- a service ---- */

static void
service_free(struct service *v)
{
	if (v == NULL)
		return;
	if (v->thread.started)
		loop_stop(v->loop);
	thread_join(&v->thread);
	for (unsigned i = 0; i < v->n; i++) {
		event_del(&v->listener[i].event);
		close(v->listener[i].fd);
	}
	while (!list_empty(&v->conns)) {
		struct conn *c = LIST_FIRST(&v->conns, struct conn, by_age);

		event_del(&c->event);
		close(c->fd);
		list_remove(&c->by_age);
		free(c);
	}
	if (v->tick != NULL)
		event_free(v->tick);
	dgram_io_free(v->io);
	loop_free(v->loop);
	conf_unref(v->conf);
	free(v);
}

static int
add(struct service *v, struct addr *a, bool udp, struct buf *why)
{
	struct listener *l = &v->listener[v->n];
	char text[ADDR_STRLEN];
	int fd = udp ? sock_udp(a) : sock_listen(a, BACKLOG);

	if (fd < 0) {
		buf_printf(why, "syslog: cannot listen on %s (%s): ",
		    addr_print(a, text), udp ? "UDP" : "TCP");
		sock_bind_why(why, fd, "syslog server");
		return fd;
	}
	sock_local(fd, a); /* a port 0 became one, for both */
	*l = (struct listener) { .service = v, .bound = *a, .fd = fd,
		.udp = udp };
	event_assign(&l->event, loop_base(v->loop), fd, EV_READ | EV_PERSIST,
	    udp ? on_datagrams : on_connection, l);
	v->n++;
	event_add(&l->event, NULL);
	return 0;
}

static int
bind_all(struct service *v, struct buf *why)
{
	int err = 0;

	if (v->conf->syslog.n > ADDRESSES_MAX) {
		buf_printf(why, "syslog: more than %d addresses",
		    ADDRESSES_MAX);
		return E_CONFIG;
	}
	for (size_t i = 0; i < v->conf->syslog.n && err == 0; i++) {
		struct addr a;

		err = addr_parse(&a, str_cstr(v->conf->syslog.v[i]), 514);
		if (err == 0)
			err = add(v, &a, false, why);
		if (err == 0)
			err = add(v, &a, true, why);
	}
	return err;
}

static int
service_new(struct service **out, struct devices *devices, struct conf *conf,
    struct buf *why)
{
	struct service *v = calloc(1, sizeof(*v));
	struct timeval every = { 0, TICK_MS * 1000 };
	int err;

	if (v == NULL)
		return -ENOMEM;
	list_init(&v->conns);
	v->devices = devices;
	v->conf = conf_ref(conf);
	v->budget = LINES_PER_TICK;
	v->news = NEWS_BURST;
	err = loop_new(&v->loop);
	if (err == 0)
		err = dgram_io_new(&v->io);
	if (err == 0)
		err = bind_all(v, why);
	if (err == 0) {
		v->tick = event_new(loop_base(v->loop), -1, EV_PERSIST,
		    on_tick, v);
		if (v->tick == NULL || event_add(v->tick, &every) != 0)
			err = -ENOMEM;
	}
	if (err != 0) {
		service_free(v);
		return err;
	}
	*out = v;
	return 0;
}

static void
service_start(struct service *v)
{
	int err = loop_start(v->loop, &v->thread);

	if (err != 0)
		log_err("syslog-not-started", "reason=\"%s\"", err_str(err));
}

/* ---- on the main thread ---- */

int
syslogd_new(struct syslogd **out, struct devices *devices)
{
	struct syslogd *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->devices = devices;
	*out = s;
	return 0;
}

int
syslogd_prepare(struct syslogd *s, struct conf *conf, struct buf *why)
{
	struct service *next = NULL;
	int err = 0;

	if (s->now != NULL &&
	    conf_list_equal(&s->now->conf->syslog, &conf->syslog))
		next = s->now;
	else if (conf->syslog.n > 0)
		err = service_new(&next, s->devices, conf, why);
	if (err == 0) {
		s->next = next;
		s->prepared = true;
	}
	return err;
}

void
syslogd_print(const struct syslogd *s, struct buf *out)
{
	char text[ADDR_STRLEN];
	const char *comma = "";

	for (unsigned i = 0; s->now != NULL && i < s->now->n; i++) {
		if (!s->now->listener[i].udp)
			continue;
		buf_printf(out, "%s%s", comma,
		    addr_print(&s->now->listener[i].bound, text));
		comma = ",";
	}
}

static void
say_ready(const struct syslogd *s)
{
	char addresses[ADDRESSES_MAX * ADDR_STRLEN];
	struct buf b;

	buf_init_array(&b, addresses, sizeof(addresses));
	syslogd_print(s, &b);
	log_info("syslog-ready", "syslog=%.*s", STR_FMT(buf_as_str(&b)));
}

void
syslogd_end(struct syslogd *s, bool right)
{
	struct service *old = s->now;

	if (!s->prepared)
		return;
	s->prepared = false;
	if (!right) {
		if (s->next != s->now)
			service_free(s->next);
		s->next = NULL;
		return;
	}
	s->now = s->next;
	s->next = NULL;
	if (s->now == old)
		return;
	service_free(old);
	if (s->now != NULL) {
		service_start(s->now);
		say_ready(s);
	}
}

void
syslogd_stop(struct syslogd *s)
{
	syslogd_end(s, false);
	service_free(s->now);
	s->now = NULL;
}

void
syslogd_free(struct syslogd *s)
{
	if (s == NULL)
		return;
	syslogd_stop(s);
	free(s);
}
