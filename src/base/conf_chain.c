/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains, and the settings that name chains or devices.
 */
#include <stdlib.h>

#include "base/conf_int.h"
#include "base/err.h"

#define CHAIN_NAME_MAX 64 /* characters; a variant's is a little longer */
#define OWN "own"         /* the chain of the edge's own CA             */

bool
conf_is_chain_name(struct str name)
{
	if (name.n == 0 || name.n > CHAIN_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && strchr("._-", c) == NULL)
			return false;
	}
	return true;
}

bool
conf_is_selector(struct str value)
{
	struct selector s;
	return selector_parse(&s, value) == 0;
}

/* SELECTOR=CHAIN: a selector may hold "=", a chain's name does not. */
static bool
split_pin(struct str value, struct selector *who, struct str *chain)
{
	size_t at = value.n;
	while (at > 0 && value.p[at - 1] != '=')
		at--;
	*chain = str_from(value, at);
	return at > 0 && conf_is_chain_name(*chain) &&
	    selector_parse(who, str_of(value.p, at - 1)) == 0;
}

bool
conf_is_pin(struct str value)
{
	struct selector who;
	struct str chain;
	return split_pin(value, &who, &chain);
}

void
conf_note_pin(struct conf_loader *l, int line)
{
	int *v = realloc(l->pin_line, (l->npin_line + 1) * sizeof(*v));
	if (v == NULL) {
		l->no_memory = true;
		return;
	}
	l->pin_line = v;
	v[l->npin_line++] = line;
}

void
conf_chain_fini(struct conf_chain *c)
{
	free(c->name);
	free(c->certificate);
	free(c->key);
	free(c->root);
	conf_list_fini(&c->cross);
	*c = (struct conf_chain) { 0 };
}

void
conf_add_chain(struct conf_loader *l, struct conf_chain *c)
{
	struct conf *conf = l->conf;
	struct conf_chain *all =
	    realloc(conf->chain, (conf->nchain + 1) * sizeof(*all));
	if (all == NULL) {
		l->no_memory = true;
		conf_chain_fini(c);
		return;
	}
	conf->chain = all;
	all[conf->nchain++] = *c;
}

static char *
dup_part(struct conf_loader *l, struct str s)
{
	char *copy = str_dup(s);
	if (copy == NULL)
		l->no_memory = true;
	return copy;
}

static void
forget_chains(struct conf *conf)
{
	while (conf->nchain > 0)
		conf_chain_fini(&conf->chain[--conf->nchain]);
}

void
conf_override_chain(struct conf_loader *l, const char *value)
{
	char found[96];
	struct str key = str_cstr(value);
	struct str name = str_cut(&key, '=');
	struct str certificate = str_cut(&key, ',');
	if (!conf_is_chain_name(name) || certificate.n == 0 || key.n == 0) {
		conf_wrong(l, CONF_AT_OVERRIDE, "chain: found %s, expected "
		    "NAME=CERTFILE,KEYFILE; a name is of letters, digits, "
		    "\".\", \"_\" and \"-\"", conf_quote(found, value));
		return;
	}
	if (!l->chains_over)
		forget_chains(l->conf);
	l->chains_over = true;
	conf_add_chain(l, &(struct conf_chain) {
		.name = dup_part(l, name),
		.certificate = dup_part(l, certificate),
		.key = dup_part(l, key),
		.line = CONF_AT_OVERRIDE,
	});
}

/* "" is 1, "2" to n are themselves, all else is 0. */
static bool
is_number_to(struct str s, size_t n)
{
	uint32_t v = 1;
	if (s.n > 0 && (!str_u32(s, &v) || v < 2 || s.p[0] == '0'))
		return false;
	return v <= n;
}

/* Is name this chain or one that is made of it? */
static bool
comes_from(const struct conf_chain *c, struct str name)
{
	struct str own = str_cstr(c->name);
	if (!str_starts(name, own))
		return false;
	struct str rest = str_from(name, own.n);
	if (rest.n == 0)
		return true;
	if (str_starts(rest, STR("-short")))
		return is_number_to(str_from(rest, 6), (size_t)c->shorter);
	return str_starts(rest, STR("-cross")) &&
	    is_number_to(str_from(rest, 6), c->cross.n);
}

static bool
is_chain(const struct conf *c, struct str name)
{
	if ((c->nchain == 0 || c->own_chain) && str_eq(name, STR(OWN)))
		return true;
	for (size_t i = 0; i < c->nchain; i++)
		if (comes_from(&c->chain[i], name))
			return true;
	return false;
}

static void
put_names(struct buf *out, const struct conf *c)
{
	const char *before = "";
	for (size_t i = 0; i < c->nchain; i++) {
		buf_printf(out, "%s%s", before, c->chain[i].name);
		before = ", ";
	}
	if (c->nchain == 0 || c->own_chain)
		buf_printf(out, "%s" OWN, before);
}

static void
link_pins(struct conf_loader *l)
{
	struct conf *c = l->conf;
	char found[96], text[256];
	if (c->pin.n == 0)
		return;
	c->pins = calloc(c->pin.n, sizeof(*c->pins));
	if (c->pins == NULL) {
		l->no_memory = true;
		return;
	}
	for (; c->npins < c->pin.n; c->npins++) {
		struct conf_pin *p = &c->pins[c->npins];
		const char *value = c->pin.v[c->npins];
		p->line = l->pin_line[c->npins];
		if (!split_pin(str_cstr(value), &p->who, &p->chain))
			continue; /* it was reported where it was read */
		if (is_chain(c, p->chain))
			continue;
		struct buf names;
		buf_init_array(&names, text, sizeof(text));
		put_names(&names, c);
		conf_wrong(l, p->line, "pin: found %s, but there is no chain "
		    "%.*s, expected one of: %.*s", conf_quote(found, value),
		    STR_FMT(p->chain), STR_FMT(buf_as_str(&names)));
	}
}

static void
link_old(struct conf_loader *l)
{
	struct conf *c = l->conf;
	if (c->old_tls.n == 0)
		return;
	c->old = calloc(c->old_tls.n, sizeof(*c->old));
	if (c->old == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < c->old_tls.n; i++)
		c->nold += selector_parse(&c->old[c->nold],
		    str_cstr(c->old_tls.v[i])) == 0;
}

/* Two chains of one name, a variant's among them. */
static void
check_names(struct conf_loader *l)
{
	const struct conf *c = l->conf;
	for (size_t i = 0; i < c->nchain; i++) {
		struct str name = str_cstr(c->chain[i].name);
		if (c->own_chain && str_eq(name, STR(OWN)))
			conf_wrong(l, c->chain[i].line, "chain: found the name "
			    OWN ", expected another: with own_chain it is the "
			    "edge's own");
		for (size_t j = 0; j < c->nchain; j++) {
			bool twice = j < i && strcmp(c->chain[j].name,
			    c->chain[i].name) == 0;
			bool made = j != i && strcmp(c->chain[j].name,
			    c->chain[i].name) != 0 &&
			    comes_from(&c->chain[j], name);
			if (twice || made)
				conf_wrong(l, c->chain[i].line, "chain: found "
				    "the name %s again, expected another: it "
				    "is %s%s", c->chain[i].name, twice ?
				    "a chain's already" : "made of chain ",
				    twice ? "" : c->chain[j].name);
		}
	}
}

void
conf_link_chains(struct conf_loader *l)
{
	check_names(l);
	link_pins(l);
	if (!l->no_memory)
		link_old(l);
}
