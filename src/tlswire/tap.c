/* SPDX-License-Identifier: BSD-2-Clause */
#include "tlswire/tap.h"

#include "base/wire.h"
#include "tlswire/alert.h"

/* 2^14 of content and what any version may add to it (RFC 5246 6.2.3). */
#define RECORD_MAX (16384 + 2048)

enum content_type {
	CHANGE_CIPHER_SPEC = 20,
	ALERT = 21,
	HANDSHAKE = 22,
	APPLICATION_DATA = 23,
	HEARTBEAT = 24,
};

enum handshake_type {
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	CERTIFICATE = 11,
	CERTIFICATE_REQUEST = 13,
	SERVER_HELLO_DONE = 14,
	CLIENT_KEY_EXCHANGE = 16,
};

#define EXT_PRE_SHARED_KEY     41
#define EXT_SUPPORTED_VERSIONS 43

/*
 * How long a record with the Finished of TLS 1.3 is: by suite and padding; no
 * alert is longer than the first (35, padded), no SIP message shorter than the
 * second (RFC 3261 8.1.1: six header fields).
 */
#define FINISHED13_MIN 45
#define FINISHED13_MAX 100

/*
 * Without padding: header 4, verify_data 32 or 48, type 1, tag 16.  Nothing
 * else that a client sends there is just as long: its Certificate is longer,
 * or empty and 25, its CertificateVerify has at least 64 bytes of signature.
 */
#define FINISHED13_SHA256 53
#define FINISHED13_SHA384 69
#define ALERT13_MAX       35

/* An empty Certificate message is a list of length zero (RFC 5246 7.4.6). */
#define EMPTY_CERTIFICATE_BYTES 3

/* One feed on its way down to the messages. */
struct feed {
	struct tls_tap *t;
	struct tls_tap_dir *d;
	enum tls_side side;
	uint64_t now_us;
	tls_tap_hello_fn *hello_fn;
	void *arg;
};

void
tls_tap_init(struct tls_tap *t)
{
	*t = (struct tls_tap) { 0 };
	buf_init(&t->dir[TLS_CLIENT].gathered, TLS_TAP_HELLO_MAX);
	buf_init(&t->dir[TLS_SERVER].gathered, TLS_TAP_SERVER_HELLO_MAX);
}

void
tls_tap_want_certificate(struct tls_tap *t, tls_tap_certificate_fn *fn)
{
	t->certificate_fn = fn;
	t->dir[TLS_SERVER].gathered.cap = TLS_TAP_CERTIFICATE_MAX;
}

void
tls_tap_shrink(struct tls_tap *t)
{
	for (size_t i = 0; i < ARRAY_LEN(t->dir); i++) {
		buf_fini(&t->dir[i].gathered);
		t->dir[i].gathering = false;
	}
}

void
tls_tap_fini(struct tls_tap *t)
{
	tls_tap_shrink(t);
}

/* TLS 1.3 and its drafts: handshake records are never encrypted as such. */
static bool
is_tls13(const struct tls_tap *t)
{
	return t->server_version == TLS_VERSION_1_3 ||
	    t->server_version >> 8 == 0x7f;
}

static void
note_alert(struct tls_tap *t, const struct tls_tap_alert *a)
{
	for (uint8_t i = 0; i < t->nalert; i++) {
		struct tls_tap_alert *old = &t->alert[i];
		if (old->side != a->side ||
		    old->description != a->description ||
		    old->in_clear == a->in_clear)
			continue;
		/* The wire and the library speak of the same one. */
		old->in_clear = true;
		old->after_finished |= a->after_finished;
		return;
	}
	t->alerts_total++;
	/* The last place is for the latest: it is what ended it. */
	if (t->nalert < TLS_TAP_ALERTS_MAX)
		t->nalert++;
	t->alert[t->nalert - 1] = *a;
}

void
tls_tap_told_alert(struct tls_tap *t, enum tls_side side, uint8_t level,
    uint8_t description, bool after_finished, uint64_t now_us)
{
	struct tls_tap_alert a = {
		.side = side,
		.level = level,
		.description = description,
		.after_finished = after_finished,
		.at_us = now_us,
	};
	note_alert(t, &a);
}

