/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/token: made, read, forged, and after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "edge/token.h"
#include "../../temp.h"

#define WORKERS 3

static char folder[TEMP_MAX];
static char path[TEMP_MAX + 16];
static struct worker *workers[WORKERS];
static struct token_key *key;

static int
load(struct token_key **out, struct buf *why)
{
	return token_key_new(out, folder, workers, WORKERS, why);
}

static int
setup(void **state)
{
	struct buf why;

	buf_init(&why, 4096);
	for (int i = 0; i < WORKERS; i++)
		workers[i] = (struct worker *)(uintptr_t)(4096 * (i + 1));
	if (temp_folder(folder, "token") == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/token.key", folder);
	return load(&key, &why);
}

static int
teardown(void **state)
{
	token_key_free(key);
	unlink(path);
	return rmdir(folder);
}

static struct flow
flow(enum flow_transport transport, const char *local, const char *peer)
{
	struct flow f = { .transport = transport, .slot = 7 };

	assert_int_equal(addr_parse(&f.local, str_cstr(local), 0), 0);
	assert_int_equal(addr_parse(&f.peer, str_cstr(peer), 0), 0);
	if (transport == FLOW_UDP) {
		f.reply_port = 5099;
	} else {
		f.id = UINT64_C(0x0002000000000123);
		f.worker = workers[1];
	}
	return f;
}

static struct str
put(char text[TOKEN_TEXT_MAX], const struct token *t)
{
	struct buf out;

	buf_init_array(&out, text, TOKEN_TEXT_MAX);
	token_put(&out, key, t);
	assert_false(out.failed);
	return buf_as_str(&out);
}

static void
comes_back(const struct token *t)
{
	char text[TOKEN_TEXT_MAX], contact[TOKEN_CONTACT_MAX];
	struct str s = put(text, t);
	struct token got;

	for (size_t i = 0; i < s.n; i++)
		assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
		    "nopqrstuvwxyz0123456789-_", s.p[i]));
	assert_int_equal(token_read(&got, key, s, contact), TOKEN_OK);
	assert_int_equal(got.kind, t->kind);
	if (t->kind == TOKEN_UPSTREAM) {
		assert_true(got.upstream == t->upstream);
		return;
	}
	assert_int_equal(got.flow.transport, t->flow.transport);
	assert_true(addr_equal(&got.flow.local, &t->flow.local));
	assert_true(addr_equal(&got.flow.peer, &t->flow.peer));
	assert_int_equal(got.flow.slot, t->flow.slot);
	assert_int_equal(got.flow.reply_port, t->flow.reply_port);
	assert_true(got.flow.id == t->flow.id);
	assert_ptr_equal(got.flow.worker, t->flow.worker);
	assert_true(str_eq(got.contact, t->contact));
}

static void
what_was_put_is_read(void **state)
{
	struct token t = { .kind = TOKEN_UPSTREAM,
		.upstream = UINT64_C(0xfedcba9876543210) };

	comes_back(&t);
	t = (struct token) { .kind = TOKEN_FLOW };
	t.flow = flow(FLOW_UDP, "192.0.2.1:5060", "198.51.100.7:40000");
	comes_back(&t);
	t.flow = flow(FLOW_UDP, "[2001:db8::1]:5060", "[2001:db8::7]:40000");
	t.contact = STR("sip:100@10.0.0.7:5060;line=abc");
	comes_back(&t);
	t.flow = flow(FLOW_TLS, "[2001:db8::1]:5061", "[2001:db8::7]:40000");
	comes_back(&t);
	t.flow = flow(FLOW_TCP, "192.0.2.1:5060", "198.51.100.7:40000");
	comes_back(&t);
}

static void
a_contact_too_long_is_left_out(void **state)
{
	static char longest[TOKEN_CONTACT_MAX + 1];
	char text[TOKEN_TEXT_MAX], contact[TOKEN_CONTACT_MAX];
	struct token t = { .kind = TOKEN_FLOW }, got;

	memset(longest, 'x', sizeof(longest));
	t.flow = flow(FLOW_UDP, "[2001:db8::1]:5060", "[2001:db8::7]:40000");
	t.contact = str_of(longest, TOKEN_CONTACT_MAX);
	comes_back(&t);
	t.contact = str_of(longest, TOKEN_CONTACT_MAX + 1);
	assert_int_equal(token_read(&got, key, put(text, &t), contact),
	    TOKEN_OK);
	assert_null(got.contact.p);
}

static void
a_letter_changed_is_forged(void **state)
{
	char text[TOKEN_TEXT_MAX], contact[TOKEN_CONTACT_MAX];
	struct token t = { .kind = TOKEN_FLOW }, got;
	struct str s;

	t.flow = flow(FLOW_TLS, "192.0.2.1:5061", "198.51.100.7:40000");
	s = put(text, &t);
	for (size_t i = 3; i < s.n; i++) {
		char was = text[i];

		for (const char *c = "Aa0-_.%"; *c != '\0'; c++) {
			text[i] = *c;
			assert_int_equal(token_read(&got, key, s, contact),
			    *c == was ? TOKEN_OK : TOKEN_FORGED);
		}
		text[i] = was;
		assert_int_equal(token_read(&got, key, str_of(text, i),
		    contact), TOKEN_FORGED);
	}
}

