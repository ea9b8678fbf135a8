/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/challenge.h"

#include "base/digest.h"

void
challenge_forget(struct challenge *c)
{
	digest_wipe(c->nonce, sizeof(c->nonce));
	*c = (struct challenge) { 0 };
}

static bool
learn(struct challenge *c, const struct sip_msg *m, bool md5_only,
    bool *stale)
{
	bool proxy = m->status == 407;
	enum sip_header id = proxy ? SIP_HEADER_PROXY_AUTHENTICATE :
	    SIP_HEADER_WWW_AUTHENTICATE;

	for (const struct sip_field *f = sip_msg_field(m, id); f != NULL;
	     f = sip_msg_next(m, f)) {
		struct sip_challenge its;

		if (sip_challenge_parse(&its, f->value) != 0 ||
		    !its.alg_known || (md5_only && its.alg != DIGEST_MD5) ||
		    !str_copy(c->realm, sizeof(c->realm), its.realm) ||
		    !str_copy(c->nonce, sizeof(c->nonce), its.nonce) ||
		    !str_copy(c->opaque, sizeof(c->opaque), its.opaque))
			continue;
		c->alg = its.alg;
		c->qop = its.qop_auth;
		c->proxy = proxy;
		c->nc = 0;
		*stale = its.stale;
		return true;
	}
	return false;
}

bool
challenge_take(struct challenge *c, const struct sip_msg *m, bool md5_only)
{
	bool stale = false;

	return learn(c, m, md5_only, &stale) &&
	    ++c->tries <= (stale ? STALES_MAX : CHALLENGES_MAX);
}

void
challenge_put(struct challenge *c, struct buf *out, struct str method,
    struct str uri, struct str user, struct str password)
{
	uint8_t raw[8];
	char cnonce[2 * sizeof(raw) + 1];

	if (c->nonce[0] == '\0')
		return;
	digest_random(raw, sizeof(raw));
	str_hex(cnonce, raw, sizeof(raw));
	buf_puts(out, c->proxy ? "Proxy-Authorization: " : "Authorization: ");
	c->nc = c->qop ? c->nc + 1 : 0;
	sip_credentials_put(out, c->alg, user, str_cstr(c->realm), password,
	    method, uri, str_cstr(c->nonce), c->nc,
	    c->qop ? str_cstr(cnonce) : STR_NULL);
	if (c->opaque[0] != '\0')
		buf_printf(out, ", opaque=\"%s\"", c->opaque);
	buf_puts(out, "\r\n");
}
