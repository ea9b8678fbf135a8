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

#define X509_CAFILE_MAX       ((size_t)5 << 20) /* no phone takes more    */
#define X509_CAFILE_CERTS_MAX 512               /* a public bundle has 150 */

/* The forms that a phone takes; a mask. */
enum x509_form {
	X509_FORM_PEM = 1,
	X509_FORM_DER = 2,
};

struct x509_cafile_want {
	unsigned forms;     /* mask of enum x509_form                        */
	size_t bytes_max;   /* 0: X509_CAFILE_MAX                            */
	int certs_max;      /* those behind are left aside; 0: all           */
	int64_t now_s;      /* the phone's clock; 0: it does not look at dates */
};

/*
 * Append the file's CA certificates to into, or none of them and one sentence
 * in why.  0; E_LIMIT: too large; E_PARSE: empty, a web page, the other form,
 * damaged, a private key, nothing of the kind; E_MISMATCH: not a CA's, expired
 * or not valid yet; -ENOMEM.
 */
MUSTCHECK int x509_cafile_read(STACK_OF(X509) *into, struct str bytes,
    const struct x509_cafile_want *want, struct buf *why);

/*
 * From a bundle of roots in PEM form those whose common name (else whole
 * name) is one of names; without names all.  What cannot be read is passed
 * over.  Returns how many were appended to into.
 */
size_t x509_cafile_pick(STACK_OF(X509) *into, struct str bundle,
    const char *const *names, size_t nnames);

#endif
