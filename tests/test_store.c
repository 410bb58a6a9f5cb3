/* test_store.c - results of sweeps in SQLite: what is put is there, in order, once, and nothing
 * is lost.
 * 1. helpers   2. hash   3. cells   4. status   5. merging   6. several users   7. wrong files
 */
#include "rebias/store.h"
#include "support.h"
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- 1. helpers -- */

static struct rebias_store *opened(const char *path, enum rebias_store_mode mode)
{
    struct rebias_error err = {0};
    struct rebias_store *store = NULL;
    support_expect(rebias_store_open(&store, path, mode, &err), REBIAS_OK, &err, NULL);
    assert_non_null(store);
    return store;
}

/* A cell with one accuracy. */
static void put(struct rebias_store *store, const char *configuration, uint32_t replicate,
                double accuracy)
{
    struct rebias_error err = {0};
    const struct rebias_store_value value = {"accuracy", 0.0, accuracy};
    const struct rebias_store_record record = {.cell = {"train", configuration, replicate},
                                               .seed = 7,
                                               .seconds = 0.5,
                                               .version = "1.2.3",
                                               .inputs = "",
                                               .values = &value,
                                               .value_count = 1};
    support_expect(rebias_store_put(store, &record, &err), REBIAS_OK, &err, NULL);
}

/* All cells as text, one "job/configuration/replicate name@position=value ..." a line. */
struct listing {
    char text[4096];
    size_t used;
};

static int list(void *context, const struct rebias_store_record *record,
                struct rebias_error *err)
{
    (void)err;
    struct listing *l = context;
    l->used +=
        (size_t)snprintf(l->text + l->used, sizeof l->text - l->used, "%s/%s/%u",
                         record->cell.job, record->cell.configuration, record->cell.replicate);
    for (size_t i = 0; i < record->value_count; i++) {
        l->used += (size_t)snprintf(l->text + l->used, sizeof l->text - l->used, " %s@%g=%g",
                                    record->values[i].name, record->values[i].position,
                                    record->values[i].value);
    }
    l->used += (size_t)snprintf(l->text + l->used, sizeof l->text - l->used, "\n");
    return REBIAS_OK;
}

static void expect_cells(struct rebias_store *store, const char *job, const char *expected)
{
    struct rebias_error err = {0};
    struct listing listing = {"", 0};
    support_expect(rebias_store_each(store, job, list, &listing, &err), REBIAS_OK, &err, NULL);
    assert_string_equal(listing.text, expected);
}

static bool has(struct rebias_store *store, const char *configuration, uint32_t replicate)
{
    struct rebias_error err = {0};
    const struct rebias_store_cell cell = {"train", configuration, replicate};
    bool found = false;
    support_expect(rebias_store_has(store, &cell, &found, &err), REBIAS_OK, &err, NULL);
    return found;
}

