/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "device/catalogue.h"
#include "net/resolve.h"
#include "phone/model.h"
#include "sip/uri.h"
#include "tlswire/alert.h"

#define LEAVE_S     5    /* for the answer to the last REGISTER */
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

static const char usage_text[] =
    "usage: siptrust phone [--as PROFILE] [OPTION]... sip:USER@DOMAIN\n"
    "\n"
    "Behave as a phone: boot, fetch the CA file, connect, register, retry.\n"
    "SIGUSR1 reboots it, SIGINT or SIGTERM unregisters and ends it.\n"
    "\n"
    "      --as PROFILE     a profile (cisco-spa50x) or a model (SPA502G);\n"
    "                       default: a softphone that checks everything\n"
    "      --devices DIR    profiles of one's own, over those built in;\n"
    "                       default: $SIPTRUST_DEVICES\n"
    "      --transport udp|tcp|tls   default: the URI's, else udp\n"
    "      --server HOST[:PORT]  where to send; default: the domain\n"
    "      --from ADDRESS   of this host, to send from\n"
    "      --name NAME      what the certificate must be for; default: the\n"
    "                       domain\n"
    "      --user NAME      of the credentials, where it is not the URI's\n"
    "      --password-stdin read the password from standard input, else it\n"
    "                       is taken from $SIPTRUST_PASSWORD\n"
    "      --roots FILE     the roots it holds (PEM), not the profile's\n"
    "      --ca-url URL     its custom CA: fetched at boot and reboot\n"
    "      --no-check       set not to check certificates, as many are\n"
    "      --tls MIN-MAX    other TLS versions than the profile's: 1.0-1.2\n"
    "      --user-agent TEXT  another User-Agent\n"
    "      --expires S      asked for; default 3600\n"
    "      --retry MS       until it tries again; default: the profile's\n"
    "      --syslog ADDR:PORT  send its log there (UDP)\n"
    "      --once           register once, or fail once, and end\n"
    "      --duration S     end after this time\n"
    "      --json           one event a line, for programs\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit: 0 registered, 1 not registered, 2 wrong usage, 3 could not run.\n";

enum {
	OPT_AS = 256, OPT_DEVICES, OPT_TRANSPORT, OPT_SERVER, OPT_NAME,
	OPT_USER, OPT_STDIN, OPT_ROOTS, OPT_CA_URL, OPT_NO_CHECK, OPT_TLS,
	OPT_AGENT, OPT_FROM, OPT_EXPIRES, OPT_RETRY, OPT_SYSLOG, OPT_ONCE,
	OPT_DURATION, OPT_JSON,
};

static const struct option options[] = {
	{ "as", required_argument, NULL, OPT_AS },
	{ "devices", required_argument, NULL, OPT_DEVICES },
	{ "transport", required_argument, NULL, OPT_TRANSPORT },
	{ "server", required_argument, NULL, OPT_SERVER },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "user", required_argument, NULL, OPT_USER },
	{ "password-stdin", no_argument, NULL, OPT_STDIN },
	{ "roots", required_argument, NULL, OPT_ROOTS },
	{ "ca-url", required_argument, NULL, OPT_CA_URL },
	{ "no-check", no_argument, NULL, OPT_NO_CHECK },
	{ "tls", required_argument, NULL, OPT_TLS },
	{ "user-agent", required_argument, NULL, OPT_AGENT },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "expires", required_argument, NULL, OPT_EXPIRES },
	{ "retry", required_argument, NULL, OPT_RETRY },
	{ "syslog", required_argument, NULL, OPT_SYSLOG },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct phone_cmd {
	const char *as, *devices, *transport, *server, *name, *user, *roots,
	    *ca_url, *tls, *agent, *syslog, *from, *uri;
	bool password_stdin, no_check, once, json, colour;
	uint32_t expires_s, retry_ms, duration_s;

	struct phone_settings settings;
	struct x509_set *holds;
	struct loop *loop;
	struct phone *phone;
	struct event *leave_timer;
	bool registered, ending;
};

static int complain(const char *fmt, ...) PRINTF(1, 2);

