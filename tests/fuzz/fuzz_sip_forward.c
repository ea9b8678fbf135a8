/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message that parses, forwarded: it parses again, has the same body, our Via
 * on top and one more or one less of them.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/addr.h"
#include "sip/forward.h"

#define HEAD_MAX 65536
#define FIELDS_MAX (SIP_FIELDS_MAX - 8) /* room for what is put in */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char text[3 * HEAD_MAX];

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static size_t
count(const struct sip_msg *m, enum sip_header id)
{
	struct str value;
	size_t n = 0;

	while (sip_msg_value(m, id, n, &value))
		n++;
	return n;
}

static const struct sip_msg *
again(const struct buf *out)
{
	static struct sip_msg m;

	must(!out->failed);
	must(sip_msg_parse(&m, buf_as_str(out), SIP_STREAM, HEAD_MAX * 2) == 0);
	must(m.all.n == out->n);
	return &m;
}

static void
request(const struct sip_msg *m, unsigned how)
{
	static const struct str routes[] = { { NULL, 0 },
		{ "<sip:r;lr>", 10 } };
	struct addr source;
	struct sip_forward f = {
		.via = STR("SIP/2.0/UDP edge;branch=z9hG4bKe"),
		.source = how & 1 ? &source : NULL,
		.record_route = { routes[how >> 1 & 1], routes[how >> 2 & 1] },
		.drop_routes = how >> 3 & 3,
		.route = routes[how >> 2 & 1],
		.path = routes[how >> 1 & 1],
		.realm = how & 4 ? STR("r") : STR_NULL,
		.max_forwards = 69,
		.max_breadth = how & 2 ? 60 : 0,
	};
	const struct sip_msg *b;
	size_t routes_before = count(m, SIP_HEADER_ROUTE), want;
	struct buf out;

	must(addr_parse(&source, STR("192.0.2.1:5062"), 0) == 0);
	buf_init_array(&out, text, sizeof(text));
	sip_forward_request(&out, m, &f);
	b = again(&out);
	must(b->request && str_eq(b->body, m->body));
	must(str_eq(b->via.host, STR("edge")));
	must(count(b, SIP_HEADER_VIA) == count(m, SIP_HEADER_VIA) + 1);
	want = routes_before - (f.drop_routes < routes_before ?
	    f.drop_routes : routes_before);
	must(count(b, SIP_HEADER_ROUTE) == want + (f.route.n > 0));
	must(b->max_forwards == 69);
	must(str_eq(b->call_id, m->call_id) && b->cseq == m->cseq);
	must(str_eq(b->from.uri, m->from.uri));
	(void)sip_loop_hash(m);
}

static void
response(const struct sip_msg *m)
{
	const struct sip_msg *b;
	struct sip_via via;
	struct str next;
	struct buf out;

	buf_init_array(&out, text, sizeof(text));
	if (!sip_forward_response(&out, m, NULL)) {
		must(count(m, SIP_HEADER_VIA) == 1);
		return;
	}
	/* The next Via is the first that anybody looks into. */
	if (!sip_msg_value(m, SIP_HEADER_VIA, 1, &next) ||
	    sip_via_parse(&via, next) != 0)
		return;
	b = again(&out);
	must(!b->request && b->status == m->status);
	must(str_eq(b->body, m->body));
	must(count(b, SIP_HEADER_VIA) == count(m, SIP_HEADER_VIA) - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sip_msg m;
	struct str bytes;

	if (n < 1 || n > HEAD_MAX)
		return 0;
	bytes = str_of((const char *)data + 1, n - 1);
	if (sip_msg_parse(&m, bytes, SIP_DATAGRAM, HEAD_MAX) != 0 ||
	    m.nfield > FIELDS_MAX)
		return 0;
	if (m.request)
		request(&m, data[0]);
	else
		response(&m);
	return 0;
}
