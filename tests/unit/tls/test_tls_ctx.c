/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site.h"

static char why_bytes[4096];
static struct buf why;

static int
setup(void **state)
{
	buf_init_array(&why, why_bytes, sizeof(why_bytes));
	return 0;
}

static int
teardown(void **state)
{
	site_put(site.cert, site.leaf.x, NULL);
	site_put(site.key, NULL, site.leaf.k);
	assert_int_equal(ERR_peek_error(), 0);
	return 0;
}

static void
refused(const char *name, const char *value, const char *part)
{
	struct conf_override over = { name, value };

	assert_null(site_try(&over, name != NULL ? 1 : 0, &why));
	pki_says(&why, part);
}

static void
test_what_it_tells(void **state)
{
	struct tls_ctx *c = site_ctx(NULL, NULL);

	assert_string_equal(tls_ctx_chain(c), "own");
	assert_string_equal(tls_ctx_root(c), "Site Root");
	assert_int_equal(tls_ctx_not_after(c), PKI_NOW + 365 * PKI_DAY);
	assert_ptr_equal(tls_ctx_ref(c), c);
	tls_ctx_unref(c);
	assert_string_equal(tls_ctx_chain(c), "own");
	tls_ctx_unref(c);
	tls_ctx_unref(NULL);
}

static void
test_wrong_settings(void **state)
{
	refused("tls_ciphers", "NO-SUCH-SUITE", "tls_ciphers = \"NO-SUCH");
	const struct conf_override over[] = { { "tls_min", "1.3" },
		{ "tls_max", "1.3" } };
	struct tls_ctx *c = site_try(over, 2, &why);
	assert_non_null(c);
	tls_ctx_unref(c);
}

static void
test_chains_that_cannot_be_used(void **state)
{
	struct pki_cert weak = pki_make(&(struct pki_want) { .cn = "weak",
	    .key = EVP_RSA_gen(1024) });

	site_put(site.cert, weak.x, NULL);
	refused(NULL, NULL, "this key does not belong");
	site_put(site.key, NULL, weak.k);
	refused(NULL, NULL, "2048 bits or more");
	unlink(site.cert);
	refused(NULL, NULL, "cert.pem: cannot open");
	pki_free(&weak);
}

static void
test_secret_is_made_once(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 1 };
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/ticket-secret", site.dir);
	assert_int_equal(tls_secret_load(a, site.dir, &why), 0);
	assert_int_equal(tls_secret_load(b, site.dir, &why), 0);
	assert_memory_equal(a, b, 32);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(why.n, 0);
	chmod(path, 0644);
	assert_int_equal(tls_secret_load(b, site.dir, &why), E_CONFIG);
	pki_says(&why, "chmod 600");
	pki_write(path, STR("0123\n"), 0600);
	assert_int_equal(tls_secret_load(b, site.dir, &why), E_PARSE);
	pki_says(&why, "64 hexadecimal digits");
	pki_write(path, STR(""), 0600);
	assert_int_equal(tls_secret_load(b, site.dir, &why), E_PARSE);
	buf_reset(&why);
	unlink(path);
	assert_int_equal(tls_secret_load(b, "/nonexistent", &why), -ENOENT);
	pki_says(&why, "ticket-secret");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_what_it_tells),
		T(test_wrong_settings),
		T(test_chains_that_cannot_be_used),
		T(test_secret_is_made_once),
	};
	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
