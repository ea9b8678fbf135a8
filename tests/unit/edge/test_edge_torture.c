/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages of RFC 4475, RFC 5118 and RFC 3665, as a registrar that is
 * responsible for example.com sees them over UDP and TCP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>

#include "base/file.h"
#include "edge/location.h"
#include "edge/uas.h"
#include "edge/users.h"
#include "sip/frame.h"

#define MESSAGE_MAX 65535
#define HEAD_MAX    16384

/* What an answer may be, for each wording of the truth. */
#define ACCEPT 1   /* parsed: whatever the method gets */
#define NOTHING 2  /* no answer                        */

static const struct expectation {
	const char *words;
	int allowed[4];
} expectations[] = {
	{ "accept", { ACCEPT } },
	{ "accept (RFC 2543 compat)", { ACCEPT } },
	{ "400", { 400 } },
	{ "400; must not break", { 400 } },
	{ "400 or accept", { 400, ACCEPT } },
	{ "400 or accept; must not break", { 400, ACCEPT } },
	{ "400 or ignore headers", { 400, ACCEPT } },
	{ "400 or infer <>", { 400, ACCEPT } },
	{ "accept preferred; 400 acceptable", { ACCEPT, 400 } },
	{ "400 or RFC2543 transaction matching", { 400, ACCEPT } },
	{ "505", { 505 } },
	{ "501 (400 acceptable)", { 501, 400 } },
	{ "discard", { NOTHING } },
	{ "drop", { NOTHING } },
	{ "endpoint: discard; proxy: drop", { NOTHING } },
	{ "416", { 416 } },
	{ "416 or 404", { 416, 404 } },
	{ "420 with Unsupported", { 420 } },
	{ "proxy: forward as any; registrar: 400", { 400 } },
	/* INVITE is refused by its method before its content is looked at
	 * (RFC 3261 8.2.1 before 8.2.3). */
	{ "proxy: forward; endpoint: 415", { 415, 405 } },
	{ "406 or 400", { 406, 400, 405 } },
	{ "registrar: 401 new challenge (or ignore if no auth); "
	  "proxy: forward unmodified", { 401 } },
	/* We are the target, not a proxy on the way to it. */
	{ "proxy: 483", { ACCEPT } },
	{ "error, drop rest of datagram", { 400 } },
	{ "error", { 400 } },
	/* Each is challenged first here; what becomes of the contact is in
	 * the registrar's tests. */
	{ "registrar: 200, unknownparam is a contact-param", { 401 } },
	{ "registrar: 200, unknownparam kept as url-param", { 401 } },
	{ "registrar: 200, escaped Route header kept in the contact URI",
	  { 401 } },
	/* Streams only. */
	{ "wait then close", { NOTHING } },
	{ "error, close connection", { NOTHING, 400 } },
};

static struct world {
	struct conf *conf;
	struct store *store;
	struct users *users;
	struct location *location;
	struct uas *uas;
	struct flow flow;
	char corpus[512];
} world;

static int
setup(void **state)
{
	const struct conf_override over[] = { { "domain", "example.com" } };
	const char *env = getenv("SIPTRUST_CORPUS");
	struct buf why;

	buf_init(&why, 4096);
	if (conf_load(&world.conf, NULL, over, ARRAY_LEN(over), &why) != 0 ||
	    store_open_memory(&world.store) != 0 ||
	    users_new(&world.users) != 0 ||
	    location_new(&world.location, world.conf, world.store,
	    world.users) != 0 ||
	    uas_new(&world.uas, world.conf, world.location, world.users) != 0)
		return -1;
	buf_fini(&why);
	if (addr_parse(&world.flow.peer, STR("192.0.2.1:5060"), 0) != 0 ||
	    addr_parse(&world.flow.local, STR("192.0.2.2:5060"), 0) != 0)
		return -1;
	snprintf(world.corpus, sizeof(world.corpus), "%s",
	    env != NULL ? env : SOURCE_ROOT "/../shared/corpus");
	return 0;
}

static int
teardown(void **state)
{
	location_free(world.location);
	uas_free(world.uas);
	users_free(world.users);
	store_close(world.store);
	conf_unref(world.conf);
	return 0;
}

static void
read_corpus(struct buf *out, const char *folder, const char *name)
{
	char path[1024];
	struct buf why;
	DIR *d = opendir(world.corpus);

	if (d == NULL) {
		print_message("skipped: no corpus\n");
		skip();
	}
	closedir(d);
	snprintf(path, sizeof(path), "%s/%s/%s", world.corpus, folder, name);
	buf_init(out, 1 << 20);
	buf_init(&why, 4096);
	assert_int_equal(file_read(out, path, FILE_PUBLIC, &why), 0);
}

/* The status answered, NOTHING, or ACCEPT added as a mark in *parsed. */
static int
answer(struct str message, enum sip_msg_form form, bool *parsed)
{
	static char text[MESSAGE_MAX + 1];
	static struct sip_msg m;
	struct buf out;

	world.flow.transport = form == SIP_DATAGRAM ? FLOW_UDP : FLOW_TCP;
	buf_init_array(&out, text, sizeof(text) - 1);
	*parsed = sip_msg_parse(&m, message, form, HEAD_MAX) == 0;
	if (uas_handle(world.uas, &world.flow, &m, &out) != UAS_REPLY)
		return NOTHING;
	text[out.n] = '\0';
	if (atoi(text + 8) == 420)
		assert_non_null(strstr(text, "\r\nUnsupported: "));
	return atoi(text + 8);
}

