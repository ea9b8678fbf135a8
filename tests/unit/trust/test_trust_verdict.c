/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trust/verdict: golden tests.  tests/verdict/<case>/evidence.txt is judged
 * and the line compared with expect.txt.  SIPTRUST_UPDATE=1 writes the
 * expect.txt anew: read the diff before it is committed.
 */
#include <dirent.h>
#include <stdlib.h>

#include "tlswire/alert.h"
#include "verdict_world.h"

#define F(name) (1u << TRUST_FAULT_##name)
#define DAY     86400

static void
spit(const char *name, const char *file, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), CASES "/%s/%s", name, file);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
verdict_line(char out[TRUST_LINE_MAX + 2], const struct trust_evidence *e)
{
	struct trust_verdict v;
	struct buf b;

	trust_judge(&v, e, NULL);
	buf_init_array(&b, out, TRUST_LINE_MAX);
	if (v.cause == TRUST_CAUSE_NONE)
		buf_puts(&b, "nothing was refused");
	else
		trust_verdict_line(&b, &v, e, &places, 0, 0);
	assert_false(b.failed);
	out[b.n] = '\n';
	out[b.n + 1] = '\0';
}

static void
judge_case(const char *name)
{
	char line[TRUST_LINE_MAX + 2], expect[8192];
	struct trust_evidence e;

	load(&e, name);
	verdict_line(line, &e);
	if (getenv("SIPTRUST_UPDATE") != NULL)
		spit(name, "expect.txt", line);
	if (slurp(name, "expect.txt", expect) == NULL)
		fail_msg("tests/verdict/%s/expect.txt is not there", name);
	if (strcmp(line, expect) != 0)
		fail_msg("%s:\n got      %s expected %s", name, line, expect);
}

static void
each_case_gives_its_line(void **state)
{
	DIR *d = opendir(CASES);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *f; (f = readdir(d)) != NULL;)
		if (f->d_name[0] != '.') {
			judge_case(f->d_name);
			n++;
		}
	closedir(d);
	assert_true(n >= 60);
}

/* Whatever the evidence, there is a verdict and it says why. */
static void
little_evidence_makes_no_certainty(void **state)
{
	struct trust_evidence e;
	struct trust_verdict v;

	trust_evidence_init(&e);
	trust_judge(&v, &e, NULL);
	assert_int_equal(v.confidence, TRUST_POSSIBLE);
	assert_string_not_equal(v.reason, "");
	e.stage = TRUST_STAGE_HELLO;
	e.hello_seen = true;
	trust_judge(&v, &e, NULL);
	assert_int_equal(v.cause, TRUST_CAUSE_UNKNOWN);
	assert_int_equal(v.confidence, TRUST_POSSIBLE);
	assert_string_not_equal(v.reason, "");
}

static void
history_is_told_and_weighs(void **state)
{
	struct trust_history h = { .attempts = 5, .refused_alike = 5 };
	struct trust_evidence e;
	struct trust_verdict v, again;

	load(&e, "unknown-ca");
	trust_judge(&v, &e, &h);
	assert_int_equal(v.confidence, TRUST_LIKELY);
	assert_string_equal(v.reason,
	    "alert unknown_ca(48) 14 ms after Certificate; 5 of 5 attempts");
	trust_judge(&again, &e, &h);
	assert_memory_equal(&v, &again, sizeof(v));

	h.accepted_chain = 1;
	trust_judge(&v, &e, &h);
	assert_int_equal(v.cause, TRUST_CAUSE_UNTRUSTED_ROOT);
	assert_int_equal(v.confidence, TRUST_POSSIBLE);

	/* What the bytes prove stays proven. */
	load(&e, "plain-sip");
	trust_judge(&v, &e, &h);
	assert_int_equal(v.confidence, TRUST_CERTAIN);
}

/* A chain that the device accepts, in all like the one it refused. */
static struct trust_past
like(const struct trust_evidence *e, const char *name)
{
	struct trust_past p = { .key = e->our_key, .depth = e->chain_depth,
		.faults = e->chain_faults, .signed_with = e->chain_signed,
		.bits = e->our_bits, .names = e->chain_names,
		.not_before_s = e->chain_not_before_s,
		.not_after_s = e->chain_not_after_s,
		.version = e->version, .accepted = 1,
		.accepted_s = e->when_s + 30 };

	strcpy(p.chain, name);
	strcpy(p.root, e->root);
	return p;
}