static int
complain(const char *fmt, ...)
{
	va_list ap;

	fputs("siptrust phone: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CMD_USAGE;
}

/* ---- what it prints ---- */

static void
print_json(const struct phone_event *e)
{
	json_t *o = json_pack("{s:s,s:I}", "event", e->word, "time_ms",
	    (json_int_t)clock_wall_ms());

	for (size_t i = 0; o != NULL && i < e->nfact; i++) {
		const struct phone_fact *f = &e->fact[i];
		json_t *v = f->text != NULL ? json_string(f->text) :
		    json_integer(f->number);

		if (v == NULL) /* a certificate's name that is no UTF-8 */
			v = json_null();
		json_object_set_new(o, f->key, v);
	}
	if (o != NULL)
		json_object_set_new(o, "screen", json_string(e->screen));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

static void
print_screen(const struct phone_cmd *c, const struct phone_event *e)
{
	const char *on = "", *reset = "";
	int64_t s = clock_wall_s() % 86400;

	if (c->colour && (e->bad || e->kind == PHONE_EVENT_REGISTERED)) {
		on = e->bad ? "\033[31m" : "\033[32m";
		reset = "\033[0m";
	}
	printf("%02d:%02d:%02d %s | %s%s%s\n", (int)(s / 3600),
	    (int)(s / 60 % 60), (int)(s % 60), c->settings.model.name, on,
	    e->screen, reset);
}

/* ---- its life ---- */

static void
begin_to_end(struct phone_cmd *c)
{
	const struct timeval wait = { .tv_sec = LEAVE_S };

	if (c->ending)
		return;
	c->ending = true;
	event_add(c->leave_timer, &wait);
	phone_leave(c->phone);
}

static void
on_phone(const struct phone_event *e, void *arg)
{
	struct phone_cmd *c = arg;

	if (c->json)
		print_json(e);
	else
		print_screen(c, e);
	fflush(stdout);
	switch (e->kind) {
	case PHONE_EVENT_REGISTERED:
		c->registered = true;
		break;
	case PHONE_EVENT_TLS_REFUSED:
	case PHONE_EVENT_CONNECTION_FAILED:
	case PHONE_EVENT_CONNECTION_LOST:
	case PHONE_EVENT_REGISTER_FAILED:
	case PHONE_EVENT_BOOTING:
		if (!c->ending)
			c->registered = false;
		break;
	case PHONE_EVENT_OFF:
		loop_stop(c->loop);
		return;
	default:
		return;
	}
	if (c->once && e->kind != PHONE_EVENT_BOOTING)
		event_active(c->leave_timer, 0, 0);
}

/* Twice: first it begins to end, then it has waited long enough. */
static void
on_leave_timer(evutil_socket_t fd, short what, void *arg)
{
	struct phone_cmd *c = arg;

	if (c->ending)
		loop_stop(c->loop);
	else
		begin_to_end(c);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	begin_to_end(arg);
}

static void
on_reboot(evutil_socket_t fd, short what, void *arg)
{
	struct phone_cmd *c = arg;

	if (!c->ending)
		phone_boot(c->phone);
}

#define SIGNALS 3

/* What is restored when the loop lets go of them: an end that comes twice does
 * not kill a phone that is on its way out. */
static void
ignore_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
}

static int
run(struct phone_cmd *c)
{
	struct event_base *base = loop_base(c->loop);
	struct timeval wait = { .tv_sec = (time_t)c->duration_s };
	struct event *signals[SIGNALS] = {
		evsignal_new(base, SIGINT, on_end, c),
		evsignal_new(base, SIGTERM, on_end, c),
		evsignal_new(base, SIGUSR1, on_reboot, c),
	};
	struct event *duration = evtimer_new(base, on_end, c);

	ignore_signals();
	c->leave_timer = evtimer_new(base, on_leave_timer, c);
	for (int i = 0; i < SIGNALS; i++)
		event_add(signals[i], NULL);
	if (c->duration_s > 0)
		event_add(duration, &wait);
	phone_boot(c->phone);
	loop_run(c->loop);
	for (int i = 0; i < SIGNALS; i++)
		event_free(signals[i]);
	event_free(duration);
	event_free(c->leave_timer);
	return c->registered ? CMD_OK : CMD_FINDING;
}

/* ---- settings ---- */

static int
set_transport(struct phone_cmd *c, const struct sip_uri *uri)
{
	struct str word = c->transport != NULL ? str_cstr(c->transport) :
						 STR_NULL;

	if (word.p == NULL)
		IGNORE(sip_uri_param(uri, STR("transport"), &word));
	if (word.p == NULL)
		word = uri->scheme == SIP_SCHEME_SIPS ? STR("tls") :
							STR("udp");
	for (int t = LINK_UDP; t <= LINK_TLS; t++) {
		if (str_ieq(word,
		    link_transport_name((enum link_transport)t))) {
			c->settings.transport = (enum link_transport)t;
			return CMD_OK;
		}
	}
	return complain("transport \"%.*s\": expected udp, tcp or tls",
	    STR_FMT(word));
}

/* The server: as told, else the URI's host and port. */
static int
set_server(struct phone_cmd *c, const struct sip_uri *uri)
{
	struct phone_settings *s = &c->settings;
	uint16_t port = s->transport == LINK_TLS ? 5061 : 5060;
	struct str host = uri->host;
	char words[512];
	struct buf why;

	buf_init_array(&why, words, sizeof(words));
	if (c->server != NULL)
		host = str_cstr(c->server);
	else if (uri->port != 0)
		port = uri->port;
	if (resolve(&s->server, host, port, &why) == 0)
		return CMD_OK;
	complain("%.*s", STR_FMT(buf_as_str(&why)));
	return c->server != NULL ? CMD_USAGE : CMD_FAILED;
}

static int
set_account(struct phone_cmd *c)
{
	struct phone_settings *s = &c->settings;
	struct sip_uri uri;
	int err;

	if (sip_uri_parse(&uri, str_cstr(c->uri)) != 0 ||
	    uri.scheme == SIP_SCHEME_OTHER || uri.user.n == 0)
		return complain("\"%s\": expected sip:USER@DOMAIN", c->uri);
	if (!str_copy(s->user, sizeof(s->user), uri.user) ||
	    !str_copy(s->domain, sizeof(s->domain), uri.host) ||
	    !str_copy(s->name, sizeof(s->name), c->name != NULL ?
	    str_cstr(c->name) : uri.host) ||
	    !str_copy(s->auth_user, sizeof(s->auth_user),
	    c->user != NULL ? str_cstr(c->user) : uri.user))
		return complain("\"%s\": too long", c->uri);
	if (c->ca_url != NULL && !str_copy(s->ca_url, sizeof(s->ca_url),
	    str_cstr(c->ca_url)))
		return complain("--ca-url: longer than %zu bytes",
		    sizeof(s->ca_url) - 1);
	if (c->syslog != NULL && addr_parse(&s->syslog, str_cstr(c->syslog),
	    514) != 0)
		return complain("--syslog %s: expected ADDRESS:PORT",
		    c->syslog);
	if (c->from != NULL && addr_parse(&s->local, str_cstr(c->from), 0) !=
	    0)
		return complain("--from %s: expected an address of this host",
		    c->from);
	s->expires_s = c->expires_s;
	err = set_transport(c, &uri);
	return err == CMD_OK ? set_server(c, &uri) : err;
}

static int
set_password(struct phone_cmd *c)
{
	struct phone_settings *s = &c->settings;
	const char *env = getenv("SIPTRUST_PASSWORD");
	size_t n;

	if (!c->password_stdin) {
		str_copy(s->password, sizeof(s->password), str_cstr(env));
		return CMD_OK;
	}
	if (fgets(s->password, sizeof(s->password), stdin) == NULL)
		return complain("%s", "standard input holds no password");
	n = strcspn(s->password, "\r\n");
	if (s->password[n] == '\0' && !feof(stdin))
		return complain("%s", "the password is too long");
	s->password[n] = '\0';
	return CMD_OK;
}

static bool
read_version(struct str s, uint16_t *out)
{
	static const char word[4][4] = { "1.0", "1.1", "1.2", "1.3" };

	for (unsigned i = 0; i < 4; i++) {
		if (str_eq(s, str_cstr(word[i]))) {
			*out = (uint16_t)(TLS_VERSION_1_0 + i);
			return true;
		}
	}
	return false;
}

static int
set_overrides(struct phone_cmd *c)
{
	struct phone_model *m = &c->settings.model;

	if (c->tls != NULL) {
		struct str max = str_cstr(c->tls), min = str_cut(&max, '-');

		if (!read_version(min, &m->look.min_version) ||
		    !read_version(max.p != NULL ? max : min,
		    &m->look.max_version) ||
		    m->look.max_version < m->look.min_version)
			return complain("--tls %s: expected MIN-MAX out of "
			    "1.0, 1.1, 1.2, 1.3", c->tls);
	}
	if (c->agent != NULL && !str_copy(m->user_agent,
	    sizeof(m->user_agent), str_cstr(c->agent)))
		return complain("--user-agent: longer than %zu bytes",
		    sizeof(m->user_agent) - 1);
	if (c->no_check)
		m->look.checks_chain = m->look.checks_name =
		    m->look.checks_dates = false;
	if (c->retry_ms > 0)
		m->retry_ms = c->retry_ms;
	return CMD_OK;
}

/* The roots of a file, or those of the system that names call for. */
static int
load_roots(struct phone_cmd *c, const char *path, const char *const *names,
    size_t nnames)
{
	char words[512];
	struct buf why, pem;
	int err;

	buf_init_array(&why, words, sizeof(words));
	buf_init(&pem, X509_CAFILE_MAX);
	err = file_read(&pem, path, FILE_PUBLIC, &why);
	if (err == 0 && x509_cafile_pick(c->holds, buf_as_str(&pem), names,
	    nnames) == 0 && names == NULL) {
		buf_printf(&why, "%s: holds no certificate in PEM form", path);
		err = E_PARSE;
	}
	buf_fini(&pem);
	/* A system without the file: it holds none of the public roots. */
	if (err == 0 || (names != NULL && err == -ENOENT))
		return CMD_OK;
	complain("%.*s", STR_FMT(buf_as_str(&why)));
	return CMD_FAILED;
}

/* Those of the profile's roots that this system has, by their names. */
static int
profile_roots(struct phone_cmd *c, const struct device_profile *p)
{
	const char **names = calloc(p->root.n + 1, sizeof(*names));
	char *text;
	int err = CMD_FAILED;
	unsigned n = 0;

	if (names == NULL)
		return complain("%s", "out of memory") + 1;
	for (; n < p->root.n && (text = str_dup(p->root.v[n].value)) != NULL;
	     n++)
		names[n] = text;
	if (n == p->root.n)
		err = n == 0 ? CMD_OK :
		    load_roots(c, SYSTEM_ROOTS, names, n);
	while (n > 0)
		free((void *)(uintptr_t)names[--n]);
	free(names);
	return err;
}

/* ---- the device ---- */

static void
say_assumed(const struct phone_cmd *c, const struct device_profile *p,
    const struct buf *assumed)
{
	if (assumed->n > 0)
		fprintf(stderr, "siptrust phone: not known of %.*s, assumed: "
		    "%.*s\n", STR_FMT(p->name),
		    STR_FMT(buf_as_str(assumed)));
	if (c->roots == NULL)
		fprintf(stderr, "siptrust phone: of its roots as delivered "
		    "%u are known by name, this system has %zu of them\n",
		    p->root.n, x509_set_count(c->holds));
}

static int
play(struct phone_cmd *c, const struct device_catalogue *all)
{
	const struct device_profile *p = device_catalogue_find(all,
	    str_cstr(c->as));
	char words[PHONE_ASSUMED_MAX];
	struct buf assumed;
	int err = CMD_OK;

	if (p == NULL)
		return complain("--as %s: no such profile or model; siptrust "
		    "device list shows them", c->as);
	buf_init_array(&assumed, words, sizeof(words));
	phone_model_of(&c->settings.model, p, str_cstr(c->as), &assumed);
	if (c->roots == NULL)
		err = profile_roots(c, p);
	if (err == CMD_OK && !c->json)
		say_assumed(c, p, &assumed);
	return err;
}

static int
set_model(struct phone_cmd *c)
{
	struct device_catalogue *all = NULL;
	char words[4096];
	struct buf why;
	int err;

	phone_model_init(&c->settings.model);
	if (x509_set_new(&c->holds) != 0)
		return CMD_FAILED;
	if (c->as == NULL && c->roots == NULL)
		return load_roots(c, SYSTEM_ROOTS, NULL, 0);
	if (c->roots != NULL) {
		err = load_roots(c, c->roots, NULL, 0);
		if (err != CMD_OK || c->as == NULL)
			return err;
	}
	buf_init_array(&why, words, sizeof(words));
	if (device_catalogue_load(&all, c->devices, &why) != 0) {
		complain("%.*s", STR_FMT(str_trim(buf_as_str(&why))));
		return CMD_FAILED;
	}
	err = play(c, all);
	device_catalogue_unref(all);
	return err;
}

/* ---- the command line ---- */

static int
number(const char *name, const char *text, uint32_t min, uint32_t max,
    uint32_t *out)
{
	if (str_u32(str_cstr(text), out) && *out >= min && *out <= max)
		return CMD_OK;
	return complain("--%s %s: expected a number from %u to %u", name, text,
	    min, max);
}

static int
set_option(struct phone_cmd *c, int o)
{
	const struct {
		int o;
		const char **to;
	} texts[] = {
		{ OPT_AS, &c->as }, { OPT_DEVICES, &c->devices },
		{ OPT_TRANSPORT, &c->transport }, { OPT_SERVER, &c->server },
		{ OPT_NAME, &c->name }, { OPT_USER, &c->user },
		{ OPT_ROOTS, &c->roots }, { OPT_CA_URL, &c->ca_url },
		{ OPT_TLS, &c->tls }, { OPT_AGENT, &c->agent },
		{ OPT_SYSLOG, &c->syslog }, { OPT_FROM, &c->from },
	};
	const struct {
		int o;
		bool *to;
	} flags[] = {
		{ OPT_STDIN, &c->password_stdin },
		{ OPT_NO_CHECK, &c->no_check }, { OPT_ONCE, &c->once },
		{ OPT_JSON, &c->json },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].o == o) {
			*texts[i].to = optarg;
			return CMD_OK;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (flags[i].o == o) {
			*flags[i].to = true;
			return CMD_OK;
		}
	}
	switch (o) {
	case OPT_EXPIRES:
		return number("expires", optarg, 1, 86400, &c->expires_s);
	case OPT_RETRY:
		return number("retry", optarg, 1, 86400000, &c->retry_ms);
	case OPT_DURATION:
		return number("duration", optarg, 1, 31536000,
		    &c->duration_s);
	default:
		return CMD_USAGE;
	}
}

