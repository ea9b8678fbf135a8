/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 256 /* bytes of the first allocation */

void
buf_init(struct buf *b, size_t cap)
{
	*b = (struct buf) { .cap = cap };
}

void
buf_init_array(struct buf *b, char *array, size_t size)
{
	*b = (struct buf) { .p = array, .size = size, .cap = size };
}

void
buf_fini(struct buf *b)
{
	if (b->owned)
		free(b->p);
	*b = (struct buf) { .cap = b->cap };
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

/* Room for n more bytes; false sets failed. */
static bool
grow(struct buf *b, size_t n)
{
	if (b->failed)
		return false;
	if (n <= b->size - b->n)
		return true;
	if (n > b->cap - b->n || (b->p != NULL && !b->owned)) {
		b->failed = true;
		return false;
	}
	size_t size = b->size > 0 ? b->size : BUF_FIRST;
	while (size < b->n + n && size <= b->cap / 2)
		size *= 2;
	if (size < b->n + n || size > b->cap)
		size = b->cap;
	char *p = realloc(b->p, size);
	if (p == NULL) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->size = size;
	b->owned = true;
	return true;
}

void
buf_put(struct buf *b, const void *bytes, size_t n)
{
	if (!grow(b, n) || n == 0)
		return;
	memcpy(b->p + b->n, bytes, n);
	b->n += n;
}

void
buf_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

void
buf_puts(struct buf *b, const char *cstr)
{
	buf_put(b, cstr, strlen(cstr));
}

void
buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_put(b, digits + at, sizeof(digits) - at);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[512];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		buf_put(b, small, (size_t)n);
		return;
	}
	/* vsnprintf wants a byte for its NUL, which must not count. */
	char *big = malloc((size_t)n + 1);
	if (big == NULL) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_put(b, big, (size_t)n);
	free(big);
}

char *
buf_room(struct buf *b, size_t n)
{
	if (!grow(b, n))
		return NULL;
	return b->p + b->n;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}
