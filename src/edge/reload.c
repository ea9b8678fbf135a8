/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * New settings and new certificates for a running edge.  All of it is made and
 * checked beside the old; only then is it put in force, worker by worker.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "edge/devices.h"
#include "edge/probes.h"
#include "edge/edge_int.h"
#include "edge/location.h"
#include "edge/profiles.h"
#include "edge/uas.h"
#include "edge/upstream.h"

#define WHY_BYTES       4096
#define DAY_S           86400
#define EXPIRES_SOON_S  (21 * DAY_S)
#define CA_ENDS_SOON_S  (180 * DAY_S) /* each phone must get the next one */

/* What every error of a reload ends with. */
static void
say_kept(const char *event, const struct buf *why, int err)
{
	struct str rest = buf_as_str(why);

	if (rest.n == 0)
		log_err(event, "reason=\"%s\" kept=yes", err_str(err));
	while (rest.n > 0) {
		char text[LOG_VAL_MAX * 2];
		struct str line = str_cut(&rest, '\n');
		if (line.n > 0)
			log_err(event, "reason=%s kept=yes",
			    log_val(text, sizeof(text), line));
	}
}

/* Settings that a running edge cannot change keep their old value. */
static int
keep_fixed(const struct conf *old, struct conf *new)
{
	struct {
		const char *name;
		const char *old;
		char **new;
	} fixed[] = {
		{ "domain", old->domain, &new->domain },
		{ "data", old->data, &new->data },
		{ "dns_servers", old->dns_servers, &new->dns_servers },
	};
	struct {
		const char *name;
		int old;
		int *new;
	} numbers[] = {
		{ "workers", old->workers, &new->workers },
		{ "nonces_max", old->nonces_max, &new->nonces_max },
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		char *copy;

		if (strcmp(fixed[i].old, *fixed[i].new) == 0)
			continue;
		copy = strdup(fixed[i].old);
		if (copy == NULL)
			return -ENOMEM;
		free(*fixed[i].new);
		*fixed[i].new = copy;
		log_warn("reload-needs-restart", "setting=%s",
		    fixed[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (numbers[i].old == *numbers[i].new)
			continue;
		*numbers[i].new = numbers[i].old;
		log_warn("reload-needs-restart", "setting=%s",
		    numbers[i].name);
	}
	return 0;
}

/* A registrar of its own does not become a proxy while it runs. */
static int
check_upstreams(const struct conf *old, const struct conf *new, struct buf *why)
{
	if ((old->nupstream == 0) == (new->nupstream == 0))
		return 0;
	buf_puts(why, new->nupstream == 0 ?
	    "the edge runs in front of a PBX and there is no upstream any "
	    "more: restart it to have it be the registrar" :
	    "the edge is the registrar itself and there is an upstream now: "
	    "restart it to have it run in front of that");
	return E_CONFIG;
}

/* Give every worker its share; from here on nothing is taken back. */
static void
put_in_force(struct edge *e, struct conf *conf, struct tls_ctx *tls,
    const struct sockets *add, int (*fd)[SOCKETS_MAX],
    const struct sockets *keep)
{
	for (unsigned w = 0; w < e->nworkers; w++) {
		struct worker_socket mine[SOCKETS_MAX];
		int err;

		for (size_t i = 0; i < add->n; i++) {
			mine[i] = add->v[i];
			mine[i].fd = fd[w][i];
		}
		err = worker_reload(e->worker[w], conf, tls, mine, add->n,
		    keep->v, keep->n);
		if (err != 0)
			log_err("reload-incomplete", "worker=%u reason=\"%s\"",
			    w, err_str(err));
	}
	edge_set_log_level(conf);
	uas_set_conf(e->shared.uas, conf);
	location_set_conf(e->location, conf);
	devices_set_conf(e->shared.devices, conf, tls);
	probes_set_tls(e->shared.probes, tls);
	if (e->shared.upstreams != NULL &&
	    upstreams_set_conf(e->shared.upstreams, conf) != 0)
		log_err("reload-incomplete", "setting=upstream reason=\"%s\"",
		    err_str(-ENOMEM));
	conf_unref(e->conf);
	tls_ctx_unref(e->tls);
	e->conf = conf;
	e->tls = tls;
	edge_watch_begin(e);
}

/* Takes over conf; tls is made from it. */
static int
apply(struct edge *e, struct conf *conf, struct buf *why)
{
	struct tls_ctx *tls = NULL;
	struct sockets wanted, add, gone, keep;
	int (*fd)[SOCKETS_MAX];
	int err;

	fd = calloc(e->nworkers, sizeof(*fd));
	if (fd == NULL)
		return -ENOMEM;
	err = sockets_wanted(&wanted, conf, why);
	if (err == 0)
		err = edge_make_tls(e, conf, false, &tls, why);
	if (err == 0)
		err = upstreams_prepare(e->shared.upstreams, conf, false, why);
	if (err == 0) {
		sockets_minus(&add, &wanted, &e->sockets);
		sockets_minus(&gone, &e->sockets, &wanted);
		sockets_minus(&keep, &e->sockets, &gone);
		err = sockets_check(&add, &e->sockets, why);
	}
	if (err == 0)
		err = edge_bind_all(e, &add, fd, why);
	if (err == 0) {
		put_in_force(e, conf, tls, &add, fd, &keep);
		sockets_add(&keep, &add);
		e->sockets = keep;
	} else {
		tls_ctx_unref(tls);
		upstreams_discard(e->shared.upstreams);
	}
	free(fd);
	return err;
}

void
edge_reload(struct edge *e)
{
	struct device_catalogue *catalogue = NULL;
	struct conf *conf = NULL;
	char names[EDGE_CHAINS_TEXT];
	struct buf why;
	int err;

	buf_init(&why, WHY_BYTES);
	err = conf_load(&conf, e->params->config, e->params->over,
	    e->params->nover, &why);
	if (err == 0)
		err = keep_fixed(e->conf, conf);
	if (err == 0)
		err = check_upstreams(e->conf, conf, &why);
	if (err == 0 && edge_uses_own_chain(conf) &&
	    e->ca.server_cert[0] == '\0') {
		buf_puts(&why, "the edge is to present a chain of its own, but "
		    "has none yet: restart it to have it make a CA");
		err = E_CONFIG;
	}
	if (err == 0)
		err = profiles_read(&catalogue, conf, &why);
	if (err == 0)
		err = edge_guest_prepare(e, conf, &why);
	if (err == 0) {
		err = apply(e, conf, &why);
		edge_guest_end(e, err == 0);
	}
	if (err == 0) {
		profiles_set(e->profiles, catalogue);
		log_info("reloaded", "chain=%s root=\"%s\"",
		    edge_chain_names(e->tls, names, sizeof(names)),
		    tls_ctx_root(e->tls));
	} else {
		say_kept("reload-failed", &why, err);
		device_catalogue_unref(catalogue);
		conf_unref(conf);
	}
	buf_fini(&why);
}

/* ---- certificate files that change by themselves ---- */

/* One number for what a file is now, and all before it. */
static uint64_t
look(uint64_t before, const char *path)
{
	struct {
		uint64_t before, ino, size, mtime_ns;
	} seen = { .before = before };
	struct stat st;

	if (path != NULL && stat(path, &st) == 0) {
		seen.ino = st.st_ino;
		seen.size = (uint64_t)st.st_size;
		seen.mtime_ns = (uint64_t)st.st_mtim.tv_sec *
		    UINT64_C(1000000000) + (uint64_t)st.st_mtim.tv_nsec;
	}
	return hash_bytes(&seen, sizeof(seen));
}

static uint64_t
look_at_upstreams(const struct conf *c, uint64_t seen)
{
	for (size_t i = 0; i < c->nupstream; i++) {
		const struct conf_upstream *u = &c->upstream[i];

		seen = look(seen, u->ca);
		seen = look(seen, u->certificate);
		seen = look(seen, u->key);
	}
	return seen;
}

/* A change of any file of any chain, or of an upstream's, is a renewal. */
static uint64_t
look_at_chains(const struct edge *e, const struct conf *c)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < c->nchain; i++) {
		const struct conf_chain *chain = &c->chain[i];

		seen = look(seen, chain->certificate);
		seen = look(seen, chain->key);
		seen = look(seen, chain->root);
		for (size_t k = 0; k < chain->cross.n; k++)
			seen = look(seen, chain->cross.v[k]);
	}
	if (edge_uses_own_chain(c)) {
		seen = look(seen, e->ca.server_cert);
		seen = look(seen, e->ca.server_key);
	}
	return look_at_upstreams(c, seen);
}

