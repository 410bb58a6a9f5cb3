/* mgd_options.c - options of multiplexed gradient descent: defaults, checks, blocks, segments.
 * 1. defaults   2. checks   3. blocks   4. order of the samples   5. segments   6. cost
 * differences
 */
#include "mgd_run.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. defaults -- */

struct rebias_mgd_options rebias_mgd_options_defaults(void)
{
    return (struct rebias_mgd_options){.method = REBIAS_MGD_WEIGHT,
                                       .scope = REBIAS_MGD_ALL,
                                       .perturbation = REBIAS_PERTURB_RANDOM,
                                       .amplitude = 0.1,
                                       .sparsity = 1.0,
                                       .f_low = 0.0,
                                       .f_high = 0.5,
                                       .dt = 1.0,
                                       .tau_p = 1.0,
                                       .tau_x = 1.0,
                                       .tau_theta = 1.0,
                                       .tau_hp = 1.6,
                                       .batch = 1,
                                       .eta = 0.1,
                                       .eta_form = REBIAS_ETA_NORM,
                                       .optimizer = REBIAS_OPTIMIZER_PLAIN,
                                       .momentum = 0.9,
                                       .adc_range = 1.0,
                                       .crossbar = rebias_crossbar_options_defaults(),
                                       .biases = REBIAS_BIASES_DIGITAL,
                                       .write = REBIAS_WRITE_STOCHASTIC,
                                       .offset = REBIAS_OFFSET_WEIGHT,
                                       .initial = REBIAS_INITIAL_GLOROT,
                                       .initial_low = -0.5,
                                       .initial_high = 0.5,
                                       .steps = 10000,
                                       .seed = 1,
                                       .threads = 1};
}

/* -- 2. checks -- */

/* Steps and updates address randomness by 32 bits. */
static const double MOST_STEPS = 4294967295.0;

struct limit {
    const char *what;
    double value, min, max;
    bool open; /* min itself is not allowed */
};

static int check_limits(const struct rebias_mgd_options *o, struct rebias_error *err)
{
    const struct limit limits[] = {
        {"amplitude of the perturbation", o->amplitude, 0.0, 1e6, true},
        {"sparsity", o->sparsity, 1.0, 1e6, false},
        {"time step", o->dt, 0.0, 1e12, true},
        {"tau_p", o->tau_p, 0.0, 1e15, true},
        {"tau_x", o->tau_x, 0.0, 1e15, true},
        {"tau_theta", o->tau_theta, 0.0, 1e15, true},
        {"tau_hp", o->tau_hp, 0.0, 1e15, true},
        {"eta", o->eta, 0.0, 1e12, true},
        {"momentum", o->momentum, 0.0, 0.999999, false},
        {"decay of eta", o->eta_decay, 0.0, 1e9, false},
        {"weight decay", o->weight_decay, 0.0, 1e9, false},
        {"largest norm", o->max_norm, 0.0, 1e9, false},
        {"clip", o->clip, 0.0, 1e12, false},
        {"cost noise", o->cost_noise, 0.0, 1e9, false},
        {"update noise", o->update_noise, 0.0, 1e9, false},
        {"update quantum", o->update_quantum, 0.0, 1e9, false},
        {"update delay", (double)o->update_delay, 0.0, 1000.0, false},
        {"defects", o->defects, 0.0, 10.0, false},
        {"read noise", o->read_noise, 0.0, 1e3, false},
        {"ADC bits", (double)o->adc_bits, 0.0, 24.0, false},
        {"ADC range", o->adc_range, 0.0, 1e9, true},
        {"target cost", o->target_cost, 0.0, 1e12, false},
        {"target accuracy", o->target_accuracy, 0.0, 1.0, false},
        {"batch", (double)o->batch, 1.0, 65536.0, false},
        {"number of steps", (double)o->steps, 1.0, MOST_STEPS, false},
        {"replicate", (double)o->replicate, 0.0, 16777215.0, false},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct limit *l = &limits[i];
        if (!(l->open ? l->value > l->min : l->value >= l->min) || !(l->value <= l->max)) {
            return rebias_fail(err, REBIAS_E_RANGE, "%s %g is not %s %g and at most %g",
                               l->what, l->value, l->open ? "above" : "at least", l->min,
                               l->max);
        }
    }
    if (o->growth != 0.0 && !(o->growth > 1.0 && isfinite(o->growth))) {
        return rebias_fail(err, REBIAS_E_RANGE, "growth %g between looks is not above 1",
                           o->growth);
    }
    return REBIAS_OK;
}

