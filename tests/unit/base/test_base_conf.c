/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/err.h"
#include "../../temp.h"

/* The file under test is always this one, so that messages can be compared. */
static char folder[TEMP_MAX];
static char file[64];

static int
set_up(void **state)
{
	(void)state;
	if (temp_folder(folder, "conf") == NULL || chdir(folder) != 0)
		return -1;
	snprintf(file, sizeof(file), "siptrust.conf");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	IGNORE(unlink(file) != 0); /* some tests leave none */
	return chdir("/") != 0 || rmdir(folder) != 0;
}

static void
write_file(const char *text, size_t n)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct conf *
load_right(const char *text)
{
	struct conf *c = NULL;
	struct buf why;
	buf_init(&why, 65536);
	write_file(text, strlen(text));
	int err = conf_load(&c, file, NULL, 0, &why);
	if (err != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
	assert_int_equal(why.n, 0);
	buf_fini(&why);
	return c;
}

static void
check_wrong_bytes(const char *text, size_t n, const char *want)
{
	struct conf *c = NULL;
	struct buf why;
	buf_init(&why, 65536);
	write_file(text, n);
	assert_int_equal(conf_load(&c, file, NULL, 0, &why), E_CONFIG);
	assert_null(c);
	buf_putc(&why, '\0');
	assert_string_equal(why.p, want);
	buf_fini(&why);
}

static void
check_wrong(const char *text, const char *want)
{
	check_wrong_bytes(text, strlen(text), want);
}

static void
test_defaults(void **state)
{
	(void)state;
	struct conf *c = NULL;
	struct buf why;
	char host[256];
	buf_init(&why, 4096);
	assert_int_equal(setenv("XDG_STATE_HOME", "/s", 1), 0);
	assert_int_equal(conf_load(&c, NULL, NULL, 0, &why), 0);
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_string_equal(c->domain, host);
	assert_string_equal(c->data, "/s/siptrust");
	assert_int_equal(c->sip.n, 1);
	assert_string_equal(c->sip.v[0], "0.0.0.0:5060");
	assert_int_equal(c->alias.n, 0);
	assert_int_equal(c->challenge.n, 1);
	assert_string_equal(c->challenge.v[0], "MD5");
	assert_int_equal(c->expires_default, 3600);
	assert_int_equal(c->nchain, 0);
	assert_null(c->path);
	conf_unref(c);
	conf_unref(NULL);
	buf_fini(&why);
}

static void
check_data(const char *xdg, const char *home, const char *want)
{
	struct conf *c = NULL;
	struct buf why;
	buf_init(&why, 4096);
	if (xdg == NULL)
		unsetenv("XDG_STATE_HOME");
	else
		setenv("XDG_STATE_HOME", xdg, 1);
	if (home == NULL)
		unsetenv("HOME");
	else
		setenv("HOME", home, 1);
	assert_int_equal(conf_load(&c, NULL, NULL, 0, &why), 0);
	assert_string_equal(c->data, want);
	conf_unref(c);
	buf_fini(&why);
}

static void
test_data_folder(void **state)
{
	(void)state;
	check_data("/s", "/h", "/s/siptrust");
	check_data("s", "/h", "/h/.local/state/siptrust");
	check_data("", "/h", "/h/.local/state/siptrust");
	check_data(NULL, "/h", "/h/.local/state/siptrust");
	check_data(NULL, NULL, "/var/lib/siptrust");
}

static void
test_a_whole_file(void **state)
{
	(void)state;
	struct conf *c = load_right(
	    "# } a comment { with braces\n"
	    "domain = \"example.com\" // another {\n"
	    "/* and { a third\n */\n"
	    "data = '/var/{lib}/x'\n"
	    "sip = { \"127.0.0.1:5070\",\n\t\"[::1]:5070\" }\n"
	    "sip += { \"127.0.0.2:5070\" }\n"
	    "alias = {}\n"
	    "tls = \"127.0.0.1:5071\"\n"
	    "tls_ciphers = \"AES128-SHA:\\\"}{\"\n"
	    "workers = 3\n"
	    "chain public {\n"
	    "\tcertificate = \"/c.pem\"\n"
	    "\tkey = \"/k.pem\"\n"
	    "}\n"
	    "challenge_md5_only = {}");
	assert_string_equal(c->domain, "example.com");
	assert_string_equal(c->data, "/var/{lib}/x");
	assert_int_equal(c->sip.n, 3);
	assert_string_equal(c->sip.v[1], "[::1]:5070");
	assert_string_equal(c->sip.v[2], "127.0.0.2:5070");
	assert_int_equal(c->alias.n, 0);
	assert_int_equal(c->tls.n, 1);
	assert_string_equal(c->tls.v[0], "127.0.0.1:5071");
	assert_string_equal(c->tls_ciphers, "AES128-SHA:\"}{");
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->nchain, 1);
	assert_string_equal(c->chain[0].name, "public");
	assert_string_equal(c->chain[0].certificate, "/c.pem");
	assert_string_equal(c->chain[0].key, "/k.pem");
	assert_int_equal(c->chain[0].line, 14);
	assert_int_equal(c->challenge_md5_only.n, 0);
	assert_string_equal(c->path, "siptrust.conf");
	conf_unref(c);
}

