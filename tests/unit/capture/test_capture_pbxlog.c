/* SPDX-License-Identifier: BSD-2-Clause */
/* capture/pbxlog: every product's lines, how they are joined, and bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture/pbxlog.h"
#include "tlswire/alert.h"

#define EVENTS_MAX 128

static struct pbxlog_event got[EVENTS_MAX];
static size_t ngot;
static struct pbxlog_counts counts;

static void
on_event(const struct pbxlog_event *e, void *arg)
{
	assert_true(ngot < EVENTS_MAX);
	got[ngot++] = *e;
}

/* The text in pieces of step bytes. */
static void
read_in(const char *text, size_t n, size_t step)
{
	struct pbxlog *l;

	ngot = 0;
	assert_int_equal(pbxlog_new(&l, on_event, NULL), 0);
	for (size_t i = 0; i < n; i += step)
		pbxlog_feed(l, str_of(text + i, n - i < step ? n - i : step));
	pbxlog_flush(l);
	counts = *pbxlog_counts(l);
	pbxlog_free(l);
}

static void
read_text(const char *text)
{
	read_in(text, strlen(text), strlen(text));
}

static void
is_event(size_t i, enum pbxlog_product product, enum pbxlog_told told,
    const char *peer, unsigned lines)
{
	assert_true(i < ngot);
	assert_int_equal(got[i].product, product);
	assert_int_equal(got[i].told, told);
	assert_string_equal(got[i].peer, peer);
	assert_int_equal(got[i].lines, lines);
}

/* ---- products ---- */

static void
test_asterisk_11_two_lines(void **state)
{
	read_text(
	    "[2026-11-20 09:00:01] NOTICE[11] chan_sip.c: nothing\n"
	    "[2026-11-20 09:00:02] ERROR[4711] tcptls.c: Problem setting up "
	    "ssl connection with peer '198.51.100.7:5069': "
	    "error:00000001:lib(0):func(0):reason(1), Internal SSL error\n"
	    "[2026-11-20 09:00:02] WARNING[4711] tcptls.c: FILE * open failed "
	    "from peer '198.51.100.7:5069'!\n");
	assert_int_equal(ngot, 1);
	is_event(0, PBXLOG_ASTERISK, PBXLOG_LOST, "198.51.100.7:5069", 2);
	assert_string_equal(got[0].time, "2026-11-20 09:00:02");
	assert_string_equal(got[0].key, "4711");
	assert_int_equal(got[0].first_line, 2);
	assert_int_equal(got[0].last_line, 3);
	assert_int_equal(got[0].evidence.nalert, 0);
	assert_int_equal(addr_port(&got[0].evidence.peer), 5069);
	assert_int_equal(counts.lines, 3);
	assert_int_equal(counts.unknown, 0);
}

/* Threads write in between each other. */
static void
test_asterisk_18_three_lines_mingled(void **state)
{
	read_text(
	    "[Nov 20 09:00:02] ERROR[21]: iostream.c:647 "
	    "ast_iostream_start_tls: Problem setting up ssl connection: "
	    "error:00000001:lib(0):func(0):reason(1), Internal SSL error\n"
	    "[Nov 20 09:00:02] ERROR[22][C-0000a]: iostream.c:647 x: Problem "
	    "setting up ssl connection: error:00000005:lib(0)::reason(5), "
	    "Underlying BIO error: Success\n"
	    "[Nov 20 09:00:02] ERROR[21]: tcptls.c:179 x: Unable to set up ssl "
	    "connection with peer '198.51.100.7:1'\n"
	    "[Nov 20 09:00:02] ERROR[22][C-0000a]: tcptls.c:179 x: Unable to "
	    "set up ssl connection with peer '[2001:db8::7]:2'\n"
	    "[Nov 20 09:00:02] ERROR[21]: iostream.c:552 ast_iostream_close: "
	    "SSL_shutdown() failed: error:00000001:lib(0):func(0):reason(1)\n"
	    "[Nov 20 09:00:03] ERROR[21]: iostream.c:647 x: Problem setting up "
	    "ssl connection: error:00000005:lib(0)::reason(5), Underlying BIO "
	    "error: Connection reset by peer\n");
	assert_int_equal(ngot, 3);
	is_event(0, PBXLOG_ASTERISK, PBXLOG_LOST, "198.51.100.7:1", 3);
	is_event(1, PBXLOG_ASTERISK, PBXLOG_CLOSED, "[2001:db8::7]:2", 2);
	assert_int_equal(got[1].evidence.end, TRUST_END_FIN);
	is_event(2, PBXLOG_ASTERISK, PBXLOG_RESET, "", 1);
	assert_int_equal(got[2].evidence.end, TRUST_END_RST);
}

