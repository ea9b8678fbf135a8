/* SPDX-License-Identifier: BSD-2-Clause */
/* trust/verdict: what is said of a verdict: remedies, the line, names. */
#include "tlswire/alert.h"
#include "verdict_world.h"

static void
remedy_with(const char *name, const struct trust_places *p,
    const char *expected)
{
	char text[1024] = "";
	struct trust_evidence e;
	struct trust_verdict v;
	struct buf b;

	load(&e, name);
	trust_judge(&v, &e, NULL);
	buf_init_array(&b, text, sizeof(text) - 1);
	trust_remedy(&b, &v, &e, p);
	text[b.n] = '\0';
	assert_string_equal(text, expected);
}

static void
remedy_of(const char *name, const char *ca, const char *root,
    const char *expected)
{
	const struct trust_places p = { .ca = ca, .root = root };

	remedy_with(name, &p, expected);
}

static void
the_remedy_names_the_phones_setting(void **state)
{
	struct trust_places p = { .setting =
		"write http://h/roots/isrg-root-x1.pem into its CA_RULE" };

	remedy_with("story-spa502g", &p,
	    "install ISRG Root X1 on the phone as its custom CA: write "
	    "http://h/roots/isrg-root-x1.pem into its CA_RULE, or present a "
	    "chain whose root it holds");
	remedy_with("unknown-ca-own", &p,
	    "install our CA certificate on the phone as its custom CA: write "
	    "http://h/roots/isrg-root-x1.pem into its CA_RULE");
	p.setting = "";
	remedy_with("unknown-ca-own", &p,
	    "install our CA certificate on the phone as its custom CA");
}

static void
the_remedy_names_what_to_install(void **state)
{
	remedy_of("unknown-ca-own", "/x/ca.pem", NULL,
	    "install /x/ca.pem on the phone as its custom CA");
	remedy_of("unknown-ca", "/x/ca.pem", NULL,
	    "install ISRG Root X1 on the phone as its custom CA, or present a "
	    "chain whose root it holds");
	remedy_of("unknown-ca", NULL, "http://10.0.0.5/roots/isrg-root-x1.pem",
	    "install ISRG Root X1 (http://10.0.0.5/roots/isrg-root-x1.pem) on "
	    "the phone as its custom CA, or present a chain whose root it "
	    "holds");
	remedy_of("unknown-ca-own", NULL, NULL,
	    "install our CA certificate on the phone as its custom CA");
}

