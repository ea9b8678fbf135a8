/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/upstream_tls.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "ca/anchor.h"
#include "tlswire/alert.h"
#include "x509/path.h"

#define NAME_MAX_BYTES 256
#define SAID_BYTES     1024

struct upstream_tls {
	atomic_uint refs;
	struct tls_client *client;
	char name[NAME_MAX_BYTES];   /* SNI, and what the certificate is for */
};

/* ---- its files ---- */

static int
wrong(struct buf *why, const struct conf *conf, const struct conf_upstream *c,
    const char *option, const struct buf *said, int err)
{
	conf_place(conf, c->line, why);
	buf_printf(why, "upstream %s: %s: %.*s", c->name, option,
	    STR_FMT(buf_as_str(said)));
	return err;
}

/* The file ca, or the system's roots. */
static int
read_roots(struct x509_set *roots, const struct conf_upstream *c,
    struct buf *said)
{
	const struct x509_cafile_want want = {
		.forms = X509_FORM_PEM | X509_FORM_DER,
	};
	const char *file = c->ca;
	struct buf bytes;
	int err;

	if (file == NULL)
		file = secure_getenv("SSL_CERT_FILE");
	if (file == NULL || file[0] == '\0')
		file = ca_system_roots();
	buf_init(&bytes, X509_CAFILE_MAX);
	err = file == NULL ? E_ABSENT :
	    file_read(&bytes, file, FILE_PUBLIC, said);
	if (err == 0 && c->ca != NULL) {
		buf_printf(said, "%s: ", c->ca);
		err = x509_cafile_read(roots, buf_as_str(&bytes), &want, said);
	} else if (err == 0) {
		IGNORE(x509_cafile_pick(roots, buf_as_str(&bytes), NULL,
		    0) == 0); /* counted below */
	}
	buf_fini(&bytes);
	if (c->ca != NULL || x509_set_count(roots) > 0)
		return err;
	buf_reset(said);
	buf_puts(said, "none is given, and this system has no roots of its "
	    "own: give it, or install ca-certificates");
	/* One that may be reached without TLS need not be trusted. */
	return conf_upstream_must_use_tls(c) ? E_CONFIG : 0;
}

static int
show_chain(struct upstream_tls *t, const struct conf_upstream *c,
    struct buf *said)
{
	struct x509_chain *chain = NULL;
	int err = x509_chain_load(&chain, c->certificate, c->key,
	    clock_wall_s(), said);

	if (err == 0)
		err = tls_client_set_chain(t->client, chain);
	if (err == E_CRYPTO && said->n == 0)
		buf_printf(said, "%s: OpenSSL refuses key or signature as too "
		    "weak", c->certificate);
	x509_chain_free(chain);
	return err;
}

static void
set_look(struct tls_look *l, const struct conf_upstream *c)
{
	tls_look_init(l);
	l->strict = true;
	l->min_version = TLS_VERSION_1_2;
	l->names = c->verify == CONF_VERIFY_WILDCARD ? TLS_NAMES_SIP_WILD :
	    TLS_NAMES_SIP;
	l->checks_chain = l->checks_name = c->verify != CONF_VERIFY_NO;
}

static int
fill(struct upstream_tls *t, const struct conf *conf,
    const struct conf_upstream *c, struct buf *why)
{
	struct x509_set *roots = NULL;
	char text[SAID_BYTES];
	struct tls_look look;
	struct buf said;
	int err = x509_set_new(&roots);

	buf_init_array(&said, text, sizeof(text));
	set_look(&look, c);
	if (err == 0 && c->verify != CONF_VERIFY_NO) {
		err = read_roots(roots, c, &said);
		if (err != 0)
			err = wrong(why, conf, c, "ca", &said, err);
	}
	if (err == 0)
		err = tls_client_new(&t->client, &look, roots, why);
	buf_reset(&said);
	if (err == 0 && c->certificate != NULL) {
		err = show_chain(t, c, &said);
		if (err != 0)
			err = wrong(why, conf, c, "certificate", &said, err);
	}
	x509_set_free(roots);
	return err;
}

int
upstream_tls_new(struct upstream_tls **out, const struct conf *conf,
    const struct conf_upstream *c, struct buf *why)
{
	struct upstream_tls *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	atomic_init(&t->refs, 1);
	str_copy(t->name, sizeof(t->name), str_cstr(c->server_name != NULL ?
	    c->server_name : c->host));
	err = fill(t, conf, c, why);
	if (err != 0) {
		upstream_tls_unref(t);
		return err;
	}
	*out = t;
	return 0;
}

