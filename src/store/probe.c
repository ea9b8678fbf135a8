/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of DIR/devices.db about what devices are asked. */
#include "store/probe.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define BUSY_MS    2000
#define FILE_NAME  "devices.db"
#define PATH_BYTES 1024

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS probe("
    " device INTEGER PRIMARY KEY, run INTEGER NOT NULL,"
    " address TEXT NOT NULL, fingerprint INTEGER NOT NULL,"
    " name TEXT NOT NULL, ordered INTEGER NOT NULL, until INTEGER NOT NULL,"
    " methods TEXT NOT NULL, accepted INTEGER NOT NULL,"
    " state TEXT NOT NULL, connections INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " picked INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS probe_root("
    " device INTEGER NOT NULL, no INTEGER NOT NULL, label TEXT NOT NULL,"
    " sha256 TEXT NOT NULL, subject BLOB NOT NULL, key_id BLOB NOT NULL,"
    " ec INTEGER NOT NULL, bits INTEGER NOT NULL, genuine BLOB NOT NULL,"
    " class_spoof INTEGER NOT NULL, class_genuine INTEGER NOT NULL,"
    " class_time INTEGER NOT NULL, expected INTEGER NOT NULL,"
    " PRIMARY KEY(device, no));"
    "CREATE TABLE IF NOT EXISTS probe_answer("
    " device INTEGER NOT NULL, no INTEGER NOT NULL, at INTEGER NOT NULL,"
    " method TEXT NOT NULL, root INTEGER NOT NULL, class INTEGER NOT NULL,"
    " did INTEGER NOT NULL, alert INTEGER NOT NULL, us INTEGER NOT NULL,"
    " PRIMARY KEY(device, no));"
    "CREATE TABLE IF NOT EXISTS probe_holding("
    " device INTEGER NOT NULL, sha256 TEXT NOT NULL, label TEXT NOT NULL,"
    " holding TEXT NOT NULL, confidence TEXT NOT NULL, method TEXT NOT NULL,"
    " reason TEXT NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY(device, sha256));"
    "COMMIT;";

enum statement {
#define STATEMENT(id, sql) STATEMENT_##id,
#include "store/probe_statements.def"
#undef STATEMENT
	STATEMENTS
};

static const char *const sql_text[STATEMENTS] = {
#define STATEMENT(id, sql) [STATEMENT_##id] = sql,
#include "store/probe_statements.def"
#undef STATEMENT
};

struct probe_store {
	sqlite3 *db;
	sqlite3_stmt *stmt[STATEMENTS];
	char path[PATH_BYTES];
	ino_t ino;
	int64_t seen;             /* data_version at the last look         */
	char error[256];
};

static int
failed(struct probe_store *s)
{
	snprintf(s->error, sizeof(s->error), "%s", sqlite3_errmsg(s->db));
	return E_STORE;
}

static void
bind_text(sqlite3_stmt *st, int at, struct str s)
{
	sqlite3_bind_text(st, at, s.p != NULL ? s.p : "", (int)s.n,
	    SQLITE_STATIC);
}

static void
bind_bytes(sqlite3_stmt *st, int at, struct str s)
{
	sqlite3_bind_blob(st, at, s.p != NULL ? s.p : "", (int)s.n,
	    SQLITE_STATIC);
}

static struct str
text(sqlite3_stmt *st, int at)
{
	const char *p = (const char *)sqlite3_column_text(st, at);

	return str_of(p, (size_t)sqlite3_column_bytes(st, at));
}

static struct str
bytes(sqlite3_stmt *st, int at)
{
	const char *p = sqlite3_column_blob(st, at);

	return str_of(p, (size_t)sqlite3_column_bytes(st, at));
}

/* Run a statement that returns no rows. */
static int
run(struct probe_store *s, enum statement id)
{
	sqlite3_stmt *st = s->stmt[id];
	int rc = sqlite3_step(st);
	int err = rc == SQLITE_DONE ? 0 : failed(s);

	sqlite3_reset(st);
	return err;
}

int
probe_store_begin(struct probe_store *s)
{
	return run(s, STATEMENT_BEGIN);
}

int
probe_store_commit(struct probe_store *s)
{
	return run(s, STATEMENT_COMMIT);
}

void
probe_store_rollback(struct probe_store *s)
{
	/* A failed statement may have rolled back already. */
	if (sqlite3_get_autocommit(s->db) == 0)
		IGNORE(run(s, STATEMENT_ROLLBACK)); /* nothing more to do */
}

bool
probe_store_changed(struct probe_store *s)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_CHANGED];
	int64_t now = s->seen;

	if (sqlite3_step(st) == SQLITE_ROW)
		now = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	if (now == s->seen)
		return false;
	s->seen = now;
	return true;
}

