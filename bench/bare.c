/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare: the ceiling.  A server that does the TLS handshakes and answers
 * REGISTER from nothing - 401 without Authorization, 200 with -, and no more:
 * no parsing beyond the fields it echoes, no check, no store, no evidence.
 *
 *     bare ADDR:PORT udp|tcp|tls [CERTIFICATE KEY]
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"

#define EVENTS  256
#define MESSAGE 4096

struct conn {
	int fd;
	SSL *ssl;
	bool open;
	size_t n;
	char *in;     /* only while a message is incomplete */
};

static int epoll;
static SSL_CTX *ctx;

/* One header field of the request, as a whole line. */
static void
echo(struct buf *out, const char *msg, const char *name)
{
	const char *at = strstr(msg, name), *end;

	if (at == NULL)
		return;
	at += 2;
	end = strstr(at, "\r\n");
	if (end != NULL)
		buf_put(out, at, (size_t)(end - at) + 2);
}

static void
answer(struct buf *out, const char *msg)
{
	bool known = strstr(msg, "\r\nAuthorization:") != NULL;

	buf_puts(out, known ? "SIP/2.0 200 OK\r\n" :
	    "SIP/2.0 401 Unauthorized\r\n");
	echo(out, msg, "\r\nVia:");
	echo(out, msg, "\r\nFrom:");
	echo(out, msg, "\r\nTo:");
	echo(out, msg, "\r\nCall-ID:");
	echo(out, msg, "\r\nCSeq:");
	if (known)
		echo(out, msg, "\r\nContact:");
	else
		buf_puts(out, "WWW-Authenticate: Digest realm=\"bench.test\", "
		    "nonce=\"0123456789abcdef0123456789abcdef\", "
		    "algorithm=MD5, qop=\"auth\"\r\n");
	buf_puts(out, "Content-Length: 0\r\n\r\n");
}

static void
conn_end(struct conn *c)
{
	if (c->ssl != NULL) {
		SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	close(c->fd);
	free(c->in);
	free(c);
}

/* Serve what is complete in text; what is left stays in c->in. */
static bool
serve(struct conn *c, char *text, size_t n)
{
	static char reply[MESSAGE * 4];
	struct buf out;
	char *end;

	buf_init_array(&out, reply, sizeof(reply));
	text[n] = '\0';
	while ((end = strstr(text, "\r\n\r\n")) != NULL) {
		end[2] = '\0';
		answer(&out, text);
		n -= (size_t)(end + 4 - text);
		text = end + 4;
	}
	if (n > 0) {
		if (c->in == NULL)
			c->in = malloc(MESSAGE);
		memmove(c->in, text, n);
	} else {
		free(c->in);
		c->in = NULL;
	}
	c->n = n;
	if (out.n == 0)
		return true;
	return c->ssl != NULL ?
	    SSL_write(c->ssl, out.p, (int)out.n) == (int)out.n :
	    send(c->fd, out.p, out.n, MSG_NOSIGNAL) == (ssize_t)out.n;
}

static bool
readable(struct conn *c)
{
	static char text[MESSAGE * 2];
	ssize_t n;

	if (c->ssl != NULL && !c->open) {
		int rc = SSL_accept(c->ssl);
		if (rc != 1)
			return SSL_get_error(c->ssl, rc) == SSL_ERROR_WANT_READ;
		c->open = true;
	}
	if (c->n > 0)
		memcpy(text, c->in, c->n);
	if (c->ssl != NULL) {
		n = SSL_read(c->ssl, text + c->n, MESSAGE - 1);
		if (n <= 0)
			return SSL_get_error(c->ssl, (int)n) ==
			    SSL_ERROR_WANT_READ;
	} else {
		n = recv(c->fd, text + c->n, MESSAGE - 1, 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
	}
	return serve(c, text, c->n + (size_t)n);
}

static void
accept_all(int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		if (ctx != NULL) {
			c->ssl = SSL_new(ctx);
			SSL_set_fd(c->ssl, fd);
			SSL_set_accept_state(c->ssl);
		}
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
	}
}

static void
serve_udp(int fd)
{
	static char text[65536], reply[MESSAGE];

	for (;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, text, sizeof(text) - 1, 0,
		    (struct sockaddr *)&from, &len);
		struct buf out;

		if (n <= 0)
			continue;
		text[n] = '\0';
		buf_init_array(&out, reply, sizeof(reply));
		answer(&out, text);
		sendto(fd, out.p, out.n, 0, (struct sockaddr *)&from, len);
	}
}

/* The settings that cost or save time are those of the edge. */
static SSL_CTX *
make_ctx(const char *certificate, const char *key)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (c == NULL || SSL_CTX_use_certificate_chain_file(c, certificate) !=
	    1 || SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_set1_groups_list(c, "X25519:P-256:P-384") != 1)
		exit(3);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_num_tickets(c, 1);
	SSL_CTX_set_session_id_context(c, (const unsigned char *)"bare", 4);
	return c;
}

int
main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[EVENTS];
	struct addr at;
	int fd, one = 1;

	if (argc < 3 || addr_parse(&at, str_cstr(argv[1]), 5060) != 0) {
		fputs("usage: bare ADDR:PORT udp|tcp|tls [CERTIFICATE KEY]\n",
		    stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[2], "tls") == 0 && argc == 5)
		ctx = make_ctx(argv[3], argv[4]);
	fd = socket(AF_INET, strcmp(argv[2], "udp") == 0 ? SOCK_DGRAM :
	    SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, &at.u.sa, addr_len(&at)) != 0) {
		perror("bare");
		return 3;
	}
	printf("ready\n");
	fflush(stdout);
	if (strcmp(argv[2], "udp") == 0)
		serve_udp(fd);
	listen(fd, 4096);
	epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
	for (;;) {
		int n = epoll_wait(epoll, got, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct conn *c = got[i].data.ptr;
			if (c == NULL)
				accept_all(fd);
			else if (!readable(c))
				conn_end(c);
		}
	}
}
