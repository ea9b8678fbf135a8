/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dnsrec.h"


#define TYPE_SRV   33
#define TYPE_NAPTR 35
#define CLASS_IN   1
#define HEAD_BYTES 12
#define JUMPS_MAX  32  /* of compression in one name */
#define WIRE_MAX   255 /* bytes of a name (RFC 1035 2.3.4) */

struct reader {
	struct str all;
	size_t at;
	bool failed;
};

static uint32_t
number(struct reader *r, size_t bytes)
{
	uint32_t v = 0;

	if (r->failed || r->all.n - r->at < bytes) {
		r->failed = true;
		return 0;
	}
	while (bytes-- > 0)
		v = v << 8 | (uint8_t)r->all.p[r->at++];
	return v;
}

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* One label to the end of out; false: it does not fit, or is no name's. */
static bool
put_label(char out[DNSREC_NAME_MAX], size_t *n, struct str label)
{
	if (*n + label.n + 2 > DNSREC_NAME_MAX)
		return false;
	if (*n > 0)
		out[(*n)++] = '.';
	for (size_t i = 0; i < label.n; i++) {
		if (!is_name_byte(label.p[i]))
			return false;
		out[(*n)++] = label.p[i];
	}
	out[*n] = '\0';
	return true;
}

/*
 * A name (RFC 1035 4.1.4) at r->at, which is left behind it.  False: it is one
 * that we do not use; r->failed: it is none.
 */
static bool
name(struct reader *r, char out[DNSREC_NAME_MAX])
{
	struct reader in = *r;
	bool right = true, jumped = false;
	size_t n = 0, jumps = 0, bytes = 0;

	out[0] = '\0';
	for (;;) {
		uint32_t len = number(&in, 1);

		if (len >= 0xc0) {
			size_t to = (len & 0x3f) << 8 | number(&in, 1);

			if (!jumped)
				r->at = in.at;
			jumped = true;
			if (++jumps > JUMPS_MAX || to >= in.all.n)
				in.failed = true;
			in.at = to;
		} else if (len > 63 || in.all.n - in.at < len ||
		    (bytes += len + 1) > WIRE_MAX) {
			in.failed = true;
		}
		if (in.failed)
			break;
		if (len >= 0xc0)
			continue;
		if (len == 0)
			break;
		right = right && put_label(out, &n,
		    str_of(in.all.p + in.at, len));
		in.at += len;
	}
	if (!jumped)
		r->at = in.at;
	r->failed = in.failed;
	return right && !r->failed;
}

/* <character-string> (RFC 1035 3.3). */
static struct str
string(struct reader *r)
{
	uint32_t n = number(r, 1);
	struct str s;

	if (r->failed || r->all.n - r->at < n) {
		r->failed = true;
		return STR_NULL;
	}
	s = str_of(r->all.p + r->at, n);
	r->at += n;
	return s;
}

/* Behind the question section; the number of answers. */
static uint32_t
begin(struct reader *r, struct str message)
{
	char skipped[DNSREC_NAME_MAX];
	uint32_t questions, answers;

	*r = (struct reader) { .all = message, .at = 4 };
	if (message.n < HEAD_BYTES)
		return 0;
	questions = number(r, 2);
	answers = number(r, 2);
	r->at = HEAD_BYTES;
	while (questions-- > 0 && !r->failed) {
		IGNORE(name(r, skipped)); /* whatever it is */
		IGNORE(number(r, 4));     /* type and class */
	}
	return r->failed ? 0 : answers;
}

/*
 * The next answer of this type: its data in *data (whose names may point into
 * the whole message), and the TTL.  False: there is none.
 */