/* ---- put ---- */

int
probe_store_put(struct probe_store *s, const struct store_probe *p)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_PUT];

	sqlite3_bind_int64(st, 1, p->device);
	sqlite3_bind_int64(st, 2, p->run);
	bind_text(st, 3, p->address);
	sqlite3_bind_int64(st, 4, (int64_t)p->fingerprint);
	bind_text(st, 5, p->name);
	sqlite3_bind_int64(st, 6, p->ordered_s);
	sqlite3_bind_int64(st, 7, p->until_s);
	bind_text(st, 8, p->methods);
	sqlite3_bind_int(st, 9, p->accepted);
	bind_text(st, 10, p->state);
	sqlite3_bind_int64(st, 11, p->connections);
	sqlite3_bind_int64(st, 12, p->first_s);
	sqlite3_bind_int64(st, 13, p->last_s);
	sqlite3_bind_int64(st, 14, p->picked_s);
	return run(s, STATEMENT_PUT);
}

int
probe_store_set_state(struct probe_store *s, const struct store_probe *p)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_SET_STATE];

	sqlite3_bind_int64(st, 1, p->device);
	sqlite3_bind_int64(st, 2, p->run);
	bind_text(st, 3, p->state);
	sqlite3_bind_int64(st, 4, p->connections);
	sqlite3_bind_int64(st, 5, p->first_s);
	sqlite3_bind_int64(st, 6, p->last_s);
	sqlite3_bind_int64(st, 7, p->picked_s);
	return run(s, STATEMENT_SET_STATE);
}

int
probe_store_clear(struct probe_store *s, int64_t device)
{
	int err;

	sqlite3_bind_int64(s->stmt[STATEMENT_DEL_ROOTS], 1, device);
	sqlite3_bind_int64(s->stmt[STATEMENT_DEL_ANSWERS], 1, device);
	err = run(s, STATEMENT_DEL_ROOTS);
	return err == 0 ? run(s, STATEMENT_DEL_ANSWERS) : err;
}

int
probe_store_put_root(struct probe_store *s, const struct store_probe_root *r)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_PUT_ROOT];

	sqlite3_bind_int64(st, 1, r->device);
	sqlite3_bind_int64(st, 2, r->no);
	bind_text(st, 3, r->label);
	bind_text(st, 4, r->sha256);
	bind_bytes(st, 5, r->subject);
	bind_bytes(st, 6, r->key_id);
	sqlite3_bind_int(st, 7, r->ec);
	sqlite3_bind_int64(st, 8, r->bits);
	bind_bytes(st, 9, r->genuine);
	for (int i = 0; i < STORE_PROBE_METHODS; i++)
		sqlite3_bind_int64(st, 10 + i, r->class[i]);
	sqlite3_bind_int(st, 13, r->expected);
	return run(s, STATEMENT_PUT_ROOT);
}

