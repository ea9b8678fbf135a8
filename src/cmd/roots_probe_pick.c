/* SPDX-License-Identifier: BSD-2-Clause */
/* Which roots a device is asked for, and by which certificates. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "ca/anchor.h"
#include "cmd/roots_probe_int.h"

#define FILE_MAX_BYTES ((size_t)4 << 20)
#define CERTS_MAX      4096
#define NAME_BYTES     1024

struct picking {
	struct probe_picks *p;
	const struct probe_cmd *c;
};

static const struct { const char *name, *how; } buy[] = {
#define BUY(name, how) { name, how },
#include "cmd/roots_buy.def"
#undef BUY
};

void
probe_picks_fini(struct probe_picks *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		free(p->v[i].bytes[0]);
		free(p->v[i].bytes[1]);
	}
}

/* ---- one root ---- */

/* The same name and key: a device cannot tell them apart, nor need we. */
static bool
is_there(const struct probe_picks *p, const struct tls_probe_root *r)
{
	for (unsigned i = 0; i < p->n; i++)
		if (str_eq(p->v[i].root.subject, r->subject) &&
		    str_eq(p->v[i].root.key_id, r->key_id))
			return true;
	return false;
}

static int
add(struct probe_picks *p, const struct tls_probe_root *r, struct str label,
    const uint8_t sha256[32])
{
	struct probe_pick *v = &p->v[p->n];
	char *at;

	if (is_there(p, r))
		return 0;
	if (p->n == TRUST_PROBE_ROOTS_MAX) {
		p->left_out++;
		return 0;
	}
	*v = (struct probe_pick) { .root = *r };
	at = v->bytes[0] = malloc(r->subject.n + r->key_id.n + 1);
	if (at == NULL)
		return CMD_FAILED;
	memcpy(at, r->subject.p, r->subject.n);
	if (r->key_id.n > 0)
		memcpy(at + r->subject.n, r->key_id.p, r->key_id.n);
	v->root.subject.p = at;
	v->root.key_id.p = at + r->subject.n;
	IGNORE(!str_copy(v->label, sizeof(v->label), label)); /* a cut name */
	str_hex(v->sha256, sha256, 32);
	v->sha256[64] = '\0';
	p->n++;
	return 0;
}

/* ---- of the catalogue ---- */

/* "rsa4096", "ec384"; false: of another kind, which nobody spoofs. */
static bool
read_key(struct tls_probe_root *r, struct str key)
{
	uint32_t bits;

	r->ec = str_starts(key, STR("ec"));
	if (!str_u32(str_from(key, r->ec ? 2 : 3), &bits) ||
	    (!r->ec && !str_starts(key, STR("rsa"))))
		return false;
	r->bits = bits;
	return true;
}

static int
add_known(struct picking *k, const struct device_root *from)
{
	uint8_t name[NAME_BYTES];
	struct tls_probe_root r = { .bits = 0 };
	size_t n = base64_get(name, sizeof(name), BASE64_PLAIN,
	    from->subject_der);

	if (n == 0 || !read_key(&r, from->key) ||
	    from->not_after_s < k->c->of.now_s ||
	    from->not_before_s > k->c->of.now_s)
		return 0;
	r.subject = str_of((char *)name, n);
	r.key_id = str_of((const char *)from->ski, from->nski);
	return add(k->p, &r, from->label, from->sha256);
}

static int
add_to_buy(struct picking *k)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(buy) && err == 0; i++) {
		const struct device_root *r = device_roots_find(
		    k->c->of.known.roots, str_cstr(buy[i].name));

		if (r != NULL)
			err = add_known(k, r);
	}
	return err;
}

/* In how many families of stores it was seen. */
static int
families(const struct device_root *r)
{
	int n = 0;

	for (size_t i = 0; i < r->seen.n; i++)
		n += r->seen.p[i] == ':';
	return n;
}

#define FAMILIES_MAX 12

