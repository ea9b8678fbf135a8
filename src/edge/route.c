/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/route.h"

#include "base/digest.h"
#include "edge/location.h"
#include "edge/token.h"
#include "edge/upstream.h"
#include "edge/users.h"
#include "sip/forward.h"

#define AOR_MAX 512

/* One request on its way through. */
struct plan {
	struct route *out;
	const struct route_view *v;
	const struct flow *from;
	const struct sip_msg *m;
	uint64_t from_upstream;     /* it comes from this one; 0: a phone     */
	bool in_dialog;
	struct sip_uri ruri;        /* after strict routing                   */
	struct str token;           /* what decides: the last of ours popped  */
	bool routes_left;           /* Route values that are not ours         */
};

struct str
route_keep(struct route *out, struct str s)
{
	char *at = out->text + out->ntext;

	if (s.p == NULL || s.n > sizeof(out->text) - out->ntext)
		return STR_NULL;
	memcpy(at, s.p, s.n);
	out->ntext += s.n;
	return str_of(at, s.n);
}

static void
refuse(struct plan *p, int status, const char *reason)
{
	p->out->status = status;
	p->out->reason = reason;
}

static bool
is_ours(const struct plan *p, const struct sip_uri *u)
{
	return u->scheme != SIP_SCHEME_OTHER && p->v->is_ours(p->v, u);
}

/* ---- Route (RFC 3261 16.4) ---- */

/* A value that cannot be read has a scheme that is not ours either. */
static void
read_route(struct sip_uri *uri, struct str value)
{
	struct sip_nameaddr na;

	if (sip_nameaddr_parse(&na, value) != 0 ||
	    sip_uri_parse(uri, na.uri) != 0)
		uri->scheme = SIP_SCHEME_OTHER;
}

/*
 * A strict router before us has put our Record-Route URI into the Request-URI
 * and the Request-URI at the end of Route.  Back with it.
 */
static size_t
undo_strict(struct plan *p)
{
	struct str value, last = STR_NULL;
	struct sip_values routes;
	struct sip_uri uri;
	size_t n = 0;

	sip_values_begin(&routes, p->m, SIP_HEADER_ROUTE);
	for (; sip_values_next(&routes, &value); n++)
		last = value;
	if (n == 0)
		return 0;
	read_route(&uri, last);
	if (uri.scheme == SIP_SCHEME_OTHER)
		return n;
	p->token = p->ruri.user;
	p->ruri = uri;
	p->out->request_uri = uri.all;
	p->out->drop_last_route = true;
	return n - 1;
}

/* 16.6 step 6: the next hop is a strict router. */
static void
do_strict(struct plan *p, const struct sip_uri *next)
{
	struct buf b;

	buf_init_array(&b, p->out->text + p->out->ntext,
	    sizeof(p->out->text) - p->out->ntext);
	buf_putc(&b, '<');
	buf_str(&b, p->ruri.all);
	buf_putc(&b, '>');
	if (b.failed)
		return;
	p->out->last_route = buf_as_str(&b);
	p->out->ntext += b.n;
	p->out->request_uri = next->all;
	p->out->drop_routes++;
}

/* Values of ours come off the top; the last of them says where to. */
static bool
take_routes(struct plan *p)
{
	struct sip_values routes;
	size_t max = SIZE_MAX;
	struct sip_uri uri;
	struct str value, lr;

	/* A rewritten Contact of ours has no lr. */
	if (str_starts(p->ruri.user, STR("ft-")) && is_ours(p, &p->ruri) &&
	    sip_uri_param(&p->ruri, STR("lr"), &lr))
		max = undo_strict(p);
	sip_values_begin(&routes, p->m, SIP_HEADER_ROUTE);
	while (p->out->drop_routes < max && sip_values_next(&routes, &value)) {
		read_route(&uri, value);
		if (uri.scheme == SIP_SCHEME_OTHER) {
			refuse(p, 400, "Malformed Route");
			return false;
		}
		if (!is_ours(p, &uri)) {
			p->routes_left = true;
			if (!sip_uri_param(&uri, STR("lr"), &lr))
				do_strict(p, &uri);
			break;
		}
		p->out->drop_routes++;
		if (str_starts(uri.user, STR("ft-")))
			p->token = uri.user;
	}
	return true;
}

/* ---- who asks ---- */

static bool
aor_of(const struct plan *p, const struct sip_uri *u, char text[AOR_MAX],
    struct str *aor)
{
	struct buf b;

	if (u->user.n == 0 || !is_ours(p, u))
		return false;
	buf_init_array(&b, text, AOR_MAX);
	sip_uri_aor(&b, u, str_cstr(p->v->conf->domain));
	*aor = buf_as_str(&b);
	return !b.failed;
}

