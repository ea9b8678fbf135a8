/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/forward - a request or response as a proxy passes it on.  Lines that do
 * not change are copied in runs, not one by one.
 */
#include "base/hash.h"
#include "sip/auth.h"
#include "sip/forward.h"
#include "sip/param.h"
#include "sip/sip_int.h"

/* What has been looked at and not yet been written: [from, to). */
struct run {
	struct buf *out;
	const char *from;
};

/* Up to here all is copied as it came. */
static void
copy_to(struct run *r, const char *to)
{
	if (to > r->from)
		buf_put(r->out, r->from, (size_t)(to - r->from));
	r->from = to;
}

/* Where the line after field i begins. */
static const char *
after(const struct sip_msg *m, size_t i)
{
	/* The last field is followed by the empty line, that by the body. */
	return i + 1 < m->nfield ? m->field[i + 1].name.p : m->body.p - 2;
}

static void
skip(struct run *r, const struct sip_msg *m, size_t i)
{
	copy_to(r, m->field[i].name.p);
	r->from = after(m, i);
}

static void
line(struct buf *out, enum sip_header id, struct str value)
{
	if (value.n == 0)
		return;
	buf_str(out, sip_header_str(id));
	buf_put(out, ": ", 2);
	buf_str(out, value);
	buf_put(out, "\r\n", 2);
}

static void
number(struct buf *out, enum sip_header id, uint64_t v)
{
	buf_str(out, sip_header_str(id));
	buf_put(out, ": ", 2);
	buf_u64(out, v);
	buf_put(out, "\r\n", 2);
}

/* A list without its first n values, and *n less by what it had of them. */
static struct str
drop_values(struct str list, size_t *n)
{
	const char *end = str_end(list);
	struct str value;

	while (sip_list_next(&list, &value)) {
		if (value.n == 0)
			continue;
		if (*n == 0)
			return str_of(value.p, (size_t)(end - value.p));
		--*n;
	}
	return STR_NULL;
}

/* ---- requests ---- */

static void
start_line(struct buf *out, const struct sip_msg *m, struct str uri)
{
	buf_str(out, m->method_name);
	buf_putc(out, ' ');
	buf_str(out, uri.p != NULL ? uri : m->request_uri);
	buf_puts(out, " SIP/2.0\r\n");
}

static void
put_in(struct buf *out, const struct sip_msg *m, const struct sip_forward *f)
{
	line(out, SIP_HEADER_VIA, f->via);
	line(out, SIP_HEADER_RECORD_ROUTE, f->record_route[0]);
	line(out, SIP_HEADER_RECORD_ROUTE, f->record_route[1]);
	line(out, SIP_HEADER_ROUTE, f->route);
	if (f->path.n > 0) {
		line(out, SIP_HEADER_PATH, f->path);
		if (!sip_msg_has_token(m, SIP_HEADER_SUPPORTED, STR("path")))
			line(out, SIP_HEADER_SUPPORTED, STR("path"));
	}
	number(out, SIP_HEADER_MAX_FORWARDS, (uint64_t)f->max_forwards);
	if (f->max_breadth > 0)
		number(out, SIP_HEADER_MAX_BREADTH, (uint64_t)f->max_breadth);
	if (!m->has_content_length)
		number(out, SIP_HEADER_CONTENT_LENGTH, m->body.n);
	buf_str(out, f->fields);
}

static bool
is_for_realm(struct str credentials, struct str realm)
{
	struct sip_credentials c;

	return sip_credentials_parse(&c, credentials) == 0 &&
	    str_eq(c.realm, realm);
}

/* The Via that was topmost, with what we saw of its sender. */
static void
seen_via(struct run *r, const struct sip_msg *m, size_t i,
    const struct addr *source)
{
	const struct sip_field *via = &m->field[i];

	copy_to(r, via->name.p);
	buf_puts(r->out, "Via: ");
	sip_via_put(r->out, &m->via, source);
	r->from = str_end(m->via.all);
}

/* A list without its last value. */
static struct str
drop_last_value(struct str list)
{
	const char *begin = list.p, *end = list.p;
	struct str value, last = STR_NULL;

	while (sip_list_next(&list, &value)) {
		if (value.n == 0)
			continue;
		if (last.p != NULL)
			end = str_end(last);
		last = value;
	}
	return str_of(begin, (size_t)(end - begin));
}

/* Route values that are ours are taken off the top; strict routers before or
 * behind us have or want something at the end. */
static void
cut_route(struct run *r, const struct sip_msg *m, size_t i,
    const struct sip_forward *f, size_t *drop)
{
	bool last = (f->drop_last_route || f->last_route.n > 0) &&
	    sip_msg_next(m, &m->field[i]) == NULL;
	struct str rest = m->field[i].value;

	if (*drop == 0 && !last)
		return;
	skip(r, m, i);
	if (*drop > 0)
		rest = drop_values(rest, drop);
	if (last && f->drop_last_route)
		rest = drop_last_value(rest);
	line(r->out, SIP_HEADER_ROUTE, rest);
	if (last)
		line(r->out, SIP_HEADER_ROUTE, f->last_route);
}

