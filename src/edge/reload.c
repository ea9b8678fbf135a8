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
#include "base/log.h"
#include "edge/devices.h"
#include "edge/edge_int.h"
#include "edge/location.h"
#include "edge/uas.h"

#define WHY_BYTES       4096
#define DAY_S           86400
#define EXPIRES_SOON_S  (21 * DAY_S)

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
	if (old->workers != new->workers) {
		log_warn("reload-needs-restart", "setting=workers");
		new->workers = old->workers;
	}
	return 0;
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
		err = edge_make_tls(e, conf, &tls, why);
	if (err == 0) {
		sockets_minus(&add, &wanted, &e->sockets);
		sockets_minus(&gone, &e->sockets, &wanted);
		sockets_minus(&keep, &e->sockets, &gone);
		err = edge_bind_all(e, &add, fd, why);
	}
	if (err == 0) {
		put_in_force(e, conf, tls, &add, fd, &keep);
		for (size_t i = 0; i < add.n; i++)
			keep.v[keep.n++] = add.v[i];
		e->sockets = keep;
	} else {
		tls_ctx_unref(tls);
	}
	free(fd);
	return err;
}

void
edge_reload(struct edge *e)
{
	struct conf *conf = NULL;
	struct buf why;
	int err;

	buf_init(&why, WHY_BYTES);
	err = conf_load(&conf, e->params->config, e->params->over,
	    e->params->nover, &why);
	if (err == 0)
		err = keep_fixed(e->conf, conf);
	if (err == 0 && edge_uses_own_chain(conf) && e->ca.server_cert[0] == '\0') {
		buf_puts(&why, "the edge is to present a chain of its own, but "
		    "has none yet: restart it to have it make a CA");
		err = E_CONFIG;
	}
	if (err == 0)
		err = edge_guest_prepare(e, conf, &why);
	if (err == 0) {
		err = apply(e, conf, &why);
		edge_guest_end(e, err == 0);
	}
	if (err == 0) {
		log_info("reloaded", "chain=%s root=\"%s\"",
		    tls_ctx_chain(e->tls), tls_ctx_root(e->tls));
	} else {
		say_kept("reload-failed", &why, err);
		conf_unref(conf);
	}
	buf_fini(&why);
}

/* ---- certificate files that change by themselves ---- */

static void
look(const char *path, struct edge_seen *out)
{
	struct stat st;

	memset(out, 0, sizeof(*out));
	if (stat(path, &st) != 0)
		return;
	out->ino = st.st_ino;
	out->size = st.st_size;
	out->mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) +
	    st.st_mtim.tv_nsec;
}

static void
look_at_chain(const struct edge *e, struct edge_seen out[2])
{
	const struct conf *c = e->conf;

	look(c->nchain > 0 ? c->chain[0].certificate : e->ca.server_cert,
	    &out[0]);
	look(c->nchain > 0 ? c->chain[0].key : e->ca.server_key, &out[1]);
}

static bool
same(const struct edge_seen a[2], const struct edge_seen b[2])
{
	for (int i = 0; i < 2; i++) {
		if (a[i].ino != b[i].ino || a[i].size != b[i].size ||
		    a[i].mtime_ns != b[i].mtime_ns)
			return false;
	}
	return true;
}

void
edge_watch_begin(struct edge *e)
{
	look_at_chain(e, e->loaded);
	memcpy(e->last, e->loaded, sizeof(e->last));
	e->expiry_said = false;
}

static void
reload_chain(struct edge *e)
{
	struct tls_ctx *tls = NULL;
	struct sockets none = { .n = 0 };
	int (*fd)[SOCKETS_MAX] = NULL;
	struct buf why;
	int err;

	buf_init(&why, WHY_BYTES);
	err = edge_make_tls(e, e->conf, &tls, &why);
	if (err == 0) {
		put_in_force(e, conf_ref(e->conf), tls, &none, fd, &e->sockets);
		log_info("certificate-renewed", "chain=%s root=\"%s\"",
		    tls_ctx_chain(e->tls), tls_ctx_root(e->tls));
	} else {
		/* Said once: it is tried again when the files change again. */
		say_kept("certificate-not-loaded", &why, err);
		memcpy(e->loaded, e->last, sizeof(e->loaded));
	}
	buf_fini(&why);
}

static void
watch_expiry(struct edge *e)
{
	int64_t now_s = clock_wall_s();
	int64_t left_s = tls_ctx_not_after(e->tls) - now_s;

	if (now_s - e->expiry_looked_s < DAY_S && e->expiry_said)
		return;
	if (left_s < EXPIRES_SOON_S) {
		log_warn("certificate-expires", "chain=%s days=%lld",
		    tls_ctx_chain(e->tls), (long long)(left_s / DAY_S));
		e->expiry_said = true;
		e->expiry_looked_s = now_s;
	}
}

void
edge_watch_files(struct edge *e)
{
	struct edge_seen now[2];
	bool settled;

	look_at_chain(e, now);
	/* Certificate and key are two files: wait until both rest. */
	settled = same(now, e->last);
	memcpy(e->last, now, sizeof(e->last));
	if (settled && !same(now, e->loaded))
		reload_chain(e);
	watch_expiry(e);
}
