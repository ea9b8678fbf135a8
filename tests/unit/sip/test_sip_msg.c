/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One message of our own for each rule that RFC 4475 and RFC 5118 try, and for
 * each thing the decoder refuses, as a datagram and off a stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "sip/frame.h"
#include "sip/msg.h"

#define HEAD_MAX    4096
#define MESSAGE_MAX 65535

/* What becomes of it, beside the status that refuses it. */
#define OK      0
#define DISCARD (-1)
#define CLOSE   (-2) /* stream: cannot be framed   */
#define WAIT    (-3) /* stream: not complete       */

#define UDP  "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKone\r\n"
#define IDS  "From: <sip:a@example.test>;tag=1\r\n" \
	"To: <sip:b@example.test>\r\nCall-ID: one@192.0.2.1\r\n"
#define LINE "OPTIONS sip:b@example.test SIP/2.0\r\n"
#define CSEQ "CSeq: 1 OPTIONS\r\n"
#define END  "Content-Length: 0\r\n\r\n"
#define HEAD LINE UDP IDS CSEQ

#define LONG16 "0123456789abcdef"
#define LONG64 LONG16 LONG16 LONG16 LONG16
#define LONG256 LONG64 LONG64 LONG64 LONG64

struct row {
	const char *rule;
	struct str text;
	int datagram, stream;
};

/* A message may hold nulls. */
#define ROW(rule, text, datagram, stream)                                      \
	{ rule, { text, sizeof(text) - 1 }, datagram, stream },

