/* bias_run.c - one run of the main job: a network on the target, or a model and its network.
 * 1. options   2. one network   3. one model   4. one run
 */
#include "bias_run.h"
#include "model_source.h"
#include "rebias/images.h"
#include "slice_weights.h"
#include <math.h>
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

bool rebias_bias_has_networks(const struct rebias_bias_options *options)
{
    return options->set != NULL || options->mgd != NULL;
}

int rebias_bias_options_check(const struct rebias_bias_options *options,
                              struct rebias_error *err)
{
    const struct rebias_bias_options *o = options;
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
    if (o->weights == REBIAS_WEIGHTS_VISITED && !rebias_bias_has_networks(o)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "weights of visited conductances are not possible without networks");
    }
    return rebias_bias_source_check(o, err);
}

/* -- 2. one network -- */

struct rebias_bias_work rebias_bias_work_start(const struct rebias_bias_options *options)
{
    const struct rebias_bias_options *o = options;
    const struct rebias_crossbar_options *crossbar =
        o->mgd != NULL ? &o->mgd->options->crossbar : &o->network.crossbar;
    struct rebias_bias_work work = {.options = options};
    work.pulse_size =
        crossbar->pulse_size > 0.0 ? crossbar->pulse_size : rebias_device_pulse_size(o->target);
    work.pulse_noise = crossbar->pulse_noise > 0.0 ? crossbar->pulse_noise
                                                   : rebias_device_pulse_noise(o->target);
    return work;
}

/* Passes a wish to stop on to a training under way, so that nobody waits for its end. */
struct watch {
    const struct rebias_bias_work *work;
    size_t calls;
};

static int watch_training(void *context, size_t done, size_t total)
{
    enum { EVERY = 64 }; /* batches: asking may cost a lock */
    struct watch *watch = context;
    const struct rebias_bias_work *work = watch->work;
    return work->stop != NULL && ++watch->calls % EVERY == 0
               ? work->stop(work->stop_context, done, total)
               : 0;
}

