/* parallel.c - independent items on several threads, with errors and progress.
 *
 * Items are handed out in order by an atomic counter; a failed or interrupted run stops handing
 * out. The status returned is that of the lowest failing item, so it does not depend on the
 * number of threads as long as items themselves do not.
 */
#include "rebias/base.h"
#include <omp.h>
#include <stdatomic.h>

struct farm {
    size_t n;
    int (*work)(void *context, size_t item, struct rebias_error *err);
    void *context;
    rebias_progress *progress;
    void *progress_context;
    atomic_size_t next;
    atomic_bool stop;
    size_t done; /* the rest is guarded by the critical section */
    size_t failed_item;
    int status;
    struct rebias_error error;
};

int rebias_processor_count(void)
{
    int n = omp_get_num_procs();
    return n > 0 ? n : 1;
}

static void record(struct farm *farm, size_t item, int status, const struct rebias_error *error)
{
#pragma omp critical(rebias_parallel)
    {
        if (status != REBIAS_OK) {
            atomic_store(&farm->stop, true);
            bool wins = status != REBIAS_E_INTERRUPTED &&
                        (farm->status == REBIAS_E_INTERRUPTED || item < farm->failed_item);
            if (farm->status == REBIAS_OK || wins) {
                farm->status = status;
                farm->failed_item = item;
                farm->error = *error;
            }
        } else {
            farm->done++;
            if (farm->progress != NULL && farm->status == REBIAS_OK &&
                farm->progress(farm->progress_context, farm->done, farm->n) != 0) {
                atomic_store(&farm->stop, true);
                farm->status = REBIAS_E_INTERRUPTED;
                farm->failed_item = farm->n;
                rebias_fail(&farm->error, REBIAS_E_INTERRUPTED,
                            "interrupted after %zu of %zu items", farm->done, farm->n);
            }
        }
    }
}

static void run_items(struct farm *farm)
{
    while (!atomic_load(&farm->stop)) {
        size_t item = atomic_fetch_add(&farm->next, 1);
        if (item >= farm->n) {
            return;
        }
        struct rebias_error error = {0};
        int status = farm->work(farm->context, item, &error);
        record(farm, item, status, &error);
    }
}

int rebias_parallel_for(size_t n, int threads,
                        int (*work)(void *context, size_t item, struct rebias_error *err),
                        void *context, rebias_progress *progress, void *progress_context,
                        struct rebias_error *err)
{
    struct farm farm = {.n = n,
                        .work = work,
                        .context = context,
                        .progress = progress,
                        .progress_context = progress_context,
                        .status = REBIAS_OK};
    atomic_init(&farm.next, 0);
    atomic_init(&farm.stop, false);
    if (threads < 1) {
        threads = 1;
    }
    if ((size_t)threads > n) {
        threads = n > 0 ? (int)n : 1;
    }
    if (threads == 1) {
        run_items(&farm);
    } else {
#pragma omp parallel num_threads(threads)
        run_items(&farm);
    }
    if (farm.status != REBIAS_OK && err != NULL) {
        *err = farm.error;
    }
    return farm.status;
}
