/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/registrar.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/loop.h"
#include "sip/param.h"
#include "sip/reply.h"

#define CONTACTS_MAX   100   /* conf contacts_max is below or equal         */
#define SCRATCH_BYTES  4096  /* rebuilt contact parameters, Path vector     */
#define ANSWER_BYTES   65535 /* longest 200 with its Contacts               */
#define CONTACT_BYTES 1000   /* longest URI or instance: a binding's key    */
#define TOO_LONG      "Bindings Too Long To List"
#define HOUR_S        3600   /* RFC 3261 10.2.1.1, 10.3 step 7              */

/* What a REGISTER asks for, taken apart; slices of the message or scratch. */
struct wish {
	struct location_contact contact[CONTACTS_MAX];
	size_t ncontact;
	bool star;
	bool outbound;          /* RFC 5626 is in use */
	bool lacks_outbound;    /* asked for; the first hop did not say ob */
	unsigned reg_ids;
	struct str path;
	struct buf scratch;     /* over memory */
	char memory[SCRATCH_BYTES];
};

/* ---- reading ---- */

static uint32_t
default_expires(const struct uas_request *r)
{
	const struct sip_field *f = sip_msg_field(r->msg, SIP_HEADER_EXPIRES);
	uint32_t s;

	if (f == NULL)
		return (uint32_t)r->conf->expires_default;
	return str_u32(f->value, &s) ? s : HOUR_S;
}

/* One contact's header parameters; those to be echoed go into the scratch. */
static bool
read_params(struct wish *w, struct location_contact *c, struct str params,
    uint32_t expires_s)
{
	struct str rest = params;
	struct sip_param p;
	size_t begin = w->scratch.n;

	c->expires_s = expires_s;
	while (sip_param_next(&rest, &p)) {
		if (str_ieq(p.name, STR("expires"))) {
			if (!str_u32(p.value, &c->expires_s))
				c->expires_s = HOUR_S;
			continue;
		}
		if (str_ieq(p.name, STR("+sip.instance")))
			c->instance_id = sip_unquote(p.value);
		else if (str_ieq(p.name, STR("reg-id")) &&
		    !str_u32(p.value, &c->reg_id))
			return false;
		buf_putc(&w->scratch, ';');
		buf_str(&w->scratch, p.name);
		if (p.value.p != NULL) {
			buf_putc(&w->scratch, '=');
			buf_str(&w->scratch, p.value);
		}
	}
	if (rest.n != 0 || w->scratch.failed)
		return false;
	c->params = str_of(w->scratch.p + begin, w->scratch.n - begin);
	return true;
}

static bool
read_contact(struct wish *w, struct str value, uint32_t expires_s)
{
	struct location_contact *c = &w->contact[w->ncontact];
	struct sip_nameaddr na;
	struct sip_uri uri;

	/* A star stands alone, without another one too. */
	if (w->ncontact == CONTACTS_MAX || w->star ||
	    sip_nameaddr_parse(&na, value) != 0)
		return false;
	if (na.star) {
		w->star = true;
		return true;
	}
	*c = (struct location_contact) { .uri = na.uri };
	if (sip_uri_parse(&uri, na.uri) != 0 ||
	    !read_params(w, c, na.params, expires_s) ||
	    c->uri.n > CONTACT_BYTES || c->instance_id.n > CONTACT_BYTES)
		return false;
	w->ncontact++;
	return true;
}

static bool
read_contacts(const struct uas_request *r, struct wish *w)
{
	const struct sip_field *f = sip_msg_field(r->msg, SIP_HEADER_CONTACT);
	uint32_t expires_s = default_expires(r);

	for (; f != NULL; f = sip_msg_next(r->msg, f)) {
		struct str list = f->value, value;

		while (sip_list_next(&list, &value)) {
			if (!read_contact(w, value, expires_s))
				return false;
		}
	}
	return true;
}

/* RFC 3327 4: path-value = name-addr, for a Route. */
static bool
is_path(struct str list)
{
	struct sip_nameaddr na;
	struct sip_uri uri;
	struct str one;

	while (sip_list_next(&list, &one)) {
		if (sip_nameaddr_parse(&na, one) != 0 || !na.brackets ||
		    sip_uri_parse(&uri, na.uri) != 0 ||
		    uri.scheme == SIP_SCHEME_OTHER)
			return false;
	}
	return true;
}

