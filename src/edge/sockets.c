/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/sockets.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "net/sock.h"

#define BACKLOG    4096
#define PORT_TRIES 32 /* where any port will do */

static int
want(struct sockets *out, enum flow_transport transport, const char *text,
    uint16_t port, struct buf *why)
{
	struct worker_socket *s = &out->v[out->n];
	int err;

	if (out->n == SOCKETS_MAX) {
		buf_printf(why, "more than %d addresses to listen on",
		    SOCKETS_MAX);
		return E_LIMIT;
	}
	err = addr_parse(&s->addr, str_cstr(text), port);
	if (err != 0) {
		buf_printf(why, "\"%s\" is no ADDRESS:PORT", text);
		return err;
	}
	s->transport = transport;
	s->fd = -1;
	out->asked[out->n++] = s->addr;
	return 0;
}

int
sockets_wanted(struct sockets *out, const struct conf *conf, struct buf *why)
{
	int err = 0;

	out->n = 0;
	for (size_t i = 0; i < conf->sip.n && err == 0; i++) {
		/* TCP first: it decides the port where 0 was asked for. */
		err = want(out, FLOW_TCP, conf->sip.v[i], 5060, why);
		if (err == 0)
			err = want(out, FLOW_UDP, conf->sip.v[i], 5060, why);
	}
	for (size_t i = 0; i < conf->tls.n && err == 0; i++)
		err = want(out, FLOW_TLS, conf->tls.v[i], 5061, why);
	return err;
}

static bool
has(const struct sockets *s, enum flow_transport transport,
    const struct addr *asked)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].transport == transport &&
		    addr_equal(&s->asked[i], asked))
			return true;
	}
	return false;
}

static void
append(struct sockets *to, const struct sockets *from, size_t i)
{
	to->v[to->n] = from->v[i];
	to->asked[to->n++] = from->asked[i];
}

void
sockets_add(struct sockets *to, const struct sockets *more)
{
	for (size_t i = 0; i < more->n; i++)
		append(to, more, i);
}

void
sockets_minus(struct sockets *out, const struct sockets *a,
    const struct sockets *b)
{
	out->n = 0;
	for (size_t i = 0; i < a->n; i++) {
		if (!has(b, a->v[i].transport, &a->asked[i]))
			append(out, a, i);
	}
}

static void
say_bind_error(struct buf *why, const struct worker_socket *s, int err)
{
	char text[ADDR_STRLEN];

	buf_printf(why, "cannot listen on %s (%s): ",
	    addr_print(&s->addr, text), flow_transport_name(s->transport));
	sock_bind_why(why, err, "SIP server");
}

static bool
has_port(const struct sockets *s, const struct worker_socket *x)
{
	for (size_t i = 0; i < s->n; i++) {
		if ((s->v[i].transport == FLOW_UDP) ==
		    (x->transport == FLOW_UDP) &&
		    addr_port(&s->v[i].addr) == addr_port(&x->addr))
			return true;
	}
	return false;
}

int
sockets_check(const struct sockets *s, const struct sockets *ours,
    struct buf *why)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct worker_socket *x = &s->v[i];

		/* Beside one of ours the system cannot tell whose it is. */
		if (addr_port(&x->addr) == 0 || has_port(ours, x) ||
		    !sock_is_taken(&x->addr, x->transport == FLOW_UDP))
			continue;
		say_bind_error(why, x, -EADDRINUSE);
		return -EADDRINUSE;
	}
	return 0;
}

static int
bind_one(struct worker_socket *x)
{
	int fd = x->transport == FLOW_UDP ? sock_udp(&x->addr) :
	    sock_listen(&x->addr, BACKLOG);
	struct addr bound;

	if (fd >= 0 && addr_port(&x->addr) == 0) {
		sock_local(fd, &bound);
		addr_set_port(&x->addr, addr_port(&bound));
	}
	return fd;
}

/*
 * A TCP address and, behind it in the list, its UDP twin on the same port.
 * Where any will do the system gives one that is free for TCP; UDP may be
 * another program's there.
 */
static int
bind_twins(struct worker_socket *tcp, int fd[2], struct buf *why)
{
	bool any = addr_port(&tcp->addr) == 0;
	unsigned tries = any ? PORT_TRIES : 1;

	do {
		if (any)
			addr_set_port(&tcp->addr, 0);
		fd[0] = bind_one(tcp);
		if (fd[0] < 0) {
			say_bind_error(why, tcp, fd[0]);
			return fd[0];
		}
		addr_set_port(&tcp[1].addr, addr_port(&tcp->addr));
		fd[1] = bind_one(&tcp[1]);
		if (fd[1] >= 0)
			return 0;
		close(fd[0]);
	} while (fd[1] == -EADDRINUSE && --tries > 0);
	say_bind_error(why, &tcp[1], fd[1]);
	return fd[1];
}

int
sockets_bind(struct sockets *s, int fd[SOCKETS_MAX], struct buf *why)
{
	size_t i = 0;
	int err = 0;

	while (i < s->n && err == 0) {
		struct worker_socket *x = &s->v[i];

		if (x->transport == FLOW_TCP) {
			err = bind_twins(x, &fd[i], why);
			i += err == 0 ? 2 : 0;
			continue;
		}
		fd[i] = bind_one(x);
		if (fd[i] < 0)
			say_bind_error(why, x, err = fd[i]);
		else
			i++;
	}
	while (err != 0 && i-- > 0)
		close(fd[i]);
	return err;
}

void
sockets_print(struct buf *out, const struct sockets *s,
    enum flow_transport transport)
{
	char text[ADDR_STRLEN];
	const char *comma = "";

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].transport != transport)
			continue;
		buf_puts(out, comma);
		buf_puts(out, addr_print(&s->v[i].addr, text));
		comma = ",";
	}
	if (*comma == '\0')
		buf_putc(out, '-');
}
