/* fine_tune.c - in-situ fine-tuning of deployed networks: options, workspace, the run.
 * 1. options   2. checks   3. workspace   4. one gradient   5. the run
 */
#include "rebias/fine_tune.h"
#include "fine_tune_internal.h"
#include "rebias/random.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COUNT_MAX = 30000,
    EPOCHS_MAX = 100000,
    PATTERNS_MAX = 1000000,
    UPDATES_MAX = INT32_MAX
};

/* -- 1. options -- */

struct rebias_fine_tune_options rebias_fine_tune_options_defaults(void)
{
    return (struct rebias_fine_tune_options){.method = REBIAS_FINE_TUNE_MAPPED,
                                             .epochs = 1,
                                             .batch = 100,
                                             .rate = 0.1,
                                             .schedule = REBIAS_SCHEDULE_COSINE,
                                             .write = REBIAS_WRITE_STOCHASTIC,
                                             .pulse_cap = 100,
                                             .biases = true,
                                             .patterns = 1,
                                             .amplitude = 0.1};
}

int rebias_fine_tune_device_new(struct rebias_device **out, double G_off, double G_on,
                                struct rebias_error *err)
{
    char spec[256];
    *out = NULL;
    if (!(G_off >= 0.0 && G_off < G_on && G_on <= 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a range of %g to %g S (expected 0 <= G_off < G_on <= 1 S)", G_off,
                           G_on);
    }
    snprintf(spec, sizeof spec,
             "analytical:Gmin=%.17g,Gmax=%.17g,levels_set=50,levels_reset=50,nl_set=0,"
             "nl_reset=0,c2c=0.01",
             G_off, G_on);
    return rebias_device_new(out, spec, err);
}

/* -- 2. checks -- */

static int refuse(const char *what, double value, const char *expected,
                  struct rebias_error *err)
{
    return rebias_fail(err, REBIAS_E_RANGE, "fine-tuning: %s is %g (expected %s)", what, value,
                       expected);
}

static int check_gradient(const struct rebias_fine_tune_options *o, struct rebias_error *err)
{
    if (o->method != REBIAS_FINE_TUNE_MGD) {
        return REBIAS_OK;
    }
    if (o->patterns < 1 || o->patterns > PATTERNS_MAX) {
        return refuse("number of patterns", (double)o->patterns, "1 to 1000000", err);
    }
    if (!(o->amplitude > 0.0 && o->amplitude <= 1.0)) {
        return refuse("amplitude", o->amplitude, "above 0, at most 1", err);
    }
    return REBIAS_OK;
}

static int check_device(const struct rebias_fine_tune_options *o,
                        const struct rebias_deploy_options *d, struct rebias_error *err)
{
    const double tolerance = 1e-6 * (d->G_on - d->G_off); /* of numbers given as text */
    if (o->device == NULL) {
        return rebias_fail(err, REBIAS_E_RANGE, "fine-tuning needs a device model");
    }
    if (o->device->Gmin > d->G_off + tolerance || o->device->Gmax < d->G_on - tolerance) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "fine-tuning: %s ranges from %g to %g S, the deployed devices from "
                           "%g to %g S (expected a model whose range covers theirs)",
                           o->device->name, o->device->Gmin, o->device->Gmax, d->G_off,
                           d->G_on);
    }
    if (!(o->pulse_size >= 0.0 && isfinite(o->pulse_size))) {
        return refuse("pulse size", o->pulse_size, "0 or more, S", err);
    }
    if (o->pulse_size == 0.0 && !(rebias_device_pulse_size(o->device) > 0.0)) { /* default */
        return rebias_fail(err, REBIAS_E_RANGE,
                           "pulses do not move %s on average: give a pulse size",
                           o->device->name);
    }
    if (o->pulse_cap < 1 || o->pulse_cap > COUNT_MAX) {
        return refuse("pulse cap", (double)o->pulse_cap, "1 to 30000", err);
    }
    return REBIAS_OK;
}

