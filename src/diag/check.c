/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/check_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/err.h"
#include "sip/request.h"
#include "tls/imitate.h"
#include "tlswire/alert.h"

#define REQUEST_MAX 2048

/* A profile's connection. */
struct attempt {
	struct check_run *run;
	struct check_prediction *prediction;
	struct tls_look look;
	struct tls_client *client;
	struct seen seen;
};

const char *
check_says_name(enum check_says s)
{
	static const char *const names[] = { "registers", "refused",
		"unknown" };

	return names[s];
}

/* ---- the reference: a client that takes anything ---- */

void
check_any_look(struct tls_look *l)
{
	tls_look_init(l);
	l->min_version = TLS_VERSION_1_0;
	l->max_version = TLS_VERSION_1_3;
	l->checks_chain = l->checks_name = l->checks_dates = false;
}

static void
put_options(struct buf *out, const struct check_settings *s)
{
	static const struct addr nowhere;
	char branch[24] = "z9hG4bK", tag[17], call_id[33], uri[300], me[32];
	struct addr local = nowhere;
	uint8_t raw[16];
	struct buf text;
	struct sip_request q = {
		.method = STR("OPTIONS"), .transport = STR("TLS"),
		.cseq = 1, .user_agent = STR("siptrust check"),
	};

	digest_random(raw, sizeof(raw));
	str_hex(branch + 7, raw, 8);
	str_hex(tag, raw + 8, 8);
	digest_random(raw, sizeof(raw));
	str_hex(call_id, raw, 16);
	buf_init_array(&text, uri, sizeof(uri) - 1);
	buf_printf(&text, str_find(str_cstr(s->name), ':') <
	    strlen(s->name) && s->name[0] != '[' ? "sip:[%s]" : "sip:%s",
	    s->name);
	uri[text.n] = '\0';
	str_copy(me, sizeof(me), STR("sip:check@siptrust.invalid"));
	/* The answer comes over this connection, whatever the Via says. */
	IGNORE(addr_parse(&local, STR("192.0.2.1"), 5061));
	q.sent_by = &local;
	q.branch = str_cstr(branch);
	q.uri = q.to = str_cstr(uri);
	q.from = str_cstr(me);
	q.from_tag = str_cstr(tag);
	q.call_id = str_cstr(call_id);
	sip_request_begin(out, &q);
	buf_puts(out, "Accept: application/sdp\r\n");
	sip_request_end(out, STR_NULL, STR_NULL);
}

static void
read_answer(struct check_server *server, struct str answer)
{
	struct str line = str_cut(&answer, '\n');
	size_t n = 0;

	if (line.n == 0)
		return;
	server->answered = true;
	line = str_trim(line);
	for (size_t i = 0; i < line.n && n + 1 < sizeof(server->answer); i++)
		server->answer[n++] = line.p[i] >= ' ' && line.p[i] < 0x7f ?
		    line.p[i] : '?';
	server->answer[n] = '\0';
	server->is_sip = str_starts(line, STR("SIP/2.0 ")) && line.n >= 11 &&
	    str_u32(str_of(line.p + 8, 3), &server->status);
}

static void
put_trouble(struct check_report *r, const struct dial_result *d,
    uint32_t timeout_ms)
{
	struct buf out;

	buf_init_array(&out, r->trouble, sizeof(r->trouble) - 1);
	switch (d->end) {
	case DIAL_NO_CONNECTION:
		buf_printf(&out, "no connection: %s", err_str(-d->error));
		break;
	case DIAL_TIMEOUT:
		buf_printf(&out, "it says nothing in the TLS handshake: waited "
		    "%u ms; is this its TLS port?", timeout_ms);
		break;
	case DIAL_CLOSED:
		buf_puts(&out, "it hung up in the TLS handshake without a "
		    "word; is this its TLS port?");
		break;
	default:
		buf_puts(&out, d->outcome.words);
	}
	r->trouble[out.n] = '\0';
}

static void
on_reference(const struct dial_result *d, void *arg)
{
	struct check_run *run = arg;
	struct check_report *r = run->out;
	int err;

	r->end = d->end;
	if (d->end != DIAL_OPEN) {
		put_trouble(r, d, run->s->timeout_ms);
		return;
	}
	r->server.ms = d->ms;
	r->server.asks = d->outcome.asked;
	read_answer(&r->server, d->answer);
	err = x509_served_read(&r->chain, tls_connector_chain(d->connector),
	    run->s->name, run->system);
	run->no_memory |= err == -ENOMEM;
	if (err == 0)
		anchors_find(&r->anchors, &r->chain, run->s->roots);
}