static const struct row rows[] = {
	ROW("4475 3.1.1.1 folds, short names, blanks before colons",
	    "OPTIONS sip:b@example.test;odd-param SIP/2.0\r\n"
	    "TO :\r\n \"B \\\"Two\\\" \\\\\" <sip:b@example.test>\r\n"
	    "f: <sip:a@example.test> ;\r\n\t tag = 1\r\n"
	    "MaX-fOrWaRdS: 0070\r\nI: one\r\n"
	    "cseq: 0011\r\n  OPTIONS\r\n"
	    "Via  : SIP  /   2.0\r\n /UDP 192.0.2.1 ;branch = z9hG4bKone\r\n"
	    "s :\r\nX-Odd: ;;,,;=,; 0\" <\r\n"
	    "v: SIP/2.0/TCP one.example.test;branch=z9hG4bKtwo,\r\n"
	    "  SIP/2.0/TLS two.example.test;branch=z9hG4bKthree\r\n"
	    "m: \"Quoted\" <sip:a@192.0.2.1>;p;q = 0.5;r = \"s;t\"\r\n"
	    "l: 0\r\n\r\n", OK, OK)
	ROW("4475 3.1.1.2 all that a token, a user and a word may hold",
	    "Odd.-!%*_+`'~Method sip:1_u;&=+$,?/!~*'():p&=+$,!@example.test "
	    "SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP h.example.test;branch=z9hG4bK-.!%*_+`'~\r\n"
	    "To: \"bell:\\\007 null:\\\000 delete:\\\177\""
	    "<sip:b@example.test>\r\n"
	    "From: tok`en~ ' *_+%.-! <sip:a@example.test>"
	    ";odd`'~%!p=\"\xd1\x8f\";tag=_t~1`'*+.%!-\r\n"
	    "Call-ID: i!%*_+`'~()<>:\\\"/[]?{}@h!%*_+`'~()<>:\\\"/[]?{}\r\n"
	    "CSeq: 1 Odd.-!%*_+`'~Method\r\n" END, OK, OK)
	ROW("next to 4475 3.1.1.2: what no user may hold",
	    "OPTIONS sip:b^c@example.test SIP/2.0\r\n" UDP IDS CSEQ END, 400,
	    400)
	ROW("4475 3.1.1.3 escapes in a user",
	    "OPTIONS sip:sips%3Ab%40example.test@example.test SIP/2.0\r\n" UDP
	    IDS CSEQ END, OK, OK)
	ROW("4475 3.1.1.4 an escaped null",
	    "OPTIONS sip:null-%00-%00@example.test SIP/2.0\r\n" UDP IDS CSEQ
	    END, OK, OK)
	ROW("4475 3.1.1.5 a percent that escapes nothing",
	    "OP%54IONS sip:b@example.test SIP/2.0\r\n" UDP
	    "From: \"%Q%41\" <sip:a@example.test>;tag=1%Q\r\n"
	    "To: <sip:b@example.test>\r\nCall-ID: 1%\r\n"
	    "CSeq: 1 OP%54IONS\r\n" END, OK, OK)
	ROW("4475 3.1.1.6 nothing between display name and address",
	    LINE UDP "From: a<sip:a@example.test>;tag=1\r\n"
	    "To: \"b\"<sip:b@example.test>\r\nCall-ID: 1\r\n" CSEQ END, OK, OK)
	ROW("4475 3.1.1.7 long values", "OPTIONS sip:b@example.test;" LONG64
	    "=" LONG256 " SIP/2.0\r\nVia: SIP/2.0/UDP " LONG64 ".test;"
	    "branch=z9hG4bK" LONG256 "\r\nFrom: " LONG256 " <sip:" LONG256
	    "@example.test>;tag=" LONG256 "\r\nTo: <sip:b@example.test>\r\n"
	    "Call-ID: " LONG256 "@" LONG256 "\r\n" LONG64 ": " LONG256 "\r\n"
	    CSEQ END, OK, OK)
	ROW("4475 3.1.1.8 more than its Content-Length says",
	    HEAD END "OPTIONS sip:never SIP/2.0\r\n\r\n", OK, OK)
	ROW("4475 3.1.1.9 semicolons in a user",
	    "OPTIONS sip:b;par=c%40example.net@example.test SIP/2.0\r\n" UDP IDS
	    CSEQ END, OK, OK)
	ROW("4475 3.1.1.10 transports known and unknown", LINE UDP
	    "Via: SIP/2.0/SCTP a.example.test;branch=z9hG4bK2\r\n"
	    "Via: SIP/2.0/TLS b.example.test;branch=z9hG4bK3\r\n"
	    "Via: SIP/2.0/PIGEON c.example.test;branch=z9hG4bK4\r\n" IDS CSEQ
	    END, OK, OK)
	ROW("4475 3.1.1.11 a body of several parts, with nulls",
	    HEAD "Content-Type: multipart/mixed;boundary=\"-b\"\r\n"
	    "Content-Length: 24\r\n\r\n"
	    "---b\r\n\r\n\000\001\r\n\r\n\r\n---b--\r\n",
	    OK, OK)
	ROW("4475 3.1.1.12 a reason in another alphabet",
	    "SIP/2.0 200 = 2**3 * 5**2 \xd0\xb4\xd0\xb0\r\n" UDP IDS CSEQ END,
	    OK, OK)
	ROW("4475 3.1.1.13 no reason", "SIP/2.0 100 \r\n" UDP IDS CSEQ END, OK,
	    OK)
	ROW("4475 3.1.2.1 separators that separate nothing", LINE
	    "Via: SIP/2.0/UDP 192.0.2.1;;,;,,\r\n" IDS CSEQ END, 400, 400)
	ROW("4475 3.1.2.2 Content-Length beyond the end",
	    HEAD "Content-Length: 99\r\n\r\nabc", 400, WAIT)
	ROW("4475 3.1.2.3 Content-Length below zero",
	    HEAD "Content-Length: -999\r\n\r\n", 400, CLOSE)
	ROW("4475 3.1.2.4 a CSeq over 2**32", LINE UDP IDS
	    "CSeq: 36893488147419103232 OPTIONS\r\n" END, 400, 400)
	ROW("4475 3.1.2.4 Max-Forwards over 255",
	    HEAD "Max-Forwards: 300\r\n" END, 400, 400)
	ROW("4475 3.1.2.5 the same in a response", "SIP/2.0 503 No\r\n" UDP IDS
	    "CSeq: 9292394834772304023312 OPTIONS\r\n" END, DISCARD, DISCARD)
	ROW("4475 3.1.2.6 a quote that does not end", LINE UDP
	    "From: <sip:a@example.test>;tag=1\r\n"
	    "To: \"B <sip:b@example.test>\r\nCall-ID: 1\r\n" CSEQ END, 400, 400)
	ROW("4475 3.1.2.7 brackets around the Request-URI",
	    "OPTIONS <sip:b@example.test> SIP/2.0\r\n" UDP IDS CSEQ END, 400,
	    400)
	ROW("4475 3.1.2.8 a blank inside the Request-URI",
	    "OPTIONS sip:b@example.test; lr SIP/2.0\r\n" UDP IDS CSEQ END, 400,
	    400)
	ROW("4475 3.1.2.9 two blanks",
	    "OPTIONS  sip:b@example.test  SIP/2.0\r\n" UDP IDS CSEQ END, 400,
	    400)
	ROW("4475 3.1.2.10 blanks at the end",
	    "OPTIONS sip:b@example.test SIP/2.0  \r\n" UDP IDS CSEQ END, 400,
	    400)
	ROW("4475 3.1.2.11 headers in the Request-URI",
	    "OPTIONS sip:b@example.test?Route=%3Csip:c%3E SIP/2.0\r\n" UDP IDS
	    CSEQ END, 400, 400)
	ROW("4475 3.1.2.12 a Date of another zone: not looked at",
	    HEAD "Date: Thu, 26 Nov 2026 05:00:00 CET\r\n" END, OK, OK)
	ROW("4475 3.1.2.14 blanks inside an address", LINE UDP
	    "From: <sip:a@example.test>;tag=1\r\n"
	    "To: <sip: b@example.test >\r\nCall-ID: 1\r\n" CSEQ END, 400, 400)
	ROW("4475 3.1.2.15 a comma in a display name without quotes", LINE UDP
	    "From: A, The First <sip:a@example.test>;tag=1\r\n"
	    "To: <sip:b@example.test>\r\nCall-ID: 1\r\n" CSEQ END, 400, 400)
	ROW("4475 3.1.2.16 another version",
	    "OPTIONS sip:b@example.test SIP/7.0\r\n"
	    "Via: SIP/7.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n" IDS CSEQ END, 505,
	    505)
	ROW("4475 3.1.2.17 a CSeq of another method", LINE UDP IDS
	    "CSeq: 1 INVITE\r\n" END, 400, 400)
	ROW("4475 3.1.2.18 the same, and the method is unknown",
	    "FROB sip:b@example.test SIP/2.0\r\n" UDP IDS "CSeq: 1 INVITE\r\n"
	    END, 501, 501)
	ROW("4475 3.1.2.19 a status of ten digits", "SIP/2.0 4294967301 No\r\n"
	    UDP IDS CSEQ END, DISCARD, DISCARD)
	ROW("4475 3.2.1 a branch that is the cookie alone", LINE
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\r\n" IDS CSEQ END, OK,
	    OK)
	ROW("4475 3.3.1 nothing but Via and CSeq", LINE UDP CSEQ END, 400, 400)
	ROW("4475 3.3.2 an unknown scheme",
	    "OPTIONS frob:what-ever,it=is SIP/2.0\r\n" UDP IDS CSEQ END, OK, OK)
	ROW("4475 3.3.3 a scheme that is no SIP",
	    "OPTIONS soap.beep://192.0.2.1:3002 SIP/2.0\r\n" UDP IDS CSEQ END,
	    OK, OK)
	ROW("4475 3.3.4 unknown schemes in From and To", LINE UDP
	    "From: <http://example.test>;tag=1\r\nTo: isbn:12345\r\n"
	    "Call-ID: 1\r\n" CSEQ END, OK, OK)
	ROW("4475 3.3.6 an unknown Content-Type",
	    HEAD "Content-Type: application/odd\r\nl: 3\r\n\r\n<a>",
	    OK, OK)
	ROW("4475 3.3.7 an unknown authorization scheme",
	    HEAD "Authorization: Odd user=\"x\", y=z\r\n" END, OK, OK)
	ROW("4475 3.3.8 two Froms", HEAD "From: <sip:c@example.test>;tag=2\r\n"
	    END, 400, 400)
	ROW("4475 3.3.8 two Tos", HEAD "To: <sip:c@example.test>\r\n" END, 400,
	    400)
	ROW("4475 3.3.8 two CSeqs", HEAD "CSeq: 2 OPTIONS\r\n" END, 400, 400)
	ROW("4475 3.3.8 two Call-IDs", HEAD "i: two\r\n" END, 400, 400)
	ROW("4475 3.3.8 two Max-Forwards", HEAD "Max-Forwards: 5\r\n"
	    "Max-Forwards: 6\r\n" END, 400, 400)
	ROW("4475 3.3.8 the same value twice says nothing else",
	    HEAD "Max-Forwards: 5\r\nMax-Forwards: 5\r\n" CSEQ END, OK, OK)
	ROW("4475 3.3.9 two Content-Lengths", HEAD "l: 3\r\n"
	    "Content-Length: 4\r\n\r\nabcd", 400, CLOSE)
	ROW("4475 3.3.10 a response whose Via is a broadcast address",
	    "SIP/2.0 200 OK\r\n"
	    "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1\r\n" IDS CSEQ END,
	    OK, OK)
	ROW("4475 3.3.11 no hop left", HEAD "Max-Forwards: 0\r\n" END, OK, OK)
	ROW("4475 3.4.1 RFC 2543: no branch, no tag, no Content-Length",
	    LINE "Via: SIP/2.0/UDP one.example.test\r\n"
	    "From: <sip:a@example.test>\r\nTo: <sip:b@example.test>\r\n"
	    "Call-ID: 1\r\n" CSEQ "\r\nv=0\r\n", OK, CLOSE)

	ROW("5118 4.1 an address in brackets",
	    "OPTIONS sip:[2001:db8::10] SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK1\r\n" IDS CSEQ END,
	    OK, OK)
	ROW("5118 4.2 without brackets", "OPTIONS sip:2001:db8::10 SIP/2.0\r\n"
	    UDP IDS CSEQ END, 400, 400)
	ROW("5118 4.3 a port that looks like a group",
	    "OPTIONS sip:[2001:db8::10:5070] SIP/2.0\r\n" UDP IDS CSEQ END, OK,
	    OK)
	ROW("5118 4.4 a port behind the bracket",
	    "OPTIONS sip:[2001:db8::10]:5070 SIP/2.0\r\n" UDP IDS CSEQ END, OK,
	    OK)
	ROW("5118 4.5 received with brackets", LINE
	    "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255]"
	    ";branch=z9hG4bK1\r\n" IDS CSEQ END, OK, OK)
	ROW("5118 4.5 received without", LINE
	    "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255"
	    ";branch=z9hG4bK1\r\n" IDS CSEQ END, OK, OK)
	ROW("5118 4.6 addresses in a body",
	    HEAD "Content-Type: application/sdp\r\nContent-Length: 21\r\n\r\n"
	    "c=IN IP6 2001:db8::2\n", OK, OK)
	ROW("5118 4.7 addresses of both kinds", LINE UDP
	    "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bK2,"
	    "SIP/2.0/UDP 192.0.2.3 : 5070;branch=z9hG4bK3\r\n" IDS CSEQ END, OK,
	    OK)
	ROW("5118 4.9 IPv4 mapped",
	    "OPTIONS sip:b@[::ffff:192.0.2.10]:19823 SIP/2.0\r\n" UDP IDS CSEQ
	    END, OK, OK)
	ROW("5118 4.10 three colons, as the grammar had it",
	    "OPTIONS sip:[2001:db8:::192.0.2.1] SIP/2.0\r\n" UDP IDS CSEQ END,
	    OK, OK)
	ROW("5118 4.10 two colons", "OPTIONS sip:[2001:db8::192.0.2.1] SIP/2.0"
	    "\r\n" UDP IDS CSEQ END, OK, OK)
};