int rebias_fine_tune_check(const struct rebias_fine_tune_options *options,
                           const struct rebias_deploy_options *deploy, struct rebias_error *err)
{
    const struct rebias_fine_tune_options *o = options;
    if (o->epochs < 1 || o->epochs > EPOCHS_MAX) {
        return refuse("number of passes", (double)o->epochs, "1 to 100000", err);
    }
    if (o->updates > UPDATES_MAX) {
        return refuse("number of updates", (double)o->updates, "below 2^31", err);
    }
    if (o->batch < 1 || o->batch > deploy->batch) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "fine-tuning: a batch of %zu samples (expected 1 to %zu, what one "
                           "read of the deployed devices may serve)",
                           o->batch, deploy->batch);
    }
    if (!(o->rate > 0.0 && o->rate <= 1e6)) {
        return refuse("rate", o->rate, "above 0, at most 1e6", err);
    }
    if (o->schedule != REBIAS_SCHEDULE_CONSTANT && o->schedule != REBIAS_SCHEDULE_COSINE) {
        return refuse("schedule", (double)o->schedule, "constant or cosine", err);
    }
    const int status = check_gradient(o, err);
    return status == REBIAS_OK ? check_device(o, deploy, err) : status;
}

static int check_data(const struct rebias_deployment *d, const struct rebias_mgd_data *data,
                      struct rebias_error *err)
{
    const size_t classes = d->layer[d->layers - 1].n;
    if (data->inputs != d->layer[0].m) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "fine-tuning: samples of %zu numbers, the network has %zu inputs",
                           data->inputs, d->layer[0].m);
    }
    if (data->n < 1 || data->n > UINT32_MAX || data->label == NULL) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "fine-tuning: %zu samples (expected 1 to 2^32 - 1 with labels)",
                           data->n);
    }
    for (size_t i = 0; i < data->n; i++) {
        if (data->label[i] >= classes) {
            return rebias_fail(
                err, REBIAS_E_DATA,
                "fine-tuning: the label of sample %zu is %u, the network has %zu "
                "outputs",
                i, data->label[i], classes);
        }
    }
    return REBIAS_OK;
}

/* -- 3. workspace -- */

static size_t widest_layer(const struct rebias_deployment *d)
{
    size_t widest = d->layer[0].m;
    for (size_t l = 0; l < d->layers; l++) {
        widest = d->layer[l].n > widest ? d->layer[l].n : widest;
    }
    return widest;
}

static size_t largest_matrix(const struct rebias_deployment *d)
{
    size_t largest = 0;
    for (size_t k = 0; k < d->matrix_count; k++) {
        const size_t size = d->first[k + 1] - d->first[k];
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* Sum of the squared shares of the copies whose currents meet those of row `row` (from its
 * first) of a matrix. */
static double squared_shares(const struct rebias_tuner *t, size_t matrix, size_t row)
{
    const struct rebias_deployment *d = t->deployment;
    const struct rebias_deployed_layer *layer = &d->layer[rebias_tuner_block(t, matrix)->layer];
    double sum = 0.0;
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < layer->copies[s]; k++) {
            const size_t other = layer->matrix[s][k];
            const double share = d->share[d->first_row[other] + row];
            if (rebias_tuner_network(t, other) == rebias_tuner_network(t, matrix)) {
                sum += share * share;
            }
        }
    }
    return sum;
}

static void share_changes(struct rebias_tuner *t)
{
    const struct rebias_deployment *d = t->deployment;
    for (size_t k = 0; k < d->matrix_count; k++) {
        const struct rebias_block *block = rebias_tuner_block(t, k);
        const double gamma =
            rebias_deployment_network(d, block->copy)->layer[block->layer].gamma;
        const double S_per_weight = (d->options.G_on - d->options.G_off) / gamma;
        for (size_t row = d->first_row[k]; row < d->first_row[k + 1]; row++) {
            const double share = block->sign == 0 ? d->share[row] : -d->share[row];
            t->part[row] =
                share == 0.0 /* takes no part; perhaps none of its copies does */
                    ? 0.0
                    : S_per_weight * share / squared_shares(t, k, row - d->first_row[k]);
        }
    }
}

