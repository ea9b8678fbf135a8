/* SPDX-License-Identifier: BSD-2-Clause */
/* diag/explain: what is said of an event; the corpus's lines of known cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/compiler.h"
#include "diag/explain.h"

#include "../corpus.h"

#define EVENTS_MAX 64

static struct explain got[EVENTS_MAX];
static size_t ngot;

static void
on_event(const struct pbxlog_event *e, void *arg)
{
	assert_true(ngot < EVENTS_MAX);
	explain_event(&got[ngot++], e);
}

static void
read_text(const char *text)
{
	struct pbxlog *l;

	ngot = 0;
	assert_int_equal(pbxlog_new(&l, on_event, NULL), 0);
	pbxlog_feed(l, str_cstr(text));
	pbxlog_flush(l);
	pbxlog_free(l);
}

static void
is_said(const char *line, enum trust_cause cause,
    enum trust_confidence confidence, enum trust_cause next_best)
{
	read_text(line);
	assert_int_equal(ngot, 1);
	assert_string_equal(trust_cause_name(got[0].verdict.cause),
	    trust_cause_name(cause));
	assert_int_equal(got[0].verdict.confidence, confidence);
	assert_string_equal(trust_cause_name(got[0].verdict.next_best),
	    trust_cause_name(next_best));
	assert_true(got[0].what[0] != '\0' && got[0].how[0] != '\0' &&
	    got[0].next[0] != '\0');
}

#define SAID(line, cause, confidence, next)                                    \
	is_said(line, TRUST_CAUSE_##cause, TRUST_##confidence,                 \
	    TRUST_CAUSE_##next)

static void
test_lost_reason_is_said_to_be_lost(void **state)
{
	size_t n;
	unsigned total, sum = 0;
	const struct explain_rank *r = explain_ranks(&n, &total);

	SAID("ERROR[1] tcptls.c: Problem setting up ssl connection with peer "
	    "'192.0.2.1:5': error:00000001:lib(0):func(0):reason(1), Internal "
	    "SSL error\n", UNTRUSTED_ROOT, POSSIBLE, PROTOCOL_VERSION);
	assert_true(got[0].ranked);
	assert_non_null(strstr(got[0].how, "SSL_get_error()"));
	assert_non_null(strstr(got[0].next, "siptrust watch -i any"));
	/* What is said first is what is first in the table. */
	assert_int_equal(r[0].cause, got[0].verdict.cause);
	assert_int_equal(r[1].cause, got[0].verdict.next_best);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || r[i].count <= r[i - 1].count);
		sum += r[i].count;
	}
	assert_int_equal(sum, total);
}

static void
test_numbers_are_judged(void **state)
{
	SAID("x[1]: TLS accept:error:0A000418:\n", UNTRUSTED_ROOT, LIKELY,
	    MISSING_INTERMEDIATE);
	SAID("x[1]: TLS accept:error:0A000415:\n", CERTIFICATE_EXPIRED, LIKELY,
	    NOT_YET_VALID);
	SAID("x[1]: TLS accept:error:0A000412:\n", UNTRUSTED_ROOT, POSSIBLE,
	    NAME_MISMATCH);
	SAID("x[1]: TLS accept:error:0A000102:\n", PROTOCOL_VERSION, LIKELY,
	    SCANNER);
	SAID("x[1]: TLS accept:error:0A00042E:\n", PROTOCOL_VERSION, LIKELY,
	    NONE);
	SAID("x[1]: TLS accept:error:0A0000C1:\n", NO_SHARED_CIPHER, LIKELY,
	    KEY_TYPE_UNSUPPORTED);
	SAID("x[1]: TLS accept:error:0A00010B:\n", PLAIN_SIP_ON_TLS_PORT,
	    POSSIBLE, PROTOCOL_VERSION);
	SAID("x[1]: TLS accept:error:0A000126:\n", CLOSED_SILENTLY, POSSIBLE,
	    SCANNER);
	SAID("x[1]: TLS accept:error:0A0000BF:\n", SERVER_MISCONFIGURED, LIKELY,
	    PROTOCOL_VERSION);
	SAID("x[1]: TLS accept:error:0A0000C7:\n", CLIENT_CERTIFICATE_MISSING,
	    LIKELY, NONE);
	SAID("x[1]: TLS accept:error:0A000086:\n", CLIENT_CERTIFICATE_REFUSED,
	    LIKELY, NONE);
	/* The PBX is the client: it is its trust that fails. */
	read_text("x[1]: TLS connect:error:0A000086:\n");
	assert_int_equal(got[0].verdict.cause, TRUST_CAUSE_UNTRUSTED_ROOT);
}

/* Even what the bytes would prove is hearsay in a log. */
static void
test_log_is_never_certain(void **state)
{
	SAID("x[1]: TLS accept:error:0A00009C:\n", HTTP_ON_TLS_PORT, LIKELY,
	    NONE);
	SAID("x[1]: load_cert(): no such file\n", SERVER_MISCONFIGURED, LIKELY,
	    NONE);
}

