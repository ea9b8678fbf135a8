/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificate of the edge's own CA is renewed by another process, "siptrust
 * ca renew": this one parses what strangers send, and must never open the CA's
 * key.  The new certificate is then loaded as one that an admin has renewed:
 * no connection is dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "edge/edge_int.h"
#include "trust/verdict.h"

#define RETRY_MS   (3600 * UINT64_C(1000))
#define ISSUED     STR("issued anew") /* as siptrust ca renew says it */

extern char **environ;

/* INT64_MAX: our own chain is not presented. */
static int64_t
own_chain_ends(const struct edge *e)
{
	unsigned n;
	const struct trust_chain *chain = tls_ctx_chains(e->tls, &n);

	for (unsigned i = 0; i < n; i++) {
		if (strcmp(chain[i].name, TRUST_OWN_CHAIN) == 0)
			return chain[i].not_after_s;
	}
	return INT64_MAX;
}

static void
say_failed(struct str reason)
{
	char text[LOG_VAL_MAX * 2];

	log_err("certificate-not-renewed", "chain=" TRUST_OWN_CHAIN
	    " reason=%s kept=yes", log_val(text, sizeof(text),
	    str_trim(reason)));
}

static int
spawn(struct edge *e, int out)
{
	char days[16];
	char *argv[] = { "siptrust", "ca", "renew", "--data", e->conf->data,
		"--domain", e->conf->domain, "--days", days, NULL };
	posix_spawn_file_actions_t actions;
	int err;

	snprintf(days, sizeof(days), "%d", e->conf->certificate_days);
	err = posix_spawn_file_actions_init(&actions);
	if (err != 0)
		return -err;
	err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (err == 0)
		err = posix_spawn_file_actions_adddup2(&actions, out,
		    STDERR_FILENO);
	if (err == 0)
		err = posix_spawn(&e->renewal.pid, "/proc/self/exe", &actions,
		    NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static void
begin(struct edge *e)
{
	int fd[2], err;

	err = pipe2(fd, O_CLOEXEC) == 0 ? 0 : -errno;
	if (err == 0) {
		err = spawn(e, fd[1]);
		close(fd[1]);
		e->renewal.out = fd[0];
		if (err != 0)
			close(fd[0]);
	}
	if (err != 0) {
		e->renewal.pid = 0;
		say_failed(str_cstr(err_str(err)));
	}
}

/* It has ended: nothing more will be written, and what was fits a pipe. */
static void
finish(struct edge *e, int status)
{
	char text[1024];
	ssize_t n = read(e->renewal.out, text, sizeof(text));
	struct str said = str_of(text, n > 0 ? (size_t)n : 0);
	bool issued = false;

	close(e->renewal.out);
	e->renewal.pid = 0;
	for (size_t i = 0; i + ISSUED.n <= said.n; i++)
		issued = issued || str_starts(str_from(said, i), ISSUED);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && issued)
		edge_reload_chains(e);
	else
		say_failed(said.n > 0 ? said : STR("siptrust ca renew ended "
		    "without a word"));
}

/* A third of its life is left, and the CA can give it more. */
static bool
is_due(const struct edge *e)
{
	int64_t end_s = own_chain_ends(e);

	return end_s - ca_renew_before_s(e->conf->certificate_days) <=
	    clock_wall_s() && !ca_ends_with(end_s, e->ca.not_after_s);
}

void
edge_renew(struct edge *e)
{
	uint64_t now_ms = clock_mono_ms();
	int status;

	if (e->renewal.pid != 0) {
		if (waitpid(e->renewal.pid, &status, WNOHANG) ==
		    e->renewal.pid)
			finish(e, status);
		return;
	}
	if (now_ms < e->renewal.next_ms || !is_due(e))
		return;
	e->renewal.next_ms = now_ms + RETRY_MS;
	begin(e);
}

void
edge_renew_end(struct edge *e)
{
	int status;

	if (e->renewal.pid == 0)
		return;
	/* It takes a moment, and leaves nothing half-written. */
	while (waitpid(e->renewal.pid, &status, 0) < 0 && errno == EINTR)
		;
	close(e->renewal.out);
	e->renewal.pid = 0;
}
