/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge: an ordered table of rules, the first that matches speaks.  What
 * the bytes exclude beyond doubt comes first, then what the client said, then
 * what we said, then how it went silent.
 */
#include "tlswire/alert.h"
#include "tlswire/suite.h"
#include "trust/judge_int.h"

#define US_PER_S          1000000

/* ---- what the rules ask ---- */

static bool
is_refusal(const struct tls_tap_alert *a)
{
	return a->description != TLS_ALERT_close_notify &&
	    a->description != TLS_ALERT_user_canceled &&
	    a->description != TLS_ALERT_no_renegotiation;
}

const struct tls_tap_alert *
trust_alert_of(const struct trust_evidence *e, enum tls_side side)
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
	const struct tls_tap_alert *a = trust_alert_of(e, TLS_CLIENT);

	return a != NULL ? a->description : -1;
}

static int
server_alert(const struct trust_evidence *e)
{
	const struct tls_tap_alert *a = trust_alert_of(e, TLS_SERVER);

	return a != NULL ? a->description : -1;
}

/* It never heard of our certificate, or it had passed judgement on it. */
bool
trust_saw_certificate(const struct trust_evidence *e)
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

bool
trust_no_common_version(const struct trust_evidence *e)
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

/* RFC 8446 4.2.3: what a signature scheme needs. */
static enum tls_auth
auth_of_sigalg(uint16_t scheme)
{
	if ((scheme & 0xff) == 0x03 && scheme >= 0x0203 && scheme <= 0x0603)
		return TLS_AUTH_ECDSA;
	if (((scheme & 0xff) == 0x01 && scheme >= 0x0101 && scheme <= 0x0601) ||
	    (scheme >= 0x0804 && scheme <= 0x0806))
		return TLS_AUTH_RSA;
	return TLS_AUTH_OTHER;
}

static bool
signs_as(const struct trust_evidence *e, enum tls_auth want)
{
	for (size_t i = 0; i < e->nsigalgs && i < TRUST_CIPHERS_MAX; i++)
		if (auth_of_sigalg(e->sigalg[i]) == want)
			return true;
	return false;
}

/*
 * It can do with our kind of key: by its suites up to TLS 1.2, by its
 * signature algorithms from then on.
 */
