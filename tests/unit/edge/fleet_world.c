/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fleet_world.h"

struct tls_ctx ctx;
struct devices *d;
char dir[64], lines[8192];
struct tls_hello hello[3];
int64_t now_s;
static struct made_hello made[3];

const struct trust_chain *
tls_ctx_chains(const struct tls_ctx *c, unsigned *n)
{
	*n = c->n;
	return c->chain;
}

static void
take_line(const char *line, size_t n, void *arg)
{
	size_t at = strlen(lines);

	if (at + n + 2 < sizeof(lines)) {
		memcpy(lines + at, line, n);
		lines[at + n] = '\n';
		lines[at + n + 1] = '\0';
	}
}

struct conf *
conf_with(const char *name, const char *value)
{
	const struct conf_override over[] = {
		{ "domain", "example.com" }, { "data", dir },
		{ "chain", "a=/x,/y" }, { "chain", "b=/x,/y" },
		{ "chain", "c=/x,/y" }, { name, value },
	};
	struct conf *conf;
	struct buf why;

	buf_init(&why, 4096);
	if (conf_load(&conf, NULL, over, name != NULL ? 6 : 5, &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	buf_fini(&why);
	return conf;
}

void
set(const char *name, const char *value)
{
	struct conf *conf = conf_with(name, value);

	devices_set_conf(d, conf, &ctx);
	conf_unref(conf);
}

void
start(void)
{
	struct conf *conf = conf_with(NULL, NULL);
	struct buf why;

	buf_init(&why, 4096);
	if (devices_new(&d, dir, conf, &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	buf_fini(&why);
	devices_set_conf(d, conf, &ctx);
	conf_unref(conf);
}

void
restart(void)
{
	devices_free(d);
	start();
}

static void
make_hellos(void)
{
	const uint16_t *const suites[] = { LIST16(0xc02f, 0x009c),
		LIST16(0xc030, 0x009d), LIST16(0xc014, 0x0035) };

	for (int i = 0; i < 3; i++) {
		made_begin(&made[i], i == 2 ? 0x0301 : 0x0303, suites[i], 0);
		assert_int_equal(made_end(&made[i], &hello[i]), 0);
	}
}

int
fleet_setup(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	static const char *const roots[] = { "A", "B", "C" };

	now_s = clock_wall_s();
	memset(&ctx, 0, sizeof(ctx));
	ctx.n = 3;
	for (int i = 0; i < 3; i++) {
		struct trust_chain *c = &ctx.chain[i];

		strcpy(c->name, names[i]);
		strcpy(c->root, roots[i]);
		c->key = TRUST_KEY_RSA;
		c->bits = 2048;
		c->depth = 2;
		c->signed_with = 1u << TRUST_SIGNED_RSA_SHA256;
		c->not_before_s = now_s - 1000000;
		c->not_after_s = now_s + 100000000;
	}
	make_hellos();
	snprintf(dir, sizeof(dir), "%s", "siptrust-devices-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	lines[0] = '\0';
	log_set_sink(take_line, NULL);
	start();
	return 0;
}

int
fleet_teardown(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm", ".broken",
		".broken-wal", ".broken-shm" };
	char path[128];

	devices_free(d);
	log_set_sink(NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/devices.db%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* ---- a phone ---- */

struct device_peer
peer_of(const struct phone *p)
{
	struct device_peer peer;

	assert_int_equal(addr_parse(&peer.addr, str_cstr(p->at), 0), 0);
	peer.fingerprint = tls_hello_fingerprint(&hello[p->hello]);
	return peer;
}

struct tls_choice
chosen(const struct phone *p)
{
	struct device_peer peer = peer_of(p);
	struct tls_choice c = { .chain = 0 };

	devices_choose(d, &peer, &hello[p->hello], &ctx, &c);
	return c;
}

void
refuse(struct phone *p, unsigned chain, uint8_t code)
{
	struct device_peer peer = peer_of(p);
	const struct trust_chain *c = &ctx.chain[chain];
	struct trust_evidence e;

	trust_evidence_init(&e);
	trust_evidence_hello(&e, &hello[p->hello]);
	e.peer = peer.addr;
	e.when_s = now_s;
	e.first = TLS_FIRST_TLS;
	strcpy(e.chain, c->name);
	strcpy(e.root, c->root);
	e.chain_not_before_s = c->not_before_s;
	e.chain_not_after_s = c->not_after_s;
	e.chain_depth = c->depth;
	e.our_key = c->key;
	e.our_min_version = TLS_VERSION_1_2;
	e.our_max_version = TLS_VERSION_1_3;
	e.version = TLS_VERSION_1_2;
	e.stage = TRUST_STAGE_CERTIFICATE;
	e.end = TRUST_END_FIN;
	e.us_since_flight = 14000;
	if (code != 0) {
		e.nalert = 1;
		e.alert[0].side = TLS_CLIENT;
		e.alert[0].level = 2;
		e.alert[0].description = code;
	}
	devices_judge(d, &e, peer.fingerprint, &p->v);
}

void
register_it(const struct phone *p, enum flow_transport transport)
{
	struct device_peer peer = peer_of(p);

	if (transport != FLOW_TLS)
		peer.fingerprint = 0;
	if (p->account != NULL)
		devices_registered(d, &peer, str_cstr(p->account),
		    str_cstr(p->user_agent), transport, now_s);
}

void
accept_it(const struct phone *p, unsigned chain)
{
	struct device_peer peer = peer_of(p);
	struct device_handshake h = {
		.chain = &ctx.chain[chain], .version = TLS_VERSION_1_2,
		.cipher_suite = 0xc02f, .hello = &hello[p->hello],
		.now_s = now_s,
	};

	devices_accepted(d, &peer, &h);
	register_it(p, FLOW_TLS);
}

char
come(struct phone *p)
{
	unsigned chain = chosen(p).chain;

	now_s++;
	if ((p->holds & 1u << chain) == 0) {
		refuse(p, chain, TLS_ALERT_unknown_ca);
		return (char)('a' + chain);
	}
	accept_it(p, chain);
	return (char)('A' + chain);
}

void
comes(struct phone *p, const char *expected)
{
	char did[32] = "";

	for (size_t i = 0; expected[i] != '\0'; i++)
		did[i] = come(p);
	assert_string_equal(did, expected);
}
