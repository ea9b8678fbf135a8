/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/frame - cut a byte stream into SIP messages (RFC 3261 18.3).
 *
 * The lines are those of sip_line_next: CRLF ends one, a bare LF is refused
 * at once.  With the message decoder refusing everything else in doubt, both
 * see the same fields in the same bytes.
 */
#include "sip/frame.h"
#include "sip/sip_int.h"

static enum sip_frame_result
bad(const char **why, const char *text)
{
	*why = text;
	return SIP_FRAME_BAD;
}

/* Keepalives and empty lines before a message: bytes begins with CR. */
static enum sip_frame_result
empty_line(struct sip_frame *f, struct str bytes, size_t *used,
    const char **why)
{
	if (bytes.n < 2)
		return SIP_FRAME_MORE;
	if (bytes.p[1] != '\n') {
		*used = bytes.n;
		return bad(why, "a bare CR");
	}
	*used = 2;
	if (!f->half_ping) {
		if (bytes.n < 4 || memcmp(bytes.p, "\r\n\r\n", 4) != 0) {
			f->half_ping = true;
			return SIP_FRAME_SKIP;
		}
		*used = 4;
	}
	f->half_ping = false;
	return SIP_FRAME_PING;
}

/* "SIP/" somewhere in the first line, as every start-line has it. */
static bool
names_sip(struct str line)
{
	const char *p = line.p, *end = str_end(line);

	while ((p = memchr(p, '/', (size_t)(end - p))) != NULL) {
		if (p - line.p >= 3 && str_ieq(str_of(p - 3, 3), STR("SIP")))
			return true;
		p++;
	}
	return false;
}

/*
 * Look for the end of the start-line from f->scanned on.  Until it is there
 * every byte is checked, so that TLS or binary junk is known by its first
 * bytes.
 */
static enum sip_frame_result
start_line(struct sip_frame *f, struct str bytes, const char **why)
{
	const char *end = str_end(bytes), *p = bytes.p + f->scanned;

	while (p < end && (!sip_is(*p, C_CTL) || *p == '\t'))
		p++;
	f->scanned = (size_t)(p - bytes.p);
	if (p == end || (*p == '\r' && p + 1 == end))
		return SIP_FRAME_MORE;
	if (*p != '\r' || p[1] != '\n')
		return bad(why, "a control character in the start line");
	if (!names_sip(str_of(bytes.p, f->scanned)))
		return bad(why, "the first line is not SIP's");
	/* Go on at the LF: it may be the first of the two that end the head. */
	f->line = f->scanned + 2;
	f->scanned++;
	return SIP_FRAME_MSG;
}

/* Look for the empty line from f->scanned on; sets f->head. */
static enum sip_frame_result
end_of_head(struct sip_frame *f, struct str bytes, const char **why)
{
	const char *end = str_end(bytes), *p = bytes.p + f->scanned;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (p[-1] != '\r')
			return bad(why, "a bare LF");
		p++;
		f->scanned = (size_t)(p - bytes.p);
		if (f->scanned >= f->line + 2 && p[-3] == '\n') {
			f->head = f->scanned;
			return SIP_FRAME_MSG;
		}
	}
	f->scanned = bytes.n;
	return SIP_FRAME_MORE;
}

/*
 * The one Content-Length of a complete head, all its fields looked at; most
 * lines are passed over by their first letter.
 */
static enum sip_frame_result
body_length(struct str head, size_t line, uint32_t *length, const char **why)
{
	struct str rest = str_from(head, line);
	bool found = false;

	while (rest.n > 2) {
		char c = rest.p[0] | 0x20;
		struct sip_field f;
		const char *text;
		uint32_t v;

		if (c != 'c' && c != 'l') {
			rest = str_from(rest, str_find(rest, '\n') + 1);
			continue;
		}
		/* A bad line is left to the decoder, which will refuse it. */
		if (sip_line_next(&rest, &f, &text) != SIP_LINE_FIELD ||
		    f.id != SIP_HEADER_CONTENT_LENGTH)
			continue;
		if (!str_u32(f.value, &v))
			return bad(why, "malformed Content-Length");
		if (found && v != *length)
			return bad(why, "Content-Length values differ");
		found = true;
		*length = v;
	}
	return found ? SIP_FRAME_MSG : bad(why, "no Content-Length");
}

/*
 * Everything up to the total length of the message at the front.  bytes ends
 * where the head must have ended: how much more came at once changes nothing.
 */
static enum sip_frame_result
measure(struct sip_frame *f, struct str bytes, size_t message_max,
    const char **why)
{
	enum sip_frame_result r;
	uint32_t length = 0;

	if (f->line == 0 && (r = start_line(f, bytes, why)) != SIP_FRAME_MSG)
		return r;
	if ((r = end_of_head(f, bytes, why)) != SIP_FRAME_MSG)
		return r;
	r = body_length(str_of(bytes.p, f->head), f->line, &length, why);
	if (r != SIP_FRAME_MSG)
		return r;
	f->total = f->head + length;
	return SIP_FRAME_MSG;
}

enum sip_frame_result
sip_frame_next(struct sip_frame *f, struct str bytes, size_t head_max,
    size_t message_max, size_t *used, const char **why)
{
	enum sip_frame_result r = SIP_FRAME_MSG;

	*used = 0;
	*why = NULL;
	if (bytes.n == 0)
		return SIP_FRAME_MORE;
	if (f->scanned == 0 && bytes.p[0] == '\r')
		return empty_line(f, bytes, used, why);
	if (f->total == 0)
		r = measure(f, str_of(bytes.p, bytes.n < head_max ?
		    bytes.n : head_max), message_max, why);
	if (r == SIP_FRAME_BAD) {
		*used = f->head != 0 ? f->head : bytes.n;
		return r;
	}
	if (f->head == 0 && bytes.n > head_max) {
		*used = bytes.n;
		*why = "head over the limit";
		return SIP_FRAME_LIMIT;
	}
	if (r == SIP_FRAME_MSG && f->total > message_max) {
		*used = f->head;
		*why = "message over the limit";
		return SIP_FRAME_LIMIT;
	}
	if (r == SIP_FRAME_MORE || bytes.n < f->total)
		return SIP_FRAME_MORE;
	*used = f->total;
	*f = (struct sip_frame) { 0 };
	return SIP_FRAME_MSG;
}
