/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DIAG_FLEET_H
#define DIAG_FLEET_H
/*
 * diag/fleet - the devices of devices.db for questions about all of them: each
 * text once, a group a model, what each did with each chain.  A hundred
 * thousand devices are read in well under a second.
 *
 * Who never registered is left out, unless it lacks a root: siptrust check, a
 * health check.  Without the root it may be a phone that never got so far.
 */
#include "device/catalogue.h"
#include "device/root.h"
#include "trust/verdict.h"

struct fleet_deed {
	uint32_t chain, root;        /* places in fleet.text                 */
	bool accepts, lacks;         /* by its last word on the chain; for
	                                the root                             */
	enum trust_key key;
	uint32_t depth, faults, no;  /* no: of the last word                 */
	int64_t last_s;              /* Unix time of it                      */
	enum trust_confidence confidence; /* with lacks                      */
};

/* What siptrust roots probe found, unless it is no more than possible. */
struct fleet_asked {
	uint8_t sha256[32];          /* of the root                          */
	bool holds;
};

struct fleet_device {
	int64_t id;
	uint32_t name;               /* its account, else its address: place
	                                in fleet.text                        */
	uint32_t group;              /* place in fleet.group                 */
	uint32_t deed, ndeeds;       /* places in fleet.deed                 */
	uint32_t asked, nasked;      /* places in fleet.asked                */
	uint64_t fingerprint;        /* of its ClientHello, 0: never TLS     */
	bool registered;             /* it has an account                    */
};

/* Devices of one model; of no known profile: by User-Agent's product. */
struct fleet_group {
	struct str title;            /* "Cisco SPA502G"                      */
	const struct device_profile *profile; /* NULL: none fits             */
	uint32_t devices;
};

struct fleet {
	struct fleet_device *device; /* in the order of their ids            */
	size_t n;
	struct fleet_deed *deed;
	size_t ndeeds;
	struct fleet_asked *asked;
	size_t nasked;
	struct fleet_group *group;
	size_t ngroups;
	struct str *text;
	size_t ntexts;
	struct fleet_texts *texts;   /* its own                              */
};

/*
 * Read dir/devices.db.  profiles must outlive f.  0; E_ABSENT (there is none),
 * E_STORE and so on, with a sentence in why; -ENOMEM.
 */
MUSTCHECK int fleet_read(struct fleet *f, const char *dir,
    const struct device_catalogue *profiles, struct buf *why);
void fleet_fini(struct fleet *f);

/* The place of a text, UINT32_MAX: nobody has it. */
uint32_t fleet_text(const struct fleet *f, struct str text);

#endif