/* Multiplexed gradient descent on a device; accuracy after the last step. */
static int train_by_mgd(const struct rebias_bias_work *work, const struct rebias_device *device,
                        uint32_t replicate, struct rebias_visits *visits, double *accuracy,
                        struct rebias_error *err)
{
    const struct rebias_bias_mgd *mgd = work->options->mgd;
    struct rebias_mgd_options options = *mgd->options;
    options.device = device;
    options.crossbar.pulse_size = work->pulse_size;
    options.crossbar.pulse_noise = work->pulse_noise;
    options.visits = visits;
    options.seed = work->options->seed;
    options.replicate = replicate;
    options.threads = 1;
    struct watch watch = {work, 0};
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
static int train_mapped(const struct rebias_bias_work *work, const struct rebias_device *device,
                        uint32_t replicate, struct rebias_visits *visits, double *accuracy,
                        struct rebias_error *err)
{
    const struct rebias_bias_options *o = work->options;
    struct rebias_network_options network_options = o->network;
    struct rebias_train_options train_options = o->train;
    network_options.device = device;
    network_options.crossbar.pulse_size = work->pulse_size;
    network_options.crossbar.pulse_noise = work->pulse_noise;
    network_options.seed = train_options.seed = o->seed;
    network_options.replicate = train_options.replicate = replicate;
    struct rebias_network *network = NULL;
    struct rebias_epoch *epochs = NULL;
    int status = rebias_alloc(&epochs, train_options.epochs, sizeof *epochs, err);
    if (status == REBIAS_OK) {
        status = rebias_network_new(&network, &network_options, err);
    }
    if (status == REBIAS_OK) {
        struct watch watch = {work, 0};
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

static int train_on(const struct rebias_bias_work *work, const struct rebias_device *device,
                    uint32_t replicate, struct rebias_visits *visits, double *accuracy,
                    struct rebias_error *err)
{
    return work->options->mgd != NULL
               ? train_by_mgd(work, device, replicate, visits, accuracy, err)
               : train_mapped(work, device, replicate, visits, accuracy, err);
}

/* -- 3. one model -- */

/* Weights of the slices over a range, from where the options say. */
static int fill_weights(const struct rebias_bias_work *work,
                        const struct rebias_bias_model *model,
                        const struct rebias_visits *visits,
                        const struct rebias_compare_options *compare, double *weights[2],
                        struct rebias_error *err)
{
    return work->options->weights == REBIAS_WEIGHTS_VISITED
               ? rebias_visits_weights(visits, compare->Gmin, compare->Gmax, compare->slices,
                                       weights, err)
               : rebias_bias_data_weights(model->pulses, compare->Gmin, compare->Gmax,
                                          compare->slices, weights, err);
}

/* Device metrics of the run's model against the target. */
static int compare_model(const struct rebias_bias_work *work, struct rebias_bias_run *run,
                         const struct rebias_bias_model *model,
                         const struct rebias_visits *visits, struct rebias_error *err)
{
    const struct rebias_device *target = work->options->target;
    struct rebias_compare_options compare = rebias_compare_options_defaults();
    double *memory = NULL;
    int status = REBIAS_OK;
    if (work->options->weights != REBIAS_WEIGHTS_UNIFORM) {
        compare.Gmin = fmax(model->device->Gmin, target->Gmin);
        compare.Gmax = fmin(model->device->Gmax, target->Gmax);
        status = rebias_alloc(&memory, 2 * compare.slices, sizeof *memory, err);
        if (status == REBIAS_OK) {
            double *weights[2] = {memory, memory + compare.slices};
            status = fill_weights(work, model, visits, &compare, weights, err);
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
static int run_model(const struct rebias_bias_work *work, struct rebias_bias_run *run,
                     const struct rebias_visits *visits, struct rebias_error *err)
{
    struct rebias_bias_model model = {NULL, NULL};
    int status = rebias_bias_model_make(&model, work->options, run, err);
    if (status == REBIAS_E_DATA) {
        run->status = status; /* too few points is a finding, not a failure of the study */
        rebias_bias_model_clear(&model);
        return REBIAS_OK;
    }
    if (status == REBIAS_OK) {
        status = compare_model(work, run, &model, visits, err);
    }
    if (status == REBIAS_OK && rebias_bias_has_networks(work->options)) {
        status = train_on(work, model.device, run->replicate, NULL, &run->accuracy, err);
    }
    rebias_bias_model_clear(&model);
    return status;
}

/* -- 4. one run -- */

struct rebias_bias_run rebias_bias_run_start(int method, size_t points, uint32_t replicate)
{
    return (struct rebias_bias_run){.method = method,
                                    .points = points,
                                    .replicate = replicate,
                                    .accuracy = method < 0 ? 0.0 : (double)NAN};
}

static int run_target(const struct rebias_bias_work *work, struct rebias_bias_run *run,
                      struct rebias_visits **visits, struct rebias_error *err)
{
    enum { LEVELS = 1000 }; /* ten of them a slice */
    const struct rebias_device *target = work->options->target;
    int status = REBIAS_OK;
    if (work->options->weights == REBIAS_WEIGHTS_VISITED) {
        status = rebias_visits_new(visits, LEVELS, target->Gmin, target->Gmax, err);
    }
    return status == REBIAS_OK
               ? train_on(work, target, run->replicate, *visits, &run->accuracy, err)
               : status;
}

int rebias_bias_run_fill(struct rebias_bias_run *run, const struct rebias_bias_work *work,
                         struct rebias_visits **visits, struct rebias_error *err)
{
    return run->method < 0 ? run_target(work, run, visits, err)
                           : run_model(work, run, *visits, err);
}

static int check_one(const struct rebias_bias_options *o, const struct rebias_bias_run *run,
                     struct rebias_error *err)
{
    int status = rebias_bias_options_check(o, err);
    if (status == REBIAS_OK && run->method >= 0 && (size_t)run->method >= o->methods) {
        status = rebias_fail(err, REBIAS_E_RANGE, "there is no method %d, only 0 to %zu",
                             run->method, o->methods - 1);
    }
    if (status == REBIAS_OK && run->method < 0 && !rebias_bias_has_networks(o)) {
        status = rebias_fail(err, REBIAS_E_RANGE,
                             "without networks the target has no run of its own");
    }
    return status;
}

int rebias_bias_run_one(struct rebias_bias_run *run, const struct rebias_bias_options *options,
                        rebias_progress *progress, void *progress_context,
                        struct rebias_error *err)
{
    struct rebias_visits *visits = NULL;
    int status = check_one(options, run, err);
    if (status != REBIAS_OK) {
        return status;
    }
    struct rebias_bias_work work = rebias_bias_work_start(options);
    work.stop = progress;
    work.stop_context = progress_context;
    *run = rebias_bias_run_start(run->method, run->points, run->replicate);
    if (run->method >= 0 && options->weights == REBIAS_WEIGHTS_VISITED) {
        struct rebias_bias_run target = rebias_bias_run_start(-1, 0, run->replicate);
        status = rebias_bias_run_fill(&target, &work, &visits, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_bias_run_fill(run, &work, &visits, err);
    }
    rebias_visits_free(visits);
    return status;
}