static void
expect(const struct trust_evidence *e, const struct trust_history *h,
    enum trust_cause cause, enum trust_confidence confidence)
{
	struct trust_verdict v;

	trust_judge(&v, e, h);
	assert_string_equal(trust_cause_name(v.cause),
	    trust_cause_name(cause));
	assert_string_equal(trust_confidence_name(v.confidence),
	    trust_confidence_name(confidence));
	if (confidence == TRUST_CERTAIN)
		assert_int_equal(v.next_best, TRUST_CAUSE_NONE);
}

/*
 * A refusal by the client of that golden case, of a chain of which all is
 * known, and one chain with another root that it accepted.
 */
static void
other_root(struct trust_evidence *e, struct trust_history *h, const char *name)
{
	load(e, name);
	e->server_name[0] = '\0';
	e->chain_depth = 3;
	e->chain_signed = 1u << TRUST_SIGNED_RSA_SHA256;
	e->our_bits = 2048;
	e->chain_names = 77;
	*h = (struct trust_history) { .attempts = 1, .refused_alike = 1,
		.nother = 1 };
	h->other[0] = like(e, "private");
	strcpy(h->other[0].root, "Private Root");
}

/* What the certificate itself is at fault in is no missing root. */
static void
a_fault_of_the_certificate_is_not_taken_for_the_root(void **state)
{
	static const struct {
		const char *golden;
		int alert;
		enum trust_fault fault;
		enum trust_cause cause;
	} rows[] = {
		/* OpenSSL; an issuer that is no CA, or of too long a path. */
		{ "unknown-ca", 48, TRUST_FAULT_ISSUER, OURS },
		{ "unknown-ca", 46, TRUST_FAULT_CRITICAL, OURS },
		{ "unknown-ca", 43, TRUST_FAULT_USAGE, OURS },
		/* mbedTLS calls an issuer that is none unknown as well. */
		{ "bad-certificate-name", 48, TRUST_FAULT_ISSUER, OURS },
		/* Go; and one that nobody knows. */
		{ "bad-certificate-one-code", 42, TRUST_FAULT_NO_ALT_NAME,
		  NAME },
		{ "bad-certificate", 42, TRUST_FAULT_CRITICAL, OURS },
		{ "bad-certificate", 46, TRUST_FAULT_EXPIRED,
		  TRUST_CAUSE_CERTIFICATE_EXPIRED },
		/* rustls: what it cannot compute is a wrong signature. */
		{ "bad-certificate", 51, TRUST_FAULT_WEAK_SIGNATURE,
		  TRUST_CAUSE_WEAK_SIGNATURE },
		{ "bad-certificate", 51, TRUST_FAULT_WEAK_KEY,
		  TRUST_CAUSE_WEAK_KEY },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct trust_history h;
		struct trust_evidence e;
		struct trust_verdict v;

		other_root(&e, &h, rows[i].golden);
		e.alert[0].description = (uint8_t)rows[i].alert;
		e.chain_faults = 1u << rows[i].fault;
		expect(&e, NULL, rows[i].cause, TRUST_LIKELY);
		/* A chain to another root, without it, proves no root. */
		h.other[0].faults = 0;
		trust_judge(&v, &e, &h);
		assert_int_equal(v.cause, rows[i].cause);
	}
}

/* Another CA made a root of the same name: it is not held for that. */
static void
roots_of_one_name_are_told_apart_by_their_keys(void **state)
{
	struct trust_history h;
	struct trust_evidence e;

	other_root(&e, &h, "unknown-ca");
	e.root_id = 7;
	h.other[0] = like(&e, "private");
	h.other[0].root_id = 8;
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	/* The key of one is not known: neither the same nor another. */
	h.other[0].root_id = 0;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	h.other[0].root_id = 7;
	e.chain_faults = 1u << TRUST_FAULT_ISSUER;
	expect(&e, &h, OURS, TRUST_CERTAIN);
}

