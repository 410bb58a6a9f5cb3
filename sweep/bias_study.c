/* bias_study.c - the main job: target, methods, numbers of points, replicates -> modeling bias
 * with intervals.
 * 1. options   2. one network   3. all runs   4. summaries   5. the study
 */
#include "rebias/bias.h"
#include "correlate.h"
#include "rebias/images.h"
#include "rebias/pulses.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

/* -- 1. options -- */

struct rebias_bias_options rebias_bias_options_defaults(void)
{
    return (struct rebias_bias_options){.replicates = 5,
                                        .fit = rebias_fit_options_defaults(),
                                        .synth = rebias_synth_options_defaults(),
                                        .network = rebias_network_options_defaults(),
                                        .train = rebias_train_options_defaults(),
                                        .level = 0.95,
                                        .resamples = 10000,
                                        .seed = 1,
                                        .threads = 1};
}

static int check_options(const struct rebias_bias_options *o, struct rebias_error *err)
{
    if (o->methods < 1 || o->methods > REBIAS_BIAS_MAX_METHODS) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu methods are not possible (1 to %d)",
                           o->methods, REBIAS_BIAS_MAX_METHODS);
    }
    if (o->point_counts < 1 || o->point_counts > REBIAS_BIAS_MAX_POINTS) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu numbers of points are not possible (1 to %d)", o->point_counts,
                           REBIAS_BIAS_MAX_POINTS);
    }
    for (size_t i = 1; i < o->point_counts; i++) {
        if (o->points[i] <= o->points[i - 1]) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "numbers of points must ascend: %zu comes after %zu",
                               o->points[i], o->points[i - 1]);
        }
    }
    if (o->replicates < 1 || o->replicates > 1000000) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu replicates are not possible (1 to 1000000)", o->replicates);
    }
    if (o->resamples < 1 ||
        o->resamples > UINT32_MAX) { /* else found only after all the training */
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%zu bootstrap resamples are not possible (1 to %u)", o->resamples,
                           UINT32_MAX);
    }
    if (!(o->level > 0.0 && o->level < 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "the confidence level %g is not in (0, 1)",
                           o->level);
    }
    return REBIAS_OK;
}

/* -- 2. one network -- */

struct study {
    const struct rebias_bias_options *options;
    struct rebias_bias_result *result;
    rebias_progress *progress;
    void *progress_context;
    atomic_size_t finished; /* networks */
};

/* Passes a wish to stop on to a training under way, so that nobody waits for its end. */
struct watch {
    struct study *study;
    size_t calls;
};

static int watch_training(void *context, size_t done, size_t total)
{
    enum { EVERY = 64 }; /* batches: asking costs a lock */
    struct watch *watch = context;
    struct study *study = watch->study;
    int stop = 0;
    (void)done;
    (void)total;
    if (study->progress != NULL && ++watch->calls % EVERY == 0) {
#pragma omp critical(rebias_parallel)
        stop = study->progress(study->progress_context, atomic_load(&study->finished),
                               study->result->run_count);
    }
    return stop;
}

/* Trains a network on a device with the replicate's streams; accuracy after the last epoch. */
static int train_on(struct study *study, const struct rebias_device *device, uint32_t replicate,
                    double *accuracy, struct rebias_error *err)
{
    const struct rebias_bias_options *o = study->options;
    struct rebias_network_options network_options = o->network;
    struct rebias_train_options train_options = o->train;
    network_options.device = device;
    network_options.crossbar.pulse_size = study->result->pulse_size;
    network_options.crossbar.pulse_noise = study->result->pulse_noise;
    network_options.seed = train_options.seed = o->seed;
    network_options.replicate = train_options.replicate = replicate;
    struct rebias_network *network = NULL;
    struct rebias_epoch *epochs = NULL;
    int status = rebias_alloc(&epochs, train_options.epochs, sizeof *epochs, err);
    if (status == REBIAS_OK) {
        status = rebias_network_new(&network, &network_options, err);
    }
    if (status == REBIAS_OK) {
        struct watch watch = {study, 0};
        status =
            rebias_train(network, o->set, &train_options, epochs, watch_training, &watch, err);
    }
    if (status == REBIAS_OK) {
        *accuracy = epochs[train_options.epochs - 1].test_accuracy;
    }
    rebias_network_free(network);
    free(epochs);
    return status;
}

