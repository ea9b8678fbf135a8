/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of siptrust phone, and the settings that it makes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/file.h"
#include "ca/anchor.h"
#include "cmd/cmd.h"
#include "cmd/option.h"
#include "cmd/phone_int.h"
#include "cmd/say.h"
#include "device/catalogue.h"
#include "net/resolve.h"
#include "sip/uri.h"
#include "tlswire/alert.h"

static const char about_text[] =
    "usage: siptrust phone [--as PROFILE] [OPTION]... sip:USER@DOMAIN\n"
    "\n"
    "Behave as a phone: boot, fetch the CA file, connect, register, retry,\n"
    "answer calls, place one.  SIGUSR1 reboots it; SIGINT or SIGTERM hangs\n"
    "up, unregisters and ends it.\n";

static const char exit_text[] =
    "Exit: 0 registered (with --call: and the call was answered), 1 not so,\n"
    "2 wrong usage, 3 could not run.\n";

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
	return cmd_complain(CMD_USAGE, "phone", "transport \"%.*s\": expected "
	    "udp, tcp or tls", STR_FMT(word));
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
	cmd_complain(CMD_USAGE, "phone", "%.*s", STR_FMT(buf_as_str(&why)));
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
		return cmd_complain(CMD_USAGE, "phone", "\"%s\": expected "
		    "sip:USER@DOMAIN", c->uri);
	if (!str_copy(s->user, sizeof(s->user), uri.user) ||
	    !str_copy(s->domain, sizeof(s->domain), uri.host) ||
	    !str_copy(s->name, sizeof(s->name), c->name != NULL ?
	    str_cstr(c->name) : uri.host) ||
	    !str_copy(s->auth_user, sizeof(s->auth_user),
	    c->user != NULL ? str_cstr(c->user) : uri.user))
		return cmd_complain(CMD_USAGE, "phone", "\"%s\": too long",
		    c->uri);
	if (c->ca_url != NULL && !str_copy(s->ca_url, sizeof(s->ca_url),
	    str_cstr(c->ca_url)))
		return cmd_complain(CMD_USAGE, "phone", "--ca-url: longer than "
		    "%zu bytes", sizeof(s->ca_url) - 1);
	if (c->syslog != NULL && addr_parse(&s->syslog, str_cstr(c->syslog),
	    514) != 0)
		return cmd_complain(CMD_USAGE, "phone", "--syslog %s: expected "
		    "ADDRESS:PORT", c->syslog);
	if (c->from != NULL && addr_parse(&s->local, str_cstr(c->from), 0) !=
	    0)
		return cmd_complain(CMD_USAGE, "phone", "--from %s: expected "
		    "an address of this host", c->from);
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
		return cmd_complain(CMD_USAGE, "phone", "standard input holds "
		    "no password");
	n = strcspn(s->password, "\r\n");
	if (s->password[n] == '\0' && !feof(stdin))
		return cmd_complain(CMD_USAGE, "phone", "the password is too "
		    "long");
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
			return cmd_complain(CMD_USAGE, "phone", "--tls %s: "
			    "expected MIN-MAX out of 1.0, 1.1, 1.2, 1.3",
			    c->tls);
	}
	if (c->agent != NULL && !str_copy(m->user_agent,
	    sizeof(m->user_agent), str_cstr(c->agent)))
		return cmd_complain(CMD_USAGE, "phone", "--user-agent: longer "
		    "than %zu bytes", sizeof(m->user_agent) - 1);
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

	if (path == NULL) /* the system's, which may have none */
		path = ca_system_roots();
	if (path == NULL && names != NULL)
		return CMD_OK;
	if (path == NULL)
		return cmd_complain(CMD_FAILED, "phone", "no public roots "
		    "here: install ca-certificates, or give --roots FILE");
	buf_init_array(&why, words, sizeof(words));
	buf_init(&pem, X509_CAFILE_MAX);
	err = file_read(&pem, path, FILE_PUBLIC, &why);
	if (err == 0 && x509_cafile_pick(c->holds, buf_as_str(&pem), names,
	    nnames) == 0 && names == NULL) {
		buf_printf(&why, "%s: holds no certificate in PEM form", path);
		err = E_PARSE;
	}
	buf_fini(&pem);
	if (err == 0)
		return CMD_OK;
	cmd_complain(CMD_USAGE, "phone", "%.*s", STR_FMT(buf_as_str(&why)));
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
		return cmd_complain(CMD_FAILED, "phone", "out of memory");
	for (; n < p->root.n && (text = str_dup(p->root.v[n].value)) != NULL;
	     n++)
		names[n] = text;
	if (n == p->root.n)
		err = n == 0 ? CMD_OK :
		    load_roots(c, NULL, names, n);
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
		cmd_complain(0, "phone", "not known of %.*s, assumed: %.*s",
		    STR_FMT(p->name), STR_FMT(buf_as_str(assumed)));
	if (c->roots == NULL)
		cmd_complain(0, "phone", "of its roots as delivered %u are "
		    "known by name, this system has %zu of them", p->root.n,
		    x509_set_count(c->holds));
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
		return cmd_complain(CMD_USAGE, "phone", "--as %s: no such "
		    "profile or model; siptrust device list shows them", c->as);
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
		return load_roots(c, NULL, NULL, 0);
	if (c->roots != NULL) {
		err = load_roots(c, c->roots, NULL, 0);
		if (err != CMD_OK || c->as == NULL)
			return err;
	}
	buf_init_array(&why, words, sizeof(words));
	if (device_catalogue_load(&all, c->devices, &why) != 0)
		return cmd_complain(CMD_FAILED, "phone", "%.*s",
		    STR_FMT(str_trim(buf_as_str(&why))));
	err = play(c, all);
	device_catalogue_unref(all);
	return err;
}

