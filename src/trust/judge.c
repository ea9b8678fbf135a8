/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge: an ordered table of rules, the first that matches speaks.  What
 * the bytes exclude beyond doubt comes first, then what the client said, then
 * what we said, then how it went silent.
 */
#include "tlswire/alert.h"
#include "tlswire/hello.h"
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

/* Up to TLS 1.2; a log line may not tell the level: then it is 0. */
static bool
is_warning(const struct trust_evidence *e, const struct tls_tap_alert *a)
{
	return a->level == 1 && e->version < TLS_VERSION_1_3;
}

const struct tls_tap_alert *
trust_alert_of(const struct trust_evidence *e, enum tls_side side)
{
	const struct tls_tap_alert *warning = NULL;

	for (size_t i = 0; i < e->nalert; i++) {
		const struct tls_tap_alert *a = &e->alert[i];

		if (a->side != side || !is_refusal(a))
			continue;
		if (!is_warning(e, a))
			return a;
		if (warning == NULL && side == TLS_CLIENT)
			warning = a;
	}
	return warning;
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
is_over(const struct trust_evidence *e)
{
	return e->end != TRUST_END_UNKNOWN && e->end != TRUST_END_OPEN;
}

/* Nothing that a log line or the rest of a capture could tell. */
static bool
is_mute(const struct trust_evidence *e)
{
	return e->nalert == 0 && e->version == 0 && !e->no_shared_cipher;
}

static bool
said_nothing(const struct trust_evidence *e)
{
	return e->stage == TRUST_STAGE_NOTHING && !e->hello_seen &&
	    e->first == TLS_FIRST_NOTHING && is_mute(e) && is_over(e);
}

/* A TLS record that no client begins with: the beginning was not seen. */
static bool
is_mid_stream(const struct trust_evidence *e)
{
	return e->nfirst >= 2 && e->first_bytes[1] == 3 &&
	    (e->first_bytes[0] == 0x14 || e->first_bytes[0] == 0x17);
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
	return e->first == TLS_FIRST_OTHER && !is_mid_stream(e);
}

static bool
begins_mid_stream(const struct trust_evidence *e)
{
	return e->first == TLS_FIRST_OTHER && is_mute(e);
}

/* An alert and nothing else; in a capture the rest may be missing. */
static bool
begins_with_alert(const struct trust_evidence *e)
{
	return e->first == TLS_FIRST_ALERT && e->version == 0;
}

static bool
hello_is_malformed(const struct trust_evidence *e)
{
	return e->hello_malformed;
}

bool
trust_no_common_version(const struct trust_evidence *e)
{
	return e->hello_seen && e->max_version != 0 && e->version == 0 &&
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
	return e->stage < TRUST_STAGE_HELLO && is_mute(e) &&
	    e->end == TRUST_END_TIMEOUT;
}

static bool
half_hello_reset(const struct trust_evidence *e)
{
	return e->stage < TRUST_STAGE_HELLO && is_mute(e) &&
	    e->end == TRUST_END_RST;
}

static bool
half_hello_end(const struct trust_evidence *e)
{
	return e->stage < TRUST_STAGE_HELLO && is_mute(e) &&
	    e->end == TRUST_END_FIN;
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

/* Suites that stand in a hello, but are none. */
static bool
is_signal(uint16_t suite)
{
	return tls_is_grease(suite) || suite == 0x00ff || suite == 0x5600;
}

bool
trust_ciphers_obsolete(const struct trust_evidence *e)
{
	unsigned n = 0;

	for (size_t i = 0; i < e->nciphers && i < TRUST_CIPHERS_MAX; i++) {
		if (is_signal(e->cipher[i]))
			continue;
		if (tls_suite_obsolete(e->cipher[i]) == NULL)
			return false;
		n++;
	}
	return n > 0 && e->nciphers <= TRUST_CIPHERS_MAX;
}

/* No server with a library of today could serve it. */
static bool
no_cipher_of_today(const struct trust_evidence *e)
{
	return e->no_shared_cipher &&
	    (e->ciphers_foreign || trust_ciphers_obsolete(e));
}

/* The same, where only the failure is known: a capture, a log. */
static bool
only_obsolete_ciphers(const struct trust_evidence *e)
{
	return server_alert(e) == TLS_ALERT_handshake_failure &&
	    e->version == 0 && trust_ciphers_obsolete(e);
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

/* Of our key it can only have heard with our Certificate. */
static bool
finds_our_key_weak(const struct trust_evidence *e)
{
	return client_says_insufficient_security(e) &&
	    (e->chain_faults & 1u << TRUST_FAULT_WEAK_KEY) != 0;
}

/* mbedTLS 3.6 offers RSA-PSS at TLS 1.2 and cannot use it. */
static bool
chokes_on_our_signature(const struct trust_evidence *e)
{
	return client_says_illegal_parameter(e) && trust_saw_certificate(e) &&
	    e->version == TLS_VERSION_1_2 &&
	    e->our_key != TRUST_KEY_ECDSA && e->max_version > e->version;
}

static bool
cannot_read_our_certificate(const struct trust_evidence *e)
{
	return client_alert(e) == TLS_ALERT_decode_error &&
	    e->stage == TRUST_STAGE_CERTIFICATE;
}

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
SERVER_SAYS(insufficient_security)
SERVER_SAYS(unrecognized_name)

/* Of a handshake that is over it says something else. */
static bool
server_could_not_agree(const struct trust_evidence *e)
{
	return server_says_handshake_failure(e) &&
	    e->stage < TRUST_STAGE_FINISHED;
}

/* It keyed the session for the certificate, and we could not follow. */
static bool
our_key_does_not_fit(const struct trust_evidence *e)
{
	int code = server_alert(e);

	return (e->chain_faults & 1u << TRUST_FAULT_KEY_MISMATCH) != 0 &&
	    (code == TLS_ALERT_bad_record_mac ||
	    code == TLS_ALERT_decrypt_error);
}

/* That it has none is an obstacle only where we then end it. */
static bool
client_has_no_certificate(const struct trust_evidence *e)
{
	int code = server_alert(e);

	return code == TLS_ALERT_certificate_required ||
	    (e->client_cert_asked && e->client_cert_empty &&
	    (code == TLS_ALERT_handshake_failure ||
	    code == TLS_ALERT_no_certificate ||
	    code == TLS_ALERT_bad_certificate));
}

static bool
server_speaks_of_certificate(const struct trust_evidence *e)
{
	int code = server_alert(e);

	return code >= TLS_ALERT_bad_certificate &&
	    code <= TLS_ALERT_unknown_ca && code != TLS_ALERT_illegal_parameter;
}

static bool
we_refuse_its_certificate(const struct trust_evidence *e)
{
	return e->client_cert_asked && server_speaks_of_certificate(e);
}

static bool
server_says_other(const struct trust_evidence *e)
{
	return server_alert(e) >= 0;
}

/* It was shown no certificate: the cause is elsewhere. */
static bool
resumed_and_left(const struct trust_evidence *e)
{
	return e->resumed && ended_by_peer(e);
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

/* Its own log speaks of our certificate where the wire does not. */
static bool
log_names_a_fault(const struct trust_evidence *e)
{
	return e->said_faults != 0 && trust_saw_certificate(e) &&
	    !e->resumed && ended_by_peer(e) && server_alert(e) < 0;
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
	RULE(begins_mid_stream, UNKNOWN, POSSIBLE, NOT_TLS, "RFC 8446 5.1")
	RULE(begins_with_alert, SCANNER, POSSIBLE, NOT_TLS, "RFC 8446 6")
	RULE(hello_is_malformed, SCANNER, POSSIBLE, NOT_TLS, "RFC 8446 4.1.2")
	RULE(trust_no_common_version, PROTOCOL_VERSION, CERTAIN, NONE,
	    "alerts 2 15")
	RULE(is_sslv2_hello, PROTOCOL_VERSION, LIKELY, SCANNER, "RFC 5246 E.2")
	RULE(half_hello_silence, TIMEOUT, LIKELY, SCANNER, "peers 5.15")
	RULE(half_hello_reset, PEER_RESET, LIKELY, SCANNER, "alerts 5.4")
	RULE(half_hello_end, SCANNER, POSSIBLE, PEER_RESET, "peers 5.15")
	RULE(no_cipher_of_today, NO_SHARED_CIPHER, CERTAIN, NONE,
	    "RFC 7465, RFC 9325 4.1")
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
	RULE(finds_our_key_weak, WEAK_KEY, LIKELY, NO_SHARED_CIPHER,
	    "RFC 5246 7.2.2")
	RULE(chokes_on_our_signature, SERVER_MISCONFIGURED, LIKELY, UNKNOWN,
	    "alerts 5.6")
	RULE(cannot_read_our_certificate, UNKNOWN, POSSIBLE,
	    KEY_TYPE_UNSUPPORTED, "RFC 5246 7.2.2")
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
	RULE(server_speaks_of_certificate, CLIENT_CERTIFICATE_REFUSED, LIKELY,
	    UNKNOWN, "RFC 8446 6.2")
	RULE(server_says_protocol_version, PROTOCOL_VERSION, LIKELY, SCANNER,
	    "alerts 2 row 15")
	RULE(server_says_inappropriate_fallback, PROTOCOL_VERSION, LIKELY, NONE,
	    "RFC 7507")
	RULE(server_says_unrecognized_name, SNI_UNRECOGNISED, CERTAIN, NONE,
	    "RFC 6066 3")
	RULE(only_obsolete_ciphers, NO_SHARED_CIPHER, LIKELY, NONE,
	    "RFC 7465, RFC 9325 4.1")
	RULE(server_could_not_agree, NO_SHARED_CIPHER, POSSIBLE,
	    KEY_TYPE_UNSUPPORTED, "RFC 5246 7.2.2")
	RULE(server_says_insufficient_security, NO_SHARED_CIPHER, LIKELY,
	    KEY_TYPE_UNSUPPORTED, "RFC 5246 7.2.2, RFC 8446 6.2")
	RULE(our_key_does_not_fit, SERVER_MISCONFIGURED, CERTAIN, NONE,
	    "RFC 5246 7.4.7.1")
	RULE(server_says_other, UNKNOWN, POSSIBLE, SCANNER, "RFC 8446 6.2")
	/* How it went silent. */
	JUDGED(log_names_a_fault, trust_judge_chain, "design 1, story 3")
	RULE(resumed_and_left, PEER_RESET, POSSIBLE, SCANNER, "RFC 8446 2.2")
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
		.fault = -1,
		.confidence = r->confidence,
		.next_best = r->next_best,
	};
	if (r->judge != NULL)
		r->judge(out, e, history);
	buf_init_array(&reason, out->reason, sizeof(out->reason) - 1);
	trust_reason(&reason, out, e, history);
	out->reason[reason.n] = '\0';
}
