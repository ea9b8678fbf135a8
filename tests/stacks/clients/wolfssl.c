/* SPDX-License-Identifier: BSD-2-Clause */
/* wolfSSL.  Option "rsa": no suite that needs an ECDSA key, TLS 1.2. */
#include "pipe.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <string.h>

static WOLFSSL *ssl;

void
tls_open(int fd, const struct pipe_args *a)
{
	bool rsa = pipe_has_option(a, "rsa");
	WOLFSSL_CTX *ctx;

	wolfSSL_Init();
	ctx = wolfSSL_CTX_new(rsa ? wolfTLSv1_2_client_method() :
	    wolfSSLv23_client_method());
	if (wolfSSL_CTX_load_verify_locations(ctx, a->ca, NULL) != SSL_SUCCESS)
		pipe_refuse("CA file", 0);
	if (rsa && wolfSSL_CTX_set_cipher_list(ctx,
	    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384") !=
	    SSL_SUCCESS)
		pipe_refuse("cipher list", 0);
	/* With OpenSSL's names come OpenSSL's defaults: no verification. */
	wolfSSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	ssl = wolfSSL_new(ctx);
	wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, a->name,
	    (unsigned short)strlen(a->name));
	wolfSSL_check_domain_name(ssl, a->name);
	wolfSSL_set_fd(ssl, fd);
	if (wolfSSL_connect(ssl) != SSL_SUCCESS)
		pipe_refuse("handshake", wolfSSL_get_error(ssl, 0));
	wolfSSL_set_using_nonblock(ssl, 1);
}

static ssize_t
outcome(int n)
{
	int why = wolfSSL_get_error(ssl, n);

	if (n > 0)
		return n;
	return why == WOLFSSL_ERROR_WANT_READ ||
	    why == WOLFSSL_ERROR_WANT_WRITE ? 0 : -1;
}

ssize_t
tls_read(void *p, size_t n)
{
	return outcome(wolfSSL_read(ssl, p, (int)n));
}

ssize_t
tls_write(const void *p, size_t n)
{
	return outcome(wolfSSL_write(ssl, p, (int)n));
}

void
tls_close(void)
{
	wolfSSL_shutdown(ssl);
}
