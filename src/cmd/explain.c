/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/hash.h"
#include "cmd/option.h"
#include "cmd/say.h"
#include "diag/explain.h"

#define BLOCK_MAX ((size_t)1 << 20)
#define IDLE_MS   1000 /* of a log that is followed: events end by then */
#define KINDS_MAX 4096 /* failures that are told apart                  */
#define SLOTS     (2 * KINDS_MAX)

static const char about_text[] =
    "usage: siptrust explain [OPTION]... [FILE|-]...\n"
    "\n"
    "What the lines about TLS in a PBX's log mean: Asterisk (chan_sip and\n"
    "chan_pjsip), FreeSWITCH, drachtio, Kamailio, OpenSIPS, stunnel, HAProxy,\n"
    "servers in Go, Java and Erlang, Windows' events, and whatever prints the\n"
    "errors of OpenSSL, GnuTLS, wolfSSL or mbedTLS.  Without FILE, or with -,\n"
    "the standard input.  A failure is told in full the first time that a\n"
    "peer shows it, and counted from then on.\n";

static const char exit_text[] =
    "Exit: 0 nothing found wrong, 1 findings, 2 wrong usage, 3 nothing\n"
    "could be read.\n";

/* Failures alike: of one peer, for the same reason. */
struct kind {
	char peer[PBXLOG_TEXT_MAX];   /* without its port */
	enum trust_cause cause;
	enum pbxlog_told told;
	int alert;
	const struct pbxlog_reason *reason;
	uint64_t count, last_line;
};

struct explain_cmd {
	bool all, json, colour, many;
	const char *file;
	struct kind *kind;            /* KINDS_MAX of them                   */
	size_t nkind;
	uint16_t slot[SLOTS];         /* by peer: its index + 1, 0: none     */
	uint64_t untold;              /* of kinds beyond those               */
	uint64_t cause[TRUST_CAUSES];
	uint64_t events, lines, of_events, harmless, unknown, too_long;
	bool ranks_told;
};

/* ---- kinds ---- */

static void
peer_host(char out[PBXLOG_TEXT_MAX], const struct pbxlog_event *e)
{
	char text[ADDR_STRLEN];

	if (!addr_is_set(&e->evidence.peer))
		str_copy(out, PBXLOG_TEXT_MAX, str_cstr(e->peer));
	else
		str_copy(out, PBXLOG_TEXT_MAX, str_cstr(
		    addr_print_ip(&e->evidence.peer, false, text)));
}

static bool
is_alike(const struct kind *a, const struct kind *b)
{
	return a->cause == b->cause && a->told == b->told &&
	    a->alert == b->alert && a->reason == b->reason &&
	    strcmp(a->peer, b->peer) == 0;
}

/* Its count goes up; NULL: it is a new one and the table is full. */
static struct kind *
count_kind(struct explain_cmd *c, const struct pbxlog_event *e,
    enum trust_cause cause)
{
	struct kind k = { .cause = cause, .told = e->told, .alert = e->alert,
		.reason = e->reason }, *it;
	size_t i;

	peer_host(k.peer, e);
	i = hash_bytes(k.peer, strlen(k.peer)) % SLOTS;
	while (c->slot[i] != 0 && !is_alike(&c->kind[c->slot[i] - 1], &k))
		i = (i + 1) % SLOTS;
	if (c->slot[i] == 0) {
		if (c->nkind == KINDS_MAX)
			return NULL;
		c->kind[c->nkind++] = k;
		c->slot[i] = (uint16_t)c->nkind;
	}
	it = &c->kind[c->slot[i] - 1];
	it->count++;
	it->last_line = e->last_line;
	return it;
}

/* ---- text ---- */

static const char *
bold(const struct explain_cmd *c)
{
	return c->colour ? "\033[1m" : "";
}

static const char *
plain(const struct explain_cmd *c)
{
	return c->colour ? "\033[0m" : "";
}

