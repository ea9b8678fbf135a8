/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage: choose [DEVICES [ROUNDS]]
 *
 * What devices cost: the memory of one with DEVICES known (100,000), a quarter
 * of them refused; the choice of a chain, median and 99th percentile; and all
 * that is done for one handshake that is accepted, or refused, beside
 * what the handshake itself costs the server: evidence (reading along, and what
 * is kept until a SIP message comes), choice, judgement and its words, memory
 * of the device.  CPU time, one thread, no sockets.  Not a test.
 */
#include <ftw.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca/authority.h"
#include "edge/devices.h"
#include "tls/conn.h"
#include "tlswire/fingerprint.h"
#include "tlswire/tap.h"
#include "../tests/temp.h"

#define DOMAIN "example.com"
#define KINDS  50
#define BYTES  65536

static struct devices *devices;
static struct tls_ctx *ctx;
static struct conf *conf;
static char dir[TEMP_MAX];

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "choose: %s failed\n", what);
	exit(3);
}

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t
wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- two chains, and one client's hello ---- */

static void
make_chain(struct conf_chain *c, struct ca_files *f, const char *name)
{
	const struct ca_server_want want = { .names.domain = DOMAIN };
	char path[TEMP_MAX + 16];
	struct buf why;

	buf_init(&why, 4096);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	check(ca_ensure(f, path, &want, clock_wall_s(), &why) == 0,
	    "a CA");
	*c = (struct conf_chain) { .name = (char *)name,
		.certificate = f->server_cert, .key = f->server_key,
		.root = f->ca_cert };
	buf_fini(&why);
}

static void
set_up(void)
{
	static struct ca_files files[2];
	static struct conf_chain chain[2];
	static const uint8_t secret[32];
	const struct conf_override over[] = { { "domain", DOMAIN },
		{ "data", dir } };
	struct tls_ctx_params p = { .chain = chain, .nchain = 2,
		.secret = secret, .now_s = clock_wall_s() };
	struct buf why;

	buf_init(&why, 4096);
	check(temp_folder(dir, "choose") != NULL &&
	    conf_load(&conf, NULL, over, 2, &why) == 0, "settings");
	make_chain(&chain[0], &files[0], "a");
	make_chain(&chain[1], &files[1], "b");
	p.conf = conf;
	check(tls_ctx_new(&ctx, &p, &why) == 0, "chains");
	check(devices_new(&devices, dir, conf, &why) == 0, "devices");
	devices_set_conf(devices, conf, ctx);
	buf_fini(&why);
}

/* ---- a fleet ---- */

static void
peer_number(struct device_peer *p, unsigned i)
{
	p->addr = ADDR_NONE;
	p->addr.u.in.sin_family = AF_INET;
	p->addr.u.in.sin_port = htons((uint16_t)(1024 + i % 60000));
	p->addr.u.in.sin_addr.s_addr = htonl(0x0a000000 + i);
	p->fingerprint = 1 + i % KINDS;
}

static void
refusal(struct trust_evidence *e, const struct device_peer *p)
{
	unsigned n;
	const struct trust_chain *c = tls_ctx_chains(ctx, &n);

	trust_evidence_init(e);
	e->peer = p->addr;
	e->when_s = clock_wall_s();
	e->first = TLS_FIRST_TLS;
	e->hello_seen = true;
	e->max_version = e->version = 0x0303;
	str_copy(e->chain, sizeof(e->chain), str_cstr(c->name));
	str_copy(e->root, sizeof(e->root), str_cstr(c->root));
	e->stage = TRUST_STAGE_CERTIFICATE;
	e->end = TRUST_END_FIN;
	e->us_since_flight = 14000;
	e->nalert = 1;
	e->alert[0].level = 2;
	e->alert[0].description = 48;
}

static void
accept_it(const struct device_peer *p, unsigned chain)
{
	unsigned n;
	const struct device_handshake h = {
		.chain = &tls_ctx_chains(ctx, &n)[chain], .version = 0x0303,
		.cipher_suite = 0xc02f, .now_s = clock_wall_s(),
	};

	devices_accepted(devices, p, &h);
}

static void
register_it(const struct device_peer *p, unsigned i)
{
	char account[32];

	snprintf(account, sizeof(account), "%u@" DOMAIN, i);
	devices_registered(devices, p, str_cstr(account),
	    STR("Cisco/SPA502G-7.6.2"), FLOW_TLS, clock_wall_s());
}

