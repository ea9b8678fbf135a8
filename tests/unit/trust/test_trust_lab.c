/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trust/verdict against what 28 real TLS stacks did in the lab (alerts.csv of
 * the facts, not part of the project), every row.  Where a row's evidence can
 * tell - no row with the same evidence has another cause - the judge must name
 * a true cause first; and never may it be certain and wrong.  Then the same
 * with each stack's fingerprint taken away, as a stack is that nobody has had
 * in a lab: there it may name several, but not be certain and wrong either.
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

#include "base/hash.h"
#include "trust/verdict.h"

#define WHEN     1795464756
#define DAY      86400
#define ROWS_MAX 8192

/* Without any fingerprint: of the refused rows, the cause first, or second. */
#define FIRST_PERCENT  60
#define EITHER_PERCENT 95

#define F(name) (1u << TRUST_FAULT_##name)
#define C(name) (UINT64_C(1) << TRUST_CAUSE_##name)

/* The row's columns, in the file's order. */
enum column {
	STACK, VERSION, PROTO, CONDITION, ALERT_CODE, ALERT_NAME, CLOSE_KIND,
	MS, DONE, CHECKS_NAME, ALERT_LEVEL, TCP_AFTER, SERVER_ALERT, PASSED,
	APP_BYTES, CONNECTIONS, JA3, JA4, COLUMNS,
};

/*
 * What was wrong: the faults of the chain that its owner knows of, and the
 * causes that are true.  The longest prefix counts.
 */
static const struct condition {
	const char *prefix;
	uint32_t faults;
	int not_after, not_before; /* of the chain, in days from now */
	uint64_t causes;
} conditions[] = {
	{ "1_", 0, 90, -90, 0 },
	{ "1d_", 0, 90, -90, 0 },
	{ "2_", 0, 90, -90, C(UNTRUSTED_ROOT) },
	{ "2r_", 0, 90, -90, C(UNTRUSTED_ROOT) },
	/* Signed by a key that is not the root's: the root held, or not. */
	{ "3", F(BAD_SIGNATURE), 90, -90, C(SERVER_MISCONFIGURED) },
	{ "3s", F(BAD_SIGNATURE) | F(LEAF_IS_CA), 90, -90,
	  C(SERVER_MISCONFIGURED) },
	{ "4", F(BAD_SIGNATURE), 90, -90, C(UNTRUSTED_ROOT) },
	{ "4s", F(BAD_SIGNATURE) | F(LEAF_IS_CA), 90, -90, C(UNTRUSTED_ROOT) },
	{ "5_", 0, -1, -90, C(CERTIFICATE_EXPIRED) },
	{ "6_", 0, 90, 1, C(NOT_YET_VALID) },
	{ "7_", F(NAME), 90, -90, C(NAME_MISMATCH) },
	{ "8_", F(SELF_SIGNED), 90, -90, C(UNTRUSTED_ROOT) },
	{ "9_", F(INCOMPLETE), 90, -90, C(MISSING_INTERMEDIATE) },
	{ "10_", 0, -1, -90, C(CERTIFICATE_EXPIRED) },
	{ "11_", F(PURPOSE), 90, -90, C(SERVER_MISCONFIGURED) },
	{ "12_", F(WEAK_SIGNATURE), 90, -90, C(WEAK_SIGNATURE) },
	{ "13_", F(WEAK_KEY), 90, -90, C(WEAK_KEY) },
	{ "14_", 0, 90, -90, C(KEY_TYPE_UNSUPPORTED) },
	{ "15_", 0, 90, -90, C(PROTOCOL_VERSION) },
	{ "15b_", 0, 90, -90, C(PROTOCOL_VERSION) },
	{ "16_", 0, 90, -90, C(NO_SHARED_CIPHER) },
	{ "17_", 0, 90, -90, C(CLIENT_CERTIFICATE_MISSING) |
	  C(CLIENT_CERTIFICATE_REFUSED) },
	{ "18", F(STAPLE), 90, -90, C(SERVER_MISCONFIGURED) },
	{ "19_", 0, -1, -90, C(CERTIFICATE_EXPIRED) | C(UNTRUSTED_ROOT) },
	{ "20_", F(NAME), 90, -90, C(NAME_MISMATCH) | C(UNTRUSTED_ROOT) },
	{ "21_", F(NAME), -1, -90, C(NAME_MISMATCH) |
	  C(CERTIFICATE_EXPIRED) },
	{ "22_", 0, 90, -90, 0 },
	/* A genuine chain whose key we have not: trusted, untrusted. */
	{ "K1t", F(KEY_MISMATCH) | F(LEAF_IS_CA) | F(NAME), 90, -90,
	  C(SERVER_MISCONFIGURED) | C(NAME_MISMATCH) },
	{ "K1u", F(KEY_MISMATCH) | F(LEAF_IS_CA) | F(NAME), 90, -90,
	  C(UNTRUSTED_ROOT) | C(NAME_MISMATCH) },
	{ "K2t", F(KEY_MISMATCH) | F(LEAF_IS_CA) | F(NAME), 90, -90,
	  C(SERVER_MISCONFIGURED) | C(NAME_MISMATCH) },
	{ "K2u", F(KEY_MISMATCH) | F(LEAF_IS_CA) | F(NAME), 90, -90,
	  C(UNTRUSTED_ROOT) | C(NAME_MISMATCH) },
	{ "K3t", F(KEY_MISMATCH) | F(NAME), 90, -90,
	  C(SERVER_MISCONFIGURED) | C(NAME_MISMATCH) },
	{ "K3u", F(KEY_MISMATCH) | F(NAME), 90, -90,
	  C(UNTRUSTED_ROOT) | C(NAME_MISMATCH) },
	{ "K4t", F(KEY_MISMATCH) | F(NAME), -1, -90, C(SERVER_MISCONFIGURED) |
	  C(NAME_MISMATCH) | C(CERTIFICATE_EXPIRED) },
	{ "K4u", F(KEY_MISMATCH) | F(NAME), -1, -90, C(UNTRUSTED_ROOT) |
	  C(NAME_MISMATCH) | C(CERTIFICATE_EXPIRED) },
};

