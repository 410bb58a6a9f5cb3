/* bias_study.c - the main job: target, methods, numbers of points, replicates -> modeling bias
 * with intervals.
 * 1. all runs   2. results   3. results from runs   4. the study
 */
#include "bias_run.h"
#include "correlate.h"
#include "rebias/bias.h"
#include "rebias/images.h"
#include "summarise.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. all runs -- */

struct study {
    const struct rebias_bias_options *options;
    struct rebias_bias_work work;
    struct rebias_bias_result *result;
    rebias_progress *progress;
    void *progress_context;
    struct rebias_visits **visits; /* of each replicate's target network; NULL: not counted */
    size_t first;                  /* run that the runs under way begin with */
    atomic_size_t finished;        /* networks, or models without */
};

static int ask(void *context, size_t done, size_t total)
{
    struct study *study = context;
    int stop = 0;
    (void)done;
    (void)total;
#pragma omp critical(rebias_parallel)
    stop = study->progress(study->progress_context, atomic_load(&study->finished),
                           study->result->run_count);
    return stop;
}

static int work(void *context, size_t item, struct rebias_error *err)
{
    struct study *study = context;
    struct rebias_bias_run *run = &study->result->runs[study->first + item];
    struct rebias_visits *none = NULL;
    struct rebias_visits **visits =
        study->visits != NULL ? &study->visits[run->replicate] : &none;
    int status = rebias_bias_run_fill(run, &study->work, visits, err);
    if (status == REBIAS_E_INTERRUPTED) {
        return rebias_fail(err, status, "interrupted after %zu of %zu networks",
                           atomic_load(&study->finished), study->result->run_count);
    }
    atomic_fetch_add(&study->finished, 1);
    return status;
}

/* Progress of the runs under way, told as that of the whole study. */
static int report_progress(void *context, size_t done, size_t total)
{
    struct study *study = context;
    (void)total;
    return study->progress == NULL
               ? 0
               : study->progress(study->progress_context, study->first + done,
                                 study->result->run_count);
}

/* Targets first where the models' metrics need their networks; else all together. */
static int run_all(struct study *study, struct rebias_error *err)
{
    const struct rebias_bias_options *o = study->options;
    const size_t count = study->result->run_count;
    size_t end = study->visits != NULL ? study->result->target_runs : count;
    int status = REBIAS_OK;
    while (study->first < count && status == REBIAS_OK) {
        status = rebias_parallel_for(end - study->first, o->threads, work, study,
                                     report_progress, study, err);
        study->first = end;
        end = count;
    }
    return status;
}

static void list_runs(const struct rebias_bias_options *o, struct rebias_bias_result *result)
{
    size_t k = 0;
    for (; k < result->target_runs; k++) {
        result->runs[k] = rebias_bias_run_start(-1, 0, (uint32_t)k);
    }
    for (size_t c = 0; c < result->cell_count; c++) {
        result->cells[c].points = o->points[c / o->methods];
        result->cells[c].method = c % o->methods;
        for (uint32_t r = 0; r < o->replicates; r++) {
            result->runs[k++] =
                rebias_bias_run_start((int)result->cells[c].method, result->cells[c].points, r);
        }
    }
}

/* -- 2. results -- */

const char *rebias_verdict_text(enum rebias_verdict verdict)
{
    static const char *const texts[] = {"not distinguishable", "over-promising",
                                        "under-promising", "no interval"};
    return texts[verdict];
}

void rebias_bias_result_free(struct rebias_bias_result *result)
{
    if (result != NULL) {
        free(result->runs);
        free(result->cells);
        free(result->correlations);
        free(result);
    }
}

/* *out = room for the runs and cells, listed; what it holds also on failure is the caller's. */
static int result_new(struct rebias_bias_result **out, const struct rebias_bias_options *o,
                      struct rebias_error *err)
{
    int status = rebias_alloc(out, 1, sizeof **out, err);
    if (status != REBIAS_OK) {
        return status;
    }
    struct rebias_bias_result *result = *out;
    const struct rebias_bias_work work = rebias_bias_work_start(o);
    result->cell_count = o->methods * o->point_counts;
    result->target_runs = rebias_bias_has_networks(o) ? o->replicates : 0;
    result->run_count = result->target_runs + result->cell_count * o->replicates;
    result->pulse_size = work.pulse_size;
    result->pulse_noise = work.pulse_noise;
    status = rebias_alloc(&result->runs, result->run_count, sizeof *result->runs, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&result->cells, result->cell_count, sizeof *result->cells, err);
    }
    if (status == REBIAS_OK) {
        list_runs(o, result);
    }
    return status;
}

