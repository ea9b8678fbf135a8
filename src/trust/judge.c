/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge: an ordered table of rules, the first that matches speaks.  What
 * the bytes exclude beyond doubt comes first, then what the client said, then
 * what we said, then how it went silent.
 */
#include <stdio.h>

#include "tlswire/alert.h"
#include "tlswire/suite.h"
#include "trust/verdict.h"

#define US_PER_S          1000000
#define FIRST_BYTES_SHOWN 8

/* ---- what the rules ask ---- */

static bool
is_refusal(const struct tls_tap_alert *a)
{
	return a->description != TLS_ALERT_close_notify &&
	    a->description != TLS_ALERT_user_canceled &&
	    a->description != TLS_ALERT_no_renegotiation;
}

static const struct tls_tap_alert *
alert_of(const struct trust_evidence *e, enum tls_side side)
{
	for (size_t i = 0; i < e->nalert; i++) {
		if (e->alert[i].side == side && is_refusal(&e->alert[i]))
			return &e->alert[i];
	}
	return NULL;
}

static int
client_alert(const struct trust_evidence *e)
{
	const struct tls_tap_alert *a = alert_of(e, TLS_CLIENT);

	return a != NULL ? a->description : -1;
}

static int
server_alert(const struct trust_evidence *e)
{
	const struct tls_tap_alert *a = alert_of(e, TLS_SERVER);

	return a != NULL ? a->description : -1;
}

static bool
chain_is_expired(const struct trust_evidence *e)
{
	return e->chain_not_after_s != 0 && e->when_s > e->chain_not_after_s;
}

static bool
chain_is_too_new(const struct trust_evidence *e)
{
	return e->chain_not_before_s != 0 && e->when_s < e->chain_not_before_s;
}

/* It never heard of our certificate, or it had passed judgement on it. */
static bool
saw_certificate(const struct trust_evidence *e)
{
	return e->stage >= TRUST_STAGE_CERTIFICATE;
}

/* ---- rules ---- */

static bool
was_accepted(const struct trust_evidence *e)
{
	return e->stage >= TRUST_STAGE_SIP ||
	    (e->stage == TRUST_STAGE_FINISHED && e->app_bytes > 0 &&
	    client_alert(e) < 0);
}

static bool
said_nothing(const struct trust_evidence *e)
{
	return e->stage == TRUST_STAGE_NOTHING && !e->hello_seen;
}

static bool
speaks_sip(const struct trust_evidence *e)
{
	return e->first == TLS_FIRST_SIP;
}

static bool
speaks_http(const struct trust_evidence *e)
{
	return e->first == TLS_FIRST_HTTP;
}

static bool
speaks_other(const struct trust_evidence *e)
{
	return e->first == TLS_FIRST_OTHER;
}

static bool
begins_with_alert(const struct trust_evidence *e)
{
	return e->first == TLS_FIRST_ALERT;
}

static bool
hello_is_malformed(const struct trust_evidence *e)
{
	return e->hello_malformed;
}

static bool
no_common_version(const struct trust_evidence *e)
{
	return e->hello_seen && e->max_version != 0 &&
	    ((e->our_min_version != 0 && e->max_version < e->our_min_version) ||
	    (e->our_max_version != 0 && e->min_version != 0 &&
	    e->min_version > e->our_max_version));
}

/* An SSLv2-compatible hello names only the highest version it can. */
static bool
is_sslv2_hello(const struct trust_evidence *e)
{
	return e->first == TLS_FIRST_SSLV2;
}

static bool
half_hello_silence(const struct trust_evidence *e)
{
	return e->stage < TRUST_STAGE_HELLO && e->end == TRUST_END_TIMEOUT;
}

static bool
half_hello_reset(const struct trust_evidence *e)
{
	return e->stage < TRUST_STAGE_HELLO && e->end == TRUST_END_RST;
}

