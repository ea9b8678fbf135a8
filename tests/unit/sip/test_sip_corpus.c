/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * REGISTERs of real phones and the vectors of RFC 7616, from the corpus beside
 * the source tree.  (RFC 4475, 5118 and 3665: test_edge_torture.)
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <jansson.h>

#include "../corpus.h"
#include "sip/auth.h"
#include "sip/msg.h"

#define HEAD_MAX 65535

static struct sip_msg m;

static json_t *
load(const char *name)
{
	char path[4096];
	json_t *j = json_load_file(corpus_path(path, name), 0, NULL);

	assert_non_null(j);
	return j;
}

static char *
message(const char *dir, const char *file, size_t *n)
{
	char name[512], path[4096];

	snprintf(name, sizeof(name), "%s/%s", dir, file);
	return corpus_read(corpus_path(path, name), n);
}

/* What the parser does with it: 0, the status to refuse with, -1: discard. */
static int
verdict(struct str bytes, enum sip_msg_form form)
{
	int rc = sip_msg_parse(&m, bytes, form, HEAD_MAX);

	if (rc == 0)
		return 0;
	assert_non_null(m.why);
	return m.refuse != 0 ? m.refuse : -1;
}

static size_t
each(const char *dir, int (*verdict_of)(struct str))
{
	char path[4096];
	DIR *d = opendir(corpus_path(path, dir));
	struct dirent *e;
	size_t n, count = 0, wrong = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		char *p;
		int got;

		if (strstr(e->d_name, ".sip") == NULL)
			continue;
		p = message(dir, e->d_name, &n);
		got = verdict_of(str_of(p, n));
		if (got != 0) {
			print_error("%s: %d: %s\n", e->d_name, got, m.why);
			wrong++;
		}
		count++;
		free(p);
	}
	closedir(d);
	assert_int_equal(wrong, 0);
	return count;
}

static int
as_register(struct str s)
{
	struct sip_credentials c;
	const struct sip_field *f;
	int r = verdict(s, SIP_DATAGRAM);

	if (r != 0)
		return r;
	f = sip_msg_field(&m, SIP_HEADER_AUTHORIZATION);
	return f != NULL ? sip_credentials_parse(&c, f->value) : 0;
}

static void
phones(void **state)
{
	assert_int_equal(each("sip/register", as_register), 7);
}

static struct str
member(json_t *x, const char *name)
{
	return str_cstr(json_string_value(json_object_get(x, name)));
}

static void
digest_vectors(void **state)
{
	json_t *vectors = load("rfc/7616/digest_vectors.json"), *x;
	size_t i, known = 0;

	assert_int_equal(digest_setup(), 0);
	json_array_foreach(vectors, i, x)
	{
		struct sip_credentials c;
		char text[2048], ha1[2 * DIGEST_MAX + 1];

		snprintf(text, sizeof(text),
			 "Digest username=\"%s\", realm=\"%s\", uri=\"%s\", "
			 "algorithm=%s, nonce=\"%s\", nc=%s, cnonce=\"%s\", "
			 "qop=auth, response=\"%s\"",
			 member(x, "username").p, member(x, "realm").p,
			 member(x, "uri").p, member(x, "algorithm").p,
			 member(x, "nonce").p, member(x, "nc").p,
			 member(x, "cnonce").p, member(x, "response").p);
		assert_int_equal(sip_credentials_parse(&c, str_cstr(text)), 0);
		if (!c.alg_known)
			continue;
		known++;
		sip_ha1(c.alg, c.username, c.realm, member(x, "password"), ha1);
		assert_true(sip_credentials_check(&c, ha1, STR("GET")));
		assert_false(sip_credentials_check(&c, ha1, STR("PUT")));
		ha1[0] ^= 1;
		assert_false(sip_credentials_check(&c, ha1, STR("GET")));
	}
	json_decref(vectors);
	assert_int_equal(known, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phones),
		cmocka_unit_test(digest_vectors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
