/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/profiles.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "device/install.h"
#include "device/match.h"

struct profiles {
	pthread_mutex_t lock;   /* of the pointer alone */
	struct device_catalogue *now;
	atomic_uint number;
};

static int
check_name(const struct device_catalogue *c, const struct conf *conf,
    const char *setting, const struct selector *s, struct buf *why)
{
	if (s->kind != SELECTOR_PROFILE)
		return 0;
	for (size_t i = 0; i < device_catalogue_count(c); i++)
		if (str_eq(device_catalogue_at(c, i)->name, s->text))
			return 0;
	buf_printf(why, "%s: %s: \"profile:%.*s\": expected a profile that "
	    "siptrust device list has\n",
	    conf->path != NULL ? conf->path : "settings", setting,
	    STR_FMT(s->text));
	return E_CONFIG;
}

int
profiles_read(struct device_catalogue **out, const struct conf *conf,
    struct buf *why)
{
	struct device_catalogue *c = NULL;
	int err = device_catalogue_load(&c, conf->devices_dir, why);

	if (err != 0)
		return err;
	for (size_t i = 0; i < conf->npins; i++)
		if (check_name(c, conf, "pin", &conf->pins[i].who, why) != 0)
			err = E_CONFIG;
	for (size_t i = 0; i < conf->nold; i++)
		if (check_name(c, conf, "old_tls", &conf->old[i], why) != 0)
			err = E_CONFIG;
	if (err == 0)
		*out = c;
	else
		device_catalogue_unref(c);
	return err;
}

int
profiles_new(struct profiles **out, struct device_catalogue *c)
{
	struct profiles *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		device_catalogue_unref(c);
		return -ENOMEM;
	}
	pthread_mutex_init(&p->lock, NULL);
	p->now = c;
	atomic_init(&p->number, 1);
	*out = p;
	return 0;
}

void
profiles_free(struct profiles *p)
{
	if (p == NULL)
		return;
	device_catalogue_unref(p->now);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void
profiles_set(struct profiles *p, struct device_catalogue *c)
{
	struct device_catalogue *old;

	pthread_mutex_lock(&p->lock);
	old = p->now;
	p->now = c;
	atomic_fetch_add(&p->number, 1);
	pthread_mutex_unlock(&p->lock);
	device_catalogue_unref(old);
}

unsigned
profiles_number(const struct profiles *p)
{
	return atomic_load(&p->number);
}

/* The caller owns a reference to what m->profile points into. */
static struct device_catalogue *
match(struct profiles *p, struct str user_agent, struct str ja4,
    struct device_match *m)
{
	const struct device_clues clues = { .user_agent = user_agent,
		.http_user_agent = user_agent, .ja4 = ja4 };
	struct device_catalogue *c;

	pthread_mutex_lock(&p->lock);
	c = device_catalogue_ref(p->now);
	pthread_mutex_unlock(&p->lock);
	device_match(c, &clues, m);
	return c;
}

void
profiles_name(struct profiles *p, struct str user_agent, struct str ja4,
    char out[DEVICE_NAME_MAX + 1])
{
	struct device_match m;
	struct device_catalogue *c = match(p, user_agent, ja4, &m);

	out[0] = '\0';
	if (m.profile != NULL)
		str_copy(out, DEVICE_NAME_MAX + 1, m.profile->name);
	device_catalogue_unref(c);
}

void
profiles_setting(struct profiles *p, struct str user_agent, struct str ja4,
    struct str url, char *out, size_t size)
{
	struct device_match m;
	struct device_catalogue *c = match(p, user_agent, ja4, &m);
	struct buf b;

	buf_init_array(&b, out, size - 1);
	if (m.profile != NULL)
		device_install_remedy(&b, m.profile, url);
	out[b.failed ? 0 : b.n] = '\0';
	device_catalogue_unref(c);
}

enum device_keepalive
profiles_keepalive(struct profiles *p, struct str user_agent)
{
	struct device_match m;
	struct device_catalogue *c = match(p, user_agent, STR_NULL, &m);
	enum device_keepalive word = 0;

	if (m.profile != NULL)
		word = (enum device_keepalive)m.profile->server_keepalive;
	device_catalogue_unref(c);
	return word;
}
