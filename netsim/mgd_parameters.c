/* mgd_parameters.c - where the parameters of MGD live: in an array, or on crossbars.
 * 1. life cycle   2. changes of ideal parameters   3. changes in whole steps   4. applying
 * changes   5. offsets
 *
 * A layer's weights lie in theta as out x in, which is the memory of a crossbar of out rows and
 * in columns: the crossbar mirrors its weights into theta itself. Biases follow the weights, so
 * that biases on devices are one more column's worth of the same array.
 */
#include "mgd_run.h"
#include "base/simd.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

void rebias_mgd_parameters_clear(struct mgd_parameters *parameters)
{
    for (size_t l = 0; l < REBIAS_MODEL_LAYERS; l++) {
        rebias_crossbar_free(parameters->crossbar[l]);
    }
    free(parameters->theta);
    free(parameters->held);
    free(parameters->waiting);
    free(parameters->request);
    *parameters = (struct mgd_parameters){0};
}

/* Numbers of a layer that are on its crossbar. */
static size_t on_devices(const struct rebias_mgd_options *o, const struct rebias_layer *layer)
{
    return layer->weights + (o->biases == REBIAS_BIASES_DEVICES ? layer->biases : 0);
}

static int put_on_devices(struct mgd_parameters *p, size_t l, const float *target,
                          struct rebias_error *err)
{
    const struct rebias_layer *layer = &p->architecture->layer[l];
    struct rebias_crossbar_options options = p->options->crossbar;
    options.rows = layer->biases;
    options.columns = on_devices(p->options, layer) / layer->biases;
    options.seed = p->options->seed;
    options.replicate = p->options->replicate;
    options.entity = (uint32_t)l;
    int status = rebias_crossbar_new(&p->crossbar[l], p->options->device, &options,
                                     p->theta + layer->first, err);
    if (status == REBIAS_OK) {
        rebias_crossbar_program(p->crossbar[l], target + layer->first);
        rebias_crossbar_count_visits(p->crossbar[l], p->options->visits);
    }
    return status;
}

static int put_all_on_devices(struct mgd_parameters *p, struct rebias_error *err)
{
    float *target = NULL;
    int status = rebias_alloc(&target, p->n, sizeof *target, err);
    if (status == REBIAS_OK) {
        memcpy(target, p->theta, p->n * sizeof *target);
    }
    for (size_t l = 0; l < p->architecture->layers && status == REBIAS_OK; l++) {
        if (p->architecture->layer[l].weights > 0) {
            status = put_on_devices(p, l, target, err);
        }
    }
    free(target);
    return status;
}

/* What has to be kept of changes that are not written at once. */
static int new_pending(struct mgd_parameters *p, struct rebias_error *err)
{
    const struct rebias_mgd_options *o = p->options;
    const bool whole = o->device != NULL || o->update_quantum > 0.0;
    int status = REBIAS_OK;
    if (whole && o->write == REBIAS_WRITE_ACCUMULATE) {
        status = rebias_alloc(&p->held, p->n, sizeof *p->held, err);
    }
    if (status == REBIAS_OK && o->update_delay > 0) {
        status = rebias_alloc(&p->waiting, o->update_delay, p->n * sizeof *p->waiting, err);
    }
    return status;
}

int rebias_mgd_parameters_new(struct mgd_parameters *parameters,
                              const struct rebias_architecture *architecture,
                              const struct rebias_mgd_options *options,
                              struct rebias_error *err)
{
    const size_t n = architecture->parameters;
    *parameters =
        (struct mgd_parameters){.architecture = architecture, .options = options, .n = n};
    int status = rebias_alloc(&parameters->theta, n, sizeof(float), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&parameters->request, n, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        rebias_architecture_draw(architecture, options->initial, options->initial_low,
                                 options->initial_high, options->seed, options->replicate,
                                 parameters->theta);
    }
    if (status == REBIAS_OK && options->device != NULL) {
        status = put_all_on_devices(parameters, err);
    }
    if (status == REBIAS_OK) {
        status = new_pending(parameters, err);
    }
    if (status != REBIAS_OK) {
        rebias_mgd_parameters_clear(parameters);
    }
    return status;
}

/* -- 2. changes of ideal parameters -- */

static void add_noise(struct mgd_parameters *p, uint32_t update)
{
    const struct rebias_mgd_options *o = p->options;
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_UPDATE_NOISE, o->replicate, 0,
                                         update};
    const float sd = (float)o->update_noise;
    float *noise = p->request;
    rebias_random_normal(&stream, 0, o->shared_update_noise ? 1 : p->n, noise);
    for (size_t i = 0; i < p->n; i++) {
        p->theta[i] += sd * noise[o->shared_update_noise ? 0 : i];
    }
}

/* Scales the weights of every neuron (output channel) whose norm is above the largest. */
static void limit_norms(struct mgd_parameters *p)
{
    const double most = p->options->max_norm;
    for (size_t l = 0; l < p->architecture->layers; l++) {
        const struct rebias_layer *layer = &p->architecture->layer[l];
        const size_t width = layer->weights > 0 ? layer->weights / layer->biases : 0;
        for (size_t j = 0; j < layer->biases; j++) {
            float *w = p->theta + layer->first + j * width;
            double square = 0.0;
            for (size_t i = 0; i < width; i++) {
                square += (double)w[i] * (double)w[i];
            }
            const double factor = square > most * most ? most / sqrt(square) : 1.0;
            for (size_t i = 0; i < width && factor < 1.0; i++) {
                w[i] = (float)((double)w[i] * factor);
            }
        }
    }
}

