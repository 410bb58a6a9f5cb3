/* farm.c - what a sweep costs besides its cells: equal cells on one and two threads, cells that
 * do nothing, putting a cell into a store.
 * 1. cells   2. farms   3. store   4. the table of kernels
 */
#include "bench.h"
#include "rebias/base.h"
#include "rebias/farm.h"
#include "rebias/random.h"
#include "rebias/store.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- 1. cells -- */

enum { CELLS = 40, EMPTY_CELLS = 100000, WORDS = 1024, ROUNDS = 30000 };

/* About 10 ms of random words; the result is their sum. */
static int work_equal(void *context, size_t item, struct rebias_farm_stop *stop,
                      struct rebias_buffer *bytes, struct rebias_error *err)
{
    (void)context;
    uint32_t words[WORDS];
    uint64_t sum = 0;
    for (uint32_t round = 0; round < ROUNDS && !rebias_farm_stopping(stop, 0, 0); round++) {
        const struct rebias_stream stream = {
            .seed = 1, .purpose = REBIAS_FOR_TEST, .entity = (uint32_t)item, .step = round};
        rebias_random_words(&stream, 0, WORDS, words);
        sum += words[item % WORDS];
    }
    return rebias_buffer_append_many(bytes, 1, &sum, sizeof sum, err);
}

static int work_nothing(void *context, size_t item, struct rebias_farm_stop *stop,
                        struct rebias_buffer *bytes, struct rebias_error *err)
{
    (void)context;
    (void)stop;
    const uint64_t sum = item;
    return rebias_buffer_append_many(bytes, 1, &sum, sizeof sum, err);
}

static int add_up(void *context, size_t item, const void *bytes, size_t size, double seconds,
                  struct rebias_error *err)
{
    (void)item;
    (void)size;
    (void)seconds;
    (void)err;
    double *total = context;
    const uint64_t *sum = bytes;
    *total += (double)*sum;
    return REBIAS_OK;
}

/* -- 2. farms -- */

/* The sum of all results, the same for any number of threads; NaN when a farm fails. */
static double run_farm(struct rebias_farm farm, int threads, size_t calls)
{
    double total = 0.0;
    farm.deliver = add_up;
    farm.context = &total;
    for (size_t i = 0; i < calls; i++) {
        if (rebias_farm_threads(&farm, threads, NULL) != REBIAS_OK) {
            return NAN;
        }
    }
    return total;
}

static double run_one_thread(struct bench_setting *s, size_t calls)
{
    (void)s;
    return run_farm((struct rebias_farm){.count = CELLS, .work = work_equal}, 1, calls);
}

static double run_two_threads(struct bench_setting *s, size_t calls)
{
    (void)s;
    return run_farm((struct rebias_farm){.count = CELLS, .work = work_equal}, 2, calls);
}

static double run_empty(struct bench_setting *s, size_t calls)
{
    (void)s;
    return run_farm((struct rebias_farm){.count = EMPTY_CELLS, .work = work_nothing}, 2, calls);
}

/* -- 3. store -- */

enum { PUTS = 100, EPOCHS = 20 };

/* PUTS cells of EPOCHS accuracies each; how many the store has in the end, NaN on failure. */
static double put_cells(struct rebias_store *store)
{
    struct rebias_store_value values[EPOCHS];
    struct rebias_store_record record = {
        .cell = {.job = "train", .configuration = "device = tiox-1.5V\nimages = mnist\n"},
        .seed = 1,
        .seconds = 1.0,
        .version = rebias_version(),
        .inputs = "",
        .values = values,
        .value_count = EPOCHS};
    for (int i = 0; i < EPOCHS; i++) {
        values[i] = (struct rebias_store_value){
            .name = "accuracy", .position = i, .value = 1.0 / (1.0 + i)};
    }
    for (uint32_t i = 0; i < PUTS; i++) {
        record.cell.replicate = i;
        if (rebias_store_put(store, &record, NULL) != REBIAS_OK) {
            return NAN;
        }
    }
    return PUTS;
}

/* In a new store in the folder for temporary files, each cell durable, opening included. */
static double run_store(struct bench_setting *s, size_t calls)
{
    (void)s;
    double cells = 0.0;
    for (size_t i = 0; i < calls; i++) {
        char folder[] = "/tmp/rebias-bench-XXXXXX";
        char path[sizeof folder + 8];
        struct rebias_store *store = NULL;
        if (mkdtemp(folder) == NULL) {
            return NAN;
        }
        snprintf(path, sizeof path, "%s/s.db", folder);
        if (rebias_store_open(&store, path, REBIAS_STORE_WRITE, NULL) != REBIAS_OK) {
            return NAN;
        }
        cells += put_cells(store);
        rebias_store_free(store);
        unlink(path);
        rmdir(folder);
    }
    return cells;
}

/* -- 4. the table of kernels -- */

const struct bench_kernel bench_farm[] = {
    {"farm-1-thread", NULL, run_one_thread, 1, CELLS, "cell"},
    {"farm-2-threads", NULL, run_two_threads, 1, CELLS, "cell"},
    {"farm-empty", NULL, run_empty, 1, EMPTY_CELLS, "cell"},
    {"store-put", NULL, run_store, 1, PUTS, "cell"},
};
const size_t bench_farm_count = sizeof bench_farm / sizeof bench_farm[0];
