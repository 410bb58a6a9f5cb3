/* store_read.c - reading through a store: status, all cells, another store's cells.
 * 1. status   2. one cell's values   3. all cells   4. merging
 */
#include "rebias/base.h"
#include "store_internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- 1. status -- */

int rebias_store_status(struct rebias_store *store, struct rebias_store_status *status,
                        struct rebias_error *err)
{
    enum { WINDOW = 600 };
    static const char query[] =
        "SELECT (SELECT count(*) FROM configuration),"
        " count(*), total(seconds), count(*) FILTER(WHERE finished >= ?1),"
        " min(finished) FILTER(WHERE finished >= ?1),"
        " (SELECT count(*) FROM wanted WHERE NOT EXISTS(SELECT 1 FROM cell WHERE"
        " cell.configuration = wanted.configuration AND cell.replicate = wanted.replicate))"
        " FROM cell";
    const int64_t now = (int64_t)time(NULL);
    sqlite3_stmt *statement = NULL;
    int result = REBIAS_OK;
    bool good = sqlite3_prepare_v2(store->db, query, -1, &statement, NULL) == SQLITE_OK;
    if (good) {
        sqlite3_bind_int64(statement, 1, now - WINDOW);
        good = sqlite3_step(statement) == SQLITE_ROW;
    }
    if (good) {
        const size_t recent = (size_t)sqlite3_column_int64(statement, 3);
        const int64_t since = now - sqlite3_column_int64(statement, 4);
        *status = (struct rebias_store_status){
            .configurations = (size_t)sqlite3_column_int64(statement, 0),
            .done = (size_t)sqlite3_column_int64(statement, 1),
            .seconds = sqlite3_column_double(statement, 2),
            .recent = recent,
            .recent_seconds = recent == 0 ? 0.0 : fmax((double)since, 1.0),
            .left = (size_t)sqlite3_column_int64(statement, 5)};
    } else {
        result = rebias_store_fail(store, "cannot read the store", err);
    }
    sqlite3_finalize(statement);
    return result;
}

/* -- 2. one cell's values -- */

static const char *text_of(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text != NULL ? text : "";
}

/* Values of one cell, with what their names point to. */
struct values {
    struct rebias_buffer list;  /* struct rebias_store_value */
    struct rebias_buffer names; /* char *, owned */
};

static void values_clear(struct values *values)
{
    char **names = values->names.data;
    for (size_t i = 0; i < values->names.count; i++) {
        free(names[i]);
    }
    values->list.count = values->names.count = 0;
}

static int append_value(struct values *values, sqlite3_stmt *row, struct rebias_error *err)
{
    const bool missing = sqlite3_column_type(row, 2) == SQLITE_NULL;
    char *name = NULL;
    int status = rebias_copy_text(&name, text_of(row, 0), err);
    if (status == REBIAS_OK) {
        status = rebias_buffer_append(&values->names, sizeof name, &name, err);
    }
    if (status != REBIAS_OK) {
        free(name);
        return status;
    }
    const struct rebias_store_value value = {.name = name,
                                             .position = sqlite3_column_double(row, 1),
                                             .value = missing ? (double)NAN
                                                              : sqlite3_column_double(row, 2)};
    return rebias_buffer_append(&values->list, sizeof value, &value, err);
}

static int values_read(struct values *values, struct rebias_store *store, int64_t cell,
                       struct rebias_error *err)
{
    sqlite3_stmt *row = NULL;
    values_clear(values);
    int status = rebias_store_prepare(store, STORE_VALUES, &row, err);
    if (status != REBIAS_OK) {
        return status;
    }
    sqlite3_bind_int64(row, 1, cell);
    int step = SQLITE_ROW;
    while (status == REBIAS_OK && (step = sqlite3_step(row)) == SQLITE_ROW) {
        status = append_value(values, row, err);
    }
    if (status == REBIAS_OK && step != SQLITE_DONE) {
        status = rebias_store_fail(store, "cannot read the store", err);
    }
    sqlite3_reset(row);
    return status;
}

static void values_free(struct values *values)
{
    values_clear(values);
    free(values->list.data);
    free(values->names.data);
}

/* -- 3. all cells -- */