static void
test_an_empty_file_is_the_defaults(void **state)
{
	(void)state;
	struct conf *c = load_right("");
	assert_int_equal(c->expires_max, 7200);
	conf_unref(c);
	c = load_right("\n\n# nothing");
	assert_int_equal(c->expires_max, 7200);
	conf_unref(c);
}

static void
test_wrong_values(void **state)
{
	(void)state;
	check_wrong("\nworkers = many\n", "siptrust.conf:2: workers: found "
	    "\"many\", expected a number from 0 to 256\n");
	check_wrong("workers = 257", "siptrust.conf:1: workers: found \"257\", "
	    "expected a number from 0 to 256\n");
	check_wrong("workers = -1", "siptrust.conf:1: workers: found \"-1\", "
	    "expected a number from 0 to 256\n");
	check_wrong("idle_timeout = 99999999999", "siptrust.conf:1: "
	    "idle_timeout: found \"99999999999\", expected a number from 10 to "
	    "1000000 s\n");
	check_wrong("domain = \"a b\"", "siptrust.conf:1: domain: found "
	    "\"a b\", expected a host name or an IP address\n");
	check_wrong("alias = { ok.example, \"-\",\n \"x..y\" }",
	    "siptrust.conf:2: alias: found \"x..y\", expected a host name or "
	    "an IP address\n");
	check_wrong("tls = {\n\"0.0.0.0:5061\",\n\"localhost:5061\" }\n",
	    "siptrust.conf:3: tls: found \"localhost:5061\", expected "
	    "ADDRESS:PORT, as in \"0.0.0.0:5061\"\n");
	check_wrong("sip = { \"0.0.0.0:65536\" }",
	    "siptrust.conf:1: sip: found "
	    "\"0.0.0.0:65536\", expected ADDRESS:PORT, as in "
	    "\"0.0.0.0:5060\"\n");
	check_wrong("log_level = verbose", "siptrust.conf:1: log_level: found "
	    "\"verbose\", expected err, warn, info or debug\n");
	check_wrong("tls_min = 1.1", "siptrust.conf:1: tls_min: found \"1.1\", "
	    "expected 1.2 or 1.3\n");
	check_wrong("challenge = { \"SHA-1\" }", "siptrust.conf:1: challenge: "
	    "found \"SHA-1\", expected SHA-256 or MD5\n");
}

static void
test_all_wrong_values_are_named(void **state)
{
	(void)state;
	check_wrong("workers = x\nlog_level = y\n",
	    "siptrust.conf:1: workers: found \"x\", expected a number from 0 "
	    "to 256\n"
	    "siptrust.conf:2: log_level: found \"y\", expected err, warn, info "
	    "or debug\n");
}

static void
test_a_value_cannot_forge_a_line(void **state)
{
	(void)state;
	check_wrong("log_level = \"a\\nb\n\x1b\"",
	    "siptrust.conf:2: log_level: "
	    "found \"a\\x0ab\\x0a\\x1b\", expected err, warn, info or debug\n");
}

#define SYNTAX                                                                 \
	"expected NAME = VALUE, NAME = { VALUE, ... }, chain NAME { ... } or " \
	"upstream NAME { ... }\n"

static void
test_wrong_syntax(void **state)
{
	(void)state;
	check_wrong("\n\nexpire_min = 1", "siptrust.conf:3: found unknown "
	    "option \"expire_min\", expected perhaps expires_min\n");
	check_wrong("chian x {\n}\n", "siptrust.conf:1: found unknown "
	    "option \"chian\", expected perhaps chain\n");
	check_wrong("colour = red", "siptrust.conf:1: found unknown option "
	    "\"colour\", expected a setting\n");
	check_wrong("workers = { 1 }", "siptrust.conf:1: found \"{\", " SYNTAX);
	check_wrong("}", "siptrust.conf:1: found unexpected closing brace, "
	    SYNTAX);
	check_wrong("workers 3\n", "siptrust.conf:1: found missing equal sign "
	    "after option 'workers', " SYNTAX);
	check_wrong("include(\"/etc/passwd\")",
	    "siptrust.conf:1: found unknown "
	    "option \"include\", expected a setting\n");
}

static void
test_given_twice(void **state)
{
	(void)state;
	check_wrong("workers = 1\n\nworkers = 2\n", "siptrust.conf:3: workers: "
	    "found again, expected once: it is on line 1\n");
	check_wrong("alias = { a }\nalias = { b, c }\n", "siptrust.conf:2: "
	    "alias: found again, expected once: it is on line 1\n");
	check_wrong("sip = { \"127.0.0.1:1\" }\nsip += { \"127.0.0.1:1\" }",
	    "siptrust.conf:2: sip: found \"127.0.0.1:1\" twice, expected it "
	    "once\n");
}

