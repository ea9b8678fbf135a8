/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/via - one Via value (RFC 3261 20.42, 18.2; RFC 3581).
 */
#include "sip/param.h"
#include "sip/sip_int.h"
#include "sip/via.h"

/* A token, and LWS around it. */
static struct str
token(const char **p, const char *end)
{
	const char *q = sip_run(*p, end, C_LWS);
	struct str s;

	*p = sip_run(q, end, C_TOKEN);
	s = str_of(q, (size_t)(*p - q));
	return s;
}

/* sent-protocol LWS: name "/" version "/" transport. */
static int
protocol(struct sip_via *out, const char **p, const char *end)
{
	for (int part = 0; part < 3; part++) {
		struct str s = token(p, end);
		const char *q = sip_run(*p, end, C_LWS);

		if (s.n == 0 || q == end)
			return E_PARSE;
		if (part == 2) {
			out->transport = s;
			if (q == *p) /* no LWS before sent-by */
				return E_PARSE;
			*p = q;
		} else if (*q == '/') {
			*p = q + 1;
		} else {
			return E_PARSE;
		}
	}
	return 0;
}

static bool
is_named(const struct sip_param *param, struct str name)
{
	return param->name.n == name.n && str_ieq(param->name, name);
}

static void
known_param(struct sip_via *out, const struct sip_param *param)
{
	if (is_named(param, STR("branch")))
		out->branch = param->value;
	else if (is_named(param, STR("rport")))
		out->rport = true;
	else if (is_named(param, STR("received")))
		out->received = param->value;
}

int
sip_via_parse(struct sip_via *out, struct str s)
{
	const char *p, *end;
	struct sip_param param;
	struct str rest;

	*out = (struct sip_via) { .params = STR("") };
	s = str_trim(s);
	if (s.n == 0)
		return E_PARSE;
	p = s.p;
	end = str_end(s);
	out->all = s;
	out->params = str_of(end, 0);
	if (protocol(out, &p, end) != 0 ||
	    sip_host_port(&p, end, true, &out->host, &out->port) != 0)
		return E_PARSE;
	p = sip_run(p, end, C_LWS);
	rest = out->params = str_of(p, (size_t)(end - p));
	while (sip_param_next(&rest, &param))
		known_param(out, &param);
	return rest.n == 0 ? 0 : E_PARSE;
}

/* sent-by names the address the packet came from (RFC 3261 18.2.1). */
static bool
sent_by_is(const struct sip_via *via, const struct addr *source)
{
	struct addr a;

	return addr_parse_ip(&a, via->host) == 0 && addr_equal_ip(&a, source);
}

void
sip_via_put(struct buf *out, const struct sip_via *via,
    const struct addr *source)
{
	const char *from = via->all.p, *begin = via->params.p;
	struct str rest = via->params;
	struct sip_param param;
	char ip[ADDR_STRLEN];

	/* What does not change is copied in runs, not one by one. */
	for (; sip_param_next(&rest, &param); begin = rest.p) {
		bool rport = is_named(&param, STR("rport"));

		if (!rport && !is_named(&param, STR("received")))
			continue;
		buf_put(out, from, (size_t)(begin - from));
		from = rest.p;
		if (rport) {
			buf_puts(out, ";rport=");
			buf_u64(out, addr_port(source));
		}
	}
	buf_put(out, from, (size_t)(rest.p - from));
	/* RFC 3581 4: received goes with rport, always. */
	if (via->rport || !sent_by_is(via, source)) {
		buf_puts(out, ";received=");
		buf_puts(out, addr_print_ip(source, false, ip));
	}
}
