/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H
/*
 * http/date - dates in HTTP (RFC 9110 5.6.7): the form of today is written,
 * the two old ones are read as well.  Pure.
 */
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define HTTP_DATE_LEN 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL */

/* Returns out. */
const char *http_date_print(int64_t unix_s, char out[HTTP_DATE_LEN]);

/* 0, or E_PARSE. */
MUSTCHECK int http_date_parse(int64_t *out, struct str text);

#endif