/* ---- its calls ---- */

static int
set_calls(struct phone_cmd *c)
{
	struct phone_settings *s = &c->settings;
	bool short_form = c->call != NULL &&
	    strpbrk(c->call, ":@") == NULL;
	struct sip_uri uri;
	struct buf text;

	s->manner = c->busy ? CALL_BUSY : c->no_answer ? CALL_RINGS :
	    CALL_ANSWERS;
	s->answer_ms = c->answer_ms;
	s->talk_ms = c->talk_ms;
	s->cancel_ms = c->cancel_ms;
	s->hold_ms = c->hold_ms;
	if (c->call == NULL)
		return CMD_OK;
	buf_init_array(&text, s->call, sizeof(s->call) - 1);
	buf_printf(&text, short_form ? "sip:%s@%s" : "%s", c->call, s->domain);
	if (text.failed)
		return cmd_complain(CMD_USAGE, "phone", "--call %s: too long",
		    c->call);
	s->call[text.n] = '\0';
	if (sip_uri_parse(&uri, buf_as_str(&text)) != 0 ||
	    uri.scheme == SIP_SCHEME_OTHER || uri.headers.p != NULL)
		return cmd_complain(CMD_USAGE, "phone", "--call %s: expected "
		    "sip:USER@DOMAIN or USER", c->call);
	return CMD_OK;
}

int
phone_settle(struct phone_cmd *c)
{
	int err = set_model(c);

	if (err == CMD_OK)
		err = set_overrides(c);
	if (err == CMD_OK)
		err = set_account(c);
	if (err == CMD_OK)
		err = set_calls(c);
	return err == CMD_OK ? set_password(c) : err;
}

/* ---- the command line ---- */

/* "2" or "0.5", into milliseconds. */
static int
take_seconds(void *arg, const char *option, const char *text)
{
	struct str part = str_cstr(text), whole = str_cut(&part, '.');
	uint32_t *out_ms = arg, s, ms = 0;

	if (!str_u32(whole, &s) || s > 86400 || part.n > 3 ||
	    (part.p != NULL && !str_u32(part, &ms)))
		return cmd_complain(CMD_USAGE, "phone", "--%s %s: expected "
		    "seconds, as 2 or 0.5", option, text);
	for (size_t n = part.n; part.p != NULL && n < 3; n++)
		ms *= 10;
	*out_ms = s * 1000 + ms;
	return *out_ms > 0 ? CMD_OK :
	    cmd_complain(CMD_USAGE, "phone", "--%s %s: expected more than 0",
	    option, text);
}

