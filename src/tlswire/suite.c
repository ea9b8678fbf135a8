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

const char *
tls_suite_obsolete(uint16_t suite)
{
	static const struct {
		uint16_t first, last;
		const char *why;
	} old[] = {
		{ 0x0001, 0x0002, "no encryption" },
		{ 0x0003, 0x0003, "export keys" }, { 0x0004, 0x0005, "RC4" },
		{ 0x0006, 0x0006, "export keys" }, { 0x0007, 0x0007, "IDEA" },
		{ 0x0008, 0x0008, "export keys" }, { 0x0009, 0x0009, "DES" },
		{ 0x000a, 0x000a, "3DES" }, { 0x000b, 0x000b, "export keys" },
		{ 0x000c, 0x000c, "DES" }, { 0x000d, 0x000d, "3DES" },
		{ 0x000e, 0x000e, "export keys" }, { 0x000f, 0x000f, "DES" },
		{ 0x0010, 0x0010, "3DES" }, { 0x0011, 0x0011, "export keys" },
		{ 0x0012, 0x0012, "DES" }, { 0x0013, 0x0013, "3DES" },
		{ 0x0014, 0x0014, "export keys" }, { 0x0015, 0x0015, "DES" },
		{ 0x0016, 0x0016, "3DES" }, { 0x0017, 0x0017, "export keys" },
		{ 0x0018, 0x0018, "RC4" }, { 0x0019, 0x0019, "export keys" },
		{ 0x001a, 0x001a, "DES" }, { 0x001b, 0x001b, "3DES" },
		{ 0x003b, 0x003b, "no encryption" },
		{ 0x0060, 0x0065, "export keys" }, { 0x0066, 0x0066, "RC4" },
		{ 0x0096, 0x009b, "SEED" }, { 0xc001, 0xc001, "no encryption" },
		{ 0xc002, 0xc002, "RC4" }, { 0xc003, 0xc003, "3DES" },
		{ 0xc006, 0xc006, "no encryption" }, { 0xc007, 0xc007, "RC4" },
		{ 0xc008, 0xc008, "3DES" }, { 0xc00b, 0xc00b, "no encryption" },
		{ 0xc00c, 0xc00c, "RC4" }, { 0xc00d, 0xc00d, "3DES" },
		{ 0xc010, 0xc010, "no encryption" }, { 0xc011, 0xc011, "RC4" },
		{ 0xc012, 0xc012, "3DES" }, { 0xc015, 0xc015, "no encryption" },
		{ 0xc016, 0xc016, "RC4" }, { 0xc017, 0xc017, "3DES" },
	};

	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		if (suite >= old[i].first && suite <= old[i].last)
			return old[i].why;
	return NULL;
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
