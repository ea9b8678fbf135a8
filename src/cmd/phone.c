/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "cmd/say.h"
#include "cmd/phone_int.h"

#define LEAVE_S 5 /* for the answers to its last requests */

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
	cmd_print_json_line(o);
}

static void
print_screen(const struct phone_cmd *c, const struct phone_event *e)
{
	const char *on = "", *reset = "";
	int64_t s = clock_wall_s() % 86400;

	if (c->colour && (e->bad || e->kind == PHONE_EVENT_REGISTERED ||
	    e->kind == PHONE_EVENT_CALL_ANSWERED)) {
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
		if (c->call != NULL)
			return; /* it ends with the call */
		break;
	case PHONE_EVENT_CALL_ANSWERED:
		c->answered = true;
		return;
	case PHONE_EVENT_CALL_ENDED:
		if (c->call == NULL)
			return;
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
	return c->registered && (c->call == NULL || c->answered) ? CMD_OK :
	    CMD_FINDING;
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
	    &why) != 0)
		return cmd_complain(CMD_FAILED, "phone", "%.*s",
		    STR_FMT(buf_as_str(&why)));
	return CMD_OK;
}

int
cmd_phone(int argc, char **argv)
{
	struct phone_cmd c = {
		.expires_s = 3600,
		.answer_ms = 1000,
		.devices = getenv("SIPTRUST_DEVICES"),
	};
	int err = phone_parse(argc, argv, &c);

	if (err != CMD_OK)
		return err;
	c.colour = isatty(STDOUT_FILENO) == 1;
	signal(SIGPIPE, SIG_IGN);
	if (digest_setup() != 0)
		err = CMD_FAILED;
	if (err == CMD_OK)
		err = phone_settle(&c);
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
