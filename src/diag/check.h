/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_CHECK_H
#define DIAG_CHECK_H
/*
 * diag/check - what each phone model would say of a server: it connects as each
 * profile would, and looks at the server as a checker does.
 *
 * A prediction is made of what is published and what was learned; where that
 * does not decide, it is unknown, and says what would decide.  It is about a
 * phone as delivered.  Blocks, for commands; does not print.
 */
#include "device/catalogue.h"
#include "diag/anchor.h"
#include "diag/dial.h"
#include "trust/belief.h"

#define CHECK_SUITES_MAX 96
#define CHECK_NOTES_MAX  32
#define CHECK_TEXT       512

/* What devices of a profile have shown of a root. */
struct check_learned {
	struct str profile, root;      /* its name; label of the root       */
	enum trust_holding holding;
};

struct check_settings {
	const char *name;              /* what phones are set to            */
	struct addr server;
	uint32_t timeout_ms;           /* of one connection                 */
	const struct device_catalogue *profiles;
	const struct device_profile *only; /* NULL: all profiles            */
	const struct device_roots *roots;
	const struct check_learned *learned;
	size_t nlearned;
	int64_t now_s;
};

enum check_says { CHECK_REGISTERS, CHECK_REFUSED, CHECK_UNKNOWN };

struct check_prediction {
	const struct device_profile *profile;
	enum check_says says;
	enum trust_cause cause;        /* of CHECK_REFUSED                  */
	enum trust_confidence confidence; /* not of CHECK_UNKNOWN           */
	uint16_t version, suite;       /* agreed on, 0: none                */
	char reason[CHECK_TEXT];
	char remedy[2 * CHECK_TEXT];   /* UNKNOWN: what would decide; may be
	                                  empty                             */
};

/* TLS 1.0 to 1.3 in that order. */
#define CHECK_VERSIONS 4

struct check_server {
	enum device_answer version[CHECK_VERSIONS];
	struct tls_suite_row {
		uint16_t number;
		char name[48];
	} suite[CHECK_SUITES_MAX];     /* TLS 1.3's first, then as it chose  */
	unsigned nsuites;
	bool more_suites;              /* the probe stopped at its bound    */
	enum device_answer rsa, ecdsa; /* chains that it presents           */
	enum device_answer tickets, session_ids; /* to clients of TLS 1.2   */
	bool asks;                     /* for a client certificate          */
	bool answered, is_sip;         /* OPTIONS                           */
	uint32_t status;               /* of the answer                     */
	char answer[128];              /* its first line                    */
	uint32_t ms;                   /* of a whole handshake              */
};

struct check_note {
	bool fault;                    /* some or all phones refuse it      */
	char text[CHECK_TEXT];
};

struct check_report {
	enum dial_end end;             /* of a client that takes anything;
	                                  not OPEN: nothing else is there   */
	char trouble[CHECK_TEXT];
	struct check_server server;
	struct x509_served chain;      /* as that client gets it            */
	struct anchors anchors;
	struct check_note note[CHECK_NOTES_MAX];
	unsigned nnotes;
	struct check_prediction *prediction;
	size_t npredictions;
};

/* 0; -ENOMEM, E_CRYPTO with a sentence in why.  What the server does wrong is
 * in the report. */
MUSTCHECK int check_run(struct check_report *out,
    const struct check_settings *s, struct buf *why);
void check_report_fini(struct check_report *r);

/* "registers", "refused", "unknown". */
const char *check_says_name(enum check_says s);

#endif
