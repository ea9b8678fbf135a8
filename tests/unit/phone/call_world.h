/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CALL_WORLD_H
#define CALL_WORLD_H
/*
 * What the tests of calls share: two phones, 100 and 101, and a wire between
 * them that the test cuts where it wants; the time is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "phone/calls.h"

#define QUEUE 64

struct side {
	struct calls calls;
	struct call_params p;
	struct {
		char text[4096];
		size_t n;
	} out[QUEUE];
	size_t nout, taken;          /* sent; of these delivered      */
	struct {
		enum call_news_kind kind;
		int status;
		bool by_us, incoming;
		enum sdp_direction direction;
		char reason[128];
	} news[QUEUE];
	size_t nnews;
};

/* What is lost on the way: this method (of requests) or status, so often. */
struct loss {
	int status;
	enum sip_method method;
	unsigned times;
	bool all;
};

extern struct side a, b; /* 100 and 101 */
extern uint64_t now;
extern struct loss lost;

/* Both phones anew, over UDP; 101 answers after a second. */
int call_setup(void **state);
int call_teardown(void **state);
/* Both begin again with what is in their p. */
void set_up(const char *transport);

/* 100 calls 101. */
void call(void);
/* What was sent arrives, and what is sent because of it. */
void pump(void);
/* Let ms pass, and all that is due in it happen. */
void pass(uint64_t ms);

/* What it has reported, in order; -1 ends. */
void told(const struct side *s, const int *kinds);
#define TOLD(s, ...) told(&(s), (const int[]) { __VA_ARGS__, -1 })
/* The last it has reported: that the call ended, so. */
void ended(const struct side *s, int status, bool by_us, const char *reason);
/* How many requests of this method, or responses of this status, it sent. */
unsigned sent(const struct side *s, const char *begins);

#define CASE(fn) \
	cmocka_unit_test_setup_teardown(fn, call_setup, call_teardown)

#endif