static struct sip_msg m;

static int
as_datagram(struct str text)
{
	int err = sip_msg_parse(&m, text, SIP_DATAGRAM, HEAD_MAX);

	assert_true((err == 0) == (m.why == NULL));
	return err == 0 ? OK : m.refuse == 0 ? DISCARD : m.refuse;
}

/* The framer cuts first; what it cannot cut is never parsed. */
static int
off_a_stream(struct str text)
{
	struct sip_frame f = { 0 };
	const char *why = NULL;
	size_t used = 0;

	switch (sip_frame_next(&f, text, HEAD_MAX, MESSAGE_MAX, &used, &why)) {
	case SIP_FRAME_MSG:
		break;
	case SIP_FRAME_MORE:
		return WAIT;
	case SIP_FRAME_BAD:
	case SIP_FRAME_LIMIT:
		return CLOSE;
	default:
		fail_msg("an odd result of the framer");
	}
	if (sip_msg_parse(&m, str_of(text.p, used), SIP_STREAM, HEAD_MAX) == 0)
		return OK;
	return m.refuse == 0 ? DISCARD : m.refuse;
}

static void
each_rule_has_its_verdict(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int datagram = as_datagram(rows[i].text);
		const char *why = m.why != NULL ? m.why : "fine";

		if (datagram != rows[i].datagram) {
			print_error("%s: datagram: %d (%s), expected %d\n",
			    rows[i].rule, datagram, why, rows[i].datagram);
			wrong++;
		}
		int stream = off_a_stream(rows[i].text);
		if (stream != rows[i].stream) {
			print_error("%s: stream: %d, expected %d\n",
			    rows[i].rule, stream, rows[i].stream);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void
equals(struct str got, const char *want)
{
	if (!str_eq(got, str_cstr(want)))
		fail_msg("\"%.*s\", expected \"%s\"", STR_FMT(got), want);
}

static const struct row *
row_of(const char *rule)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strncmp(rows[i].rule, rule, strlen(rule)) == 0)
			return &rows[i];
	}
	fail_msg("no row %s", rule);
	return NULL;
}

