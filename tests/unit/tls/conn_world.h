/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TLS_CONN_WORLD_H
#define TESTS_TLS_CONN_WORLD_H
/* One connection of a server over site, and its client, for each test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"
#include "site.h"
#include "tlswire/alert.h"

static struct tls_ctx *ctx;
static struct peer p;
static struct trust_evidence e;

#define SIP "OPTIONS sip:a SIP/2.0\r\n\r\n"

static inline int
setup_all(void **state)
{
	site_setup(state);
	ctx = site_ctx(NULL, NULL);
	return 0;
}

static inline int
teardown_all(void **state)
{
	tls_ctx_unref(ctx);
	return site_teardown(state);
}

static inline int
teardown(void **state)
{
	peer_fini(&p);
	return 0;
}

/* A client of this kind, joined to a connection of ctx or its own server. */
static inline void
begin(const struct peer_want *w)
{
	struct peer_want mine = *w;

	if (mine.server == NULL)
		mine.server = ctx;
	peer_init(&p, &mine);
}

/* What is known of the connection when it ends so. */
static inline void
look(enum trust_end end)
{
	p.now_us += 50;
	tls_conn_evidence(p.conn, &e, end, p.now_us);
}

/* These bytes for the server, past the client. */
static inline void
raw(const char *bytes, size_t n)
{
	p.now_us += 1000;
	tls_conn_feed(p.conn, str_of(bytes, n), p.now_us, &p.to_client,
	    peer_data, &p);
	assert_int_equal(ERR_peek_error(), 0);
}

/* There was this one, and no other. */
static inline void
one_alert(enum tls_side side, uint8_t description)
{
	assert_int_equal(e.nalert, 1);
	assert_int_equal(e.alert[0].side, side);
	assert_int_equal(e.alert[0].description, description);
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

#endif
