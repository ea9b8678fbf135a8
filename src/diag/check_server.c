/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server can do, found out by asking: each version, each suite until it
 * has none left, chains for RSA and ECDSA, resumption.
 */
#include <errno.h>
#include <stdlib.h>

#include "diag/check_int.h"
#include "tlswire/alert.h"

#define ROUNDS_MAX 48 /* suites that are asked for, one after the other */

static const uint16_t versions[CHECK_VERSIONS] = { TLS_VERSION_1_0,
	TLS_VERSION_1_1, TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* ECDSA and RSA for who offers one alone: suites to TLS 1.2, and algorithms. */
static const uint16_t rsa_suites[] = { 0x1302, 0x1303, 0x1301, 0xc030, 0xc02f,
	0x009d, 0x009c, 0xc028, 0xc027, 0xc014, 0xc013, 0x0039, 0x0033, 0x003d,
	0x003c, 0x0035, 0x002f };
static const uint16_t rsa_algorithms[] = { 0x0804, 0x0805, 0x0806, 0x0401,
	0x0501, 0x0601, 0x0201 };
static const uint16_t ecdsa_suites[] = { 0x1302, 0x1303, 0x1301, 0xc02c,
	0xc02b, 0xcca9, 0xc024, 0xc023, 0xc00a, 0xc009 };
static const uint16_t ecdsa_algorithms[] = { 0x0403, 0x0503, 0x0603, 0x0203 };

/* One question, whose answer may lead to the next. */
struct ask {
	struct server_probe *probe;
	struct tls_client *client;   /* of the connection under way        */
	unsigned i;                  /* which version                      */
	enum device_answer *answer;  /* where it goes                      */
	struct tls_resume *resume;
};

struct suites {
	struct server_probe *probe;
	struct tls_client *client;
	struct tls_client *past;     /* whose connection is about to end   */
	struct tls_look look;        /* what has not been chosen yet       */
	unsigned rounds;
};

struct server_probe {
	struct check_run *run;
	struct ask version[CHECK_VERSIONS], rsa, ecdsa, tickets, ids;
	struct suites new, old;      /* TLS 1.3; 1.2 and before            */
};

static void
fail(struct server_probe *p, int err)
{
	p->run->no_memory |= err == -ENOMEM;
}

/* The client is told by how it looks; 0, or it is not asked. */
static int
ask_as(struct ask *a, const struct tls_look *look, dial_done_fn *done)
{
	struct dial_job job = { .done = done, .arg = a, .resume = a->resume };
	char said[256];
	struct buf why;
	int err = 0;

	buf_init_array(&why, said, sizeof(said));
	if (a->client == NULL)
		err = tls_client_new(&a->client, look, NULL, &why);
	job.client = a->client;
	if (err == 0)
		err = dial_add(a->probe->run->dial, &job);
	fail(a->probe, err);
	return err;
}

/* ---- versions and keys ---- */

static void
on_version(const struct dial_result *d, void *arg)
{
	struct ask *a = arg;

	if (d->end == DIAL_OPEN)
		*a->answer = d->outcome.version == versions[a->i] ?
		    DEVICE_YES : DEVICE_NO;
	else if (d->end == DIAL_REFUSED || d->end == DIAL_CLOSED ||
	    d->end == DIAL_UNUSABLE)
		*a->answer = DEVICE_NO;
}

static void
ask_versions(struct server_probe *p)
{
	for (unsigned i = 0; i < CHECK_VERSIONS; i++) {
		struct ask *a = &p->version[i];
		struct tls_look look;

		*a = (struct ask) {
			.probe = p, .i = i,
			.answer = &p->run->out->server.version[i],
		};
		check_any_look(&look);
		look.min_version = look.max_version = versions[i];
		IGNORE(ask_as(a, &look, on_version)); /* then not known */
	}
}

static void
on_key(const struct dial_result *d, void *arg)
{
	struct ask *a = arg;

	if (d->end == DIAL_OPEN)
		*a->answer = DEVICE_YES;
	else if (d->end == DIAL_REFUSED || d->end == DIAL_CLOSED ||
	    d->end == DIAL_UNUSABLE)
		*a->answer = DEVICE_NO;
}

static void
fill_list(struct tls_list *l, const uint16_t *v, size_t n)
{
	memcpy(l->v, v, n * sizeof(*v));
	l->n = (unsigned)n;
}

static void
ask_keys(struct server_probe *p)
{
	struct check_server *server = &p->run->out->server;
	struct tls_look look;

	p->rsa = (struct ask) { .probe = p, .answer = &server->rsa };
	check_any_look(&look);
	fill_list(&look.suites, rsa_suites, ARRAY_LEN(rsa_suites));
	fill_list(&look.sigalgs, rsa_algorithms, ARRAY_LEN(rsa_algorithms));
	IGNORE(ask_as(&p->rsa, &look, on_key)); /* then not known */
	p->ecdsa = (struct ask) { .probe = p, .answer = &server->ecdsa };
	check_any_look(&look);
	fill_list(&look.suites, ecdsa_suites, ARRAY_LEN(ecdsa_suites));
	fill_list(&look.sigalgs, ecdsa_algorithms,
	    ARRAY_LEN(ecdsa_algorithms));
	IGNORE(ask_as(&p->ecdsa, &look, on_key)); /* then not known */
}

/* ---- resumption ---- */

static void
on_resumed(const struct dial_result *d, void *arg)
{
	struct ask *a = arg;

	if (d->end == DIAL_OPEN)
		*a->answer = tls_connector_resumed(d->connector) ?
		    DEVICE_YES : DEVICE_NO;
}

static void
on_first(const struct dial_result *d, void *arg)
{
	struct ask *a = arg;

	if (d->end != DIAL_OPEN)
		return;
	a->resume = tls_connector_session(d->connector);
	if (a->resume == NULL)
		*a->answer = DEVICE_NO;
	else
		IGNORE(ask_as(a, NULL, on_resumed)); /* then not known */
}

/* As a phone does it: until TLS 1.2, with tickets or without. */
static void
ask_resumption(struct server_probe *p, struct ask *a, bool tickets,
    enum device_answer *answer)
{
	struct tls_look look;

	*a = (struct ask) { .probe = p, .answer = answer };
	check_any_look(&look);
	look.max_version = TLS_VERSION_1_2;
	look.modern = tickets;
	IGNORE(ask_as(a, &look, on_first)); /* then not known */
}

/* ---- suites ---- */

static void next_round(struct suites *s);

static void
note_suite(struct check_server *server, uint16_t suite)
{
	struct tls_suite_row *row = &server->suite[server->nsuites];

	if (server->nsuites == CHECK_SUITES_MAX)
		return;
	row->number = suite;
	str_copy(row->name, sizeof(row->name),
	    str_cstr(tls_suite_name(suite)));
	server->nsuites++;
}

static bool
leave_out(struct tls_list *l, uint16_t suite)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->v[i] != suite)
			continue;
		memmove(&l->v[i], &l->v[i + 1],
		    (l->n - i - 1) * sizeof(l->v[0]));
		l->n--;
		return true;
	}
	return false;
}

