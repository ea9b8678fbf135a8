/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_IMPACT_H
#define TRUST_IMPACT_H
/*
 * trust/impact - what a device will say of a chain that it has not been shown
 * yet, from what it did with others.  Pure.
 *
 * A device that accepts is said to accept again only where nothing that it may
 * mind has changed: root, kind of key, length, faults.
 */
#include "device/profile.h"
#include "trust/verdict.h"

enum trust_impact_says {
	TRUST_IMPACT_ACCEPTS,
	TRUST_IMPACT_REFUSES,
	TRUST_IMPACT_UNKNOWN,
	TRUST_IMPACT_UNTOUCHED,
};

enum trust_impact_why {
#define IMPACT(id, says, name, sentence, decides) TRUST_IMPACT_##id,
#include "trust/impact.def"
#undef IMPACT
	TRUST_IMPACT_WHYS
};

/* What the device did with one chain; what it knows of it is 0 when unknown. */
struct trust_impact_past {
	bool to_root;        /* it leads to a root of the new chain         */
	bool accepts;        /* its last word is yes                        */
	bool lacks;          /* its last word is no, for the root           */
	uint32_t no;         /* number of that word (struct trust_deed)     */
	bool stays;          /* the chain will be there beside the new one  */
	enum trust_key key;
	uint32_t depth, faults;
};

struct trust_impact_question {
	enum trust_key key;  /* of the new chain                            */
	uint32_t depth, faults;
	const struct trust_impact_past *past;
	size_t n;
	bool over_tls;       /* it has come over TLS                        */
	enum device_answer asked; /* it holds the root: roots probe         */
	uint32_t kind_accepts, kind_lacks; /* others of its kind, by their
	                        last word on a chain to such a root         */
	enum device_answer published; /* holds the root as delivered        */
	bool unchecking;     /* as delivered it does not check              */
};

struct trust_impact {
	enum trust_impact_says says;
	enum trust_impact_why why;
	int by;              /* the past that it rests on, -1: none         */
	bool good;           /* it is served over TLS today                 */
	bool dark;           /* good, refuses, and no chain stays that it
	                        accepts                                     */
};

struct trust_impact trust_impact_of(const struct trust_impact_question *q);

/* "accepts", "refuses", "unknown", "untouched". */
const char *trust_impact_says_name(enum trust_impact_says s);
const char *trust_impact_why_name(enum trust_impact_why w);
const char *trust_impact_why_text(enum trust_impact_why w);
const char *trust_impact_decides(enum trust_impact_why w);

#endif
