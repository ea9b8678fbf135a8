/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/log.h"
#include "cmd/option.h"
#include "cmd/say.h"
#include "diag/privilege.h"
#include "diag/watch.h"
#include "tlswire/alert.h"

#define WHY_MAX  2048

static const char about_text[] =
    "usage: siptrust watch -r FILE [OPTION]...\n"
    "       siptrust watch -i INTERFACE [OPTION]...\n"
    "\n"
    "Read along with TLS handshakes beside a PBX, changing nothing, and say\n"
    "which client refused what, and what to do: a line each in the form of\n"
    "the edge's, and a summary at the end (Ctrl-C).\n";

static const char exit_text[] =
    "Exit: 0 nothing was refused, 1 something was, 2 wrong usage, 3 nothing\n"
    "could be read.\n";

struct watch_cmd {
	const char *file, *interface, *user;
	uint16_t port[SESSION_PORTS_MAX];
	size_t nports;
	bool json, verbose;
};

static struct source *stopping; /* what Ctrl-C ends */

static void
on_signal(int number)
{
	(void)number;
	source_stop(stopping);
}

/* ---- one handshake ---- */

static const char *
outcome_text(enum session_outcome o)
{
	static const char *const text[] = {
		[SESSION_REFUSED] = "refused",
		[SESSION_ACCEPTED] = "accepted",
		[SESSION_OPEN] = "unknown",
	};

	return text[o];
}

static const char *
time_text(char out[CLOCK_TIME_LEN], int64_t when_s)
{
	return clock_time(out, when_s)[0] != '\0' ? out : "-";
}

static void
print_line(const struct watch_found *f)
{
	bool refused = f->outcome == SESSION_REFUSED;
	char when[CLOCK_TIME_LEN], server[ADDR_STRLEN], peer[ADDR_STRLEN];
	char text[TRUST_LINE_MAX], unseen[LOG_VAL_MAX];
	struct buf b;

	buf_init_array(&b, text, sizeof(text));
	if (refused)
		trust_verdict_line(&b, f->v, f->e, NULL, f->repeat,
		    CLIENTS_WINDOW_S);
	else
		buf_printf(&b, "peer=%s tls=%s ja4=%s",
		    addr_print(&f->e->peer, peer), f->e->version != 0 ?
		    tls_version_name(f->e->version) : "none",
		    f->e->ja4[0] != '\0' ? f->e->ja4 : "-");
	printf("%s %s tls-%s %.*s server=%s", time_text(when, f->e->when_s),
	    refused ? "warn" : "info", outcome_text(f->outcome),
	    STR_FMT(buf_as_str(&b)), addr_print(&f->e->local, server));
	if (f->unseen[0] != '\0')
		printf(" unseen=%s", log_val(unseen, sizeof(unseen),
		    str_cstr(f->unseen)));
	putchar('\n');
}

static json_t *
version_json(uint16_t version)
{
	return version != 0 ? json_string(tls_version_name(version)) :
	    json_null();
}

static json_t *
alerts_json(const struct trust_evidence *e)
{
	json_t *all = json_array();

	for (uint8_t i = 0; i < e->nalert; i++)
		json_array_append_new(all, json_pack("{s:s s:i s:i s:s}", "by",
		    e->alert[i].side == TLS_CLIENT ? "client" : "server",
		    "level", (int)e->alert[i].level, "code",
		    (int)e->alert[i].description, "name",
		    tls_alert_name(e->alert[i].description)));
	return all;
}

static json_t *
faults_json(const struct trust_evidence *e)
{
	json_t *all = json_array();

	for (int f = 0; f < TRUST_FAULTS; f++)
		if ((e->chain_faults & 1u << f) != 0)
			json_array_append_new(all,
			    json_string(trust_fault_name(f)));
	return all;
}

