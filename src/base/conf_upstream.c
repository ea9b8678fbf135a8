/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PBXs that the edge stands in front of.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/conf_int.h"

#define URI_MAX 320 /* characters */

/* A URI taken apart; slices of it. */
struct parts {
	struct str host;
	int port;
	enum conf_transport transport;
	bool sips;
};

const char *const conf_upstream_option[CONF_UPSTREAM_OPTIONS] = {
	[CONF_UPSTREAM_OPTION_URI] = "uri",
	[CONF_UPSTREAM_OPTION_REGISTER] = "register",
	[CONF_UPSTREAM_OPTION_CA] = "ca",
	[CONF_UPSTREAM_OPTION_CERTIFICATE] = "certificate",
	[CONF_UPSTREAM_OPTION_KEY] = "key",
	[CONF_UPSTREAM_OPTION_SERVER_NAME] = "server_name",
	[CONF_UPSTREAM_OPTION_VERIFY] = "verify",
};

/* "HOST", "HOST:PORT", "[IPV6]:PORT" */
static bool
split_hostport(struct str s, struct parts *out)
{
	struct str port = STR_NULL;
	uint32_t n = 0;

	if (str_starts(s, STR("["))) {
		size_t end = str_find(s, ']');

		if (end == s.n)
			return false;
		out->host = str_of(s.p + 1, end - 1);
		port = str_from(s, end + 1);
		if (port.n > 0 && port.p[0] != ':')
			return false;
		port = port.n > 0 ? str_from(port, 1) : STR_NULL;
		if (str_find(out->host, ':') == out->host.n)
			return false;
	} else {
		out->host = str_cut(&s, ':');
		port = s;
	}
	if (port.p != NULL && (!str_u32(port, &n) || n == 0 || n > 65535))
		return false;
	out->port = (int)n;
	return conf_is_host(out->host);
}

static bool
parse_param(struct str param, struct parts *out)
{
	struct str name = str_cut(&param, '=');

	if (!str_ieq(name, STR("transport")) ||
	    out->transport != CONF_TRANSPORT_ANY)
		return false;
	if (str_ieq(param, STR("udp")) && !out->sips)
		out->transport = CONF_TRANSPORT_UDP;
	else if (str_ieq(param, STR("tcp")) && !out->sips)
		out->transport = CONF_TRANSPORT_TCP;
	else if (str_ieq(param, STR("tls")) || (out->sips &&
	    str_ieq(param, STR("tcp")))) /* RFC 3261 26.2.2: over that, TLS */
		out->transport = CONF_TRANSPORT_TLS;
	return out->transport != CONF_TRANSPORT_ANY;
}

static bool
parse_uri(struct str s, struct parts *out)
{
	*out = (struct parts) { .sips = str_istarts(s, STR("sips:")) };
	if (s.n > URI_MAX || (!out->sips && !str_istarts(s, STR("sip:"))))
		return false;
	s = str_from(s, out->sips ? 5 : 4);
	if (!split_hostport(str_cut(&s, ';'), out))
		return false;
	while (s.p != NULL)
		if (!parse_param(str_cut(&s, ';'), out))
			return false;
	return true;
}

bool
conf_upstream_may_use_tls(const struct conf_upstream *u)
{
	return u->sips || u->transport == CONF_TRANSPORT_TLS ||
	    u->transport == CONF_TRANSPORT_ANY;
}

bool
conf_upstream_must_use_tls(const struct conf_upstream *u)
{
	return u->sips || u->transport == CONF_TRANSPORT_TLS;
}

/* ---- its options ---- */

static bool
parse_register(const char *value, bool *contact)
{
	*contact = strcmp(value, "contact") == 0;
	return *contact || strcmp(value, "path") == 0;
}

static bool
parse_verify(const char *value, enum conf_verify *out)
{
	bool yes;

	if (strcmp(value, "wildcard") == 0)
		*out = CONF_VERIFY_WILDCARD;
	else if (conf_parse_bool(value, &yes))
		*out = yes ? CONF_VERIFY_YES : CONF_VERIFY_NO;
	else
		return false;
	return true;
}

/* NULL: it is right; else what was expected. */
static const char *
expected(enum conf_upstream_option o, const char *value)
{
	enum conf_verify verify;
	struct parts parts;
	bool contact;

	switch (o) {
	case CONF_UPSTREAM_OPTION_URI:
		return parse_uri(str_cstr(value), &parts) ? NULL :
		    CONF_UPSTREAM_URI;
	case CONF_UPSTREAM_OPTION_REGISTER:
		return parse_register(value, &contact) ? NULL :
		    "\"path\" or \"contact\"";
	case CONF_UPSTREAM_OPTION_SERVER_NAME:
		return conf_is_host(str_cstr(value)) ? NULL :
		    "a name or an address";
	case CONF_UPSTREAM_OPTION_VERIFY:
		return parse_verify(value, &verify) ? NULL :
		    "\"yes\", \"wildcard\" or \"no\"";
	default:
		return value[0] != '\0' ? NULL : "a file's name";
	}
}

void
conf_check_upstream_option(struct conf_loader *l, enum conf_upstream_option o,
    const char *value, int line)
{
	const char *want = expected(o, value);
	char found[96];

	if (want != NULL)
		conf_wrong(l, line, "%s: found %s, expected %s",
		    conf_upstream_option[o], conf_quote(found, value), want);
}

void
conf_upstream_fini(struct conf_upstream *u)
{
	free(u->name);
	free(u->uri);
	free(u->host);
	free(u->ca);
	free(u->certificate);
	free(u->key);
	free(u->server_name);
	*u = (struct conf_upstream) { 0 };
}

