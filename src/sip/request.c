/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/request.h"

#define MAX_FORWARDS 70 /* RFC 3261 8.1.1.6 */

static void
put_via(struct buf *out, const struct sip_request *r)
{
	char host[ADDR_STRLEN];

	buf_puts(out, "Via: SIP/2.0/");
	buf_str(out, r->transport);
	buf_printf(out, " %s:%u;branch=",
	    addr_print_ip(r->sent_by, true, host), addr_port(r->sent_by));
	buf_str(out, r->branch);
	buf_puts(out, ";rport\r\n");
}

static void
put_party(struct buf *out, const char *name, struct str uri, struct str tag)
{
	buf_printf(out, "%s: <", name);
	buf_str(out, uri);
	buf_putc(out, '>');
	if (tag.n > 0) {
		buf_puts(out, ";tag=");
		buf_str(out, tag);
	}
	buf_puts(out, "\r\n");
}

void
sip_request_begin(struct buf *out, const struct sip_request *r)
{
	buf_str(out, r->method);
	buf_putc(out, ' ');
	buf_str(out, r->uri);
	buf_puts(out, " SIP/2.0\r\n");
	put_via(out, r);
	put_party(out, "From", r->from, r->from_tag);
	put_party(out, "To", r->to, r->to_tag);
	buf_puts(out, "Call-ID: ");
	buf_str(out, r->call_id);
	buf_puts(out, "\r\nCSeq: ");
	buf_u64(out, r->cseq);
	buf_putc(out, ' ');
	buf_str(out, r->method);
	buf_printf(out, "\r\nMax-Forwards: %d\r\n", MAX_FORWARDS);
	if (r->contact.p != NULL)
		put_party(out, "Contact", r->contact, STR_NULL);
	if (r->user_agent.n > 0) {
		buf_puts(out, "User-Agent: ");
		buf_str(out, r->user_agent);
		buf_puts(out, "\r\n");
	}
}

void
sip_request_end(struct buf *out, struct str type, struct str body)
{
	if (body.n > 0) {
		buf_puts(out, "Content-Type: ");
		buf_str(out, type);
		buf_puts(out, "\r\n");
	}
	buf_puts(out, "Content-Length: ");
	buf_u64(out, body.n);
	buf_puts(out, "\r\n\r\n");
	buf_str(out, body);
}
