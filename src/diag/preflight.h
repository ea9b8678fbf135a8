/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_PREFLIGHT_H
#define DIAG_PREFLIGHT_H
/*
 * diag/preflight - what a chain that is to be deployed will do to the devices
 * that an edge knows, and what will happen to it and to the chains in use.
 *
 * Reads files and devices.db; does not print.
 */
#include "base/clock.h"
#include "base/conf.h"
#include "device/calendar.h"
#include "diag/fleet_impact.h"

#define PREFLIGHT_TEXT 512

struct preflight_settings {
	const char *file;              /* the new chain                     */
	const char *dir;               /* the edge's data folder            */
	const char *instead;           /* the chain whose place it takes;
	                                  NULL: of all                      */
	const char *name;              /* that it should be for; NULL: any  */
	const struct conf *conf;       /* the edge's: its chains are in use;
	                                  NULL: as far as devices tell      */
	const struct device_catalogue *profiles;
	const struct device_roots *roots;
	const struct device_calendar *calendar;
	int64_t now_s;
};

/* Devices of one group with the same answer for the same reason. */
struct preflight_group {
	uint32_t group;                /* place in fleet.group              */
	struct trust_impact impact;    /* of the first of them              */
	uint32_t first;                /* that device's place               */
	uint32_t devices, dark;
};

/* What will happen, and to how many. */
struct preflight_date {
	int64_t day_s;
	char day[CLOCK_DAY_LEN];
	char about[128];               /* a certificate's or root's name    */
	char what[PREFLIGHT_TEXT];
	struct str whom, source;       /* may be empty                      */
	bool of_new, in_use;           /* of the new chain, of one in use   */
	uint32_t devices;              /* that it hits, by what is in use   */
};

struct preflight {
	struct x509_served chain;
	struct anchors anchors;
	bool has_key;                  /* the file holds the key as well    */
	uint32_t faults;               /* of the chain, a mask              */
	struct fleet fleet;
	struct trust_impact *impact;   /* one a device                      */
	uint32_t devices[4], dark;     /* by enum trust_impact_says         */
	struct preflight_group *group;
	size_t ngroups;
	struct preflight_date *date;
	size_t ndates;
	struct x509_roots *system;
};

/* 0; what x509_served_file and fleet_read answer, with a sentence in why. */
MUSTCHECK int preflight_run(struct preflight *out,
    const struct preflight_settings *s, struct buf *why);
void preflight_fini(struct preflight *p);

/* How it is known: "accepted chain public, last on 2026-11-23"; "" for what
 * rests on no deed. */
void preflight_evidence(struct buf *out, const struct preflight *p,
    size_t device);

/* preflight_dates.c */
MUSTCHECK int preflight_dates(struct preflight *p,
    const struct preflight_settings *s, struct buf *why);

#endif
