/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_CAFILE_H
#define X509_CAFILE_H
/*
 * x509/cafile - what a phone makes of the CA file that it was told to fetch.
 *
 * A phone says nothing, or "failed", when the file is not what it takes: here
 * every case has a sentence that names what came and what was expected.  Pure:
 * bytes and a time in, certificates out.
 */
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define X509_CAFILE_MAX       ((size_t)5 << 20) /* no phone takes more   */
#define X509_CAFILE_CERTS_MAX 512             /* a public bundle has 150 */

/* The forms that a phone takes; a mask. */
enum x509_form {
	X509_FORM_PEM = 1,
	X509_FORM_DER = 2,
};

struct x509_cafile_want {
	unsigned forms;     /* mask of enum x509_form                        */
	size_t bytes_max;   /* 0: X509_CAFILE_MAX                            */
	int certs_max;      /* those behind are left aside; 0: all           */
	int64_t now_s;      /* the phone's clock; 0: it minds no dates       */
};

/* A set of certificates; one thread. */
struct x509_set;

MUSTCHECK int x509_set_new(struct x509_set **out);
void x509_set_free(struct x509_set *s); /* NULL does nothing */
size_t x509_set_count(const struct x509_set *s); /* NULL: 0 */
/* Add all of from (may be NULL), by reference.  0 or -ENOMEM. */
MUSTCHECK int x509_set_join(struct x509_set *into,
    const struct x509_set *from);
/* Common name, SHA-256 fingerprint of the i-th. */
void x509_set_name(const struct x509_set *s, size_t i, char *out,
    size_t size);
void x509_set_fingerprint(const struct x509_set *s, size_t i, char out[96]);
/* For tls/: the stack itself, borrowed. */
STACK_OF(X509) *x509_set_stack(const struct x509_set *s);

/*
 * Append the file's CA certificates to into, or none of them and one sentence
 * in why.  0; E_LIMIT: too large; E_PARSE: empty, a web page, the other form,
 * damaged, a private key, nothing of the kind; E_MISMATCH: not a CA's, expired
 * or not valid yet; -ENOMEM.
 */
MUSTCHECK int x509_cafile_read(struct x509_set *into, struct str bytes,
    const struct x509_cafile_want *want, struct buf *why);

/*
 * From a bundle of roots in PEM form those whose common name (else whole
 * name) is one of names; without names all.  What cannot be read is passed
 * over.  Returns how many were appended to into.
 */
size_t x509_cafile_pick(struct x509_set *into, struct str bundle,
    const char *const *names, size_t nnames);

#endif
