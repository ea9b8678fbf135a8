/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr.h"
#include "base/conf_int.h"
#include "base/log.h"

#define HOST_MAX 253 /* characters of a domain name (RFC 1035 3.1) */

bool
conf_is_host(struct str s)
{
	struct addr ip;
	if (addr_parse_ip(&ip, s) == 0)
		return true;
	if (s.n == 0 || s.n > HOST_MAX)
		return false;
	while (s.n > 0) {
		struct str label = str_cut(&s, '.');
		if (label.n == 0 || label.n > 63)
			return false;
		for (size_t i = 0; i < label.n; i++) {
			char c = label.p[i];
			if (!(c >= 'a' && c <= 'z') &&
			    !(c >= 'A' && c <= 'Z') &&
			    !(c >= '0' && c <= '9') && c != '-' && c != '_')
				return false;
		}
	}
	return true;
}

static bool
is_host_or_empty(struct str s)
{
	return s.n == 0 || conf_is_host(s);
}

static bool
is_address(struct str s)
{
	struct addr a;
	return addr_parse(&a, s, 0) == 0;
}

static bool
is_log_level(struct str s)
{
	enum log_level level;
	return log_level_parse(s, &level);
}

static bool
is_tls_version(struct str s)
{
	return str_eq(s, STR("1.2")) || str_eq(s, STR("1.3"));
}

static bool
is_digest(struct str s)
{
	return str_eq(s, STR("MD5")) || str_eq(s, STR("SHA-256"));
}

static bool
is_servers(struct str s)
{
	while (s.n > 0) {
		if (!is_address(str_cut(&s, ',')))
			return false;
	}
	return true;
}

#define SELECTOR                                                               \
	"a subnet or address as in 10.0.7.0/24 (without bits behind the "      \
	"prefix), model:TEXT, ja4:FINGERPRINT, account:USER[@DOMAIN] or "      \
	"profile:NAME"

static const struct {
	enum conf_id id;
	bool (*right)(struct str value);
	const char *expected;
} forms[] = {
	{ CONF_ID_domain, is_host_or_empty, "a host name or an IP address" },
	{ CONF_ID_alias, conf_is_host, "a host name or an IP address" },
	{ CONF_ID_sip, is_address, "ADDRESS:PORT, as in \"0.0.0.0:5060\"" },
	{ CONF_ID_tls, is_address, "ADDRESS:PORT, as in \"0.0.0.0:5061\"" },
	{ CONF_ID_http, is_address, "ADDRESS:PORT, as in \"0.0.0.0:8080\"" },
	{ CONF_ID_syslog, is_address, "ADDRESS:PORT, as in \"0.0.0.0:514\"" },
	{ CONF_ID_dns_servers, is_servers,
	    "ADDRESS[:PORT],..., as in \"192.0.2.53\"" },
	{ CONF_ID_log_level, is_log_level, "err, warn, info or debug" },
	{ CONF_ID_tls_min, is_tls_version, "1.2 or 1.3" },
	{ CONF_ID_tls_max, is_tls_version, "1.2 or 1.3" },
	{ CONF_ID_challenge, is_digest, "SHA-256 or MD5" },
	{ CONF_ID_pin, conf_is_pin,
	    "SELECTOR=CHAIN, SELECTOR being " SELECTOR },
	{ CONF_ID_old_tls, conf_is_selector, SELECTOR },
};

static void
check_int(struct conf_loader *l, const struct conf_setting *s,
    const char *value, int line)
{
	char found[96];
	int v;
	if (conf_parse_int(value, &v) && v >= s->min && v <= s->max)
		return;
	conf_wrong(l, line, "%s: found %s, expected a number from %d to %d%s%s",
	    s->name, conf_quote(found, value), s->min, s->max,
	    s->unit[0] ? " " : "", s->unit);
}

static void
check_form(struct conf_loader *l, enum conf_id id, const char *value, int line)
{
	char found[96];
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (forms[i].id != id || forms[i].right(str_cstr(value)))
			continue;
		conf_wrong(l, line, "%s: found %s, expected %s",
		    conf_settings[id].name, conf_quote(found, value),
		    forms[i].expected);
	}
}

void
conf_check_value(struct conf_loader *l, enum conf_id id, const char *value,
    int line)
{
	const struct conf_setting *s = &conf_settings[id];
	char found[96];
	bool truth;
	if (id == CONF_ID_pin)
		conf_note_pin(l, line);
	switch (s->kind) {
	case CONF_KIND_INT:
		check_int(l, s, value, line);
		return;
	case CONF_KIND_BOOL:
		if (!conf_parse_bool(value, &truth))
			conf_wrong(l, line,
			    "%s: found %s, expected true or false", s->name,
			    conf_quote(found, value));
		return;
	case CONF_KIND_STR:
	case CONF_KIND_LIST:
		check_form(l, id, value, line);
		return;
	}
}

/* Of two settings that contradict each other the later is to blame. */
static int
later(const struct conf_loader *l, enum conf_id a, enum conf_id b)
{
	if (l->line[a] == CONF_AT_OVERRIDE || l->line[b] == CONF_AT_OVERRIDE)
		return CONF_AT_OVERRIDE;
	return l->line[a] > l->line[b] ? l->line[a] : l->line[b];
}