/* What came from outside, without what a terminal would obey. */
static const char *
safe(char out[PBXLOG_TEXT_MAX], const char *text)
{
	str_copy(out, PBXLOG_TEXT_MAX, str_cstr(text));
	for (char *p = out; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return out;
}

static void
print_ranks(struct explain_cmd *c)
{
	size_t n;
	unsigned total;
	const struct explain_rank *r = explain_ranks(&n, &total);

	printf("  by frequency:  ");
	for (size_t i = 0; i < n; i++)
		printf("%s%s %u", i > 0 ? ", " : "",
		    trust_cause_name(r[i].cause), r[i].count);
	if (!c->ranks_told)
		printf("; of %u public reports whose cause is known: an order "
		    "to look in, no proof", total);
	putchar('\n');
	c->ranks_told = true;
}

static void
print_event(struct explain_cmd *c, const struct pbxlog_event *e,
    const struct explain *x)
{
	const struct trust_verdict *v = &x->verdict;
	char text[PBXLOG_TEXT_MAX];

	printf("%s", bold(c));
	if (c->many)
		printf("%s: ", c->file);
	if (e->first_line == e->last_line)
		printf("line %llu", (unsigned long long)e->first_line);
	else
		printf("lines %llu-%llu", (unsigned long long)e->first_line,
		    (unsigned long long)e->last_line);
	if (e->time[0] != '\0')
		printf(", %s", safe(text, e->time));
	printf(", %s", pbxlog_product_name(e->product));
	if (e->peer[0] != '\0')
		printf(", peer %s", safe(text, e->peer));
	printf("%s\n  what happened: %s\n  how we know:   %s\n", plain(c),
	    x->what, x->how);
	printf("  cause:         %s%s%s, %s", bold(c),
	    trust_cause_name(v->cause), plain(c),
	    trust_confidence_name(v->confidence));
	if (v->next_best != TRUST_CAUSE_NONE)
		printf("; else %s", trust_cause_name(v->next_best));
	printf(" (%s)\n", trust_cause_sentence(v->cause));
	if (x->ranked)
		print_ranks(c);
	printf("  what to do:    %s\n\n", x->next);
}

static void
print_alike(const struct explain_cmd *c)
{
	char text[PBXLOG_TEXT_MAX];

	for (size_t i = 0; i < c->nkind && !c->all; i++) {
		const struct kind *k = &c->kind[i];

		if (k->count < 2)
			continue;
		printf("%llu more of %s: %s, the last at line %llu\n",
		    (unsigned long long)k->count - 1, k->peer[0] != '\0' ?
		    safe(text, k->peer) : "peers not named",
		    trust_cause_name(k->cause),
		    (unsigned long long)k->last_line);
	}
}

static void
print_summary(const struct explain_cmd *c)
{
	print_alike(c);
	if (c->untold > 0)
		printf("not told one by one: %llu, of more than %d kinds\n",
		    (unsigned long long)c->untold, KINDS_MAX);
	printf("%s%llu lines, %llu failed%s", bold(c),
	    (unsigned long long)c->lines, (unsigned long long)c->events,
	    plain(c));
	for (int i = 0; i < TRUST_CAUSES; i++)
		if (c->cause[i] > 0)
			printf(", %s %llu", trust_cause_name(i),
			    (unsigned long long)c->cause[i]);
	printf("\nlines about TLS: %llu of these failures, %llu harmless, "
	    "%llu not known\n", (unsigned long long)c->of_events,
	    (unsigned long long)c->harmless, (unsigned long long)c->unknown);
	if (c->too_long > 0)
		printf("skipped: %llu lines longer than %d bytes\n",
		    (unsigned long long)c->too_long, PBXLOG_LINE_MAX);
}

/* ---- JSON ---- */

static void
set_text(json_t *o, const char *name, const char *text)
{
	char val[PBXLOG_TEXT_MAX];

	if (text[0] != '\0')
		json_object_set_new(o, name, json_string(safe(val, text)));
}

static json_t *
ranks_json(void)
{
	size_t n;
	unsigned total;
	const struct explain_rank *r = explain_ranks(&n, &total);
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_pack("{s:s,s:i,s:i}", "cause",
		    trust_cause_name(r[i].cause), "count", (int)r[i].count,
		    "of", (int)total));
	return all;
}

static void
event_json(const struct explain_cmd *c, const struct pbxlog_event *e,
    const struct explain *x)
{
	const struct trust_verdict *v = &x->verdict;
	json_t *o = json_pack("{s:s,s:s,s:I,s:I,s:i}", "file", c->file,
	    "product", pbxlog_product_name(e->product),
	    "first_line", (json_int_t)e->first_line,
	    "last_line", (json_int_t)e->last_line, "lines", (int)e->lines);

	set_text(o, "time", e->time);
	set_text(o, "peer", e->peer);
	json_object_set_new(o, "outgoing", json_boolean(e->outgoing));
	json_object_set_new(o, "cause",
	    json_string(trust_cause_name(v->cause)));
	json_object_set_new(o, "confidence",
	    json_string(trust_confidence_name(v->confidence)));
	if (v->next_best != TRUST_CAUSE_NONE)
		json_object_set_new(o, "next_best",
		    json_string(trust_cause_name(v->next_best)));
	if (e->alert >= 0)
		json_object_set_new(o, "alert", json_integer(e->alert));
	if (e->error != 0)
		json_object_set_new(o, "openssl_error",
		    json_sprintf("%08X", e->error));
	json_object_set_new(o, "what", json_string(x->what));
	json_object_set_new(o, "how", json_string(x->how));
	json_object_set_new(o, "next", json_string(x->next));
	if (x->ranked)
		json_object_set_new(o, "ranks", ranks_json());
	cmd_print_json_line(o);
}

