/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "sip/auth.h"
#include "sipload.h"

#define RETRANSMIT_MS      500
#define PER_SOURCE_ADDRESS 20000

static void send_register(struct phone *p);

static void
watch(struct phone *p, unsigned events, int op)
{
	struct epoll_event ev = { .events = events, .data.ptr = p };

	epoll_ctl(p->load->epoll, op, p->fd, &ev);
}

static void
hang_up(struct phone *p)
{
	if (p->ssl != NULL) {
		SSL_shutdown(p->ssl);
		SSL_free(p->ssl);
		p->ssl = NULL;
	}
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->connected = p->busy = p->writing = false;
	p->nin = p->nout = 0;
	p->nonce[0] = '\0';
	p->nc = 0;
}

void
phone_end(struct phone *p)
{
	hang_up(p);
	SSL_SESSION_free(p->session);
	p->session = NULL;
}

static void
fail(struct phone *p, const char *why)
{
	struct load *l = p->load;

	if (l->failed++ < 5)
		fprintf(stderr, "sipload: phone %u: %s\n", p->number, why);
	hang_up(p);
	if (l->failed < 1000 && l->ok < l->target)
		phone_start(p);
}

/* ---- one registration is over ---- */

static void
registered(struct phone *p)
{
	struct load *l = p->load;

	l->ok++;
	p->busy = false;
	if (l->mode == LOAD_IDLE) {
		l->registered++;
		return;
	}
	if (l->mode == LOAD_STORM) {
		if (p->ssl != NULL && SSL_session_reused(p->ssl))
			l->resumed++;
		if (l->resume && p->ssl != NULL) {
			SSL_SESSION_free(p->session);
			p->session = SSL_get1_session(p->ssl);
		}
		hang_up(p);
		p->user = (p->user + l->phones) % l->users;
	}
	if (l->started < l->total)
		phone_start(p);
}

static size_t
header(const struct phone *p, const char *name, char *out, size_t size)
{
	const char *at = strstr(p->in, name), *end;
	size_t n;

	if (at == NULL)
		return 0;
	at += strlen(name);
	end = strchr(at, '"');
	n = end != NULL ? (size_t)(end - at) : 0;
	if (n == 0 || n >= size)
		return 0;
	memcpy(out, at, n);
	out[n] = '\0';
	return n;
}

/* A whole answer is in p->in. */
static void
answered(struct phone *p)
{
	int status = atoi(p->in + 8);

	if (status == 200) {
		registered(p);
	} else if (status == 401 && p->nc <= 1 &&
	    header(p, "nonce=\"", p->nonce, sizeof(p->nonce)) > 0) {
		p->nc = 0;
		send_register(p);
	} else if (status == 401 &&
	    header(p, "nonce=\"", p->nonce, sizeof(p->nonce)) > 0) {
		p->nc = 0; /* the nonce has become stale */
		send_register(p);
	} else {
		fail(p, p->in);
	}
}

static void
take_answers(struct phone *p)
{
	for (;;) {
		char *end, *length;
		size_t n;

		p->in[p->nin] = '\0';
		end = strstr(p->in, "\r\n\r\n");
		if (end == NULL)
			return;
		length = strstr(p->in, "Content-Length:");
		n = (size_t)(end - p->in) + 4 +
		    (length != NULL && length < end ?
		    strtoul(length + 15, NULL, 10) : 0);
		if (n > p->nin)
			return;
		answered(p);
		if (p->fd < 0 || p->nin < n)
			return;
		memmove(p->in, p->in + n, p->nin - n);
		p->nin -= n;
	}
}

/* ---- bytes ---- */

static void
flush(struct phone *p)
{
	ssize_t n = p->ssl != NULL ? SSL_write(p->ssl, p->out, (int)p->nout) :
	    send(p->fd, p->out, p->nout, MSG_NOSIGNAL);

	/* One message fits into an empty socket buffer. */
	if (n != (ssize_t)p->nout)
		fail(p, "cannot send");
}

