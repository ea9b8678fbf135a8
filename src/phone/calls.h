/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_CALLS_H
#define PHONE_CALLS_H
/*
 * phone/calls - the calls of one phone: at most one at a time, and those that
 * have just ended.  Gives each message to the call that it is of, and refuses
 * what is of none: busy, an INVITE for somebody else, BYE for nothing.
 *
 * Sans-I/O, as phone/call.
 */
#include "phone/call.h"

#define CALLS_MAX 6

struct calls {
	struct call_params p;
	struct call_place place;
	const struct call_ops *ops;
	void *arg;
	struct call call[CALLS_MAX];
	char refused[256];       /* Call-ID of the last one refused       */
};

void calls_init(struct calls *s, const struct call_params *p,
    const struct call_ops *ops, void *arg);
void calls_fini(struct calls *s); /* without news */

/* A link is up; contact, a URI, is what the phone has registered. */
void calls_up(struct calls *s, const struct call_place *place);
/* It is lost, and with it every call. */
void calls_down(struct calls *s, const char *why);

/* 0; E_LIMIT: the URI is too long; E_STATE: a call is under way. */
MUSTCHECK int calls_place(struct calls *s, struct str uri, uint64_t now_ms);
void calls_hangup(struct calls *s, uint64_t now_ms);
bool calls_active(const struct calls *s);

/* True: the response was to a request of a call's. */
bool calls_response(struct calls *s, const struct sip_msg *m,
    uint64_t now_ms);
/* True: it is dealt with, an answer is sent where there is one. */
bool calls_request(struct calls *s, const struct sip_msg *m, uint64_t now_ms);

void calls_tick(struct calls *s, uint64_t now_ms);
uint64_t calls_next_ms(const struct calls *s); /* UINT64_MAX: nothing */

#endif
