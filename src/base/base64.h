/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H
/*
 * base/base64 - bytes as 64 letters, RFC 4648.
 *
 * The alphabet of section 4 is padded with "="; that of section 5, which fits
 * into a URI, is not.
 */
#include "base/buf.h"
#include "base/str.h"

enum base64_alphabet { BASE64_PLAIN, BASE64_URL };

void base64_put(struct buf *out, enum base64_alphabet a, const uint8_t *p,
    size_t n);

/*
 * How many bytes, at most max.  0: another letter, more than max, or bits left
 * over: each text stands for other bytes.
 */
size_t base64_get(uint8_t *out, size_t max, enum base64_alphabet a,
    struct str text);

#endif
