/* SPDX-License-Identifier: BSD-2-Clause */
/* device/profile: each key is read, each fault is named with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "device/profile.h"
#include "tlswire/alert.h"

#define HEAD                                                                   \
	"name = a-phone\n"                                                     \
	"vendor = Maker\n"                                                     \
	"title = A phone\n"                                                    \
	"source = guide its guide, page 1\n"                                   \
	"source = seen traces\n"                                               \
	"user_agent = Phone/(*) <*> ; source: guide, seen\n"

static struct device_profile *
read_ok(const char *text)
{
	struct device_profile *p = NULL;
	struct buf why;

	buf_init(&why, 1 << 16);
	if (device_profile_read(&p, "a-phone.device", str_cstr(text),
	    &why) != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
	assert_int_equal(why.n, 0);
	return p;
}

/* All keys that there are, each with a value that fits. */
static const char everything[] = HEAD
    "# a comment\n"
    "\n"
    "note = One paragraph; source: none of its business.\n"
    "note = Another.\n"
    "models = A1, A2 ; unverified\n"
    "firmware = 1 to 2 ; unverified: by hearsay\n"
    "end_of_life = yes ; source: guide; unverified: not all\r\n"
    "http_user_agent = Phone/(*) {*} ; source: seen\n"
    "ja3 = a3afc2c46ba4a7d7fbe1cfb7a3031c2f ; source: seen\n"
    "ja4 = t13d311000_e8f1e7e78f70_1f22a2ca17c4 ; source: seen\n"
    "tls_min = 1.0 ; source: seen\n"
    "tls_max = 1.3 ; source: seen\n"
    "tls_version_setting = TLS_Min ; source: seen\n"
    "cipher_setting = TLS_Ciphers ; source: seen\n"
    "cipher = 0x002f TLS_RSA_WITH_AES_128_CBC_SHA ; source: seen\n"
    "cipher = 0xC02F TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ; source: seen\n"
    "key_types = rsa, ecdsa ; source: seen\n"
    "rsa_max_bits = 2048 ; source: seen\n"
    "sha2 = no ; source: seen\n"
    "chain_depth = 3 ; source: seen\n"
    "sni = yes ; source: seen\n"
    "checks_chain = yes ; source: seen\n"
    "checks_name = no ; source: seen\n"
    "checks_dates = yes ; source: seen\n"
    "check_setting = check = 1 ; source: seen\n"
    "refusal = unknown_ca ; source: seen\n"
    "stack = OpenSSL ; source: seen\n"
    "root = One ; source: seen\n"
    "root = Two ; source: seen\n"
    "roots_count = 30 ; source: seen\n"
    "roots_complete = no ; source: seen\n"
    "ca_way = url ; source: seen\n"
    "ca_parameter = ca_url ; source: seen\n"
    "ca_menu = Menu > CA ; source: seen\n"
    "ca_format = pem, der ; source: seen\n"
    "ca_bundle = yes ; source: seen\n"
    "ca_root_only = no ; source: seen\n"
    "ca_effect = adds ; source: seen\n"
    "ca_fetch = http, tftp ; source: seen\n"
    "ca_when = boot ; source: seen\n"
    "ca_max = 10 ; source: seen\n"
    "ca_max_bytes = 4096 ; source: seen\n"
    "ca_status = Status > CA ; source: seen\n"
    "ca_remove = ca_url = none ; source: seen\n"
    "url_macro = $MA ; source: seen\n"
    "config_file = a.cfg ; source: seen\n"
    "config_syntax = text ; source: seen\n"
    "setting = ca_url = {url} ; x ; source: seen\n"
    "setting = other {not ours} { ; source: seen\n"
    "tls_setting = server = {host}:{port};transport=tls ; source: seen\n"
    "retry_s = 30 ; source: seen\n"
    "retry_setting = retry ; source: seen\n"
    "server_keepalive = zero ; source: seen\n"
    "syslog_setting = Syslog ; source: seen\n"
    "clock_setting = NTP ; source: seen\n"
    "log_line = no such CA ; source: seen\n";

