/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/registration.h"

#include "base/digest.h"
#include "sip/param.h"
#include "sip/request.h"

#define EXPIRES_LIMIT_S 86400
#define RETRY_AFTER_MAX_S 3600

static void
random_hex(char *out, size_t bytes)
{
	uint8_t raw[16];

	digest_random(raw, bytes);
	str_hex(out, raw, bytes);
}

void
registration_init(struct registration *r, const struct registration_params *p,
    const struct registration_ops *ops, void *arg)
{
	*r = (struct registration) { .p = *p, .ops = ops, .arg = arg };
	r->expires_s = p->expires_s;
	random_hex(r->call_id, 16);
	random_hex(r->tag, 8);
	digest_random(&r->cseq, sizeof(r->cseq));
	r->cseq &= 0xffff; /* RFC 3261 8.1.1.5: any below 2**31 */
	buf_init(&r->out, REGISTRATION_MESSAGE_MAX);
}

void
registration_fini(struct registration *r)
{
	buf_fini(&r->out);
	challenge_forget(&r->challenge);
}

/* ---- one request ---- */

/* With credentials once a challenge has come: RFC 3261 22.2. */
static void
send_register(struct registration *r, uint32_t expires_s, uint64_t now_ms)
{
	struct sip_request q = {
		.method = STR("REGISTER"),
		.uri = r->p.registrar,
		.transport = r->transport,
		.sent_by = &r->local,
		.from = r->p.aor,
		.to = r->p.aor,
		.from_tag = str_cstr(r->tag),
		.to_tag = STR_NULL,
		.call_id = str_cstr(r->call_id),
		.cseq = ++r->cseq,
		.contact = str_cstr(r->contact),
		.user_agent = r->p.user_agent,
	};

	memcpy(r->branch, "z9hG4bK", 7); /* RFC 3261 8.1.1.7 */
	random_hex(r->branch + 7, 8);
	q.branch = str_cstr(r->branch);
	buf_reset(&r->out);
	sip_request_begin(&r->out, &q);
	buf_printf(&r->out, "Expires: %u\r\n", expires_s);
	challenge_put(&r->challenge, &r->out, q.method, q.uri, r->p.auth_user,
	    r->p.password);
	sip_request_end(&r->out, STR_NULL, STR_NULL);
	resend_start(&r->timer, r->reliable, TXN_T2_MS, now_ms);
	if (!r->out.failed)
		r->ops->send(buf_as_str(&r->out), r->arg);
}

static uint32_t
asks_for_s(const struct registration *r)
{
	return r->state == REGISTRATION_LEAVING ? 0 : r->expires_s;
}

static void
try(struct registration *r, uint64_t now_ms)
{
	r->state = REGISTRATION_TRYING;
	r->challenge.tries = 0;
	r->due_ms = UINT64_MAX;
	send_register(r, r->expires_s, now_ms);
}

void
registration_begin(struct registration *r, struct str transport,
    const struct addr *local, uint64_t now_ms)
{
	char host[ADDR_STRLEN], lower[8] = "";
	struct buf contact;

	r->transport = transport;
	r->local = *local;
	r->reliable = !str_eq(transport, STR("UDP"));
	r->was_registered = false;
	for (size_t i = 0; i < transport.n && i + 1 < sizeof(lower); i++)
		lower[i] = (char)(transport.p[i] | 0x20);
	buf_init_array(&contact, r->contact, sizeof(r->contact) - 1);
	buf_printf(&contact, "sip:%.*s@%s:%u", STR_FMT(r->p.user),
	    addr_print_ip(local, true, host), addr_port(local));
	if (r->reliable)
		buf_printf(&contact, ";transport=%s", lower);
	r->contact[contact.n] = '\0';
	try(r, now_ms);
}

void
registration_lost(struct registration *r)
{
	if (r->state == REGISTRATION_LEAVING)
		r->state = REGISTRATION_GONE;
	if (r->state != REGISTRATION_GONE)
		r->state = REGISTRATION_IDLE;
	resend_stop(&r->timer);
	r->due_ms = UINT64_MAX;
}

void
registration_leave(struct registration *r, uint64_t now_ms)
{
	bool bound = r->state == REGISTRATION_REGISTERED ||
	    (r->state == REGISTRATION_TRYING && r->was_registered);

	r->due_ms = UINT64_MAX;
	if (!bound) {
		r->state = REGISTRATION_GONE;
		resend_stop(&r->timer);
		return;
	}
	r->state = REGISTRATION_LEAVING;
	r->challenge.tries = 0;
	send_register(r, 0, now_ms);
}

/* ---- answers ---- */

static void
tell(struct registration *r, enum registration_news_kind kind,
    const struct sip_msg *m, uint32_t expires_s, uint64_t retry_ms)
{
	struct registration_news news = {
		.kind = kind,
		.status = m != NULL ? m->status : 0,
		.reason = m != NULL ? m->reason : STR_NULL,
		.expires_s = expires_s,
		.retry_ms = retry_ms,
	};

	r->ops->news(&news, r->arg);
}

static uint32_t
field_u32(const struct sip_msg *m, enum sip_header id, uint32_t otherwise)
{
	const struct sip_field *f = sip_msg_field(m, id);
	struct str s = f != NULL ? f->value : STR_NULL;
	uint32_t v;
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return str_u32(str_of(s.p, n), &v) ? v : otherwise;
}

