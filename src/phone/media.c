/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/media.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "net/sock.h"

#define EVERY_MS  20
#define SAMPLES   160
#define HEAD      12
#define BURST_MAX 64 /* packets read at once */

struct media {
	struct loop_reap reap;
	struct loop *loop;
	int fd;
	struct event *readable, *timer;
	struct addr local, to;
	uint8_t payload;
	bool on;
	uint16_t seq;
	uint32_t time, ssrc;
	uint32_t sent, received;
};

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct media *m = arg;
	uint8_t packet[2048];

	for (int i = 0; i < BURST_MAX; i++) {
		ssize_t n = recv(m->fd, packet, sizeof(packet), 0);

		if (n < 0)
			return;
		/* Version 2, and not RTCP (RFC 5761 4). */
		if (m->on && n >= HEAD && packet[0] >> 6 == 2 &&
		    (packet[1] < 200 || packet[1] > 204))
			m->received++;
	}
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct media *m = arg;
	uint8_t packet[HEAD + SAMPLES];

	packet[0] = 2 << 6;
	/* The marker: the first packet after silence. */
	packet[1] = m->payload | (m->sent == 0 ? 0x80 : 0);
	packet[2] = (uint8_t)(m->seq >> 8);
	packet[3] = (uint8_t)m->seq;
	put32(packet + 4, m->time);
	put32(packet + 8, m->ssrc);
	memset(packet + HEAD, m->payload == 0 ? 0xff : 0xd5, SAMPLES);
	m->seq++;
	m->time += SAMPLES;
	if (sendto(m->fd, packet, sizeof(packet), MSG_NOSIGNAL, &m->to.u.sa,
	    addr_len(&m->to)) == (ssize_t)sizeof(packet))
		m->sent++;
}

static void
media_free(void *arg)
{
	struct media *m = arg;

	if (m->readable != NULL)
		event_free(m->readable);
	if (m->timer != NULL)
		event_free(m->timer);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

int
media_open(struct media **out, struct loop *loop, const struct addr *ip)
{
	struct media *m = calloc(1, sizeof(*m));
	struct addr local = *ip;
	int err;

	if (m == NULL)
		return -ENOMEM;
	m->loop = loop;
	addr_set_port(&local, 0);
	m->fd = sock_udp(&local);
	if (m->fd < 0) {
		err = m->fd;
		media_free(m);
		return err;
	}
	sock_local(m->fd, &m->local);
	digest_random(&m->seq, sizeof(m->seq));
	digest_random(&m->time, sizeof(m->time));
	digest_random(&m->ssrc, sizeof(m->ssrc));
	m->readable = event_new(loop_base(loop), m->fd, EV_READ | EV_PERSIST,
	    on_readable, m);
	m->timer = event_new(loop_base(loop), -1, EV_PERSIST, on_timer, m);
	if (m->readable == NULL || m->timer == NULL ||
	    event_add(m->readable, NULL) != 0) {
		media_free(m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

void
media_close(struct media *m)
{
	if (m == NULL)
		return;
	event_del(m->readable);
	event_del(m->timer);
	m->reap.fn = media_free;
	m->reap.arg = m;
	loop_reap(m->loop, &m->reap);
}

void
media_local(const struct media *m, struct addr *out)
{
	*out = m->local;
}

void
media_set(struct media *m, const struct addr *to, uint8_t payload, bool sends,
    bool begins)
{
	const struct timeval every = { .tv_usec = EVERY_MS * 1000 };

	if (begins)
		m->sent = m->received = 0;
	m->on = true;
	m->to = *to;
	m->payload = payload;
	event_del(m->timer);
	/* Of another family than the socket's: it could not be sent. */
	if (sends && addr_is_set(to) && addr_port(to) != 0 &&
	    to->u.sa.sa_family == m->local.u.sa.sa_family)
		event_add(m->timer, &every);
}

void
media_stop(struct media *m)
{
	m->on = false;
	event_del(m->timer);
}

void
media_counts(const struct media *m, uint32_t *sent, uint32_t *received)
{
	*sent = m->sent;
	*received = m->received;
}
