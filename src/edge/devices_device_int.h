/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_DEVICES_DEVICE_INT_H
#define EDGE_DEVICES_DEVICE_INT_H
/*
 * edge/devices_device_int - one device, what it did with which chain, and the
 * kind that it is of.  Devices are locked with the shard that they lie in,
 * kinds and chains with a lock of their own.
 */
#include <stdatomic.h>

#include "base/hash.h"
#include "base/list.h"
#include "tlswire/fingerprint.h"
#include "trust/choose.h"
#include "trust/verdict.h"

/* A chain that was presented, under its number.  Never forgotten. */
struct known_chain {
	uint64_t key;             /* of its name and root                   */
	struct trust_chain chain; /* what is known of it, root_name left out */
};

struct deed {
	struct trust_deed did;
	uint16_t chain;           /* number of a known_chain                */
	uint16_t version;         /* TLS, when it was last accepted         */
	uint8_t cause;            /* of the last refusal                    */
};

/* One line of its history that is not yet written. */
struct device_event {
	struct device_event *next;
	int64_t when_s;
	const char *what, *cause, *confidence; /* static */
	uint16_t chain, version;
	char reason[];
};

/* Its last refusal, in words. */
struct device_refusal {
	int64_t when_s;
	enum trust_cause cause;
	enum trust_confidence confidence;
	char *reason, *remedy;    /* behind the struct                      */
};

struct device_account {
	struct hash_node node;
	struct device *device;
	struct device_account *next; /* of the same device                  */
	uint8_t n;
	char text[];
};

/* The devices with one fingerprint. */
struct kind {
	struct hash_node node;
	uint64_t fingerprint;
	uint32_t refs;
	char ja4[TLS_JA4_LEN];
	uint16_t n;
	struct standing {
		uint16_t chain;
		struct trust_class count; /* registered ones                */
	} *standing;
};

/* Where and what it was before, and since when it is not. */
struct device_move {
	struct addr from;
	uint64_t fingerprint, agent; /* the latter hashed                   */
	int64_t when_s;
};

struct device {
	struct hash_node node;    /* at its place                           */
	struct list cached;       /* never registered: in its shard's cache */
	struct device *next_due;  /* in the writer's queue                  */
	atomic_uint shard;
	struct addr addr;         /* its port: of the last registration     */
	uint16_t accepted_port, version, cipher_suite;
	uint16_t chain;           /* last presented, as a number + 1        */
	uint16_t accepted_chain;  /* by the connection of accepted_port; 0: it
	                             resumed a session                      */
	uint8_t transport, ndeeds, nevents;
	bool registered, old_version, queued, dirty, gone, kept;
	uint64_t fingerprint;
	int64_t id, first_seen_s, last_seen_s;
	int64_t counts_s;         /* something unwritten since; 0: nothing  */
	uint32_t events;
	struct kind *kind;        /* NULL: fingerprint 0                    */
	struct deed *deed;
	struct device_account *accounts;
	const char *user_agent;   /* of texts; NULL: none                   */
	unsigned profile_of;      /* profiles_number then                   */
	const char *profile;      /* of texts; NULL: none known             */
	struct device_refusal *refusal;
	struct device_event *event;  /* newest first                        */
	struct device_move *moved; /* NULL: always here                     */
};

#endif
