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

struct rebias_tile rebias_tuner_row(const struct rebias_tuner *tuner, size_t matrix, size_t row,
                                    size_t *output)
{
    const struct rebias_deployed_layer *layer =
        &tuner->deployment->layer[rebias_tuner_block(tuner, matrix)->layer];
    *output = row % layer->n;
    return rebias_tiling_tile(&layer->tiling, row / layer->n);
}

float *rebias_tuner_biases(const struct rebias_tuner *tuner, size_t network, size_t layer)
{
    const struct rebias_deployment *d = tuner->deployment;
    const bool tuned = tuner->options->biases &&
                       rebias_deployment_network(d, network)->layer[layer].bias != NULL;
    return tuned ? d->bias + network * d->neurons + d->layer[layer].first_neuron : NULL;
}

/* -- 1. traces of forward passes -- */

/* matrix += sign share gain G of copy k's last read, which its number repeats. */
static int add_again(struct rebias_deployment *d, size_t l, int sign, size_t k, float *matrix,
                     struct rebias_error *err)
{
    const struct rebias_deployed_layer *layer = &d->layer[l];
    const size_t from = layer->matrix[sign][k];
    rebias_deployment_read(d, from, layer->reads, d->read);
    const int status = rebias_deployment_drop(d, from, d->read, err);
    for (size_t r = 0; status == REBIAS_OK && r < layer->tiling.across * layer->n; r++) {
        const struct rebias_tile tile = rebias_tiling_tile(&layer->tiling, r / layer->n);
        const size_t row = d->first_row[from] + r;
        const size_t at = r % layer->n * layer->m + tile.input;
        const double share = sign == 0 ? d->share[row] : -d->share[row];
        cblas_saxpy((int)tile.inputs, (float)(share * d->gain[row]), d->read + at, 1,
                    matrix + at, 1);
    }
    return status;
}

static int read_again(struct rebias_deployment *d, size_t l, size_t q, float *matrix,
                      struct rebias_error *err)
{
    const struct rebias_deployed_layer *layer = &d->layer[l];
    int status = REBIAS_OK;
    memset(matrix, 0, layer->m * layer->n * sizeof *matrix);
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < layer->copies[s] && status == REBIAS_OK; k++) {
            if (d->options.method != REBIAS_DEPLOY_CM || k == q) {
                status = add_again(d, l, s, k, matrix, err);
            }
        }
    }
    return status;
}

int rebias_deployment_keep(struct rebias_deployment *deployment, size_t l, size_t q,
                           size_t count, const float *in, struct rebias_error *err)
{
    struct rebias_deployment *d = deployment;
    const size_t m = d->layer[l].m;
    memcpy(d->trace[q].in[l], in, count * m * sizeof *in);
    if (d->options.readout.adc_bits > 0) { /* copies were converted one by one */
        return read_again(d, l, q, d->trace[q].matrix[l], err);
    }
    memcpy(d->trace[q].matrix[l], d->effective, m * d->layer[l].n * sizeof(float));
    return REBIAS_OK;
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
        const double norm = (double)largest + log(sum);
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

/* Puts amplitude times the code onto working devices and tuned biases. */
static void displace(struct rebias_tuner *t, double amplitude)
{
    struct rebias_deployment *d = t->deployment;
    for (size_t k = 0; k < d->matrix_count; k++) {
        const size_t l = rebias_tuner_block(t, k)->layer;
        const size_t m = d->layer[l].m;
        const float *code = t->code + rebias_tuner_network(t, k) * t->parameters + t->first[l];
        for (size_t r = 0; r < d->first_row[k + 1] - d->first_row[k]; r++) {
            size_t j = 0;
            const struct rebias_tile tile = rebias_tuner_row(t, k, r, &j);
            const size_t at = d->first[k] + j * m + tile.input;
            tune_displace(tile.inputs, (float)(amplitude * t->part[d->first_row[k] + r]),
                          code + j * m + tile.input, d->stuck + at, t->base + at, d->G + at);
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

/* gradient += of one pattern, and the mean cost += of its two sides. */
static int measure_pattern(struct rebias_tuner *t, size_t n, const float *x,
                           const uint8_t *label, uint32_t number, double *cost,
                           struct rebias_error *err)
{
    const double amplitude = weight_amplitude(t);
    const double patterns = (double)t->options->patterns;
    double side[2] = {0.0, 0.0};
    int status = REBIAS_OK;
    draw_code(t, number);
    for (int i = 0; i < 2 && status == REBIAS_OK; i++) {
        displace(t, i == 0 ? amplitude : -amplitude);
        status = measure(t, n, x, label, NULL, &side[i], err);
    }
    tune_correlate(t->networks * t->parameters,
                   (float)(0.5 * (side[0] - side[1]) / (amplitude * patterns)), t->code,
                   t->gradient);
    *cost += 0.5 * (side[0] + side[1]) / patterns;
    return status;
}

static int measured_gradient(struct rebias_tuner *t, size_t n, const float *x,
                             const uint8_t *label, uint32_t number, double *cost,
                             struct rebias_error *err)
{
    struct rebias_deployment *d = t->deployment;
    const size_t devices = d->first[d->matrix_count];
    const size_t neurons = t->networks * d->neurons;
    int status = REBIAS_OK;
    *cost = 0.0;
    memcpy(t->base, d->G, devices * sizeof *d->G);
    memcpy(t->base_bias, d->bias, neurons * sizeof *d->bias);
    memset(t->gradient, 0, t->networks * t->parameters * sizeof *t->gradient);
    for (size_t p = 0; p < t->options->patterns && status == REBIAS_OK; p++) {
        status = measure_pattern(t, n, x, label, number + (uint32_t)p, cost, err);
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
