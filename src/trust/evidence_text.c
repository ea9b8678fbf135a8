/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text form of evidence: one table of members serves both directions.
 */
#include "trust/evidence.h"

#include "base/err.h"
#include "tlswire/alert.h"

enum kind {
	KIND_BOOL,
	KIND_U32,
	KIND_U64,
	KIND_I64,
	KIND_TEXT,    /* char[TRUST_TEXT_MAX]                 */
	KIND_DIGEST,  /* a shorter array: size in n           */
	KIND_ADDR,
	KIND_VERSION, /* uint16_t, "TLSv1.2" or "0x7f12"      */
	KIND_CODE,    /* uint16_t, "c02f"                     */
	KIND_ENUM,    /* names in n                           */
	KIND_FAULTS,  /* uint32_t, "name weak_key"            */
	KIND_CODES,   /* uint16_t[TRUST_CIPHERS_MAX], count   */
	KIND_BYTES,   /* first_bytes, nfirst                  */
	KIND_ALERTS,  /* a line each                          */
};

static const char *const first_name[] = { "nothing", "tls", "sslv2", "sip",
	"http", "alert", "other" };
static const char *const stage_name[] = { "nothing", "bytes", "hello",
	"certificate", "key_exchange", "finished", "sip" };
static const char *const end_name[] = { "unknown", "open", "fin", "rst",
	"timeout", "us" };
static const char *const listed_name[] = { "unknown", "no", "yes" };
static const char *const key_name[] = { "unknown", "rsa", "ecdsa" };
static const char *const fault_name[] = { "root", "incomplete", "self_signed",
	"name", "expired", "too_new", "purpose", "weak_signature", "weak_key",
	"bad_signature", "key_mismatch", "leaf_is_ca", "order", "staple",
	"too_long", "key_type", "no_alt_name", "critical", "usage", "issuer" };
_Static_assert(ARRAY_LEN(fault_name) == TRUST_FAULTS, "a name each");
static const char *const side_name[] = { "client", "server" };

struct member {
	const char *name;
	enum kind kind;
	size_t at;               /* offset in struct trust_evidence */
	size_t n;                /* size, or number of names        */
	const char *const *names;
	size_t count_at;         /* offset of the uint16_t count    */
};

#define AT(m)         offsetof(struct trust_evidence, m)
#define FIELD(m, k)   { .name = #m, .kind = k, .at = AT(m) }
#define DIGEST(m, sz) { .name = #m, .kind = KIND_DIGEST, .at = AT(m), .n = sz }
#define NAMED(m, t)                                                            \
	{ .name = #m, .kind = KIND_ENUM, .at = AT(m), .n = ARRAY_LEN(t),       \
		.names = t }
#define CODES(label, m, c)                                                     \
	{ .name = label, .kind = KIND_CODES, .at = AT(m), .count_at = AT(c) }

static const struct member member[] = {
	FIELD(when_s, KIND_I64),
	FIELD(peer, KIND_ADDR),
	FIELD(local, KIND_ADDR),
	FIELD(device, KIND_TEXT),
	NAMED(first, first_name),
	FIELD(first_bytes, KIND_BYTES),
	FIELD(hello_seen, KIND_BOOL),
	FIELD(hello_malformed, KIND_BOOL),
	FIELD(record_version, KIND_VERSION),
	FIELD(legacy_version, KIND_VERSION),
	FIELD(max_version, KIND_VERSION),
	FIELD(min_version, KIND_VERSION),
	CODES("ciphers", cipher, nciphers),
	CODES("sigalgs", sigalg, nsigalgs),
	FIELD(server_name, KIND_TEXT),
	FIELD(hello_time_s, KIND_U32),
	DIGEST(ja3, TLS_JA3_LEN),
	DIGEST(ja4, TLS_JA4_LEN),
	NAMED(listed, listed_name),
	FIELD(resumption_offered, KIND_BOOL),
	FIELD(resumed, KIND_BOOL),
	FIELD(chain, KIND_TEXT),
	FIELD(root, KIND_TEXT),
	FIELD(chain_not_before_s, KIND_I64),
	FIELD(chain_not_after_s, KIND_I64),
	FIELD(chain_faults, KIND_FAULTS),
	FIELD(chain_depth, KIND_U32),
	FIELD(chain_signed, KIND_U32),
	FIELD(chain_names, KIND_U64),
	FIELD(root_id, KIND_U64),
	NAMED(our_key, key_name),
	FIELD(our_bits, KIND_U32),
	FIELD(our_min_version, KIND_VERSION),
	FIELD(our_max_version, KIND_VERSION),
	FIELD(version, KIND_VERSION),
	FIELD(cipher_suite, KIND_CODE),
	NAMED(stage, stage_name),
	NAMED(end, end_name),
	{ .name = "alert", .kind = KIND_ALERTS },
	FIELD(alert_hidden, KIND_BOOL),
	FIELD(us_since_flight, KIND_U32),
	FIELD(us_total, KIND_U32),
	FIELD(app_bytes, KIND_U64),
	FIELD(no_shared_cipher, KIND_BOOL),
	FIELD(ciphers_foreign, KIND_BOOL),
	FIELD(client_cert_asked, KIND_BOOL),
	FIELD(client_cert_empty, KIND_BOOL),
	FIELD(over_limit, KIND_BOOL),
	FIELD(said_faults, KIND_FAULTS),
	FIELD(said, KIND_TEXT),
};

