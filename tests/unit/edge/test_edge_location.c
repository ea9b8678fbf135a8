/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/location and edge/binding: RFC 3261 10.3, RFC 5626 6, durability. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/location.h"
#include "edge/users.h"
#include "store/mem.h"

/* Operations carry the time; the sweep of what is over asks the clock. */
#define NOW w.now_s

static struct world {
	struct conf *conf;
	struct store *store;
	struct users *users;
	struct location *l;
	atomic_int lines;
	int64_t now_s;
} w;

static void
count_line(const char *line, size_t n, void *arg)
{
	w.lines++;
}

static int
setup(void **state)
{
	static const struct conf_override over[] = {
		{ "domain", "x" }, { "contacts_max", "3" },
		{ "store_slack", "300" },
	};
	struct buf why;

	buf_init(&why, 1024);
	w.lines = 0;
	w.now_s = clock_wall_s();
	log_set_sink(count_line, NULL);
	if (conf_load(&w.conf, NULL, over, ARRAY_LEN(over), &why) != 0 ||
	    store_open_memory(&w.store) != 0 || users_new(&w.users) != 0 ||
	    location_new(&w.l, w.conf, w.store, w.users) != 0)
		return -1;
	return 0;
}

static int
teardown(void **state)
{
	location_free(w.l);
	users_free(w.users);
	store_close(w.store);
	conf_unref(w.conf);
	log_set_sink(NULL, NULL);
	return 0;
}

/* One operation and its end. */
struct request {
	struct location_op op;
	struct location_contact contact[8];
	struct buf contacts;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
};

static void
on_done(struct location_op *op)
{
	struct request *r = CONTAINER_OF(op, struct request, op);

	pthread_mutex_lock(&r->lock);
	r->done = true;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

static void
begin(struct request *r, const char *aor, const char *call_id, uint32_t cseq)
{
	memset(r, 0, sizeof(*r));
	r->op.aor = str_cstr(aor);
	r->op.call_id = str_cstr(call_id);
	r->op.cseq = cseq;
	r->op.contact = r->contact;
	r->op.path = r->op.user_agent = STR("");
	r->op.now_s = NOW;
	r->op.flow.transport = FLOW_TLS;
	r->op.flow.id = 7;
	r->op.done = on_done;
	r->op.contacts = &r->contacts;
	buf_init(&r->contacts, 65536);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->cond, NULL);
}

static void
add(struct request *r, const char *uri, uint32_t expires_s)
{
	r->contact[r->op.ncontact++] = (struct location_contact) {
		.uri = str_cstr(uri), .params = STR(""),
		.expires_s = expires_s,
	};
}

static enum location_status
run(struct request *r)
{
	location_submit(w.l, &r->op);
	pthread_mutex_lock(&r->lock);
	while (!r->done)
		pthread_cond_wait(&r->cond, &r->lock);
	pthread_mutex_unlock(&r->lock);
	buf_fini(&r->contacts);
	return r->op.status;
}

static enum location_status
put(const char *aor, const char *uri, const char *call_id, uint32_t cseq,
    uint32_t expires_s)
{
	struct request r;

	begin(&r, aor, call_id, cseq);
	add(&r, uri, expires_s);
	return run(&r);
}

/* The writer looks once a second. */
static void
wait_for_lines(int n)
{
	struct timespec moment = { .tv_nsec = 20000000 };

	for (int i = 0; i < 1000 && atomic_load(&w.lines) < n; i++)
		nanosleep(&moment, NULL);
	assert_int_equal(w.lines, n);
}

static size_t
bindings(const char *aor, int64_t now_s)
{
	struct buf out;
	size_t n;

	buf_init(&out, 65536);
	n = location_print(w.l, str_cstr(aor), now_s, &out);
	buf_fini(&out);
	return n;
}

static void
several_contacts_and_removal(void **state)
{
	struct request r;

	assert_int_equal(put("a@x", "sip:1@h", "c", 1, 100), LOCATION_OK);
	assert_int_equal(put("a@x", "sip:2@h", "c", 2, 100), LOCATION_OK);
	assert_int_equal(bindings("a@x", NOW), 2);
	assert_int_equal(bindings("b@x", NOW), 0);
	/* 19.1.4: the same URI, otherwise written. */
	assert_int_equal(put("a@x", "SIP:1@H", "c", 3, 100), LOCATION_OK);
	assert_int_equal(bindings("a@x", NOW), 2);
	assert_int_equal(put("a@x", "sip:1@h", "c", 4, 0), LOCATION_OK);
	assert_int_equal(bindings("a@x", NOW), 1);
	begin(&r, "a@x", "c", 5);
	r.op.remove_all = true;
	assert_int_equal(run(&r), LOCATION_OK);
	assert_int_equal(r.op.removed, 1);
	assert_int_equal(bindings("a@x", NOW), 0);
	assert_int_equal(location_count(w.l), 0);
}

