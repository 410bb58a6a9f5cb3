/* store.c - results of sweeps in one SQLite file.
 * 1. errors   2. statements   3. opening   4. cells   5. writing
 *
 * Reading through all cells and merging: store_read.c. References: sqlite.org/wal.html (WAL
 * needs shared memory between all users of a file, which network file systems do not give);
 * FNV-1a: Fowler, Noll, Vo, draft-eastlake-fnv.
 */
#include "rebias/base.h"
#include "store_internal.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

enum { APPLICATION = 0x72656269, SCHEMA = 1, BUSY_MILLISECONDS = 60000 };

static const char schema[] =
    "CREATE TABLE configuration(id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE,"
    " job TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE TABLE cell(id INTEGER PRIMARY KEY, configuration INTEGER NOT NULL"
    " REFERENCES configuration, replicate INTEGER NOT NULL, seed INTEGER NOT NULL,"
    " seconds REAL NOT NULL, finished INTEGER NOT NULL, version TEXT NOT NULL,"
    " inputs TEXT NOT NULL, UNIQUE(configuration, replicate));"
    "CREATE TABLE value(cell INTEGER NOT NULL REFERENCES cell, name TEXT NOT NULL,"
    " position REAL NOT NULL, value REAL, PRIMARY KEY(cell, name, position)) WITHOUT ROWID;"
    "CREATE TABLE wanted(configuration INTEGER NOT NULL REFERENCES configuration,"
    " replicate INTEGER NOT NULL, PRIMARY KEY(configuration, replicate)) WITHOUT ROWID;"
    "PRAGMA application_id = 1919246953;"
    "PRAGMA user_version = 1;";

/* -- 1. errors -- */

static int status_of(int code)
{
    return code == SQLITE_NOMEM                                ? REBIAS_E_MEMORY
           : code == SQLITE_NOTADB || code == SQLITE_CORRUPT   ? REBIAS_E_FORMAT
           : code == SQLITE_CONSTRAINT || code == SQLITE_RANGE ? REBIAS_E_RANGE
                                                               : REBIAS_E_IO;
}

int rebias_store_fail(const struct rebias_store *store, const char *what,
                      struct rebias_error *err)
{
    const struct rebias_place place = {store->path, 0, 0, NULL};
    const int code = sqlite3_errcode(store->db) & 0xff;
    const int system = code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_FULL
                           ? sqlite3_system_errno(store->db)
                           : 0;
    return rebias_fail_at(err, status_of(code), &place, NULL, "%s: %s%s%s", what,
                          sqlite3_errmsg(store->db), system != 0 ? ", " : "",
                          system != 0 ? strerror(system) : "");
}

/* -- 2. statements -- */

static const char *const statements[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_FIND_CONFIGURATION] = "SELECT id, job, text FROM configuration WHERE hash = ?1",
    [STORE_ADD_CONFIGURATION] = "INSERT INTO configuration(hash, job, text) VALUES(?1, ?2, ?3)",
    [STORE_FIND_CELL] = "SELECT id FROM cell WHERE configuration = ?1 AND replicate = ?2",
    [STORE_DROP_VALUES] = "DELETE FROM value WHERE cell = ?1",
    [STORE_PUT_CELL] = "INSERT INTO cell(configuration, replicate, seed, seconds, version,"
                       " inputs, finished) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                       " ON CONFLICT(configuration, replicate) DO UPDATE SET"
                       " seed = ?3, seconds = ?4, version = ?5, inputs = ?6, finished = ?7",
    [STORE_ADD_VALUE] = "INSERT INTO value(cell, name, position, value) VALUES(?1, ?2, ?3, ?4)",
    [STORE_WANT] = "INSERT OR IGNORE INTO wanted(configuration, replicate) VALUES(?1, ?2)",
    [STORE_VALUES] =
        "SELECT name, position, value FROM value WHERE cell = ?1 ORDER BY name, position",
};

int rebias_store_prepare(struct rebias_store *store, enum rebias_store_statement which,
                         sqlite3_stmt **statement, struct rebias_error *err)
{
    sqlite3_stmt **kept = &store->statement[which];
    if (*kept == NULL &&
        sqlite3_prepare_v3(store->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, kept,
                           NULL) != SQLITE_OK) {
        return rebias_store_fail(store, "cannot use the store", err);
    }
    sqlite3_reset(*kept);
    sqlite3_clear_bindings(*kept);
    *statement = *kept;
    return REBIAS_OK;
}

