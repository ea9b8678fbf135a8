/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/sock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/err.h"

/* A dead peer is noticed after KEEP_IDLE_S + KEEP_COUNT * KEEP_EVERY_S. */
#define KEEP_IDLE_S  120
#define KEEP_EVERY_S 30
#define KEEP_COUNT   4

#define UDP_BUFFER_BYTES (4 * 1024 * 1024)

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ?
	    0 : -errno;
}

static int
bound_socket(const struct addr *local, int type, bool shared)
{
	int family = local->u.sa.sa_family;
	int fd, err = 0;

	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		err = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (err == 0 && shared)
		err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	/* [::] and 0.0.0.0 may both be listed: each takes its own family. */
	if (err == 0 && family == AF_INET6)
		err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (err == 0 && bind(fd, &local->u.sa, addr_len(local)) != 0)
		err = -errno;
	if (err != 0) {
		close(fd);
		return err;
	}
	return fd;
}

/*
 * What accepted connections inherit, set once instead of at each accept, and
 * those that we open have as well.  Best effort: one without them still works.
 */
static void
set_inherited(int fd)
{
	(void)set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	(void)set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	(void)set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S);
	(void)set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
}

int
sock_listen(const struct addr *local, int backlog)
{
	int fd = bound_socket(local, SOCK_STREAM, true);

	if (fd < 0)
		return fd;
	set_inherited(fd);
	if (listen(fd, backlog) != 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int
sock_udp(const struct addr *local)
{
	int fd = bound_socket(local, SOCK_DGRAM, true);
	int err = 0;

	if (fd < 0)
		return fd;
	/* As much as the system grants; a storm of REGISTERs comes at once. */
	(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER_BYTES);
	(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER_BYTES);
	if (addr_is_any(local)) {
		if (local->u.sa.sa_family == AF_INET6)
			err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		else
			err = set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
	if (err != 0) {
		close(fd);
		return err;
	}
	return fd;
}

bool
sock_is_taken(const struct addr *local, bool udp)
{
	int fd = bound_socket(local, udp ? SOCK_DGRAM : SOCK_STREAM, false);
	/* Connections of an earlier program are no listener. */
	bool taken = fd == -EADDRINUSE ||
	    (fd >= 0 && !udp && listen(fd, 1) != 0 && errno == EADDRINUSE);

	if (fd >= 0)
		close(fd);
	return taken;
}

void
sock_bind_why(struct buf *why, int err, const char *what)
{
	if (err == -EADDRINUSE)
		buf_printf(why, "the address is in use: does another %s run "
		    "here?", what);
	else if (err == -EADDRNOTAVAIL)
		buf_puts(why, "this host does not have that address");
	else if (err == -EACCES)
		buf_puts(why, "a port below 1024 takes root or "
		    "CAP_NET_BIND_SERVICE (AmbientCapabilities of the unit, "
		    "setcap)");
	else
		buf_puts(why, err_str(err));
}

int
sock_accept(int listener, const struct addr *bound, struct addr *peer,
    struct addr *local)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	int fd;

	fd = accept4(listener, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	addr_from_sa(peer, (struct sockaddr *)&ss);
	if (addr_is_any(bound))
		sock_local(fd, local);
	else
		*local = *bound;
	return fd;
}

int
sock_connect(const struct addr *peer, const struct addr *local, bool udp)
{
	int fd = socket(peer->u.sa.sa_family, (udp ? SOCK_DGRAM : SOCK_STREAM) |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (!udp)
		set_inherited(fd);
	if (local != NULL && addr_is_set(local) &&
	    bind(fd, &local->u.sa, addr_len(local)) != 0)
		err = -errno;
	else if (connect(fd, &peer->u.sa, addr_len(peer)) != 0 &&
	    errno != EINPROGRESS)
		err = -errno;
	if (err != 0) {
		close(fd);
		return err;
	}
	return fd;
}

int
sock_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return errno;
	return error;
}

void
sock_local(int fd, struct addr *out)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		*out = ADDR_NONE;
	else
		addr_from_sa(out, (struct sockaddr *)&ss);
}

int
sock_source(const struct addr *peer, struct addr *out)
{
	int fd = sock_connect(peer, NULL, true);

	if (fd < 0)
		return fd;
	sock_local(fd, out);
	close(fd);
	return addr_is_set(out) ? 0 : -EADDRNOTAVAIL;
}

void
sock_reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}
