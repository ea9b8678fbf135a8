/* SPDX-License-Identifier: BSD-2-Clause */
/* store: the same table of tests for both backends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "store/mem.h"
#include "store/store.h"

static char dir[64];

static void
remove_files(void)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/siptrust.db%s", dir, names[i]);
		unlink(path);
	}
}

static int
setup_sqlite(void **state)
{
	char why[256];
	struct store *s;

	snprintf(dir, sizeof(dir), "%s", "siptrust-store-XXXXXX");
	if (mkdtemp(dir) == NULL ||
	    store_open_sqlite(&s, dir, why, sizeof(why)) != 0)
		return -1;
	*state = s;
	return 0;
}

static int
teardown_sqlite(void **state)
{
	store_close(*state);
	remove_files();
	return rmdir(dir);
}

static int
setup_memory(void **state)
{
	struct store *s;

	if (store_open_memory(&s) != 0)
		return -1;
	*state = s;
	return 0;
}

static int
teardown_memory(void **state)
{
	store_close(*state);
	return 0;
}

static struct store_binding
binding(const char *aor, const char *key, int64_t expires_s)
{
	return (struct store_binding) {
		.aor = str_cstr(aor), .key = str_cstr(key),
		.contact = STR("sip:a@192.0.2.1:5060;transport=tls"),
		.params = STR(";q=0.5"), .instance_id = STR("<urn:uuid:1>"),
		.reg_id = 1, .call_id = STR("call"), .cseq = 4000000000u,
		.expires_s = expires_s, .path = STR("<sip:p;lr>"),
		.user_agent = STR("ua/1"), .received = STR("192.0.2.1:5061"),
		.transport = 2,
	};
}

struct seen {
	int n;
	struct store_binding last;
	char contact[128];
};

static int
count_one(const struct store_binding *b, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->last = *b;
	snprintf(s->contact, sizeof(s->contact), "%.*s", STR_FMT(b->contact));
	return 0;
}

static int
count_bindings(struct store *s)
{
	struct seen seen = { 0 };

	assert_int_equal(store_each_binding(s, count_one, &seen), 0);
	return seen.n;
}

static void
a_binding_comes_back_as_it_was(void **state)
{
	struct store_binding b = binding("100@x", "k", 5000000000);
	struct seen seen = { 0 };

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_put_binding(*state, &b), 0);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_each_binding(*state, count_one, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.contact, "sip:a@192.0.2.1:5060;transport=tls");
	assert_int_equal(seen.last.cseq, 4000000000u);
	assert_true(seen.last.expires_s == 5000000000);
	assert_int_equal(seen.last.transport, 2);
	assert_int_equal(seen.last.reg_id, 1);
}

static void
the_same_key_is_replaced_and_another_is_not(void **state)
{
	struct store_binding a = binding("100@x", "k", 10),
	    b = binding("100@x", "k", 20), c = binding("100@x", "l", 30),
	    d = binding("101@x", "k", 40);

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_put_binding(*state, &a), 0);
	assert_int_equal(store_put_binding(*state, &b), 0);
	assert_int_equal(store_put_binding(*state, &c), 0);
	assert_int_equal(store_put_binding(*state, &d), 0);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(count_bindings(*state), 3);
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_del_binding(*state, STR("100@x"), STR("k")), 0);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(count_bindings(*state), 2);
	assert_int_equal(store_del_expired(*state, 35), 0);
	assert_int_equal(count_bindings(*state), 1);
}

static void
a_rollback_leaves_nothing(void **state)
{
	struct store_binding b = binding("100@x", "k", 10);

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_put_binding(*state, &b), 0);
	store_rollback(*state);
	store_rollback(*state); /* twice does no harm */
	assert_int_equal(count_bindings(*state), 0);
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_commit(*state), 0);
}

static int
count_users(const struct store_user *u, void *arg)
{
	++*(int *)arg;
	return 0;
}

static void
users_and_settings(void **state)
{
	struct store_user u = { .name = STR("100"), .realm = STR("x") };
	char value[32];
	int n = 0;

	strcpy(u.ha1[DIGEST_MD5], "0123456789abcdef0123456789abcdef");
	assert_int_equal(store_put_user(*state, &u), 0);
	assert_int_equal(store_put_user(*state, &u), 0);
	assert_int_equal(store_each_user(*state, count_users, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_del_user(*state, STR("100"), STR("y")),
	    E_ABSENT);
	assert_int_equal(store_del_user(*state, STR("100"), STR("x")), 0);
	assert_int_equal(store_get_meta(*state, "domain", value,
	    sizeof(value)), E_ABSENT);
	assert_int_equal(store_put_meta(*state, "domain", "one"), 0);
	assert_int_equal(store_put_meta(*state, "domain", "two"), 0);
	assert_int_equal(store_get_meta(*state, "domain", value,
	    sizeof(value)), 0);
	assert_string_equal(value, "two");
	assert_int_equal(store_get_meta(*state, "domain", value, 2), E_LIMIT);
}

static void
another_process_is_noticed_and_the_file_is_private(void **state)
{
	struct store_user u = { .name = STR("100"), .realm = STR("x") };
	uint64_t before = store_data_version(*state);
	char why[256], path[128];
	struct store *other;
	struct stat st;

	assert_int_equal(store_open_sqlite(&other, dir, why, sizeof(why)), 0);
	assert_int_equal(store_put_user(other, &u), 0);
	store_close(other);
	assert_true(store_data_version(*state) != before);
	snprintf(path, sizeof(path), "%s/siptrust.db", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
what_is_no_store_is_said(void **state)
{
	char why[256] = "", path[128];
	struct store *s = NULL;
	FILE *f;

	assert_int_not_equal(store_open_sqlite(&s, "no-such-folder", why,
	    sizeof(why)), 0);
	assert_non_null(strstr(why, "no-such-folder"));
	store_close(*state);
	*state = NULL;
	remove_files();
	snprintf(path, sizeof(path), "%s/siptrust.db", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("this is no database, but it is long enough to be looked at, "
	    "since a file shorter than its header counts as an empty one", f);
	fclose(f);
	assert_int_not_equal(store_open_sqlite(&s, dir, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "not a database"));
}

/* Found by moving the data folder away under a running edge: it said 200. */
static void
a_file_that_was_taken_away_takes_no_commit(void **state)
{
	struct store *s = *state;
	char path[128], away[128];

	snprintf(path, sizeof(path), "%s/siptrust.db", dir);
	assert_int_equal(store_begin(s), 0);
	store_rollback(s);
	snprintf(away, sizeof(away), "%s/away", dir);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(store_begin(s), E_STORE);
	assert_non_null(strstr(store_error(s), "siptrust.db was removed"));
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(store_begin(s), 0);
	store_rollback(s);
}

int
main(void)
{
#define BOTH(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup_sqlite, teardown_sqlite),  \
	    cmocka_unit_test_setup_teardown(name, setup_memory,                \
	    teardown_memory)
#define SQLITE(name)                                                           \
	cmocka_unit_test_setup_teardown(name, setup_sqlite, teardown_sqlite)
	const struct CMUnitTest tests[] = {
		BOTH(a_binding_comes_back_as_it_was),
		BOTH(the_same_key_is_replaced_and_another_is_not),
		BOTH(a_rollback_leaves_nothing),
		BOTH(users_and_settings),
		SQLITE(another_process_is_noticed_and_the_file_is_private),
		SQLITE(what_is_no_store_is_said),
		SQLITE(a_file_that_was_taken_away_takes_no_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