static bool
offers_our_key(const struct trust_evidence *e)
{
	enum tls_auth want = e->our_key == TRUST_KEY_ECDSA ? TLS_AUTH_ECDSA :
	    TLS_AUTH_RSA;

	if (e->nsigalgs > 0 && !signs_as(e, want))
		return false;
	for (size_t i = 0; i < e->nciphers && i < TRUST_CIPHERS_MAX; i++) {
		enum tls_auth auth = tls_suite_auth(e->cipher[i]);

		if (auth == want || (auth == TLS_AUTH_ANY && e->nsigalgs > 0))
			return true;
	}
	return e->nciphers == 0;
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
CLIENT_SAYS(handshake_failure)
CLIENT_SAYS(illegal_parameter)
CLIENT_SAYS(protocol_version)
CLIENT_SAYS(insufficient_security)
CLIENT_SAYS(inappropriate_fallback)
CLIENT_SAYS(internal_error)
CLIENT_SAYS(unrecognized_name)

static bool
handshake_failure_early(const struct trust_evidence *e)
{
	return client_says_handshake_failure(e) && !trust_saw_certificate(e);
}

static bool
ended_by_peer(const struct trust_evidence *e)
{
	return e->end == TRUST_END_FIN || e->end == TRUST_END_RST;
}

/* We went below what it offered and below what it takes: it says so, or not. */
static bool
refuses_our_highest(const struct trust_evidence *e)
{
	int code = client_alert(e);

	return e->version != 0 && e->version < TLS_VERSION_1_2 &&
	    e->max_version > e->version && e->our_max_version == e->version &&
	    (code < 0 ? ended_by_peer(e) && e->stage < TRUST_STAGE_FINISHED :
		code == TLS_ALERT_internal_error ||
		code == TLS_ALERT_protocol_version);
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

/* It keyed the session for the certificate, and we could not follow. */
static bool
our_key_does_not_fit(const struct trust_evidence *e)
{
	int code = server_alert(e);

	return (e->chain_faults & 1u << TRUST_FAULT_KEY_MISMATCH) != 0 &&
	    (code == TLS_ALERT_bad_record_mac ||
	    code == TLS_ALERT_decrypt_error);
}

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
silent_after_flight(const struct trust_evidence *e)
{
	return trust_saw_certificate(e) && e->end == TRUST_END_TIMEOUT;
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
	/* What a row cannot say in itself; NULL: it does. */
	void (*judge)(struct trust_verdict *v, const struct trust_evidence *e,
	    const struct trust_history *h);
} rules[] = {
#define RULE(fn, cause, confidence, next, source)                              \
	{ fn, TRUST_CAUSE_##cause, TRUST_##confidence, TRUST_CAUSE_##next,     \
		source, NULL },
#define JUDGED(fn, judge, source)                                              \
	{ fn, TRUST_CAUSE_UNKNOWN, TRUST_POSSIBLE, TRUST_CAUSE_NONE, source,   \
		judge },
	RULE(was_accepted, NONE, CERTAIN, NONE, "design 4")
	/* What the bytes are. */
	RULE(said_nothing, SCANNER, POSSIBLE, TIMEOUT, "peers 5.15")
	RULE(speaks_sip, PLAIN_SIP_ON_TLS_PORT, CERTAIN, NONE, "peers 7")
	RULE(speaks_http, HTTP_ON_TLS_PORT, CERTAIN, NONE, "peers 7")
	RULE(speaks_other, NOT_TLS, CERTAIN, NONE, "RFC 8446 5.1")
	RULE(begins_with_alert, SCANNER, POSSIBLE, NOT_TLS, "RFC 8446 6")
	RULE(hello_is_malformed, SCANNER, POSSIBLE, NOT_TLS, "RFC 8446 4.1.2")
	RULE(trust_no_common_version, PROTOCOL_VERSION, CERTAIN, NONE,
	    "alerts 2 15")
	RULE(is_sslv2_hello, PROTOCOL_VERSION, LIKELY, SCANNER, "RFC 5246 E.2")
	RULE(half_hello_silence, TIMEOUT, LIKELY, SCANNER, "peers 5.15")
	RULE(half_hello_reset, PEER_RESET, LIKELY, SCANNER, "alerts 5.4")
	RULE(half_hello_end, SCANNER, POSSIBLE, PEER_RESET, "peers 5.15")
	RULE(no_cipher_for_our_key, KEY_TYPE_UNSUPPORTED, LIKELY,
	    NO_SHARED_CIPHER, "alerts 2 14")
	RULE(no_cipher, NO_SHARED_CIPHER, LIKELY, KEY_TYPE_UNSUPPORTED,
	    "alerts 2 16")
	/* What the client said, or how it left. */
	RULE(refuses_our_highest, PROTOCOL_VERSION, LIKELY, CLOSED_SILENTLY,
	    "alerts 2 row 15b")
	RULE(internal_error_at_old_version, PROTOCOL_VERSION, LIKELY, UNKNOWN,
	    "alerts 2: OpenSSL 3 clients at TLS 1.0")
	JUDGED(trust_refused_chain, trust_judge_chain, "alerts 2, 5")
	RULE(client_says_unrecognized_name, NAME_MISMATCH, POSSIBLE,
	    SNI_UNRECOGNISED, "RFC 6066 3")
	RULE(client_says_protocol_version, PROTOCOL_VERSION, LIKELY, NONE,
	    "alerts 2 row 15b")
	RULE(client_says_inappropriate_fallback, PROTOCOL_VERSION, LIKELY, NONE,
	    "RFC 7507")
	RULE(client_says_insufficient_security, NO_SHARED_CIPHER, POSSIBLE,
	    WEAK_KEY, "RFC 5246 7.2.2")
	RULE(handshake_failure_early, NO_SHARED_CIPHER, POSSIBLE,
	    PROTOCOL_VERSION, "RFC 5246 7.2.2")
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
	RULE(our_key_does_not_fit, SERVER_MISCONFIGURED, CERTAIN, NONE,
	    "RFC 5246 7.4.7.1")
	RULE(server_says_other, UNKNOWN, POSSIBLE, SCANNER, "RFC 8446 6.2")
	/* How it went silent. */
	RULE(finished_and_left, CLOSED_SILENTLY, POSSIBLE, SCANNER,
	    "alerts 5.3")
	RULE(finished_and_silent, SCANNER, POSSIBLE, TIMEOUT, "peers 5.15")
	RULE(left_after_key_exchange, PEER_RESET, POSSIBLE, CLOSED_SILENTLY,
	    "alerts 3")
	RULE(silent_after_flight, TIMEOUT, LIKELY, CLOSED_SILENTLY, "peers 7")
	RULE(reset_after_hello, PEER_RESET, LIKELY, SCANNER, "alerts 5.4")
	RULE(silence, TIMEOUT, LIKELY, SCANNER, "peers 7")
	RULE(left_after_hello, SCANNER, POSSIBLE, PEER_RESET, "peers 5.15")
	RULE(anything, UNKNOWN, POSSIBLE, NONE, "design 3")
#undef RULE
#undef JUDGED
};

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
	if (r->judge != NULL)
		r->judge(out, e, history);
	buf_init_array(&reason, out->reason, sizeof(out->reason) - 1);
	trust_reason(&reason, out, e, history);
	out->reason[reason.n] = '\0';
}