/* Should Asterisk ever print the error itself, it is read. */
static void
test_asterisk_real_error_is_believed(void **state)
{
	read_text("ERROR[4711] tcptls.c: Problem setting up ssl connection: "
	    "error:0A000418:SSL routines::x, Internal SSL error\n"
	    "ERROR[4712] tcptls.c: Problem setting up ssl connection: "
	    "error:03000072:digital envelope routines::x\n");
	assert_int_equal(ngot, 2);
	is_event(0, PBXLOG_ASTERISK, PBXLOG_ALERT, "", 1);
	is_event(1, PBXLOG_ASTERISK, PBXLOG_NOTHING, "", 1);
}

static void
test_pjsip_number_not_wording(void **state)
{
	read_text(
	    "[2026-11-20 09:00:02] WARNING[9] pjproject: <?>: SSL "
	    "SSL_ERROR_SSL (Handshake): Level: 0 err: <336151576> <SSL "
	    "routines-x-any words> len: 0 peer: 198.51.100.7:3\n"
	    "[2026-11-20 09:00:03] WARNING[9] pjproject: <?>: SSL "
	    "SSL_ERROR_SSL (Handshake): Level: 0 err: <167773206> "
	    "<error:0A000416:SSL routines::ssl/tls alert certificate unknown> "
	    "len: 0 peer: 198.51.100.7:4\n"
	    "[2026-11-20 09:00:04] WARNING[9] pjproject: <?>: SSL 6 "
	    "[SSL_ERROR_ZERO_RETURN] (Handshake) ret: -1 len: 0\n"
	    "[2026-11-20 09:00:04] WARNING[9] pjproject: <?>: SSL 6 "
	    "[SSL_ERROR_ZERO_RETURN] (Read) ret: 0 len: 65535\n");
	assert_int_equal(ngot, 3);
	is_event(0, PBXLOG_PJSIP, PBXLOG_ALERT, "198.51.100.7:3", 1);
	assert_int_equal(got[0].alert, TLS_ALERT_unknown_ca);
	is_event(1, PBXLOG_PJSIP, PBXLOG_ALERT, "198.51.100.7:4", 1);
	assert_int_equal(got[1].alert, TLS_ALERT_certificate_unknown);
	assert_int_equal(got[1].evidence.alert[0].side, TLS_CLIENT);
	assert_int_equal(got[1].evidence.stage, TRUST_STAGE_CERTIFICATE);
	is_event(2, PBXLOG_PJSIP, PBXLOG_CLOSED, "", 1);
	assert_int_equal(counts.harmless, 1);
}

/* OpenSSL's queue, and what pjproject says of it: one event. */
static void
test_pjsip_levels_are_one(void **state)
{
	read_text(
	    "09:00:01.1 SSL SSL_ERROR_SSL (Handshake): Level: 0 err: "
	    "<167772161> <error:0A000001:x> len: 0 peer: 192.0.2.1:5\n"
	    "09:00:01.1 SSL SSL_ERROR_SSL (Handshake): Level: 1 err: "
	    "<167772353> <error:0A0000C1:x> len: 0 peer: 192.0.2.1:5\n"
	    "09:00:01.1 ssl0x1 Handshake failed on 192.0.2.9:5061 in accepting "
	    "192.0.2.1:5: no shared cipher\n");
	assert_int_equal(ngot, 1);
	is_event(0, PBXLOG_PJSIP, PBXLOG_ERROR, "192.0.2.1:5", 3);
	assert_true(got[0].evidence.no_shared_cipher);
	assert_int_equal(got[0].error, 0x0A0000C1);
	assert_string_equal(got[0].time, "09:00:01.1");
}

