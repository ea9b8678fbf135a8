/* SPDX-License-Identifier: BSD-2-Clause */
#include "web/path.h"

#include "http/request.h"

#define MAC_DIGITS 12

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return false;
	}
	return s.n > 0 && s.n <= WEB_NAME_MAX;
}

static bool
is_id(struct str s)
{
	static const char marks[] = "._-+@:";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && strchr(marks, c) == NULL)
			return false;
	}
	/* "." and ".." mean something to those who make URLs shorter. */
	return s.n > 0 && s.n <= WEB_ID_MAX && !str_eq(s, STR(".")) &&
	    !str_eq(s, STR(".."));
}

bool
web_mac(char out[MAC_DIGITS + 1], struct str text)
{
	size_t n = 0;

	if (text.n != MAC_DIGITS && text.n != MAC_DIGITS + 5)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c >= 'A' && c <= 'F')
			c = (char)(c | 0x20);
		if (text.n > MAC_DIGITS && i % 3 == 2) {
			if (c != ':' && c != '-')
				return false;
		} else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) {
			out[n++] = c;
		} else {
			return false;
		}
	}
	out[n] = '\0';
	return true;
}

static bool
take_id(struct web_path *out, struct str id)
{
	if (!is_id(id))
		return false;
	return web_mac(out->id, id) ||
	    str_copy(out->id, sizeof(out->id), id);
}

/* Cuts the ending off; false: one that we do not have. */
static bool
cut_ending(struct str *s, enum web_form *form)
{
	static const struct {
		struct str ending;
		enum web_form form;
	} endings[] = {
		{ { ".pem", 4 }, WEB_PEM },
		{ { ".der", 4 }, WEB_DER },
		{ { ".cfg", 4 }, WEB_CFG },
		{ { ".xml", 4 }, WEB_XML },
	};

	for (size_t i = 0; i < ARRAY_LEN(endings) && s->n > 4; i++) {
		if (!str_eq(str_from(*s, s->n - 4), endings[i].ending))
			continue;
		s->n -= 4;
		*form = endings[i].form;
		return true;
	}
	return false;
}

static bool
take_document(struct web_path *out, struct str s)
{
	struct str roots = STR("roots/"), tail = STR("-ca");
	struct str rest;
	bool certificate;

	if (!cut_ending(&s, &out->form))
		return false;
	certificate = out->form == WEB_PEM || out->form == WEB_DER;
	if (certificate && str_eq(s, STR("ca"))) {
		out->document = WEB_CA;
		return true;
	}
	if (certificate && str_starts(s, roots)) {
		out->document = WEB_ROOT;
		s = str_from(s, roots.n);
	} else if (!certificate && s.n > tail.n &&
	    str_eq(str_from(s, s.n - tail.n), tail)) {
		out->document = WEB_SETTINGS;
		s.n -= tail.n;
	} else {
		return false;
	}
	rest = s;
	/* Several have no DER form. */
	while (out->document == WEB_ROOT && out->form == WEB_PEM &&
	    str_find(rest, '+') < rest.n) {
		if (!is_name(str_cut(&rest, '+')))
			return false;
	}
	return is_name(rest) && str_copy(out->name, sizeof(out->name), s);
}

int
web_path_parse(struct web_path *out, struct str path)
{
	char text[HTTP_TARGET_MAX + 1];
	struct web_path p = { .id = "" };
	struct str s;

	if (!http_path_decode(text, sizeof(text), path) || text[0] != '/')
		return E_ABSENT;
	s = str_cstr(text + 1);
	if (str_starts(s, STR("d/"))) {
		s = str_from(s, 2);
		if (!take_id(&p, str_cut(&s, '/')) || s.p == NULL)
			return E_ABSENT;
	}
	if (!take_document(&p, s))
		return E_ABSENT;
	*out = p;
	return 0;
}
