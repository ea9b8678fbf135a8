/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_WORKER_INT_H
#define EDGE_WORKER_INT_H
/*
 * edge/worker_int - what worker.c, the conn_ files and flow.c share.
 */
#include <event2/event_struct.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/list.h"
#include "edge/admission.h"
#include "edge/devices.h"
#include "edge/location.h"
#include "edge/probes.h"
#include "edge/proxy.h"
#include "edge/refusal.h"
#include "edge/tally.h"
#include "edge/uas.h"
#include "edge/worker.h"
#include "net/dgram.h"
#include "net/loop.h"
#include "sip/frame.h"
#include "sip/msg.h"
#include "tls/conn.h"

#define WORKER_RECV_BYTES  65536
#define WORKER_OUT_BYTES   (1024 * 1024)
#define WORKER_REPLY_BYTES 65535

/*
 * Life of a connection.  Each state has a list in the worker, ordered by
 * since_ms, and a time after which the connection is closed.
 */
enum conn_state {
	CONN_CONNECTING, /* ours, to an upstream: what is sent is queued     */
	CONN_SHAKING,    /* the same, TLS handshake under way                */
	CONN_SILENT,     /* TLS: not one byte yet                            */
	CONN_HANDSHAKE,  /* TLS handshake under way                          */
	CONN_FRESH,      /* waits for the (first) message to become complete */
	CONN_IDLE,       /* between messages                                 */
	CONN_BOUND,      /* the same, and a binding uses this flow           */
	CONN_BLOCKED,    /* does not read what we say, so we do not read it  */
	CONN_CLOSING,    /* our side is closed; what still comes is dropped  */
	CONN_STATES,
	CONN_CLOSED = CONN_STATES, /* on no list, waits to be reaped         */
};

/* An address-of-record registered over a connection. */
struct conn_aor {
	struct conn_aor *next;
	uint64_t hash;
	size_t n;
	char text[];
};

struct conn_out; /* conn_out.c */

struct conn {
	struct list in_state;
	enum conn_state state;
	uint64_t since_ms;
	struct flow flow;
	int fd;
	bool write_armed;
	bool feeding;             /* inside of tls_conn_feed                  */
	bool accepted;            /* a SIP message has come                   */
	bool judged;              /* evidence was handed over                 */
	uint8_t bad;              /* messages that did not parse              */
	struct event event;
	struct tls_conn *tls;     /* NULL: TCP, or TLS and still silent       */
	uint64_t accepted_us;
	uint64_t fingerprint;     /* of the ClientHello, 0: none yet          */
	struct sip_frame frame;
	struct buf in;            /* an incomplete message                    */
	struct buf outq;          /* what the socket would not take           */
	struct conn_aor *aors;
	uint64_t asked_ms;        /* last request of the proxy's; 0: none     */
	struct conn_out *out;     /* opened by us; NULL: accepted             */
	struct loop_reap reap;
};

struct listener {
	struct list link;
	struct worker *worker;
	struct worker_socket socket;
	struct event event;
	struct loop_reap reap;
	bool paused;
};

struct worker {
	unsigned index;
	struct thread thread;
	struct loop *loop;
	const struct worker_shared *shared;
	struct conf *conf;
	struct tls_ctx *tls;

	struct list listeners;        /* UDP sockets too, indexed by id       */
	struct listener **udp;        /* flow.slot of a UDP flow              */
	size_t nudp;

	struct conn **slot;           /* flow.slot of a connection            */
	uint32_t *free_slot;
	size_t nslots, nfree;
	uint64_t serial;
	struct list outgoing;         /* struct conn_out                      */
	struct list by_state[CONN_STATES];
	unsigned count[CONN_STATES];

	struct event *sweep;
	struct proxy *proxy;
	struct keepalive *keepalive;

	struct dgram_io *io;
	struct loop_reap flush;
	bool flush_armed;
	bool quiet;

	struct sip_msg msg;           /* scratch, one message at a time       */
	struct buf reply;
	struct buf out;               /* scratch: bytes for one socket        */
	struct buf side;              /* the same, for another connection than
	                                 the one whose bytes are being read   */
	char recv[WORKER_RECV_BYTES];
};

/* conn.c */
void conn_accept(struct worker *w, const struct listener *l, int fd,
    const struct addr *peer, const struct addr *local);
/*
 * A connection of ours to an upstream, TCP or TLS: one that is there, or that
 * begins now.  Its flow is there at once, what is sent over it waits until it
 * is open; if it never is, or closes, proxy_closed follows.  local: where it
 * comes from, or NULL; sent_by: what its flow has as local (not set: port 0 of
 * the connection's own address).  NULL: it cannot be reached.
 */
struct conn *conn_open(struct worker *w, const struct flow_way *way,
    const struct addr *local, const struct addr *sent_by);
void conn_free_all(struct worker *w);
void conn_sweep(struct worker *w, uint64_t now_ms);
bool conn_send(struct conn *c, struct str bytes);
void conn_keep(struct conn *c, struct str aor);
bool conn_push_out(struct worker *w);
bool conn_may_push_out(struct worker *w);

/* worker.c */
/* Parse and answer one message of a stream; false, and counted: it did not
 * parse. */
bool worker_serve(struct worker *w, const struct flow *f, struct str bytes);
/* Answer a head that cannot be framed, if that can be done at all: with what
 * is wrong in it, else, or when it is too long (513), with status and why. */
void worker_refuse(struct worker *w, const struct flow *f, struct str head,
    int status, const char *why);
struct conn *worker_conn(const struct flow *f);
bool worker_listens_on(const struct worker *w, uint16_t port);
void worker_resume_accept(struct worker *w);
uint64_t worker_now_ms(struct worker *w);

#endif