/* Granted to our own Contact (RFC 3261 10.2.4), else Expires, else asked. */
static uint32_t
granted_s(const struct registration *r, const struct sip_msg *m)
{
	struct sip_uri ours, theirs;
	uint32_t v;

	if (sip_uri_parse(&ours, str_cstr(r->contact)) != 0)
		return r->expires_s;
	for (const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CONTACT);
	     f != NULL; f = sip_msg_next(m, f)) {
		struct str list = f->value, one, value;
		struct sip_nameaddr na;

		while (sip_list_next(&list, &one)) {
			if (sip_nameaddr_parse(&na, one) == 0 &&
			    sip_uri_parse(&theirs, na.uri) == 0 &&
			    sip_uri_equal(&ours, &theirs) &&
			    sip_param_get(na.params, STR("expires"), &value) &&
			    str_u32(value, &v))
				return v;
		}
	}
	return field_u32(m, SIP_HEADER_EXPIRES, r->expires_s);
}

/* Early enough for the request and a repetition of it. */
static uint64_t
refresh_ms(uint32_t expires_s)
{
	uint32_t early_s = expires_s > 120 ? 60 : expires_s / 2;

	return (uint64_t)(expires_s - early_s) * 1000;
}

static void
accepted(struct registration *r, const struct sip_msg *m, uint64_t now_ms)
{
	uint32_t expires_s;

	if (r->state == REGISTRATION_LEAVING) {
		r->state = REGISTRATION_GONE;
		tell(r, REGISTRATION_NEWS_UNREGISTERED, m, 0, 0);
		return;
	}
	expires_s = granted_s(r, m);
	r->state = REGISTRATION_REGISTERED;
	r->due_ms = now_ms + refresh_ms(expires_s > 0 ? expires_s : 1);
	tell(r, r->was_registered ? REGISTRATION_NEWS_REFRESHED :
	    REGISTRATION_NEWS_REGISTERED, m, expires_s, 0);
	r->was_registered = true;
}

static void
wait_for_next(struct registration *r, enum registration_news_kind kind,
    const struct sip_msg *m, uint64_t now_ms)
{
	uint64_t wait_ms = r->p.retry_ms;
	uint32_t told_s = m != NULL ?
	    field_u32(m, SIP_HEADER_RETRY_AFTER, 0) : 0;

	if (r->state == REGISTRATION_LEAVING) {
		r->state = REGISTRATION_GONE;
		return;
	}
	if (told_s > RETRY_AFTER_MAX_S)
		told_s = RETRY_AFTER_MAX_S;
	if ((uint64_t)told_s * 1000 > wait_ms)
		wait_ms = (uint64_t)told_s * 1000;
	r->state = REGISTRATION_WAITING;
	r->was_registered = false;
	challenge_forget(&r->challenge);
	r->due_ms = now_ms + wait_ms;
	tell(r, kind, m, 0, wait_ms);
}

static void
challenged(struct registration *r, const struct sip_msg *m, uint64_t now_ms)
{
	if (!challenge_take(&r->challenge, m, r->p.md5_only)) {
		wait_for_next(r, REGISTRATION_NEWS_REFUSED, m, now_ms);
		return;
	}
	send_register(r, asks_for_s(r), now_ms);
}

/* RFC 3261 10.2.8: at least so long. */
static void
too_brief(struct registration *r, const struct sip_msg *m, uint64_t now_ms)
{
	uint32_t min_s = field_u32(m, SIP_HEADER_MIN_EXPIRES, 0);

	if (min_s <= r->expires_s || min_s > EXPIRES_LIMIT_S) {
		wait_for_next(r, REGISTRATION_NEWS_REFUSED, m, now_ms);
		return;
	}
	r->expires_s = min_s;
	send_register(r, asks_for_s(r), now_ms);
}

void
registration_response(struct registration *r, const struct sip_msg *m,
    uint64_t now_ms)
{
	if (!r->timer.running || m->request ||
	    !str_eq(m->via.branch, str_cstr(r->branch)) ||
	    !str_eq(m->cseq_method, STR("REGISTER")))
		return;
	resend_response(&r->timer, m->status, now_ms);
	if (m->status < 200)
		return;
	if (m->status < 300)
		accepted(r, m, now_ms);
	else if (m->status == 401 || m->status == 407)
		challenged(r, m, now_ms);
	else if (m->status == 423)
		too_brief(r, m, now_ms);
	else
		wait_for_next(r, REGISTRATION_NEWS_REFUSED, m, now_ms);
}

/* ---- time ---- */

void
registration_tick(struct registration *r, uint64_t now_ms)
{
	switch (resend_due(&r->timer, now_ms)) {
	case RESEND_AGAIN:
		r->ops->send(buf_as_str(&r->out), r->arg);
		break;
	case RESEND_OVER:
		wait_for_next(r, REGISTRATION_NEWS_UNANSWERED, NULL, now_ms);
		break;
	case RESEND_NOTHING:
		break;
	}
	if (now_ms < r->due_ms || r->timer.running)
		return;
	if (r->state == REGISTRATION_REGISTERED ||
	    r->state == REGISTRATION_WAITING)
		try(r, now_ms);
}

uint64_t
registration_next_ms(const struct registration *r)
{
	uint64_t next = resend_next_ms(&r->timer);
	bool waits = r->state == REGISTRATION_REGISTERED ||
	    r->state == REGISTRATION_WAITING;

	return waits && r->due_ms < next ? r->due_ms : next;
}