int
probe_store_put_answer(struct probe_store *s,
    const struct store_probe_answer *a)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_PUT_ANSWER];

	sqlite3_bind_int64(st, 1, a->device);
	sqlite3_bind_int64(st, 2, a->no);
	sqlite3_bind_int64(st, 3, a->at_s);
	bind_text(st, 4, a->method);
	sqlite3_bind_int64(st, 5, a->root);
	sqlite3_bind_int64(st, 6, a->class);
	sqlite3_bind_int64(st, 7, a->did);
	sqlite3_bind_int64(st, 8, a->alert);
	sqlite3_bind_int64(st, 9, a->us);
	return run(s, STATEMENT_PUT_ANSWER);
}

int
probe_store_put_holding(struct probe_store *s,
    const struct store_probe_holding *h)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_PUT_HOLDING];

	sqlite3_bind_int64(st, 1, h->device);
	bind_text(st, 2, h->sha256);
	bind_text(st, 3, h->label);
	bind_text(st, 4, h->holding);
	bind_text(st, 5, h->confidence);
	bind_text(st, 6, h->method);
	bind_text(st, 7, h->reason);
	sqlite3_bind_int64(st, 8, h->at_s);
	return run(s, STATEMENT_PUT_HOLDING);
}

int
probe_store_prune(struct probe_store *s)
{
	int err = 0;

	for (int i = STATEMENT_PRUNE; i <= STATEMENT_PRUNE_HOLDINGS &&
	    err == 0; i++)
		err = run(s, (enum statement)i);
	return err;
}

/* ---- read ---- */

static void
probe_of(struct store_probe *p, sqlite3_stmt *st)
{
	*p = (struct store_probe) {
		.device = sqlite3_column_int64(st, 0),
		.run = sqlite3_column_int64(st, 1), .address = text(st, 2),
		.fingerprint = (uint64_t)sqlite3_column_int64(st, 3),
		.name = text(st, 4), .ordered_s = sqlite3_column_int64(st, 5),
		.until_s = sqlite3_column_int64(st, 6),
		.methods = text(st, 7),
		.accepted = sqlite3_column_int(st, 8) != 0,
		.state = text(st, 9),
		.connections = sqlite3_column_int64(st, 10),
		.first_s = sqlite3_column_int64(st, 11),
		.last_s = sqlite3_column_int64(st, 12),
		.picked_s = sqlite3_column_int64(st, 13),
	};
}

int
probe_store_each(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe *p, void *arg), void *arg)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_EACH];
	int rc = SQLITE_DONE, err = 0;

	sqlite3_bind_int64(st, 1, device);
	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_probe p;

		probe_of(&p, st);
		err = fn(&p, arg);
	}
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(s);
	sqlite3_reset(st);
	return err;
}

static void
root_of(struct store_probe_root *r, sqlite3_stmt *st)
{
	*r = (struct store_probe_root) {
		.device = sqlite3_column_int64(st, 0),
		.no = sqlite3_column_int64(st, 1), .label = text(st, 2),
		.sha256 = text(st, 3), .subject = bytes(st, 4),
		.key_id = bytes(st, 5), .ec = sqlite3_column_int(st, 6) != 0,
		.bits = sqlite3_column_int64(st, 7), .genuine = bytes(st, 8),
		.expected = sqlite3_column_int(st, 12) != 0,
	};
	for (int i = 0; i < STORE_PROBE_METHODS; i++)
		r->class[i] = sqlite3_column_int64(st, 9 + i);
}

int
probe_store_each_root(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_root *r, void *arg), void *arg)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_EACH_ROOT];
	int rc = SQLITE_DONE, err = 0;

	sqlite3_bind_int64(st, 1, device);
	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_probe_root r;

		root_of(&r, st);
		err = fn(&r, arg);
	}
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(s);
	sqlite3_reset(st);
	return err;
}

