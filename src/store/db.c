/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/db_int.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static const char *const own_sql[DB_OWN] = {
	[DB_BEGIN] = "BEGIN IMMEDIATE",
	[DB_COMMIT] = "COMMIT",
	[DB_ROLLBACK] = "ROLLBACK",
	[DB_DATA_VERSION] = "PRAGMA data_version",
};

/* ---- what went wrong ---- */

int
db_fail(struct db *db, int err, const char *text)
{
	snprintf(db->error, sizeof(db->error), "%s", text);
	return err;
}

static int
failed(struct db *db)
{
	return db_fail(db, E_STORE, sqlite3_errmsg(db->sqlite));
}

int
db_fault(struct db *db)
{
	int code = db->sqlite != NULL ? sqlite3_errcode(db->sqlite) :
	    SQLITE_NOMEM;

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		return E_PARSE;
	if (code == SQLITE_CANTOPEN && access(db->path, F_OK) != 0 &&
	    errno == ENOENT)
		return db_fail(db, E_ABSENT, "there is no such file");
	return E_STORE;
}

void
db_why(const struct db *db, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %s", db->path, db->error);
}

bool
db_is_there(const struct db *db)
{
	struct stat st;

	return stat(db->path, &st) == 0 && st.st_ino == db->ino;
}

int
db_check_place(struct db *db)
{
	int moved = 0;

	if (sqlite3_file_control(db->sqlite, NULL, SQLITE_FCNTL_HAS_MOVED,
	    &moved) != SQLITE_OK || moved == 0)
		return 0;
	snprintf(db->error, sizeof(db->error), "%s was removed or replaced",
	    sqlite3_db_filename(db->sqlite, NULL));
	return E_STORE;
}

/* ---- begin and end ---- */

void
db_set_path(struct db *db, const char *dir, const char *file)
{
	snprintf(db->path, sizeof(db->path), "%s/%s", dir, file);
}

int
db_open(struct db *db, enum db_open how, int busy_ms)
{
	static const int flags[] = {
		[DB_READ] = SQLITE_OPEN_READONLY,
		[DB_WRITE] = SQLITE_OPEN_READWRITE,
		[DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	mode_t before = 0;
	struct stat st;
	bool was_there = stat(db->path, &st) == 0;
	int rc;

	if (how == DB_CREATE)
		before = umask(0077);
	/* SQLite gives its -wal and -shm the mode of the file itself. */
	rc = sqlite3_open_v2(db->path, &db->sqlite,
	    flags[how] | SQLITE_OPEN_NOMUTEX, NULL);
	if (how == DB_CREATE)
		umask(before);
	if (rc != SQLITE_OK)
		return failed(db);
	if (was_there || stat(db->path, &st) == 0)
		db->ino = st.st_ino;
	sqlite3_busy_timeout(db->sqlite, busy_ms);
	return 0;
}

void
db_close(struct db *db)
{
	for (int i = 0; i < DB_STATEMENTS; i++)
		sqlite3_finalize(db->stmt[i]);
	for (int i = 0; i < DB_OWN; i++)
		sqlite3_finalize(db->own[i]);
	sqlite3_close(db->sqlite);
}

int
db_exec(struct db *db, const char *sql)
{
	return sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ?
	    0 : failed(db);
}

int
db_ask(struct db *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *st;
	int err = 0;

	if (sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL) != SQLITE_OK)
		return failed(db);
	if (sqlite3_step(st) == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
	} else {
		IGNORE(failed(db)); /* for its text */
		err = E_ABSENT;
	}
	sqlite3_finalize(st);
	return err;
}

int
db_user_version(struct db *db, int known, int *out)
{
	int64_t version;
	int err = db_ask(db, "PRAGMA user_version", &version);

	if (err != 0)
		return E_STORE;
	*out = (int)version;
	if (*out <= known)
		return 0;
	snprintf(db->error, sizeof(db->error), "made by a newer siptrust "
	    "(schema %d, this one knows %d)", *out, known);
	return E_EXISTS;
}

static int
prepare(struct db *db, const char *const *sql, int n, sqlite3_stmt **out)
{
	for (int i = 0; i < n; i++) {
		if (sqlite3_prepare_v3(db->sqlite, sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &out[i], NULL) != SQLITE_OK)
			return failed(db);
	}
	return 0;
}

int
db_prepare(struct db *db, const char *const *sql, int n)
{
	int err = prepare(db, own_sql, DB_OWN, db->own);

	return err == 0 ? prepare(db, sql, n, db->stmt) : err;
}

/* ---- transactions ---- */

static int
run(struct db *db, sqlite3_stmt *st)
{
	int err = sqlite3_step(st) == SQLITE_DONE ? 0 : failed(db);

	sqlite3_reset(st);
	return err;
}

int
db_begin(struct db *db)
{
	return run(db, db->own[DB_BEGIN]);
}

int
db_commit(struct db *db)
{
	return run(db, db->own[DB_COMMIT]);
}

void
db_rollback(struct db *db)
{
	/* A failed statement may have rolled back already. */
	if (sqlite3_get_autocommit(db->sqlite) == 0)
		IGNORE(run(db, db->own[DB_ROLLBACK])); /* what else */
}

void
db_data_version(struct db *db, int64_t *out)
{
	sqlite3_stmt *st = db->own[DB_DATA_VERSION];

	if (sqlite3_step(st) == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
}

/* ---- statements ---- */

void
db_bind_text(sqlite3_stmt *st, int at, struct str s)
{
	/* Absent and empty are the same on disk. */
	sqlite3_bind_text(st, at, s.p != NULL ? s.p : "", (int)s.n,
	    SQLITE_STATIC);
}

void
db_bind_blob(sqlite3_stmt *st, int at, struct str s)
{
	sqlite3_bind_blob(st, at, s.p != NULL ? s.p : "", (int)s.n,
	    SQLITE_STATIC);
}

void
db_bind_int(sqlite3_stmt *st, int at, int64_t value)
{
	sqlite3_bind_int64(st, at, value);
}

void
db_bind_null(sqlite3_stmt *st, int at)
{
	sqlite3_bind_null(st, at);
}

int
db_run(struct db *db, int statement)
{
	return run(db, db->stmt[statement]);
}

int64_t
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

int
db_changes(struct db *db)
{
	return sqlite3_changes(db->sqlite);
}

bool
db_next(struct db *db, sqlite3_stmt *st, int *err)
{
	if (*err == 0) {
		int rc = sqlite3_step(st);

		if (rc == SQLITE_ROW)
			return true;
		if (rc != SQLITE_DONE)
			*err = failed(db);
	}
	sqlite3_reset(st);
	return false;
}

struct str
db_text(sqlite3_stmt *st, int at)
{
	const char *p = (const char *)sqlite3_column_text(st, at);

	return str_of(p, (size_t)sqlite3_column_bytes(st, at));
}

struct str
db_blob(sqlite3_stmt *st, int at)
{
	const char *p = sqlite3_column_blob(st, at);

	return str_of(p, (size_t)sqlite3_column_bytes(st, at));
}

int64_t
db_int(sqlite3_stmt *st, int at)
{
	return sqlite3_column_int64(st, at);
}
