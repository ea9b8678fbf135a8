/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/uas: what is answered to what (RFC 3261 8.2), and for which domain. */
#include "uas_world.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define RELOADS 50

/* One request; fields: whole lines or "". */
struct request {
	const char *method, *uri, *to, *from, *branch, *call_id, *fields;
	unsigned cseq;
};

static struct request
request(const char *method)
{
	return (struct request) {
		.method = method, .uri = "sip:example.com",
		.to = "<sip:100@example.com>",
		.from = "<sip:200@example.com>;tag=from",
		.branch = "z9hG4bK1", .call_id = "call", .fields = "",
		.cseq = 1,
	};
}

static const char *
text_of(const struct request *r)
{
	static char text[8192];
	int n = snprintf(text, sizeof(text), "%s %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=%s;rport\r\n"
	    "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
	    "Max-Forwards: 0\r\n%sContent-Length: 0\r\n\r\n", r->method, r->uri,
	    r->branch, r->from, r->to, r->call_id, r->cseq, r->method,
	    r->fields);

	assert_in_range(n, 1, sizeof(text) - 1);
	return text;
}

static int
ask(struct request r)
{
	return world_send(text_of(&r));
}

static int
ask_uri(const char *method, const char *uri)
{
	struct request r = request(method);

	r.uri = uri;
	return ask(r);
}

static int
ask_to(const char *to)
{
	struct request r = request("REGISTER");

	r.to = to;
	return ask(r);
}

static void
options_is_answered_without_credentials(void **state)
{
	assert_int_equal(ask_uri("OPTIONS", "sip:100@example.com"), 200);
	assert_string_equal(world_header("Allow", 0), "INVITE, ACK, CANCEL, "
	    "BYE, OPTIONS, REGISTER, UPDATE, PRACK, INFO, REFER, SUBSCRIBE, "
	    "NOTIFY, MESSAGE, PUBLISH");
	assert_string_equal(world_header("Accept", 0), "application/sdp");
	assert_string_equal(world_header("Supported", 0), "path, outbound");
	assert_string_equal(world_header("Content-Length", 0), "0");
	assert_string_equal(world_header("Via", 0), "SIP/2.0/UDP 192.0.2.1;"
	    "branch=z9hG4bK1;rport=5060;received=192.0.2.1");
	assert_string_equal(world_header("CSeq", 0), "1 OPTIONS");
}

static void
responses_and_acks_are_not_answered(void **state)
{
	assert_int_equal(ask(request("ACK")), 0);
	assert_int_equal(world_send("SIP/2.0 200 OK\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n"
	    "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n"
	    "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"), 0);
	assert_int_equal(world_send("SIP/2.0 999 No\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\r\n"), 0);
}

static void
what_cannot_be_answered_is_not(void **state)
{
	assert_int_equal(world_send(""), 0);
	assert_int_equal(world_send("\r\n\r\n"), 0);
	assert_int_equal(world_send("nonsense"), 0);
	assert_int_equal(world_send("OPTIONS sip:example.com SIP/2.0\r\n"
	    "From: <sip:a@example.com>;tag=1\r\n\r\n"), 0);
	/* An ACK that is malformed as well. */
	assert_int_equal(world_send("ACK sip:example.com SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\r\n"), 0);
}

static void
malformed_requests_are_told_why(void **state)
{
	struct request r = request("OPTIONS");
	char *text;

	r.from = "<sip:>;tag=1";
	assert_int_equal(ask(r), 400);
	assert_non_null(strstr(world.answer, "SIP/2.0 400 malformed From\r\n"));
	assert_string_equal(world_header("Call-ID", 0), "call");
	r = request("OPTIONS");
	text = strdup(text_of(&r));
	assert_non_null(text);
	memcpy(strstr(text, "SIP/2.0"), "SIP/3.0", 7);
	assert_int_equal(world_send(text), 505);
	memcpy(strstr(text, "SIP/3.0"), "SIP/2.0", 7);
	memcpy(strstr(text, "1 OPTIONS"), "1 REGISTE", 9);
	assert_int_equal(world_send(text), 400);
	free(text);
}