static int
parse(int argc, char **argv, struct phone_cmd *c, bool *help)
{
	int o, err = CMD_OK;

	while (err == CMD_OK &&
	    (o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		*help = *help || o == 'h';
		if (*help)
			return CMD_OK;
		err = set_option(c, o);
	}
	if (err != CMD_OK)
		return err;
	if (optind + 1 != argc)
		return complain(optind == argc ? "%s expected sip:USER@DOMAIN; "
		    "siptrust phone --help tells more" : "\"%s\" is too much",
		    optind == argc ? "which account?" : argv[optind + 1]);
	c->uri = argv[optind];
	return CMD_OK;
}

static int
begin(struct phone_cmd *c)
{
	char words[1024];
	struct buf why;

	buf_init_array(&why, words, sizeof(words));
	if (loop_new(&c->loop) != 0)
		return CMD_FAILED;
	if (phone_new(&c->phone, c->loop, &c->settings, c->holds, on_phone, c,
	    &why) != 0) {
		complain("%.*s", STR_FMT(buf_as_str(&why)));
		return CMD_FAILED;
	}
	return CMD_OK;
}

int
cmd_phone(int argc, char **argv)
{
	struct phone_cmd c = {
		.expires_s = 3600,
		.devices = getenv("SIPTRUST_DEVICES"),
	};
	bool help = false;
	int err = parse(argc, argv, &c, &help);

	if (help) {
		fputs(usage_text, stdout);
		return CMD_OK;
	}
	c.colour = isatty(STDOUT_FILENO) == 1;
	signal(SIGPIPE, SIG_IGN);
	if (err == CMD_OK && digest_setup() != 0)
		err = CMD_FAILED;
	if (err == CMD_OK)
		err = set_model(&c);
	if (err == CMD_OK)
		err = set_overrides(&c);
	if (err == CMD_OK)
		err = set_account(&c);
	if (err == CMD_OK)
		err = set_password(&c);
	if (err == CMD_OK)
		err = begin(&c);
	if (err == CMD_OK)
		err = run(&c);
	digest_wipe(c.settings.password, sizeof(c.settings.password));
	phone_free(c.phone);
	if (c.loop != NULL) {
		loop_stop(c.loop);
		loop_run(c.loop); /* what was reaped is freed */
		loop_free(c.loop);
	}
	x509_set_free(c.holds);
	return err;
}