static bool
half_hello_end(const struct trust_evidence *e)
{
	return e->stage < TRUST_STAGE_HELLO && e->end == TRUST_END_FIN;
}

/* Suites for our kind of key are among those offered. */
static bool
offers_our_key(const struct trust_evidence *e)
{
	enum tls_auth want = e->our_key == TRUST_KEY_ECDSA ? TLS_AUTH_ECDSA :
	    TLS_AUTH_RSA;

	for (size_t i = 0; i < e->nciphers && i < TRUST_CIPHERS_MAX; i++) {
		enum tls_auth auth = tls_suite_auth(e->cipher[i]);
		if (auth == want)
			return true;
	}
	return false;
}

static bool
no_cipher_for_our_key(const struct trust_evidence *e)
{
	return e->no_shared_cipher && e->our_key != TRUST_KEY_UNKNOWN &&
	    !offers_our_key(e);
}

static bool
no_cipher(const struct trust_evidence *e)
{
	return e->no_shared_cipher;
}

#define CLIENT_SAYS(code)                                                      \
	static bool client_says_##code(const struct trust_evidence *e)         \
	{                                                                      \
		return client_alert(e) == TLS_ALERT_##code;                    \
	}
CLIENT_SAYS(unknown_ca)
CLIENT_SAYS(certificate_expired)
CLIENT_SAYS(bad_certificate)
CLIENT_SAYS(certificate_unknown)
CLIENT_SAYS(unsupported_certificate)
CLIENT_SAYS(certificate_revoked)
CLIENT_SAYS(decrypt_error)
CLIENT_SAYS(handshake_failure)
CLIENT_SAYS(illegal_parameter)
CLIENT_SAYS(protocol_version)
CLIENT_SAYS(insufficient_security)
CLIENT_SAYS(inappropriate_fallback)
CLIENT_SAYS(internal_error)
CLIENT_SAYS(unrecognized_name)

static bool
says_expired_and_is(const struct trust_evidence *e)
{
	return chain_is_expired(e) && (client_says_certificate_expired(e) ||
	    client_says_bad_certificate(e));
}

static bool
says_bad_and_is_too_new(const struct trust_evidence *e)
{
	return chain_is_too_new(e) && (client_says_bad_certificate(e) ||
	    client_says_certificate_expired(e) ||
	    client_says_certificate_unknown(e));
}

static bool
handshake_failure_early(const struct trust_evidence *e)
{
	return client_says_handshake_failure(e) && !saw_certificate(e);
}

/* OpenSSL 3 at its default level chokes on TLS 1.0 and 1.1 in this way. */
static bool
internal_error_at_old_version(const struct trust_evidence *e)
{
	return client_says_internal_error(e) && e->version != 0 &&
	    e->version < 0x0303;
}

static bool
client_says_other(const struct trust_evidence *e)
{
	return client_alert(e) >= 0;
}

#define SERVER_SAYS(code)                                                      \
	static bool server_says_##code(const struct trust_evidence *e)         \
	{                                                                      \
		return server_alert(e) == TLS_ALERT_##code;                    \
	}
SERVER_SAYS(protocol_version)
SERVER_SAYS(inappropriate_fallback)
SERVER_SAYS(handshake_failure)
SERVER_SAYS(unrecognized_name)

static bool
client_has_no_certificate(const struct trust_evidence *e)
{
	return e->client_cert_asked && (e->client_cert_empty ||
	    server_alert(e) == TLS_ALERT_certificate_required);
}

static bool
we_refuse_its_certificate(const struct trust_evidence *e)
{
	int code = server_alert(e);

	return e->client_cert_asked && code >= TLS_ALERT_bad_certificate &&
	    code <= TLS_ALERT_unknown_ca;
}

static bool
server_says_other(const struct trust_evidence *e)
{
	return server_alert(e) >= 0;
}

static bool
ended_by_peer(const struct trust_evidence *e)
{
	return e->end == TRUST_END_FIN || e->end == TRUST_END_RST;
}

