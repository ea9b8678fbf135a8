/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has registered with an upstream through us: learned from the 200s.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/devices.h"
#include "edge/token.h"
#include "edge/upstream_int.h"
#include "sip/param.h"

#define ACCOUNTS_MAX 262144 /* contacts that are remembered              */
#define SWEEP_S      30
#define HOUR_S       3600   /* RFC 3261 10.2.1.1                         */
#define AOR_MAX      512

/* A contact of an address-of-record; node.hash is of the latter. */
struct account {
	struct hash_node node;
	uint64_t contact;
	int64_t expires_s;
};

/* One REGISTER that was answered 2xx. */
struct learned {
	struct upstreams *u;
	const struct route_view *v;
	const struct flow *from;
	const struct sip_msg *request, *response;
	struct str aor, user_agent;
	char upstream[UPSTREAM_NAME_MAX];
};

/* ---- what is remembered ---- */

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct upstreams *u = arg;
	int64_t now_s = clock_wall_s();

	pthread_mutex_lock(&u->accounts_lock);
	for (size_t i = 0; i <= u->accounts.mask; i++) {
		struct hash_node *n = u->accounts.bucket[i], *next;

		for (; n != NULL; n = next) {
			struct account *a = CONTAINER_OF(n, struct account,
			    node);

			next = n->next;
			if (a->expires_s > now_s)
				continue;
			hash_remove(&u->accounts, n);
			free(a);
		}
	}
	pthread_mutex_unlock(&u->accounts_lock);
}

int
accounts_init(struct upstreams *u)
{
	struct timeval every = { SWEEP_S, 0 };

	if (hash_init(&u->accounts, 256) != 0)
		return -ENOMEM;
	u->sweep = event_new(loop_base(u->loop), -1, EV_PERSIST, on_sweep, u);
	if (u->sweep == NULL || event_add(u->sweep, &every) != 0)
		return -ENOMEM;
	return 0;
}

static void
free_account(struct hash_node *n, void *arg)
{
	free(CONTAINER_OF(n, struct account, node));
}

void
accounts_fini(struct upstreams *u)
{
	if (u->sweep != NULL)
		event_free(u->sweep);
	if (u->accounts.bucket != NULL)
		hash_each(&u->accounts, free_account, NULL);
	hash_fini(&u->accounts);
}

size_t
accounts_count(struct upstreams *u)
{
	size_t n;

	pthread_mutex_lock(&u->accounts_lock);
	n = u->accounts.count;
	pthread_mutex_unlock(&u->accounts_lock);
	return n;
}

static struct account *
find(struct upstreams *u, uint64_t aor, uint64_t contact)
{
	struct hash_node *n = hash_chain(&u->accounts, aor);

	for (; n != NULL; n = n->next) {
		struct account *a = CONTAINER_OF(n, struct account, node);

		if (n->hash == aor && a->contact == contact)
			return a;
	}
	return NULL;
}

/* True: it is new.  When there is no room it is not remembered, and new. */
static bool
remember(struct upstreams *u, struct str aor, struct str contact,
    int64_t expires_s)
{
	uint64_t h = hash_bytes(aor.p, aor.n);
	uint64_t c = hash_bytes(contact.p, contact.n);
	struct account *a;
	bool fresh;

	pthread_mutex_lock(&u->accounts_lock);
	a = find(u, h, c);
	fresh = a == NULL;
	if (fresh && u->accounts.count < ACCOUNTS_MAX)
		a = calloc(1, sizeof(*a));
	if (fresh && a != NULL) {
		a->contact = c;
		hash_insert(&u->accounts, &a->node, h);
	}
	if (a != NULL)
		a->expires_s = expires_s;
	pthread_mutex_unlock(&u->accounts_lock);
	return fresh;
}

/* contact absent: all of the address-of-record.  True: there was one. */
static bool
forget(struct upstreams *u, struct str aor, struct str contact)
{
	uint64_t h = hash_bytes(aor.p, aor.n);
	uint64_t c = hash_bytes(contact.p, contact.n);
	struct hash_node *n, *next;
	bool was = false;

	pthread_mutex_lock(&u->accounts_lock);
	for (n = hash_chain(&u->accounts, h); n != NULL; n = next) {
		struct account *a = CONTAINER_OF(n, struct account, node);

		next = n->next;
		if (n->hash != h || (contact.p != NULL && a->contact != c))
			continue;
		hash_remove(&u->accounts, n);
		free(a);
		was = true;
	}
	pthread_mutex_unlock(&u->accounts_lock);
	return was;
}

/* ---- the response ---- */

/* What we made of a phone's URI, undone; else the URI as it is. */
static struct str
original(const struct upstreams *u, struct str uri,
    char memory[TOKEN_CONTACT_MAX])
{
	struct sip_uri parsed;
	struct token t;
	enum token_result r;

	if (sip_uri_parse(&parsed, uri) != 0 ||
	    parsed.scheme == SIP_SCHEME_OTHER)
		return uri;
	r = token_read(&t, u->shared->tokens, parsed.user, memory);
	return (r == TOKEN_OK || r == TOKEN_GONE) && t.contact.n > 0 ?
	    t.contact : uri;
}

/* Contact fields with the phones' own URIs; true: one was changed. */
static bool
put_back(const struct upstreams *u, const struct sip_msg *response,
    struct buf *out)
{
	const struct sip_field *f = sip_msg_field(response, SIP_HEADER_CONTACT);
	bool changed = false;

