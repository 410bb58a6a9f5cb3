/* deploy_read.c - reading deployed networks.
 * 1. reads   2. mapping error   3. converters   4. a layer through its mean conductances   5. a
 * layer with converted currents   6. forward   7. accuracy
 *
 * Without an ADC a layer is exactly linear in its conductances, so one matrix holds all copies:
 * D = sum sign share gain G. The read-out noise of its rows adds up to one normal number per
 * output. With an ADC each copy's currents are converted before they are averaged.
 */
#include "activation.h"
#include "base/simd.h"
#include "deploy_internal.h"
#include "rebias/random.h"
#include <cblas.h>
#include <math.h>
#include <string.h>

/* -- 1. reads -- */

void rebias_deployment_read(const struct rebias_deployment *deployment, size_t matrix,
                            uint32_t number, float *out)
{
    const struct rebias_deployment *d = deployment;
    const size_t n = d->first[matrix + 1] - d->first[matrix];
    memcpy(out, d->G + d->first[matrix], n * sizeof *out);
    rebias_spread_add(&d->options.read_noise, d->options.seed, REBIAS_FOR_READ,
                      d->options.replicate, (uint32_t)matrix, number, n, out);
}

REBIAS_SIMD static void add_scaled_row(size_t n, float scale, const float *restrict x,
                                       float *restrict y)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        y[i] += scale * x[i];
    }
}

/* Copies [*from, *to) that network number q consists of. */
static void copies_of(const struct rebias_deployment *d, size_t l, int sign, size_t q,
                      size_t *from, size_t *to)
{
    const bool own = d->options.method == REBIAS_DEPLOY_CM;
    *from = own ? q : 0;
    *to = own ? q + 1 : d->layer[l].copies[sign];
}

static size_t network_count(const struct rebias_deployment *d)
{
    return d->options.method == REBIAS_DEPLOY_CM ? d->options.alpha : 1;
}

/* -- 2. mapping error -- */

/* effective += sign agg G/Gnorm of one matrix's last read: of LEA the mean over the copies that
 * each tile has (`copies`; coverage may leave some out). */
static void add_unmasked(struct rebias_deployment *d, size_t matrix, const size_t *copies,
                         int sign)
{
    const double Gnorm = d->options.G_on - d->options.G_off;
    for (size_t b = d->first_block[matrix]; b < d->first_block[matrix + 1]; b++) {
        const struct rebias_tile tile = rebias_deployment_tile(d, b);
        const size_t m = d->layer[d->blocks[b].layer].m;
        const double share = d->options.method == REBIAS_DEPLOY_LEA
                                 ? 1.0 / (double)copies[2 * d->blocks[b].tile + (size_t)sign]
                                 : 1.0;
        for (size_t j = tile.output; j < tile.output + tile.outputs; j++) {
            const size_t at = j * m + tile.input;
            add_scaled_row(tile.inputs, (float)((sign == 0 ? share : -share) / Gnorm),
                           d->read + at, d->effective + at);
        }
    }
}

/* effective = (agg G_pos - agg G_neg)/Gnorm of network q from one read, without masks. */
static void read_unmasked(struct rebias_deployment *d, size_t l, size_t q)
{
    const struct rebias_deployed_layer *layer = &d->layer[l];
    memset(d->effective, 0, layer->m * layer->n * sizeof *d->effective);
    for (int s = 0; s < 2; s++) {
        size_t from = 0;
        size_t to = 0;
        copies_of(d, l, s, q, &from, &to);
        for (size_t k = from; k < to; k++) {
            rebias_deployment_read(d, layer->matrix[s][k], layer->reads, d->read);
            add_unmasked(d, layer->matrix[s][k], d->tile_copies + 2 * layer->first_tile, s);
        }
    }
}

double rebias_deployment_mapping_error(struct rebias_deployment *deployment, size_t layer)
{
    struct rebias_deployment *d = deployment;
    double mean = 0.0;
    for (size_t q = 0; q < network_count(d); q++) {
        const struct rebias_weights_layer *trained =
            &rebias_deployment_network(d, q)->layer[layer];
        double wrong = 0.0;
        double norm = 0.0;
        read_unmasked(d, layer, q);
        for (size_t i = 0; i < d->layer[layer].m * d->layer[layer].n; i++) {
            const double w = (double)trained->weight[i] / trained->gamma;
            const double difference = (double)d->effective[i] - w;
            wrong += difference * difference;
            norm += w * w;
        }
        mean += 100.0 * sqrt(wrong / norm) / (double)network_count(d);
    }
    d->layer[layer].reads++;
    return mean;
}