static void
order_of_cseq(void **state)
{
	struct request r;

	assert_int_equal(put("a@x", "sip:1@h", "c", 10, 100), LOCATION_OK);
	assert_int_equal(put("a@x", "sip:1@h", "c", 10, 100),
	    LOCATION_OUT_OF_ORDER);
	assert_int_equal(put("a@x", "sip:1@h", "c", 9, 0),
	    LOCATION_OUT_OF_ORDER);
	assert_int_equal(put("a@x", "sip:1@h", "other", 1, 100), LOCATION_OK);
	begin(&r, "a@x", "other", 1);
	r.op.remove_all = true;
	assert_int_equal(run(&r), LOCATION_OUT_OF_ORDER);
	assert_int_equal(bindings("a@x", NOW), 1);
}

static void
all_or_nothing(void **state)
{
	struct request r;

	assert_int_equal(put("a@x", "sip:1@h", "c", 10, 100), LOCATION_OK);
	begin(&r, "a@x", "c", 5);
	add(&r, "sip:2@h", 100);
	add(&r, "sip:1@h", 100);
	assert_int_equal(run(&r), LOCATION_OUT_OF_ORDER);
	assert_int_equal(bindings("a@x", NOW), 1);
	begin(&r, "a@x", "c", 11);
	for (int i = 2; i < 5; i++) {
		static const char *const uri[] = { "", "", "sip:2@h",
			"sip:3@h", "sip:4@h" };
		add(&r, uri[i], 100);
	}
	assert_int_equal(run(&r), LOCATION_TOO_MANY);
	assert_int_equal(bindings("a@x", NOW), 1);
}

static void
time_ends_a_binding(void **state)
{
	assert_int_equal(put("a@x", "sip:1@h", "c", 1, 100), LOCATION_OK);
	assert_int_equal(bindings("a@x", NOW + 99), 1);
	assert_int_equal(bindings("a@x", NOW + 100), 0);
}

static void
an_instance_replaces_its_own_flow(void **state)
{
	struct request r;

	for (uint32_t i = 1; i <= 2; i++) {
		begin(&r, "a@x", i == 1 ? "c" : "d", i);
		add(&r, i == 1 ? "sip:1@h" : "sip:2@h", 100);
		r.contact[0].instance_id = STR("<urn:uuid:1>");
		r.contact[0].reg_id = 1;
		assert_int_equal(run(&r), LOCATION_OK);
	}
	assert_int_equal(bindings("a@x", NOW), 1);
	begin(&r, "a@x", "e", 1);
	add(&r, "sip:3@h", 100);
	r.contact[0].instance_id = STR("<urn:uuid:1>");
	r.contact[0].reg_id = 2;
	assert_int_equal(run(&r), LOCATION_OK);
	assert_int_equal(bindings("a@x", NOW), 2);
}

static bool
refresh(uint32_t cseq, const char *call_id, uint32_t expires_s, int64_t now_s,
    uint64_t flow_id)
{
	struct request r;
	struct buf out;
	bool done;

	begin(&r, "a@x", call_id, cseq);
	add(&r, "sip:1@h", expires_s);
	r.op.now_s = now_s;
	r.op.flow.id = flow_id;
	buf_init(&out, 4096);
	done = location_refresh(w.l, &r.op, &out);
	assert_int_equal(done, out.n > 0);
	buf_fini(&out);
	return done;
}

