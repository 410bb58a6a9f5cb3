/* bias_study.c - the main job: target, methods, numbers of points, replicates -> modeling bias
 * with intervals.
 * 1. options   2. one network   3. one model   4. all runs   5. the study
 */
#include "rebias/bias.h"
#include "correlate.h"
#include "model_source.h"
#include "rebias/images.h"
#include "rebias/visits.h"
#include "slice_weights.h"
#include "summarise.h"
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

static bool has_networks(const struct rebias_bias_options *o)
{
    return o->set != NULL || o->mgd != NULL;
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
    if (o->weights == REBIAS_WEIGHTS_VISITED && !has_networks(o)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "weights of visited conductances are not possible without networks");
    }
    return rebias_bias_source_check(o, err);
}

/* -- 2. one network -- */

struct study {
    const struct rebias_bias_options *options;
    struct rebias_bias_result *result;
    rebias_progress *progress;
    void *progress_context;
    struct rebias_visits **visits; /* of each replicate's target network; NULL: not counted */
    size_t first;                  /* run that the runs under way begin with */
    atomic_size_t finished;        /* networks, or models without */
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

/* Multiplexed gradient descent on a device; accuracy after the last step. */
static int train_by_mgd(struct study *study, const struct rebias_device *device,
                        uint32_t replicate, struct rebias_visits *visits, double *accuracy,
                        struct rebias_error *err)
{
    const struct rebias_bias_mgd *mgd = study->options->mgd;
    struct rebias_mgd_options options = *mgd->options;
    options.device = device;
    options.crossbar.pulse_size = study->result->pulse_size;
    options.crossbar.pulse_noise = study->result->pulse_noise;
    options.visits = visits;
    options.seed = study->options->seed;
    options.replicate = replicate;
    options.threads = 1;
    struct watch watch = {study, 0};
    struct rebias_mgd_result *result = NULL;
    int status = rebias_mgd_train(&result, mgd->architecture, mgd->train, mgd->test, &options,
                                  NULL, watch_training, &watch, err);
    if (status == REBIAS_OK) {
        *accuracy = result->looks[result->look_count - 1].accuracy;
    }
    rebias_mgd_result_free(result);
    return status;
}

/* Mapped training of a network on a device with the replicate's streams; accuracy after the
 * last epoch. visits (may be NULL) counts its pulses. */
static int train_mapped(struct study *study, const struct rebias_device *device,
                        uint32_t replicate, struct rebias_visits *visits, double *accuracy,
                        struct rebias_error *err)
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
        rebias_network_count_visits(network, visits);
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

static int train_on(struct study *study, const struct rebias_device *device, uint32_t replicate,
                    struct rebias_visits *visits, double *accuracy, struct rebias_error *err)
{
    return study->options->mgd != NULL
               ? train_by_mgd(study, device, replicate, visits, accuracy, err)
               : train_mapped(study, device, replicate, visits, accuracy, err);
}

static int run_target(struct study *study, struct rebias_bias_run *run,
                      struct rebias_error *err)
{
    enum { LEVELS = 1000 }; /* ten of them a slice */
    const struct rebias_device *target = study->options->target;
    struct rebias_visits *visits = NULL;
    int status = REBIAS_OK;
    if (study->visits != NULL) {
        status = rebias_visits_new(&visits, LEVELS, target->Gmin, target->Gmax, err);
        study->visits[run->replicate] = visits; /* owned by the study */
    }
    return status == REBIAS_OK
               ? train_on(study, target, run->replicate, visits, &run->accuracy, err)
               : status;
}

/* -- 3. one model -- */

/* Weights of the slices over a range, from where the options say. */
static int fill_weights(const struct study *study, const struct rebias_bias_run *run,
                        const struct rebias_bias_model *model,
                        const struct rebias_compare_options *compare, double *weights[2],
                        struct rebias_error *err)
{
    return study->options->weights == REBIAS_WEIGHTS_VISITED
               ? rebias_visits_weights(study->visits[run->replicate], compare->Gmin,
                                       compare->Gmax, compare->slices, weights, err)
               : rebias_bias_data_weights(model->pulses, compare->Gmin, compare->Gmax,
                                          compare->slices, weights, err);
}

/* Device metrics of the run's model against the target. */
static int compare_model(const struct study *study, struct rebias_bias_run *run,
                         const struct rebias_bias_model *model, struct rebias_error *err)
{
    const struct rebias_device *target = study->options->target;
    struct rebias_compare_options compare = rebias_compare_options_defaults();
    double *memory = NULL;
    int status = REBIAS_OK;
    if (study->options->weights != REBIAS_WEIGHTS_UNIFORM) {
        compare.Gmin = fmax(model->device->Gmin, target->Gmin);
        compare.Gmax = fmin(model->device->Gmax, target->Gmax);
        status = rebias_alloc(&memory, 2 * compare.slices, sizeof *memory, err);
        if (status == REBIAS_OK) {
            double *weights[2] = {memory, memory + compare.slices};
            status = fill_weights(study, run, model, &compare, weights, err);
            compare.weights[0] = weights[0];
            compare.weights[1] = weights[1];
        }
    }
    if (status == REBIAS_OK) {
        status =
            rebias_compare_devices(model->device, target, &compare, &run->device, NULL, err);
    }
    free(memory);
    return status;
}

/* Makes the run's model, compares it with the target and trains a network on it. */
static int run_model(struct study *study, struct rebias_bias_run *run, struct rebias_error *err)
{
    struct rebias_bias_model model = {NULL, NULL};
    int status = rebias_bias_model_make(&model, study->options, run, err);
    if (status == REBIAS_E_DATA) {
        run->status = status; /* too few points is a finding, not a failure of the study */
        rebias_bias_model_clear(&model);
        return REBIAS_OK;
    }
    if (status == REBIAS_OK) {
        status = compare_model(study, run, &model, err);
    }
    if (status == REBIAS_OK && has_networks(study->options)) {
        status = train_on(study, model.device, run->replicate, NULL, &run->accuracy, err);
    }
    rebias_bias_model_clear(&model);
    return status;
}

/* -- 4. all runs -- */

static int work(void *context, size_t item, struct rebias_error *err)
{
    struct study *study = context;
    struct rebias_bias_run *run = &study->result->runs[study->first + item];
    int status = run->method < 0 ? run_target(study, run, err) : run_model(study, run, err);
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
        result->runs[k] = (struct rebias_bias_run){.method = -1, .replicate = (uint32_t)k};
    }
    for (size_t c = 0; c < result->cell_count; c++) {
        result->cells[c].points = o->points[c / o->methods];
        result->cells[c].method = c % o->methods;
        for (uint32_t r = 0; r < o->replicates; r++) {
            result->runs[k++] = (struct rebias_bias_run){.method = (int)result->cells[c].method,
                                                         .points = result->cells[c].points,
                                                         .replicate = r,
                                                         .accuracy = NAN};
        }
    }
}