static size_t
look_up(struct plan *p, struct str aor, struct location_target *t, size_t max)
{
	struct route *out = p->out;
	struct buf text;
	size_t n;

	buf_init_array(&text, out->text + out->ntext,
	    sizeof(out->text) - out->ntext);
	n = location_lookup(p->v->location, aor, p->v->now_s, t, max, &text);
	out->ntext += text.n;
	return n;
}

/* Has who sends this registered From's address-of-record over this flow? */
static bool
is_registered_sender(struct plan *p)
{
	struct location_target t[ROUTE_TARGETS_MAX];
	char text[AOR_MAX];
	struct addr from;
	struct str aor;
	size_t n;

	if (!aor_of(p, &p->m->from_uri, text, &aor))
		return false;
	n = look_up(p, aor, t, ROUTE_TARGETS_MAX);
	from = flow_answers_to(p->from);
	for (size_t i = 0; i < n; i++) {
		if (t[i].flow.id == p->from->id &&
		    t[i].flow.transport == p->from->transport &&
		    addr_equal(&t[i].flow.peer, &from))
			return true;
	}
	return false;
}

/*
 * Who asks has to prove who he is, but for an ACK, which nobody can challenge
 * (RFC 3261 22.1): that one has to come over a flow its sender registered.
 */
static bool
must_prove(struct plan *p)
{
	if (p->m->method == SIP_METHOD_ACK) {
		if (is_registered_sender(p))
			return true;
		refuse(p, 403, "ACK From An Unknown Flow");
		return false;
	}
	p->out->challenge = true;
	return true;
}

/* ---- targets ---- */

static struct route_target *
add_target(struct plan *p, const struct flow *f)
{
	struct route *out = p->out;
	struct route_target *t;

	/* RFC 3261 26.2.2: a SIPS URI goes over TLS or not at all. */
	if (out->ntarget == ROUTE_TARGETS_MAX ||
	    (p->ruri.scheme == SIP_SCHEME_SIPS && f->transport != FLOW_TLS))
		return NULL;
	t = &out->target[out->ntarget++];
	*t = (struct route_target) { .flow = *f };
	return t;
}

static void
add_binding(struct plan *p, const struct location_target *b, bool as_it_came)
{
	struct flow f = b->flow;
	struct route_target *t;

	if (!p->v->place(p->v, &f))
		return;
	t = add_target(p, &f);
	if (t == NULL)
		return;
	t->q = b->q;
	if (b->path.n > 0)
		t->route = b->path;
	if (!as_it_came)
		t->uri = b->uri;
}

static bool
user_exists(struct plan *p, struct str aor)
{
	char ha1[2 * DIGEST_MAX + 1];
	size_t domain = strlen(p->v->conf->domain) + 1;
	struct str user = str_of(aor.p, aor.n - domain);
	bool there = false;

	for (int a = 0; a < DIGEST_ALGS && !there; a++)
		there = users_ha1(p->v->users, user,
		    str_cstr(p->v->conf->domain), (enum digest_alg)a, ha1);
	digest_wipe(ha1, sizeof(ha1));
	return there;
}

/* A call for an extension of ours. */
static void
to_extension(struct plan *p)
{
	struct location_target t[ROUTE_TARGETS_MAX];
	char text[AOR_MAX];
	struct str aor;
	size_t n;

	if (!aor_of(p, &p->ruri, text, &aor)) {
		refuse(p, 404, NULL);
		return;
	}
	if (p->m->method == SIP_METHOD_ACK) {
		/* Of a 2xx it goes to the Contact in that. */
		refuse(p, 404, NULL);
		return;
	}
	if (!must_prove(p))
		return;
	n = look_up(p, aor, t, ROUTE_TARGETS_MAX);
	for (size_t i = 0; i < n; i++)
		add_binding(p, &t[i], false);
	if (p->out->ntarget == 0)
		refuse(p, n > 0 || user_exists(p, aor) ? 480 : 404, NULL);
}

/*
 * The binding that has the Request-URI as its contact, under the address-of-
 * record that To names: the phone at the other end of a dialog, wherever it
 * may have moved.
 */
static bool
by_contact(struct plan *p, bool user_will_do)
{
	struct location_target t[ROUTE_TARGETS_MAX];
	char text[AOR_MAX];
	struct str aor;
	size_t n;

	if (!aor_of(p, &p->m->to_uri, text, &aor))
		return false;
	n = look_up(p, aor, t, ROUTE_TARGETS_MAX);
	for (size_t i = 0; i < n; i++) {
		struct sip_uri uri;

		if (sip_uri_parse(&uri, t[i].uri) != 0 ||
		    !(sip_uri_equal(&uri, &p->ruri) ||
		    (user_will_do && str_eq(uri.user, p->ruri.user))))
			continue;
		add_binding(p, &t[i], true);
		if (p->out->ntarget > 0)
			return true;
	}
	return false;
}