static void
a_pure_refresh_touches_memory_alone(void **state)
{
	assert_false(refresh(1, "c", 100, NOW, 7)); /* nothing there yet */
	assert_int_equal(put("a@x", "sip:1@h", "c", 1, 100), LOCATION_OK);
	store_mem_fail(w.store, STORE_MEM_FAIL_BEGIN);
	assert_true(refresh(2, "c", 100, NOW + 50, 7));
	assert_int_equal(bindings("a@x", NOW + 149), 1);
	assert_false(refresh(2, "c", 100, NOW + 50, 7));   /* CSeq */
	assert_false(refresh(3, "d", 100, NOW + 50, 7));   /* Call-ID */
	assert_true(refresh(3, "c", 100, NOW + 300, 7));   /* end of slack */
	assert_false(refresh(4, "c", 100, NOW + 301, 7));  /* over it */
	assert_false(refresh(5, "c", 0, NOW + 50, 7));     /* a removal */
}

static void
a_closed_flow_takes_its_binding_until_the_phone_is_back(void **state)
{
	assert_int_equal(put("a@x", "sip:1@h", "c", 1, 100), LOCATION_OK);
	location_flow_closed(w.l, STR("a@x"), 8); /* another flow */
	assert_int_equal(bindings("a@x", NOW), 1);
	location_flow_closed(w.l, STR("a@x"), 7);
	assert_int_equal(bindings("a@x", NOW), 0);
	assert_int_equal(location_count(w.l), 0);
	/* Back over a new flow: the row still holds, nothing is written. */
	store_mem_fail(w.store, STORE_MEM_FAIL_BEGIN);
	assert_true(refresh(2, "c", 100, NOW + 5, 9));
	assert_int_equal(bindings("a@x", NOW + 5), 1);
	assert_int_equal(location_count(w.l), 1);
	location_flow_closed(w.l, STR("a@x"), 7); /* news of the old one */
	assert_int_equal(bindings("a@x", NOW + 5), 1);
}

static void
a_store_that_fails_changes_nothing_and_is_said_once(void **state)
{
	static const enum store_mem_failure kinds[] = { STORE_MEM_FAIL_BEGIN,
		STORE_MEM_FAIL_PUT, STORE_MEM_FAIL_COMMIT };

	assert_int_equal(put("a@x", "sip:1@h", "c", 1, 100), LOCATION_OK);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		store_mem_fail(w.store, kinds[i]);
		assert_int_equal(put("a@x", "sip:2@h", "c", 2, 100),
		    LOCATION_STORE_FAILED);
		assert_int_equal(put("a@x", "sip:1@h", "c", 2, 0),
		    LOCATION_STORE_FAILED);
		assert_int_equal(bindings("a@x", NOW), 1);
	}
	assert_int_equal(w.lines, 1);
	store_mem_fail(w.store, STORE_MEM_WORKS);
	assert_int_equal(put("a@x", "sip:2@h", "c", 2, 100), LOCATION_OK);
	assert_int_equal(bindings("a@x", NOW), 2);
	assert_int_equal(w.lines, 2); /* recovered */
}

/* The row is not there any more: a 200 would promise what a restart breaks. */
static void
a_store_that_is_gone_is_noticed_and_no_refresh_is_done(void **state)
{
	assert_int_equal(put("a@x", "sip:1@h", "c", 1, 100), LOCATION_OK);
	assert_true(refresh(2, "c", 100, NOW + 1, 7));
	store_mem_fail(w.store, STORE_MEM_GONE);
	wait_for_lines(1); /* nobody has asked for anything */
	assert_false(refresh(3, "c", 100, NOW + 2, 7));
	assert_int_equal(put("a@x", "sip:1@h", "c", 3, 100),
	    LOCATION_STORE_FAILED);
	assert_int_equal(w.lines, 1);
	store_mem_fail(w.store, STORE_MEM_WORKS);
	wait_for_lines(2); /* recovered */
	assert_true(refresh(4, "c", 100, NOW + 3, 7));
}

#define QUEUE_FULL 20000

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool at_gate, open;
	unsigned done, busy;
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER };

