/* SPDX-License-Identifier: BSD-2-Clause */
/* How we know: the words of a verdict's reason. */
#include "trust/judge_int.h"

#include <time.h>

#include "tlswire/alert.h"

#define US_PER_S          1000000
#define FIRST_BYTES_SHOWN 8

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
	if (e->us_since_flight == 0 || !trust_saw_certificate(e))
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

/* close_notify, say: an alert, but no refusal.  NULL: it said nothing. */
static const struct tls_tap_alert *
last_words(const struct trust_evidence *e)
{
	for (size_t i = e->nalert; i-- > 0;)
		if (e->alert[i].side == TLS_CLIENT)
			return &e->alert[i];
	return NULL;
}

static void
put_ending(struct buf *b, const struct trust_evidence *e)
{
	const struct tls_tap_alert *said = e->end == TRUST_END_FIN ?
	    last_words(e) : NULL;
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
		[TRUST_END_UNKNOWN] = "how it ended is not known,",
		[TRUST_END_OPEN] = "still open",
		[TRUST_END_FIN] = "closed without an alert",
		[TRUST_END_RST] = "reset",
		[TRUST_END_TIMEOUT] = "silent",
		[TRUST_END_US] = "ended by us",
	};

	if (said != NULL)
		buf_printf(b, "alert %s(%u)", tls_alert_name(said->description),
		    said->description);
	else
		buf_puts(b, e->alert_hidden ? "alert, encrypted," :
		    ends[e->end]);
	if (e->us_since_flight != 0 && trust_saw_certificate(e) &&
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
	const struct tls_tap_alert *a = trust_alert_of(e, side);

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
	uint32_t faults = trust_known_faults(e);

	if ((faults & 1u << TRUST_FAULT_EXPIRED) != 0)
		buf_puts(b, "; our chain has expired");
	else if ((faults & 1u << TRUST_FAULT_TOO_NEW) != 0)
		buf_puts(b, "; our chain is not valid yet");
	else if (e->chain_not_after_s != 0)
		buf_puts(b, "; our chain is valid");
}

/* What we know ourselves of the fault that the verdict names. */
static void
put_fault(struct buf *b, const struct trust_verdict *v,
    const struct trust_evidence *e)
{
	static const struct {
		enum trust_fault fault;
		enum trust_cause cause;
		const char *words;
	} known[] = {
		{ TRUST_FAULT_INCOMPLETE, TRUST_CAUSE_MISSING_INTERMEDIATE,
		  "our chain lacks an issuer" },
		{ TRUST_FAULT_SELF_SIGNED, TRUST_CAUSE_UNTRUSTED_ROOT,
		  "our certificate is its own root" },
		{ TRUST_FAULT_STAPLE, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "it was revoked, or lacks the OCSP answer it demands" },
		{ TRUST_FAULT_PURPOSE, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "our certificate is not meant for servers" },
		{ TRUST_FAULT_WEAK_SIGNATURE, TRUST_CAUSE_WEAK_SIGNATURE,
		  "our chain is signed with SHA-1" },
		{ TRUST_FAULT_WEAK_KEY, TRUST_CAUSE_WEAK_KEY,
		  "our key is short" },
		{ TRUST_FAULT_BAD_SIGNATURE, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "a signature in our chain is wrong" },
		{ TRUST_FAULT_KEY_MISMATCH, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "our key is not that of our certificate" },
		{ TRUST_FAULT_LEAF_IS_CA, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "our certificate is that of a CA" },
		{ TRUST_FAULT_ISSUER, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "a CA in our chain may not issue what it did" },
		{ TRUST_FAULT_CRITICAL, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "our chain has a critical extension that few know" },
		{ TRUST_FAULT_USAGE, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "our certificate's key usage has no digitalSignature" },
		{ TRUST_FAULT_NO_ALT_NAME, TRUST_CAUSE_NAME_MISMATCH,
		  "our certificate has no subjectAltName" },
		{ TRUST_FAULT_ORDER, TRUST_CAUSE_SERVER_MISCONFIGURED,
		  "our chain is out of order" },
	};
	uint32_t faults = trust_known_faults(e);

	if (v->cause == TRUST_CAUSE_NAME_MISMATCH && e->server_name[0] != '\0')
		buf_printf(b, "; it asked for %s, which our certificate does "
		    "%sbear", e->server_name,
		    (faults & 1u << TRUST_FAULT_NAME) != 0 ? "not " : "");
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (v->cause == known[i].cause &&
		    (faults & 1u << known[i].fault) != 0) {
			buf_printf(b, "; %s", known[i].words);
			return;
		}
}

static void
put_clock(struct buf *b, const struct trust_evidence *e)
{
	time_t t = (time_t)e->hello_time_s;
	struct tm tm;

	if (trust_clock_of(e) == TRUST_CLOCK_RIGHT)
		buf_puts(b, "; its clock is right");
	else if (trust_clock_of(e) == TRUST_CLOCK_UNSET &&
	    gmtime_r(&t, &tm) != NULL)
		buf_printf(b, "; its clock says %04d-%02d-%02d",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* What the device and its like did besides. */
static void
put_history(struct buf *b, const struct trust_verdict *v,
    const struct trust_history *h)
{
	if (h->attempts > 1)
		buf_printf(b, "; %u of %u attempts", h->refused_alike,
		    h->attempts);
	if (h->accepted_chain > 0)
		buf_printf(b, "; it accepted this chain %u times",
		    h->accepted_chain);
	if (v->accepts[0] != '\0')
		buf_printf(b, "; %s chain %s", v->kind_accepts ?
		    "most of its kind accept" : "same device accepts",
		    v->accepts);
	if (h->shared)
		buf_puts(b, "; several devices share its address");
}

void
trust_reason(struct buf *b, const struct trust_verdict *v,
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
		if (trust_no_common_version(e))
			put_versions(b, e);
		else if (trust_alert_of(e, TLS_CLIENT) != NULL)
			put_alert(b, e, TLS_CLIENT);
		else if (e->no_shared_cipher)
			buf_printf(b, "none of the %u cipher suites offered %s",
			    e->nciphers, e->ciphers_foreign ||
			    trust_ciphers_obsolete(e) ?
			    "is in a library of today" : "is allowed here");
		else if (trust_alert_of(e, TLS_SERVER) != NULL)
			put_alert(b, e, TLS_SERVER);
		else
			put_ending(b, e);
		break;
	}
	if (v->cause == TRUST_CAUSE_CERTIFICATE_EXPIRED ||
	    v->cause == TRUST_CAUSE_NOT_YET_VALID) {
		put_validity(b, e);
		put_clock(b, e);
	} else {
		put_fault(b, v, e);
	}
	if (v->cause == TRUST_CAUSE_UNTRUSTED_ROOT &&
	    e->listed == TRUST_LISTED_NO)
		buf_puts(b, "; it lists the roots it trusts: not this");
	if (v->fault == TRUST_FAULT_TOO_LONG)
		buf_printf(b, "; our chain has %u certificates",
		    e->chain_depth);
	if (h != NULL)
		put_history(b, v, h);
	/* Last: what does not fit any more is left out. */
	if (e->said_faults != 0 && e->said[0] != '\0')
		buf_printf(b, "; its log says '%s'", e->said);
}