static void
the_only_difference_left_is_the_cause(void **state)
{
	struct trust_history h;
	struct trust_evidence e;
	struct trust_verdict v;

	other_root(&e, &h, "unknown-ca");
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	trust_judge(&v, &e, &h);
	assert_string_equal(v.accepts, "private");
	assert_non_null(strstr(v.reason, "same device accepts chain private"));
	/* Never accepted: nothing follows. */
	h.other[0].accepted = 0;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	/* It took this very chain before. */
	h.other[0].accepted = 1;
	h.accepted_chain = 1;
	expect(&e, &h, ROOT, TRUST_POSSIBLE);
}

static void
two_differences_are_never_certain(void **state)
{
	struct trust_history h;
	struct trust_evidence e;

	other_root(&e, &h, "unknown-ca");
	h.other[0].key = TRUST_KEY_ECDSA;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	other_root(&e, &h, "unknown-ca");
	h.other[0].depth = 2;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	other_root(&e, &h, "unknown-ca");
	e.chain_faults = F(WEAK_KEY);
	expect(&e, &h, ROOT, TRUST_LIKELY);
	/* What is not known may be different. */
	other_root(&e, &h, "unknown-ca");
	h.other[0].depth = 0;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	other_root(&e, &h, "unknown-ca");
	h.other[0].root[0] = '\0';
	expect(&e, &h, ROOT, TRUST_LIKELY);
	other_root(&e, &h, "unknown-ca");
	e.root[0] = '\0';
	expect(&e, &h, ROOT, TRUST_LIKELY);
}

static void
another_client_there_proves_nothing(void **state)
{
	struct trust_history h;
	struct trust_evidence e;

	other_root(&e, &h, "unknown-ca");
	h.shared = true;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	other_root(&e, &h, "unknown-ca");
	h.other[0].other_hello = true;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	other_root(&e, &h, "unknown-ca");
	h.other[0].version = TLS_VERSION_1_0;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	h.other[0].version = 0;
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	other_root(&e, &h, "unknown-ca");
	h.unchecking = true;
	expect(&e, &h, ROOT, TRUST_POSSIBLE);
}

/* The same root was accepted at the end of a shorter chain. */
static void
a_chain_too_long_is_no_missing_root(void **state)
{
	static const char *const by[] = { "unknown-ca", "story-spa502g",
		"nss-after-finished", "tls13-alert-told" };
	struct trust_history h;
	struct trust_evidence e;
	struct trust_verdict v;

	for (size_t i = 0; i < ARRAY_LEN(by); i++) {
		other_root(&e, &h, by[i]);
		e.alert[0].description = TLS_ALERT_unknown_ca;
		strcpy(h.other[0].root, e.root);
		h.other[0].depth = 2;
		expect(&e, &h, OURS, TRUST_CERTAIN);
		trust_judge(&v, &e, &h);
		assert_int_equal(v.fault, TRUST_FAULT_TOO_LONG);
	}
}

/* The cross-signed path ends at a root that has expired in the phone. */
static void
the_cross_signed_path_has_expired(void **state)
{
	struct trust_history h;
	struct trust_evidence e;

	other_root(&e, &h, "expired-by-its-clock");
	strcpy(e.root, "DST Root CA X3");
	strcpy(h.other[0].root, "ISRG Root X1");
	h.other[0].depth = 2;
	expect(&e, &h, EXPIRED, TRUST_LIKELY);
}

static void
key_name_and_date_are_told_by_history(void **state)
{
	struct trust_history h;
	struct trust_evidence e;

	/* A client that says the same to all. */
	other_root(&e, &h, "bad-certificate");
	strcpy(h.other[0].root, e.root);
	h.other[0].between = true;
	e.our_key = TRUST_KEY_ECDSA;
	expect(&e, &h, KEY_TYPE, TRUST_CERTAIN);
	e.our_key = TRUST_KEY_RSA;
	e.chain_faults = F(NAME);
	expect(&e, &h, NAME, TRUST_CERTAIN);
	e.chain_faults = 0;
	e.when_s = e.chain_not_after_s + 1;
	expect(&e, &h, EXPIRED, TRUST_CERTAIN);
	e.when_s = e.chain_not_before_s + 1;
	e.chain_faults = F(WEAK_SIGNATURE);
	expect(&e, &h, TRUST_CAUSE_WEAK_SIGNATURE, TRUST_CERTAIN);
	e.chain_faults = F(WEAK_KEY);
	expect(&e, &h, TRUST_CAUSE_WEAK_KEY, TRUST_CERTAIN);
	e.chain_faults = F(INCOMPLETE);
	expect(&e, &h, TRUST_CAUSE_MISSING_INTERMEDIATE, TRUST_CERTAIN);
	/* Of two faults either may be it. */
	e.chain_faults = F(WEAK_KEY) | F(NAME);
	expect(&e, &h, NAME, TRUST_LIKELY);
}