static void
parse_row(const char *rule)
{
	assert_int_equal(as_datagram(row_of(rule)->text), OK);
}

/* Accepted is one thing, understood another. */
static void
what_is_accepted_is_understood(void **state)
{
	const struct sip_field *f;

	parse_row("4475 3.1.1.1 ");
	assert_int_equal(m.cseq, 11);
	equals(m.cseq_method, "OPTIONS");
	assert_int_equal(m.max_forwards, 70);
	equals(m.to.display, "\"B \\\"Two\\\" \\\\\"");
	equals(m.from_tag, "1");
	equals(m.via.branch, "z9hG4bKone");
	equals(m.via.host, "192.0.2.1");
	f = sip_msg_field(&m, SIP_HEADER_SUBJECT);
	assert_non_null(f);
	assert_int_equal(f->value.n, 0);
	f = sip_msg_field(&m, SIP_HEADER_VIA);
	assert_non_null(f = sip_msg_next(&m, f));
	assert_null(sip_msg_next(&m, f));

	parse_row("4475 3.1.1.2 ");
	assert_int_equal(m.method, SIP_METHOD_OTHER);
	equals(m.ruri.user, "1_u;&=+$,?/!~*'()");
	equals(m.ruri.password, "p&=+$,!");
	equals(m.from_tag, "_t~1`'*+.%!-");

	parse_row("4475 3.1.1.5 ");
	assert_int_equal(m.method, SIP_METHOD_OTHER);
	parse_row("4475 3.1.1.6 ");
	equals(m.from.display, "a");

	parse_row("4475 3.1.1.8 ");
	assert_int_equal(m.body.n, 0);
	assert_int_equal(m.all.n, strlen(HEAD END));

	parse_row("4475 3.1.1.9 ");
	equals(m.ruri.user, "b;par=c%40example.net");
	equals(m.ruri.params, "");

	parse_row("4475 3.1.1.11 ");
	assert_int_equal(m.body.n, 24);
	assert_memory_equal(m.body.p + 8, "\000\001\r\n", 4);

	parse_row("4475 3.1.1.12 ");
	assert_false(m.request);
	assert_int_equal(m.status, 200);
	equals(m.reason, "= 2**3 * 5**2 \xd0\xb4\xd0\xb0");

	parse_row("4475 3.3.2 ");
	assert_int_equal(m.ruri.scheme, SIP_SCHEME_OTHER);
	equals(m.ruri.scheme_name, "frob");

	parse_row("5118 4.3 ");
	equals(m.ruri.host, "2001:db8::10:5070");
	assert_int_equal(m.ruri.port, 0);
	parse_row("5118 4.4 ");
	equals(m.ruri.host, "2001:db8::10");
	assert_int_equal(m.ruri.port, 5070);
}

