/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events from bytes on a few transactions: whatever comes in whatever order,
 * each ends once, within the RFC's timers, nothing is passed on after it, one
 * final response is sent and one passed on, and no memory is left.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "txn/txn.h"

#define SLOTS 4
#define MAX   6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct server {
	struct txn_server t;
	bool runs;
	unsigned finals;   /* first transmissions, no 2xx to INVITE */
};

struct client {
	struct txn_client t;
	bool runs;
	unsigned finals;
};

static struct wheel *wheel;
static struct txns *txns;
static struct server server[SLOTS];
static struct client client[SLOTS];
static uint64_t now;
static bool broken, drops;
static char text[1024];

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
server_send(struct txn_server *t, struct str bytes)
{
	must(CONTAINER_OF(t, struct server, t)->runs && bytes.n > 0);
	return !broken;
}

static void
server_trying(struct txn_server *t)
{
	must(t->state == TXN_SERVER_TRYING);
	(void)txn_server_respond(t, 100, STR("100"));
}

static void
server_failed(struct txn_server *t)
{
	struct server *s = CONTAINER_OF(t, struct server, t);

	must(s->runs && s->finals == 1);
	if (drops) {
		txn_server_drop(t);
		s->runs = false;
	}
}

static void
server_ended(struct txn_server *t)
{
	struct server *s = CONTAINER_OF(t, struct server, t);

	must(s->runs && t->last.p == NULL);
	s->runs = false;
}

static bool
client_send(struct txn_client *t, struct str bytes)
{
	must(CONTAINER_OF(t, struct client, t)->runs && bytes.n > 0);
	return !broken;
}

static void
client_response(struct txn_client *t, const struct sip_msg *m)
{
	struct client *c = CONTAINER_OF(t, struct client, t);

	must(c->runs);
	if (m->status >= 200) {
		must(c->finals == 0 || (t->method == SIP_METHOD_INVITE &&
		    t->state == TXN_CLIENT_ACCEPTED));
		c->finals++;
	}
	if (drops) {
		txn_client_drop(t);
		c->runs = false;
	}
}

static void
client_failed(struct txn_client *t, enum txn_client_failure why)
{
	must(CONTAINER_OF(t, struct client, t)->runs);
	must(CONTAINER_OF(t, struct client, t)->finals == 0);
}

static void
client_ended(struct txn_client *t)
{
	struct client *c = CONTAINER_OF(t, struct client, t);

	must(c->runs && t->request.p == NULL);
	c->runs = false;
}

static const struct txn_server_ops server_ops = {
	server_send, server_trying, server_failed, server_ended,
};
static const struct txn_client_ops client_ops = {
	client_send, client_response, client_failed, client_ended,
};

static const char *const methods[] = {
	"INVITE", "BYE", "ACK", "CANCEL", "FROB", "INVITE", "INVITE", "OPTIONS",
};

static const struct sip_msg *
message(int status, const char *method, unsigned branch, bool old)
{
	static struct sip_msg m;
	char start[64];

	if (status == 0)
		snprintf(start, sizeof(start), "%s sip:b SIP/2.0", method);
	else
		snprintf(start, sizeof(start), "SIP/2.0 %d x", status);
	snprintf(text, sizeof(text), "%s\r\nVia: SIP/2.0/UDP a;branch=%s%u\r\n"
	    "f: <sip:a>;tag=f\r\nt: <sip:b>%s\r\ni: 1\r\nCSeq: 1 %s\r\n"
	    "l: 0\r\n\r\n", start, old ? "" : "z9hG4bK", branch,
	    status != 0 ? ";tag=t" : "", method);
	must(sip_msg_parse(&m, str_cstr(text), SIP_DATAGRAM, 1024) == 0);
	return &m;
}

static void
request_comes(unsigned a, unsigned b)
{
	const struct sip_msg *m = message(0, methods[a & 7], b & 1, b & 2);
	struct txn_server *t = txn_server_find(txns, m);

	if (m->method == SIP_METHOD_CANCEL)
		(void)txn_server_find_cancelled(txns, m);
	if (t != NULL) {
		must(CONTAINER_OF(t, struct server, t)->runs);
		txn_server_absorb(t, m);
		return;
	}
	if (m->method == SIP_METHOD_ACK)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		struct server *s = &server[i];

		if (s->runs)
			continue;
		s->runs = txn_server_begin(txns, &s->t, m, b & 4,
		    &server_ops) == 0;
		s->finals = 0;
		return;
	}
}