static const uint16_t named_version[] = { TLS_VERSION_SSL2, TLS_VERSION_SSL3,
	TLS_VERSION_1_0, TLS_VERSION_1_1, TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* Printable ASCII but the backslash goes as it is, all else as \xNN. */
static void
print_text(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s >= ' ' && *s <= '~' && *s != '\\')
			buf_putc(out, *s);
		else
			buf_printf(out, "\\x%02x", (uint8_t)*s);
	}
}

static bool
scan_text(char *out, size_t size, struct str s)
{
	size_t n = 0;

	while (s.n > 0) {
		char c = s.p[0];
		size_t used = 1;
		if (c == '\\') {
			if (s.n < 4 || s.p[1] != 'x' ||
			    !str_unhex(&c, 1, str_of(s.p + 2, 2)))
				return false;
			used = 4;
		}
		if (c == '\0' || n + 1 >= size)
			return false;
		out[n++] = c;
		s = str_from(s, used);
	}
	return true;
}

static void
print_version(struct buf *out, uint16_t v)
{
	for (size_t i = 0; i < ARRAY_LEN(named_version); i++)
		if (named_version[i] == v) {
			buf_puts(out, tls_version_name(v));
			return;
		}
	buf_printf(out, "0x%04x", v);
}

static bool
scan_code(uint16_t *out, struct str s)
{
	uint8_t b[2];

	if (!str_unhex(b, 2, s))
		return false;
	*out = (uint16_t)(b[0] << 8 | b[1]);
	return true;
}

static bool
scan_version(uint16_t *out, struct str s)
{
	for (size_t i = 0; i < ARRAY_LEN(named_version); i++)
		if (str_eq(s, str_cstr(tls_version_name(named_version[i])))) {
			*out = named_version[i];
			return true;
		}
	return str_starts(s, STR("0x")) && scan_code(out, str_from(s, 2));
}

/* "c02b c02f", and "+12" for those that the array does not hold. */
static void
print_codes(struct buf *out, const uint16_t *v, uint16_t count)
{
	for (size_t i = 0; i < count && i < TRUST_CIPHERS_MAX; i++)
		buf_printf(out, i > 0 ? " %04x" : "%04x", v[i]);
	if (count > TRUST_CIPHERS_MAX)
		buf_printf(out, " +%u", count - TRUST_CIPHERS_MAX);
}

static bool
scan_codes(uint16_t *v, uint16_t *count, struct str s)
{
	uint16_t n = 0;
	uint32_t more = 0;

	while (s.n > 0) {
		struct str token = str_cut(&s, ' ');
		if (n == TRUST_CIPHERS_MAX && s.n == 0 &&
		    str_starts(token, STR("+"))) {
			if (!str_u32(str_from(token, 1), &more) || more == 0 ||
			    more > UINT16_MAX - TRUST_CIPHERS_MAX)
				return false;
			break;
		}
		if (n == TRUST_CIPHERS_MAX || !scan_code(&v[n], token))
			return false;
		n++;
	}
	*count = (uint16_t)(n + more);
	return n > 0;
}

const char *
trust_fault_name(enum trust_fault f)
{
	return fault_name[f];
}

static void
print_faults(struct buf *out, uint32_t mask)
{
	const char *before = "";

	for (int f = 0; f < TRUST_FAULTS; f++)
		if ((mask & 1u << f) != 0) {
			buf_printf(out, "%s%s", before, fault_name[f]);
			before = " ";
		}
}