static json_t *
chain_json(const struct trust_evidence *e)
{
	if (e->chain_depth == 0)
		return json_null();
	return json_pack("{s:o s:o s:i s:I s:I s:o}", "leaf",
	    cmd_json(str_cstr(e->chain)), "root", cmd_json(str_cstr(e->root)),
	    "certificates", (int)e->chain_depth, "not_before",
	    (json_int_t)e->chain_not_before_s, "not_after",
	    (json_int_t)e->chain_not_after_s, "faults", faults_json(e));
}

static json_t *
verdict_json(const struct watch_found *f)
{
	char remedy[TRUST_LINE_MAX];
	struct buf r;

	if (f->outcome != SESSION_REFUSED)
		return json_null();
	buf_init_array(&r, remedy, sizeof(remedy) - 1);
	trust_remedy(&r, f->v, f->e, NULL);
	remedy[r.n] = '\0';
	return json_pack("{s:s s:s s:o s:o s:o}", "cause",
	    trust_cause_name(f->v->cause), "confidence",
	    trust_confidence_name(f->v->confidence), "next_best",
	    f->v->next_best != TRUST_CAUSE_NONE ?
	    json_string(trust_cause_name(f->v->next_best)) : json_null(),
	    "evidence", cmd_json(str_cstr(f->v->reason)), "remedy",
	    cmd_json(str_cstr(remedy)));
}

static void
print_json(const struct watch_found *f)
{
	const struct trust_evidence *e = f->e;
	char peer[ADDR_STRLEN], server[ADDR_STRLEN];

	cmd_print_json_line(json_pack("{s:s s:I s:s s:s s:s s:o s:o s:o s:s "
	    "s:s s:o s:o s:o s:o}", "type", "handshake", "at",
	    (json_int_t)e->when_s,
	    "outcome", outcome_text(f->outcome), "client",
	    addr_print(&e->peer, peer), "server",
	    addr_print(&e->local, server), "tls_version",
	    version_json(e->version), "record_version",
	    version_json(e->record_version), "server_name",
	    e->server_name[0] != '\0' ? cmd_json(str_cstr(e->server_name)) :
	    json_null(), "ja3", e->ja3, "ja4", e->ja4, "alerts",
	    alerts_json(e), "chain", chain_json(e), "verdict",
	    verdict_json(f), "unseen", f->unseen[0] != '\0' ?
	    json_string(f->unseen) : json_null()));
}

/* It has accepted another chain since: what that proves of a refusal. */
static void
print_proof(const struct watch_found *f)
{
	char when[CLOCK_TIME_LEN], peer[ADDR_STRLEN], server[ADDR_STRLEN];
	char accepted[LOG_VAL_MAX], refused[LOG_VAL_MAX], reason[512];
	char words[512], remedy[640];
	struct buf b;

	buf_init_array(&b, words, sizeof(words));
	trust_remedy(&b, f->v, f->e, NULL);
	printf("%s info tls-served peer=%s chain=%s refused=%s cause=%s "
	    "confidence=%s remedy=%s evidence=%s server=%s\n",
	    time_text(when, f->accepted->when_s),
	    addr_print(&f->accepted->peer, peer), log_val(accepted,
	    sizeof(accepted), str_cstr(f->accepted->chain)), log_val(refused,
	    sizeof(refused), str_cstr(f->e->chain)),
	    trust_cause_name(f->v->cause),
	    trust_confidence_name(f->v->confidence),
	    log_val(remedy, sizeof(remedy), buf_as_str(&b)),
	    log_val(reason, sizeof(reason), str_cstr(f->v->reason)),
	    addr_print(&f->accepted->local, server));
}

static void
proof_json(const struct watch_found *f)
{
	char peer[ADDR_STRLEN], server[ADDR_STRLEN];

	cmd_print_json_line(json_pack("{s:s s:I s:s s:s s:o s:I s:o s:o}",
	    "type", "proof", "at", (json_int_t)f->accepted->when_s, "client",
	    addr_print(&f->accepted->peer, peer), "server",
	    addr_print(&f->accepted->local, server), "accepted",
	    chain_json(f->accepted), "refused_at", (json_int_t)f->e->when_s,
	    "refused", chain_json(f->e), "verdict", verdict_json(f)));
}

