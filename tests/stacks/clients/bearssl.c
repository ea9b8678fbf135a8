/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BearSSL: no alert when it refuses a certificate, it stops reading and closes.
 * Options: "rsa": no suite that needs an ECDSA key; "tls1.0": that version
 * alone.
 */
#include "pipe.h"

#include <bearssl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 65536

static br_ssl_client_context client;
static int fd;
static struct bytes {
	unsigned char p[FILE_MAX];
	size_t n;
} der, name;

static const uint16_t rsa_suites[] = {
	BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_RSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_RSA_WITH_AES_128_CBC_SHA,
};

static void
append(void *to, const void *data, size_t n)
{
	struct bytes *b = to;

	if (n > sizeof(b->p) - b->n)
		pipe_refuse("CA file too large", 0);
	memcpy(b->p + b->n, data, n);
	b->n += n;
}

static void
read_pem(const char *path)
{
	br_pem_decoder_context pem;
	unsigned char text[FILE_MAX];
	FILE *f = fopen(path, "r");
	size_t n = f != NULL ? fread(text, 1, sizeof(text), f) : 0;

	br_pem_decoder_init(&pem);
	for (size_t at = 0; at < n;) {
		at += br_pem_decoder_push(&pem, text + at, n - at);
		switch (br_pem_decoder_event(&pem)) {
		case BR_PEM_BEGIN_OBJ:
			br_pem_decoder_setdest(&pem, append, &der);
			break;
		case BR_PEM_END_OBJ:
			return;
		case BR_PEM_ERROR:
			pipe_refuse("CA file", 0);
		}
	}
	pipe_refuse("CA file", 1);
}

static void
read_anchor(br_x509_trust_anchor *ta, const char *path)
{
	static br_x509_decoder_context x509;

	read_pem(path);
	br_x509_decoder_init(&x509, append, &name);
	br_x509_decoder_push(&x509, der.p, der.n);
	if (br_x509_decoder_get_pkey(&x509) == NULL)
		pipe_refuse("CA file", br_x509_decoder_last_error(&x509));
	ta->dn.data = name.p;
	ta->dn.len = name.n;
	ta->flags = BR_X509_TA_CA;
	ta->pkey = *br_x509_decoder_get_pkey(&x509);
}

/* false: it cannot go on now (errno is EAGAIN) or ever. */
static bool
move_record(unsigned state)
{
	br_ssl_engine_context *e = &client.eng;
	unsigned char *p;
	ssize_t done;
	size_t n;

	if ((state & BR_SSL_SENDREC) != 0) {
		p = br_ssl_engine_sendrec_buf(e, &n);
		done = write(fd, p, n);
		if (done > 0)
			br_ssl_engine_sendrec_ack(e, (size_t)done);
		return done > 0;
	}
	p = br_ssl_engine_recvrec_buf(e, &n);
	done = read(fd, p, n);
	if (done > 0)
		br_ssl_engine_recvrec_ack(e, (size_t)done);
	if (done == 0)
		errno = 0;
	return done > 0;
}

/* Until it is in one of the states, is closed, or cannot go on now. */
static unsigned
run_until(unsigned wanted)
{
	unsigned state;

	while (((state = br_ssl_engine_current_state(&client.eng)) &
	    (wanted | BR_SSL_CLOSED)) == 0 || (state & BR_SSL_SENDREC) != 0) {
		if (!move_record(state))
			return errno == EAGAIN ? state : BR_SSL_CLOSED;
	}
	return state;
}

void
tls_open(int socket, const struct pipe_args *a)
{
	static unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
	static br_x509_minimal_context x509;
	static br_x509_trust_anchor anchor;

	fd = socket;
	read_anchor(&anchor, a->ca);
	br_ssl_client_init_full(&client, &x509, &anchor, 1);
	if (pipe_has_option(a, "rsa"))
		br_ssl_engine_set_suites(&client.eng, rsa_suites,
		    sizeof(rsa_suites) / sizeof(rsa_suites[0]));
	if (pipe_has_option(a, "tls1.0"))
		br_ssl_engine_set_versions(&client.eng, BR_TLS10, BR_TLS10);
	br_ssl_engine_set_buffer(&client.eng, buffer, sizeof(buffer), 1);
	br_ssl_client_reset(&client, a->name, 0);
	if ((run_until(BR_SSL_SENDAPP) & BR_SSL_SENDAPP) == 0) {
		close(fd);
		pipe_refuse("handshake", br_ssl_engine_last_error(&client.eng));
	}
}

ssize_t
tls_read(void *p, size_t n)
{
	unsigned state = run_until(BR_SSL_RECVAPP);
	unsigned char *from;
	size_t have;

	if ((state & BR_SSL_CLOSED) != 0)
		return -1;
	if ((state & BR_SSL_RECVAPP) == 0)
		return 0;
	from = br_ssl_engine_recvapp_buf(&client.eng, &have);
	if (have < n)
		n = have;
	memcpy(p, from, n);
	br_ssl_engine_recvapp_ack(&client.eng, n);
	return (ssize_t)n;
}

ssize_t
tls_write(const void *p, size_t n)
{
	unsigned char *to;
	size_t room;

	if ((br_ssl_engine_current_state(&client.eng) & BR_SSL_CLOSED) != 0)
		return -1;
	to = br_ssl_engine_sendapp_buf(&client.eng, &room);
	if (to == NULL)
		return 0;
	if (room < n)
		n = room;
	memcpy(to, p, n);
	br_ssl_engine_sendapp_ack(&client.eng, n);
	br_ssl_engine_flush(&client.eng, 0);
	while (((run_until(BR_SSL_SENDAPP)) & BR_SSL_SENDREC) != 0)
		;
	return (ssize_t)n;
}

void
tls_close(void)
{
	br_ssl_engine_close(&client.eng);
	run_until(BR_SSL_CLOSED);
}