/* tau in steps: a whole number of dt. */
static int in_steps(const char *name, double tau, double dt, uint64_t *steps,
                    struct rebias_error *err)
{
    const double ratio = tau / dt;
    const double whole = nearbyint(ratio);
    if (whole < 1.0 || fabs(ratio - whole) > 1e-9 * whole) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "%s = %g is not a whole number of time steps of %g", name, tau, dt);
    }
    *steps = (uint64_t)whole;
    return REBIAS_OK;
}

static int check_times(const struct rebias_mgd_options *o, struct mgd_times *times,
                       struct rebias_error *err)
{
    int status = in_steps("tau_p", o->tau_p, o->dt, &times->p, err);
    if (status == REBIAS_OK) {
        status = in_steps("tau_x", o->tau_x, o->dt, &times->x, err);
    }
    if (o->analog) {
        times->theta = 1;
        return status;
    }
    if (status == REBIAS_OK) {
        status = in_steps("tau_theta", o->tau_theta, o->dt, &times->theta, err);
    }
    if (status == REBIAS_OK && times->theta % times->p != 0) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            "tau_theta = %g is not a multiple of tau_p = %g: an update would cut "
            "a pattern",
            o->tau_theta, o->tau_p);
    }
    if (status == REBIAS_OK && times->theta % times->x != 0 && times->x % times->theta != 0) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "tau_theta = %g and tau_x = %g: one must be a multiple of the other",
                           o->tau_theta, o->tau_x);
    }
    return status;
}

static int check_combinations(const struct rebias_mgd_options *o, struct rebias_error *err)
{
    if (o->analog &&
        (o->method == REBIAS_MGD_NODE || o->scope == REBIAS_MGD_LAYERS || o->two_sided ||
         o->optimizer != REBIAS_OPTIMIZER_PLAIN || o->eta_form == REBIAS_ETA_NORM)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the analog form is one-sided weight perturbation of all parameters "
                           "at once, plain, with eta of form vector or parameter");
    }
    if (o->method == REBIAS_MGD_NODE && o->offset == REBIAS_OFFSET_CONDUCTANCE) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "node perturbation offsets no conductances: use the offset weight");
    }
    if (o->device == NULL && o->offset == REBIAS_OFFSET_CONDUCTANCE) {
        return rebias_fail(err, REBIAS_E_RANGE, "an offset of conductances needs a device");
    }
    if (o->device != NULL && o->max_norm > 0.0) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "weights on devices cannot be scaled to a largest norm");
    }
    if (o->device != NULL && o->update_noise > 0.0) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "update noise is for ideal parameters: a device has its own");
    }
    if (o->update_quantum > 0.0 && (o->device != NULL || o->max_norm > 0.0)) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            o->device != NULL
                ? "an update quantum is for ideal parameters: a device has pulses"
                : "a largest norm would leave the multiples of the update quantum");
    }
    return REBIAS_OK;
}

int rebias_mgd_check_data(const struct rebias_architecture *a,
                          const struct rebias_mgd_data *data, struct rebias_error *err)
{
    if (data->n < 1) {
        return rebias_fail(err, REBIAS_E_RANGE, "the data have no samples");
    }
    if (a->inputs != data->inputs) {
        return rebias_fail(err, REBIAS_E_RANGE, "the network has %zu inputs, the data have %zu",
                           a->inputs, data->inputs);
    }
    if (a->outputs != data->outputs) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the network has %zu outputs, the data need %zu", a->outputs,
                           data->outputs);
    }
    bool labels = a->cost == REBIAS_COST_CROSS_ENTROPY;
    if (labels ? data->label == NULL : data->target == NULL) {
        return rebias_fail(err, REBIAS_E_RANGE, "the cost needs %s, the data have none",
                           labels ? "labels" : "targets");
    }
    return REBIAS_OK;
}

int rebias_mgd_check(const struct rebias_mgd_options *options,
                     const struct rebias_architecture *architecture,
                     const struct rebias_mgd_data *data, struct mgd_times *times,
                     struct rebias_error *err)
{
    int status = check_limits(options, err);
    if (status == REBIAS_OK) {
        status = check_times(options, times, err);
    }
    if (status == REBIAS_OK) {
        status = check_combinations(options, err);
    }
    if (status == REBIAS_OK) {
        status = rebias_mgd_check_data(architecture, data, err);
    }
    if (status == REBIAS_OK && options->batch > data->n) {
        return rebias_fail(err, REBIAS_E_RANGE, "a batch of %zu from %zu samples",
                           options->batch, data->n);
    }
    return status;
}

/* -- 3. blocks -- */

