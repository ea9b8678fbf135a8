/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/dialog.h"

#include "base/digest.h"
#include "sip/param.h"

int
dialog_begin(struct dialog *d, struct str local_uri, struct str remote_uri)
{
	uint8_t raw[16];

	*d = (struct dialog) { 0 };
	digest_random(raw, sizeof(raw));
	str_hex(d->call_id, raw, sizeof(raw));
	digest_random(raw, 8);
	str_hex(d->local_tag, raw, 8);
	digest_random(&d->local_cseq, sizeof(d->local_cseq));
	d->local_cseq &= 0xffff; /* RFC 3261 8.1.1.5: any below 2**31 */
	return str_copy(d->local_uri, sizeof(d->local_uri), local_uri) &&
	    str_copy(d->remote_uri, sizeof(d->remote_uri), remote_uri) &&
	    str_copy(d->remote_target, sizeof(d->remote_target), remote_uri) ?
	    0 : E_LIMIT;
}

void
dialog_restart(struct dialog *d)
{
	d->remote_tag[0] = '\0';
	d->nroutes = d->routes_bytes = 0;
	memcpy(d->remote_target, d->remote_uri, sizeof(d->remote_target));
}

/* ---- what a message says ---- */

/* As it may stand in a Request-URI: without headers (RFC 3261 19.1.1). */
static struct str
bare(const struct sip_uri *u)
{
	return u->headers.p == NULL ? u->all :
	    str_of(u->all.p, (size_t)(u->headers.p - u->all.p) - 1);
}

static int
read_target(char out[DIALOG_URI_MAX], const struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CONTACT);
	struct str list = f != NULL ? f->value : STR_NULL, one;
	struct sip_nameaddr na;
	struct sip_uri uri;

	if (!sip_list_next(&list, &one) || sip_nameaddr_parse(&na, one) != 0 ||
	    na.star || sip_uri_parse(&uri, na.uri) != 0 ||
	    uri.scheme == SIP_SCHEME_OTHER)
		return E_PARSE;
	return str_copy(out, DIALOG_URI_MAX, bare(&uri)) ? 0 : E_LIMIT;
}

/* One value behind the others. */
static int
add_route(struct dialog *d, struct str value)
{
	struct sip_nameaddr na;
	struct sip_uri uri;
	size_t room = sizeof(d->routes) - d->routes_bytes;

	if (sip_nameaddr_parse(&na, value) != 0 || na.star ||
	    sip_uri_parse(&uri, na.uri) != 0 ||
	    uri.scheme == SIP_SCHEME_OTHER)
		return E_PARSE;
	if (d->nroutes == DIALOG_ROUTES_MAX || value.n >= room)
		return E_LIMIT;
	str_copy(d->routes + d->routes_bytes, room, value);
	d->routes_bytes += value.n + 1;
	d->nroutes++;
	return 0;
}

/* The values of Record-Route, top first. */
static int
read_routes(struct dialog *d, const struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_RECORD_ROUTE);
	int err = 0;

	d->nroutes = d->routes_bytes = 0;
	for (; err == 0 && f != NULL; f = sip_msg_next(m, f)) {
		struct str list = f->value, one;

		while (err == 0 && sip_list_next(&list, &one))
			err = add_route(d, str_trim(one));
	}
	return err;
}

static struct str
route_at(const struct dialog *d, size_t i)
{
	const char *p = d->routes;

	while (i-- > 0)
		p += strlen(p) + 1;
	return str_cstr(p);
}

static int
turn_round(struct dialog *d)
{
	struct dialog was = *d;
	int err = 0;

	d->nroutes = d->routes_bytes = 0;
	for (size_t i = was.nroutes; err == 0 && i > 0; i--)
		err = add_route(d, route_at(&was, i - 1));
	return err;
}