REBIAS_SIMD static void subtract_change(size_t n, const float *change, float *theta)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        theta[i] -= change[i];
    }
}

/* -- 3. changes in whole steps -- */

/* request = whole steps (pulses, quanta), at most `cap`, that the held change has grown to; the
 * rest stays held, also what passes the cap. */
static void take_whole_steps(struct mgd_parameters *p, size_t first, size_t n, double step,
                             double cap, const float *change)
{
    for (size_t i = first; i < first + n; i++) {
        p->held[i] += (double)change[i];
        double steps = trunc(p->held[i] / step);
        steps = fmin(fmax(steps, -cap), cap);
        p->held[i] -= steps * step;
        p->request[i] = (float)steps;
    }
}

/* request = change in quanta, up with the probability of what is above a whole number. */
static void round_stochastically(struct mgd_parameters *p, const float *change, uint32_t update)
{
    enum { PIECE = 256 };
    const struct rebias_mgd_options *o = p->options;
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_QUANTUM, o->replicate, 0, update};
    double u[PIECE];
    for (size_t first = 0; first < p->n; first += PIECE) {
        const size_t n = p->n - first < PIECE ? p->n - first : PIECE;
        rebias_random_uniform(&stream, first, n, u);
        for (size_t i = 0; i < n; i++) {
            const double quanta = (double)change[first + i] / o->update_quantum;
            p->request[first + i] = (float)floor(quanta + u[i]);
        }
    }
}

/* theta -= change in whole quanta. */
static void subtract_quanta(struct mgd_parameters *p, const float *change, uint32_t update)
{
    const double quantum = p->options->update_quantum;
    if (p->held != NULL) {
        take_whole_steps(p, 0, p->n, quantum, (double)INFINITY, change);
    } else {
        round_stochastically(p, change, update);
    }
    for (size_t i = 0; i < p->n; i++) {
        p->theta[i] -= (float)(quantum * (double)p->request[i]);
    }
}

static uint64_t pulse_layer(struct mgd_parameters *p, size_t l, const float *change,
                            uint32_t update)
{
    const struct rebias_layer *layer = &p->architecture->layer[l];
    const size_t n = on_devices(p->options, layer);
    const size_t first = layer->first;
    const double step = rebias_crossbar_weight_step(p->crossbar[l]);
    subtract_change(layer->weights + layer->biases - n, change + first + n,
                    p->theta + first + n);
    if (p->held != NULL) {
        take_whole_steps(p, first, n, step, (double)p->options->crossbar.pulse_cap, change);
        return rebias_crossbar_update(p->crossbar[l], p->request + first, -1.0f, NULL, update);
    }
    return rebias_crossbar_update(p->crossbar[l], change + first, (float)(-1.0 / step), NULL,
                                  update);
}

/* -- 4. applying changes -- */

static void apply_ideally(struct mgd_parameters *p, const float *change, uint32_t update)
{
    const struct rebias_mgd_options *o = p->options;
    if (o->update_quantum > 0.0) {
        subtract_quanta(p, change, update);
    } else {
        subtract_change(p->n, change, p->theta);
    }
    if (o->update_noise > 0.0) {
        add_noise(p, update);
    }
    if (o->max_norm > 0.0) {
        limit_norms(p);
    }
}

static uint64_t apply_now(struct mgd_parameters *p, const float *change, uint32_t update)
{
    uint64_t pulses = 0;
    if (p->options->device == NULL) {
        apply_ideally(p, change, update);
        return 0;
    }
    for (size_t l = 0; l < p->architecture->layers; l++) {
        if (p->crossbar[l] != NULL) {
            pulses += pulse_layer(p, l, change, update);
        }
    }
    return pulses;
}

uint64_t rebias_mgd_parameters_apply(struct mgd_parameters *parameters, const float *change,
                                     uint32_t update)
{
    struct mgd_parameters *p = parameters;
    const uint32_t delay = p->options->update_delay;
    if (delay == 0) {
        return apply_now(p, change, update);
    }
    float *row =
        p->waiting + (size_t)(update % delay) * p->n; /* holds that of update - delay */
    const uint64_t pulses = update >= delay ? apply_now(p, row, update) : 0;
    memcpy(row, change, p->n * sizeof *row);
    return pulses;
}

/* -- 5. offsets -- */

REBIAS_SIMD static void offset_weights(size_t n, const float *theta, const float *pattern,
                                       float sign, float *out)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        out[i] = theta[i] + sign * pattern[i];
    }
}

void rebias_mgd_parameters_offset(const struct mgd_parameters *parameters, size_t first,
                                  size_t n, const float *pattern, float sign, float *out)
{
    offset_weights(n, parameters->theta + first, pattern, sign, out + first);
    if (parameters->options->offset == REBIAS_OFFSET_WEIGHT) {
        return;
    }
    for (size_t l = 0; l < parameters->architecture->layers; l++) {
        const struct rebias_layer *layer = &parameters->architecture->layer[l];
        const bool inside = layer->weights > 0 && layer->first >= first &&
                            layer->first + layer->weights + layer->biases <= first + n;
        if (inside) {
            rebias_crossbar_offset(parameters->crossbar[l], pattern + (layer->first - first),
                                   sign, out + layer->first);
        }
    }
}