static void
respond(unsigned a, unsigned b)
{
	struct server *s = &server[a % SLOTS];
	int status = 100 + (int)(b % 7) * 100 + (int)(b / 7 % 2) * 8;
	enum txn_server_state before = s->t.state;

	if (status > 699 || !s->runs)
		return;
	(void)message(status, "INVITE", 0, true);
	if (!txn_server_respond(&s->t, status, str_cstr(text)) && !broken)
		return;
	if (status >= 200 && s->t.state != before)
		must(s->finals++ == 0);
}

static void
send_request(unsigned a, unsigned b)
{
	struct client *c = &client[a % SLOTS];
	const char *method = methods[b & 1];
	const struct sip_msg *m;
	char branch[16];

	if (c->runs)
		return;
	snprintf(branch, sizeof(branch), "z9hG4bK%u", a % SLOTS);
	m = message(0, method, a % SLOTS, false);
	c->finals = 0;
	c->runs = true;
	if (txn_client_begin(txns, &c->t, str_cstr(branch), m->method, m->all,
	    b & 2, &client_ops) != 0)
		c->runs = false;
}

static void
response_comes(unsigned a, unsigned b)
{
	const struct sip_msg *m = message(100 + (int)(b % 6) * 100,
	    methods[b / 6 & 3], a % SLOTS, false);
	struct txn_client *t = txn_client_find(txns, m);

	if (t == NULL)
		return;
	must(t == &client[a % SLOTS].t && client[a % SLOTS].runs);
	txn_client_absorb(t, m);
}

static void
client_event(unsigned a, unsigned b)
{
	struct client *c = &client[a % SLOTS];
	char bytes[1024];
	struct buf out;

	if (!c->runs)
		return;
	switch (b % 3) {
	case 0:
		txn_client_undelivered(&c->t);
		break;
	case 1:
		buf_init_array(&out, bytes, sizeof(bytes));
		if (txn_client_cancel(&c->t, &out))
			must(c->t.state == TXN_CLIENT_PROCEEDING);
		break;
	default:
		txn_client_drop(&c->t);
		c->runs = false;
		break;
	}
}

static void
time_passes(uint64_t ms)
{
	now += ms;
	txns_set_now(txns, now);
	wheel_advance(wheel, now);
}

static void
event(unsigned what, unsigned a, unsigned b)
{
	switch (what % 8) {
	case 0:
		request_comes(a, b);
		break;
	case 1:
		respond(a, b);
		break;
	case 2:
		send_request(a, b);
		break;
	case 3:
		response_comes(a, b);
		break;
	case 4:
		client_event(a, b);
		break;
	case 5:
		broken = b & 1;
		drops = b & 2;
		break;
	default:
		time_passes(a * (b + 1u));
		break;
	}
	size_t n = 0;
	for (size_t i = 0; i < SLOTS; i++)
		n += server[i].runs + (size_t)client[i].runs;
	must(n == txns_count(txns) && n <= MAX);
}

/* Only an INVITE that is PROCEEDING waits for its owner. */
static void
all_end(void)
{
	for (int i = 0; i < 40; i++)
		time_passes(2000);
	for (size_t i = 0; i < SLOTS; i++) {
		must(!server[i].runs ||
		    (server[i].t.method == SIP_METHOD_INVITE &&
		    server[i].t.state == TXN_SERVER_PROCEEDING));
		must(!client[i].runs ||
		    (client[i].t.method == SIP_METHOD_INVITE &&
		    client[i].t.state == TXN_CLIENT_PROCEEDING));
	}
	txns_end_all(txns);
	for (size_t i = 0; i < SLOTS; i++)
		must(!server[i].runs && !client[i].runs);
	must(txns_count(txns) == 0 && wheel_count(wheel) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	now = 1000;
	broken = drops = false;
	must(wheel_new(&wheel, now) == 0);
	must(txns_new(&txns, wheel, MAX) == 0);
	txns_set_now(txns, now);
	for (size_t i = 0; i + 2 < n && i < 3000; i += 3)
		event(data[i], data[i + 1], data[i + 2]);
	all_end();
	txns_free(txns);
	wheel_free(wheel);
	return 0;
}
