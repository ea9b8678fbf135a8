/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/header - field and method names: text to identifier and back, and the
 * reader of field lines.
 */
#include "sip/sip_int.h"

#define SLOTS 128 /* a power of two, well above SIP_HEADERS */

static const struct str names[SIP_HEADERS] = {
#define HEADER(id, name, compact, list)                                        \
	[SIP_HEADER_##id] = { name, sizeof(name) - 1 },
#include "sip/headers.def"
#undef HEADER
};

static const char compacts[SIP_HEADERS] = {
#define HEADER(id, name, compact, list) [SIP_HEADER_##id] = compact,
#include "sip/headers.def"
#undef HEADER
};

static const struct str methods[] = {
	[SIP_METHOD_OTHER] = { "", 0 },
#define METHOD(name) [SIP_METHOD_##name] = { #name, sizeof(#name) - 1 },
#include "sip/methods.def"
#undef METHOD
};

/* Filled before main from the table above, constant from then on. */
static uint8_t slot[SLOTS];   /* open addressing, 0: free */
static uint8_t compact[26];   /* by letter                */

/* Spreads the names of headers.def almost without collision. */
static unsigned
slot_of(struct str name)
{
	unsigned a = (uint8_t)name.p[0] | 0x20, z;

	z = (uint8_t)name.p[name.n - 1] | 0x20;
	return ((unsigned)name.n * 11 + a * 7 + z * 5) & (SLOTS - 1);
}

__attribute__((constructor)) static void
setup(void)
{
	for (unsigned id = 1; id < SIP_HEADERS; id++) {
		unsigned i = slot_of(names[id]);

		while (slot[i] != 0)
			i = (i + 1) & (SLOTS - 1);
		slot[i] = (uint8_t)id;
		if (compacts[id] != '\0')
			compact[compacts[id] - 'a'] = (uint8_t)id;
	}
}

/*
 * Both are tokens of the same length, and the right one has only letters and
 * '-': setting bit 5 folds the case and makes no other byte look equal.
 */
static bool
same_name(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((a[i] | 0x20) != (b[i] | 0x20))
			return false;
	}
	return true;
}

enum sip_header
sip_header_of(struct str name)
{
	if (name.n == 1) {
		unsigned c = ((unsigned)(uint8_t)name.p[0] | 0x20) - 'a';
		return c < 26 ? compact[c] : SIP_HEADER_OTHER;
	}
	if (name.n == 0)
		return SIP_HEADER_OTHER;
	for (unsigned i = slot_of(name); slot[i] != 0;
	     i = (i + 1) & (SLOTS - 1)) {
		struct str s = names[slot[i]];

		if (s.n == name.n && same_name(name.p, s.p, s.n))
			return slot[i];
	}
	return SIP_HEADER_OTHER;
}

struct str
sip_header_str(enum sip_header h)
{
	return h > SIP_HEADER_OTHER && h < SIP_HEADERS ? names[h] : STR("");
}

enum sip_method
sip_method_of(struct str name)
{
	for (size_t i = 1; i < ARRAY_LEN(methods); i++) {
		if (str_eq(name, methods[i]))
			return (enum sip_method)i;
	}
	return SIP_METHOD_OTHER;
}

struct str
sip_method_str(enum sip_method m)
{
	return (size_t)m < ARRAY_LEN(methods) ? methods[m] : methods[0];
}

/* The first control character in [p, end), eight bytes at a step. */
static const char *
skip_text(const char *p, const char *end)
{
	const uint64_t ones = ~(uint64_t)0 / 255, high = ones << 7;

	while (end - p >= 8) {
		uint64_t w, del;

		memcpy(&w, p, sizeof(w));
		del = w ^ ones * 0x7f;
		if ((((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & high)
			break;
		p += 8;
	}
	while (p < end && !sip_is(*p, C_CTL))
		p++;
	return p;
}

/*
 * The CRLF that ends the field whose value begins at p, NULL: none.  Other
 * control characters than HT and those of folds are counted in *controls.
 */
static const char *
field_end(const char *p, const char *end, size_t *controls)
{
	for (;;) {
		p = skip_text(p, end);
		if (p == end)
			return NULL;
		if (*p == '\r' && end - p >= 2 && p[1] == '\n') {
			if (end - p == 2 || (p[2] != ' ' && p[2] != '\t'))
				return p;
			p += 3;
			continue;
		}
		*controls += *p != '\t';
		p++;
	}
}

/* RFC 3261 25.1: quoted-pair has all of ASCII but CR and LF. */
static size_t
quoted_controls(struct str value)
{
	bool quoted = false;
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"') {
			quoted = !quoted;
		} else if (quoted && value.p[i] == '\\' && i + 1 < value.n) {
			char c = value.p[++i];
			n += sip_is(c, C_CTL) && !sip_is(c, C_LWS);
		}
	}
	return n;
}

enum sip_line
sip_line_next(struct str *rest, struct sip_field *f, const char **why)
{
	const char *p = rest->p, *end = str_end(*rest), *q, *value;
	size_t controls = 0;

	if (end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
		*rest = str_of(p + 2, (size_t)(end - p - 2));
		return SIP_LINE_EMPTY;
	}
	q = sip_run(p, end, C_TOKEN);
	f->name = str_of(p, (size_t)(q - p));
	while (q < end && (*q == ' ' || *q == '\t'))
		q++;
	value = q < end && *q == ':' ? q + 1 : q;
	q = field_end(value, end, &controls);
	if (q == NULL)
		return SIP_LINE_CUT;
	*rest = str_of(q + 2, (size_t)(end - q - 2));
	if (f->name.n == 0 || value == p || value[-1] != ':') {
		*why = "a header line is not a name, a colon and a value";
		return SIP_LINE_BAD;
	}
	while (value < q && sip_is(*value, C_LWS))
		value++;
	while (value < q && sip_is(q[-1], C_LWS))
		q--;
	f->value = str_of(value, (size_t)(q - value));
	f->id = (uint16_t)sip_header_of(f->name);
	if (controls != 0 && quoted_controls(f->value) != controls) {
		*why = "a control character in a header field";
		return SIP_LINE_BAD;
	}
	return SIP_LINE_FIELD;
}
