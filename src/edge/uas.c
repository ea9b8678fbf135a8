/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/uas.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "edge/authn.h"
#include "edge/registrar.h"
#include "edge/uas_int.h"
#include "sip/param.h"
#include "sip/reply.h"

/* As UAS the edge takes these; what it passes on besides is told by OPTIONS. */
#define OWN_ALLOW_LINE "Allow: REGISTER, OPTIONS\r\n"
#define ALLOW_LINE                                                             \
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, UPDATE, PRACK, "  \
	"INFO, REFER, SUBSCRIBE, NOTIFY, MESSAGE, PUBLISH\r\n"
#define SUPPORTED_LINE "Supported: path, outbound\r\n"

#define OWN_MAX 64 /* addresses that are looked at */

/*
 * The settings of a time, and the addresses that mean our domain: the host's at
 * that time and those among the aliases.  Earlier ones stay until the end,
 * since workers may still read them: a reload is rare.
 */
struct uas_settings {
	struct uas_settings *older;
	struct conf *conf;
	size_t nown;
	struct addr own[OWN_MAX];
};

struct uas {
	_Atomic(struct uas_settings *) settings;
	struct location *location;
	struct users *users;
	struct nonces *nonces;
	struct devices *devices;  /* NULL: nobody */
};

static struct uas_settings *
settings_new(struct conf *conf, struct uas_settings *older)
{
	struct uas_settings *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->older = older;
	s->conf = conf_ref(conf);
	for (size_t i = 0; i < conf->alias.n && s->nown < OWN_MAX; i++)
		s->nown += addr_parse_ip(&s->own[s->nown],
		    str_cstr(conf->alias.v[i])) == 0;
	s->nown += addr_local(s->own + s->nown, OWN_MAX - s->nown);
	return s;
}

static void
settings_free(struct uas_settings *s)
{
	while (s != NULL) {
		struct uas_settings *older = s->older;

		conf_unref(s->conf);
		free(s);
		s = older;
	}
}

int
uas_new(struct uas **out, struct conf *conf, struct location *location,
    struct users *users)
{
	struct uas *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return -ENOMEM;
	u->settings = settings_new(conf, NULL);
	if (u->settings == NULL ||
	    nonces_new(&u->nonces, (size_t)conf->nonces_max) != 0) {
		settings_free(u->settings);
		free(u);
		return -ENOMEM;
	}
	u->location = location;
	u->users = users;
	*out = u;
	return 0;
}

void
uas_free(struct uas *u)
{
	if (u == NULL)
		return;
	settings_free(u->settings);
	nonces_free(u->nonces);
	free(u);
}

void
uas_set_devices(struct uas *u, struct devices *devices)
{
	u->devices = devices;
}

void
uas_set_conf(struct uas *u, struct conf *conf)
{
	struct uas_settings *s = settings_new(conf, u->settings);

	if (s != NULL)
		u->settings = s; /* else the old settings go on */
}

/* ---- parts of an answer ---- */

void
uas_begin(const struct uas_request *r, int status, const char *reason,
    struct buf *out)
{
	sip_reply_begin(out, r->msg, status, reason, str_cstr(r->to_tag),
	    &r->flow->peer);
}

enum uas_result
uas_refuse(const struct uas_request *r, int status, const char *reason,
    struct buf *out)
{
	uas_begin(r, status, reason, out);
	sip_reply_end(out);
	return UAS_REPLY;
}

void
uas_retry_after(const struct conf *conf, struct buf *out)
{
	uint32_t random;

	digest_random(&random, sizeof(random));
	buf_puts(out, "Retry-After: ");
	buf_u64(out, (uint64_t)conf->retry_after +
	    random % ((uint32_t)conf->retry_after + 1));
	buf_puts(out, "\r\n");
}

bool
uas_is_ours(const struct uas_request *r, struct str host)
{
	struct addr a;

	if (str_ieq(host, str_cstr(r->conf->domain)))
		return true;
	for (size_t i = 0; i < r->conf->alias.n; i++) {
		if (str_ieq(host, str_cstr(r->conf->alias.v[i])))
			return true;
	}
	if (addr_parse_ip(&a, host) != 0)
		return false;
	for (size_t i = 0; i < r->settings->nown; i++) {
		if (addr_equal_ip(&a, &r->settings->own[i]))
			return true;
	}
	return addr_equal_ip(&a, &r->flow->local);
}

/* ---- methods ---- */

static enum uas_result
refuse_method(const struct uas_request *r, int status, struct buf *out)
{
	uas_begin(r, status, NULL, out);
	buf_puts(out, OWN_ALLOW_LINE);
	sip_reply_end(out);
	return UAS_REPLY;
}

/* RFC 3261 8.2.2.3: option-tags we do not know are all named. */
static bool
check_require(const struct uas_request *r, struct buf *out)
{
	const struct sip_field *f = sip_msg_field(r->msg, SIP_HEADER_REQUIRE);
	bool begun = false;

	for (; f != NULL; f = sip_msg_next(r->msg, f)) {
		struct str list = f->value, tag;

		while (!out->failed && sip_list_next(&list, &tag)) {
			tag = str_trim(tag);
			if (tag.n == 0 || str_ieq(tag, STR("path")) ||
			    str_ieq(tag, STR("outbound")))
				continue;
			if (!begun)
				uas_begin(r, 420, NULL, out);
			buf_puts(out, begun ? ", " : "Unsupported: ");
			buf_str(out, tag);
			begun = true;
		}
	}
	if (begun) {
		buf_puts(out, "\r\n");
		sip_reply_end(out);
	}
	return !begun;
}