static int allocate_traces(struct rebias_tuner *t, struct rebias_error *err)
{
    const struct rebias_deployment *d = t->deployment;
    int status = rebias_alloc(&t->trace, t->networks, sizeof *t->trace, err);
    for (size_t q = 0; q < t->networks && status == REBIAS_OK; q++) {
        for (size_t l = 0; l < d->layers && status == REBIAS_OK; l++) {
            const size_t m = d->layer[l].m;
            status = rebias_alloc(&t->trace[q].in[l], d->options.batch * m, sizeof(float), err);
            if (status == REBIAS_OK) {
                status =
                    rebias_alloc(&t->trace[q].matrix[l], m * d->layer[l].n, sizeof(float), err);
            }
        }
    }
    return status;
}

int rebias_tuner_start(struct rebias_tuner *tuner, struct rebias_deployment *deployment,
                       const struct rebias_fine_tune_options *options, struct rebias_error *err)
{
    const struct rebias_deployment *d = deployment;
    const bool mgd = options->method == REBIAS_FINE_TUNE_MGD;
    const size_t values = d->options.batch * widest_layer(d);
    *tuner = (struct rebias_tuner){.deployment = deployment, .options = options};
    struct rebias_tuner *t = tuner;
    t->networks = d->options.method == REBIAS_DEPLOY_CM ? d->options.alpha : 1;
    for (size_t l = 0; l < d->layers; l++) {
        t->first[l + 1] = t->first[l] + (d->layer[l].m + 1) * d->layer[l].n;
    }
    t->parameters = t->first[d->layers];
    const size_t parameters = t->networks * t->parameters;
    const struct {
        void *out;
        size_t count, size;
    } arrays[] = {
        {&t->part, d->first_row[d->matrix_count], sizeof *t->part},
        {&t->outputs, values, sizeof *t->outputs},
        {&t->gradient, parameters, sizeof *t->gradient},
        {&t->delta[0], mgd ? 0 : values, sizeof(float)},
        {&t->delta[1], mgd ? 0 : values, sizeof(float)},
        {&t->delta[2], mgd ? 0 : values, sizeof(float)},
        {&t->code, mgd ? parameters : 0, sizeof *t->code},
        {&t->base, mgd ? d->first[d->matrix_count] : 0, sizeof *t->base},
        {&t->base_bias, mgd ? t->networks * d->neurons : 0, sizeof *t->base_bias},
    };
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(arrays[i].out, arrays[i].count, arrays[i].size, err);
    }
    if (status == REBIAS_OK && !mgd) {
        status = allocate_traces(t, err);
    }
    if (status == REBIAS_OK) {
        share_changes(t);
    } else {
        rebias_tuner_clear(t);
    }
    return status;
}

static int allocate_updates(struct rebias_tuner *t, struct rebias_error *err)
{
    const struct rebias_deployment *d = t->deployment;
    const bool accumulate = t->options->write == REBIAS_WRITE_ACCUMULATE;
    const size_t largest = largest_matrix(d);
    const struct {
        void *out;
        size_t count, size;
    } arrays[] = {
        {&t->devices, d->matrix_count, sizeof(struct rebias_devices *)},
        {&t->owed, accumulate ? d->first[d->matrix_count] : 0, sizeof *t->owed},
        {&t->count, largest, sizeof *t->count},
        {&t->listed, largest, sizeof *t->listed},
        {&t->index, largest, sizeof *t->index},
        {&t->outside, largest, sizeof *t->outside},
    };
    int status = REBIAS_OK;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == REBIAS_OK; i++) {
        status = rebias_alloc(arrays[i].out, arrays[i].count, arrays[i].size, err);
    }
    return status;
}

int rebias_tuner_prepare(struct rebias_tuner *tuner, struct rebias_error *err)
{
    struct rebias_tuner *t = tuner;
    const struct rebias_deployment *d = t->deployment;
    int status = allocate_updates(t, err);
    for (size_t k = 0; k < d->matrix_count && status == REBIAS_OK; k++) {
        const struct rebias_stream spread = {d->options.seed, REBIAS_FOR_TUNING,
                                             d->options.replicate,
                                             REBIAS_TUNING_SPREAD | (uint32_t)k, 0};
        status = rebias_devices_new(&t->devices[k], t->options->device,
                                    d->first[k + 1] - d->first[k], &spread, err);
    }
    t->pulse_size = t->options->pulse_size > 0.0 ? t->options->pulse_size
                                                 : rebias_device_pulse_size(t->options->device);
    return status;
}

