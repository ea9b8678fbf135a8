/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "tls/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct tls_ctx *ctx;

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* A certificate of P-256 (quick), with its key, in a file without a name. */
static void
make_chain(char path[64])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	int fd = memfd_create("chain.pem", MFD_CLOEXEC);
	FILE *f = fdopen(fd, "w");

	must(key != NULL && x != NULL && f != NULL);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName,
	    MBSTRING_UTF8, (const unsigned char *)"fuzz", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	must(X509_sign(x, key, EVP_sha256()) > 0);
	must(PEM_write_X509(f, x) == 1);
	must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	must(fflush(f) == 0);
	X509_free(x);
	EVP_PKEY_free(key);
	/* f stays open: the path is its descriptor's. */
	snprintf(path, 64, "/proc/self/fd/%d", fd);
}

static void
make_ctx(void)
{
	static const uint8_t secret[32];
	const struct conf_override over[] = { { "domain", "fuzz.invalid" },
		{ "data", "unused" } };
	struct conf *conf = NULL;
	struct buf why;
	char path[64];

	buf_init(&why, 4096);
	make_chain(path);
	must(conf_load(&conf, NULL, over, 2, &why) == 0);
	struct conf_chain chain = { .name = (char[]) { "own" },
		.certificate = path, .key = path, .line = -1 };
	struct tls_ctx_params p = {
		.conf = conf, .chain = &chain, .nchain = 1,
		.secret = secret, .now_s = clock_wall_s(),
	};
	must(tls_ctx_new(&ctx, &p, &why) == 0);
	conf_unref(conf);
	buf_fini(&why);
}

static void
on_data(struct str plain, void *arg)
{
	/* Nobody who makes up bytes gets through a handshake. */
	abort();
}

static void
check_evidence(const struct tls_conn *c, enum tls_conn_state state)
{
	struct trust_evidence e, again;
	struct buf text;
	int line;

	tls_conn_evidence(c, &e, TRUST_END_FIN, 2000000);
	must(e.stage < TRUST_STAGE_FINISHED && e.app_bytes == 0);
	must(e.nalert <= TLS_TAP_ALERTS_MAX);
	must(e.first == tls_conn_first(c));
	buf_init(&text, 1 << 16);
	trust_evidence_print(&text, &e);
	must(!text.failed);
	must(trust_evidence_scan(&again, buf_as_str(&text), &line) == 0);
	buf_fini(&text);
	must(state == TLS_CONN_HANDSHAKE || state == TLS_CONN_FAILED);
}

/* First byte: how many bytes a feed takes, 0: all. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum tls_conn_state state = TLS_CONN_HANDSHAKE;
	struct tls_conn *c = NULL;
	struct buf out;
	uint64_t now_us = 1000000;

	if (ctx == NULL)
		make_ctx();
	if (n == 0)
		return 0;
	size_t step = data[0] != 0 ? data[0] : n;
	buf_init(&out, 1 << 20);
	must(tls_conn_new(&c, ctx, now_us, NULL, NULL) == 0);
	for (size_t at = 1; at < n; at += step) {
		size_t take = n - at < step ? n - at : step;
		state = tls_conn_feed(c,
		    str_of((const char *)data + at, take), ++now_us, &out,
		    on_data, NULL);
		must(state == tls_conn_state(c));
		must(ERR_peek_error() == 0);
	}
	check_evidence(c, state);
	tls_conn_free(c);
	buf_fini(&out);
	return 0;
}