/* Over a stream: cut by the framer first. */
static int
stream_answer(struct str bytes, bool *parsed)
{
	struct sip_frame f = { 0 };
	const char *why = NULL;
	size_t used = 0;

	*parsed = false;
	switch (sip_frame_next(&f, bytes, HEAD_MAX, MESSAGE_MAX, &used, &why)) {
	case SIP_FRAME_MSG:
		return answer(str_of(bytes.p, used), SIP_STREAM, parsed);
	case SIP_FRAME_BAD:
	case SIP_FRAME_LIMIT:
	default:
		return NOTHING;
	}
}

static const struct expectation *
expectation_of(const char *words)
{
	for (size_t i = 0; i < ARRAY_LEN(expectations); i++) {
		if (strcmp(expectations[i].words, words) == 0)
			return &expectations[i];
	}
	fail_msg("the truth has words this test does not know: %s", words);
	return NULL;
}

static bool
is_allowed(const char *words, int status, bool parsed)
{
	const struct expectation *e = expectation_of(words);

	for (size_t i = 0; i < ARRAY_LEN(e->allowed); i++) {
		if ((e->allowed[i] == ACCEPT && parsed) ||
		    (e->allowed[i] != 0 && e->allowed[i] == status))
			return true;
	}
	return false;
}

static void
rfc_4475(void **state)
{
	struct buf text, message;
	json_t *truth;
	int wrong = 0;

	read_corpus(&text, "rfc/4475", "truth.json");
	truth = json_loadb(text.p, text.n, 0, NULL);
	assert_int_equal(json_array_size(truth), 49);
	for (size_t i = 0; i < json_array_size(truth); i++) {
		json_t *t = json_array_get(truth, i);
		const char *file = json_string_value(json_object_get(t,
		    "file"));
		const char *udp = json_string_value(json_object_get(t,
		    "expect_udp"));
		const char *tcp = json_string_value(json_object_get(t,
		    "expect_tcp"));
		bool parsed;
		int status;

		read_corpus(&message, "rfc/4475", file);
		/* One lacks the empty line at its end; a datagram's end will
		 * do for it, a stream needs it. */
		if (memmem(message.p, message.n, "\r\n\r\n", 4) == NULL)
			buf_puts(&message, "\r\n");
		status = answer(buf_as_str(&message), SIP_DATAGRAM, &parsed);
		if (!is_allowed(udp, status, parsed)) {
			print_message("%s over UDP: got %d (parsed: %d), "
			    "expected %s\n", file, status, parsed, udp);
			wrong++;
		}
		if (strcmp(tcp, "same") == 0)
			tcp = udp;
		/* Of RFC 2543, without Content-Length: no stream could carry
		 * it (RFC 3261 18.3). */
		if (strcmp(file, "inv2543.dat") == 0)
			tcp = "error, close connection";
		status = stream_answer(buf_as_str(&message), &parsed);
		if (!is_allowed(tcp, status, parsed)) {
			print_message("%s over TCP: got %d (parsed: %d), "
			    "expected %s\n", file, status, parsed, tcp);
			wrong++;
		}
		buf_fini(&message);
	}
	json_decref(truth);
	buf_fini(&text);
	assert_int_equal(wrong, 0);
}

static void
rfc_5118(void **state)
{
	struct buf text, message;
	const char *file;
	json_t *truth, *t;
	int wrong = 0;

	read_corpus(&text, "rfc/5118", "truth.json");
	truth = json_loadb(text.p, text.n, 0, NULL);
	assert_int_equal(json_object_size(truth), 12);
	json_object_foreach(truth, file, t) {
		json_int_t told = json_integer_value(json_object_get(t,
		    "content_length"));
		json_int_t there = json_integer_value(json_object_get(t,
		    "body_octets"));
		bool good = strcmp(file, "ipv6-bad.dat") != 0 && told <= there;
		bool parsed;
		int status;

		read_corpus(&message, "rfc/5118", file);
		status = answer(buf_as_str(&message), SIP_DATAGRAM, &parsed);
		if (parsed != good || (!good && status != 400)) {
			print_message("%s: got %d (parsed: %d)\n", file, status,
			    parsed);
			wrong++;
		}
		buf_fini(&message);
	}
	json_decref(truth);
	buf_fini(&text);
	assert_int_equal(wrong, 0);
}

/* Every message of every basic call flow is well formed. */
static void
rfc_3665(void **state)
{
	struct buf text, message;
	json_t *index;
	int wrong = 0;

	read_corpus(&text, "rfc/3665", "index.json");
	index = json_loadb(text.p, text.n, 0, NULL);
	assert_true(json_array_size(index) > 100);
	for (size_t i = 0; i < json_array_size(index); i++) {
		json_t *t = json_array_get(index, i);
		const char *file = json_string_value(json_object_get(t,
		    "file"));
		json_int_t told = json_integer_value(json_object_get(t,
		    "content_length"));
		json_int_t there = json_integer_value(json_object_get(t,
		    "body_octets"));
		static struct sip_msg m;

		read_corpus(&message, "rfc/3665", file);
		/* As printed, some announce more than follows, and one has a
		 * Record-Route broken over two lines. */
		if (told <= there && strcmp(file, "3.10-F4.sip") != 0 &&
		    sip_msg_parse(&m, buf_as_str(&message), SIP_DATAGRAM,
		    HEAD_MAX) != 0) {
			print_message("%s: %s\n", file, m.why);
			wrong++;
		}
		buf_fini(&message);
	}
	json_decref(index);
	buf_fini(&text);
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_4475),
		cmocka_unit_test(rfc_5118),
		cmocka_unit_test(rfc_3665),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