void
edge_watch_look(struct edge *e, const struct conf *conf)
{
	e->looked = look_at_chains(e, conf);
}

void
edge_watch_begin(struct edge *e)
{
	e->loaded = e->last = e->looked;
	e->expiry_said = false;
}

/* The chains of now that before had otherwise, or not at all. */
static void
say_renewed(const struct edge *e, const struct tls_ctx *before)
{
	unsigned n;
	const struct trust_chain *f = tls_ctx_chains(e->tls, &n);

	for (unsigned i = 0; i < n; i++)
		if (!tls_ctx_has_chain(before, e->tls, i))
			log_info("certificate-renewed",
			    "chain=%s root=\"%s\"", f[i].name, f[i].root);
}

void
edge_reload_chains(struct edge *e)
{
	struct tls_ctx *tls = NULL, *before;
	struct sockets none = { .n = 0 };
	int (*fd)[SOCKETS_MAX] = NULL;
	struct buf why;
	int err;

	buf_init(&why, WHY_BYTES);
	err = edge_make_tls(e, e->conf, true, &tls, &why);
	if (err == 0)
		err = upstreams_prepare(e->shared.upstreams, e->conf, true,
		    &why);
	if (err == 0) {
		before = tls_ctx_ref(e->tls);
		put_in_force(e, conf_ref(e->conf), tls, &none, fd,
		    &e->sockets);
		say_renewed(e, before);
		tls_ctx_unref(before);
	} else {
		/* Said once: it is tried again when the files change again. */
		say_kept("certificate-not-loaded", &why, err);
		tls_ctx_unref(tls);
		e->loaded = e->looked;
	}
	buf_fini(&why);
}