static struct score {
	unsigned rows, accepted, untold, first, next, wrong;
} scores[ARRAY_LEN(conditions)];

static struct row {
	char text[1024];
	struct str column[COLUMNS];
	const struct condition *condition;
	struct trust_evidence e;
	uint64_t key;      /* of its evidence                          */
	uint64_t causes;   /* true ones                                */
	uint64_t common;   /* true of all rows with the same evidence  */
	bool accepted;
} rows[ROWS_MAX];
static size_t nrows;

static bool
is(const struct row *r, enum column c, const char *value)
{
	return str_eq(r->column[c], str_cstr(value));
}

static bool
begins(const struct row *r, enum column c, const char *value)
{
	return str_starts(r->column[c], str_cstr(value));
}

static const struct condition *
condition_of(struct str name)
{
	const struct condition *best = NULL;

	for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
		if (str_starts(name, str_cstr(conditions[i].prefix)) &&
		    (best == NULL ||
		    strlen(conditions[i].prefix) > strlen(best->prefix)))
			best = &conditions[i];
	return best;
}

static void
put_alert(struct trust_evidence *e, enum tls_side side, struct str code)
{
	uint32_t v;

	if (!str_u32(code, &v))
		return;
	e->alert[e->nalert].side = side;
	e->alert[e->nalert].level = 2;
	e->alert[e->nalert].description = (uint8_t)v;
	e->alert[e->nalert++].in_clear = true;
}

static void
set_stage(struct row *r)
{
	bool early = is(r, SERVER_ALERT, "70") || is(r, SERVER_ALERT, "10") ||
	    (is(r, SERVER_ALERT, "40") && !begins(r, CONDITION, "17_"));

	if (is(r, DONE, "1"))
		r->e.stage = TRUST_STAGE_FINISHED;
	else if (is(r, PASSED, "1"))
		r->e.stage = TRUST_STAGE_KEY_EXCHANGE;
	else
		r->e.stage = early ? TRUST_STAGE_HELLO :
		    TRUST_STAGE_CERTIFICATE;
	if (!early)
		r->e.version = is(r, PROTO, "1.0") ? 0x0301 :
		    is(r, PROTO, "1.3") ? 0x0304 : 0x0303;
}

