/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_CTXN_H
#define PHONE_CTXN_H
/*
 * phone/ctxn - the times of a non-INVITE client transaction (RFC 3261 17.1.2):
 * when to send again, when to give up.  Pure: it knows neither message nor
 * socket, and time is given.
 */
#include <stdbool.h>
#include <stdint.h>

#define CTXN_T1_MS 500
#define CTXN_T2_MS 4000

struct ctxn {
	bool running;
	bool reliable;       /* TCP, TLS: nothing is sent again      */
	bool proceeding;     /* a provisional response has come      */
	uint32_t every_ms;   /* Timer E                              */
	uint64_t again_ms;
	uint64_t over_ms;    /* Timer F                              */
};

enum ctxn_due { CTXN_NOTHING, CTXN_AGAIN, CTXN_OVER };

/* The request has just been sent. */
void ctxn_start(struct ctxn *t, bool reliable, uint64_t now_ms);

/* A response of this status to it has come. */
void ctxn_response(struct ctxn *t, int status, uint64_t now_ms);

/* What the time asks for; AGAIN counts as sent. */
enum ctxn_due ctxn_due(struct ctxn *t, uint64_t now_ms);

/* When to ask again; UINT64_MAX: it is not running. */
uint64_t ctxn_next_ms(const struct ctxn *t);

#endif
