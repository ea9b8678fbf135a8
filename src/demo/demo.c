/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of the story.
 */
#include "demo/demo.h"

#include <signal.h>
#include <stdio.h>

#include "demo/stage_int.h"

static const struct stage_cast spa = { "SPA502G", "127.0.0.5", "100",
	"bought-root.pem" };
static const struct stage_cast yealink = { "SIP-T46S", "127.0.0.6", "101",
	"letsencrypt-root.pem" };
static const struct stage_cast softphone = { "linphone", "127.0.0.7", "102",
	"letsencrypt-root.pem" };

static void
words(struct stage *s, const char *text)
{
	stage_say(s, DEMO_WORDS, text);
}

/* The edge's line, as it is in the log. */
static void
show_edge(struct stage *s)
{
	stage_say(s, DEMO_EDGE, s->edge_line);
}

/* What the PBX of the story wrote, with this phone's address. */
static void
show_pbx(struct stage *s)
{
	struct str line = str_cstr(s->edge_line), key = STR(" peer=");
	const char *at = memmem(line.p, line.n, key.p, key.n);
	struct str rest = at != NULL ? str_cstr(at + key.n) : STR("?");
	struct str peer = str_cut(&rest, ' ');
	char text[256];

	snprintf(text, sizeof(text), "ERROR[14737] tcptls.c: Problem setting "
	    "up ssl connection with peer '%.*s': error:00000001:lib(0):func(0)"
	    ":reason(1), Internal SSL error", STR_FMT(peer));
	stage_say(s, DEMO_PBX, text);
	snprintf(text, sizeof(text), "WARNING[14737] tcptls.c: FILE * open "
	    "failed from peer '%.*s'!", STR_FMT(peer));
	stage_say(s, DEMO_PBX, text);
}

/* The phone registers, and the edge says so of this device and transport. */
static bool
registers(struct stage *s, const struct stage_cast *who, const char *transport)
{
	const char *facts[] = { "transport", transport, NULL };
	char aor[64], over[32];
	const char *line[] = { " registered ", aor, over, NULL };

	snprintf(aor, sizeof(aor), " aor=%s@" STAGE_DOMAIN, who->user);
	snprintf(over, sizeof(over), " transport=%s", transport);
	if (!stage_phone_does(s, "registered", facts) ||
	    !stage_edge_says(s, line))
		return false;
	show_edge(s);
	return true;
}

/* It registers over TLS, and the edge also says this of the handshake. */
static bool
registers_and(struct stage *s, const struct stage_cast *who,
    const char *const *line)
{
	size_t mark = s->edge.mark;

	if (!registers(s, who, "TLS") || !stage_edge_also(s, mark, line))
		return false;
	show_edge(s);
	return true;
}

static bool
refuses(struct stage *s, const char *root, const char *chain)
{
	const char *facts[] = { "by", "phone", "fault", "root", "root", root,
		NULL };
	const char *line[] = { " tls-refused ", "peer=127.0.0.5:", chain,
		"cause=untrusted_root", NULL };

	return stage_phone_does(s, "tls-refused", facts) &&
	    stage_edge_says(s, line);
}

static bool
step_refused(struct stage *s)
{
	words(s, "The PBX's certificate comes from a public CA: its root is "
	    "\"ISRG Root X1\". The phone's store of roots was frozen years "
	    "ago.");
	if (!stage_present(s, STAGE_PUBLIC) ||
	    !stage_phone(s, &spa, "tls", NULL) ||
	    !refuses(s, "ISRG Root X1 (demo)", "chain=letsencrypt"))
		return false;
	words(s, "All that the old PBX said about it:");
	show_pbx(s);
	words(s, "What siptrust says about the same handshake:");
	show_edge(s);
	return true;
}

static bool
step_udp(struct stage *s)
{
	words(s, "The same phone, the same account, transport set to UDP: so "
	    "it is neither the account nor the network.");
	return stage_phone(s, &spa, "udp", NULL) && registers(s, &spa, "UDP");
}

static bool
step_bought(struct stage *s)
{
	const char *served[] = { " tls-served ", "peer=127.0.0.5:",
		"chain=bought", "refused=letsencrypt", "cause=untrusted_root",
		NULL };

	words(s, "Way out 1: a certificate from a CA whose root the phone does "
	    "hold. It works, as long as that CA and that root last. And the "
	    "edge draws its conclusion about step 1:");
	return stage_present(s, STAGE_BOUGHT) &&
	    stage_phone(s, &spa, "tls", NULL) &&
	    registers_and(s, &spa, served);
}

static bool
step_own(struct stage *s)
{
	const char *facts[] = { "name", "siptrust CA " STAGE_DOMAIN, NULL };
	const char *fetched[] = { " ca-fetched ", "file=/ca.pem", NULL };
	const char *worked[] = { " ca-worked ", "chain=own", NULL };

	words(s, "Way out 2: the edge's own CA. First without telling the "
	    "phone: refused, of course.");
	if (!stage_present(s, STAGE_OWN) ||
	    !stage_phone(s, &spa, "tls", NULL) ||
	    !refuses(s, "siptrust CA " STAGE_DOMAIN, "chain=own"))
		return false;
	show_edge(s);
	words(s, "Now its URL goes into the phone's settings (Custom CA), over "
	    "plain HTTP, and the phone reboots.");
	if (!stage_phone(s, &spa, "tls", "/ca.pem") ||
	    !stage_phone_reports(s, "ca-fetched", facts) ||
	    !stage_edge_says(s, fetched))
		return false;
	show_edge(s);
	if (!registers_and(s, &spa, worked))
		return false;
	words(s, "Another reboot: it fetches the CA again and registers "
	    "again, by itself.");
	child_signal(&s->phone, SIGUSR1);
	return stage_phone_reports(s, "ca-fetched", facts) &&
	    registers(s, &spa, "TLS");
}

