/* farm.c - what farming out costs: equal cells on one and two threads, cells that do nothing.
 * 1. cells   2. farms   3. the table of kernels
 */
#include "bench.h"
#include "rebias/farm.h"
#include "rebias/random.h"
#include <math.h>

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

/* -- 3. the table of kernels -- */

const struct bench_kernel bench_farm[] = {
    {"farm-1-thread", NULL, run_one_thread, 1, CELLS, "cell"},
    {"farm-2-threads", NULL, run_two_threads, 1, CELLS, "cell"},
    {"farm-empty", NULL, run_empty, 1, EMPTY_CELLS, "cell"},
};
const size_t bench_farm_count = sizeof bench_farm / sizeof bench_farm[0];