/* What the judge knows more exactly than the cause's name says. */
static const struct {
	enum trust_cause cause;
	int fault;
	const char *accepts, *remedy;
} remedies[] = {
	{ ROOT, TRUST_FAULT_ROOT, "private",
	  "install R1 (http://h/r1.pem) on the phone as its custom CA, or "
	  "present chain private, which it accepts" },
	{ ROOT, TRUST_FAULT_BAD_SIGNATURE, "",
	  "the phone holds another root of the name R1 (http://h/r1.pem): "
	  "delete that one and install http://h/r1.pem" },
	{ ROOT, TRUST_FAULT_SELF_SIGNED, "",
	  "install the certificate of chain le itself on the phone as its "
	  "custom CA" },
	{ TRUST_CAUSE_MISSING_INTERMEDIATE, TRUST_FAULT_INCOMPLETE, "",
	  "put the whole chain into the certificate file of chain le: the leaf "
	  "first, then each issuer up to the root" },
	{ EXPIRED, TRUST_FAULT_EXPIRED, "",
	  "set the phone's clock (NTP): chain le is valid until 2027-01-15; if "
	  "the clock is right, its R1 (http://h/r1.pem) has expired: install "
	  "http://h/r1.pem" },
	{ TOO_NEW, TRUST_FAULT_TOO_NEW, "",
	  "set the phone's clock: point it to an NTP server that it can reach "
	  "before it registers" },
	{ NAME, TRUST_FAULT_NAME, "",
	  "set the phone's SIP server to a name that is in the certificate of "
	  "chain le (it asked for pbx), or have that name added to it" },
	{ TRUST_CAUSE_WEAK_SIGNATURE, TRUST_FAULT_WEAK_SIGNATURE, "",
	  "have chain le issued again with SHA-256 signatures throughout" },
	{ TRUST_CAUSE_WEAK_KEY, TRUST_FAULT_WEAK_KEY, "",
	  "have chain le issued again for an RSA key of 2048 bits" },
	{ KEY_TYPE, TRUST_FAULT_KEY_TYPE, "rsa",
	  "present chain rsa, which it accepts" },
	{ KEY_TYPE, TRUST_FAULT_KEY_TYPE, "",
	  "add a chain with an RSA-2048 key and SHA-256 signatures, which "
	  "every phone can use: chain NAME { certificate = \"FILE\" key = "
	  "\"FILE\" }" },
	{ TRUST_CAUSE_PROTOCOL_VERSION, -1, "",
	  "update the phone's firmware, or switch on a TLS version of TLSv1.2 "
	  "to TLSv1.3 in its settings; where it has none, allow its older "
	  "version for this phone alone: old_tls = { \"192.0.2.7\" }" },
	{ TRUST_CAUSE_NO_SHARED_CIPHER, -1, "",
	  "update the phone's firmware: all it offers is 3DES, RC4, which no "
	  "server with a library of today can speak; without an update it can "
	  "be served over UDP or TCP only" },
	{ OURS, TRUST_FAULT_PURPOSE, "",
	  "have chain le issued again for servers: with the extended key usage "
	  "serverAuth" },
	{ OURS, TRUST_FAULT_BAD_SIGNATURE, "",
	  "replace chain le: one of its certificates is not signed by the one "
	  "that follows; fetch the issuer that signed it" },
	{ OURS, TRUST_FAULT_KEY_MISMATCH, "",
	  "set the key of chain le to the one that its certificate was issued "
	  "for" },
	{ OURS, TRUST_FAULT_LEAF_IS_CA, "",
	  "have a certificate issued for this server: chain le presents that "
	  "of a CA" },
	{ OURS, TRUST_FAULT_ORDER, "",
	  "put the certificates in the file of chain le in order: the leaf "
	  "first, then each issuer" },
	{ OURS, TRUST_FAULT_TOO_LONG, "",
	  "present a shorter chain: chain le has more certificates than it "
	  "follows" },
	{ OURS, TRUST_FAULT_TOO_LONG, "short",
	  "present chain short, which it accepts: chain le has more "
	  "certificates than it follows" },
};

static void
each_remedy_names_what_to_change(void **state)
{
	const struct trust_places urls = { .ca = "/x/ca.pem",
		.root = "http://h/r1.pem" };
	struct trust_evidence e;

	trust_evidence_init(&e);
	assert_int_equal(addr_parse(&e.peer, STR("192.0.2.7:5069"), 0), 0);
	strcpy(e.chain, "le");
	strcpy(e.root, "R1");
	strcpy(e.server_name, "pbx");
	e.when_s = 1795464756;
	e.chain_not_after_s = 1800000000;
	e.hello_seen = true;
	e.max_version = TLS_VERSION_1_0;
	e.our_min_version = TLS_VERSION_1_2;
	e.our_max_version = TLS_VERSION_1_3;
	e.nciphers = 4;
	e.cipher[0] = 0x000a;
	e.cipher[1] = 0x00ff;
	e.cipher[2] = 0x0005;
	e.cipher[3] = 0x0004;
	for (size_t i = 0; i < ARRAY_LEN(remedies); i++) {
		struct trust_verdict v = { .cause = remedies[i].cause,
			.fault = remedies[i].fault };
		char text[1024] = "";
		struct buf b;

		strcpy(v.accepts, remedies[i].accepts);
		buf_init_array(&b, text, sizeof(text) - 1);
		trust_remedy(&b, &v, &e, &urls);
		text[b.n] = '\0';
		assert_string_equal(text, remedies[i].remedy);
	}
}

