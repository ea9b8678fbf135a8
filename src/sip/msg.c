/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/msg - decode one SIP message: start-line, header index, body.
 */
#include "sip/msg.h"
#include "sip/param.h"
#include "sip/sip_int.h"

/* Keep the first thing that is wrong; a bad response is never answered. */
static void
refuse(struct sip_msg *m, int status, const char *why)
{
	if (m->why != NULL)
		return;
	m->refuse = m->request ? status : 0;
	m->why = why;
}

/* RFC 3261 7.2: SIP-Version SP Status-Code SP Reason-Phrase. */
static void
status_line(struct sip_msg *m, struct str line)
{
	struct str version = str_cut(&line, ' '), code;
	uint32_t status;

	m->request = false;
	if (sip_version(version) != 2)
		refuse(m, 0, "not SIP/2.0");
	if (line.p == NULL) {
		refuse(m, 0, "no status code");
		return;
	}
	code = str_cut(&line, ' ');
	m->reason = line.p != NULL ? line : STR("");
	if (code.n != 3 || !str_u32(code, &status) || status < 100 ||
	    status > 699) {
		refuse(m, 0, "not a status code");
		return;
	}
	m->status = (int)status;
}

/* RFC 3261 7.1: Method SP Request-URI SP SIP-Version, single spaces. */
static void
request_line(struct sip_msg *m, struct str line)
{
	const char *end = str_end(line), *p = end;
	int version;

	while (p > line.p && p[-1] != ' ')
		p--;
	version = sip_version(str_of(p, (size_t)(end - p)));
	if (version == 1)
		refuse(m, 505, "Version Not Supported");
	else if (version == 0)
		refuse(m, 400, "request line does not end in SIP/2.0");
	m->method_name = str_cut(&line, ' ');
	if (m->method_name.n == 0 ||
	    !sip_all(m->method_name, C_TOKEN, false))
		refuse(m, 400, "method is not a token");
	m->method = sip_method_of(m->method_name);
	if (line.p == NULL || p - line.p < 2) {
		refuse(m, 400, "no Request-URI");
		return;
	}
	m->request_uri = str_of(line.p, (size_t)(p - 1 - line.p));
	if (sip_uri_parse(&m->ruri, m->request_uri) != 0)
		refuse(m, 400, "malformed Request-URI");
	else if (m->ruri.headers.p != NULL) /* RFC 3261 19.1.1, table 1 */
		refuse(m, 400, "headers in the Request-URI");
}

static bool
start_line(struct sip_msg *m, struct str *rest)
{
	const char *lf = memchr(rest->p, '\n', rest->n);
	struct str line;

	if (lf == NULL || lf == rest->p || lf[-1] != '\r') {
		refuse(m, 400, "start line does not end in CRLF");
		return false;
	}
	line = str_of(rest->p, (size_t)(lf - rest->p - 1));
	*rest = str_from(*rest, line.n + 2);
	if (line.n >= 4 && str_istarts(line, STR("SIP/")))
		status_line(m, line);
	else
		request_line(m, line);
	for (size_t i = 0; i < line.n; i++) {
		if (sip_is(line.p[i], C_CTL) && line.p[i] != '\t')
			refuse(m, 400, "a control character in the start line");
	}
	return true;
}

/* Fields that may come once, or again with the same value. */
#define ONCE(id) ((uint64_t)1 << SIP_HEADER_##id)
#define ONCE_ALL                                                               \
	(ONCE(FROM) | ONCE(TO) | ONCE(CALL_ID) | ONCE(CSEQ) |                  \
	    ONCE(MAX_FORWARDS))
_Static_assert(SIP_HEADERS <= 64, "a bit for each header");

static void
index_field(struct sip_msg *m, const struct sip_field *f)
{
	uint8_t first = m->first[f->id];

	m->nfield++;
	if (f->id == SIP_HEADER_OTHER)
		return;
	if (first == 0)
		m->first[f->id] = (uint8_t)m->nfield;
	else if ((ONCE_ALL >> f->id & 1) != 0 &&
	    !str_eq(m->field[first - 1].value, f->value))
		refuse(m, 400, "a header field that may come once differs");
}

