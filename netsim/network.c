/* network.c - multi-layer perceptrons on crossbars or in plain float32.
 * 1. options   2. life cycle   3. inputs   4. forward   5. backward   6. update   7. accuracy
 *
 * Activations of layer l are kept as rows of sizes[l] + 1 numbers, the last of them 1, so that
 * the biases are the last row of the weights and one matrix product does everything. Single
 * vectors use matrix-vector products.
 */
#include "rebias/network.h"
#include "activation.h"
#include "base/simd.h"
#include "rebias/base.h"
#include "rebias/images.h"
#include "rebias/visits.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct layer {
    size_t inputs;
    size_t outputs;
    float *weights;  /* (inputs + 1) x outputs */
    float *gradient; /* the same shape */
    uint8_t *
        active; /* inputs + 1: rows of the gradient that can be nonzero (single vectors only) */
    struct rebias_crossbar *crossbar;
};

struct rebias_network {
    struct rebias_network_options options;
    struct layer layer[REBIAS_MAX_LAYERS];
    float *value[REBIAS_MAX_LAYERS +
                 1]; /* value[l]: batch x (sizes[l] + 1); the last one batch x outputs */
    float
        *delta[REBIAS_MAX_LAYERS + 1]; /* dLoss/dz of layer l - 1's outputs: batch x sizes[l] */
};

/* -- 1. options -- */

enum { LARGEST_LAYER = 65536, LARGEST_BATCH = 65536 };

struct rebias_network_options rebias_network_options_defaults(void)
{
    return (struct rebias_network_options){.layers = 2,
                                           .sizes = {784, 100, 10},
                                           .batch = 64,
                                           .activation = REBIAS_RELU,
                                           .loss = REBIAS_CROSS_ENTROPY,
                                           .biases = REBIAS_BIASES_DIGITAL,
                                           .crossbar = rebias_crossbar_options_defaults(),
                                           .seed = 1};
}

static int check_options(const struct rebias_network_options *o, struct rebias_error *err)
{
    if (o->layers < 1 || o->layers > REBIAS_MAX_LAYERS) {
        return rebias_fail(err, REBIAS_E_RANGE, "%zu weight layers are not possible (1 to %d)",
                           o->layers, REBIAS_MAX_LAYERS);
    }
    for (size_t l = 0; l <= o->layers; l++) {
        if (o->sizes[l] < 1 || o->sizes[l] > LARGEST_LAYER) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "a layer of %zu neurons is not possible (1 to %d)", o->sizes[l],
                               LARGEST_LAYER);
        }
    }
    if (o->batch < 1 || o->batch > LARGEST_BATCH) {
        return rebias_fail(err, REBIAS_E_RANGE, "a batch of %zu is not possible (1 to %d)",
                           o->batch, LARGEST_BATCH);
    }
    return REBIAS_OK;
}

/* -- 2. life cycle -- */

void rebias_network_free(struct rebias_network *network)
{
    if (network == NULL) {
        return;
    }
    for (size_t l = 0; l < REBIAS_MAX_LAYERS; l++) {
        free(network->layer[l].weights);
        free(network->layer[l].gradient);
        free(network->layer[l].active);
        rebias_crossbar_free(network->layer[l].crossbar);
    }
    for (size_t l = 0; l <= REBIAS_MAX_LAYERS; l++) {
        free(network->value[l]);
        free(network->delta[l]);
    }
    free(network);
}

static int new_values(struct rebias_network *net, struct rebias_error *err)
{
    const struct rebias_network_options *o = &net->options;
    int status = REBIAS_OK;
    for (size_t l = 0; l <= o->layers && status == REBIAS_OK; l++) {
        size_t width = o->sizes[l] + (l < o->layers ? 1 : 0);
        status = rebias_alloc(&net->value[l], o->batch * width, sizeof(float), err);
        if (status == REBIAS_OK && l > 0) {
            status = rebias_alloc(&net->delta[l], o->batch * o->sizes[l], sizeof(float), err);
        }
        for (size_t i = 0; i < o->batch && l < o->layers && status == REBIAS_OK; i++) {
            net->value[l][i * width + width - 1] = 1.0f;
        }
    }
    return status;
}