void rebias_tuner_clear(struct rebias_tuner *tuner)
{
    struct rebias_tuner *t = tuner;
    for (size_t q = 0; t->trace != NULL && q < t->networks; q++) {
        for (size_t l = 0; l < REBIAS_MAX_LAYERS; l++) {
            free(t->trace[q].in[l]);
            free(t->trace[q].matrix[l]);
        }
    }
    for (size_t k = 0; t->devices != NULL && k < t->deployment->matrix_count; k++) {
        rebias_devices_free(t->devices[k]);
    }
    void *const arrays[] = {t->part,      t->outputs,  t->gradient, t->delta[0],
                            t->delta[1],  t->delta[2], t->code,     t->base,
                            t->base_bias, t->trace,    t->devices,  t->owed,
                            t->count,     t->listed,   t->index,    t->outside};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    *t = (struct rebias_tuner){0};
}

/* -- 4. one gradient -- */

size_t rebias_deployment_parameters(const struct rebias_deployment *deployment)
{
    const struct rebias_deployment *d = deployment;
    size_t parameters = 0;
    for (size_t l = 0; l < d->layers; l++) {
        parameters += (d->layer[l].m + 1) * d->layer[l].n;
    }
    return parameters * (d->options.method == REBIAS_DEPLOY_CM ? d->options.alpha : 1);
}

