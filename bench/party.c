/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "callload.h"
#include "sip/auth.h"
#include "sip/request.h"

#define T1_MS 500
#define T2_MS 4000
#define SOCKET_BUFFER (1024 * 1024)

void
party_fail(struct party *p, const char *why)
{
	struct calls *c = p->calls;

	if (c->failed++ < 5)
		fprintf(stderr, "callload: phone %u (%s): %s\n", p->number,
		    p->caller ? "caller" : "callee", why);
	p->waiting = false;
	if (p->state > PARTY_IDLE)
		p->state = PARTY_IDLE;
}

/* ---- bytes out ---- */

void
party_send(struct party *p, struct str bytes)
{
	ssize_t n = p->ssl != NULL ? SSL_write(p->ssl, bytes.p, (int)bytes.n) :
	    send(p->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

	/* One message fits into an empty socket buffer; UDP sends again. */
	if (n != (ssize_t)bytes.n && p->tls)
		party_fail(p, "cannot send");
}

void
party_send_out(struct party *p)
{
	p->waiting = true;
	p->sent_ms = p->begun_ms = p->calls->now_ms;
	p->again_ms = T1_MS;
	party_send(p, str_of(p->out, p->nout));
}

void
party_tick(struct party *p)
{
	struct calls *c = p->calls;

	if (!p->waiting)
		return;
	if (c->now_ms >= p->begun_ms + GIVE_UP_MS) {
		party_fail(p, p->state == PARTY_INVITING ? "INVITE timed out" :
		    "no answer");
		return;
	}
	if (p->tls || c->now_ms < p->sent_ms + p->again_ms)
		return;
	c->retransmitted++;
	p->sent_ms = c->now_ms;
	if (p->state == PARTY_INVITING || 2 * p->again_ms < T2_MS)
		p->again_ms *= 2;
	else
		p->again_ms = T2_MS;
	party_send(p, str_of(p->out, p->nout));
}

/* ---- REGISTER ---- */

bool
party_take_nonce(struct party *p, const struct sip_msg *m)
{
	bool proxy = m->status == 407;
	const struct sip_field *f = sip_msg_field(m, proxy ?
	    SIP_HEADER_PROXY_AUTHENTICATE : SIP_HEADER_WWW_AUTHENTICATE);
	struct party_nonce *nonce = &p->nonce[proxy];
	struct sip_challenge ch;

	for (; f != NULL; f = sip_msg_next(m, f)) {
		if (sip_challenge_parse(&ch, f->value) != 0 ||
		    !ch.alg_known || ch.alg != DIGEST_MD5)
			continue;
		nonce->count = 0;
		return str_copy(nonce->text, sizeof(nonce->text), ch.nonce);
	}
	return false;
}

void
party_put_credentials(struct party *p, struct buf *out, bool proxy,
    struct str method, struct str uri)
{
	struct party_nonce *nonce = &p->nonce[proxy];
	char user[16];

	if (nonce->text[0] == '\0')
		return;
	snprintf(user, sizeof(user), "u%06u", p->number);
	buf_puts(out, proxy ? "Proxy-Authorization: " : "Authorization: ");
	sip_credentials_put(out, DIGEST_MD5, str_cstr(user),
	    str_cstr(p->calls->domain), str_cstr(p->calls->password), method,
	    uri, str_cstr(nonce->text), ++nonce->count, STR("0a4f113b"));
	buf_puts(out, "\r\n");
}

static void
send_register(struct party *p)
{
	struct calls *c = p->calls;
	char uri[160], aor[160], contact[160], branch[64], id[64];
	char host[ADDR_STRLEN];
	struct sip_request r = {
		.method = STR("REGISTER"), .sent_by = &p->local,
		.transport = p->tls ? STR("TLS") : STR("UDP"),
		.from_tag = STR("reg"), .user_agent = STR("callload/1"),
		.cseq = ++p->cseq,
	};
	struct buf b;

	addr_print(&p->local, host);
	snprintf(uri, sizeof(uri), "sip:%s", c->domain);
	snprintf(aor, sizeof(aor), "sip:u%06u@%s", p->number, c->domain);
	snprintf(contact, sizeof(contact), "sip:u%06u@%s%s", p->number, host,
	    p->tls ? ";transport=tls" : "");
	snprintf(branch, sizeof(branch), "z9hG4bKr%u-%u", p->number, p->cseq);
	snprintf(id, sizeof(id), "u%06u-register", p->number);
	r.uri = str_cstr(uri);
	r.branch = str_cstr(branch);
	r.from = r.to = str_cstr(aor);
	r.call_id = str_cstr(id);
	r.contact = str_cstr(contact);
	buf_init_array(&b, p->out, sizeof(p->out));
	sip_request_begin(&b, &r);
	buf_puts(&b, "Expires: 3600\r\n");
	party_put_credentials(p, &b, false, STR("REGISTER"), r.uri);
	sip_request_end(&b, STR_NULL, STR_NULL);
	p->nout = b.n;
	p->state = PARTY_REGISTERING;
	party_send_out(p);
}

static void
register_answer(struct party *p, const struct sip_msg *m)
{
	if (m->request || m->cseq != p->cseq || m->status < 200)
		return;
	p->waiting = false;
	if (m->status == 401 && p->nonce[0].count == 0 &&
	    party_take_nonce(p, m)) {
		send_register(p);
	} else if (m->status == 200) {
		p->state = PARTY_IDLE;
		p->calls->registered++;
	} else {
		party_fail(p, "REGISTER refused");
	}
}

/* ---- bytes in ---- */

static void
message(struct party *p, struct str bytes)
{
	static struct sip_msg m;

	if (sip_msg_parse(&m, bytes, p->tls ? SIP_STREAM : SIP_DATAGRAM,
	    PARTY_IN_BYTES) != 0) {
		party_fail(p, m.why);
		return;
	}
	if (p->state == PARTY_REGISTERING)
		register_answer(p, &m);
	else if (p->caller)
		caller_message(p, &m);
	else
		callee_message(p, &m);
}

static void
receive_datagrams(struct party *p)
{
	for (int i = 0; i < 8; i++) {
		ssize_t n = recv(p->fd, p->in, sizeof(p->in), 0);

		if (n <= 0)
			return;
		if (n > 4)
			message(p, str_of(p->in, (size_t)n));
	}
}

static void
cut(struct party *p)
{
	const char *why;
	size_t used, done = 0;

	while (done < p->nin) {
		enum sip_frame_result r = sip_frame_next(&p->frame,
		    str_of(p->in + done, p->nin - done), PARTY_IN_BYTES,
		    PARTY_IN_BYTES, &used, &why);

		if (r == SIP_FRAME_MORE)
			break;
		if (r == SIP_FRAME_BAD || r == SIP_FRAME_LIMIT) {
			party_fail(p, "bad framing");
			break;
		}
		if (r == SIP_FRAME_MSG)
			message(p, str_of(p->in + done, used));
		done += used;
	}
	memmove(p->in, p->in + done, p->nin - done);
	p->nin -= done;
}

static void
receive_stream(struct party *p)
{
	for (;;) {
		int n = SSL_read(p->ssl, p->in + p->nin,
		    (int)(sizeof(p->in) - p->nin));

		if (n <= 0) {
			if (SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_READ) {
				party_fail(p, "closed by the server");
				party_close(p);
			}
			return;
		}
		p->nin += (size_t)n;
		cut(p);
	}
}

/* ---- the socket ---- */

static void
connected(struct party *p)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	p->connected = true;
	if (getsockname(p->fd, (struct sockaddr *)&ss, &n) == 0)
		addr_from_sa(&p->local, (struct sockaddr *)&ss);
	send_register(p);
}