static int draw_weights(const struct rebias_network *net, size_t l, float *weights,
                        struct rebias_error *err)
{
    const struct rebias_network_options *o = &net->options;
    const struct layer *layer = &net->layer[l];
    const size_t n = layer->inputs * layer->outputs;
    const struct rebias_stream stream = {o->seed, REBIAS_FOR_WEIGHTS, o->replicate, (uint32_t)l,
                                         0};
    double *uniform = NULL;
    int status = rebias_alloc(&uniform, n, sizeof *uniform, err);
    if (status == REBIAS_OK) {
        double limit = sqrt(6.0 / (double)(layer->inputs + layer->outputs));
        limit *= o->activation == REBIAS_RELU ? M_SQRT2 : 1.0;
        rebias_random_uniform(&stream, 0, n, uniform);
        for (size_t i = 0; i < n; i++) {
            weights[i] = (float)(limit * (2.0 * uniform[i] - 1.0));
        }
    }
    free(uniform);
    return status;
}

/* Puts the layer on devices: a crossbar that mirrors its weights, programmed to the drawn ones.
 */
static int put_on_devices(struct rebias_network *net, size_t l, struct rebias_error *err)
{
    const struct rebias_network_options *o = &net->options;
    struct layer *layer = &net->layer[l];
    struct rebias_crossbar_options options = o->crossbar;
    options.rows = layer->inputs + (o->biases == REBIAS_BIASES_DEVICES ? 1 : 0);
    options.columns = layer->outputs;
    options.seed = o->seed;
    options.replicate = o->replicate;
    options.entity = (uint32_t)l;
    const size_t size = (layer->inputs + 1) * layer->outputs;
    float *target = NULL;
    int status = rebias_alloc(&target, size, sizeof *target, err);
    if (status == REBIAS_OK) {
        memcpy(target, layer->weights, size * sizeof *target);
        status =
            rebias_crossbar_new(&layer->crossbar, o->device, &options, layer->weights, err);
    }
    if (status == REBIAS_OK) {
        rebias_crossbar_program(layer->crossbar, target);
    }
    free(target);
    return status;
}

static int new_layer(struct rebias_network *net, size_t l, struct rebias_error *err)
{
    struct layer *layer = &net->layer[l];
    layer->inputs = net->options.sizes[l];
    layer->outputs = net->options.sizes[l + 1];
    const size_t size = (layer->inputs + 1) * layer->outputs;
    int status = rebias_alloc(&layer->weights, size, sizeof(float), err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&layer->gradient, size, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&layer->active, layer->inputs + 1, 1, err);
    }
    if (status == REBIAS_OK) {
        status = draw_weights(net, l, layer->weights, err);
    }
    if (status == REBIAS_OK && net->options.device != NULL) {
        status = put_on_devices(net, l, err);
    }
    return status;
}

int rebias_network_new(struct rebias_network **out,
                       const struct rebias_network_options *options, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_network *net = NULL;
    int status = check_options(options, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&net, 1, sizeof *net, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    net->options = *options;
    status = new_values(net, err);
    for (size_t l = 0; l < options->layers && status == REBIAS_OK; l++) {
        status = new_layer(net, l, err);
    }
    if (status != REBIAS_OK) {
        rebias_network_free(net);
        return status;
    }
    *out = net;
    return REBIAS_OK;
}

const struct rebias_network_options *rebias_network_options_of(
    const struct rebias_network *network)
{
    return &network->options;
}

const float *rebias_network_gradient(const struct rebias_network *network, size_t layer)
{
    return network->layer[layer].gradient;
}

float *rebias_network_weights(struct rebias_network *network, size_t layer)
{
    return network->layer[layer].weights;
}

const struct rebias_crossbar *rebias_network_crossbar(const struct rebias_network *network,
                                                      size_t layer)
{
    return network->layer[layer].crossbar;
}

/* -- 3. inputs -- */

void rebias_network_set_inputs(struct rebias_network *network, size_t n, const float *x)
{
    const size_t inputs = network->options.sizes[0];
    for (size_t i = 0; i < n; i++) {
        memcpy(network->value[0] + i * (inputs + 1), x + i * inputs, inputs * sizeof *x);
    }
}

REBIAS_SIMD static void scale_pixels(size_t n, const uint8_t *pixel, float *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(int32_t)pixel[i] * (1.0f / 255.0f);
    }
}

void rebias_network_set_images(struct rebias_network *network,
                               const struct rebias_images *images, size_t n,
                               const uint32_t *order)
{
    const size_t inputs = network->options.sizes[0];
    for (size_t i = 0; i < n; i++) {
        scale_pixels(inputs, images->pixels + (size_t)order[i] * inputs,
                     network->value[0] + i * (inputs + 1));
    }
}

