/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * callload: registers pairs of phones and lets them call each other; counts.
 *
 *     callload --udp ADDR:PORT [--tls ADDR:PORT] --domain NAME
 *              --password-file FILE [--total N] [--pairs N] [--rate N]
 *
 * With --tls callers are on TLS.  --rate: so many calls a second, else as fast
 * as the server is.  Prints "go", waits for a line, makes the calls, prints
 * what came of them.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "callload.h"

#define EVENTS     256
#define TICK_MS    50
#define STALLED_MS 40000
#define FAILED_MAX 1000

/* Those that the rate says are due and a caller is free for. */
static void
start_due(struct calls *c)
{
	static unsigned next;
	uint64_t due = (c->now_ms - c->begin_ms) * c->rate / 1000;

	if (due > c->total)
		due = c->total;
	for (unsigned i = 0; i < c->pairs && c->started < due; i++) {
		struct party *p = &c->party[next++ % c->pairs];

		if (p->state == PARTY_IDLE)
			caller_start(p);
	}
}

static void
turn(struct calls *c)
{
	static uint64_t ticked_ms;
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(c->epoll, ev, EVENTS, c->rate > 0 ? 1 : TICK_MS);

	c->now_ms = clock_mono_ms();
	for (int i = 0; i < n; i++)
		party_ready(ev[i].data.ptr, ev[i].events);
	if (c->now_ms < ticked_ms + TICK_MS)
		return;
	ticked_ms = c->now_ms;
	for (unsigned i = 0; i < 2 * c->pairs; i++)
		party_tick(&c->party[i]);
}

/* Until all calls have come to an end, however; false: it does not go on. */
static bool
run(struct calls *c)
{
	uint64_t done = 0, moved_ms = c->now_ms;

	while (c->ok + c->failed < c->total) {
		if (c->rate > 0)
			start_due(c);
		turn(c);
		if (c->ok + c->failed != done) {
			done = c->ok + c->failed;
			moved_ms = c->now_ms;
		}
		if (c->now_ms - moved_ms > STALLED_MS ||
		    c->failed >= FAILED_MAX)
			return false;
	}
	return true;
}

static void
start_all(struct calls *c)
{
	for (unsigned i = 0; i < c->pairs && c->started < c->total; i++) {
		if (c->party[i].state == PARTY_IDLE)
			caller_start(&c->party[i]);
	}
}

/* Bindings, connections and nonces first: what is counted is the rest. */
static bool
warm_up(struct calls *c)
{
	uint64_t total = c->total, begin_ms = c->now_ms;
	bool fine;

	for (unsigned i = 0; i < 2 * c->pairs; i++) {
		if (!party_open(&c->party[i])) {
			perror("callload");
			return false;
		}
	}
	while (c->registered < 2 * c->pairs) {
		turn(c);
		if (c->failed > 0 || c->now_ms - begin_ms > STALLED_MS)
			return false;
	}
	c->total = c->pairs;
	start_all(c);
	fine = run(c) && c->failed == 0;
	c->total = total;
	c->started = c->ok = c->failed = c->retransmitted = c->challenged = 0;
	c->slowest_ms = 0;
	return fine;
}

static bool
measure(struct calls *c)
{
	double cpu;
	bool fine;

	if (!warm_up(c) || !load_wait())
		return false;
	cpu = load_cpu_seconds();
	c->now_ms = c->begin_ms = clock_mono_ms();
	if (c->rate == 0)
		start_all(c);
	fine = run(c);
	printf("ok=%llu failed=%llu retransmitted=%llu challenged=%llu "
	    "slowest_ms=%llu seconds=%.3f cpu=%.3f\n",
	    (unsigned long long)c->ok, (unsigned long long)c->failed,
	    (unsigned long long)c->retransmitted,
	    (unsigned long long)c->challenged,
	    (unsigned long long)c->slowest_ms,
	    (double)(clock_mono_ms() - c->begin_ms) / 1000,
	    load_cpu_seconds() - cpu);
	fflush(stdout);
	return fine && c->failed == 0;
}

static int
usage(void)
{
	fputs("usage: callload --udp ADDR:PORT [--tls ADDR:PORT] "
	    "--domain NAME\n       --password-file FILE [--total N] "
	    "[--pairs N] [--rate N]\n", stderr);
	return 2;
}

static bool
option(struct calls *c, int o, const char *arg)
{
	switch (o) {
	case 'u':
		return addr_parse(&c->server_udp, str_cstr(arg), 5060) == 0;
	case 't':
		return addr_parse(&c->server_tls, str_cstr(arg), 5061) == 0;
	case 'd':
		return str_copy(c->domain, sizeof(c->domain), str_cstr(arg));
	case 'p':
		return load_password(arg, c->password, sizeof(c->password));
	case 'n':
		c->total = strtoull(arg, NULL, 10);
		return true;
	case 'c':
		c->pairs = (unsigned)strtoul(arg, NULL, 10);
		return c->pairs > 0 && c->pairs <= 5000;
	case 'r':
		c->rate = (unsigned)strtoul(arg, NULL, 10);
		return true;
	default:
		return false;
	}
}

static bool
parse(int argc, char **argv, struct calls *c)
{
	static const struct option options[] = {
		{ "udp", required_argument, NULL, 'u' },
		{ "tls", required_argument, NULL, 't' },
		{ "domain", required_argument, NULL, 'd' },
		{ "password-file", required_argument, NULL, 'p' },
		{ "total", required_argument, NULL, 'n' },
		{ "pairs", required_argument, NULL, 'c' },
		{ "rate", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	bool fine = true;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		fine = fine && option(c, o, optarg);
	return fine && addr_is_set(&c->server_udp) && c->domain[0] != '\0';
}

int
main(int argc, char **argv)
{
	struct calls c = { .pairs = 50, .total = 1000,
		.server_udp = ADDR_NONE, .server_tls = ADDR_NONE };
	bool fine;

	if (!parse(argc, argv, &c))
		return usage();
	c.ctx = SSL_CTX_new(TLS_client_method());
	c.epoll = epoll_create1(0);
	c.party = calloc(2 * (size_t)c.pairs, sizeof(*c.party));
	if (c.ctx == NULL || c.epoll < 0 || c.party == NULL)
		return 3;
	c.now_ms = c.begin_ms = clock_mono_ms();
	for (unsigned i = 0; i < 2 * c.pairs; i++)
		c.party[i] = (struct party) { .calls = &c, .number = i,
			.fd = -1, .caller = i < c.pairs,
			.tls = i < c.pairs && addr_is_set(&c.server_tls) };
	fine = measure(&c);
	for (unsigned i = 0; i < 2 * c.pairs; i++)
		party_close(&c.party[i]);
	free(c.party);
	SSL_CTX_free(c.ctx);
	return fine ? 0 : 1;
}
