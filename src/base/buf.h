/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_BUF_H
#define BASE_BUF_H
/*
 * base/buf - a growable byte buffer with a cap and a sticky error.
 *
 * Every buffer is made with a cap: a put that would pass it, or that finds no
 * memory, sets failed and changes nothing; later puts do nothing.  Check once,
 * at the end.  A buffer made over an array (buf_init_array) never allocates.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf {
	char *p;
	size_t n;      /* bytes in use       */
	size_t size;   /* bytes allocated    */
	size_t cap;    /* never grows beyond */
	bool owned;    /* p is heap memory   */
	bool failed;
};

/* Empty heap buffer that may grow to cap bytes; allocates nothing yet. */
void buf_init(struct buf *b, size_t cap);

/* Over the caller's array; borrows it until buf_fini. */
void buf_init_array(struct buf *b, char *array, size_t size);

/* Frees owned memory; the struct is then an empty buffer with the same cap. */
void buf_fini(struct buf *b);

/* Forget the content and the error, keep the memory. */
void buf_reset(struct buf *b);

void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *cstr);
void buf_putc(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v); /* decimal */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* Room for n bytes at the end, or NULL (failed is set).  Add with b->n += n. */
char *buf_room(struct buf *b, size_t n);

/* Drop n bytes from the front (n <= b->n). */
void buf_drop(struct buf *b, size_t n);

static inline struct str
buf_as_str(const struct buf *b)
{
	return (struct str) { b->p, b->n };
}

#endif
