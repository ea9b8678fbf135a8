/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/phone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "phone/answer.h"
#include "phone/phone_int.h"
#include "x509/cafile.h"

#define HEAD_MAX         16384
#define PING_DATAGRAM_MS 25000  /* RFC 5626 4.4.1: below a NAT's time      */
#define PING_STREAM_MS   110000 /* 95 to 120 s                             */

static void dial(struct phone *p);
static void arm(struct phone *p);

/* ---- trying again ---- */

static void
retry(struct phone *p)
{
	uint32_t ms = p->s.model.retry_ms;

	p->dial_ms = clock_mono_ms() + ms;
	report_retry(p, ms);
	arm(p);
}

/* ---- the CA file ---- */

static void
on_ca(int err, struct str body, const char *why, void *arg)
{
	struct phone *p = arg;
	struct x509_cafile_want want = {
		.forms = p->s.model.ca_forms,
		.bytes_max = p->s.model.ca_bytes_max,
		.certs_max = p->s.model.ca_certs_max,
		.now_s = clock_wall_s(),
	};
	struct x509_set *got = NULL;
	char words[512];
	struct buf text;

	buf_init_array(&text, words, sizeof(words) - 1);
	if (err != 0)
		buf_puts(&text, why);
	else
		err = x509_set_new(&got);
	if (err == 0)
		err = x509_cafile_read(got, body, &want, &text);
	words[text.n] = '\0';
	if (err == 0) {
		struct x509_set *before = p->custom;
		p->custom = got;
		got = before;
		report_ca_fetched(p, body.n);
	} else {
		report_ca_failed(p, words[0] != '\0' ? words : err_str(err));
	}
	x509_set_free(got);
	fetch_cancel(p->fetch);
	p->fetch = NULL;
	dial(p);
}

static size_t
ca_bytes_max(const struct phone *p)
{
	size_t max = p->s.model.ca_bytes_max;

	return max > 0 && max < X509_CAFILE_MAX ? max : X509_CAFILE_MAX;
}

/* True: on_ca will go on. */
static bool
fetch_ca(struct phone *p)
{
	char words[512] = "";
	struct buf why;
	int err;

	if (p->s.ca_url[0] == '\0')
		return false;
	buf_init_array(&why, words, sizeof(words) - 1);
	if (p->s.model.ca_forms == 0) {
		report_ca_failed(p, "this phone has no way to take a CA of "
		    "one's own");
		return false;
	}
	err = fetch_begin(&p->fetch, p->loop, p->s.ca_url,
	    p->s.model.http_user_agent, &p->s.local, ca_bytes_max(p), on_ca,
	    p, &why);
	if (err == 0)
		return true;
	words[why.n] = '\0';
	report_ca_failed(p, words[0] != '\0' ? words : err_str(err));
	return false;
}

/* ---- registration ---- */

static void
on_send(struct str message, void *arg)
{
	struct phone *p = arg;

	if (p->link != NULL)
		link_send(p->link, message);
}

static void
off(struct phone *p)
{
	calling_down(p, "switched off");
	link_close(p->link);
	p->link = NULL;
	if (!p->on)
		return;
	p->on = false;
	p->dial_ms = p->ping_ms = UINT64_MAX;
	report_off(p);
}

static void
on_news(const struct registration_news *n, void *arg)
{
	struct phone *p = arg;

	report_news(p, n);
	if (n->kind == REGISTRATION_NEWS_REGISTERED ||
	    n->kind == REGISTRATION_NEWS_REFRESHED)
		calling_registered(p);
}

static const struct registration_ops registration_ops = { on_send, on_news };

/* ---- the link ---- */

static uint64_t
ping_every_ms(const struct phone *p)
{
	return p->s.transport == LINK_UDP ? PING_DATAGRAM_MS : PING_STREAM_MS;
}

static void
on_up(const struct addr *local, void *arg)
{
	struct phone *p = arg;

	if (p->s.transport != LINK_UDP)
		report_connected(p);
	p->ping_ms = clock_mono_ms() + ping_every_ms(p);
	registration_begin(&p->registration,
	    link_transport_name(p->s.transport), local, clock_mono_ms());
	calling_up(p, local);
	arm(p);
}

