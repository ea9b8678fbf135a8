/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPTURE_DECAP_H
#define CAPTURE_DECAP_H
/*
 * capture/decap - from a captured frame to the TCP segment inside it.
 *
 * Link layers: Ethernet, Linux cooked v1 and v2, raw IP, BSD null/loop, PPP;
 * in them VLAN tags (802.1Q, 802.1ad) and PPPoE.  IPv4 and IPv6 with extension
 * headers; fragments are put together again within a small bound.  Sans-I/O;
 * checksums are not looked at: a network card makes them after the capture.
 */
#include <stdbool.h>

#include "base/addr.h"

#define DECAP_FRAGMENTED_MAX 16     /* datagrams being put together at once */
#define DECAP_DATAGRAM_MAX   65536  /* bytes of one                         */

/* The link types that are read, by libpcap's DLT numbers. */
bool decap_knows(int link_type);

enum decap_result {
	DECAP_SEGMENT,     /* *out is filled                               */
	DECAP_OTHER,       /* well formed, but not TCP                     */
	DECAP_FRAGMENT,    /* kept until the rest of its datagram comes    */
	DECAP_BROKEN,      /* lengths that cannot be, or cut off too early */
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct segment {
	struct addr from, to;  /* with ports                                */
	uint32_t seq;
	uint8_t flags;
	struct str payload;    /* valid until the next call                 */
	uint32_t cut;          /* bytes behind payload that were sent, but
	                          not captured (snapshot length)            */
};

struct fragmented {
	bool used;
	uint64_t key[5];       /* addresses, identification                 */
	uint64_t age;          /* by number of the packet                   */
	uint32_t total;        /* bytes, 0: last fragment not yet here      */
	uint32_t have;         /* units of 8 bytes that are there           */
	uint8_t got[DECAP_DATAGRAM_MAX / 64];
	char *bytes;           /* DECAP_DATAGRAM_MAX on the heap, or NULL   */
};

struct decap {
	int link_type;
	uint64_t packets;
	uint64_t fragments_dropped;  /* datagrams never completed            */
	struct fragmented fragmented[DECAP_FRAGMENTED_MAX];
};

void decap_init(struct decap *d, int link_type);
void decap_fini(struct decap *d);

/*
 * One frame; captured: its bytes as far as they were captured.  Never reads
 * beyond them.
 */
enum decap_result decap_frame(struct decap *d, struct str captured,
    struct segment *out);

#endif
