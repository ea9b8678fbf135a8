/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ca/lab.h"
#include "demo/stage_int.h"

#define PASSWORD "correct-horse"
#define RETRY_MS "400"

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	interrupted = 1;
}

void
demo_stop(void)
{
	interrupted = 1;
}

bool
stage_interrupted(void)
{
	return interrupted != 0;
}

void
stage_say(struct stage *s, enum demo_say what, const char *text)
{
	s->p->say(what, s->step, text, s->p->arg);
}

const char *
stage_path(struct stage *s, const char *name)
{
	snprintf(s->path, sizeof(s->path), "%s/%s", s->folder, name);
	return s->path;
}

/* ---- the folder ---- */

static int
make_folder(struct stage *s)
{
	const char *tmp = getenv("TMPDIR");

	if (snprintf(s->folder, sizeof(s->folder),
	    "%s/siptrust-demo-XX" "XX" "XX",
	    tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp") >=
	    (int)sizeof(s->folder) || mkdtemp(s->folder) == NULL) {
		int err = errno != 0 ? -errno : E_LIMIT;
		buf_printf(s->why, "no temporary folder in %s: %s",
		    tmp != NULL ? tmp : "/tmp", err_str(err));
		s->folder[0] = '\0';
		return err;
	}
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static int
put(struct stage *s, const char *name, const struct buf *text, bool secret)
{
	return file_write(stage_path(s, name),
	    secret ? FILE_SECRET : FILE_PUBLIC, buf_as_str(text), s->why);
}

/* NAME-root.pem, NAME.pem, NAME.key. */
static int
make_chain(struct stage *s, const char *name, const char *root,
    const char *intermediate, const char *organization)
{
	struct ca_lab_want want = {
		.root = root,
		.intermediate = intermediate,
		.organization = organization,
		.names = { .domain = STAGE_DOMAIN },
		.now_s = clock_wall_s(),
	};
	struct ca_lab lab;
	char file[64];
	int err = ca_lab_make(&lab, &want);

	if (err != 0) {
		buf_puts(s->why, "OpenSSL cannot make certificates");
		return err;
	}
	snprintf(file, sizeof(file), "%s-root.pem", name);
	err = put(s, file, &lab.root, false);
	snprintf(file, sizeof(file), "%s.pem", name);
	if (err == 0)
		err = put(s, file, &lab.chain, false);
	snprintf(file, sizeof(file), "%s.key", name);
	if (err == 0)
		err = put(s, file, &lab.key, true);
	ca_lab_fini(&lab);
	return err;
}

/* ---- the edge ---- */

/* Ports are 0 at the first start: any that is free; then those it got. */
static int
write_config(struct stage *s, enum stage_chain chain)
{
	const char *name = chain == STAGE_PUBLIC ? "letsencrypt" : "bought";
	struct buf text;
	int err;

	buf_init(&text, 4096);
	buf_printf(&text, "domain = \"" STAGE_DOMAIN "\"\n"
	    "data = \"%s/data\"\nroots_file = \"%s/letsencrypt-root.pem\"\n"
	    "sip = {\"127.0.0.1:%u\"}\ntls = {\"127.0.0.1:%u\"}\n"
	    "http = {\"127.0.0.1:%u\"}\nworkers = 1\n", s->folder,
	    s->folder, s->sip, s->tls, s->http);
	if (chain != STAGE_OWN)
		buf_printf(&text, "chain %s {\n"
		    "\tcertificate = \"%s/%s.pem\"\n"
		    "\tkey = \"%s/%s.key\"\n"
		    "\troot = \"%s/%s-root.pem\"\n}\n", name, s->folder,
		    name, s->folder, name, s->folder, name);
	err = put(s, "siptrust.conf", &text, false);
	buf_fini(&text);
	return err;
}

/* "... sip=127.0.0.1:36521 ...": the port behind the key. */
static unsigned
port_of(struct str line, struct str key)
{
	const char *at = memmem(line.p, line.n, key.p, key.n);
	struct str rest = at != NULL ?
	    str_of(at + key.n, (size_t)(str_end(line) - at) - key.n) : STR_NULL;
	struct str value = str_cut(&rest, ' ');
	uint32_t port;

	value = str_from(value, str_find(value, ':') + 1);
	return str_u32(value, &port) ? port : 0;
}

static bool
note_ports(struct str line, void *arg)
{
	struct stage *s = arg;

	if (memmem(line.p, line.n, "edge-ready", 10) != NULL) {
		s->sip = port_of(line, STR(" sip="));
		s->tls = port_of(line, STR(" tls="));
	}
	if (memmem(line.p, line.n, "http-ready", 10) != NULL)
		s->http = port_of(line, STR(" http="));
	return s->sip != 0 && s->tls != 0 && s->http != 0;
}

/* The last of what a child wrote, for a complaint. */
static void
put_tail(struct buf *out, const struct child *c)
{
	struct str all = str_trim(buf_as_str(&c->all));

	if (all.n > 600)
		all = str_from(all, all.n - 600);
	buf_printf(out, ":\n%.*s", STR_FMT(all));
}

static int
start_edge(struct stage *s)
{
	char config[256];
	const char *argv[] = { "edge", "-c", config, NULL };
	int err = write_config(s, STAGE_OWN); /* so that it makes its CA */

	if (err != 0)
		return err;
	str_copy(config, sizeof(config),
	    str_cstr(stage_path(s, "siptrust.conf")));
	err = child_start(&s->edge, argv, NULL, STR_NULL);
	if (err != 0) {
		buf_printf(s->why, "the edge does not start: %s",
		    err_str(err));
		return err;
	}
	if (child_wait(&s->edge, note_ports, s, STAGE_WAIT_MS).p == NULL) {
		buf_puts(s->why, "the edge is not ready");
		put_tail(s->why, &s->edge);
		return E_STATE;
	}
	return 0;
}

static int
add_users(struct stage *s)
{
	char data[256];
	const char *argv[] = { "user", "import", "--data", data, "--domain",
		STAGE_DOMAIN, NULL };
	struct child c = { .fd = -1 };
	int err;

	str_copy(data, sizeof(data), str_cstr(stage_path(s, "data")));
	if (mkdir(data, 0700) != 0) {
		buf_printf(s->why, "%s: %s", data, err_str(-errno));
		return -errno;
	}
	err = child_start(&c, argv, NULL, STR("100 " PASSWORD "\n"
	    "101 " PASSWORD "\n102 " PASSWORD "\n"));
	if (err == 0 && child_end(&c, STAGE_WAIT_MS) != 0) {
		buf_puts(s->why, "no accounts");
		put_tail(s->why, &c);
		err = E_STATE;
	}
	child_stop(&c);
	return err;
}

int
stage_set(struct stage *s)
{
	const struct sigaction stop = { .sa_handler = on_signal };
	int err = make_folder(s);

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (err == 0)
		err = make_chain(s, "letsencrypt", "ISRG Root X1 (demo)",
		    "R11 (demo)", "Let's Encrypt (demo)");
	if (err == 0)
		err = make_chain(s, "bought", "CyberTrust CA (demo)", NULL,
		    NULL);
	if (err == 0)
		err = add_users(s);
	return err == 0 ? start_edge(s) : err;
}

void
stage_strike(struct stage *s)
{
	child_stop(&s->caller);
	child_stop(&s->phone);
	if (s->edge.pid > 0)
		child_signal(&s->edge, SIGTERM);
	IGNORE(child_end(&s->edge, STAGE_WAIT_MS) != 0); /* for its log */
	if (s->folder[0] != '\0' && s->p->keep)
		IGNORE(put(s, "edge.log", &s->edge.all, false) != 0);
	child_stop(&s->edge);
	if (s->folder[0] != '\0' && !s->p->keep)
		nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- waiting ---- */

static bool
has_words(struct str line, void *arg)
{
	const char *const *words = arg;

	for (; *words != NULL; words++) {
		if (memmem(line.p, line.n, *words, strlen(*words)) == NULL)
			return false;
	}
	return true;
}

bool
stage_edge_says(struct stage *s, const char *const *words)
{
	struct str line = child_wait(&s->edge, has_words,
	    (void *)(uintptr_t)words, STAGE_WAIT_MS);
	struct buf text;

	if (line.p != NULL) {
		str_copy(s->edge_line, sizeof(s->edge_line), line);
		return true;
	}
	buf_init_array(&text, s->broken, sizeof(s->broken) - 1);
	buf_puts(&text, "the edge logs no line with");
	for (; *words != NULL; words++)
		buf_printf(&text, " %s", *words);
	s->broken[text.n] = '\0';
	return false;
}

bool
stage_edge_also(struct stage *s, size_t mark, const char *const *words)
{
	size_t now = s->edge.mark;
	bool says;

	s->edge.mark = mark;
	says = stage_edge_says(s, words);
	if (s->edge.mark < now)
		s->edge.mark = now;
	return says;
}

bool
stage_present(struct stage *s, enum stage_chain chain)
{
	static const char *const word[] = { " chain=letsencrypt",
		" chain=bought", " chain=own" };
	const char *words[] = { " reloaded ", word[chain], NULL };

	if (write_config(s, chain) != 0) {
		snprintf(s->broken, sizeof(s->broken), "%.*s",
		    STR_FMT(buf_as_str(s->why)));
		return false;
	}
	child_signal(&s->edge, SIGHUP);
	return stage_edge_says(s, words);
}

/* ---- the phone ---- */

struct hope {
	struct stage *s;
	enum demo_say whose;      /* DEMO_PHONE or DEMO_CALLER */
	const char *event;        /* NULL: any outcome         */
};

static bool
is_outcome(const char *event)
{
	static const char *const outcome[] = { "registered", "tls-refused",
		"connection-failed", "connection-lost", "register-failed" };

	for (size_t i = 0; i < ARRAY_LEN(outcome); i++) {
		if (strcmp(event, outcome[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_event(struct str line, void *arg)
{
	const struct hope *h = arg;
	json_t *o = json_loadb(line.p, line.n, 0, NULL);
	const char *event = json_string_value(json_object_get(o, "event"));
	const char *screen = json_string_value(json_object_get(o, "screen"));
	char text[512];
	bool is = false;

	if (o == NULL) { /* a complaint of the program's */
		str_copy(text, sizeof(text), line);
		stage_say(h->s, h->whose, text);
		str_copy(h->s->event, sizeof(h->s->event), STR("a complaint"));
	}
	if (event != NULL && screen != NULL) {
		stage_say(h->s, h->whose, screen);
		is = h->event != NULL ? strcmp(event, h->event) == 0 :
		    is_outcome(event);
		str_copy(h->s->event, sizeof(h->s->event), str_cstr(event));
	}
	json_decref(o);
	return is;
}

/* The event's facts are as claimed. */
static bool
facts_hold(struct stage *s, const char *const *facts)
{
	json_t *o = json_loads(s->event_line, 0, NULL);
	bool hold = true;

	for (; hold && facts != NULL && facts[0] != NULL; facts += 2) {
		const char *value = json_string_value(
		    json_object_get(o, facts[0]));
		hold = value != NULL && strcmp(value, facts[1]) == 0;
		if (!hold)
			snprintf(s->broken, sizeof(s->broken), "the phone "
			    "reports %s with %s \"%s\", not \"%s\"", s->event,
			    facts[0], value != NULL ? value : "", facts[1]);
	}
	json_decref(o);
	return hold;
}

static bool
wait_event(struct stage *s, struct hope *h, const char *want,
    const char *const *facts)
{
	struct child *of = h->whose == DEMO_CALLER ? &s->caller : &s->phone;
	struct str line = child_wait(of, is_event, h, STAGE_WAIT_MS);

	if (line.p == NULL) {
		snprintf(s->broken, sizeof(s->broken), "the %s never "
		    "reports %s; its last word: %s", of == &s->caller ?
		    "caller" : "phone", want, s->event);
		return false;
	}
	str_copy(s->event_line, sizeof(s->event_line), line);
	if (strcmp(s->event, want) != 0) {
		snprintf(s->broken, sizeof(s->broken), "the phone reports %s, "
		    "not %s", s->event, want);
		return false;
	}
	return facts_hold(s, facts);
}

bool
stage_phone_does(struct stage *s, const char *event, const char *const *facts)
{
	struct hope h = { s, DEMO_PHONE, NULL };

	return wait_event(s, &h, event, facts);
}

bool
stage_phone_reports(struct stage *s, const char *event,
    const char *const *facts)
{
	struct hope h = { s, DEMO_PHONE, event };

	return wait_event(s, &h, event, facts);
}

bool
stage_caller_reports(struct stage *s, const char *event,
    const char *const *facts)
{
	struct hope h = { s, DEMO_CALLER, event };

	return wait_event(s, &h, event, facts);
}

void
stage_phone_off(struct stage *s)
{
	child_stop(&s->caller);
	child_stop(&s->phone);
	s->event[0] = '\0';
}

/* more: further arguments, NULL ends. */
static bool
start(struct stage *s, struct child *c, const struct stage_cast *who,
    const char *transport, const char *const *more)
{
	char server[32], uri[64], roots[256];
	const char *argv[CHILD_ARGS_MAX] = { "phone", "--json", "--as",
		who->as, "--from", who->from, "--retry", RETRY_MS, "--tls",
		"1.0-1.2", "--transport", transport, "--server", server,
		"--roots", roots, uri };
	size_t n = 17;
	int err;

	snprintf(server, sizeof(server), "127.0.0.1:%u",
	    strcmp(transport, "tls") == 0 ? s->tls : s->sip);
	snprintf(uri, sizeof(uri), "sip:%s@" STAGE_DOMAIN, who->user);
	str_copy(roots, sizeof(roots), str_cstr(stage_path(s, who->roots)));
	while (*more != NULL && n + 1 < CHILD_ARGS_MAX)
		argv[n++] = *more++;
	err = child_start(c, argv, "SIPTRUST_PASSWORD=" PASSWORD, STR_NULL);
	if (err != 0)
		snprintf(s->broken, sizeof(s->broken), "the phone does not "
		    "start: %s", err_str(err));
	return err == 0;
}

bool
stage_phone(struct stage *s, const struct stage_cast *who,
    const char *transport, const char *ca)
{
	char url[160];
	const char *more[] = { ca != NULL ? "--ca-url" : NULL, url, NULL };

	stage_phone_off(s);
	if (ca != NULL)
		snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", s->http,
		    ca);
	return start(s, &s->phone, who, transport, more);
}

bool
stage_call(struct stage *s, const struct stage_cast *who,
    const char *transport, const char *uri)
{
	const char *more[] = { "--call", uri, "--talk", "1", "--once", NULL };

	child_stop(&s->caller);
	return start(s, &s->caller, who, transport, more);
}
