/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_DB_INT_H
#define STORE_DB_INT_H
/*
 * store/db_int - one SQLite file with its prepared statements.
 *
 * The one home of sqlite3.h.  A store on top of it is its schema, its rows and
 * its rules: it embeds a struct db, zeroed, and numbers its statements as its
 * table of them does.  Errors are E_STORE with the text in db.error where
 * nothing else is said.  Calls block; a struct db belongs to one thread at a
 * time.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/str.h"

#define DB_STATEMENTS 32   /* of a store, at most */

struct sqlite3;
struct sqlite3_stmt;

enum db_own { DB_BEGIN, DB_COMMIT, DB_ROLLBACK, DB_DATA_VERSION, DB_OWN };

struct db {
	struct sqlite3 *sqlite;
	struct sqlite3_stmt *stmt[DB_STATEMENTS]; /* NULL: not prepared      */
	struct sqlite3_stmt *own[DB_OWN];
	char path[1024];
	ino_t ino;
	char error[256];          /* the last failure in words               */
};

enum db_open { DB_READ, DB_WRITE, DB_CREATE };

/* ---- begin and end ---- */

/* The file's place, before db_open. */
void db_set_path(struct db *db, const char *dir, const char *file);
/* DB_CREATE: what is not there is made, for the owner alone.  busy_ms: how long
 * a call waits for another process's lock. */
MUSTCHECK int db_open(struct db *db, enum db_open how, int busy_ms);
/* Whatever of it is open. */
void db_close(struct db *db);

/* Statements that return no rows. */
MUSTCHECK int db_exec(struct db *db, const char *sql);
/* The number that sql returns; E_ABSENT: it returns no row. */
MUSTCHECK int db_ask(struct db *db, const char *sql, int64_t *out);
/* The schema's number, 0 in a new file.  E_EXISTS: it is above known, so a
 * newer siptrust made it. */
MUSTCHECK int db_user_version(struct db *db, int known, int *out);
/* The first n rows of sql, and our own. */
MUSTCHECK int db_prepare(struct db *db, const char *const *sql, int n);

/* ---- what went wrong ---- */

/* Text for db.error; returns err. */
int db_fail(struct db *db, int err, const char *text);
/*
 * What an E_STORE of opening or setting up comes of: E_PARSE (the content is
 * broken), E_ABSENT (there is no such file; db.error says so), else E_STORE.
 */
int db_fault(struct db *db);
/* "PATH: error". */
void db_why(const struct db *db, char *why, size_t why_size);

/* The name leads to the file that was opened. */
bool db_is_there(const struct db *db);
/* The same of the name as it was when opened, links followed, with an error. */
MUSTCHECK int db_check_place(struct db *db);

/* ---- transactions ---- */

MUSTCHECK int db_begin(struct db *db);
MUSTCHECK int db_commit(struct db *db);
/* Nothing when none is open. */
void db_rollback(struct db *db);
/* A number that changes when another connection has written; *out stays as it
 * is when that cannot be read. */
void db_data_version(struct db *db, int64_t *out);

/* ---- statements ---- */

/* Parameters from 1; text and blobs are borrowed until it has run. */
void db_bind_text(struct sqlite3_stmt *st, int at, struct str s);
void db_bind_blob(struct sqlite3_stmt *st, int at, struct str s);
void db_bind_int(struct sqlite3_stmt *st, int at, int64_t value);
void db_bind_null(struct sqlite3_stmt *st, int at);

/* Run a statement that returns no rows, by its row in the store's table. */
MUSTCHECK int db_run(struct db *db, int statement);
int64_t db_last_id(struct db *db);  /* of the last row that was inserted */
int db_changes(struct db *db);      /* rows that the last statement changed */

/*
 * while (db_next(db, st, &err)) { ... }: each row.  Before the first *err is 0;
 * what the body sets it to ends the loop, and so does a failure.
 */
MUSTCHECK bool db_next(struct db *db, struct sqlite3_stmt *st, int *err);
/* Columns of the row, from 0; borrowed until the next one. */
struct str db_text(struct sqlite3_stmt *st, int at);
struct str db_blob(struct sqlite3_stmt *st, int at);
int64_t db_int(struct sqlite3_stmt *st, int at);

#endif
