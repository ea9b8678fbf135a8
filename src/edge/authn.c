/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/authn.h"

#include "base/hash.h"
#include "base/log.h"
#include "edge/tally.h"
#include "sip/auth.h"
#include "sip/reply.h"

/*
 * A retransmission is the same bytes from the same source (RFC 3261 17.1.2.2).
 * Less would not do: the response says nothing about Contact or Expires.
 */
static uint64_t
request_hash(const struct uas_request *r)
{
	uint64_t part[] = {
		hash_bytes(r->msg->all.p, r->msg->all.n),
		addr_hash_ip(&r->flow->peer),
		addr_port(&r->flow->peer),
	};

	return hash_bytes(part, sizeof(part));
}

static bool
listed(const struct conf_list *list, struct str name)
{
	for (size_t i = 0; i < list->n; i++) {
		if (str_ieq(str_cstr(list->v[i]), name))
			return true;
	}
	return false;
}

/* Old phones fail on two challenges; they are known by their User-Agent. */
static bool
md5_only(const struct uas_request *r)
{
	const struct sip_field *ua = sip_msg_field(r->msg,
	    SIP_HEADER_USER_AGENT);
	const struct conf_list *begins = &r->conf->challenge_md5_only;

	for (size_t i = 0; ua != NULL && i < begins->n; i++) {
		if (str_istarts(ua->value, str_cstr(begins->v[i])))
			return true;
	}
	return false;
}

static void
challenge_one(const struct uas_request *r, enum digest_alg alg, bool stale,
    bool proxy, struct buf *out)
{
	struct str realm = str_cstr(r->conf->domain);
	char nonce[NONCE_LEN];

	nonce_make(r->nonces, nonce, alg, &r->flow->peer, realm, r->now_s);
	sip_challenge_put(out, proxy, alg, realm, str_cstr(nonce), stale);
}

/* What is asked of whom. */
struct question {
	const struct uas_request *r;
	struct str user;   /* absent: any */
	bool proxy;        /* 407 */
	struct buf *out;
};

static enum authn_result
challenge(const struct question *q, bool stale)
{
	const struct uas_request *r = q->r;
	const struct conf_list *list = &r->conf->challenge;
	struct buf *out = q->out;

	uas_begin(r, q->proxy ? 407 : 401, NULL, out);
	if (md5_only(r)) {
		challenge_one(r, DIGEST_MD5, stale, q->proxy, out);
	} else {
		/* RFC 8760 2.3: the preferred first. */
		for (size_t i = 0; i < list->n; i++) {
			for (int a = 0; a < DIGEST_ALGS; a++) {
				if (str_ieq(sip_digest_name((enum digest_alg)a),
				    str_cstr(list->v[i])))
					challenge_one(r, (enum digest_alg)a,
					    stale, q->proxy, out);
			}
		}
	}
	sip_reply_end(out);
	return AUTHN_ANSWERED;
}

/* Never the response, the nonce or anything that was hashed. */
static void
say_failed(const struct uas_request *r, struct str user, const char *reason)
{
	char peer[ADDR_STRLEN], name[LOG_VAL_MAX];

	if (!tally(TALLY_AUTH_FAILED, &r->flow->peer))
		return;
	log_info("auth-failed", "user=%s peer=%s transport=%s reason=%s",
	    log_val(name, sizeof(name), user),
	    addr_print(&r->flow->peer, peer),
	    flow_transport_name(r->flow->transport), reason);
}

static bool
alg_is_offered(const struct uas_request *r, const struct sip_credentials *c)
{
	if (!c->alg_known || (c->qop.p == NULL && c->alg != DIGEST_MD5))
		return false;
	return listed(&r->conf->challenge, sip_digest_name(c->alg)) ||
	    (c->alg == DIGEST_MD5 && md5_only(r));
}

/*
 * The credentials for our realm, among those given: the first by an algorithm
 * that we ask for.
 */
