/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/said.h"

#include "trust/evidence.h"

#define SAID_LOOKED_AT 1024 /* bytes of a line: the rest is data */

#define L(lit)  { (lit), sizeof(lit) - 1 }
#define F(name) (UINT32_C(1) << TRUST_FAULT_##name)

static const struct row {
	struct str phrase;
	enum said_topic topic;
	uint32_t faults;
} rows[] = {
#define SAID(phrase, topic, faults) { L(phrase), SAID_##topic, faults },
#include "capture/said.def"
#undef SAID
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_word(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* ---- phrases ---- */

/* Where part, which is lower case, ends in s from at on; 0: nowhere. */
static size_t
find_part(struct str s, size_t at, struct str part, bool at_word)
{
	for (; at + part.n <= s.n; at++) {
		size_t i = 0;

		if (s.p[at] != part.p[0] ||
		    (at_word && at > 0 && is_word(s.p[at - 1])))
			continue;
		while (i < part.n && s.p[at + i] == part.p[i])
			i++;
		if (i == part.n)
			return at + i;
	}
	return 0;
}

static bool
holds(struct str s, struct str phrase)
{
	bool first = true;
	size_t at = 0;

	while (phrase.n > 0) {
		struct str part = str_cut(&phrase, '*');

		at = find_part(s, at, str_trim(part), first);
		if (at == 0)
			return false;
		first = false;
	}
	return true;
}

void
said_read(struct said *out, struct str text)
{
	char small[SAID_LOOKED_AT];
	struct str s = { small, text.n < sizeof(small) ? text.n :
		sizeof(small) };

	*out = (struct said) { .topic = SAID_OTHER };
	for (size_t i = 0; i < s.n; i++)
		small[i] = lower(text.p[i]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!holds(s, rows[i].phrase))
			continue;
		out->topic = rows[i].topic;
		out->faults = rows[i].faults;
		return;
	}
}

const char *
said_topic_name(enum said_topic t)
{
	static const char *const names[] = {
		[SAID_OTHER] = "",
		[SAID_REGISTRATION] = "registration",
		[SAID_CLOCK] = "clock",
		[SAID_TLS] = "tls",
		[SAID_CERTIFICATE] = "certificate",
	};

	return names[t];
}

/* ---- secrets ---- */

/* What follows one of these, behind '=' or ':', is for nobody's eyes. */
static const struct str secret[] = {
	L("response"), L("password"), L("passwd"),
	L("passphrase"), L("pwd"), L("pass"),
	L("secret"), L("cnonce"), L("nonce"),
	L("token"), L("apikey"), L("api_key"),
	L("pin"), L("ha1"),
};

/* The rest of the line is a secret. */
static const struct str secret_field[] = {
	L("authorization"), L("proxy-authorization"),
};

bool
said_is_secret_field(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(secret_field); i++)
		if (str_ieq(name, secret_field[i]))
			return true;
	return false;
}

static bool
starts_word(struct str s, size_t at, struct str word)
{
	return str_istarts(str_from(s, at), word) &&
	    (at == 0 || !is_word(s.p[at - 1]));
}

/* Where the value of a name that ends at `at` begins; 0: there is none. */
static size_t
value_at(struct str s, size_t at)
{
	while (at < s.n && (s.p[at] == ' ' || s.p[at] == '"' ||
	    s.p[at] == '\''))
		at++;
	if (at == s.n || (s.p[at] != '=' && s.p[at] != ':'))
		return 0;
	at++;
	while (at < s.n && s.p[at] == ' ')
		at++;
	return at < s.n ? at : 0;
}

/* One past the value that begins at `at`. */
static size_t
value_end(struct str s, size_t at)
{
	char quote = s.p[at] == '"' || s.p[at] == '\'' ? s.p[at] : '\0';

	if (quote != '\0') {
		at++;
		while (at < s.n && s.p[at] != quote)
			at++;
		return at < s.n ? at + 1 : at;
	}
	while (at < s.n && s.p[at] != ' ' && s.p[at] != ',' &&
	    s.p[at] != ';' && s.p[at] != '&' && s.p[at] != '>')
		at++;
	return at;
}

/* The value of a secret whose name begins at `at`: from *begin to *end. */
static bool
is_secret(struct str s, size_t at, size_t *begin, size_t *end)
{
	for (size_t i = 0; i < ARRAY_LEN(secret_field); i++) {
		if (!starts_word(s, at, secret_field[i]))
			continue;
		*begin = value_at(s, at + secret_field[i].n);
		*end = s.n;
		return *begin != 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
		if (!starts_word(s, at, secret[i]))
			continue;
		*begin = value_at(s, at + secret[i].n);
		if (*begin == 0)
			continue;
		*end = value_end(s, *begin);
		return true;
	}
	return false;
}

static void
put_safe(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n && out->n < out->cap; i++)
		buf_putc(out, (unsigned char)s.p[i] < ' ' ||
		    s.p[i] == 0x7f ? ' ' : s.p[i]);
}

void
said_mask(struct buf *out, struct str text)
{
	size_t from = 0, begin, end;

	for (size_t at = 0; at < text.n && out->n < out->cap;) {
		if (!is_word(text.p[at]) ||
		    !is_secret(text, at, &begin, &end)) {
			at++;
			continue;
		}
		put_safe(out, str_of(text.p + from, begin - from));
		put_safe(out, STR("***"));
		at = from = end;
	}
	if (from < text.n)
		put_safe(out, str_from(text, from));
}