static void
send_register(struct phone *p)
{
	struct load *l = p->load;
	const char *transport = l->mode == LOAD_UDP ? "UDP" :
	    l->tls ? "TLS" : "TCP";
	char user[16], uri[160], head[1024];
	struct buf b;
	int n;

	snprintf(user, sizeof(user), "u%06u", p->user);
	snprintf(uri, sizeof(uri), "sip:%s", l->domain);
	p->cseq++;
	n = snprintf(head, sizeof(head), "REGISTER %s SIP/2.0\r\n"
	    "Via: SIP/2.0/%s 127.0.0.1:5061;branch=z9hG4bK%u-%u;rport\r\n"
	    "From: <sip:%s@%s>;tag=%u\r\nTo: <sip:%s@%s>\r\n"
	    "Call-ID: %s-load\r\nCSeq: %u REGISTER\r\n"
	    "Contact: <sip:%s@127.0.0.1:5061;transport=%s>\r\n"
	    "Max-Forwards: 70\r\nExpires: 3600\r\nUser-Agent: sipload/1\r\n",
	    uri, transport, p->number, p->cseq, user, l->domain, p->number,
	    user, l->domain, user, p->cseq, user,
	    l->mode == LOAD_UDP ? "udp" : l->tls ? "tls" : "tcp");
	buf_init_array(&b, p->out, sizeof(p->out));
	buf_put(&b, head, (size_t)n);
	if (p->nonce[0] != '\0') {
		buf_puts(&b, "Authorization: ");
		sip_credentials_put(&b, DIGEST_MD5, str_cstr(user),
		    str_cstr(l->domain), str_cstr(l->password),
		    STR("REGISTER"), str_cstr(uri), str_cstr(p->nonce), ++p->nc,
		    STR("0a4f113b"));
		buf_puts(&b, "\r\n");
	}
	buf_puts(&b, "Content-Length: 0\r\n\r\n");
	p->nout = b.n;
	p->sent_ms = clock_mono_ms();
	flush(p);
}

static void
receive(struct phone *p)
{
	size_t room = sizeof(p->in) - 1 - p->nin;
	ssize_t n;

	if (p->ssl != NULL) {
		n = SSL_read(p->ssl, p->in + p->nin, (int)room);
		if (n <= 0 && SSL_get_error(p->ssl, (int)n) ==
		    SSL_ERROR_WANT_READ)
			return;
	} else {
		n = recv(p->fd, p->in + p->nin, room, 0);
		if (n < 0 && errno == EAGAIN)
			return;
	}
	if (n <= 0) {
		if (p->busy || p->load->mode != LOAD_STORM)
			fail(p, "closed by the server");
		return;
	}
	p->nin += (size_t)n;
	if (p->load->mode == LOAD_UDP) {
		/* Late answers to what was sent again are not counted twice. */
		char want[32];
		p->in[p->nin] = '\0';
		snprintf(want, sizeof(want), "CSeq: %u REGISTER", p->cseq);
		if (strstr(p->in, want) == NULL) {
			p->nin = 0;
			return;
		}
	}
	take_answers(p);
}

/* ---- connecting ---- */

static void
shake_hands(struct phone *p)
{
	int rc = SSL_connect(p->ssl);

	if (rc == 1) {
		p->connected = true;
		send_register(p);
		return;
	}
	rc = SSL_get_error(p->ssl, rc);
	if (rc != SSL_ERROR_WANT_READ && rc != SSL_ERROR_WANT_WRITE)
		fail(p, "TLS handshake failed");
}

static void
begin_tls(struct phone *p)
{
	watch(p, EPOLLIN, EPOLL_CTL_MOD);
	p->writing = false;
	if (!p->load->tls) {
		p->connected = true;
		send_register(p);
		return;
	}
	p->ssl = SSL_new(p->load->ctx);
	SSL_set_fd(p->ssl, p->fd);
	if (p->session != NULL)
		SSL_set_session(p->ssl, p->session);
	shake_hands(p);
}

static void
connect_out(struct phone *p)
{
	bool udp = p->load->mode == LOAD_UDP;
	struct addr from;
	char text[32];
	int one = 1;

	p->fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) |
	    SOCK_NONBLOCK, 0);
	/* The kernel's port range bounds what one address can open. */
	snprintf(text, sizeof(text), "127.0.0.%u",
	    1 + p->number / PER_SOURCE_ADDRESS);
	if (p->fd < 0 || addr_parse(&from, str_cstr(text), 0) != 0 ||
	    (!udp && setsockopt(p->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
	    &one, sizeof(one)) != 0) ||
	    bind(p->fd, &from.u.sa, addr_len(&from)) != 0) {
		fail(p, strerror(errno));
		return;
	}
	if (!udp)
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(p->fd, &p->load->server.u.sa, addr_len(&p->load->server)) !=
	    0 && errno != EINPROGRESS) {
		fail(p, strerror(errno));
		return;
	}
	p->writing = !udp;
	watch(p, udp ? EPOLLIN : EPOLLOUT, EPOLL_CTL_ADD);
	if (udp) {
		p->connected = true;
		send_register(p);
	}
}

void
phone_start(struct phone *p)
{
	p->load->started++;
	p->busy = true;
	if (p->connected)
		send_register(p);
	else
		connect_out(p);
}

void
phone_ready(struct phone *p, unsigned events)
{
	if (p->fd < 0)
		return;
	if (p->writing && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		begin_tls(p);
	else if (!p->connected)
		shake_hands(p);
	else
		receive(p);
}

void
phone_tick(struct phone *p, uint64_t now_ms)
{
	if (!p->busy || !p->connected || p->load->mode != LOAD_UDP ||
	    now_ms < p->sent_ms + RETRANSMIT_MS)
		return;
	p->load->retransmitted++;
	p->sent_ms = now_ms;
	flush(p);
}
