/* SPDX-License-Identifier: BSD-2-Clause */
/* net/dgram and net/sock: batches, and answers from the address asked. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <unistd.h>

#include "net/dgram.h"
#include "net/sock.h"

static void
wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 5000), 1);
}

static int
bound(const char *text, struct addr *out)
{
	int fd;

	assert_int_equal(addr_parse(out, str_cstr(text), 0), 0);
	fd = sock_udp(out);
	assert_true(fd >= 0);
	sock_local(fd, out);
	return fd;
}

/* A wildcard socket answers from the very address that was asked. */
static void
answer_leaves_from_the_address_asked(void **state)
{
	struct addr server, client, asked;
	int s = bound("0.0.0.0:0", &server);
	int c = bound("127.0.0.1:0", &client);
	struct dgram_io *io;
	struct dgram d[DGRAM_BATCH];

	assert_int_equal(dgram_io_new(&io), 0);
	assert_int_equal(addr_parse(&asked, STR("127.0.0.77"),
	    addr_port(&server)), 0);
	dgram_send(io, c, &client, &client, &asked, STR("ask"));
	dgram_flush(io);
	wait_readable(s);
	assert_int_equal(dgram_recv(io, s, &server, d), 1);
	assert_true(str_eq(d[0].bytes, STR("ask")));
	assert_true(addr_equal(&d[0].peer, &client));
	assert_true(addr_equal_ip(&d[0].local, &asked));
	dgram_send(io, s, &server, &d[0].local, &d[0].peer, STR("answer"));
	dgram_flush(io);
	wait_readable(c);
	assert_int_equal(dgram_recv(io, c, &client, d), 1);
	assert_true(str_eq(d[0].bytes, STR("answer")));
	assert_true(addr_equal(&d[0].peer, &asked));
	dgram_io_free(io);
	close(s);
	close(c);
}

static void
more_than_a_batch_arrives(void **state)
{
	struct addr server, client;
	int s = bound("127.0.0.1:0", &server);
	int c = bound("127.0.0.1:0", &client);
	struct dgram_io *io;
	struct dgram d[DGRAM_BATCH];
	int got = 0, n;

	assert_int_equal(dgram_io_new(&io), 0);
	for (int i = 0; i < 3 * DGRAM_BATCH + 5; i++) {
		char text[16];
		int len = snprintf(text, sizeof(text), "%d", i);
		dgram_send(io, c, &client, &client, &server,
		    str_of(text, (size_t)len));
	}
	dgram_flush(io);
	while ((n = dgram_recv(io, s, &server, d)) > 0) {
		for (int i = 0; i < n; i++) {
			uint32_t number;
			assert_true(str_u32(d[i].bytes, &number));
			assert_int_equal(number, got);
			got++;
		}
	}
	assert_int_equal(n, 0);
	assert_int_equal(got, 3 * DGRAM_BATCH + 5);
	dgram_io_free(io);
	close(s);
	close(c);
}

static void
an_unreachable_peer_does_not_stop_the_others(void **state)
{
	struct addr client, good, nowhere;
	int c = bound("127.0.0.1:0", &client);
	int g = bound("127.0.0.1:0", &good);
	struct dgram_io *io;
	struct dgram d[DGRAM_BATCH];

	assert_int_equal(dgram_io_new(&io), 0);
	/* From a loopback address the kernel cannot route to the network. */
	assert_int_equal(addr_parse(&nowhere, STR("255.255.255.255:9"), 0), 0);
	dgram_send(io, c, &client, &client, &nowhere, STR("lost"));
	dgram_send(io, c, &client, &client, &good, STR("found"));
	dgram_flush(io);
	wait_readable(g);
	assert_int_equal(dgram_recv(io, g, &good, d), 1);
	assert_true(str_eq(d[0].bytes, STR("found")));
	dgram_io_free(io);
	close(c);
	close(g);
}

static void
listening_twice_on_one_port_is_allowed(void **state)
{
	struct addr a;
	int one, two;

	assert_int_equal(addr_parse(&a, STR("127.0.0.1:0"), 0), 0);
	one = sock_listen(&a, 8);
	assert_true(one >= 0);
	sock_local(one, &a);
	two = sock_listen(&a, 8);
	assert_true(two >= 0);
	close(one);
	close(two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_leaves_from_the_address_asked),
		cmocka_unit_test(more_than_a_batch_arrives),
		cmocka_unit_test(an_unreachable_peer_does_not_stop_the_others),
		cmocka_unit_test(listening_twice_on_one_port_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
