/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "callload.h"
#include "sip/forward.h"
#include "sip/request.h"

#define ROUTES_MAX 8

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
    "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    "a=ptime:20\r\na=sendrecv\r\n";

struct wanted {
	struct str method, uri, to_tag, route, body;
	uint32_t cseq;
};

static void
build(struct party *p, const struct wanted *w)
{
	struct calls *c = p->calls;
	char from[160], to[160], contact[160], branch[64], id[96], tag[32];
	char host[ADDR_STRLEN];
	struct sip_request r = {
		.method = w->method, .uri = w->uri, .sent_by = &p->local,
		.transport = p->tls ? STR("TLS") : STR("UDP"),
		.user_agent = STR("callload/1"), .cseq = w->cseq,
		.to_tag = w->to_tag,
	};
	struct buf b;

	snprintf(from, sizeof(from), "sip:u%06u@%s", p->number, c->domain);
	snprintf(to, sizeof(to), "sip:u%06u@%s", p->number + c->pairs,
	    c->domain);
	snprintf(contact, sizeof(contact), "sip:u%06u@%s%s", p->number,
	    addr_print(&p->local, host), p->tls ? ";transport=tls" : "");
	snprintf(branch, sizeof(branch), "z9hG4bK%u-%llu-%u-%.*s", p->number,
	    (unsigned long long)p->serial, w->cseq, STR_FMT(w->method));
	snprintf(id, sizeof(id), "%llx-%u-%llu@127.0.0.1",
	    (unsigned long long)c->begin_ms, p->number,
	    (unsigned long long)p->serial);
	snprintf(tag, sizeof(tag), "f%llu", (unsigned long long)p->serial);
	r.branch = str_cstr(branch);
	r.from = str_cstr(from);
	r.to = str_cstr(to);
	r.from_tag = str_cstr(tag);
	r.call_id = str_cstr(id);
	r.contact = w->body.n > 0 ? str_cstr(contact) : STR_NULL;
	buf_init_array(&b, p->out, sizeof(p->out));
	sip_request_begin(&b, &r);
	buf_str(&b, w->route);
	if (w->body.n > 0) {
		buf_puts(&b, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
		    "Supported: replaces\r\n");
		party_put_credentials(p, &b, true, w->method, w->uri);
	}
	sip_request_end(&b, STR("application/sdp"), w->body);
	p->nout = b.failed ? 0 : b.n;
}

static void
invite(struct party *p)
{
	char uri[160];
	struct wanted w = {
		.method = STR("INVITE"), .cseq = p->invite_cseq = ++p->cseq,
		.body = STR(sdp),
	};

	snprintf(uri, sizeof(uri), "sip:u%06u@%s",
	    p->number + p->calls->pairs, p->calls->domain);
	w.uri = str_cstr(uri);
	build(p, &w);
	p->state = PARTY_INVITING;
	party_send_out(p);
}

void
caller_start(struct party *p)
{
	p->calls->started++;
	p->serial++;
	p->to_tag[0] = p->route[0] = '\0';
	invite(p);
}

static void
send_ack(struct party *p)
{
	const struct wanted w = {
		.method = STR("ACK"), .cseq = p->invite_cseq,
		.uri = str_cstr(p->target), .to_tag = str_cstr(p->to_tag),
		.route = str_cstr(p->route),
	};

	build(p, &w);
	party_send(p, str_of(p->out, p->nout));
}

static void
send_bye(struct party *p)
{
	const struct wanted w = {
		.method = STR("BYE"), .cseq = ++p->cseq,
		.uri = str_cstr(p->target), .to_tag = str_cstr(p->to_tag),
		.route = str_cstr(p->route),
	};

	build(p, &w);
	p->state = PARTY_ENDING;
	party_send_out(p);
}

/* RFC 3261 12.1.2: the route set is the Record-Routes in reverse. */
static bool
take_dialog(struct party *p, const struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CONTACT);
	struct str route[ROUTES_MAX];
	struct sip_nameaddr na;
	struct buf b;
	size_t n = 0;

	while (n < ROUTES_MAX &&
	    sip_msg_value(m, SIP_HEADER_RECORD_ROUTE, n, &route[n]))
		n++;
	buf_init_array(&b, p->route, sizeof(p->route) - 1);
	while (n-- > 0) {
		buf_puts(&b, "Route: ");
		buf_str(&b, route[n]);
		buf_puts(&b, "\r\n");
	}
	p->route[b.n] = '\0';
	return !b.failed && f != NULL &&
	    sip_nameaddr_parse(&na, f->value) == 0 &&
	    str_copy(p->target, sizeof(p->target), na.uri) &&
	    str_copy(p->to_tag, sizeof(p->to_tag), m->to_tag);
}

static void
invite_answer(struct party *p, const struct sip_msg *m)
{
	char why[64];

	if (m->status < 200)
		return;
	if (p->state != PARTY_INVITING) {
		/* Our ACK was lost: build() would overwrite the BYE. */
		if (m->status == 200 && p->state == PARTY_ENDING) {
			send_ack(p);
			p->cseq--;
			send_bye(p);
		}
		return;
	}
	p->waiting = false;
	if (m->status == 200 && take_dialog(p, m)) {
		send_ack(p);
		send_bye(p);
		return;
	}
	p->to_tag[0] = '\0';
	IGNORE(!str_copy(p->to_tag, sizeof(p->to_tag), m->to_tag));
	if (m->status == 407 && party_take_nonce(p, m)) {
		/* Both servers send it without state: no ACK is missed. */
		p->calls->challenged++;
		invite(p);
		return;
	}
	snprintf(why, sizeof(why), "INVITE got %d", m->status);
	party_fail(p, why);
}

void
caller_message(struct party *p, const struct sip_msg *m)
{
	struct calls *c = p->calls;
	uint64_t took_ms;

	if (m->request)
		return;
	if (m->cseq == p->invite_cseq &&
	    str_eq(m->cseq_method, STR("INVITE"))) {
		invite_answer(p, m);
		return;
	}
	if (p->state != PARTY_ENDING || m->cseq != p->cseq || m->status < 200)
		return;
	p->waiting = false;
	if (m->status != 200) {
		party_fail(p, "BYE refused");
		return;
	}
	p->state = PARTY_IDLE;
	c->ok++;
	took_ms = c->now_ms - p->begun_ms;
	if (took_ms > c->slowest_ms)
		c->slowest_ms = took_ms;
	if (c->rate == 0 && c->started < c->total)
		caller_start(p);
}