static void
methods_not_served_are_refused_by_name(void **state)
{
	static const char *const refused[] = { "INVITE", "SUBSCRIBE", "NOTIFY",
		"PUBLISH", "MESSAGE", "REFER" };
	static const char *const unknown[] = { "FROB", "register", "Options" };

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		assert_int_equal(ask(request(refused[i])), 405);
		assert_string_equal(world_header("Allow", 0),
		    "REGISTER, OPTIONS");
	}
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		assert_int_equal(ask(request(unknown[i])), 501);
		assert_string_equal(world_header("Allow", 0),
		    "REGISTER, OPTIONS");
	}
}

static void
there_are_no_dialogs(void **state)
{
	static const char *const inside[] = { "BYE", "CANCEL", "UPDATE",
		"PRACK", "INFO" };
	struct request r;

	for (size_t i = 0; i < ARRAY_LEN(inside); i++)
		assert_int_equal(ask(request(inside[i])), 481);
	r = request("INVITE");
	r.to = "<sip:100@example.com>;tag=old";
	assert_int_equal(ask(r), 481);
	r.method = "NOTIFY";
	assert_int_equal(ask(r), 481);
	/* The tag that is there stays. */
	assert_string_equal(world_header("To", 0), r.to);
	r.method = "OPTIONS";
	assert_int_equal(ask(r), 200);
}

static void
other_schemes_are_416(void **state)
{
	assert_int_equal(ask_uri("OPTIONS", "tel:+4930123456"), 416);
	assert_int_equal(ask_uri("REGISTER", "http://example.com/"), 416);
	assert_int_equal(ask_uri("OPTIONS", "sips:100@example.com"), 200);
}

static void
unknown_extensions_are_all_named(void **state)
{
	struct request r = request("OPTIONS");

	r.fields = "Require: path, outbound\r\n";
	assert_int_equal(ask(r), 200);
	r.fields = "Require: path, frob\r\nProxy-Require: not-our-thing\r\n"
	    "Require: 100rel,Outbound\r\n";
	assert_int_equal(ask(r), 420);
	assert_string_equal(world_header("Unsupported", 0), "frob, 100rel");
	assert_int_equal(world_count("Unsupported"), 1);
	r.method = "REGISTER";
	assert_int_equal(ask(r), 420);
	/* RFC 3261 8.2.2.3: Require means nothing in a CANCEL. */
	r.method = "CANCEL";
	assert_int_equal(ask(r), 481);
}

/* ---- the tag ---- */

static void
take_tag(char out[64])
{
	const char *tag = strstr(world_header("To", 0), ";tag=");

	assert_non_null(tag);
	snprintf(out, 64, "%s", tag);
}

static void
a_request_has_one_tag_however_often_it_comes(void **state)
{
	char first[64], next[64];
	struct request other[4];

	ask(request("OPTIONS"));
	take_tag(first);
	ask(request("OPTIONS"));
	take_tag(next);
	assert_string_equal(first, next);
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		other[i] = request("OPTIONS");
	other[0].branch = "z9hG4bK2";
	other[1].call_id = "call2";
	other[2].cseq = 2;
	other[3].from = "<sip:200@example.com>;tag=from2";
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		ask(other[i]);
		take_tag(next);
		assert_string_not_equal(first, next);
	}
}

/* ---- whose domain ---- */

static void
requests_for_other_domains_are_404(void **state)
{
	assert_int_equal(ask_uri("REGISTER", "sip:example.net"), 404);
	assert_int_equal(ask_uri("REGISTER", "sip:sub.example.com"), 404);
	assert_int_equal(ask_uri("REGISTER", "sip:192.0.2.200"), 404);
	assert_int_equal(ask_to("<sip:100@example.net>"), 404);
	assert_int_equal(ask_to("<sip:example.com>"), 404);
	assert_int_equal(ask_to("<tel:+4930123456>"), 400);
	assert_int_equal(ask_to("isbn:2983792873"), 400);
}

static void
our_domain_has_many_names(void **state)
{
	static const char *const ours[] = {
		"sip:example.com", "sip:EXAMPLE.com", "sips:example.com",
		"sip:example.com:5070;transport=tcp", "sip:pbx.local",
		"sip:192.0.2.9", "sip:192.0.2.9:5061", "sip:127.0.0.1",
		"sip:[2001:db8::9]",
	};
	static const struct conf_override more[] = {
		{ "alias", "pbx.local" }, { "alias", "[2001:db8::9]" },
		{ NULL, NULL },
	};

	world_reload(more);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		char to[128];
		size_t scheme = strcspn(ours[i], ":") + 1;

		assert_int_equal(ask_uri("REGISTER", ours[i]), 401);
		snprintf(to, sizeof(to), "<sip:100@%s>", ours[i] + scheme);
		assert_int_equal(ask_to(to), 401);
	}
}

