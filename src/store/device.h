/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_DEVICE_H
#define STORE_DEVICE_H
/*
 * store/device - the devices, what they did with our chains, and their last
 * handshakes, in DIR/devices.db (SQLite, WAL, synchronous=FULL).
 *
 * A file of its own: registrations never wait for it, and commands (status,
 * preflight) read it while the edge runs.  Calls block and belong to one
 * thread at a time; never a network thread.  Records are plain data, slices
 * are borrowed for the call.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

struct device_store;

struct store_device {
	int64_t id;            /* 0: not stored yet; put sets it             */
	struct str address;    /* host, printed                              */
	uint64_t fingerprint;  /* of its ClientHello (tls_hello_fingerprint),
	                          0: it has never come over TLS              */
	struct str ja4;
	struct str user_agent;
	struct str accounts;   /* user@domain, space separated               */
	int64_t first_seen_s, last_seen_s;
	int transport;         /* of the last registration, as a binding's   */
	uint16_t tls_version, cipher_suite; /* of the last accepted handshake */
	struct str chain;      /* last presented                             */
	uint32_t events;       /* the device's event counter (trust_deed)    */
	bool old_version;      /* was let in with TLS 1.0 or 1.1             */
	/* Of the last refusal; empty: none. */
	struct str cause, confidence, reason, remedy;
	int64_t refused_s;
};

/* One (device, chain); see struct trust_deed. */
struct store_deed {
	int64_t device;
	struct str chain, root;
	uint32_t accepted, refused, accepted_no, refused_no, in_row;
	int64_t accepted_s, refused_s;
	int key;               /* enum trust_key                             */
	uint32_t faults, depth;
	bool fetched;
};

/*
 * One handshake of a device's history: refused, accepted for the first time or
 * over another chain than before, a refusal's cause proven by that or explained
 * by its own log, a CA file fetched.
 */
struct store_event {
	int64_t device;
	int64_t when_s;
	struct str what;     /* "refused", "accepted", "proven", "said",
	                        "ca-fetched"                         */
	struct str chain;
	struct str cause, confidence, reason; /* refused, proven              */
	uint16_t tls_version;
};

#define STORE_EVENTS_PER_DEVICE 50 /* kept, the newest */

/* One line of a phone's own log, by the address that it came from. */
struct store_said {
	struct str address;  /* host, printed                                */
	int64_t when_s;
	int priority;        /* of its syslog, -1: none                      */
	struct str about;    /* "certificate", "tls" ...; empty: of neither  */
	struct str text;
};

/*
 * Open or create.  why: a sentence.  E_ABSENT (read_only: there is none yet),
 * E_PARSE (its content is broken), E_EXISTS (made by a newer siptrust), E_STORE
 * (the system's fault, or the disk's), -ENOMEM.
 */
MUSTCHECK int device_store_open(struct device_store **out, const char *dir,
    bool read_only, char *why, size_t why_size);
void device_store_close(struct device_store *s); /* NULL does nothing */
const char *device_store_error(const struct device_store *s);

/* The file that was opened is still at its place. */
bool device_store_is_there(const struct device_store *s);
/* Rename a broken file to devices.db.broken, over an earlier one: 0, -errno. */
MUSTCHECK int device_store_set_aside(const char *dir);

MUSTCHECK int device_store_begin(struct device_store *s);
MUSTCHECK int device_store_commit(struct device_store *s);
void device_store_rollback(struct device_store *s);

/* Insert (id 0: *id is set) or replace. */
MUSTCHECK int device_store_put(struct device_store *s,
    const struct store_device *d, int64_t *id);
MUSTCHECK int device_store_put_deed(struct device_store *s,
    const struct store_deed *d);
MUSTCHECK int device_store_put_event(struct device_store *s,
    const struct store_event *e);
MUSTCHECK int device_store_del(struct device_store *s, int64_t id);

MUSTCHECK int device_store_put_said(struct device_store *s,
    const struct store_said *l);
/* All lines of this address. */
MUSTCHECK int device_store_del_said(struct device_store *s,
    struct str address);
/* Those of addresses at which no device is. */
MUSTCHECK int device_store_trim_said(struct device_store *s);

/* fn returns non-zero to stop; that is then the result. */
MUSTCHECK int device_store_each(struct device_store *s,
    int (*fn)(const struct store_device *d, void *arg), void *arg);
/* device 0: of all devices, ordered by device. */
MUSTCHECK int device_store_each_deed(struct device_store *s, int64_t device,
    int (*fn)(const struct store_deed *d, void *arg), void *arg);
/* Newest first. */
MUSTCHECK int device_store_each_event(struct device_store *s, int64_t device,
    int (*fn)(const struct store_event *e, void *arg), void *arg);
/* Oldest first, ordered by address. */
MUSTCHECK int device_store_each_said(struct device_store *s,
    int (*fn)(const struct store_said *l, void *arg), void *arg);

#endif
