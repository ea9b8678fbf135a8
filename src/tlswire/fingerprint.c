/* SPDX-License-Identifier: BSD-2-Clause */
#include "tlswire/fingerprint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "tlswire/alert.h"

/*
 * The longest text that is hashed: a ClientHello of 16 kB could list 8,000
 * values of six characters.  What passes the buffer is left out of the hash,
 * which then is still a stable name of that hello.
 */
#define TEXT_MAX   8192
#define VALUES_MAX 1024
#define COUNT_MAX  99

#define EXT_SERVER_NAME 0
#define EXT_ALPN        16

/* What is hashed: built byte by byte, as fast as it is hashed. */
struct text {
	char bytes[TEXT_MAX];
	size_t n;
};

static void
put_char(struct text *t, char c)
{
	if (t->n < sizeof(t->bytes))
		t->bytes[t->n++] = c;
}

/* One value in decimal, a hyphen before it unless it is the first. */
static void
put_decimal(struct text *t, uint16_t v, bool first)
{
	char digit[5];
	size_t n = 0;

	if (sizeof(t->bytes) - t->n < 1 + sizeof(digit))
		return;
	do {
		digit[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	if (!first)
		t->bytes[t->n++] = '-';
	while (n > 0)
		t->bytes[t->n++] = digit[--n];
}

static void
put_decimals(struct text *t, struct str list)
{
	bool first = true;
	uint16_t v;

	for (size_t pos = 0; tls_next_u16(list, &pos, &v);) {
		if (tls_is_grease(v))
			continue;
		put_decimal(t, v, first);
		first = false;
	}
}

void
tls_ja3(const struct tls_hello *h, char out[TLS_JA3_LEN])
{
	char hex[2 * DIGEST_MAX + 1];
	struct text t;
	bool first = true;
	struct str body, s;
	uint16_t v;

	t.n = 0;
	put_decimal(&t, h->legacy_version, true);
	put_char(&t, ',');
	for (size_t pos = 0; tls_hello_next_cipher(h, &pos, &v);) {
		if (tls_is_grease(v))
			continue;
		put_decimal(&t, v, first);
		first = false;
	}
	put_char(&t, ',');
	first = true;
	for (size_t pos = 0; tls_hello_next_extension(h, &pos, &v, &body);) {
		if (tls_is_grease(v))
			continue;
		put_decimal(&t, v, first);
		first = false;
	}
	put_char(&t, ',');
	put_decimals(&t, h->groups);
	put_char(&t, ',');
	for (size_t i = 0; i < h->point_formats.n; i++)
		put_decimal(&t, (uint8_t)h->point_formats.p[i], i == 0);
	s = str_of(t.bytes, t.n);
	digest_hex(DIGEST_MD5, &s, 1, hex);
	memcpy(out, hex, TLS_JA3_LEN - 1);
	out[TLS_JA3_LEN - 1] = '\0';
}

static int
by_value(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Few, mostly, and nearly in order; a hostile hello may bring many. */
static void
sort(uint16_t *v, size_t n)
{
	if (n > 64) {
		qsort(v, n, sizeof(v[0]), by_value);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		uint16_t x = v[i];
		size_t k = i;

		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

static void
put_hex_list(struct text *t, const uint16_t *v, size_t n)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n && sizeof(t->bytes) - t->n >= 5; i++) {
		char *p = t->bytes + t->n;

		if (i > 0)
			*p++ = ',';
		*p++ = digit[v[i] >> 12];
		*p++ = digit[v[i] >> 8 & 15];
		*p++ = digit[v[i] >> 4 & 15];
		*p++ = digit[v[i] & 15];
		t->n = (size_t)(p - t->bytes);
	}
}

/* The first 12 hex digits of the SHA-256, or zeros when there is nothing. */
static void
hash12(struct str text, bool nothing, char out[12])
{
	char hex[2 * DIGEST_MAX + 1];

	memset(out, '0', 12);
	if (nothing)
		return;
	digest_hex(DIGEST_SHA256, &text, 1, hex);
	memcpy(out, hex, 12);
}

static const char *
ja4_version(uint16_t v)
{
	switch (v) {
	case TLS_VERSION_1_3:
		return "13";
	case TLS_VERSION_1_2:
		return "12";
	case TLS_VERSION_1_1:
		return "11";
	case TLS_VERSION_1_0:
		return "10";
	case TLS_VERSION_SSL3:
		return "s3";
	case TLS_VERSION_SSL2:
		return "s2";
	default:
		return "00";
	}
}

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

/*
 * First and last character of the first protocol; when one of them is not
 * alphanumeric, the first and last digit of the name in hexadecimal.
 */
static void
ja4_alpn(struct str alpn, char out[2])
{
	static const char digit[] = "0123456789abcdef";

	out[0] = out[1] = '0';
	if (alpn.n == 0)
		return;
	uint8_t first = (uint8_t)alpn.p[0], last = (uint8_t)alpn.p[alpn.n - 1];
	if (is_alnum(first) && is_alnum(last)) {
		out[0] = (char)first;
		out[1] = (char)last;
	} else {
		out[0] = digit[first >> 4];
		out[1] = digit[last & 15];
	}
}

static unsigned
two_digits(size_t n)
{
	return n > COUNT_MAX ? COUNT_MAX : (unsigned)n;
}

/* Number of suites; *hash: the hash of their sorted list. */
static size_t
ja4_ciphers(const struct tls_hello *h, char hash[12])
{
	uint16_t list[VALUES_MAX], v;
	size_t n = 0, count = 0;
	struct text t;

	for (size_t pos = 0; tls_hello_next_cipher(h, &pos, &v);) {
		if (tls_is_grease(v))
			continue;
		count++;
		if (n < VALUES_MAX)
			list[n++] = v;
	}
	sort(list, n);
	t.n = 0;
	put_hex_list(&t, list, n);
	hash12(str_of(t.bytes, t.n), n == 0, hash);
	return count;
}

/* Number of extensions; *hash: of the sorted list and the sigalgs in order. */
static size_t
ja4_extensions(const struct tls_hello *h, char hash[12])
{
	uint16_t list[VALUES_MAX], v;
	size_t n = 0, count = 0;
	struct text t;
	struct str body;

	for (size_t pos = 0; tls_hello_next_extension(h, &pos, &v, &body);) {
		if (tls_is_grease(v))
			continue;
		count++;
		if (v != EXT_SERVER_NAME && v != EXT_ALPN && n < VALUES_MAX)
			list[n++] = v;
	}
	sort(list, n);
	t.n = 0;
	put_hex_list(&t, list, n);
	bool nothing = n == 0;
	n = 0;
	for (size_t pos = 0;
	     n < VALUES_MAX && tls_next_u16(h->sigalgs, &pos, &v);)
		if (!tls_is_grease(v))
			list[n++] = v;
	if (n > 0) {
		put_char(&t, '_');
		put_hex_list(&t, list, n);
	}
	hash12(str_of(t.bytes, t.n), nothing, hash);
	return count;
}

void
tls_ja4(const struct tls_hello *h, char out[TLS_JA4_LEN])
{
	char ciphers[12], extensions[12], alpn[2];
	size_t nciphers = ja4_ciphers(h, ciphers);
	size_t nextensions = ja4_extensions(h, extensions);

	ja4_alpn(h->alpn, alpn);
	snprintf(out, TLS_JA4_LEN, "t%s%c%02u%02u%.2s_%.12s_%.12s",
	    ja4_version(h->max_version), h->server_name.p != NULL ? 'd' : 'i',
	    two_digits(nciphers), two_digits(nextensions), alpn, ciphers,
	    extensions);
}

/* ---- the number ---- */

#define SUITE_FALLBACK_SCSV 0x5600

/* What a value stands for: one value in two lists is two things. */
enum kind {
	KIND_VERSION = 1,
	KIND_SUITE,
	KIND_EXTENSION,
	KIND_GROUP,
	KIND_SIGALG,
	KIND_SIGALG_CERT,
	KIND_SUPPORTED_VERSION,
	KIND_POINT_FORMAT,
	KIND_COMPRESSION,
	KIND_ALPN,
};

/* Both halves of a product: every bit in turns over half of those out. */
static inline uint64_t
mixed(uint64_t v)
{
	uint64_t a = (v >> 32 ^ UINT64_C(0x9e3779b97f4a7c15));
	uint64_t b = (v << 32 | v >> 32) ^ UINT64_C(0xd6e8feb86659fd93);
	unsigned __int128 product = (unsigned __int128)(a * (v | 1)) * b;

	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static inline uint64_t
number(enum kind kind, uint32_t value)
{
	return mixed((uint64_t)kind << 40 | value | UINT64_C(1) << 56);
}

/* A sum does not know in which order it was added up. */
static uint64_t
sum_list(enum kind kind, struct str list)
{
	uint64_t sum = 0;
	uint16_t v;

	for (size_t pos = 0; tls_next_u16(list, &pos, &v);)
		if (!tls_is_grease(v))
			sum += number(kind, v);
	return sum;
}

static uint64_t
sum_bytes(enum kind kind, struct str bytes)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < bytes.n; i++)
		sum += number(kind, (uint8_t)bytes.p[i]);
	return sum;
}

/* These come and go with the connection, or with the phone's store. */
static bool
is_fleeting(uint16_t extension)
{
	switch (extension) {
	case EXT_SERVER_NAME:
	case 3:  /* trusted_ca_keys          */
	case 21: /* padding                  */
	case 41: /* pre_shared_key           */
	case 42: /* early_data               */
	case 44: /* cookie                   */
	case 45: /* psk_key_exchange_modes   */
	case 47: /* certificate_authorities  */
		return true;
	default:
		return tls_is_grease(extension);
	}
}

uint64_t
tls_hello_fingerprint(const struct tls_hello *h)
{
	uint64_t sum = number(KIND_VERSION, h->legacy_version);
	struct str body;
	uint16_t v;

	for (size_t pos = 0; tls_hello_next_cipher(h, &pos, &v);)
		if (!tls_is_grease(v) && v != SUITE_FALLBACK_SCSV)
			sum += number(KIND_SUITE, v);
	for (size_t pos = 0; tls_hello_next_extension(h, &pos, &v, &body);)
		if (!is_fleeting(v))
			sum += number(KIND_EXTENSION, v);
	sum += sum_list(KIND_GROUP, h->groups);
	sum += sum_list(KIND_SIGALG, h->sigalgs);
	sum += sum_list(KIND_SIGALG_CERT, h->sigalgs_cert);
	sum += sum_list(KIND_SUPPORTED_VERSION, h->supported_versions);
	sum += sum_bytes(KIND_POINT_FORMAT, h->point_formats);
	sum += sum_bytes(KIND_COMPRESSION, h->compression);
	for (size_t i = 0; i < h->alpn.n; i++)
		sum += number(KIND_ALPN, (uint32_t)i << 8 |
		    (uint8_t)h->alpn.p[i]);
	sum = mixed(sum);
	return sum != 0 ? sum : 1;
}
