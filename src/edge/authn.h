/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_AUTHN_H
#define EDGE_AUTHN_H
/*
 * edge/authn - who sends this request: digest authentication of a user (RFC
 * 3261 22, RFC 7616, RFC 8760).
 */
#include "edge/uas_int.h"

enum authn_result {
	AUTHN_OK,
	AUTHN_RETRANSMIT, /* right, and answered before                   */
	AUTHN_ANSWERED,   /* no: the answer (401, 403) is in out          */
};

/*
 * The same for a request that is passed on: 407, Proxy-Authorization (22.3).
 * user absent: any user of ours will do.  True: proven.
 */
bool authn_check_proxy(const struct uas_request *r, struct str user,
    struct buf *out);

/* user: the user part the To names; the credentials must be that user's. */
enum authn_result authn_check(const struct uas_request *r, struct str user,
    struct buf *out);

#endif
