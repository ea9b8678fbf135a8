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
	if (str_ieq(param, STR("udp")))
		out->transport = CONF_TRANSPORT_UDP;
	else if (str_ieq(param, STR("tcp")))
		out->transport = CONF_TRANSPORT_TCP;
	return out->transport != CONF_TRANSPORT_ANY;
}

static bool
parse_uri(struct str s, struct parts *out)
{
	*out = (struct parts) { 0 };
	if (s.n > URI_MAX || !str_istarts(s, STR("sip:")))
		return false;
	s = str_from(s, 4);
	if (!split_hostport(str_cut(&s, ';'), out))
		return false;
	while (s.p != NULL)
		if (!parse_param(str_cut(&s, ';'), out))
			return false;
	return true;
}

bool
conf_is_upstream_uri(const char *value)
{
	struct parts parts;
	return parse_uri(str_cstr(value), &parts);
}

bool
conf_parse_register(const char *value, bool *contact)
{
	*contact = strcmp(value, "contact") == 0;
	return *contact || strcmp(value, "path") == 0;
}

void
conf_upstream_fini(struct conf_upstream *u)
{
	free(u->name);
	free(u->uri);
	free(u->host);
	*u = (struct conf_upstream) { 0 };
}

void
conf_add_upstream(struct conf_loader *l, const char *name, const char *uri,
    bool contact, int line)
{
	struct conf *conf = l->conf;
	struct conf_upstream u, *all;
	struct parts parts;

	if (!parse_uri(str_cstr(uri), &parts))
		return; /* it was reported where it was read */
	u = (struct conf_upstream) {
		.name = strdup(name), .uri = strdup(uri),
		.host = str_dup(parts.host), .port = parts.port,
		.transport = parts.transport, .contact = contact, .line = line,
	};
	all = realloc(conf->upstream, (conf->nupstream + 1) * sizeof(*all));
	if (all != NULL)
		conf->upstream = all;
	if (all == NULL || u.name == NULL || u.uri == NULL || u.host == NULL) {
		l->no_memory = true;
		conf_upstream_fini(&u);
		return;
	}
	all[conf->nupstream++] = u;
}

void
conf_override_upstream(struct conf_loader *l, const char *value)
{
	struct conf *conf = l->conf;
	struct str way = str_cstr(value);
	char *uri = str_dup(str_cut(&way, ','));
	char found[96], name[24], word[16] = "path";
	bool contact;

	if (uri == NULL) {
		l->no_memory = true;
		return;
	}
	if ((way.p != NULL && !str_copy(word, sizeof(word), way)) ||
	    !conf_parse_register(word, &contact) ||
	    !conf_is_upstream_uri(uri)) {
		conf_wrong(l, CONF_AT_OVERRIDE, "upstream: found %s, expected "
		    "URI[,path|,contact], URI being " CONF_UPSTREAM_URI,
		    conf_quote(found, value));
		free(uri);
		return;
	}
	while (!l->upstreams_over && conf->nupstream > 0)
		conf_upstream_fini(&conf->upstream[--conf->nupstream]);
	l->upstreams_over = true;
	snprintf(name, sizeof(name), conf->nupstream == 0 ? "pbx" : "pbx%zu",
	    conf->nupstream + 1);
	conf_add_upstream(l, name, uri, contact, CONF_AT_OVERRIDE);
	free(uri);
}
