/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage: refresh [ROUNDS]
 *
 * What one authenticated refresh REGISTER costs the edge without its sockets:
 * CPU time of sip_msg_parse and of uas_handle, on one thread, for phones that
 * re-use their nonce over UDP.  Not a test; to see where time goes, run it
 * under perf.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "edge/location.h"
#include "edge/uas.h"
#include "edge/users.h"
#include "net/loop.h"
#include "sip/auth.h"
#include "store/store.h"

#define PHONES 1000
#define TEXT   1024
#define DOMAIN "example.com"

struct phone {
	char user[8];
	char nonce[64];
	uint32_t cseq, nc;
	char text[TEXT];
	size_t n;
};

static struct phone phone[PHONES];
static struct sip_msg message;
static struct loop *loop;
static unsigned answers;

/* ---- in place of edge/flow: answers end here ---- */

const char *
flow_transport_name(enum flow_transport t)
{
	return "UDP";
}

struct loop *
flow_loop(const struct flow *f)
{
	return loop;
}

bool
flow_send(const struct flow *f, struct str bytes)
{
	answers += str_starts(bytes, STR("SIP/2.0 200 "));
	return true;
}

uint64_t
flow_fingerprint(const struct flow *f)
{
	return 0;
}

void
flow_keep(const struct flow *f, struct str aor)
{
}

/* ---- messages ---- */

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "refresh: %s failed\n", what);
	exit(3);
}

static void
build(struct phone *p)
{
	struct buf out;

	buf_init_array(&out, p->text, sizeof(p->text));
	p->cseq++;
	buf_printf(&out, "REGISTER sip:" DOMAIN " SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s%u;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:%s@" DOMAIN ">;tag=4711\r\n"
	    "To: <sip:%s@" DOMAIN ">\r\nCall-ID: %s@192.0.2.1\r\n"
	    "CSeq: %u REGISTER\r\nContact: <sip:%s@192.0.2.1:5060>\r\n"
	    "Expires: 3600\r\nUser-Agent: bench/1\r\n", p->user, p->cseq,
	    p->user, p->user, p->user, p->cseq, p->user);
	if (p->nonce[0] != '\0') {
		buf_puts(&out, "Authorization: ");
		sip_credentials_put(&out, DIGEST_MD5, str_cstr(p->user),
		    STR(DOMAIN), STR("secret"), STR("REGISTER"),
		    STR("sip:" DOMAIN), str_cstr(p->nonce), ++p->nc,
		    STR("0a4f113b"));
		buf_puts(&out, "\r\n");
	}
	buf_puts(&out, "Content-Length: 0\r\n\r\n");
	check(!out.failed, "building a message");
	p->n = out.n;
}

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct cost {
	uint64_t parse_ns, both_ns;
	unsigned later;
};

static void
parse(const struct phone *p)
{
	check(sip_msg_parse(&message, str_of(p->text, p->n), SIP_DATAGRAM,
	    16384) == 0, "parsing");
}

/* Every phone sends once; its answer is left to look. */
static void
round_of(struct uas *uas, const struct flow *flow, struct cost *c,
    void (*look)(struct phone *p, struct str answer))
{
	static char room[65536];
	struct buf out;
	uint64_t start;

	for (int i = 0; i < PHONES; i++)
		build(&phone[i]);
	start = cpu_ns();
	for (int i = 0; i < PHONES; i++)
		parse(&phone[i]);
	c->parse_ns += cpu_ns() - start;
	start = cpu_ns();
	for (int i = 0; i < PHONES; i++) {
		parse(&phone[i]);
		buf_init_array(&out, room, sizeof(room));
		if (uas_handle(uas, flow, &message, &out) == UAS_REPLY)
			look(&phone[i], buf_as_str(&out));
		else
			c->later++;
	}
	c->both_ns += cpu_ns() - start;
}

static void
take_nonce(struct phone *p, struct str answer)
{
	const char *at = memmem(answer.p, answer.n, "nonce=\"", 7);
	struct str rest;

	check(at != NULL, "the challenge");
	rest = str_of(at + 7, (size_t)(answer.p + answer.n - at - 7));
	str_copy(p->nonce, sizeof(p->nonce), str_cut(&rest, '"'));
	p->nc = 0;
}

static void
want_ok(struct phone *p, struct str answer)
{
	check(str_starts(answer, STR("SIP/2.0 200 ")), "a refresh");
}

/* ---- the edge without its sockets ---- */

static void
add_users(struct store *store, struct users *users)
{
	for (int i = 0; i < PHONES; i++) {
		struct store_user u = { .realm = STR(DOMAIN) };

		snprintf(phone[i].user, sizeof(phone[i].user), "%d", 1000 + i);
		u.name = str_cstr(phone[i].user);
		for (int a = 0; a < DIGEST_ALGS; a++)
			sip_ha1((enum digest_alg)a, u.name, u.realm,
			    STR("secret"), u.ha1[a]);
		check(store_put_user(store, &u) == 0, "a user");
	}
	check(users_load(users, store) == 0, "users");
}

static void
say(const char *what, const struct cost *c, unsigned rounds)
{
	printf("%-22s parse %5.0f ns   handle %5.0f ns\n", what,
	    (double)c->parse_ns / rounds / PHONES,
	    (double)(c->both_ns - c->parse_ns) / rounds / PHONES);
}

int
main(int argc, char **argv)
{
	const struct conf_override over[] = { { "domain", DOMAIN },
		{ "challenge", "MD5" } };
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
	struct cost challenges = { 0 }, first = { 0 }, refreshes = { 0 };
	struct flow flow = { .transport = FLOW_UDP };
	struct location *location = NULL;
	struct users *users = NULL;
	struct store *store = NULL;
	struct conf *conf = NULL;
	struct uas *uas = NULL;
	struct buf why;

	log_set_level(LOG_LEVEL_ERR);
	buf_init(&why, 4096);
	check(conf_load(&conf, NULL, over, ARRAY_LEN(over), &why) == 0 &&
	    store_open_memory(&store) == 0 && users_new(&users) == 0 &&
	    loop_new(&loop) == 0, "setting up");
	add_users(store, users);
	check(location_new(&location, conf, store, users) == 0 &&
	    uas_new(&uas, conf, location, users) == 0 &&
	    addr_parse(&flow.peer, STR("192.0.2.1:5060"), 0) == 0 &&
	    addr_parse(&flow.local, STR("192.0.2.9:5060"), 0) == 0 &&
	    rounds > 0, "setting up");
	round_of(uas, &flow, &challenges, take_nonce);
	round_of(uas, &flow, &first, want_ok);
	while (answers < first.later)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
	for (unsigned i = 0; i < rounds; i++)
		round_of(uas, &flow, &refreshes, want_ok);
	check(refreshes.later == 0, "refreshing in place");
	say("challenge", &challenges, 1);
	say("first registration", &first, 1);
	say("authenticated refresh", &refreshes, rounds);
	location_free(location);
	uas_free(uas);
	users_free(users);
	store_close(store);
	loop_free(loop);
	conf_unref(conf);
	return 0;
}
