/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An Authorization value: parsed, checked against a made-up HA1; and the same
 * bytes as a challenge.
 */
#include <stdint.h>
#include <stdlib.h>

#include "sip/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char ha1[] =
	    "939e7578ed9e3c518a452acee763bce9939e7578ed9e3c518a452acee763bce9";
	struct sip_credentials c;
	struct sip_challenge ch;

	if (sip_challenge_parse(&ch, str_of((const char *)data, n)) == 0 &&
	    (ch.realm.p == NULL || ch.nonce.p == NULL))
		abort();
	if (sip_credentials_parse(&c, str_of((const char *)data, n)) != 0)
		return 0;
	/* Nobody guesses a response. */
	if (c.alg_known && sip_credentials_check(&c, ha1, STR("REGISTER")))
		abort();
	return 0;
}