static void
check_order(struct conf_loader *l, enum conf_id low_id, int low,
    enum conf_id high_id, int high)
{
	if (low > high)
		conf_wrong(l, later(l, low_id, high_id),
		    "%s: found %d, expected at most %s, which is %d",
		    conf_settings[low_id].name, low,
		    conf_settings[high_id].name, high);
}

static void
check_repeats(struct conf_loader *l, enum conf_id id,
    const struct conf_list *list)
{
	char found[96];
	for (size_t i = 0; i < list->n; i++) {
		for (size_t j = i + 1; j < list->n; j++) {
			if (strcmp(list->v[i], list->v[j]) != 0)
				continue;
			conf_wrong(l, l->line[id],
			    "%s: found %s twice, expected it once",
			    conf_settings[id].name,
			    conf_quote(found, list->v[i]));
			return;
		}
	}
}

/* One of the lists of addresses, and the port where none is written. */
struct places {
	enum conf_id id;
	const struct conf_list *list;
	uint16_t port;
};

static void
check_shared(struct conf_loader *l, const struct places *a, const char *text,
    const struct places *b)
{
	struct addr mine, theirs;
	char found[96];
	for (size_t i = 0; i < b->list->n; i++) {
		if (addr_parse(&mine, str_cstr(text), a->port) != 0 ||
		    addr_parse(&theirs, str_cstr(b->list->v[i]), b->port) != 0)
			continue; /* it was reported where it was read */
		if (addr_port(&mine) != 0 && addr_equal(&mine, &theirs))
			conf_wrong(l, later(l, a->id, b->id),
			    "%s: found %s, which %s has too, expected another "
			    "address or port", conf_settings[a->id].name,
			    conf_quote(found, text),
			    conf_settings[b->id].name);
	}
}

/* All are TCP: what comes would be the one's or the other's, by chance. */
static void
check_places(struct conf_loader *l)
{
	const struct conf *c = l->conf;
	const struct places places[] = {
		{ CONF_ID_sip, &c->sip, 5060 },
		{ CONF_ID_tls, &c->tls, 5061 },
		{ CONF_ID_http, &c->http, 80 },
		{ CONF_ID_syslog, &c->syslog, 514 },
	};
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		for (size_t k = 0; k < places[i].list->n; k++)
			for (size_t j = 0; j < i; j++)
				check_shared(l, &places[i],
				    places[i].list->v[k], &places[j]);
}

/* Upstreams are reached from an address of their own transport. */
static void
check_ways(struct conf_loader *l)
{
	const struct conf *c = l->conf;
	bool sip = false, tls = false;

	for (size_t i = 0; i < c->nupstream; i++) {
		bool must = conf_upstream_must_use_tls(&c->upstream[i]);

		tls = tls || must;
		sip = sip || !must;
	}
	if (sip && c->sip.n == 0)
		conf_wrong(l, l->line[CONF_ID_sip],
		    "sip: found no address, expected at least one: upstreams "
		    "are reached from there");
	if (tls && c->tls.n == 0)
		conf_wrong(l, l->line[CONF_ID_tls],
		    "tls: found no address, expected at least one: upstreams "
		    "over TLS are reached from there");
}

void
conf_check_whole(struct conf_loader *l)
{
	const struct conf *c = l->conf;
	if (!conf_is_host(str_cstr(c->domain)))
		conf_wrong(l, l->line[CONF_ID_domain],
		    "domain: this host's name \"%.64s\" is no domain name; "
		    "set domain",
		    c->domain);
	if (strcmp(c->tls_min, c->tls_max) > 0)
		conf_wrong(l, later(l, CONF_ID_tls_min, CONF_ID_tls_max),
		    "tls_min: found %s, expected at most tls_max, which is %s",
		    c->tls_min, c->tls_max);
	check_order(l, CONF_ID_expires_min, c->expires_min, CONF_ID_expires_max,
	    c->expires_max);
	check_order(l, CONF_ID_head_max, c->head_max, CONF_ID_message_max,
	    c->message_max);
	if (c->sip.n == 0 && c->tls.n == 0)
		conf_wrong(l, later(l, CONF_ID_sip, CONF_ID_tls),
		    "sip and tls: found no address, expected at least one to "
		    "listen on");
	check_ways(l);
	if (c->nupstream > CONF_UPSTREAMS_MAX)
		conf_wrong(l, c->upstream[CONF_UPSTREAMS_MAX].line,
		    "upstream: found more than %d, expected at most so many",
		    CONF_UPSTREAMS_MAX);
	if (c->challenge.n == 0)
		conf_wrong(l, l->line[CONF_ID_challenge],
		    "challenge: found no algorithm, expected SHA-256 or MD5 or "
		    "both");
	check_repeats(l, CONF_ID_sip, &c->sip);
	check_repeats(l, CONF_ID_tls, &c->tls);
	check_repeats(l, CONF_ID_http, &c->http);
	check_repeats(l, CONF_ID_syslog, &c->syslog);
	check_repeats(l, CONF_ID_challenge, &c->challenge);
	check_places(l);
}