static void
on_round(const struct dial_result *d, void *arg)
{
	struct suites *s = arg;

	tls_client_free(s->past);
	s->past = s->client;
	s->client = NULL;
	if (d->end != DIAL_OPEN || !leave_out(&s->look.suites,
	    d->outcome.suite))
		return;
	note_suite(&s->probe->run->out->server, d->outcome.suite);
	next_round(s);
}

static void
next_round(struct suites *s)
{
	struct dial_job job = { .done = on_round, .arg = s };
	char said[256];
	struct buf why;
	int err;

	if (s->look.suites.n == 0)
		return;
	if (s->rounds++ == ROUNDS_MAX) {
		s->probe->run->out->server.more_suites = true;
		return;
	}
	buf_init_array(&why, said, sizeof(said));
	err = tls_client_new(&s->client, &s->look, NULL, &why);
	job.client = s->client;
	if (err == 0)
		err = dial_add(s->probe->run->dial, &job);
	fail(s->probe, err);
}

static void
ask_suites(struct server_probe *p, struct suites *s, bool new)
{
	static const uint16_t of_1_3[] = { 0x1302, 0x1303, 0x1301 };
	struct tls_client *all = NULL;
	char said[256];
	struct buf why;

	s->probe = p;
	check_any_look(&s->look);
	if (new) {
		s->look.min_version = TLS_VERSION_1_3;
		fill_list(&s->look.suites, of_1_3, ARRAY_LEN(of_1_3));
	} else {
		s->look.max_version = TLS_VERSION_1_2;
		buf_init_array(&why, said, sizeof(said));
		if (tls_client_new(&all, &s->look, NULL, &why) == 0)
			s->look.suites.n = tls_client_suites(all,
			    s->look.suites.v, TLS_LOOK_LIST_MAX);
		tls_client_free(all);
		for (unsigned i = 0; i < ARRAY_LEN(of_1_3); i++)
			IGNORE(!leave_out(&s->look.suites, of_1_3[i]));
	}
	next_round(s);
}

int
server_probe_new(struct server_probe **out, struct check_run *run)
{
	struct server_probe *p = calloc(1, sizeof(*p));
	struct check_server *server = &run->out->server;

	if (p == NULL)
		return -ENOMEM;
	p->run = run;
	ask_suites(p, &p->old, false); /* the longest row of all first */
	ask_suites(p, &p->new, true);
	ask_versions(p);
	ask_keys(p);
	ask_resumption(p, &p->tickets, true, &server->tickets);
	ask_resumption(p, &p->ids, false, &server->session_ids);
	*out = p;
	return 0;
}

/* Those of TLS 1.3 first; else in the order in which it chose them. */
static void
sort_suites(struct check_server *server)
{
	struct tls_suite_row sorted[CHECK_SUITES_MAX];
	unsigned n = 0;

	for (int old = 0; old <= 1; old++)
		for (unsigned i = 0; i < server->nsuites; i++)
			if ((server->suite[i].number >> 8 != 0x13) == old)
				sorted[n++] = server->suite[i];
	memcpy(server->suite, sorted, n * sizeof(sorted[0]));
}

static void
ask_fini(struct ask *a)
{
	tls_resume_free(a->resume);
	tls_client_free(a->client);
}

void
server_probe_end(struct server_probe *p)
{
	if (p == NULL)
		return;
	sort_suites(&p->run->out->server);
	for (unsigned i = 0; i < CHECK_VERSIONS; i++)
		ask_fini(&p->version[i]);
	ask_fini(&p->rsa);
	ask_fini(&p->ecdsa);
	ask_fini(&p->tickets);
	ask_fini(&p->ids);
	tls_client_free(p->old.client);
	tls_client_free(p->old.past);
	tls_client_free(p->new.client);
	tls_client_free(p->new.past);
	free(p);
}