static void
test_a_byte_order_mark_is_no_option(void **state)
{
	(void)state;
	struct conf *c = load_right("\xef\xbb\xbfworkers = 3\r\n");
	assert_int_equal(c->workers, 3);
	conf_unref(c);
}

static void
test_one_address_for_two_protocols(void **state)
{
	(void)state;
	check_wrong("sip = { \"0.0.0.0:5061\" }\n", "siptrust.conf:1: tls: "
	    "found \"0.0.0.0:5061\", which sip has too, expected another "
	    "address or port\n");
	check_wrong("http = { \"127.0.0.1:5060\" }\nsip = { \"127.0.0.1\" }\n",
	    "siptrust.conf:2: http: found \"127.0.0.1:5060\", which sip has "
	    "too, expected another address or port\n");
	/* The system chooses; and the more special of two is no other's. */
	conf_unref(load_right("sip = { \"[::1]:0\" }\ntls = { \"[::1]:0\" }\n"
	    "http = { \"127.0.0.1:5061\" }\n"));
}

#define OPEN                                                                   \
	"found \"{\" here and no end of it, expected \"}\" before the end "   \
	"of the file\n"

static void
test_a_file_that_ends_too_early(void **state)
{
	(void)state;
	check_wrong("\nchain a {\ncertificate = c\nkey = k\n\n",
	    "siptrust.conf:2: " OPEN);
	check_wrong("chain a { certificate = c key = k",
	    "siptrust.conf:1: " OPEN);
	check_wrong("chain a { certificate = c key = k # }\n",
	    "siptrust.conf:1: " OPEN);
	check_wrong("chain a { certificate = c key = '}' /* } */",
	    "siptrust.conf:1: " OPEN);
	check_wrong("chain a { certificate = c\n key = '}", "siptrust.conf:2: "
	    "found no end of a string that begins here\n");
	check_wrong("domain = \"a\nb\\\"", "siptrust.conf:1: "
	    "found no end of a string that begins here\n");
	check_wrong("workers = 1\n/* }\n", "siptrust.conf:2: "
	    "found no end of a comment that begins here\n");
	check_wrong("/*/", "siptrust.conf:1: "
	    "found no end of a comment that begins here\n");
	check_wrong("alias = {\na,\n", "siptrust.conf:1: " OPEN);
	check_wrong("{{{{{{{{{{", "siptrust.conf:1: " OPEN);
	check_wrong("workers = \n\n", "siptrust.conf:3: found premature end of "
	    "file, " SYNTAX);
	check_wrong("chain a", "siptrust.conf:1: found premature end of file, "
	    SYNTAX);
}

static void
test_lines_are_counted_behind_comments(void **state)
{
	(void)state;
	check_wrong("# one\n// two\n/* three\n four */ /**/\nworkers = x\n",
	    "siptrust.conf:5: workers: found \"x\", expected a number from 0 "
	    "to 256\n");
	check_wrong("domain = a // one\nalias = { # two\n \"b\" // three\n"
	    ", c }\nlog_level = /* four */ '#'\n",
	    "siptrust.conf:5: log_level: found \"#\", expected err, warn, info "
	    "or debug\n");
	struct conf *c = load_right("data = /a//b#c\n");
	assert_string_equal(c->data, "/a//b");
	conf_unref(c);
}

static void
test_chains(void **state)
{
	(void)state;
	check_wrong("chain a {\n key = k\n}\n", "siptrust.conf:3: found chain "
	    "\"a\" without certificate, expected certificate = \"FILE\"\n");
	check_wrong("chain a { certificate = c\n key = '' }\n",
	    "siptrust.conf:2: found chain \"a\" without key, expected key = "
	    "\"FILE\"\n");
	check_wrong("chain a { certificate = c key = k }\n"
	    "chain a { certificate = c key = k }\n", "siptrust.conf:2: found a "
	    "second chain \"a\", expected another name\n");
	check_wrong("chain a { certificate = c key = k\nkey = l }\n",
	    "siptrust.conf:2: key: found again, expected once: it is on line "
	    "1\n");
	check_wrong("chain a { certificate = c kex = k }\n", "siptrust.conf:1: "
	    "found unknown option \"kex\", expected a setting\n");
	check_wrong("chain { certificate = c key = k }\n", "siptrust.conf:1: "
	    "found missing title for section 'chain', " SYNTAX);
}

