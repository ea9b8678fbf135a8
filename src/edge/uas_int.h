/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_UAS_INT_H
#define EDGE_UAS_INT_H
/*
 * edge/uas_int - what uas.c, authn.c and registrar.c share.
 */
#include "edge/devices.h"
#include "edge/location.h"
#include "edge/nonce.h"
#include "edge/uas.h"
#include "edge/users.h"

#define UAS_TAG_LEN 17 /* 16 hex digits and NUL */
#define UAS_AOR_MAX 512

struct uas_settings;

/* One request on its way through. */
struct uas_request {
	const struct uas_settings *settings;
	const struct conf *conf;
	const struct flow *flow;
	const struct sip_msg *msg;
	struct location *location;
	struct users *users;
	struct nonces *nonces;
	struct devices *devices;  /* NULL: nobody is told */
	int64_t now_s;
	char to_tag[UAS_TAG_LEN];
};

void uas_begin_request(struct uas_request *r, struct uas *u,
    const struct flow *flow, const struct sip_msg *m);

/* Did a response of ours without a transaction have this To tag?  Of an ACK
 * for it the tag is the same. */
bool uas_is_own_tag(const struct uas_request *r, struct str tag);

/* A response without more than reason and standard fields. */
enum uas_result uas_refuse(const struct uas_request *r, int status,
    const char *reason, struct buf *out);
void uas_begin(const struct uas_request *r, int status, const char *reason,
    struct buf *out);
/* "Retry-After: N\r\n", spread over once to twice retry_after. */
void uas_retry_after(const struct conf *conf, struct buf *out);

/* Is this host name or address our domain? (conf domain, alias, the host's) */
bool uas_is_ours(const struct uas_request *r, struct str host);

#endif