/* Alerts may share a record and may be cut by one (RFC 5246 6.2.1). */
static void
feed_alert(struct feed *f, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		f->d->alert[f->d->nalert++] = (uint8_t)s.p[i];
		if (f->d->nalert < 2)
			continue;
		struct tls_tap_alert a = {
			.side = f->side,
			.level = f->d->alert[0],
			.description = f->d->alert[1],
			.in_clear = true,
			.at_us = f->now_us,
		};
		f->d->nalert = 0;
		note_alert(f->t, &a);
	}
}

static void
got_client_hello(struct feed *f, struct str msg)
{
	struct tls_hello h;

	f->t->hello_done = true;
	f->t->hello_bad = tls_hello_parse(&h, msg) != 0;
	h.record_version = f->t->record_version;
	if (!f->t->hello_bad && f->hello_fn != NULL)
		f->hello_fn(&h, f->arg);
}

/* RFC 8446 4.1.3: this random makes a ServerHello a HelloRetryRequest. */
static bool
is_retry(struct str random)
{
	static const uint8_t retry[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a,
		0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e,
		0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };

	return random.n == 32 && memcmp(random.p, retry, 32) == 0;
}

static void
got_server_hello(struct feed *f, struct str msg)
{
	struct tls_tap *t = f->t;
	struct wire w = wire_of(str_from(msg, 4));

	t->server_version = wire_u16(&w);
	struct str random = wire_bytes(&w, 32);
	/* Drafts of TLS 1.3 before 22 have no session ID here. */
	if (t->server_version >> 8 != 0x7f)
		wire_vec(&w, 1);
	t->server_cipher = wire_u16(&w);
	if (t->server_version >> 8 != 0x7f)
		wire_u8(&w);
	struct wire ext = wire_of(wire_vec(&w, 2));
	while (!w.failed && wire_left(&ext) > 0) {
		uint16_t type = wire_u16(&ext);
		struct str body = wire_vec(&ext, 2);
		size_t pos = 0;
		uint16_t v;
		if (!ext.failed && type == EXT_SUPPORTED_VERSIONS &&
		    tls_next_u16(body, &pos, &v))
			t->server_version = v;
		if (!ext.failed && type == EXT_PRE_SHARED_KEY)
			t->psk_chosen = true;
	}
	if (is_retry(random))
		t->hello_retry = true;
	else
		t->server_hello = true;
}

static bool
is_wanted(const struct feed *f, uint8_t type)
{
	if (f->side == TLS_CLIENT)
		return type == CLIENT_HELLO && !f->t->hello_done;
	if (type == CERTIFICATE)
		return f->t->certificate_fn != NULL;
	return type == SERVER_HELLO && !f->t->server_hello;
}

static void
got_message(struct feed *f, uint8_t type, struct str msg)
{
	if (f->side == TLS_CLIENT && type == CLIENT_HELLO)
		got_client_hello(f, msg);
	else if (f->side == TLS_SERVER && type == SERVER_HELLO)
		got_server_hello(f, msg);
	else if (f->side == TLS_SERVER && type == CERTIFICATE)
		f->t->certificate_fn(msg, f->arg);
}

/* The header of a message is there: what its coming alone says. */
static void
note_message(struct feed *f, uint8_t type, uint32_t body_bytes)
{
	struct tls_tap *t = f->t;

	if (f->side == TLS_SERVER) {
		t->certificate |= type == CERTIFICATE;
		t->certificate_request |= type == CERTIFICATE_REQUEST;
		t->server_hello_done |= type == SERVER_HELLO_DONE;
		return;
	}
	t->client_key_exchange |= type == CLIENT_KEY_EXCHANGE;
	if (type == CERTIFICATE && body_bytes <= EMPTY_CERTIFICATE_BYTES)
		t->client_certificate_empty = true;
	else if (type == CERTIFICATE)
		t->client_certificate = true;
}