static enum uas_result
handle_options(const struct uas_request *r, struct buf *out)
{
	uas_begin(r, 200, NULL, out);
	buf_puts(out, ALLOW_LINE "Accept: application/sdp\r\n" SUPPORTED_LINE);
	sip_reply_end(out);
	return UAS_REPLY;
}

/* RFC 3261 10.3 steps 1 to 5; the registrar does the rest. */
static enum uas_result
handle_register(const struct uas_request *r, struct buf *out)
{
	char text[UAS_AOR_MAX];
	struct sip_uri to;
	struct buf aor;

	/* Step 1: we are no proxy for other domains. */
	if (!uas_is_ours(r, r->msg->ruri.host))
		return uas_refuse(r, 404, "Domain Not Served Here", out);
	if (sip_uri_parse(&to, r->msg->to.uri) != 0 ||
	    to.scheme == SIP_SCHEME_OTHER)
		return uas_refuse(r, 400, "To Is No SIP URI", out);
	/* Step 5. */
	if (to.user.p == NULL || to.user.n == 0 || !uas_is_ours(r, to.host))
		return uas_refuse(r, 404, NULL, out);
	buf_init_array(&aor, text, sizeof(text));
	sip_uri_aor(&aor, &to, str_cstr(r->conf->domain));
	if (aor.failed)
		return uas_refuse(r, 400, "Address-Of-Record Too Long", out);
	/* Steps 3 and 4. */
	switch (authn_check(r, str_of(text,
	    aor.n - strlen(r->conf->domain) - 1), out)) {
	case AUTHN_OK:
		return registrar_handle(r, buf_as_str(&aor), false, out);
	case AUTHN_RETRANSMIT:
		return registrar_handle(r, buf_as_str(&aor), true, out);
	default:
		return UAS_REPLY;
	}
}

/* Requests inside a dialog: there is none here (RFC 3261 12.2.2). */
static bool
is_in_dialog(const struct sip_msg *m)
{
	switch (m->method) {
	case SIP_METHOD_CANCEL:
	case SIP_METHOD_BYE:
	case SIP_METHOD_PRACK:
	case SIP_METHOD_UPDATE:
	case SIP_METHOD_INFO:
		return true;
	default:
		return m->to_tag.n > 0 && m->method != SIP_METHOD_REGISTER &&
		    m->method != SIP_METHOD_OPTIONS;
	}
}

static enum uas_result
dispatch(const struct uas_request *r, struct buf *out)
{
	const struct sip_msg *m = r->msg;

	/* RFC 3261 8.2.1, then 8.2.2. */
	if (m->method == SIP_METHOD_OTHER)
		return refuse_method(r, 501, out);
	if (m->ruri.scheme == SIP_SCHEME_OTHER)
		return uas_refuse(r, 416, NULL, out);
	if (m->method != SIP_METHOD_CANCEL && !check_require(r, out))
		return UAS_REPLY;
	if (is_in_dialog(m))
		return uas_refuse(r, 481, NULL, out);
	if (m->method == SIP_METHOD_REGISTER)
		return handle_register(r, out);
	if (m->method == SIP_METHOD_OPTIONS)
		return handle_options(r, out);
	return refuse_method(r, 405, out);
}

/*
 * The same request gets the same tag, without anything being remembered (RFC
 * 3261 8.2.7), and its ACK can be told.
 */
static uint64_t
own_tag(const struct sip_msg *m)
{
	const uint64_t parts[] = {
		hash_bytes(m->call_id.p, m->call_id.n),
		hash_bytes(m->from_tag.p, m->from_tag.n), m->cseq,
		hash_bytes(m->via.branch.p, m->via.branch.n),
	};

	return hash_bytes(parts, sizeof(parts));
}

bool
uas_is_own_tag(const struct uas_request *r, struct str tag)
{
	return str_eq(tag, str_cstr(r->to_tag));
}

void
uas_begin_request(struct uas_request *r, struct uas *u, const struct flow *flow,
    const struct sip_msg *m)
{
	uint64_t tag;

	r->settings = u->settings;
	r->conf = r->settings->conf;
	r->flow = flow;
	r->msg = m;
	r->location = u->location;
	r->users = u->users;
	r->nonces = u->nonces;
	r->devices = u->devices;
	r->now_s = clock_wall_s();
	tag = own_tag(m);
	str_hex(r->to_tag, &tag, sizeof(tag));
}

/* Nothing answers a response, an ACK, or what is too broken to be answered. */
static bool
is_answered(const struct sip_msg *m)
{
	return m->request && m->method != SIP_METHOD_ACK &&
	    (m->why == NULL || (m->refuse != 0 && m->answerable));
}

enum uas_result
uas_handle(struct uas *u, const struct flow *flow, const struct sip_msg *m,
    struct buf *out)
{
	struct uas_request r;

	if (!is_answered(m))
		return UAS_NONE;
	uas_begin_request(&r, u, flow, m);
	if (m->refuse != 0)
		return uas_refuse(&r, m->refuse, m->why, out);
	return dispatch(&r, out);
}

enum uas_result
uas_busy(struct uas *u, const struct flow *flow, const struct sip_msg *m,
    struct buf *out)
{
	struct uas_request r;

	if (!is_answered(m))
		return UAS_NONE;
	uas_begin_request(&r, u, flow, m);
	uas_begin(&r, 503, NULL, out);
	uas_retry_after(r.conf, out);
	sip_reply_end(out);
	return UAS_REPLY;
}