static void
test_kamailio_five_lines_of_two_workers(void **state)
{
	read_text(
	    "Nov 20 09:00:01 pbx kamailio[31]: ERROR: tls [tls_server.c:1330]: "
	    "tls_h_read_f(): protocol level error\n"
	    "Nov 20 09:00:01 pbx kamailio[32]: ERROR: tls [tls_server.c:1330]: "
	    "tls_h_read_mp_f(): protocol level error\n"
	    "Nov 20 09:00:01 pbx kamailio[31]: ERROR: tls [tls_util.h:50]: "
	    "tls_err_ret(): TLS accept:error:0A000418:SSL routines::tlsv1 "
	    "alert unknown ca (sni: unknown)\n"
	    "Nov 20 09:00:01 pbx kamailio[32]: ERROR: tls [tls_util.h:50]: "
	    "tls_err_ret(): TLS accept:error:0A00009C:SSL routines::http "
	    "request (sni: unknown)\n"
	    "Nov 20 09:00:01 pbx kamailio[31]: ERROR: tls [tls_server.c:1334]: "
	    "tls_h_read_f(): src addr: 198.51.100.7:59718\n"
	    "Nov 20 09:00:01 pbx kamailio[31]: ERROR: tls [tls_server.c:1337]: "
	    "tls_h_read_f(): dst addr: 192.0.2.9:5061\n"
	    "Nov 20 09:00:01 pbx kamailio[32]: ERROR: tls [tls_server.c:1334]: "
	    "tls_h_read_f(): src addr: 198.51.100.8:59719\n"
	    "Nov 20 09:00:01 pbx kamailio[31]: ERROR: <core> "
	    "[tcp_read.c:1476]: tcp_read_req(): error reading - c: 0x7f r: "
	    "0x7f (-1)\nNov 20 09:00:02 pbx kamailio[31]: ERROR: tls "
	    "[tls_server.c:1330]: tls_h_read_f(): protocol level error\n");
	assert_int_equal(ngot, 3);
	is_event(0, PBXLOG_KAMAILIO, PBXLOG_ALERT, "198.51.100.7:59718", 4);
	assert_int_equal(got[0].alert, TLS_ALERT_unknown_ca);
	assert_int_equal(addr_port(&got[0].evidence.local), 5061);
	assert_string_equal(got[0].time, "Nov 20 09:00:01");
	is_event(1, PBXLOG_KAMAILIO, PBXLOG_ERROR, "198.51.100.8:59719", 3);
	assert_int_equal(got[1].evidence.first, TLS_FIRST_HTTP);
	is_event(2, PBXLOG_KAMAILIO, PBXLOG_NOTHING, "", 1);
}

static void
test_kamailio_own_settings(void **state)
{
	read_text(
	    "0(77) ERROR: tls [tls_domain.c:590]: load_cert(): TLSs<default>: "
	    "Unable to load certificate file '/etc/x.crt'\n"
	    "0(77) ERROR: tls [tls_util.h:49]: tls_err_ret(): load_cert:error:"
	    "03000072:digital envelope routines::decode error (sni: unknown)\n"
	    "0(77) ERROR: tls [tls_util.h:49]: tls_err_ret(): load_cert:error:"
	    "0A00018F:SSL routines::ee key too small (sni: unknown)\n"
	    "0(77) ERROR: tls [tls_init.c:839]: tls_check_sockets(): TLSs<x>: "
	    "No listening socket found\n");
	assert_int_equal(ngot, 2);
	is_event(0, PBXLOG_KAMAILIO, PBXLOG_ERROR, "", 3);
	assert_int_equal(got[0].reason->number, 399);
	assert_string_equal(got[0].key, "77");
	is_event(1, PBXLOG_KAMAILIO, PBXLOG_CONFIG, "", 1);
}

