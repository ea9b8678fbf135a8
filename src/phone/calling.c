/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The phone's calls in its life: the link carries them, its RTP socket plays
 * silence in them.
 */
#include <stdio.h>

#include "base/clock.h"
#include "phone/phone_int.h"

static void
on_send(struct str message, void *arg)
{
	struct phone *p = arg;

	if (p->link != NULL)
		link_send(p->link, message);
}

static void
play(struct phone *p, const struct call_news *n)
{
	bool sends = n->direction == SDP_SENDRECV ||
	    n->direction == SDP_SENDONLY;

	if (p->media != NULL)
		media_set(p->media, &n->media, n->payload, sends,
		    n->kind == CALL_NEWS_ANSWERED);
}

static void
on_news(const struct call_news *n, void *arg)
{
	struct phone *p = arg;

	switch (n->kind) {
	case CALL_NEWS_ANSWERED:
	case CALL_NEWS_MEDIA:
		play(p, n);
		break;
	case CALL_NEWS_ENDED:
		/* What was refused because of a call is not that call. */
		if (p->media != NULL && !calls_active(&p->calls))
			media_stop(p->media);
		break;
	default:
		break;
	}
	report_call(p, n);
}

static const struct call_ops call_ops = { on_send, on_news };

void
calling_begin(struct phone *p)
{
	const struct phone_settings *s = &p->s;
	struct call_params cp = {
		.aor = str_cstr(p->aor),
		.user = str_cstr(s->user),
		.auth_user = str_cstr(s->auth_user[0] != '\0' ?
		    s->auth_user : s->user),
		.password = str_cstr(s->password),
		.user_agent = str_cstr(s->model.user_agent),
		.md5_only = s->model.md5_only,
		.manner = s->manner,
		.answer_ms = s->answer_ms,
		.talk_ms = s->talk_ms,
		.cancel_ms = s->cancel_ms,
		.hold_ms = s->hold_ms,
	};

	calls_fini(&p->calls);
	calls_init(&p->calls, &cp, &call_ops, p);
}

void
calling_up(struct phone *p, const struct addr *local)
{
	struct call_place at = {
		.transport = link_transport_name(p->s.transport),
		.local = *local,
		.server = p->s.server,
		.media = *local,
	};

	media_close(p->media);
	p->media = NULL;
	/* Without a socket it calls without media, to the discard port. */
	addr_set_port(&at.media, 9);
	if (media_open(&p->media, p->loop, local) == 0)
		media_local(p->media, &at.media);
	snprintf(at.contact, sizeof(at.contact), "%s",
	    p->registration.contact);
	calls_up(&p->calls, &at);
}

void
calling_down(struct phone *p, const char *why)
{
	calls_down(&p->calls, why);
	media_close(p->media);
	p->media = NULL;
}

void
calling_registered(struct phone *p)
{
	if (p->s.call[0] == '\0' || p->called || p->leaving)
		return;
	p->called = true;
	if (calls_place(&p->calls, str_cstr(p->s.call), clock_mono_ms()) != 0)
		p->called = false; /* in a call: with the next refresh */
}
