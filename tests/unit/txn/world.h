/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TXN_WORLD_H
#define TESTS_TXN_WORLD_H
/*
 * A clock of our own, messages, and what a transaction did, for the tests of
 * txn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "txn/txn.h"

#define WORLD_MAX 8 /* transactions at most */

static struct wheel *wheel;
static struct txns *txns;
static uint64_t now = 5000003;

/* What callbacks saw. */
static struct {
	unsigned sent, passed, failed, ended, trying;
	int status;                  /* of the last response passed on     */
	enum txn_client_failure why;
	char last[4096];             /* the last that was sent             */
	uint64_t at[64];             /* when each was sent, after the first */
	bool broken;                 /* sending fails                      */
} seen;

static struct sip_msg msg;

static inline const struct sip_msg *
parse(const char *text)
{
	assert_int_equal(sip_msg_parse(&msg, str_cstr(text), SIP_DATAGRAM,
	    65536), 0);
	return &msg;
}

/* A request of caller's; branch, method, To with its tag or not. */
static inline const struct sip_msg *
request(const char *method, const char *branch, const char *to)
{
	static char text[4096];

	snprintf(text, sizeof(text), "%s sip:bob@b.test SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP a.test:5070;branch=%s, SIP/2.0/UDP under\r\n"
	    "Route: <sip:one;lr>\r\nRoute: <sip:two;lr>\r\n"
	    "From: <sip:alice@a.test>;tag=f\r\nTo: %s\r\n"
	    "Call-ID: one\r\nCSeq: 7 %s\r\nMax-Forwards: 42\r\n"
	    "Content-Length: 4\r\n\r\nbody", method, branch, to, method);
	return parse(text);
}

static inline const struct sip_msg *
response(int status, const char *method, const char *branch)
{
	static char text[4096];

	snprintf(text, sizeof(text), "SIP/2.0 %d x\r\n"
	    "Via: SIP/2.0/UDP us;branch=%s, SIP/2.0/UDP a.test\r\n"
	    "From: <sip:alice@a.test>;tag=f\r\nTo: <sip:bob@b.test>;tag=t%d\r\n"
	    "Call-ID: one\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
	    status, branch, status, method);
	return parse(text);
}

/* What on_send does: notes what was sent, unless sending fails. */
static inline bool
note_sent(struct str bytes)
{
	if (seen.broken)
		return false;
	if (seen.sent < ARRAY_LEN(seen.at))
		seen.at[seen.sent] = now;
	seen.sent++;
	assert_true(bytes.n < sizeof(seen.last));
	memcpy(seen.last, bytes.p, bytes.n);
	seen.last[bytes.n] = '\0';
	return true;
}

static inline void
advance(uint64_t ms)
{
	/* In small steps, so that the times seen are the true ones. */
	for (uint64_t end = now + ms; now < end;) {
		now++;
		txns_set_now(txns, now);
		wheel_advance(wheel, now);
	}
}

/* The gaps between what was sent from the from-th on, to a tick. */
static inline void
assert_gaps(unsigned from, const unsigned *gap, unsigned n)
{
	assert_int_equal(seen.sent, from + n + 1);
	for (unsigned i = 0; i < n; i++) {
		uint64_t was = seen.at[from + i + 1] - seen.at[from + i];

		assert_in_range(was, gap[i], gap[i] + 2 * WHEEL_TICK_MS);
	}
}

/*
 * It was begun over UDP and is left alone: sends at these gaps until its timer
 * of 64*T1 (B, F, H) fires, which fails and ends it.
 */
static inline void
assert_repeats_and_fails(const unsigned *gap, unsigned n)
{
	advance(31990);
	assert_gaps(0, gap, n);
	assert_int_equal(seen.failed, 0);
	advance(40);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.ended, 1);
}

static inline int
world_up(void **state)
{
	memset(&seen, 0, sizeof(seen));
	if (wheel_new(&wheel, now) != 0 ||
	    txns_new(&txns, wheel, WORLD_MAX) != 0)
		return -1;
	txns_set_now(txns, now);
	return 0;
}

static inline int
world_down(void **state)
{
	txns_end_all(txns);
	assert_int_equal(txns_count(txns), 0);
	assert_int_equal(wheel_count(wheel), 0);
	txns_free(txns);
	wheel_free(wheel);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

#endif