/* Its body is passed over. */
static void
hello_is_long(struct tls_tap *t)
{
	t->hello_done = t->hello_bad = t->hello_long = true;
}

/* d->hs holds a whole message header. */
static void
begin_message(struct feed *f)
{
	struct tls_tap_dir *d = f->d;
	uint32_t n = (uint32_t)d->hs[1] << 16 | (uint32_t)d->hs[2] << 8 |
	    d->hs[3];

	d->hs_left = n;
	note_message(f, d->hs[0], n);
	d->gathering = is_wanted(f, d->hs[0]);
	if (!d->gathering)
		return;
	buf_reset(&d->gathered);
	if (n > d->gathered.cap - 4) {
		d->gathering = false;
		if (f->side == TLS_CLIENT)
			hello_is_long(f->t);
		return;
	}
	buf_put(&d->gathered, d->hs, 4);
}

static void
end_message(struct feed *f)
{
	struct tls_tap_dir *d = f->d;

	d->nhs = 0;
	if (!d->gathering)
		return;
	d->gathering = false;
	if (!d->gathered.failed)
		got_message(f, d->hs[0], buf_as_str(&d->gathered));
	else if (f->side == TLS_CLIENT)
		f->t->hello_done = f->t->hello_bad = true;
	buf_fini(&d->gathered);
}