static void
test_every_error_has_words(void **state)
{
	char line[80];

	for (unsigned reason = 100; reason < 1260; reason++) {
		unsigned error = 0x0A000000 | reason;

		snprintf(line, sizeof(line), "x[1]: TLS accept:error:%08X:\n",
		    error);
		read_text(line);
		assert_int_equal(ngot, 1);
		assert_true(got[0].what[0] != '\0' && got[0].how[0] != '\0' &&
		    got[0].next[0] != '\0');
		assert_true(got[0].verdict.confidence < TRUST_CERTAIN);
		assert_true(got[0].verdict.cause != TRUST_CAUSE_NONE);
	}
}

/* ---- the corpus ---- */

/* What its "cause" means in our words; NONE: a fault that is no cause here. */
static const struct {
	const char *says;
	enum trust_cause truth;
} truths[] = {
	{ "does not trust the Let's Encrypt", TRUST_CAUSE_UNTRUSTED_ROOT },
	{ "no common TLS version", TRUST_CAUSE_PROTOCOL_VERSION },
	{ "refused the TLS version", TRUST_CAUSE_PROTOCOL_VERSION },
	{ "transport method=default", TRUST_CAUSE_SERVER_MISCONFIGURED },
	{ "connected to the IP address", TRUST_CAUSE_NAME_MISMATCH },
	{ "key below the OpenSSL", TRUST_CAUSE_SERVER_MISCONFIGURED },
	{ "ca_list not set", TRUST_CAUSE_SERVER_MISCONFIGURED },
	{ "NULL ciphers only", TRUST_CAUSE_NO_SHARED_CIPHER },
	{ "does not listen for TLS", TRUST_CAUSE_TIMEOUT },
	{ "private CA not installed", TRUST_CAUSE_UNTRUSTED_ROOT },
	{ "resets such handshakes", TRUST_CAUSE_PEER_RESET },
	/* Bugs of a server under load: what it printed is another's. */
	{ "data race", TRUST_CAUSE_NONE },
	{ "bug under load", TRUST_CAUSE_NONE },
	{ "same race", TRUST_CAUSE_NONE },
};

static enum trust_cause
truth_of(const char *cause)
{
	for (size_t i = 0; i < ARRAY_LEN(truths); i++)
		if (strstr(cause, truths[i].says) != NULL)
			return truths[i].truth;
	fail_msg("no word for the cause \"%s\"", cause);
	return TRUST_CAUSE_NONE;
}

struct tally {
	unsigned first, second, wrong, faults;
};

static void
count(struct tally *t, const struct explain *x, enum trust_cause truth)
{
	assert_true(x->verdict.confidence < TRUST_CERTAIN);
	if (truth == TRUST_CAUSE_NONE)
		t->faults++;
	else if (x->verdict.cause == truth)
		t->first++;
	else if (x->verdict.next_best == truth)
		t->second++;
	else
		t->wrong++;
}

static const char *
member(json_t *line, const char *name)
{
	return json_string_value(json_object_get(line, name));
}

/* All lines of one report, which are one log. */
static size_t
read_report(json_t **line, size_t n, char *text, size_t size)
{
	const char *source = member(line[0], "source");
	const char *cause = member(line[0], "cause");
	size_t used = 0, i = 0;

	for (; i < n; i++) {
		const char *c = member(line[i], "cause");

		if (strcmp(member(line[i], "source"), source) != 0 ||
		    (c == NULL) != (cause == NULL) ||
		    (c != NULL && strcmp(c, cause) != 0))
			break;
		used += (size_t)snprintf(text + used, size - used, "%s\n",
		    member(line[i], "line"));
		assert_true(used < size);
	}
	return i;
}

static void
test_corpus_causes(void **state)
{
	char path[4096], text[16384];
	char *all, *rest, *one;
	json_t *line[256];
	size_t n = 0, size;
	struct tally t = { 0 };

	all = corpus_read(corpus_path(path, "logs.jsonl"), &size);
	all = realloc(all, size + 1);
	assert_non_null(all);
	all[size] = '\0';
	for (rest = all; n < ARRAY_LEN(line) &&
	    (one = strsep(&rest, "\n")) != NULL;)
		if (*one != '\0' &&
		    (line[n] = json_loads(one, 0, NULL)) != NULL)
			n++;
	for (size_t i = 0; i < n;) {
		const char *cause = member(line[i], "cause");

		i += read_report(line + i, n - i, text, sizeof(text));
		read_text(text);
		for (size_t j = 0; j < ngot; j++)
			if (cause != NULL)
				count(&t, &got[j], truth_of(cause));
	}
	print_message("# named first %u, second %u, not %u; %u of faulty "
	    "servers\n", t.first, t.second, t.wrong, t.faults);
	assert_true(t.first + t.second >= 10);
	assert_true(t.wrong * 10 <= t.first + t.second + t.wrong);
	for (size_t i = 0; i < n; i++)
		json_decref(line[i]);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_reason_is_said_to_be_lost),
		cmocka_unit_test(test_numbers_are_judged),
		cmocka_unit_test(test_log_is_never_certain),
		cmocka_unit_test(test_every_error_has_words),
		cmocka_unit_test(test_corpus_causes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
