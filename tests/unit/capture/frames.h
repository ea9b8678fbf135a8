/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H
/* frames - packets of our own making. */
#include "base/buf.h"

static inline void
put16(struct buf *b, unsigned v)
{
	buf_putc(b, (char)(v >> 8));
	buf_putc(b, (char)v);
}

static inline void
put32(struct buf *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

static inline void
put_tcp(struct buf *b, unsigned from, unsigned to, uint32_t seq,
    unsigned flags, struct str payload)
{
	put16(b, from);
	put16(b, to);
	put32(b, seq);
	put32(b, 0);
	put16(b, 0x5000 | flags);
	put16(b, 1000);
	put32(b, 0);
	buf_str(b, payload);
}

/* fragment: the flags and offset field of RFC 791. */
static inline void
put_ip4(struct buf *b, unsigned fragment, unsigned id, struct str body)
{
	put16(b, 0x4500);
	put16(b, 20 + (unsigned)body.n);
	put16(b, id);
	put16(b, fragment);
	put16(b, 0x4006);
	put16(b, 0);
	put32(b, 0xc0000201);
	put32(b, 0xc0000202);
	buf_str(b, body);
}

/* next: of the fixed header; body: what stands behind it. */
static inline void
put_ip6(struct buf *b, unsigned next, struct str body)
{
	put32(b, 0x60000000);
	put16(b, (unsigned)body.n);
	put16(b, next << 8 | 64);
	for (int i = 1; i <= 2; i++) {
		put32(b, 0x20010db8);
		put32(b, 0);
		put32(b, 0);
		put32(b, (uint32_t)i);
	}
	buf_str(b, body);
}

#endif