/* RFC 3327 5.3: the vector, in order. */
static bool
read_path(const struct uas_request *r, struct wish *w)
{
	const struct sip_field *f = sip_msg_field(r->msg, SIP_HEADER_PATH);
	size_t begin = w->scratch.n;

	for (; f != NULL; f = sip_msg_next(r->msg, f)) {
		if (!is_path(f->value))
			return false;
		if (w->scratch.n > begin)
			buf_puts(&w->scratch, ", ");
		buf_str(&w->scratch, f->value);
	}
	w->path = str_of(w->scratch.p + begin, w->scratch.n - begin);
	return !w->scratch.failed;
}

/* Did the request pass another hop, and does the first one do outbound? */
static bool
first_hop_is_fit(const struct uas_request *r, const struct wish *w)
{
	const struct sip_field *via = sip_msg_field(r->msg, SIP_HEADER_VIA);
	struct str list = via->value, one, last = STR_NULL;
	struct sip_nameaddr na;
	struct sip_uri uri;
	struct str ob;
	size_t hops = 0;

	for (; via != NULL; via = sip_msg_next(r->msg, via)) {
		list = via->value;
		while (sip_list_next(&list, &one))
			hops++;
	}
	if (hops < 2)
		return true;
	/* The first hop's URI is the last of the vector. */
	for (list = w->path; sip_list_next(&list, &one);)
		last = one;
	return last.p != NULL && sip_nameaddr_parse(&na, last) == 0 &&
	    sip_uri_parse(&uri, na.uri) == 0 &&
	    sip_uri_param(&uri, STR("ob"), &ob);
}

/* RFC 5626 6: reg-id counts only with an instance and the option-tag. */
static void
settle_outbound(const struct uas_request *r, struct wish *w)
{
	bool supported = sip_msg_has_token(r->msg, SIP_HEADER_SUPPORTED,
	    STR("outbound"));

	for (size_t i = 0; i < w->ncontact; i++) {
		struct location_contact *c = &w->contact[i];

		if (c->reg_id == 0)
			continue;
		w->reg_ids++;
		if (c->instance_id.n == 0 || !supported)
			c->reg_id = 0;
		else
			w->outbound = true;
	}
	w->lacks_outbound = w->outbound && !first_hop_is_fit(r, w);
}

/* ---- refusing ---- */

static enum uas_result
too_brief(const struct uas_request *r, struct buf *out)
{
	uas_begin(r, 423, NULL, out);
	buf_puts(out, "Min-Expires: ");
	buf_u64(out, (uint64_t)r->conf->expires_min);
	buf_puts(out, "\r\n");
	sip_reply_end(out);
	return UAS_REPLY;
}

/* Cut the times to the limits; false: one is too brief.  An hour never is. */
static bool
limit_expires(const struct uas_request *r, struct wish *w)
{
	for (size_t i = 0; i < w->ncontact; i++) {
		uint32_t *s = &w->contact[i].expires_s;

		if (*s > (uint32_t)r->conf->expires_max)
			*s = (uint32_t)r->conf->expires_max;
		if (*s != 0 && *s < HOUR_S &&
		    *s < (uint32_t)r->conf->expires_min)
			return false;
	}
	return true;
}

/* All that is wrong is found before anything is changed (10.3: all or none). */
static bool
read_wish(const struct uas_request *r, struct wish *w, struct buf *out)
{
	const struct sip_field *expires = sip_msg_field(r->msg,
	    SIP_HEADER_EXPIRES);
	const char *why = NULL;
	int status = 400;

	w->ncontact = 0;
	w->star = w->outbound = w->lacks_outbound = false;
	w->reg_ids = 0;
	w->path = STR_NULL;
	buf_init_array(&w->scratch, w->memory, sizeof(w->memory));
	if (!read_contacts(r, w)) {
		why = "Malformed, Overlong Or Too Many Contacts";
	} else if (w->star && (w->ncontact > 0 || expires == NULL ||
	    !str_eq(expires->value, STR("0")))) {
		/* Step 6. */
		why = "Contact * Needs Expires 0 And No Other Contact";
	} else if (!read_path(r, w)) {
		why = "Malformed Or Overlong Path";
	} else {
		settle_outbound(r, w);
		if (w->reg_ids > 1) {
			why = "More Than One Contact With reg-id";
		} else if (w->lacks_outbound) {
			status = 439;
			why = "First Hop Lacks Outbound Support";
		}
	}
	if (why != NULL) {
		uas_refuse(r, status, why, out);
		return false;
	}
	if (!limit_expires(r, w)) {
		too_brief(r, out);
		return false;
	}
	return true;
}

/* ---- answering ---- */

/* What follows the Contacts in a 200. */
static void
end_ok(struct buf *out, struct str path, bool outbound, int64_t now_s)
{
	if (path.n > 0) {
		buf_puts(out, "Path: ");
		buf_str(out, path);
		buf_puts(out, "\r\n");
	}
	if (outbound)
		buf_puts(out, "Require: outbound\r\n");
	sip_reply_date(out, now_s); /* phones set their clock from it */
	sip_reply_end(out);
}

