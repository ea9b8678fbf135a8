/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "callload.h"
#include "sip/reply.h"

static const char sdp[] = "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\n"
    "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4002 RTP/AVP 8 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

static void
answer_invite(struct party *p, const struct sip_msg *m)
{
	char host[ADDR_STRLEN];
	struct buf b;

	if (p->waiting && str_eq(m->call_id, str_cstr(p->call_id))) {
		party_send(p, str_of(p->out, p->nout));
		return;
	}
	buf_init_array(&b, p->out, sizeof(p->out));
	sip_reply_begin(&b, m, 200, NULL, STR("t"), NULL);
	for (const struct sip_field *f = sip_msg_field(m,
	     SIP_HEADER_RECORD_ROUTE); f != NULL; f = sip_msg_next(m, f)) {
		buf_puts(&b, "Record-Route: ");
		buf_str(&b, f->value);
		buf_puts(&b, "\r\n");
	}
	buf_printf(&b, "Contact: <sip:u%06u@%s>\r\n"
	    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
	    "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n",
	    p->number, addr_print(&p->local, host), sizeof(sdp) - 1);
	buf_puts(&b, sdp);
	p->nout = b.n;
	if (b.failed || !str_copy(p->call_id, sizeof(p->call_id), m->call_id)) {
		party_fail(p, "INVITE too long");
		return;
	}
	party_send_out(p); /* until the ACK comes */
}

static void
answer_other(struct party *p, const struct sip_msg *m)
{
	char text[PARTY_OUT_BYTES];
	struct buf b;

	buf_init_array(&b, text, sizeof(text));
	sip_reply_begin(&b, m, 200, NULL, STR("t"), NULL);
	sip_reply_end(&b);
	if (!b.failed)
		party_send(p, buf_as_str(&b));
}

void
callee_message(struct party *p, const struct sip_msg *m)
{
	if (!m->request)
		return;
	/* A BYE says as well that the 200 was seen. */
	if ((m->method == SIP_METHOD_ACK || m->method == SIP_METHOD_BYE) &&
	    str_eq(m->call_id, str_cstr(p->call_id)))
		p->waiting = false;
	if (m->method == SIP_METHOD_INVITE)
		answer_invite(p, m);
	else if (m->method != SIP_METHOD_ACK)
		answer_other(p, m);
}
