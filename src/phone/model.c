/* SPDX-License-Identifier: BSD-2-Clause */
#include "phone/model.h"

#include "device/pattern.h"
#include "tls/imitate.h"
#include "tlswire/alert.h"
#include "x509/cafile.h"

#define RETRY_MS  30000
#define MAC       "00085D0A0B0C" /* of no phone that was ever sold */
#define MAC_COLONS "00:08:5d:0a:0b:0c"
#define FIRMWARE  "7.6.2"

void
phone_model_init(struct phone_model *m)
{
	*m = (struct phone_model) {
		.name = "softphone",
		.user_agent = "siptrust phone/" SIPTRUST_VERSION,
		.http_user_agent = "siptrust phone/" SIPTRUST_VERSION,
		.mac = MAC,
		.ca_forms = X509_FORM_PEM | X509_FORM_DER,
		.retry_ms = RETRY_MS,
	};
	tls_look_init(&m->look);
}

/* ---- a User-Agent from a pattern ---- */

struct writer {
	struct buf out;
	struct str model, firmware, mac;
	struct str here;       /* what stands in the brackets we are in    */
	bool filled;           /* and it has been written                  */
	bool inside;
};

/* The part of the pattern behind a [ ]: one of its bytes. */
static size_t
put_class(struct writer *w, struct str p)
{
	size_t end = str_find(p, ']');

	if (p.n > 1 && !(w->inside && w->filled))
		buf_putc(&w->out, p.p[1]);
	return end < p.n ? end + 1 : p.n;
}

static void
open_part(struct writer *w, struct str with)
{
	w->inside = true;
	w->here = with;
	w->filled = with.n > 0;
	buf_str(&w->out, with);
}

/* One element of the pattern; how many bytes of it. */
static size_t
put_element(struct writer *w, struct str p)
{
	bool mute = w->inside && w->filled;

	switch (p.p[0]) {
	case '(':
		open_part(w, w->model);
		return 1;
	case '<':
		open_part(w, w->firmware);
		return 1;
	case '{':
		open_part(w, w->mac);
		return 1;
	case ')':
	case '>':
	case '}':
		w->inside = false;
		return 1;
	case '[':
		return put_class(w, p);
	case '*':
		if (!mute)
			buf_putc(&w->out, '1');
		return 1;
	case '?':
		if (!mute)
			buf_putc(&w->out, '0');
		return 1;
	case '\\':
		if (p.n > 1 && !mute)
			buf_putc(&w->out, p.p[1]);
		return p.n > 1 ? 2 : 1;
	default:
		if (!mute)
			buf_putc(&w->out, p.p[0]);
		return 1;
	}
}

bool
phone_model_agent(char *out, size_t size, struct str pattern, struct str model,
    struct str firmware, struct str mac)
{
	struct writer w = {
		.model = model,
		.firmware = firmware,
		.mac = mac,
	};
	struct str rest = pattern;

	buf_init_array(&w.out, out, size - 1);
	while (rest.n > 0)
		rest = str_from(rest, put_element(&w, rest));
	if (w.out.failed)
		return false;
	out[w.out.n] = '\0';
	return device_pattern_fit(pattern, buf_as_str(&w.out), NULL) > 0;
}

/* ---- names ---- */

static bool
is_listed(struct str list, struct str name)
{
	while (list.n > 0) {
		struct str one = str_trim(str_cut(&list, ','));

		if (str_ieq(one, name))
			return true;
	}
	return false;
}

static struct str
first_model(const struct device_profile *p)
{
	struct str list = p->models;

	return p->models.n > 0 ? str_trim(str_cut(&list, ',')) : p->name;
}

/* With the model's name as it is, or what stands behind its first hyphen. */
static bool
fits(char *out, size_t size, struct str pattern, struct str model)
{
	static const struct str mac[] = { { MAC, sizeof(MAC) - 1 },
		{ MAC_COLONS, sizeof(MAC_COLONS) - 1 } };
	struct str tail = model;

	IGNORE(str_cut(&tail, '-').n > 0);
	for (size_t i = 0; i < ARRAY_LEN(mac); i++) {
		if (phone_model_agent(out, size, pattern, model, STR(FIRMWARE),
		    mac[i]) || (tail.n > 0 && phone_model_agent(out, size,
		    pattern, tail, STR(FIRMWARE), mac[i])))
			return true;
	}
	return false;
}

/* The first pattern that the model fits, else the first with any model. */
static void
choose_agent(char *out, size_t size, const struct device_facts *patterns,
    struct str model)
{
	for (unsigned i = 0; i < patterns->n; i++) {
		if (fits(out, size, patterns->v[i].value, model))
			return;
	}
	for (unsigned i = 0; i < patterns->n; i++) {
		if (fits(out, size, patterns->v[i].value, STR_NULL) ||
		    phone_model_agent(out, size, patterns->v[i].value,
		    STR_NULL, STR_NULL, STR_NULL))
			return;
	}
	str_copy(out, size, model);
}

/* ---- its CA ---- */

static void
set_ca(struct phone_model *m, const struct device_profile *p)
{
	bool none = p->ca_way == DEVICE_CA_NONE ||
	    p->ca_way == DEVICE_CA_SIGNED || p->ca_way == 0;

	m->ca_forms = 0;
	if (none)
		return;
	if (device_has(p->ca_format, DEVICE_PEM))
		m->ca_forms |= X509_FORM_PEM;
	if (device_has(p->ca_format, DEVICE_DER))
		m->ca_forms |= X509_FORM_DER;
	if (m->ca_forms == 0)
		m->ca_forms = X509_FORM_PEM;
	m->ca_certs_max = p->ca_bundle == DEVICE_NO ? 1 : (int)p->ca_max;
	m->ca_bytes_max = p->ca_max_bytes;
	m->ca_replaces = p->ca_effect == DEVICE_REPLACES;
}

void
phone_model_of(struct phone_model *m, const struct device_profile *profile,
    struct str wanted, struct buf *assumed)
{
	struct str name = is_listed(profile->models, wanted) ? wanted :
	    first_model(profile);

	phone_model_init(m);
	str_copy(m->name, sizeof(m->name), name);
	choose_agent(m->user_agent, sizeof(m->user_agent),
	    &profile->user_agent, name);
	choose_agent(m->http_user_agent, sizeof(m->http_user_agent),
	    &profile->http_user_agent, name);
	tls_imitate(&m->look, profile, assumed);
	set_ca(m, profile);
	m->md5_only = m->look.max_version < TLS_VERSION_1_2;
	if (profile->retry_s > 0)
		m->retry_ms = profile->retry_s * 1000;
}