static void
summary_json(const struct explain_cmd *c)
{
	json_t *causes = json_object();

	for (int i = 0; i < TRUST_CAUSES; i++)
		if (c->cause[i] > 0)
			json_object_set_new(causes, trust_cause_name(i),
			    json_integer((json_int_t)c->cause[i]));
	cmd_print_json_line(json_pack("{s:{s:I,s:I,s:I,s:I,s:I,s:I,s:o}}",
	    "summary",
	    "lines", (json_int_t)c->lines, "events", (json_int_t)c->events,
	    "of_events", (json_int_t)c->of_events,
	    "harmless", (json_int_t)c->harmless,
	    "unknown", (json_int_t)c->unknown,
	    "too_long", (json_int_t)c->too_long, "causes", causes));
}

/* ---- reading ---- */

static void
on_event(const struct pbxlog_event *e, void *arg)
{
	struct explain_cmd *c = arg;
	struct explain x;
	struct kind *k;

	explain_event(&x, e);
	c->cause[x.verdict.cause]++;
	k = count_kind(c, e, x.verdict.cause);
	c->untold += k == NULL && !c->all;
	if (c->json)
		event_json(c, e, &x);
	else if (c->all || (k != NULL && k->count == 1))
		print_event(c, e, &x);
}

/* Nothing comes for a while: what waits is over, and is to be seen. */
static void
wait_for(int fd, struct pbxlog *log)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, IDLE_MS) == 0) {
		pbxlog_flush_events(log);
		fflush(stdout);
	}
}

static int
read_all(int fd, struct pbxlog *log)
{
	char *block = malloc(BLOCK_MAX);
	ssize_t n;

	if (block == NULL)
		return -ENOMEM;
	for (;;) {
		wait_for(fd, log);
		n = read(fd, block, BLOCK_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		pbxlog_feed(log, str_of(block, (size_t)n));
	}
	n = n < 0 ? -errno : 0;
	free(block);
	return (int)n;
}

static void
add_counts(struct explain_cmd *c, const struct pbxlog_counts *n)
{
	c->events += n->events;
	c->lines += n->lines;
	c->of_events += n->of_events;
	c->harmless += n->harmless;
	c->unknown += n->unknown;
	c->too_long += n->too_long;
}

static int
run_file(struct explain_cmd *c, const char *name)
{
	bool is_stdin = strcmp(name, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	struct pbxlog *log = NULL;
	int err = fd < 0 ? -errno : pbxlog_new(&log, on_event, c);

	c->file = is_stdin ? "(standard input)" : name;
	if (err == 0)
		err = read_all(fd, log);
	if (log != NULL) {
		pbxlog_flush(log);
		add_counts(c, pbxlog_counts(log));
	}
	pbxlog_free(log);
	if (fd >= 0 && !is_stdin)
		close(fd);
	if (err == 0)
		return CMD_OK;
	return cmd_complain(CMD_FAILED, "explain", "%s: %s", c->file,
	    err_str(err));
}

static int
run(struct explain_cmd *c, char **file, int n)
{
	char dash[] = "-", *input[] = { dash };
	bool failed = false;

	if (n == 0) {
		file = input;
		n = 1;
	}
	c->many = n > 1;
	c->colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	c->kind = calloc(KINDS_MAX, sizeof(*c->kind));
	if (c->kind == NULL)
		return CMD_FAILED;
	for (int i = 0; i < n; i++)
		failed |= run_file(c, file[i]) != CMD_OK;
	failed &= c->lines == 0;
	if (c->json)
		summary_json(c);
	else if (!failed)
		print_summary(c);
	free(c->kind);
	if (fflush(stdout) != 0 || failed)
		return CMD_FAILED;
	return c->events > 0 ? CMD_FINDING : CMD_OK;
}

int
cmd_explain(int argc, char **argv)
{
	static struct explain_cmd c;
	const struct cmd_option options[] = {
		OPTION_FLAG("all", &c.all, "tell every one in full"),
		OPTION_FLAG("json", &c.json, "a JSON object per line: every "
		    "event, then the summary"),
	};
	int code = cmd_options(&(struct cmd_usage) { "explain", about_text,
	    exit_text, options, ARRAY_LEN(options) }, argc, argv);

	return code == CMD_OK ? run(&c, argv + optind, argc - optind) : code;
}