/* Clients that judge the certificate after the handshake: within ms. */
static bool
finished_and_left_at_once(const struct trust_evidence *e)
{
	return e->stage == TRUST_STAGE_FINISHED && ended_by_peer(e) &&
	    e->us_since_flight != 0 && e->us_since_flight < US_PER_S;
}

static bool
finished_and_left(const struct trust_evidence *e)
{
	return e->stage == TRUST_STAGE_FINISHED && ended_by_peer(e);
}

static bool
finished_and_silent(const struct trust_evidence *e)
{
	return e->stage == TRUST_STAGE_FINISHED;
}

/* It sent its key exchange, so the certificate had passed. */
static bool
left_after_key_exchange(const struct trust_evidence *e)
{
	return e->stage == TRUST_STAGE_KEY_EXCHANGE && ended_by_peer(e);
}

static bool
left_at_certificate(const struct trust_evidence *e)
{
	return e->stage == TRUST_STAGE_CERTIFICATE && ended_by_peer(e);
}

static bool
silent_after_flight(const struct trust_evidence *e)
{
	return saw_certificate(e) && e->end == TRUST_END_TIMEOUT;
}

static bool
reset_after_hello(const struct trust_evidence *e)
{
	return e->end == TRUST_END_RST;
}

static bool
silence(const struct trust_evidence *e)
{
	return e->end == TRUST_END_TIMEOUT;
}

static bool
left_after_hello(const struct trust_evidence *e)
{
	return e->end == TRUST_END_FIN;
}

static bool
anything(const struct trust_evidence *e)
{
	return true;
}

/*
 * One row a rule: when, cause, confidence, next best, source.  A single
 * handshake makes certain only what its bytes leave no room to doubt.
 */
