/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/roots_int.h"

#define WHY_MAX ((size_t)64 << 10)
#define DAY_S   86400

static int
load_fleet(struct roots_all *a, const char *data, const char *which,
    struct buf *why)
{
	struct str wanted = which != NULL ? str_cstr(which) : STR("");
	char folder[CMD_FOLDER_MAX];
	int err = status_read(&a->fleet, cmd_data_folder(folder, data), wanted,
	    why);

	if (err == E_ABSENT && wanted.n == 0) {
		buf_reset(why);
		return 0;
	}
	a->has_fleet = err == 0;
	return err;
}

int
roots_load(struct roots_all *a, const char *verb, const char *data,
    const char *which)
{
	struct buf why;
	int err;

	*a = (struct roots_all) { .now_s = clock_wall_s() };
	buf_init(&why, WHY_MAX);
	err = cmd_known_load(&a->known, getenv("SIPTRUST_DEVICES"), &why);
	if (err == 0)
		err = load_fleet(a, data, which, &why);
	if (err == 0)
		cmd_name_profiles(&a->fleet, a->known.profiles);
	else
		cmd_complain(0, verb, "%.*s", STR_FMT(buf_as_str(&why)));
	buf_fini(&why);
	if (err == 0)
		return CMD_OK;
	roots_fini(a);
	return CMD_FAILED;
}

void
roots_fini(struct roots_all *a)
{
	if (a->has_fleet)
		status_fini(&a->fleet);
	cmd_known_fini(&a->known);
}

/* ---- words ---- */

void
roots_age(char out[32], int64_t now_s, int64_t then_s)
{
	int64_t days = (now_s - then_s) / DAY_S;

	if (then_s == 0)
		snprintf(out, 32, "never");
	else if (days <= 0)
		snprintf(out, 32, "today");
	else
		snprintf(out, 32, "%lld day%s ago", (long long)days,
		    days == 1 ? "" : "s");
}

struct str
roots_device_name(const struct status_device *d)
{
	struct str accounts = d->row.accounts;

	return accounts.n > 0 ? str_cut(&accounts, ' ') : d->row.address;
}

bool
roots_is_about(const struct trust_belief *b, const struct device_root *root)
{
	struct str label = str_of(root->label.p,
	    root->label.n < TRUST_TEXT_MAX ? root->label.n :
	    TRUST_TEXT_MAX - 1);

	return str_ieq(b->root, label);
}

static const struct store_deed *
deed_of(const struct status_device *d, struct str chain)
{
	for (size_t i = 0; i < d->ndeeds; i++)
		if (str_eq(d->deed[i].chain, chain))
			return &d->deed[i];
	return NULL;
}

static const struct store_event *
refusal_of(const struct status_device *d, struct str chain)
{
	for (size_t i = 0; i < d->nevents; i++)
		if (d->event[i].cause.n > 0 &&
		    str_eq(d->event[i].chain, chain))
			return &d->event[i];
	return NULL;
}

void
roots_evidence(char out[ROOTS_WHY_MAX], const struct roots_all *a,
    const struct status_device *d, const struct trust_belief *b)
{
	const struct store_deed *deed = deed_of(d, b->chain);
	const struct store_event *e = refusal_of(d, b->chain);
	char age[32], chain[LOG_VAL_MAX], why[LOG_VAL_MAX];

	log_val(chain, sizeof(chain), b->chain);
	out[0] = '\0';
	if (b->holding >= TRUST_ACCEPTS && deed != NULL) {
		roots_age(age, a->now_s, deed->accepted_s);
		snprintf(out, ROOTS_WHY_MAX, "accepted chain %s, last %s%s",
		    chain, age, b->holding == TRUST_ACCEPTS ?
		    "; it may not check" : "; refused another for its root");
	} else if (b->holding == TRUST_LACKS && e != NULL) {
		roots_age(age, a->now_s, e->when_s);
		snprintf(out, ROOTS_WHY_MAX, "refused chain %s, last %s "
		    "(%.*s, %.*s): %s", chain, age, STR_FMT(e->cause),
		    STR_FMT(e->confidence), log_val(why, sizeof(why),
		    e->reason));
	} else if (deed != NULL) {
		roots_age(age, a->now_s, deed->refused_s > deed->accepted_s ?
		    deed->refused_s : deed->accepted_s);
		snprintf(out, ROOTS_WHY_MAX, "was shown chain %s, last %s",
		    chain, age);
	}
}