static void
shake_hands(struct party *p)
{
	int rc;

	if (p->ssl == NULL) {
		p->ssl = SSL_new(p->calls->ctx);
		SSL_set_fd(p->ssl, p->fd);
	}
	rc = SSL_connect(p->ssl);
	if (rc == 1) {
		connected(p);
		return;
	}
	rc = SSL_get_error(p->ssl, rc);
	if (rc != SSL_ERROR_WANT_READ && rc != SSL_ERROR_WANT_WRITE) {
		party_fail(p, "TLS handshake failed");
		party_close(p);
	}
}

bool
party_open(struct party *p)
{
	const struct addr *to = p->tls ? &p->calls->server_tls :
	    &p->calls->server_udp;
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };
	int size = SOCKET_BUFFER, one = 1;

	p->fd = socket(AF_INET, p->tls ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (p->fd < 0 || connect(p->fd, &to->u.sa, addr_len(to)) != 0)
		return false;
	setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (p->tls)
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->state = PARTY_REGISTERING;
	/* The TLS handshake alone may block: it is not what is measured. */
	if (p->tls)
		shake_hands(p);
	else
		connected(p);
	IGNORE(fcntl(p->fd, F_SETFL, O_NONBLOCK) != 0);
	return epoll_ctl(p->calls->epoll, EPOLL_CTL_ADD, p->fd, &ev) == 0;
}

void
party_ready(struct party *p, unsigned events)
{
	if (p->fd < 0)
		return;
	if (p->tls)
		receive_stream(p);
	else
		receive_datagrams(p);
}

void
party_close(struct party *p)
{
	SSL_free(p->ssl);
	p->ssl = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->state = PARTY_DOWN;
}
