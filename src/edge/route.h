/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_ROUTE_H
#define EDGE_ROUTE_H
/*
 * edge/route - where a request goes (RFC 3261 16.4 to 16.6 without sending).
 *
 * Two ways lead on and no other (no open relay): a flow that a phone opened, by
 * a token of ours or by its binding; and an upstream.  The answer is a list of
 * targets or a refusal.  Looks into the location service and the upstreams,
 * sends nothing, keeps nothing.
 */
#include "base/conf.h"
#include "edge/flow.h"
#include "sip/msg.h"

#define ROUTE_TARGETS_MAX 16
#define ROUTE_TEXT_MAX    8192

struct location;
struct users;
struct token_key;
struct upstreams;

struct route_target {
	struct flow flow;      /* over which; its worker may be another one   */
	struct str uri;        /* Request-URI there; absent: as it came       */
	struct str route;      /* Route values to put on top (a stored Path)  */
	uint64_t upstream;     /* 0: a phone; else which upstream and server  */
	uint16_t q;            /* phones of the highest q first               */
	bool by_token;         /* when this flow has gone: 430 (RFC 5626 5.3) */
	/* REGISTER to an upstream: as struct sip_forward has them. */
	struct str path;
	bool drop_contacts;
	struct str fields;
};

enum route_reply {
	ROUTE_REPLY_PLAIN,
	ROUTE_REPLY_REGISTER,  /* upstream_registered sees the response first */
};

struct route {
	int status;            /* not 0: answer this and go no further        */
	const char *reason;    /* static, or NULL                             */
	bool retry_after;      /* with Retry-After, spread                    */
	bool challenge;        /* 407 first: the caller has to prove himself  */
	bool us;               /* it is for the edge itself: uas_handle       */
	struct route_target target[ROUTE_TARGETS_MAX];
	size_t ntarget;
	bool one_by_one;       /* the next only when the last is unreachable or
	                          503 (failover); else all at once (fork)     */
	struct str request_uri; /* strict routing (16.4, 16.6 step 6), for all
	                          targets without a uri; absent: as it came   */
	bool drop_last_route;  /* it was there                                */
	struct str last_route; /* Route value to put behind the others        */
	size_t drop_routes;    /* Route values on top that are taken off      */
	uint64_t from_upstream; /* upstreams_at the sender                    */
	bool record;           /* dialog-forming: Record-Route, twice         */
	enum route_reply reply;

	char text[ROUTE_TEXT_MAX]; /* what the slices above point into, where
	                              not into the message                    */
	size_t ntext;
};

/* What is looked at; all borrowed, thread-safe each. */
struct route_view {
	const struct conf *conf;
	struct location *location;
	struct users *users;
	const struct token_key *tokens;
	struct upstreams *upstreams;   /* NULL: registrar of its own          */
	struct worker *worker;         /* on whose thread this is             */
	int64_t now_s;
	/* Is this URI's host us, and its port none or one that we listen on? */
	bool (*is_ours)(const struct route_view *v, const struct sip_uri *u);
	/* The flow of a binding made whole: its worker, or for UDP of an
	 * earlier run a socket of ours that fits.  False: none does. */
	bool (*place)(const struct route_view *v, struct flow *f);
	const void *arg;               /* the callbacks' own                  */
};

/*
 * Fill *out for this request (not CANCEL, not an ACK of a transaction).  Of an
 * ACK nobody is challenged: one that would have to be gets a status.
 */
void route_request(struct route *out, const struct route_view *v,
    const struct flow *from, const struct sip_msg *m);

/* A copy of s in out->text; absent when there is no room. */
struct str route_keep(struct route *out, struct str s);

#endif