/* -- 4. forward -- */

/* z[n][outputs] with row distance ldz = x[n][inputs + 1] * weights. */
static void multiply(const struct layer *layer, size_t n, const float *x, float *z, size_t ldz)
{
    const int rows = (int)layer->inputs + 1;
    const int columns = (int)layer->outputs;
    if (n == 1) {
        cblas_sgemv(CblasRowMajor, CblasTrans, rows, columns, 1.0f, layer->weights, columns, x,
                    1, 0.0f, z, 1);
    } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, columns, rows, 1.0f, x,
                    rows, layer->weights, columns, 0.0f, z, (int)ldz);
    }
}

const float *rebias_network_forward(struct rebias_network *network, size_t n)
{
    const struct rebias_network_options *o = &network->options;
    for (size_t l = 0; l < o->layers; l++) {
        const struct layer *layer = &network->layer[l];
        bool last = l + 1 == o->layers;
        size_t width = layer->outputs + (last ? 0 : 1);
        float *z = network->value[l + 1];
        multiply(layer, n, network->value[l], z, width);
        if (last && o->loss == REBIAS_CROSS_ENTROPY) {
            rebias_softmax_apply(n, layer->outputs, z);
        } else {
            for (size_t i = 0; i < n; i++) {
                rebias_activation_apply(o->activation, layer->outputs, z + i * width);
            }
        }
    }
    return network->value[o->layers];
}

/* -- 5. backward -- */

/* -log p, at most 69 where softmax underflows; NaN stays NaN, so that a diverged network is
 * seen. */
static double cross_entropy(float p)
{
    return -log(p < 1e-30f ? 1e-30 : (double)p);
}

/* delta = dLoss/dz of the output layer; returns the mean loss. */
static double output_delta(struct rebias_network *net, size_t n, const uint8_t *label)
{
    const struct rebias_network_options *o = &net->options;
    const size_t outputs = o->sizes[o->layers];
    const float *a = net->value[o->layers];
    float *delta = net->delta[o->layers];
    const float scale = 1.0f / (float)n;
    double loss = 0.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < outputs; c++) {
            float target = label[i] == c ? 1.0f : 0.0f;
            float error = a[i * outputs + c] - target;
            delta[i * outputs + c] = error * scale;
            if (o->loss == REBIAS_SQUARED_ERROR) {
                loss += 0.5 * (double)(error * error);
            }
        }
        if (o->loss == REBIAS_CROSS_ENTROPY) {
            loss += cross_entropy(a[i * outputs + label[i]]);
        }
    }
    if (o->loss == REBIAS_SQUARED_ERROR) {
        rebias_activation_chain(o->activation, n * outputs, a, delta);
    }
    return loss / (double)n;
}

/* delta of layer l's inputs from delta of its outputs (bias row left out), times f'. */
static void pass_back(struct rebias_network *net, size_t l, size_t n)
{
    const struct layer *layer = &net->layer[l];
    const int inputs = (int)layer->inputs;
    const int outputs = (int)layer->outputs;
    float *below = net->delta[l];
    if (n == 1) {
        cblas_sgemv(CblasRowMajor, CblasNoTrans, inputs, outputs, 1.0f, layer->weights, outputs,
                    net->delta[l + 1], 1, 0.0f, below, 1);
    } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, inputs, outputs, 1.0f,
                    net->delta[l + 1], outputs, layer->weights, outputs, 0.0f, below, inputs);
    }
    for (size_t i = 0; i < n; i++) {
        rebias_activation_chain(net->options.activation, layer->inputs,
                                net->value[l] + i * (layer->inputs + 1),
                                below + i * layer->inputs);
    }
}

/* Outer product of one input and one delta: rows of inputs that are 0 are marked, not written.
 */
REBIAS_SIMD static void single_gradient(struct layer *layer, const float *x, const float *delta)
{
    for (size_t r = 0; r <= layer->inputs; r++) {
        layer->active[r] = x[r] != 0.0f;
        if (layer->active[r]) {
            float *row = layer->gradient + r * layer->outputs;
#pragma omp simd
            for (size_t c = 0; c < layer->outputs; c++) {
                row[c] = x[r] * delta[c];
            }
        }
    }
}