static void
to_token_flow(struct plan *p, const struct token *t)
{
	struct route_target *target;
	struct flow f = t->flow;

	/* What begins a dialog this way knows the token from an earlier call,
	 * or is a PBX that got it in a Path. */
	if (!p->in_dialog && p->v->upstreams == NULL && !must_prove(p))
		return;
	if (!p->in_dialog && p->v->upstreams != NULL &&
	    !upstreams_host(p->v->upstreams, &p->from->peer)) {
		refuse(p, 403, "Flow Token Is Not For This Sender");
		return;
	}
	/* A phone that has come back has the same contact on another flow, and
	 * one behind a NAT may have another port now. */
	if (p->in_dialog && by_contact(p, false))
		return;
	if (f.transport == FLOW_UDP && !p->v->place(p->v, &f)) {
		refuse(p, 430, NULL);
		return;
	}
	target = add_target(p, &f);
	if (target == NULL) {
		refuse(p, 480, "Not Reachable Over TLS");
		return;
	}
	target->by_token = true;
	if (t->contact.n > 0)
		target->uri = route_keep(p->out, t->contact);
}

static void
by_token(struct plan *p, struct str text)
{
	char contact[TOKEN_CONTACT_MAX];
	struct token t;

	switch (token_read(&t, p->v->tokens, text, contact)) {
	case TOKEN_OK:
		if (t.kind == TOKEN_FLOW)
			to_token_flow(p, &t);
		else if (p->v->upstreams != NULL)
			upstream_route(p->out, p->v, p->from, p->m,
			    t.upstream);
		else
			refuse(p, 430, "No Such Upstream");
		break;
	case TOKEN_GONE:
		if (!p->in_dialog || !by_contact(p, false))
			refuse(p, 430, NULL);
		break;
	case TOKEN_FORGED:
	case TOKEN_NONE:
		refuse(p, 403, "Forged Flow Token");
		break;
	}
}

/* ---- the whole ---- */

/* Is anybody there?  Asked of our host, whatever port the asker writes. */
static bool
is_ping(const struct plan *p)
{
	struct sip_uri uri = p->ruri;

	uri.port = 0;
	return p->m->method == SIP_METHOD_OPTIONS && is_ours(p, &uri);
}

static void
without_token(struct plan *p)
{
	bool ours = is_ours(p, &p->ruri);

	if (p->v->upstreams != NULL && p->from_upstream == 0 &&
	    !(ours && p->ruri.user.n == 0 &&
	    p->m->method == SIP_METHOD_OPTIONS)) {
		upstream_route(p->out, p->v, p->from, p->m, 0);
	} else if (p->routes_left) {
		refuse(p, 403, "Route Leads Elsewhere");
	} else if (ours && p->ruri.user.n == 0) {
		p->out->us = true;
	} else if (p->from_upstream != 0) {
		refuse(p, 404, "No Flow Token");
	} else if (ours) {
		to_extension(p);
	} else if (!p->in_dialog && is_ping(p)) {
		p->out->us = true;
	} else if (!p->in_dialog) {
		refuse(p, 403, "Not A Domain Of Ours");
	} else if (must_prove(p) && !by_contact(p, true)) {
		p->out->challenge = false;
		refuse(p, 403, "Request-URI Leads Elsewhere");
	}
}

static bool
forms_dialog(enum sip_method method)
{
	return method == SIP_METHOD_INVITE || method == SIP_METHOD_SUBSCRIBE ||
	    method == SIP_METHOD_REFER || method == SIP_METHOD_NOTIFY;
}

static void
begin(struct plan *p)
{
	struct route *out = p->out;

	out->status = 0;
	out->reason = NULL;
	out->retry_after = out->challenge = out->us = false;
	out->ntarget = out->drop_routes = out->ntext = 0;
	out->one_by_one = out->drop_last_route = false;
	out->request_uri = out->last_route = STR_NULL;
	out->record = forms_dialog(p->m->method) && !p->in_dialog;
	out->reply = ROUTE_REPLY_PLAIN;
}

void
route_request(struct route *out, const struct route_view *v,
    const struct flow *from, const struct sip_msg *m)
{
	struct plan p = {
		.out = out, .v = v, .from = from, .m = m,
		.in_dialog = m->to_tag.n > 0, .ruri = m->ruri,
	};

	begin(&p);
	if (v->upstreams != NULL)
		p.from_upstream = upstreams_at(v->upstreams, &from->peer);
	out->from_upstream = p.from_upstream;
	if (!take_routes(&p))
		return;
	if (p.token.n > 0)
		by_token(&p, p.token);
	else if (str_starts(p.ruri.user, STR("ft-")) && is_ours(&p, &p.ruri))
		by_token(&p, p.ruri.user);
	else
		without_token(&p);
}