/* -- 5. the study -- */

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
    const struct rebias_crossbar_options *crossbar =
        o->mgd != NULL ? &o->mgd->options->crossbar : &o->network.crossbar;
    result->cell_count = o->methods * o->point_counts;
    result->target_runs = has_networks(o) ? o->replicates : 0;
    result->run_count = result->target_runs + result->cell_count * o->replicates;
    result->pulse_size =
        crossbar->pulse_size > 0.0 ? crossbar->pulse_size : rebias_device_pulse_size(o->target);
    result->pulse_noise = crossbar->pulse_noise > 0.0 ? crossbar->pulse_noise
                                                      : rebias_device_pulse_noise(o->target);
    status = rebias_alloc(&result->runs, result->run_count, sizeof *result->runs, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&result->cells, result->cell_count, sizeof *result->cells, err);
    }
    if (status == REBIAS_OK) {
        list_runs(o, result);
    }
    return status;
}

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
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = result_new(&study.result, options, err);
    }
    if (status == REBIAS_OK && options->weights == REBIAS_WEIGHTS_VISITED) {
        status = rebias_alloc(&study.visits, options->replicates, sizeof(*study.visits), err);
    }
    if (status == REBIAS_OK) {
        status = run_all(&study, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_bias_summarise(options, study.result, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_bias_correlate(options, study.result, err);
    }
    free_visits(study.visits, options->replicates);
    if (status != REBIAS_OK) {
        rebias_bias_result_free(study.result);
        return status;
    }
    *out = study.result;
    return REBIAS_OK;
}
