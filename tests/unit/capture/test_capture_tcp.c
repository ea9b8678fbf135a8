/* SPDX-License-Identifier: BSD-2-Clause */
/* Each side's bytes come in order, once, whatever the capture did to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "capture/tcp.h"

static struct tcp t;
static char got[2][4096];
static size_t ngot[2];
static size_t passed_on;
static int fin[2], rst, gone[4];
static uint64_t now_us;

static void
on_bytes(struct tcp_stream *s, int side, struct str bytes, uint64_t us,
    void *arg)
{
	passed_on += bytes.n;
	if (bytes.n > sizeof(got[0]) - ngot[side])
		return;
	memcpy(got[side] + ngot[side], bytes.p, bytes.n);
	ngot[side] += bytes.n;
}

static void
on_closed(struct tcp_stream *s, int side, enum tcp_closing how, uint64_t us,
    void *arg)
{
	if (how == TCP_CLOSED_FIN)
		fin[side]++;
	else
		rst++;
}

static void
on_gone(struct tcp_stream *s, enum tcp_gone why, uint64_t us, void *arg)
{
	gone[why]++;
}

static int
setup(void **state)
{
	const struct tcp_reader r = { on_bytes, on_closed, on_gone, NULL };

	memset(ngot, 0, sizeof(ngot));
	memset(fin, 0, sizeof(fin));
	memset(gone, 0, sizeof(gone));
	rst = 0;
	passed_on = 0;
	now_us = 1000000;
	return tcp_init(&t, &r, 4);
}

static int
teardown(void **state)
{
	tcp_fini(&t);
	return 0;
}

static void
put(unsigned port, bool from_client, uint32_t seq, unsigned flags,
    struct str payload)
{
	struct segment seg = { .seq = seq, .flags = (uint8_t)flags,
		.payload = payload };
	struct addr client, server;

	assert_int_equal(addr_parse(&client, STR("192.0.2.1"),
	    (uint16_t)port), 0);
	assert_int_equal(addr_parse(&server, STR("192.0.2.2:5061"), 0), 0);
	addr_set_port(&client, (uint16_t)port);
	seg.from = from_client ? client : server;
	seg.to = from_client ? server : client;
	tcp_segment(&t, &seg, ++now_us);
}

#define C(seq, flags, text) put(40000, true, seq, flags, STR(text))
#define S(seq, flags, text) put(40000, false, seq, flags, STR(text))

static void
has(int side, const char *text)
{
	assert_int_equal(ngot[side], strlen(text));
	assert_memory_equal(got[side], text, ngot[side]);
}

static void
open_at(uint32_t seq)
{
	C(seq - 1, TCP_SYN, "");
	S(999, TCP_SYN | TCP_ACK, "");
}

static void
both_sides_to_the_end(void **state)
{
	open_at(100);
	C(100, TCP_ACK, "hello");
	S(1000, TCP_ACK, "world");
	C(105, TCP_ACK | TCP_FIN, "!");
	assert_int_equal(gone[TCP_GONE_OVER], 0);
	S(1005, TCP_ACK | TCP_FIN, "");
	has(0, "hello!");
	has(1, "world");
	assert_int_equal(fin[0], 1);
	assert_int_equal(fin[1], 1);
	assert_int_equal(gone[TCP_GONE_OVER], 1);
	/* What comes late is of the same stream. */
	C(105, TCP_ACK | TCP_FIN, "!");
	tcp_end(&t, now_us);
	assert_int_equal(t.counts.streams, 1);
	assert_int_equal(gone[TCP_GONE_END], 0);
}

static void
out_of_order_again_and_overlapping(void **state)
{
	open_at(100);
	C(104, TCP_ACK | TCP_FIN, "efgh");
	C(102, TCP_ACK, "cdXX");
	assert_int_equal(fin[0], 0);
	C(100, TCP_ACK, "abc");
	C(100, TCP_ACK, "abcd");
	C(100, TCP_ACK, "abc");
	/* The first of what came twice counts: d of the second segment. */
	has(0, "abcdXXgh");
	assert_int_equal(fin[0], 1);
	assert_true(t.counts.retransmitted >= 2);
}