/* -- 3. converters -- */

/* x[n] rounded to a signed converter whose full scale is the largest |x|. */
static void convert(size_t n, unsigned bits, float *x)
{
    float largest = 0.0f;
    for (size_t i = 0; i < n; i++) {
        largest = fmaxf(largest, fabsf(x[i]));
    }
    if (bits == 0 || !(largest > 0.0f)) {
        return;
    }
    const double step = (double)largest / (ldexp(1.0, (int)bits - 1) - 1.0);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(step * rint((double)x[i] / step));
    }
}

/* Sd of the read-out noise of a row of m columns, A. */
static double row_noise(const struct rebias_deployment *d, size_t m)
{
    return d->options.readout.noise_sd * sqrt((double)m / 25.0);
}

/* z[count][n] += sd[j] times normal numbers; entity names what is read. */
static void add_noise(const struct rebias_deployment *d, uint32_t entity, uint32_t number,
                      size_t count, size_t n, double sd, float *z)
{
    enum { PIECE = 512, STEP_NOISE = 2 }; /* steps 0 and 1: gains and offsets */
    const struct rebias_stream stream = {d->options.seed, REBIAS_FOR_READOUT,
                                         d->options.replicate, entity, STEP_NOISE + number};
    float normal[PIECE];
    for (size_t first = 0; first < count * n; first += PIECE) {
        const size_t left = count * n - first;
        const size_t piece = left < PIECE ? left : PIECE;
        rebias_random_normal(&stream, first, piece, normal);
        add_scaled_row(piece, (float)sd, normal, z + first);
    }
}

/* Entities of the noise, apart from each other and from kernel numbers (below 65536). */
enum { NOISE_OF_LAYERS = 0x10000, NOISE_OF_BLOCKS = 0x20000 };

/* z[count][n] = V_read x[count][m] matrix[n][m]^T: currents, A; rows of x and of the matrix are
 * `stride` apart. */
static void multiply(const struct rebias_deployment *d, size_t count, size_t m, size_t n,
                     size_t stride, const float *x, const float *matrix, float *z)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)n, (int)m,
                (float)d->options.read_voltage, x, (int)stride, matrix, (int)stride, 0.0f, z,
                (int)n);
}

/* -- 4. a layer through its mean conductances -- */

/* effective += share gain sign G of one copy; its rows' offsets join those of the outputs. */
static int join_copy(struct rebias_deployment *d, size_t l, int sign, size_t copy,
                     struct rebias_error *err)
{
    const struct rebias_deployed_layer *layer = &d->layer[l];
    const size_t matrix = layer->matrix[sign][copy];
    rebias_deployment_read(d, matrix, layer->reads, d->read);
    int status = rebias_deployment_drop(d, matrix, d->read, err);
    for (size_t b = d->first_block[matrix];
         b < d->first_block[matrix + 1] && status == REBIAS_OK; b++) {
        const struct rebias_tile tile = rebias_deployment_tile(d, b);
        const size_t first = rebias_deployment_row(d, matrix, &d->blocks[b]);
        for (size_t j = 0; j < tile.outputs; j++) {
            const size_t row = first + j;
            const size_t at = (tile.output + j) * layer->m + tile.input;
            const double share = sign == 0 ? d->share[row] : -d->share[row];
            add_scaled_row(tile.inputs, (float)(share * d->gain[row]), d->read + at,
                           d->effective + at);
            d->offsets[tile.output + j] += share * d->offset[row];
        }
    }
    return status;
}

/* Sum of the squared shares of a row's copies: the same for every row of every tile. */
static double squared_shares(const struct rebias_deployment *d, size_t l, size_t q)
{
    double sum = 0.0;
    for (int s = 0; s < 2; s++) {
        size_t from = 0;
        size_t to = 0;
        copies_of(d, l, s, q, &from, &to);
        for (size_t k = from; k < to; k++) {
            const double share = d->share[d->first_row[d->layer[l].matrix[s][k]]];
            sum += share * share;
        }
    }
    return sum;
}

