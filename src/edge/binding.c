/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/binding.h"

#include <stdlib.h>

#include "edge/local.h"
#include "sip/param.h"
#include "sip/uri.h"

struct str
binding_text(const struct binding *b, enum binding_text which)
{
	size_t at = 0;

	for (int i = 0; i < (int)which; i++)
		at += b->len[i];
	return str_of(b->text + at, b->len[which]);
}

static struct binding *
make(const struct str text[BINDING_TEXTS])
{
	struct binding *b;
	size_t n = 0, at = 0;

	for (int i = 0; i < BINDING_TEXTS; i++) {
		if (text[i].n > UINT16_MAX)
			return NULL;
		n += text[i].n;
	}
	b = calloc(1, offsetof(struct binding, text) + n);
	if (b == NULL)
		return NULL;
	for (int i = 0; i < BINDING_TEXTS; i++) {
		b->len[i] = (uint16_t)text[i].n;
		if (text[i].n > 0)
			memcpy(b->text + at, text[i].p, text[i].n);
		at += text[i].n;
	}
	return b;
}

/* What it calls itself is not where it is: a name says nothing. */
static bool
is_natted(struct str contact, const struct addr *received)
{
	struct sip_uri uri;
	struct addr a;

	if (sip_uri_parse(&uri, contact) != 0 ||
	    addr_parse_ip(&a, uri.host) != 0)
		return true;
	addr_set_port(&a, uri.port != 0 ? uri.port :
	    uri.scheme == SIP_SCHEME_SIPS ? 5061 : 5060);
	return !addr_equal(&a, received);
}

struct binding *
binding_new(const struct location_op *op, const struct location_contact *c,
    int64_t row_expires_s)
{
	char key[1024];
	struct buf k;
	struct binding *b;

	/* The store's key: the instance and reg-id, else the URI. */
	buf_init_array(&k, key, sizeof(key));
	if (c->instance_id.n > 0 && c->reg_id != 0) {
		buf_str(&k, c->instance_id);
		buf_putc(&k, ';');
		buf_u64(&k, c->reg_id);
	} else {
		buf_str(&k, c->uri);
	}
	if (k.failed)
		return NULL;
	const struct str text[BINDING_TEXTS] = {
		[BINDING_CONTACT] = c->uri,
		[BINDING_PARAMS] = c->params,
		[BINDING_INSTANCE] = c->instance_id,
		[BINDING_CALL_ID] = op->call_id,
		[BINDING_PATH] = op->path,
		[BINDING_USER_AGENT] = op->user_agent,
		[BINDING_KEY] = buf_as_str(&k),
	};
	b = make(text);
	if (b == NULL)
		return NULL;
	b->flow_id = op->flow.id;
	b->received = flow_answers_to(&op->flow);
	b->natted = is_natted(c->uri, &b->received);
	b->slot = op->flow.slot;
	b->local = local_number(&op->flow.local);
	b->transport = (uint8_t)op->flow.transport;
	b->expires_s = op->now_s + c->expires_s;
	b->row_expires_s = row_expires_s;
	b->cseq = op->cseq;
	b->reg_id = c->reg_id;
	b->dirty = true;
	return b;
}

struct binding *
binding_from_row(const struct store_binding *row)
{
	const struct str text[BINDING_TEXTS] = {
		[BINDING_CONTACT] = row->contact,
		[BINDING_PARAMS] = row->params,
		[BINDING_INSTANCE] = row->instance_id,
		[BINDING_CALL_ID] = row->call_id,
		[BINDING_PATH] = row->path,
		[BINDING_USER_AGENT] = row->user_agent,
		[BINDING_KEY] = row->key,
	};
	struct binding *b = make(text);

	if (b == NULL)
		return NULL;
	if (addr_parse(&b->received, row->received, 0) != 0)
		b->received = ADDR_NONE;
	b->natted = is_natted(row->contact, &b->received);
	b->transport = (uint8_t)row->transport;
	b->expires_s = b->row_expires_s = row->expires_s;
	b->cseq = row->cseq;
	b->reg_id = row->reg_id;
	return b;
}

struct binding *
binding_copy(const struct binding *b)
{
	size_t n = offsetof(struct binding, text);
	struct binding *c;

	for (int i = 0; i < BINDING_TEXTS; i++)
		n += b->len[i];
	c = malloc(n);
	if (c != NULL) {
		memcpy(c, b, n);
		c->next = NULL;
	}
	return c;
}

void
binding_free_list(struct binding *b)
{
	while (b != NULL) {
		struct binding *next = b->next;
		free(b);
		b = next;
	}
}

bool
binding_is_live(const struct binding *b, int64_t now_s)
{
	return b->closed_s == 0 && b->expires_s > now_s;
}

