/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of DIR/devices.db about what devices are asked. */
#include "store/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "store/db_int.h"

#define BUSY_MS   2000
#define FILE_NAME "devices.db"

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
_Static_assert(STATEMENTS <= DB_STATEMENTS, "room for each");

static const char *const sql_text[STATEMENTS] = {
#define STATEMENT(id, sql) [STATEMENT_##id] = sql,
#include "store/probe_statements.def"
#undef STATEMENT
};

struct probe_store {
	struct db db;
	int64_t seen;             /* data_version at the last look         */
};

int
probe_store_begin(struct probe_store *s)
{
	return db_begin(&s->db);
}

int
probe_store_commit(struct probe_store *s)
{
	return db_commit(&s->db);
}

void
probe_store_rollback(struct probe_store *s)
{
	db_rollback(&s->db);
}

bool
probe_store_changed(struct probe_store *s)
{
	int64_t before = s->seen;

	db_data_version(&s->db, &s->seen);
	return s->seen != before;
}

/* ---- put ---- */

int
probe_store_put(struct probe_store *s, const struct store_probe *p)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PUT];

	db_bind_int(st, 1, p->device);
	db_bind_int(st, 2, p->run);
	db_bind_text(st, 3, p->address);
	db_bind_int(st, 4, (int64_t)p->fingerprint);
	db_bind_text(st, 5, p->name);
	db_bind_int(st, 6, p->ordered_s);
	db_bind_int(st, 7, p->until_s);
	db_bind_text(st, 8, p->methods);
	db_bind_int(st, 9, p->accepted);
	db_bind_text(st, 10, p->state);
	db_bind_int(st, 11, p->connections);
	db_bind_int(st, 12, p->first_s);
	db_bind_int(st, 13, p->last_s);
	db_bind_int(st, 14, p->picked_s);
	return db_run(&s->db, STATEMENT_PUT);
}

int
probe_store_set_state(struct probe_store *s, const struct store_probe *p)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_SET_STATE];

	db_bind_int(st, 1, p->device);
	db_bind_int(st, 2, p->run);
	db_bind_text(st, 3, p->state);
	db_bind_int(st, 4, p->connections);
	db_bind_int(st, 5, p->first_s);
	db_bind_int(st, 6, p->last_s);
	db_bind_int(st, 7, p->picked_s);
	return db_run(&s->db, STATEMENT_SET_STATE);
}

int
probe_store_clear(struct probe_store *s, int64_t device)
{
	int err;

	db_bind_int(s->db.stmt[STATEMENT_DEL_ROOTS], 1, device);
	db_bind_int(s->db.stmt[STATEMENT_DEL_ANSWERS], 1, device);
	err = db_run(&s->db, STATEMENT_DEL_ROOTS);
	return err == 0 ? db_run(&s->db, STATEMENT_DEL_ANSWERS) : err;
}

int
probe_store_put_root(struct probe_store *s, const struct store_probe_root *r)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PUT_ROOT];

	db_bind_int(st, 1, r->device);
	db_bind_int(st, 2, r->no);
	db_bind_text(st, 3, r->label);
	db_bind_text(st, 4, r->sha256);
	db_bind_blob(st, 5, r->subject);
	db_bind_blob(st, 6, r->key_id);
	db_bind_int(st, 7, r->ec);
	db_bind_int(st, 8, r->bits);
	db_bind_blob(st, 9, r->genuine);
	for (int i = 0; i < STORE_PROBE_METHODS; i++)
		db_bind_int(st, 10 + i, r->class[i]);
	db_bind_int(st, 13, r->expected);
	return db_run(&s->db, STATEMENT_PUT_ROOT);
}

int
probe_store_put_answer(struct probe_store *s,
    const struct store_probe_answer *a)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PUT_ANSWER];

	db_bind_int(st, 1, a->device);
	db_bind_int(st, 2, a->no);
	db_bind_int(st, 3, a->at_s);
	db_bind_text(st, 4, a->method);
	db_bind_int(st, 5, a->root);
	db_bind_int(st, 6, a->class);
	db_bind_int(st, 7, a->did);
	db_bind_int(st, 8, a->alert);
	db_bind_int(st, 9, a->us);
	return db_run(&s->db, STATEMENT_PUT_ANSWER);
}

int
probe_store_put_holding(struct probe_store *s,
    const struct store_probe_holding *h)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PUT_HOLDING];

	db_bind_int(st, 1, h->device);
	db_bind_text(st, 2, h->sha256);
	db_bind_text(st, 3, h->label);
	db_bind_text(st, 4, h->holding);
	db_bind_text(st, 5, h->confidence);
	db_bind_text(st, 6, h->method);
	db_bind_text(st, 7, h->reason);
	db_bind_int(st, 8, h->at_s);
	return db_run(&s->db, STATEMENT_PUT_HOLDING);
}

int
probe_store_prune(struct probe_store *s)
{
	int err = 0;

	for (int i = STATEMENT_PRUNE; i <= STATEMENT_PRUNE_HOLDINGS &&
	    err == 0; i++)
		err = db_run(&s->db, i);
	return err;
}

/* ---- read ---- */