/* Whatever it refuses gets the same word: then names and dates count too. */
static void
a_client_of_one_word_needs_more_proof(void **state)
{
	struct trust_history h;
	struct trust_evidence e;

	other_root(&e, &h, "tls13-alert-told"); /* GnuTLS */
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	/* The chain that it took bears other names, perhaps. */
	h.other[0].names = 78;
	expect(&e, &h, ROOT, TRUST_POSSIBLE);
	h.other[0].names = 0;
	expect(&e, &h, ROOT, TRUST_POSSIBLE);
	/* It took it before this refusal: its clock may have been lost. */
	other_root(&e, &h, "tls13-alert-told");
	h.other[0].accepted_s = e.when_s - 1;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	h.other[0].between = true;
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	/* A wrong clock tells a young chain from an old one. */
	other_root(&e, &h, "tls13-alert-told");
	h.other[0].not_before_s -= 400 * DAY;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	/* It may not be able to compute what only this one is signed with. */
	other_root(&e, &h, "tls13-alert-told");
	e.chain_signed |= 1u << TRUST_SIGNED_RSA_SHA384;
	expect(&e, &h, ROOT, TRUST_LIKELY);
	h.other[0].signed_with = e.chain_signed;
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	e.our_bits = 4096;
	expect(&e, &h, ROOT, TRUST_LIKELY);
}

static void
one_silence_of_an_unknown_client_is_no_proof(void **state)
{
	struct trust_history h;
	struct trust_evidence e;

	other_root(&e, &h, "closed-at-certificate");
	e.ja4[0] = '\0';
	h.other[0].between = true;
	expect(&e, &h, SILENT, TRUST_LIKELY);
	h.attempts = h.refused_alike = 2;
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	h.other[0].between = false;
	expect(&e, &h, SILENT, TRUST_LIKELY);
}

/* Each of two accepted chains makes certain of something else. */
static void
proofs_that_contradict_prove_nothing(void **state)
{
	struct trust_history h;
	struct trust_evidence e;
	struct trust_verdict v;

	other_root(&e, &h, "unknown-ca");
	h.nother = 2;
	h.other[1] = like(&e, "short");
	h.other[1].depth = 2;
	/* The root is held, the length was followed: what then? */
	trust_judge(&v, &e, &h);
	assert_int_not_equal(v.confidence, TRUST_CERTAIN);
}

static void
what_worked_before_is_hardly_the_chain(void **state)
{
	struct trust_history h = { .attempts = 1, .refused_alike = 1,
		.accepted_chain = 9 };
	struct trust_evidence e;

	/* A clock is lost sooner than a root. */
	load(&e, "bad-certificate");
	expect(&e, &h, TOO_NEW, TRUST_POSSIBLE);
	load(&e, "expired-by-its-clock");
	expect(&e, &h, EXPIRED, TRUST_LIKELY);
	/* It has expired meanwhile: we know that ourselves. */
	load(&e, "expired");
	expect(&e, &h, EXPIRED, TRUST_LIKELY);
}

static void
its_kind_tells_chain_from_device(void **state)
{
	struct trust_history h = { .attempts = 1, .refused_alike = 1,
		.kind_refusing = 3 };
	struct trust_evidence e;
	struct trust_verdict v;

	load(&e, "bad-certificate-one-code");
	strcpy(h.kind_accepts, "private");
	expect(&e, &h, ROOT, TRUST_LIKELY);
	trust_judge(&v, &e, &h);
	assert_string_equal(v.accepts, "private");
	assert_true(v.kind_accepts);
	h.kind_accepting = 1;
	expect(&e, &h, ROOT, TRUST_POSSIBLE);
}