static bool
find_credentials(const struct question *q, struct sip_credentials *c)
{
	const struct uas_request *r = q->r;
	const struct sip_field *f = sip_msg_field(r->msg, q->proxy ?
	    SIP_HEADER_PROXY_AUTHORIZATION : SIP_HEADER_AUTHORIZATION);
	struct str other = STR_NULL, unasked = STR_NULL;

	for (; f != NULL; f = sip_msg_next(r->msg, f)) {
		if (sip_credentials_parse(c, f->value) != 0)
			continue;
		if (!str_eq(c->realm, str_cstr(r->conf->domain)))
			other = c->username;
		else if (alg_is_offered(r, c))
			return true;
		else
			unasked = c->username;
	}
	if (unasked.p != NULL)
		say_failed(r, unasked, "algorithm_not_offered");
	else if (other.p != NULL)
		say_failed(r, other, "wrong_realm");
	return false;
}

/*
 * RFC 7616 3.4.6: the digest-uri must be the resource asked for.  Phones put
 * the domain, their proxy or the Request-URI there, so any of ours will do.
 */
static bool
uri_is_ours(const struct uas_request *r, struct str text)
{
	struct sip_uri uri;

	return str_eq(text, r->msg->request_uri) ||
	    (sip_uri_parse(&uri, text) == 0 &&
	    uri.scheme != SIP_SCHEME_OTHER && uas_is_ours(r, uri.host));
}

static enum authn_result
forbid(const struct question *q, struct str user)
{
	say_failed(q->r, user, "other_users_aor");
	uas_refuse(q->r, 403, q->proxy ? "From Is Not Your Address-Of-Record" :
	    "Not Your Address-Of-Record", q->out);
	return AUTHN_ANSWERED;
}

/* An unknown user takes the same work and gets the same answer. */
static bool
response_is_right(const struct uas_request *r, const struct sip_credentials *c,
    const char **reason)
{
	static const char nobody[] =
	    "0000000000000000000000000000000000000000000000000000000000000000";
	char ha1[2 * DIGEST_MAX + 1];
	bool known = users_ha1(r->users, c->username, c->realm, c->alg, ha1);
	bool right = sip_credentials_check(c, known ? ha1 : nobody,
	    r->msg->method_name);

	digest_wipe(ha1, sizeof(ha1));
	*reason = known ? "wrong_password" : "unknown_user";
	return known && right;
}

static enum authn_result
check(const struct question *q)
{
	const struct uas_request *r = q->r;
	struct sip_credentials c;
	enum nonce_verdict nonce;
	struct nonce_use use;
	const char *reason;

	if (!find_credentials(q, &c))
		return challenge(q, false);
	use = (struct nonce_use) {
		.nonce = c.nonce, .alg = c.alg, .client = &r->flow->peer,
		.nc = c.nc, .request = request_hash(r), .now_s = r->now_s,
	};
	nonce = nonce_judge(r->nonces, &use, c.realm, r->conf->nonce_lifetime);
	if (nonce == NONCE_FOREIGN || nonce == NONCE_STALE)
		return challenge(q, true);
	if (!uri_is_ours(r, c.uri)) {
		say_failed(r, c.username, "other_uri");
		uas_refuse(r, 400, "Digest URI Is Not This Resource", q->out);
		return AUTHN_ANSWERED;
	}
	if (!response_is_right(r, &c, &reason)) {
		say_failed(r, c.username, reason);
		return challenge(q, false);
	}
	if (q->user.p != NULL && !str_eq(c.username, q->user))
		return forbid(q, c.username);
	if (nonce == NONCE_RETRANSMIT)
		return AUTHN_RETRANSMIT;
	if (!nonce_used(r->nonces, &use))
		return challenge(q, true);
	return AUTHN_OK;
}

enum authn_result
authn_check(const struct uas_request *r, struct str user, struct buf *out)
{
	return check(&(struct question) { .r = r, .user = user, .out = out });
}

bool
authn_check_proxy(const struct uas_request *r, struct str user,
    struct buf *out)
{
	return check(&(struct question) { .r = r, .user = user, .proxy = true,
	    .out = out }) != AUTHN_ANSWERED;
}