/* It leaves, and all is said. */
static bool
is_done(const struct phone *p)
{
	return p->leaving && p->registration.state == REGISTRATION_GONE &&
	    !calls_active(&p->calls);
}

static void
on_down(const struct link_end *end, void *arg)
{
	struct phone *p = arg;

	report_down(p, end);
	calling_down(p, "the connection was lost");
	link_close(p->link);
	p->link = NULL;
	p->ping_ms = UINT64_MAX;
	registration_lost(&p->registration);
	if (p->leaving)
		off(p);
	else
		retry(p);
}

static void
on_request(struct phone *p, const struct sip_msg *m)
{
	char answer[4096];
	struct buf out;

	if (calls_request(&p->calls, m, clock_mono_ms()))
		return;
	buf_init_array(&out, answer, sizeof(answer));
	if (phone_answer(&out, m, &p->s.server,
	    str_cstr(p->s.model.user_agent)))
		p->reboot_asked = true;
	if (!out.failed && out.n > 0 && p->link != NULL)
		link_send(p->link, buf_as_str(&out));
}

static void
on_message(struct str bytes, void *arg)
{
	struct phone *p = arg;
	struct sip_msg *m = &p->msg;
	enum sip_msg_form form = p->s.transport == LINK_UDP ? SIP_DATAGRAM :
	    SIP_STREAM;

	if (sip_msg_parse(m, bytes, form, HEAD_MAX) != 0)
		return;
	if (m->request)
		on_request(p, m);
	else if (!calls_response(&p->calls, m, clock_mono_ms()))
		registration_response(&p->registration, m, clock_mono_ms());
	if (is_done(p))
		off(p);
	arm(p);
}

static const struct link_ops link_ops = { on_up, on_down, on_message };

/* What it trusts: as delivered, and what it has fetched. */
static int
trusted(const struct phone *p, struct x509_set **out)
{
	bool own = !p->s.model.ca_replaces || x509_set_count(p->custom) == 0;
	int err = x509_set_new(out);

	if (err == 0 && own)
		err = x509_set_join(*out, p->roots);
	return err == 0 ? x509_set_join(*out, p->custom) : err;
}

/* What it trusts may have changed: a new client each time. */
static int
make_client(struct phone *p, struct buf *why)
{
	struct x509_set *all = NULL;
	int err;

	if (p->s.transport != LINK_TLS)
		return 0;
	tls_client_free(p->client);
	p->client = NULL;
	err = trusted(p, &all);
	if (err == 0)
		err = tls_client_new(&p->client, &p->s.model.look, all, why);
	x509_set_free(all);
	return err;
}

static void
dial(struct phone *p)
{
	struct link_params lp = {
		.transport = p->s.transport,
		.server = p->s.server,
		.local = p->s.local,
		.name = p->s.name,
		.clock_s = clock_wall_s(),
	};
	struct link_end end = { .why = NULL };
	char words[256] = "";
	struct buf why;
	int err;

	p->dial_ms = UINT64_MAX;
	buf_init_array(&why, words, sizeof(words) - 1);
	err = make_client(p, &why);
	report_connecting(p);
	lp.client = p->client;
	if (err == 0)
		err = link_open(&p->link, p->loop, &lp, &link_ops, p, &why);
	if (err == 0)
		return;
	words[why.n] = '\0';
	end.why = words[0] != '\0' ? words : err_str(err);
	report_down(p, &end);
	retry(p);
}

/* ---- time ---- */

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
arm(struct phone *p)
{
	uint64_t now = clock_mono_ms();
	uint64_t at = sooner(registration_next_ms(&p->registration),
	    sooner(p->dial_ms, p->ping_ms));
	struct timeval wait;

	at = sooner(at, calls_next_ms(&p->calls));

	event_del(p->timer);
	if (p->reboot_asked)
		at = now;
	if (at == UINT64_MAX || !p->on)
		return;
	at = at > now ? at - now : 0;
	wait.tv_sec = (time_t)(at / 1000);
	wait.tv_usec = (suseconds_t)(at % 1000 * 1000);
	event_add(p->timer, &wait);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct phone *p = arg;
	uint64_t now = clock_mono_ms();

	if (p->reboot_asked) {
		phone_boot(p);
		return;
	}
	if (now >= p->dial_ms)
		dial(p);
	if (now >= p->ping_ms && p->link != NULL) {
		link_ping(p->link);
		p->ping_ms = now + ping_every_ms(p);
	}
	registration_tick(&p->registration, now);
	calls_tick(&p->calls, now);
	if (is_done(p))
		off(p);
	arm(p);
}

