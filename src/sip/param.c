/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip/param - ";name=value" lists and comma-separated lists.
 */
#include "sip/param.h"
#include "sip/sip_int.h"

bool
sip_param_next(struct str *list, struct sip_param *out)
{
	const char *end = str_end(*list), *p, *q;

	p = sip_run(list->p, end, C_LWS);
	if (p == end) {
		*list = str_of(end, 0);
		return false;
	}
	if (*p != ';')
		return false;
	p = sip_run(p + 1, end, C_LWS);
	q = sip_run(p, end, C_TOKEN);
	if (q == p)
		return false;
	out->name = str_of(p, (size_t)(q - p));
	out->value = STR_NULL;
	p = sip_run(q, end, C_LWS);
	if (p < end && *p == '=') {
		p = sip_run(p + 1, end, C_LWS);
		q = p < end && *p == '"' ? sip_quoted_end(p, end)
					 : sip_run(p, end, C_VALUE);
		if (q == NULL || q == p)
			return false;
		out->value = str_of(p, (size_t)(q - p));
		p = sip_run(q, end, C_LWS);
	}
	if (p < end && *p != ';')
		return false;
	*list = str_of(p, (size_t)(end - p));
	return true;
}

bool
sip_param_get(struct str list, struct str name, struct str *value)
{
	struct sip_param param;

	while (sip_param_next(&list, &param)) {
		if (str_ieq(param.name, name)) {
			*value = param.value;
			return true;
		}
	}
	return false;
}

struct str
sip_unquote(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return str_of(s.p + 1, s.n - 2);
	return s;
}

static struct str
trim(const char *p, const char *end)
{
	p = sip_run(p, end, C_LWS);
	while (p < end && sip_is(end[-1], C_LWS))
		end--;
	return str_of(p, (size_t)(end - p));
}

bool
sip_list_next(struct str *list, struct str *element)
{
	const char *p = list->p, *end = str_end(*list);
	bool quoted = false, bracket = false;

	if (p == NULL)
		return false;
	for (; p < end; p++) {
		if (quoted) {
			if (*p == '"')
				quoted = false;
			else if (*p == '\\' && p + 1 < end)
				p++;
		} else if (*p == '"') {
			quoted = !bracket;
		} else if (*p == '<') {
			bracket = true;
		} else if (*p == '>') {
			bracket = false;
		} else if (*p == ',' && !bracket) {
			break;
		}
	}
	*element = trim(list->p, p);
	*list = p < end ? str_of(p + 1, (size_t)(end - p - 1)) : STR_NULL;
	return true;
}

bool
sip_list_has(struct str list, struct str token)
{
	struct str element;

	while (sip_list_next(&list, &element)) {
		if (str_ieq(element, token))
			return true;
	}
	return false;
}
