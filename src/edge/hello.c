/* SPDX-License-Identifier: BSD-2-Clause */
/* What the edge says when it runs: to who started it, and to the log. */
#include <stdio.h>

#include "base/log.h"
#include "edge/edge_int.h"
#include "edge/location.h"
#include "edge/syslogd.h"
#include "edge/users.h"

#define ADDRESSES_MAX 16 /* of the host, that are shown */

static size_t
users(const struct edge *e)
{
	return users_count(e->users, str_cstr(e->conf->domain));
}

static void
say_ready(const struct edge *e)
{
	char sip[1024], tls[1024], chains[EDGE_CHAINS_TEXT];
	struct buf s, t;
	const char *ca = edge_uses_own_chain(e->conf) ? e->ca.ca_cert : NULL;

	buf_init_array(&s, sip, sizeof(sip));
	buf_init_array(&t, tls, sizeof(tls));
	sockets_print(&s, &e->sockets, FLOW_UDP);
	sockets_print(&t, &e->sockets, FLOW_TLS);
	log_info("edge-ready", "sip=%.*s tls=%.*s domain=%s chain=%s ca=%s "
	    "fingerprint=%s users=%zu bindings=%zu workers=%u upstreams=%zu",
	    STR_FMT(buf_as_str(&s)), STR_FMT(buf_as_str(&t)), e->conf->domain,
	    edge_chain_names(e->tls, chains, sizeof(chains)),
	    ca != NULL ? ca : "-",
	    ca != NULL ? e->ca.fingerprint : "-", users(e),
	    location_count(e->location), e->nworkers, e->conf->nupstream);
}

static bool
listens_on_any(const struct edge *e, const struct addr *a)
{
	for (size_t i = 0; i < e->sockets.n; i++) {
		const struct addr *s = &e->sockets.v[i].addr;

		if (addr_is_any(s) &&
		    s->u.sa.sa_family == a->u.sa.sa_family)
			return true;
	}
	return false;
}

/* What to write into a phone: 0.0.0.0 is no address there. */
static void
say_addresses(const struct edge *e)
{
	struct addr all[ADDRESSES_MAX];
	size_t n = addr_local(all, ADDRESSES_MAX);
	const char *before = "  phones reach it at    ";
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < n; i++) {
		if (addr_is_loopback(&all[i]) || addr_is_linklocal(&all[i]) ||
		    !listens_on_any(e, &all[i]))
			continue;
		printf("%s%s", before, addr_print_ip(&all[i], false, text));
		before = ", ";
	}
	if (before[0] == ',')
		putchar('\n');
}

/* Whose accounts phones register with. */
static void
say_accounts(const struct edge *e)
{
	const struct conf *c = e->conf;

	for (size_t i = 0; i < c->nupstream; i++)
		printf("  in front of           %s, %s, register by %s\n",
		    c->upstream[i].name, c->upstream[i].uri,
		    c->upstream[i].contact ? "contact" : "path");
	if (c->nupstream > 0)
		return;
	printf("  users                 %zu%s\n", users(e),
	    users(e) == 0 ? ", add the first:" : "");
	if (users(e) == 0)
		printf("    %s user add 100 --data %s\n", e->params->program,
		    c->data);
}

void
edge_say_hello(const struct edge *e)
{
	char sip[1024], tls[1024];
	const struct trust_chain *chain;
	unsigned nchain;
	struct buf s, t;

	buf_init_array(&s, sip, sizeof(sip));
	buf_init_array(&t, tls, sizeof(tls));
	sockets_print(&s, &e->sockets, FLOW_UDP);
	sockets_print(&t, &e->sockets, FLOW_TLS);
	printf("siptrust edge " SIPTRUST_VERSION ", domain %s\n",
	    e->conf->domain);
	printf("  SIP over UDP and TCP  %.*s\n", STR_FMT(buf_as_str(&s)));
	printf("  SIP over TLS          %.*s\n", STR_FMT(buf_as_str(&t)));
	say_addresses(e);
	printf("  data                  %s\n", e->conf->data);
	if (edge_uses_own_chain(e->conf)) {
		printf("  CA for the phones     %s\n", e->ca.ca_cert);
		printf("  its SHA-256           %s\n", e->ca.fingerprint);
	}
	chain = tls_ctx_chains(e->tls, &nchain);
	for (unsigned i = 0; i < nchain && e->conf->nchain > 0; i++)
		printf("  chain                 %s, root \"%s\"\n",
		    chain[i].name, chain[i].root);
	if (e->params->guest != NULL) {
		buf_init_array(&s, sip, sizeof(sip));
		e->params->guest->say(e->params->guest->arg, &s);
		printf("%.*s", STR_FMT(buf_as_str(&s)));
	}
	buf_init_array(&s, sip, sizeof(sip));
	syslogd_print(e->syslogd, &s);
	if (s.n > 0)
		printf("  phones' syslog        %.*s\n",
		    STR_FMT(buf_as_str(&s)));
	say_accounts(e);
	printf("Ctrl-C ends it.\n");
	fflush(stdout);
	say_ready(e);
}
