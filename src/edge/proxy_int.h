/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_PROXY_INT_H
#define EDGE_PROXY_INT_H
/*
 * edge/proxy_int - what proxy.c (requests in), proxy_context.c (one request and
 * what becomes of it) and proxy_branch.c (one of its ways on) share.
 *
 * A context lives until its server transaction and the client transactions of
 * all its branches have ended.  All is on one worker's thread.
 */
#include "edge/proxy.h"
#include "edge/route.h"
#include "edge/uas_int.h"
#include "edge/worker_int.h"
#include "sip/forward.h"
#include "txn/txn.h"

#define PROXY_OUT_BYTES (1024 * 1024 + 65536)

struct context;

/* Who the branch of a Via of ours belongs to. */
struct branch_name {
	uint16_t worker;
	uint64_t id;
	uint64_t loop;   /* sip_loop_hash of the request as it came */
};

#define BRANCH_PREFIX "z9hG4bKst"
#define BRANCH_LEN    (sizeof(BRANCH_PREFIX) - 1 + 4 + 16 + 16)

struct branch {
	struct txn_client client;
	struct hash_node node;       /* by id, while the transaction runs     */
	struct context *context;
	struct flow flow;
	struct wheel_timer timer_c;  /* INVITE (16.6 step 11)                 */
	uint64_t id;
	uint64_t loop;
	uint64_t upstream;           /* as route_target's                     */
	uint16_t q;
	bool by_token;
	bool begun;
	bool runs;                   /* its client transaction                */
	bool final;                  /* answered, failed, or never begun      */
	bool rings;                  /* more than a 100 has come              */
	uint8_t sent;                /* times, up to SENT_SUSPICIOUS          */
	bool cancel;                 /* wanted                                */
	bool cancel_sent;
	char *bytes;                 /* until it is begun                     */
	size_t n;
};

/* RFC 3261 16.2: the response context. */
struct context {
	struct list link;
	struct proxy *proxy;
	struct txn_server server;
	struct flow from;
	uint64_t begun_ms;
	bool server_over;
	bool done;                   /* a final response has been passed on   */
	bool cancelled;              /* by the caller                         */
	bool one_by_one;
	bool beginning;              /* of a group of branches                */
	enum route_reply reply;
	uint64_t upstream;          /* the one that answered last, 0: none */
	char *head;                  /* Via to CSeq of a response, with tag   */
	size_t nhead;
	char *request;               /* ROUTE_REPLY_REGISTER; else NULL       */
	size_t nrequest;
	char *said;                  /* for its log line; NULL: none is due   */

	int last;                    /* status of the last failure            */
	int best;                    /* status of the best failure, 0: none   */
	char *best_bytes;            /* NULL: of our own making               */
	size_t nbest;
	char *challenges;            /* lines of other 401s and 407s          */
	size_t nchallenges;
	int best_auth;               /* how many 401 and 407                  */

	size_t next;                 /* branch to begin                       */
	unsigned open;               /* begun and not final                   */
	size_t nbranch;
	struct branch branch[];
};

struct proxy {
	struct worker *worker;
	struct wheel *wheel;
	struct txns *txns;
	struct event *tick;
	bool ticking;
	bool ended;
	struct list contexts;
	size_t count;
	struct hash_table branches;
	uint64_t serial;
	struct buf out;              /* scratch: a message to be sent         */
	struct route route;          /* scratch                               */
	struct sip_msg other;        /* scratch, beside the worker's: the     */
	struct sip_msg kept;         /* request, and the best response        */
};

/* proxy.c */
uint64_t proxy_now_ms(struct proxy *p);
/* route_view for what comes over from; r is used by its callbacks. */
void proxy_view(struct proxy *p, struct route_view *v,
    const struct uas_request *r);
/* For a branch: unique, and not to be guessed. */
uint64_t proxy_new_id(struct proxy *p);

/* The line of a call: "from=... to=..." for one that begins a dialog; false:
 * this request is none, or nobody reads it. */
#define PROXY_SAID_BYTES 1024
bool proxy_say_call(char out[PROXY_SAID_BYTES], const struct uas_request *r,
    size_t targets);

/* proxy_context.c */

/*
 * A request that route_request gave targets for: it is passed on.  False: there
 * is no room (busy), nothing has been done.
 */
bool context_begin(struct proxy *p, const struct uas_request *r,
    const struct route *route, int max_breadth);
void context_cancel(struct context *c);  /* its caller wants that */
void context_end(struct context *c);     /* shutdown: 503, CANCEL */
void context_free(struct context *c);

/* Of a branch: m is a response to be passed on. */
void context_provisional(struct context *c, const struct sip_msg *m);
void context_success(struct context *c, const struct sip_msg *m);
/* It failed; m NULL: no response, status is what it comes to. */
void context_failure(struct context *c, const struct branch *b, int status,
    const struct sip_msg *m);
void context_free_if_over(struct context *c);

/* proxy_branch.c */
void branch_name_put(struct buf *out, const struct branch_name *n);
bool branch_name_read(struct branch_name *n, struct str branch);
/* The request as it goes to this target. */
struct branch_build {
	const struct sip_msg *m;
	const struct route *route;
	const struct route_target *target;
	const struct flow *from;
	uint64_t id, loop;
	int max_breadth;
};
void branch_build(struct buf *out, struct proxy *p,
    const struct branch_build *b);
/* With the bytes that go out, until then in b->bytes. */
void branch_begin(struct branch *b);
void branch_cancel(struct branch *b);
/* Its server is down: unless it rings it fails now, and the next is tried. */
void branch_give_up(struct branch *b);
void branch_end(struct branch *b);       /* shutdown: CANCEL, sent once */
void branch_fini(struct branch *b);

#endif
