/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_PATTERN_H
#define DEVICE_PATTERN_H
/*
 * device/pattern - what a User-Agent looks like.
 *
 *     *        any bytes, also none           [PG]   one of these bytes
 *     ?        any one byte                   [0-9]  one of this range
 *     ( )      the model stands here          \x     x itself
 *     < >      the firmware stands here
 *     { }      the MAC address stands here
 *
 *     Cisco/(SPA50[0-9]G)-<*> \({*}\)\(*\)
 *
 * The whole text must fit.  Case counts.  No allocation; the time is at most
 * the product of both lengths, and both are bounded.  Pure.
 */
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define DEVICE_AGENT_MAX 512 /* a longer User-Agent fits nothing */

/* What stood where; absent parts are STR_NULL.  Borrows the text. */
struct device_parts {
	struct str model, firmware, mac;
};

/*
 * 0, or E_PARSE when the pattern is not well formed or has no four bytes that
 * stand for themselves (it would fit too much); *what then says why, static.
 */
MUSTCHECK int device_pattern_check(struct str pattern, const char **what);

/*
 * How many bytes of the text the pattern itself names, or 0: it does not fit.
 * out (may be NULL) is written when it fits.  The pattern has been checked.
 */
unsigned device_pattern_fit(struct str pattern, struct str text,
    struct device_parts *out);

#endif
