/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/auth - Digest challenges, credentials and their check.
 */
#include "sip/auth.h"
#include "sip/param.h"
#include "sip/sip_int.h"

static const struct str alg_names[DIGEST_ALGS] = {
	[DIGEST_MD5] = { "MD5", 3 },
	[DIGEST_SHA256] = { "SHA-256", 7 },
};

struct str
sip_digest_name(enum digest_alg alg)
{
	return alg_names[alg];
}

/* Everything a Digest credential may hold; the rest of its names is ignored. */
enum known {
	USERNAME,
	REALM,
	NONCE,
	URI,
	RESPONSE,
	CNONCE,
	OPAQUE,
	QOP,
	NC,
	ALGORITHM,
	STALE,
	KNOWN,
};

static const struct str known[KNOWN] = {
	[USERNAME] = { "username", 8 },
	[REALM] = { "realm", 5 },
	[NONCE] = { "nonce", 5 },
	[URI] = { "uri", 3 },
	[RESPONSE] = { "response", 8 },
	[CNONCE] = { "cnonce", 6 },
	[OPAQUE] = { "opaque", 6 },
	[QOP] = { "qop", 3 },
	[NC] = { "nc", 2 },
	[ALGORITHM] = { "algorithm", 9 },
	[STALE] = { "stale", 5 },
};

/* Take name "=" value and the comma after it off *list. */
static bool
auth_param_next(struct str *list, struct str *name, struct str *value)
{
	const char *end = str_end(*list), *p = list->p, *q;

	q = sip_run(p, end, C_TOKEN);
	*name = str_of(p, (size_t)(q - p));
	p = sip_run(q, end, C_LWS);
	if (name->n == 0 || p == end || *p != '=')
		return false;
	p = sip_run(p + 1, end, C_LWS);
	/* Bare, phones send all that is visible: a URI, base64. */
	q = p < end && *p == '"' ? sip_quoted_end(p, end)
				 : sip_run(p, end, C_VALUE);
	if (q == NULL || q == p)
		return false;
	*value = sip_unquote(str_of(p, (size_t)(q - p)));
	p = sip_run(q, end, C_LWS);
	if (p < end && *p != ',')
		return false;
	*list = str_of(p, (size_t)(end - p));
	return true;
}

static int
collect(struct str list, struct str value[KNOWN])
{
	for (;;) {
		const char *end = str_end(list), *p = list.p;
		struct str name, v;

		while (p < end && (*p == ',' || sip_is(*p, C_LWS)))
			p++;
		list = str_of(p, (size_t)(end - p));
		if (list.n == 0)
			return 0;
		if (!auth_param_next(&list, &name, &v))
			return E_PARSE;
		for (size_t i = 0; i < KNOWN; i++) {
			if (name.n != known[i].n || !str_ieq(name, known[i]))
				continue;
			if (value[i].p != NULL)
				return E_PARSE;
			value[i] = v;
			break;
		}
	}
}

/* RFC 7616 3.4: nc is eight hex digits, and goes with qop and cnonce. */
static int
nonce_count(struct sip_credentials *out, struct str nc)
{
	uint8_t b[4];

	out->nc = 0;
	out->nc_text = nc;
	if (out->qop.p == NULL)
		return 0;
	if (out->cnonce.p == NULL || !str_unhex(b, sizeof(b), nc))
		return E_PARSE;
	out->nc = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	    (uint32_t)b[2] << 8 | b[3];
	return 0;
}

/* "Digest" and its parameters. */
static int
digest_params(struct str s, struct str v[KNOWN])
{
	struct str scheme;
	const char *p;

	s = str_trim(s);
	if (s.n == 0)
		return E_PARSE;
	p = sip_run(s.p, str_end(s), C_TOKEN);
	scheme = str_of(s.p, (size_t)(p - s.p));
	if (!str_ieq(scheme, STR("Digest")) || p == str_end(s) ||
	    !sip_is(*p, C_LWS))
		return E_PARSE;
	return collect(str_from(s, scheme.n), v);
}

/* RFC 7616 3.4: none given means MD5.  False: one that we do not have. */
static bool
find_alg(struct str name, enum digest_alg *out)
{
	*out = DIGEST_MD5;
	if (name.p == NULL)
		return true;
	for (int a = 0; a < DIGEST_ALGS; a++) {
		if (str_ieq(name, alg_names[a])) {
			*out = (enum digest_alg)a;
			return true;
		}
	}
	return false;
}

int
sip_challenge_parse(struct sip_challenge *out, struct str s)
{
	struct str v[KNOWN] = { 0 };

	if (digest_params(s, v) != 0 || v[REALM].p == NULL ||
	    v[NONCE].p == NULL)
		return E_PARSE;
	*out = (struct sip_challenge) {
		.realm = v[REALM],
		.nonce = v[NONCE],
		.opaque = v[OPAQUE],
		.qop_auth = v[QOP].p != NULL,
		.stale = str_ieq(v[STALE], STR("true")),
	};
	out->alg_known = find_alg(v[ALGORITHM], &out->alg);
	return out->qop_auth && !sip_list_has(v[QOP], STR("auth")) ? E_PARSE :
	    0;
}

