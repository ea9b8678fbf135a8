/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TXN_TXN_H
#define TXN_TXN_H
/*
 * txn/txn - SIP transactions: RFC 3261 17 with RFC 6026 (Accepted state,
 * Timers L and M) and RFC 4320 (no provisional but 100, and that only late, to
 * a non-INVITE; no 408 to it).
 *
 * Sans-I/O: messages and a time in, bytes out through the owner's table.  Both
 * kinds are embedded in objects of the owner, who is called back and never
 * freed by us; one struct txns a worker, not thread-safe.  Every transaction
 * ends by itself within the RFC's timers, but for an INVITE in PROCEEDING: a
 * server's one is the owner's to answer, for a client's one he has Timer C.
 *
 * When callbacks come: `send` and `response` inside of the calls below,
 * `failed`, `trying` and `ended` inside of wheel_advance alone (`ended` of
 * txns_end_all too).  Each but `send` is the last thing that is done with the
 * transaction then, so the owner may drop and free it there; `ended` is its
 * last call.  `send` must not drop it.
 *
 * What the transaction user still does: routing, To tags, which response to
 * pass on, ACK for a 2xx (it is no part of any transaction), CANCEL.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/wheel.h"
#include "sip/msg.h"

#define TXN_T1_MS       500
#define TXN_T2_MS       4000
#define TXN_T4_MS       5000
#define TXN_TIMER_B_MS  (64 * TXN_T1_MS)  /* F, H, J, L, M too               */
#define TXN_TIMER_D_MS  (64 * TXN_T1_MS)  /* at least 32 s; 0 when reliable  */
#define TXN_BRANCH_MAX  63

struct txns;

/* A message that is kept: one block, used again where the next one fits. */
struct txn_bytes {
	char *p;
	size_t n, size;
};

/* wheel is borrowed; at most max transactions (of both kinds) at a time.  0 or
 * -ENOMEM. */
MUSTCHECK int txns_new(struct txns **out, struct wheel *wheel, size_t max);
/* None may be running: txns_end_all first. */
void txns_free(struct txns *x);
/* Shutdown: every transaction ends now (`ended` is called for each). */
void txns_end_all(struct txns *x);
size_t txns_count(const struct txns *x);
/*
 * The time all calls below use until it is set again; also before
 * wheel_advance.  Monotonic; the wheel's own.
 */
void txns_set_now(struct txns *x, uint64_t now_ms);

/* ---- server transactions (17.2) ---- */

struct txn_server;

struct txn_server_ops {
	/* Send to where the request came from; false: that is gone. */
	bool (*send)(struct txn_server *t, struct str bytes);
	/*
	 * Not INVITE, nothing sent for 3.5 s: RFC 4320 4.1 wants a 100 now
	 * (txn_server_respond).  NULL: none is sent.
	 */
	void (*trying)(struct txn_server *t);
	/* An INVITE got a final response other than 2xx and no ACK within
	 * Timer H: may be NULL. */
	void (*failed)(struct txn_server *t);
	void (*ended)(struct txn_server *t);
};

enum txn_server_state {
	TXN_SERVER_TRYING,      /* non-INVITE: nothing sent yet              */
	TXN_SERVER_PROCEEDING,
	TXN_SERVER_ACCEPTED,    /* INVITE, 2xx sent (RFC 6026 7.1); Timer L  */
	TXN_SERVER_COMPLETED,
	TXN_SERVER_CONFIRMED,
	TXN_SERVER_TERMINATED,
};

struct txn_server {
	struct hash_node node;
	struct list all;
	struct txns *txns;
	const struct txn_server_ops *ops;
	enum txn_server_state state;
	enum sip_method method;
	bool reliable;
	bool old;                    /* RFC 2543: the branch is no key       */
	int status;                  /* last sent, 0: none                   */
	uint32_t again_ms;           /* Timer G                              */
	uint64_t since_ms;
	struct wheel_timer again;    /* G; while trying: the late 100        */
	struct wheel_timer over;     /* H, I, J, L                           */
	uint64_t key[2];             /* what matches (17.2.3), hashed        */
	uint64_t to_tag;             /* old: hash of the one in our response */
	struct txn_bytes last;       /* last response; none when reliable    */
};

/*
 * A request that txn_server_find does not know begins one.  For an INVITE the
 * owner sends 100 at once (17.2.1).  Another one that is not answered within
 * Timer F of its sender (64 * T1) ends without a word (RFC 4320 4.2).
 * *t need not be initialised.  0, or E_LIMIT (max are running): answer it
 * without state.
 */
MUSTCHECK int txn_server_begin(struct txns *x, struct txn_server *t,
    const struct sip_msg *request, bool reliable,
    const struct txn_server_ops *ops);