static const struct rule {
	bool (*matches)(const struct trust_evidence *e);
	enum trust_cause cause;
	enum trust_confidence confidence;
	enum trust_cause next_best;
	const char *source;
} rules[] = {
#define RULE(fn, cause, confidence, next, source)                              \
	{ fn, TRUST_CAUSE_##cause, TRUST_##confidence, TRUST_CAUSE_##next, source },
	RULE(was_accepted, NONE, CERTAIN, NONE, "design 4")
	/* What the bytes are. */
	RULE(said_nothing, SCANNER, POSSIBLE, TIMEOUT, "peers 5.15")
	RULE(speaks_sip, PLAIN_SIP_ON_TLS_PORT, CERTAIN, NONE, "peers 7")
	RULE(speaks_http, HTTP_ON_TLS_PORT, CERTAIN, NONE, "peers 7")
	RULE(speaks_other, NOT_TLS, CERTAIN, NONE, "RFC 8446 5.1")
	RULE(begins_with_alert, SCANNER, POSSIBLE, NOT_TLS, "RFC 8446 6")
	RULE(hello_is_malformed, SCANNER, POSSIBLE, NOT_TLS, "RFC 8446 4.1.2")
	RULE(no_common_version, PROTOCOL_VERSION, CERTAIN, NONE, "alerts 2 15")
	RULE(is_sslv2_hello, PROTOCOL_VERSION, LIKELY, SCANNER, "RFC 5246 E.2")
	RULE(half_hello_silence, TIMEOUT, LIKELY, SCANNER, "peers 5.15")
	RULE(half_hello_reset, PEER_RESET, LIKELY, SCANNER, "alerts 5.4")
	RULE(half_hello_end, SCANNER, POSSIBLE, PEER_RESET, "peers 5.15")
	RULE(no_cipher_for_our_key, KEY_TYPE_UNSUPPORTED, LIKELY,
	    NO_SHARED_CIPHER, "alerts 2 14")
	RULE(no_cipher, NO_SHARED_CIPHER, LIKELY, KEY_TYPE_UNSUPPORTED,
	    "alerts 2 16")
	/* What the client said. */
	RULE(client_says_unknown_ca, UNTRUSTED_ROOT, LIKELY,
	    MISSING_INTERMEDIATE, "RFC 5246 7.2.2; alerts 2 rows 2, 9")
	RULE(says_expired_and_is, CERTIFICATE_EXPIRED, LIKELY, UNTRUSTED_ROOT,
	    "alerts 2 row 5")
	RULE(says_bad_and_is_too_new, NOT_YET_VALID, LIKELY, UNTRUSTED_ROOT,
	    "alerts 2 row 6")
	RULE(client_says_certificate_expired, CERTIFICATE_EXPIRED, LIKELY,
	    NOT_YET_VALID, "RFC 5246 7.2.2; alerts 2 rows 5, 6")
	RULE(client_says_bad_certificate, UNTRUSTED_ROOT, POSSIBLE,
	    NAME_MISMATCH, "alerts 5.1: GnuTLS and Go say it to everything")
	RULE(client_says_certificate_unknown, UNTRUSTED_ROOT, POSSIBLE,
	    NAME_MISMATCH, "alerts 5.1: JSSE, MatrixSSL")
	RULE(client_says_unsupported_certificate, SERVER_MISCONFIGURED,
	    POSSIBLE, KEY_TYPE_UNSUPPORTED, "alerts 2 row 11")
	RULE(client_says_certificate_revoked, SERVER_MISCONFIGURED, POSSIBLE,
	    UNTRUSTED_ROOT, "RFC 5246 7.2.2")
	RULE(client_says_decrypt_error, UNTRUSTED_ROOT, POSSIBLE,
	    SERVER_MISCONFIGURED, "alerts 5.1: a root of the same name")
	RULE(client_says_unrecognized_name, NAME_MISMATCH, POSSIBLE,
	    SNI_UNRECOGNISED, "RFC 6066 3")
	RULE(client_says_protocol_version, PROTOCOL_VERSION, LIKELY, NONE,
	    "alerts 2 row 15b")
	RULE(client_says_inappropriate_fallback, PROTOCOL_VERSION, LIKELY, NONE,
	    "RFC 7507")
	RULE(internal_error_at_old_version, PROTOCOL_VERSION, LIKELY, UNKNOWN,
	    "alerts 2: OpenSSL 3 clients at TLS 1.0")
	RULE(client_says_insufficient_security, NO_SHARED_CIPHER, POSSIBLE,
	    WEAK_KEY, "RFC 5246 7.2.2")
	RULE(handshake_failure_early, NO_SHARED_CIPHER, POSSIBLE,
	    PROTOCOL_VERSION, "RFC 5246 7.2.2")
	RULE(client_says_handshake_failure, UNTRUSTED_ROOT, POSSIBLE,
	    NAME_MISMATCH, "standards R1: 40 may be a callback of its own")
	RULE(client_says_illegal_parameter, SERVER_MISCONFIGURED, POSSIBLE,
	    UNKNOWN, "alerts 5.6")
	RULE(client_says_other, UNKNOWN, POSSIBLE, NONE, "RFC 8446 6.2")
	/* What we said. */
	RULE(client_has_no_certificate, CLIENT_CERTIFICATE_MISSING, CERTAIN,
	    NONE, "alerts 2 row 17")
	RULE(we_refuse_its_certificate, CLIENT_CERTIFICATE_REFUSED, CERTAIN,
	    NONE, "RFC 8446 6.2")
	RULE(server_says_protocol_version, PROTOCOL_VERSION, LIKELY, SCANNER,
	    "alerts 2 row 15")
	RULE(server_says_inappropriate_fallback, PROTOCOL_VERSION, LIKELY, NONE,
	    "RFC 7507")
	RULE(server_says_unrecognized_name, SNI_UNRECOGNISED, CERTAIN, NONE,
	    "RFC 6066 3")
	RULE(server_says_handshake_failure, NO_SHARED_CIPHER, POSSIBLE,
	    KEY_TYPE_UNSUPPORTED, "RFC 5246 7.2.2")
	RULE(server_says_other, UNKNOWN, POSSIBLE, SCANNER, "RFC 8446 6.2")
	/* How it went silent. */
	RULE(finished_and_left_at_once, CLOSED_SILENTLY, LIKELY, SCANNER,
	    "alerts 5.3: pjsip, Node, NSS")
	RULE(finished_and_left, CLOSED_SILENTLY, POSSIBLE, SCANNER,
	    "alerts 5.3")
	RULE(finished_and_silent, SCANNER, POSSIBLE, TIMEOUT, "peers 5.15")
	RULE(left_after_key_exchange, PEER_RESET, POSSIBLE, CLOSED_SILENTLY,
	    "alerts 3")
	RULE(left_at_certificate, CLOSED_SILENTLY, LIKELY, PEER_RESET,
	    "alerts 5.4: PolarSSL, BearSSL, bare GnuTLS")
	RULE(silent_after_flight, TIMEOUT, LIKELY, CLOSED_SILENTLY, "peers 7")
	RULE(reset_after_hello, PEER_RESET, LIKELY, SCANNER, "alerts 5.4")
	RULE(silence, TIMEOUT, LIKELY, SCANNER, "peers 7")
	RULE(left_after_hello, SCANNER, POSSIBLE, PEER_RESET, "peers 5.15")
	RULE(anything, UNKNOWN, POSSIBLE, NONE, "design 3")
#undef RULE
};

/* ---- how we know ---- */

static void
put_ms(struct buf *b, uint32_t us)
{
	if (us >= 10 * US_PER_S)
		buf_printf(b, "%u s", us / US_PER_S);
	else if (us >= 1000)
		buf_printf(b, "%u ms", us / 1000);
	else
		buf_printf(b, "%u us", us);
}

static void
put_after_flight(struct buf *b, const struct trust_evidence *e)
{
	if (e->us_since_flight == 0 || !saw_certificate(e))
		return;
	buf_putc(b, ' ');
	put_ms(b, e->us_since_flight);
	buf_puts(b, " after Certificate");
}

/* A line of text up to its end, or bytes in hexadecimal. */
static void
put_first_bytes(struct buf *b, const struct trust_evidence *e)
{
	size_t n = 0;

	while (n < e->nfirst && e->first_bytes[n] >= ' ' &&
	    e->first_bytes[n] < 0x7f)
		n++;
	buf_puts(b, "first bytes ");
	if (n == e->nfirst || e->first_bytes[n] == '\r' ||
	    e->first_bytes[n] == '\n') {
		buf_printf(b, "'%.*s'", (int)n, (const char *)e->first_bytes);
		return;
	}
	for (size_t i = 0; i < e->nfirst && i < FIRST_BYTES_SHOWN; i++)
		buf_printf(b, "%s%02x", i > 0 ? " " : "", e->first_bytes[i]);
}

static void
put_versions(struct buf *b, const struct trust_evidence *e)
{
	buf_printf(b, "offers at most %s, we allow %s to %s",
	    tls_version_name(e->max_version),
	    tls_version_name(e->our_min_version),
	    tls_version_name(e->our_max_version));
}

static void
put_ending(struct buf *b, const struct trust_evidence *e)
{
	static const char *const stages[] = {
		[TRUST_STAGE_NOTHING] = "before it said anything",
		[TRUST_STAGE_BYTES] = "before its ClientHello was complete",
		[TRUST_STAGE_HELLO] = "after its ClientHello",
		[TRUST_STAGE_CERTIFICATE] = "after Certificate",
		[TRUST_STAGE_KEY_EXCHANGE] = "after its key exchange",
		[TRUST_STAGE_FINISHED] =
		    "after the handshake, without a SIP message",
		[TRUST_STAGE_SIP] = "after a SIP message",
	};
	static const char *const ends[] = {
		[TRUST_END_UNKNOWN] = "ended",
		[TRUST_END_OPEN] = "still open",
		[TRUST_END_FIN] = "closed without an alert",
		[TRUST_END_RST] = "reset",
		[TRUST_END_TIMEOUT] = "silent",
		[TRUST_END_US] = "ended by us",
	};

	buf_puts(b, ends[e->end]);
	if (e->us_since_flight != 0 && saw_certificate(e) &&
	    e->end != TRUST_END_TIMEOUT) {
		put_after_flight(b, e);
		if (e->stage > TRUST_STAGE_CERTIFICATE)
			buf_putc(b, ',');
	}
	if (e->stage != TRUST_STAGE_CERTIFICATE || e->us_since_flight == 0 ||
	    e->end == TRUST_END_TIMEOUT)
		buf_printf(b, " %s", stages[e->stage]);
	if (e->end == TRUST_END_TIMEOUT && e->us_total != 0) {
		buf_puts(b, " for ");
		put_ms(b, e->us_total);
	}
	if (e->over_limit)
		buf_puts(b, ", over a limit");
}

static void
put_alert(struct buf *b, const struct trust_evidence *e, enum tls_side side)
{
	const struct tls_tap_alert *a = alert_of(e, side);

	buf_printf(b, "%salert %s(%u)", side == TLS_SERVER ? "we sent " : "",
	    tls_alert_name(a->description), a->description);
	if (side == TLS_CLIENT)
		put_after_flight(b, e);
	if (a->after_finished)
		buf_puts(b, ", after the handshake");
}

static void
put_validity(struct buf *b, const struct trust_evidence *e)
{
	if (chain_is_expired(e))
		buf_puts(b, "; our chain has expired");
	else if (chain_is_too_new(e))
		buf_puts(b, "; our chain is not valid yet");
	else if (e->chain_not_after_s != 0)
		buf_puts(b, "; our chain is valid");
}

static void
put_reason(struct buf *b, const struct trust_verdict *v,
    const struct trust_evidence *e, const struct trust_history *h)
{
	switch (v->cause) {
	case TRUST_CAUSE_NONE:
		return;
	case TRUST_CAUSE_PLAIN_SIP_ON_TLS_PORT:
	case TRUST_CAUSE_HTTP_ON_TLS_PORT:
	case TRUST_CAUSE_NOT_TLS:
		put_first_bytes(b, e);
		break;
	default:
		if (no_common_version(e))
			put_versions(b, e);
		else if (alert_of(e, TLS_CLIENT) != NULL)
			put_alert(b, e, TLS_CLIENT);
		else if (e->no_shared_cipher)
			buf_printf(b, "none of the %u cipher suites offered is "
			    "allowed here", e->nciphers);
		else if (alert_of(e, TLS_SERVER) != NULL)
			put_alert(b, e, TLS_SERVER);
		else
			put_ending(b, e);
		break;
	}
	if (v->cause == TRUST_CAUSE_CERTIFICATE_EXPIRED ||
	    v->cause == TRUST_CAUSE_NOT_YET_VALID)
		put_validity(b, e);
	if (h != NULL && h->attempts > 1)
		buf_printf(b, "; %u of %u attempts", h->refused_alike,
		    h->attempts);
}

void
trust_judge(struct trust_verdict *out, const struct trust_evidence *e,
    const struct trust_history *history)
{
	const struct rule *r = rules;
	struct buf reason;

	while (!r->matches(e))
		r++; /* the last matches always */
	*out = (struct trust_verdict) {
		.cause = r->cause,
		.confidence = r->confidence,
		.next_best = r->next_best,
	};
	buf_init_array(&reason, out->reason, sizeof(out->reason) - 1);
	put_reason(&reason, out, e, history);
	out->reason[reason.n] = '\0';
}