static bool
step_public_root(struct stage *s)
{
	const char *facts[] = { "name", "ISRG Root X1 (demo)", NULL };
	const char *worked[] = { " ca-worked ", "chain=letsencrypt", NULL };

	words(s, "Way out 3: the public root itself as the phone's custom CA. "
	    "The certificate of step 1, which it refused, is trusted now.");
	return stage_present(s, STAGE_PUBLIC) &&
	    stage_phone(s, &spa, "tls", "/roots/isrg-root-x1-demo.pem") &&
	    stage_phone_reports(s, "ca-fetched", facts) &&
	    registers_and(s, &spa, worked);
}

static bool
step_others(struct stage *s)
{
	words(s, "A Yealink and a softphone hold that root as delivered. "
	    "Same edge, same certificate, nothing installed:");
	return stage_phone(s, &yealink, "tls", NULL) &&
	    registers(s, &yealink, "TLS") &&
	    stage_phone(s, &softphone, "tls", NULL) &&
	    registers(s, &softphone, "TLS");
}

/* The phone is called, and it is the edge that brings the call. */
static bool
step_rings(struct stage *s)
{
	const char *by[] = { "peer", "102@" STAGE_DOMAIN, "direction", "in",
		NULL };
	const char *done[] = { "reason", "hung up", "by", "phone", NULL };
	const char *line[] = { " call ", "to=sip:100@" STAGE_DOMAIN,
		"status=200", NULL };

	words(s, "What all of it was for: the phone that was cut off, mended "
	    "and back on TLS, is called by a softphone on UDP.");
	if (!stage_present(s, STAGE_PUBLIC) ||
	    !stage_phone(s, &spa, "tls", "/roots/isrg-root-x1-demo.pem") ||
	    !registers(s, &spa, "TLS") ||
	    !stage_call(s, &softphone, "udp", "sip:100@" STAGE_DOMAIN) ||
	    !stage_caller_reports(s, "call-ringing", NULL) ||
	    !stage_phone_reports(s, "call-ringing", by) ||
	    !stage_phone_reports(s, "call-answered", by) ||
	    !stage_edge_says(s, line))
		return false;
	show_edge(s);
	return stage_caller_reports(s, "call-ended", done) &&
	    stage_phone_reports(s, "call-ended", by);
}

static const struct {
	const char *title, *claim;
	bool (*fn)(struct stage *s);
} steps[] = {
	{ "An SPA502G over TLS, a certificate like Let's Encrypt's",
	    "it refuses, and the edge says why: it does not hold the root",
	    step_refused },
	{ "The same phone over UDP", "it registers at once", step_udp },
	{ "Back to TLS, a certificate from a root that it holds",
	    "it registers over TLS", step_bought },
	{ "The edge's own CA, fetched over HTTP",
	    "fetched, trusted, registered over TLS, also after a reboot",
	    step_own },
	{ "The public root, served as the phone's custom CA",
	    "the certificate that it refused in step 1 is trusted now",
	    step_public_root },
	{ "A Yealink and a softphone", "both trusted it all along",
	    step_others },
	{ "And it rings", "the phone that could not register is called, "
	    "answers, and is hung up", step_rings },
};

static void
play(struct stage *s, struct demo_result *out)
{
	for (size_t i = 0; i < ARRAY_LEN(steps) && !stage_interrupted(); i++) {
		char text[768];
		bool held;

		s->step = (unsigned)i + 1;
		s->broken[0] = '\0';
		stage_say(s, DEMO_STEP, steps[i].title);
		held = steps[i].fn(s);
		stage_phone_off(s);
		out->steps++;
		out->held += held;
		if (held) {
			stage_say(s, DEMO_PROVED, steps[i].claim);
			continue;
		}
		snprintf(text, sizeof(text), "claimed: %s; but %s",
		    steps[i].claim, s->broken[0] != '\0' ? s->broken :
		    "it could not be played");
		stage_say(s, DEMO_BROKEN, text);
	}
}

int
demo_run(struct demo_result *out, const struct demo_params *p, struct buf *why)
{
	struct stage s = {
		.p = p,
		.why = why,
		.edge = { .fd = -1 },
		.phone = { .fd = -1 },
		.caller = { .fd = -1 },
	};
	int err = stage_set(&s);

	*out = (struct demo_result) { 0 };
	if (err == 0)
		play(&s, out);
	if (p->keep)
		str_copy(out->folder, sizeof(out->folder), str_cstr(s.folder));
	stage_strike(&s);
	if (stage_interrupted()) { /* what failed then failed by it */
		buf_reset(why);
		buf_puts(why, "interrupted");
		err = E_STATE;
	}
	return err;
}