static int
add_all(struct picking *k)
{
	const struct device_roots *all = k->c->of.known.roots;
	int err = 0;

	for (int n = FAMILIES_MAX; n >= 0 && err == 0; n--) {
		for (size_t i = 0; i < device_roots_count(all) && err == 0;
		    i++) {
			const struct device_root *r = device_roots_at(all, i);

			if (families(r) == n || (n == FAMILIES_MAX &&
			    families(r) > n))
				err = add_known(k, r);
		}
	}
	return err;
}

static int
add_named(struct picking *k, const char *name)
{
	const struct device_root *r = device_roots_find(k->c->of.known.roots,
	    str_cstr(name));
	unsigned before = k->p->n;
	int err;

	if (r == NULL)
		return cmd_complain(CMD_FAILED, PROBE_VERB, "no root %s is "
		    "known: siptrust roots list shows their names", name);
	err = add_known(k, r);
	if (err == 0 && k->p->n == before && r->not_after_s <
	    k->c->of.now_s)
		return cmd_complain(CMD_FAILED, PROBE_VERB, "root %s expired "
		    "on %.*s: no device trusts it any more", name,
		    STR_FMT(r->end));
	return err;
}

/* ---- of files ---- */

static int
read_certs(struct picking *k, const char *path,
    int (*fn)(const struct tls_probe_cert *c, void *arg))
{
	struct buf text, why;
	int err;

	buf_init(&text, FILE_MAX_BYTES);
	buf_init(&why, ROOTS_WHY_MAX * 2);
	err = file_read(&text, path, FILE_PUBLIC, &why);
	if (err == 0)
		err = tls_probe_certs(buf_as_str(&text), path, CERTS_MAX, fn,
		    k, &why);
	if (err != 0)
		err = cmd_complain(CMD_FAILED, PROBE_VERB, "%.*s",
		    STR_FMT(buf_as_str(&why)));
	buf_fini(&text);
	buf_fini(&why);
	return err;
}

static int
on_candidate(const struct tls_probe_cert *cert, void *arg)
{
	struct picking *k = arg;

	if (!cert->self_signed || cert->root.bits == 0 ||
	    cert->not_after_s < k->c->of.now_s) {
		k->p->left_out++;
		return 0;
	}
	return add(k->p, &cert->root, cert->label, cert->sha256);
}

static struct probe_pick *
issuer_of(struct probe_picks *p, const struct tls_probe_cert *cert)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct tls_probe_root *r = &p->v[i].root;

		if (str_eq(r->subject, cert->issuer) &&
		    (r->key_id.n == 0 || cert->issuer_key_id.n == 0 ||
		    str_eq(r->key_id, cert->issuer_key_id)))
			return &p->v[i];
	}
	return NULL;
}

static int
give(struct probe_pick *v, struct str der, bool own)
{
	char *copy = malloc(der.n + 1);

	if (copy == NULL)
		return CMD_FAILED;
	memcpy(copy, der.p, der.n);
	free(v->bytes[1]);
	v->bytes[1] = copy;
	v->genuine = str_of(copy, der.n);
	v->own_genuine = own;
	return 0;
}

/*
 * An intermediate is as good as a whole chain (facts/alerts 3, K2), so each
 * certificate stands for itself: the first that a candidate issued is it.
 */
static int
on_genuine(const struct tls_probe_cert *cert, void *arg)
{
	struct picking *k = arg;
	struct probe_pick *v = cert->self_signed ? NULL :
	    issuer_of(k->p, cert);

	if (v == NULL || v->own_genuine || cert->not_after_s <
	    k->c->of.now_s)
		return 0;
	return give(v, cert->der, true);
}

/* Where there is none: the root itself, as a server's certificate (K1). */
static int
on_system(const struct tls_probe_cert *cert, void *arg)
{
	struct picking *k = arg;
	char sha256[65];

	str_hex(sha256, cert->sha256, 32);
	sha256[64] = '\0';
	for (unsigned i = 0; i < k->p->n; i++)
		if (k->p->v[i].genuine.n == 0 &&
		    strcmp(k->p->v[i].sha256, sha256) == 0)
			return give(&k->p->v[i], cert->der, false);
	return 0;
}