bool
binding_matches(const struct binding *b, const struct location_contact *c,
    bool exact)
{
	struct str uri = binding_text(b, BINDING_CONTACT);
	struct sip_uri mine, theirs;

	if (c->instance_id.n > 0 && c->reg_id != 0)
		return b->reg_id == c->reg_id &&
		    str_eq(binding_text(b, BINDING_INSTANCE), c->instance_id);
	/* One that is known by its instance is not known by its URI. */
	if (b->reg_id != 0)
		return false;
	if (exact || str_eq(uri, c->uri))
		return str_eq(uri, c->uri);
	return sip_uri_parse(&mine, uri) == 0 &&
	    sip_uri_parse(&theirs, c->uri) == 0 &&
	    sip_uri_equal(&mine, &theirs);
}

static struct binding **
find(struct binding **list, const struct location_contact *c)
{
	while (*list != NULL && !binding_matches(*list, c, false))
		list = &(*list)->next;
	return list;
}

/*
 * Step 7: the same Call-ID with a CSeq that is not higher is an old request
 * that comes late.  A ghost is no binding any more: nothing to be late for.
 */
static bool
in_order(const struct binding *b, const struct location_op *op)
{
	return b->closed_s != 0 ||
	    !str_eq(binding_text(b, BINDING_CALL_ID), op->call_id) ||
	    op->cseq > b->cseq;
}

static void
take_away(struct binding **at, struct binding **gone, struct location_op *op)
{
	struct binding *b = *at;

	if (binding_is_live(b, op->now_s))
		op->removed++;
	*at = b->next;
	b->next = *gone;
	*gone = b;
}

static enum location_status
remove_all(struct binding **list, struct binding **gone,
    struct location_op *op)
{
	for (const struct binding *b = *list; b != NULL; b = b->next) {
		if (binding_is_live(b, op->now_s) && !in_order(b, op))
			return LOCATION_OUT_OF_ORDER;
	}
	while (*list != NULL)
		take_away(list, gone, op);
	return LOCATION_OK;
}

/*
 * Its connection was of an earlier run of the edge: no call reaches it, and its
 * phone, back over another port, may have made a new binding beside it.
 */
static bool
is_lost(const struct binding *b, const struct location_op *op)
{
	if (b->transport == FLOW_UDP || b->flow_id != 0 ||
	    !binding_is_live(b, op->now_s))
		return false;
	for (size_t i = 0; i < op->ncontact; i++) {
		if (binding_matches(b, &op->contact[i], false))
			return false;
	}
	return true;
}

/*
 * All contacts can be done: order, number.  Nothing is changed.  over: so many
 * of the lost ones must make room.
 */
static enum location_status
check(struct binding **list, const struct location_op *op,
    unsigned contacts_max, unsigned *over)
{
	unsigned live = 0, lost = 0;

	for (const struct binding *b = *list; b != NULL; b = b->next) {
		live += binding_is_live(b, op->now_s);
		lost += is_lost(b, op);
	}
	for (size_t i = 0; i < op->ncontact; i++) {
		const struct binding *b = *find(list, &op->contact[i]);
		bool there = b != NULL && binding_is_live(b, op->now_s);

		if (there && !in_order(b, op))
			return LOCATION_OUT_OF_ORDER;
		if (op->contact[i].expires_s == 0)
			live -= there;
		else
			live += !there;
	}
	*over = live > contacts_max ? live - contacts_max : 0;
	return *over > lost ? LOCATION_TOO_MANY : LOCATION_OK;
}

/* Those that end first go first. */
static void
make_room(struct binding **list, struct binding **gone,
    struct location_op *op, unsigned over)
{
	for (; over > 0; over--) {
		struct binding **first = NULL;

		for (struct binding **at = list; *at != NULL;
		     at = &(*at)->next) {
			if (is_lost(*at, op) && (first == NULL ||
			    (*at)->expires_s < (*first)->expires_s))
				first = at;
		}
		take_away(first, gone, op);
	}
}

/* The new bindings, made before the old ones are touched; NULL: no memory. */
static bool
make_new(struct binding *made[], const struct location_op *op,
    unsigned slack_s)
{
	for (size_t i = 0; i < op->ncontact; i++) {
		const struct location_contact *c = &op->contact[i];

		made[i] = NULL;
		if (c->expires_s == 0)
			continue;
		made[i] = binding_new(op, c,
		    op->now_s + c->expires_s + slack_s);
		if (made[i] == NULL) {
			while (i-- > 0)
				free(made[i]);
			return false;
		}
	}
	return true;
}

enum location_status
binding_apply(struct binding **list, struct binding **gone,
    struct location_op *op, unsigned contacts_max, unsigned slack_s)
{
	enum location_status status;
	struct binding **made;
	unsigned over;

