/* SPDX-License-Identifier: BSD-2-Clause */
#include "web/provision.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/server.h"
#include "net/sock.h"
#include "web/fetch.h"
#include "web/site.h"

#define BACKLOG 256

/* The listeners of one configuration, with their thread. */
struct service {
	struct provision *owner;
	struct loop *loop;
	struct http_server *server;
	struct addr bound[HTTP_LISTENERS_MAX];
	unsigned nbound;
	struct conf *conf;           /* whose http they are */
	struct thread thread;
	struct fetch_misses misses;  /* its thread's        */
};

/* All that one configuration makes. */
struct setup {
	struct site *site;           /* NULL: nothing is served */
	struct service *service;
	struct conf *conf;
};

struct provision {
	struct edge_guest guest;
	struct fetch_party party;
	struct setup next;           /* prepared                            */
	struct setup now;            /* in force; the main thread writes it */
	pthread_mutex_t lock;        /* of now.site and addresses           */
};

static struct site *
site_now(struct provision *p)
{
	struct site *s;

	pthread_mutex_lock(&p->lock);
	s = p->now.site != NULL ? site_ref(p->now.site) : NULL;
	pthread_mutex_unlock(&p->lock);
	return s;
}

/* ---- requests, on the service's thread ---- */

/* Host as the client gave it if it can be one, else where it reached us. */
static void
base_url(const struct http_exchange *x, char out[EDGE_URL_MAX])
{
	char local[ADDR_STRLEN];
	struct str host = x->request->host;
	bool fit = host.n > 0 && host.n <= 255;

	for (size_t i = 0; i < host.n && fit; i++) {
		char c = host.p[i];
		fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-._:[]", c) != NULL;
	}
	if (!fit)
		host = str_cstr(addr_print(&x->local, local));
	snprintf(out, EDGE_URL_MAX, "http://%.*s", STR_FMT(host));
}

static void
handle(struct http_exchange *x, void *arg)
{
	struct service *v = arg;
	struct provision *p = v->owner;
	struct site *site = site_now(p);
	struct site_document d = { .body = &x->body };
	char base[EDGE_URL_MAX];
	struct web_path path;
	int err = E_ABSENT;

	base_url(x, base);
	if (site != NULL && web_path_parse(&path, x->request->path) == 0)
		err = site_find(site, &path, base, &d);
	if (err == 0) {
		x->status = 200;
		x->type = d.type;
		x->modified_s = d.modified_s;
		str_copy(x->etag, sizeof(x->etag), str_cstr(d.etag));
		if (x->request->method == HTTP_GET)
			x->note = fetch_new(x->request, &x->peer, path.id,
			    d.root);
	} else {
		fetch_missed(&v->misses, x->request, &x->peer, &p->party);
	}
	site_unref(site);
}

static void
done(void *note, unsigned status, bool complete, void *arg)
{
	struct service *v = arg;

	fetch_done(note, &v->owner->party, status, complete);
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
	http_server_free(v->server);
	loop_free(v->loop);
	conf_unref(v->conf);
	free(v);
}

static int
service_bind(struct service *v, const char *text, struct buf *why)
{
	struct addr a = ADDR_NONE;
	int fd, err;

	if (v->nbound == HTTP_LISTENERS_MAX) {
		buf_printf(why, "http: more than %d addresses",
		    HTTP_LISTENERS_MAX);
		return E_CONFIG;
	}
	fd = addr_parse(&a, str_cstr(text), 80) == 0 ?
	    sock_listen(&a, BACKLOG) : E_CONFIG;
	if (fd < 0) {
		buf_printf(why, "http: cannot listen on %s: ", text);
		sock_bind_why(why, fd, "HTTP server");
		return fd;
	}
	sock_local(fd, &a); /* a port 0 became one */
	err = http_server_listen(v->server, fd, &a);
	if (err == 0)
		v->bound[v->nbound++] = a;
	return err;
}

static int
service_new(struct service **out, struct provision *p, struct conf *conf,
    struct buf *why)
{
	struct service *v = calloc(1, sizeof(*v));
	struct http_handler h = { .handle = handle, .done = done, .arg = v };
	int err;

	if (v == NULL)
		return -ENOMEM;
	v->owner = p;
	v->conf = conf_ref(conf);
	err = loop_new(&v->loop);
	if (err == 0)
		err = http_server_new(&v->server, v->loop, &h);
	for (size_t i = 0; i < conf->http.n && err == 0; i++)
		err = service_bind(v, conf->http.v[i], why);
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
		log_err("http-not-started", "reason=\"%s\"", err_str(err));
}

/* ---- as a guest of the edge, on the main thread ---- */

static void
setup_fini(struct setup *s, bool with_service)
{
	if (with_service)
		service_free(s->service);
	site_unref(s->site);
	conf_unref(s->conf);
	*s = (struct setup) { .site = NULL };
}

static int
prepare(void *arg, const struct edge_view *view, struct buf *why)
{
	struct provision *p = arg;
	struct setup next = { .site = NULL };
	int err = 0;

	if (p->now.service == NULL) /* else its thread reads them */
		p->party = (struct fetch_party) { view->devices };
	next.conf = conf_ref(view->conf);
	if (view->conf->http.n > 0)
		err = site_new(&next.site, view->conf, clock_wall_s(), why);
	if (err == 0 && view->conf->http.n > 0) {
		if (p->now.service != NULL &&
		    conf_list_equal(&p->now.service->conf->http,
		    &view->conf->http))
			next.service = p->now.service;
		else
			err = service_new(&next.service, p, view->conf, why);
	}
	if (err != 0)
		setup_fini(&next, false);
	else
		p->next = next;
	return err;
}

