/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base64.h"

#define LETTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char letters[][65] = {
	[BASE64_PLAIN] = LETTERS "+/",
	[BASE64_URL] = LETTERS "-_",
};

void
base64_put(struct buf *out, enum base64_alphabet a, const uint8_t *p, size_t n)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			buf_putc(out, letters[a][bits >> (have - 6) & 63]);
	}
	if (have > 0)
		buf_putc(out, letters[a][bits << (6 - have) & 63]);
	for (; a == BASE64_PLAIN && n % 3 != 0; n++)
		buf_putc(out, '=');
}

static int
value(enum base64_alphabet a, char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == letters[a][62] ? 62 : c == letters[a][63] ? 63 : -1;
}

size_t
base64_get(uint8_t *out, size_t max, enum base64_alphabet a, struct str text)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	if (a == BASE64_PLAIN) {
		if (text.n % 4 != 0)
			return 0;
		for (int i = 0; i < 2 && text.n > 0 &&
		    text.p[text.n - 1] == '='; i++)
			text.n--;
	}
	for (size_t i = 0; i < text.n; i++) {
		int v = value(a, text.p[i]);

		if (v < 0)
			return 0;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have < 8)
			continue;
		if (n == max)
			return 0;
		have -= 8;
		out[n++] = (uint8_t)(bits >> have);
	}
	return have < 6 && (bits & ((1u << have) - 1)) == 0 ? n : 0;
}
