/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/opinion.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tls/client_int.h"

/* The certificate takes its root's place: then the root's own dates, which RFC
 * 5280 6.1 leaves out as well, and its signature are not looked at. */
static X509_STORE_CTX *
context(X509_STORE *store, STACK_OF(X509) *chain, X509 *anchor)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (ctx == NULL || X509_STORE_add_cert(store, anchor) != 1 ||
	    X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0),
	    chain) != 1 || X509_STORE_CTX_set_default(ctx, "ssl_server") != 1) {
		X509_STORE_CTX_free(ctx);
		return NULL;
	}
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
	return ctx;
}

static void
put_words(struct tls_opinion *out, const struct judgement *j,
    const char *name, const char *root)
{
	for (int f = 0; f < TRUST_FAULTS; f++) {
		struct buf text;

		if ((out->faults & 1u << f) == 0)
			continue;
		buf_init_array(&text, out->words[f], TLS_OPINION_WORDS - 1);
		judgement_words(&text, j, (enum trust_fault)f, name, root);
		out->words[f][text.n] = '\0';
	}
}

int
tls_opinion_of(struct tls_opinion *out, const struct tls_look *look,
    STACK_OF(X509) *chain, unsigned at, const char *name, const char *root,
    int64_t now_s)
{
	struct judgement j = { .chain = NULL };
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = store == NULL ? NULL :
	    context(store, chain, sk_X509_value(chain, (int)at));
	struct tls_look l = *look;

	memset(out, 0, sizeof(*out));
	if (ctx == NULL) {
		ERR_clear_error();
		X509_STORE_free(store);
		return -ENOMEM;
	}
	/* Where its root is, is the question's: paths lead there alone. */
	l.old_paths = false;
	judgement_find(&j, ctx, &l, name, now_s);
	out->faults = tls_manner_minds(&l.manner, j.faults);
	put_words(out, &j, name, root);
	judgement_fini(&j);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return 0;
}
