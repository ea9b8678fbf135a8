/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dgram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define CONTROL_MAX CMSG_SPACE(sizeof(struct in6_pktinfo))
/* Longest datagram queued; what is longer goes out by itself. */
#define SEND_BYTES 8192

struct slot {
	struct sockaddr_storage peer;
	struct iovec iov;
	char control[CONTROL_MAX] __attribute__((aligned(8)));
};

struct dgram_io {
	struct mmsghdr rx[DGRAM_BATCH], tx[DGRAM_BATCH];
	struct slot rx_slot[DGRAM_BATCH], tx_slot[DGRAM_BATCH];
	char *rx_bytes;              /* DGRAM_BATCH * DGRAM_MAX, untouched
	                                pages cost nothing                  */
	char tx_bytes[DGRAM_BATCH][SEND_BYTES];
	unsigned ntx;
	int tx_fd;
};

int
dgram_io_new(struct dgram_io **out)
{
	struct dgram_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return -ENOMEM;
	io->rx_bytes = malloc((size_t)DGRAM_BATCH * DGRAM_MAX);
	if (io->rx_bytes == NULL) {
		free(io);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < DGRAM_BATCH; i++) {
		io->rx_slot[i].iov.iov_base = io->rx_bytes +
		    (size_t)i * DGRAM_MAX;
		io->rx_slot[i].iov.iov_len = DGRAM_MAX;
	}
	*out = io;
	return 0;
}

void
dgram_io_free(struct dgram_io *io)
{
	if (io == NULL)
		return;
	free(io->rx_bytes);
	free(io);
}

/* The address the datagram was sent to: RFC 3581 4 wants the answer from it. */
static void
local_of(struct msghdr *h, const struct addr *bound, struct addr *out)
{
	*out = *bound;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL;
	     c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			out->u.in.sin_addr = info.ipi_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			out->u.in6.sin6_addr = info.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				out->u.in6.sin6_scope_id = info.ipi6_ifindex;
		}
	}
}

int
dgram_recv(struct dgram_io *io, int fd, const struct addr *bound,
    struct dgram out[DGRAM_BATCH])
{
	bool wildcard = addr_is_any(bound);
	int n;

	for (unsigned i = 0; i < DGRAM_BATCH; i++) {
		struct msghdr *h = &io->rx[i].msg_hdr;
		struct slot *s = &io->rx_slot[i];

		h->msg_name = &s->peer;
		h->msg_namelen = sizeof(s->peer);
		h->msg_iov = &s->iov;
		h->msg_iovlen = 1;
		h->msg_control = wildcard ? s->control : NULL;
		h->msg_controllen = wildcard ? sizeof(s->control) : 0;
		h->msg_flags = 0;
	}
	n = recvmmsg(fd, io->rx, DGRAM_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		addr_from_sa(&out[i].peer,
		    (struct sockaddr *)&io->rx_slot[i].peer);
		if (wildcard)
			local_of(&io->rx[i].msg_hdr, bound, &out[i].local);
		else
			out[i].local = *bound;
		out[i].bytes = str_of(io->rx_slot[i].iov.iov_base,
		    io->rx[i].msg_len);
	}
	return n;
}

static size_t
put_local(char *control, const struct addr *local)
{
	struct msghdr h = { .msg_control = control,
		.msg_controllen = CONTROL_MAX };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	if (local->u.sa.sa_family == AF_INET) {
		struct in_pktinfo info = {
			.ipi_spec_dst = local->u.in.sin_addr,
		};
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	struct in6_pktinfo info = { .ipi6_addr = local->u.in6.sin6_addr,
		.ipi6_ifindex = local->u.in6.sin6_scope_id };
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

void
dgram_send(struct dgram_io *io, int fd, const struct addr *bound,
    const struct addr *local, const struct addr *peer, struct str bytes)
{
	struct msghdr *h;
	struct slot *s;

	bool alone = bytes.n > SEND_BYTES;

	if (io->ntx == DGRAM_BATCH ||
	    (io->ntx > 0 && (alone || io->tx_fd != fd)))
		dgram_flush(io);
	io->tx_fd = fd;
	h = &io->tx[io->ntx].msg_hdr;
	s = &io->tx_slot[io->ntx];
	memcpy(&s->peer, &peer->u, addr_len(peer));
	s->iov.iov_base = (char *)bytes.p;
	s->iov.iov_len = bytes.n;
	if (!alone) {
		memcpy(io->tx_bytes[io->ntx], bytes.p, bytes.n);
		s->iov.iov_base = io->tx_bytes[io->ntx];
	}
	*h = (struct msghdr) { .msg_name = &s->peer,
		.msg_namelen = addr_len(peer), .msg_iov = &s->iov,
		.msg_iovlen = 1 };
	if (addr_is_any(bound)) {
		h->msg_control = s->control;
		h->msg_controllen = put_local(s->control, local);
	}
	io->ntx++;
	if (alone)
		dgram_flush(io);
}

void
dgram_flush(struct dgram_io *io)
{
	unsigned sent = 0;

	while (sent < io->ntx) {
		int n = sendmmsg(io->tx_fd, io->tx + sent, io->ntx - sent,
		    MSG_DONTWAIT);
		if (n > 0)
			sent += (unsigned)n;
		else if (errno != EINTR)
			sent++; /* this one the kernel will not take: UDP */
	}
	io->ntx = 0;
}
