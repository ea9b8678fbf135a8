/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/request.h"

#include "http/date.h"

#define LINE_MAX (HTTP_TARGET_MAX + 64) /* with its method and version */

/* ---- where the head ends ---- */

static bool
is_eol(char c)
{
	return c == '\r' || c == '\n';
}

/* Empty lines in front: some clients send one behind the last body. */
static size_t
blank_front(struct str bytes)
{
	size_t i = 0;

	while (i < bytes.n && is_eol(bytes.p[i]))
		i++;
	return i;
}

size_t
http_head_length(struct str bytes, size_t *seen)
{
	size_t front = blank_front(bytes);
	/* Back by what a line end may take that was only half there. */
	size_t i = *seen > 3 ? *seen - 3 : 0;

	if (i < front)
		i = front;
	for (; i < bytes.n; i++) {
		if (bytes.p[i] != '\n')
			continue;
		if (i + 1 < bytes.n && bytes.p[i + 1] == '\n')
			return i + 2;
		if (i + 2 < bytes.n && bytes.p[i + 1] == '\r' &&
		    bytes.p[i + 2] == '\n')
			return i + 3;
	}
	*seen = bytes.n;
	return 0;
}

/* ---- the request-line ---- */

static bool
is_token(char c)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr(marks, c) != NULL);
}

static bool
all_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_token(s.p[i]))
			return false;
	}
	return s.n > 0;
}

/* A line without its end; *rest is what follows. */
static struct str
cut_line(struct str *rest)
{
	struct str line = str_cut(rest, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* The last blank of the line: what follows it is the version. */
static bool
split_version(struct str line, struct str *front, struct str *version)
{
	size_t i = line.n;

	while (i > 0 && line.p[i - 1] != ' ' && line.p[i - 1] != '\t')
		i--;
	if (i == 0)
		return false;
	*version = str_from(line, i);
	*front = str_trim(str_of(line.p, i));
	return true;
}

static unsigned
check_version(struct str version)
{
	if (!str_istarts(version, STR("HTTP/")) || version.n != 8 ||
	    version.p[5] < '0' || version.p[5] > '9' || version.p[6] != '.')
		return 400;
	return version.p[5] == '1' ? 0 : 505;
}

unsigned
http_head_early(struct str bytes)
{
	struct str rest = str_from(bytes, blank_front(bytes));
	struct str front, version, line;
	size_t end;

	for (size_t i = 0; i < rest.n && rest.p[i] != ' '; i++) {
		if (!is_token(rest.p[i]))
			return 400;
	}
	end = str_find(rest, '\n');
	if (end == rest.n)
		return rest.n > LINE_MAX ? 414 : 0;
	line = cut_line(&rest);
	/* HTTP/0.9 has no version, and nothing would follow. */
	if (!split_version(line, &front, &version))
		return 400;
	return check_version(version);
}

/* "http://host/path", "/path" or "path" (RFC 9112 3.2). */
static void
split_target(struct http_request *out, struct str target)
{
	static const struct str scheme[] = { { "http://", 7 },
		{ "https://", 8 } };
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(scheme); i++) {
		if (!str_istarts(target, scheme[i]))
			continue;
		target = str_from(target, scheme[i].n);
		at = str_find(target, '/');
		out->host = str_of(target.p, at);
		target = str_from(target, at);
		break;
	}
	at = str_find(target, '?');
	if (at < target.n)
		out->query = str_from(target, at + 1);
	out->path = str_of(target.p, at);
}

static unsigned
read_line(struct http_request *out, struct str line)
{
	struct str front, version, target;
	unsigned status;

	if (!split_version(line, &front, &version))
		return 400;
	status = check_version(version);
	if (status != 0)
		return status;
	target = front;
	out->method_name = str_cut(&target, ' ');
	target = str_trim(target);
	if (!all_token(out->method_name) || target.n == 0)
		return 400;
	if (target.n > HTTP_TARGET_MAX)
		return 414;
	/* Methods tell case apart (RFC 9110 9.1). */
	out->method = HTTP_OTHER;
	if (str_eq(out->method_name, STR("GET")))
		out->method = HTTP_GET;
	else if (str_eq(out->method_name, STR("HEAD")))
		out->method = HTTP_HEAD;
	split_target(out, target);
	return 0;
}

/* ---- the fields ---- */

static void
take_field(struct http_request *out, struct str name, struct str value)
{
	const struct { struct str name, *to; } wanted[] = {
		{ STR("Host"), &out->host },
		{ STR("User-Agent"), &out->user_agent },
		{ STR("If-None-Match"), &out->if_none_match },
		{ STR("If-Modified-Since"), &out->if_modified_since },
	};

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		/* An absolute target names the host (RFC 9112 3.2.2). */
		if (str_ieq(name, wanted[i].name) && wanted[i].to->p == NULL)
			*wanted[i].to = value;
	}
}

