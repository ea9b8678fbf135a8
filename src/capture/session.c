/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/session.h"

#include <stdlib.h>

#include "tlswire/alert.h"
#include "x509/sent.h"

#define US_PER_S   1000000
#define PATIENCE_S 30 /* silent so long, a handshake will not be finished */
#define RECORD_ALERT   21 /* RFC 8446 5.1 */
#define FINISHED13_MIN 45 /* as in trust/evidence.c */
#define F(name)  (1u << TRUST_FAULT_##name)

/* One stream as far as it has to do with TLS; from its first data on. */
struct session {
	struct sessions *all;
	struct tls_tap tap;
	struct trust_evidence e;
	uint64_t now_us;
	int client;             /* the side, -1: not known yet         */
	bool tls;               /* a ClientHello has begun             */
	bool begun_late;        /* the first bytes are from within TLS */
	bool other;             /* the client's first bytes are no TLS */
	bool expected;          /* the server's port is a TLS port     */
	bool told;
	enum trust_end end;
	uint64_t end_us;
};

const char *
session_skip_text(enum session_skip s)
{
	static const char *const text[SESSION_SKIPS] = {
		[SESSION_SKIP_NOT_TLS] = "not TLS",
		[SESSION_SKIP_MID_STREAM] =
		    "TLS that began before the capture",
		[SESSION_SKIP_EMPTY] = "without data",
		[SESSION_SKIP_GAP] = "packets missing in the capture",
		[SESSION_SKIP_MEMORY] = "out of memory",
	};

	return text[s];
}

static bool
is_tls_port(const struct sessions *all, const struct addr *a)
{
	for (size_t i = 0; i < all->nports; i++)
		if (all->port[i] == addr_port(a))
			return true;
	return false;
}

/* ---- what the messages say ---- */

static uint32_t
faults_of(const struct x509_sent *x)
{
	return (x->incomplete ? F(INCOMPLETE) : 0) |
	    (x->self_signed ? F(SELF_SIGNED) : 0) |
	    (x->leaf_is_ca ? F(LEAF_IS_CA) : 0) |
	    (x->out_of_order ? F(ORDER) : 0) |
	    (x->wrong_name ? F(NAME) : 0) |
	    (x->wrong_purpose ? F(PURPOSE) : 0) |
	    (x->weak_signature ? F(WEAK_SIGNATURE) : 0) |
	    (x->weak_key ? F(WEAK_KEY) : 0) |
	    (x->odd.no_alt_name ? F(NO_ALT_NAME) : 0) |
	    (x->odd.critical ? F(CRITICAL) : 0) |
	    (x->odd.usage ? F(USAGE) : 0) |
	    (x->odd.issuer ? F(ISSUER) : 0) |
	    (x->odd.bad_signature ? F(BAD_SIGNATURE) : 0);
}

static void
on_certificate(struct str msg, void *arg)
{
	struct session *s = arg;
	struct trust_evidence *e = &s->e;
	struct x509_sent x;

	if (x509_sent_read(&x, msg, str_cstr(e->server_name), !s->expected,
	    s->all->roots) != 0)
		return;
	str_copy(e->chain, sizeof(e->chain), str_cstr(x.leaf));
	str_copy(e->root, sizeof(e->root), str_cstr(x.root));
	e->chain_not_before_s = x.not_before_s;
	e->chain_not_after_s = x.not_after_s;
	e->chain_faults = faults_of(&x);
	e->chain_depth = x.depth;
	e->chain_signed = x.signed_with;
	e->chain_names = x.names;
	e->root_id = x.root_id;
	e->our_key = x.rsa ? TRUST_KEY_RSA : x.ecdsa ? TRUST_KEY_ECDSA :
	    TRUST_KEY_UNKNOWN;
	e->our_bits = x.bits > 0 ? (uint32_t)x.bits : 0;
}

static void
on_hello(const struct tls_hello *h, void *arg)
{
	struct session *s = arg;

	trust_evidence_hello(&s->e, h);
}

/* ---- telling ---- */

static uint32_t
us_between(uint64_t from, uint64_t to)
{
	if (to <= from)
		return 0;
	return to - from < UINT32_MAX ? (uint32_t)(to - from) : UINT32_MAX;
}

/* Is it sure that the client was shown no certificate? */
static bool
is_resumed(const struct tls_tap *t)
{
	if (t->server_version >= TLS_VERSION_1_3)
		return t->psk_chosen;
	return t->server_hello && !t->certificate && t->dir[TLS_SERVER].ccs;
}

