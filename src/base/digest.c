/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/err.h"

#define BLOCK 64 /* bytes, of MD5 and SHA-256 alike */

/* A thread's contexts, allocated at its first digest, freed at its end. */
struct contexts {
	EVP_MD_CTX *ctx[DIGEST_ALGS];
};

static const struct {
	const char *name;
	size_t len;
} algs[DIGEST_ALGS] = {
	[DIGEST_MD5] = { "MD5", 16 },
	[DIGEST_SHA256] = { "SHA2-256", 32 },
};

static EVP_MD *fetched[DIGEST_ALGS];
static pthread_key_t contexts_key;
static pthread_once_t setup_once = PTHREAD_ONCE_INIT;
static int setup_result = E_CRYPTO;
static _Thread_local struct contexts *mine;

static void
contexts_free(void *arg)
{
	struct contexts *c = arg;
	for (size_t i = 0; i < DIGEST_ALGS; i++)
		EVP_MD_CTX_free(c->ctx[i]);
	free(c);
	mine = NULL;
}

static void
setup(void)
{
	OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();
	if (lib == NULL)
		return;
	/* Named, so that no openssl.cnf decides what there is. */
	if (OSSL_PROVIDER_load(lib, "default") == NULL)
		return;
	for (size_t i = 0; i < DIGEST_ALGS; i++) {
		fetched[i] = EVP_MD_fetch(lib, algs[i].name, NULL);
		if (fetched[i] == NULL)
			return;
	}
	if (pthread_key_create(&contexts_key, contexts_free) != 0)
		return;
	setup_result = 0;
}

int
digest_setup(void)
{
	(void)pthread_once(&setup_once, setup);
	return setup_result;
}

size_t
digest_len(enum digest_alg alg)
{
	return algs[alg].len;
}

static void
contexts_new(void)
{
	if (digest_setup() != 0)
		abort();
	struct contexts *c = calloc(1, sizeof(*c));
	if (c == NULL || pthread_setspecific(contexts_key, c) != 0)
		abort();
	for (size_t i = 0; i < DIGEST_ALGS; i++) {
		c->ctx[i] = EVP_MD_CTX_new();
		if (c->ctx[i] == NULL ||
		    EVP_DigestInit_ex2(c->ctx[i], fetched[i], NULL) != 1)
			abort();
	}
	mine = c;
}

/* A started context of this thread: no allocation after the first. */
static EVP_MD_CTX *
start(enum digest_alg alg)
{
	if (mine == NULL)
		contexts_new();
	EVP_MD_CTX *ctx = mine->ctx[alg];
	if (EVP_DigestInit_ex2(ctx, fetched[alg], NULL) != 1)
		abort();
	return ctx;
}

static void
update(EVP_MD_CTX *ctx, const void *p, size_t n)
{
	if (n > 0 && EVP_DigestUpdate(ctx, p, n) != 1)
		abort();
}

static void
finish(EVP_MD_CTX *ctx, uint8_t *out)
{
	if (EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		abort();
}

void
digest(enum digest_alg alg, const struct str *parts, size_t nparts,
    uint8_t out[DIGEST_MAX])
{
	EVP_MD_CTX *ctx = start(alg);
	for (size_t i = 0; i < nparts; i++)
		update(ctx, parts[i].p, parts[i].n);
	finish(ctx, out);
}

void
digest_hex(enum digest_alg alg, const struct str *parts, size_t nparts,
    char out[2 * DIGEST_MAX + 1])
{
	uint8_t raw[DIGEST_MAX];
	digest(alg, parts, nparts, raw);
	str_hex(out, raw, algs[alg].len);
}

void
digest_hmac(struct str key, const struct str *parts, size_t nparts,
    uint8_t out[32])
{
	uint8_t k[BLOCK] = { 0 }, pad[BLOCK];

	if (key.n > sizeof(k))
		digest(DIGEST_SHA256, &key, 1, k);
	else if (key.n > 0)
		memcpy(k, key.p, key.n);

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = k[i] ^ 0x36;
	EVP_MD_CTX *ctx = start(DIGEST_SHA256);
	update(ctx, pad, sizeof(pad));
	for (size_t i = 0; i < nparts; i++)
		update(ctx, parts[i].p, parts[i].n);
	finish(ctx, out);

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = k[i] ^ 0x5c;
	ctx = start(DIGEST_SHA256);
	update(ctx, pad, sizeof(pad));
	update(ctx, out, 32);
	finish(ctx, out);
	digest_wipe(k, sizeof(k));
	digest_wipe(pad, sizeof(pad));
}

void
digest_hkdf(struct str secret, struct str info, void *out, size_t n)
{
	static const char no_salt[32];
	uint8_t prk[32], block[32];
	uint8_t *to = out;

	assert(n <= 255 * sizeof(block));
	digest_hmac(str_of(no_salt, sizeof(no_salt)), &secret, 1, prk);
	size_t have = 0;
	for (uint8_t i = 1; n > 0; i++) {
		struct str parts[] = {
			{ (const char *)block, have },
			info,
			{ (const char *)&i, 1 },
		};
		digest_hmac(str_of((const char *)prk, sizeof(prk)), parts,
		    ARRAY_LEN(parts), block);
		have = sizeof(block);
		size_t take = n < have ? n : have;
		memcpy(to, block, take);
		to += take;
		n -= take;
	}
	digest_wipe(prk, sizeof(prk));
	digest_wipe(block, sizeof(block));
}

void
digest_random(void *out, size_t n)
{
	uint8_t *p = out;
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort();
		}
		p += got;
		n -= (size_t)got;
	}
}

bool
digest_equal(const void *a, const void *b, size_t n)
{
	return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}

void
digest_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
