/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbedTLS.  Options: "rsa": no suite that needs an ECDSA key; "tls1.0": that
 * version alone.
 */
#include "pipe.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

static mbedtls_ssl_context ssl;
static mbedtls_net_context net;

static const int rsa_suites[] = {
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_RSA_WITH_AES_128_CBC_SHA,
	0
};

static void
choose(mbedtls_ssl_config *conf, const struct pipe_args *a)
{
	if (pipe_has_option(a, "rsa"))
		mbedtls_ssl_conf_ciphersuites(conf, rsa_suites);
	if (pipe_has_option(a, "tls1.0")) {
		mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3,
		    MBEDTLS_SSL_MINOR_VERSION_1);
		mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3,
		    MBEDTLS_SSL_MINOR_VERSION_1);
	}
}

void
tls_open(int fd, const struct pipe_args *a)
{
	static mbedtls_entropy_context entropy;
	static mbedtls_ctr_drbg_context random;
	static mbedtls_ssl_config conf;
	static mbedtls_x509_crt roots;
	int result;

	mbedtls_ssl_init(&ssl);
	mbedtls_ssl_config_init(&conf);
	mbedtls_x509_crt_init(&roots);
	mbedtls_ctr_drbg_init(&random);
	mbedtls_entropy_init(&entropy);
	mbedtls_net_init(&net);
	net.fd = fd;
	if (mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy,
	    NULL, 0) != 0 || mbedtls_x509_crt_parse_file(&roots, a->ca) != 0 ||
	    mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		pipe_refuse("set up", 0);
	mbedtls_ssl_conf_authmode(&conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&conf, &roots, NULL);
	mbedtls_ssl_conf_rng(&conf, mbedtls_ctr_drbg_random, &random);
	choose(&conf, a);
	if (mbedtls_ssl_setup(&ssl, &conf) != 0 ||
	    mbedtls_ssl_set_hostname(&ssl, a->name) != 0)
		pipe_refuse("set up", 1);
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv,
	    NULL);
	result = mbedtls_ssl_handshake(&ssl);
	if (result != 0)
		pipe_refuse("handshake", result);
}

static ssize_t
outcome(int n)
{
	if (n > 0)
		return n;
	return n == MBEDTLS_ERR_SSL_WANT_READ ||
	    n == MBEDTLS_ERR_SSL_WANT_WRITE ? 0 : -1;
}

ssize_t
tls_read(void *p, size_t n)
{
	return outcome(mbedtls_ssl_read(&ssl, p, n));
}

ssize_t
tls_write(const void *p, size_t n)
{
	return outcome(mbedtls_ssl_write(&ssl, p, n));
}

void
tls_close(void)
{
	mbedtls_ssl_close_notify(&ssl);
}
