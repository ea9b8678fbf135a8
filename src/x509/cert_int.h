/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X509_CERT_INT_H
#define X509_CERT_INT_H
/* x509/cert_int - what the files of x509 share. */
#include "x509/cert.h"

/* Every certificate of a PEM text, in order, appended to list up to max. */
MUSTCHECK int x509_read_certs(STACK_OF(X509) *list, const char *name,
    struct str pem, int max, struct buf *why);

/* Order and dates of c, for the complaints in file; sets root, subject and
 * dates. */
MUSTCHECK int x509_chain_check(struct x509_chain *c, const char *file,
    int64_t now_s, struct buf *why);

#endif
