/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL, used as some programs use it.  Options:
 *   late        the handshake is completed whatever is shown, then the chain is
 *               judged and, if it is not right, the connection closed with
 *               close_notify and not one byte of SIP (pjsip, Asterisk)
 *   silent      hangs up at the certificate, without an alert
 *   old-paths   builds paths as 1.0.1 did: from what was sent first, and no
 *               other path is tried when that one ends badly
 *   depth=N     at most N certificates between the leaf and the root
 */
#include "pipe.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static SSL *ssl;

static int
hang_up(int ok, X509_STORE_CTX *store)
{
	if (!ok) {
		close(SSL_get_fd(ssl));
		pipe_refuse("hung up", X509_STORE_CTX_get_error(store));
	}
	return 1;
}

/* Here, since the flags of the defaults are put in just before. */
static int
verify_as_before_1_1(X509_STORE_CTX *store, void *arg)
{
	X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(store);

	X509_VERIFY_PARAM_clear_flags(p, X509_V_FLAG_TRUSTED_FIRST);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_NO_ALT_CHAINS);
	return X509_verify_cert(store);
}

static void
limit_paths(SSL_CTX *ctx, const struct pipe_args *a)
{
	if (pipe_has_option(a, "old-paths"))
		SSL_CTX_set_cert_verify_callback(ctx, verify_as_before_1_1,
		    NULL);
	for (char **o = a->option; *o != NULL; o++) {
		if (strncmp(*o, "depth=", 6) == 0)
			X509_VERIFY_PARAM_set_depth(SSL_CTX_get0_param(ctx),
			    atoi(*o + 6));
	}
}

void
tls_open(int fd, const struct pipe_args *a)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool late = pipe_has_option(a, "late");
	long result;

	if (SSL_CTX_load_verify_locations(ctx, a->ca, NULL) != 1)
		pipe_refuse("CA file", 0);
	SSL_CTX_set_verify(ctx, late ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
	    pipe_has_option(a, "silent") ? hang_up : NULL);
	limit_paths(ctx, a);
	ssl = SSL_new(ctx);
	SSL_set_tlsext_host_name(ssl, a->name);
	SSL_set1_host(ssl, a->name);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		pipe_refuse("handshake", (int)SSL_get_verify_result(ssl));
	result = SSL_get_verify_result(ssl);
	if (result != X509_V_OK) {
		SSL_shutdown(ssl);
		pipe_refuse("refused after the handshake", (int)result);
	}
}

static ssize_t
outcome(int n)
{
	int why = SSL_get_error(ssl, n);

	if (n > 0)
		return n;
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 :
	    -1;
}

ssize_t
tls_read(void *p, size_t n)
{
	return outcome(SSL_read(ssl, p, (int)n));
}

ssize_t
tls_write(const void *p, size_t n)
{
	return outcome(SSL_write(ssl, p, (int)n));
}

void
tls_close(void)
{
	SSL_shutdown(ssl);
}