struct upstream_tls *
upstream_tls_ref(struct upstream_tls *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void
upstream_tls_unref(struct upstream_tls *t)
{
	if (t == NULL || atomic_fetch_sub(&t->refs, 1) > 1)
		return;
	tls_client_free(t->client);
	free(t);
}

int
upstream_tls_connect(struct tls_connector **out, struct upstream_tls *t)
{
	return tls_connector_new(out, t->client, t->name, clock_wall_s());
}

/* ---- why not ---- */

void
upstream_fault_plain(struct upstream_fault *out, const char *reason)
{
	*out = (struct upstream_fault) { .cause = TRUST_CAUSE_NONE };
	str_copy(out->reason, sizeof(out->reason), str_cstr(reason));
}

void
upstream_fault_connect(struct upstream_fault *out, int error)
{
	upstream_fault_plain(out, error == 0 ? "no connection" :
	    error == ECONNREFUSED ? "connection refused" : err_str(-error));
}

/* Only the leaf, and it says where its issuer's can be had. */
static bool
sends_too_few(const struct tls_connector *k)
{
	STACK_OF(X509) *chain = tls_connector_chain(k);
	char url[256];

	return chain != NULL && sk_X509_num(chain) == 1 &&
	    x509_path_issuer_url(sk_X509_value(chain, 0), url,
	    sizeof(url))[0] != '\0';
}

static void
we_refused(struct upstream_fault *f, const struct tls_connector *k,
    const struct tls_outcome *o)
{
	bool verb = o->fault == TRUST_FAULT_ROOT ||
	    o->fault == TRUST_FAULT_NAME;
	struct buf reason;

	f->cause = trust_cause_of(o->fault, 0);
	f->confidence = TRUST_CERTAIN;
	buf_init_array(&reason, f->reason, sizeof(f->reason) - 1);
	if (o->fault == TRUST_FAULT_ROOT && sends_too_few(k)) {
		f->cause = TRUST_CAUSE_MISSING_INTERMEDIATE;
		f->confidence = TRUST_LIKELY;
		buf_printf(&reason, "the PBX sends \"%s\" alone, not the "
		    "certificate of \"%s\" that issued it", o->subject,
		    o->root);
	} else {
		buf_printf(&reason, "refused by the edge: %s%s",
		    verb ? "it " : "", o->words);
	}
	f->reason[reason.n] = '\0';
}

static void
set_cause(struct upstream_fault *f, enum trust_cause cause,
    enum trust_confidence confidence)
{
	f->cause = cause;
	f->confidence = confidence;
}

/* An alert of the PBX's is about what we are, not about its certificate. */
static void
it_refused(struct upstream_fault *f, const struct tls_outcome *o)
{
	struct buf reason;

	buf_init_array(&reason, f->reason, sizeof(f->reason) - 1);
	buf_printf(&reason, "refused by the PBX: alert %s(%u)%s",
	    tls_alert_name((uint8_t)o->says), o->says, o->asked ? "; it asks "
	    "for a client certificate" : "");
	f->reason[reason.n] = '\0';
	switch (o->says) {
	case TLS_ALERT_protocol_version:
		set_cause(f, TRUST_CAUSE_PROTOCOL_VERSION, TRUST_CERTAIN);
		return;
	case TLS_ALERT_certificate_required:
		set_cause(f, TRUST_CAUSE_CLIENT_CERTIFICATE_MISSING,
		    TRUST_CERTAIN);
		return;
	case TLS_ALERT_unrecognized_name:
		set_cause(f, TRUST_CAUSE_SNI_UNRECOGNISED, TRUST_CERTAIN);
		return;
	case TLS_ALERT_insufficient_security:
		set_cause(f, TRUST_CAUSE_NO_SHARED_CIPHER, TRUST_CERTAIN);
		return;
	default:
		break;
	}
	if (o->asked)
		set_cause(f, TRUST_CAUSE_CLIENT_CERTIFICATE_MISSING,
		    TRUST_LIKELY);
	else if (o->shown && o->says != TLS_ALERT_handshake_failure)
		set_cause(f, TRUST_CAUSE_CLIENT_CERTIFICATE_REFUSED,
		    TRUST_LIKELY);
	else if (o->says == TLS_ALERT_handshake_failure)
		set_cause(f, TRUST_CAUSE_NO_SHARED_CIPHER, TRUST_POSSIBLE);
	else
		set_cause(f, TRUST_CAUSE_UNKNOWN, TRUST_POSSIBLE);
}

static void
it_broke_off(struct upstream_fault *f, const struct tls_outcome *o,
    enum trust_end end)
{
	upstream_fault_plain(f, end == TRUST_END_TIMEOUT ?
	    "no end of the TLS handshake" : end == TRUST_END_RST ?
	    "the PBX reset the connection in the TLS handshake" :
	    "the PBX hung up in the TLS handshake without a word");
	set_cause(f, o->asked ? TRUST_CAUSE_CLIENT_CERTIFICATE_MISSING :
	    end == TRUST_END_TIMEOUT ? TRUST_CAUSE_TIMEOUT :
	    end == TRUST_END_RST ? TRUST_CAUSE_PEER_RESET :
	    TRUST_CAUSE_CLOSED_SILENTLY, TRUST_POSSIBLE);
}

bool
upstream_tls_fault(struct upstream_fault *out, const struct tls_connector *k,
    enum trust_end end)
{
	struct tls_outcome o;

	tls_connector_outcome(k, &o);
	*out = (struct upstream_fault) { .cause = TRUST_CAUSE_UNKNOWN };
	switch (o.refuser) {
	case TLS_REFUSER_DEVICE:
		we_refused(out, k, &o);
		return true;
	case TLS_REFUSER_SERVER:
		it_refused(out, &o);
		return true;
	case TLS_REFUSER_NEITHER:
		str_copy(out->reason, sizeof(out->reason), str_cstr(o.words));
		if (o.not_tls)
			set_cause(out, TRUST_CAUSE_NOT_TLS, TRUST_CERTAIN);
		return true;
	case TLS_REFUSER_NONE:
		break;
	}
	if (tls_connector_state(k) != TLS_CONN_HANDSHAKE)
		return false;
	it_broke_off(out, &o, end);
	return true;
}

const char *
upstream_remedy(enum trust_cause cause)
{
	static const char *const remedy[TRUST_CAUSES] = {
#define UPSTREAM_REMEDY(id, text) [TRUST_CAUSE_##id] = text,
#include "edge/upstream.def"
#undef UPSTREAM_REMEDY
	};

	return remedy[cause] != NULL ? remedy[cause] : "";
}
