/* fine_tune_gradient.c - gradients of deployed networks: backpropagated or measured.
 * 1. traces of forward passes   2. cost   3. backpropagation   4. patterns   5. either
 */
#include "activation.h"
#include "base/simd.h"
#include "fine_tune_internal.h"
#include "rebias/random.h"
#include <cblas.h>
#include <math.h>
#include <string.h>

const struct rebias_block *rebias_tuner_block(const struct rebias_tuner *tuner, size_t matrix)
{
    return &tuner->deployment->blocks[tuner->deployment->first_block[matrix]];
}

size_t rebias_tuner_network(const struct rebias_tuner *tuner, size_t matrix)
{
    return tuner->deployment->options.method == REBIAS_DEPLOY_CM
               ? rebias_tuner_block(tuner, matrix)->copy
               : 0;
}

float *rebias_tuner_biases(const struct rebias_tuner *tuner, size_t network, size_t layer)
{
    const struct rebias_deployment *d = tuner->deployment;
    const bool tuned = tuner->options->biases &&
                       rebias_deployment_network(d, network)->layer[layer].bias != NULL;
    return tuned ? d->bias + network * d->neurons + d->layer[layer].first_neuron : NULL;
}

/* -- 1. traces of forward passes -- */

/* out += sign share gain G of a matrix, repeating the layer's last read by its number. */
static int read_again(struct rebias_deployment *d, size_t l, int sign, size_t matrix,
                      float *out, struct rebias_error *err)
{
    const size_t m = d->layer[l].m;
    rebias_deployment_read(d, matrix, d->layer[l].reads, d->read);
    int status = rebias_deployment_drop(d, matrix, d->read, err);
    for (size_t b = d->first_block[matrix];
         b < d->first_block[matrix + 1] && status == REBIAS_OK; b++) {
        const struct rebias_tile tile = rebias_deployment_tile(d, b);
        const size_t first = rebias_deployment_row(d, matrix, &d->blocks[b]);
        for (size_t j = 0; j < tile.outputs; j++) {
            const double share = sign == 0 ? d->share[first + j] : -d->share[first + j];
            const size_t at = (tile.output + j) * m + tile.input;
            cblas_saxpy((int)tile.inputs, (float)(share * d->gain[first + j]), d->read + at, 1,
                        out + at, 1);
        }
    }
    return status;
}

int rebias_deployment_keep(struct rebias_deployment *deployment, size_t l, size_t q,
                           size_t count, const float *in, struct rebias_error *err)
{
    struct rebias_deployment *d = deployment;
    const struct rebias_deployed_layer *layer = &d->layer[l];
    float *matrix = d->trace[q].matrix[l];
    int status = REBIAS_OK;
    memcpy(d->trace[q].in[l], in, count * layer->m * sizeof *in);
    if (d->options.readout.adc_bits == 0) {
        memcpy(matrix, d->effective, layer->m * layer->n * sizeof *matrix);
        return REBIAS_OK;
    }
    memset(matrix, 0, layer->m * layer->n * sizeof *matrix); /* copies were converted alone */
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < layer->copies[s] && status == REBIAS_OK; k++) {
            if (d->options.method != REBIAS_DEPLOY_CM || k == q) {
                status = read_again(d, l, s, layer->matrix[s][k], matrix, err);
            }
        }
    }
    return status;
}

/* -- 2. cost -- */

/* Mean of log sum exp a - a[label]; delta (may be NULL) = its gradient. */
static double cross_entropy(size_t n, size_t classes, const float *outputs,
                            const uint8_t *label, float *delta)
{
    double cost = 0.0;
    for (size_t s = 0; s < n; s++) {
        const float *a = outputs + s * classes;
        float largest = a[0];
        double sum = 0.0;
        for (size_t j = 1; j < classes; j++) {
            largest = a[j] > largest ? a[j] : largest;
        }
        for (size_t j = 0; j < classes; j++) {
            sum += exp((double)a[j] - (double)largest);
        }
        const double norm = (double)largest + log(fmax(sum, 1.0)); /* its own term is 1 */
        cost += (norm - (double)a[label[s]]) / (double)n;
        for (size_t j = 0; j < classes && delta != NULL; j++) {
            const double target = j == label[s] ? 1.0 : 0.0;
            delta[s * classes + j] = (float)((exp((double)a[j] - norm) - target) / (double)n);
        }
    }
    return cost;
}

static int measure(struct rebias_tuner *t, size_t n, const float *x, const uint8_t *label,
                   float *delta, double *cost, struct rebias_error *err)
{
    struct rebias_deployment *d = t->deployment;
    const int status = rebias_deployment_forward_batch(d, n, x, t->outputs, err);
    if (status == REBIAS_OK) {
        *cost = cross_entropy(n, d->layer[d->layers - 1].n, t->outputs, label, delta);
    }
    return status;
}

/* -- 3. backpropagation -- */