static void
on_found(const struct watch_found *f, void *arg)
{
	const struct watch_cmd *c = arg;

	if (f->outcome != SESSION_REFUSED && !c->verbose)
		return;
	if (f->accepted != NULL && c->json)
		proof_json(f);
	else if (f->accepted != NULL)
		print_proof(f);
	else if (c->json)
		print_json(f);
	else
		print_line(f);
	fflush(stdout); /* somebody watches */
}

/* ---- the summary ---- */

static void
summary_json(const struct watch *w, uint64_t dropped, const char *why)
{
	const struct tcp_counts *t = &w->sessions.tcp.counts;
	json_t *skipped = json_object();

	for (int i = 0; i < SESSION_SKIPS; i++)
		json_object_set_new(skipped, session_skip_text(i),
		    json_integer((json_int_t)w->sessions.skipped[i]));
	cmd_print_json_line(json_pack("{s:s s:I s:I s:I s:I s:I s:I s:I s:I "
	    "s:I s:I s:I s:o s:o}", "type", "summary", "frames",
	    (json_int_t)w->counts.frames, "broken",
	    (json_int_t)w->counts.broken, "dropped", (json_int_t)dropped,
	    "streams", (json_int_t)t->streams, "handshakes",
	    (json_int_t)w->sessions.handshakes, "refused",
	    (json_int_t)w->counts.refused, "accepted",
	    (json_int_t)w->counts.accepted, "unknown",
	    (json_int_t)w->counts.unknown, "gaps", (json_int_t)t->missing,
	    "evicted", (json_int_t)t->evicted, "fragments_dropped",
	    (json_int_t)w->decap.fragments_dropped, "skipped", skipped,
	    "error", why[0] != '\0' ? cmd_json(str_cstr(why)) : json_null()));
}

static void
print_count(const char *what, uint64_t n)
{
	if (n > 0)
		printf("  %llu %s\n", (unsigned long long)n, what);
}

static void
summary_text(const struct watch *w, uint64_t dropped, const char *why)
{
	const struct tcp_counts *t = &w->sessions.tcp.counts;

	printf("%llu packets, %llu TCP streams, %llu TLS handshakes: "
	    "%llu refused, %llu accepted, %llu unknown\n",
	    (unsigned long long)w->counts.frames,
	    (unsigned long long)t->streams,
	    (unsigned long long)w->sessions.handshakes,
	    (unsigned long long)w->counts.refused,
	    (unsigned long long)w->counts.accepted,
	    (unsigned long long)w->counts.unknown);
	for (int i = 0; i < SESSION_SKIPS; i++)
		if (w->sessions.skipped[i] > 0)
			printf("  %llu streams skipped: %s\n",
			    (unsigned long long)w->sessions.skipped[i],
			    session_skip_text(i));
	print_count("packets could not be read (cut off or damaged)",
	    w->counts.broken);
	print_count("packets dropped by the kernel", dropped);
	print_count("directions with packets missing", t->missing);
	print_count("streams let go: too many at once", t->evicted);
	print_count("datagrams with fragments missing",
	    w->decap.fragments_dropped);
	if (why[0] != '\0')
		printf("  the rest was skipped: %s\n", why);
}

/* ---- the command ---- */

static int
wrong(const char *what, const char *value)
{
	return cmd_complain(CMD_USAGE, "watch", "%s%s%s%s", what,
	    value != NULL ? " \"" : "", value != NULL ? value : "",
	    value != NULL ? "\"" : "");
}

static int
take_port(void *arg, const char *option, const char *text)
{
	struct watch_cmd *c = arg;
	uint32_t port;

	if (!str_u32(str_cstr(text), &port) || port < 1 || port > 65535)
		return wrong("--port: expected 1 to 65535, found", text);
	if (c->nports == SESSION_PORTS_MAX - 1)
		return wrong("--port: too many", NULL);
	c->port[c->nports++] = (uint16_t)port;
	return CMD_OK;
}