/* What one option says of another; false: it was said. */
static bool
check_together(struct conf_loader *l, const struct conf_upstream *u,
    const char *const value[CONF_UPSTREAM_OPTIONS])
{
	size_t errors = l->errors;

	for (int o = CONF_UPSTREAM_OPTION_CA; o < CONF_UPSTREAM_OPTIONS; o++)
		if (value[o] != NULL && !conf_upstream_may_use_tls(u))
			conf_wrong(l, u->line, "upstream %s: %s: found it with "
			    "uri = \"%.100s\", expected transport=tls there",
			    u->name, conf_upstream_option[o], u->uri);
	if (u->key != NULL && u->certificate == NULL)
		conf_wrong(l, u->line, "upstream %s: key: found it alone, "
		    "expected certificate = \"FILE\" beside it", u->name);
	if (u->ca != NULL && u->verify == CONF_VERIFY_NO)
		conf_wrong(l, u->line, "upstream %s: ca: found it with verify "
		    "= \"no\", expected one of them", u->name);
	return l->errors == errors;
}

/* A copy of what may be absent. */
static char *
dup_value(struct conf_loader *l, const char *value)
{
	char *copy = value != NULL ? strdup(value) : NULL;

	if (value != NULL && copy == NULL)
		l->no_memory = true;
	return copy;
}

void
conf_add_upstream(struct conf_loader *l, const char *name,
    const char *const value[CONF_UPSTREAM_OPTIONS], int line)
{
	const char *way = value[CONF_UPSTREAM_OPTION_REGISTER];
	const char *verify = value[CONF_UPSTREAM_OPTION_VERIFY];
	const char *uri = value[CONF_UPSTREAM_OPTION_URI];
	struct conf *conf = l->conf;
	struct conf_upstream u, *all = NULL;
	struct parts parts;

	if (!parse_uri(str_cstr(uri), &parts))
		return; /* it was reported where it was read */
	u = (struct conf_upstream) {
		.name = strdup(name), .uri = strdup(uri),
		.host = str_dup(parts.host), .port = parts.port,
		.transport = parts.transport, .sips = parts.sips,
		.ca = dup_value(l, value[CONF_UPSTREAM_OPTION_CA]),
		.certificate = dup_value(l,
		    value[CONF_UPSTREAM_OPTION_CERTIFICATE]),
		.key = dup_value(l, value[CONF_UPSTREAM_OPTION_KEY]),
		.server_name = dup_value(l,
		    value[CONF_UPSTREAM_OPTION_SERVER_NAME]),
		.line = line,
	};
	if (way != NULL)
		IGNORE(!parse_register(way, &u.contact)); /* was checked */
	if (verify != NULL)
		IGNORE(!parse_verify(verify, &u.verify)); /* was checked */
	if (u.name == NULL || u.uri == NULL || u.host == NULL)
		l->no_memory = true;
	if (!l->no_memory && check_together(l, &u, value)) {
		all = realloc(conf->upstream, (conf->nupstream + 1) *
		    sizeof(*all));
		l->no_memory = all == NULL;
	}
	if (all == NULL) {
		conf_upstream_fini(&u);
		return;
	}
	conf->upstream = all;
	all[conf->nupstream++] = u;
}

/* ---- of the command line ---- */

#define OVERRIDE                                                               \
	"URI[,path|,contact][,NAME=VALUE]..., URI being " CONF_UPSTREAM_URI    \
	", NAME ca, certificate, key, server_name or verify"

/* "contact", "ca=FILE": into value, which points into word. */
static bool
take_word(const char *value[CONF_UPSTREAM_OPTIONS], char *word)
{
	char *equals = strchr(word, '=');
	bool contact;

	if (equals == NULL && parse_register(word, &contact)) {
		value[CONF_UPSTREAM_OPTION_REGISTER] = word;
		return true;
	}
	for (int o = CONF_UPSTREAM_OPTION_REGISTER; equals != NULL &&
	    o < CONF_UPSTREAM_OPTIONS; o++) {
		if (!str_eq(str_of(word, (size_t)(equals - word)),
		    str_cstr(conf_upstream_option[o])))
			continue;
		value[o] = equals + 1;
		return expected((enum conf_upstream_option)o, value[o]) == NULL;
	}
	return false;
}

/* Cuts text at its commas; false: it is not of the form. */
static bool
take_words(const char *value[CONF_UPSTREAM_OPTIONS], char *text)
{
	char *word = text, *comma;

	value[CONF_UPSTREAM_OPTION_URI] = text;
	while ((comma = strchr(word, ',')) != NULL) {
		*comma = '\0';
		if (word != text && !take_word(value, word))
			return false;
		word = comma + 1;
	}
	if (word != text && !take_word(value, word))
		return false;
	return expected(CONF_UPSTREAM_OPTION_URI, text) == NULL;
}

void
conf_override_upstream(struct conf_loader *l, const char *value)
{
	const char *part[CONF_UPSTREAM_OPTIONS] = { NULL };
	struct conf *conf = l->conf;
	char *text = strdup(value);
	char found[96], name[24];

	if (text == NULL) {
		l->no_memory = true;
		return;
	}
	if (!take_words(part, text)) {
		conf_wrong(l, CONF_AT_OVERRIDE, "upstream: found %s, expected "
		    OVERRIDE, conf_quote(found, value));
		free(text);
		return;
	}
	while (!l->upstreams_over && conf->nupstream > 0)
		conf_upstream_fini(&conf->upstream[--conf->nupstream]);
	l->upstreams_over = true;
	snprintf(name, sizeof(name), conf->nupstream == 0 ? "pbx" : "pbx%zu",
	    conf->nupstream + 1);
	conf_add_upstream(l, name, part, CONF_AT_OVERRIDE);
	free(text);
}