/* A variant that ends with its chain is not worth a line of its own. */
static bool
ends_with_another(const struct trust_chain *f, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (f[k].not_after_s == f[i].not_after_s &&
		    str_starts(str_cstr(f[i].name), str_cstr(f[k].name)))
			return true;
	return false;
}

/* Our own CA: no renewal of ours mends that. */
static void
watch_ca(struct edge *e, int64_t now_s)
{
	char file[LOG_VAL_MAX];
	int64_t left_s = e->ca.not_after_s - now_s;

	if (!edge_uses_own_chain(e->conf) || left_s >= CA_ENDS_SOON_S)
		return;
	log_line(left_s < 0 ? LOG_LEVEL_ERR : LOG_LEVEL_WARN, "ca-expires",
	    "ca=%s days=%lld hint=\"siptrust ca init in another folder makes "
	    "the next one; every phone must be given it\"",
	    log_val(file, sizeof(file), str_cstr(e->ca.ca_cert)),
	    (long long)(left_s / DAY_S));
	e->expiry_said = true;
	e->expiry_looked_s = now_s;
}

static void
watch_expiry(struct edge *e)
{
	int64_t now_s = clock_wall_s();
	unsigned n;
	const struct trust_chain *f = tls_ctx_chains(e->tls, &n);

	if (now_s - e->expiry_looked_s < DAY_S && e->expiry_said)
		return;
	watch_ca(e, now_s);
	for (unsigned i = 0; i < n; i++) {
		int64_t left_s = f[i].not_after_s - now_s;

		if (left_s >= EXPIRES_SOON_S || ends_with_another(f, i))
			continue;
		log_warn("certificate-expires", "chain=%s days=%lld",
		    f[i].name, (long long)(left_s / DAY_S));
		e->expiry_said = true;
		e->expiry_looked_s = now_s;
	}
}

void
edge_watch_files(struct edge *e)
{
	uint64_t now = look_at_chains(e, e->conf);
	/* Certificate and key are two files: wait until both rest. */
	bool settled = now == e->last;

	e->last = now;
	if (settled && now != e->loaded)
		edge_reload_chains(e);
	watch_expiry(e);
}