static void
test_several_chains(void **state)
{
	(void)state;
	struct conf *c = load_right("own_chain = true\n"
	    "chain b { certificate = c1 key = k1 }\n"
	    "chain a.2 {\n certificate = c2\n key = k2\n root = r\n"
	    " short = 2\n cross = { x, y }\n cross += { z }\n}\n");
	assert_true(c->own_chain);
	assert_int_equal(c->nchain, 2);
	assert_string_equal(c->chain[0].name, "b");
	assert_null(c->chain[0].root);
	assert_int_equal(c->chain[0].shorter, 0);
	assert_int_equal(c->chain[0].cross.n, 0);
	assert_string_equal(c->chain[1].name, "a.2");
	assert_string_equal(c->chain[1].key, "k2");
	assert_string_equal(c->chain[1].root, "r");
	assert_int_equal(c->chain[1].shorter, 2);
	assert_int_equal(c->chain[1].cross.n, 3);
	assert_string_equal(c->chain[1].cross.v[2], "z");
	assert_int_equal(c->chain[1].line, 4);
	conf_unref(c);
}

static void
test_wrong_chains(void **state)
{
	(void)state;
	check_wrong("chain \"a b\" { certificate = c key = k }\n",
	    "siptrust.conf:1: found chain \"a b\", expected a name of letters, "
	    "digits, \".\", \"_\" and \"-\"\n");
	check_wrong("chain a { certificate = c key = k\n short = 16 }\n",
	    "siptrust.conf:2: short: found \"16\", expected a number from 0 to "
	    "15\n");
	check_wrong("chain a { certificate = c key = k\n root = '' }\n",
	    "siptrust.conf:2: root: found \"\", expected a file's name\n");
	check_wrong("chain a { certificate = c key = k cross = {x}\n"
	    " cross = {y} }\n", "siptrust.conf:2: cross: found again, expected "
	    "once: it is on line 1\n");
	check_wrong("chain a { certificate = c key = k short = 1 }\n"
	    "chain a-short { certificate = c key = k }\n", "siptrust.conf:2: "
	    "chain: found the name a-short again, expected another: it is made "
	    "of chain a\n");
	check_wrong("own_chain = yes\nchain own { certificate = c key = k }\n",
	    "siptrust.conf:2: chain: found the name own, expected another: "
	    "with own_chain it is the edge's own\n");
}

static void
test_pins(void **state)
{
	(void)state;
	struct conf *c = load_right("pin = { \"10.0.7.0/24=b\",\n"
	    "\"model:X=Y=a-short2\" }\npin += { \"account:100=a-cross\" }\n"
	    "old_tls = { \"192.0.2.7\", \"model:Cisco/SPA\" }\n"
	    "chain a { certificate = c key = k short = 2 cross = { x } }\n"
	    "chain b { certificate = c key = k }\n");
	assert_int_equal(c->npins, 3);
	assert_int_equal(c->pins[0].who.kind, SELECTOR_SUBNET);
	assert_int_equal(c->pins[0].who.prefix, 24);
	assert_true(str_eq(c->pins[0].chain, STR("b")));
	assert_int_equal(c->pins[0].line, 1);
	assert_true(str_eq(c->pins[1].who.text, STR("X=Y")));
	assert_true(str_eq(c->pins[1].chain, STR("a-short2")));
	assert_int_equal(c->pins[1].line, 2);
	assert_int_equal(c->pins[2].line, 3);
	assert_int_equal(c->nold, 2);
	assert_int_equal(c->old[1].kind, SELECTOR_MODEL);
	conf_unref(c);
	c = load_right("pin = { \"10.0.7.0/24=own\" }\n");
	assert_int_equal(c->npins, 1);
	conf_unref(c);
}

#define SELECTOR                                                               \
	"a subnet or address as in 10.0.7.0/24 (without bits behind the "      \
	"prefix), model:TEXT, ja4:FINGERPRINT, account:USER[@DOMAIN] or "      \
	"profile:NAME\n"

static void
test_wrong_pins(void **state)
{
	(void)state;
	check_wrong("chain a { certificate = c key = k short = 1 }\n"
	    "pin = { \"10.0.7.0/24=a\",\n\"10.0.8.0/24=b\" }\n",
	    "siptrust.conf:3: pin: found \"10.0.8.0/24=b\", but there is no "
	    "chain b, expected one of: a\n");
	check_wrong("chain a { certificate = c key = k short = 1 }\n"
	    "pin = { \"10.0.7.0/24=a-short2\" }\n",
	    "siptrust.conf:2: pin: found \"10.0.7.0/24=a-short2\", but there "
	    "is no chain a-short2, expected one of: a\n");
	check_wrong("chain a { certificate = c key = k }\n"
	    "pin = { \"10.0.7.0/24=own\" }\n", "siptrust.conf:2: pin: found "
	    "\"10.0.7.0/24=own\", but there is no chain own, expected one of: "
	    "a\n");
	check_wrong("pin = { \"10.0.7.0/34=own\" }\n", "siptrust.conf:1: pin: "
	    "found \"10.0.7.0/34=own\", expected SELECTOR=CHAIN, SELECTOR "
	    "being " SELECTOR);
	check_wrong("pin = { \"10.0.7.0/24\" }\n", "siptrust.conf:1: pin: "
	    "found \"10.0.7.0/24\", expected SELECTOR=CHAIN, SELECTOR "
	    "being " SELECTOR);
	check_wrong("\nold_tls = { \"10.0.7.1/24\" }\n", "siptrust.conf:2: "
	    "old_tls: found \"10.0.7.1/24\", expected " SELECTOR);
}