int
phone_parse(int argc, char **argv, struct phone_cmd *c)
{
	const struct cmd_option options[] = {
		OPTION_TEXT("as", "PROFILE", &c->as,
		    "a profile (cisco-spa50x) or a model (SPA502G); default: "
		    "a softphone that checks everything"),
		OPTION_DEVICES(&c->devices),
		OPTION_TEXT("transport", "udp|tcp|tls", &c->transport,
		    "default: the URI's, else udp"),
		OPTION_TEXT("server", "HOST[:PORT]", &c->server,
		    "where to send; default: the domain"),
		OPTION_TEXT("from", "ADDRESS", &c->from,
		    "of this host, to send from"),
		OPTION_TEXT("name", "NAME", &c->name,
		    "what the certificate must be for; default: the domain"),
		OPTION_TEXT("user", "NAME", &c->user,
		    "of the credentials, where it is not the URI's"),
		OPTION_FLAG("password-stdin", &c->password_stdin,
		    "read the password from standard input, else it is taken "
		    "from $SIPTRUST_PASSWORD"),
		OPTION_TEXT("roots", "FILE", &c->roots,
		    "the roots it holds (PEM), not the profile's"),
		OPTION_TEXT("ca-url", "URL", &c->ca_url,
		    "its custom CA: fetched at boot and reboot"),
		OPTION_FLAG("no-check", &c->no_check,
		    "set not to check certificates, as many are"),
		OPTION_TEXT("tls", "MIN-MAX", &c->tls,
		    "other TLS versions than the profile's: 1.0-1.2"),
		OPTION_TEXT("user-agent", "TEXT", &c->agent,
		    "another User-Agent"),
		OPTION_NUMBER("expires", "S", &c->expires_s, 1, 86400,
		    "seconds", "asked for; default 3600"),
		OPTION_NUMBER("retry", "MS", &c->retry_ms, 1, 86400000,
		    "milliseconds",
		    "until it tries again; default: the profile's"),
		OPTION_TEXT("syslog", "ADDR:PORT", &c->syslog,
		    "send its log there (UDP)"),
		OPTION_TEXT("call", "URI", &c->call,
		    "once registered, call it; 101: of the same domain"),
		OPTION_NUMBER("answer", "MS", &c->answer_ms, 0, 86400000,
		    "milliseconds",
		    "ring so long, then answer; default 1000"),
		OPTION_FLAG("no-answer", &c->no_answer,
		    "ring until the caller gives up"),
		OPTION_FLAG("busy", &c->busy, "refuse every call: 486"),
		OPTION_CALL("talk", "S", take_seconds, &c->talk_ms,
		    "hang up so long after the answer"),
		OPTION_CALL("cancel-after", "S", take_seconds, &c->cancel_ms,
		    "give up when nobody has answered so long"),
		OPTION_CALL("hold-after", "S", take_seconds, &c->hold_ms,
		    "hold the call so long after the answer, and take it back "
		    "after as long again"),
		OPTION_FLAG("once", &c->once,
		    "register once, or fail once, and end; with --call end "
		    "with the call"),
		OPTION_NUMBER("duration", "S", &c->duration_s, 1, 31536000,
		    "seconds", "end after this time"),
		OPTION_FLAG("json", &c->json,
		    "one event a line, for programs"),
	};
	const struct cmd_usage usage = { "phone", about_text, exit_text,
		options, ARRAY_LEN(options) };
	int code = cmd_options(&usage, argc, argv);

	return code != CMD_OK ? code : cmd_one_operand(&usage,
	    "sip:USER@DOMAIN", argc, argv, &c->uri);
}
