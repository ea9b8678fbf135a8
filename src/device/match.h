/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEVICE_MATCH_H
#define DEVICE_MATCH_H
/*
 * device/match - which profile is this device's.  Pure; no allocation.
 */
#include "device/catalogue.h"
#include "device/pattern.h"

/* What is known of a device; what is not is STR_NULL. */
struct device_clues {
	struct str user_agent;      /* of a SIP message  */
	struct str http_user_agent; /* of an HTTP request */
	struct str ja3, ja4;        /* of a ClientHello  */
};

/*
 * Scores.  A fingerprint names a TLS library rather than a phone, so a User-
 * Agent that says something else overrules it.
 */
#define DEVICE_SCORE_AGENT 90 /* one of the two User-Agents          */
#define DEVICE_SCORE_PRINT 40 /* JA3 or JA4 alone                    */
#define DEVICE_SCORE_BOTH  100 /* a User-Agent and a fingerprint     */

struct device_match {
	const struct device_profile *profile; /* NULL: none fits; borrowed  */
	unsigned score;                       /* 0 to 100                   */
	enum device_key by;                   /* the key that said most     */
	struct device_parts parts;            /* borrow the clues           */
	char mac[13];                         /* 12 digits, lower case, or "" */
};

/*
 * The profile with the highest score; of equal ones that whose pattern names
 * more bytes of the User-Agent, then the first by name.  Always writes out.
 */
void device_match(const struct device_catalogue *c,
    const struct device_clues *clues, struct device_match *out);

#endif
