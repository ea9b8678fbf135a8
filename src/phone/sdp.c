/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/sdp.h"

static const char *const direction_word[] = {
	[SDP_INACTIVE] = "inactive",
	[SDP_SENDONLY] = "sendonly",
	[SDP_RECVONLY] = "recvonly",
	[SDP_SENDRECV] = "sendrecv",
};

/* What holds for the media lines that say nothing themselves. */
struct session {
	struct addr at;
	enum sdp_direction direction;
};

/* "IN IP4 192.0.2.1"; a name or a network we do not know: not set. */
static struct addr
read_connection(struct str value)
{
	struct str net = str_cut(&value, ' '), family = str_cut(&value, ' ');
	struct addr a = ADDR_NONE;

	if (!str_ieq(net, STR("IN")) || (!str_ieq(family, STR("IP4")) &&
	    !str_ieq(family, STR("IP6"))) ||
	    addr_parse_ip(&a, str_trim(str_cut(&value, '/'))) != 0)
		return ADDR_NONE;
	return a;
}

/* "audio 49170/2 RTP/AVP 0 8" */
static int
read_media(struct sdp_media *m, struct str value)
{
	struct str port;
	uint32_t number;

	m->kind = str_cut(&value, ' ');
	port = str_cut(&value, ' ');
	m->proto = str_cut(&value, ' ');
	m->formats = str_trim(value);
	if (m->kind.n == 0 || m->proto.n == 0 || m->formats.n == 0 ||
	    !str_u32(str_cut(&port, '/'), &number) || number > 65535)
		return E_PARSE;
	m->port = (uint16_t)number;
	return 0;
}

static void
read_attribute(enum sdp_direction *d, struct str value)
{
	for (unsigned i = 0; i <= SDP_SENDRECV; i++) {
		if (str_eq(value, str_cstr(direction_word[i])))
			*d = (enum sdp_direction)i;
	}
}

static int
read_line(struct sdp *s, struct session *all, char type, struct str value)
{
	struct sdp_media *m = s->nmedia > 0 ? &s->media[s->nmedia - 1] : NULL;

	switch (type) {
	case 'm':
		if (s->nmedia == SDP_MEDIA_MAX)
			return E_LIMIT;
		s->media[s->nmedia] = (struct sdp_media) {
			.at = all->at,
			.direction = all->direction,
		};
		return read_media(&s->media[s->nmedia++], value);
	case 'c':
		*(m != NULL ? &m->at : &all->at) = read_connection(value);
		return 0;
	case 'a':
		read_attribute(m != NULL ? &m->direction : &all->direction,
		    value);
		return 0;
	default:
		return 0;
	}
}

static bool
lists(struct str formats, struct str one)
{
	while (formats.n > 0) {
		if (str_eq(str_cut(&formats, ' '), one))
			return true;
	}
	return false;
}

/* The first stream that we can play. */
static void
choose(struct sdp *s)
{
	s->audio = -1;
	for (unsigned i = 0; i < s->nmedia && s->audio < 0; i++) {
		const struct sdp_media *m = &s->media[i];
		bool pcmu = lists(m->formats, STR("0"));

		if (!str_eq(m->kind, STR("audio")) || m->port == 0 ||
		    !str_eq(m->proto, STR("RTP/AVP")) ||
		    (!pcmu && !lists(m->formats, STR("8"))))
			continue;
		s->audio = (int)i;
		s->payload = pcmu ? 0 : 8;
	}
}

int
sdp_parse(struct sdp *out, struct str body)
{
	struct session all = { ADDR_NONE, SDP_SENDRECV };
	bool first = true;
	int err = 0;

	*out = (struct sdp) { .audio = -1 };
	while (err == 0 && body.n > 0) {
		struct str line = str_cut(&body, '\n');

		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0 && body.n == 0 && !first)
			break; /* an empty line at the end is seen in use */
		if (line.n < 2 || line.p[1] != '=' ||
		    (first && !str_eq(line, STR("v=0"))))
			return E_PARSE;
		first = false;
		err = read_line(out, &all, line.p[0], str_from(line, 2));
	}
	if (err == 0 && first)
		err = E_PARSE;
	if (err == 0)
		choose(out);
	return err;
}

const struct sdp_media *
sdp_audio(const struct sdp *s)
{
	const struct sdp_media *m;

	if (s->audio < 0)
		return NULL;
	m = &s->media[s->audio];
	/* 0.0.0.0: on hold, as RFC 2543 had it. */
	return addr_is_set(&m->at) && !addr_is_any(&m->at) ? m : NULL;
}

enum sdp_direction
sdp_mirror(enum sdp_direction d)
{
	return d == SDP_SENDONLY ? SDP_RECVONLY :
	    d == SDP_RECVONLY ? SDP_SENDONLY : d;
}

/* ---- ours ---- */

static void
put_session(struct buf *out, const struct addr *media, uint32_t id,
    uint32_t version)
{
	const char *family = media->u.sa.sa_family == AF_INET6 ? "IP6" :
	    "IP4";
	char ip[ADDR_STRLEN];

	addr_print_ip(media, false, ip);
	buf_printf(out, "v=0\r\no=- %u %u IN %s %s\r\ns=-\r\nc=IN %s %s\r\n"
	    "t=0 0\r\n", id, version, family, ip, family, ip);
}

void
sdp_put_offer(struct buf *out, const struct addr *media,
    enum sdp_direction direction, uint32_t id, uint32_t version)
{
	put_session(out, media, id, version);
	buf_printf(out, "m=audio %u RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n"
	    "a=rtpmap:8 PCMA/8000\r\na=%s\r\n", addr_port(media),
	    direction_word[direction]);
}

static void
put_refused(struct buf *out, const struct sdp_media *m)
{
	buf_puts(out, "m=");
	buf_str(out, m->kind);
	buf_puts(out, " 0 ");
	buf_str(out, m->proto);
	buf_putc(out, ' ');
	buf_str(out, m->formats);
	buf_puts(out, "\r\n");
}

void
sdp_put_answer(struct buf *out, const struct sdp *offer,
    const struct addr *media, uint32_t id, uint32_t version)
{
	put_session(out, media, id, version);
	for (unsigned i = 0; i < offer->nmedia; i++) {
		const struct sdp_media *m = &offer->media[i];

		if ((int)i != offer->audio) {
			put_refused(out, m);
			continue;
		}
		buf_printf(out, "m=audio %u RTP/AVP %u\r\na=rtpmap:%u "
		    "%s/8000\r\na=%s\r\n", addr_port(media), offer->payload,
		    offer->payload, offer->payload == 0 ? "PCMU" : "PCMA",
		    direction_word[sdp_mirror(m->direction)]);
	}
}
