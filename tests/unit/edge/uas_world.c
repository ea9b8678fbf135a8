/* SPDX-License-Identifier: BSD-2-Clause */
#include "uas_world.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/tally.h"
#include "edge/users.h"
#include "net/loop.h"
#include "sip/auth.h"
#include "sip/param.h"

#define WAIT_MAX_S 20

struct world world;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- in place of edge/flow ---- */

const char *
flow_transport_name(enum flow_transport t)
{
	static const char *const names[] = { "UDP", "TCP", "TLS" };

	return names[t];
}

struct loop *
flow_loop(const struct flow *f)
{
	return world.loop;
}

bool
flow_send(const struct flow *f, struct str bytes)
{
	assert_true(str_copy(world.answer, sizeof(world.answer), bytes));
	world.sent++;
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
	world.kept++;
	str_copy(world.kept_aor, sizeof(world.kept_aor), aor);
}

/* ---- the world ---- */

static void
log_sink(const char *line, size_t n, void *arg)
{
	pthread_mutex_lock(&log_lock);
	buf_put(&world.log, line, n);
	buf_putc(&world.log, '\n');
	pthread_mutex_unlock(&log_lock);
}

bool
world_logged(const char *words)
{
	bool found;

	pthread_mutex_lock(&log_lock);
	found = world.log.n > 0 && memmem(world.log.p, world.log.n, words,
	    strlen(words)) != NULL;
	pthread_mutex_unlock(&log_lock);
	return found;
}

static struct conf *
make_conf(const struct conf_override *more)
{
	struct conf_override over[16] = {
		{ "domain", "example.com" }, { "contacts_max", "3" },
		{ "challenge", "MD5" }, { "challenge", "SHA-256" },
	};
	struct conf *conf;
	struct buf why;
	size_t n = 4;

	/* A list given again begins anew: drop ours when it is. */
	for (size_t i = 0; more != NULL && more[i].name != NULL; i++) {
		if (strcmp(more[i].name, "challenge") == 0)
			n = 2;
	}
	for (; more != NULL && more->name != NULL; more++)
		over[n++] = *more;
	buf_init(&why, 4096);
	if (conf_load(&conf, NULL, over, n, &why) != 0) {
		print_message("%.*s\n", STR_FMT(buf_as_str(&why)));
		return NULL;
	}
	buf_fini(&why);
	return conf;
}

int
world_begin(const struct conf_override *more)
{
	memset(&world, 0, sizeof(world));
	world.answer_room = sizeof(world.answer) - 1;
	buf_init(&world.log, 1 << 20);
	/* What earlier tests have counted is said and forgotten. */
	log_set_sink(log_sink, NULL);
	tally_flush(clock_mono_ms(), true);
	buf_reset(&world.log);
	clock_fake(WORLD_WALL_S, clock_mono_us());
	world.conf = make_conf(more);
	if (world.conf == NULL || loop_new(&world.loop) != 0 ||
	    store_open_memory(&world.store) != 0 ||
	    users_new(&world.users) != 0 ||
	    location_new(&world.location, world.conf, world.store,
	    world.users) != 0 ||
	    uas_new(&world.uas, world.conf, world.location, world.users) != 0 ||
	    addr_parse(&world.flow.peer, STR("192.0.2.1:5060"), 0) != 0 ||
	    addr_parse(&world.flow.local, STR("192.0.2.9:5060"), 0) != 0)
		return -1;
	world_user("100", "secret");
	return 0;
}

int
world_setup(void **state)
{
	return world_begin(NULL);
}

int
world_teardown(void **state)
{
	/* As the edge ends: the last answers go out, some read the bindings. */
	location_stop(world.location);
	event_base_loop(loop_base(world.loop), EVLOOP_NONBLOCK);
	location_free(world.location);
	uas_free(world.uas);
	users_free(world.users);
	store_close(world.store);
	loop_free(world.loop);
	conf_unref(world.conf);
	clock_real();
	log_set_sink(NULL, NULL);
	buf_fini(&world.log);
	return 0;
}

void
world_reload(const struct conf_override *more)
{
	struct conf *conf = make_conf(more);

	assert_non_null(conf);
	uas_set_conf(world.uas, conf);
	location_set_conf(world.location, conf);
	conf_unref(world.conf);
	world.conf = conf;
}

void
world_user(const char *name, const char *password)
{
	struct store_user u = { .name = str_cstr(name),
		.realm = STR("example.com") };

	for (int a = 0; a < DIGEST_ALGS; a++)
		sip_ha1((enum digest_alg)a, u.name, u.realm,
		    str_cstr(password), u.ha1[a]);
	assert_int_equal(store_put_user(world.store, &u), 0);
	assert_int_equal(users_load(world.users, world.store), 0);
}

void
world_later(int seconds)
{
	clock_fake(clock_wall_s() + seconds, clock_mono_us());
}

/*
 * Let the writer's time go on a little.  Never beyond the real time: it waits
 * for moments of that.
 */
static void
turn(void)
{
	const struct timeval moment = { .tv_usec = 1000 };
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock_fake(clock_wall_s(), (uint64_t)now.tv_sec * 1000000 +
	    (uint64_t)now.tv_nsec / 1000);
	event_base_loopexit(loop_base(world.loop), &moment);
	event_base_loop(loop_base(world.loop), EVLOOP_ONCE);
}