static void
its_own_list_of_roots_is_believed(void **state)
{
	struct trust_history h = { .attempts = 1, .refused_alike = 1 };
	struct trust_evidence e;

	load(&e, "bad-certificate");
	e.listed = TRUST_LISTED_NO;
	expect(&e, NULL, ROOT, TRUST_CERTAIN);
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	/* It holds the root: then it is something else. */
	e.listed = TRUST_LISTED_YES;
	expect(&e, NULL, NAME, TRUST_POSSIBLE);
	/* This stack never says that of a root. */
	load(&e, "expired-by-its-clock");
	e.listed = TRUST_LISTED_NO;
	expect(&e, NULL, EXPIRED, TRUST_LIKELY);
	/* One silence of an unknown client is no refusal yet. */
	load(&e, "closed-at-certificate");
	e.ja4[0] = '\0';
	e.listed = TRUST_LISTED_NO;
	expect(&e, &h, ROOT, TRUST_POSSIBLE);
}

static void
the_hello_tells_the_phones_clock(void **state)
{
	struct trust_evidence e;
	struct trust_history h;

	/* 1970: it has just started. */
	load(&e, "bad-certificate");
	e.hello_time_s = 57;
	expect(&e, NULL, TOO_NEW, TRUST_LIKELY);
	e.hello_time_s = 946684800 + 3600;
	expect(&e, NULL, TOO_NEW, TRUST_LIKELY);
	/* A year after its start it is chance more likely than a clock. */
	e.hello_time_s = 300 * 86400;
	expect(&e, NULL, ROOT, TRUST_POSSIBLE);
	/* Right: then it is not that. */
	other_root(&e, &h, "bad-certificate");
	expect(&e, &h, ROOT, TRUST_LIKELY);
	e.hello_time_s = (uint32_t)e.when_s - 100;
	expect(&e, &h, ROOT, TRUST_CERTAIN);
	/* By chance, at TLS 1.3. */
	e.max_version = TLS_VERSION_1_3;
	expect(&e, &h, ROOT, TRUST_LIKELY);
}

/* NSS has one code for too old and too new, GnuTLS one for everything. */
static void
a_phone_without_the_time_lives_in_the_past(void **state)
{
	struct trust_evidence e;
	struct trust_verdict v;

	load(&e, "bad-certificate");
	strcpy(e.server_name, "pbx.example.com");
	strcpy(e.ja4, "t13d291300_723694b0fccc_2cc26d266019");
	trust_judge(&v, &e, NULL);
	assert_int_equal(v.cause, TRUST_CAUSE_UNTRUSTED_ROOT);
	assert_int_equal(v.next_best, TRUST_CAUSE_NOT_YET_VALID);
	strcpy(e.ja4, "t13d351100_948423e5275c_496733ea6893");
	e.alert[0].description = TLS_ALERT_certificate_expired;
	trust_judge(&v, &e, NULL);
	assert_int_equal(v.cause, TRUST_CAUSE_NOT_YET_VALID);
	assert_int_equal(v.next_best, TRUST_CAUSE_CERTIFICATE_EXPIRED);
}

/*
 * Only what a log line or a capture that began late can tell: the first cause
 * makes sense, and nothing is certain that is not.
 */
