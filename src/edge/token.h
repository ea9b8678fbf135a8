/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_TOKEN_H
#define EDGE_TOKEN_H
/*
 * edge/token - flow tokens (RFC 5626 5.2): where a request is to go, in the
 * user part of our own URI in a Path, Record-Route or Contact, keyed with
 * HMAC-SHA-256 (16 bytes of it) so that nobody makes one for a flow of his
 * choice.
 *
 * Stateless.  The key is made once and kept in the data folder: a token for a
 * UDP flow or an upstream is good after a restart; one for a connection then
 * names a connection that is gone, and says so.
 */
#include "base/buf.h"
#include "edge/flow.h"

enum token_kind {
	TOKEN_FLOW,     /* to this phone                                     */
	TOKEN_UPSTREAM, /* to the upstream of this number                    */
};

struct token {
	enum token_kind kind;
	struct flow flow;      /* FLOW; worker NULL: its connection was of an
	                          earlier run                                */
	uint64_t upstream;     /* UPSTREAM: hash of its name                 */
	struct str contact;    /* FLOW, in a rewritten Contact: what to put
	                          back as Request-URI; absent: nothing       */
};

struct worker;
struct token_key;

/* workers[0..n): a flow's worker by its index.  Key from DATA/token.key, made
 * (0600) when it is not there.  0, -errno; why names the file. */
MUSTCHECK int token_key_new(struct token_key **out, const char *data,
    struct worker *const *workers, unsigned n, struct buf *why);
void token_key_free(struct token_key *k);

/* Letters, digits, '-' and '_' alone.  t->contact is put in when it is short
 * enough (at most TOKEN_CONTACT_MAX bytes), else left out. */
#define TOKEN_CONTACT_MAX 160
#define TOKEN_TEXT_MAX    320
void token_put(struct buf *out, const struct token_key *k,
    const struct token *t);

/*
 * "<sip:TOKEN@host:port;transport=tls;lr>" for a Record-Route, Route or Path:
 * port and transport are side's, host is name, or where that is absent side's
 * local address.
 */
void token_put_uri(struct buf *out, const struct token_key *k,
    const struct token *t, const struct flow *side, bool sips, struct str name);

enum token_result {
	TOKEN_OK,
	TOKEN_FORGED,  /* 403 */
	TOKEN_GONE,    /* a connection of an earlier run: 430 */
	TOKEN_NONE,    /* not of our form at all */
};

/* contact: memory for t->contact. */
enum token_result token_read(struct token *t, const struct token_key *k,
    struct str text, char contact[TOKEN_CONTACT_MAX]);

#endif