static void
test_opensips(void **state)
{
	read_text(
	    "Nov 20 09:00:01 s opensips[51]: INFO:proto_tls:tls_accept: New "
	    "TLS connection from 192.0.2.1:1 accepted\n"
	    "Nov 20 09:00:01 s opensips[51]: INFO:proto_tls:tls_accept: Client "
	    "did not present a TLS certificate\n"
	    "Nov 20 09:00:02 s opensips[51]: ERROR:proto_tls:tls_accept: New "
	    "TLS connection from 192.0.2.2:2 failed to accept\n"
	    "Nov 20 09:00:02 s opensips[51]: "
	    "ERROR:proto_tls:tls_print_errstack: TLS errstack: "
	    "error:1408F10B:x:y:z\nNov 20 09:00:02 s opensips[51]: "
	    "ERROR:proto_tls:tls_read_req: failed to do pre-tls reading\n"
	    "Nov 20 09:00:03 s opensips[51]: ERROR:core:tls_accept: New TLS "
	    "connection from 192.0.2.3:3 failed to accept: rejected by client\n"
	    "Nov 20 09:00:04 s opensips[51]: ERROR:tls_openssl:openssl_tls_"
	    "accept: SSL_ERROR_SYSCALL err=Success(0)\n"
	    "Nov 20 09:00:04 s opensips[51]: ERROR:tls_openssl:openssl_tls_"
	    "accept: New TLS connection from 192.0.2.4:4 failed to accept\n"
	    "Nov 20 09:00:05 s opensips[51]: ERROR:tls_openssl:openssl_tls_"
	    "connect: New TLS connection to 192.0.2.5:5 failed\n"
	    "Nov 20 09:00:05 s opensips[51]: ERROR:tls_openssl:tls_print_"
	    "errstack: TLS errstack: error:0A00042E:x::tlsv1 alert protocol "
	    "version\n");
	assert_int_equal(counts.harmless, 2);
	assert_int_equal(ngot, 4);
	is_event(0, PBXLOG_OPENSIPS, PBXLOG_ERROR, "192.0.2.2:2", 3);
	assert_int_equal(got[0].reason->number, 267);
	is_event(1, PBXLOG_OPENSIPS, PBXLOG_CLOSED, "192.0.2.3:3", 1);
	is_event(2, PBXLOG_OPENSIPS, PBXLOG_CLOSED, "192.0.2.4:4", 2);
	is_event(3, PBXLOG_OPENSIPS, PBXLOG_ALERT, "192.0.2.5:5", 2);
	assert_true(got[3].outgoing);
	assert_int_equal(got[3].evidence.alert[0].side, TLS_SERVER);
}

/* Sofia's first line tells nothing, the second does. */
static void
test_sofia(void **state)
{
	read_text(
	    "tport_type_tls.c:1 tls_log_errors() TLS setup failed: 00000001: "
	    "x\ntport_type_tls.c:1 tls_log_errors() TLS setup failed: "
	    "0a000418: x\ntls_connect(0x1): TLS setup failed "
	    "(error:00000001:lib(0)::reason(1))\n"
	    "tls_connect(0x1): TLS setup failed (error:00000006:lib(0))\n"
	    "tls_log_errors() SSL_read: 0a000412: x\n");
	assert_int_equal(ngot, 3);
	is_event(0, PBXLOG_SOFIA, PBXLOG_ALERT, "", 2);
	is_event(1, PBXLOG_SOFIA, PBXLOG_LOST, "", 1);
	is_event(2, PBXLOG_SOFIA, PBXLOG_ALERT, "", 2);
}