static const struct {
	const char *evidence;
	enum trust_cause cause, next_best;
	enum trust_confidence confidence;
} partial[] = {
#define POSSIBLE TRUST_POSSIBLE
#define LIKELY   TRUST_LIKELY
#define CERTAIN  TRUST_CERTAIN
#define NONE     TRUST_CAUSE_NONE
	/* A PBX's log: an alert's number and no more. */
	{ "alert: client level=0 unknown_ca(48) at_us=0", ROOT,
	  TRUST_CAUSE_MISSING_INTERMEDIATE, LIKELY },
	{ "alert: client level=0 bad_certificate(42) at_us=0", ROOT, NAME,
	  POSSIBLE },
	{ "alert: client level=0 unsupported_certificate(43) at_us=0", OURS,
	  TRUST_CAUSE_WEAK_SIGNATURE, POSSIBLE },
	{ "alert: client level=0 certificate_revoked(44) at_us=0", OURS, NONE,
	  LIKELY },
	{ "alert: client level=0 certificate_expired(45) at_us=0", EXPIRED,
	  TOO_NEW, LIKELY },
	{ "alert: client level=0 certificate_unknown(46) at_us=0", ROOT, NAME,
	  POSSIBLE },
	{ "alert: client level=0 decrypt_error(51) at_us=0", ROOT, OURS,
	  POSSIBLE },
	{ "alert: client level=0 handshake_failure(40) at_us=0",
	  TRUST_CAUSE_NO_SHARED_CIPHER, TRUST_CAUSE_PROTOCOL_VERSION,
	  POSSIBLE },
	{ "alert: client level=0 protocol_version(70) at_us=0",
	  TRUST_CAUSE_PROTOCOL_VERSION, NONE, LIKELY },
	{ "alert: client level=0 internal_error(80) at_us=0",
	  TRUST_CAUSE_UNKNOWN, NONE, POSSIBLE },
	{ "alert: server level=0 protocol_version(70) at_us=0",
	  TRUST_CAUSE_PROTOCOL_VERSION, TRUST_CAUSE_SCANNER, LIKELY },
	{ "alert: server level=0 handshake_failure(40) at_us=0",
	  TRUST_CAUSE_NO_SHARED_CIPHER, KEY_TYPE, POSSIBLE },
	{ "no_shared_cipher: yes", TRUST_CAUSE_NO_SHARED_CIPHER, KEY_TYPE,
	  LIKELY },
	/* Whose certificate else would a server speak of? */
	{ "alert: server level=2 unknown_ca(48) at_us=0",
	  TRUST_CAUSE_CLIENT_CERTIFICATE_REFUSED, TRUST_CAUSE_UNKNOWN, LIKELY },
	{ "alert: server level=2 certificate_required(116) at_us=0",
	  TRUST_CAUSE_CLIENT_CERTIFICATE_MISSING, NONE, CERTAIN },
	/* Server warnings, Java's clients get them all the time. */
	{ "version: TLSv1.2\nstage: finished\nend: fin\nhello_seen: yes\n"
	  "alert: server level=1 unrecognized_name(112) at_us=0",
	  TRUST_CAUSE_CLOSED_SILENTLY, TRUST_CAUSE_SCANNER, POSSIBLE },
	/* A capture that began late: only the middle of a connection. */
	{ "first: other\nfirst_bytes: 1703030040aabbcc\nstage: bytes\n"
	  "end: fin", TRUST_CAUSE_UNKNOWN, TRUST_CAUSE_NOT_TLS, POSSIBLE },
	{ "first: other\nfirst_bytes: 140303000101\nstage: bytes\n"
	  "end: rst", TRUST_CAUSE_UNKNOWN, TRUST_CAUSE_NOT_TLS, POSSIBLE },
	{ "first: alert\nfirst_bytes: 15030300020230\nversion: TLSv1.2\n"
	  "stage: certificate\nend: fin\n"
	  "alert: client level=2 unknown_ca(48) at_us=9 in_clear", ROOT,
	  TRUST_CAUSE_MISSING_INTERMEDIATE, LIKELY },
	/* No ClientHello, no timing. */
	{ "version: TLSv1.2\nstage: certificate\nend: fin", SILENT, ROOT,
	  POSSIBLE },
	{ "version: TLSv1.2\nstage: finished\nend: fin", SILENT,
	  TRUST_CAUSE_SCANNER, POSSIBLE },
	/* TLS 1.3: an alert that a capture cannot read. */
	{ "version: TLSv1.3\nstage: certificate\nend: fin\n"
	  "us_since_flight: 900\nalert_hidden: yes", ROOT, NAME, POSSIBLE },
	/* It lists no client certificate, and leaves of its own accord. */
	{ "version: TLSv1.2\nstage: finished\nend: fin\nhello_seen: yes\n"
	  "us_since_flight: 900\nclient_cert_asked: yes\n"
	  "client_cert_empty: yes", SILENT, TRUST_CAUSE_SCANNER, POSSIBLE },
	{ "version: TLSv1.2\nstage: certificate\nour_key: rsa\n"
	  "hello_seen: yes\nmax_version: TLSv1.3\n"
	  "alert: client level=2 illegal_parameter(47) at_us=9", OURS,
	  TRUST_CAUSE_UNKNOWN, LIKELY },
	/* Obsolete suites in a capture of somebody else's server. */
	{ "hello_seen: yes\nstage: hello\nciphers: 0005 000a 00ff\n"
	  "alert: server level=2 handshake_failure(40) at_us=9",
	  TRUST_CAUSE_NO_SHARED_CIPHER, NONE, LIKELY },
};