static void
assert_str(struct str s, const char *expected)
{
	if (!str_eq(s, str_cstr(expected)))
		fail_msg("\"%.*s\", expected \"%s\"", STR_FMT(s), expected);
}

static void
test_every_key_is_read(void **state)
{
	struct device_profile *p = read_ok(everything);

	for (int k = 0; k < DEVICE_KEYS; k++)
		if (device_profile_facts(p, (enum device_key)k).n == 0)
			fail_msg("%s is not in the text above",
			    device_key_name((enum device_key)k));
	assert_str(p->name, "a-phone");
	assert_str(p->vendor, "Maker");
	assert_str(p->title, "A phone");
	assert_int_equal(p->nnote, 2);
	assert_str(p->note[0], "One paragraph; source: none of its business.");
	assert_int_equal(p->nsource, 2);
	assert_str(p->source[0].id, "guide");
	assert_str(p->source[0].text, "its guide, page 1");
	assert_str(p->models, "A1, A2");
	assert_int_equal(p->end_of_life, DEVICE_YES);
	assert_int_equal(p->sha2, DEVICE_NO);
	assert_int_equal(p->checks_name, DEVICE_NO);
	assert_int_equal(p->tls_min, TLS_VERSION_1_0);
	assert_int_equal(p->tls_max, TLS_VERSION_1_3);
	assert_int_equal(p->ncipher, 2);
	assert_int_equal(p->cipher[0], 0x002f);
	assert_int_equal(p->cipher[1], 0xc02f);
	assert_true(device_has(p->key_types, DEVICE_ECDSA));
	assert_int_equal(p->rsa_max_bits, 2048);
	assert_str(p->refusal, "unknown_ca");
	assert_int_equal(p->root.n, 2);
	assert_str(p->root.v[1].value, "Two");
	assert_int_equal(p->ca_way, DEVICE_CA_URL);
	assert_int_equal(p->ca_format,
	    DEVICE_BIT(DEVICE_PEM) | DEVICE_BIT(DEVICE_DER));
	assert_int_equal(p->ca_effect, DEVICE_ADDS);
	assert_int_equal(p->ca_fetch,
	    DEVICE_BIT(DEVICE_HTTP) | DEVICE_BIT(DEVICE_TFTP));
	assert_int_equal(p->config_syntax, DEVICE_TEXT);
	assert_int_equal(p->setting.n, 2);
	assert_str(p->setting.v[0].value, "ca_url = {url} ; x");
	assert_str(p->tls_setting.v[0].value,
	    "server = {host}:{port};transport=tls");
	assert_int_equal(p->retry_s, 30);
	device_profile_free(p);
}

static void
test_where_a_fact_is_from(void **state)
{
	struct device_profile *p = read_ok(everything);
	struct device_fact f = p->user_agent.v[0];

	assert_str(f.value, "Phone/(*) <*>");
	assert_str(f.sources, "guide, seen");
	assert_false(f.unverified);
	assert_int_equal(f.line, 6);
	f = device_profile_facts(p, DEVICE_KEY_models).v[0];
	assert_int_equal(f.sources.n, 0);
	assert_true(f.unverified);
	assert_int_equal(f.doubt.n, 0);
	f = device_profile_facts(p, DEVICE_KEY_firmware).v[0];
	assert_str(f.value, "1 to 2");
	assert_str(f.doubt, "by hearsay");
	f = device_profile_facts(p, DEVICE_KEY_end_of_life).v[0];
	assert_str(f.value, "yes");
	assert_str(f.sources, "guide");
	assert_true(f.unverified);
	assert_str(f.doubt, "not all");
	device_profile_free(p);
}