/* ---- each thing that is refused, and what is next to it and is not ---- */

struct refusal {
	const char *text;
	const char *why; /* NULL: accepted */
	int status;
};

static const struct refusal refusals[] = {
	{ HEAD END, NULL, OK },
	{ "", "empty", DISCARD },
	{ "\r\n\r\n", "empty", DISCARD },
	{ "\r\n\r\n" HEAD END, NULL, OK },
	{ "SIP/2.1 200 OK\r\n" UDP IDS CSEQ END, "not SIP/2.0", DISCARD },
	{ "SIP/2.0\r\n" UDP IDS CSEQ END, "no status code", DISCARD },
	{ "SIP/2.0 200\r\n" UDP IDS CSEQ END, NULL, OK },
	{ "SIP/2.0 099 No\r\n" UDP IDS CSEQ END, "not a status code", DISCARD },
	{ "SIP/2.0 700 No\r\n" UDP IDS CSEQ END, "not a status code", DISCARD },
	{ "SIP/2.0 2x0 No\r\n" UDP IDS CSEQ END, "not a status code", DISCARD },
	{ "SIP/2.0 699 Yes\r\n" UDP IDS CSEQ END, NULL, OK },
	{ "OPTIONS sip:b SIP/3.0\r\n" UDP IDS CSEQ END, "Version Not Supported",
	  505 },
	{ "OPTIONS sip:b sip/2.0\r\n" UDP IDS CSEQ END, NULL, OK },
	{ "OPTIONS sip:b HTTP/1.1\r\n" UDP IDS CSEQ END,
	  "request line does not end in SIP/2.0", 400 },
	{ "OPTIONS sip:b SIP/2\r\n" UDP IDS CSEQ END,
	  "request line does not end in SIP/2.0", 400 },
	{ "OPT,IONS sip:b SIP/2.0\r\n" UDP IDS "CSeq: 1 OPT,IONS\r\n" END,
	  "method is not a token", 400 },
	{ "OPTIONS SIP/2.0\r\n" UDP IDS CSEQ END, "no Request-URI", 400 },
	{ "OPTIONS sip: SIP/2.0\r\n" UDP IDS CSEQ END, "malformed Request-URI",
	  400 },
	{ "OPTIONS sip:b?a=b SIP/2.0\r\n" UDP IDS CSEQ END,
	  "headers in the Request-URI", 400 },
	{ "OPTIONS sip:b SIP/2.0\n" UDP IDS CSEQ END,
	  "start line does not end in CRLF", 400 },
	{ "OPTIONS sip:b\002 SIP/2.0\r\n" UDP IDS CSEQ END,
	  "malformed Request-URI", 400 },
	{ "SIP/2.0 200 O\002K\r\n" UDP IDS CSEQ END,
	  "a control character in the start line", DISCARD },
	{ "SIP/2.0 200 O\tK\r\n" UDP IDS CSEQ END, NULL, OK },
	{ HEAD "Max-Forwards: 1\r\nMax-Forwards: 2\r\n" END,
	  "a header field that may come once differs", 400 },
	{ LINE UDP "To: <sip:b>\r\nCall-ID: 1\r\n" CSEQ END, "no From", 400 },
	{ LINE UDP "From: <sip:b>\r\nCall-ID: 1\r\n" CSEQ END, "no To", 400 },
	{ LINE UDP "From: *\r\nTo: <sip:b>\r\nCall-ID: 1\r\n" CSEQ END,
	  "malformed From", 400 },
	{ LINE UDP "From: <sip:b>;tag\r\nTo: <sip:b>\r\nCall-ID: 1\r\n" CSEQ
	  END, "malformed From", 400 },
	{ LINE UDP "From: <sip:b>;tag=1;tag=2\r\nTo: <sip:b>\r\nCall-ID: 1\r\n"
	  CSEQ END, "malformed From", 400 },
	{ LINE UDP "From: <sip:b>;x=<\r\nTo: <sip:b>\r\nCall-ID: 1\r\n" CSEQ
	  END, "malformed From", 400 },
	{ LINE UDP "From: sip:b;tag=1\r\nTo: <sip:b\r\nCall-ID: 1\r\n" CSEQ END,
	  "malformed To", 400 },
	{ LINE UDP "From: sip:b;tag=1\r\nTo: <sip:b>x\r\nCall-ID: 1\r\n" CSEQ
	  END, "malformed To", 400 },
	{ LINE IDS CSEQ END, "no Via", 400 },
	{ LINE "Via: SIP/2.0/UDP\r\n" IDS CSEQ END, "malformed Via", 400 },
	{ LINE "Via: SIP/2.0/UDP h;branch=\r\n" IDS CSEQ END, "malformed Via",
	  400 },
	{ LINE "Via: SIP/2.0/UDP h:0\r\n" IDS CSEQ END, "malformed Via", 400 },
	{ LINE "Via: SIP/2.0 h\r\n" IDS CSEQ END, "malformed Via", 400 },
	{ LINE "Via: \r\n" IDS CSEQ END, "malformed Via", 400 },
	{ LINE UDP "From: sip:a;tag=1\r\nTo: sip:b\r\n" CSEQ END, "no Call-ID",
	  400 },
	{ LINE UDP "From: sip:a;tag=1\r\nTo: sip:b\r\ni: a b\r\n" CSEQ END,
	  "malformed Call-ID", 400 },
	{ LINE UDP "From: sip:a;tag=1\r\nTo: sip:b\r\ni: a@\r\n" CSEQ END,
	  "malformed Call-ID", 400 },
	{ LINE UDP "From: sip:a;tag=1\r\nTo: sip:b\r\ni: @a\r\n" CSEQ END,
	  "malformed Call-ID", 400 },
	{ LINE UDP IDS END, "no CSeq", 400 },
	{ LINE UDP IDS "CSeq: OPTIONS\r\n" END, "malformed CSeq", 400 },
	{ LINE UDP IDS "CSeq: 1\r\n" END, "malformed CSeq", 400 },
	{ LINE UDP IDS "CSeq: 1OPTIONS\r\n" END, "malformed CSeq", 400 },
	{ LINE UDP IDS "CSeq: 4294967296 OPTIONS\r\n" END, "malformed CSeq",
	  400 },
	{ LINE UDP IDS "CSeq: 4294967295 OPTIONS\r\n" END, NULL, OK },
	{ LINE UDP IDS "CSeq: 1 options\r\n" END,
	  "CSeq method is not the request's", 400 },
	{ HEAD "Max-Forwards: -1\r\n" END, "malformed Max-Forwards", 400 },
	{ HEAD "Max-Forwards: 256\r\n" END, "malformed Max-Forwards", 400 },
	{ HEAD "Max-Forwards: 255\r\n" END, NULL, OK },
	{ HEAD "Content-Length: \r\n\r\n", "malformed Content-Length", 400 },
	{ HEAD "l: 0x1\r\n\r\na", "malformed Content-Length", 400 },
	{ HEAD "l: 1,1\r\n\r\na", "malformed Content-Length", 400 },
	{ HEAD "l: 1\r\nContent-Length: 2\r\n\r\nab",
	  "Content-Length values differ", 400 },
	{ HEAD "l: 1\r\nContent-Length: 01\r\n\r\na", NULL, OK },
	{ HEAD "l: 2\r\n\r\na", "body is shorter than Content-Length", 400 },
	{ HEAD "\r\nno Content-Length: to the end", NULL, OK },
	{ HEAD "X: y\r\n", "no empty line after the header fields", 400 },
	{ HEAD "X: y", "no empty line after the header fields", 400 },
	{ HEAD "no colon\r\n" END,
	  "a header line is not a name, a colon and a value", 400 },
	{ HEAD ": no name\r\n" END,
	  "a header line is not a name, a colon and a value", 400 },
	{ HEAD "X y: z\r\n" END,
	  "a header line is not a name, a colon and a value", 400 },
	{ HEAD "X: \002\r\n" END, "a control character in a header field",
	  400 },
	{ HEAD "X: \"\\\002\"\r\n" END, NULL, OK },
	{ HEAD "X: \"\002\"\r\n" END, "a control character in a header field",
	  400 },
	{ HEAD "X: a\rb\r\n" END, "a control character in a header field",
	  400 },
	{ HEAD "X: a\nY: b\r\n" END, "a control character in a header field",
	  400 },
};