/* Runs a statement to its end; reset at once, so that it holds no lock. */
static int finish(struct rebias_store *store, sqlite3_stmt *statement, struct rebias_error *err)
{
    int status = sqlite3_step(statement) == SQLITE_DONE
                     ? REBIAS_OK
                     : rebias_store_fail(store, "cannot write into the store", err);
    sqlite3_reset(statement);
    return status;
}

int rebias_store_run(struct rebias_store *store, enum rebias_store_statement which,
                     struct rebias_error *err)
{
    sqlite3_stmt *statement = NULL;
    int status = rebias_store_prepare(store, which, &statement, err);
    return status == REBIAS_OK ? finish(store, statement, err) : status;
}

int rebias_store_end(struct rebias_store *store, int status, struct rebias_error *err)
{
    if (status == REBIAS_OK) {
        status = rebias_store_run(store, STORE_COMMIT, err);
    }
    if (status != REBIAS_OK && sqlite3_get_autocommit(store->db) == 0) {
        rebias_store_run(store, STORE_ROLLBACK, NULL); /* the first error is the one to tell */
    }
    return status;
}

/* -- 3. opening -- */

/* The integer of a pragma such as "PRAGMA user_version". */
static int read_pragma(struct rebias_store *store, const char *pragma, int64_t *value,
                       struct rebias_error *err)
{
    sqlite3_stmt *statement = NULL;
    int status = REBIAS_OK;
    if (sqlite3_prepare_v2(store->db, pragma, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        status = rebias_store_fail(store, "cannot read the store", err);
    } else {
        *value = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return status;
}

/* *empty = the database has no tables and no mark. */
static int check_kind(struct rebias_store *store, bool *empty, struct rebias_error *err)
{
    const struct rebias_place place = {store->path, 0, 0, NULL};
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    int status = read_pragma(store, "PRAGMA application_id", &application, err);
    if (status == REBIAS_OK) {
        status = read_pragma(store, "PRAGMA user_version", &version, err);
    }
    if (status == REBIAS_OK) {
        status = read_pragma(store, "SELECT count(*) FROM sqlite_master", &tables, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    *empty = application == 0 && tables == 0;
    if (!*empty && application != APPLICATION) {
        return rebias_fail_at(err, REBIAS_E_FORMAT, &place, "a file made by `rebias sweep run`",
                              "this SQLite file is no store of sweeps");
    }
    return version > SCHEMA
               ? rebias_fail_at(err, REBIAS_E_FORMAT, &place, NULL,
                                "the store is of schema %d, this program knows %d: use a "
                                "later rebias",
                                (int)version, SCHEMA)
               : REBIAS_OK;
}

/* The same of one state of the file, while other programs may be making the store. */
static int look_at_kind(struct rebias_store *store, bool *empty, struct rebias_error *err)
{
    if (sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        return rebias_store_fail(store, "cannot read the store", err);
    }
    const int status = check_kind(store, empty, err);
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); /* nothing was changed */
    return status;
}

/* File systems of several machines have no memory shared by all users of a file. */
static bool is_shared_between_machines(const char *path)
{
    static const uint32_t kinds[] = {
        0x6969,     /* NFS */
        0x517b,     /* SMB */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB2 */
        0x0bd00bd0, /* Lustre */
        0x47504653, /* GPFS */
        0x00c36400, /* Ceph */
        0x19830326, /* BeeGFS */
        0x65735546, /* FUSE: sshfs, GlusterFS */
        0x01021997, /* 9P */
    };
    struct statfs system;
    if (statfs(path, &system) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((uint32_t)system.f_type == kinds[i]) {
            return true;
        }
    }
    return false;
}

/* WAL where it works, else a rollback journal; asked again while another program does the same,
 * for SQLite does not wait here. */
static int choose_journal(struct rebias_store *store, struct rebias_error *err)
{
    enum { TRIES = 200 };
    const struct timespec pause = {0, 50000000};
    const char *pragma = is_shared_between_machines(store->path)
                             ? "PRAGMA journal_mode = DELETE"
                             : "PRAGMA journal_mode = WAL";
    int code = SQLITE_BUSY;
    for (int i = 0; i < TRIES && (code & 0xff) == SQLITE_BUSY; i++) {
        if (i > 0) {
            nanosleep(&pause, NULL);
        }
        code = sqlite3_exec(store->db, pragma, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(store->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? REBIAS_OK
                             : rebias_store_fail(store, "cannot write into the store", err);
}

/* Makes the tables, unless another program was faster. */
static int create(struct rebias_store *store, struct rebias_error *err)
{
    bool empty = false;
    int status = rebias_store_run(store, STORE_BEGIN, err);
    if (status != REBIAS_OK) {
        return status;
    }
    status = check_kind(store, &empty, err);
    if (status == REBIAS_OK && empty &&
        sqlite3_exec(store->db, schema, NULL, NULL, NULL) != SQLITE_OK) {
        status = rebias_store_fail(store, "cannot make the store", err);
    }
    return rebias_store_end(store, status, err);
}

static int open_to_write(struct rebias_store *store, struct rebias_error *err)
{
    const struct rebias_place place = {store->path, 0, 0, NULL};
    bool empty = false;
    if (sqlite3_db_readonly(store->db, "main") == 1) {
        return rebias_fail_at(err, REBIAS_E_IO, &place, NULL,
                              "the store is read-only: no cell can be added");
    }
    int status = look_at_kind(store, &empty, err); /* nothing is changed in other files */
    if (status == REBIAS_OK) {
        status = choose_journal(store, err);
    }
    return status == REBIAS_OK ? create(store, err) : status;
}

/* *uri = "file:PATH?immutable=1" with what would end the path written as %XX; free() it. */
static int immutable_name(char **uri, const char *path, struct rebias_error *err)
{
    static const char tail[] = "?immutable=1";
    size_t size = 3 * strlen(path) + sizeof tail + 8;
    int status = rebias_alloc(uri, size, 1, err);
    if (status != REBIAS_OK) {
        return status;
    }
    size_t used = (size_t)snprintf(*uri, size, "file:");
    for (const char *c = path; *c != '\0'; c++) {
        const bool special = *c == '%' || *c == '?' || *c == '#';
        used += (size_t)snprintf(*uri + used, size - used, special ? "%%%02x" : "%c",
                                 (unsigned char)*c);
    }
    snprintf(*uri + used, size - used, "%s", tail);
    return REBIAS_OK;
}

/* A store in WAL mode in a folder that cannot be written has no place for SQLite's shared
 * memory; where no log is left behind, the file alone is whole. */
static int open_unwritable(struct rebias_store *store, struct rebias_error *err)
{
    char *uri = NULL;
    char *log = NULL;
    bool empty = false;
    int status = rebias_alloc(&log, strlen(store->path) + 8, 1, err);
    if (status == REBIAS_OK) {
        snprintf(log, strlen(store->path) + 8, "%s-wal", store->path);
        struct stat info;
        const bool unread = stat(log, &info) == 0 && info.st_size > 0;
        status = unread ? rebias_store_fail(store, "cannot read the store", err)
                        : immutable_name(&uri, store->path, err);
    }
    if (status == REBIAS_OK) {
        sqlite3_close(store->db);
        store->db = NULL;
        const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        status = sqlite3_open_v2(uri, &store->db, flags, NULL) == SQLITE_OK
                     ? look_at_kind(store, &empty, err)
                     : rebias_store_fail(store, "cannot open the store", err);
    }
    free(uri);
    free(log);
    return status;
}

/* A connection that may write, kept from it: only such a one takes SQLite's auxiliary files
 * away when it is the last to close. */
static int open_to_read(struct rebias_store *store, struct rebias_error *err)
{
    const struct rebias_place place = {store->path, 0, 0, NULL};
    bool empty = false;
    int status = look_at_kind(store, &empty, err);
    if (status == REBIAS_E_IO) {
        status = open_unwritable(store, err);
    }
    if (status == REBIAS_OK && empty) {
        status = rebias_fail_at(err, REBIAS_E_FORMAT, &place,
                                "a file made by `rebias sweep run`", "the file is empty");
    }
    if (status == REBIAS_OK &&
        sqlite3_exec(store->db, "PRAGMA query_only = ON", NULL, NULL, NULL) != SQLITE_OK) {
        status = rebias_store_fail(store, "cannot read the store", err);
    }
    return status;
}

int rebias_store_open(struct rebias_store **out, const char *path, enum rebias_store_mode mode,
                      struct rebias_error *err)
{
    const bool write = mode == REBIAS_STORE_WRITE;
    const int flags = SQLITE_OPEN_READWRITE | (write ? SQLITE_OPEN_CREATE : 0);
    struct rebias_store *store = NULL;
    *out = NULL;
    int status = rebias_alloc(&store, 1, sizeof *store, err);
    if (status != REBIAS_OK) {
        return status;
    }
    pthread_mutex_init(&store->lock, NULL);
    status = rebias_copy_text(&store->path, path, err);
    if (status == REBIAS_OK && sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK) {
        status = rebias_store_fail(store, "cannot open the store", err);
    }
    if (status == REBIAS_OK) {
        sqlite3_busy_timeout(store->db, BUSY_MILLISECONDS);
        status = write ? open_to_write(store, err) : open_to_read(store, err);
    }
    if (status != REBIAS_OK) {
        rebias_store_free(store);
        return status;
    }
    *out = store;
    return REBIAS_OK;
}

void rebias_store_free(struct rebias_store *store)
{
    if (store != NULL) {
        for (int i = 0; i < STORE_STATEMENTS; i++) {
            sqlite3_finalize(store->statement[i]);
        }
        sqlite3_close(store->db);
        pthread_mutex_destroy(&store->lock);
        free(store->path);
        free(store);
    }
}

/* -- 4. cells -- */

void rebias_store_hash(const struct rebias_store_cell *cell, char hash[17])
{
    const uint64_t prime = 0x100000001b3;
    uint64_t h = 0xcbf29ce484222325;
    for (const char *c = cell->job; *c != '\0'; c++) {
        h = (h ^ (unsigned char)*c) * prime;
    }
    h = (h ^ '\n') * prime;
    for (const char *c = cell->configuration; *c != '\0'; c++) {
        h = (h ^ (unsigned char)*c) * prime;
    }
    snprintf(hash, 17, "%016llx", (unsigned long long)h);
}

static void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
    sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC); /* lives until the step */
}

/* The row of the cell's hash, if it is of the cell's configuration. */
static int find_configuration(struct rebias_store *store, const struct rebias_store_cell *cell,
                              const char *hash, int64_t *id, struct rebias_error *err)
{
    sqlite3_stmt *statement = NULL;
    *id = 0;
    int status = rebias_store_prepare(store, STORE_FIND_CONFIGURATION, &statement, err);
    if (status != REBIAS_OK) {
        return status;
    }
    bind_text(statement, 1, hash);
    const int step = sqlite3_step(statement);
    if (step == SQLITE_ROW) {
        const char *job = (const char *)sqlite3_column_text(statement, 1);
        const char *text = (const char *)sqlite3_column_text(statement, 2);
        const bool same = job != NULL && text != NULL && strcmp(job, cell->job) == 0 &&
                          strcmp(text, cell->configuration) == 0;
        const struct rebias_place place = {store->path, 0, 0, hash};
        *id = same ? sqlite3_column_int64(statement, 0) : 0;
        status = same ? REBIAS_OK
                      : rebias_fail_at(err, REBIAS_E_DATA, &place, NULL,
                                       "another configuration in the store has the same hash");
    } else if (step != SQLITE_DONE) {
        status = rebias_store_fail(store, "cannot read the store", err);
    }
    sqlite3_reset(statement);
    return status;
}

int rebias_store_configuration(struct rebias_store *store, const struct rebias_store_cell *cell,
                               bool add, int64_t *id, struct rebias_error *err)
{
    char hash[17];
    sqlite3_stmt *statement = NULL;
    rebias_store_hash(cell, hash);
    int status = find_configuration(store, cell, hash, id, err);
    if (status != REBIAS_OK || *id != 0 || !add) {
        return status;
    }
    status = rebias_store_prepare(store, STORE_ADD_CONFIGURATION, &statement, err);
    if (status == REBIAS_OK) {
        bind_text(statement, 1, hash);
        bind_text(statement, 2, cell->job);
        bind_text(statement, 3, cell->configuration);
        status = finish(store, statement, err);
    }
    *id = sqlite3_last_insert_rowid(store->db);
    return status;
}

int rebias_store_find(struct rebias_store *store, const struct rebias_store_cell *cell,
                      int64_t *id, struct rebias_error *err)
{
    int64_t configuration = 0;
    sqlite3_stmt *statement = NULL;
    *id = 0;
    int status = rebias_store_configuration(store, cell, false, &configuration, err);
    if (status != REBIAS_OK || configuration == 0) {
        return status;
    }
    status = rebias_store_prepare(store, STORE_FIND_CELL, &statement, err);
    if (status == REBIAS_OK) {
        sqlite3_bind_int64(statement, 1, configuration);
        sqlite3_bind_int64(statement, 2, cell->replicate);
        const int step = sqlite3_step(statement);
        *id = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        status = step == SQLITE_ROW || step == SQLITE_DONE
                     ? REBIAS_OK
                     : rebias_store_fail(store, "cannot read the store", err);
        sqlite3_reset(statement);
    }
    return status;
}

int rebias_store_has(struct rebias_store *store, const struct rebias_store_cell *cell,
                     bool *found, struct rebias_error *err)
{
    int64_t id = 0;
    pthread_mutex_lock(&store->lock);
    int status = rebias_store_find(store, cell, &id, err);
    pthread_mutex_unlock(&store->lock);
    *found = id != 0;
    return status;
}

/* -- 5. writing -- */

static bool is_name(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return name[0] != '\0' && name[strspn(name, letters)] == '\0';
}

static int add_value(struct rebias_store *store, int64_t cell,
                     const struct rebias_store_value *value, struct rebias_error *err)
{
    const struct rebias_place place = {store->path, 0, 0, value->name};
    sqlite3_stmt *statement = NULL;
    if (!is_name(value->name) || !isfinite(value->position)) {
        return rebias_fail_at(err, REBIAS_E_RANGE, &place,
                              "letters, digits and _, at a finite position",
                              "the store does not take this quantity");
    }
    int status = rebias_store_prepare(store, STORE_ADD_VALUE, &statement, err);
    if (status == REBIAS_OK) {
        sqlite3_bind_int64(statement, 1, cell);
        bind_text(statement, 2, value->name);
        sqlite3_bind_double(statement, 3, value->position);
        sqlite3_bind_double(statement, 4, value->value); /* NaN becomes NULL */
        status = finish(store, statement, err);
    }
    return status;
}

static int put_cell(struct rebias_store *store, const struct rebias_store_record *record,
                    int64_t configuration, struct rebias_error *err)
{
    sqlite3_stmt *statement = NULL;
    int status = rebias_store_prepare(store, STORE_PUT_CELL, &statement, err);
    if (status == REBIAS_OK) {
        sqlite3_bind_int64(statement, 1, configuration);
        sqlite3_bind_int64(statement, 2, record->cell.replicate);
        sqlite3_bind_int64(statement, 3, (int64_t)record->seed);
        sqlite3_bind_double(statement, 4, isfinite(record->seconds) ? record->seconds : 0.0);
        bind_text(statement, 5, record->version);
        bind_text(statement, 6, record->inputs);
        sqlite3_bind_int64(statement, 7, (int64_t)time(NULL));
        status = finish(store, statement, err);
    }
    return status;
}

int rebias_store_put_rows(struct rebias_store *store, const struct rebias_store_record *record,
                          struct rebias_error *err)
{
    int64_t configuration = 0;
    int64_t cell = 0;
    sqlite3_stmt *statement = NULL;
    int status = rebias_store_configuration(store, &record->cell, true, &configuration, err);
    if (status == REBIAS_OK) {
        status = put_cell(store, record, configuration, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_store_find(store, &record->cell, &cell, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_store_prepare(store, STORE_DROP_VALUES, &statement, err);
    }
    if (status == REBIAS_OK) {
        sqlite3_bind_int64(statement, 1, cell);
        status = finish(store, statement, err);
    }
    for (size_t i = 0; i < record->value_count && status == REBIAS_OK; i++) {
        status = add_value(store, cell, &record->values[i], err);
    }
    return status;
}

int rebias_store_put(struct rebias_store *store, const struct rebias_store_record *record,
                     struct rebias_error *err)
{
    pthread_mutex_lock(&store->lock);
    int status = rebias_store_run(store, STORE_BEGIN, err);
    if (status == REBIAS_OK) {
        status = rebias_store_end(store, rebias_store_put_rows(store, record, err), err);
    }
    pthread_mutex_unlock(&store->lock);
    return status;
}

int rebias_store_want_row(struct rebias_store *store, const struct rebias_store_cell *cell,
                          struct rebias_error *err)
{
    int64_t configuration = 0;
    sqlite3_stmt *statement = NULL;
    int status = rebias_store_configuration(store, cell, true, &configuration, err);
    if (status == REBIAS_OK) {
        status = rebias_store_prepare(store, STORE_WANT, &statement, err);
    }
    if (status == REBIAS_OK) {
        sqlite3_bind_int64(statement, 1, configuration);
        sqlite3_bind_int64(statement, 2, cell->replicate);
        status = finish(store, statement, err);
    }
    return status;
}

int rebias_store_want(struct rebias_store *store, const struct rebias_store_cell *cells,
                      size_t count, struct rebias_error *err)
{
    pthread_mutex_lock(&store->lock);
    int status = rebias_store_run(store, STORE_BEGIN, err);
    const bool begun = status == REBIAS_OK;
    for (size_t i = 0; i < count && status == REBIAS_OK; i++) {
        status = rebias_store_want_row(store, &cells[i], err);
    }
    status = begun ? rebias_store_end(store, status, err) : status;
    pthread_mutex_unlock(&store->lock);
    return status;
}