static void
test_what_the_file_does_not_say_is_not_known(void **state)
{
	struct device_profile *p = read_ok(HEAD);

	assert_int_equal(p->sni, DEVICE_UNKNOWN);
	assert_int_equal(p->tls_max, 0);
	assert_int_equal(p->retry_s, 0);
	assert_int_equal(p->ca_way, 0);
	assert_int_equal(p->key_types, 0);
	assert_int_equal(p->root.n, 0);
	assert_int_equal(p->models.n, 0);
	device_profile_free(p);
}

#define SEEN " ; source: seen\n"
#define USE  HEAD

static const struct {
	const char *text, *why;
} faults[] = {
	/* lines */
	{ USE "sni yes" SEEN, "7: \"sni yes ; source: seen\": expected KEY" },
	{ USE "snj = yes" SEEN, "7: \"snj\": not a key; siptrust-device(5)" },
	{ USE "SNI = yes" SEEN, "7: \"SNI\": not a key" },
	{ USE "= yes" SEEN, "7: \"\": not a key" },
	{ USE "sni =\n", "7: \"sni\": expected a value after =" },
	{ USE "sni = ; source: seen\n", "7: sni: expected where it is from" },
	{ USE "sni = yes\n", "7: sni: expected where it is from" },
	{ USE "sni = yes; source: seen\n", "7: sni: expected where it is" },
	{ USE "sni = yes ; source: \n", "7: sni: expected where it is from" },
	{ USE "sni = yes ; unverified:\n", "7: sni: expected where it is" },
	{ USE "sni = yes ; unverifiedly\n", "7: sni: expected where it is" },
	{ USE "sni = yes ; source: book\n", "7: \"book\": no line above says" },
	{ USE "sni = yes ; source: seen, book\n", "7: \"book\": no line" },
	{ USE "sni = yes" SEEN "sni = no" SEEN, "8: sni: line 7 says it" },
	{ USE "root = A" SEEN "root = A ; unverified\n",
	  "8: root: line 7 says the same" },
	{ USE "sni = y\x01" SEEN, "7: a byte that does not print" },
	{ USE "note = \xc3\xa9\n", "7: a byte that does not print" },
	/* the head */
	{ "vendor = a\ntitle = b\nuser_agent = Phone ; unverified\n",
	  ": no name: expected" },
	{ "name = a\ntitle = b\nuser_agent = Phone ; unverified\n",
	  ": no vendor: expected" },
	{ "name = a\nvendor = b\nuser_agent = Phone ; unverified\n",
	  ": no title: expected" },
	{ "name = a\nvendor = b\ntitle = c\n", ": nothing to recognise" },
	{ "name = A\n", "1: \"A\": expected a name of at most 40" },
	{ "name = -a\n", "1: \"-a\": expected a name" },
	{ "name = a/b\n", "1: \"a/b\": expected a name" },
	{ USE "name = b\n", "7: name: line 1 says it already" },
	{ USE "vendor = b\n", "7: vendor: line 2 says it already" },
	{ USE "source = seen again\n", "7: \"seen\": this source is there" },
	{ USE "source = Seen x\n", "7: \"Seen x\": expected a name" },
	{ USE "source = web\n", "7: \"web\": expected a name" },
	{ USE "source = web x\n", ": \"web\": a source that no line uses" },
	/* values */
	{ USE "sni = maybe" SEEN, "7: sni: \"maybe\": expected no or yes" },
	{ USE "tls_max = 1.4" SEEN, "7: tls_max: \"1.4\": expected 1.0, 1.1" },
	{ USE "retry_s = 0" SEEN, "7: retry_s: \"0\": expected a number from 1"
	  " to 86400" },
	{ USE "retry_s = 86401" SEEN, "7: retry_s: \"86401\": expected" },
	{ USE "retry_s = 30 s" SEEN, "7: retry_s: \"30 s\": expected" },
	{ USE "ca_way = post" SEEN, "7: ca_way: \"post\": expected url, file, "
	  "inline, signed, web or none" },
	{ USE "key_types = rsa, dsa" SEEN, "7: key_types: \"dsa\": expected "
	  "some of rsa or ecdsa" },
	{ USE "key_types = rsa, rsa" SEEN, "7: key_types: \"rsa, rsa\": "
	  "expected each word once" },
	{ USE "cipher = AES" SEEN, "7: cipher: \"AES\": expected 0x, four" },
	{ USE "cipher = 0x002f" SEEN, "7: cipher: \"0x002f\": expected 0x" },
	{ USE "cipher = 0x02f X" SEEN, "7: cipher: \"0x02f X\": expected 0x" },
	{ USE "cipher = 0x002f A" SEEN "cipher = 0x002F B" SEEN,
	  "8: cipher: \"0x002F B\": expected each cipher suite once" },
	{ USE "ja3 = 0" SEEN, "7: ja3: \"0\": expected a JA3: 32" },
	{ USE "ja3 = A3afc2c46ba4a7d7fbe1cfb7a3031c2f" SEEN, "7: ja3: " },
	{ USE "ja4 = t13d311000_e8f1e7e78f70" SEEN, "7: ja4: " },
	{ USE "ja4 = t13d311000-e8f1e7e78f70-1f22a2ca17c4" SEEN, "7: ja4: " },
	{ USE "user_agent = A*" SEEN, "7: user_agent: \"A*\": expected at "
	  "least four bytes" },
	{ USE "user_agent = Phone(" SEEN, "7: user_agent: \"Phone(\": an " },
	{ USE "refusal = loud" SEEN, "7: refusal: \"loud\": expected silent" },
	{ USE "setting = {link}" SEEN, "7: setting: \"{link}\": expected {u" },
	{ USE "tls_setting = {hosts}" SEEN, "7: tls_setting: \"{hosts}\": " },
	/* the whole */
	{ USE "tls_min = 1.2" SEEN "tls_max = 1.1" SEEN, ": tls_min is above" },
	{ USE "key_types = ecdsa" SEEN "rsa_max_bits = 2048" SEEN,
	  ": rsa_max_bits, but key_types has no rsa" },
	{ USE "roots_count = 1" SEEN "root = A" SEEN "root = B" SEEN,
	  ": 2 lines of root, but roots_count is 1" },
	{ USE "roots_count = 2" SEEN "root = A" SEEN "roots_complete = yes"
	  SEEN, ": roots_complete, but 1 lines of root" },
	{ USE "ca_way = url" SEEN "ca_parameter = a" SEEN,
	  ": ca_way is url or file: expected {url}" },
	{ USE "ca_way = url" SEEN "setting = {url}" SEEN "config_syntax = text"
	  SEEN, ": ca_way is url: expected ca_parameter" },
	{ USE "ca_way = inline" SEEN, ": ca_way is inline: expected {pem}" },
	{ USE "ca_way = web" SEEN "config_syntax = xml" SEEN "setting = {pem}"
	  SEEN, ": setting installs a CA: expected ca_way" },
	{ USE "tls_setting = {host}" SEEN, ": setting: expected config_synt" },
	{ USE "ca_way = none" SEEN "ca_format = pem" SEEN,
	  ": ca_way is none: expected no ca_parameter" },
	{ USE "ca_way = inline" SEEN "config_syntax = xml" SEEN
	  "setting = {base64}" SEEN "ca_format = pem" SEEN,
	  ": {base64} is DER, but ca_format has no der" },
};

