/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/look.h"

#include "base/str.h"
#include "tlswire/alert.h"

#define A(alert) TLS_ALERT_##alert
#define SILENT   TRUST_SAYS_NOTHING
#define PASS     TLS_SAYS_PASS

/* O(ROOT, NAME): nine of them, all that a client can tell apart. */
#define O(a, b, c, d, e, f, g, h, i)                                           \
	{ TRUST_FAULT_##a, TRUST_FAULT_##b, TRUST_FAULT_##c, TRUST_FAULT_##d,  \
		TRUST_FAULT_##e, TRUST_FAULT_##f, TRUST_FAULT_##g,             \
		TRUST_FAULT_##h, TRUST_FAULT_##i }

static const struct tls_manner manners[TLS_MANNERS] = {
#define MANNER(id, label, after, root, self, name_, old, young, use, weak,     \
    forged, sequence)                                                          \
	[TLS_MANNER_##id] = {                                                  \
		.name = label,                                                 \
		.late = after,                                                 \
		.says = {                                                      \
			[TRUST_FAULT_ROOT] = root,                             \
			[TRUST_FAULT_INCOMPLETE] = root,                       \
			[TRUST_FAULT_SELF_SIGNED] = self,                      \
			[TRUST_FAULT_NAME] = name_,                            \
			[TRUST_FAULT_EXPIRED] = old,                           \
			[TRUST_FAULT_TOO_NEW] = young,                         \
			[TRUST_FAULT_PURPOSE] = use,                           \
			[TRUST_FAULT_WEAK_SIGNATURE] = weak,                   \
			[TRUST_FAULT_WEAK_KEY] = weak,                         \
			[TRUST_FAULT_BAD_SIGNATURE] = forged,                  \
			[TRUST_FAULT_LEAF_IS_CA] = PASS,                       \
			[TRUST_FAULT_ORDER] = root,                            \
			[TRUST_FAULT_KEY_MISMATCH] = PASS,                     \
			[TRUST_FAULT_STAPLE] = PASS,                           \
			[TRUST_FAULT_TOO_LONG] = root,                         \
			[TRUST_FAULT_KEY_TYPE] = name_,                        \
		},                                                             \
		.order = sequence,                                             \
		.norder = 9,                                                   \
	},
#include "tls/manner.def"
#undef MANNER
};

const struct tls_manner *
tls_manner(enum tls_manner_id id)
{
	return &manners[id];
}

const struct tls_manner *
tls_manner_find(const char *name)
{
	for (int i = 0; i < TLS_MANNERS; i++) {
		if (str_istarts(str_cstr(name), str_cstr(manners[i].name)))
			return &manners[i];
	}
	return NULL;
}

uint32_t
tls_manner_minds(const struct tls_manner *m, uint32_t faults)
{
	uint32_t minded = 0;

	for (int f = 0; f < TRUST_FAULTS; f++) {
		if ((faults & 1u << f) != 0 && m->says[f] != TLS_SAYS_PASS)
			minded |= 1u << f;
	}
	return minded;
}

enum trust_fault
tls_manner_first(const struct tls_manner *m, uint32_t faults)
{
	enum trust_fault first = TRUST_FAULT_ROOT;

	for (int f = 0; f < TRUST_FAULTS; f++) {
		if ((faults & 1u << f) != 0)
			first = (enum trust_fault)f;
	}
	for (unsigned i = m->norder; i-- > 0;) {
		if ((faults & 1u << m->order[i]) != 0)
			first = (enum trust_fault)m->order[i];
	}
	return first;
}

void
tls_manner_says(struct tls_manner *m, uint16_t says)
{
	for (int f = 0; f < TRUST_FAULTS; f++) {
		if (m->says[f] != TLS_SAYS_PASS)
			m->says[f] = says;
	}
}

void
tls_look_init(struct tls_look *l)
{
	*l = (struct tls_look) {
		.server_name = true,
		.modern = true,
		.checks_chain = true,
		.checks_name = true,
		.checks_dates = true,
		.manner = manners[TLS_MANNER_OPENSSL],
	};
}