/* The common case: a whole message in s is read where it lies. */
static bool
take_whole(struct feed *f, struct str *s)
{
	if (f->d->nhs != 0 || s->n < 4)
		return false;
	const uint8_t *p = (const uint8_t *)s->p;
	uint32_t n = (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	if (s->n - 4 < n || n > f->d->gathered.cap - 4)
		return false;
	note_message(f, p[0], n);
	if (is_wanted(f, p[0]))
		got_message(f, p[0], str_of(s->p, 4 + n));
	*s = str_from(*s, 4 + n);
	return true;
}

static void
feed_handshake(struct feed *f, struct str s)
{
	struct tls_tap_dir *d = f->d;

	while (s.n > 0) {
		if (take_whole(f, &s))
			continue;
		if (d->nhs < 4) {
			d->hs[d->nhs++] = (uint8_t)s.p[0];
			s = str_from(s, 1);
			if (d->nhs < 4)
				continue;
			begin_message(f);
		}
		size_t n = s.n < d->hs_left ? s.n : d->hs_left;
		if (d->gathering)
			buf_put(&d->gathered, s.p, n);
		d->hs_left -= (uint32_t)n;
		s = str_from(s, n);
		if (d->hs_left == 0)
			end_message(f);
	}
}

/*
 * Can the body be read?  An alert of two bytes can, whatever went before: no
 * encrypted one is that short, and TLS 1.3 clients that have no keys yet send
 * theirs in the clear behind a ChangeCipherSpec that means nothing.
 */
static bool
is_in_clear(const struct feed *f, uint16_t n)
{
	switch (f->d->type) {
	case ALERT:
		return !f->d->ccs || n == 2;
	case HANDSHAKE:
		return !f->d->ccs || is_tls13(f->t);
	case CHANGE_CIPHER_SPEC:
		return true;
	default:
		return false;
	}
}

static void
note_encrypted(const struct tls_tap *t, struct tls_tap_dir *d, uint16_t n)
{
	d->encrypted++;
	if (d->type == APPLICATION_DATA && t->server_hello &&
	    (!is_tls13(t) || (d->finished_len && n > FINISHED13_MAX) ||
	    (d->finished_exact && n > ALERT13_MAX)))
		d->app_bytes += n;
	d->finished_exact |= n == FINISHED13_SHA256 || n == FINISHED13_SHA384;
	d->finished_len |= n >= FINISHED13_MIN && n <= FINISHED13_MAX;
	d->last_encrypted_len = n;
	if (n > d->longest_encrypted_len)
		d->longest_encrypted_len = n;
}

/* An SSLv2 CLIENT-HELLO: a header of two bytes and no type. */
static bool
begin_sslv2(struct feed *f)
{
	struct tls_tap_dir *d = f->d;
	uint16_t n = (uint16_t)((d->head[0] & 0x7f) << 8 | d->head[1]);

	if (f->side != TLS_CLIENT || d->records != 0 ||
	    tls_tap_first(f->t) != TLS_FIRST_SSLV2 || n < 3)
		return false;
	d->records++;
	d->type = HANDSHAKE;
	d->in_clear = true;
	d->left = n - 3u;
	f->t->record_version = TLS_VERSION_SSL2;
	/* The three bytes that were taken for the header belong to it. */
	d->gathering = true;
	buf_put(&d->gathered, d->head + 2, 3);
	d->hs[0] = CLIENT_HELLO;
	d->nhs = 4;
	d->hs_left = d->left;
	if (n > TLS_TAP_HELLO_MAX) {
		d->gathering = false;
		hello_is_long(f->t);
	}
	if (d->left == 0)
		end_message(f);
	return true;
}

/* d->head holds a whole record header. */
static void
begin_record(struct feed *f)
{
	struct tls_tap_dir *d = f->d;
	uint16_t n = (uint16_t)(d->head[3] << 8 | d->head[4]);

	d->nhead = 0;
	if (begin_sslv2(f))
		return;
	d->type = d->head[0];
	if (d->type < CHANGE_CIPHER_SPEC || d->type > HEARTBEAT ||
	    d->head[1] != 3 || n > RECORD_MAX) {
		d->broken = true;
		return;
	}
	if (f->side == TLS_CLIENT && d->records == 0)
		f->t->record_version = (uint16_t)(d->head[1] << 8 | d->head[2]);
	d->records++;
	d->left = n;
	d->in_clear = is_in_clear(f, n);
	if (d->type == CHANGE_CIPHER_SPEC)
		d->ccs = true;
	else if (!d->in_clear && d->type != HEARTBEAT)
		note_encrypted(f->t, d, n);
}

static void
feed_record(struct feed *f, struct str s)
{
	if (!f->d->in_clear)
		return;
	if (f->d->type == HANDSHAKE)
		feed_handshake(f, s);
	else if (f->d->type == ALERT)
		feed_alert(f, s);
}

/*
 * Has the server sent all that its Certificate comes with, as far as the wire
 * tells?  From TLS 1.3 on each further record moves the moment.
 */
static bool
is_flight(const struct tls_tap *t)
{
	if (t->server_hello_done)
		return true;
	return t->server_hello && is_tls13(t) &&
	    t->dir[TLS_SERVER].encrypted > 0;
}

static void
note_flight(struct feed *f)
{
	if (f->side == TLS_CLIENT) {
		f->t->reacted |= f->t->flight;
	} else if (!f->t->reacted && is_flight(f->t)) {
		f->t->flight = true;
		f->t->flight_us = f->now_us;
	}
}

void
tls_tap_feed(struct tls_tap *t, enum tls_side side, struct str bytes,
    uint64_t now_us, tls_tap_hello_fn *hello_fn, void *arg)
{
	struct tls_tap_dir *d = &t->dir[side];
	struct feed f = { t, d, side, now_us, hello_fn, arg };

	if (bytes.n == 0)
		return;
	d->bytes += bytes.n;
	if (side == TLS_CLIENT && t->nfirst < TLS_TAP_FIRST_MAX) {
		size_t room = TLS_TAP_FIRST_MAX - t->nfirst;
		size_t n = bytes.n < room ? bytes.n : room;
		memcpy(t->first + t->nfirst, bytes.p, n);
		t->nfirst = (uint8_t)(t->nfirst + n);
	}
	while (bytes.n > 0 && !d->broken) {
		if (d->left > 0) {
			size_t n = bytes.n < d->left ? bytes.n : d->left;
			feed_record(&f, str_of(bytes.p, n));
			d->left -= (uint32_t)n;
			bytes = str_from(bytes, n);
			continue;
		}
		d->head[d->nhead++] = (uint8_t)bytes.p[0];
		bytes = str_from(bytes, 1);
		if (d->nhead == sizeof(d->head))
			begin_record(&f);
	}
	note_flight(&f);
}
