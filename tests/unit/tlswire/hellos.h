/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_HELLOS_H
#define TESTS_HELLOS_H
/* ClientHellos put together from their parts.  Included after cmocka.h. */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* What stands in a hello; lists end with -1. */
struct hello_parts {
	unsigned version;
	const int *suites;
	struct str extensions; /* wire form; p NULL: no block at all */
};

static inline void
put_u16(struct buf *b, unsigned v)
{
	buf_putc(b, (char)(v >> 8));
	buf_putc(b, (char)v);
}

/* An extension whose body is given. */
static inline void
put_extension(struct buf *b, unsigned type, struct str body)
{
	put_u16(b, type);
	put_u16(b, (unsigned)body.n);
	buf_str(b, body);
}

/* One whose body is a list of two-byte values behind a length of size bytes. */
static inline void
put_u16_extension(struct buf *b, unsigned type, size_t size, const int *list)
{
	size_t n = 0;

	while (list[n] >= 0)
		n++;
	put_u16(b, type);
	put_u16(b, (unsigned)(size + 2 * n));
	if (size == 2)
		buf_putc(b, (char)(2 * n >> 8));
	buf_putc(b, (char)(2 * n));
	for (size_t i = 0; i < n; i++)
		put_u16(b, (unsigned)list[i]);
}

/* The handshake message into b. */
static inline struct str
make_hello(struct buf *b, const struct hello_parts *p)
{
	size_t n = 0, body;

	while (p->suites[n] >= 0)
		n++;
	buf_reset(b);
	buf_put(b, "\1\0\0\0", 4);
	put_u16(b, p->version);
	for (int i = 0; i < 32; i++)
		buf_putc(b, (char)i);
	buf_putc(b, 0);
	put_u16(b, (unsigned)(2 * n));
	for (size_t i = 0; i < n; i++)
		put_u16(b, (unsigned)p->suites[i]);
	buf_put(b, "\1\0", 2);
	if (p->extensions.p != NULL) {
		put_u16(b, (unsigned)p->extensions.n);
		buf_str(b, p->extensions);
	}
	assert_false(b->failed);
	body = b->n - 4;
	b->p[2] = (char)(body >> 8);
	b->p[3] = (char)body;
	return buf_as_str(b);
}

#endif
