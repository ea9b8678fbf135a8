/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_PHONE_INT_H
#define PHONE_PHONE_INT_H
/* phone/phone_int - the phone's parts, for the files of its life. */
#include "phone/calls.h"
#include "phone/fetch.h"
#include "phone/media.h"
#include "phone/phone.h"
#include "phone/registration.h"
#include "phone/syslog.h"

struct phone {
	struct loop *loop;
	struct phone_settings s;
	char aor[PHONE_TEXT_MAX + 72];       /* "sip:100@example.com" */
	char registrar[PHONE_TEXT_MAX + 8];  /* "sip:example.com"     */
	bool on, leaving, reboot_asked;
	bool called;                         /* the call that is asked for */
	struct fetch *fetch;                 /* NULL: none under way  */
	struct link *link;                   /* NULL: none            */
	struct tls_client *client;
	struct x509_set *roots;              /* as delivered          */
	struct x509_set *custom;             /* fetched               */
	struct registration registration;
	struct calls calls;
	struct media *media;                 /* NULL: no link, or no socket */
	struct syslog syslog;
	struct event *timer;
	uint64_t dial_ms, ping_ms;           /* UINT64_MAX: not due   */
	struct sip_msg msg;
	phone_event_fn *event;
	void *arg;
};

/*
 * report.c: an event with its facts and its line on the screen, to the
 * phone's owner and its syslog.
 */
void report_booting(struct phone *p);
void report_ca_failed(struct phone *p, const char *why);
void report_ca_fetched(struct phone *p, size_t bytes);
void report_connecting(struct phone *p);
void report_connected(struct phone *p);
void report_down(struct phone *p, const struct link_end *end);
void report_news(struct phone *p, const struct registration_news *n);
void report_retry(struct phone *p, uint64_t ms);
void report_call(struct phone *p, const struct call_news *n);
void report_off(struct phone *p);

/* calling.c: the calls in the phone's life. */
void calling_begin(struct phone *p);
void calling_up(struct phone *p, const struct addr *local);
void calling_down(struct phone *p, const char *why);
/* Registered: now it may place the call that is asked for. */
void calling_registered(struct phone *p);

#endif
