/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_VERDICT_H
#define TRUST_VERDICT_H
/*
 * trust/verdict - what one refused handshake means.
 *
 * trust_judge is a pure function: same evidence and history, same verdict.  It
 * does no I/O, takes no time from the system and never logs.  A verdict names
 * one cause, the first obstacle; "certain" only when the evidence excludes
 * every other.  Causes are rows of verdict.def and an interface: names are
 * never changed or reused.
 */
#include "trust/choose.h"
#include "trust/evidence.h"

enum trust_cause {
	TRUST_CAUSE_NONE, /* nothing was refused */
#define CAUSE(id, name, sentence, remedy, own_remedy, source) TRUST_CAUSE_##id,
#include "trust/verdict.def"
#undef CAUSE
	TRUST_CAUSES
};

enum trust_confidence { TRUST_POSSIBLE, TRUST_LIKELY, TRUST_CERTAIN };

/*
 * What a device did with one chain of ours, besides this handshake.  Only
 * handshakes in which it was shown the chain count: a resumed one tells
 * nothing.
 */
struct trust_past {
	char chain[TRUST_TEXT_MAX];
	char root[TRUST_TEXT_MAX];
	enum trust_key key;         /* of its leaf                           */
	uint32_t faults;            /* mask of those known, dates included,
	                               when it was last accepted             */
	uint32_t depth;             /* certificates sent, 0: unknown         */
	uint32_t signed_with, bits; /* as in struct trust_chain, 0: unknown  */
	uint64_t names, root_id;    /* likewise                              */
	int64_t not_before_s, not_after_s; /* likewise                       */
	uint32_t accepted, refused; /* handshakes                            */
	int64_t accepted_s;         /* Unix time of the last, 0: unknown     */
	uint16_t version;           /* TLS version then, 0: unknown          */
	bool other_hello;           /* accepted only with a ClientHello that
	                               has another fingerprint than this one
	                               or asks for another server_name       */
	bool between;               /* accepted after one refusal of this
	                               evidence's chain and before another   */
};

#define TRUST_PAST_MAX 8

/* What is known of the device besides this handshake; all zero: nothing. */
struct trust_history {
	uint32_t attempts;         /* handshakes like this one, this included */
	uint32_t refused_alike;    /* of them refused in the same way         */
	uint32_t accepted_chain;   /* handshakes with this chain that brought
	                              a SIP message                           */
	bool shared;               /* it may be of several devices: more than
	                              one account registered from there       */
	bool unchecking;           /* it accepted what nobody can trust       */
	uint32_t kind_accepting;   /* devices with its fingerprint by their   */
	uint32_t kind_refusing;    /* last word on this chain, it not counted */
	char kind_accepts[TRUST_TEXT_MAX]; /* a chain that most of them accept,
	                              "": none known                          */
	struct trust_past other[TRUST_PAST_MAX]; /* chains that are not this  */
	uint8_t nother;
};

struct trust_verdict {
	enum trust_cause cause;
	int fault;                  /* the enum trust_fault that it rests on,
	                               -1: none                              */
	enum trust_confidence confidence;
	enum trust_cause next_best; /* TRUST_CAUSE_NONE: no other; always that
	                               with TRUST_CERTAIN                    */
	char accepts[TRUST_TEXT_MAX]; /* a chain of ours that this device
	                               accepts; "": none known               */
	bool kind_accepts;          /* not it, but most of its kind          */
	char reason[384];           /* how we know: "alert unknown_ca(48) 14 ms
	                               after Certificate"                    */
};

/* All that a past says of the chain itself; what the device did stays. */
void trust_past_chain(struct trust_past *p, const struct trust_chain *c);

/* history may be NULL: nothing known.  Always writes *out. */
void trust_judge(struct trust_verdict *out, const struct trust_evidence *e,
    const struct trust_history *history);

/*
 * It was the chain that the client refused: another one may please it.  A
 * timeout, a scanner or a missing version says nothing of the chain.
 */
bool trust_is_about_chain(const struct trust_verdict *v,
    const struct trust_evidence *e);

/* The cause that a fault of the chain is to the admin; known: a mask of those
 * that it really has. */
enum trust_cause trust_cause_of(enum trust_fault f, uint32_t known);

const char *trust_cause_name(enum trust_cause c);       /* "untrusted_root" */
const char *trust_cause_sentence(enum trust_cause c);
const char *trust_confidence_name(enum trust_confidence c);
/* The ones of these names; of another word TRUST_CAUSE_UNKNOWN and
 * TRUST_POSSIBLE. */
enum trust_cause trust_cause_named(struct str name);
enum trust_confidence trust_confidence_named(struct str name);

/* The name by which the configuration calls the chain of the CA of our own. */
#define TRUST_OWN_CHAIN "own"

/* Where a phone gets the files that a remedy speaks of; NULL: not known. */
struct trust_places {
	const char *ca;    /* our CA certificate: its URL, else its file     */
	const char *root;  /* the URL of the root that the chain leads to    */
	const char *setting; /* how a phone of its family takes one: "write
	                      http://... into its Custom_CA_RULE"            */
};

/*
 * What to do next, in words, for the log's remedy="...".  places may be NULL.
 */
void trust_remedy(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, const struct trust_places *places);

/*
 * The key=value part of the one log line about a refusal (design 3), without
 * the event word: peer= device= chain= root= cause= confidence= next_best=
 * tls= ja4= remedy= evidence= [repeat= window=], in this order.  What is not
 * known is left out, repeat and window when repeat is 0.  At most
 * TRUST_LINE_MAX bytes.
 */
#define TRUST_LINE_MAX 3072
void trust_verdict_line(struct buf *out, const struct trust_verdict *v,
    const struct trust_evidence *e, const struct trust_places *places,
    uint32_t repeat, uint32_t window_s);

#endif
