/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TLS_SITE_H
#define TESTS_TLS_SITE_H
/* A root, a server certificate in files, and contexts made from them. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tls/ctx.h"
#include "../pki.h"

static struct site {
	struct pki_cert root, leaf;
	char dir[256], cert[300], key[300];
	uint8_t secret[32];
} site;

static inline void
site_put(const char *path, X509 *x, EVP_PKEY *k)
{
	struct buf pem;

	buf_init(&pem, 1 << 16);
	if (x != NULL)
		pki_put_cert(&pem, x);
	if (k != NULL)
		pki_put_key(&pem, k, NULL);
	pki_write(path, buf_as_str(&pem), 0600);
	buf_fini(&pem);
}

static inline int
site_setup(void **state)
{
	clock_fake(PKI_NOW, 1000000);
	site.root = pki_make(&(struct pki_want) { .cn = "Site Root",
	    .ca = true });
	site.leaf = pki_make(&(struct pki_want) { .cn = "sip.example.com",
	    .issuer = &site.root, .rsa = true, .alt = "DNS:sip.example.com" });
	pki_folder(site.dir);
	snprintf(site.cert, sizeof(site.cert), "%s/cert.pem", site.dir);
	snprintf(site.key, sizeof(site.key), "%s/key.pem", site.dir);
	site_put(site.cert, site.leaf.x, NULL);
	site_put(site.key, NULL, site.leaf.k);
	memset(site.secret, 7, sizeof(site.secret));
	return 0;
}

static inline int
site_teardown(void **state)
{
	clock_real();
	pki_free(&site.root);
	pki_free(&site.leaf);
	unlink(site.cert);
	unlink(site.key);
	return rmdir(site.dir);
}

/* A context under these settings; NULL with why filled. */
static inline struct tls_ctx *
site_try(const struct conf_override *over, size_t nover, struct buf *why)
{
	struct conf_override all[8] = { { "domain", "sip.example.com" },
		{ "data", site.dir } };
	struct conf *conf = NULL;
	struct tls_ctx *ctx = NULL;

	for (size_t i = 0; i < nover; i++)
		all[2 + i] = over[i];
	if (conf_load(&conf, NULL, all, 2 + nover, why) != 0)
		fail_msg("%.*s", (int)why->n, why->p);
	struct conf_chain own = { .name = (char[]) { "own" },
		.certificate = site.cert, .key = site.key, .line = -1 };
	struct tls_ctx_params p = {
		.conf = conf, .chain = conf->nchain > 0 ? conf->chain : &own,
		.nchain = conf->nchain > 0 ? conf->nchain : 1,
		.secret = site.secret, .now_s = PKI_NOW,
	};
	int rc = tls_ctx_new(&ctx, &p, why);
	assert_true((rc == 0) == (ctx != NULL));
	conf_unref(conf);
	return ctx;
}

static inline struct tls_ctx *
site_ctx(const char *name, const char *value)
{
	char bytes[1024];
	struct buf why;
	struct conf_override over = { name, value };

	buf_init_array(&why, bytes, sizeof(bytes));
	struct tls_ctx *c = site_try(&over, name != NULL ? 1 : 0, &why);
	if (c == NULL)
		fail_msg("%.*s", (int)why.n, why.p);
	return c;
}

#endif