/* z = currents of all copies together, A. */
static int layer_by_mean(struct rebias_deployment *d, size_t l, size_t q, size_t count,
                         const float *x, float *z, struct rebias_error *err)
{
    const struct rebias_deployed_layer *layer = &d->layer[l];
    int status = REBIAS_OK;
    memset(d->effective, 0, layer->m * layer->n * sizeof *d->effective);
    for (int s = 0; s < 2; s++) {
        size_t from = 0;
        size_t to = 0;
        copies_of(d, l, s, q, &from, &to);
        for (size_t k = from; k < to && status == REBIAS_OK; k++) {
            status = join_copy(d, l, s, k, err);
        }
    }
    if (status != REBIAS_OK) {
        return status;
    }
    multiply(d, count, layer->m, layer->n, layer->m, x, d->effective, z);
    if (d->options.readout.noise_sd > 0.0) {
        /* variances of the tiles' rows add up to that of one row of all inputs */
        const double sd = row_noise(d, layer->m) * sqrt(squared_shares(d, l, q));
        add_noise(d, NOISE_OF_LAYERS + (uint32_t)(q * REBIAS_MAX_LAYERS + l), layer->reads,
                  count, layer->n, sd, z);
    }
    return REBIAS_OK;
}

/* -- 5. a layer with converted currents -- */

/* current[count][outputs] of a block from its matrix's last read, as its ADC says. */
static void convert_block(struct rebias_deployment *d, size_t l, size_t matrix, size_t b,
                          size_t count, const float *x)
{
    const size_t m = d->layer[l].m;
    const struct rebias_tile tile = rebias_deployment_tile(d, b);
    const size_t row = rebias_deployment_row(d, matrix, &d->blocks[b]);
    const size_t n = tile.outputs;
    multiply(d, count, tile.inputs, n, m, x + tile.input,
             d->read + tile.output * m + tile.input, d->current);
    for (size_t i = 0; i < count * n; i++) {
        d->current[i] =
            (float)(d->gain[row + i % n] * (double)d->current[i] + d->offset[row + i % n]);
    }
    if (d->options.readout.noise_sd > 0.0) {
        add_noise(d, NOISE_OF_BLOCKS + (uint32_t)b, d->layer[l].reads, count, n,
                  row_noise(d, tile.inputs), d->current);
    }
    convert(count * n, d->options.readout.adc_bits, d->current);
}

/* z += share sign of the converted currents of one copy. */
static int join_currents(struct rebias_deployment *d, size_t l, int sign, size_t copy,
                         size_t count, const float *x, float *z, struct rebias_error *err)
{
    const struct rebias_deployed_layer *layer = &d->layer[l];
    const size_t matrix = layer->matrix[sign][copy];
    rebias_deployment_read(d, matrix, layer->reads, d->read);
    int status = rebias_deployment_drop(d, matrix, d->read, err);
    for (size_t b = d->first_block[matrix];
         b < d->first_block[matrix + 1] && status == REBIAS_OK; b++) {
        const struct rebias_tile tile = rebias_deployment_tile(d, b);
        const size_t row = rebias_deployment_row(d, matrix, &d->blocks[b]);
        const size_t n = tile.outputs;
        convert_block(d, l, matrix, b, count, x);
        for (size_t i = 0; i < count * n; i++) {
            const double share = sign == 0 ? d->share[row + i % n] : -d->share[row + i % n];
            z[i / n * layer->n + tile.output + i % n] += (float)(share * (double)d->current[i]);
        }
    }
    return status;
}

static int layer_by_copies(struct rebias_deployment *d, size_t l, size_t q, size_t count,
                           const float *x, float *z, struct rebias_error *err)
{
    int status = REBIAS_OK;
    memset(z, 0, count * d->layer[l].n * sizeof *z);
    for (int s = 0; s < 2; s++) {
        size_t from = 0;
        size_t to = 0;
        copies_of(d, l, s, q, &from, &to);
        for (size_t k = from; k < to && status == REBIAS_OK; k++) {
            status = join_currents(d, l, s, k, count, x, z, err);
        }
    }
    return status;
}

/* -- 6. forward -- */

/* z[count][n] currents without `offsets` -> gamma z/(Gnorm V_read) + bias, and f of it. */
static void finish_layer(const struct rebias_deployment *d, size_t q, size_t l, size_t count,
                         float *z)
{
    const struct rebias_weights *network = rebias_deployment_network(d, q);
    const struct rebias_weights_layer *layer = &network->layer[l];
    const double scale =
        layer->gamma / ((d->options.G_on - d->options.G_off) * d->options.read_voltage);
    for (size_t s = 0; s < count; s++) {
        for (size_t j = 0; j < layer->outputs; j++) {
            float *value = &z[s * layer->outputs + j];
            const double bias = (double)d->bias[q * d->neurons + d->layer[l].first_neuron + j];
            *value = (float)(scale * ((double)*value + d->offsets[j]) + bias);
        }
    }
    if (l + 1 < network->layers && network->hidden != REBIAS_TRANSFER_NONE) {
        rebias_activation_apply((enum rebias_activation)network->hidden, count * layer->outputs,
                                z);
    }
}