/* A 200 that does not fit is no 200: the phone would miss bindings. */
static enum uas_result
reply_ok(const struct uas_request *r, const struct wish *w, struct buf *out)
{
	end_ok(out, w->path, w->outbound, r->now_s);
	if (!out->failed)
		return UAS_REPLY;
	buf_reset(out);
	return uas_refuse(r, 500, TOO_LONG, out);
}

/* A query (10.3 step 6: no Contact). */
static enum uas_result
answer_state(const struct uas_request *r, struct str aor,
    const struct wish *w, struct buf *out)
{
	uas_begin(r, 200, NULL, out);
	location_print(r->location, aor, r->now_s, out);
	return reply_ok(r, w, out);
}

/* A change under way: one heap block, all it needs copied into it. */
struct pending {
	struct location_op op;
	struct loop_letter letter;
	struct location *location;
	struct devices *devices;
	struct conf *conf;
	struct flow flow;
	struct buf contacts;
	bool outbound;
	bool retransmit;
	struct str head;      /* Via to CSeq, without the status line */
	struct location_contact contact[];
};

static void
say_change(const struct pending *p)
{
	char peer[ADDR_STRLEN], aor[LOG_VAL_MAX], uri[LOG_VAL_MAX],
	    ua[LOG_VAL_MAX];
	const struct location_op *op = &p->op;
	struct str contact = op->ncontact > 0 ? op->contact[0].uri : STR("*");

	if (op->status != LOCATION_OK ||
	    (op->added == 0 && op->removed == 0))
		return;
	log_info(op->added > 0 ? "registered" : "unregistered",
	    "aor=%s contact=%s transport=%s peer=%s device=%s",
	    log_val(aor, sizeof(aor), op->aor),
	    log_val(uri, sizeof(uri), contact),
	    flow_transport_name(p->flow.transport),
	    addr_print(&p->flow.peer, peer),
	    log_val(ua, sizeof(ua), op->user_agent));
}

static bool
has_live_contact(const struct location_op *op)
{
	for (size_t i = 0; i < op->ncontact; i++) {
		if (op->contact[i].expires_s > 0)
			return true;
	}
	return false;
}

static void
put_failure(struct buf *out, const struct pending *p)
{
	static const struct {
		int status;
		const char *reason;
		bool later;
	} answers[] = {
		[LOCATION_OUT_OF_ORDER] = { 500, "CSeq Out Of Order", false },
		[LOCATION_TOO_MANY] = { 403, "Too Many Contacts", false },
		[LOCATION_STORE_FAILED] = { 500, "Store Not Available", true },
		[LOCATION_BUSY] = { 503, "Service Unavailable", true },
	};

	buf_printf(out, "SIP/2.0 %d %s\r\n", answers[p->op.status].status,
	    answers[p->op.status].reason);
	buf_str(out, p->head);
	if (answers[p->op.status].later)
		uas_retry_after(p->conf, out);
	sip_reply_end(out);
}

static void
put_ok(struct buf *out, struct pending *p)
{
	buf_puts(out, "SIP/2.0 200 OK\r\n");
	buf_str(out, p->head);
	buf_str(out, buf_as_str(&p->contacts));
	end_ok(out, p->op.path, p->outbound, p->op.now_s);
	if (!out->failed && !p->contacts.failed)
		return;
	buf_reset(out);
	buf_puts(out, "SIP/2.0 500 " TOO_LONG "\r\n");
	buf_str(out, p->head);
	sip_reply_end(out);
}

/* It is answered 200 with at least one contact: a device is known by name. */
static void
tell_devices(struct devices *devices, const struct flow *flow,
    const struct location_op *op)
{
	struct device_peer peer = { .addr = flow->peer };

	if (devices == NULL)
		return;
	peer.fingerprint = flow_fingerprint(flow);
	devices_registered(devices, &peer, op->aor, op->user_agent,
	    flow->transport, op->now_s);
}

/* On the flow's thread: the change is committed, or it failed. */
static void
finish(void *arg)
{
	struct pending *p = arg;
	struct location_op *op = &p->op;
	struct buf out;

	buf_init(&out, ANSWER_BYTES);
	if (op->status == LOCATION_OK && has_live_contact(op)) {
		flow_keep(&p->flow, op->aor);
		tell_devices(p->devices, &p->flow, op);
	}
	say_change(p);
	if (op->status == LOCATION_OUT_OF_ORDER && p->retransmit) {
		/* What it asks for was done when it came first. */
		op->status = LOCATION_OK;
		location_print(p->location, op->aor, op->now_s, &p->contacts);
	}
	if (op->status == LOCATION_OK)
		put_ok(&out, p);
	else
		put_failure(&out, p);
	if (!out.failed)
		IGNORE(!flow_send(&p->flow, buf_as_str(&out))); /* it left */
	buf_fini(&out);
	buf_fini(&p->contacts);
	conf_unref(p->conf);
	free(p);
}