static void
set_offer(struct row *r)
{
	struct trust_evidence *e = &r->e;

	e->our_min_version = 0x0301;
	e->our_max_version = 0x0304;
	e->our_key = TRUST_KEY_RSA;
	if (begins(r, CONDITION, "15_")) {
		e->our_min_version = 0x0303;
		e->max_version = 0x0302;
	} else if (begins(r, CONDITION, "15b_")) {
		e->our_max_version = 0x0301;
		if (e->version != 0)
			e->version = 0x0301;
	} else if (begins(r, CONDITION, "14_") ||
	    begins(r, CONDITION, "16_")) {
		e->no_shared_cipher = is(r, SERVER_ALERT, "40");
		e->cipher[0] = 0x002f; /* suites for RSA keys alone */
		e->cipher[1] = 0x1301;
		e->sigalg[0] = 0x0401;
		e->nciphers = 2;
		e->nsigalgs = 1;
		if (begins(r, CONDITION, "14_"))
			e->our_key = TRUST_KEY_ECDSA;
	} else if (begins(r, CONDITION, "17_")) {
		e->client_cert_asked = true;
		e->client_cert_empty = !is(r, SERVER_ALERT, "48");
	}
}

/* Its name says how it was made, but not whether the root was held. */
static void
name_chain(struct row *r)
{
	struct str c = r->column[CONDITION];
	char *out = r->e.chain;

	if (begins(r, CONDITION, "3") || begins(r, CONDITION, "4"))
		c = str_from(c, 1);
	for (size_t i = 0; i < c.n; i++)
		if (!(c.p[0] == 'K' && i == 2))
			*out++ = c.p[i];
	if (c.p[0] != 'K' && c.n == r->column[CONDITION].n)
		strcpy(r->e.chain, "lab");
}

/* The evidence that the edge would have had of this row. */
static void
make_evidence(struct row *r)
{
	struct trust_evidence *e = &r->e;
	const struct condition *c = r->condition;
	struct str whole = r->column[MS];
	bool sni = r->column[JA4].n > 4 && r->column[JA4].p[3] == 'd';
	uint32_t v;

	trust_evidence_init(e);
	e->when_s = WHEN;
	e->first = TLS_FIRST_TLS;
	e->hello_seen = true;
	e->max_version = begins(r, JA4, "t13") ? 0x0304 :
	    begins(r, JA4, "t10") ? 0x0301 : 0x0303;
	name_chain(r);
	strcpy(e->root, "Lab Root");
	e->chain_not_before_s = WHEN + (int64_t)c->not_before * DAY;
	e->chain_not_after_s = WHEN + (int64_t)c->not_after * DAY;
	e->chain_faults = c->faults;
	if (sni)
		strcpy(e->server_name, "pbx.example");
	else
		e->chain_faults &= ~F(NAME);
	IGNORE(!str_copy(e->ja4, sizeof(e->ja4), r->column[JA4]));
	set_stage(r);
	set_offer(r);
	if (str_find(r->column[CONDITION], 'k') < r->column[CONDITION].n &&
	    begins(r, CONDITION, "K"))
		e->cipher_suite = 0x002f; /* "..._kRSA" */
	if (str_u32(str_cut(&whole, '.'), &v))
		e->us_since_flight = v * 1000 + 1;
	e->end = is(r, TCP_AFTER, "rst") ? TRUST_END_RST : TRUST_END_FIN;
	if (is(r, CLOSE_KIND, "timeout"))
		e->end = TRUST_END_TIMEOUT;
	if (begins(r, CLOSE_KIND, "alert_record_rejected"))
		put_alert(e, TLS_CLIENT, STR("70")); /* the tap reads it */
	put_alert(e, TLS_CLIENT, r->column[ALERT_CODE]);
	put_alert(e, TLS_SERVER, r->column[SERVER_ALERT]);
	if (str_u32(r->column[APP_BYTES], &v))
		e->app_bytes = v;
}

/* A handshake that the client went through with tells of no refusal. */
static bool
was_accepted(const struct row *r)
{
	static const char *const late[] = { "pjsua", "asterisk-16-pjsip",
		"asterisk-16-chansip", "node-20" };

	if (!is(r, DONE, "1") || is(r, CLOSE_KIND, "alert") ||
	    r->column[SERVER_ALERT].n > 0)
		return false;
	if (r->e.app_bytes > 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(late); i++)
		if (is(r, STACK, late[i]))
			return begins(r, CONDITION, "1_");
	return true;
}