static void
fill(struct session *s, const struct tcp_stream *stream)
{
	struct trust_evidence *e = &s->e;
	int client = s->client < 0 ? 0 : s->client;

	e->when_s = (int64_t)(s->end_us / US_PER_S);
	e->peer = stream->end[client];
	e->local = stream->end[1 - client];
	e->end = s->end;
	e->us_total = us_between(stream->first_us, s->end_us);
	e->app_bytes = s->tap.dir[TLS_CLIENT].app_bytes;
	trust_evidence_tap(e, &s->tap);
	e->resumed = is_resumed(&s->tap);
	if (e->resumed && e->stage == TRUST_STAGE_CERTIFICATE)
		e->stage = TRUST_STAGE_HELLO;
	if (e->us_since_flight == 0 && s->tap.flight &&
	    (e->end == TRUST_END_FIN || e->end == TRUST_END_RST))
		e->us_since_flight = us_between(s->tap.flight_us, s->end_us);
}

static bool
has_refusal(const struct tls_tap *t)
{
	for (uint8_t i = 0; i < t->nalert; i++)
		if (t->alert[i].description != TLS_ALERT_close_notify)
			return true;
	return false;
}

static bool
went_on(const struct tls_tap *t)
{
	for (uint8_t i = 0; i < t->nalert; i++)
		if (t->alert[i].side == TLS_CLIENT &&
		    t->alert[i].description != TLS_ALERT_close_notify)
			return false;
	return t->dir[TLS_CLIENT].app_bytes > 0;
}

static void
tell(struct session *s, struct tcp_stream *stream)
{
	enum session_outcome outcome = SESSION_REFUSED;
	bool gaps = stream->dir[0].missing || stream->dir[1].missing ||
	    !stream->from_start;

	s->told = true;
	stream->deaf = true;
	fill(s, stream);
	if (went_on(&s->tap))
		outcome = SESSION_ACCEPTED;
	else if (s->tls && !has_refusal(&s->tap) &&
	    (gaps || s->end == TRUST_END_OPEN))
		outcome = SESSION_OPEN;
	if (s->tls)
		s->all->handshakes++;
	s->all->fn(&s->e, outcome, gaps, s->all->arg);
	tls_tap_shrink(&s->tap);
}

static void
skip(struct session *s, enum session_skip why)
{
	s->told = true;
	s->all->skipped[why]++;
}

/* It is over: a verdict, or the reason why there is none. */
static void
conclude(struct session *s, struct tcp_stream *stream)
{
	enum tls_first first = tls_tap_first(&s->tap);
	bool gap = s->client >= 0 && stream->dir[s->client].missing;

	if (s->told)
		return;
	if (s->tls)
		tell(s, stream);
	else if (s->begun_late)
		skip(s, SESSION_SKIP_MID_STREAM);
	else if (s->expected && s->client >= 0 && stream->from_start && !gap &&
	    s->end != TRUST_END_OPEN && first != TLS_FIRST_NOTHING)
		tell(s, stream);
	else
		skip(s, gap ? SESSION_SKIP_GAP : SESSION_SKIP_NOT_TLS);
}

/* ---- bytes ---- */

enum opening { OPENS_NOT, OPENS_CLIENT, OPENS_SERVER, OPENS_WITHIN };

/* A record with a hello in it, or one from within TLS. */
static enum opening
opening_of(struct str b)
{
	const uint8_t *p = (const uint8_t *)b.p;

	if (b.n < 3 || p[0] < 0x14 || p[0] > 0x17 || p[1] != 3 || p[2] > 4)
		return OPENS_NOT;
	if (p[0] != 0x16 || (b.n > 5 && p[5] != 1 && p[5] != 2))
		return OPENS_WITHIN;
	return b.n > 5 && p[5] == 2 ? OPENS_SERVER : OPENS_CLIENT;
}

/* Who opened a stream whose beginning was not captured. */
static int
guess_client(const struct session *s, const struct tcp_stream *stream,
    int side, struct str bytes)
{
	enum opening o = opening_of(bytes);

	if (stream->from_start)
		return 0;
	if (o == OPENS_CLIENT)
		return side;
	if (o == OPENS_SERVER)
		return 1 - side;
	if (is_tls_port(s->all, &stream->end[0]))
		return 1;
	if (is_tls_port(s->all, &stream->end[1]))
		return 0;
	return addr_port(&stream->end[0]) < addr_port(&stream->end[1]);
}

static struct session *
session_new(struct sessions *all, struct tcp_stream *stream, int side,
    struct str bytes)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		all->skipped[SESSION_SKIP_MEMORY]++;
		stream->deaf = true;
		return NULL;
	}
	s->all = all;
	s->end = TRUST_END_OPEN;
	tls_tap_init(&s->tap);
	tls_tap_want_certificate(&s->tap, on_certificate);
	trust_evidence_init(&s->e);
	s->client = guess_client(s, stream, side, bytes);
	s->expected = is_tls_port(all, &stream->end[1 - s->client]);
	stream->user = s;
	return s;
}