/* One connection as a client of today that takes anything. */
static int
reach(struct check_run *run, struct buf *why)
{
	struct tls_client *client = NULL;
	struct tls_look look;
	int err;

	check_any_look(&look);
	err = tls_client_new(&client, &look, NULL, why);
	if (err == 0) {
		const struct dial_job job = {
			.client = client,
			.request = run->options,
			.done = on_reference,
			.arg = run,
		};

		err = dial_add(run->dial, &job);
	}
	if (err == 0)
		dial_run(run->dial);
	tls_client_free(client);
	return err;
}

/* ---- the profiles ---- */

static void
on_attempt(const struct dial_result *d, void *arg)
{
	struct attempt *a = arg;
	int err = 0;

	a->seen.end = d->end;
	a->seen.outcome = d->outcome;
	if (d->connector != NULL && tls_connector_chain(d->connector) != NULL)
		err = x509_served_read(&a->seen.chain,
		    tls_connector_chain(d->connector), a->run->s->name,
		    a->run->system);
	a->run->no_memory |= err == -ENOMEM;
}

static int
attempt_begin(struct attempt *a, struct check_run *run,
    const struct device_profile *p, struct check_prediction *out)
{
	struct tls_look open;
	char said[256];
	struct buf none, why;
	struct dial_job job = { .done = on_attempt, .arg = a };

	a->run = run;
	a->prediction = out;
	out->profile = p;
	buf_init_array(&none, said, sizeof(said)); /* predicting asks again */
	tls_imitate(&a->look, p, &none);
	/* To see the whole of it, it refuses nothing. */
	open = a->look;
	open.checks_chain = open.checks_name = open.checks_dates = false;
	buf_init_array(&why, said, sizeof(said));
	a->seen.end = DIAL_UNUSABLE;
	a->seen.lacks = true;
	if (tls_client_new(&a->client, &open, NULL, &why) != 0)
		return 0; /* the library has nothing of what it offers */
	a->seen.lacks = tls_client_lacks(a->client)[0] != '\0';
	job.client = a->client;
	return dial_add(run->dial, &job);
}

static void
attempt_fini(struct attempt *a)
{
	if (a->seen.chain.chain != NULL)
		x509_served_fini(&a->seen.chain);
	tls_client_free(a->client);
}

static size_t
count_profiles(const struct check_settings *s)
{
	return s->only != NULL ? 1 : device_catalogue_count(s->profiles);
}

/* All connections that are left, side by side. */
static int
ask_everything(struct check_run *run)
{
	const struct check_settings *s = run->s;
	size_t n = count_profiles(s);
	struct attempt *a = calloc(n + 1, sizeof(*a));
	struct server_probe *probe = NULL;
	int err;

	run->out->prediction = calloc(n + 1, sizeof(*run->out->prediction));
	if (a == NULL || run->out->prediction == NULL) {
		free(a);
		return -ENOMEM;
	}
	run->out->npredictions = n;
	err = server_probe_new(&probe, run);
	for (size_t i = 0; err == 0 && i < n; i++)
		err = attempt_begin(&a[i], run, s->only != NULL ? s->only :
		    device_catalogue_at(s->profiles, i),
		    &run->out->prediction[i]);
	dial_run(run->dial);
	server_probe_end(probe);
	for (size_t i = 0; i < n; i++) {
		if (err == 0)
			check_predict(a[i].prediction, run, &a[i].look,
			    &a[i].seen);
		attempt_fini(&a[i]);
	}
	free(a);
	return err;
}

int
check_run(struct check_report *out, const struct check_settings *s,
    struct buf *why)
{
	struct check_run run = { .s = s, .out = out };
	struct buf options;
	int err;

	memset(out, 0, sizeof(*out));
	buf_init(&options, REQUEST_MAX);
	put_options(&options, s);
	run.options = buf_as_str(&options);
	err = x509_roots_load(&run.system);
	if (err == 0)
		err = dial_new(&run.dial, &s->server, s->name, run.options,
		    s->timeout_ms);
	if (err == 0)
		err = reach(&run, why);
	if (err == 0 && out->end == DIAL_OPEN)
		err = ask_everything(&run);
	if (err == 0 && run.no_memory)
		err = -ENOMEM;
	if (err == 0 && out->end == DIAL_OPEN)
		check_notes(out, s);
	dial_free(run.dial);
	buf_fini(&options);
	x509_roots_free(run.system);
	if (err != 0) {
		if (why->n == 0)
			buf_puts(why, err_str(err));
		check_report_fini(out);
	}
	return err;
}

void
check_report_fini(struct check_report *r)
{
	if (r->chain.chain != NULL)
		x509_served_fini(&r->chain);
	free(r->prediction);
	r->prediction = NULL;
	r->npredictions = 0;
}