int rebias_deployment_gradient(struct rebias_deployment *deployment,
                               const struct rebias_fine_tune_options *options, size_t n,
                               const float *x, const uint8_t *label, uint32_t number,
                               float *gradient, double *cost, struct rebias_error *err)
{
    struct rebias_deployment *d = deployment;
    struct rebias_tuner tuner = {0};
    const struct rebias_mgd_data data = {.n = n, .inputs = d->layer[0].m, .label = label};
    int status = check_gradient(options, err);
    if (status == REBIAS_OK && n > d->options.batch) {
        status = refuse("number of samples", (double)n, "at most the deployment's batch", err);
    }
    if (status == REBIAS_OK) {
        status = check_data(d, &data, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_tuner_start(&tuner, d, options, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_tuner_gradient(&tuner, n, x, label, number, cost, err);
    }
    if (status == REBIAS_OK) {
        memcpy(gradient, tuner.gradient, rebias_deployment_parameters(d) * sizeof *gradient);
    }
    rebias_tuner_clear(&tuner);
    return status;
}

/* -- 5. the run -- */

struct run {
    struct rebias_tuner tuner;
    const struct rebias_mgd_data *data;
    uint32_t *order; /* [samples] */
    float *x;        /* [batch][inputs] */
    uint8_t *label;  /* [batch] */
    uint64_t updates;
    size_t batches; /* of a pass */
    double loss;    /* sum over this pass's batches */
};

static int start_run(struct run *run, struct rebias_deployment *d,
                     const struct rebias_fine_tune_options *o, struct rebias_error *err)
{
    const struct rebias_mgd_data *data = run->data;
    run->batches = (data->n + o->batch - 1) / o->batch;
    run->updates = o->updates > 0 ? o->updates : (uint64_t)o->epochs * run->batches;
    if (run->updates > UPDATES_MAX - d->tunings ||
        (d->tunings + run->updates) * o->patterns > UINT32_MAX) { /* addresses of streams */
        return rebias_fail(err, REBIAS_E_RANGE,
                           "fine-tuning: %llu updates of %zu patterns, after %lu updates "
                           "(expected below 2^31 updates and 2^32 patterns)",
                           (unsigned long long)run->updates, o->patterns,
                           (unsigned long)d->tunings);
    }
    int status = rebias_tuner_start(&run->tuner, d, o, err);
    if (status == REBIAS_OK) {
        status = rebias_tuner_prepare(&run->tuner, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&run->order, data->n, sizeof *run->order, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&run->x, o->batch * data->inputs, sizeof *run->x, err);
    }
    return status == REBIAS_OK ? rebias_alloc(&run->label, o->batch, 1, err) : status;
}

/* The samples of update u; returns their number. */
static size_t take_samples(struct run *run, uint64_t u)
{
    const struct rebias_deployment *d = run->tuner.deployment;
    const size_t batch = run->tuner.options->batch;
    const size_t first = (size_t)(u % run->batches) * batch;
    const size_t n = run->data->n - first < batch ? run->data->n - first : batch;
    if (first == 0) {
        const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_TUNING,
                                             d->options.replicate, REBIAS_TUNING_ORDER,
                                             d->tunings};
        rebias_random_permutation(&stream, run->data->n, run->order);
    }
    run->data->fill(run->data->context, n, run->order + first, run->x);
    for (size_t i = 0; i < n; i++) {
        run->label[i] = run->data->label[run->order[first + i]];
    }
    return n;
}

static int run_update(struct run *run, uint64_t u, struct rebias_fine_tune_result *result,
                      struct rebias_error *err)
{
    struct rebias_tuner *t = &run->tuner;
    const struct rebias_fine_tune_options *o = t->options;
    const bool mgd = o->method == REBIAS_FINE_TUNE_MGD;
    const uint64_t in_pass = u % run->batches;
    const size_t n = take_samples(run, u);
    const uint32_t number = (uint32_t)(t->deployment->tunings * (uint64_t)o->patterns);
    double cost = NAN;
    const int status = rebias_tuner_gradient(t, n, run->x, run->label, number, &cost, err);
    const double factor =
        rebias_schedule_factor(o->schedule, 1.0, (size_t)u, (size_t)run->updates);
    if (status != REBIAS_OK) {
        return status;
    }
    if (!isfinite(cost)) {
        return rebias_fail(err, REBIAS_E_NUMERIC,
                           "fine-tuning: the loss is no longer finite in update %llu: lower "
                           "the rate",
                           (unsigned long long)(u + 1));
    }
    result->pulses += rebias_tuner_update(t, o->rate * factor * rebias_tuner_cosine(t),
                                          t->deployment->tunings);
    t->deployment->tunings++;
    result->updates++;
    result->evaluations += mgd ? 2 * o->patterns : 1;
    run->loss = (in_pass == 0 ? 0.0 : run->loss) + cost;
    result->last_loss = run->loss / (double)(in_pass + 1);
    result->first_loss = u < run->batches ? result->last_loss : result->first_loss;
    return REBIAS_OK;
}

int rebias_deployment_fine_tune(struct rebias_deployment *deployment,
                                const struct rebias_fine_tune_options *options,
                                const struct rebias_mgd_data *data,
                                struct rebias_fine_tune_result *result,
                                rebias_progress *progress, void *progress_context,
                                struct rebias_error *err)
{
    struct run run = {.data = data};
    struct rebias_fine_tune_result so_far = {0};
    int status = rebias_fine_tune_check(options, &deployment->options, err);
    if (status == REBIAS_OK) {
        status = check_data(deployment, data, err);
    }
    if (status == REBIAS_OK) {
        status = start_run(&run, deployment, options, err);
    }
    for (uint64_t u = 0; status == REBIAS_OK && u < run.updates; u++) {
        status = run_update(&run, u, &so_far, err);
        if (status == REBIAS_OK && progress != NULL &&
            progress(progress_context, (size_t)(u + 1), (size_t)run.updates) != 0) {
            status =
                rebias_fail(err, REBIAS_E_INTERRUPTED, "interrupted after %llu of %llu updates",
                            (unsigned long long)(u + 1), (unsigned long long)run.updates);
        }
    }
    if (status == REBIAS_OK) {
        *result = so_far;
    }
    free(run.order);
    free(run.x);
    free(run.label);
    rebias_tuner_clear(&run.tuner);
    return status;
}
