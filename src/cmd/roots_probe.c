/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siptrust roots probe: the command line, which device, and how far it has
 * come; the order itself is roots_probe_order.c's.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/option.h"
#include "cmd/roots_probe_int.h"

#define WINDOW_S   (8 * 3600)
#define WINDOW_MAX (7 * 86400)
#define LOOK_MS    500
#define PICKED_S   5     /* then nobody has taken the order */
#define WHY_BYTES  1024

static const char about_text[] =
    "usage: siptrust roots probe DEVICE [OPTION]...\n"
    "\n"
    "Ask a device which roots it holds.  The edge puts one question to each\n"
    "connection that the device makes by itself, and offers its real chain in\n"
    "between; nothing else is asked, of no other device, and only within the\n"
    "window.  DEVICE is an address, an account with or without domain, or a\n"
    "number (siptrust status).  Given again it shows and goes on.\n";

static const char exit_text[] =
    "Exit: 0 fine, 1 some root cannot be told or the run ended early, 2 wrong\n"
    "usage, 3 it could not be ordered.\n";

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
	interrupted = 1;
}

/* ---- options ---- */

static int
unexpected(const char *what, const char *expected)
{
	return cmd_complain(CMD_USAGE, PROBE_VERB, "%s: expected %s", what,
	    expected);
}

/* "30m", "8h", "2d", "90s". */
static int
take_window(void *arg, const char *option, const char *text)
{
	struct probe_cmd *c = arg;
	static const struct { char unit; int64_t s; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	struct str s = str_cstr(text);
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(units) && s.n > 1; i++) {
		if (s.p[s.n - 1] != units[i].unit ||
		    !str_u32(str_of(s.p, s.n - 1), &n))
			continue;
		c->window_s = n * units[i].s;
		if (n > 0 && c->window_s <= WINDOW_MAX)
			return CMD_OK;
	}
	return unexpected(text, "a time such as 30m, 8h or 2d, 7d at "
	    "most");
}

static int
take_method(void *arg, const char *option, const char *text)
{
	struct probe_cmd *c = arg;
	enum trust_probe_method m;

	if (!trust_probe_method_parse(str_cstr(text), &m))
		return unexpected(text, "spoofed_root, genuine_chain or time");
	c->method = (int)m;
	return CMD_OK;
}

static int
take_root(void *arg, const char *option, const char *name)
{
	struct probe_cmd *c = arg;

	if (c->nroot == PROBE_NAMES_MAX)
		return unexpected("--root", "64 of them at most");
	c->root[c->nroot++] = name;
	return CMD_OK;
}

static int
parse(int argc, char **argv, struct probe_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_CALL("window", "TIME", take_window, c,
		    "how long it may take: 30m, 8h, 2d; default 8h"),
		OPTION_FLAG("all", &c->all,
		    "every public root that is valid today; default: those "
		    "that a certificate can be had under"),
		OPTION_CALL("root", "NAME", take_root, c,
		    "this root alone; may be given again"),
		OPTION_TEXT("candidates", "FILE", &c->candidates,
		    "the roots in this PEM file"),
		OPTION_TEXT("genuine", "FILE", &c->genuine,
		    "public certificates in PEM that these roots have issued, "
		    "for phones that tell by nothing else"),
		OPTION_CALL("method", "NAME", take_method, c,
		    "spoofed_root, genuine_chain or time; default: what is "
		    "known to tell on such a device"),
		OPTION_FLAG("force", &c->force,
		    "although the device is registered now"),
		OPTION_FLAG("anew", &c->anew,
		    "forget what it answered before"),
		OPTION_FLAG("stop", &c->stop, "end the run"),
		OPTION_FLAG("show", &c->show,
		    "only show how far it has come"),
		OPTION_FLAG("dry-run", &c->dry_run,
		    "show the plan and how long it would take"),
		OPTION_FLAG("no-wait", &c->no_wait, "order it and return"),
		OPTION_DATA(&c->data),
		OPTION_JSON(&c->json),
	};
	const struct cmd_usage usage = { PROBE_VERB, about_text, exit_text,
		options, ARRAY_LEN(options) };
	int code = cmd_options(&usage, argc, argv);

	return code != CMD_OK ? code : cmd_one_operand(&usage,
	    "DEVICE: its address, account or number", argc, argv,
	    &c->device);
}

/* ---- which device ---- */

static int
find_device(struct probe_cmd *c)
{
	const struct status *s = &c->of.fleet;
	const struct status_device *d = &s->device[0];
	int err = CMD_OK;

	if (s->n > 1) {
		err = cmd_complain(CMD_FAILED, PROBE_VERB, "%s is %zu devices: "
		    "expected one of these numbers", c->device, s->n);
		for (size_t i = 0; i < s->n; i++)
			fprintf(stderr, "  %lld  %.*s  %.*s\n",
			    (long long)s->device[i].row.id,
			    STR_FMT(s->device[i].row.address),
			    STR_FMT(s->device[i].row.user_agent));
		return err;
	}
	if (d->row.fingerprint == 0)
		return cmd_complain(CMD_FAILED, PROBE_VERB, "device %s has "
		    "never come over TLS: there is no handshake to ask it in",
		    c->device);
	c->dev = d;
	snprintf(c->name, sizeof(c->name), "%.*s",
	    STR_FMT(roots_device_name(d)));
	return CMD_OK;
}

/* ---- progress ---- */

