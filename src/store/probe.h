/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_PROBE_H
#define STORE_PROBE_H
/*
 * store/probe - what devices are asked of their roots: the orders, the
 * questions, the answers, and what they came to.
 *
 * Four tables of DIR/devices.db, beside those of store/device, with a handle
 * of their own: the command writes an order, the edge finds it within a
 * second, and writes the answers.  Calls block and belong to one thread at a
 * time; never a network thread.  Records are plain data, slices are borrowed
 * for the call.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

#define STORE_PROBE_METHODS 3

struct probe_store;

/* A run: one a device, the last one ordered. */
struct store_probe {
	int64_t device;
	int64_t run;           /* another number with each order             */
	struct str address;    /* host, printed                              */
	uint64_t fingerprint;  /* of its ClientHello                         */
	struct str name;       /* what people call it                        */
	int64_t ordered_s, until_s;
	struct str methods;    /* names, space separated                     */
	bool accepted;         /* it accepted a chain before                 */
	struct str state;      /* "running", or why it is over               */
	int64_t connections, first_s, last_s; /* of the device in the run    */
	int64_t picked_s;      /* the edge has it, 0: not yet                */
};

struct store_probe_root {
	int64_t device;
	int64_t no;            /* from 0, in the order to ask                */
	struct str label, sha256; /* the latter in hexadecimal digits        */
	struct str subject, key_id; /* DER; bytes                            */
	bool ec;
	int64_t bits;
	struct str genuine;    /* DER, may be empty                          */
	int64_t class[STORE_PROBE_METHODS]; /* as struct trust_probe_root    */
	bool expected;
};

struct store_probe_answer {
	int64_t device;
	int64_t no;            /* from 1                                     */
	int64_t at_s;
	struct str method;
	int64_t root;          /* no of a root, -1: a made-up one            */
	int64_t class;
	int64_t did, alert, us; /* as struct trust_probe_answer              */
};

/* What is held of a device and one root; outlives the run. */
struct store_probe_holding {
	int64_t device;
	struct str sha256, label;
	struct str holding, confidence, method, reason;
	int64_t at_s;
};

/*
 * Open what is there; its tables are made where they are not, unless
 * read_only.  why: a sentence.  E_ABSENT: there is no devices.db (or, with
 * read_only, nothing was ever asked); E_STORE, -ENOMEM.
 */
MUSTCHECK int probe_store_open(struct probe_store **out, const char *dir,
    bool read_only, char *why, size_t why_size);
void probe_store_close(struct probe_store *s); /* NULL does nothing */
const char *probe_store_error(const struct probe_store *s);

/* The file that was opened is still at its place. */
bool probe_store_is_there(const struct probe_store *s);
/* Somebody else has written since the last call; true the first time. */
bool probe_store_changed(struct probe_store *s);

MUSTCHECK int probe_store_begin(struct probe_store *s);
MUSTCHECK int probe_store_commit(struct probe_store *s);
void probe_store_rollback(struct probe_store *s);

MUSTCHECK int probe_store_put(struct probe_store *s,
    const struct store_probe *p);
/* The device's questions and answers, not its holdings. */
MUSTCHECK int probe_store_clear(struct probe_store *s, int64_t device);
MUSTCHECK int probe_store_put_root(struct probe_store *s,
    const struct store_probe_root *r);
MUSTCHECK int probe_store_put_answer(struct probe_store *s,
    const struct store_probe_answer *a);
MUSTCHECK int probe_store_put_holding(struct probe_store *s,
    const struct store_probe_holding *h);
/* state, connections, first, last and picked of this run; another one of the
 * device stays as it is, and one that was "stopped" stays so. */
MUSTCHECK int probe_store_set_state(struct probe_store *s,
    const struct store_probe *p);
/* Where the device is now, by its own row; fn is not called of one that is
 * forgotten. */
MUSTCHECK int probe_store_place(struct probe_store *s, int64_t device,
    int (*fn)(struct str address, uint64_t fingerprint, void *arg), void *arg);
/* Rows of devices that are forgotten. */
MUSTCHECK int probe_store_prune(struct probe_store *s);

/* fn returns non-zero to stop; that is then the result.  device 0: all. */
MUSTCHECK int probe_store_each(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe *p, void *arg), void *arg);
MUSTCHECK int probe_store_each_root(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_root *r, void *arg), void *arg);
MUSTCHECK int probe_store_each_answer(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_answer *a, void *arg), void *arg);
MUSTCHECK int probe_store_each_holding(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_holding *h, void *arg), void *arg);

#endif