static void
an_overlong_address_of_record_is_400(void **state)
{
	char to[1024];

	snprintf(to, sizeof(to), "<sip:%0*d@example.com>", 400, 1);
	assert_int_equal(ask_to(to), 401);
	snprintf(to, sizeof(to), "<sip:%0*d@example.com>", 600, 1);
	assert_int_equal(ask_to(to), 400);
	/* RFC 4475 3.1.1.4: a null is a character like others. */
	assert_int_equal(ask_to("<sip:null-%00-null@example.com>"), 401);
}

static void
a_reload_moves_the_domain(void **state)
{
	static const struct conf_override more[] = {
		{ "domain", "example.net" }, { NULL, NULL },
	};

	world_reload(more);
	assert_int_equal(ask_uri("REGISTER", "sip:example.com"), 404);
	assert_int_equal(ask_to("<sip:100@example.net>"), 404);
	assert_int_equal(ask_uri("OPTIONS", "sip:example.net"), 200);
}

static atomic_bool reloaded;

static void *
asker(void *arg)
{
	static struct sip_msg m;
	struct request r = request("OPTIONS");
	struct flow flow = world.flow;
	const char *text = text_of(&r);
	uintptr_t wrong = 0;
	struct buf out;

	while (!atomic_load(&reloaded)) {
		buf_init(&out, ANSWER_SIZE);
		wrong += sip_msg_parse(&m, str_cstr(text), SIP_DATAGRAM,
		    16384) != 0 || uas_handle(world.uas, &flow, &m, &out) !=
		    UAS_REPLY;
		buf_fini(&out);
	}
	return (void *)wrong;
}

/* For the thread sanitizer: a worker serves while the main thread reloads. */
static void
a_reload_disturbs_nobody(void **state)
{
	pthread_t thread;
	void *wrong;

	atomic_store(&reloaded, false);
	assert_int_equal(pthread_create(&thread, NULL, asker, NULL), 0);
	for (int i = 0; i < RELOADS; i++)
		world_reload(NULL);
	atomic_store(&reloaded, true);
	pthread_join(thread, &wrong);
	assert_null(wrong);
}

/* ---- overload ---- */

static int
ask_busy(const char *text)
{
	static struct sip_msg m;
	enum uas_result result;
	struct buf out;

	buf_init_array(&out, world.answer, sizeof(world.answer) - 1);
	assert_int_equal(sip_msg_parse(&m, str_cstr(text), SIP_DATAGRAM, 16384),
	    0);
	result = uas_busy(world.uas, &world.flow, &m, &out);
	world.answer[out.n] = '\0';
	return result == UAS_NONE ? 0 : world_status();
}

static void
when_busy_phones_are_told_when_to_come_back(void **state)
{
	struct request ok = request("REGISTER"), ack = request("ACK");
	long least = LONG_MAX, most = 0;

	for (int i = 0; i < 300; i++) {
		long after;

		assert_int_equal(ask_busy(text_of(&ok)), 503);
		after = strtol(world_header("Retry-After", 0), NULL, 10);
		assert_in_range(after, 30, 60);
		least = after < least ? after : least;
		most = after > most ? after : most;
	}
	assert_true(most - least > 10); /* spread */
	assert_int_equal(ask_busy(text_of(&ack)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(options_is_answered_without_credentials),
		CASE(responses_and_acks_are_not_answered),
		CASE(what_cannot_be_answered_is_not),
		CASE(malformed_requests_are_told_why),
		CASE(methods_not_served_are_refused_by_name),
		CASE(there_are_no_dialogs),
		CASE(other_schemes_are_416),
		CASE(unknown_extensions_are_all_named),
		CASE(a_request_has_one_tag_however_often_it_comes),
		CASE(requests_for_other_domains_are_404),
		CASE(our_domain_has_many_names),
		CASE(an_overlong_address_of_record_is_400),
		CASE(a_reload_moves_the_domain),
		CASE(a_reload_disturbs_nobody),
		CASE(when_busy_phones_are_told_when_to_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
