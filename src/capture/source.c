/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/source.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>

#define SNAPSHOT_BYTES 65535
#define KERNEL_BYTES   (16 << 20) /* handshakes come in bursts */
#define WAKE_MS        250

struct source {
	pcap_t *pcap;
	bool live;
	volatile bool stopped;
};

static int
made(struct source **out, pcap_t *p, bool live)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		pcap_close(p);
		return -ENOMEM;
	}
	s->pcap = p;
	s->live = live;
	*out = s;
	return 0;
}

/* Tools write captures compressed; by their first byte, which no capture
 * begins with. */
static const struct {
	int first;
	const char *name, *reader;
} packed[] = {
	{ 0x1f, "gzip", "zcat" },
	{ 'B', "bzip2", "bzcat" },
	{ 0xfd, "xz", "xzcat" },
	{ 0x28, "zstd", "zstdcat" },
};

static void
say_no_capture(struct buf *why, const char *name, int first, const char *said)
{
	for (size_t i = 0; i < ARRAY_LEN(packed); i++)
		if (packed[i].first == first) {
			buf_printf(why, "%s: is no capture but compressed, "
			    "with %s by its first byte: %s %s | siptrust "
			    "watch -r -", name, packed[i].name,
			    packed[i].reader, name);
			return;
		}
	buf_printf(why, "%s: is no capture that can be read: %s: expected "
	    "pcap or pcapng, as tcpdump -w writes it", name, said);
}

int
source_open_stream(struct source **out, FILE *f, const char *name,
    struct buf *why)
{
	char said[PCAP_ERRBUF_SIZE];
	int first = getc(f);
	pcap_t *p;

	if (first != EOF)
		ungetc(first, f);
	p = pcap_fopen_offline_with_tstamp_precision(f,
	    PCAP_TSTAMP_PRECISION_MICRO, said);

	if (p == NULL) {
		say_no_capture(why, name, first, said);
		if (f != stdin)
			fclose(f);
		return E_PARSE;
	}
	return made(out, p, false);
}

int
source_open_file(struct source **out, const char *path, struct buf *why)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

	if (f == NULL) {
		int err = -errno;
		buf_printf(why, "%s: %s", path, strerror(errno));
		return err;
	}
	return source_open_stream(out, f, path, why);
}

int
source_open_live(struct source **out, const char *interface, struct buf *why)
{
	char said[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_create(interface, said);
	struct bpf_program only_tcp;
	int rc;

	if (p == NULL) {
		buf_printf(why, "%s: %s", interface, said);
		return E_CONFIG;
	}
	pcap_set_snaplen(p, SNAPSHOT_BYTES);
	pcap_set_promisc(p, 1);
	pcap_set_timeout(p, WAKE_MS);
	pcap_set_buffer_size(p, KERNEL_BYTES);
	rc = pcap_activate(p);
	if (rc < 0) {
		buf_printf(why, "%s: %s%s%s", interface, pcap_statustostr(rc),
		    pcap_geterr(p)[0] != '\0' ? ": " : "", pcap_geterr(p));
		pcap_close(p);
		return E_CONFIG;
	}
	/* In the kernel, so that a phone call's RTP does not wake us. */
	if (pcap_compile(p, &only_tcp, "tcp or "
	    "(ip[6:2] & 0x1fff != 0) or (ip6 and not ip6 proto 17) or "
	    "ether proto 0x8864 or vlan", 1, PCAP_NETMASK_UNKNOWN) == 0) {
		IGNORE(pcap_setfilter(p, &only_tcp)); /* then all of it */
		pcap_freecode(&only_tcp);
	}
	return made(out, p, true);
}

void
source_close(struct source *s)
{
	if (s == NULL)
		return;
	pcap_close(s->pcap);
	free(s);
}

int
source_link_type(const struct source *s)
{
	return pcap_datalink(s->pcap);
}

const char *
source_link_name(const struct source *s)
{
	const char *name = pcap_datalink_val_to_name(pcap_datalink(s->pcap));

	return name != NULL ? name : "unknown";
}

int
source_next(struct source *s, struct frame *out, struct buf *why)
{
	const u_char *bytes;
	struct pcap_pkthdr *h;
	int rc;

	if (s->stopped)
		return 0;
	rc = pcap_next_ex(s->pcap, &h, &bytes);
	if (rc == PCAP_ERROR_BREAK)
		return 0;
	if (rc == 0)
		return 2;
	if (rc < 0) {
		buf_printf(why, "%s", pcap_geterr(s->pcap));
		return -1;
	}
	out->captured = str_of((const char *)bytes, h->caplen);
	out->cut = h->caplen < h->len;
	/* A corrupt file may say anything. */
	out->time_us = h->ts.tv_sec < 0 || h->ts.tv_usec < 0 ? 0 :
	    (uint64_t)h->ts.tv_sec * 1000000 + (uint64_t)h->ts.tv_usec;
	return 1;
}

void
source_stop(struct source *s)
{
	s->stopped = true;
	pcap_breakloop(s->pcap);
}

uint64_t
source_dropped(struct source *s)
{
	struct pcap_stat st;

	if (!s->live || pcap_stats(s->pcap, &st) != 0)
		return 0;
	return (uint64_t)st.ps_drop + st.ps_ifdrop;
}