	for (; f != NULL; f = sip_msg_next(response, f)) {
		struct str list = f->value, value;

		while (sip_list_next(&list, &value)) {
			char memory[TOKEN_CONTACT_MAX];
			struct sip_nameaddr na;
			struct str uri = STR_NULL;

			if (sip_nameaddr_parse(&na, value) == 0 && !na.star)
				uri = original(u, na.uri, memory);
			buf_puts(out, "Contact: ");
			if (uri.p == NULL || uri.p == na.uri.p) {
				buf_str(out, value);
			} else {
				buf_putc(out, '<');
				buf_str(out, uri);
				buf_putc(out, '>');
				buf_str(out, na.params);
				changed = true;
			}
			buf_puts(out, "\r\n");
		}
	}
	return changed && !out->failed;
}

static uint32_t
seconds(const struct sip_msg *m, struct str params, uint32_t otherwise)
{
	const struct sip_field *f;
	struct str value;
	uint32_t s;

	if (sip_param_get(params, STR("expires"), &value))
		return str_u32(value, &s) ? s : otherwise;
	f = sip_msg_field(m, SIP_HEADER_EXPIRES);
	return f != NULL && str_u32(f->value, &s) ? s : otherwise;
}

/* How long the upstream keeps this contact; as asked when it does not say. */
static uint32_t
granted(const struct learned *l, struct str contact, uint32_t asked_s)
{
	const struct sip_msg *m = l->response;
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CONTACT);

	for (; f != NULL; f = sip_msg_next(m, f)) {
		struct str list = f->value, value;

		while (sip_list_next(&list, &value)) {
			char memory[TOKEN_CONTACT_MAX];
			struct sip_nameaddr na;

			if (sip_nameaddr_parse(&na, value) == 0 && !na.star &&
			    str_eq(original(l->u, na.uri, memory), contact))
				return seconds(m, na.params, asked_s);
		}
	}
	return seconds(m, STR_NULL, asked_s);
}

/* ---- what is told ---- */

static void
say(const struct learned *l, const char *event, struct str contact)
{
	char peer[ADDR_STRLEN], aor[LOG_VAL_MAX], uri[LOG_VAL_MAX],
	    ua[LOG_VAL_MAX];

	log_info(event, "aor=%s contact=%s transport=%s peer=%s device=%s "
	    "upstream=%s", log_val(aor, sizeof(aor), l->aor),
	    log_val(uri, sizeof(uri), contact),
	    flow_transport_name(l->from->transport),
	    addr_print(&l->from->peer, peer),
	    log_val(ua, sizeof(ua), l->user_agent), l->upstream);
}

/* One Contact of the request; true: the upstream has it now. */
static bool
learn_contact(const struct learned *l, const struct sip_nameaddr *na)
{
	uint32_t s = seconds(l->request, na->params, HOUR_S);

	if (s > 0)
		s = granted(l, na->uri, s);
	if (s == 0) {
		if (forget(l->u, l->aor, na->uri))
			say(l, "unregistered", na->uri);
		return false;
	}
	if (remember(l->u, l->aor, na->uri, l->v->now_s + s))
		say(l, "registered", na->uri);
	return true;
}

static bool
learn_contacts(const struct learned *l)
{
	const struct sip_field *f = sip_msg_field(l->request,
	    SIP_HEADER_CONTACT);
	bool any = false;

	for (; f != NULL; f = sip_msg_next(l->request, f)) {
		struct str list = f->value, value;

		while (sip_list_next(&list, &value)) {
			struct sip_nameaddr na;

			if (sip_nameaddr_parse(&na, value) != 0)
				continue;
			if (!na.star)
				any = learn_contact(l, &na) || any;
			else if (forget(l->u, l->aor, STR_NULL))
				say(l, "unregistered", STR("*"));
		}
	}
	return any;
}

static void
learn(struct learned *l, struct devices *devices)
{
	const struct sip_msg *m = l->request;
	const struct sip_field *ua = sip_msg_field(m, SIP_HEADER_USER_AGENT);
	struct device_peer peer = { .addr = l->from->peer };
	struct str domain = STR_NULL;
	char text[AOR_MAX];
	struct buf aor;

	if (m->to_uri.scheme == SIP_SCHEME_OTHER || m->to_uri.user.n == 0)
		return;
	/* The account's name is the same, whatever a phone calls us. */
	if (l->v->is_ours(l->v, &m->to_uri))
		domain = str_cstr(l->v->conf->domain);
	buf_init_array(&aor, text, sizeof(text));
	sip_uri_aor(&aor, &m->to_uri, domain);
	if (aor.failed)
		return;
	l->aor = buf_as_str(&aor);
	l->user_agent = ua != NULL ? ua->value : STR_NULL;
	if (!learn_contacts(l))
		return;
	flow_keep(l->from, l->aor);
	if (devices == NULL)
		return;
	peer.fingerprint = flow_fingerprint(l->from);
	devices_registered(devices, &peer, l->aor, l->user_agent,
	    l->from->transport, l->v->now_s);
}

void
upstream_registered(struct upstreams *u, uint64_t upstream,
    const struct route_view *v, const struct flow *from,
    const struct sip_msg *request, const struct sip_msg *response,
    struct devices *devices, struct sip_forward_change *change,
    struct buf *text)
{
	struct learned l = {
		.u = u, .v = v, .from = from, .request = request,
		.response = response,
	};
	size_t begin = text->n;

	if (response->status < 200 || response->status > 299)
		return;
	if (put_back(u, response, text)) {
		change->drop_contacts = true;
		change->fields = str_from(buf_as_str(text), begin);
	}
	IGNORE(!upstreams_name(u, upstream, l.upstream)); /* "": it is gone */
	learn(&l, devices);
}
