/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_BIO_H
#define TLS_BIO_H
/*
 * tls/bio - OpenSSL's reads and writes, without a socket and without a copy:
 * reads come from a slice, writes are appended to a buffer, and both are there
 * for the time of one call only.
 */
#include <openssl/bio.h>

#include "base/buf.h"
#include "base/str.h"

struct tls_bio {
	struct str in;   /* what is still to be read                       */
	struct buf *out; /* NULL: a write fails                            */
	void (*sent)(struct tls_bio *b, struct str bytes); /* after each   */
};

/* A new BIO over b, which must outlive it; NULL on lack of memory. */
BIO *tls_bio_new(struct tls_bio *b);
struct tls_bio *tls_bio_of(BIO *bio);

#endif
