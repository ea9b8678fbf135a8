/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRUST_PROBE_H
#define TRUST_PROBE_H
/*
 * trust/probe - asking a device which roots it holds (design 5).
 *
 * Each connection of the device can answer one question: is this root in the
 * store?  This is the plan (what to ask next), the statistics (an answer that
 * differs from the control's, never a fixed code), when to stop, and what the
 * answers mean.  Pure: no I/O, no clock, no allocation.  The state is a
 * function of the answers in their order, so a run is resumed by telling it
 * again what was answered.  Not thread-safe.
 */
#include "trust/belief.h"
#include "trust/evidence.h"

#define TRUST_PROBE_ROOTS_MAX   512
#define TRUST_PROBE_CLASSES     24  /* of one method                         */
#define TRUST_PROBE_SAMPLES     8   /* answers kept to one question          */
#define TRUST_PROBE_ANSWERS_MAX 8192 /* of one run; then it is given up      */
#define TRUST_PROBE_NO_CLASS    0xff /* this method cannot ask for the root  */

enum trust_probe_method {
#define PROBE_METHOD(id, name, text) TRUST_PROBE_##id,
#include "trust/probe.def"
	TRUST_PROBE_METHODS
};

/* Why a run is over; 0: it is not. */
enum trust_probe_stop {
#define PROBE_STOP(id, name, text) TRUST_PROBE_STOP_##id,
#include "trust/probe.def"
	TRUST_PROBE_STOPS
};

/* What the device did with what it was shown. */
enum trust_probe_did {
	TRUST_PROBE_DID_NOTHING,   /* it said nothing that counts: a timeout,
	                              a connection lost before               */
	TRUST_PROBE_DID_ALERT,     /* refused, with this code                */
	TRUST_PROBE_DID_CLOSE,     /* refused without a word                 */
	TRUST_PROBE_DID_GO_ON,     /* went on to the key exchange            */
	TRUST_PROBE_DID_ACCEPT,    /* a SIP message came                     */
	TRUST_PROBE_DID_UNSHOWN,   /* our side could not present it          */
	TRUST_PROBE_DIDS
};

struct trust_probe_answer {
	enum trust_probe_did did;
	uint8_t alert;             /* with DID_ALERT                         */
	uint32_t us;               /* from our flight to it, 0: unknown      */
};

struct trust_probe_tally {
	uint8_t n;                 /* answers                                */
	uint8_t vain;              /* and times that there was none          */
	uint32_t last_no;          /* p->asked at the last answer            */
	struct trust_probe_answer answer[TRUST_PROBE_SAMPLES];
};

/*
 * One root to ask for.  class: roots whose questions look alike to a device
 * that holds none of them share a control: what it says to a root of that kind
 * that nobody has.
 */
struct trust_probe_root {
	uint8_t class[TRUST_PROBE_METHODS];
	bool expected;             /* it accepted a chain of ours under it:
	                              the positive control                   */
	struct trust_probe_tally tally[TRUST_PROBE_METHODS];
};

struct trust_probe {
	struct trust_probe_root *root; /* in the order to ask; the caller's  */
	unsigned nroots;
	enum trust_probe_method order[TRUST_PROBE_METHODS];
	unsigned nmethods;         /* of order                               */
	struct trust_probe_tally
	    control[TRUST_PROBE_METHODS][TRUST_PROBE_CLASSES];
	uint32_t asked;            /* answers and vain questions             */
	uint32_t since_control;    /* roots asked since the last control     */
	uint32_t control_no;       /* asked when a control was as before     */
	uint8_t recheck;           /* times a control answered otherwise     */
	enum trust_probe_stop stop;

	/* The real chain, in between. */
	bool may_ask;              /* it was offered since the last question */
	bool real_accepted;        /* once in this run, or before            */
	uint8_t real_refused;      /* since, in a row                        */

	/* Connections of the run, for the estimate. */
	uint32_t connections;
	int64_t first_s, last_s;
};