/* ---- messages and answers ---- */

enum uas_result
world_handle(const char *message)
{
	static struct sip_msg m;
	enum uas_result result;
	/* As in the edge: a buffer that is gone when the call is over. */
	size_t n = strlen(message);
	char *bytes = malloc(n + 1);
	struct buf out;

	assert_non_null(bytes);
	memcpy(bytes, message, n);
	buf_init(&out, world.answer_room);
	IGNORE(sip_msg_parse(&m, str_of(bytes, n), /* the UAS looks at it */
	    world.flow.transport == FLOW_UDP ? SIP_DATAGRAM : SIP_STREAM,
	    16384));
	world.answer[0] = '\0';
	result = uas_handle(world.uas, &world.flow, &m, &out);
	if (result == UAS_REPLY) {
		assert_false(out.failed);
		assert_true(str_copy(world.answer, sizeof(world.answer),
		    buf_as_str(&out)));
	}
	buf_fini(&out);
	free(bytes);
	return result;
}

int
world_status(void)
{
	return strncmp(world.answer, "SIP/2.0 ", 8) == 0 ?
	    atoi(world.answer + 8) : 0;
}

void
world_wait(void)
{
	unsigned before = world.sent;
	time_t end = time(NULL) + WAIT_MAX_S;

	while (world.sent == before) {
		turn();
		assert_true(time(NULL) < end);
	}
}

int
world_send(const char *message)
{
	enum uas_result result = world_handle(message);

	if (result == UAS_LATER)
		world_wait();
	return result == UAS_NONE ? 0 : world_status();
}

const char *
world_header(const char *name, int n)
{
	static char value[ANSWER_SIZE];
	size_t len = strlen(name);

	for (char *p = strstr(world.answer, "\r\n"); p != NULL;
	     p = strstr(p, "\r\n")) {
		p += 2;
		if (strncmp(p, name, len) != 0 || p[len] != ':' || n-- > 0)
			continue;
		p += len + 2;
		snprintf(value, sizeof(value), "%.*s",
		    (int)strcspn(p, "\r\n"), p);
		return value;
	}
	return NULL;
}

size_t
world_count(const char *name)
{
	size_t n = 0;

	while (world_header(name, (int)n) != NULL)
		n++;
	return n;
}

/* ---- phones ---- */

void
phone_init(struct phone *p, const char *user)
{
	static unsigned phones;

	memset(p, 0, sizeof(*p));
	p->user = user;
	p->password = "secret";
	p->domain = "example.com";
	p->agent = "test/1";
	p->call_id = "call";
	p->via = "";
	p->branch = ++phones * 1000;
}

static void
put_authorization(struct buf *out, struct phone *p, const char *uri)
{
	struct str user = str_cstr(p->auth_user != NULL ? p->auth_user :
							  p->user);

	buf_puts(out, "Authorization: ");
	sip_credentials_put(out, p->alg, user,
	    str_cstr(p->realm != NULL ? p->realm : "example.com"),
	    str_cstr(p->password), STR("REGISTER"),
	    str_cstr(p->digest_uri != NULL ? p->digest_uri : uri),
	    str_cstr(p->nonce), p->no_qop ? 0 : ++p->nc,
	    p->no_qop ? STR_NULL : STR("cnonce"));
	buf_puts(out, "\r\n");
}

void
phone_build(struct phone *p, const char *fields)
{
	char uri[256];
	struct buf out;

	snprintf(uri, sizeof(uri), "sip:%s", p->domain);
	buf_init_array(&out, p->last, sizeof(p->last) - 1);
	buf_printf(&out, "REGISTER %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%u\r\n%s"
	    "From: <sip:%s@%s>;tag=1\r\nTo: <sip:%s@%s>\r\n"
	    "Call-ID: %s\r\nCSeq: %u REGISTER\r\nUser-Agent: %s\r\n", uri,
	    ++p->branch, p->via, p->user, p->domain, p->user, p->domain,
	    p->call_id, ++p->cseq, p->agent);
	if (p->nonce[0] != '\0')
		put_authorization(&out, p, uri);
	buf_printf(&out, "%sContent-Length: 0\r\n\r\n", fields);
	assert_false(out.failed);
	p->last[out.n] = '\0';
}

int
phone_once(struct phone *p, const char *fields)
{
	phone_build(p, fields);
	return world_send(p->last);
}

bool
phone_challenged(struct phone *p)
{
	struct str name = sip_digest_name(p->alg);
	char want[32];

	snprintf(want, sizeof(want), "algorithm=%.*s,", STR_FMT(name));
	for (size_t i = 0; i < world_count("WWW-Authenticate"); i++) {
		const char *c = world_header("WWW-Authenticate", (int)i);
		const char *nonce = strstr(c, "nonce=\"");

		if (strstr(c, want) == NULL)
			continue;
		assert_non_null(nonce);
		nonce += strlen("nonce=\"");
		snprintf(p->nonce, sizeof(p->nonce), "%.*s",
		    (int)strcspn(nonce, "\""), nonce);
		p->nc = 0;
		return true;
	}
	return false;
}

int
phone_register(struct phone *p, const char *fields)
{
	int status = phone_once(p, fields);

	if (status == 401 && phone_challenged(p))
		status = phone_once(p, fields);
	return status;
}
