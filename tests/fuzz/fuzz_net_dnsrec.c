/* SPDX-License-Identifier: BSD-2-Clause */
/* The answer of a DNS server: its SRV and NAPTR records, put in order. */
#include <stdint.h>
#include <stdlib.h>

#include "net/dnsrec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t
draw(void *arg, uint32_t n)
{
	return *(const uint32_t *)arg % (n + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str message = str_of((const char *)data, n);
	struct dnsrec_srv srv[DNSREC_MAX];
	struct dnsrec_naptr naptr[DNSREC_MAX];
	uint32_t number = n > 0 ? data[n - 1] : 0;
	size_t nsrv = dnsrec_srv(message, srv);
	size_t nnaptr = dnsrec_naptr(message, naptr);

	must(nsrv <= DNSREC_MAX && nnaptr <= DNSREC_MAX);
	dnsrec_order_srv(srv, nsrv, draw, &number);
	dnsrec_order_naptr(naptr, nnaptr);
	for (size_t i = 0; i < nsrv; i++) {
		must(strlen(srv[i].target) < DNSREC_NAME_MAX);
		must(i == 0 || srv[i - 1].priority <= srv[i].priority);
	}
	for (size_t i = 0; i < nnaptr; i++) {
		must(strlen(naptr[i].replacement) < DNSREC_NAME_MAX);
		must(i == 0 || naptr[i - 1].order <= naptr[i].order);
	}
	return 0;
}