/* What does not tell rows apart: how fast, how odd. */
static uint64_t
key_of(const struct trust_evidence *evidence)
{
	struct trust_evidence e = *evidence;
	struct str rest = str_cstr(e.ja4);
	char text[4096];
	struct buf b;

	str_cut(&rest, '_');
	if (rest.n > 0)
		memmove(e.ja4, rest.p, rest.n + 1);
	e.us_since_flight = e.us_since_flight < 1000000;
	e.app_bytes = e.app_bytes > 0;
	if (e.nalert > 0)
		e.end = TRUST_END_FIN; /* whether our bytes crossed its alert */
	buf_init_array(&b, text, sizeof(text));
	trust_evidence_print(&b, &e);
	assert_false(b.failed);
	return hash_bytes(text, b.n);
}

/* RFC 4180, as far as this file needs it. */
static struct str
next_column(struct str *line)
{
	struct str column;

	if (!str_starts(*line, STR("\"")))
		return str_cut(line, ',');
	*line = str_from(*line, 1);
	column = str_cut(line, '"');
	str_cut(line, ',');
	return column;
}

/*
 * Which of the faults of a chain without its key comes first depends on the
 * client: some look at our signature before they look at the chain.
 */
static void
correct_keyless(struct row *r)
{
	if (r->e.server_name[0] == '\0' || is(r, CHECKS_NAME, "0"))
		r->causes &= ~C(NAME_MISMATCH);
	if (is(r, ALERT_CODE, "51") || is(r, ALERT_CODE, "40") ||
	    is(r, ALERT_CODE, "80") || r->column[SERVER_ALERT].n > 0)
		r->causes |= C(SERVER_MISCONFIGURED);
	/* Our OpenSSL finds no suite for such a certificate. */
	if (is(r, SERVER_ALERT, "40"))
		r->causes |= C(NO_SHARED_CIPHER);
}

static void
read_row(struct row *r)
{
	struct str line = str_trim(str_cstr(r->text));

	for (size_t i = 0; i < COLUMNS; i++)
		r->column[i] = next_column(&line);
	r->condition = condition_of(r->column[CONDITION]);
	if (r->condition == NULL)
		fail_msg("no such condition: %.*s",
		    STR_FMT(r->column[CONDITION]));
	make_evidence(r);
	r->accepted = was_accepted(r);
	r->causes = r->accepted ? 0 : r->condition->causes;
	/* OpenSSL 3 chokes at TLS 1.0 whatever the chain is. */
	if (is(r, PROTO, "1.0") && is(r, ALERT_CODE, "80"))
		r->causes = C(PROTOCOL_VERSION);
	if (begins(r, CONDITION, "K") && !r->accepted)
		correct_keyless(r);
	r->key = key_of(&r->e);
}

static void
find_common(void)
{
	for (size_t i = 0; i < nrows; i++) {
		rows[i].common = rows[i].causes;
		for (size_t j = 0; j < nrows; j++)
			if (rows[j].key == rows[i].key)
				rows[i].common &= rows[j].causes;
	}
}

static struct stack_score {
	struct str stack;
	unsigned rows, first, next, neither;
} stacks[64];
static size_t nstacks;

static struct stack_score *
stack_score_of(struct str stack)
{
	size_t i = 0;

	while (i < nstacks && !str_eq(stacks[i].stack, stack))
		i++;
	assert_true(i < ARRAY_LEN(stacks));
	if (i == nstacks)
		stacks[nstacks++].stack = stack;
	return &stacks[i];
}

static void
must_not_be_certain_of_wrong(const struct row *r, const struct trust_verdict *v)
{
	if (v->confidence == TRUST_CERTAIN && v->cause != TRUST_CAUSE_NONE &&
	    (UINT64_C(1) << v->cause & r->causes) == 0)
		fail_msg("%.*s %.*s %.*s: certain of %s",
		    STR_FMT(r->column[STACK]), STR_FMT(r->column[PROTO]),
		    STR_FMT(r->column[CONDITION]), trust_cause_name(v->cause));
}

/* The row of a stack that nobody knows. */
static void
judge_row_unknown(const struct row *r)
{
	struct stack_score *s = stack_score_of(r->column[STACK]);
	struct trust_evidence e = r->e;
	struct trust_verdict v;

	if (r->accepted)
		return;
	e.ja4[0] = '\0';
	trust_judge(&v, &e, NULL);
	must_not_be_certain_of_wrong(r, &v);
	s->rows++;
	if ((UINT64_C(1) << v.cause & r->causes) != 0)
		s->first++;
	else if ((UINT64_C(1) << v.next_best & r->causes) != 0)
		s->next++;
	else
		s->neither++;
}

