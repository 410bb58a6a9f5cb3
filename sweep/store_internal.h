/* store_internal.h - the open SQLite file of a store (internal to sweep). */
#ifndef REBIAS_SWEEP_STORE_INTERNAL_H
#define REBIAS_SWEEP_STORE_INTERNAL_H

#include "rebias/store.h"
#include <pthread.h>
#include <sqlite3.h>

enum rebias_store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_FIND_CONFIGURATION, /* hash -> id, job, text */
    STORE_ADD_CONFIGURATION,  /* hash, job, text */
    STORE_FIND_CELL,          /* configuration, replicate -> id */
    STORE_DROP_VALUES,        /* cell */
    STORE_PUT_CELL,           /* configuration, replicate, seed, seconds, version, inputs */
    STORE_ADD_VALUE,          /* cell, name, position, value */
    STORE_WANT,               /* configuration, replicate */
    STORE_VALUES,             /* cell -> name, position, value */
    STORE_STATEMENTS
};

struct rebias_store {
    sqlite3 *db;
    char *path;
    pthread_mutex_t lock; /* over the prepared statements */
    sqlite3_stmt *statement[STORE_STATEMENTS];
};

/* Fills err from the last error of the database: "WHAT: reason of SQLite". */
int rebias_store_fail(const struct rebias_store *store, const char *what,
                      struct rebias_error *err);

/* *statement = the prepared statement, without bindings. */
int rebias_store_prepare(struct rebias_store *store, enum rebias_store_statement which,
                         sqlite3_stmt **statement, struct rebias_error *err);

/* Runs a statement that gives no rows. */
int rebias_store_run(struct rebias_store *store, enum rebias_store_statement which,
                     struct rebias_error *err);

/* Ends a transaction: commits when status is REBIAS_OK, else takes everything back. Returns the
 * status, or that of the commit. */
int rebias_store_end(struct rebias_store *store, int status, struct rebias_error *err);

/* *id = row of the cell's configuration, made when `add`; 0: not there. */
int rebias_store_configuration(struct rebias_store *store, const struct rebias_store_cell *cell,
                               bool add, int64_t *id, struct rebias_error *err);

/* *id = row of the cell; 0: not there. */
int rebias_store_find(struct rebias_store *store, const struct rebias_store_cell *cell,
                      int64_t *id, struct rebias_error *err);

/* Writes a record within the transaction under way. */
int rebias_store_put_rows(struct rebias_store *store, const struct rebias_store_record *record,
                          struct rebias_error *err);

/* The same for the wish for a cell. */
int rebias_store_want_row(struct rebias_store *store, const struct rebias_store_cell *cell,
                          struct rebias_error *err);

#endif
