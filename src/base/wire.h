/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H
/*
 * base/wire - bounded big-endian reader with a sticky error.
 *
 * Every read past the end sets failed, returns zero or an empty slice and
 * leaves the reader at its end: check failed once, after the last read.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct wire {
	const uint8_t *p, *end;
	bool failed;
};

static inline struct wire
wire_of(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	return (struct wire) { p, p + s.n, false };
}

static inline size_t
wire_left(const struct wire *w)
{
	return (size_t)(w->end - w->p);
}

static inline struct str
wire_bytes(struct wire *w, size_t n)
{
	if (wire_left(w) < n) {
		w->failed = true;
		w->p = w->end;
		return (struct str) { (const char *)w->end, 0 };
	}
	struct str s = { (const char *)w->p, n };
	w->p += n;
	return s;
}

static inline uint32_t
wire_uint(struct wire *w, size_t bytes)
{
	uint32_t v = 0;
	struct str s = wire_bytes(w, bytes);
	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | (uint8_t)s.p[i];
	return v;
}

static inline uint8_t
wire_u8(struct wire *w)
{
	return (uint8_t)wire_uint(w, 1);
}

static inline uint16_t
wire_u16(struct wire *w)
{
	return (uint16_t)wire_uint(w, 2);
}

static inline uint32_t
wire_u24(struct wire *w)
{
	return wire_uint(w, 3);
}

/* A vector with a length of 1, 2 or 3 bytes before it (RFC 8446 3.4). */
static inline struct str
wire_vec(struct wire *w, size_t length_bytes)
{
	return wire_bytes(w, wire_uint(w, length_bytes));
}

#endif
