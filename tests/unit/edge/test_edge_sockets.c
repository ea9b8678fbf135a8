/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/conf.h"
#include "edge/sockets.h"
#include "net/sock.h"

/* Ports that the system gives. */
#define RANGE "40000 40007"

static bool
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 &&
	    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A network of this process's own, with eight ports; false: not allowed. */
static bool
enter_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;
	bool ok;

	if (unshare(CLONE_NEWNET) != 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0 &&
	    write_file("/proc/sys/net/ipv4/ip_local_port_range", RANGE);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Another program's UDP socket, which lets nobody in beside it. */
static int
occupy(uint16_t port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fd : -1;
}

static void
wanted(struct sockets *s, const char *address)
{
	char words[256], text[64];
	char *listen[] = { text };
	struct conf conf = { .sip = { .v = listen, .n = 1 } };
	struct buf why;

	buf_init_array(&why, words, sizeof(words));
	assert_true(str_copy(text, sizeof(text), str_cstr(address)));
	assert_int_equal(sockets_wanted(s, &conf, &why), 0);
}

/* In a child: what it changes ends with it.  0: as it should be. */
static int
binds_beside_others(void)
{
	struct sockets s;
	int fd[SOCKETS_MAX];
	char words[256];
	struct buf why;
	uint16_t port;

	buf_init_array(&why, words, sizeof(words));
	if (occupy(40000) < 0 || occupy(40002) < 0)
		return 1;
	wanted(&s, "127.0.0.1:0");
	if (sockets_bind(&s, fd, &why) != 0 || s.n != 2)
		return 2;
	port = addr_port(&s.v[0].addr);
	if (addr_port(&s.v[1].addr) != port || port < 40001 || port > 40007 ||
	    port == 40002)
		return 3;
	/* What was asked for by its number is not exchanged for another. */
	wanted(&s, "127.0.0.1:40002");
	if (sockets_bind(&s, fd, &why) != -EADDRINUSE ||
	    addr_port(&s.v[0].addr) != 40002)
		return 4;
	buf_putc(&why, '\0');
	return strstr(words, "127.0.0.1:40002 (UDP)") != NULL ? 0 : 5;
}

static void
any_port_is_one_that_is_free_for_both(void **state)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(enter_network() ? binds_beside_others() : 77);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* no network of one's own here */
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_port_is_one_that_is_free_for_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