static int visit_row(struct rebias_store *store, sqlite3_stmt *row, struct values *values,
                     rebias_store_visit *visit, void *context, struct rebias_error *err)
{
    int status = values_read(values, store, sqlite3_column_int64(row, 0), err);
    const struct rebias_store_record record = {
        .cell = {.job = text_of(row, 1),
                 .configuration = text_of(row, 2),
                 .replicate = (uint32_t)sqlite3_column_int64(row, 3)},
        .seed = (uint64_t)sqlite3_column_int64(row, 4),
        .seconds = sqlite3_column_double(row, 5),
        .version = text_of(row, 6),
        .inputs = text_of(row, 7),
        .values = values->list.data,
        .value_count = values->list.count};
    return status == REBIAS_OK ? visit(context, &record, err) : status;
}

int rebias_store_each(struct rebias_store *store, const char *job, rebias_store_visit *visit,
                      void *context, struct rebias_error *err)
{
    static const char query[] =
        "SELECT cell.id, job, text, replicate, seed, seconds, version, inputs"
        " FROM cell JOIN configuration ON configuration.id = cell.configuration"
        " WHERE ?1 IS NULL OR job = ?1 ORDER BY job, text, replicate";
    struct values values = {0};
    sqlite3_stmt *row = NULL;
    int status = REBIAS_OK;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(store->db, query, -1, &row, NULL) == SQLITE_OK) {
        sqlite3_bind_text(row, 1, job, -1, SQLITE_STATIC);
        while (status == REBIAS_OK && (step = sqlite3_step(row)) == SQLITE_ROW) {
            status = visit_row(store, row, &values, visit, context, err);
        }
    }
    if (status == REBIAS_OK && step != SQLITE_DONE) {
        status = rebias_store_fail(store, "cannot read the store", err);
    }
    sqlite3_finalize(row);
    values_free(&values);
    return status;
}

/* -- 4. merging -- */

struct merge {
    struct rebias_store *store;
    struct values values; /* of the cell that both have */
    size_t added, differing;
};

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_values(const struct rebias_store_record *record, const struct values *values)
{
    const struct rebias_store_value *own = values->list.data;
    bool same = record->value_count == values->list.count;
    for (size_t i = 0; i < record->value_count && same; i++) {
        const struct rebias_store_value *theirs = &record->values[i];
        same = strcmp(theirs->name, own[i].name) == 0 &&
               same_number(theirs->position, own[i].position) &&
               same_number(theirs->value, own[i].value);
    }
    return same;
}

static int merge_cell(void *context, const struct rebias_store_record *record,
                      struct rebias_error *err)
{
    struct merge *merge = context;
    int64_t id = 0;
    int status = rebias_store_find(merge->store, &record->cell, &id, err);
    if (status != REBIAS_OK) {
        return status;
    }
    if (id == 0) {
        merge->added++;
        return rebias_store_put_rows(merge->store, record, err);
    }
    status = values_read(&merge->values, merge->store, id, err);
    merge->differing += status == REBIAS_OK && !same_values(record, &merge->values);
    return status;
}

static int merge_wanted(struct rebias_store *store, struct rebias_store *from,
                        struct rebias_error *err)
{
    static const char query[] = "SELECT job, text, replicate FROM wanted JOIN configuration"
                                " ON configuration.id = wanted.configuration";
    sqlite3_stmt *row = NULL;
    int status = REBIAS_OK;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(from->db, query, -1, &row, NULL) == SQLITE_OK) {
        while (status == REBIAS_OK && (step = sqlite3_step(row)) == SQLITE_ROW) {
            const struct rebias_store_cell cell = {text_of(row, 0), text_of(row, 1),
                                                   (uint32_t)sqlite3_column_int64(row, 2)};
            status = rebias_store_want_row(store, &cell, err);
        }
    }
    if (status == REBIAS_OK && step != SQLITE_DONE) {
        status = rebias_store_fail(from, "cannot read the store", err);
    }
    sqlite3_finalize(row);
    return status;
}

int rebias_store_merge(struct rebias_store *store, const char *other, size_t *added,
                       size_t *differing, struct rebias_error *err)
{
    struct merge merge = {.store = store};
    struct rebias_store *from = NULL;
    int status = rebias_store_open(&from, other, REBIAS_STORE_READ, err);
    if (status != REBIAS_OK) {
        return status;
    }
    pthread_mutex_lock(&store->lock);
    status = rebias_store_run(store, STORE_BEGIN, err);
    if (status == REBIAS_OK) {
        status = rebias_store_each(from, NULL, merge_cell, &merge, err);
        if (status == REBIAS_OK) {
            status = merge_wanted(store, from, err);
        }
        status = rebias_store_end(store, status, err);
    }
    pthread_mutex_unlock(&store->lock);
    rebias_store_free(from);
    values_free(&merge.values);
    if (status == REBIAS_OK) {
        *added = merge.added;
        *differing = merge.differing;
    }
    return status;
}
