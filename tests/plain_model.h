/* plain_model.h - what the tests of models share: networks with data, and a double-precision
 * reference by plain loops.
 * 1. networks with data   2. the reference
 */
#ifndef REBIAS_TESTS_PLAIN_MODEL_H
#define REBIAS_TESTS_PLAIN_MODEL_H

#include "support.h"

#include "rebias/model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. networks with data -- */

enum {
    PLAIN_BATCH = 7,
    PLAIN_WIDEST = 400,
    PLAIN_PARAMETERS = 1200,
    PLAIN_NODES = 600,
    PLAIN_CLASSES = 8
};

/* Dense, valid and padded convolutions, pools with rests, all transfers. */
static const char *const plain_networks[] = {
    "2,2,1",
    "6,5:tanh,4:relu,3:sigmoid",
    "2x7x6,conv3:3:tanh,pool2,dense:4",
    "1x9x9,conv3same:2:relu,pool2,conv3:3:sigmoid,dense:5:tanh,3",
    "3x5x5,conv5same:2:sigmoid,conv2:2:tanh,pool3,3",
    "1x6x6,pool2,conv3:4:none"};
enum { PLAIN_NETWORKS = sizeof plain_networks / sizeof plain_networks[0] };

/* A network with its data: x[BATCH][inputs], both kinds of targets. */
struct plain_setting {
    struct rebias_architecture a;
    struct rebias_model *model;
    float theta[PLAIN_PARAMETERS];
    float x[PLAIN_BATCH * PLAIN_WIDEST];
    float target[PLAIN_BATCH * PLAIN_CLASSES];
    uint8_t label[PLAIN_BATCH];
    struct rebias_samples samples;
};

static inline void plain_fill(uint32_t entity, double scale, size_t n, float *x)
{
    const struct rebias_stream stream = {
        .seed = 17, .purpose = REBIAS_FOR_TEST, .entity = entity};
    rebias_random_normal(&stream, 0, n, x);
    for (size_t i = 0; i < n; i++) {
        x[i] *= (float)scale;
    }
}

/* Cross-entropy where there are classes, with smoothing 0.1; squared costs else or where asked
 * for. */
static inline void plain_set_up(struct plain_setting *s, const char *text,
                                enum rebias_cost cost, size_t n)
{
    struct rebias_error err = {0};
    memset(s, 0, sizeof *s);
    support_expect(rebias_architecture_parse(&s->a, text, REBIAS_TRANSFER_SIGMOID,
                                             REBIAS_TRANSFER_NONE, cost, 0.1, &err),
                   REBIAS_OK, &err, NULL);
    assert_true(s->a.parameters <= PLAIN_PARAMETERS && s->a.nodes <= PLAIN_NODES &&
                s->a.inputs <= PLAIN_WIDEST && s->a.outputs <= PLAIN_CLASSES);
    support_expect(rebias_model_new(&s->model, &s->a, PLAIN_BATCH, &err), REBIAS_OK, &err,
                   NULL);
    plain_fill(1, 0.7, s->a.parameters, s->theta);
    plain_fill(2, 1.0, PLAIN_BATCH * s->a.inputs, s->x);
    plain_fill(3, 1.0, PLAIN_BATCH * s->a.outputs, s->target);
    for (size_t b = 0; b < PLAIN_BATCH; b++) {
        s->label[b] = (uint8_t)(b * 5 % s->a.outputs);
    }
    s->samples = (struct rebias_samples){n, s->x, s->target, s->label};
    rebias_model_set_samples(s->model, &s->samples);
}

static inline enum rebias_cost plain_natural_cost(const char *text)
{
    return strcmp(text, "2,2,1") == 0 ? REBIAS_COST_SQUARED : REBIAS_COST_CROSS_ENTROPY;
}

/* -- 2. a double-precision reference: plain loops over one sample -- */

struct plain_model {
    const struct rebias_architecture *a;
    double theta[PLAIN_PARAMETERS];
    double node[PLAIN_NODES]; /* added to z */
    const float *defects[4];  /* z0, k, L, y0 of all layers' channels, or NULL */
    double value[2][PLAIN_WIDEST];
};

static inline size_t plain_size(const struct rebias_shape *shape)
{
    return shape->channels * shape->rows * shape->columns;
}

static inline double plain_transfer(enum rebias_transfer f, double z)
{
    switch (f) {
    case REBIAS_TRANSFER_SIGMOID:
        return 1.0 / (1.0 + exp(-z));
    case REBIAS_TRANSFER_TANH:
        return tanh(z);
    case REBIAS_TRANSFER_RELU:
        return fmax(z, 0.0);
    default:
        return z;
    }
}

/* in[channel][row][column], 0 outside. */
static inline double plain_pixel(const struct rebias_shape *shape, const double *in,
                                 size_t channel, long row, long column)
{
    if (row < 0 || column < 0 || row >= (long)shape->rows || column >= (long)shape->columns) {
        return 0.0;
    }
    return in[(channel * shape->rows + (size_t)row) * shape->columns + (size_t)column];
}