/* On the writer's thread. */
static void
on_done(struct location_op *op)
{
	struct pending *p = CONTAINER_OF(op, struct pending, op);

	p->letter.fn = finish;
	p->letter.arg = p;
	loop_post(flow_loop(&p->flow), &p->letter);
}

static struct str
copy(char **at, struct str s)
{
	struct str c = { *at, s.n };

	if (s.p == NULL)
		return STR_NULL;
	memcpy(*at, s.p, s.n);
	*at += s.n;
	return c;
}

static size_t
bytes_needed(const struct location_op *op, struct str head)
{
	size_t n = op->aor.n + op->call_id.n + op->path.n + op->user_agent.n +
	    head.n;

	for (size_t i = 0; i < op->ncontact; i++)
		n += op->contact[i].uri.n + op->contact[i].params.n +
		    op->contact[i].instance_id.n;
	return n;
}

static struct pending *
pending_new(const struct uas_request *r, const struct location_op *op,
    struct str head)
{
	size_t contacts = op->ncontact * sizeof(struct location_contact);
	struct pending *p = calloc(1, sizeof(*p) + contacts +
	    bytes_needed(op, head));
	char *at;

	if (p == NULL)
		return NULL;
	p->op = *op;
	at = (char *)&p->contact[op->ncontact];
	p->op.aor = copy(&at, op->aor);
	p->op.call_id = copy(&at, op->call_id);
	p->op.path = copy(&at, op->path);
	p->op.user_agent = copy(&at, op->user_agent);
	p->head = copy(&at, head);
	for (size_t i = 0; i < op->ncontact; i++) {
		p->contact[i] = op->contact[i];
		p->contact[i].uri = copy(&at, op->contact[i].uri);
		p->contact[i].params = copy(&at, op->contact[i].params);
		p->contact[i].instance_id = copy(&at,
		    op->contact[i].instance_id);
	}
	p->op.contact = p->contact;
	p->op.contacts = &p->contacts;
	p->op.done = on_done;
	buf_init(&p->contacts, ANSWER_BYTES);
	p->location = r->location;
	p->devices = r->devices;
	p->conf = conf_ref((struct conf *)r->conf);
	p->flow = *r->flow;
	return p;
}

static enum uas_result
submit(const struct uas_request *r, const struct location_op *op,
    bool outbound, bool retransmit, struct buf *out)
{
	struct str head;
	struct pending *p;

	/* The fields every response has, made while the message is there. */
	buf_reset(out);
	uas_begin(r, 200, NULL, out);
	head = buf_as_str(out);
	head = str_from(head, str_find(head, '\n') + 1);
	p = out->failed ? NULL : pending_new(r, op, head);
	buf_reset(out);
	if (p == NULL)
		return uas_refuse(r, 500, NULL, out);
	p->outbound = outbound;
	p->retransmit = retransmit;
	location_submit(r->location, &p->op);
	return UAS_LATER;
}

enum uas_result
registrar_handle(const struct uas_request *r, struct str aor, bool retransmit,
    struct buf *out)
{
	const struct sip_field *ua = sip_msg_field(r->msg,
	    SIP_HEADER_USER_AGENT);
	struct location_op op;
	struct wish w;

	if (!read_wish(r, &w, out))
		return UAS_REPLY;
	if (w.ncontact == 0 && !w.star)
		return answer_state(r, aor, &w, out);
	op = (struct location_op) {
		.aor = aor, .call_id = r->msg->call_id, .cseq = r->msg->cseq,
		.remove_all = w.star, .contact = w.contact,
		.ncontact = w.ncontact, .path = w.path,
		.user_agent = ua != NULL ? ua->value : STR_NULL,
		.flow = *r->flow, .now_s = r->now_s,
	};
	/* Behind what it repeats, which may still wait for its commit. */
	if (retransmit)
		return submit(r, &op, w.outbound, true, out);
	uas_begin(r, 200, NULL, out);
	if (!location_refresh(r->location, &op, out))
		return submit(r, &op, w.outbound, false, out);
	flow_keep(r->flow, aor);
	tell_devices(r->devices, r->flow, &op);
	return reply_ok(r, &w, out);
}