static void
test_chains_of_the_command_line(void **state)
{
	(void)state;
	static const struct conf_override over[] = {
		{ "chain", "x=c1,k1" }, { "chain", "y=c2,k2" },
		{ "pin", "10.0.7.0/24=y" },
	};
	static const struct conf_override bad[] = {
		{ "chain", "c1,k1" }, { "chain", "y=c2" },
		{ "chain", "x=c1,k1" }, { "chain", "x=c1,k1" },
	};
	struct conf *c = NULL;
	struct buf why;
	static const char text[] = "chain f { certificate = c key = k }\n"
	    "pin = { \"192.0.2.1=f\", \"192.0.2.2=f\" }\n";
	write_file(text, strlen(text));
	buf_init(&why, 4096);
	assert_int_equal(conf_load(&c, file, over, 3, &why), 0);
	assert_int_equal(c->nchain, 2);
	assert_string_equal(c->chain[0].name, "x");
	assert_string_equal(c->chain[1].certificate, "c2");
	assert_string_equal(c->chain[1].key, "k2");
	assert_int_equal(c->npins, 1);
	conf_unref(c);
	c = NULL;
	/* The file's pins name a chain that is not there any more. */
	assert_int_equal(conf_load(&c, file, over, 2, &why), E_CONFIG);
	assert_non_null(memmem(why.p, why.n, "siptrust.conf:2: pin: ", 22));
	buf_reset(&why);
	assert_int_equal(conf_load(&c, NULL, bad, 2, &why), E_CONFIG);
	assert_non_null(memmem(why.p, why.n, "command line: chain: found "
	    "\"c1,k1\", expected NAME=CERTFILE,KEYFILE", 66));
	buf_reset(&why);
	assert_int_equal(conf_load(&c, NULL, bad + 2, 2, &why), E_CONFIG);
	assert_non_null(memmem(why.p, why.n, "command line: chain: found the "
	    "name x again", 43));
	assert_null(c);
	buf_fini(&why);
}

#define URI                                                                    \
	"sip:HOST[:PORT][;transport=udp|tcp|tls] or sips:HOST[:PORT], as in "  \
	"\"sip:pbx.example.com;transport=udp\""
#define OVERRIDE                                                               \
	"URI[,path|,contact][,NAME=VALUE]..., URI being " URI                  \
	", NAME ca, certificate, key, server_name or verify\n"

static void
test_upstreams(void **state)
{
	static const struct conf_override over[] = {
		{ "upstream", "sip:10.0.0.1" },
		{ "upstream", "sip:[2001:db8::1]:5070;transport=TCP,contact" },
	};
	static const struct conf_override bad[] = {
		{ "upstream", "sip:10.0.0.1,kontakt" },
		{ "upstream", "10.0.0.1" },
	};
	static const char text[] = "upstream a {\n"
	    " uri = \"sip:pbx.example.com;transport=udp\" }\n"
	    "upstream b { uri = \"sip:192.0.2.9:5080\" register = contact }\n";
	struct conf *c = load_right(text);
	struct buf why;

	assert_int_equal(c->nupstream, 2);
	assert_string_equal(c->upstream[0].name, "a");
	assert_string_equal(c->upstream[0].uri,
	    "sip:pbx.example.com;transport=udp");
	assert_string_equal(c->upstream[0].host, "pbx.example.com");
	assert_int_equal(c->upstream[0].port, 0);
	assert_int_equal(c->upstream[0].transport, CONF_TRANSPORT_UDP);
	assert_false(c->upstream[0].contact);
	assert_int_equal(c->upstream[0].line, 2);
	assert_string_equal(c->upstream[1].host, "192.0.2.9");
	assert_int_equal(c->upstream[1].port, 5080);
	assert_int_equal(c->upstream[1].transport, CONF_TRANSPORT_ANY);
	assert_true(c->upstream[1].contact);
	conf_unref(c);

	c = NULL;
	buf_init(&why, 4096);
	assert_int_equal(conf_load(&c, file, over, 2, &why), 0);
	assert_int_equal(c->nupstream, 2);
	assert_string_equal(c->upstream[0].name, "pbx");
	assert_false(c->upstream[0].contact);
	assert_string_equal(c->upstream[1].name, "pbx2");
	assert_string_equal(c->upstream[1].host, "2001:db8::1");
	assert_int_equal(c->upstream[1].port, 5070);
	assert_int_equal(c->upstream[1].transport, CONF_TRANSPORT_TCP);
	assert_true(c->upstream[1].contact);
	conf_unref(c);
	c = NULL;
	assert_int_equal(conf_load(&c, NULL, bad, 2, &why), E_CONFIG);
	buf_putc(&why, '\0');
	assert_string_equal(why.p, "command line: upstream: found "
	    "\"sip:10.0.0.1,kontakt\", expected " OVERRIDE
	    "command line: upstream: found \"10.0.0.1\", expected " OVERRIDE);
	assert_null(c);
	buf_fini(&why);
}

