/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/probe_plan.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

static int
on_root(const struct store_probe_root *row, void *arg)
{
	struct probe_plan *r = arg;
	unsigned i = r->plan.nroots;
	size_t n = row->subject.n + row->key_id.n + row->genuine.n;
	struct probe_plan_root *root;
	char *at;

	if (i == TRUST_PROBE_ROOTS_MAX || row->no != (int64_t)i ||
	    row->bits < 0)
		return E_PARSE;
	root = &r->root[i];
	at = root->bytes = malloc(n + 1);
	if (at == NULL)
		return -ENOMEM;
	r->plan.nroots++; /* its bytes are freed with the run */
	memcpy(at, row->subject.p, row->subject.n);
	root->root.subject = str_of(at, row->subject.n);
	at += row->subject.n;
	if (row->key_id.n > 0)
		memcpy(at, row->key_id.p, row->key_id.n);
	root->root.key_id = str_of(at, row->key_id.n);
	at += row->key_id.n;
	if (row->genuine.n > 0)
		memcpy(at, row->genuine.p, row->genuine.n);
	root->genuine = str_of(at, row->genuine.n);
	root->root.ec = row->ec;
	root->root.bits = (unsigned)row->bits;
	IGNORE(!str_copy(root->label, sizeof(root->label),
	    row->label)); /* a cut name is a name */
	IGNORE(!str_copy(root->sha256, sizeof(root->sha256), row->sha256));
	for (int m = 0; m < TRUST_PROBE_METHODS; m++)
		r->ask[i].class[m] = row->class[m] >= 0 &&
		    row->class[m] < TRUST_PROBE_CLASSES ?
		    (uint8_t)row->class[m] : TRUST_PROBE_NO_CLASS;
	r->ask[i].expected = row->expected;
	return 0;
}

static int
on_answer(const struct store_probe_answer *row, void *arg)
{
	struct probe_plan *r = arg;
	struct trust_probe_question q;
	struct trust_probe_answer a = {
		.did = (enum trust_probe_did)row->did,
		.alert = (uint8_t)row->alert, .us = (uint32_t)row->us,
	};

	if (!trust_probe_method_parse(row->method, &q.method) ||
	    row->root < -1 || row->root >= (int64_t)r->plan.nroots ||
	    row->class < 0 || row->class >= TRUST_PROBE_CLASSES ||
	    row->did < 0 || row->did >= TRUST_PROBE_DIDS)
		return E_PARSE;
	q.root = (int)row->root;
	q.class = (uint8_t)row->class;
	trust_probe_answer(&r->plan, &q, &a);
	r->no = row->no;
	return 0;
}

static unsigned
read_methods(enum trust_probe_method out[TRUST_PROBE_METHODS], struct str text)
{
	unsigned n = 0;

	while (text.n > 0 && n < TRUST_PROBE_METHODS) {
		struct str word = str_cut(&text, ' ');

		if (word.n > 0 && trust_probe_method_parse(word, &out[n]))
			n++;
	}
	return n;
}

int
probe_plan_load(struct probe_plan *out, struct probe_store *s,
    const struct store_probe *row)
{
	enum trust_probe_method order[TRUST_PROBE_METHODS];
	unsigned n = read_methods(order, row->methods);
	int err;

	*out = (struct probe_plan) {
		.ask = calloc(TRUST_PROBE_ROOTS_MAX, sizeof(*out->ask)),
		.root = calloc(TRUST_PROBE_ROOTS_MAX, sizeof(*out->root)),
	};
	if (out->ask == NULL || out->root == NULL)
		return -ENOMEM;
	if (n == 0)
		return E_PARSE;
	err = probe_store_each_root(s, row->device, on_root, out);
	if (err != 0)
		return err;
	trust_probe_init(&out->plan, out->ask, out->plan.nroots, order, n,
	    row->accepted);
	err = probe_store_each_answer(s, row->device, on_answer, out);
	return err;
}

void
probe_plan_fini(struct probe_plan *p)
{
	for (unsigned i = 0; p->root != NULL && i < p->plan.nroots; i++)
		free(p->root[i].bytes);
	free(p->root);
	free(p->ask);
	p->root = NULL;
	p->ask = NULL;
}

bool
probe_plan_holding(struct store_probe_holding *out,
    const struct probe_plan *p, unsigned i, struct buf *text)
{
	struct trust_probe_result result;

	trust_probe_result(&p->plan, i, &result);
	if (!result.asked)
		return false;
	trust_probe_reason(text, &result);
	*out = (struct store_probe_holding) {
		.sha256 = str_cstr(p->root[i].sha256),
		.label = str_cstr(p->root[i].label),
		.holding = str_cstr(trust_holding_name(result.holding)),
		.confidence = str_cstr(trust_confidence_name(
		    result.confidence)),
		.method = str_cstr(trust_probe_method_name(result.method)),
		.reason = buf_as_str(text),
	};
	return true;
}
