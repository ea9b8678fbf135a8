/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/edge.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "edge/admission.h"
#include "edge/devices.h"
#include "edge/edge_int.h"
#include "edge/location.h"
#include "edge/probes.h"
#include "edge/profiles.h"
#include "edge/refusal.h"
#include "edge/syslogd.h"
#include "edge/tally.h"
#include "edge/token.h"
#include "edge/uas.h"
#include "edge/upstream.h"
#include "edge/users.h"
#include "store/store.h"
#include "trust/verdict.h"

#define PATH_BYTES    512
#define LOCAL_MAX     64
#define NOTES_BYTES   16384 /* of warnings about chains */
#define KEPT_BYTES    (16 * 1024 * 1024)
#define SPARE_FILES   1024 /* descriptors beside the connections' */

/* ---- the parts, in the order they are made ---- */

static int
make_folder(const char *path, struct buf *why)
{
	char part[PATH_BYTES];

	if (!str_copy(part, sizeof(part), str_cstr(path))) {
		buf_printf(why, "data: the path is longer than %d bytes",
		    PATH_BYTES - 1);
		return E_CONFIG;
	}
	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST) {
			int err = -errno;
			buf_printf(why, "cannot make the data folder %s: %s",
			    part, err_str(err));
			return err;
		}
		*p = c;
		if (c == '\0')
			return 0;
	}
}

