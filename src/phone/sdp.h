/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PHONE_SDP_H
#define PHONE_SDP_H
/*
 * phone/sdp - as much of SDP as a phone with one audio stream needs (RFC 8866,
 * offer and answer of RFC 3264): G.711 over RTP/AVP.  Pure; slices into the
 * body, nothing is allocated.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

#define SDP_MEDIA_MAX 8

enum sdp_direction { SDP_INACTIVE, SDP_SENDONLY, SDP_RECVONLY, SDP_SENDRECV };

struct sdp_media {
	struct str kind;         /* "audio"                              */
	struct str proto;        /* "RTP/AVP"                            */
	struct str formats;      /* "0 8 101"                            */
	uint16_t port;           /* 0: refused or switched off           */
	struct addr at;          /* not set: a name, or nothing          */
	enum sdp_direction direction; /* as the peer says it             */
};

struct sdp {
	unsigned nmedia;
	struct sdp_media media[SDP_MEDIA_MAX];
	int audio;               /* which of them we take; -1: none      */
	uint8_t payload;         /* of it: 0 PCMU, 8 PCMA                */
};

/*
 * A session description.  E_PARSE: it is none; E_LIMIT: more than
 * SDP_MEDIA_MAX m-lines.  Lines of types that do not matter here are not
 * looked at.
 */
MUSTCHECK int sdp_parse(struct sdp *out, struct str body);

/* Where its audio wants ours to go; NULL: nowhere. */
const struct sdp_media *sdp_audio(const struct sdp *s);

/* What the other side may do, seen from here. */
enum sdp_direction sdp_mirror(enum sdp_direction d);

/* An offer of one stream; id and version are the o-line's. */
void sdp_put_offer(struct buf *out, const struct addr *media,
    enum sdp_direction direction, uint32_t id, uint32_t version);

/* The answer: of the offer's streams, one is taken, if there is one, the
 * others get port 0 (RFC 3264 6). */
void sdp_put_answer(struct buf *out, const struct sdp *offer,
    const struct addr *media, uint32_t id, uint32_t version);

#endif
