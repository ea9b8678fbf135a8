/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The default backend: one file, DIR/siptrust.db, in WAL mode.
 *
 * synchronous=NORMAL: a commit is in the file once the call returns, which is
 * what a killed process needs; a power cut may take the last commits, never a
 * part of one.  Phones come back by themselves after a power cut.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "store/db_int.h"
#include "store/store_int.h"

#define BUSY_MS     5000
#define SCHEMA_MADE 1      /* user_version */

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS meta("
    " key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS user("
    " name TEXT NOT NULL, realm TEXT NOT NULL,"
    " ha1_md5 TEXT NOT NULL, ha1_sha256 TEXT NOT NULL,"
    " PRIMARY KEY(name, realm)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS binding("
    " aor TEXT NOT NULL, key TEXT NOT NULL, contact TEXT NOT NULL,"
    " params TEXT NOT NULL, instance_id TEXT NOT NULL,"
    " reg_id INTEGER NOT NULL, call_id TEXT NOT NULL, cseq INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, path TEXT NOT NULL, user_agent TEXT NOT NULL,"
    " received TEXT NOT NULL, transport INTEGER NOT NULL,"
    " PRIMARY KEY(aor, key)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

enum statement {
#define STATEMENT(id, sql) STATEMENT_##id,
#include "store/statements.def"
#undef STATEMENT
	STATEMENTS
};
_Static_assert(STATEMENTS <= DB_STATEMENTS, "room for each");

static const char *const sql_text[STATEMENTS] = {
#define STATEMENT(id, sql) [STATEMENT_##id] = sql,
#include "store/statements.def"
#undef STATEMENT
};

struct sqlite {
	struct store store;
	struct db db;
	char wal[1032];  /* db.path and what SQLite appends */
	ino_t wal_ino;   /* 0: not known */
	bool wal_gone;
};

static struct sqlite *
of(struct store *s)
{
	return CONTAINER_OF(s, struct sqlite, store);
}

/*
 * A file that was taken away, or replaced, is written to all the same, and what
 * is committed there nobody will find.
 */
static int
sqlite_check(struct store *s)
{
	struct sqlite *q = of(s);
	char what[sizeof(q->db.error)];
	struct stat st;
	int err = db_check_place(&q->db);

	if (err == 0 && q->wal_ino != 0 && (stat(q->wal, &st) != 0 ||
	    st.st_ino != q->wal_ino)) {
		/* What is in it and was answered for goes into the file. */
		if (!q->wal_gone)
			IGNORE(db_exec(&q->db, "PRAGMA wal_checkpoint(FULL)"));
		q->wal_gone = true;
		snprintf(q->db.error, sizeof(q->db.error),
		    "%.150s was removed or replaced", q->wal);
		err = E_STORE;
	}
	if (err != 0) {
		str_copy(what, sizeof(what), str_cstr(q->db.error));
		snprintf(q->db.error, sizeof(q->db.error), "%.200s: put it "
		    "back, or restart the edge", what);
	}
	return err;
}

static int
sqlite_begin(struct store *s)
{
	int err = sqlite_check(s);

	return err == 0 ? db_begin(&of(s)->db) : err;
}

static int
sqlite_commit(struct store *s)
{
	return db_commit(&of(s)->db);
}

static void
sqlite_rollback(struct store *s)
{
	db_rollback(&of(s)->db);
}

static int
sqlite_put_binding(struct store *s, const struct store_binding *b)
{
	struct sqlite *q = of(s);
	struct sqlite3_stmt *st = q->db.stmt[STATEMENT_PUT_BINDING];

	db_bind_text(st, 1, b->aor);
	db_bind_text(st, 2, b->key);
	db_bind_text(st, 3, b->contact);
	db_bind_text(st, 4, b->params);
	db_bind_text(st, 5, b->instance_id);
	db_bind_int(st, 6, b->reg_id);
	db_bind_text(st, 7, b->call_id);
	db_bind_int(st, 8, b->cseq);
	db_bind_int(st, 9, b->expires_s);
	db_bind_text(st, 10, b->path);
	db_bind_text(st, 11, b->user_agent);
	db_bind_text(st, 12, b->received);
	db_bind_int(st, 13, b->transport);
	return db_run(&q->db, STATEMENT_PUT_BINDING);
}

static int
sqlite_del_binding(struct store *s, struct str aor, struct str key)
{
	struct sqlite *q = of(s);

	db_bind_text(q->db.stmt[STATEMENT_DEL_BINDING], 1, aor);
	db_bind_text(q->db.stmt[STATEMENT_DEL_BINDING], 2, key);
	return db_run(&q->db, STATEMENT_DEL_BINDING);
}

static int
sqlite_del_expired(struct store *s, int64_t before_s)
{
	struct sqlite *q = of(s);

	db_bind_int(q->db.stmt[STATEMENT_DEL_EXPIRED], 1, before_s);
	return db_run(&q->db, STATEMENT_DEL_EXPIRED);
}

static int
sqlite_each_binding(struct store *s,
    int (*fn)(const struct store_binding *b, void *arg), void *arg)
{
	struct sqlite *q = of(s);
	struct sqlite3_stmt *st = q->db.stmt[STATEMENT_EACH_BINDING];
	int err = 0;

	while (db_next(&q->db, st, &err)) {
		struct store_binding b = {
			.aor = db_text(st, 0), .key = db_text(st, 1),
			.contact = db_text(st, 2), .params = db_text(st, 3),
			.instance_id = db_text(st, 4),
			.reg_id = (uint32_t)db_int(st, 5),
			.call_id = db_text(st, 6),
			.cseq = (uint32_t)db_int(st, 7),
			.expires_s = db_int(st, 8),
			.path = db_text(st, 9), .user_agent = db_text(st, 10),
			.received = db_text(st, 11),
			.transport = (int)db_int(st, 12),
		};

		err = fn(&b, arg);
	}
	return err;
}

static int
sqlite_put_user(struct store *s, const struct store_user *u)
{
	struct sqlite *q = of(s);
	struct sqlite3_stmt *st = q->db.stmt[STATEMENT_PUT_USER];

	db_bind_text(st, 1, u->name);
	db_bind_text(st, 2, u->realm);
	db_bind_text(st, 3, str_cstr(u->ha1[DIGEST_MD5]));
	db_bind_text(st, 4, str_cstr(u->ha1[DIGEST_SHA256]));
	return db_run(&q->db, STATEMENT_PUT_USER);
}

static int
sqlite_del_user(struct store *s, struct str name, struct str realm)
{
	struct sqlite *q = of(s);
	int err;

	db_bind_text(q->db.stmt[STATEMENT_DEL_USER], 1, name);
	db_bind_text(q->db.stmt[STATEMENT_DEL_USER], 2, realm);
	err = db_run(&q->db, STATEMENT_DEL_USER);
	if (err == 0 && db_changes(&q->db) == 0)
		err = E_ABSENT;
	return err;
}

/* A row that somebody cut by hand is no credential. */
static bool
user_of(struct store_user *u, struct sqlite3_stmt *st)
{
	*u = (struct store_user) {
		.name = db_text(st, 0), .realm = db_text(st, 1),
	};
	return str_copy(u->ha1[DIGEST_MD5], sizeof(u->ha1[0]),
	    db_text(st, 2)) &&
	    str_copy(u->ha1[DIGEST_SHA256], sizeof(u->ha1[0]), db_text(st, 3));
}

static int
sqlite_each_user(struct store *s,
    int (*fn)(const struct store_user *u, void *arg), void *arg)
{
	struct sqlite *q = of(s);
	struct sqlite3_stmt *st = q->db.stmt[STATEMENT_EACH_USER];
	int err = 0;

	while (db_next(&q->db, st, &err)) {
		struct store_user u;

		if (user_of(&u, st))
			err = fn(&u, arg);
	}
	return err;
}

static int
sqlite_get_meta(struct store *s, const char *key, char *out, size_t size)
{
	struct sqlite *q = of(s);
	struct sqlite3_stmt *st = q->db.stmt[STATEMENT_GET_META];
	bool found = false;
	int err = 0;

	db_bind_text(st, 1, str_cstr(key));
	while (db_next(&q->db, st, &err)) {
		found = true;
		err = str_copy(out, size, db_text(st, 0)) ? 0 : E_LIMIT;
	}
	return err == 0 && !found ? E_ABSENT : err;
}

static int
sqlite_put_meta(struct store *s, const char *key, const char *value)
{
	struct sqlite *q = of(s);

	db_bind_text(q->db.stmt[STATEMENT_PUT_META], 1, str_cstr(key));
	db_bind_text(q->db.stmt[STATEMENT_PUT_META], 2, str_cstr(value));
	return db_run(&q->db, STATEMENT_PUT_META);
}

static uint64_t
sqlite_data_version(struct store *s)
{
	int64_t version = 0;

	db_data_version(&of(s)->db, &version);
	return (uint64_t)version;
}

static void
sqlite_close(struct store *s)
{
	struct sqlite *q = of(s);

	db_close(&q->db);
	free(q);
}

static const char *
sqlite_error(const struct store *s)
{
	return CONTAINER_OF(s, const struct sqlite, store)->db.error;
}

static const struct store_ops sqlite_ops = {
	.close = sqlite_close,
	.error = sqlite_error,
	.check = sqlite_check,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.put_binding = sqlite_put_binding,
	.del_binding = sqlite_del_binding,
	.del_expired = sqlite_del_expired,
	.each_binding = sqlite_each_binding,
	.put_user = sqlite_put_user,
	.del_user = sqlite_del_user,
	.each_user = sqlite_each_user,
	.get_meta = sqlite_get_meta,
	.put_meta = sqlite_put_meta,
	.data_version = sqlite_data_version,
};

static int
set_up(struct sqlite *q)
{
	struct stat st;
	int version = 0;
	int err = db_exec(&q->db, "PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = NORMAL");

	if (err == 0)
		err = db_user_version(&q->db, SCHEMA_MADE, &version);
	if (err == E_EXISTS)
		return E_STORE;
	if (err == 0 && version < SCHEMA_MADE)
		err = db_exec(&q->db, schema);
	if (err == 0)
		err = db_prepare(&q->db, sql_text, STATEMENTS);
	snprintf(q->wal, sizeof(q->wal), "%s-wal", q->db.path);
	if (err == 0 && stat(q->wal, &st) == 0)
		q->wal_ino = st.st_ino;
	return err;
}

int
store_open_sqlite(struct store **out, const char *dir, char *why,
    size_t why_size)
{
	struct sqlite *q = calloc(1, sizeof(*q));
	int err;

	if (q == NULL)
		return -ENOMEM;
	q->store.ops = &sqlite_ops;
	db_set_path(&q->db, dir, "siptrust.db");
	err = db_open(&q->db, DB_CREATE, BUSY_MS);
	if (err == 0)
		err = set_up(q);
	if (err != 0) {
		db_why(&q->db, why, why_size);
		sqlite_close(&q->store);
		return err;
	}
	*out = &q->store;
	return 0;
}