int
probe_store_each_answer(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_answer *a, void *arg), void *arg)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_EACH_ANSWER];
	int rc = SQLITE_DONE, err = 0;

	sqlite3_bind_int64(st, 1, device);
	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_probe_answer a = {
			.device = sqlite3_column_int64(st, 0),
			.no = sqlite3_column_int64(st, 1),
			.at_s = sqlite3_column_int64(st, 2),
			.method = text(st, 3),
			.root = sqlite3_column_int64(st, 4),
			.class = sqlite3_column_int64(st, 5),
			.did = sqlite3_column_int64(st, 6),
			.alert = sqlite3_column_int64(st, 7),
			.us = sqlite3_column_int64(st, 8),
		};

		err = fn(&a, arg);
	}
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(s);
	sqlite3_reset(st);
	return err;
}

int
probe_store_each_holding(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_holding *h, void *arg), void *arg)
{
	sqlite3_stmt *st = s->stmt[STATEMENT_EACH_HOLDING];
	int rc = SQLITE_DONE, err = 0;

	sqlite3_bind_int64(st, 1, device);
	while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_probe_holding h = {
			.device = sqlite3_column_int64(st, 0),
			.sha256 = text(st, 1), .label = text(st, 2),
			.holding = text(st, 3), .confidence = text(st, 4),
			.method = text(st, 5), .reason = text(st, 6),
			.at_s = sqlite3_column_int64(st, 7),
		};

		err = fn(&h, arg);
	}
	if (err == 0 && rc != SQLITE_DONE)
		err = failed(s);
	sqlite3_reset(st);
	return err;
}

/* ---- begin and end ---- */

void
probe_store_close(struct probe_store *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->stmt[i]);
	sqlite3_close(s->db);
	free(s);
}

const char *
probe_store_error(const struct probe_store *s)
{
	return s->error;
}

bool
probe_store_is_there(const struct probe_store *s)
{
	struct stat st;

	return stat(s->path, &st) == 0 && st.st_ino == s->ino;
}

/* Was anything ever asked? */
static int
has_tables(struct probe_store *s)
{
	sqlite3_stmt *st;
	int err = 0;

	if (sqlite3_prepare_v2(s->db, "SELECT 1 FROM sqlite_master WHERE "
	    "name = 'probe_holding'", -1, &st, NULL) != SQLITE_OK)
		return failed(s);
	if (sqlite3_step(st) != SQLITE_ROW) {
		snprintf(s->error, sizeof(s->error), "no device was asked "
		    "anything yet");
		err = E_ABSENT;
	}
	sqlite3_finalize(st);
	return err;
}

static int
set_up(struct probe_store *s, bool read_only)
{
	int err = 0;

	sqlite3_busy_timeout(s->db, BUSY_MS);
	err = has_tables(s);
	if (err == E_ABSENT && !read_only)
		err = sqlite3_exec(s->db, schema, NULL, NULL, NULL) ==
		    SQLITE_OK ? 0 : failed(s);
	if (err == 0 && !read_only && sqlite3_exec(s->db,
	    "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
		err = failed(s);
	for (int i = 0; i < STATEMENTS && err == 0; i++) {
		if (sqlite3_prepare_v3(s->db, sql_text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL) != SQLITE_OK)
			err = failed(s);
	}
	return err;
}

int
probe_store_open(struct probe_store **out, const char *dir, bool read_only,
    char *why, size_t why_size)
{
	struct probe_store *s = calloc(1, sizeof(*s));
	struct stat st;
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->seen = -1;
	snprintf(s->path, sizeof(s->path), "%s/" FILE_NAME, dir);
	if (stat(s->path, &st) != 0) {
		err = errno == ENOENT ? E_ABSENT : E_STORE;
		snprintf(why, why_size, "%s: %s", s->path, errno == ENOENT ?
		    "there is no such file" : err_str(-errno));
		free(s);
		return err;
	}
	s->ino = st.st_ino;
	err = sqlite3_open_v2(s->path, &s->db, (read_only ?
	    SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
	    SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK ?
	    set_up(s, read_only) : failed(s);
	if (err == 0) {
		*out = s;
		return 0;
	}
	snprintf(why, why_size, "%s: %s", s->path, s->error);
	probe_store_close(s);
	return err;
}