/* Their peer stands in a line before, and not in the one that failed. */
static void
test_peer_of_a_line_before(void **state)
{
	read_text(
	    "2026.11.20 09:00:01 LOG5[12]: Service [sips] accepted connection "
	    "from 192.0.2.1:5069\n"
	    "2026.11.20 09:00:01 LOG5[13]: Service [sips] accepted connection "
	    "from [2001:db8::1]:5070\n"
	    "2026.11.20 09:00:02 LOG3[12]: SSL_accept: /ssl/x.c:9: error:"
	    "0A000418:SSL routines::x\n"
	    "2026.11.20 09:00:02 LOG3[13]: SSL_accept: Peer suddenly "
	    "disconnected\n"
	    "2026.11.20 09:00:02 LOG3[14]: SSL_accept: Peer suddenly "
	    "disconnected\n");
	assert_int_equal(ngot, 3);
	is_event(0, PBXLOG_STUNNEL, PBXLOG_ALERT, "192.0.2.1:5069", 1);
	is_event(1, PBXLOG_STUNNEL, PBXLOG_CLOSED, "[2001:db8::1]:5070", 1);
	is_event(2, PBXLOG_STUNNEL, PBXLOG_CLOSED, "", 1);
	assert_int_equal(counts.harmless, 2);
	assert_int_equal(addr_port(&got[0].evidence.peer), 5069);

	read_text(
	    "tport.c:1 tport_tls_accept(0x1): new connection from "
	    "tls/192.0.2.1:5069/sips\n"
	    "tport_type_tls.c:1 tls_log_errors() TLS setup failed: 0a000418: "
	    "x\n");
	is_event(0, PBXLOG_SOFIA, PBXLOG_ALERT, "192.0.2.1:5069", 1);
	/* Two came: whose failure it is nobody knows. */
	read_text(
	    "tport.c:1 tport_tls_accept(0x1): new connection from "
	    "tls/192.0.2.1:5069\n"
	    "tport.c:1 tport_tls_accept(0x2): new connection from "
	    "tls/192.0.2.2:5069\n"
	    "tport_type_tls.c:1 tls_log_errors() TLS setup failed: 0a000418: "
	    "x\n");
	is_event(0, PBXLOG_SOFIA, PBXLOG_ALERT, "", 1);
}