/* ---- all together ---- */

/* It has accepted a chain to this root: the positive control. */
static void
expect(struct picking *k)
{
	const struct status_device *d = k->c->dev;

	for (size_t b = 0; b < d->nbeliefs; b++) {
		if (d->belief[b].holding < TRUST_ACCEPTS)
			continue;
		for (unsigned i = 0; i < k->p->n; i++)
			if (str_ieq(str_cstr(k->p->v[i].label),
			    d->belief[b].root))
				k->p->v[i].expected = true;
	}
}

/* The root of our own CA, if the device has accepted what it issues. */
static int
add_own(struct picking *k)
{
	char path[NAME_BYTES + 16];
	unsigned before = k->p->n;
	int err;

	snprintf(path, sizeof(path), "%s/ca.pem", k->c->folder);
	if (access(path, R_OK) != 0)
		return 0;
	err = read_certs(k, path, on_candidate);
	if (err != 0 || k->p->n == before)
		return err;
	expect(k);
	if (!k->p->v[before].expected) {
		free(k->p->v[before].bytes[0]);
		k->p->n = before;
	}
	return 0;
}

static void
classify(struct probe_picks *p, int64_t now_s)
{
	uint32_t kind[TRUST_PROBE_METHODS][TRUST_PROBE_CLASSES] = { { 0 } };

	for (unsigned i = 0; i < p->n; i++) {
		struct probe_pick *v = &p->v[i];

		p->ngenuine += v->genuine.n > 0;
		for (int m = 0; m < TRUST_PROBE_METHODS; m++) {
			uint32_t of = tls_probe_kind(
			    (enum trust_probe_method)m, &v->root, v->genuine,
			    now_s);
			uint8_t at = 0;

			while (at < TRUST_PROBE_CLASSES && kind[m][at] != 0 &&
			    kind[m][at] != of)
				at++;
			v->class[m] = of == 0 || at == TRUST_PROBE_CLASSES ?
			    TRUST_PROBE_NO_CLASS : at;
			if (v->class[m] == at)
				kind[m][at] = of;
		}
	}
}

/* What the admin asks for, else what can be bought. */
static int
pick_roots(struct picking *k)
{
	const struct probe_cmd *c = k->c;
	int err = 0;

	for (unsigned i = 0; i < c->nroot && err == 0; i++)
		err = add_named(k, c->root[i]);
	if (err == 0 && c->candidates != NULL)
		err = read_certs(k, c->candidates, on_candidate);
	if (err == 0 && c->nroot == 0 && c->candidates == NULL)
		err = add_to_buy(k);
	if (err == 0 && c->all)
		err = add_all(k);
	return err == 0 ? add_own(k) : err;
}

static int
pick_genuine(struct picking *k)
{
	const char *system = getenv("SSL_CERT_FILE");
	int err = 0;

	if (system == NULL)
		system = ca_system_roots();
	if (k->c->genuine != NULL)
		err = read_certs(k, k->c->genuine, on_genuine);
	if (err == 0 && k->c->candidates != NULL)
		err = read_certs(k, k->c->candidates, on_system);
	if (err == 0 && system != NULL && access(system, R_OK) == 0)
		err = read_certs(k, system, on_system);
	return err;
}

int
probe_pick(struct probe_picks *out, const struct probe_cmd *c)
{
	struct picking k = { .p = out, .c = c };
	int err;

	out->n = out->left_out = out->ngenuine = 0;
	err = pick_roots(&k);
	if (err == 0)
		err = pick_genuine(&k);
	if (err == 0 && out->n == 0)
		err = cmd_complain(CMD_FAILED, PROBE_VERB, "no root to ask "
		    "for: expected self-signed certificates that have not "
		    "expired");
	expect(&k);
	classify(out, c->of.now_s);
	if (err != 0)
		probe_picks_fini(out);
	return err;
}