static void
each_fault_is_named(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];
		int got = as_datagram(str_cstr(r->text));
		const char *want = r->why != NULL ? r->why : "fine";
		const char *why = m.why != NULL ? m.why : "fine";

		if (got == r->status && strcmp(why, want) == 0)
			continue;
		print_error("row %zu: %d %s, expected %d %s:\n%s\n", i, got,
		    why, r->status, want, r->text);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void
a_refusal_can_be_sent_when_the_way_back_is_known(void **state)
{
	/* The sent-by is there, what follows it is broken. */
	as_datagram(STR(LINE "Via: SIP/2.0/UDP h.example.test;=\r\n" IDS CSEQ
	    END));
	assert_string_equal(m.why, "malformed Via");
	assert_true(m.answerable);
	equals(m.via.host, "h.example.test");
	as_datagram(STR(LINE "Via: SIP/2.0/UDP \r\n" IDS CSEQ END));
	assert_false(m.answerable);
	as_datagram(STR(LINE IDS CSEQ END));
	assert_false(m.answerable);
	/* What is not there is left out of the answer, no more. */
	as_datagram(STR(LINE UDP CSEQ END));
	assert_true(m.answerable);
	as_datagram(STR("SIP/2.0 2 No\r\n" UDP IDS CSEQ END));
	assert_false(m.answerable);
}