/* In none of them a word is left that stands for another. */
static void
each_remedy_is_filled_in(void **state)
{
	for (int c = 1; c < TRUST_CAUSES; c++)
		for (int f = -1; f < TRUST_FAULTS; f++) {
			struct trust_verdict v = { .cause = (enum trust_cause)c,
				.fault = f };
			struct trust_evidence e;
			char text[1024] = "";
			struct buf b;

			trust_evidence_init(&e);
			buf_init_array(&b, text, sizeof(text) - 1);
			trust_remedy(&b, &v, &e, NULL);
			text[b.n] = '\0';
			assert_true(b.n > 10 && !b.failed);
			for (char *p = text; (p = strchr(p, '{')) != NULL; p++)
				assert_int_equal(p[1], ' ');
		}
}

static void
repeats_come_last(void **state)
{
	char line[TRUST_LINE_MAX];
	struct trust_evidence e;
	struct trust_verdict v;
	struct buf b;

	load(&e, "http");
	trust_judge(&v, &e, NULL);
	buf_init_array(&b, line, sizeof(line) - 1);
	trust_verdict_line(&b, &v, &e, NULL, 41, 600);
	line[b.n] = '\0';
	assert_non_null(strstr(line, "\" repeat=41 window=600s"));
	assert_int_equal(strlen(strstr(line, " repeat=41 window=600s")),
	    strlen(" repeat=41 window=600s"));
}

/* The longest that evidence can hold, all of it in need of escapes. */
static void
the_longest_line_is_whole(void **state)
{
	char line[2 * TRUST_LINE_MAX];
	struct trust_evidence e;
	struct trust_verdict v;
	struct buf b;

	load(&e, "story-spa502g");
	memset(e.device, 1, sizeof(e.device) - 1);
	memset(e.server_name, 1, sizeof(e.server_name) - 1);
	trust_judge(&v, &e, NULL);
	for (int cause = 1; cause < TRUST_CAUSES; cause++) {
		v.cause = (enum trust_cause)cause;
		buf_init_array(&b, line, sizeof(line));
		trust_verdict_line(&b, &v, &e, &places, 1, 600);
		assert_false(b.failed);
		assert_true(b.n <= TRUST_LINE_MAX);
		assert_null(memchr(line, 1, b.n));
		assert_null(memchr(line, '\n', b.n));
	}
}

static void
each_cause_has_its_words(void **state)
{
	for (int c = 1; c < TRUST_CAUSES; c++) {
		enum trust_cause cause = (enum trust_cause)c;
		const char *name = trust_cause_name(cause);

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"),
		    strlen(name));
		assert_true(strlen(trust_cause_sentence(cause)) > 20);
		for (int d = 1; d < c; d++)
			assert_string_not_equal(name,
			    trust_cause_name((enum trust_cause)d));
	}
}

static void
each_is_found_by_its_name(void **state)
{
	for (int c = 0; c < TRUST_CAUSES; c++)
		assert_int_equal(trust_cause_named(str_cstr(trust_cause_name(
		    (enum trust_cause)c))), c);
	for (int c = TRUST_POSSIBLE; c <= TRUST_CERTAIN; c++)
		assert_int_equal(trust_confidence_named(str_cstr(
		    trust_confidence_name((enum trust_confidence)c))), c);
	/* What nobody wrote is nothing to be sure of. */
	assert_int_equal(trust_cause_named(STR("bad")),
	    TRUST_CAUSE_UNKNOWN);
	assert_int_equal(trust_confidence_named(STR_NULL), TRUST_POSSIBLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_remedy_names_what_to_install),
		cmocka_unit_test(the_remedy_names_the_phones_setting),
		cmocka_unit_test(each_remedy_names_what_to_change),
		cmocka_unit_test(each_remedy_is_filled_in),
		cmocka_unit_test(repeats_come_last),
		cmocka_unit_test(the_longest_line_is_whole),
		cmocka_unit_test(each_cause_has_its_words),
		cmocka_unit_test(each_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