void rebias_mgd_blocks(struct mgd_blocks *blocks, const struct rebias_architecture *a,
                       const struct rebias_mgd_options *o)
{
    const bool node = o->method == REBIAS_MGD_NODE;
    *blocks = (struct mgd_blocks){0};
    if (o->scope == REBIAS_MGD_ALL) {
        blocks->count = 1;
        blocks->block[0] = (struct mgd_block){.n = node ? a->nodes : a->parameters,
                                              .theta_n = a->parameters,
                                              .layer_last = a->layers - 1};
        return;
    }
    for (size_t l = 0; l < a->layers; l++) {
        const struct rebias_layer *layer = &a->layer[l];
        if (layer->weights > 0) {
            const size_t n = layer->weights + layer->biases;
            blocks->block[blocks->count++] =
                (struct mgd_block){.first = node ? layer->first_node : layer->first,
                                   .n = node ? layer->nodes : n,
                                   .theta_first = layer->first,
                                   .theta_n = n,
                                   .layer_first = l,
                                   .layer_last = l};
        }
    }
}

/* -- 4. order of the samples -- */

int rebias_mgd_order_new(struct mgd_order *order, size_t n,
                         const struct rebias_mgd_options *options, struct rebias_error *err)
{
    *order = (struct mgd_order){
        .options = options, .n = n, .per_epoch = n / options->batch, .epoch = UINT64_MAX};
    return rebias_alloc(&order->order, n, sizeof *order->order, err);
}

void rebias_mgd_order_clear(struct mgd_order *order)
{
    free(order->order);
    order->order = NULL;
}

const uint32_t *rebias_mgd_order_batch(struct mgd_order *order, uint64_t batch)
{
    const struct rebias_mgd_options *o = order->options;
    const uint64_t epoch = batch / order->per_epoch;
    if (epoch != order->epoch) {
        const struct rebias_stream stream = {o->seed, REBIAS_FOR_ORDER, o->replicate, 0,
                                             (uint32_t)epoch};
        rebias_random_permutation(&stream, order->n, order->order);
        order->epoch = epoch;
    }
    return order->order + (batch % order->per_epoch) * o->batch;
}

/* -- 5. segments -- */

size_t rebias_mgd_segments(const struct mgd_times *times, uint64_t from, uint64_t to,
                           size_t capacity, struct mgd_segment *segments, uint64_t *next)
{
    size_t count = 0;
    uint64_t pattern = from / times->p;
    uint64_t batch = from / times->x;
    /* the next steps at which something changes: counting on is cheaper than dividing */
    uint64_t next_pattern = (pattern + 1) * times->p;
    uint64_t next_batch = (batch + 1) * times->x;
    uint64_t next_update = (from / times->theta + 1) * times->theta;
    while (from < to && count < capacity) {
        const uint64_t begin = next_batch - times->x;
        const uint64_t update = next_update - times->theta;
        uint64_t end = next_pattern < next_batch ? next_pattern : next_batch;
        end = end < next_update ? end : next_update;
        end = end < to ? end : to;
        segments[count++] = (struct mgd_segment){
            batch, pattern, from, begin > update ? begin : update, (uint32_t)(end - from)};
        from = end;
        pattern += from == next_pattern;
        next_pattern += from == next_pattern ? times->p : 0;
        batch += from == next_batch;
        next_batch += from == next_batch ? times->x : 0;
        next_update += from == next_update ? times->theta : 0;
    }
    *next = from;
    return count;
}

/* -- 6. cost differences -- */

/* Mean of the noise of the segment's steps; side 0 for the first cost, 1 for the second. */
static double noise_of(const struct rebias_mgd_options *o, const struct mgd_segment *segment,
                       size_t block, size_t sample, uint64_t side)
{
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_COST_NOISE, o->replicate,
                                         (uint32_t)block, (uint32_t)sample};
    double sum = 0.0;
    for (uint64_t r = 0; r < segment->repeats; r++) {
        float z;
        rebias_random_normal(&stream, 2 * (segment->step + r) + side, 1, &z);
        sum += (double)z;
    }
    return o->cost_noise * sum / (double)segment->repeats;
}

double rebias_mgd_difference(const struct rebias_mgd_options *options,
                             const struct mgd_segment *segment, size_t block, size_t sample,
                             double first, double second)
{
    double Ct = first - second;
    if (options->cost_noise > 0.0) {
        Ct += noise_of(options, segment, block, sample, 0);
        if (options->two_sided || options->noisy_baseline) {
            Ct -= noise_of(options, segment, block, sample, 1);
        }
    }
    Ct *= options->two_sided ? 0.5 : 1.0;
    if (options->clip > 0.0 && !isnan(Ct)) { /* NaN must stay seen */
        Ct = fmin(fmax(Ct, -options->clip), options->clip);
    }
    return Ct;
}