/* g = dC/dW and then dC/db of layer l of network q, from delta = dC/dy. */
static void differentiate(struct rebias_tuner *t, size_t q, size_t l, size_t n,
                          const float *delta, float *g)
{
    const struct rebias_deployed_layer *layer = &t->deployment->layer[l];
    float *bias = g + layer->m * layer->n;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)layer->n, (int)layer->m, (int)n,
                1.0f, delta, (int)layer->n, t->trace[q].in[l], (int)layer->m, 0.0f, g,
                (int)layer->m);
    memset(bias, 0, layer->n * sizeof *bias);
    if (rebias_tuner_biases(t, q, l) == NULL) {
        return;
    }
    for (size_t j = 0; j < layer->n; j++) {
        double sum = 0.0;
        for (size_t s = 0; s < n; s++) {
            sum += (double)delta[s * layer->n + j];
        }
        bias[j] = (float)sum;
    }
}

/* delta of layer l - 1 from that of layer l. */
static void pass_down(struct rebias_tuner *t, size_t q, size_t l, size_t n, const float *delta,
                      float *below)
{
    const struct rebias_deployment *d = t->deployment;
    const struct rebias_deployed_layer *layer = &d->layer[l];
    const struct rebias_weights *network = rebias_deployment_network(d, q);
    const double per_S = network->layer[l].gamma / (d->options.G_on - d->options.G_off);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)layer->m, (int)layer->n,
                (float)per_S, delta, (int)layer->n, t->trace[q].matrix[l], (int)layer->m, 0.0f,
                below, (int)layer->m);
    if (network->hidden != REBIAS_TRANSFER_NONE) {
        rebias_activation_chain((enum rebias_activation)network->hidden, n * layer->m,
                                t->trace[q].in[l], below);
    }
}

static void backpropagate(struct rebias_tuner *t, size_t q, size_t n)
{
    const struct rebias_deployment *d = t->deployment;
    const size_t values = n * d->layer[d->layers - 1].n;
    float *delta = t->delta[1];
    float *below = t->delta[2];
    for (size_t i = 0; i < values; i++) { /* outputs are means over networks */
        delta[i] = t->delta[0][i] / (float)t->networks;
    }
    for (size_t l = d->layers; l-- > 0;) {
        differentiate(t, q, l, n, delta, t->gradient + q * t->parameters + t->first[l]);
        if (l > 0) {
            pass_down(t, q, l, n, delta, below);
            float *swap = delta;
            delta = below;
            below = swap;
        }
    }
}

static int mapped_gradient(struct rebias_tuner *t, size_t n, const float *x,
                           const uint8_t *label, double *cost, struct rebias_error *err)
{
    t->deployment->trace = t->trace;
    const int status = measure(t, n, x, label, t->delta[0], cost, err);
    t->deployment->trace = NULL;
    for (size_t q = 0; q < t->networks && status == REBIAS_OK; q++) {
        backpropagate(t, q, n);
    }
    return status;
}

/* -- 4. patterns -- */

REBIAS_SIMD static void tune_spread_code(size_t n, const uint32_t *word, float *code)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        code[i] = (word[i / 32] >> (i % 32) & 1u) != 0 ? 1.0f : -1.0f;
    }
}

REBIAS_SIMD static void tune_displace(size_t n, float amplitude, const float *code,
                                      const uint8_t *stuck, const float *base, float *G)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        G[i] = base[i] + (stuck[i] != 0 ? 0.0f : amplitude * code[i]);
    }
}

REBIAS_SIMD static void tune_correlate(size_t n, float scale, const float *code,
                                       float *gradient)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        gradient[i] += scale * code[i];
    }
}

/* Pattern `number`; parameters that are not there have code 0. */
static void draw_code(struct rebias_tuner *t, uint32_t number)
{
    enum { WORDS = 64 };
    uint32_t word[WORDS];
    const size_t count = t->networks * t->parameters;
    const struct rebias_stream stream = {t->deployment->options.seed, REBIAS_FOR_TUNING,
                                         t->deployment->options.replicate, REBIAS_TUNING_CODE,
                                         number};
    for (size_t at = 0; at < count; at += 32 * WORDS) {
        const size_t piece = count - at < 32 * WORDS ? count - at : 32 * WORDS;
        rebias_random_words(&stream, at / 32, (piece + 31) / 32, word);
        tune_spread_code(piece, word, t->code + at);
    }
    for (size_t q = 0; q < t->networks; q++) {
        for (size_t l = 0; l < t->deployment->layers; l++) {
            const struct rebias_deployed_layer *layer = &t->deployment->layer[l];
            float *code = t->code + q * t->parameters + t->first[l] + layer->m * layer->n;
            if (rebias_tuner_biases(t, q, l) == NULL) {
                memset(code, 0, layer->n * sizeof *code);
            }
        }
    }
}