static void
make_fleet(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct trust_evidence e;
		struct trust_verdict v;
		struct device_peer p;

		peer_number(&p, i);
		if (i % 4 == 0) {
			refusal(&e, &p);
			devices_judge(devices, &e, p.fingerprint, &v);
		}
		accept_it(&p, i % 4 == 0);
		register_it(&p, i);
	}
}

/* ---- the choice ---- */

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
time_choice(const char *what, const struct tls_hello *h, unsigned first,
    unsigned n, unsigned rounds)
{
	uint64_t *ns = calloc(rounds, sizeof(*ns)), start, sum = 0;
	unsigned seed = 1;

	check(ns != NULL, "memory");
	for (unsigned i = 0; i < rounds; i++) {
		struct tls_choice choice = { .chain = 0 };
		struct device_peer p;

		peer_number(&p, first + (unsigned)rand_r(&seed) % n);
		start = wall_ns();
		p.fingerprint += tls_hello_fingerprint(h) == 1;
		devices_choose(devices, &p, h, ctx, &choice);
		ns[i] = wall_ns() - start;
		sum += ns[i];
	}
	qsort(ns, rounds, sizeof(*ns), by_value);
	printf("%-28s mean %6.2f us   median %6.2f us   p99 %6.2f us\n", what,
	    (double)sum / rounds / 1000, (double)ns[rounds / 2] / 1000,
	    (double)ns[rounds / 100 * 99] / 1000);
	free(ns);
}

/* ---- the handshake itself ---- */

static struct made {
	uint8_t bytes[4096];
	size_t n;
} hello_bytes;

/* What went over the wire in one handshake, to be read along again. */
#define FLIGHTS_MAX 16
static struct flight {
	enum tls_side side;
	char bytes[8192];
	size_t n;
} flights[FLIGHTS_MAX];
static unsigned nflights;

static void
keep_flight(enum tls_side side, struct str bytes)
{
	struct flight *f = &flights[nflights];

	if (bytes.n == 0)
		return;
	check(nflights < FLIGHTS_MAX && bytes.n <= sizeof(f->bytes),
	    "few flights");
	f->side = side;
	f->n = bytes.n;
	memcpy(f->bytes, bytes.p, bytes.n);
	nflights++;
}

static void
nothing(struct str plain, void *arg)
{
}

static void
keep_hello(struct str flight)
{
	if (hello_bytes.n > 0 || flight.n < 9)
		return;
	hello_bytes.n = flight.n - 5;
	check(hello_bytes.n <= sizeof(hello_bytes.bytes), "a short hello");
	memcpy(hello_bytes.bytes, flight.p + 5, hello_bytes.n);
}

/* One full handshake; the server's CPU time. */
static uint64_t
shake(SSL_CTX *client)
{
	SSL *ssl = SSL_new(client);
	BIO *to = BIO_new(BIO_s_mem()), *from = BIO_new(BIO_s_mem());
	struct tls_conn *c;
	uint64_t start, spent;
	struct buf out;

	nflights = 0;
	buf_init(&out, BYTES);
	SSL_set_bio(ssl, from, to);
	SSL_set_connect_state(ssl);
	start = cpu_ns();
	check(tls_conn_new(&c, ctx, clock_mono_us(), NULL, NULL) == 0,
	    "a connection");
	spent = cpu_ns() - start;
	while (SSL_do_handshake(ssl) != 1 ||
	    tls_conn_state(c) != TLS_CONN_OPEN) {
		char *p;
		long n = BIO_get_mem_data(to, &p);

		keep_hello(str_of(p, (size_t)n));
		keep_flight(TLS_CLIENT, str_of(p, (size_t)n));
		start = cpu_ns();
		tls_conn_feed(c, str_of(p, (size_t)n), clock_mono_us(), &out,
		    nothing, NULL);
		spent += cpu_ns() - start;
		check(tls_conn_state(c) != TLS_CONN_FAILED, "a handshake");
		BIO_reset(to);
		BIO_write(from, out.p, (int)out.n);
		keep_flight(TLS_SERVER, buf_as_str(&out));
		buf_reset(&out);
	}
	SSL_free(ssl);
	start = cpu_ns();
	tls_conn_accepted(c);
	tls_conn_free(c);
	spent += cpu_ns() - start;
	buf_fini(&out);
	return spent;
}