static void
test_upstreams_over_tls(void **state)
{
	static const struct conf_override over[] = {
		{ "upstream", "sips:pbx.example.com:5071,contact,ca=/a.pem,"
		    "certificate=/b.pem,key=/c.pem,server_name=b.example.com,"
		    "verify=wildcard" },
	};
	struct conf *c = load_right("upstream a { uri = "
	    "\"sip:192.0.2.9;transport=tls\"\n verify = no }\n"
	    "upstream b { uri = \"sips:pbx;transport=tcp\" }\n"
	    "upstream c { uri = \"sip:pbx\" ca = \"/ca.pem\" }\n");
	struct buf why;

	assert_int_equal(c->upstream[0].transport, CONF_TRANSPORT_TLS);
	assert_int_equal(c->upstream[0].verify, CONF_VERIFY_NO);
	assert_null(c->upstream[0].ca);
	assert_null(c->upstream[0].server_name);
	assert_true(c->upstream[1].sips);
	assert_int_equal(c->upstream[1].transport, CONF_TRANSPORT_TLS);
	assert_int_equal(c->upstream[1].verify, CONF_VERIFY_YES);
	assert_int_equal(c->upstream[2].transport, CONF_TRANSPORT_ANY);
	assert_false(conf_upstream_must_use_tls(&c->upstream[2]));
	assert_true(conf_upstream_may_use_tls(&c->upstream[2]));
	assert_string_equal(c->upstream[2].ca, "/ca.pem");
	conf_unref(c);

	buf_init(&why, 4096);
	assert_int_equal(conf_load(&c, NULL, over, 1, &why), 0);
	assert_string_equal(c->upstream[0].uri, "sips:pbx.example.com:5071");
	assert_int_equal(c->upstream[0].port, 5071);
	assert_true(c->upstream[0].contact);
	assert_string_equal(c->upstream[0].ca, "/a.pem");
	assert_string_equal(c->upstream[0].certificate, "/b.pem");
	assert_string_equal(c->upstream[0].key, "/c.pem");
	assert_string_equal(c->upstream[0].server_name, "b.example.com");
	assert_int_equal(c->upstream[0].verify, CONF_VERIFY_WILDCARD);
	conf_unref(c);
	buf_fini(&why);

	check_wrong("upstream a {\nuri = \"sip:b;transport=tcp\"\n"
	    "ca = \"/a.pem\" }\n", "siptrust.conf:2: upstream a: ca: found it "
	    "with uri = \"sip:b;transport=tcp\", expected transport=tls "
	    "there\n");
	check_wrong("upstream a { uri = \"sips:b\"\nkey = \"/k.pem\" }\n",
	    "siptrust.conf:1: upstream a: key: found it alone, expected "
	    "certificate = \"FILE\" beside it\n");
	check_wrong("upstream a { uri = \"sips:b\" ca = c verify = no }\n",
	    "siptrust.conf:1: upstream a: ca: found it with verify = \"no\", "
	    "expected one of them\n");
	check_wrong("upstream a { uri = \"sips:b\"\nca = \"\" }\n",
	    "siptrust.conf:2: ca: found \"\", expected a file's name\n");
	check_wrong("upstream a { uri = \"sips:b\"\nverify = never }\n",
	    "siptrust.conf:2: verify: found \"never\", expected \"yes\", "
	    "\"wildcard\" or \"no\"\n");
	check_wrong("upstream a { uri = \"sips:b\"\nserver_name = \"a b\" }\n",
	    "siptrust.conf:2: server_name: found \"a b\", expected a name or "
	    "an address\n");
	check_wrong("tls = {}\nupstream a { uri = \"sips:b\" }\n",
	    "siptrust.conf: tls: found no address, expected at least one: "
	    "upstreams over TLS are reached from there\n");
}