static int summarise(const struct rebias_bias_options *options,
                     struct rebias_bias_result *result, struct rebias_error *err)
{
    int status = rebias_bias_summarise(options, result, err);
    return status == REBIAS_OK ? rebias_bias_correlate(options, result, err) : status;
}

/* -- 3. results from runs -- */

static int compare_runs(const void *a, const void *b)
{
    const struct rebias_bias_run *x = a;
    const struct rebias_bias_run *y = b;
    const int points = (x->points > y->points) - (x->points < y->points);
    const int replicate = (x->replicate > y->replicate) - (x->replicate < y->replicate);
    return x->method != y->method ? (x->method > y->method) - (x->method < y->method)
           : points != 0          ? points
                                  : replicate;
}

/* Fills the listed runs from runs[count], which are sorted. */
static int take_runs(struct rebias_bias_result *result, const struct rebias_bias_options *o,
                     const struct rebias_bias_run *runs, size_t count, struct rebias_error *err)
{
    for (size_t i = 0; i < result->run_count; i++) {
        struct rebias_bias_run *run = &result->runs[i];
        const struct rebias_bias_run *found =
            bsearch(run, runs, count, sizeof *runs, compare_runs);
        if (found == NULL) {
            return rebias_fail(err, REBIAS_E_DATA,
                               "the run of %s with %zu points, replicate %u, is missing",
                               run->method < 0 ? "target" : o->method[run->method].name,
                               run->points, run->replicate);
        }
        *run = *found;
    }
    return REBIAS_OK;
}

int rebias_bias_assemble(struct rebias_bias_result **out,
                         const struct rebias_bias_options *options,
                         const struct rebias_bias_run *runs, size_t count,
                         struct rebias_error *err)
{
    struct rebias_bias_result *result = NULL;
    struct rebias_bias_run *sorted = NULL;
    *out = NULL;
    int status = rebias_bias_options_check(options, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&sorted, count, sizeof *sorted, err);
    }
    if (status == REBIAS_OK) {
        status = result_new(&result, options, err);
    }
    if (status == REBIAS_OK) {
        memcpy(sorted, runs, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, compare_runs);
        status = take_runs(result, options, sorted, count, err);
    }
    if (status == REBIAS_OK) {
        status = summarise(options, result, err);
    }
    free(sorted);
    if (status != REBIAS_OK) {
        rebias_bias_result_free(result);
        return status;
    }
    *out = result;
    return REBIAS_OK;
}

/* -- 4. the study -- */

static void free_visits(struct rebias_visits **visits, size_t count)
{
    for (size_t r = 0; visits != NULL && r < count; r++) {
        rebias_visits_free(visits[r]);
    }
    free(visits);
}

int rebias_bias_study(struct rebias_bias_result **out,
                      const struct rebias_bias_options *options, rebias_progress *progress,
                      void *progress_context, struct rebias_error *err)
{
    *out = NULL;
    struct study study = {
        .options = options, .progress = progress, .progress_context = progress_context};
    int status = rebias_bias_options_check(options, err);
    if (status == REBIAS_OK) {
        study.work = rebias_bias_work_start(options);
        study.work.stop = progress != NULL ? ask : NULL;
        study.work.stop_context = &study;
        status = result_new(&study.result, options, err);
    }
    if (status == REBIAS_OK && options->weights == REBIAS_WEIGHTS_VISITED) {
        status = rebias_alloc(&study.visits, options->replicates, sizeof(*study.visits), err);
    }
    if (status == REBIAS_OK) {
        status = run_all(&study, err);
    }
    if (status == REBIAS_OK) {
        status = summarise(options, study.result, err);
    }
    free_visits(study.visits, options->replicates);
    if (status != REBIAS_OK) {
        rebias_bias_result_free(study.result);
        return status;
    }
    *out = study.result;
    return REBIAS_OK;
}
