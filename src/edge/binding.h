/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EDGE_BINDING_H
#define EDGE_BINDING_H
/*
 * edge/binding - one binding in memory, and what a REGISTER does to the list of
 * an address-of-record (RFC 3261 10.3 steps 6 and 7, RFC 5626 6).
 *
 * Pure: no locks, no store, no clock.  A binding is one heap block; its texts
 * lie behind the struct.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"
#include "edge/location.h"

enum binding_text {
	BINDING_CONTACT,
	BINDING_PARAMS,
	BINDING_INSTANCE,
	BINDING_CALL_ID,
	BINDING_PATH,
	BINDING_USER_AGENT,
	BINDING_KEY,
	BINDING_TEXTS
};

struct binding {
	struct binding *next;
	uint64_t flow_id;        /* 0: UDP, or its connection is not ours     */
	struct addr received;    /* where it came from; UDP: where requests
	                            go, as answers do                         */
	uint32_t slot;           /* flow.slot                                 */
	int64_t expires_s;       /* as granted                                */
	int64_t row_expires_s;   /* as stored, later by the slack             */
	int64_t closed_s;        /* 0; else its flow closed then: a ghost     */
	uint32_t cseq;
	uint32_t reg_id;
	uint8_t transport;       /* enum flow_transport                       */
	bool dirty;              /* differs from its row                      */
	bool natted;             /* its contact is not where it came from     */
	uint16_t local;          /* edge/local; 0: as loaded from its row     */
	uint16_t len[BINDING_TEXTS];
	char text[];
};

struct str binding_text(const struct binding *b, enum binding_text which);

/* From a contact asked for, or from a row.  NULL: no memory, or too long. */
struct binding *binding_new(const struct location_op *op,
    const struct location_contact *c, int64_t row_expires_s);
struct binding *binding_from_row(const struct store_binding *row);
struct binding *binding_copy(const struct binding *b);
void binding_free_list(struct binding *b);

/* There for others: its flow is open and its time not over. */
bool binding_is_live(const struct binding *b, int64_t now_s);

/* Same binding by instance and reg-id, or by URI (exact: bytes alone). */
bool binding_matches(const struct binding *b, const struct location_contact *c,
    bool exact);

/*
 * Apply op to *list, all of it or nothing.  What changed in the store's eyes is
 * marked dirty; what is gone is moved to *gone.  Counts added and removed in
 * op.  slack_s is added to what rows hold.
 */
enum location_status binding_apply(struct binding **list, struct binding **gone,
    struct location_op *op, unsigned contacts_max, unsigned slack_s);

/* A pure refresh inside the slack (see location_refresh); changes b. */
bool binding_refresh(struct binding *b, const struct location_op *op);

/* "Contact: <uri>;params;expires=N" lines of the live ones; how many. */
size_t binding_print_list(const struct binding *b, int64_t now_s,
    struct buf *out);

/* Where requests for it go; the slices point into b.  worker is left NULL. */
void binding_target(const struct binding *b, struct location_target *out);

/* As a row; received_text: for the printed address. */
void binding_row(struct store_binding *row, const struct binding *b,
    struct str aor, char received_text[ADDR_STRLEN]);

#endif