/* ---- begin and end ---- */

static void
begin_registration(struct phone *p)
{
	const struct phone_settings *s = &p->s;
	struct registration_params rp = {
		.registrar = str_cstr(p->registrar),
		.aor = str_cstr(p->aor),
		.user = str_cstr(s->user),
		.auth_user = str_cstr(s->auth_user[0] != '\0' ?
		    s->auth_user : s->user),
		.password = str_cstr(s->password),
		.user_agent = str_cstr(s->model.user_agent),
		.expires_s = s->expires_s,
		.retry_ms = s->model.retry_ms,
		.md5_only = s->model.md5_only,
	};

	registration_fini(&p->registration);
	registration_init(&p->registration, &rp, &registration_ops, p);
}

static void
boot(struct phone *p)
{
	report_booting(p);
	if (!fetch_ca(p))
		dial(p);
	arm(p);
}

void
phone_boot(struct phone *p)
{
	fetch_cancel(p->fetch);
	p->fetch = NULL;
	calling_down(p, "the phone was rebooted");
	link_close(p->link);
	p->link = NULL;
	p->on = true;
	p->leaving = p->reboot_asked = false;
	p->dial_ms = p->ping_ms = UINT64_MAX;
	begin_registration(p);
	calling_begin(p);
	boot(p);
}

void
phone_leave(struct phone *p)
{
	if (p->leaving)
		return;
	p->leaving = true;
	p->dial_ms = UINT64_MAX;
	fetch_cancel(p->fetch);
	p->fetch = NULL;
	calls_hangup(&p->calls, clock_mono_ms());
	registration_leave(&p->registration, clock_mono_ms());
	if (is_done(p))
		off(p);
	arm(p);
}

int
phone_new(struct phone **out, struct loop *loop,
    const struct phone_settings *s, const struct x509_set *roots,
    phone_event_fn *event, void *arg, struct buf *why)
{
	struct phone *p = calloc(1, sizeof(*p));
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->loop = loop;
	p->s = *s;
	p->event = event;
	p->arg = arg;
	p->dial_ms = p->ping_ms = UINT64_MAX;
	snprintf(p->aor, sizeof(p->aor), "sip:%s@%s", s->user, s->domain);
	snprintf(p->registrar, sizeof(p->registrar), "sip:%s", s->domain);
	begin_registration(p);
	calling_begin(p);
	err = x509_set_new(&p->roots);
	if (err == 0)
		err = x509_set_join(p->roots, roots);
	if (err == 0)
		err = x509_set_new(&p->custom);
	if (err == 0) {
		err = syslog_open(&p->syslog, &s->syslog,
		    s->model.mac[0] != '\0' ? s->model.mac : "phone",
		    s->model.name);
		if (err != 0)
			buf_printf(why, "no socket for its syslog: %s",
			    err_str(err));
	}
	if (err == 0) {
		p->timer = event_new(loop_base(loop), -1, 0, on_timer, p);
		err = p->timer == NULL ? -ENOMEM : make_client(p, why);
	}
	if (err != 0) {
		phone_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void
phone_free(struct phone *p)
{
	if (p == NULL)
		return;
	fetch_cancel(p->fetch);
	link_close(p->link);
	media_close(p->media);
	calls_fini(&p->calls);
	registration_fini(&p->registration);
	syslog_close(&p->syslog);
	if (p->timer != NULL)
		event_free(p->timer);
	tls_client_free(p->client);
	x509_set_free(p->roots);
	x509_set_free(p->custom);
	digest_wipe(&p->s, sizeof(p->s));
	free(p);
}
