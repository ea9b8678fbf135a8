/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_PHONE_H
#define PHONE_PHONE_H
/*
 * phone/phone - one simulated phone, for labs, tests and the demo: it boots,
 * fetches its CA file, connects and registers, tries again as its model does,
 * reboots and leaves; it answers calls, and places one.
 *
 * What it reports goes to one function (phone/event.h).  Everything runs on
 * the loop's thread.  All its messages go over the one link to its server,
 * which is its outbound proxy.
 */
#include "phone/call.h"
#include "phone/event.h"
#include "phone/link.h"

#define PHONE_TEXT_MAX 256

/* The device that it plays; made from a profile (phone/model.h) or by hand. */
struct phone_model {
	char name[64];              /* "SPA502G"                         */
	char user_agent[PHONE_TEXT_MAX];      /* SIP                     */
	char http_user_agent[PHONE_TEXT_MAX];
	char mac[13];
	struct tls_look look;
	unsigned ca_forms;          /* mask of enum x509_form; 0: none   */
	int ca_certs_max;           /* 0: any number                     */
	size_t ca_bytes_max;        /* 0: the module's bound             */
	bool ca_replaces;           /* the CA's replace the roots it has */
	bool md5_only;
	uint32_t retry_ms;
};

struct phone_settings {
	struct phone_model model;
	enum link_transport transport;
	struct addr server;         /* where it sends                    */
	struct addr local;          /* where it comes from; may be unset */
	char user[64], domain[PHONE_TEXT_MAX];
	char auth_user[64], password[PHONE_TEXT_MAX];
	char name[PHONE_TEXT_MAX];  /* that the certificate must be for  */
	char ca_url[1024];          /* "": none                          */
	struct addr syslog;         /* not set: none                     */
	uint32_t expires_s;
	enum call_manner manner;    /* to calls that come                */
	uint32_t answer_ms;         /* rings so long, then answers       */
	char call[DIALOG_URI_MAX];  /* once registered; "": nobody       */
	uint32_t talk_ms;           /* hang up after; 0: never           */
	uint32_t cancel_ms;         /* nobody answers: cancel; 0: never  */
	uint32_t hold_ms;           /* hold after, and back; 0: never    */
};

struct phone;

/*
 * roots: what it trusts as delivered; each is referenced.  Settings are
 * copied.  0; -errno, E_* with a sentence in why.
 */
MUSTCHECK int phone_new(struct phone **out, struct loop *loop,
    const struct phone_settings *s, const struct x509_set *roots,
    phone_event_fn *event, void *arg, struct buf *why);
void phone_free(struct phone *p); /* NULL does nothing; wipes the password */

/*
 * Switch it on.  Also on one that runs: then it reboots; its state is lost,
 * but for the CA that it had fetched, which it keeps until another is there.
 */
void phone_boot(struct phone *p);

/* Hang up, unregister, switch off; the event "off" comes when that is done. */
void phone_leave(struct phone *p);

#endif