static void
read_bad(const char *file, struct str text, int err, struct buf *why)
{
	struct device_profile *p = NULL;

	buf_init(why, 1 << 16);
	if (device_profile_read(&p, file, text, why) != err)
		fail_msg("%.*s", STR_FMT(text));
	assert_null(p);
	assert_true(why->n > 0 && why->p[why->n - 1] == '\n');
	buf_putc(why, '\0');
}

static void
test_a_fault_is_named_with_its_line(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		char expected[256];
		struct buf why;

		read_bad("f", str_cstr(faults[i].text), E_CONFIG, &why);
		snprintf(expected, sizeof(expected), "f%s%s",
		    faults[i].why[0] == ':' ? "" : ":", faults[i].why);
		if (strstr(why.p, expected) == NULL)
			fail_msg("expected \"%s\" of:\n%s", expected, why.p);
		buf_fini(&why);
	}
}

static void
test_all_faults_are_told_to_a_limit(void **state)
{
	struct buf why, text;
	int lines = 0;

	read_bad("f", STR(HEAD "a = 1\nb = 2\n"), E_CONFIG, &why);
	assert_non_null(strstr(why.p, "f:7: \"a\""));
	assert_non_null(strstr(why.p, "f:8: \"b\""));
	buf_fini(&why);
	buf_init(&text, 1 << 16);
	for (int i = 0; i < 30; i++)
		buf_puts(&text, "wrong\n");
	read_bad("f", buf_as_str(&text), E_CONFIG, &why);
	for (size_t i = 0; i < why.n; i++)
		lines += why.p[i] == '\n';
	assert_int_equal(lines, 21);
	assert_non_null(strstr(why.p, "f: and 14 faults more\n"));
	buf_fini(&why);
	buf_fini(&text);
}