static void
print_addresses(struct buf *out, const struct service *v, const char *front)
{
	char text[ADDR_STRLEN];

	for (unsigned i = 0; i < v->nbound; i++)
		buf_printf(out, "%s%s%s", i > 0 ? "," : "", front,
		    addr_print(&v->bound[i], text));
}

static void
say_ready(const struct setup *s)
{
	char addresses[HTTP_LISTENERS_MAX * ADDR_STRLEN], file[LOG_VAL_MAX];
	struct buf b;

	buf_init_array(&b, addresses, sizeof(addresses));
	print_addresses(&b, s->service, "");
	log_info("http-ready", "http=%.*s ca=%s roots=%zu",
	    STR_FMT(buf_as_str(&b)), site_ca(s->site) != NULL ?
	    log_val(file, sizeof(file), str_cstr(site_ca_file(s->site))) : "-",
	    site_roots(s->site));
}

static void
commit(void *arg)
{
	struct provision *p = arg;
	struct setup old = p->now;
	bool new_service = p->next.service != old.service;

	pthread_mutex_lock(&p->lock);
	p->now = p->next;
	pthread_mutex_unlock(&p->lock);
	p->next = (struct setup) { .site = NULL };
	if (new_service && p->now.service != NULL)
		service_start(p->now.service);
	setup_fini(&old, new_service);
	if (p->now.service != NULL)
		say_ready(&p->now);
}

static void
discard(void *arg)
{
	struct provision *p = arg;

	setup_fini(&p->next, p->next.service != p->now.service);
}

static void
stop(void *arg)
{
	struct provision *p = arg;
	struct setup old = p->now;

	discard(p);
	pthread_mutex_lock(&p->lock);
	p->now = (struct setup) { .site = NULL };
	pthread_mutex_unlock(&p->lock);
	setup_fini(&old, true);
}

static void
say(void *arg, struct buf *out)
{
	struct provision *p = arg;

	if (p->now.service == NULL)
		return;
	buf_puts(out, "  CA files over HTTP    ");
	print_addresses(out, p->now.service, "http://");
	buf_puts(out, "\n");
}

/*
 * The address a phone reaches us by: that of a listener; where it listens on
 * every address, the one by which this phone reached us over SIP.
 */
static bool
put_base(struct buf *out, const struct setup *s, const struct addr *local)
{
	char text[ADDR_STRLEN];
	const struct addr *best = NULL;
	const struct service *v = s->service;

	for (unsigned i = 0; i < v->nbound; i++) {
		const struct addr *a = &v->bound[i];

		if (addr_equal_ip(a, local) || (addr_is_any(a) &&
		    a->u.sa.sa_family == local->u.sa.sa_family))
			best = a;
	}
	if (best == NULL && v->nbound > 0)
		best = &v->bound[0];
	if (best == NULL)
		return false;
	buf_puts(out, "http://");
	if (!addr_is_any(best))
		buf_puts(out, addr_print_ip(best, true, text));
	else if (addr_is_set(local))
		buf_puts(out, addr_print_ip(local, true, text));
	else
		buf_puts(out, s->conf->domain);
	if (addr_port(best) != 80)
		buf_printf(out, ":%u", addr_port(best));
	return true;
}

static void
put_url(char out[EDGE_URL_MAX], struct str base, const char *folder,
    const char *name)
{
	if (snprintf(out, EDGE_URL_MAX, "%.*s/%s%s.pem", STR_FMT(base), folder,
	    name) >= EDGE_URL_MAX)
		out[0] = '\0';
}

static void
places(void *arg, const struct addr *local, const char *root,
    char ca_url[EDGE_URL_MAX], char root_url[EDGE_URL_MAX])
{
	struct provision *p = arg;
	const struct ca_anchor *a;
	char base[EDGE_URL_MAX];
	struct buf b;

	ca_url[0] = root_url[0] = '\0';
	buf_init_array(&b, base, sizeof(base));
	pthread_mutex_lock(&p->lock);
	if (p->now.service != NULL && put_base(&b, &p->now, local) &&
	    !b.failed) {
		/* Another CA's file would not mend this refusal. */
		a = site_ca(p->now.site);
		if (a != NULL && strcmp(a->root, root) == 0) {
			put_url(ca_url, buf_as_str(&b), "", "ca");
			put_url(root_url, buf_as_str(&b), "", "ca");
		}
		a = site_root(p->now.site, root);
		if (root_url[0] == '\0' && a != NULL)
			put_url(root_url, buf_as_str(&b), "roots/", a->name);
	}
	pthread_mutex_unlock(&p->lock);
}

int
provision_new(struct provision **out)
{
	struct provision *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	p->guest = (struct edge_guest) {
		.prepare = prepare, .commit = commit, .discard = discard,
		.stop = stop, .say = say, .places = places, .arg = p,
	};
	*out = p;
	return 0;
}

void
provision_free(struct provision *p)
{
	if (p == NULL)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

const struct edge_guest *
provision_guest(const struct provision *p)
{
	return &p->guest;
}
