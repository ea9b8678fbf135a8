/* SPDX-License-Identifier: BSD-2-Clause */
#include "tlswire/suite.h"

#include <stddef.h>

#include "base/compiler.h"

/*
 * Ranges of the registry, in order.  ECDH_* (fixed keys) are left out: no
 * certificate of that kind has been seen in years.
 */
static const struct {
	uint16_t first, last;
	enum tls_auth auth;
} range[] = {
	{ 0x0001, 0x000a, TLS_AUTH_RSA },   /* RSA_WITH_...                  */
	{ 0x0014, 0x0016, TLS_AUTH_RSA },   /* DHE_RSA_WITH_DES, 3DES        */
	{ 0x002f, 0x002f, TLS_AUTH_RSA },   /* RSA_WITH_AES_128_CBC_SHA      */
	{ 0x0033, 0x0033, TLS_AUTH_RSA },
	{ 0x0035, 0x0035, TLS_AUTH_RSA },
	{ 0x0039, 0x0039, TLS_AUTH_RSA },
	{ 0x003b, 0x003d, TLS_AUTH_RSA },
	{ 0x0041, 0x0041, TLS_AUTH_RSA },   /* CAMELLIA                      */
	{ 0x0045, 0x0045, TLS_AUTH_RSA },
	{ 0x0067, 0x0067, TLS_AUTH_RSA },
	{ 0x006b, 0x006b, TLS_AUTH_RSA },
	{ 0x0084, 0x0084, TLS_AUTH_RSA },
	{ 0x0088, 0x0088, TLS_AUTH_RSA },
	{ 0x0096, 0x0096, TLS_AUTH_RSA },   /* SEED                          */
	{ 0x009a, 0x009a, TLS_AUTH_RSA },
	{ 0x009c, 0x009f, TLS_AUTH_RSA },   /* RSA and DHE_RSA, GCM          */
	{ 0x00ba, 0x00ba, TLS_AUTH_RSA },
	{ 0x00be, 0x00be, TLS_AUTH_RSA },
	{ 0x00c0, 0x00c0, TLS_AUTH_RSA },
	{ 0x00c4, 0x00c4, TLS_AUTH_RSA },
	{ 0x1301, 0x1305, TLS_AUTH_ANY },   /* TLS 1.3                       */
	{ 0xc006, 0xc00a, TLS_AUTH_ECDSA }, /* ECDHE_ECDSA, CBC              */
	{ 0xc010, 0xc014, TLS_AUTH_RSA },   /* ECDHE_RSA, CBC                */
	{ 0xc023, 0xc024, TLS_AUTH_ECDSA },
	{ 0xc027, 0xc028, TLS_AUTH_RSA },
	{ 0xc02b, 0xc02c, TLS_AUTH_ECDSA }, /* GCM                           */
	{ 0xc02f, 0xc030, TLS_AUTH_RSA },
	{ 0xc03c, 0xc03d, TLS_AUTH_RSA },   /* ARIA                          */
	{ 0xc044, 0xc045, TLS_AUTH_RSA },
	{ 0xc048, 0xc049, TLS_AUTH_ECDSA },
	{ 0xc04c, 0xc04d, TLS_AUTH_RSA },
	{ 0xc050, 0xc053, TLS_AUTH_RSA },
	{ 0xc05c, 0xc05d, TLS_AUTH_ECDSA },
	{ 0xc060, 0xc061, TLS_AUTH_RSA },
	{ 0xc072, 0xc073, TLS_AUTH_ECDSA }, /* CAMELLIA                      */
	{ 0xc076, 0xc077, TLS_AUTH_RSA },
	{ 0xc07a, 0xc07d, TLS_AUTH_RSA },
	{ 0xc086, 0xc087, TLS_AUTH_ECDSA },
	{ 0xc08a, 0xc08b, TLS_AUTH_RSA },
	{ 0xc09c, 0xc0a3, TLS_AUTH_RSA },   /* CCM                           */
	{ 0xc0ac, 0xc0af, TLS_AUTH_ECDSA },
	{ 0xcca8, 0xcca8, TLS_AUTH_RSA },   /* CHACHA20                      */
	{ 0xcca9, 0xcca9, TLS_AUTH_ECDSA },
	{ 0xccaa, 0xccaa, TLS_AUTH_RSA },
};

enum tls_auth
tls_suite_auth(uint16_t suite)
{
	size_t low = 0, high = ARRAY_LEN(range);

	while (low < high) {
		size_t i = (low + high) / 2;

		if (suite < range[i].first)
			high = i;
		else if (suite > range[i].last)
			low = i + 1;
		else
			return range[i].auth;
	}
	return TLS_AUTH_OTHER;
}

bool
tls_suite_static_rsa(uint16_t suite)
{
	static const struct {
		uint16_t first, last;
	} rsa[] = {
		{ 0x0001, 0x000a }, { 0x002f, 0x002f }, { 0x0035, 0x0035 },
		{ 0x003b, 0x003d }, { 0x0041, 0x0041 }, { 0x0084, 0x0084 },
		{ 0x0096, 0x0096 }, { 0x009c, 0x009d }, { 0x00ba, 0x00ba },
		{ 0x00c0, 0x00c0 }, { 0xc03c, 0xc03d }, { 0xc050, 0xc051 },
		{ 0xc07a, 0xc07b }, { 0xc09c, 0xc09d }, { 0xc0a0, 0xc0a1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rsa); i++)
		if (suite >= rsa[i].first && suite <= rsa[i].last)
			return true;
	return false;
}
