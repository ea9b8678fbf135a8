/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge over any evidence and history: a verdict always, in words that fit
 * the line; the same again; and certain only of what can be.  The first line
 * is the history in hexadecimal, the rest evidence in its text form; where
 * that stops making sense, what was read so far is judged.
 */
#include <stdint.h>
#include <stdlib.h>

#include "trust/verdict.h"

#define HEAD      6 /* bytes of the history, and of each past */
#define PAST      8
#define HEX_BYTES 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
make_past(struct trust_past *p, const struct trust_evidence *e,
    const uint8_t *b)
{
	p->key = (enum trust_key)(b[0] % 3);
	p->faults = (uint32_t)b[1] | (uint32_t)b[2] << 8;
	p->depth = b[3];
	p->accepted = b[4] & 1;
	p->between = (b[4] & 2) != 0;
	p->other_hello = (b[4] & 4) != 0;
	p->version = (b[4] & 8) != 0 ? e->version : 0;
	p->names = (b[4] & 16) != 0 ? e->chain_names : b[5];
	p->signed_with = b[6];
	p->bits = b[7] * 32u;
	p->accepted_s = (b[4] & 32) != 0 ? e->when_s : 0;
	p->not_before_s = e->chain_not_before_s;
	p->not_after_s = e->chain_not_after_s;
	memcpy(p->chain, "other", 6);
	if ((b[4] & 64) != 0)
		memcpy(p->root, e->root, sizeof(p->root));
	else
		memcpy(p->root, "Other", 6);
}

static void
make_history(struct trust_history *h, const struct trust_evidence *e,
    const uint8_t *b, size_t n)
{
	memset(h, 0, sizeof(*h));
	if (n < HEAD)
		return;
	h->attempts = b[0];
	h->refused_alike = b[1];
	h->accepted_chain = b[2];
	h->shared = (b[3] & 1) != 0;
	h->unchecking = (b[3] & 2) != 0;
	h->kind_accepting = b[4];
	h->kind_refusing = b[5];
	if ((b[3] & 4) != 0)
		memcpy(h->kind_accepts, "kind", 5);
	for (b += HEAD, n -= HEAD; n >= PAST && h->nother < TRUST_PAST_MAX;
	    b += PAST, n -= PAST)
		make_past(&h->other[h->nother++], e, b);
}

/* What one handshake alone can prove. */
static bool
can_be_certain(const struct trust_verdict *v, const struct trust_evidence *e)
{
	switch (v->cause) {
	case TRUST_CAUSE_NONE:
	case TRUST_CAUSE_PLAIN_SIP_ON_TLS_PORT:
	case TRUST_CAUSE_HTTP_ON_TLS_PORT:
	case TRUST_CAUSE_NOT_TLS:
	case TRUST_CAUSE_PROTOCOL_VERSION:
	case TRUST_CAUSE_NO_SHARED_CIPHER:
	case TRUST_CAUSE_CLIENT_CERTIFICATE_MISSING:
	case TRUST_CAUSE_CLIENT_CERTIFICATE_REFUSED:
	case TRUST_CAUSE_SNI_UNRECOGNISED:
		return true;
	case TRUST_CAUSE_SERVER_MISCONFIGURED:
		return (e->chain_faults & 1u << TRUST_FAULT_KEY_MISMATCH) != 0;
	case TRUST_CAUSE_UNTRUSTED_ROOT:
		return e->listed == TRUST_LISTED_NO;
	default:
		return false;
	}
}

static bool
proves(const struct trust_history *h)
{
	for (size_t i = 0; h != NULL && i < h->nother; i++)
		if (h->other[i].accepted > 0 && !h->other[i].other_hello)
			return !h->shared && !h->unchecking &&
			    h->accepted_chain == 0;
	return false;
}

static void
judge(const struct trust_evidence *e, const struct trust_history *h)
{
	static char line[TRUST_LINE_MAX], remedy[TRUST_LINE_MAX];
	struct trust_verdict v, again;
	struct buf b;

	trust_judge(&v, e, h);
	trust_judge(&again, e, h);
	must(memcmp(&v, &again, sizeof(v)) == 0);
	must(v.cause < TRUST_CAUSES && v.next_best < TRUST_CAUSES);
	must(v.fault >= -1 && v.fault < TRUST_FAULTS);
	must(memchr(v.reason, '\0', sizeof(v.reason)) != NULL);
	must(v.next_best == TRUST_CAUSE_NONE || v.next_best != v.cause);
	if (v.cause == TRUST_CAUSE_NONE)
		return;
	must(v.reason[0] != '\0');
	if (v.confidence == TRUST_CERTAIN) {
		must(v.next_best == TRUST_CAUSE_NONE);
		must(can_be_certain(&v, e) || proves(h));
	}
	buf_init_array(&b, remedy, sizeof(remedy));
	trust_remedy(&b, &v, e, NULL);
	must(!b.failed && b.n > 0);
	buf_init_array(&b, line, sizeof(line));
	trust_verdict_line(&b, &v, e, NULL, 1, 600);
	must(!b.failed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct trust_evidence e;
	static struct trust_history h;
	struct str text = str_of((const char *)data, n);
	struct str hex = str_cut(&text, '\n');
	uint8_t bytes[HEX_BYTES];
	size_t nbytes = hex.n / 2 < HEX_BYTES ? hex.n / 2 : HEX_BYTES;
	int line = 0;

	if (!str_unhex(bytes, nbytes, str_of(hex.p, 2 * nbytes)))
		nbytes = 0;
	/* On an error what was read before it stays. */
	if (trust_evidence_scan(&e, text, &line) != 0)
		must(line > 0);
	make_history(&h, &e, bytes, nbytes);
	judge(&e, NULL);
	judge(&e, &h);
	return 0;
}