static void
request_field(struct run *r, const struct sip_msg *m, size_t i,
    const struct sip_forward *f, size_t *drop)
{
	switch (m->field[i].id) {
	case SIP_HEADER_VIA:
		if (f->source != NULL && m->first[SIP_HEADER_VIA] == i + 1)
			seen_via(r, m, i, f->source);
		break;
	case SIP_HEADER_ROUTE:
		cut_route(r, m, i, f, drop);
		break;
	case SIP_HEADER_MAX_FORWARDS:
		skip(r, m, i);
		break;
	case SIP_HEADER_MAX_BREADTH:
		if (f->max_breadth > 0)
			skip(r, m, i);
		break;
	case SIP_HEADER_CONTACT:
		if (f->drop_contacts)
			skip(r, m, i);
		break;
	case SIP_HEADER_PROXY_AUTHORIZATION:
		if (f->realm.p != NULL &&
		    is_for_realm(m->field[i].value, f->realm))
			skip(r, m, i);
		break;
	default:
		break;
	}
}

void
sip_forward_request(struct buf *out, const struct sip_msg *m,
    const struct sip_forward *f)
{
	struct run r = { out, m->field[0].name.p };
	size_t drop = f->drop_routes;

	start_line(out, m, f->request_uri);
	put_in(out, m, f);
	for (size_t i = 0; i < m->nfield; i++)
		request_field(&r, m, i, f, &drop);
	copy_to(&r, str_end(m->body));
}

/* ---- responses ---- */

/* The topmost Via value goes; false: it is the only one. */
static bool
cut_via(struct run *r, const struct sip_msg *m)
{
	size_t i = m->first[SIP_HEADER_VIA] - 1u, one = 1;
	struct str rest = drop_values(m->field[i].value, &one);

	if (rest.n == 0 && sip_msg_next(m, &m->field[i]) == NULL)
		return false;
	skip(r, m, i);
	line(r->out, SIP_HEADER_VIA, rest);
	return true;
}

bool
sip_forward_response(struct buf *out, const struct sip_msg *m,
    const struct sip_forward_change *change)
{
	struct run r = { out, m->all.p };
	bool drop = change != NULL && change->drop_contacts;

	copy_to(&r, m->field[0].name.p);
	if (change != NULL)
		buf_str(out, change->fields);
	if (!m->has_content_length)
		number(out, SIP_HEADER_CONTENT_LENGTH, m->body.n);
	for (size_t i = 0; i < m->nfield; i++) {
		if (i + 1 == m->first[SIP_HEADER_VIA]) {
			if (!cut_via(&r, m))
				return false;
		} else if (drop && m->field[i].id == SIP_HEADER_CONTACT) {
			skip(&r, m, i);
		}
	}
	copy_to(&r, str_end(m->body));
	return true;
}

/* ---- what is looked at ---- */

static uint64_t
hash_fields(const struct sip_msg *m, enum sip_header id)
{
	uint64_t pair[2] = { 0, 0 };

	for (const struct sip_field *f = sip_msg_field(m, id); f != NULL;
	     f = sip_msg_next(m, f)) {
		pair[1] = hash_bytes(f->value.p, f->value.n);
		pair[0] = hash_bytes(pair, sizeof(pair));
	}
	return pair[0];
}

uint64_t
sip_loop_hash(const struct sip_msg *m)
{
	const uint64_t parts[] = {
		hash_bytes(m->request_uri.p, m->request_uri.n),
		hash_bytes(m->from_tag.p, m->from_tag.n),
		hash_bytes(m->call_id.p, m->call_id.n),
		m->cseq,
		hash_fields(m, SIP_HEADER_ROUTE),
		hash_fields(m, SIP_HEADER_PROXY_REQUIRE),
	};

	return hash_bytes(parts, sizeof(parts));
}

void
sip_values_begin(struct sip_values *v, const struct sip_msg *m,
    enum sip_header id)
{
	v->msg = m;
	v->field = sip_msg_field(m, id);
	v->list = v->field != NULL ? v->field->value : STR_NULL;
}

bool
sip_values_next(struct sip_values *v, struct str *out)
{
	while (v->field != NULL) {
		while (sip_list_next(&v->list, out)) {
			if (out->n > 0)
				return true;
		}
		v->field = sip_msg_next(v->msg, v->field);
		if (v->field != NULL)
			v->list = v->field->value;
	}
	return false;
}

bool
sip_msg_value(const struct sip_msg *m, enum sip_header id, size_t n,
    struct str *out)
{
	struct sip_values v;

	sip_values_begin(&v, m, id);
	while (sip_values_next(&v, out)) {
		if (n-- == 0)
			return true;
	}
	return false;
}