/* All fields up to the empty line; what is left after it is in *rest. */
static bool
header_fields(struct sip_msg *m, struct str *rest)
{
	const char *why;

	for (;;) {
		struct sip_field spare, *f;

		f = m->nfield < SIP_FIELDS_MAX ? &m->field[m->nfield] : &spare;
		switch (sip_line_next(rest, f, &why)) {
		case SIP_LINE_FIELD:
			if (f == &spare) {
				refuse(m, 513, "too many header fields");
				return false;
			}
			index_field(m, f);
			break;
		case SIP_LINE_BAD:
			refuse(m, 400, why);
			break;
		case SIP_LINE_EMPTY:
			return true;
		case SIP_LINE_CUT:
			return false;
		}
	}
}

static void
address(struct sip_msg *m, enum sip_header id, struct sip_nameaddr *out,
    struct sip_uri *uri, struct str *tag)
{
	const struct sip_field *f = sip_msg_field(m, id);
	struct sip_param param;
	struct str rest;

	if (f == NULL) {
		refuse(m, 400, id == SIP_HEADER_FROM ? "no From" : "no To");
		return;
	}
	if (sip_nameaddr_parse(out, f->value) != 0 || out->star ||
	    sip_uri_parse(uri, out->uri) != 0)
		goto bad;
	rest = out->params;
	while (sip_param_next(&rest, &param)) {
		if (param.name.n != 3 || !str_ieq(param.name, STR("tag")))
			continue;
		if (param.value.n == 0 || tag->p != NULL)
			goto bad;
		*tag = param.value;
	}
	if (rest.n == 0)
		return;
bad:
	refuse(m, 400,
	    id == SIP_HEADER_FROM ? "malformed From" : "malformed To");
}

static void
topmost_via(struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_VIA);
	struct str list, top = STR_NULL;
	struct sip_via via;

	if (f == NULL) {
		refuse(m, 400, "no Via");
		return;
	}
	list = f->value;
	if (!sip_list_next(&list, &top) || sip_via_parse(&via, top) != 0) {
		refuse(m, 400, "malformed Via");
		/* With its sent-by read, the 400 still finds its way. */
		if (top.p == NULL || via.host.n == 0)
			return;
	}
	m->via = via;
	m->answerable = m->request;
}

/* word [ "@" word ] */
static void
call_id(struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CALL_ID);
	const char *p, *end, *q;

	if (f == NULL) {
		refuse(m, 400, "no Call-ID");
		return;
	}
	m->call_id = f->value;
	end = str_end(f->value);
	p = sip_run(f->value.p, end, C_WORD);
	q = p < end && *p == '@' ? sip_run(p + 1, end, C_WORD) : p;
	if (p == f->value.p || q != end || (q > p && q - p == 1))
		refuse(m, 400, "malformed Call-ID");
}

/* 1*DIGIT LWS Method */
static void
cseq(struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CSEQ);
	const char *p, *end;
	struct str digits;

	if (f == NULL) {
		refuse(m, 400, "no CSeq");
		return;
	}
	end = str_end(f->value);
	p = sip_run(f->value.p, end, C_DIGIT);
	digits = str_of(f->value.p, (size_t)(p - f->value.p));
	p = sip_run(p, end, C_LWS);
	m->cseq_method = str_of(p, (size_t)(end - p));
	if (!str_u32(digits, &m->cseq) || m->cseq_method.n == 0 ||
	    p == str_end(digits) ||
	    !sip_all(m->cseq_method, C_TOKEN, false)) {
		refuse(m, 400, "malformed CSeq");
		return;
	}
	/* RFC 3261 8.1.1.5; RFC 4475 3.1.2.18: an unknown method gets 501. */
	if (m->request && !str_eq(m->cseq_method, m->method_name))
		refuse(m, m->method == SIP_METHOD_OTHER ? 501 : 400,
		    "CSeq method is not the request's");
}

static void
max_forwards(struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_MAX_FORWARDS);
	uint32_t v;

	if (f == NULL)
		return;
	if (!str_u32(f->value, &v) || v > 255)
		refuse(m, 400, "malformed Max-Forwards");
	else
		m->max_forwards = (int)v;
}

