/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a phone reports: facts for programs, a line for people.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "phone/phone_int.h"
#include "tlswire/alert.h"

static void report(struct phone *p, struct phone_event *e, const char *fmt, ...)
    PRINTF(3, 4);

static void
report(struct phone *p, struct phone_event *e, const char *fmt, ...)
{
	char screen[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(screen, sizeof(screen), fmt, ap);
	va_end(ap);
	e->screen = screen;
	syslog_send(&p->syslog, e->bad, screen, clock_wall_s());
	p->event(e, p->arg);
}

static const char *
transport_name(const struct phone *p)
{
	return link_transport_name(p->s.transport).p;
}

void
report_booting(struct phone *p)
{
	struct phone_event e;

	phone_event_init(&e, PHONE_EVENT_BOOTING);
	phone_event_text(&e, "model", p->s.model.name);
	phone_event_text(&e, "user_agent", p->s.model.user_agent);
	phone_event_number(&e, "roots", (int64_t)x509_set_count(p->roots));
	report(p, &e, "%s starts", p->s.model.name);
}

void
report_off(struct phone *p)
{
	struct phone_event e;

	phone_event_init(&e, PHONE_EVENT_OFF);
	report(p, &e, "off");
}

void
report_retry(struct phone *p, uint64_t ms)
{
	struct phone_event e;

	phone_event_init(&e, PHONE_EVENT_RETRY);
	phone_event_number(&e, "in_ms", (int64_t)ms);
	report(p, &e, "tries again in %.3g s", (double)ms / 1000);
}

void
report_ca_failed(struct phone *p, const char *why)
{
	struct phone_event e;
	size_t kept = x509_set_count(p->custom);

	phone_event_init(&e, PHONE_EVENT_CA_FAILED);
	phone_event_text(&e, "url", p->s.ca_url);
	phone_event_text(&e, "reason", why);
	phone_event_number(&e, "kept", (int64_t)kept);
	report(p, &e, "custom CA: failed: %s (%s); goes on with %s", why,
	    p->s.ca_url, kept > 0 ? "the one it had" : "what it has");
}

void
report_ca_fetched(struct phone *p, size_t bytes)
{
	char name[128], print[96];
	struct phone_event e;

	x509_set_name(p->custom, 0, name, sizeof(name));
	x509_set_fingerprint(p->custom, 0, print);
	phone_event_init(&e, PHONE_EVENT_CA_FETCHED);
	phone_event_text(&e, "url", p->s.ca_url);
	phone_event_text(&e, "name", name);
	phone_event_text(&e, "fingerprint", print);
	phone_event_number(&e, "certificates",
	    (int64_t)x509_set_count(p->custom));
	phone_event_number(&e, "bytes", (int64_t)bytes);
	report(p, &e, "custom CA: installed \"%s\" from %s", name,
	    p->s.ca_url);
}

void
report_connecting(struct phone *p)
{
	char at[ADDR_STRLEN];
	struct phone_event e;

	phone_event_init(&e, PHONE_EVENT_CONNECTING);
	phone_event_text(&e, "transport", transport_name(p));
	phone_event_text(&e, "server", addr_print(&p->s.server, at));
	if (p->client != NULL) {
		phone_event_number(&e, "roots", tls_client_roots(p->client));
		phone_event_text(&e, "lacks", tls_client_lacks(p->client));
	}
	report(p, &e, "connects to %s over %s", at, transport_name(p));
}

void
report_connected(struct phone *p)
{
	struct tls_outcome o;
	struct phone_event e;

	phone_event_init(&e, PHONE_EVENT_CONNECTED);
	phone_event_text(&e, "transport", transport_name(p));
	if (!link_outcome(p->link, &o)) {
		report(p, &e, "connected over %s", transport_name(p));
		return;
	}
	phone_event_text(&e, "tls", tls_version_name(o.version));
	phone_event_text(&e, "subject", o.subject);
	phone_event_text(&e, "root", o.root);
	report(p, &e, "connected over %s to \"%s\"%s",
	    tls_version_name(o.version), o.subject,
	    p->s.model.look.checks_chain ? ", which it trusts" :
	    ", unchecked");
}

static void
tell_tls_refused(struct phone *p, const struct tls_outcome *o)
{
	bool by_us = o->refuser == TLS_REFUSER_DEVICE;
	const char *says = o->says == TRUST_SAYS_NOTHING ? "nothing" :
	    tls_alert_name((uint8_t)o->says);
	struct phone_event e;

	phone_event_init(&e, PHONE_EVENT_TLS_REFUSED);
	phone_event_text(&e, "by", by_us ? "phone" : "server");
	phone_event_text(&e, "reason", o->words);
	phone_event_text(&e, "says", says);
	if (!by_us) {
		report(p, &e, "TLS: %s", o->words);
		return;
	}
	phone_event_text(&e, "fault", trust_fault_name(o->fault));
	phone_event_text(&e, "when", o->late ? "after the handshake" :
	    "in the handshake");
	phone_event_text(&e, "subject", o->subject);
	phone_event_text(&e, "root", o->root);
	phone_event_number(&e, "depth", o->chain_depth);
	report(p, &e, "TLS: refuses the server's certificate: %s (%s%s)",
	    o->words, o->says == TRUST_SAYS_NOTHING ? "hangs up " :
	    "says ", o->says == TRUST_SAYS_NOTHING ? "silently" : says);
}

void
report_down(struct phone *p, const struct link_end *end)
{
	const struct tls_outcome *o = end->outcome;
	struct phone_event e;

	if (o != NULL && (o->refuser == TLS_REFUSER_DEVICE ||
	    o->refuser == TLS_REFUSER_SERVER)) {
		tell_tls_refused(p, o);
		return;
	}
	phone_event_init(&e, end->was_up ? PHONE_EVENT_CONNECTION_LOST :
	    PHONE_EVENT_CONNECTION_FAILED);
	phone_event_text(&e, "transport", transport_name(p));
	phone_event_text(&e, "reason", end->why);
	report(p, &e, "%s: %s", end->was_up ? "connection lost" :
	    "no connection", end->why);
}

static void
tell_registered(struct phone *p, const struct registration_news *n)
{
	bool first = n->kind == REGISTRATION_NEWS_REGISTERED;
	struct phone_event e;

	phone_event_init(&e, first ? PHONE_EVENT_REGISTERED :
	    PHONE_EVENT_REFRESHED);
	phone_event_text(&e, "aor", p->aor + 4);
	phone_event_text(&e, "transport", transport_name(p));
	phone_event_number(&e, "expires_s", n->expires_s);
	report(p, &e, "%s %s over %s, for %u s", p->aor + 4,
	    first ? "registered" : "refreshed", transport_name(p),
	    n->expires_s);
}

static void
tell_refused(struct phone *p, const struct registration_news *n)
{
	char reason[128];
	struct phone_event e;

	if (n->status == 0)
		str_copy(reason, sizeof(reason), STR("no answer"));
	else
		str_copy(reason, sizeof(reason), n->reason);
	phone_event_init(&e, PHONE_EVENT_REGISTER_FAILED);
	phone_event_number(&e, "status", n->status);
	phone_event_text(&e, "reason", reason);
	if (n->status == 401 || n->status == 407)
		report(p, &e, "registration refused: wrong user or password");
	else if (n->status == 0)
		report(p, &e, "registration failed: the server does not "
		    "answer");
	else
		report(p, &e, "registration refused: %d %s", n->status,
		    reason);
	report_retry(p, n->retry_ms);
}

void
report_news(struct phone *p, const struct registration_news *n)
{
	struct phone_event e;

	switch (n->kind) {
	case REGISTRATION_NEWS_REGISTERED:
	case REGISTRATION_NEWS_REFRESHED:
		tell_registered(p, n);
		break;
	case REGISTRATION_NEWS_REFUSED:
	case REGISTRATION_NEWS_UNANSWERED:
		tell_refused(p, n);
		break;
	case REGISTRATION_NEWS_UNREGISTERED:
		phone_event_init(&e, PHONE_EVENT_UNREGISTERED);
		phone_event_text(&e, "aor", p->aor + 4);
		report(p, &e, "%s unregistered", p->aor + 4);
		break;
	}
}

/* ---- calls ---- */

/* "101@example.com" of "sip:101@example.com;user=phone". */
static void
print_peer(char *out, size_t size, struct str uri)
{
	struct sip_uri u;
	struct buf text;

	buf_init_array(&text, out, size - 1);
	if (sip_uri_parse(&u, uri) != 0 || u.scheme == SIP_SCHEME_OTHER) {
		buf_str(&text, uri);
	} else {
		buf_str(&text, u.user);
		if (u.user.n > 0)
			buf_putc(&text, '@');
		buf_str(&text, u.host);
	}
	out[text.n] = '\0';
}

static void
tell_call_ended(struct phone *p, struct phone_event *e,
    const struct call_news *n, const char *peer)
{
	char reason[192];
	uint32_t sent = 0, received = 0;

	str_copy(reason, sizeof(reason), n->reason);
	phone_event_number(e, "status", n->status);
	phone_event_text(e, "reason", reason);
	phone_event_text(e, "by", n->by_us ? "phone" : "peer");
	if (n->status == 200 && p->media != NULL)
		media_counts(p->media, &sent, &received);
	phone_event_number(e, "rtp_sent", sent);
	phone_event_number(e, "rtp_received", received);
	e->bad = n->status != 200 && !n->by_us && n->status != 487;
	if (n->status == 200 || n->status == 487 || n->status == 0)
		report(p, e, "call %s %s ended: %s%s", n->incoming ? "from" :
		    "to", peer, reason, n->by_us ? "" : " over there");
	else
		report(p, e, "call %s %s ended: %d %s", n->incoming ? "from" :
		    "to", peer, n->status, reason);
}

static void
tell_media(struct phone *p, struct phone_event *e, const struct call_news *n,
    const char *peer)
{
	bool by_us = n->direction == SDP_SENDONLY;

	if (n->direction == SDP_SENDRECV) {
		phone_event_init(e, PHONE_EVENT_CALL_RESUMED);
		phone_event_text(e, "peer", peer);
		report(p, e, "in call with %s again", peer);
		return;
	}
	phone_event_init(e, PHONE_EVENT_CALL_HELD);
	phone_event_text(e, "peer", peer);
	phone_event_text(e, "by", by_us ? "phone" : "peer");
	if (by_us)
		report(p, e, "holds the call with %s", peer);
	else
		report(p, e, "%s holds the call", peer);
}

void
report_call(struct phone *p, const struct call_news *n)
{
	static const enum phone_event_kind kind[] = {
		[CALL_NEWS_CALLING] = PHONE_EVENT_CALLING,
		[CALL_NEWS_RINGING] = PHONE_EVENT_CALL_RINGING,
		[CALL_NEWS_ANSWERED] = PHONE_EVENT_CALL_ANSWERED,
		[CALL_NEWS_MEDIA] = PHONE_EVENT_CALL_HELD,
		[CALL_NEWS_ENDED] = PHONE_EVENT_CALL_ENDED,
	};
	char peer[PHONE_TEXT_MAX], call_id[PHONE_TEXT_MAX];
	struct phone_event e;

	print_peer(peer, sizeof(peer), n->peer);
	str_copy(call_id, sizeof(call_id), n->call_id);
	phone_event_init(&e, kind[n->kind]);
	phone_event_text(&e, "peer", peer);
	phone_event_text(&e, "direction", n->incoming ? "in" : "out");
	phone_event_text(&e, "call_id", call_id);
	switch (n->kind) {
	case CALL_NEWS_CALLING:
		report(p, &e, "calls %s", peer);
		break;
	case CALL_NEWS_RINGING:
		report(p, &e, n->incoming ? "rings: %s calls" :
		    "it rings at %s", peer);
		break;
	case CALL_NEWS_ANSWERED:
		report(p, &e, "in call with %s", peer);
		break;
	case CALL_NEWS_MEDIA:
		tell_media(p, &e, n, peer);
		break;
	case CALL_NEWS_ENDED:
		tell_call_ended(p, &e, n, peer);
		break;
	}
}