/* One edge per data folder: two would hide each other's bindings. */
static int
lock_folder(struct edge *e, struct buf *why)
{
	char path[PATH_BYTES + 8];

	snprintf(path, sizeof(path), "%s/lock", e->conf->data);
	e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (e->lock_fd < 0) {
		int err = -errno;
		buf_printf(why, "cannot write in the data folder %s: %s",
		    e->conf->data, err_str(err));
		return err;
	}
	if (flock(e->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		buf_printf(why, "another edge runs on the data folder %s",
		    e->conf->data);
		return E_EXISTS;
	}
	return 0;
}

static int
own_ca(struct edge *e, const struct conf *conf, struct buf *why)
{
	struct addr all[LOCAL_MAX], ip4[LOCAL_MAX];
	size_t n = addr_local(all, LOCAL_MAX), n4 = 0;
	struct ca_server_want want = {
		.names = { .domain = conf->domain, .ip = ip4 },
		.days = conf->certificate_days,
	};

	for (size_t i = 0; i < n; i++) {
		if (all[i].u.sa.sa_family == AF_INET)
			ip4[n4++] = all[i];
	}
	want.names.nip = n4;
	return ca_ensure(&e->ca, conf->data, &want, clock_wall_s(), why);
}

bool
edge_uses_own_chain(const struct conf *conf)
{
	return conf->nchain == 0 || conf->own_chain;
}

/* A line of the log for each line of text. */
static void
say_lines(enum log_level level, const char *event, const struct buf *text,
    const char *rest)
{
	struct str lines = buf_as_str(text);

	while (lines.n > 0) {
		char said[LOG_VAL_MAX * 4];
		struct str line = str_cut(&lines, '\n');

		if (line.n > 0)
			log_line(level, event, "reason=%s%s", log_val(said,
			    sizeof(said), line), rest);
	}
}

static int
make_tls(struct edge *e, struct tls_ctx_params *p, struct tls_ctx **out,
    struct buf *why)
{
	struct buf warnings, kept;
	int err;

	buf_init(&warnings, NOTES_BYTES);
	buf_init(&kept, NOTES_BYTES);
	p->warnings = &warnings;
	p->kept = &kept;
	err = tls_ctx_new(out, p, why);
	p->warnings = p->kept = NULL;
	if (err == 0) {
		say_lines(LOG_LEVEL_WARN, "chain-warning", &warnings, "");
		say_lines(LOG_LEVEL_ERR, "certificate-not-loaded", &kept,
		    " kept=yes");
	}
	buf_fini(&warnings);
	buf_fini(&kept);
	return err;
}

int
edge_make_tls(struct edge *e, const struct conf *conf, bool keep,
    struct tls_ctx **out, struct buf *why)
{
	struct tls_ctx_params p = {
		.conf = conf, .secret = e->secret, .now_s = clock_wall_s(),
		.nchain = conf->nchain, .before = e->tls, .keep = keep,
	};
	struct conf_chain *chain = calloc(conf->nchain + 1, sizeof(*chain));
	char own[] = TRUST_OWN_CHAIN;
	int err;

	if (chain == NULL)
		return -ENOMEM;
	edge_watch_look(e, conf);
	for (size_t i = 0; i < conf->nchain; i++)
		chain[i] = conf->chain[i];
	if (edge_uses_own_chain(conf))
		chain[p.nchain++] = (struct conf_chain) {
			.name = own,
			.certificate = e->ca.server_cert,
			.key = e->ca.server_key,
			.root = e->ca.ca_cert,
			.line = -1,
		};
	p.chain = chain;
	err = make_tls(e, &p, out, why);
	free(chain);
	return err;
}

const char *
edge_chain_names(const struct tls_ctx *tls, char *out, size_t size)
{
	unsigned n;
	const struct trust_chain *f = tls_ctx_chains(tls, &n);
	struct buf names;

	buf_init_array(&names, out, size - 1);
	for (unsigned i = 0; i < n; i++)
		buf_printf(&names, "%s%s", i > 0 ? "," : "", f[i].name);
	out[names.n] = '\0';
	return out;
}

/* A copy that was put back has the modes of who did it. */
static void
note_mode(const struct conf *conf)
{
	char path[PATH_BYTES + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/siptrust.db", conf->data);
	if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
		log_warn("store-open-to-others", "file=%s mode=%04o "
		    "hint=\"it holds what passwords are checked with: "
		    "chmod 600\"", path, (unsigned)st.st_mode & 07777);
}

/* Accounts are of a domain: under another one nobody can register. */
static int
note_domain(struct edge *e)
{
	const char *now = e->conf->domain;
	char before[256], text[LOG_VAL_MAX];

	if (e->conf->nupstream == 0 &&
	    store_get_meta(e->store, "domain", before, sizeof(before)) == 0 &&
	    strcmp(before, now) != 0)
		log_warn("domain-changed", "before=%s now=%s effect=\"accounts "
		    "of the one before are not taken\"", log_val(text,
		    sizeof(text), str_cstr(before)), now);
	return store_put_meta(e->store, "domain", now);
}

static int
open_store(struct edge *e, struct buf *why)
{
	char text[256] = "";
	int err = store_open_sqlite(&e->store, e->conf->data, text,
	    sizeof(text));

	if (err == 0) {
		note_mode(e->conf);
		err = note_domain(e);
		if (err != 0)
			str_copy(text, sizeof(text),
			    str_cstr(store_error(e->store)));
	}
	if (err == 0)
		err = users_new(&e->users);
	if (err == 0)
		err = users_load(e->users, e->store);
	if (err == 0)
		err = location_new(&e->location, e->conf, e->store, e->users);
	if (err != 0)
		buf_printf(why, "the store in %s cannot be used: %s; the "
		    "accounts are in it: put a copy back, or move it away to "
		    "begin anew", e->conf->data,
		    text[0] != '\0' ? text : err_str(err));
	return err;
}

static int
make_profiles(struct edge *e, struct buf *why)
{
	struct device_catalogue *c = NULL;
	int err = profiles_read(&c, e->conf, why);

	if (err == 0)
		err = profiles_new(&e->profiles, c);
	e->shared.profiles = e->profiles;
	return err;
}

static unsigned
processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static unsigned
number_of_workers(const struct conf *conf)
{
	unsigned n = conf->workers > 0 ? (unsigned)conf->workers : processors();

	return n > EDGE_WORKERS_MAX ? EDGE_WORKERS_MAX : n;
}

static int
make_shared(struct edge *e, struct buf *why)
{
	int err;

	e->nworkers = number_of_workers(e->conf);
	e->shared.location = e->location;
	e->shared.users = e->users;
	e->shared.worker = e->worker;
	e->shared.nworker = e->nworkers;
	err = admission_new(&e->shared.admission);
	if (err == 0)
		err = refusals_new(&e->shared.refusals,
		    edge_uses_own_chain(e->conf) ? e->ca.ca_cert : NULL);
	if (err == 0 && e->params->guest != NULL)
		refusals_set_places(e->shared.refusals,
		    e->params->guest->places, e->params->guest->arg);
	if (err == 0)
		err = make_profiles(e, why);
	if (err == 0)
		err = devices_new(&e->shared.devices, e->conf->data, e->conf,
		    why);
	if (err == 0)
		err = token_key_new(&e->shared.tokens, e->conf->data, e->worker,
		    e->nworkers, why);
	if (err == 0)
		err = upstreams_new(&e->shared.upstreams, e->conf, e->loop,
		    &e->shared, why);
	if (err == 0)
		err = syslogd_new(&e->syslogd, e->shared.devices);
	if (err == 0)
		err = probes_new(&e->shared.probes, e->conf->data,
		    e->shared.devices);
	if (err == 0)
		probes_set_tls(e->shared.probes, e->tls);
	if (err == 0)
		err = uas_new(&e->shared.uas, e->conf, e->location, e->users);
	if (err == 0) {
		devices_set_conf(e->shared.devices, e->conf, e->tls);
		devices_set_remedy(e->shared.devices, refusals_remedy,
		    e->shared.refusals);
		devices_set_profiles(e->shared.devices, e->profiles);
		refusals_set_profiles(e->shared.refusals, e->profiles);
		uas_set_devices(e->shared.uas, e->shared.devices);
	}
	if (err != 0 && why->n == 0)
		buf_printf(why, "cannot start: %s", err_str(err));
	return err;
}

int
edge_bind_all(struct edge *e, struct sockets *s, int (*fd)[SOCKETS_MAX],
    struct buf *why)
{
	for (unsigned w = 0; w < e->nworkers; w++) {
		int err = sockets_bind(s, fd[w], why);

		if (err == 0)
			continue;
		while (w-- > 0) {
			for (size_t i = 0; i < s->n; i++)
				close(fd[w][i]);
		}
		return err;
	}
	return 0;
}

static int
make_worker(struct edge *e, unsigned index, const int fd[SOCKETS_MAX])
{
	int err = worker_new(&e->worker[index], index, &e->shared, e->conf,
	    e->tls);
	size_t i = 0;

	for (; i < e->sockets.n && err == 0; i++) {
		struct worker_socket s = e->sockets.v[i];
		s.fd = fd[i];
		err = worker_add_socket(e->worker[index], &s);
	}
	for (; i < e->sockets.n; i++)
		close(fd[i]);
	return err;
}

static int
make_workers(struct edge *e, struct buf *why)
{
	const struct sockets none = { .n = 0 };
	int (*fd)[SOCKETS_MAX];
	int err;

	fd = calloc(e->nworkers, sizeof(*fd));
	if (fd == NULL)
		return -ENOMEM;
	err = sockets_wanted(&e->sockets, e->conf, why);
	if (err == 0)
		err = sockets_check(&e->sockets, &none, why);
	if (err == 0)
		err = edge_bind_all(e, &e->sockets, fd, why);
	for (unsigned w = 0; w < e->nworkers && err == 0; w++)
		err = make_worker(e, w, fd[w]);
	/* Each may meet any other as soon as it runs. */
	for (unsigned w = 0; w < e->nworkers && err == 0; w++)
		err = worker_start(e->worker[w]);
	if (err != 0 && why->n == 0)
		buf_printf(why, "cannot start a worker: %s", err_str(err));
	free(fd);
	return err;
}

/* ---- the main thread's events ---- */

static void
on_end(evutil_socket_t number, short what, void *arg)
{
	struct edge *e = arg;

	log_info("edge-ending", "signal=%s",
	    number == SIGINT ? "SIGINT" : "SIGTERM");
	loop_stop(e->loop);
}

static void
on_hup(evutil_socket_t number, short what, void *arg)
{
	edge_reload(arg);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct edge *e = arg;
	uint64_t now_ms = clock_mono_ms();

	tally_flush(now_ms, false);
	refusals_flush(e->shared.refusals, (uint32_t)e->conf->refusal_window,
	    now_ms, false);
	probes_tick(e->shared.probes, false);
	edge_watch_files(e);
	edge_renew(e);
}

/* ---- what runs beside the workers ---- */

int
edge_guest_prepare(struct edge *e, struct conf *conf, struct buf *why)
{
	struct edge_view v = { .conf = conf, .devices = e->shared.devices };
	int err = syslogd_prepare(e->syslogd, conf, why);

	if (err == 0 && e->params->guest != NULL) {
		err = e->params->guest->prepare(e->params->guest->arg, &v,
		    why);
		if (err != 0)
			syslogd_end(e->syslogd, false);
	}
	return err;
}

void
edge_guest_end(struct edge *e, bool right)
{
	const struct edge_guest *g = e->params->guest;

	syslogd_end(e->syslogd, right);
	if (g != NULL && right)
		g->commit(g->arg);
	else if (g != NULL)
		g->discard(g->arg);
}

/*
 * A start takes seconds where keys are made: a SIGHUP that comes meanwhile, of
 * a renewal's hook, waits for the edge to be there and does not end it.
 */
static void
hold_back_hup(int how)
{
	sigset_t hup;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	pthread_sigmask(how, &hup, NULL);
}

static int
watch_signals(struct edge *e)
{
	struct event_base *base = loop_base(e->loop);
	struct timeval second = { 1, 0 };

	e->on_int = evsignal_new(base, SIGINT, on_end, e);
	e->on_term = evsignal_new(base, SIGTERM, on_end, e);
	e->on_hup = evsignal_new(base, SIGHUP, on_hup, e);
	e->tick = event_new(base, -1, EV_PERSIST, on_tick, e);
	if (e->on_int == NULL || e->on_term == NULL || e->on_hup == NULL ||
	    e->tick == NULL || event_add(e->on_int, NULL) != 0 ||
	    event_add(e->on_term, NULL) != 0 ||
	    event_add(e->on_hup, NULL) != 0 || event_add(e->tick, &second) != 0)
		return -ENOMEM;
	hold_back_hup(SIG_UNBLOCK);
	return 0;
}

/* As many descriptors as connections are allowed, where the system lets us. */
static void
raise_file_limit(const struct conf *conf)
{
	rlim_t want = (rlim_t)conf->connections_max + SPARE_FILES;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want)
		return;
	if (r.rlim_max < want) {
		struct rlimit more = { want, want };
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
		want = r.rlim_max;
	}
	r.rlim_cur = want;
	if (setrlimit(RLIMIT_NOFILE, &r) == 0)
		log_warn("few-files", "connections_max=%d open_files=%llu "
		    "hint=\"raise LimitNOFILE\"", conf->connections_max,
		    (unsigned long long)want);
}

/*
 * Connections come and go in storms: memory given back to the system in small
 * pieces is asked for again at once (280 mprotect calls in 1,000 connections,
 * 63 with this: strace -c -f under sipload storm).
 */
static void
settle_malloc(void)
{
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	mallopt(M_TOP_PAD, KEPT_BYTES / 8);
}

/* ---- start and end ---- */

void
edge_set_log_level(const struct conf *conf)
{
	enum log_level level;

	if (log_level_parse(str_cstr(conf->log_level), &level))
		log_set_level(level);
}

static int
start(struct edge *e, struct buf *why)
{
	int err;

	err = conf_load(&e->conf, e->params->config, e->params->over,
	    e->params->nover, why);
	if (err == 0) {
		edge_set_log_level(e->conf);
		err = make_folder(e->conf->data, why);
	}
	if (err == 0)
		err = lock_folder(e, why);
	if (err == 0 && edge_uses_own_chain(e->conf))
		err = own_ca(e, e->conf, why);
	if (err == 0)
		err = tls_secret_load(e->secret, e->conf->data, why);
	if (err == 0)
		err = edge_make_tls(e, e->conf, false, &e->tls, why);
	if (err == 0)
		err = open_store(e, why);
	if (err == 0)
		err = make_shared(e, why);
	if (err == 0)
		err = edge_guest_prepare(e, e->conf, why);
	if (err != 0)
		return err;
	raise_file_limit(e->conf);
	err = make_workers(e, why);
	if (err == 0)
		err = watch_signals(e);
	edge_guest_end(e, err == 0);
	if (err == 0)
		edge_watch_begin(e);
	return err;
}

/*
 * First nothing new is taken, then what waits for its commit gets it and its
 * 200, then connections close with close_notify.
 */
static void
finish(struct edge *e)
{
	struct event *events[] = { e->on_int, e->on_term, e->on_hup, e->tick };

	if (e->params->guest != NULL)
		e->params->guest->stop(e->params->guest->arg);
	syslogd_free(e->syslogd);
	edge_renew_end(e);
	for (unsigned w = 0; w < e->nworkers && e->worker[w] != NULL; w++)
		worker_quiesce(e->worker[w]);
	location_stop(e->location);
	for (unsigned w = 0; w < e->nworkers && e->worker[w] != NULL; w++) {
		worker_stop(e->worker[w]);
		worker_join(e->worker[w]);
		worker_free(e->worker[w]);
	}
	location_free(e->location);
	if (e->shared.refusals != NULL)
		refusals_flush(e->shared.refusals,
		    (uint32_t)e->conf->refusal_window, clock_mono_ms(), true);
	tally_flush(clock_mono_ms(), true);
	uas_free(e->shared.uas);
	upstreams_free(e->shared.upstreams);
	token_key_free(e->shared.tokens);
	if (e->shared.probes != NULL)
		probes_tick(e->shared.probes, true);
	probes_free(e->shared.probes);
	devices_free(e->shared.devices);
	refusals_free(e->shared.refusals);
	profiles_free(e->profiles);
	admission_free(e->shared.admission);
	users_free(e->users);
	store_close(e->store);
	tls_ctx_unref(e->tls);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (events[i] != NULL)
			event_free(events[i]);
	}
	loop_free(e->loop);
	conf_unref(e->conf);
	digest_wipe(e->secret, sizeof(e->secret));
	if (e->lock_fd >= 0)
		close(e->lock_fd);
}

int
edge_run(const struct edge_params *p, struct buf *why)
{
	struct edge *e = calloc(1, sizeof(*e));
	int err;

	if (e == NULL)
		return -ENOMEM;
	e->params = p;
	e->lock_fd = -1;
	signal(SIGPIPE, SIG_IGN);
	hold_back_hup(SIG_BLOCK);
	settle_malloc();
	err = loop_new(&e->loop);
	if (err == 0)
		err = start(e, why);
	if (err == 0) {
		edge_say_hello(e);
		loop_run(e->loop);
	} else if (why->n == 0) {
		buf_printf(why, "cannot start: %s", err_str(err));
	}
	finish(e);
	if (err == 0)
		log_info("edge-ended", "%s", "");
	free(e);
	return err;
}
