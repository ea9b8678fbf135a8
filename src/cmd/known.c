/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/known.h"

int
cmd_known_load(struct cmd_known *k, const char *devices, struct buf *why)
{
	int err;

	*k = (struct cmd_known) { .roots = NULL };
	err = device_roots_load(&k->roots, why);
	if (err == 0)
		err = device_calendar_load(&k->calendar, why);
	if (err == 0)
		err = device_catalogue_load(&k->profiles, devices, why);
	return err;
}

void
cmd_known_fini(struct cmd_known *k)
{
	device_catalogue_unref(k->profiles);
	device_calendar_free(k->calendar);
	device_roots_free(k->roots);
}

const struct device_profile *
cmd_profile_of(const struct device_catalogue *c, const struct status_device *d)
{
	const struct device_clues clues = { d->row.user_agent,
		d->row.user_agent, STR_NULL, d->row.ja4 };
	struct device_match m;

	device_match(c, &clues, &m);
	return m.profile;
}

void
cmd_name_profiles(struct status *s, const struct device_catalogue *c)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct device_profile *p = cmd_profile_of(c,
		    &s->device[i]);

		if (p != NULL)
			s->device[i].profile = p->name;
	}
}
