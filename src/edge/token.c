/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/wire.h"
#include "edge/worker.h"

#define MARK        "ft-"       /* what ours begin with              */
#define KEY_BYTES   32
#define MAC_BYTES   16
#define BYTES_MAX   (64 + TOKEN_CONTACT_MAX)
#define PATH_BYTES  1024

/* The first byte: what follows. */
enum form { FORM_UDP = 1, FORM_CONN = 2, FORM_UPSTREAM = 3 };

struct token_key {
	uint8_t key[KEY_BYTES];
	uint32_t run;              /* this run's connections, not others' */
	struct worker *const *worker;
	unsigned nworker;
};

/* ---- the key ---- */

static int
load_key(struct token_key *k, const char *path, struct buf *why)
{
	char text[2 * KEY_BYTES + 2];
	struct str line;
	struct buf b;
	int err;

	buf_init_array(&b, text, sizeof(text));
	err = file_read(&b, path, FILE_SECRET, why);
	if (err == 0) {
		line = str_trim(buf_as_str(&b));
		if (!str_unhex(k->key, sizeof(k->key), line)) {
			buf_printf(why, "%s: no key of %d hexadecimal digits; "
			    "remove the file and a new one is made", path,
			    2 * KEY_BYTES);
			err = E_CONFIG;
		}
	}
	digest_wipe(text, sizeof(text));
	return err;
}

static int
make_key(struct token_key *k, const char *path, struct buf *why)
{
	char text[2 * KEY_BYTES + 2];
	int err;

	digest_random(k->key, sizeof(k->key));
	str_hex(text, k->key, sizeof(k->key));
	text[2 * KEY_BYTES] = '\n';
	err = file_write(path, FILE_SECRET, str_of(text, 2 * KEY_BYTES + 1),
	    why);
	digest_wipe(text, sizeof(text));
	return err;
}

int
token_key_new(struct token_key **out, const char *data,
    struct worker *const *workers, unsigned n, struct buf *why)
{
	struct token_key *k = calloc(1, sizeof(*k));
	char path[PATH_BYTES];
	struct buf said;
	int err;

	if (k == NULL)
		return -ENOMEM;
	buf_init(&said, PATH_BYTES + 256);
	snprintf(path, sizeof(path), "%s/token.key", data);
	err = load_key(k, path, &said);
	if (err == -ENOENT) {
		buf_reset(&said);
		err = make_key(k, path, &said);
	}
	buf_str(why, buf_as_str(&said));
	buf_fini(&said);
	if (err != 0) {
		token_key_free(k);
		return err;
	}
	digest_random(&k->run, sizeof(k->run));
	k->worker = workers;
	k->nworker = n;
	*out = k;
	return 0;
}

void
token_key_free(struct token_key *k)
{
	if (k == NULL)
		return;
	digest_wipe(k->key, sizeof(k->key));
	free(k);
}

/* ---- writing ---- */

struct writer {
	uint8_t p[BYTES_MAX + MAC_BYTES];
	size_t n;
};

static void
put_uint(struct writer *w, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0)
		w->p[w->n++] = (uint8_t)(v >> 8 * bytes);
}

/* Port first, then 4 or 16 bytes with their number before them. */
static void
put_addr(struct writer *w, const struct addr *a)
{
	bool ip6 = a->u.sa.sa_family == AF_INET6;
	size_t n = ip6 ? 16 : a->u.sa.sa_family == AF_INET ? 4 : 0;

	put_uint(w, n, 1);
	put_uint(w, n > 0 ? addr_port(a) : 0, 2);
	if (ip6) {
		memcpy(w->p + w->n, &a->u.in6.sin6_addr, n);
	} else if (n > 0) {
		memcpy(w->p + w->n, &a->u.in.sin_addr, n);
	}
	w->n += n;
}

static unsigned
index_of(const struct token_key *k, const struct worker *w)
{
	for (unsigned i = 0; i < k->nworker; i++) {
		if (k->worker[i] == w)
			return i;
	}
	return UINT16_MAX;
}

static void
put_flow(struct writer *w, const struct token_key *k, const struct flow *f)
{
	put_uint(w, f->transport == FLOW_UDP ? FORM_UDP : FORM_CONN, 1);
	put_addr(w, &f->local);
	put_addr(w, &f->peer);
	if (f->transport == FLOW_UDP) {
		put_uint(w, f->slot, 2);
		put_uint(w, f->reply_port, 2);
		return;
	}
	put_uint(w, f->transport, 1);
	put_uint(w, k->run, 4);
	put_uint(w, index_of(k, f->worker), 2);
	put_uint(w, f->slot, 4);
	put_uint(w, f->id, 8);
}

static void
mac(const struct token_key *k, const uint8_t *p, size_t n, uint8_t out[32])
{
	struct str part = { (const char *)p, n };

	digest_hmac(str_of((const char *)k->key, sizeof(k->key)), &part, 1,
	    out);
}