/* sum_i W x of output neuron (channel, row, column). */
static inline double plain_weighted_sum(const struct rebias_layer *layer, const double *weights,
                                        const double *in, size_t channel, long row, long column)
{
    double sum = 0.0;
    const size_t inputs = layer->weights / layer->biases;
    const double *w = weights + channel * inputs;
    if (layer->kind == REBIAS_DENSE) {
        for (size_t i = 0; i < inputs; i++) {
            sum += w[i] * in[i];
        }
        return sum;
    }
    const long k = (long)layer->kernel;
    const long pad = layer->padded ? (k - 1) / 2 : 0;
    for (size_t i = 0; i < inputs; i++) {
        const long tap = (long)i % (k * k);
        sum += w[i] * plain_pixel(&layer->in, in, i / (size_t)(k * k), row + tap / k - pad,
                                  column + tap % k - pad);
    }
    return sum;
}

static inline double plain_maximum(const struct rebias_layer *layer, const double *in,
                                   size_t channel, long row, long column)
{
    const long k = (long)layer->kernel;
    double largest = -INFINITY;
    for (long i = 0; i < k * k; i++) {
        largest = fmax(
            largest, plain_pixel(&layer->in, in, channel, row * k + i / k, column * k + i % k));
    }
    return largest;
}

/* y = L f(k (z - z0)) + y0; `channel` counts those of all layers before, too. */
static inline double plain_bent(const struct plain_model *r, enum rebias_transfer f,
                                size_t channel, double z)
{
    if (r->defects[0] == NULL) {
        return plain_transfer(f, z);
    }
    const double slope = (double)r->defects[1][channel];
    return (double)r->defects[2][channel] *
               plain_transfer(f, slope * (z - (double)r->defects[0][channel])) +
           (double)r->defects[3][channel];
}

/* Outputs for one sample x[inputs]; inputs of layer `upto` (all: layers). */
static const double *plain_forward(struct plain_model *r, const float *x, size_t upto)
{
    const struct rebias_architecture *a = r->a;
    for (size_t i = 0; i < a->inputs; i++) {
        r->value[0][i] = (double)x[i];
    }
    size_t channels = 0;
    for (size_t l = 0; l < upto; l++) {
        const struct rebias_layer *layer = &a->layer[l];
        const double *in = r->value[l % 2];
        const size_t columns = layer->out.columns;
        const size_t positions = layer->out.rows * columns;
        for (size_t j = 0; j < plain_size(&layer->out); j++) {
            const size_t channel = j / positions;
            const long row = (long)(j % positions / columns);
            const long column = (long)(j % columns);
            if (layer->kind == REBIAS_POOL) {
                r->value[(l + 1) % 2][j] = plain_maximum(layer, in, channel, row, column);
                continue;
            }
            const double z =
                plain_weighted_sum(layer, r->theta + layer->first, in, channel, row, column) +
                r->theta[layer->first + layer->weights + channel] +
                r->node[layer->first_node + j];
            r->value[(l + 1) % 2][j] = plain_bent(r, layer->transfer, channels + channel, z);
        }
        channels += layer->out.channels;
    }
    return r->value[upto % 2];
}

/* Cost of one sample by the definitions, without care for large outputs. */
static inline double plain_cost(struct plain_model *r, const struct plain_setting *s,
                                size_t sample)
{
    const size_t outputs = s->a.outputs;
    const double *a = plain_forward(r, s->x + sample * s->a.inputs, s->a.layers);
    double sum = 0.0;
    if (s->a.cost == REBIAS_COST_SQUARED) {
        for (size_t c = 0; c < outputs; c++) {
            const double e = a[c] - (double)s->target[sample * outputs + c];
            sum += e * e / (double)outputs;
        }
        return sum;
    }
    double all = 0.0;
    for (size_t c = 0; c < outputs; c++) {
        all += exp(a[c]);
    }
    for (size_t c = 0; c < outputs; c++) {
        const double right = s->label[sample] == c ? 1.0 - s->a.smoothing : 0.0;
        sum -= (right + s->a.smoothing / (double)outputs) * log(exp(a[c]) / all);
    }
    return sum;
}

static inline struct plain_model *plain_new(const struct plain_setting *s)
{
    struct plain_model *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->a = &s->a;
    for (size_t i = 0; i < s->a.parameters; i++) {
        r->theta[i] = (double)s->theta[i];
    }
    return r;
}

/* outputs[outputs][n] equal the reference's. */
static inline void plain_assert_outputs(struct plain_model *r, const struct plain_setting *s,
                                        const float *outputs)
{
    const size_t n = s->samples.n;
    for (size_t b = 0; b < n; b++) {
        const double *a = plain_forward(r, s->x + b * s->a.inputs, s->a.layers);
        for (size_t c = 0; c < s->a.outputs; c++) {
            support_close((double)outputs[c * n + b], a[c], 2e-5, 2e-6);
        }
    }
}

#endif