static void
a_head_has_a_limit(void **state)
{
	char text[2 * HEAD_MAX];
	struct buf b;

	/* At the limit to the byte, and one byte more. */
	for (size_t over = 0; over < 2; over++) {
		buf_init_array(&b, text, sizeof(text));
		buf_puts(&b, HEAD "X: ");
		while (b.n < HEAD_MAX + over - strlen("\r\n" END))
			buf_putc(&b, 'x');
		buf_puts(&b, "\r\n" END "the body is not counted");
		assert_false(b.failed);
		assert_int_equal(sip_msg_parse(&m, buf_as_str(&b), SIP_DATAGRAM,
		    HEAD_MAX), over == 0 ? 0 : E_LIMIT);
		assert_int_equal(m.refuse, over == 0 ? 0 : 513);
		assert_true(over == 0 || m.answerable);
	}
	/* As many fields as there is room for, and one more. */
	for (size_t over = 0; over < 2; over++) {
		buf_init_array(&b, text, sizeof(text));
		buf_puts(&b, HEAD);
		for (size_t i = 0; i < SIP_FIELDS_MAX - 6 + over; i++)
			buf_puts(&b, "a:\r\n");
		buf_puts(&b, END);
		assert_int_equal(sip_msg_parse(&m, buf_as_str(&b), SIP_DATAGRAM,
		    HEAD_MAX), over == 0 ? 0 : E_LIMIT);
		assert_true(over == 0 ||
		    strcmp(m.why, "too many header fields") == 0);
	}
	buf_fini(&b);
}

