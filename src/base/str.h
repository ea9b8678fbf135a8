/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_STR_H
#define BASE_STR_H
/*
 * base/str - slices: a pointer and a length into bytes owned by somebody else.
 *
 * A struct str never owns memory and is valid as long as what it points into.
 * {NULL, 0} is the absent string; {p, 0} with p != NULL an empty one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(lit)   ((struct str) { (lit), sizeof(lit) - 1 })
#define STR_NULL   ((struct str) { NULL, 0 })
/* printf("%.*s", STR_FMT(s)) */
#define STR_FMT(s) (int)(s).n, (s).p

static inline struct str
str_of(const char *p, size_t n)
{
	return (struct str) { p, n };
}

static inline struct str
str_cstr(const char *p)
{
	return (struct str) { p, p != NULL ? strlen(p) : 0 };
}

/* One past the last byte; NULL of a NULL slice (NULL + 0 is undefined). */
static inline const char *
str_end(struct str s)
{
	return s.n == 0 ? s.p : s.p + s.n;
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII letters compare without case; other bytes exactly. */
bool str_ieq(struct str a, struct str b);

/* Order as memcmp, shorter first on a tie: <0, 0, >0. */
int str_cmp(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);

/* Index of c, or s.n when it is not there. */
size_t str_find(struct str s, char c);

/* The tail of s from index from (clamped to the end). */
struct str str_from(struct str s, size_t from);

/* s without leading and trailing SP, HT, CR, LF (RFC 3261 LWS and folds). */
struct str str_trim(struct str s);

/*
 * Cut s at the first c: the part before it is returned, *s becomes what
 * follows it.  Without c the whole of *s is returned and *s becomes STR_NULL.
 */
struct str str_cut(struct str *s, char c);

/* Decimal digits only, whole slice.  false: empty, another byte, overflow. */
bool str_u32(struct str s, uint32_t *out);
bool str_u64(struct str s, uint64_t *out);

/*
 * Copy with a terminating NUL into dst of size bytes, cutting what does not
 * fit.  Returns false when something was cut.
 */
bool str_copy(char *dst, size_t size, struct str s);

/* Heap copy with a NUL; owned by the caller.  NULL on lack of memory. */
char *str_dup(struct str s);

/* Lower-case hexadecimal of n bytes; out takes 2 * n + 1 bytes. */
void str_hex(char *out, const void *bytes, size_t n);

/* Decode exactly n bytes from 2 * n hex digits.  false: anything else. */
bool str_unhex(void *out, size_t n, struct str hex);

#endif
