/* SPDX-License-Identifier: BSD-2-Clause */
/* store/probe: orders, questions and answers, and two who write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/err.h"
#include "store/device.h"
#include "store/probe.h"

static char dir[64], why[512];

static int
setup(void **state)
{
	snprintf(dir, sizeof(dir), "%s", "siptrust-probe-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/devices.db%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* devices.db with one device, number 1. */
static void
make_devices(void)
{
	struct store_device d = { .address = STR("192.0.2.7") };
	struct device_store *s;
	int64_t id = 0;

	assert_int_equal(device_store_open(&s, dir, false, why, sizeof(why)),
	    0);
	assert_int_equal(device_store_put(s, &d, &id), 0);
	assert_int_equal(id, 1);
	device_store_close(s);
}

static struct probe_store *
open_store(void)
{
	struct probe_store *s = NULL;

	if (probe_store_open(&s, dir, false, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return s;
}

static const struct store_probe order = {
	.device = 1, .run = 77, .address = { "192.0.2.7", 9 },
	.fingerprint = UINT64_C(0xfedcba9876543210),
	.name = { "100@example.com", 15 }, .ordered_s = 1700000000,
	.until_s = 1700009999, .methods = { "spoofed_root", 12 },
	.accepted = true, .state = { "running", 7 }, .connections = 3,
	.first_s = 5, .last_s = 9, .picked_s = 4,
};

static const struct store_probe_root root = {
	.device = 1, .no = 0, .label = { "Root", 4 }, .sha256 = { "ab", 2 },
	.subject = { "\x30\x00\x01", 3 }, .key_id = { "\x00\xff", 2 },
	.ec = true, .bits = 384, .genuine = { "\x30\x82", 2 },
	.class = { 1, -1, 23 }, .expected = true,
};

static const struct store_probe_answer answer = {
	.device = 1, .no = 1, .at_s = 1700000001,
	.method = { "spoofed_root", 12 }, .root = -1, .class = 2, .did = 1,
	.alert = 48, .us = 1234,
};

static const struct store_probe_holding holding = {
	.device = 1, .sha256 = { "ab", 2 }, .label = { "Root", 4 },
	.holding = { "holds", 5 }, .confidence = { "certain", 7 },
	.method = { "spoofed_root", 12 }, .reason = { "alert", 5 },
	.at_s = 1700000002,
};

static void
put_all(struct probe_store *s)
{
	assert_int_equal(probe_store_begin(s), 0);
	assert_int_equal(probe_store_put(s, &order), 0);
	assert_int_equal(probe_store_put_root(s, &root), 0);
	assert_int_equal(probe_store_put_answer(s, &answer), 0);
	assert_int_equal(probe_store_put_holding(s, &holding), 0);
	assert_int_equal(probe_store_commit(s), 0);
}

static int
on_order(const struct store_probe *p, void *arg)
{
	assert_int_equal(p->device, 1);
	assert_int_equal(p->run, 77);
	assert_true(p->fingerprint == order.fingerprint);
	assert_true(str_eq(p->address, order.address));
	assert_true(str_eq(p->name, order.name));
	assert_true(str_eq(p->methods, order.methods));
	assert_true(str_eq(p->state, order.state));
	assert_true(p->accepted);
	assert_int_equal(p->until_s, order.until_s);
	assert_int_equal(p->connections, 3);
	assert_int_equal(p->picked_s, 4);
	++*(int *)arg;
	return 0;
}

static int
on_root(const struct store_probe_root *r, void *arg)
{
	assert_true(str_eq(r->subject, root.subject));
	assert_true(str_eq(r->key_id, root.key_id));
	assert_true(str_eq(r->genuine, root.genuine));
	assert_memory_equal(r->class, root.class, sizeof(root.class));
	assert_true(r->ec && r->expected);
	assert_int_equal(r->bits, 384);
	++*(int *)arg;
	return 0;
}

static int
on_answer(const struct store_probe_answer *a, void *arg)
{
	assert_int_equal(a->root, -1);
	assert_int_equal(a->alert, 48);
	assert_int_equal(a->us, 1234);
	assert_true(str_eq(a->method, answer.method));
	++*(int *)arg;
	return 0;
}

static int
on_holding(const struct store_probe_holding *h, void *arg)
{
	assert_true(str_eq(h->holding, holding.holding));
	assert_true(str_eq(h->reason, holding.reason));
	assert_int_equal(h->at_s, holding.at_s);
	++*(int *)arg;
	return 0;
}

static void
check(struct probe_store *s, int64_t device, int runs, int held)
{
	int n[4] = { 0 };

	assert_int_equal(probe_store_each(s, device, on_order, &n[0]), 0);
	assert_int_equal(probe_store_each_root(s, device, on_root, &n[1]), 0);
	assert_int_equal(probe_store_each_answer(s, device, on_answer, &n[2]),
	    0);
	assert_int_equal(probe_store_each_holding(s, device, on_holding,
	    &n[3]), 0);
	assert_int_equal(n[0], runs);
	assert_int_equal(n[1], runs);
	assert_int_equal(n[2], runs);
	assert_int_equal(n[3], held);
}

static void
what_is_put_is_there(void **state)
{
	struct probe_store *s;

	make_devices();
	s = open_store();
	put_all(s);
	probe_store_close(s);
	assert_int_equal(probe_store_open(&s, dir, true, why, sizeof(why)), 0);
	check(s, 0, 1, 1);
	check(s, 1, 1, 1);
	check(s, 2, 0, 0);
	assert_true(probe_store_is_there(s));
	probe_store_close(s);
}

static void
nothing_there_is_told(void **state)
{
	struct probe_store *s = NULL;

	assert_int_equal(probe_store_open(&s, dir, false, why, sizeof(why)),
	    E_ABSENT);
	assert_non_null(strstr(why, "no such file"));
	make_devices();
	assert_int_equal(probe_store_open(&s, dir, true, why, sizeof(why)),
	    E_ABSENT);
	assert_non_null(strstr(why, "no device was asked"));
	assert_null(s);
}

static void
the_other_one_sees_what_was_written(void **state)
{
	struct probe_store *edge, *command;

	make_devices();
	edge = open_store();
	command = open_store();
	assert_true(probe_store_changed(edge));
	assert_false(probe_store_changed(edge));
	put_all(command);
	assert_true(probe_store_changed(edge));
	assert_false(probe_store_changed(edge));
	check(edge, 1, 1, 1);
	probe_store_close(edge);
	probe_store_close(command);
}

static int
on_state(const struct store_probe *p, void *arg)
{
	snprintf(arg, 32, "%.*s %d", STR_FMT(p->state), (int)p->connections);
	return 0;
}

/* The edge writes how far it is a moment after the admin has said stop. */
static void
stopped_is_not_undone(void **state)
{
	struct store_probe p = order;
	struct probe_store *s;
	char said[32] = "";

	make_devices();
	s = open_store();
	put_all(s);
	p.state = STR("stopped");
	assert_int_equal(probe_store_set_state(s, &p), 0);
	p.state = STR("running");
	p.connections = 8;
	assert_int_equal(probe_store_set_state(s, &p), 0);
	assert_int_equal(probe_store_each(s, 1, on_state, said), 0);
	assert_string_equal(said, "stopped 8");
	/* Another run of the device is not touched. */
	p.run = 78;
	p.connections = 9;
	assert_int_equal(probe_store_set_state(s, &p), 0);
	assert_int_equal(probe_store_each(s, 1, on_state, said), 0);
	assert_string_equal(said, "stopped 8");
	probe_store_close(s);
}

static void
what_a_device_holds_outlives_the_run(void **state)
{
	struct store_device d = { .id = 1 };
	struct device_store *devices;
	struct probe_store *s;
	int n = 0;

	make_devices();
	s = open_store();
	put_all(s);
	assert_int_equal(probe_store_clear(s, 1), 0);
	assert_int_equal(probe_store_each_root(s, 1, on_root, &n), 0);
	assert_int_equal(probe_store_each_answer(s, 1, on_answer, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(probe_store_prune(s), 0);
	assert_int_equal(probe_store_each_holding(s, 1, on_holding, &n), 0);
	assert_int_equal(n, 1);
	/* But not the device. */
	assert_int_equal(device_store_open(&devices, dir, false, why,
	    sizeof(why)), 0);
	assert_int_equal(device_store_del(devices, d.id), 0);
	device_store_close(devices);
	assert_int_equal(probe_store_prune(s), 0);
	check(s, 0, 0, 0);
	probe_store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_put_is_there, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(nothing_there_is_told, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    the_other_one_sees_what_was_written, setup, teardown),
		cmocka_unit_test_setup_teardown(stopped_is_not_undone, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    what_a_device_holds_outlives_the_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
