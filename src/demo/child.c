/* SPDX-License-Identifier: BSD-2-Clause */
#include "demo/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define SELF    "/proc/self/exe"
#define STOP_MS 10000
#define KILLED  256

static void
become(const char *const *argv, const char *variable, int in, int out)
{
	const char *full[CHILD_ARGS_MAX + 2] = { "siptrust" };
	size_t n = 0;

	while (argv[n] != NULL && n < CHILD_ARGS_MAX) {
		full[n + 1] = argv[n];
		n++;
	}
	full[n + 1] = NULL;
	if (variable != NULL)
		putenv((char *)(uintptr_t)variable);
	/* Whatever ends us: no edge stays behind. */
	IGNORE(prctl(PR_SET_PDEATHSIG, SIGTERM) != 0);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv(SELF, (char *const *)(uintptr_t)full);
	_exit(127);
}

/* What it reads is short: it fits into the pipe at once. */
static void
give(int fd, struct str in)
{
	while (in.n > 0) {
		ssize_t n = write(fd, in.p, in.n);
		if (n <= 0)
			break;
		in = str_from(in, (size_t)n);
	}
	close(fd);
}

int
child_start(struct child *c, const char *const *argv, const char *variable,
    struct str in)
{
	int out_pipe[2], in_pipe[2], err;

	*c = (struct child) { .fd = -1 };
	buf_init(&c->all, CHILD_LINES_MAX);
	if (pipe2(out_pipe, O_CLOEXEC) != 0)
		return -errno;
	if (pipe2(in_pipe, O_CLOEXEC) != 0) {
		err = -errno;
		close(out_pipe[0]);
		close(out_pipe[1]);
		return err;
	}
	c->pid = fork();
	if (c->pid == 0)
		become(argv, variable, in_pipe[0], out_pipe[1]);
	err = c->pid < 0 ? -errno : 0;
	close(in_pipe[0]);
	close(out_pipe[1]);
	if (err != 0) {
		c->pid = 0;
		close(in_pipe[1]);
		close(out_pipe[0]);
		return err;
	}
	c->fd = out_pipe[0];
	give(in_pipe[1], in);
	return 0;
}

/* Read what is there, waiting at most so long; false: nothing came. */
static bool
more(struct child *c, uint64_t until_ms)
{
	uint64_t now = clock_mono_ms();
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char *room;
	ssize_t n;

	if (c->fd < 0 || now >= until_ms ||
	    poll(&p, 1, (int)(until_ms - now)) <= 0)
		return false;
	room = buf_room(&c->all, 4096);
	if (room == NULL)
		return false;
	n = read(c->fd, room, 4096);
	if (n <= 0) {
		close(c->fd);
		c->fd = -1;
		return false;
	}
	c->all.n += (size_t)n;
	return true;
}

struct str
child_wait(struct child *c, child_line_fn *is, void *arg, unsigned deadline_ms)
{
	uint64_t until_ms = clock_mono_ms() + deadline_ms;

	do {
		struct str rest = str_from(buf_as_str(&c->all), c->mark);
		size_t end;

		while ((end = str_find(rest, '\n')) < rest.n) {
			struct str line = str_of(rest.p, end);

			c->mark += end + 1;
			if (is(line, arg))
				return line;
			rest = str_from(rest, end + 1);
		}
	} while (more(c, until_ms));
	return STR_NULL;
}

void
child_signal(struct child *c, int number)
{
	if (c->pid > 0)
		kill(c->pid, number);
}

static int
status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static bool
never(struct str line, void *arg)
{
	return false;
}

int
child_end(struct child *c, unsigned deadline_ms)
{
	int status = 0;

	if (c->pid <= 0)
		return 0;
	/* Its end of the pipe closes when it ends. */
	IGNORE(child_wait(c, never, NULL, deadline_ms).n > 0);
	if (c->fd >= 0)
		kill(c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return status_of(status);
}

void
child_stop(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGTERM);
		IGNORE(child_end(c, STOP_MS) != 0); /* it was told to */
	}
	if (c->fd > 0)
		close(c->fd);
	c->fd = -1;
	buf_fini(&c->all);
}