static void
probe_of(struct store_probe *p, struct sqlite3_stmt *st)
{
	*p = (struct store_probe) {
		.device = db_int(st, 0), .run = db_int(st, 1),
		.address = db_text(st, 2),
		.fingerprint = (uint64_t)db_int(st, 3),
		.name = db_text(st, 4), .ordered_s = db_int(st, 5),
		.until_s = db_int(st, 6), .methods = db_text(st, 7),
		.accepted = (int)db_int(st, 8) != 0,
		.state = db_text(st, 9), .connections = db_int(st, 10),
		.first_s = db_int(st, 11), .last_s = db_int(st, 12),
		.picked_s = db_int(st, 13),
	};
}

int
probe_store_each(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe *p, void *arg), void *arg)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_EACH];
	int err = 0;

	db_bind_int(st, 1, device);
	while (db_next(&s->db, st, &err)) {
		struct store_probe p;

		probe_of(&p, st);
		err = fn(&p, arg);
	}
	return err;
}

int
probe_store_place(struct probe_store *s, int64_t device,
    int (*fn)(struct str address, uint64_t fingerprint, void *arg), void *arg)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_PLACE];
	int err = 0;

	db_bind_int(st, 1, device);
	while (db_next(&s->db, st, &err))
		err = fn(db_text(st, 0), (uint64_t)db_int(st, 1), arg);
	return err;
}

static void
root_of(struct store_probe_root *r, struct sqlite3_stmt *st)
{
	*r = (struct store_probe_root) {
		.device = db_int(st, 0), .no = db_int(st, 1),
		.label = db_text(st, 2), .sha256 = db_text(st, 3),
		.subject = db_blob(st, 4), .key_id = db_blob(st, 5),
		.ec = (int)db_int(st, 6) != 0, .bits = db_int(st, 7),
		.genuine = db_blob(st, 8),
		.expected = (int)db_int(st, 12) != 0,
	};
	for (int i = 0; i < STORE_PROBE_METHODS; i++)
		r->class[i] = db_int(st, 9 + i);
}

int
probe_store_each_root(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_root *r, void *arg), void *arg)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_EACH_ROOT];
	int err = 0;

	db_bind_int(st, 1, device);
	while (db_next(&s->db, st, &err)) {
		struct store_probe_root r;

		root_of(&r, st);
		err = fn(&r, arg);
	}
	return err;
}

int
probe_store_each_answer(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_answer *a, void *arg), void *arg)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_EACH_ANSWER];
	int err = 0;

	db_bind_int(st, 1, device);
	while (db_next(&s->db, st, &err)) {
		struct store_probe_answer a = {
			.device = db_int(st, 0), .no = db_int(st, 1),
			.at_s = db_int(st, 2),
			.method = db_text(st, 3),
			.root = db_int(st, 4),
			.class = db_int(st, 5),
			.did = db_int(st, 6),
			.alert = db_int(st, 7),
			.us = db_int(st, 8),
		};

		err = fn(&a, arg);
	}
	return err;
}

int
probe_store_each_holding(struct probe_store *s, int64_t device,
    int (*fn)(const struct store_probe_holding *h, void *arg), void *arg)
{
	struct sqlite3_stmt *st = s->db.stmt[STATEMENT_EACH_HOLDING];
	int err = 0;

	db_bind_int(st, 1, device);
	while (db_next(&s->db, st, &err)) {
		struct store_probe_holding h = {
			.device = db_int(st, 0),
			.sha256 = db_text(st, 1), .label = db_text(st, 2),
			.holding = db_text(st, 3), .confidence = db_text(st, 4),
			.method = db_text(st, 5), .reason = db_text(st, 6),
			.at_s = db_int(st, 7),
		};

		err = fn(&h, arg);
	}
	return err;
}

/* ---- begin and end ---- */

void
probe_store_close(struct probe_store *s)
{
	if (s == NULL)
		return;
	db_close(&s->db);
	free(s);
}

const char *
probe_store_error(const struct probe_store *s)
{
	return s->db.error;
}

bool
probe_store_is_there(const struct probe_store *s)
{
	return db_is_there(&s->db);
}

/* Was anything ever asked? */
static int
has_tables(struct probe_store *s)
{
	int64_t one;
	int err = db_ask(&s->db, "SELECT 1 FROM sqlite_master WHERE "
	    "name = 'probe_holding'", &one);

	return err == E_ABSENT ? db_fail(&s->db, err, "no device was asked "
	    "anything yet") : err;
}

static int
set_up(struct probe_store *s, bool read_only)
{
	int err = has_tables(s);

	if (err == E_ABSENT && !read_only)
		err = db_exec(&s->db, schema);
	if (err == 0 && !read_only)
		err = db_exec(&s->db, "PRAGMA synchronous = FULL");
	return err == 0 ? db_prepare(&s->db, sql_text, STATEMENTS) : err;
}

/* The devices' file is made by store/device alone. */
static int
is_anywhere(struct probe_store *s)
{
	struct stat st;

	if (stat(s->db.path, &st) == 0)
		return 0;
	return errno == ENOENT ?
	    db_fail(&s->db, E_ABSENT, "there is no such file") :
	    db_fail(&s->db, E_STORE, err_str(-errno));
}

int
probe_store_open(struct probe_store **out, const char *dir, bool read_only,
    char *why, size_t why_size)
{
	struct probe_store *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->seen = -1;
	db_set_path(&s->db, dir, FILE_NAME);
	err = is_anywhere(s);
	if (err == 0)
		err = db_open(&s->db, read_only ? DB_READ : DB_WRITE, BUSY_MS);
	if (err == 0)
		err = set_up(s, read_only);
	if (err != 0) {
		db_why(&s->db, why, why_size);
		probe_store_close(s);
		return err;
	}
	*out = s;
	return 0;
}