static bool
scan_faults(uint32_t *out, struct str s)
{
	*out = 0;
	while (s.n > 0) {
		struct str word = str_cut(&s, ' ');
		int f = 0;

		while (f < TRUST_FAULTS &&
		    !str_eq(word, str_cstr(fault_name[f])))
			f++;
		if (f == TRUST_FAULTS || (*out & 1u << f) != 0)
			return false;
		*out |= 1u << f;
	}
	return true;
}

static bool
scan_enum(const struct member *m, void *at, struct str s)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(s, str_cstr(m->names[i]))) {
			/* Every enum here is an int to both compilers. */
			*(int *)at = (int)i;
			return true;
		}
	return false;
}

static bool
scan_i64(int64_t *out, struct str s)
{
	uint64_t v;
	bool minus = s.n > 0 && s.p[0] == '-';

	if (!str_u64(minus ? str_from(s, 1) : s, &v) || v > INT64_MAX)
		return false;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

/* "client level=2 unknown_ca(48) at_us=14200 in_clear after_finished" */
static void
print_alert(struct buf *out, const struct tls_tap_alert *a)
{
	buf_printf(out, "alert: %s level=%u %s(%u) at_us=",
	    side_name[a->side == TLS_SERVER], a->level,
	    tls_alert_name(a->description), a->description);
	buf_u64(out, a->at_us);
	if (a->in_clear)
		buf_puts(out, " in_clear");
	if (a->after_finished)
		buf_puts(out, " after_finished");
	buf_putc(out, '\n');
}

static bool
scan_u8(uint8_t *out, struct str s)
{
	uint32_t v;

	if (!str_u32(s, &v) || v > UINT8_MAX)
		return false;
	*out = (uint8_t)v;
	return true;
}

static bool
scan_alert_name(uint8_t *description, struct str s)
{
	struct str name = str_cut(&s, '(');

	if (s.n < 2 || s.p[s.n - 1] != ')' ||
	    !scan_u8(description, str_of(s.p, s.n - 1)))
		return false;
	return str_eq(name, str_cstr(tls_alert_name(*description)));
}

static bool
scan_alert(struct tls_tap_alert *a, struct str s)
{
	struct str side = str_cut(&s, ' ');
	struct str level = str_cut(&s, ' ');
	struct str name = str_cut(&s, ' ');
	struct str at = str_cut(&s, ' ');

	if (str_eq(side, STR("client")))
		a->side = TLS_CLIENT;
	else if (str_eq(side, STR("server")))
		a->side = TLS_SERVER;
	else
		return false;
	if (!str_starts(level, STR("level=")) ||
	    !scan_u8(&a->level, str_from(level, 6)) ||
	    !scan_alert_name(&a->description, name) ||
	    !str_starts(at, STR("at_us=")) ||
	    !str_u64(str_from(at, 6), &a->at_us))
		return false;
	while (s.n > 0) {
		struct str flag = str_cut(&s, ' ');
		if (str_eq(flag, STR("in_clear")))
			a->in_clear = true;
		else if (str_eq(flag, STR("after_finished")))
			a->after_finished = true;
		else
			return false;
	}
	return true;
}

static bool
is_unknown(const struct member *m, const struct trust_evidence *e)
{
	const void *at = (const char *)e + m->at;

	switch (m->kind) {
	case KIND_BOOL:
		return !*(const bool *)at;
	case KIND_U32:
	case KIND_FAULTS:
		return *(const uint32_t *)at == 0;
	case KIND_U64:
		return *(const uint64_t *)at == 0;
	case KIND_I64:
		return *(const int64_t *)at == 0;
	case KIND_TEXT:
	case KIND_DIGEST:
		return *(const char *)at == '\0';
	case KIND_ADDR:
		return !addr_is_set(at);
	case KIND_VERSION:
	case KIND_CODE:
		return *(const uint16_t *)at == 0;
	case KIND_ENUM:
		return *(const int *)at == 0;
	case KIND_CODES:
		return *(const uint16_t *)((const char *)e + m->count_at) == 0;
	case KIND_BYTES:
		return e->nfirst == 0;
	case KIND_ALERTS:
		return e->nalert == 0;
	}
	return true;
}

static void
print_value(struct buf *out, const struct member *m,
    const struct trust_evidence *e)
{
	const void *at = (const char *)e + m->at;
	char text[ADDR_STRLEN], hex[2 * TLS_TAP_FIRST_MAX + 1];

	switch (m->kind) {
	case KIND_BOOL:
		buf_puts(out, "yes");
		break;
	case KIND_U32:
		buf_u64(out, *(const uint32_t *)at);
		break;
	case KIND_U64:
		buf_u64(out, *(const uint64_t *)at);
		break;
	case KIND_I64:
		buf_printf(out, "%lld", (long long)*(const int64_t *)at);
		break;
	case KIND_TEXT:
	case KIND_DIGEST:
		print_text(out, at);
		break;
	case KIND_ADDR:
		buf_puts(out, addr_print(at, text));
		break;
	case KIND_VERSION:
		print_version(out, *(const uint16_t *)at);
		break;
	case KIND_CODE:
		buf_printf(out, "%04x", *(const uint16_t *)at);
		break;
	case KIND_ENUM:
		buf_puts(out, m->names[*(const int *)at]);
		break;
	case KIND_FAULTS:
		print_faults(out, *(const uint32_t *)at);
		break;
	case KIND_CODES:
		print_codes(out, at,
		    *(const uint16_t *)((const char *)e + m->count_at));
		break;
	case KIND_BYTES:
		str_hex(hex, e->first_bytes, e->nfirst);
		buf_puts(out, hex);
		break;
	case KIND_ALERTS:
		break;
	}
}

void
trust_evidence_print(struct buf *out, const struct trust_evidence *e)
{
	for (size_t i = 0; i < ARRAY_LEN(member); i++) {
		const struct member *m = &member[i];
		if (is_unknown(m, e))
			continue;
		if (m->kind == KIND_ALERTS) {
			for (uint8_t j = 0; j < e->nalert; j++)
				print_alert(out, &e->alert[j]);
			continue;
		}
		buf_puts(out, m->name);
		buf_puts(out, ": ");
		print_value(out, m, e);
		buf_putc(out, '\n');
	}
}

static bool
scan_bytes(struct trust_evidence *e, struct str s)
{
	if (s.n / 2 > TLS_TAP_FIRST_MAX || s.n % 2 != 0 || s.n == 0)
		return false;
	e->nfirst = (uint8_t)(s.n / 2);
	return str_unhex(e->first_bytes, e->nfirst, s);
}

static bool
scan_value(struct trust_evidence *e, const struct member *m, struct str s)
{
	void *at = (char *)e + m->at;

	switch (m->kind) {
	case KIND_BOOL:
		*(bool *)at = true;
		return str_eq(s, STR("yes"));
	case KIND_U32:
		return str_u32(s, at);
	case KIND_U64:
		return str_u64(s, at);
	case KIND_I64:
		return scan_i64(at, s);
	case KIND_TEXT:
		return scan_text(at, TRUST_TEXT_MAX, s);
	case KIND_DIGEST:
		return scan_text(at, m->n, s);
	case KIND_ADDR:
		return addr_parse(at, s, 0) == 0;
	case KIND_VERSION:
		return scan_version(at, s);
	case KIND_CODE:
		return scan_code(at, s);
	case KIND_ENUM:
		return scan_enum(m, at, s);
	case KIND_FAULTS:
		return scan_faults(at, s);
	case KIND_CODES:
		return scan_codes(at,
		    (uint16_t *)(void *)((char *)e + m->count_at), s);
	case KIND_BYTES:
		return scan_bytes(e, s);
	case KIND_ALERTS:
		return e->nalert < TLS_TAP_ALERTS_MAX &&
		    scan_alert(&e->alert[e->nalert++], s);
	}
	return false;
}

/* Index in the table, or its length. */
static size_t
find_member(struct str name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(member) && !str_eq(name, str_cstr(member[i].name)))
		i++;
	return i;
}

int
trust_evidence_scan(struct trust_evidence *e, struct str text, int *line)
{
	bool seen[ARRAY_LEN(member)] = { false };

	trust_evidence_init(e);
	for (*line = 1; text.n > 0; ++*line) {
		struct str value = str_cut(&text, '\n');
		if (value.n == 0 || value.p[0] == '#')
			continue;
		struct str name = str_cut(&value, ':');
		size_t i = find_member(name);
		if (i == ARRAY_LEN(member) || value.n < 2 ||
		    value.p[0] != ' ' ||
		    (seen[i] && member[i].kind != KIND_ALERTS))
			return E_PARSE;
		seen[i] = true;
		if (!scan_value(e, &member[i], str_from(value, 1)))
			return E_PARSE;
	}
	return 0;
}
