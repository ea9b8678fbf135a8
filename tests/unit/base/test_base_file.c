/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "../../temp.h"

static char folder[TEMP_MAX];

static int
set_up(void **state)
{
	(void)state;
	return temp_folder(folder, "file") == NULL || chdir(folder) != 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return chdir("/") != 0 || rmdir(folder) != 0;
}

static void
write_right(enum file_kind kind, struct str content)
{
	struct buf why;
	buf_init(&why, 1000);
	assert_int_equal(file_write("f", kind, content, &why), 0);
	assert_int_equal(why.n, 0);
	buf_fini(&why);
}

/* Reads f behind an "x" that is already in the buffer. */
static void
check_read(const char *path, enum file_kind kind, size_t cap, int want_rc,
    const char *want, const char *want_why)
{
	struct buf out, why;
	buf_init(&out, cap);
	buf_init(&why, 1000);
	buf_putc(&out, 'x');
	assert_int_equal(file_read(&out, path, kind, &why), want_rc);
	assert_true(str_eq(buf_as_str(&out), str_cstr(want)));
	buf_putc(&why, '\0');
	assert_string_equal(why.p, want_why);
	buf_fini(&out);
	buf_fini(&why);
}

static unsigned
mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
test_what_is_written_is_read(void **state)
{
	(void)state;
	mode_t before = umask(022);
	write_right(FILE_PUBLIC, STR("one\0two"));
	assert_int_equal(mode_of("f"), 0644);
	struct buf out, why;
	buf_init(&out, 7);
	buf_init(&why, 100);
	assert_int_equal(file_read(&out, "f", FILE_PUBLIC, &why), 0);
	assert_true(str_eq(buf_as_str(&out), STR("one\0two")));
	buf_fini(&out);
	buf_fini(&why);
	write_right(FILE_SECRET, STR(""));
	assert_int_equal(mode_of("f"), 0600);
	check_read("f", FILE_SECRET, 100, 0, "x", "");
	assert_int_equal(access("f.new", F_OK), -1);
	assert_int_equal(unlink("f"), 0);
	umask(before);
}

static void
test_a_secret_that_others_can_read_is_refused(void **state)
{
	(void)state;
	write_right(FILE_SECRET, STR("s"));
	assert_int_equal(chmod("f", 0640), 0);
	check_read("f", FILE_SECRET, 100, E_CONFIG, "x", "f: holds a secret, "
	    "but its mode 0640 lets others at it: chmod 600 f");
	check_read("f", FILE_PUBLIC, 100, 0, "xs", "");
	assert_int_equal(unlink("f"), 0);
}

static void
test_the_cap_is_the_limit(void **state)
{
	(void)state;
	write_right(FILE_PUBLIC, STR("12345"));
	check_read("f", FILE_PUBLIC, 6, 0, "x12345", "");
	check_read("f", FILE_PUBLIC, 5, E_LIMIT, "x",
	    "f: is longer than 5 bytes");
	assert_int_equal(unlink("f"), 0);
}

static void
test_what_is_no_file(void **state)
{
	(void)state;
	check_read("none", FILE_PUBLIC, 100, -ENOENT, "x",
	    "none: cannot open: No such file or directory");
	check_read(".", FILE_PUBLIC, 100, E_CONFIG, "x",
	    ".: is not a regular file");
	/* Must not hang for want of a writer. */
	assert_int_equal(mkfifo("fifo", 0600), 0);
	check_read("fifo", FILE_PUBLIC, 100, E_CONFIG, "x",
	    "fifo: is not a regular file");
	assert_int_equal(unlink("fifo"), 0);
}

static void
test_a_failed_write_leaves_the_old(void **state)
{
	(void)state;
	struct buf why;
	buf_init(&why, 1000);
	assert_int_equal(file_write("no/f", FILE_PUBLIC, STR("x"), &why),
	    -ENOENT);
	assert_true(why.n > 0);
	write_right(FILE_PUBLIC, STR("old"));
	/* A folder stands where the new file would be made. */
	assert_int_equal(mkdir("f.new", 0700), 0);
	assert_true(file_write("f", FILE_PUBLIC, STR("new"), &why) < 0);
	check_read("f", FILE_PUBLIC, 100, 0, "xold", "");
	assert_int_equal(rmdir("f.new"), 0);
	assert_int_equal(unlink("f"), 0);
	buf_fini(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_a_secret_that_others_can_read_is_refused),
		cmocka_unit_test(test_the_cap_is_the_limit),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_a_failed_write_leaves_the_old),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