static void
test_wrong_upstreams(void **state)
{
	static const char *const wrong[] = {
		"pbx.example.com", "sip:", "sips:", "sip:100@pbx",
		"sips:pbx;transport=udp", "sip:pbx;transport=dtls",
		"sip:pbx:0", "sip:pbx:x", "sip:pbx:65536",
		"sip:pbx;transport=sctp",
		"sip:pbx;lr", "sip:pbx;transport=udp;transport=tcp",
		"sip:[2001:db8::1", "sip:[x]", "sip:a b", "sip:pbx?x=y",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[128], want[512];

		snprintf(text, sizeof(text),
		    "upstream a {\n uri = \"%s\"\n}\n", wrong[i]);
		snprintf(want, sizeof(want), "siptrust.conf:2: uri: found "
		    "\"%s\", expected " URI "\n", wrong[i]);
		check_wrong(text, want);
	}
	check_wrong("upstream a {\n}\n", "siptrust.conf:2: found upstream "
	    "\"a\" without uri, expected uri = \"sip:HOST\"\n");
	check_wrong("upstream a { uri = \"sip:b\"\nregister = \"gruu\" }\n",
	    "siptrust.conf:2: register: found \"gruu\", expected \"path\" or "
	    "\"contact\"\n");
	check_wrong("upstream a { uri = \"sip:b\"\nuri = \"sip:c\" }\n",
	    "siptrust.conf:2: uri: found again, expected once: it is on line "
	    "1\n");
	check_wrong("upstream a { uri = \"sip:b\" }\n"
	    "upstream a { uri = \"sip:c\" }\n", "siptrust.conf:2: found a "
	    "second upstream \"a\", expected another name\n");
	check_wrong("upstream \"a b\" { uri = \"sip:c\" }\n",
	    "siptrust.conf:1: found upstream \"a b\", expected a name of "
	    "letters, digits, \".\", \"_\" and \"-\"\n");
	check_wrong("dns_servers = \"192.0.2.1,ns.example.com\"\n",
	    "siptrust.conf:1: dns_servers: found \"192.0.2.1,ns.example.com\", "
	    "expected ADDRESS[:PORT],..., as in \"192.0.2.53\"\n");
}

static void
test_settings_that_contradict(void **state)
{
	(void)state;
	check_wrong("tls_min = 1.3\ntls_max = 1.2\n", "siptrust.conf:2: "
	    "tls_min: found 1.3, expected at most tls_max, which is 1.2\n");
	check_wrong("expires_max = 60\n\nexpires_min = 61", "siptrust.conf:3: "
	    "expires_min: found 61, expected at most expires_max, which is "
	    "60\n");
	check_wrong("expires_min = 7201\n", "siptrust.conf:1: expires_min: "
	    "found 7201, expected at most expires_max, which is 7200\n");
	check_wrong("head_max = 2000\nmessage_max = 1024\n", "siptrust.conf:2: "
	    "head_max: found 2000, expected at most message_max, which is "
	    "1024\n");
	check_wrong("sip = {}\ntls = {}\n", "siptrust.conf: sip and tls: found "
	    "no address, expected at least one to listen on\n");
	check_wrong("challenge = {}", "siptrust.conf: challenge: found no "
	    "algorithm, expected SHA-256 or MD5 or both\n");
	check_wrong("challenge = { MD5, MD5 }", "siptrust.conf:1: challenge: "
	    "found \"MD5\" twice, expected it once\n");
}

static void
test_files_that_are_none(void **state)
{
	(void)state;
	struct conf *c = NULL;
	struct buf why;
	check_wrong_bytes("\nworkers = 1\0\n", 14, "siptrust.conf:2: found a "
	    "NUL byte, expected text\n");
	buf_init(&why, 4096);
	assert_int_equal(conf_load(&c, "none.conf", NULL, 0, &why), E_CONFIG);
	assert_true(str_eq(buf_as_str(&why),
	    STR("none.conf: cannot open: No such file or directory\n")));
	buf_reset(&why);
	assert_int_equal(conf_load(&c, folder, NULL, 0, &why), E_CONFIG);
	assert_non_null(memmem(why.p, why.n, ": is not a regular file\n", 24));
	assert_null(c);
	buf_fini(&why);
	char *big = malloc(2 << 20);
	assert_non_null(big);
	memset(big, '\n', 2 << 20);
	check_wrong_bytes(big, 2 << 20,
	    "siptrust.conf: is longer than 1048576 bytes\n");
	check_wrong_bytes(big, 1 << 20,
	    "siptrust.conf: is longer than 1048575 bytes\n");
	free(big);
}

static void
test_overrides(void **state)
{
	(void)state;
	static const struct conf_override over[] = {
		{ "tls", "127.0.0.1:1" },
		{ "domain", "cli.example" },
		{ "tls", "127.0.0.1:2" },
		{ "workers", "1" },
		{ "workers", "2" },
	};
	struct conf *c = NULL;
	struct buf why;
	static const char text[] =
	    "domain = file.example\nworkers = 9\nexpires_max = 100\n"
	    "tls = { \"127.0.0.1:7\", \"127.0.0.1:8\" }\n";
	write_file(text, strlen(text));
	buf_init(&why, 4096);
	assert_int_equal(conf_load(&c, file, over, ARRAY_LEN(over), &why), 0);
	assert_string_equal(c->domain, "cli.example");
	assert_int_equal(c->tls.n, 2);
	assert_string_equal(c->tls.v[0], "127.0.0.1:1");
	assert_string_equal(c->tls.v[1], "127.0.0.1:2");
	assert_int_equal(c->workers, 2); /* the last one counts */
	assert_int_equal(c->expires_max, 100);
	conf_unref(c);
	buf_fini(&why);
}