/* Nothing of the message before is left in the structure. */
static void
a_message_leaves_nothing_behind(void **state)
{
	static const struct sip_msg blank;

	parse_row("4475 3.1.1.1 ");
	assert_int_equal(as_datagram(STR("x")), 400);
	assert_int_equal(m.nfield, 0);
	assert_memory_equal(m.first, blank.first, sizeof(m.first));
	assert_null(m.call_id.p);
	assert_null(m.from_tag.p);
	assert_null(m.via.all.p);
	assert_int_equal(m.cseq, 0);
	assert_int_equal(m.max_forwards, -1);
}

static void
fields_are_found_by_either_name(void **state)
{
	static const struct {
		const char *name;
		enum sip_header id;
	} names[] = {
#define HEADER(id, name, compact, list) { name, SIP_HEADER_##id },
#include "sip/headers.def"
#undef HEADER
	};
	static const char compact[SIP_HEADERS] = {
#define HEADER(id, name, compact, list) [SIP_HEADER_##id] = compact,
#include "sip/headers.def"
#undef HEADER
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char text[256];

		equals(sip_header_str(names[i].id), names[i].name);
		snprintf(text, sizeof(text), "SIP/2.0 1\r\n%s: v\r\n\r\n",
		    names[i].name);
		as_datagram(str_cstr(text));
		assert_non_null(sip_msg_field(&m, names[i].id));
		if (compact[names[i].id] == '\0')
			continue;
		snprintf(text, sizeof(text), "SIP/2.0 1\r\n%c: v\r\n\r\n",
		    compact[names[i].id] & ~0x20);
		as_datagram(str_cstr(text));
		assert_non_null(sip_msg_field(&m, names[i].id));
	}
	as_datagram(STR("SIP/2.0 1\r\nFromm: v\r\nFro: v\r\nq: v\r\n\r\n"));
	assert_int_equal(m.nfield, 3);
	assert_null(sip_msg_field(&m, SIP_HEADER_FROM));
}

static void
option_tags_are_found_in_any_field(void **state)
{
	as_datagram(STR(HEAD "Supported: path, Outbound\r\nk: gruu\r\n" END));
	assert_true(sip_msg_has_token(&m, SIP_HEADER_SUPPORTED,
	    STR("outbound")));
	assert_true(sip_msg_has_token(&m, SIP_HEADER_SUPPORTED, STR("GRUU")));
	assert_false(sip_msg_has_token(&m, SIP_HEADER_SUPPORTED, STR("pat")));
	assert_false(sip_msg_has_token(&m, SIP_HEADER_REQUIRE, STR("path")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_its_verdict),
		cmocka_unit_test(what_is_accepted_is_understood),
		cmocka_unit_test(each_fault_is_named),
		cmocka_unit_test(
		    a_refusal_can_be_sent_when_the_way_back_is_known),
		cmocka_unit_test(a_head_has_a_limit),
		cmocka_unit_test(a_message_leaves_nothing_behind),
		cmocka_unit_test(fields_are_found_by_either_name),
		cmocka_unit_test(option_tags_are_found_in_any_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