static double
time_handshakes(int version, unsigned rounds)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	uint64_t sum = 0;

	SSL_CTX_set_max_proto_version(client, version);
	for (unsigned i = 0; i < rounds; i++)
		sum += shake(client);
	SSL_CTX_free(client);
	return (double)sum / rounds / 1000;
}

/* ---- all that is done for one handshake ---- */

static void
keep_copy(const struct tls_hello *h, void *arg)
{
	buf_str(arg, h->raw);
}

/* Reading along, as tls/conn does: n flights of the handshake. */
static void
read_along(unsigned n)
{
	struct tls_tap *t = calloc(1, sizeof(*t));
	struct buf copy;

	check(t != NULL, "memory");
	buf_init(&copy, TLS_TAP_HELLO_MAX);
	tls_tap_init(t);
	for (unsigned i = 0; i < n && i < nflights; i++)
		tls_tap_feed(t, flights[i].side, str_of(flights[i].bytes,
		    flights[i].n), 1000 + i, keep_copy, &copy);
	tls_tap_fini(t);
	buf_fini(&copy);
	free(t);
}

static double
time_accepted(const struct tls_hello *h, unsigned n, unsigned rounds)
{
	uint64_t start = cpu_ns();
	unsigned seed = 2;

	for (unsigned i = 0; i < rounds; i++) {
		unsigned number = (unsigned)rand_r(&seed) % n;
		struct tls_choice choice = { .chain = 0 };
		struct device_peer p;

		read_along(nflights);
		peer_number(&p, number);
		p.fingerprint += tls_hello_fingerprint(h) == 1;
		devices_choose(devices, &p, h, ctx, &choice);
		accept_it(&p, number % 4 == 0);
		register_it(&p, number);
	}
	return (double)(cpu_ns() - start) / rounds / 1000;
}

static double
time_refused(const struct tls_hello *h, unsigned n, unsigned rounds)
{
	uint64_t start = cpu_ns();
	unsigned seed = 3;

	for (unsigned i = 0; i < rounds; i++) {
		struct tls_choice choice = { .chain = 0 };
		struct trust_evidence e;
		struct trust_verdict v;
		struct device_peer p;

		read_along(2);
		peer_number(&p, (unsigned)rand_r(&seed) % n);
		p.fingerprint += tls_hello_fingerprint(h) == 1;
		devices_choose(devices, &p, h, ctx, &choice);
		refusal(&e, &p);
		trust_evidence_hello(&e, h);
		devices_judge(devices, &e, p.fingerprint, &v);
	}
	return (double)(cpu_ns() - start) / rounds / 1000;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 200000;
	double cold, cold13, accepted, refused;
	struct tls_hello h;
	size_t before;

	check(n > 0 && rounds >= 100, "reading the numbers");
	log_set_level(LOG_LEVEL_ERR);
	set_up();
	cold = time_handshakes(TLS1_2_VERSION, 300);
	hello_bytes.n = 0;
	cold13 = time_handshakes(TLS1_3_VERSION, 300);
	check(tls_hello_parse(&h, str_of((const char *)hello_bytes.bytes,
	    hello_bytes.n)) == 0, "reading the hello");
	before = mallinfo2().uordblks;
	make_fleet(n);
	devices_sync(devices);
	printf("%u devices known, %u rounds\n", n, rounds);
	printf("memory of a device           %6zu bytes\n",
	    (mallinfo2().uordblks - before) / n);
	time_choice("choice, device known", &h, 0, n, rounds);
	time_choice("choice, device unknown", &h, n, n, rounds);
	accepted = time_accepted(&h, n, rounds);
	refused = time_refused(&h, n, rounds / 10);
	printf("cold handshake               TLS 1.2 %6.0f us   TLS 1.3 "
	    "%6.0f us\n", cold, cold13);
	printf("devices, accepted handshake  %6.2f us   %.2f %% of TLS 1.3\n",
	    accepted, 100 * accepted / cold13);
	printf("devices, refused handshake   %6.2f us   %.2f %% of TLS 1.3\n",
	    refused, 100 * refused / cold13);
	devices_free(devices);
	tls_ctx_unref(ctx);
	conf_unref(conf);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