int
dialog_of_response(struct dialog *d, const struct sip_msg *m)
{
	struct dialog new = *d;
	int err = read_target(new.remote_target, m);

	if (err == E_PARSE && m->status < 200)
		err = 0; /* an early dialog; the 2xx will have it */
	if (err == 0 && m->to_tag.n == 0)
		err = E_PARSE;
	if (err == 0 && !d->confirmed) {
		/* 13.2.2.4: a 2xx settles tag and route set anew. */
		if (!str_copy(new.remote_tag, sizeof(new.remote_tag),
		    m->to_tag))
			err = E_LIMIT;
		if (err == 0)
			err = read_routes(&new, m);
		if (err == 0)
			err = turn_round(&new);
		new.confirmed = m->status >= 200;
	}
	if (err == 0)
		*d = new;
	return err;
}

int
dialog_of_request(struct dialog *d, const struct sip_msg *m)
{
	struct dialog new;
	int err = dialog_begin(&new, m->to.uri, m->from.uri);

	if (err == 0)
		err = read_target(new.remote_target, m);
	if (err == 0)
		err = read_routes(&new, m);
	/* A peer without a tag (RFC 2543) has an empty one: 12.1.1. */
	if (err == 0 && (!str_copy(new.call_id, sizeof(new.call_id),
	    m->call_id) || !str_copy(new.remote_tag, sizeof(new.remote_tag),
	    m->from_tag)))
		err = E_LIMIT;
	new.remote_cseq = m->cseq;
	new.remote_cseq_known = true;
	if (err == 0)
		*d = new;
	return err;
}

bool
dialog_has(const struct dialog *d, const struct sip_msg *m)
{
	struct str local = m->request ? m->to_tag : m->from_tag;
	struct str remote = m->request ? m->from_tag : m->to_tag;

	return str_eq(m->call_id, str_cstr(d->call_id)) &&
	    str_eq(local, str_cstr(d->local_tag)) &&
	    str_eq(remote, str_cstr(d->remote_tag));
}

bool
dialog_in_order(struct dialog *d, const struct sip_msg *m)
{
	if (d->remote_cseq_known && m->cseq <= d->remote_cseq)
		return false;
	d->remote_cseq = m->cseq;
	d->remote_cseq_known = true;
	return true;
}

void
dialog_refresh(struct dialog *d, const struct sip_msg *m)
{
	char target[DIALOG_URI_MAX];

	if (read_target(target, m) == 0)
		memcpy(d->remote_target, target, sizeof(target));
}

/* ---- requests ---- */

static struct str
uri_of(struct str route)
{
	struct sip_nameaddr na;
	struct sip_uri uri;

	return sip_nameaddr_parse(&na, route) == 0 &&
	    sip_uri_parse(&uri, na.uri) == 0 ? bare(&uri) : STR_NULL;
}

static bool
is_loose(struct str route)
{
	struct sip_uri uri;
	struct str value;

	return sip_uri_parse(&uri, uri_of(route)) == 0 &&
	    sip_uri_param(&uri, STR("lr"), &value);
}

static void
put_route(struct buf *out, struct str value, bool brackets)
{
	buf_puts(out, brackets ? "Route: <" : "Route: ");
	buf_str(out, value);
	buf_puts(out, brackets ? ">\r\n" : "\r\n");
}

void
dialog_request(const struct dialog *d, struct buf *out, struct sip_request *r)
{
	bool strict = d->nroutes > 0 && !is_loose(route_at(d, 0));

	r->from = str_cstr(d->local_uri);
	r->from_tag = str_cstr(d->local_tag);
	r->to = str_cstr(d->remote_uri);
	r->to_tag = str_cstr(d->remote_tag);
	r->call_id = str_cstr(d->call_id);
	r->uri = strict ? uri_of(route_at(d, 0)) :
	    str_cstr(d->remote_target);
	sip_request_begin(out, r);
	for (size_t i = strict ? 1 : 0; i < d->nroutes; i++)
		put_route(out, route_at(d, i), false);
	if (strict)
		put_route(out, str_cstr(d->remote_target), true);
}
