/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/profiles: what a device's words say of it, and reloads meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

#include <cmocka.h>

#include "edge/profiles.h"

static struct conf *
conf_with(const char *name, const char *value)
{
	const struct conf_override over[] = {
		{ "domain", "example.test" }, { name, value } };
	struct conf *c = NULL;
	struct buf why;

	buf_init(&why, 1 << 16);
	if (conf_load(&c, NULL, over, 2, &why) != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
	buf_fini(&why);
	return c;
}

static struct device_catalogue *
read_all(void)
{
	struct conf *conf = conf_with("old_tls", "profile:cisco-spa50x");
	struct device_catalogue *c = NULL;
	struct buf why;

	buf_init(&why, 1 << 16);
	if (profiles_read(&c, conf, &why) != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
	conf_unref(conf);
	buf_fini(&why);
	return c;
}

static void
test_a_device_is_named(void **state)
{
	char name[DEVICE_NAME_MAX + 1], how[128], tight[8];
	struct profiles *p = NULL;

	assert_int_equal(profiles_new(&p, read_all()), 0);
	profiles_name(p, STR("Cisco/SPA502G-7.6.2"), STR_NULL, name);
	assert_string_equal(name, "cisco-spa50x");
	profiles_name(p, STR("Cisco/SPA502G-7.6.2 (000E08AABBCC)(CBT1)"),
	    STR_NULL, name);
	assert_string_equal(name, "cisco-spa50x");
	profiles_name(p, STR_NULL,
	    STR("t12d800700_ee0b5a6c69b8_cdbdbcd6f742"), name);
	assert_string_equal(name, "linphone");
	profiles_name(p, STR("friendly-scanner"), STR_NULL, name);
	assert_string_equal(name, "");
	profiles_setting(p, STR("Cisco/SPA502G-7.6.2"), STR_NULL,
	    STR("http://h/ca.pem"), how, sizeof(how));
	assert_string_equal(how, "write http://h/ca.pem into its "
	    "Custom_CA_RULE");
	profiles_setting(p, STR("Cisco/SPA502G-7.6.2"), STR_NULL,
	    STR("http://h/ca.pem"), tight, sizeof(tight));
	assert_string_equal(tight, "");
	profiles_setting(p, STR("friendly-scanner"), STR_NULL,
	    STR("http://h/ca.pem"), how, sizeof(how));
	assert_string_equal(how, "");
	profiles_free(p);
	profiles_free(NULL);
}

static void
test_a_profile_that_is_not_there_is_refused(void **state)
{
	static const char *const settings[] = { "old_tls", "pin" };

	for (size_t i = 0; i < 2; i++) {
		const char *value = i == 0 ? "profile:cisco-spa5" :
		    "profile:cisco-spa5=own";
		struct conf *conf = conf_with(settings[i], value);
		struct device_catalogue *c = NULL;
		char expected[128];
		struct buf why;

		buf_init(&why, 1 << 16);
		assert_int_equal(profiles_read(&c, conf, &why), E_CONFIG);
		assert_null(c);
		buf_putc(&why, '\0');
		snprintf(expected, sizeof(expected), "settings: %s: \"profile:"
		    "cisco-spa5\": expected a profile that siptrust device "
		    "list has\n", settings[i]);
		assert_string_equal(why.p, expected);
		buf_fini(&why);
		conf_unref(conf);
	}
}

#define ROUNDS 200

static void *
ask(void *arg)
{
	char name[DEVICE_NAME_MAX + 1];

	for (int i = 0; i < ROUNDS; i++) {
		profiles_name(arg, STR("snom370/8.7.5.48"), STR_NULL, name);
		if (strcmp(name, "snom") != 0)
			return arg;
	}
	return NULL;
}

static void
test_a_reload_while_others_ask(void **state)
{
	struct device_catalogue *c = read_all();
	struct profiles *p = NULL;
	pthread_t thread;
	void *failed;

	assert_int_equal(profiles_new(&p, device_catalogue_ref(c)), 0);
	assert_int_equal(profiles_number(p), 1);
	assert_int_equal(pthread_create(&thread, NULL, ask, p), 0);
	for (int i = 0; i < ROUNDS; i++)
		profiles_set(p, device_catalogue_ref(c));
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_int_equal(profiles_number(p), ROUNDS + 1);
	profiles_free(p);
	device_catalogue_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_device_is_named),
		cmocka_unit_test(test_a_profile_that_is_not_there_is_refused),
		cmocka_unit_test(test_a_reload_while_others_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