static void
content_length(struct sip_msg *m)
{
	const struct sip_field *f = sip_msg_field(m, SIP_HEADER_CONTENT_LENGTH);
	uint32_t v;

	for (; f != NULL; f = sip_msg_next(m, f)) {
		if (!str_u32(f->value, &v)) {
			refuse(m, 400, "malformed Content-Length");
			return;
		}
		if (m->has_content_length && v != m->content_length) {
			refuse(m, 400, "Content-Length values differ");
			return;
		}
		m->has_content_length = true;
		m->content_length = v;
	}
}

/* RFC 3261 18.3. */
static void
cut_body(struct sip_msg *m, struct str rest, enum sip_msg_form form)
{
	m->body = rest;
	if (!m->has_content_length) {
		if (form == SIP_STREAM)
			refuse(m, 400, "no Content-Length");
		return;
	}
	if (m->content_length > rest.n) {
		refuse(m, 400, "body is shorter than Content-Length");
		return;
	}
	m->body.n = m->content_length;
	m->all.n = (size_t)(str_end(m->body) - m->all.p);
}

/* All but field[], which is 5 kB and ends at nfield. */
static void
clear(struct sip_msg *m, struct str all)
{
	m->all = all;
	m->request = true;
	m->method = SIP_METHOD_OTHER;
	m->method_name = m->request_uri = m->reason = STR_NULL;
	m->ruri = m->from_uri = m->to_uri = (struct sip_uri) { 0 };
	m->status = 0;
	m->nfield = 0;
	memset(m->first, 0, sizeof(m->first));
	m->via = (struct sip_via) { 0 };
	m->from = m->to = (struct sip_nameaddr) { 0 };
	m->from_tag = m->to_tag = m->call_id = m->cseq_method = STR_NULL;
	m->cseq = 0;
	m->max_forwards = -1;
	m->has_content_length = false;
	m->content_length = 0;
	m->body = STR_NULL;
	m->refuse = 0;
	m->why = NULL;
	m->answerable = false;
}

int
sip_msg_parse(struct sip_msg *m, struct str bytes, enum sip_msg_form form,
    size_t head_max)
{
	struct str head = bytes;
	bool ended, over;

	clear(m, bytes);
	/* RFC 3261 7.5: empty lines before the start-line mean nothing. */
	while (head.n >= 2 && head.p[0] == '\r' && head.p[1] == '\n')
		head = str_from(head, 2);
	if (head.n == 0) {
		m->why = "empty";
		return E_PARSE;
	}
	m->all = head;
	over = head.n > head_max;
	if (over)
		head.n = head_max;
	ended = start_line(m, &head) && header_fields(m, &head);
	topmost_via(m);
	if (!ended && over) {
		refuse(m, 513, "Message Too Large");
		return E_LIMIT;
	}
	if (!ended)
		refuse(m, 400, "no empty line after the header fields");
	call_id(m);
	cseq(m);
	address(m, SIP_HEADER_FROM, &m->from, &m->from_uri, &m->from_tag);
	address(m, SIP_HEADER_TO, &m->to, &m->to_uri, &m->to_tag);
	max_forwards(m);
	content_length(m);
	if (ended)
		cut_body(m, str_of(head.p, (size_t)(str_end(m->all) - head.p)),
		    form);
	if (m->why == NULL)
		return 0;
	return m->refuse == 513 ? E_LIMIT : E_PARSE;
}

const struct sip_field *
sip_msg_field(const struct sip_msg *m, enum sip_header id)
{
	uint8_t first = m->first[id];

	return first != 0 ? &m->field[first - 1] : NULL;
}

const struct sip_field *
sip_msg_next(const struct sip_msg *m, const struct sip_field *f)
{
	const struct sip_field *end = m->field + m->nfield;

	for (const struct sip_field *g = f + 1; g < end; g++) {
		if (g->id == f->id)
			return g;
	}
	return NULL;
}

bool
sip_msg_has_token(const struct sip_msg *m, enum sip_header id,
    struct str token)
{
	for (const struct sip_field *f = sip_msg_field(m, id); f != NULL;
	     f = sip_msg_next(m, f)) {
		if (sip_list_has(f->value, token))
			return true;
	}
	return false;
}
