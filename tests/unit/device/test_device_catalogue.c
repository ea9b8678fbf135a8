/* SPDX-License-Identifier: BSD-2-Clause */
/* device/catalogue: what is built in, and a folder over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "device/catalogue.h"
#include "../../temp.h"

struct place {
	char dir[TEMP_MAX];
	struct buf why;
};

static int
begin(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(temp_folder(p->dir, "devices"));
	buf_init(&p->why, 1 << 16);
	*state = p;
	return 0;
}

static const char *
in(const struct place *p, char out[TEMP_MAX + 32], const char *file)
{
	snprintf(out, TEMP_MAX + 32, "%s/%s", p->dir, file);
	return out;
}

static const char *const files[] = { "cisco-spa50x.device", "our-own.device",
	"wrong.device", "other.device", "README", ".hidden.device" };

static int
end(void **state)
{
	struct place *p = *state;
	char path[TEMP_MAX + 32];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(in(p, path, files[i]));
	rmdir(p->dir);
	buf_fini(&p->why);
	free(p);
	return 0;
}

static void
put(struct place *p, const char *file, const char *text)
{
	char path[TEMP_MAX + 32];

	assert_int_equal(file_write(in(p, path, file), FILE_PUBLIC,
	    str_cstr(text), &p->why), 0);
}

static bool
told(struct place *p, const char *text)
{
	buf_putc(&p->why, '\0');
	if (strstr(p->why.p, text) != NULL)
		return true;
	print_message("%s", p->why.p);
	return false;
}

#define OWN(name)                                                              \
	"name = " name "\nvendor = We\ntitle = Our own\nmodels = SPA502G, X1 " \
	"; unverified\nuser_agent = Own/(*) ; unverified\n"

static void
test_what_is_built_in_is_in_order(void **state)
{
	struct place *p = *state;
	struct device_catalogue *c = NULL;
	size_t n;

	if (device_catalogue_load(&c, NULL, &p->why) != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&p->why)));
	n = device_catalogue_count(c);
	assert_true(n >= 7);
	for (size_t i = 1; i < n; i++)
		assert_true(str_cmp(device_catalogue_at(c, i - 1)->name,
		    device_catalogue_at(c, i)->name) < 0);
	device_catalogue_unref(device_catalogue_ref(c));
	assert_int_equal(device_catalogue_count(c), n);
	device_catalogue_unref(c);
	device_catalogue_unref(NULL);
}

static void
test_found_by_name_and_by_model(void **state)
{
	struct place *p = *state;
	struct device_catalogue *c = NULL;
	const struct device_profile *spa;

	assert_int_equal(device_catalogue_load(&c, "", &p->why), 0);
	spa = device_catalogue_find(c, STR("cisco-spa50x"));
	assert_non_null(spa);
	assert_ptr_equal(device_catalogue_find(c, STR("SPA502G")), spa);
	assert_ptr_equal(device_catalogue_find(c, STR("spa301")), spa);
	assert_null(device_catalogue_find(c, STR("SPA50")));
	assert_null(device_catalogue_find(c, STR("cisco")));
	assert_null(device_catalogue_find(c, STR("")));
	device_catalogue_unref(c);
}

static void
test_a_folder_adds_and_replaces(void **state)
{
	struct place *p = *state;
	struct device_catalogue *c = NULL;
	const struct device_profile *spa;
	size_t before;

	assert_int_equal(device_catalogue_load(&c, NULL, &p->why), 0);
	before = device_catalogue_count(c);
	device_catalogue_unref(c);
	put(p, "our-own.device", OWN("our-own"));
	put(p, "cisco-spa50x.device", OWN("cisco-spa50x"));
	put(p, "README", "not a profile");
	put(p, ".hidden.device", "not a profile");
	if (device_catalogue_load(&c, p->dir, &p->why) != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&p->why)));
	assert_int_equal(device_catalogue_count(c), before + 1);
	spa = device_catalogue_find(c, STR("cisco-spa50x"));
	assert_true(str_eq(spa->title, STR("Our own")));
	/* Two have the model: neither is meant. */
	assert_null(device_catalogue_find(c, STR("SPA502G")));
	assert_null(device_catalogue_find(c, STR("x1")));
	device_catalogue_unref(c);
}

static void
test_one_faulty_file_fails_the_whole(void **state)
{
	struct place *p = *state;
	struct device_catalogue *c = NULL;

	put(p, "our-own.device", OWN("our-own"));
	put(p, "wrong.device", OWN("wrong") "sni = maybe ; unverified\n");
	put(p, "other.device", OWN("our-own"));
	assert_int_equal(device_catalogue_load(&c, p->dir, &p->why),
	    E_CONFIG);
	assert_null(c);
	assert_true(told(p, "wrong.device:6: sni: \"maybe\": expected no or"));
	assert_true(told(p, "other.device: it holds the profile our-own: "
	    "expected the file name our-own.device"));
}

static void
test_a_folder_that_is_not_there(void **state)
{
	struct place *p = *state;
	struct device_catalogue *c = NULL;
	char path[TEMP_MAX + 32];

	assert_int_equal(device_catalogue_load(&c, in(p, path, "none"),
	    &p->why), -ENOENT);
	assert_null(c);
	assert_true(told(p, "/none: No such file or directory: expected a "
	    "folder of profiles\n"));
}

static void
test_one_file(void **state)
{
	struct place *p = *state;
	struct device_profile *one = NULL;
	char path[TEMP_MAX + 32];

	put(p, "our-own.device", OWN("our-own"));
	assert_int_equal(device_file_read(&one, in(p, path, "our-own.device"),
	    &p->why), 0);
	assert_true(str_eq(one->name, STR("our-own")));
	device_profile_free(one);
	one = NULL;
	assert_int_equal(device_file_read(&one, in(p, path, "none.device"),
	    &p->why), -ENOENT);
	assert_null(one);
	assert_true(told(p, "none.device"));
	assert_true(told(p, "\n"));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_what_is_built_in_is_in_order),
		EACH(test_found_by_name_and_by_model),
		EACH(test_a_folder_adds_and_replaces),
		EACH(test_one_faulty_file_fails_the_whole),
		EACH(test_a_folder_that_is_not_there),
		EACH(test_one_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