/*
 * The transaction a request belongs to: a retransmission, or the ACK for a
 * response that is no 2xx (RFC 3261 17.2.3, with the rules for RFC 2543's
 * branches; Call-ID and the CSeq number count besides, for senders that use a
 * branch twice).  NULL: none; for an ACK: it is end-to-end, for a 2xx.
 */
struct txn_server *txn_server_find(struct txns *x,
    const struct sip_msg *request);

/*
 * The INVITE that this CANCEL means (9.2), in any state (after the final
 * response it changes nothing); NULL: 481.
 */
struct txn_server *txn_server_find_cancelled(struct txns *x,
    const struct sip_msg *cancel);

/* A message that txn_server_find gave this transaction. */
void txn_server_absorb(struct txn_server *t, const struct sip_msg *request);

/*
 * Send a response: kept and sent again where the RFC says so; the bytes are
 * copied.  In ACCEPTED further 2xx are passed on.  False: dropped, since the
 * state forbids it (a second final one, a provisional after it, to others than
 * INVITE a 408, a provisional but 100, a 100 before its time), or it could not
 * be sent: the state has changed all the same (RFC 6026 8.8).
 */
bool txn_server_respond(struct txn_server *t, int status, struct str bytes);

/* The owner wants it gone, without a word to anybody; `ended` is not called.
 * Nothing when it has ended. */
void txn_server_drop(struct txn_server *t);

/* ---- client transactions (17.1) ---- */

struct txn_client;

enum txn_client_failure {
	TXN_CLIENT_TIMEOUT,     /* Timer B or F                              */
	TXN_CLIENT_UNDELIVERED, /* the transport says so                     */
};

struct txn_client_ops {
	/* Send to the next hop; false: it cannot be reached. */
	bool (*send)(struct txn_client *t, struct str bytes);
	/* Each response that is to be passed on: every provisional one, one
	 * final one; of an INVITE every 2xx. */
	void (*response)(struct txn_client *t, const struct sip_msg *m);
	/* No final response will come. */
	void (*failed)(struct txn_client *t, enum txn_client_failure why);
	void (*ended)(struct txn_client *t);
};

enum txn_client_state {
	TXN_CLIENT_CALLING,     /* INVITE; Trying for others                 */
	TXN_CLIENT_PROCEEDING,
	TXN_CLIENT_ACCEPTED,    /* RFC 6026 7.2; Timer M                     */
	TXN_CLIENT_COMPLETED,
	TXN_CLIENT_TERMINATED,
};

struct txn_client {
	struct hash_node node;
	struct list all;
	struct txns *txns;
	const struct txn_client_ops *ops;
	enum txn_client_state state;
	enum sip_method method;
	bool reliable;
	uint32_t again_ms;           /* A, E                                 */
	struct wheel_timer again;
	struct wheel_timer over;     /* B, F, D, K, M                        */
	bool failing;                /* `failed` is still to be called       */
	enum txn_client_failure why;
	size_t nbranch;
	char branch[TXN_BRANCH_MAX + 1];
	struct txn_bytes request;    /* as sent; then the ACK                */
};

/*
 * Send request (with our Via on top; branch is that Via's) and wait.  The bytes
 * are copied where they may be needed again.  When send says false `failed`
 * follows with TXN_CLIENT_UNDELIVERED.  *t need not be initialised.
 * 0, E_LIMIT (too many, or the branch is too long), -ENOMEM: nothing was sent.
 */
MUSTCHECK int txn_client_begin(struct txns *x, struct txn_client *t,
    struct str branch, enum sip_method method, struct str request,
    bool reliable, const struct txn_client_ops *ops);

/* By the branch of the topmost Via and the method of CSeq (17.1.3). */
struct txn_client *txn_client_find(struct txns *x,
    const struct sip_msg *response);

/* A response that txn_client_find gave this one: ACKs what is no 2xx, passes
 * on. */
void txn_client_absorb(struct txn_client *t, const struct sip_msg *response);

/* The transport found out later that the request was not delivered: `failed`
 * follows, unless something was heard since. */
void txn_client_undelivered(struct txn_client *t);

/* The owner does not wait any longer: `failed` follows with
 * TXN_CLIENT_UNDELIVERED, unless a final response was heard. */
void txn_client_give_up(struct txn_client *t);

/*
 * The CANCEL for this INVITE (9.1), ready to be sent as a transaction of its
 * own to the same place: same branch.  From then on the INVITE ends with
 * TXN_CLIENT_TIMEOUT when no final response comes within 64 * T1.  False: it is
 * no INVITE, or the state is not PROCEEDING (then remember it until a
 * provisional comes), or out is full.
 */
bool txn_client_cancel(struct txn_client *t, struct buf *out);

/* As txn_server_drop. */
void txn_client_drop(struct txn_client *t);

#endif
