/* SPDX-License-Identifier: BSD-2-Clause */
/* main() of every client: connect, then stdin and stdout through TLS. */
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BOUND_S 60 /* no client outlives this */

bool
pipe_has_option(const struct pipe_args *a, const char *option)
{
	for (char **o = a->option; *o != NULL; o++) {
		if (strcmp(*o, option) == 0)
			return true;
	}
	return false;
}

_Noreturn void
pipe_refuse(const char *text, int code)
{
	fprintf(stderr, "end: %s (%d)\n", text, code);
	exit(1);
}

static int
dial(const char *host, const char *port)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *found;
	int fd;

	if (getaddrinfo(host, port, &want, &found) != 0)
		pipe_refuse("no such host", 0);
	fd = socket(found->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
		pipe_refuse("connect", errno);
	freeaddrinfo(found);
	return fd;
}

static void
write_out(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done <= 0)
			pipe_refuse("stdout", errno);
		p += done;
		n -= (size_t)done;
	}
}

/* false: the connection is over. */
static bool
from_peer(void)
{
	char data[8192];
	ssize_t n;

	while ((n = tls_read(data, sizeof(data))) > 0)
		write_out(data, (size_t)n);
	return n == 0;
}

static bool
from_stdin(void)
{
	char data[8192];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data)), done = 0;

	if (n <= 0)
		return false;
	while (done < n) {
		ssize_t more = tls_write(data + done, (size_t)(n - done));

		if (more < 0)
			return false;
		done += more;
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct pollfd wait[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .events = POLLIN } };
	struct pipe_args args;

	if (argc < 5) {
		fprintf(stderr, "usage: %s HOST PORT NAME CAFILE [OPTION...]\n",
		    argv[0]);
		return 2;
	}
	args = (struct pipe_args) { argv[3], argv[4], argv + 5 };
	alarm(BOUND_S);
	wait[1].fd = dial(argv[1], argv[2]);
	tls_open(wait[1].fd, &args);
	fprintf(stderr, "handshake: done\n");
	fcntl(wait[1].fd, F_SETFL, fcntl(wait[1].fd, F_GETFL) | O_NONBLOCK);
	/* What came with the handshake lies in the library, not the socket. */
	for (bool more = from_peer(); more;) {
		if (poll(wait, 2, -1) < 0)
			break;
		more = (wait[1].revents == 0 || from_peer()) &&
		    (wait[0].revents == 0 || from_stdin());
	}
	tls_close();
	fprintf(stderr, "end: closed\n");
	return 0;
}