static void scale_inputs(const struct rebias_weights *network, size_t n, const float *x,
                         float *scaled)
{
    const double sd = network->input_sd > 0.0 ? network->input_sd : 1.0;
    for (size_t i = 0; i < n; i++) {
        scaled[i] = (float)(((double)x[i] - network->input_mean) / sd);
    }
}

/* activation[0] = outputs of network q for one batch. */
static int forward_network(struct rebias_deployment *d, size_t q, size_t count, const float *x,
                           struct rebias_error *err)
{
    const bool converted = d->options.readout.adc_bits > 0;
    int status = REBIAS_OK;
    scale_inputs(rebias_deployment_network(d, q), count * d->layer[0].m, x, d->activation[0]);
    for (size_t l = 0; l < d->layers && status == REBIAS_OK; l++) {
        float *in = d->activation[0];
        float *z = d->activation[1];
        memset(d->offsets, 0, d->layer[l].n * sizeof *d->offsets);
        convert(count * d->layer[l].m, d->options.readout.dac_bits, in);
        status = converted ? layer_by_copies(d, l, q, count, in, z, err)
                           : layer_by_mean(d, l, q, count, in, z, err);
        if (status == REBIAS_OK && d->trace != NULL) {
            status = rebias_deployment_keep(d, l, q, count, in, err);
        }
        finish_layer(d, q, l, count, z);
        d->activation[0] = z;
        d->activation[1] = in;
    }
    return status;
}

int rebias_deployment_forward_batch(struct rebias_deployment *deployment, size_t count,
                                    const float *x, float *outputs, struct rebias_error *err)
{
    struct rebias_deployment *d = deployment;
    int status = REBIAS_OK;
    const size_t values = count * d->layer[d->layers - 1].n;
    const float part = (float)(1.0 / (double)network_count(d));
    memset(outputs, 0, values * sizeof *outputs);
    for (size_t q = 0; q < network_count(d) && status == REBIAS_OK; q++) {
        status = forward_network(d, q, count, x, err);
        add_scaled_row(values, part, d->activation[0], outputs);
    }
    for (size_t l = 0; l < d->layers; l++) {
        d->layer[l].reads++;
    }
    return status;
}

static int check_inputs(size_t n, size_t inputs, const float *x, struct rebias_error *err)
{
    for (size_t i = 0; i < n * inputs; i++) {
        if (!isfinite(x[i])) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "input %zu of sample %zu is %g (expected a finite number)",
                               i % inputs, i / inputs, (double)x[i]);
        }
    }
    return REBIAS_OK;
}

int rebias_deployment_forward(struct rebias_deployment *deployment, size_t n, const float *x,
                              float *outputs, struct rebias_error *err)
{
    struct rebias_deployment *d = deployment;
    const size_t inputs = d->layer[0].m;
    const size_t classes = d->layer[d->layers - 1].n;
    int status = check_inputs(n, inputs, x, err);
    for (size_t first = 0; first < n && status == REBIAS_OK; first += d->options.batch) {
        const size_t count = n - first < d->options.batch ? n - first : d->options.batch;
        status = rebias_deployment_forward_batch(d, count, x + first * inputs,
                                                 outputs + first * classes, err);
    }
    return status;
}

/* -- 7. accuracy -- */

static size_t count_right(size_t n, size_t classes, const float *outputs, const uint8_t *label)
{
    size_t right = 0;
    for (size_t s = 0; s < n; s++) {
        size_t best = 0;
        for (size_t j = 1; j < classes; j++) {
            best = outputs[s * classes + j] > outputs[s * classes + best] ? j : best;
        }
        right += best == label[s];
    }
    return right;
}

int rebias_deployment_accuracy(struct rebias_deployment *deployment, size_t n, const float *x,
                               const uint8_t *label, double *accuracy, struct rebias_error *err)
{
    struct rebias_deployment *d = deployment;
    const size_t inputs = d->layer[0].m;
    const size_t classes = d->layer[d->layers - 1].n;
    size_t right = 0;
    int status =
        n > 0 ? check_inputs(n, inputs, x, err) : rebias_fail(err, REBIAS_E_DATA, "no samples");
    for (size_t first = 0; first < n && status == REBIAS_OK; first += d->options.batch) {
        const size_t count = n - first < d->options.batch ? n - first : d->options.batch;
        status = rebias_deployment_forward_batch(d, count, x + first * inputs, d->outputs, err);
        right += count_right(count, classes, d->outputs, label + first);
    }
    if (status == REBIAS_OK) {
        *accuracy = (double)right / (double)n;
    }
    return status;
}