/* On the writer's thread: it goes no further. */
static void
hold_writer(struct location_op *op)
{
	pthread_mutex_lock(&gate.lock);
	gate.at_gate = true;
	pthread_cond_broadcast(&gate.cond);
	while (!gate.open)
		pthread_cond_wait(&gate.cond, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static void
count_done(struct location_op *op)
{
	pthread_mutex_lock(&gate.lock);
	gate.done++;
	gate.busy += op->status == LOCATION_BUSY;
	pthread_cond_broadcast(&gate.cond);
	pthread_mutex_unlock(&gate.lock);
}

static void
news_of_a_closed_flow_finds_room_in_a_full_queue(void **state)
{
	static const struct location_contact contact = {
		.uri = { "sip:1@h", 7 }, .params = { "", 0 }, .expires_s = 100,
	};
	struct location_op *ops = calloc(QUEUE_FULL + 1, sizeof(*ops));
	struct request first;

	assert_non_null(ops);
	assert_int_equal(put("a@x", "sip:1@h", "c", 1, 100), LOCATION_OK);
	begin(&first, "b@x", "c", 1);
	add(&first, "sip:1@h", 100);
	first.op.done = hold_writer;
	location_submit(w.l, &first.op);
	pthread_mutex_lock(&gate.lock);
	while (!gate.at_gate)
		pthread_cond_wait(&gate.cond, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
	for (unsigned i = 0; i <= QUEUE_FULL; i++) {
		ops[i] = first.op;
		ops[i].aor = STR("a@x");
		ops[i].contact = &contact;
		ops[i].contacts = NULL;
		ops[i].cseq = i + 2;
		ops[i].flow.id = 7;
		ops[i].done = count_done;
		location_submit(w.l, &ops[i]);
	}
	assert_int_equal(gate.busy, 1);
	location_flow_closed(w.l, STR("a@x"), 7);
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.cond);
	while (gate.done <= QUEUE_FULL)
		pthread_cond_wait(&gate.cond, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
	/* Behind the news. */
	assert_int_equal(put("c@x", "sip:1@h", "c", 1, 100), LOCATION_OK);
	assert_int_equal(bindings("a@x", NOW), 0);
	buf_fini(&first.contacts);
	free(ops);
}

static void
what_was_committed_is_loaded(void **state)
{
	/* Far in the future: loading asks the real clock. */
	struct request r;

	begin(&r, "a@x", "c", 1);
	add(&r, "sip:1@h", 100);
	r.op.now_s = INT64_C(10000000000);
	assert_int_equal(run(&r), LOCATION_OK);
	location_free(w.l);
	assert_int_equal(location_new(&w.l, w.conf, w.store, w.users), 0);
	assert_int_equal(location_count(w.l), 1);
	/* The row's time is the granted one and the slack. */
	assert_int_equal(bindings("a@x", INT64_C(10000000399)), 1);
	assert_int_equal(bindings("a@x", INT64_C(10000000400)), 0);
}

/* A softphone comes back over another port each time the edge is started. */
static void
bindings_of_earlier_runs_make_room(void **state)
{
	static const char *const uri[] = { "sip:1@h", "sip:2@h", "sip:3@h" };
	struct request r;

	for (uint32_t i = 0; i < ARRAY_LEN(uri); i++) {
		assert_int_equal(put("a@x", uri[i], "c", i + 1, 100 + i),
		    LOCATION_OK);
		location_free(w.l);
		assert_int_equal(location_new(&w.l, w.conf, w.store, w.users),
		    0);
	}
	assert_int_equal(bindings("a@x", NOW), 3); /* contacts_max */
	/* Not for a request that fails, and no more than needed. */
	assert_int_equal(put("a@x", "sip:3@h", "c", 1, 100),
	    LOCATION_OUT_OF_ORDER);
	assert_int_equal(bindings("a@x", NOW), 3);
	assert_int_equal(put("a@x", "sip:4@h", "c", 9, 1000), LOCATION_OK);
	assert_int_equal(bindings("a@x", NOW), 3);
	begin(&r, "a@x", "c", 10);
	add(&r, "sip:1@h", 0); /* the first to end: gone */
	assert_int_equal(run(&r), LOCATION_OK);
	assert_int_equal(r.op.removed, 0);
	/* Those that are open now do not. */
	assert_int_equal(put("a@x", "sip:5@h", "c", 11, 1000), LOCATION_OK);
	assert_int_equal(put("a@x", "sip:6@h", "c", 12, 1000), LOCATION_OK);
	assert_int_equal(put("a@x", "sip:7@h", "c", 13, 1000),
	    LOCATION_TOO_MANY);
	assert_int_equal(bindings("a@x", NOW), 3);
	location_free(w.l);
	assert_int_equal(location_new(&w.l, w.conf, w.store, w.users), 0);
	assert_int_equal(location_count(w.l), 3); /* their rows went, too */
}

struct hammer {
	pthread_t thread;
	int number;
	int failed;
};

static void *
hammer(void *arg)
{
	struct hammer *h = arg;
	char aor[32], uri[32];

	for (uint32_t i = 1; i <= 200; i++) {
		/* One of its own, and one that all share. */
		snprintf(aor, sizeof(aor), "u%d@x", h->number);
		snprintf(uri, sizeof(uri), "sip:%d@h", h->number);
		h->failed += put(i % 2 ? aor : "all@x", uri, uri, i, 100) !=
		    LOCATION_OK;
		bindings("all@x", NOW);
		location_flow_closed(w.l, STR("all@x"), 99);
	}
	return NULL;
}

struct walked {
	unsigned n, natted;
	char agents[64];
};

static void
on_walk(const struct location_target *t, struct str user_agent, void *arg)
{
	struct walked *k = arg;

	k->n++;
	k->natted += t->natted;
	assert_int_equal(user_agent.n, 1);
	k->agents[k->n - 1] = user_agent.p[0];
}

static void
put_udp(const char *aor, const char *uri, const char *peer, uint16_t port,
    const char *agent)
{
	struct request r;

	begin(&r, aor, aor, 1);
	add(&r, uri, 100);
	r.op.flow.transport = FLOW_UDP;
	r.op.flow.id = 0;
	r.op.flow.reply_port = port;
	r.op.user_agent = str_cstr(agent);
	assert_int_equal(addr_parse(&r.op.flow.peer, str_cstr(peer), 0), 0);
	assert_int_equal(run(&r), LOCATION_OK);
}

static void
each_binding_is_walked_once(void **state)
{
	struct walked k = { 0 };

	put_udp("a@x", "sip:a@10.0.0.7", "192.0.2.1:40000", 0, "A");
	put_udp("b@x", "sip:b@192.0.2.2", "192.0.2.2:5060", 0, "B");
	put_udp("c@x", "sip:c@192.0.2.3:5070", "192.0.2.3:5060", 0, "C");
	put_udp("d@x", "sip:d@phone.test", "192.0.2.4:5060", 0, "D");
	for (unsigned i = 0; i < LOCATION_PARTS; i++)
		location_walk(w.l, i, NOW, on_walk, &k);
	assert_int_equal(k.n, 4);
	assert_int_equal(k.natted, 3); /* all but b */
	k = (struct walked) { 0 };
	for (unsigned i = 0; i < LOCATION_PARTS; i++)
		location_walk(w.l, i, NOW + 200, on_walk, &k);
	assert_int_equal(k.n, 0);
}

/* It sends from one port and listens on the one in its Via. */
static void
requests_go_where_answers_go(void **state)
{
	struct location_target t[2];
	char memory[256], peer[ADDR_STRLEN];
	struct buf text;

	put_udp("a@x", "sip:a@192.0.2.1", "192.0.2.1:49152", 5060, "A");
	buf_init_array(&text, memory, sizeof(memory));
	assert_int_equal(location_lookup(w.l, STR("a@x"), NOW, t, 2, &text), 1);
	assert_string_equal(addr_print(&t[0].flow.peer, peer),
	    "192.0.2.1:5060");
	assert_false(t[0].natted);
}

static void
threads_do_not_meet(void **state)
{
	struct hammer h[3];

	for (size_t i = 0; i < ARRAY_LEN(h); i++) {
		h[i] = (struct hammer) { .number = (int)i };
		assert_int_equal(pthread_create(&h[i].thread, NULL, hammer,
		    &h[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(h); i++) {
		pthread_join(h[i].thread, NULL);
		assert_int_equal(h[i].failed, 0);
	}
	assert_int_equal(bindings("all@x", NOW), 3);
	assert_int_equal(location_count(w.l), 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(several_contacts_and_removal),
		CASE(order_of_cseq),
		CASE(all_or_nothing),
		CASE(time_ends_a_binding),
		CASE(an_instance_replaces_its_own_flow),
		CASE(a_pure_refresh_touches_memory_alone),
		CASE(a_closed_flow_takes_its_binding_until_the_phone_is_back),
		CASE(a_store_that_fails_changes_nothing_and_is_said_once),
		CASE(a_store_that_is_gone_is_noticed_and_no_refresh_is_done),
		CASE(news_of_a_closed_flow_finds_room_in_a_full_queue),
		CASE(what_was_committed_is_loaded),
		CASE(bindings_of_earlier_runs_make_room),
		CASE(each_binding_is_walked_once),
		CASE(requests_go_where_answers_go),
		CASE(threads_do_not_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
