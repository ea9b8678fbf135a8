/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H
/*
 * base/addr - a socket address as a value: IPv4 or IPv6 and a port.
 *
 * IPv4-mapped IPv6 addresses are turned into IPv4 on the way in, so that one
 * phone has one address whichever socket it came by.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/str.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;
};

/* "[" + 45 + "%" scope + "]" + ":65535" + NUL, rounded up. */
#define ADDR_STRLEN 80

/* The absent address: family AF_UNSPEC. */
#define ADDR_NONE ((struct addr) { .u.sa.sa_family = AF_UNSPEC })

/*
 * "192.0.2.1:5061", "[2001:db8::1]:5061", or without a port (then
 * default_port).  No names.  0 or E_PARSE.
 */
MUSTCHECK int addr_parse(struct addr *out, struct str s, uint16_t default_port);

/* The host alone: "192.0.2.1", "2001:db8::1" or "[2001:db8::1]".  Port 0. */
MUSTCHECK int addr_parse_ip(struct addr *out, struct str s);

/* From what accept/recvmsg gave; maps v4-in-v6 to v4. */
void addr_from_sa(struct addr *out, const struct sockaddr *sa);

socklen_t addr_len(const struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);

/* "192.0.2.1:5061" / "[2001:db8::1]:5061"; returns out. */
const char *addr_print(const struct addr *a, char out[ADDR_STRLEN]);
/* Host only, IPv6 in brackets when bracket is set; returns out. */
const char *addr_print_ip(const struct addr *a, bool bracket,
    char out[ADDR_STRLEN]);

bool addr_equal(const struct addr *a, const struct addr *b);    /* and port */
bool addr_equal_ip(const struct addr *a, const struct addr *b); /* host only */
uint64_t addr_hash_ip(const struct addr *a);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_linklocal(const struct addr *a);
bool addr_is_set(const struct addr *a);

/* This host's addresses, loopback included, at most max of them; port 0. */
size_t addr_local(struct addr *out, size_t max);

#endif
