/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests on to an upstream, and what a REGISTER is given on the way: a Path
 * (RFC 3327 5.2, RFC 5626 5.1), or Contacts that lead to us.
 */
#include "edge/token.h"
#include "edge/upstream_int.h"
#include "sip/param.h"

/* A text that is being made in out->text. */
static struct buf
begin_text(struct route *out)
{
	struct buf b;

	buf_init_array(&b, out->text + out->ntext,
	    sizeof(out->text) - out->ntext);
	return b;
}

static struct str
end_text(struct route *out, const struct buf *b)
{
	if (b->failed)
		return STR_NULL;
	out->ntext += b->n;
	return buf_as_str(b);
}

/* "sip:TOKEN@192.0.2.1:5060;transport=tcp": from, as the upstream gets it. */
static void
put_uri(struct buf *out, const struct route_view *v, const struct flow *from,
    const struct flow *to, struct str contact)
{
	const struct token t = { .kind = TOKEN_FLOW, .flow = *from,
		.contact = contact };
	char host[ADDR_STRLEN];

	buf_puts(out, "sip:");
	token_put(out, v->tokens, &t);
	buf_printf(out, "@%s", addr_print(&to->local, host));
	if (to->transport != FLOW_UDP)
		buf_puts(out, to->transport == FLOW_TLS ? ";transport=tls" :
		    ";transport=tcp");
}

static struct str
make_path(struct route *out, const struct route_view *v,
    const struct flow *from, const struct flow *to)
{
	struct buf b = begin_text(out);

	buf_putc(&b, '<');
	put_uri(&b, v, from, to, STR_NULL);
	buf_puts(&b, ";lr;ob>");
	return end_text(out, &b);
}

/* Each Contact with our URI in it; its parameters stay.  False: malformed. */
static bool
put_contacts(struct buf *out, const struct route_view *v,
    const struct flow *from, const struct flow *to, const struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CONTACT);

	for (; f != NULL; f = sip_msg_next(m, f)) {
		struct str list = f->value, value;

		while (sip_list_next(&list, &value)) {
			struct sip_nameaddr na;

			if (sip_nameaddr_parse(&na, value) != 0)
				return false;
			buf_puts(out, "Contact: ");
			if (na.star) {
				buf_puts(out, "*\r\n");
				continue;
			}
			buf_putc(out, '<');
			put_uri(out, v, from, to, na.uri);
			buf_putc(out, '>');
			buf_str(out, na.params);
			buf_puts(out, "\r\n");
		}
	}
	return true;
}

/* False: out says what to answer. */
static bool
prepare_register(struct route *out, const struct route_view *v,
    const struct flow *from, const struct sip_msg *m, bool contact,
    struct route_target *t)
{
	struct buf b;

	if (!contact) {
		t->path = make_path(out, v, from, &t->flow);
		if (t->path.n > 0)
			return true;
	} else {
		b = begin_text(out);
		if (!put_contacts(&b, v, from, &t->flow, m)) {
			out->status = 400;
			out->reason = "Malformed Contact";
			return false;
		}
		t->fields = end_text(out, &b);
		t->drop_contacts = true;
		if (t->fields.p != NULL)
			return true;
	}
	if (out->ntarget == 0) {
		out->status = 400;
		out->reason = "Contacts Too Long";
	}
	return false;
}

/* False: out says what to answer, and nothing more is tried. */
static bool
add_target(struct route *out, const struct route_view *v,
    const struct flow *from, const struct sip_msg *m,
    const struct server_pick *pick)
{
	struct route_target *t = &out->target[out->ntarget];
	const struct flow_way way = { .transport = pick->transport,
		.peer = pick->addr, .from = pick->from, .upstream = pick->id,
		.tls = pick->tls };

	*t = (struct route_target) { .upstream = pick->id };
	if (!flow_open(v->worker, &way, &t->flow))
		return true;
	if (m->method == SIP_METHOD_REGISTER) {
		out->reply = ROUTE_REPLY_REGISTER;
		if (!prepare_register(out, v, from, m, pick->contact, t))
			return false;
	}
	out->ntarget++;
	return true;
}

void
upstream_route(struct route *out, const struct route_view *v,
    const struct flow *from, const struct sip_msg *m, uint64_t only)
{
	struct server_pick pick[UPSTREAM_TARGETS_MAX];
	size_t n = upstreams_pick(v->upstreams, only, pick);
	bool more = true;

	out->one_by_one = true;
	for (size_t i = 0; i < n; i++) {
		more = more && out->ntarget < ROUTE_TARGETS_MAX &&
		    add_target(out, v, from, m, &pick[i]);
		upstream_tls_unref(pick[i].tls);
	}
	if (out->ntarget > 0 || out->status != 0)
		return;
	out->status = 503;
	out->reason = "No Upstream";
	out->retry_after = true;
}