/* Draws the run's data and fits its table. */
static int fit_model(const struct study *study, const struct rebias_bias_run *run,
                     struct rebias_device **model, struct rebias_error *err)
{
    const struct rebias_bias_options *o = study->options;
    const struct rebias_bias_method *method = &o->method[run->method];
    struct rebias_synth_options synth = o->synth;
    synth.points = run->points;
    synth.seed = o->seed;
    synth.replicate = run->replicate;
    struct rebias_fit_options fit = o->fit;
    fit.Gmin = o->target->Gmin;
    fit.Gmax = o->target->Gmax;
    fit.censored = o->synth.censored;
    fit.seed = o->seed;
    struct rebias_pulses *pulses = NULL;
    struct rebias_table *table = NULL;
    int status = rebias_pulses_synthesize(&pulses, o->target, &synth, err);
    if (status == REBIAS_OK) {
        status = rebias_fit(&table, pulses, &method->method, &fit, NULL, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_table_device_new(model, table, method->name, REBIAS_RULE_LINEAR, 1.0,
                                         0.0, err);
    }
    rebias_table_free(table);
    rebias_pulses_free(pulses);
    return status;
}

/* -- 3. all runs -- */

/* Fits the run's model, compares it with the target and trains a network on it. */
static int run_model(struct study *study, struct rebias_bias_run *run, struct rebias_error *err)
{
    struct rebias_device *model = NULL;
    int status = fit_model(study, run, &model, err);
    if (status == REBIAS_E_DATA) {
        run->status = status; /* too few points is a finding, not a failure of the study */
        return REBIAS_OK;
    }
    if (status == REBIAS_OK) {
        status = rebias_compare_devices(model, study->options->target, NULL, &run->device, NULL,
                                        err);
    }
    if (status == REBIAS_OK) {
        status = train_on(study, model, run->replicate, &run->accuracy, err);
    }
    rebias_device_free(model);
    return status;
}

static int work(void *context, size_t item, struct rebias_error *err)
{
    struct study *study = context;
    struct rebias_bias_run *run = &study->result->runs[item];
    int status = run->method < 0 ? train_on(study, study->options->target, run->replicate,
                                            &run->accuracy, err)
                                 : run_model(study, run, err);
    if (status == REBIAS_E_INTERRUPTED) {
        return rebias_fail(err, status, "interrupted after %zu of %zu networks",
                           atomic_load(&study->finished), study->result->run_count);
    }
    atomic_fetch_add(&study->finished, 1);
    return status;
}

static void list_runs(const struct rebias_bias_options *o, struct rebias_bias_result *result)
{
    size_t k = 0;
    for (uint32_t r = 0; r < o->replicates; r++) {
        result->runs[k++] = (struct rebias_bias_run){.method = -1, .replicate = r};
    }
    for (size_t c = 0; c < result->cell_count; c++) {
        result->cells[c].points = o->points[c / o->methods];
        result->cells[c].method = c % o->methods;
        for (uint32_t r = 0; r < o->replicates; r++) {
            result->runs[k++] = (struct rebias_bias_run){.method = (int)result->cells[c].method,
                                                         .points = result->cells[c].points,
                                                         .replicate = r};
        }
    }
}

/* -- 4. summaries -- */

static void add_metrics(struct rebias_device_metrics *sum,
                        const struct rebias_device_metrics *x, double weight)
{
    for (int p = 0; p < 2; p++) {
        sum->rmse_mean[p] += weight * x->rmse_mean[p];
        sum->rmse_sd[p] += weight * x->rmse_sd[p];
        sum->mean_error[p] += weight * x->mean_error[p];
        sum->sd_error[p] += weight * x->sd_error[p];
        sum->wrong_sign[p] += weight * x->wrong_sign[p];
        sum->wasserstein1[p] += weight * x->wasserstein1[p];
        sum->kolmogorov_smirnov[p] += weight * x->kolmogorov_smirnov[p];
        sum->hellinger[p] += weight * x->hellinger[p];
    }
    sum->push_pull += weight * x->push_pull;
    sum->wrong_sign_all += weight * x->wrong_sign_all;
}

static enum rebias_verdict verdict_of(double low, double high)
{
    return low > 0.0    ? REBIAS_OVER_PROMISING
           : high < 0.0 ? REBIAS_UNDER_PROMISING
                        : REBIAS_NOT_DISTINGUISHABLE;
}

/* The cell's runs that have a network: accuracies and paired differences; returns their number.
 */
static size_t gather(const struct rebias_bias_options *o,
                     const struct rebias_bias_result *result, size_t c, double *accuracy,
                     double *difference)
{
    const struct rebias_bias_run *runs = result->runs + (c + 1) * o->replicates;
    size_t n = 0;
    for (size_t r = 0; r < o->replicates; r++) {
        if (runs[r].status == REBIAS_OK) {
            accuracy[n] = runs[r].accuracy;
            difference[n] = runs[r].accuracy - result->runs[r].accuracy;
            n++;
        }
    }
    return n;
}

static int summarise_cell(const struct rebias_bias_options *o,
                          struct rebias_bias_result *result, size_t c, double *accuracy,
                          double *difference, struct rebias_error *err)
{
    struct rebias_bias_cell *cell = &result->cells[c];
    const struct rebias_bias_run *runs = result->runs + (c + 1) * o->replicates;
    size_t n = gather(o, result, c, accuracy, difference);
    cell->runs = n;
    cell->failed = o->replicates - n;
    cell->verdict = REBIAS_NO_INTERVAL;
    cell->accuracy_mean = cell->accuracy_sd = cell->bias = cell->bias_sd = NAN;
    cell->bias_low = cell->bias_high = NAN;
    if (n == 0) {
        return REBIAS_OK;
    }
    for (size_t r = 0; r < o->replicates; r++) {
        if (runs[r].status == REBIAS_OK) {
            add_metrics(&cell->device, &runs[r].device, 1.0 / (double)n);
        }
    }
    rebias_mean_sd(n, accuracy, &cell->accuracy_mean, &cell->accuracy_sd);
    rebias_mean_sd(n, difference, &cell->bias, &cell->bias_sd);
    for (size_t k = 0; k < n; k++) {
        cell->over += difference[k] > result->target_sd;
        cell->under += difference[k] < -result->target_sd;
    }
    if (n < 2) {
        return REBIAS_OK;
    }
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_BOOTSTRAP, 0, (uint32_t)c + 1, 0};
    int status = rebias_bootstrap_mean(n, difference, o->level, o->resamples, &stream,
                                       &cell->bias_low, &cell->bias_high, err);
    if (status == REBIAS_OK) {
        cell->verdict = verdict_of(cell->bias_low, cell->bias_high);
    }
    return status;
}

