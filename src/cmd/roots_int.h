/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_ROOTS_INT_H
#define CMD_ROOTS_INT_H
/* cmd/roots - what its verbs share. */
#include "cmd/known.h"
#include "cmd/roots.h"
#include "cmd/say.h"

/* What a verb works with; roots_fini takes it back. */
struct roots_all {
	struct cmd_known known;
	struct status fleet;       /* empty where there is no devices.db    */
	bool has_fleet;
	int64_t now_s;
};

/*
 * Load everything; data NULL: the folder as siptrust edge has it.  which: as
 * status_read; a fleet that is not there is an error only when which is not
 * empty.  The profile of each device is filled in.  CMD_OK, or the exit code:
 * it has complained.
 */
int roots_load(struct roots_all *a, const char *verb, const char *data,
    const char *which);
void roots_fini(struct roots_all *a);

#define ROOTS_WHY_MAX 512
/*
 * How a belief is known, for people: "accepted chain public, last 3 days ago",
 * "refused chain public 2 days ago (untrusted_root, certain): alert ...".
 */
void roots_evidence(char out[ROOTS_WHY_MAX], const struct roots_all *a,
    const struct status_device *d, const struct trust_belief *b);

/* "today", "1 day ago", "3 days ago", "never". */
void roots_age(char out[32], int64_t now_s, int64_t then_s);

/* What to call the device: its account, else its address. */
struct str roots_device_name(const struct status_device *d);

/* The belief says something of the root, by its label. */
bool roots_is_about(const struct trust_belief *b,
    const struct device_root *root);

#endif
