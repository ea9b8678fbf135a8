/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_CALLLOAD_H
#define BENCH_CALLLOAD_H
/*
 * bench/callload - the call generator's phones: one process, one thread, epoll.
 *
 * Callers and callees come in pairs, each with a socket of its own; a pair has
 * one call at a time: INVITE (with the nonce of an earlier 407), 200, ACK, BYE,
 * 200.  Callers are on UDP or TLS, callees on UDP.  What UDP loses is sent
 * again as RFC 3261 has it.
 */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "load.h"
#include "sip/frame.h"
#include "sip/msg.h"

#define PARTY_OUT_BYTES 4096
#define PARTY_IN_BYTES  16384
#define GIVE_UP_MS      32000

struct calls {
	struct addr server_udp, server_tls; /* server_tls: absent, all is UDP */
	char domain[128], password[128];
	uint64_t total;          /* calls to make                        */
	unsigned pairs;
	unsigned rate;           /* calls a second; 0: as fast as it goes */

	SSL_CTX *ctx;
	int epoll;
	struct party *party;     /* callers, then callees                */
	uint64_t now_ms, begin_ms;
	unsigned registered;
	uint64_t started, ok, failed, retransmitted, challenged, slowest_ms;
};

enum party_state {
	PARTY_DOWN,
	PARTY_REGISTERING,
	PARTY_IDLE,
	PARTY_INVITING,
	PARTY_ENDING,            /* BYE sent                             */
};

/* What the server gave to be used again, www (0) or proxy (1). */
struct party_nonce {
	char text[NONCE_BYTES];
	uint32_t count;
};

struct party {
	struct calls *calls;
	unsigned number;         /* of its user                          */
	bool caller, tls;
	enum party_state state;
	int fd;
	SSL *ssl;
	bool connected;
	struct addr local;
	struct party_nonce nonce[2];

	uint32_t cseq, invite_cseq;
	uint64_t serial;         /* of the call                          */
	uint64_t begun_ms;
	char target[256], to_tag[128], route[2048];

	char out[PARTY_OUT_BYTES]; /* may be sent again                  */
	size_t nout;
	bool waiting;
	uint64_t sent_ms;
	unsigned again_ms;
	char call_id[128];       /* callee: of what is in out            */

	char in[PARTY_IN_BYTES];
	size_t nin;
	struct sip_frame frame;
};

/* party.c: the socket and REGISTER. */
bool party_open(struct party *p);
void party_ready(struct party *p, unsigned events);
void party_send(struct party *p, struct str bytes);
/* Send what is in out, and again until waiting is false. */
void party_send_out(struct party *p);
void party_tick(struct party *p);
void party_close(struct party *p);
/* Takes the nonce of a 401 or 407; false: there is none. */
bool party_take_nonce(struct party *p, const struct sip_msg *m);
void party_put_credentials(struct party *p, struct buf *out, bool proxy,
    struct str method, struct str uri);
void party_fail(struct party *p, const char *why);

/* caller.c */
void caller_start(struct party *p);
void caller_message(struct party *p, const struct sip_msg *m);
/* callee.c */
void callee_message(struct party *p, const struct sip_msg *m);

#endif