int
sip_credentials_parse(struct sip_credentials *out, struct str s)
{
	struct str v[KNOWN] = { 0 };

	if (digest_params(s, v) != 0)
		return E_PARSE;
	for (size_t i = USERNAME; i <= RESPONSE; i++) {
		if (v[i].p == NULL)
			return E_PARSE;
	}
	*out = (struct sip_credentials) {
		.username = v[USERNAME],
		.realm = v[REALM],
		.nonce = v[NONCE],
		.uri = v[URI],
		.response = v[RESPONSE],
		.cnonce = v[CNONCE],
		.opaque = v[OPAQUE],
		.qop = v[QOP],
	};
	out->alg_known = find_alg(v[ALGORITHM], &out->alg);
	return nonce_count(out, v[NC]);
}

/* What the response is a digest of: RFC 7616 3.4.1, RFC 2069 without qop. */
struct response_of {
	struct str ha1, nonce, nc, cnonce, qop, method, uri;
};

static void
response(enum digest_alg alg, const struct response_of *r,
    char hex[2 * DIGEST_MAX + 1])
{
	const struct str colon = STR(":");
	const struct str a2[] = { r->method, colon, r->uri };
	struct str part[11];
	char ha2[2 * DIGEST_MAX + 1];
	size_t n = 0;

	digest_hex(alg, a2, ARRAY_LEN(a2), ha2);
	part[n++] = r->ha1;
	part[n++] = colon;
	part[n++] = r->nonce;
	part[n++] = colon;
	if (r->qop.p != NULL) {
		part[n++] = r->nc;
		part[n++] = colon;
		part[n++] = r->cnonce;
		part[n++] = colon;
		part[n++] = r->qop;
		part[n++] = colon;
	}
	part[n++] = str_of(ha2, 2 * digest_len(alg));
	digest_hex(alg, part, n, hex);
}

bool
sip_credentials_check(const struct sip_credentials *c, const char *ha1,
    struct str method)
{
	uint8_t sent[DIGEST_MAX], want[DIGEST_MAX];
	char hex[2 * DIGEST_MAX + 1];
	size_t n = digest_len(c->alg);
	struct response_of r = {
		.ha1 = str_cstr(ha1),
		.nonce = c->nonce,
		.nc = c->nc_text,
		.cnonce = c->cnonce,
		.qop = c->qop,
		.method = method,
		.uri = c->uri,
	};

	if (!c->alg_known ||
	    (c->qop.p != NULL && !str_ieq(c->qop, STR("auth"))))
		return false;
	/* As bytes: upper-case hex digits are let pass. */
	if (!str_unhex(sent, n, c->response))
		return false;
	response(c->alg, &r, hex);
	return str_unhex(want, n, str_of(hex, 2 * n)) &&
	    digest_equal(sent, want, n);
}

void
sip_ha1(enum digest_alg alg, struct str user, struct str realm,
    struct str password, char out[2 * DIGEST_MAX + 1])
{
	const struct str a1[] = { user, STR(":"), realm, STR(":"), password };

	digest_hex(alg, a1, ARRAY_LEN(a1), out);
}

void
sip_challenge_put(struct buf *out, bool proxy, enum digest_alg alg,
    struct str realm, struct str nonce, bool stale)
{
	buf_puts(out, proxy ? "Proxy-Authenticate" : "WWW-Authenticate");
	buf_puts(out, ": Digest realm=\"");
	buf_str(out, realm);
	buf_puts(out, "\", nonce=\"");
	buf_str(out, nonce);
	buf_puts(out, "\", algorithm=");
	buf_str(out, alg_names[alg]);
	buf_puts(out, ", qop=\"auth\"");
	if (stale)
		buf_puts(out, ", stale=true");
	buf_put(out, "\r\n", 2);
}

static void
quoted(struct buf *out, const char *name, struct str value)
{
	buf_puts(out, name);
	buf_puts(out, "=\"");
	buf_str(out, value);
	buf_putc(out, '"');
}

void
sip_credentials_put(struct buf *out, enum digest_alg alg, struct str user,
    struct str realm, struct str password, struct str method, struct str uri,
    struct str nonce, uint32_t nc, struct str cnonce)
{
	char ha1[2 * DIGEST_MAX + 1], hex[2 * DIGEST_MAX + 1], count[9];
	bool qop = nc != 0 && cnonce.p != NULL;
	const uint8_t be[4] = { (uint8_t)(nc >> 24), (uint8_t)(nc >> 16),
		(uint8_t)(nc >> 8), (uint8_t)nc };
	struct response_of r = {
		.nonce = nonce,
		.method = method,
		.uri = uri,
	};

	str_hex(count, be, sizeof(be));
	sip_ha1(alg, user, realm, password, ha1);
	r.ha1 = str_cstr(ha1);
	if (qop) {
		r.nc = str_cstr(count);
		r.cnonce = cnonce;
		r.qop = STR("auth");
	}
	response(alg, &r, hex);
	digest_wipe(ha1, sizeof(ha1));
	quoted(out, "Digest username", user);
	quoted(out, ", realm", realm);
	quoted(out, ", nonce", nonce);
	quoted(out, ", uri", uri);
	quoted(out, ", response", str_cstr(hex));
	buf_puts(out, ", algorithm=");
	buf_str(out, alg_names[alg]);
	if (qop) {
		quoted(out, ", cnonce", cnonce);
		buf_puts(out, ", qop=auth, nc=");
		buf_puts(out, count);
	}
}
