/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FLEET_WORLD_H
#define FLEET_WORLD_H
/*
 * What the tests of edge/devices share: a store of devices in a folder of its
 * own, three chains a, b and c to roots A, B and C in place of tls/ctx, and
 * phones that hold some of these roots and come.  Several threads may have
 * phones come; all else is the test's thread's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../make_hello.h"
#include "edge/devices.h"
#include "tlswire/alert.h"
#include "tlswire/fingerprint.h"

#define UA  "Cisco/SPA502G-7.6.2"

enum { A = 1, B = 2, C = 4 };

/* In place of tls/ctx. */
struct tls_ctx {
	struct trust_chain chain[3];
	unsigned n;
};

extern struct tls_ctx ctx;
extern struct devices *d;
extern char dir[64];      /* where it keeps its file                   */
extern char lines[8192];  /* what was logged                           */
extern struct tls_hello hello[3]; /* the third is of TLS 1.0           */
extern int64_t now_s;

int fleet_setup(void **state);
int fleet_teardown(void **state);

/* The settings of all tests, and one more; the caller unrefs. */
struct conf *conf_with(const char *name, const char *value);
/* The same take effect, as after a reload. */
void set(const char *name, const char *value);
/* A server over the file that is there. */
void start(void);
void restart(void);

struct phone {
	const char *at;      /* "192.0.2.7:5069"                            */
	int hello;
	unsigned holds;      /* roots                                       */
	const char *account, *user_agent;
	struct trust_verdict v; /* of its last refusal                      */
};

struct device_peer peer_of(const struct phone *p);
/* What it is given when it comes now. */
struct tls_choice chosen(const struct phone *p);
/* It refuses that chain with this alert, 0: without a word. */
void refuse(struct phone *p, unsigned chain, uint8_t code);
void accept_it(const struct phone *p, unsigned chain);
void register_it(const struct phone *p, enum flow_transport transport);
/* One connection: 'a' to 'c', in capitals when the chain was accepted. */
char come(struct phone *p);
/* As many as expected has letters. */
void comes(struct phone *p, const char *expected);

#define CASE(fn) \
	cmocka_unit_test_setup_teardown(fn, fleet_setup, fleet_teardown)

#endif