void
token_put(struct buf *out, const struct token_key *k, const struct token *t)
{
	struct writer w = { .n = 0 };
	uint8_t sum[32];

	if (t->kind == TOKEN_UPSTREAM) {
		put_uint(&w, FORM_UPSTREAM, 1);
		put_uint(&w, t->upstream, 8);
	} else {
		put_flow(&w, k, &t->flow);
		if (t->contact.n > 0 && t->contact.n <= TOKEN_CONTACT_MAX) {
			memcpy(w.p + w.n, t->contact.p, t->contact.n);
			w.n += t->contact.n;
		}
	}
	mac(k, w.p, w.n, sum);
	memcpy(w.p + w.n, sum, MAC_BYTES);
	buf_puts(out, MARK);
	base64_put(out, BASE64_URL, w.p, w.n + MAC_BYTES);
}

void
token_put_uri(struct buf *out, const struct token_key *k,
    const struct token *t, const struct flow *side, bool sips, struct str name)
{
	static const char *const params[] = { "", ";transport=tcp",
		";transport=tls" };
	char local[ADDR_STRLEN];

	buf_puts(out, sips ? "<sips:" : "<sip:");
	token_put(out, k, t);
	if (name.n > 0) {
		buf_putc(out, '@');
		buf_str(out, name);
		buf_printf(out, ":%u", (unsigned)addr_port(&side->local));
	} else {
		buf_printf(out, "@%s", addr_print(&side->local, local));
	}
	buf_printf(out, "%s;lr>", sips ? "" : params[side->transport]);
}

/* ---- reading ---- */

static void
get_addr(struct wire *r, struct addr *a)
{
	uint8_t n = wire_u8(r);
	uint16_t port = wire_u16(r);
	struct str ip = wire_bytes(r, n);

	*a = ADDR_NONE;
	if (n == 4 && ip.n == 4) {
		*a = (struct addr) { .u.in.sin_family = AF_INET };
		memcpy(&a->u.in.sin_addr, ip.p, 4);
	} else if (n == 16 && ip.n == 16) {
		*a = (struct addr) { .u.in6.sin6_family = AF_INET6 };
		memcpy(&a->u.in6.sin6_addr, ip.p, 16);
	} else {
		r->failed = r->failed || n != 0;
		return;
	}
	addr_set_port(a, port);
}

static uint64_t
get_u64(struct wire *r)
{
	uint64_t high = wire_uint(r, 4);

	return high << 32 | wire_uint(r, 4);
}

static enum token_result
get_flow(struct token *t, const struct token_key *k, struct wire *r,
    enum form form)
{
	struct flow *f = &t->flow;
	uint32_t run;
	uint16_t worker;

	get_addr(r, &f->local);
	get_addr(r, &f->peer);
	if (form == FORM_UDP) {
		f->transport = FLOW_UDP;
		f->slot = wire_u16(r);
		f->reply_port = wire_u16(r);
		return r->failed || !addr_is_set(&f->peer) ? TOKEN_FORGED :
		    TOKEN_OK;
	}
	f->transport = wire_u8(r) == FLOW_TLS ? FLOW_TLS : FLOW_TCP;
	run = wire_uint(r, 4);
	worker = wire_u16(r);
	f->slot = wire_uint(r, 4);
	f->id = get_u64(r);
	if (r->failed)
		return TOKEN_FORGED;
	if (run != k->run || worker >= k->nworker)
		return TOKEN_GONE;
	f->worker = k->worker[worker];
	return TOKEN_OK;
}

enum token_result
token_read(struct token *t, const struct token_key *k, struct str text,
    char contact[TOKEN_CONTACT_MAX])
{
	uint8_t bytes[BYTES_MAX + MAC_BYTES], sum[32];
	enum token_result result = TOKEN_OK;
	struct wire r;
	size_t n;
	uint8_t form;

	*t = (struct token) { .kind = TOKEN_FLOW };
	if (!str_starts(text, STR(MARK)))
		return TOKEN_NONE;
	n = base64_get(bytes, sizeof(bytes), BASE64_URL,
	    str_from(text, strlen(MARK)));
	if (n <= MAC_BYTES)
		return TOKEN_FORGED;
	n -= MAC_BYTES;
	mac(k, bytes, n, sum);
	if (!digest_equal(sum, bytes + n, MAC_BYTES))
		return TOKEN_FORGED;
	r = wire_of(str_of((const char *)bytes, n));
	form = wire_u8(&r);
	if (form == FORM_UPSTREAM) {
		t->kind = TOKEN_UPSTREAM;
		t->upstream = get_u64(&r);
		return r.failed ? TOKEN_FORGED : TOKEN_OK;
	}
	if (form != FORM_UDP && form != FORM_CONN)
		return TOKEN_FORGED;
	result = get_flow(t, k, &r, (enum form)form);
	n = wire_left(&r);
	if (result != TOKEN_FORGED && n > 0 && n <= TOKEN_CONTACT_MAX) {
		memcpy(contact, r.p, n);
		t->contact = str_of(contact, n);
	}
	return result;
}
