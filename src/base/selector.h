/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_SELECTOR_H
#define BASE_SELECTOR_H
/*
 * base/selector - which devices a setting is for.
 *
 *     10.0.7.0/24, 2001:db8::/32, 192.0.2.7   the device's address
 *     model:Cisco/SPA                          its User-Agent begins so
 *     ja4:t12d800700_ee0b5a6c69b8_cdbdbcd6f742 its ClientHello's JA4
 *     account:100, account:100@example.com     it has registered so
 *     profile:cisco-spa50x                     its profile has this name
 *
 * A selector is a value that borrows its text.  Pure.
 */
#include "base/addr.h"
#include "base/err.h"

enum selector_kind {
	SELECTOR_SUBNET,
	SELECTOR_MODEL,
	SELECTOR_JA4,
	SELECTOR_ACCOUNT,
	SELECTOR_PROFILE,
};

struct selector {
	enum selector_kind kind;
	struct addr net;      /* SELECTOR_SUBNET */
	uint8_t prefix;       /* bits of it      */
	struct str text;      /* the others      */
};

/* What is known of a device; what is not known is empty. */
struct selector_device {
	const struct addr *peer;
	struct str user_agent;
	struct str ja4;
	struct str account;   /* user@domain */
	struct str profile;   /* its name: device/profile is a higher floor */
};

/* 0, or E_PARSE: none of the forms above. */
MUSTCHECK int selector_parse(struct selector *out, struct str text);

bool selector_matches(const struct selector *s,
    const struct selector_device *d);

#endif
