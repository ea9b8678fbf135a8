/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * txn/derive - the ACK and the CANCEL that go with a request as it was sent
 * (RFC 3261 17.1.1.3, 9.1).
 */
#include "sip/param.h"
#include "txn/txn_int.h"

static void
line(struct buf *out, enum sip_header id, struct str value)
{
	buf_str(out, sip_header_str(id));
	buf_put(out, ": ", 2);
	buf_str(out, value);
	buf_put(out, "\r\n", 2);
}

bool
txn_derive(struct buf *out, struct str request, enum sip_method method,
    struct str to)
{
	struct sip_msg m;
	struct str name = sip_method_str(method), list, via;

	if (sip_msg_parse(&m, request, SIP_DATAGRAM, request.n) != 0)
		return false;
	list = sip_msg_field(&m, SIP_HEADER_VIA)->value;
	if (!sip_list_next(&list, &via))
		return false;
	if (to.p == NULL)
		to = sip_msg_field(&m, SIP_HEADER_TO)->value;
	buf_str(out, name);
	buf_putc(out, ' ');
	buf_str(out, m.request_uri);
	buf_puts(out, " SIP/2.0\r\n");
	line(out, SIP_HEADER_VIA, via);
	for (const struct sip_field *f = sip_msg_field(&m, SIP_HEADER_ROUTE);
	     f != NULL; f = sip_msg_next(&m, f))
		line(out, SIP_HEADER_ROUTE, f->value);
	buf_puts(out, "Max-Forwards: ");
	buf_u64(out, m.max_forwards >= 0 ? (uint64_t)m.max_forwards : 70);
	buf_puts(out, "\r\n");
	line(out, SIP_HEADER_FROM, sip_msg_field(&m, SIP_HEADER_FROM)->value);
	line(out, SIP_HEADER_TO, to);
	line(out, SIP_HEADER_CALL_ID, m.call_id);
	buf_puts(out, "CSeq: ");
	buf_u64(out, m.cseq);
	buf_putc(out, ' ');
	buf_str(out, name);
	buf_puts(out, "\r\nContent-Length: 0\r\n\r\n");
	return !out->failed;
}