static void
test_wrong_overrides(void **state)
{
	(void)state;
	static const struct conf_override over[] = {
		{ "worker", "1" },
		{ "sip", "here" },
		{ "expires_min", "0" },
	};
	static const struct conf_override low = { "expires_max", "60" };
	struct conf *c = NULL;
	struct buf why;
	buf_init(&why, 4096);
	assert_int_equal(conf_load(&c, NULL, over, 3, &why), E_CONFIG);
	assert_true(str_eq(buf_as_str(&why), STR(
	    "command line: no setting is named \"worker\"\n"
	    "command line: sip: found \"here\", expected ADDRESS:PORT, as in "
	    "\"0.0.0.0:5060\"\n"
	    "command line: expires_min: found \"0\", expected a number from 1 "
	    "to 86400 s\n")));
	buf_reset(&why);
	write_file("expires_min = 61\n", 17);
	assert_int_equal(conf_load(&c, file, &low, 1, &why), E_CONFIG);
	assert_true(str_eq(buf_as_str(&why), STR(
	    "command line: expires_min: found 61, expected at most "
	    "expires_max, which is 60\n")));
	assert_null(c);
	buf_fini(&why);
}

/* The sample says what is in force: taking away each # changes nothing. */
static void
test_the_sample_is_the_defaults(void **state)
{
	(void)state;
	struct conf *c = NULL;
	struct buf sample, text, why;
	buf_init(&sample, 65536);
	buf_init(&text, 65536);
	buf_init(&why, 65536);
	conf_sample(&sample);
	assert_false(sample.failed);
	struct str rest = buf_as_str(&sample);
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		assert_true(line.n <= 200);
		if (line.n > 1 && line.p[0] == '#' && line.p[1] != ' ')
			line = str_from(line, 1);
		buf_str(&text, line);
		buf_putc(&text, '\n');
	}
	write_file(text.p, text.n);
	int err = conf_load(&c, file, NULL, 0, &why);
	if (err != 0)
		fail_msg("%.*s", STR_FMT(buf_as_str(&why)));
	assert_int_equal(c->nchain, 1);
	struct conf *plain = NULL;
	assert_int_equal(conf_load(&plain, NULL, NULL, 0, &why), 0);
#define CONF_STR(name, def, text) assert_string_equal(c->name, plain->name);
#define CONF_LIST(name, def, text) assert_int_equal(c->name.n, plain->name.n);
#define CONF_INT(name, def, min, max, unit, text)                              \
	assert_int_equal(c->name, plain->name);                                \
	assert_in_range(c->name, min, max);
#define CONF_BOOL(name, def, text) assert_int_equal(c->name, plain->name);
#include "base/conf.def"
#undef CONF_STR
#undef CONF_LIST
#undef CONF_INT
#undef CONF_BOOL
	conf_unref(plain);
	conf_unref(c);
	buf_fini(&sample);
	buf_fini(&text);
	buf_fini(&why);
}

static void *
take_and_leave(void *arg)
{
	for (int i = 0; i < 20000; i++)
		conf_unref(conf_ref(arg));
	conf_unref(arg);
	return NULL;
}

static void
test_a_snapshot_is_shared_by_threads(void **state)
{
	(void)state;
	pthread_t threads[4];
	struct conf *c = load_right("workers = 4");
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
				     take_and_leave, conf_ref(c)), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(c->workers, 4);
	conf_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_data_folder),
		cmocka_unit_test(test_a_whole_file),
		cmocka_unit_test(test_an_empty_file_is_the_defaults),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_all_wrong_values_are_named),
		cmocka_unit_test(test_a_value_cannot_forge_a_line),
		cmocka_unit_test(test_wrong_syntax),
		cmocka_unit_test(test_given_twice),
		cmocka_unit_test(test_a_byte_order_mark_is_no_option),
		cmocka_unit_test(test_one_address_for_two_protocols),
		cmocka_unit_test(test_a_file_that_ends_too_early),
		cmocka_unit_test(test_lines_are_counted_behind_comments),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_several_chains),
		cmocka_unit_test(test_wrong_chains),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_wrong_pins),
		cmocka_unit_test(test_chains_of_the_command_line),
		cmocka_unit_test(test_upstreams),
		cmocka_unit_test(test_upstreams_over_tls),
		cmocka_unit_test(test_wrong_upstreams),
		cmocka_unit_test(test_settings_that_contradict),
		cmocka_unit_test(test_files_that_are_none),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_wrong_overrides),
		cmocka_unit_test(test_the_sample_is_the_defaults),
		cmocka_unit_test(test_a_snapshot_is_shared_by_threads),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
