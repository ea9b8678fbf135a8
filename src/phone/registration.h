/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_REGISTRATION_H
#define PHONE_REGISTRATION_H
/*
 * phone/registration - a phone's registration with its registrar (RFC 3261
 * 10.2): REGISTER, digest, refresh, retry, leaving.
 *
 * Sans-I/O: messages and times go in, messages and news come out through
 * struct registration_ops.  Knows no socket: the phone tells it which link is
 * up, and that it is lost.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "phone/challenge.h"
#include "phone/resend.h"
#include "sip/msg.h"

#define REGISTRATION_MESSAGE_MAX 8192

enum registration_state {
	REGISTRATION_IDLE,       /* no link                               */
	REGISTRATION_TRYING,     /* REGISTER sent                         */
	REGISTRATION_REGISTERED, /* until refreshed or left               */
	REGISTRATION_WAITING,    /* refused: tries again at due           */
	REGISTRATION_LEAVING,    /* REGISTER with Expires: 0 sent         */
	REGISTRATION_GONE,
};

enum registration_news_kind {
	REGISTRATION_NEWS_REGISTERED,
	REGISTRATION_NEWS_REFRESHED,
	REGISTRATION_NEWS_REFUSED,      /* a final answer that is no 200  */
	REGISTRATION_NEWS_UNANSWERED,   /* Timer F                        */
	REGISTRATION_NEWS_UNREGISTERED,
};

struct registration_news {
	enum registration_news_kind kind;
	int status;              /* 0: none; 401: wrong password          */
	struct str reason;       /* of the answer                         */
	uint32_t expires_s;      /* granted                               */
	uint64_t retry_ms;       /* REFUSED, UNANSWERED: until the next   */
};

struct registration_ops {
	void (*send)(struct str message, void *arg);
	void (*news)(const struct registration_news *news, void *arg);
};

/* All text is borrowed for the life of the registration. */
struct registration_params {
	struct str registrar;    /* Request-URI: "sip:example.com"        */
	struct str aor;          /* "sip:100@example.com"                 */
	struct str user;         /* of the Contact                        */
	struct str auth_user, password;
	struct str user_agent;
	uint32_t expires_s;      /* asked for                             */
	uint32_t retry_ms;       /* until the next try after a refusal    */
	bool md5_only;           /* an old phone: no SHA-256 (RFC 8760)   */
};

struct registration {
	struct registration_params p;
	const struct registration_ops *ops;
	void *arg;
	enum registration_state state;
	struct resend timer;
	uint64_t due_ms;         /* REGISTERED: refresh; WAITING: retry   */

	struct str transport;    /* of the link                           */
	struct addr local;
	bool reliable;

	char call_id[33], tag[17], branch[32], contact[192];
	uint32_t cseq;
	uint32_t expires_s;      /* to ask for: a 423 raises it           */
	struct challenge challenge;
	bool was_registered;
	struct buf out;          /* the last request, to be sent again    */
};

/* ops and arg are borrowed. */
void registration_init(struct registration *r,
    const struct registration_params *p, const struct registration_ops *ops,
    void *arg);
void registration_fini(struct registration *r); /* wipes what was secret */

/* A link is up: register over it.  transport: "UDP", "TCP", "TLS". */
void registration_begin(struct registration *r, struct str transport,
    const struct addr *local, uint64_t now_ms);

/* The link is lost; a binding over it is taken for lost too.  No news. */
void registration_lost(struct registration *r);

/* Leave, if registered; GONE at once otherwise. */
void registration_leave(struct registration *r, uint64_t now_ms);

/* A response; others than to the request under way are passed over. */
void registration_response(struct registration *r, const struct sip_msg *m,
    uint64_t now_ms);

/* Do what is due. */
void registration_tick(struct registration *r, uint64_t now_ms);
/* When to call registration_tick; UINT64_MAX: nothing is waited for. */
uint64_t registration_next_ms(const struct registration *r);

#endif
