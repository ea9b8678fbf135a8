/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H
/*
 * base/digest - message digests, HMAC, HKDF, random bytes, over libcrypto.
 *
 * Algorithms are fetched once into an OSSL_LIB_CTX of our own, so that MD5
 * (which RFC 2617 phones need) works under a FIPS default, and contexts are
 * kept per thread.  OpenSSL 3.0 allocates a hundred bytes for each digest all
 * the same: without them the process aborts, for a digest left out would let
 * somebody in.  The only libcrypto on floor 0.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum digest_alg { DIGEST_MD5, DIGEST_SHA256, DIGEST_ALGS };

#define DIGEST_MAX 32 /* bytes of the longest */

/* Fetch the algorithms.  Idempotent, thread-safe.  0 or E_CRYPTO. */
MUSTCHECK int digest_setup(void);

/* Output length in bytes. */
size_t digest_len(enum digest_alg alg);

/* Digest the concatenation of nparts slices into out. */
void digest(enum digest_alg alg, const struct str *parts, size_t nparts,
    uint8_t out[DIGEST_MAX]);

/* The same as lower-case hex with NUL; out takes 65 bytes. */
void digest_hex(enum digest_alg alg, const struct str *parts, size_t nparts,
    char out[2 * DIGEST_MAX + 1]);

/* HMAC-SHA-256 (RFC 2104) of the concatenation of nparts slices. */
void digest_hmac(struct str key, const struct str *parts, size_t nparts,
    uint8_t out[32]);

/* HKDF-SHA-256 (RFC 5869), no salt: n <= 255 * 32 bytes. */
void digest_hkdf(struct str secret, struct str info, void *out, size_t n);

/* Cryptographically strong random bytes; aborts when there are none. */
void digest_random(void *out, size_t n);

/* Constant-time comparison. */
bool digest_equal(const void *a, const void *b, size_t n);

/* Overwrite memory that held a secret. */
void digest_wipe(void *p, size_t n);

#endif