static void
other_names_are_no_tokens(void **state)
{
	static const char *const names[] = { "", "100", "ft", "FT-abc",
		"alice", "ft_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	char contact[TOKEN_CONTACT_MAX];
	struct token got;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(token_read(&got, key, str_cstr(names[i]),
		    contact), TOKEN_NONE);
	assert_int_equal(token_read(&got, key, STR_NULL, contact), TOKEN_NONE);
	assert_int_equal(token_read(&got, key, STR("ft-"), contact),
	    TOKEN_FORGED);
}

/* The key stays; connections do not. */
static void
after_a_restart_datagrams_go_on_and_connections_are_gone(void **state)
{
	char text[3][TOKEN_TEXT_MAX], contact[TOKEN_CONTACT_MAX];
	struct token t = { .kind = TOKEN_FLOW }, got;
	struct str udp, tls, upstream;
	struct stat st;
	struct buf why;

	buf_init(&why, 4096);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	t.flow = flow(FLOW_UDP, "192.0.2.1:5060", "198.51.100.7:40000");
	udp = put(text[0], &t);
	t.flow = flow(FLOW_TLS, "192.0.2.1:5061", "198.51.100.7:40000");
	tls = put(text[1], &t);
	t.kind = TOKEN_UPSTREAM;
	upstream = put(text[2], &t);
	token_key_free(key);
	assert_int_equal(load(&key, &why), 0);
	assert_int_equal(token_read(&got, key, udp, contact), TOKEN_OK);
	assert_int_equal(token_read(&got, key, upstream, contact), TOKEN_OK);
	assert_int_equal(token_read(&got, key, tls, contact), TOKEN_GONE);
}

static void
fails_with(const char *words)
{
	struct token_key *other = NULL;
	struct buf why;

	buf_init(&why, 4096);
	assert_int_not_equal(load(&other, &why), 0);
	assert_null(other);
	buf_putc(&why, '\0');
	assert_non_null(strstr(why.p, path));
	assert_non_null(strstr(why.p, words));
	buf_fini(&why);
}

static void
a_key_file_that_is_no_key_is_told(void **state)
{
	static const char *const bad[] = { "", "abc\n", "zz" };
	struct buf saved, why;

	buf_init(&saved, 4096);
	buf_init(&why, 4096);
	assert_int_equal(file_read(&saved, path, FILE_SECRET, &why), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(file_write(path, FILE_SECRET,
		    str_cstr(bad[i]), &why), 0);
		fails_with("remove the file and a new one is made");
	}
	assert_int_equal(file_write(path, FILE_SECRET, buf_as_str(&saved),
	    &why), 0);
	assert_int_equal(chmod(path, 0644), 0);
	fails_with("chmod");
	assert_int_equal(chmod(path, 0600), 0);
	buf_fini(&saved);
}

static void
the_uri_of_a_side(void **state)
{
	struct token t = { .kind = TOKEN_FLOW };
	char text[TOKEN_TEXT_MAX + 64];
	struct buf out;

	t.flow = flow(FLOW_TLS, "[2001:db8::1]:5061", "[2001:db8::7]:40000");
	buf_init_array(&out, text, sizeof(text) - 1);
	token_put_uri(&out, key, &t, &t.flow, false, STR_NULL);
	text[out.n] = '\0';
	assert_true(str_starts(buf_as_str(&out), STR("<sip:ft-")));
	assert_non_null(strstr(text, "@[2001:db8::1]:5061;transport=tls;lr>"));
	buf_reset(&out);
	token_put_uri(&out, key, &t, &t.flow, true, STR_NULL);
	text[out.n] = '\0';
	assert_non_null(strstr(text, "<sips:ft-"));
	assert_non_null(strstr(text, "@[2001:db8::1]:5061;lr>"));
	buf_reset(&out);
	token_put_uri(&out, key, &t, &t.flow, false, STR("pbx.example.com"));
	text[out.n] = '\0';
	assert_non_null(strstr(text,
	    "@pbx.example.com:5061;transport=tls;lr>"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_read),
		cmocka_unit_test(a_contact_too_long_is_left_out),
		cmocka_unit_test(a_letter_changed_is_forged),
		cmocka_unit_test(other_names_are_no_tokens),
		cmocka_unit_test(
		    after_a_restart_datagrams_go_on_and_connections_are_gone),
		cmocka_unit_test(a_key_file_that_is_no_key_is_told),
		cmocka_unit_test(the_uri_of_a_side),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
