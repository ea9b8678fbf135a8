/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sipload: registers phones against a SIP server and counts.
 *
 *     sipload MODE --server ADDR:PORT --domain NAME --password-file FILE
 *             [--total N] [--phones N] [--users N] [--tls 1.2|1.3] [--tcp]
 *             [--resume]
 *
 * storm: a new connection for each registration; steady: over open ones; udp;
 * idle: open, register, print "ready", hold until the standard input ends.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sipload.h"

#define EVENTS      256
#define STALLED_MS  60000

/* One turn of the loop; false: nothing has moved for a minute. */
static bool
turn(struct load *l, uint64_t *last_ok, uint64_t *moved_ms)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(l->epoll, ev, EVENTS, 100);
	uint64_t now_ms = clock_mono_ms();

	for (int i = 0; i < n; i++)
		phone_ready(ev[i].data.ptr, ev[i].events);
	if (n < EVENTS / 2 && l->mode == LOAD_UDP) {
		for (unsigned i = 0; i < l->phones; i++)
			phone_tick(&l->phone[i], now_ms);
	}
	if (l->ok != *last_ok) {
		*last_ok = l->ok;
		*moved_ms = now_ms;
	}
	return now_ms - *moved_ms < STALLED_MS && l->failed < 1000;
}

static bool
run_until(struct load *l, uint64_t target)
{
	uint64_t last_ok = l->ok, moved_ms = clock_mono_ms();

	l->target = target;
	while (l->ok < target) {
		if (!turn(l, &last_ok, &moved_ms))
			return false;
	}
	return true;
}

/* Open connections and a nonce first: what is counted is the rest. */
static bool
warm_up(struct load *l)
{
	uint64_t total = l->total;
	bool fine;

	l->total = l->phones;
	for (unsigned i = 0; i < l->phones; i++)
		phone_start(&l->phone[i]);
	fine = run_until(l, l->phones);
	l->total = total;
	l->ok = l->started = l->failed = l->retransmitted = l->resumed = 0;
	return fine;
}

static bool
measure(struct load *l)
{
	bool warm = l->mode == LOAD_STEADY || l->mode == LOAD_UDP || l->resume;
	uint64_t begin_ms;
	double cpu;
	bool fine;

	if (warm && !warm_up(l))
		return false;
	if (!load_wait())
		return false;
	cpu = load_cpu_seconds();
	begin_ms = clock_mono_ms();
	for (unsigned i = 0; i < l->phones && l->started < l->total; i++)
		phone_start(&l->phone[i]);
	fine = run_until(l, l->total);
	printf("ok=%llu failed=%llu resumed=%llu retransmitted=%llu "
	    "seconds=%.3f cpu=%.3f\n", (unsigned long long)l->ok,
	    (unsigned long long)l->failed, (unsigned long long)l->resumed,
	    (unsigned long long)l->retransmitted,
	    (double)(clock_mono_ms() - begin_ms) / 1000,
	    load_cpu_seconds() - cpu);
	fflush(stdout);
	return fine;
}

/* Steps of phones are asked for on the standard input, one number a line. */
static bool
hold(struct load *l)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		unsigned want = (unsigned)strtoul(line, NULL, 10);

		/* A few at a time: the backlog is not what is measured. */
		while (l->registered < want) {
			uint64_t goal = l->ok + 50;
			for (unsigned i = 0; i < 50; i++)
				phone_start(&l->phone[l->ok + i]);
			if (!run_until(l, goal))
				return false;
		}
		printf("ready %u\n", l->registered);
		fflush(stdout);
	}
	return true;
}

static int
usage(void)
{
	fputs("usage: sipload storm|steady|udp|idle --server ADDR:PORT "
	    "--domain NAME\n       --password-file FILE [--total N] "
	    "[--phones N] [--users N]\n       [--tls 1.2|1.3] [--tcp] "
	    "[--resume]\n", stderr);
	return 2;
}

static bool
parse(int argc, char **argv, struct load *l)
{
	static const struct option options[] = {
		{ "server", required_argument, NULL, 's' },
		{ "domain", required_argument, NULL, 'd' },
		{ "password-file", required_argument, NULL, 'p' },
		{ "total", required_argument, NULL, 'n' },
		{ "phones", required_argument, NULL, 'c' },
		{ "users", required_argument, NULL, 'u' },
		{ "tls", required_argument, NULL, 't' },
		{ "tcp", no_argument, NULL, 'T' },
		{ "resume", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	bool fine = true;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 's': fine = fine && addr_parse(&l->server,
			    str_cstr(optarg), 5060) == 0; break;
		case 'd': fine = fine && str_copy(l->domain, sizeof(l->domain),
			    str_cstr(optarg)); break;
		case 'p': fine = fine && load_password(optarg, l->password,
			    sizeof(l->password)); break;
		case 'n': l->total = strtoull(optarg, NULL, 10); break;
		case 'c': l->phones = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'u': l->users = (unsigned)strtoul(optarg, NULL, 10); break;
		case 't': l->tls_version = strcmp(optarg, "1.2") == 0 ?
			    TLS1_2_VERSION : TLS1_3_VERSION; break;
		case 'T': l->tls = false; break;
		case 'r': l->resume = true; break;
		default: fine = false; break;
		}
	}
	return fine && addr_is_set(&l->server) && l->domain[0] != '\0' &&
	    l->phones > 0 && l->users > 0;
}

static bool
find_mode(const char *name, enum load_mode *out)
{
	static const char *const names[] = { "storm", "steady", "udp", "idle" };

	for (int i = 0; i < (int)ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum load_mode)i;
			return true;
		}
	}
	return false;
}

int
main(int argc, char **argv)
{
	struct load l = { .tls = true, .tls_version = TLS1_3_VERSION,
		.phones = 50, .users = 1000, .total = 1000,
		.cseq0 = ((uint32_t)time(NULL) & 0x3ffff) << 13 };
	bool fine;

	if (argc < 2 || !find_mode(argv[1], &l.mode) ||
	    !parse(argc - 1, argv + 1, &l))
		return usage();
	l.ctx = SSL_CTX_new(TLS_client_method());
	l.epoll = epoll_create1(0);
	l.phone = calloc(l.phones, sizeof(*l.phone));
	if (l.ctx == NULL || l.epoll < 0 || l.phone == NULL ||
	    SSL_CTX_set_min_proto_version(l.ctx, l.tls_version) != 1 ||
	    SSL_CTX_set_max_proto_version(l.ctx, l.tls_version) != 1)
		return 3;
	SSL_CTX_set_session_cache_mode(l.ctx, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_mode(l.ctx, SSL_MODE_RELEASE_BUFFERS);
	for (unsigned i = 0; i < l.phones; i++)
		l.phone[i] = (struct phone) { .load = &l, .number = i,
			.user = i % l.users, .fd = -1, .cseq = l.cseq0 };
	fine = l.mode == LOAD_IDLE ? hold(&l) : measure(&l);
	for (unsigned i = 0; i < l.phones; i++)
		phone_end(&l.phone[i]);
	return fine ? 0 : 1;
}