/* Runs SQL on a file behind the store's back. */
static void execute(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* -- 2. hash -- */

/* FNV-1a of "\n", "a\nb" and "bias\nmethod = binning:20\n", worked out with Python:
 * reduce(lambda h, c: (h ^ c) * 0x100000001b3 % 2**64, text, 0xcbf29ce484222325). */
static void test_hash(void **state)
{
    (void)state;
    const struct {
        struct rebias_store_cell cell;
        const char *expected;
    } rows[] = {{{"", "", 0}, "af63c74c8601c8dd"},
                {{"a", "b", 0}, "e5beb1190415e670"},
                {{"a", "b", 3}, "e5beb1190415e670"}, /* the replicate is not part of it */
                {{"bias", "method = binning:20\n", 0}, "c97cae44203f9531"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char hash[17];
        rebias_store_hash(&rows[i].cell, hash);
        assert_string_equal(hash, rows[i].expected);
    }
}

/* -- 3. cells -- */

static void test_put_is_there_after_reopening(void **state)
{
    (void)state;
    char path[1024];
    support_scratch(path, "there.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    assert_false(has(store, "rate = 1\n", 0));
    put(store, "rate = 1\n", 0, 0.25);
    assert_true(has(store, "rate = 1\n", 0));
    assert_false(has(store, "rate = 1\n", 1));
    assert_false(has(store, "rate = 2\n", 0));
    rebias_store_free(store);
    store = opened(path, REBIAS_STORE_READ);
    assert_true(has(store, "rate = 1\n", 0));
    expect_cells(store, NULL, "train/rate = 1\n/0 accuracy@0=0.25\n");
    rebias_store_free(store);
}

static int look(void *context, const struct rebias_store_record *record,
                struct rebias_error *err)
{
    (void)err;
    size_t *calls = context;
    (*calls)++;
    assert_int_equal(record->seed, 9000000000000000);
    assert_true(record->seconds == 0.125); /* exact: a power of two */
    assert_string_equal(record->version, "0.1.0");
    assert_string_equal(record->inputs, "pulses.csv crc32:00000001\n");
    assert_int_equal(record->value_count, 5);
    assert_true(isnan(record->values[2].value));
    assert_true(isinf(record->values[3].value));
    assert_true(record->values[4].value == 0.1); /* the same bits */
    return REBIAS_OK;
}

/* Values come by name and position, whatever the order they were given in. */
static void test_record_survives(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    const struct rebias_store_value values[] = {{"loss", 2.0, 0.1},
                                                {"accuracy", 10.0, (double)NAN},
                                                {"accuracy", -1.5, 3.0},
                                                {"loss", 1.0, (double)INFINITY},
                                                {"accuracy", 9.0, 2.0}};
    const struct rebias_store_record record = {.cell = {"bias", "x = 1\n", 4294967295},
                                               .seed = 9000000000000000,
                                               .seconds = 0.125,
                                               .version = "0.1.0",
                                               .inputs = "pulses.csv crc32:00000001\n",
                                               .values = values,
                                               .value_count = 5};
    support_scratch(path, "record.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    assert_int_equal(rebias_store_put(store, &record, &err), REBIAS_OK);
    size_t calls = 0;
    assert_int_equal(rebias_store_each(store, "bias", look, &calls, &err), REBIAS_OK);
    assert_int_equal(calls, 1);
    expect_cells(store, NULL,
                 "bias/x = 1\n/4294967295 accuracy@-1.5=3 accuracy@9=2 accuracy@10=nan "
                 "loss@1=inf loss@2=0.1\n");
    rebias_store_free(store);
}

static void test_put_again_replaces(void **state)
{
    (void)state;
    char path[1024];
    support_scratch(path, "again.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    put(store, "a = 1\n", 0, 0.25);
    put(store, "a = 1\n", 1, 0.5);
    put(store, "a = 1\n", 0, 0.75);
    expect_cells(store, NULL,
                 "train/a = 1\n/0 accuracy@0=0.75\ntrain/a = 1\n/1 accuracy@0=0.5\n");
    rebias_store_free(store);
}

/* The order is that of the texts, not of the putting; a job can be chosen. */
static void test_order(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    support_scratch(path, "order.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    put(store, "b = 1\n", 2, 1.0);
    put(store, "b = 1\n", 10, 2.0);
    put(store, "a = 1\n", 0, 3.0);
    const struct rebias_store_record other = {
        .cell = {"bias", "z = 1\n", 0}, .version = "", .inputs = ""};
    assert_int_equal(rebias_store_put(store, &other, &err), REBIAS_OK);
    expect_cells(store, NULL,
                 "bias/z = 1\n/0\ntrain/a = 1\n/0 accuracy@0=3\n"
                 "train/b = 1\n/2 accuracy@0=1\ntrain/b = 1\n/10 accuracy@0=2\n");
    expect_cells(store, "bias", "bias/z = 1\n/0\n");
    expect_cells(store, "deploy", "");
    rebias_store_free(store);
}

static int stop_at_once(void *context, const struct rebias_store_record *record,
                        struct rebias_error *err)
{
    (void)record;
    size_t *calls = context;
    (*calls)++;
    return rebias_fail(err, REBIAS_E_INTERRUPTED, "enough");
}

static void test_visit_can_stop(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    size_t calls = 0;
    support_scratch(path, "stop.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    put(store, "a = 1\n", 0, 1.0);
    put(store, "a = 1\n", 1, 1.0);
    support_expect(rebias_store_each(store, NULL, stop_at_once, &calls, &err),
                   REBIAS_E_INTERRUPTED, &err, "enough");
    assert_int_equal(calls, 1);
    rebias_store_free(store);
}

/* A record that cannot be written leaves the store as it was. */
static void test_wrong_values(void **state)
{
    (void)state;
    const struct rebias_store_value wrong[][2] = {
        {{"accuracy", 0.0, 1.0}, {"accuracy", 0.0, 2.0}},
        {{"accuracy", 0.0, 1.0}, {"test accuracy", 0.0, 2.0}},
        {{"accuracy", 0.0, 1.0}, {"", 0.0, 2.0}},
        {{"accuracy", 0.0, 1.0}, {"loss", (double)NAN, 2.0}}};
    char path[1024];
    support_scratch(path, "wrong.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    put(store, "a = 1\n", 0, 0.25);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct rebias_error err = {0};
        const struct rebias_store_record record = {.cell = {"train", "a = 1\n", 0},
                                                   .version = "",
                                                   .inputs = "",
                                                   .values = wrong[i],
                                                   .value_count = 2};
        support_expect(rebias_store_put(store, &record, &err), REBIAS_E_RANGE, &err, NULL);
        expect_cells(store, NULL, "train/a = 1\n/0 accuracy@0=0.25\n");
    }
    rebias_store_free(store);
}

/* Two configurations of one hash are told apart: one row is changed behind the store's back. */
static void test_hash_of_another(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    bool found = true;
    const struct rebias_store_cell cell = {"train", "a = 1\n", 0};
    support_scratch(path, "collision.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    put(store, "a = 1\n", 0, 0.25);
    rebias_store_free(store);
    execute(path, "UPDATE configuration SET text = 'other'");
    store = opened(path, REBIAS_STORE_WRITE);
    support_expect(rebias_store_has(store, &cell, &found, &err), REBIAS_E_DATA, &err,
                   "another configuration in the store has the same hash");
    assert_false(found);
    rebias_store_free(store);
}

/* -- 4. status -- */

static void test_status(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_store_status status;
    const struct rebias_store_cell cells[] = {
        {"train", "a = 1\n", 0}, {"train", "a = 1\n", 1}, {"train", "b = 1\n", 0}};
    support_scratch(path, "status.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    assert_int_equal(rebias_store_status(store, &status, &err), REBIAS_OK);
    assert_int_equal(status.configurations + status.done + status.left + status.recent, 0);
    assert_int_equal(rebias_store_want(store, cells, 3, &err), REBIAS_OK);
    assert_int_equal(rebias_store_want(store, cells, 2, &err), REBIAS_OK); /* once is enough */
    put(store, "a = 1\n", 1, 1.0);
    put(store, "c = 1\n", 0, 1.0); /* nobody asked for it */
    assert_int_equal(rebias_store_status(store, &status, &err), REBIAS_OK);
    assert_int_equal(status.configurations, 3);
    assert_int_equal(status.done, 2);
    assert_int_equal(status.left, 2);
    assert_true(status.seconds == 1.0); /* 2 x 0.5, exact */
    assert_int_equal(status.recent, 2);
    assert_true(status.recent_seconds >= 1.0);
    rebias_store_free(store);
}

/* -- 5. merging -- */

static void test_merge(void **state)
{
    (void)state;
    char mine[1024];
    char theirs[1024];
    struct rebias_error err = {0};
    struct rebias_store_status status;
    const struct rebias_store_cell wanted = {"train", "d = 1\n", 0};
    size_t added = 0;
    size_t differing = 0;
    support_scratch(mine, "mine.db");
    support_scratch(theirs, "theirs.db");
    struct rebias_store *store = opened(theirs, REBIAS_STORE_WRITE);
    put(store, "a = 1\n", 0, 0.25);
    put(store, "a = 1\n", 1, 0.5);
    put(store, "b = 1\n", 0, (double)NAN);
    put(store, "c = 1\n", 0, 0.75);
    assert_int_equal(rebias_store_want(store, &wanted, 1, &err), REBIAS_OK);
    rebias_store_free(store);
    store = opened(mine, REBIAS_STORE_WRITE);
    put(store, "a = 1\n", 0, 0.125); /* differs */
    put(store, "b = 1\n", 0, (double)NAN);
    assert_int_equal(rebias_store_merge(store, theirs, &added, &differing, &err), REBIAS_OK);
    assert_int_equal(added, 2);
    assert_int_equal(differing, 1);
    const char *all = "train/a = 1\n/0 accuracy@0=0.125\ntrain/a = 1\n/1 accuracy@0=0.5\n"
                      "train/b = 1\n/0 accuracy@0=nan\ntrain/c = 1\n/0 accuracy@0=0.75\n";
    expect_cells(store, NULL, all);
    assert_int_equal(rebias_store_status(store, &status, &err), REBIAS_OK);
    assert_int_equal(status.left, 1);
    assert_int_equal(rebias_store_merge(store, theirs, &added, &differing, &err), REBIAS_OK);
    assert_int_equal(added, 0); /* a second time nothing is new */
    expect_cells(store, NULL, all);
    rebias_store_free(store);
}

static void test_merge_of_nothing(void **state)
{
    (void)state;
    char mine[1024];
    char missing[1024];
    struct rebias_error err = {0};
    size_t added = 5;
    size_t differing = 5;
    support_scratch(mine, "alone.db");
    support_scratch(missing, "missing.db");
    struct rebias_store *store = opened(mine, REBIAS_STORE_WRITE);
    put(store, "a = 1\n", 0, 0.25);
    support_expect(rebias_store_merge(store, missing, &added, &differing, &err), REBIAS_E_IO,
                   &err, "missing.db");
    assert_false(support_exists(missing));
    expect_cells(store, NULL, "train/a = 1\n/0 accuracy@0=0.25\n");
    rebias_store_free(store);
}

/* -- 6. several users -- */

/* A reader sees the cells that are committed while a writer has the store open. */
static void test_read_while_writing(void **state)
{
    (void)state;
    char path[1024];
    support_scratch(path, "both.db");
    struct rebias_store *writer = opened(path, REBIAS_STORE_WRITE);
    put(writer, "a = 1\n", 0, 0.25);
    struct rebias_store *reader = opened(path, REBIAS_STORE_READ);
    assert_true(has(reader, "a = 1\n", 0));
    put(writer, "a = 1\n", 1, 0.5);
    assert_true(has(reader, "a = 1\n", 1));
    rebias_store_free(writer);
    rebias_store_free(reader);
}

/* Four processes put 25 cells each into a store that none of them has made before. */
static void test_processes_share_a_store(void **state)
{
    (void)state;
    enum { PROCESSES = 4, CELLS = 25 };
    char path[1024];
    struct rebias_error err = {0};
    struct rebias_store_status status;
    support_scratch(path, "shared.db");
    for (int p = 0; p < PROCESSES; p++) {
        if (fork() == 0) {
            struct rebias_store *store = NULL;
            char text[32];
            int result = rebias_store_open(&store, path, REBIAS_STORE_WRITE, NULL);
            snprintf(text, sizeof text, "p = %d\n", p);
            for (uint32_t r = 0; r < CELLS && result == REBIAS_OK; r++) {
                const struct rebias_store_record record = {
                    .cell = {"train", text, r}, .version = "", .inputs = ""};
                result = rebias_store_put(store, &record, NULL);
            }
            rebias_store_free(store);
            _exit(result == REBIAS_OK ? 0 : 1);
        }
    }
    for (int p = 0; p < PROCESSES; p++) {
        int code = 1;
        wait(&code);
        assert_int_equal(code, 0);
    }
    struct rebias_store *store = opened(path, REBIAS_STORE_READ);
    assert_int_equal(rebias_store_status(store, &status, &err), REBIAS_OK);
    assert_int_equal(status.done, PROCESSES * CELLS);
    rebias_store_free(store);
}

static int put_one(void *context, size_t item, struct rebias_error *err)
{
    struct rebias_store *store = context;
    const struct rebias_store_value value = {"item", 0.0, (double)item};
    const struct rebias_store_record record = {.cell = {"train", "t = 1\n", (uint32_t)item},
                                               .version = "",
                                               .inputs = "",
                                               .values = &value,
                                               .value_count = 1};
    bool found = true;
    int status = rebias_store_has(store, &record.cell, &found, err);
    if (status == REBIAS_OK && found) {
        return rebias_fail(err, REBIAS_E_DATA, "a cell that nobody has put");
    }
    return status == REBIAS_OK ? rebias_store_put(store, &record, err) : status;
}

static int check_item(void *context, const struct rebias_store_record *record,
                      struct rebias_error *err)
{
    (void)err;
    uint32_t *next = context;
    assert_int_equal(record->cell.replicate, (*next)++);
    assert_int_equal(record->value_count, 1);
    assert_true(record->values[0].value == (double)record->cell.replicate);
    return REBIAS_OK;
}

static void test_threads_share_a_store(void **state)
{
    (void)state;
    enum { ITEMS = 60 };
    char path[1024];
    struct rebias_error err = {0};
    uint32_t next = 0;
    support_scratch(path, "threads.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    support_expect(rebias_parallel_for(ITEMS, 4, put_one, store, NULL, NULL, &err), REBIAS_OK,
                   &err, NULL);
    assert_int_equal(rebias_store_each(store, NULL, check_item, &next, &err), REBIAS_OK);
    assert_int_equal(next, ITEMS);
    rebias_store_free(store);
}

/* -- 7. wrong files -- */

static void expect_refused(const char *path, enum rebias_store_mode mode, int expected,
                           const char *text)
{
    struct rebias_error err = {0};
    struct rebias_store *store = NULL;
    support_expect(rebias_store_open(&store, path, mode, &err), expected, &err, text);
    assert_null(store);
}

static void test_wrong_files(void **state)
{
    (void)state;
    static const char words[] = "these are words, and no database at all\n";
    char path[1024];
    support_scratch(path, "none.db");
    expect_refused(path, REBIAS_STORE_READ, REBIAS_E_IO, "none.db");
    assert_false(support_exists(path));
    support_write(path, "words.db", words, sizeof words - 1);
    expect_refused(path, REBIAS_STORE_READ, REBIAS_E_FORMAT, "not a database");
    expect_refused(path, REBIAS_STORE_WRITE, REBIAS_E_FORMAT, "not a database");
    support_write(path, "empty.db", "", 0);
    expect_refused(path, REBIAS_STORE_READ, REBIAS_E_FORMAT, "the file is empty");
    support_scratch(path, "foreign.db");
    execute(path, "CREATE TABLE music(title TEXT)");
    expect_refused(path, REBIAS_STORE_READ, REBIAS_E_FORMAT, "no store of sweeps");
    expect_refused(path, REBIAS_STORE_WRITE, REBIAS_E_FORMAT, "no store of sweeps");
    expect_refused("/proc/none.db", REBIAS_STORE_WRITE, REBIAS_E_IO, "/proc/none.db");
}

static void test_later_schema(void **state)
{
    (void)state;
    char path[1024];
    support_scratch(path, "later.db");
    struct rebias_store *store = opened(path, REBIAS_STORE_WRITE);
    rebias_store_free(store);
    execute(path, "PRAGMA user_version = 2");
    expect_refused(path, REBIAS_STORE_READ, REBIAS_E_FORMAT,
                   "of schema 2, this program knows 1");
    expect_refused(path, REBIAS_STORE_WRITE, REBIAS_E_FORMAT, "use a later rebias");
}

/* Nothing is written into a store that is opened for reading. */
static void test_reading_writes_nothing(void **state)
{
    (void)state;
    char path[1024];
    struct rebias_error err = {0};
    const struct rebias_store_record record = {
        .cell = {"train", "a = 1\n", 0}, .version = "", .inputs = ""};
    support_scratch(path, "reading.db");
    rebias_store_free(opened(path, REBIAS_STORE_WRITE));
    struct rebias_store *store = opened(path, REBIAS_STORE_READ);
    support_expect(rebias_store_put(store, &record, &err), REBIAS_E_IO, &err, "reading.db");
    expect_cells(store, NULL, "");
    rebias_store_free(store);
    support_scratch(path, "reading.db-wal");
    assert_false(support_exists(path)); /* nothing is left behind */
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_put_is_there_after_reopening),
        cmocka_unit_test(test_record_survives),
        cmocka_unit_test(test_put_again_replaces),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_visit_can_stop),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_hash_of_another),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_merge_of_nothing),
        cmocka_unit_test(test_read_while_writing),
        cmocka_unit_test(test_processes_share_a_store),
        cmocka_unit_test(test_threads_share_a_store),
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_later_schema),
        cmocka_unit_test(test_reading_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