static void
test_sentences_without_a_number(void **state)
{
	static const struct {
		const char *line;
		enum pbxlog_told told;
		int alert, reason;
	} rows[] = {
		{ "TLS error on connection from h [192.0.2.1] "
		  "(gnutls_handshake): A TLS fatal alert has been received.: "
		  "CA is unknown\n", PBXLOG_ALERT, 48, 0 },
		{ "A TLS fatal alert has been received: Certificate is bad\n",
		  PBXLOG_ALERT, 42, 0 },
		{ "A TLS fatal alert has been received.\n", PBXLOG_ALERTED,
		  -1, 0 },
		{ "TLS handshake failed from 192.0.2.1:9: received fatal "
		  "alert: UnknownCA\n", PBXLOG_ALERT, 48, 0 },
		{ "TLS: Could not negotiate a supported cipher suite.\n",
		  PBXLOG_ERROR, -1, 193 },
		{ "TLS: A packet with illegal or unsupported version was "
		  "received.\n", PBXLOG_ERROR, -1, 258 },
		{ "An unexpected TLS packet was received.\n", PBXLOG_ERROR,
		  -1, 443 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		read_text(rows[i].line);
		assert_int_equal(ngot, 1);
		assert_int_equal(got[0].product, PBXLOG_GNUTLS);
		assert_int_equal(got[0].told, rows[i].told);
		assert_int_equal(got[0].alert, rows[i].alert);
		if (rows[i].reason != 0)
			assert_int_equal(got[0].reason->number,
			    rows[i].reason);
		else
			assert_null(got[0].reason);
		assert_int_equal(got[0].error, 0);
	}
}

static void
test_when_it_was(void **state)
{
	static const struct {
		const char *time;
		int64_t when_s;
	} rows[] = {
		{ "[2026-11-20 09:00:02]", 1795165202 },
		{ "2026-11-20T09:00:02Z", 1795165202 },
		{ "2026-11-20T10:00:02.5+01:00", 1795165202 },
		{ "2026-11-20T04:00:02-0500", 1795165202 },
		{ "2026.11.20 09:00:02", 1795165202 },
		{ "2026/11/20 09:00:02", 1795165202 },
		/* No year, no date, no time. */
		{ "Nov 20 09:00:02", 0 },
		{ "[Nov 20 09:00:02]", 0 },
		{ "09:00:02.123", 0 },
		{ "[2026-13-20 09:00:02]", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s h kamailio[9]: ERROR: tls: "
		    "TLS accept:error:0A000418:x\n", rows[i].time);
		read_text(text);
		assert_int_equal(ngot, 1);
		if (got[0].evidence.when_s != rows[i].when_s)
			fail_msg("%s: %lld", rows[i].time,
			    (long long)got[0].evidence.when_s);
	}
}

static void
test_others(void **state)
{
	read_text(
	    "2026.11.20 09:00:01 LOG3[12]: SSL_accept: /ssl/x.c:9: error:"
	    "0A000102:SSL routines::unsupported protocol\n"
	    "2026.11.20 09:00:01 LOG3[13]: SSL_accept: Peer suddenly "
	    "disconnected\n"
	    "Nov 20 09:00:01 h haproxy[9]: 192.0.2.1:7 "
	    "[20/Nov/2026:09:00:01.1] fe/1: SSL handshake failure "
	    "(error:0A000412:SSL routines::x)\nNov 20 09:00:01 h haproxy[9]: "
	    "192.0.2.1:8 [20/Nov/2026:09:00:01.1] fe/1: Connection closed "
	    "during SSL handshake\n*** Fatal error: A TLS fatal alert has been "
	    "received.\n*** Received alert [46]: Unknown certificate\n"
	    "2026/11/20 09:00:01 [crit] 8#8: *1 SSL_do_handshake() failed "
	    "(SSL: error:0A0000C1:SSL routines::no shared cipher) while SSL "
	    "handshaking, client: 192.0.2.1, server: 0.0.0.0:443\n"
	    "x: error:0909006C:PEM routines:get_name:no start line: TLS file\n"
	    "something new about TLS\n");
	assert_int_equal(ngot, 6);
	/* Its process failed again, so it was told first. */
	is_event(0, PBXLOG_HAPROXY, PBXLOG_ALERT, "192.0.2.1:7", 1);
	is_event(1, PBXLOG_STUNNEL, PBXLOG_ERROR, "", 1);
	assert_int_equal(got[1].evidence.alert[0].description,
	    TLS_ALERT_protocol_version);
	assert_int_equal(got[1].evidence.alert[0].side, TLS_SERVER);
	is_event(2, PBXLOG_STUNNEL, PBXLOG_CLOSED, "", 1);
	is_event(3, PBXLOG_HAPROXY, PBXLOG_CLOSED, "192.0.2.1:8", 1);
	is_event(4, PBXLOG_GNUTLS, PBXLOG_ALERT, "", 2);
	assert_int_equal(got[4].alert, 46);
	is_event(5, PBXLOG_OPENSSL, PBXLOG_ERROR, "192.0.2.1", 1);
	/* Not TLS's part of OpenSSL, and a sentence of nobody we know. */
	assert_int_equal(counts.unknown, 2);
}

static void
test_numbers(void **state)
{
	/* OpenSSL 1.1 with its function codes, 3 without. */
	assert_int_equal(pbxlog_alert(0x14094418), 48);
	assert_int_equal(pbxlog_alert(0x0A000418), 48);
	assert_int_equal(pbxlog_alert(0x0A000458), 112);
	assert_int_equal(pbxlog_alert(0x0A000102), -1);
	assert_int_equal(pbxlog_reason(0x1408A0C1)->number, 193);
	/* ERR_R_INTERNAL_ERROR is no "unsupported ssl version". */
	assert_null(pbxlog_reason(0x0A0C0103));
	/* Other parts of OpenSSL have the same numbers. */
	assert_null(pbxlog_reason(0x03000102));
	assert_int_equal(pbxlog_alert(0x02000418), -1);
	assert_null(pbxlog_reason(1));
	assert_null(pbxlog_reason(0));
}

/* ---- bad input ---- */

static const char sample[] =
    "\r\n[x] ERROR[1] tcptls.c: Problem setting up ssl connection with peer "
    "'192.0.2.1:1': error:00000001:lib(0)\r\n\n"
    "k[2]: tls_err_ret(): TLS accept:error:0A000418:x\n"
    "certain words, no failure: cer\n"
    "k[2]: tls_h_read_f(): src addr: 192.0.2.2:2";

static void
test_any_cut_is_the_same(void **state)
{
	for (size_t step = 1; step < sizeof(sample); step++) {
		read_in(sample, sizeof(sample) - 1, step);
		assert_int_equal(ngot, 2);
		is_event(0, PBXLOG_ASTERISK, PBXLOG_LOST, "192.0.2.1:1", 1);
		is_event(1, PBXLOG_KAMAILIO, PBXLOG_ALERT, "192.0.2.2:2", 2);
		assert_int_equal(counts.lines, 6);
		assert_int_equal(counts.unknown, 1);
		assert_int_equal(counts.bytes, sizeof(sample) - 1);
	}
}

static void
test_too_long_line_is_skipped(void **state)
{
	static const char line[] = "\nTLS accept:error:0A000418:x\n";
	size_t n = PBXLOG_LINE_MAX * 3;
	char *text = malloc(n);
	size_t steps[] = { 1000, PBXLOG_LINE_MAX, n };

	assert_non_null(text);
	memset(text, 'x', n);
	memcpy(text, "TLS accept:error:0A000418:x", 27);
	memcpy(text + n - sizeof(line) + 1, line, sizeof(line) - 1);
	for (size_t i = 0; i < 3; i++) {
		read_in(text, n, steps[i]);
		assert_int_equal(ngot, 1);
		assert_int_equal(got[0].first_line, 2);
		assert_int_equal(counts.too_long, 1);
		assert_int_equal(counts.lines, 2);
	}
	/* Without its end too. */
	read_in(text, n - sizeof(line) + 1, 1000);
	assert_int_equal(ngot, 0);
	assert_int_equal(counts.too_long, 1);
	assert_int_equal(counts.lines, 1);
	free(text);
}

static void
test_binary_is_fine(void **state)
{
	static const char text[] =
	    "\0\xff\xfe ssl \x80\0\n"
	    "\xe9\xff[3] SSL_accept: error:0A0000C1:\0\n";

	read_in(text, sizeof(text) - 1, 7);
	assert_int_equal(ngot, 1);
	is_event(0, PBXLOG_STUNNEL, PBXLOG_ERROR, "", 1);
	assert_int_equal(counts.unknown, 1);
}

/* More processes than there is room for: the oldest is told, none is lost. */
static void
test_open_events_are_bounded(void **state)
{
	char text[16384];
	size_t n = 0;

	for (int i = 0; i < PBXLOG_OPEN_MAX + 20; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "k[%d]: tls_h_read_f(): protocol level error\n", 100 + i);
	read_in(text, n, n);
	assert_int_equal(ngot, PBXLOG_OPEN_MAX + 20);
	assert_string_equal(got[0].key, "100");
}

static size_t
put(char *out, const char *line)
{
	size_t n = strlen(line);

	memcpy(out, line, n);
	return n;
}

/* A worker that fails again long after is not asked for its old line. */
static void
test_far_apart_is_another_event(void **state)
{
	char *text = malloc(200000);
	size_t n;

	assert_non_null(text);
	n = put(text, "k[1]: tls_h_read_f(): protocol level error\n");
	for (int i = 0; i <= PBXLOG_APART; i++)
		n += put(text + n, "nothing\n");
	n += put(text + n, "k[1]: TLS accept:error:0A000418:x\n");
	read_in(text, n, n);
	assert_int_equal(ngot, 2);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asterisk_11_two_lines),
		cmocka_unit_test(test_asterisk_18_three_lines_mingled),
		cmocka_unit_test(test_asterisk_real_error_is_believed),
		cmocka_unit_test(test_pjsip_number_not_wording),
		cmocka_unit_test(test_pjsip_levels_are_one),
		cmocka_unit_test(test_kamailio_five_lines_of_two_workers),
		cmocka_unit_test(test_kamailio_own_settings),
		cmocka_unit_test(test_opensips),
		cmocka_unit_test(test_sofia),
		cmocka_unit_test(test_peer_of_a_line_before),
		cmocka_unit_test(test_sentences_without_a_number),
		cmocka_unit_test(test_when_it_was),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_any_cut_is_the_same),
		cmocka_unit_test(test_too_long_line_is_skipped),
		cmocka_unit_test(test_binary_is_fine),
		cmocka_unit_test(test_open_events_are_bounded),
		cmocka_unit_test(test_far_apart_is_another_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