static void
judge_row(const struct row *r)
{
	struct score *s = &scores[r->condition - conditions];
	struct trust_verdict v;
	uint64_t said, next;

	trust_judge(&v, &r->e, NULL);
	said = UINT64_C(1) << v.cause;
	next = UINT64_C(1) << v.next_best;
	must_not_be_certain_of_wrong(r, &v);
	s->rows++;
	if (r->accepted)
		s->accepted++;
	else if (r->common == 0)
		s->untold++;
	else if ((said & r->common) != 0)
		s->first++;
	else {
		if ((next & r->common) != 0)
			s->next++;
		else
			s->wrong++;
		print_error("%.*s %.*s %.*s: %s (%s)\n",
		    STR_FMT(r->column[STACK]), STR_FMT(r->column[PROTO]),
		    STR_FMT(r->column[CONDITION]), trust_cause_name(v.cause),
		    v.reason);
	}
}

static FILE *
open_lab(void)
{
	const char *env = getenv("SIPTRUST_CORPUS");
	char path[1024];

	snprintf(path, sizeof(path), "%s/../facts/alerts.csv",
	    env != NULL ? env : SOURCE_ROOT "/../shared/corpus");
	return fopen(path, "r");
}

static void
print_scores(void)
{
	struct score all = { 0 };

	print_message("condition  rows accepted untold first next wrong\n");
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		const struct score *s = &scores[i];

		print_message("%-9s %5u %8u %6u %5u %4u %5u\n",
		    conditions[i].prefix, s->rows, s->accepted, s->untold,
		    s->first, s->next, s->wrong);
		all.rows += s->rows;
		all.accepted += s->accepted;
		all.untold += s->untold;
		all.first += s->first;
		all.next += s->next;
		all.wrong += s->wrong;
	}
	print_message("%-9s %5u %8u %6u %5u %4u %5u\n", "all", all.rows,
	    all.accepted, all.untold, all.first, all.next, all.wrong);
	assert_int_equal(all.next + all.wrong, 0);
}

static void
print_stacks(void)
{
	struct stack_score all = { 0 };

	print_message("fingerprint unknown     rows first second neither\n");
	for (size_t i = 0; i < nstacks; i++) {
		const struct stack_score *s = &stacks[i];

		print_message("%-22.*s %5u %5u %6u %7u\n", STR_FMT(s->stack),
		    s->rows, s->first, s->next, s->neither);
		all.rows += s->rows;
		all.first += s->first;
		all.next += s->next;
		all.neither += s->neither;
	}
	print_message("%-22s %5u %5u %6u %7u\n", "all", all.rows, all.first,
	    all.next, all.neither);
	/* Of the refusals that it cannot tell it names two that are likely. */
	assert_true(all.first * 100 > all.rows * FIRST_PERCENT);
	assert_true((all.first + all.next) * 100 > all.rows * EITHER_PERCENT);
}

/* The lab's rows, read once; skips the test where they are not. */
static void
read_lab(void)
{
	FILE *f;

	if (nrows > 0)
		return;
	f = open_lab();
	if (f == NULL) {
		print_message("skipped: no corpus\n");
		skip();
	}
	assert_non_null(fgets(rows[0].text, sizeof(rows[0].text), f));
	while (nrows < ROWS_MAX &&
	    fgets(rows[nrows].text, sizeof(rows[nrows].text), f) != NULL)
		read_row(&rows[nrows++]);
	fclose(f);
	assert_true(nrows > 5000);
	find_common();
}

static void
the_true_cause_is_named_first(void **state)
{
	read_lab();
	for (size_t i = 0; i < nrows; i++)
		judge_row(&rows[i]);
	print_scores();
}

static void
an_unknown_stack_is_never_certain_and_wrong(void **state)
{
	read_lab();
	for (size_t i = 0; i < nrows; i++)
		judge_row_unknown(&rows[i]);
	print_stacks();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_true_cause_is_named_first),
		cmocka_unit_test(an_unknown_stack_is_never_certain_and_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
