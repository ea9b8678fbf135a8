/* SPDX-License-Identifier: BSD-2-Clause */
/* What a checker says of a SIP server and its chain: faults first. */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "diag/check_int.h"
#include "tlswire/alert.h"

#define DAY_S  86400
#define SOON_S ((int64_t)14 * DAY_S)
#define CHAIN_BYTES_MANY 4096 /* what fits three TCP segments, about */

static void note(struct check_report *r, bool fault, const char *fmt, ...)
    PRINTF(3, 4);

static void
note(struct check_report *r, bool fault, const char *fmt, ...)
{
	struct check_note *n = &r->note[r->nnotes];
	va_list ap;

	if (r->nnotes == CHECK_NOTES_MAX)
		return;
	n->fault = fault;
	va_start(ap, fmt);
	vsnprintf(n->text, sizeof(n->text), fmt, ap);
	va_end(ap);
	r->nnotes++;
}

static void
note_dates(struct check_report *r, int64_t now_s)
{
	char text[CLOCK_DAY_LEN];

	for (unsigned i = 0; i < r->chain.n; i++) {
		const struct x509_served_cert *c = &r->chain.cert[i];

		if (c->not_after_s < now_s)
			note(r, true, "\"%s\" expired on %s: renew it",
			    c->subject, clock_day(text, c->not_after_s));
		else if (c->not_before_s > now_s)
			note(r, true, "\"%s\" is not valid before %s",
			    c->subject, clock_day(text, c->not_before_s));
		else if (c->not_after_s < now_s + SOON_S)
			note(r, false, "\"%s\" expires on %s", c->subject,
			    clock_day(text, c->not_after_s));
	}
}

static void
note_chain(struct check_report *r)
{
	const struct x509_sent *f = &r->chain.facts;
	const struct anchor *end = NULL;

	for (unsigned i = 0; i < r->anchors.n; i++)
		if (r->anchors.v[i].end)
			end = &r->anchors.v[i];
	if (f->out_of_order)
		note(r, true, "the chain is out of order: expected the leaf "
		    "first, then each issuer");
	for (unsigned i = 0; !f->out_of_order && i + 1 < r->chain.n; i++)
		if (!r->chain.cert[i].certified)
			note(r, true, "\"%s\" is not signed by the key of the "
			    "\"%s\" that was sent", r->chain.cert[i].subject,
			    r->chain.cert[i + 1].subject);
	if (r->anchors.incomplete)
		note(r, true, "the chain is not complete: the issuer of its "
		    "last certificate, \"%s\", is an intermediate and was not "
		    "sent", end != NULL ? end->label : "unknown");
	if (f->self_signed)
		note(r, true, "the certificate is self-signed: only a phone "
		    "that was given this very certificate accepts it");
	else if (f->leaf_is_ca)
		note(r, true, "the first certificate is a CA's: some phones "
		    "refuse that");
	if (f->wrong_purpose)
		note(r, true, "the certificate is not for servers: its "
		    "extended key usage has no serverAuth");
	if (r->chain.n > 1 && r->chain.cert[r->chain.n - 1].self_signed)
		note(r, false, "the root itself is sent: no phone needs it");
	if (r->chain.bytes > CHAIN_BYTES_MANY)
		note(r, false, "the chain has %zu bytes: some old phones and "
		    "NATs stumble over so many", r->chain.bytes);
}

static void
note_strength(struct check_report *r)
{
	if (r->chain.facts.weak_signature)
		note(r, true, "a certificate is signed with MD5 or SHA-1: "
		    "phones of today refuse it");
	if (r->chain.facts.weak_key)
		note(r, true, "an RSA key is shorter than 2048 bits: phones "
		    "of today refuse it");
	if (!r->chain.signs)
		note(r, true, "its key usage has no digitalSignature: none "
		    "can use it at TLS 1.3, few below");
	if (r->chain.facts.rsa && !r->chain.enciphers)
		note(r, false, "its key usage has no keyEncipherment: old "
		    "phones that know static RSA suites alone cannot use it");
}

static void
note_names(struct check_report *r, const char *name)
{
	const struct x509_served *c = &r->chain;

	if (c->facts.wrong_name && !c->named)
		note(r, true, "it is not for %s but for %s: phones that check "
		    "the name refuse it", name, c->names);
	else if (c->by_wildcard)
		note(r, true, "it is for %s by a wildcard alone: phones that "
		    "keep to RFC 5922 refuse it", name);
	else if (!c->named)
		note(r, true, "by RFC 5922 it is not for %s: it names other "
		    "SIP domains, and then names of hosts do not count",
		    name);
	if (c->names_none)
		note(r, false, "it has no subjectAltName: clients of today "
		    "ignore the common name");
	if (c->no_common_name)
		note(r, false, "it has no common name: phones that compare "
		    "that alone refuse it");
	if (c->names_ip6)
		note(r, false, "it names an IPv6 address: one stack in use "
		    "aborts on that");
}

static void
note_server(struct check_report *r)
{
	const struct check_server *s = &r->server;

	if (s->answered && !s->is_sip)
		note(r, true, "what answers there is not SIP: \"%s\"",
		    s->answer);
	if (!s->answered)
		note(r, false, "OPTIONS was not answered: a server that "
		    "knows no such user may keep quiet, or it is not SIP");
	if (s->version[2] == DEVICE_NO)
		note(r, s->version[3] == DEVICE_YES, "it does not take TLS "
		    "1.2, the newest that most phones have");
	if (s->version[0] == DEVICE_YES || s->version[1] == DEVICE_YES)
		note(r, false, "it takes TLS 1.0 or 1.1 from everybody: good "
		    "for old phones, against RFC 8996");
	if (s->rsa == DEVICE_NO)
		note(r, false, "it has no RSA certificate: old phones take no "
		    "other");
	if (s->asks)
		note(r, false, "it asks for a client certificate: whether it "
		    "insists, shows when a phone registers");
	if (s->tickets == DEVICE_NO && s->session_ids == DEVICE_NO)
		note(r, false, "it resumes no session of TLS 1.2: every "
		    "reconnect is a whole handshake");
}

static void
faults_first(struct check_report *r)
{
	struct check_note sorted[CHECK_NOTES_MAX];
	unsigned n = 0;

	for (int fault = 1; fault >= 0; fault--)
		for (unsigned i = 0; i < r->nnotes; i++)
			if (r->note[i].fault == (fault == 1))
				sorted[n++] = r->note[i];
	memcpy(r->note, sorted, n * sizeof(sorted[0]));
}

void
check_notes(struct check_report *r, const struct check_settings *s)
{
	if (r->chain.chain != NULL) {
		note_dates(r, s->now_s);
		note_chain(r);
		note_strength(r);
		note_names(r, s->name);
	}
	note_server(r);
	faults_first(r);
}