static int
parse(int argc, char **argv, struct watch_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_TEXT_LETTER('r', NULL, "FILE", &c->file,
		    "a capture (pcap, pcapng), - is standard input"),
		OPTION_TEXT_LETTER('i', NULL, "INTERFACE", &c->interface,
		    "live; needs root, which is given up at once"),
		OPTION_CALL("port", "PORT", take_port, c,
		    "TLS is expected at this port too, as at 5061: what "
		    "comes there in the clear is told as well"),
		OPTION_FLAG_LETTER('v', NULL, &c->verbose,
		    "handshakes that nobody refused, too"),
		OPTION_FLAG("json", &c->json,
		    "print as JSON, an object a line"),
		OPTION_TEXT("user", "USER", &c->user,
		    "whom to become after opening; default: nobody"),
	};
	int code = cmd_options(&(struct cmd_usage) { "watch", about_text,
	    exit_text, options, ARRAY_LEN(options) }, argc, argv);

	if (code == CMD_OK)
		code = cmd_no_more("watch", argc, argv);
	if (code == CMD_OK && (c->file == NULL) == (c->interface == NULL))
		code = wrong("-r FILE or -i INTERFACE is needed, and not both",
		    NULL);
	return code;
}

static int
failed(struct buf *why)
{
	buf_putc(why, '\0');
	return cmd_complain(CMD_FAILED, "watch", "%s", why->p);
}

/* Reads all of it; whether anything could be read. */
static bool
read_all(struct watch *w, struct source *s, struct buf *why)
{
	struct frame f;
	int rc;

	while ((rc = source_next(s, &f, why)) > 0)
		if (rc == 1)
			watch_frame(w, &f);
		else
			watch_idle(w, (uint64_t)clock_wall_ms() * 1000);
	watch_end(w);
	return rc == 0 || w->counts.frames > 0;
}

static void
catch_signals(struct source *s)
{
	struct sigaction act = { .sa_handler = on_signal };

	stopping = s;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static int
run(struct watch_cmd *c, struct source *s, struct buf *why)
{
	struct watch w;
	bool read;

	switch (watch_init(&w, source_link_type(s), on_found, c)) {
	case 0:
		break;
	case E_CONFIG:
		buf_printf(why, "%s: link type %s (%d) is not known here: "
		    "capture on an Ethernet interface, or on \"any\"",
		    c->file != NULL ? c->file : c->interface,
		    source_link_name(s), source_link_type(s));
		return failed(why);
	default:
		buf_puts(why, "out of memory");
		return failed(why);
	}
	w.each = c->json || c->verbose;
	for (size_t i = 0; i < c->nports; i++)
		IGNORE(!watch_add_port(&w, c->port[i])); /* counted before */
	read = read_all(&w, s, why);
	buf_putc(why, '\0');
	if (c->json)
		summary_json(&w, source_dropped(s), why->p);
	else
		summary_text(&w, source_dropped(s), why->p);
	bool refused = w.counts.refused > 0;
	watch_fini(&w);
	return !read ? CMD_FAILED : refused ? CMD_FINDING : CMD_OK;
}

int
cmd_watch(int argc, char **argv)
{
	struct watch_cmd c = { .user = "nobody" };
	struct source *s = NULL;
	char said[WHY_MAX];
	struct buf why;
	int err = parse(argc, argv, &c);

	if (err != CMD_OK)
		return err;
	buf_init_array(&why, said, sizeof(said));
	err = c.file != NULL ? source_open_file(&s, c.file, &why) :
	    source_open_live(&s, c.interface, &why);
	if (err == 0)
		err = privilege_drop(c.user, &why);
	if (err != 0) {
		source_close(s);
		return failed(&why);
	}
	catch_signals(s);
	if (c.interface != NULL && !c.json) {
		printf("watching %s; Ctrl-C ends it\n", c.interface);
		fflush(stdout);
	}
	err = run(&c, s, &why);
	source_close(s);
	return err;
}