static bool
next(struct reader *r, uint32_t *answers, uint32_t type, struct reader *data,
    uint32_t *ttl_s)
{
	while (*answers > 0 && !r->failed) {
		char owner[DNSREC_NAME_MAX];
		uint32_t t, class, n;
		size_t at;

		--*answers;
		IGNORE(name(r, owner)); /* the resolver followed the names */
		t = number(r, 2);
		class = number(r, 2);
		*ttl_s = number(r, 4);
		n = number(r, 2);
		if (r->failed || r->all.n - r->at < n)
			return false;
		at = r->at;
		r->at += n;
		if (t != type || class != CLASS_IN)
			continue;
		*data = (struct reader) { .all = str_of(r->all.p, at + n),
			.at = at };
		return true;
	}
	return false;
}

size_t
dnsrec_srv(struct str message, struct dnsrec_srv out[DNSREC_MAX])
{
	struct reader r, data;
	uint32_t answers = begin(&r, message), ttl_s;
	size_t n = 0;

	while (n < DNSREC_MAX && next(&r, &answers, TYPE_SRV, &data, &ttl_s)) {
		struct dnsrec_srv *s = &out[n];

		s->ttl_s = ttl_s;
		s->priority = (uint16_t)number(&data, 2);
		s->weight = (uint16_t)number(&data, 2);
		s->port = (uint16_t)number(&data, 2);
		if (!data.failed && name(&data, s->target))
			n++;
	}
	return n;
}

size_t
dnsrec_naptr(struct str message, struct dnsrec_naptr out[DNSREC_MAX])
{
	struct reader r, data;
	uint32_t answers = begin(&r, message), ttl_s;
	size_t n = 0;

	while (n < DNSREC_MAX &&
	    next(&r, &answers, TYPE_NAPTR, &data, &ttl_s)) {
		struct dnsrec_naptr *s = &out[n];
		struct str flags, service;

		s->ttl_s = ttl_s;
		s->order = (uint16_t)number(&data, 2);
		s->preference = (uint16_t)number(&data, 2);
		flags = string(&data);
		service = string(&data);
		(void)string(&data); /* a regexp is not for SIP */
		s->flag = flags.n == 1 ? (char)(flags.p[0] | 0x20) : 0;
		if (!str_copy(s->service, sizeof(s->service), service))
			s->service[0] = '\0';
		if (!data.failed && name(&data, s->replacement))
			n++;
	}
	return n;
}

static void
swap(struct dnsrec_srv *a, struct dnsrec_srv *b)
{
	struct dnsrec_srv t = *a;

	*a = *b;
	*b = t;
}

/* The n of one priority. */
static void
order_by_weight(struct dnsrec_srv *v, size_t n,
    uint32_t (*draw)(void *arg, uint32_t n), void *arg)
{
	for (size_t done = 0; done + 1 < n; done++) {
		uint32_t sum = 0, run = 0, drawn;
		size_t zeros = done, i;

		/* Those of weight 0 first, so that they can be drawn at all. */
		for (i = done; i < n; i++) {
			sum += v[i].weight;
			if (v[i].weight == 0)
				swap(&v[i], &v[zeros++]);
		}
		drawn = draw(arg, sum);
		for (i = done; i + 1 < n; i++) {
			run += v[i].weight;
			if (run >= drawn)
				break;
		}
		swap(&v[done], &v[i]);
	}
}

void
dnsrec_order_srv(struct dnsrec_srv *v, size_t n,
    uint32_t (*draw)(void *arg, uint32_t n), void *arg)
{
	/* Few of them: by insertion. */
	for (size_t i = 1; i < n; i++) {
		for (size_t k = i; k > 0 && v[k].priority < v[k - 1].priority;
		     k--)
			swap(&v[k], &v[k - 1]);
	}
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && v[end].priority == v[i].priority;)
			end++;
		order_by_weight(v + i, end - i, draw, arg);
	}
}

void
dnsrec_order_naptr(struct dnsrec_naptr *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = i; k > 0; k--) {
			struct dnsrec_naptr t = v[k - 1];

			if (v[k].order > t.order || (v[k].order == t.order &&
			    v[k].preference >= t.preference))
				break;
			v[k - 1] = v[k];
			v[k] = t;
		}
	}
}
