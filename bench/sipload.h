/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_SIPLOAD_H
#define BENCH_SIPLOAD_H
/*
 * bench/sipload - the registrations' phones: one process, one thread, epoll.
 *
 * A phone registers with an MD5 digest over UDP, TCP or TLS.  Its Call-ID and
 * Contact stay the same for the run, its CSeq rises across runs.
 */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "load.h"

#define MESSAGE_BYTES 4096

enum load_mode { LOAD_STORM, LOAD_STEADY, LOAD_UDP, LOAD_IDLE };

struct load {
	enum load_mode mode;
	struct addr server;
	bool tls, resume;
	int tls_version;
	char domain[128], password[128];
	uint64_t total;          /* registrations to do               */
	uint64_t target;         /* where to stop, in ok              */
	unsigned phones;         /* at once                           */
	unsigned users;          /* u000000 ... are used in turn      */

	SSL_CTX *ctx;
	int epoll;
	struct phone *phone;
	uint64_t started, ok, failed, resumed, retransmitted;
	unsigned registered;     /* idle: phones that stay            */
	uint32_t cseq0;
};

struct phone {
	struct load *load;
	unsigned number;         /* its place                         */
	unsigned user;
	int fd;
	SSL *ssl;
	SSL_SESSION *session;
	bool connected, busy, writing;
	uint32_t cseq, nc;
	uint64_t sent_ms;
	char nonce[NONCE_BYTES];
	char in[MESSAGE_BYTES];
	size_t nin;
	char out[MESSAGE_BYTES];
	size_t nout;
};

/* phone.c */
void phone_start(struct phone *p);            /* connect or send          */
void phone_ready(struct phone *p, unsigned events);
void phone_tick(struct phone *p, uint64_t now_ms); /* UDP: retransmit     */
void phone_end(struct phone *p);

#endif