static void
show_progress(const struct probe_standing *n, const struct probe_cmd *c)
{
	const struct trust_probe *p = &n->plan.plan;
	char span[32];

	probe_span(span, trust_probe_seconds(p));
	fprintf(stderr, "\r%u asked, %u left at least, time left %s   ",
	    p->asked, trust_probe_left(p), span);
}

static int
result_of(const struct probe_standing *n)
{
	if (strcmp(n->state, trust_probe_stop_name(TRUST_PROBE_STOP_DONE)) !=
	    0)
		return CMD_FINDING;
	for (unsigned i = 0; i < n->plan.plan.nroots; i++) {
		struct trust_probe_result r;

		trust_probe_result(&n->plan.plan, i, &r);
		if (r.holding == TRUST_CANNOT_TELL)
			return CMD_FINDING;
	}
	return CMD_OK;
}

static int
show(const struct probe_cmd *c, const struct probe_standing *n)
{
	if (c->json)
		IGNORE(probe_show_json(c, &n->row, &n->plan)); /* or not */
	else
		probe_show(c, &n->row, &n->plan);
	return probe_is_running(n, clock_wall_s()) ? CMD_OK : result_of(n);
}

/* Nobody has taken the order: say so, once. */
static void
warn_unpicked(const struct probe_cmd *c, const struct probe_standing *n,
    bool *said)
{
	if (*said || n->row.picked_s != 0 ||
	    clock_wall_s() - n->row.ordered_s < PICKED_S)
		return;
	*said = true;
	cmd_complain(0, PROBE_VERB, "no edge has taken the order yet: is "
	    "siptrust edge running on %s?", c->folder);
}

/* Until it is over or somebody interrupts. */
static int
follow(struct probe_cmd *c, struct probe_store *s)
{
	const struct timespec pause = { 0, LOOK_MS * 1000000L };
	bool terminal = isatty(STDERR_FILENO) == 1, said = false;
	int rc = CMD_OK;

	signal(SIGINT, on_interrupt);
	for (;;) {
		struct probe_standing n;
		int err = probe_standing_read(&n, s, c);
		bool over = err != 0 || !probe_is_running(&n, clock_wall_s()) ||
		    interrupted;

		if (terminal && err == 0)
			show_progress(&n, c);
		if (err == 0)
			warn_unpicked(c, &n, &said);
		if (over && terminal)
			fputc('\n', stderr);
		if (over && err == 0)
			rc = show(c, &n);
		if (over && interrupted)
			cmd_complain(0, PROBE_VERB, "the edge goes on asking; "
			    "the same command shows it, --stop ends it");
		if (err != 0)
			rc = cmd_complain(CMD_FAILED, PROBE_VERB, "%s",
			    probe_store_error(s));
		probe_standing_fini(&n);
		if (over)
			return rc;
		nanosleep(&pause, NULL);
	}
}

/* ---- the verb ---- */

static int
stop(struct probe_cmd *c, struct probe_store *s, struct probe_standing *n)
{
	if (!probe_is_running(n, c->of.now_s))
		return cmd_complain(CMD_FAILED, PROBE_VERB, "nothing is being "
		    "asked of device %s", c->name);
	n->row.state = str_cstr(trust_probe_stop_name(
	    TRUST_PROBE_STOP_ORDERED));
	if (probe_store_set_state(s, &n->row) != 0)
		return cmd_complain(CMD_FAILED, PROBE_VERB, "%s",
		    probe_store_error(s));
	printf("device %s is asked no more; what it has answered is kept\n",
	    c->name);
	return CMD_OK;
}

static int
act(struct probe_cmd *c, struct probe_store *s)
{
	struct probe_standing n;
	int err = probe_standing_read(&n, s, c);
	bool runs = err == 0 && probe_is_running(&n, c->of.now_s);

	if (err != 0 && !c->anew)
		err = cmd_complain(CMD_FAILED, PROBE_VERB, "what was asked "
		    "before cannot be read; --anew forgets it");
	else if (c->stop)
		err = stop(c, s, &n);
	else if (c->show && !n.there)
		err = cmd_complain(CMD_FAILED, PROBE_VERB, "device %s was "
		    "never asked", c->name);
	else if (c->show)
		err = show(c, &n);
	else if (!runs || c->anew || c->dry_run)
		err = probe_order(c, s, &n);
	if (err == CMD_OK && !c->stop && !c->show && !c->dry_run &&
	    !c->no_wait)
		err = follow(c, s);
	probe_standing_fini(&n);
	return err;
}

int
roots_probe(int argc, char **argv)
{
	struct probe_cmd c = { .method = -1, .window_s = WINDOW_S };
	struct probe_store *s = NULL;
	char why[WHY_BYTES] = "", folder[CMD_FOLDER_MAX];
	int err = parse(argc, argv, &c);

	if (err != CMD_OK)
		return err;
	c.folder = cmd_data_folder(folder, c.data);
	err = roots_load(&c.of, PROBE_VERB, c.folder, c.device);
	if (err != CMD_OK)
		return err;
	err = find_device(&c);
	if (err == CMD_OK && probe_store_open(&s, c.folder, false, why,
	    sizeof(why)) != 0)
		err = cmd_complain(CMD_FAILED, PROBE_VERB, "%s", why);
	if (err == CMD_OK)
		err = act(&c, s);
	probe_store_close(s);
	roots_fini(&c.of);
	return err;
}