static void
sequence_numbers_wrap_around(void **state)
{
	open_at(0xfffffffd);
	C(2, TCP_ACK, "fgh");
	C(0xfffffffd, TCP_ACK, "abcde");
	has(0, "abcdefgh");
}

static void
mid_stream(void **state)
{
	C(5000, TCP_ACK, "late");
	S(70, TCP_ACK, "too");
	has(0, "late");
	has(1, "too");
	assert_int_equal(t.counts.mid_stream, 1);
}

static void
syn_ack_alone_tells_who_opened(void **state)
{
	S(999, TCP_SYN | TCP_ACK, "");
	C(100, TCP_ACK, "hello");
	has(0, "hello");
	assert_int_equal(t.counts.mid_stream, 0);
}

static void
a_gap_that_does_not_close(void **state)
{
	char block[1400];

	memset(block, 'x', sizeof(block));
	open_at(100);
	C(100, TCP_ACK, "a");
	for (uint32_t i = 0; i < 100; i++)
		put(40000, true, 200 + i * 1400, TCP_ACK,
		    str_of(block, sizeof(block)));
	has(0, "a");
	assert_int_equal(t.counts.missing, 1);
	assert_int_equal(t.waiting_bytes, 0);
	/* The other side is read on; a FIN is heard. */
	S(1000, TCP_ACK, "b");
	has(1, "b");
	C(900000, TCP_ACK | TCP_FIN, "");
	assert_int_equal(fin[0], 1);
}

static void
only_so_much_is_passed_on(void **state)
{
	static char block[60000];

	open_at(100);
	for (uint32_t i = 0; i < 20; i++)
		put(40000, true, 100 + i * 60000, TCP_ACK,
		    str_of(block, sizeof(block)));
	assert_in_range(passed_on, TCP_READ_MAX,
	    TCP_READ_MAX + sizeof(block));
}

static void
reset_ends_it(void **state)
{
	open_at(100);
	C(100, TCP_ACK, "a");
	S(1000, TCP_RST, "");
	assert_int_equal(rst, 1);
	assert_int_equal(gone[TCP_GONE_OVER], 1);
}

static void
port_used_again(void **state)
{
	open_at(100);
	C(100, TCP_ACK, "a");
	open_at(7000);
	assert_int_equal(gone[TCP_GONE_OVER], 1);
	C(7000, TCP_ACK, "b");
	has(0, "ab");
	assert_int_equal(t.counts.streams, 2);
}

static void
retransmitted_syn_is_no_new_stream(void **state)
{
	C(99, TCP_SYN, "");
	C(99, TCP_SYN, "");
	assert_int_equal(t.counts.streams, 1);
}

static void
idle_and_too_many_streams_go(void **state)
{
	for (unsigned port = 1; port <= 6; port++)
		put(40000 + port, true, 1, TCP_SYN, STR(""));
	assert_int_equal(gone[TCP_GONE_EVICTED], 2);
	assert_int_equal(t.counts.evicted, 2);
	now_us += TCP_IDLE_US + 1;
	put(50000, true, 1, TCP_SYN, STR(""));
	assert_int_equal(gone[TCP_GONE_IDLE], 4);
	tcp_end(&t, now_us);
	assert_int_equal(gone[TCP_GONE_END], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(both_sides_to_the_end),
		T(out_of_order_again_and_overlapping),
		T(sequence_numbers_wrap_around),
		T(mid_stream),
		T(syn_ack_alone_tells_who_opened),
		T(a_gap_that_does_not_close),
		T(only_so_much_is_passed_on),
		T(reset_ends_it),
		T(port_used_again),
		T(retransmitted_syn_is_no_new_stream),
		T(idle_and_too_many_streams_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
