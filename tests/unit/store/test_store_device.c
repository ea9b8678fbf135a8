/* SPDX-License-Identifier: BSD-2-Clause */
/* store/device: what is put is there again, after kill -9 too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "store/device.h"

static char dir[64], why[256];

static int
setup(void **state)
{
	snprintf(dir, sizeof(dir), "%s", "siptrust-device-XXXXXX");
	*state = NULL;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm", ".broken",
		".broken-wal", ".broken-shm" };
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/devices.db%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static struct device_store *
open_store(bool read_only)
{
	struct device_store *s;

	if (device_store_open(&s, dir, read_only, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return s;
}

static const struct store_device phone = {
	.address = { "192.0.2.7", 9 },
	.fingerprint = UINT64_C(0xfedcba9876543210),
	.ja4 = { "t12d800700_x_y", 14 }, .user_agent = { "Cisco/SPA502G", 13 },
	.accounts = { "100@example.com 101@example.com", 31 },
	.first_seen_s = 1700000000, .last_seen_s = 1700000100, .transport = 2,
	.tls_version = 0x0301, .cipher_suite = 0x002f, .chain = { "b", 1 },
	.events = UINT32_MAX, .old_version = true,
	.cause = { "untrusted_root", 14 }, .confidence = { "certain", 7 },
	.reason = { "alert unknown_ca(48)", 20 }, .remedy = { "install A", 9 },
	.refused_s = 1700000050,
};

static int
same_phone(const struct store_device *d, void *arg)
{
	int *n = arg;

	assert_true(str_eq(d->address, phone.address));
	assert_true(d->fingerprint == phone.fingerprint);
	assert_true(str_eq(d->ja4, phone.ja4));
	assert_true(str_eq(d->user_agent, phone.user_agent));
	assert_true(str_eq(d->accounts, phone.accounts));
	assert_true(d->first_seen_s == phone.first_seen_s);
	assert_true(d->last_seen_s == phone.last_seen_s);
	assert_int_equal(d->transport, phone.transport);
	assert_int_equal(d->tls_version, phone.tls_version);
	assert_int_equal(d->cipher_suite, phone.cipher_suite);
	assert_true(str_eq(d->chain, phone.chain));
	assert_true(d->events == phone.events);
	assert_true(d->old_version);
	assert_true(str_eq(d->cause, phone.cause));
	assert_true(str_eq(d->confidence, phone.confidence));
	assert_true(str_eq(d->reason, phone.reason));
	assert_true(str_eq(d->remedy, phone.remedy));
	assert_true(d->refused_s == phone.refused_s);
	(*n)++;
	return 0;
}

static const struct store_deed deed = {
	.chain = { "a", 1 }, .root = { "Root A", 6 }, .accepted = 1,
	.refused = UINT32_MAX, .accepted_no = 3, .refused_no = 4, .in_row = 5,
	.accepted_s = 1700000000, .refused_s = 1700000001, .key = 2,
	.faults = 0x80000001, .depth = 3, .fetched = true,
};

static int
same_deed(const struct store_deed *d, void *arg)
{
	int *n = arg;

	assert_true(str_eq(d->chain, deed.chain));
	assert_true(str_eq(d->root, deed.root));
	assert_true(d->accepted == 1 && d->refused == UINT32_MAX);
	assert_true(d->accepted_no == 3 && d->refused_no == 4);
	assert_true(d->in_row == 5 && d->key == 2 && d->fetched);
	assert_true(d->accepted_s == deed.accepted_s);
	assert_true(d->refused_s == deed.refused_s);
	assert_true(d->faults == deed.faults && d->depth == 3);
	(*n)++;
	return 0;
}

static void
put_phone(struct device_store *s, int64_t *id)
{
	struct store_deed d = deed;

	assert_int_equal(device_store_begin(s), 0);
	assert_int_equal(device_store_put(s, &phone, id), 0);
	assert_true(*id > 0);
	d.device = *id;
	assert_int_equal(device_store_put_deed(s, &d), 0);
	assert_int_equal(device_store_commit(s), 0);
}

static void
what_is_put_is_there_again(void **state)
{
	struct device_store *s = open_store(false);
	struct store_device again = phone;
	int64_t id, same;
	struct stat st;
	char path[128];
	int n = 0;

	put_phone(s, &id);
	again.id = id;
	assert_int_equal(device_store_put(s, &again, &same), 0);
	assert_true(same == id);
	device_store_close(s);
	snprintf(path, sizeof(path), "%s/devices.db", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_store(true);
	assert_int_equal(device_store_each(s, same_phone, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(device_store_each_deed(s, 0, same_deed, &n), 0);
	assert_int_equal(device_store_each_deed(s, id, same_deed, &n), 0);
	assert_int_equal(n, 3);
	/* A reader writes nothing. */
	assert_true(device_store_put(s, &phone, &same) != 0);
	assert_true(device_store_error(s)[0] != '\0');
	device_store_close(s);
}