/* The tap begins here, whatever was said in the clear before. */
static void
start_tls(struct session *s)
{
	if (s->other) {
		tls_tap_fini(&s->tap);
		tls_tap_init(&s->tap);
		tls_tap_want_certificate(&s->tap, on_certificate);
		s->other = false;
	}
	s->tls = true;
}

/* Before TLS has begun: does it now? */
static void
look_for_hello(struct session *s, const struct tcp_stream *stream, int side,
    struct str bytes)
{
	enum opening o = opening_of(bytes);
	bool first = s->tap.dir[TLS_CLIENT].bytes == 0;

	if (o == OPENS_CLIENT && side == s->client)
		start_tls(s);
	else if (first && !stream->from_start && o != OPENS_NOT)
		s->begun_late = true;
}

static void
on_bytes(struct tcp_stream *stream, int side, struct str bytes,
    uint64_t now_us, void *arg)
{
	struct session *s = stream->user;
	enum tls_side who;

	if (s == NULL)
		s = session_new(arg, stream, side, bytes);
	if (s == NULL || s->told)
		return;
	s->now_us = s->end_us = now_us;
	if (!s->tls)
		look_for_hello(s, stream, side, bytes);
	who = side == s->client ? TLS_CLIENT : TLS_SERVER;
	if (!s->tls && who == TLS_SERVER)
		return;
	tls_tap_feed(&s->tap, who, bytes, now_us, on_hello, s);
	if (!s->tls && !s->other) {
		enum tls_first first = tls_tap_first(&s->tap);
		s->tls = first == TLS_FIRST_TLS || first == TLS_FIRST_SSLV2;
		s->other = first != TLS_FIRST_NOTHING && !s->tls;
	}
	if (s->tls && went_on(&s->tap))
		tell(s, stream);
}

/*
 * The client's last record was an alert, after its Finished and encrypted: it
 * says good-bye, or why it goes, and the server closes for its sake.
 */
static bool
has_taken_leave(const struct tls_tap *t)
{
	const struct tls_tap_dir *d = &t->dir[TLS_CLIENT];

	if (d->encrypted == 0 || d->in_clear || d->broken)
		return false;
	if (t->server_version < TLS_VERSION_1_3)
		return d->type == RECORD_ALERT;
	return d->finished_len && d->last_encrypted_len < FINISHED13_MIN;
}

static void
on_closed(struct tcp_stream *stream, int side, enum tcp_closing how,
    uint64_t now_us, void *arg)
{
	struct session *s = stream->user;

	if (s == NULL || s->told)
		return;
	if (s->end == TRUST_END_OPEN && side != s->client &&
	    how == TCP_CLOSED_FIN && has_taken_leave(&s->tap)) {
		s->end = TRUST_END_FIN; /* when it said so */
	} else if (s->end == TRUST_END_OPEN) {
		s->end_us = now_us;
		s->end = side != s->client ? TRUST_END_US :
		    how == TCP_CLOSED_FIN ? TRUST_END_FIN : TRUST_END_RST;
	}
	/* Whoever has closed has nothing more to say. */
	if (side == s->client || how == TCP_CLOSED_RST)
		conclude(s, stream);
}

static void
on_gone(struct tcp_stream *stream, enum tcp_gone why, uint64_t now_us,
    void *arg)
{
	struct sessions *all = arg;
	struct session *s = stream->user;

	if (s == NULL) {
		all->skipped[SESSION_SKIP_EMPTY]++;
		return;
	}
	if (!s->told && s->end == TRUST_END_OPEN && (why == TCP_GONE_IDLE ||
	    us_between(stream->last_us, now_us) > PATIENCE_S * US_PER_S)) {
		s->end = TRUST_END_TIMEOUT;
		s->end_us = stream->last_us;
	}
	conclude(s, stream);
	tls_tap_fini(&s->tap);
	free(s);
	stream->user = NULL;
}

/* ---- all of them ---- */

int
sessions_init(struct sessions *s, const struct x509_roots *roots,
    session_fn *fn, void *arg)
{
	const struct tcp_reader reader = { on_bytes, on_closed, on_gone, s };

	*s = (struct sessions) { .roots = roots, .fn = fn, .arg = arg };
	return tcp_init(&s->tcp, &reader, 0);
}

void
sessions_fini(struct sessions *s)
{
	tcp_fini(&s->tcp);
}

bool
sessions_add_port(struct sessions *s, uint16_t port)
{
	if (s->nports == SESSION_PORTS_MAX)
		return false;
	s->port[s->nports++] = port;
	return true;
}

void
sessions_segment(struct sessions *s, const struct segment *seg,
    uint64_t now_us)
{
	tcp_segment(&s->tcp, seg, now_us);
}

void
sessions_end(struct sessions *s, uint64_t now_us)
{
	tcp_end(&s->tcp, now_us);
}