	if (op->remove_all)
		return remove_all(list, gone, op);
	status = check(list, op, contacts_max, &over);
	if (status != LOCATION_OK)
		return status;
	made = calloc(op->ncontact, sizeof(*made));
	if (made == NULL || !make_new(made, op, slack_s)) {
		free(made);
		return LOCATION_STORE_FAILED;
	}
	make_room(list, gone, op, over);
	for (size_t i = 0; i < op->ncontact; i++) {
		struct binding **at = find(list, &op->contact[i]);
		bool there = *at != NULL && binding_is_live(*at, op->now_s);

		if (*at != NULL)
			take_away(at, gone, op);
		if (made[i] == NULL)
			continue;
		if (there)
			op->removed--; /* replaced, not removed */
		else
			op->added++;
		made[i]->next = *at;
		*at = made[i];
	}
	free(made);
	return LOCATION_OK;
}

bool
binding_refresh(struct binding *b, const struct location_op *op)
{
	const struct location_contact *c = &op->contact[0];
	int64_t expires_s = op->now_s + c->expires_s;
	struct addr received;

	if (expires_s > b->row_expires_s ||
	    !binding_matches(b, c, true) ||
	    !str_eq(binding_text(b, BINDING_CONTACT), c->uri) ||
	    !str_eq(binding_text(b, BINDING_CALL_ID), op->call_id) ||
	    op->cseq <= b->cseq || b->transport != op->flow.transport ||
	    !str_eq(binding_text(b, BINDING_PARAMS), c->params) ||
	    !str_eq(binding_text(b, BINDING_PATH), op->path) ||
	    !str_eq(binding_text(b, BINDING_USER_AGENT), op->user_agent))
		return false;
	/* Where a datagram goes to is worth storing; a connection is not. */
	received = flow_answers_to(&op->flow);
	if (b->transport == FLOW_UDP && !addr_equal(&b->received, &received))
		return false;
	b->cseq = op->cseq;
	b->expires_s = expires_s;
	b->flow_id = op->flow.id;
	b->received = received;
	b->slot = op->flow.slot;
	b->local = local_number(&op->flow.local);
	b->closed_s = 0;
	return true;
}

size_t
binding_print_list(const struct binding *b, int64_t now_s, struct buf *out)
{
	size_t n = 0;

	for (; b != NULL; b = b->next) {
		if (!binding_is_live(b, now_s))
			continue;
		buf_puts(out, "Contact: <");
		buf_str(out, binding_text(b, BINDING_CONTACT));
		buf_putc(out, '>');
		buf_str(out, binding_text(b, BINDING_PARAMS));
		buf_puts(out, ";expires=");
		buf_u64(out, (uint64_t)(b->expires_s - now_s));
		buf_puts(out, "\r\n");
		n++;
	}
	return n;
}

/* q as thousandths (RFC 3261 20.10, 25.1); without one, or a bad one: 1. */
static uint16_t
q_of(struct str params)
{
	struct str q;
	uint16_t v, unit = 1000;

	if (params.n == 0 || !sip_param_get(params, STR("q"), &q) ||
	    q.n == 0 || q.n > 5 || (q.p[0] != '0' && q.p[0] != '1'))
		return unit;
	v = (uint16_t)((q.p[0] - '0') * unit);
	for (size_t i = 2; i < q.n && q.p[1] == '.'; i++) {
		if (q.p[i] < '0' || q.p[i] > '9')
			return 1000;
		unit /= 10;
		v = (uint16_t)(v + (q.p[i] - '0') * unit);
	}
	return v < 1000 ? v : 1000;
}

void
binding_target(const struct binding *b, struct location_target *out)
{
	*out = (struct location_target) {
		.uri = binding_text(b, BINDING_CONTACT),
		.path = binding_text(b, BINDING_PATH),
		.q = q_of(binding_text(b, BINDING_PARAMS)),
		.natted = b->natted,
		.flow = {
			.id = b->flow_id,
			.slot = b->slot,
			.transport = (enum flow_transport)b->transport,
			.peer = b->received,
		},
	};
	if (!local_addr(&out->flow.local, b->local))
		out->flow.local = ADDR_NONE;
}

void
binding_row(struct store_binding *row, const struct binding *b, struct str aor,
    char received_text[ADDR_STRLEN])
{
	*row = (struct store_binding) {
		.aor = aor,
		.key = binding_text(b, BINDING_KEY),
		.contact = binding_text(b, BINDING_CONTACT),
		.params = binding_text(b, BINDING_PARAMS),
		.instance_id = binding_text(b, BINDING_INSTANCE),
		.reg_id = b->reg_id,
		.call_id = binding_text(b, BINDING_CALL_ID),
		.cseq = b->cseq,
		.expires_s = b->row_expires_s,
		.path = binding_text(b, BINDING_PATH),
		.user_agent = binding_text(b, BINDING_USER_AGENT),
		.received = str_cstr(addr_print(&b->received, received_text)),
		.transport = b->transport,
	};
}
