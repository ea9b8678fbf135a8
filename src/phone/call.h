/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_CALL_H
#define PHONE_CALL_H
/*
 * phone/call - one call, as its caller or its callee: INVITE, CANCEL, ACK,
 * BYE, re-INVITE, with the transactions below them (RFC 3261 9, 13 to 15, 17;
 * 2xx as RFC 6026 has it).
 *
 * Sans-I/O: messages and times go in, messages and news come out through
 * struct call_ops.  phone/calls finds the call that a message belongs to.
 */
#include "phone/challenge.h"
#include "phone/dialog.h"
#include "phone/resend.h"
#include "phone/sdp.h"

#define CALL_MESSAGE_MAX 65535
#define CALL_LINGER_MS   32000 /* Timers D, J, M: 64 * T1 */

/* Every request and response of ours names what we understand. */
#define CALL_ALLOW "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY\r\n"

enum call_state {
	CALL_FREE,
	CALL_CALLING,    /* caller: INVITE sent                            */
	CALL_RINGING,    /* caller: 18x has come; callee: 180 sent         */
	CALL_ANSWERED,   /* callee: 200 sent, no ACK yet                   */
	CALL_TALKING,
	CALL_CANCELLED,  /* caller: CANCEL sent or due, no final answer yet */
	CALL_ENDING,     /* BYE sent                                       */
	CALL_OVER,       /* answers what is sent once more                 */
};

enum call_news_kind {
	CALL_NEWS_CALLING,
	CALL_NEWS_RINGING,
	CALL_NEWS_ANSWERED,
	CALL_NEWS_MEDIA,     /* hold, or another address                   */
	CALL_NEWS_ENDED,
};

struct call_news {
	enum call_news_kind kind;
	bool incoming;
	struct str peer;         /* its URI                                */
	struct str call_id;
	int status;              /* ENDED: 200: it was answered; else the
	                            final answer to the INVITE             */
	struct str reason;       /* ENDED: in words                        */
	bool by_us;              /* ENDED: hung up, cancelled, refused here */
	struct addr media;       /* ANSWERED, MEDIA: where RTP goes; not
	                            set: nowhere                           */
	uint8_t payload;
	enum sdp_direction direction; /* what we do: SENDRECV ...          */
};

struct call_ops {
	void (*send)(struct str message, void *arg);
	void (*news)(const struct call_news *news, void *arg);
};

enum call_manner { CALL_ANSWERS, CALL_RINGS, CALL_BUSY };

/* What the phone is set to; text is borrowed for the life of the calls. */
struct call_params {
	struct str aor;              /* "sip:100@example.com"              */
	struct str user;             /* of the Contact                     */
	struct str auth_user, password;
	struct str user_agent;
	bool md5_only;
	enum call_manner manner;
	uint32_t answer_ms;          /* ANSWERS: rings so long             */
	uint32_t talk_ms;            /* hang up after; 0: never            */
	uint32_t cancel_ms;          /* caller: give up after; 0: never    */
	uint32_t hold_ms;            /* hold after; 0: never               */
};

/* The link that is up. */
struct call_place {
	struct str transport;        /* static: "UDP", "TCP", "TLS"        */
	struct addr local, server, media;
	char contact[192];           /* URI                                */
};

/* What is due at a time of its own. */
enum call_due {
	CALL_DUE_ANSWER,
	CALL_DUE_PROVISIONAL, /* 13.3.1.1: once a minute                   */
	CALL_DUE_HANGUP,
	CALL_DUE_CANCEL,
	CALL_DUE_HOLD,
	CALL_DUE_GIVE_UP,     /* 9.1: a cancelled INVITE without an answer */
	CALL_DUE_FREE,
	CALL_DUES,
};

struct call {
	const struct call_params *p;
	const struct call_place *place;
	const struct call_ops *ops;
	void *arg;
	enum call_state state;
	bool incoming, hangup_wanted, ended;
	struct dialog dialog;
	uint64_t due[CALL_DUES];     /* UINT64_MAX: not                    */
	struct challenge www, proxy;

	/* Our INVITE. */
	bool inviting, provisional;
	char invite_branch[32], refused_branch[32];
	struct resend invite_timer;
	struct buf invite, ack, refused_ack;
	/* Our BYE or CANCEL. */
	char other_method[8], other_branch[32];
	struct resend other_timer;
	struct buf other;
	/* Their INVITE. */
	char their_branch[128], their_host[128];
	uint32_t their_cseq;
	struct resend reply_timer;
	struct buf request, reply;

	struct addr media;           /* of the other side                  */
	uint8_t payload;
	enum sdp_direction direction; /* ours                              */
	bool offer_sent;             /* callee: the ACK has the answer     */
	bool hold;                   /* we hold it                         */
	uint32_t sdp_id, sdp_version;
	char why[96];                /* ENDING: why the BYE                */
};

/* An empty one; p, place, ops and arg are borrowed. */
void call_init(struct call *c, const struct call_params *p,
    const struct call_place *place, const struct call_ops *ops, void *arg);
void call_fini(struct call *c);

/* Call this URI.  0, E_LIMIT: it is too long. */
MUSTCHECK int call_place(struct call *c, struct str uri, uint64_t now_ms);

/* An INVITE without a To tag has come: it rings.  0, or the status to refuse
 * it with; then the call is as it was. */
MUSTCHECK int call_take(struct call *c, const struct sip_msg *m,
    uint64_t now_ms);

/* Is m a 2xx to the INVITE of c, of another dialog than c's? */
bool call_is_fork(const struct call *c, const struct sip_msg *m);

/*
 * Another 2xx has come to the INVITE of the call (13.2.2.4: it was forked, and
 * more than one answered): this one, free until now, acknowledges it and hangs
 * up, without news.
 */
void call_fork(struct call *c, const struct call *of, const struct sip_msg *m,
    uint64_t now_ms);

/* Is it an answer to a request of this call's? */
bool call_is_answer(const struct call *c, const struct sip_msg *m);

/* Is the request of its dialog, or of the transaction of their INVITE
 * (17.2.3, 9.2)? */
bool call_is_request(const struct call *c, const struct sip_msg *m);

/* Is it the INVITE of this call once more, by another way (8.2.2.2)? */
bool call_is_merged(const struct call *c, const struct sip_msg *m);

void call_response(struct call *c, const struct sip_msg *m, uint64_t now_ms);

/* False: a request that is not about the call itself (OPTIONS, INFO). */
bool call_request(struct call *c, const struct sip_msg *m, uint64_t now_ms);

/* Hang up, cancel or refuse, whatever fits; nothing when it is over. */
void call_hangup(struct call *c, uint64_t now_ms);

/* The link is lost: it is over.  Our phones do not carry a call over. */
void call_lost(struct call *c, const char *why);

void call_tick(struct call *c, uint64_t now_ms);
uint64_t call_next_ms(const struct call *c); /* UINT64_MAX: nothing */

/* It is neither free nor over. */
bool call_is_active(const struct call *c);

#endif
