/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MAKE_HELLO_H
#define TESTS_MAKE_HELLO_H
/* A ClientHello, written out member by member. */
#include <stdint.h>
#include <string.h>

#include "tlswire/hello.h"

struct made_hello {
	uint8_t bytes[4096];
	size_t n;
	size_t extensions; /* where the length of their block stands */
};

static inline void
made_u16(struct made_hello *m, unsigned v)
{
	m->bytes[m->n++] = (uint8_t)(v >> 8);
	m->bytes[m->n++] = (uint8_t)v;
}

static inline void
made_put(struct made_hello *m, const void *bytes, size_t n)
{
	memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static inline void
made_set_u16(struct made_hello *m, size_t at, size_t v)
{
	m->bytes[at] = (uint8_t)(v >> 8);
	m->bytes[at + 1] = (uint8_t)v;
}

/* suites ends with 0. */
static inline void
made_begin(struct made_hello *m, unsigned version, const uint16_t *suites,
    size_t session_id)
{
	size_t at;

	memset(m, 0, sizeof(*m));
	m->bytes[0] = 1;
	m->n = 4;
	made_u16(m, version);
	for (uint8_t i = 0; i < 32; i++)
		m->bytes[m->n++] = i;
	m->bytes[m->n++] = (uint8_t)session_id;
	m->n += session_id;
	at = m->n;
	m->n += 2;
	while (*suites != 0)
		made_u16(m, *suites++);
	made_set_u16(m, at, m->n - at - 2);
	m->bytes[m->n++] = 1;
	m->bytes[m->n++] = 0;
	m->extensions = m->n;
	m->n += 2;
}

static inline void
made_extension(struct made_hello *m, unsigned type, const void *body, size_t n)
{
	made_u16(m, type);
	made_u16(m, (unsigned)n);
	made_put(m, body, n);
}

/* A list of two-byte values, ended by 0, behind its length in size bytes. */
static inline void
made_list(struct made_hello *m, unsigned type, const uint16_t *list,
    size_t size)
{
	size_t at, n;

	made_u16(m, type);
	at = m->n;
	m->n += 2 + size;
	while (*list != 0)
		made_u16(m, *list++);
	n = m->n - at - 2 - size;
	made_set_u16(m, at, n + size);
	if (size == 2)
		made_set_u16(m, at + 2, n);
	else
		m->bytes[at + 2] = (uint8_t)n;
}

static inline int
made_end(struct made_hello *m, struct tls_hello *h)
{
	made_set_u16(m, m->extensions, m->n - m->extensions - 2);
	m->bytes[2] = (uint8_t)((m->n - 4) >> 8);
	m->bytes[3] = (uint8_t)(m->n - 4);
	return tls_hello_parse(h, str_of((const char *)m->bytes, m->n));
}

#define LIST16(...) ((const uint16_t[]) { __VA_ARGS__, 0 })

#endif