static void batch_gradient(const struct layer *layer, size_t n, const float *x,
                           const float *delta)
{
    const int rows = (int)layer->inputs + 1;
    const int columns = (int)layer->outputs;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, rows, columns, (int)n, 1.0f, x, rows,
                delta, columns, 0.0f, layer->gradient, columns);
}

/* Rows left out by single_gradient hold what an earlier batch left there; callers that look see
 * zeros. */
static void clear_inactive(struct layer *layer)
{
    for (size_t r = 0; r <= layer->inputs; r++) {
        if (!layer->active[r]) {
            memset(layer->gradient + r * layer->outputs, 0, layer->outputs * sizeof(float));
        }
    }
}

double rebias_network_backward(struct rebias_network *network, size_t n, const uint8_t *label)
{
    double loss = output_delta(network, n, label);
    for (size_t l = network->options.layers; l-- > 0;) {
        struct layer *layer = &network->layer[l];
        if (l > 0) {
            pass_back(network, l, n);
        }
        if (n == 1) {
            single_gradient(layer, network->value[l], network->delta[l + 1]);
            if (layer->crossbar == NULL) {
                clear_inactive(layer);
            }
        } else {
            batch_gradient(layer, n, network->value[l], network->delta[l + 1]);
        }
    }
    return loss;
}

/* -- 6. update -- */

REBIAS_SIMD static void descend(size_t n, float rate, const float *gradient, float *weights)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        weights[i] -= rate * gradient[i];
    }
}

uint64_t rebias_network_update(struct rebias_network *network, size_t n, const double *rate,
                               uint32_t step)
{
    uint64_t pulses = 0;
    for (size_t l = 0; l < network->options.layers; l++) {
        struct layer *layer = &network->layer[l];
        const size_t weights = layer->inputs * layer->outputs;
        if (layer->crossbar == NULL) {
            descend(weights + layer->outputs, (float)rate[l], layer->gradient, layer->weights);
            continue;
        }
        float gain = (float)(-rate[l] / rebias_crossbar_weight_step(layer->crossbar));
        pulses += rebias_crossbar_update(layer->crossbar, layer->gradient, gain,
                                         n == 1 ? layer->active : NULL, step);
        if (network->options.biases == REBIAS_BIASES_DIGITAL) {
            descend(layer->outputs, (float)rate[l], layer->gradient + weights,
                    layer->weights + weights);
        }
    }
    return pulses;
}

void rebias_network_count_visits(struct rebias_network *network, struct rebias_visits *visits)
{
    for (size_t l = 0; l < network->options.layers; l++) {
        if (network->layer[l].crossbar != NULL) {
            rebias_crossbar_count_visits(network->layer[l].crossbar, visits);
        }
    }
}

/* -- 7. accuracy -- */

static size_t largest(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = x[i] > x[best] ? i : best;
    }
    return best;
}

/* Loss of one output vector against its label. */
static double loss_of(const struct rebias_network_options *o, const float *a, size_t label)
{
    if (o->loss == REBIAS_CROSS_ENTROPY) {
        return cross_entropy(a[label]);
    }
    double loss = 0.0;
    for (size_t c = 0; c < o->sizes[o->layers]; c++) {
        double error = (double)a[c] - (c == label ? 1.0 : 0.0);
        loss += 0.5 * error * error;
    }
    return loss;
}

double rebias_network_accuracy(struct rebias_network *network,
                               const struct rebias_images *images, double *loss)
{
    const struct rebias_network_options *o = &network->options;
    const size_t outputs = o->sizes[o->layers];
    enum { PIECE = 64 };
    const size_t piece = o->batch < PIECE ? o->batch : PIECE;
    uint32_t order[PIECE];
    size_t right = 0;
    double sum = 0.0;
    for (size_t start = 0; start < images->n; start += piece) {
        size_t n = images->n - start < piece ? images->n - start : piece;
        for (size_t i = 0; i < n; i++) {
            order[i] = (uint32_t)(start + i);
        }
        rebias_network_set_images(network, images, n, order);
        const float *a = rebias_network_forward(network, n);
        for (size_t i = 0; i < n; i++) {
            size_t label = images->labels[start + i];
            right += largest(a + i * outputs, outputs) == label;
            sum += loss_of(o, a + i * outputs, label);
        }
    }
    if (loss != NULL) {
        *loss = sum / (double)images->n;
    }
    return (double)right / (double)images->n;
}