static void
partial_evidence_is_judged_with_care(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
		struct trust_evidence e;
		struct trust_verdict v;
		int line;

		if (trust_evidence_scan(&e, str_cstr(partial[i].evidence),
		    &line) != 0)
			fail_msg("%zu: line %d", i, line);
		trust_judge(&v, &e, NULL);
		if (v.cause != partial[i].cause ||
		    v.next_best != partial[i].next_best ||
		    v.confidence != partial[i].confidence)
			fail_msg("%s: %s, %s, %s", partial[i].evidence,
			    trust_cause_name(v.cause),
			    trust_confidence_name(v.confidence),
			    trust_cause_name(v.next_best));
	}
}

/* What the phone says itself decides where the wire does not, and no more. */
static void
its_own_log_is_heeded_not_believed(void **state)
{
	struct trust_history h;
	struct trust_evidence e;
	struct trust_verdict v;

	load(&e, "closed-at-certificate");
	expect(&e, NULL, TRUST_CAUSE_UNTRUSTED_ROOT, TRUST_POSSIBLE);
	e.said_faults = F(ROOT) | F(INCOMPLETE);
	strcpy(e.said, "unknown CA");
	trust_judge(&v, &e, NULL);
	assert_int_equal(v.cause, TRUST_CAUSE_UNTRUSTED_ROOT);
	assert_int_equal(v.confidence, TRUST_LIKELY);
	assert_non_null(strstr(v.reason, "; its log says 'unknown CA'"));
	e.said_faults = F(NAME);
	expect(&e, NULL, TRUST_CAUSE_NAME_MISMATCH, TRUST_LIKELY);
	/* It went on behind the Certificate. */
	load(&e, "closed-at-key-exchange");
	expect(&e, NULL, TRUST_CAUSE_PEER_RESET, TRUST_POSSIBLE);
	e.said_faults = F(EXPIRED);
	expect(&e, NULL, TRUST_CAUSE_CERTIFICATE_EXPIRED, TRUST_LIKELY);

	/* What was makes certain; what is said can only cast a doubt on it. */
	other_root(&e, &h, "unknown-ca");
	e.said_faults = F(ROOT);
	expect(&e, &h, TRUST_CAUSE_UNTRUSTED_ROOT, TRUST_CERTAIN);
	e.said_faults = F(WEAK_KEY);
	trust_judge(&v, &e, &h);
	assert_int_equal(v.cause, TRUST_CAUSE_UNTRUSTED_ROOT);
	assert_int_equal(v.confidence, TRUST_LIKELY);
	assert_int_equal(v.next_best, TRUST_CAUSE_WEAK_KEY);

	/* Bytes on the wire decide. */
	load(&e, "plain-sip");
	e.said_faults = F(ROOT);
	expect(&e, NULL, TRUST_CAUSE_PLAIN_SIP_ON_TLS_PORT, TRUST_CERTAIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_gives_its_line),
		cmocka_unit_test(little_evidence_makes_no_certainty),
		cmocka_unit_test(history_is_told_and_weighs),
		cmocka_unit_test(
		    a_fault_of_the_certificate_is_not_taken_for_the_root),
		cmocka_unit_test(
		    roots_of_one_name_are_told_apart_by_their_keys),
		cmocka_unit_test(the_only_difference_left_is_the_cause),
		cmocka_unit_test(two_differences_are_never_certain),
		cmocka_unit_test(another_client_there_proves_nothing),
		cmocka_unit_test(a_chain_too_long_is_no_missing_root),
		cmocka_unit_test(the_cross_signed_path_has_expired),
		cmocka_unit_test(key_name_and_date_are_told_by_history),
		cmocka_unit_test(a_client_of_one_word_needs_more_proof),
		cmocka_unit_test(proofs_that_contradict_prove_nothing),
		cmocka_unit_test(what_worked_before_is_hardly_the_chain),
		cmocka_unit_test(its_kind_tells_chain_from_device),
		cmocka_unit_test(its_own_list_of_roots_is_believed),
		cmocka_unit_test(the_hello_tells_the_phones_clock),
		cmocka_unit_test(one_silence_of_an_unknown_client_is_no_proof),
		cmocka_unit_test(a_phone_without_the_time_lives_in_the_past),
		cmocka_unit_test(partial_evidence_is_judged_with_care),
		cmocka_unit_test(its_own_log_is_heeded_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