/* Puts amplitude times the code onto the working devices of a block. */
static void displace_block(struct rebias_tuner *t, size_t matrix, size_t b, double amplitude)
{
    struct rebias_deployment *d = t->deployment;
    const size_t l = d->blocks[b].layer;
    const struct rebias_tile tile = rebias_deployment_tile(d, b);
    const size_t row = rebias_deployment_row(d, matrix, &d->blocks[b]);
    const float *code = t->code + rebias_tuner_network(t, matrix) * t->parameters + t->first[l];
    for (size_t j = 0; j < tile.outputs; j++) {
        const size_t at = (tile.output + j) * d->layer[l].m + tile.input;
        const size_t device = d->first[matrix] + at;
        tune_displace(tile.inputs, (float)(amplitude * t->part[row + j]), code + at,
                      d->stuck + device, t->base + device, d->G + device);
    }
}

/* The same on all devices, and on tuned biases. */
static void displace(struct rebias_tuner *t, double amplitude)
{
    struct rebias_deployment *d = t->deployment;
    for (size_t k = 0; k < d->matrix_count; k++) {
        for (size_t b = d->first_block[k]; b < d->first_block[k + 1]; b++) {
            displace_block(t, k, b, amplitude);
        }
    }
    for (size_t q = 0; q < t->networks; q++) {
        for (size_t l = 0; l < d->layers; l++) {
            const struct rebias_deployed_layer *layer = &d->layer[l];
            const size_t at = q * d->neurons + layer->first_neuron;
            const float *code = t->code + q * t->parameters + t->first[l] + layer->m * layer->n;
            for (size_t j = 0; j < layer->n; j++) {
                d->bias[at + j] = t->base_bias[at + j] + (float)amplitude * code[j];
            }
        }
    }
}

/* A in units of the weights. */
static double weight_amplitude(const struct rebias_tuner *t)
{
    const struct rebias_deployment *d = t->deployment;
    double smallest = INFINITY;
    for (size_t q = 0; q < t->networks; q++) {
        for (size_t l = 0; l < d->layers; l++) {
            smallest = fmin(smallest, rebias_deployment_network(d, q)->layer[l].gamma);
        }
    }
    return t->options->amplitude * smallest;
}

/* [C(+) - C(-)]/2 of pattern `number`, and their mean. */
static int measure_pattern(struct rebias_tuner *t, size_t n, const float *x,
                           const uint8_t *label, uint32_t number, double amplitude,
                           double *difference, double *mean, struct rebias_error *err)
{
    double above = 0.0;
    double below = 0.0;
    draw_code(t, number);
    displace(t, amplitude);
    int status = measure(t, n, x, label, NULL, &above, err);
    if (status == REBIAS_OK) {
        displace(t, -amplitude);
        status = measure(t, n, x, label, NULL, &below, err);
    }
    *difference = 0.5 * (above - below);
    *mean = 0.5 * (above + below);
    return status;
}

static int measured_gradient(struct rebias_tuner *t, size_t n, const float *x,
                             const uint8_t *label, uint32_t number, double *cost,
                             struct rebias_error *err)
{
    struct rebias_deployment *d = t->deployment;
    const size_t devices = d->first[d->matrix_count];
    const size_t neurons = t->networks * d->neurons;
    const double amplitude = weight_amplitude(t);
    const double patterns = (double)t->options->patterns;
    int status = REBIAS_OK;
    *cost = 0.0;
    memcpy(t->base, d->G, devices * sizeof *d->G);
    memcpy(t->base_bias, d->bias, neurons * sizeof *d->bias);
    memset(t->gradient, 0, t->networks * t->parameters * sizeof *t->gradient);
    for (size_t p = 0; p < t->options->patterns && status == REBIAS_OK; p++) {
        double difference = 0.0;
        double mean = 0.0;
        status = measure_pattern(t, n, x, label, number + (uint32_t)p, amplitude, &difference,
                                 &mean, err);
        tune_correlate(t->networks * t->parameters,
                       (float)(difference / (amplitude * patterns)), t->code, t->gradient);
        *cost += mean / patterns;
    }
    memcpy(d->G, t->base, devices * sizeof *d->G);
    memcpy(d->bias, t->base_bias, neurons * sizeof *d->bias);
    return status;
}

/* -- 5. either -- */

int rebias_tuner_gradient(struct rebias_tuner *tuner, size_t n, const float *x,
                          const uint8_t *label, uint32_t number, double *cost,
                          struct rebias_error *err)
{
    return tuner->options->method == REBIAS_FINE_TUNE_MGD
               ? measured_gradient(tuner, n, x, label, number, cost, err)
               : mapped_gradient(tuner, n, x, label, cost, err);
}

/* Biases that are not tuned are no parameters of the pattern. */
static size_t tuned_parameters(const struct rebias_tuner *t)
{
    size_t count = t->networks * t->parameters;
    for (size_t q = 0; q < t->networks; q++) {
        for (size_t l = 0; l < t->deployment->layers; l++) {
            count -= rebias_tuner_biases(t, q, l) == NULL ? t->deployment->layer[l].n : 0;
        }
    }
    return count;
}

double rebias_tuner_cosine(const struct rebias_tuner *tuner)
{
    if (tuner->options->method == REBIAS_FINE_TUNE_MAPPED) {
        return 1.0;
    }
    const double others = (double)tuned_parameters(tuner) - 1.0;
    return 1.0 / sqrt(1.0 + others / (double)tuner->options->patterns);
}
