/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CMD_KNOWN_H
#define CMD_KNOWN_H
/* cmd/known - what commands know of roots and phones, loaded as one. */
#include "device/calendar.h"
#include "device/match.h"
#include "edge/status.h"

struct cmd_known {
	struct device_roots *roots;
	struct device_calendar *calendar;
	struct device_catalogue *profiles;
};

/*
 * Load all three; devices: folder of profiles of one's own, or NULL.  0, or
 * an error with why filled in; cmd_known_fini must follow in either case.
 */
int cmd_known_load(struct cmd_known *k, const char *devices, struct buf *why);
void cmd_known_fini(struct cmd_known *k);

/* The profile of a device of the fleet, by what it says; NULL: none fits. */
const struct device_profile *cmd_profile_of(const struct device_catalogue *c,
    const struct status_device *d);
/* Put the name of its profile into each device; borrows from c. */
void cmd_name_profiles(struct status *s, const struct device_catalogue *c);

#endif
