/* SPDX-License-Identifier: BSD-2-Clause */
#include "trust/evidence.h"

#include "tlswire/alert.h"
#include "trust/listed.h"
#include "trust/verdict.h"

/*
 * The shortest Finished of TLS 1.3 on the wire: header 4, verify_data 32,
 * content type 1, tag 8 (CCM_8).  An alert, padded as one stack does it, is 35.
 */
#define FINISHED13_MIN 45

/* Where the random stands in a ClientHello: header 4, version 2. */
#define RANDOM_AT 6

void
trust_evidence_init(struct trust_evidence *e)
{
	/* Every byte, padding too: evidence is compared and hashed. */
	memset(e, 0, sizeof(*e));
	e->peer = ADDR_NONE;
	e->local = ADDR_NONE;
}

/* Up to the first NUL: what follows one is there to deceive. */
static void
copy_text(char out[TRUST_TEXT_MAX], struct str s)
{
	IGNORE(str_copy(out, TRUST_TEXT_MAX, str_of(s.p, str_find(s, '\0'))));
}

static uint16_t
copy_u16(uint16_t *out, struct str list)
{
	uint16_t n = 0, v;

	for (size_t pos = 0; tls_next_u16(list, &pos, &v); n++)
		if (n < TRUST_CIPHERS_MAX)
			out[n] = v;
	return n;
}

/* Bytes of a test, "00 01 02" or all the same: neither clock nor chance. */
static bool
is_counted(const uint8_t *p)
{
	uint8_t step = (uint8_t)(p[1] - p[0]);

	for (size_t i = 1; i < 8; i++)
		if ((uint8_t)(p[i] - p[i - 1]) != step)
			return false;
	return true;
}

/* gmt_unix_time of RFC 5246 7.4.1.2; the SSLv2 form has none. */
static uint32_t
hello_time(const struct tls_hello *h)
{
	const uint8_t *p = (const uint8_t *)h->raw.p + RANDOM_AT;

	if (h->sslv2 || h->raw.n < RANDOM_AT + 8 || is_counted(p))
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

void
trust_evidence_hello(struct trust_evidence *e, const struct tls_hello *h)
{
	uint16_t v;

	e->hello_seen = true;
	e->record_version = h->record_version;
	e->legacy_version = h->legacy_version;
	e->max_version = h->max_version;
	e->min_version = h->min_version;
	e->nciphers = 0;
	for (size_t pos = 0; tls_hello_next_cipher(h, &pos, &v);) {
		if (e->nciphers < TRUST_CIPHERS_MAX)
			e->cipher[e->nciphers] = v;
		e->nciphers++;
	}
	e->nsigalgs = copy_u16(e->sigalg, h->sigalgs);
	copy_text(e->server_name, h->server_name);
	e->hello_time_s = hello_time(h);
	tls_ja3(h, e->ja3);
	tls_ja4(h, e->ja4);
	/* At TLS 1.3 a session ID is there for middleboxes only. */
	e->resumption_offered = h->psk || h->ticket_offered ||
	    (h->session_id.n > 0 && h->max_version < TLS_VERSION_1_3);
}

void
trust_evidence_chain(struct trust_evidence *e, const struct trust_chain *c,
    const struct tls_hello *h)
{
	copy_text(e->chain, str_cstr(c->name));
	copy_text(e->root, str_cstr(c->root));
	e->chain_not_before_s = c->not_before_s;
	e->chain_not_after_s = c->not_after_s;
	e->chain_faults = c->faults;
	e->chain_depth = c->depth;
	e->chain_signed = c->signed_with;
	e->our_bits = c->bits;
	e->chain_names = c->names;
	e->root_id = c->root_id;
	e->our_key = c->key;
	e->listed = h != NULL ? trust_hello_listed(h, c) :
	    TRUST_LISTED_UNKNOWN;
}

void
trust_past_chain(struct trust_past *p, const struct trust_chain *c)
{
	copy_text(p->chain, str_cstr(c->name));
	copy_text(p->root, str_cstr(c->root));
	p->key = c->key;
	p->faults = c->faults;
	p->depth = c->depth;
	p->signed_with = c->signed_with;
	p->bits = c->bits;
	p->names = c->names;
	p->root_id = c->root_id;
	p->not_before_s = c->not_before_s;
	p->not_after_s = c->not_after_s;
}

/*
 * TLS 1.3: what the client sent after our flight was shorter than any
 * Finished, so it was an alert; if nobody has told which, it stays unread.
 */
static bool
is_alert_hidden(const struct tls_tap *t)
{
	const struct tls_tap_dir *c = &t->dir[TLS_CLIENT];

	if (t->server_version < TLS_VERSION_1_3 || !t->flight ||
	    c->encrypted == 0 || c->longest_encrypted_len >= FINISHED13_MIN)
		return false;
	for (uint8_t i = 0; i < t->nalert; i++)
		if (t->alert[i].side == TLS_CLIENT)
			return false;
	return true;
}

static bool
is_finished(const struct tls_tap *t)
{
	const struct tls_tap_dir *c = &t->dir[TLS_CLIENT];
	const struct tls_tap_dir *s = &t->dir[TLS_SERVER];

	if (t->server_version >= TLS_VERSION_1_3)
		return t->flight && c->longest_encrypted_len >= FINISHED13_MIN;
	return c->ccs && s->ccs && c->encrypted > 0 && s->encrypted > 0;
}

static enum trust_stage
stage_of(const struct tls_tap *t)
{
	if (t->dir[TLS_CLIENT].bytes == 0)
		return TRUST_STAGE_NOTHING;
	if (!t->hello_done || t->hello_bad)
		return TRUST_STAGE_BYTES;
	if (is_finished(t))
		return TRUST_STAGE_FINISHED;
	if (t->client_key_exchange)
		return TRUST_STAGE_KEY_EXCHANGE;
	if (t->flight || t->certificate)
		return TRUST_STAGE_CERTIFICATE;
	return TRUST_STAGE_HELLO;
}

void
trust_evidence_tap(struct trust_evidence *e, const struct tls_tap *t)
{
	e->first = tls_tap_first(t);
	memcpy(e->first_bytes, t->first, sizeof(e->first_bytes));
	e->nfirst = t->nfirst;
	e->hello_malformed = t->hello_bad;
	e->record_version = t->record_version;
	e->version = t->server_version;
	e->cipher_suite = t->server_cipher;
	if (t->certificate_request)
		e->client_cert_asked = true;
	if (t->client_certificate_empty)
		e->client_cert_empty = true;

	enum trust_stage stage = stage_of(t);
	if (stage > e->stage)
		e->stage = stage;

	e->alert_hidden = is_alert_hidden(t);
	e->nalert = t->nalert;
	for (uint8_t i = 0; i < t->nalert; i++) {
		const struct tls_tap_alert *a = &t->alert[i];
		/* Member by member: padding stays zero. */
		e->alert[i].side = a->side;
		e->alert[i].level = a->level;
		e->alert[i].description = a->description;
		e->alert[i].in_clear = a->in_clear;
		e->alert[i].after_finished = a->after_finished;
		e->alert[i].at_us = a->at_us;
		if (t->flight && e->us_since_flight == 0 &&
		    a->side == TLS_CLIENT && a->at_us > t->flight_us &&
		    a->at_us - t->flight_us <= UINT32_MAX)
			e->us_since_flight =
			    (uint32_t)(a->at_us - t->flight_us);
	}
}