/* CR, NUL and the like inside a field (RFC 9110 5.5). */
static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static unsigned
read_fields(struct http_request *out, struct str rest)
{
	for (unsigned n = 0; rest.n > 0; n++) {
		struct str line = cut_line(&rest), value = line;
		struct str name;

		if (line.n == 0)
			return 0;
		if (n == HTTP_FIELDS_MAX)
			return 431;
		if (has_control(line))
			return 400;
		/* A line folded the old way (RFC 9112 5.2): nothing of use. */
		if (line.p[0] == ' ' || line.p[0] == '\t')
			continue;
		name = str_cut(&value, ':');
		/* A blank before the colon is refused (RFC 9112 5.1). */
		if (value.p == NULL || !all_token(name))
			return 400;
		take_field(out, name, str_trim(value));
	}
	return 0;
}

unsigned
http_request_parse(struct http_request *out, struct str head)
{
	struct str rest = str_from(head, blank_front(head));
	struct str line;
	unsigned status;

	memset(out, 0, sizeof(*out));
	out->method = HTTP_OTHER;
	line = cut_line(&rest);
	if (has_control(line))
		return 400;
	status = read_line(out, line);
	return status != 0 ? status : read_fields(out, rest);
}

/* ---- conditions ---- */

/* RFC 9110 8.8.3.2, weak comparison: W/ does not count. */
static bool
tag_matches(struct str tag, struct str etag)
{
	tag = str_trim(tag);
	if (str_starts(tag, STR("W/")))
		tag = str_from(tag, 2);
	return str_eq(tag, etag) || str_eq(tag, STR("*"));
}

bool
http_not_modified(const struct http_request *q, struct str etag,
    int64_t modified_s)
{
	struct str list = q->if_none_match;
	int64_t since_s;

	/* Our tags hold no comma, so each of the list can be cut there. */
	if (list.p != NULL) {
		while (list.n > 0) {
			if (tag_matches(str_cut(&list, ','), etag))
				return true;
		}
		return false;
	}
	return q->if_modified_since.p != NULL && modified_s != 0 &&
	    http_date_parse(&since_s, q->if_modified_since) == 0 &&
	    modified_s <= since_s;
}

/* ---- paths ---- */

static size_t
decode_one(struct str s, char *out)
{
	unsigned char byte;

	if (s.p[0] == '%' && s.n >= 3 &&
	    str_unhex(&byte, 1, str_of(s.p + 1, 2))) {
		*out = (char)byte;
		return 3;
	}
	*out = s.p[0];
	return 1;
}

bool
http_path_decode(char *out, size_t size, struct str path)
{
	size_t n = 0;

	while (path.n > 0) {
		char c;

		path = str_from(path, decode_one(path, &c));
		if ((unsigned char)c < ' ' || c == 0x7f || n + 1 >= size)
			return false;
		if (c == '/' && n > 0 && out[n - 1] == '/')
			continue;
		out[n++] = c;
	}
	if (size == 0)
		return false;
	out[n] = '\0';
	return true;
}