struct trust_probe_question {
	enum trust_probe_method method;
	int root;                  /* -1: the control                        */
	uint8_t class;
};

/*
 * roots: filled with class and expected; the tallies are cleared.  order: the
 * methods to try.  real_accepted: the device is known to accept what is
 * presented in between.
 */
void trust_probe_init(struct trust_probe *p, struct trust_probe_root *roots,
    unsigned nroots, const enum trust_probe_method *order, unsigned nmethods,
    bool real_accepted);

/*
 * The methods for a device with this JA4, the better first; returns how many.
 * Time is never among them: it asks each question many times.
 */
unsigned trust_probe_methods(enum trust_probe_method out[TRUST_PROBE_METHODS],
    const char *ja4);

/*
 * What to ask next.  False: nothing (any more): the run is over or p->stop is
 * set.  Whether a connection may be used for it: trust_probe_may_ask.
 */
bool trust_probe_next(const struct trust_probe *p,
    struct trust_probe_question *q);

/* A connection begins: this one may be a question, the last was not. */
bool trust_probe_may_ask(const struct trust_probe *p);
/* A connection of the device began; ask: with a question. */
void trust_probe_began(struct trust_probe *p, bool ask, int64_t now_s);

/* How a connection with a question ended, as evidence shows it. */
void trust_probe_read(struct trust_probe_answer *out,
    const struct trust_evidence *e, enum trust_probe_method method);
/* Take an answer down; may set p->stop. */
void trust_probe_answer(struct trust_probe *p,
    const struct trust_probe_question *q, const struct trust_probe_answer *a);
/* How the real chain fared in between; may set p->stop. */
void trust_probe_real(struct trust_probe *p, bool accepted);
/* The window is over, and so on; the first reason stays. */
void trust_probe_end(struct trust_probe *p, enum trust_probe_stop why);

/* ---- what it means ---- */

enum trust_probe_tells {
	TRUST_PROBE_TELLS_UNKNOWN,
	TRUST_PROBE_TELLS_NO,      /* held or not, it answers the same       */
	TRUST_PROBE_TELLS_YES,     /* some root was answered otherwise       */
};

/* Does the device tell by this method, of roots of this class? */
enum trust_probe_tells trust_probe_tells(const struct trust_probe *p,
    enum trust_probe_method m, uint8_t class);

struct trust_probe_result {
	enum trust_holding holding;   /* HOLDS, LACKS, CANNOT_TELL           */
	enum trust_confidence confidence; /* of the first two                */
	enum trust_probe_method method; /* by which; the last asked by when
	                                   it cannot tell                    */
	bool asked;                   /* at least once                       */
	struct trust_probe_answer said, control;
};
void trust_probe_result(const struct trust_probe *p, unsigned root,
    struct trust_probe_result *out);

/* "alert unknown_ca(48), to a made-up root alert unknown_ca(48)". */
void trust_probe_reason(struct buf *out, const struct trust_probe_result *r);

/* Questions by the method that is being tried that are left at least; each
 * wants two connections. */
unsigned trust_probe_left(const struct trust_probe *p);
/* Seconds until then at the device's pace so far, -1: not known yet. */
int64_t trust_probe_seconds(const struct trust_probe *p);

/* ---- words ---- */

const char *trust_probe_method_name(enum trust_probe_method m);
const char *trust_probe_method_text(enum trust_probe_method m);
bool trust_probe_method_parse(struct str s, enum trust_probe_method *out);
const char *trust_probe_stop_name(enum trust_probe_stop s);
const char *trust_probe_stop_text(enum trust_probe_stop s);
bool trust_probe_stop_parse(struct str s, enum trust_probe_stop *out);
/* "alert unknown_ca(48)", "hung up", "went on"; at most 64 bytes. */
void trust_probe_answer_text(struct buf *out,
    const struct trust_probe_answer *a);

#endif
