/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_PROBE_H
#define TLS_PROBE_H
/*
 * tls/probe - what is presented to a device to ask it for one root (design 5,
 * trust/probe says what to ask and what the answer means).
 *
 * Nothing here can make a certificate that anybody would accept: under a
 * spoofed root's name stands a made-up signature, random bytes of the right
 * length, and no key that signs in a CA's name exists at any time; a genuine
 * chain is presented with a made-up private key, so its handshake fails.  Old
 * keys and certificates are the caller's DER bytes; a kit is immutable and may
 * be used by several threads.
 */
#include "base/err.h"
#include "base/str.h"
#include "tls/ctx.h"
#include "trust/probe.h"

/* The key and the names that all questions of a run have in common. */
struct tls_probe_kit;

/*
 * The questions bear the names and dates of chain i of ctx: what the device is
 * presented in between.  Makes an RSA key: never on a network thread.  0,
 * E_CRYPTO, -ENOMEM.
 */
MUSTCHECK int tls_probe_kit_new(struct tls_probe_kit **out,
    const struct tls_ctx *ctx, unsigned i);
void tls_probe_kit_free(struct tls_probe_kit *k); /* NULL does nothing */

/* What a spoof must know of a root; borrowed. */
struct tls_probe_root {
	struct str subject;  /* its Name, DER                                */
	struct str key_id;   /* SubjectKeyIdentifier; empty: it has none     */
	bool ec;             /* else RSA                                     */
	unsigned bits;       /* of its key                                   */
};

struct tls_probe_want {
	struct trust_probe_question question;
	uint64_t run;        /* the caller's: handed back with the answer    */
	/* With a control: of one of its class, which is imitated under a name
	 * that nobody has. */
	const struct tls_probe_root *root;
	/* GENUINE: DER certificates one after the other, the server's first. */
	struct str genuine;
};

/* One question, ready to be presented; by reference count. */
struct tls_probe;

/* Some 100 us.  0; E_CRYPTO: it cannot be made of these bytes; -ENOMEM. */
MUSTCHECK int tls_probe_new(struct tls_probe **out,
    const struct tls_probe_kit *k, const struct tls_probe_want *want);
struct tls_probe *tls_probe_ref(struct tls_probe *p);
void tls_probe_unref(struct tls_probe *p); /* NULL does nothing */

const struct trust_probe_question *tls_probe_question(
    const struct tls_probe *p);
uint64_t tls_probe_run(const struct tls_probe *p);

/* ---- what questions are of one class ---- */

/*
 * Numbers that are equal when questions look alike to a device that holds
 * neither root; 0: this method cannot ask by these.  Of this process alone.
 */
uint32_t tls_probe_kind(enum trust_probe_method m,
    const struct tls_probe_root *root, struct str genuine, int64_t now_s);

/* ---- where roots and genuine chains come from ---- */

/* One certificate of a file, valid during the call. */
struct tls_probe_cert {
	struct str der, label;    /* label: as evidence names a root         */
	uint8_t sha256[32];
	struct tls_probe_root root; /* what it would be as a root            */
	struct str issuer, issuer_key_id; /* Name, DER; or empty             */
	bool self_signed, ca;
	int64_t not_after_s;
};

/*
 * fn for each certificate of a PEM text, in order, at most max of them; non-0
 * ends it and is the result.  0, E_PARSE and so on with a sentence in why.
 */
MUSTCHECK int tls_probe_certs(struct str pem, const char *name, int max,
    int (*fn)(const struct tls_probe_cert *c, void *arg), void *arg,
    struct buf *why);

#endif
