/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines that belong together, and the evidence that they are. */
#include "capture/pbxlog_int.h"
#include "tlswire/alert.h"

/* ---- OpenSSL's numbers ---- */

#define LIB_SSL    20     /* ERR_LIB_SSL                                */
#define REASON_MAX 0xfff
#define ALERT_BASE 1000   /* SSL_AD_REASON_OFFSET                       */
#define FLAGS_3    0x7c0000 /* a reason of OpenSSL 3 that is no library's
                               own: ERR_R_INTERNAL_ERROR and its like   */

static const struct pbxlog_reason reasons[] = {
#define SUITES(number, name, means)                                            \
	{ number, name, means, TRUST_CAUSE_NONE, TRUST_CAUSE_NONE,             \
	    TRUST_POSSIBLE, TLS_FIRST_NOTHING, -1, true },
#define SENT(number, name, alert, means)                                       \
	{ number, name, means, TRUST_CAUSE_NONE, TRUST_CAUSE_NONE,             \
	    TRUST_POSSIBLE, TLS_FIRST_NOTHING, TLS_ALERT_##alert, false },
#define FIRST(number, name, first, means)                                      \
	{ number, name, means, TRUST_CAUSE_NONE, TRUST_CAUSE_NONE,             \
	    TRUST_POSSIBLE, TLS_FIRST_##first, -1, false },
#define SAYS(number, name, cause, next, confidence, means)                     \
	{ number, name, means, TRUST_CAUSE_##cause, TRUST_CAUSE_##next,        \
	    TRUST_##confidence, TLS_FIRST_NOTHING, -1, false },
#include "capture/reasons.def"
#undef SUITES
#undef SENT
#undef FIRST
#undef SAYS
};

/* Of 14xxxxxx (OpenSSL 1.1 and older) and 0Axxxxxx (3); else 0. */
static unsigned
reason_number(uint32_t error)
{
	if (error >> 24 == LIB_SSL)
		return error & REASON_MAX;
	if (error >> 23 == LIB_SSL && (error & FLAGS_3) == 0)
		return error & REASON_MAX;
	return 0;
}

int
pbxlog_alert(uint32_t error)
{
	unsigned n = reason_number(error);

	return n >= ALERT_BASE && n <= ALERT_BASE + UINT8_MAX ?
	    (int)(n - ALERT_BASE) : -1;
}

const struct pbxlog_reason *
pbxlog_reason_of(unsigned number)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].number == number)
			return &reasons[i];
	return NULL;
}

const struct pbxlog_reason *
pbxlog_reason(uint32_t error)
{
	return pbxlog_reason_of(reason_number(error));
}

/* ---- grouping ---- */

/* Another's, if both say whose they are. */
static bool
is_of_other(const struct pbxlog_event *e, const struct pbxlog_line *l)
{
	return l->peer.n > 0 && e->peer[0] != '\0' &&
	    l->form->tells != TELLS_LOCAL &&
	    !str_eq(l->peer, str_cstr(e->peer));
}

bool
pbxlog_event_takes(const struct pbxlog_event *e, const struct pbxlog_line *l)
{
	if (is_of_other(e, l))
		return false;
	if (l->step == 0 || l->step > e->step)
		return true;
	/* A queue of errors after the line that announces it. */
	return l->step == e->step && e->first_step < e->step &&
	    l->form->tells == TELLS_ERROR;
}

void
pbxlog_event_begin(struct pbxlog_event *e, const struct pbxlog_line *l)
{
	memset(e, 0, sizeof(*e));
	e->product = l->form->product;
	e->alert = -1;
	e->first_line = l->number;
	e->first_step = l->step;
	str_copy(e->time, sizeof(e->time), l->time);
	str_copy(e->key, sizeof(e->key), l->key);
	trust_evidence_init(&e->evidence);
	pbxlog_event_add(e, l);
}

void
pbxlog_event_add(struct pbxlog_event *e, const struct pbxlog_line *l)
{
	e->lines++;
	e->last_line = l->number;
	if (l->step > e->step)
		e->step = l->step;
	e->outgoing |= l->outgoing;
	if (l->form->tells == TELLS_LOCAL) {
		if (addr_parse(&e->evidence.local, l->peer, 0) != 0)
			e->evidence.local = ADDR_NONE;
	} else if (l->peer.n > 0) {
		str_copy(e->peer, sizeof(e->peer), l->peer);
	}
	if (e->alert < 0 && l->alert >= 0) {
		e->alert = l->alert;
		e->ours = l->ours;
	}
	if (e->reason == NULL)
		e->reason = l->reason;
	if (l->error != 0 && l->told >= e->told &&
	    (e->error == 0 || l->told > e->told))
		e->error = l->error;
	if (l->told > e->told)
		e->told = l->told;
}

/* ---- evidence ---- */

static void
put_alert(struct trust_evidence *ev, enum tls_side side, int code)
{
	ev->alert[ev->nalert++] = (struct tls_tap_alert) {
		.side = side, .level = 2, .description = (uint8_t)code,
	};
}

/* These come only from whom the certificate was shown. */
static bool
is_about_certificate(int code)
{
	return (code >= TLS_ALERT_bad_certificate &&
	    code <= TLS_ALERT_unknown_ca &&
	    code != TLS_ALERT_illegal_parameter) ||
	    code == TLS_ALERT_decrypt_error;
}

static void
add_alert(struct pbxlog_event *e)
{
	struct trust_evidence *ev = &e->evidence;

	bool client = e->outgoing == e->ours; /* of the handshake */

	put_alert(ev, client ? TLS_CLIENT : TLS_SERVER, e->alert);
	ev->stage = client && is_about_certificate(e->alert) ?
	    TRUST_STAGE_CERTIFICATE : TRUST_STAGE_HELLO;
	if (e->ours)
		ev->end = TRUST_END_US;
}

static void
add_reason(struct pbxlog_event *e)
{
	struct trust_evidence *ev = &e->evidence;
	const struct pbxlog_reason *r = e->reason;

	ev->first = r->first;
	ev->no_shared_cipher = r->no_shared_cipher;
	ev->end = TRUST_END_US;
	if (r->our_alert < 0)
		return;
	put_alert(ev, e->outgoing ? TLS_CLIENT : TLS_SERVER, r->our_alert);
	ev->stage = TRUST_STAGE_HELLO;
	if (r->our_alert != TLS_ALERT_unknown_ca)
		return;
	/* Whoever refused a certificate had been shown one. */
	ev->stage = TRUST_STAGE_CERTIFICATE;
	ev->client_cert_asked = !e->outgoing;
}

void
pbxlog_event_finish(struct pbxlog_event *e)
{
	struct trust_evidence *ev = &e->evidence;

	if (addr_parse(&ev->peer, str_cstr(e->peer), 0) != 0)
		ev->peer = ADDR_NONE;
	ev->when_s = pbxlog_time(str_cstr(e->time));
	switch (e->told) {
	case PBXLOG_ALERT:
		add_alert(e);
		break;
	case PBXLOG_ERROR:
		add_reason(e);
		break;
	case PBXLOG_CLOSED:
		ev->end = TRUST_END_FIN;
		break;
	case PBXLOG_RESET:
		ev->end = TRUST_END_RST;
		break;
	case PBXLOG_TIMEOUT:
		ev->end = TRUST_END_TIMEOUT;
		break;
	case PBXLOG_UNTRUSTED:
	case PBXLOG_NAME:
		ev->stage = TRUST_STAGE_CERTIFICATE;
		break;
	default:
		break;
	}
}
