/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_DIALOG_H
#define PHONE_DIALOG_H
/*
 * phone/dialog - the state of one dialog (RFC 3261 12): who, the route set,
 * the remote target, the sequence numbers; and the requests within it.
 *
 * Pure, of fixed size; what a peer sends that does not fit is refused.
 */
#include "base/buf.h"
#include "base/err.h"
#include "sip/msg.h"
#include "sip/request.h"

#define DIALOG_URI_MAX     512
#define DIALOG_ROUTES_MAX  16   /* values of Record-Route                */
#define DIALOG_ROUTES_SIZE 4096 /* bytes of them                         */

struct dialog {
	char call_id[256], local_tag[20], remote_tag[128];
	char local_uri[DIALOG_URI_MAX], remote_uri[DIALOG_URI_MAX];
	char remote_target[DIALOG_URI_MAX];
	char routes[DIALOG_ROUTES_SIZE]; /* name-addrs, each with its NUL */
	size_t nroutes, routes_bytes;
	uint32_t local_cseq, remote_cseq;
	bool remote_cseq_known;
	bool confirmed;                  /* a 2xx was sent or received    */
};

/*
 * As the caller, before there is an answer: no remote tag, no route set, the
 * target is the URI that is called.  Call-ID and tag are made.  E_LIMIT: a URI
 * is too long.
 */
MUSTCHECK int dialog_begin(struct dialog *d, struct str local_uri,
    struct str remote_uri);

/* The INVITE is sent anew, with credentials: what early responses said of the
 * dialog is void. */
void dialog_restart(struct dialog *d);

/*
 * What a response to our INVITE says of the dialog (12.1.2): tag, target, the
 * route set turned round.  Of a dialog that is confirmed the target alone is
 * renewed.  E_PARSE: no tag, or a 2xx without a Contact that can be read;
 * E_LIMIT: longer than we keep.  Then nothing has changed.
 */
MUSTCHECK int dialog_of_response(struct dialog *d, const struct sip_msg *m);

/* As the callee, of an INVITE without a To tag (12.1.1); errors as above. */
MUSTCHECK int dialog_of_request(struct dialog *d, const struct sip_msg *m);

/* Does a message from the peer belong to it (12.2.2)? */
bool dialog_has(const struct dialog *d, const struct sip_msg *m);

/* A request within it: false: out of order (12.2.2: answer 500). */
bool dialog_in_order(struct dialog *d, const struct sip_msg *m);

/* The target may move with a re-INVITE (12.2.1.2, 12.2.2). */
void dialog_refresh(struct dialog *d, const struct sip_msg *m);

/*
 * Begin a request within it, Route and Max-Forwards included (12.2.1.1): as
 * sip_request_begin.  Of *r are read method, transport, sent_by, branch, cseq,
 * contact, user_agent; uri is set to the Request-URI.
 */
void dialog_request(const struct dialog *d, struct buf *out,
    struct sip_request *r);

#endif