static void
what_was_deleted_is_gone_whole(void **state)
{
	struct device_store *s = open_store(false);
	struct store_event e = { .what = STR("refused"), .chain = STR("a") };
	int64_t one, two;
	int n = 0;

	put_phone(s, &one);
	put_phone(s, &two);
	assert_true(one != two);
	e.device = one;
	assert_int_equal(device_store_put_event(s, &e), 0);
	assert_int_equal(device_store_del(s, one), 0);
	assert_int_equal(device_store_each(s, same_phone, &n), 0);
	assert_int_equal(device_store_each_deed(s, 0, same_deed, &n), 0);
	assert_int_equal(n, 2);
	device_store_close(s);
}

struct seen_events {
	int n;
	int64_t last;
};

static int
newest_first(const struct store_event *e, void *arg)
{
	struct seen_events *seen = arg;

	assert_true(seen->n == 0 || e->when_s < seen->last);
	assert_true(str_eq(e->what, STR("refused")));
	assert_true(str_eq(e->cause, STR("untrusted_root")));
	assert_int_equal(e->tls_version, 0x0303);
	seen->last = e->when_s;
	seen->n++;
	return 0;
}

static int
stop_at_once(const struct store_event *e, void *arg)
{
	return 7;
}

static void
events_are_bounded_and_newest_first(void **state)
{
	struct device_store *s = open_store(false);
	struct seen_events seen = { 0 };
	int64_t id;

	put_phone(s, &id);
	for (int i = 1; i <= 3 * STORE_EVENTS_PER_DEVICE; i++) {
		struct store_event e = {
			.device = i % 2 != 0 ? id : id + 1, .when_s = i,
			.what = STR("refused"), .chain = STR("a"),
			.cause = STR("untrusted_root"), .tls_version = 0x0303,
		};

		assert_int_equal(device_store_put_event(s, &e), 0);
	}
	assert_int_equal(device_store_each_event(s, id, newest_first, &seen),
	    0);
	assert_int_equal(seen.n, STORE_EVENTS_PER_DEVICE);
	assert_int_equal(device_store_each_event(s, 0, stop_at_once, NULL), 7);
	device_store_close(s);
}

/* What was committed is there after kill -9, what was not is not. */
static void
survives_kill(void **state)
{
	struct device_store *s;
	int status, n = 0;
	pid_t child = fork();

	if (child == 0) {
		int64_t id;

		s = open_store(false);
		put_phone(s, &id);
		if (device_store_begin(s) != 0 ||
		    device_store_put(s, &phone, &id) != 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_true(child > 0);
	assert_true(waitpid(child, &status, 0) == child);
	assert_true(WIFSIGNALED(status));
	s = open_store(false);
	assert_int_equal(device_store_each(s, same_phone, &n), 0);
	assert_int_equal(device_store_each_deed(s, 0, same_deed, &n), 0);
	assert_int_equal(n, 2);
	device_store_close(s);
}

static void
write_file(const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/devices.db", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs(text, f);
	fclose(f);
}

static void
a_broken_file_is_said_and_set_aside(void **state)
{
	struct device_store *s;
	int64_t id;

	write_file("this is no database\n");
	assert_int_equal(device_store_open(&s, dir, false, why, sizeof(why)),
	    E_PARSE);
	assert_non_null(strstr(why, "devices.db: "));
	assert_int_equal(device_store_open(&s, dir, true, why, sizeof(why)),
	    E_PARSE);
	assert_int_equal(device_store_set_aside(dir), 0);
	s = open_store(false);
	put_phone(s, &id);
	assert_true(device_store_is_there(s));
	device_store_close(s);
}

static void
none_is_told_from_broken(void **state)
{
	struct device_store *s;

	assert_int_equal(device_store_open(&s, dir, true, why, sizeof(why)),
	    E_ABSENT);
	assert_non_null(strstr(why, "no such file"));
	assert_int_equal(device_store_open(&s, "/nonexistent/x", false, why,
	    sizeof(why)), E_ABSENT);
}

static void
one_that_was_removed_is_noticed(void **state)
{
	struct device_store *s = open_store(false);
	char path[128];

	assert_true(device_store_is_there(s));
	snprintf(path, sizeof(path), "%s/devices.db", dir);
	unlink(path);
	assert_false(device_store_is_there(s));
	device_store_close(s);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_is_there_again),
		TEST(what_was_deleted_is_gone_whole),
		TEST(events_are_bounded_and_newest_first),
		TEST(survives_kill),
		TEST(a_broken_file_is_said_and_set_aside),
		TEST(none_is_told_from_broken),
		TEST(one_that_was_removed_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
