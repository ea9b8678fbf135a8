/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef UAS_WORLD_H
#define UAS_WORLD_H
/*
 * What the tests of the UAS, authentication and the registrar share: one UAS
 * for example.com over the real location service and a store in memory, with
 * flows that end here instead of in a socket, and phones that talk to it.
 *
 * Both clocks are the test's: the writer commits only while the test waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/conf.h"
#include "edge/flow.h"
#include "edge/location.h"
#include "edge/uas.h"
#include "sip/msg.h"
#include "store/mem.h"

#define WORLD_WALL_S INT64_C(1795464756) /* Mon, 23 Nov 2026 20:12:36 GMT */
#define ANSWER_SIZE  65536

struct world {
	struct conf *conf;
	struct store *store;
	struct users *users;
	struct location *location;
	struct uas *uas;
	struct loop *loop;
	struct flow flow;         /* of the next message */
	char answer[ANSWER_SIZE]; /* "": none            */
	size_t answer_room;       /* what a caller gives */
	unsigned sent;            /* by flow_send        */
	unsigned kept;            /* by flow_keep        */
	char kept_aor[256];
	struct buf log;
};

extern struct world world;

/* Challenges MD5 and SHA-256; contacts_max 3; user 100, password "secret". */
int world_setup(void **state);
int world_teardown(void **state);
/* The same with more settings; name NULL ends. */
int world_begin(const struct conf_override *more);
/* Other settings take effect, as after a reload. */
void world_reload(const struct conf_override *more);
void world_user(const char *name, const char *password);
void world_later(int seconds);

/* What the UAS does with a message; the answer is in world.answer. */
enum uas_result world_handle(const char *message);
/* The status answered, 0: none.  Waits for the commit where there is one. */
int world_send(const char *message);
void world_wait(void);
/* Status of world.answer. */
int world_status(void);
/* Value of the n-th field of this name in world.answer, NULL: none. */
const char *world_header(const char *name, int n);
size_t world_count(const char *name);
bool world_logged(const char *words);

struct phone {
	const char *user;      /* of the To                        */
	const char *auth_user; /* of the credentials, NULL: user   */
	const char *password;
	const char *domain;
	const char *realm;     /* NULL: the one challenged with    */
	const char *digest_uri; /* NULL: the Request-URI           */
	const char *agent;
	const char *call_id;
	const char *via;       /* more Via fields, "" or whole lines */
	enum digest_alg alg;
	bool no_qop;
	uint32_t cseq, nc;
	unsigned branch;
	char nonce[128];
	char last[16384];      /* the message sent last            */
};

void phone_init(struct phone *p, const char *user);
/* One REGISTER; fields: whole lines (Contact, Expires ...) or "". */
int phone_once(struct phone *p, const char *fields);
/* Builds it into p->last without sending it. */
void phone_build(struct phone *p, const char *fields);
/* The same, once more with credentials when challenged. */
int phone_register(struct phone *p, const char *fields);
/* Take up the challenge of p->alg in world.answer; false: none. */
bool phone_challenged(struct phone *p);

#define CONTACT_1 "Contact: <sip:100@192.0.2.1:5060>\r\n"
#define CONTACT_2 "Contact: <sip:100@192.0.2.1:5062>\r\n"

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