#define REPEAT(text, line, n)                                                  \
	do {                                                                   \
		buf_init(text, 1 << 20);                                       \
		buf_puts(text, HEAD);                                          \
		for (int i = 0; i < (n); i++)                                  \
			buf_printf(text, line, i);                             \
	} while (0)

static void
test_everything_has_a_limit(void **state)
{
	struct device_profile *p = NULL;
	struct buf text, why;

	REPEAT(&text, "root = R%d ; unverified\n", DEVICE_FACTS_MAX);
	read_bad("f", buf_as_str(&text), E_CONFIG, &why);
	assert_non_null(strstr(why.p, "expected at most 256 facts"));
	buf_fini(&why);
	buf_fini(&text);
	REPEAT(&text, "note = %d\n", 33);
	read_bad("f", buf_as_str(&text), E_CONFIG, &why);
	assert_non_null(strstr(why.p, "expected at most 32 notes"));
	buf_fini(&why);
	buf_fini(&text);
	REPEAT(&text, "source = s%d x\n", 65);
	read_bad("f", buf_as_str(&text), E_CONFIG, &why);
	assert_non_null(strstr(why.p, "expected at most 64 sources"));
	buf_fini(&why);
	buf_fini(&text);
	REPEAT(&text, "cipher = 0x%04x A ; unverified\n",
	    DEVICE_CIPHERS_MAX + 1);
	read_bad("f", buf_as_str(&text), E_CONFIG, &why);
	assert_non_null(strstr(why.p, "expected at most 64 cipher suites"));
	buf_fini(&why);
	buf_fini(&text);
	REPEAT(&text, "# %01200d\n", 1);
	read_bad("f", buf_as_str(&text), E_CONFIG, &why);
	assert_non_null(strstr(why.p, "f:7: a line of 1202 bytes: expected"));
	buf_fini(&why);
	buf_fini(&text);
	REPEAT(&text, "# %01000d\n", 66);
	read_bad("f", buf_as_str(&text), E_LIMIT, &why);
	assert_non_null(strstr(why.p, "expected at most 65536"));
	buf_fini(&why);
	buf_fini(&text);
	REPEAT(&text, "root = R%d ; unverified\n", DEVICE_FACTS_MAX - 1);
	buf_init(&why, 1 << 16);
	assert_int_equal(device_profile_read(&p, "f", buf_as_str(&text),
	    &why), 0);
	assert_int_equal(p->root.n, DEVICE_FACTS_MAX - 1);
	device_profile_free(p);
	buf_fini(&text);
	buf_fini(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_read),
		cmocka_unit_test(test_where_a_fact_is_from),
		cmocka_unit_test(test_what_the_file_does_not_say_is_not_known),
		cmocka_unit_test(test_a_fault_is_named_with_its_line),
		cmocka_unit_test(test_all_faults_are_told_to_a_limit),
		cmocka_unit_test(test_everything_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
