/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of a log: which form it has, and what stands in it. */
#include "capture/pbxlog_int.h"
#include "tlswire/alert.h"

#define HEAD_MAX 256 /* where the time and the process are looked for */

static const struct pbxlog_form forms[] = {
#define PRODUCT(id, name)
#define FORM(product, anchor, tells, step, marker)                             \
	{ PBXLOG_##product, STR(anchor), TELLS_##tells, step, STR(marker), 0 },
#define SENTENCE(product, anchor, reason)                                      \
	{ PBXLOG_##product, STR(anchor), TELLS_SENTENCE, 1, STR(""), reason },
#include "capture/sentences.def"
#include "capture/forms.def"
#undef PRODUCT
#undef FORM
#undef SENTENCE
};

static const char *const products[] = {
#define PRODUCT(id, name) name,
#define FORM(product, anchor, tells, step, marker)
#include "capture/forms.def"
#undef PRODUCT
#undef FORM
};

const char *
pbxlog_product_name(enum pbxlog_product p)
{
	return products[p];
}

size_t
pbxlog_find(struct str s, struct str a)
{
	const char *at = s.n >= a.n && a.n > 0 ?
	    memmem(s.p, s.n, a.p, a.n) : NULL;

	return at != NULL ? (size_t)(at - s.p) : s.n;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- the head: when, and which process ---- */

static size_t
span(struct str s, const char *bytes)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != '\0' && strchr(bytes, s.p[n]) != NULL)
		n++;
	return n;
}

/* "Apr  4 22:02:14": RFC 3164. */
static bool
is_bsd_time(struct str s)
{
	return s.n >= 15 && s.p[3] == ' ' && s.p[6] == ' ' && s.p[9] == ':' &&
	    s.p[12] == ':' && is_digit(s.p[5]) && is_digit(s.p[14]);
}

/*
 * What stands first and has a colon among digits: "[...]", a syslog's, or
 * "2023-02-16 20:17:10.7", "2023-02-16T20:17:10Z", "2026/11/20 09:00:01",
 * "14:06:15.731".
 */
static struct str
time_of(struct str s)
{
	static const char part[] = "0123456789:.-+,/TZ";
	size_t n;

	s = str_trim(s);
	if (s.n > 0 && s.p[0] == '[') {
		struct str rest = str_from(s, 1), in = str_cut(&rest, ']');

		return rest.p != NULL && in.n <= 40 &&
		    str_find(in, ':') < in.n ? in : STR_NULL;
	}
	if (is_bsd_time(s))
		return str_of(s.p, 15);
	n = span(s, part);
	if (n == 10 && s.n > n && s.p[n] == ' ' && is_digit(s.p[0]))
		n += 1 + span(str_from(s, n + 1), part);
	if (n > 0 && n <= 40 && is_digit(s.p[0]) &&
	    str_find(str_of(s.p, n), ':') < n)
		return str_trim(str_of(s.p, n));
	return STR_NULL;
}

/* The last number in brackets, else in parentheses, before the message. */
static struct str
key_of(struct str head)
{
	static const char open[] = "[(", close[] = "])";

	for (int kind = 0; kind < 2; kind++)
		for (size_t end = head.n; end-- > 0;) {
			size_t begin = end;

			if (head.p[end] != close[kind])
				continue;
			while (begin > 0 && is_digit(head.p[begin - 1]))
				begin--;
			if (begin > 0 && begin < end &&
			    head.p[begin - 1] == open[kind])
				return str_of(head.p + begin, end - begin);
		}
	return STR_NULL;
}

/* ---- what the form says to look for ---- */

static struct str
peer_of(struct str text, struct str marker)
{
	size_t at = pbxlog_find(text, marker), n = 0;

	if (marker.n == 0 || at == text.n)
		return STR_NULL;
	text = str_from(text, at + marker.n);
	while (n < text.n && (unsigned char)text.p[n] > ' ' &&
	    strchr("',;)!\"/", text.p[n]) == NULL)
		n++;
	while (n > 0 && (text.p[n - 1] == ':' || text.p[n - 1] == '.'))
		n--;
	return n > 0 ? str_of(text.p, n) : STR_NULL;
}

/* Who it is, by the words that programs of all kinds put before an address. */
static struct str
peer_guess(struct str text)
{
	static const struct str before[] = { STR(" from "), STR(" peer "),
		STR(" client "), STR(" remote "), STR("client: "),
		STR("peer: ") };

	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		struct str peer = peer_of(text, before[i]);
		struct addr a;

		if (peer.n > 0 && addr_parse(&a, peer, 0) == 0)
			return peer;
	}
	return STR_NULL;
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Eight hexadecimal digits and no more. */
static bool
read_hex(struct str s, uint32_t *out)
{
	uint32_t v = 0;

	if (s.n < 8 || (s.n > 8 && hex_digit(s.p[8]) >= 0))
		return false;
	for (size_t i = 0; i < 8; i++) {
		int d = hex_digit(s.p[i]);

		if (d < 0)
			return false;
		v = v << 4 | (uint32_t)d;
	}
	*out = v;
	return true;
}

static bool
read_decimal(struct str s, uint32_t *out)
{
	size_t n = span(s, "0123456789");

	return str_u32(str_of(s.p, n), out);
}

/* The first word of eight hexadecimal digits. */
static uint32_t
bare_error(struct str s)
{
	uint32_t v;

	for (size_t i = 0; i + 8 <= s.n; i++)
		if ((i == 0 || s.p[i - 1] == ' ') &&
		    read_hex(str_from(s, i), &v))
			return v;
	return 0;
}

/* "error:0A000418", pjproject's "err: <337678594>", Sofia's "0a000418". */
static uint32_t
error_of(struct str text, struct str after, enum pbxlog_product product)
{
	static const struct str hex = STR("error:"), decimal = STR("err: <");
	size_t at = pbxlog_find(text, hex);
	uint32_t v;

	if (at < text.n && read_hex(str_from(text, at + hex.n), &v))
		return v;
	at = pbxlog_find(text, decimal);
	if (at < text.n && read_decimal(str_from(text, at + decimal.n), &v))
		return v;
	return product == PBXLOG_SOFIA ? bare_error(after) : 0;
}

static bool
says(struct str text, const char *words)
{
	return pbxlog_find(text, str_cstr(words)) < text.n;
}

/* SSL_get_error()'s value where the reason should be: 1 is SSL_ERROR_SSL. */
static enum pbxlog_told
told_by_problem(struct str text, uint32_t error)
{
	if (says(text, "Connection reset by peer"))
		return PBXLOG_RESET;
	if (error == 1)
		return PBXLOG_LOST;
	return says(text, "error:0000000") ? PBXLOG_CLOSED : PBXLOG_NOTHING;
}

static bool
is_outgoing(const struct pbxlog_form *f)
{
	static const char *const words[] = { "connecting to ", "connection to ",
		"connect:", "SSL_connect", "connect()", "send timeout",
		"connect error", "received SERVER ALERT",
		"generated CLIENT ALERT" };

	if (f->product == PBXLOG_LINPHONE || f->tells == TELLS_VERIFY ||
	    f->tells == TELLS_NAME)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (says(f->anchor, words[i]))
			return true;
	return false;
}

/* "[48]: Unknown CA" */
static int
alert_of(struct str after)
{
	uint32_t v;

	return read_decimal(after, &v) && v <= UINT8_MAX ? (int)v : -1;
}

/* from: the anchor and all after it; after: without the anchor. */
static int
alert_in(const struct pbxlog_line *l, struct str from, struct str after)
{
	int code;

	switch (l->form->tells) {
	case TELLS_ALERT:
		return alert_of(after);
	case TELLS_ALERTED:
		return pbxlog_alert_named(from);
	case TELLS_SENT:
		code = alert_of(after);
		return code >= 0 ? code : pbxlog_alert_named(after);
	default:
		return pbxlog_alert(l->error);
	}
}

static enum pbxlog_told
told_by(const struct pbxlog_line *l)
{
	static const enum pbxlog_told told[] = {
		[TELLS_FAILED] = PBXLOG_NOTHING,
		[TELLS_ERROR] = PBXLOG_NOTHING,
		[TELLS_CLOSED] = PBXLOG_CLOSED,
		[TELLS_RESET] = PBXLOG_RESET,
		[TELLS_TIMEOUT] = PBXLOG_TIMEOUT,
		[TELLS_ALERTED] = PBXLOG_ALERTED,
		[TELLS_SENT] = PBXLOG_NOTHING,
		[TELLS_CONFIG] = PBXLOG_CONFIG,
		[TELLS_VERIFY] = PBXLOG_VERIFY,
		[TELLS_UNTRUSTED] = PBXLOG_UNTRUSTED,
		[TELLS_NAME] = PBXLOG_NAME,
		[TELLS_HARMLESS] = PBXLOG_NOTHING,
	};

	if (l->alert >= 0)
		return PBXLOG_ALERT;
	if (l->reason != NULL)
		return PBXLOG_ERROR;
	if (l->form->tells == TELLS_PROBLEM)
		return told_by_problem(l->text, l->error);
	return told[l->form->tells];
}

static void
fill(struct pbxlog_line *l, const struct pbxlog_form *f, size_t at)
{
	struct str after = str_from(l->text, at + f->anchor.n);
	struct str level = str_from(after, pbxlog_find(after, STR("Level: ")));

	l->form = f;
	l->step = f->step;
	l->time = time_of(l->text);
	l->key = key_of(str_of(l->text.p, at < HEAD_MAX ? at : HEAD_MAX));
	if (f->product == PBXLOG_MBEDTLS)
		l->key = STR_NULL; /* what ESP-IDF has in parentheses is time */
	l->peer = peer_of(l->text, f->marker);
	if (l->peer.n == 0 && f->product >= PBXLOG_GNUTLS)
		l->peer = peer_guess(l->text);
	l->outgoing = is_outgoing(f);
	l->ours = f->tells == TELLS_SENT;
	if (f->tells == TELLS_ERROR || f->tells == TELLS_CONFIG ||
	    f->tells == TELLS_PROBLEM)
		l->error = error_of(l->text, after, f->product);
	l->alert = alert_in(l, str_from(l->text, at), after);
	l->reason = f->reason != 0 ? pbxlog_reason_of(f->reason) :
	    pbxlog_reason(l->error);
	/* pjproject prints OpenSSL's queue, a line an error. */
	if (f->product == PBXLOG_PJSIP && level.n > 7 && level.p[7] != '0')
		l->step = 0;
	l->told = told_by(l);
}

/*
 * An error of another part of OpenSSL, or of somebody else; words that tell
 * nothing.
 */
static bool
is_nothing(struct pbxlog_line *l, struct str from)
{
	const struct pbxlog_form *f = l->form;

	if (f->tells == TELLS_WORDS)
		return !pbxlog_words(l, str_from(from, f->anchor.n));
	return f->product == PBXLOG_OPENSSL && f->tells == TELLS_ERROR &&
	    l->told == PBXLOG_NOTHING;
}

bool
pbxlog_line_read(struct pbxlog_line *out, struct str text)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		size_t at = pbxlog_find(text, forms[i].anchor);

		if (at == text.n)
			continue;
		*out = (struct pbxlog_line) { .text = text };
		fill(out, &forms[i], at);
		if (!is_nothing(out, str_from(text, at)))
			return true;
	}
	return false;
}