static int summarise(const struct rebias_bias_options *o, struct rebias_bias_result *result,
                     struct rebias_error *err)
{
    double *accuracy = NULL;
    double *difference = NULL;
    int status = rebias_alloc(&accuracy, o->replicates, sizeof *accuracy, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&difference, o->replicates, sizeof *difference, err);
    }
    if (status == REBIAS_OK) {
        for (size_t r = 0; r < o->replicates; r++) {
            accuracy[r] = result->runs[r].accuracy;
        }
        rebias_mean_sd(o->replicates, accuracy, &result->target_mean, &result->target_sd);
        result->target_low = result->target_high = NAN;
        const struct rebias_stream stream = {o->seed, REBIAS_FOR_BOOTSTRAP, 0, 0, 0};
        if (o->replicates > 1) {
            status =
                rebias_bootstrap_mean(o->replicates, accuracy, o->level, o->resamples, &stream,
                                      &result->target_low, &result->target_high, err);
        }
    }
    for (size_t c = 0; c < result->cell_count && status == REBIAS_OK; c++) {
        status = summarise_cell(o, result, c, accuracy, difference, err);
    }
    free(accuracy);
    free(difference);
    return status;
}

const char *rebias_verdict_text(enum rebias_verdict verdict)
{
    static const char *const texts[] = {"not distinguishable", "over-promising",
                                        "under-promising", "no interval"};
    return texts[verdict];
}

/* -- 5. the study -- */

void rebias_bias_result_free(struct rebias_bias_result *result)
{
    if (result != NULL) {
        free(result->runs);
        free(result->cells);
        free(result->correlations);
        free(result);
    }
}

int rebias_bias_study(struct rebias_bias_result **out,
                      const struct rebias_bias_options *options, rebias_progress *progress,
                      void *progress_context, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_bias_result *result = NULL;
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&result, 1, sizeof *result, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    result->cell_count = options->methods * options->point_counts;
    result->run_count = (result->cell_count + 1) * options->replicates;
    const struct rebias_crossbar_options *crossbar = &options->network.crossbar;
    result->pulse_size = crossbar->pulse_size > 0.0 ? crossbar->pulse_size
                                                    : rebias_device_pulse_size(options->target);
    result->pulse_noise = crossbar->pulse_noise > 0.0
                              ? crossbar->pulse_noise
                              : rebias_device_pulse_noise(options->target);
    status = rebias_alloc(&result->runs, result->run_count, sizeof *result->runs, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&result->cells, result->cell_count, sizeof *result->cells, err);
    }
    if (status == REBIAS_OK) {
        list_runs(options, result);
        struct study study = {options, result, progress, progress_context, 0};
        status = rebias_parallel_for(result->run_count, options->threads, work, &study,
                                     progress, progress_context, err);
    }
    if (status == REBIAS_OK) {
        status = summarise(options, result, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_bias_correlate(options, result, err);
    }
    if (status != REBIAS_OK) {
        rebias_bias_result_free(result);
        return status;
    }
    *out = result;
    return REBIAS_OK;
}
