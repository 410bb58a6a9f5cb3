/* model.c - feed-forward networks as plain functions of a parameter vector.
 * 1. life cycle   2. defects and converters   3. samples   4. loops   5. one layer
 * 6. forward   7. accuracy
 *
 * Activations are neuron-major, [neuron][n]: a dense layer is z = W x with the samples as
 * columns, a convolution the same with columns of positions x samples, in pieces that stay in a
 * cache until bias, nodes and transfer are done.
 */
#include "activation.h"
#include "base/simd.h"
#include "convolution.h"
#include "model_internal.h"
#include "rebias/base.h"
#include "rebias/random.h"
#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. life cycle -- */

enum { LARGEST_BATCH = 65536, MOST_BITS = 24 };

static void free_defects(struct rebias_model_defects *defects)
{
    free(defects->shift);
    free(defects->slope);
    free(defects->height);
    free(defects->lift);
    free(defects->bare);
    *defects = (struct rebias_model_defects){0};
}

void rebias_model_free(struct rebias_model *model)
{
    if (model == NULL) {
        return;
    }
    for (size_t l = 0; l < REBIAS_MODEL_LAYERS; l++) {
        free_defects(&model->defects[l]);
    }
    for (size_t l = 0; l <= REBIAS_MODEL_LAYERS; l++) {
        free(model->value[l]);
    }
    free(model->work[0]);
    free(model->work[1]);
    free(model->column);
    free(model->weighting);
    free(model);
}

/* Neurons of the inputs of layer l; of the outputs for l = layers. */
static size_t width_of(const struct rebias_architecture *a, size_t l)
{
    return l < a->layers ? rebias_shape_size(&a->layer[l].in) : a->outputs;
}

static int new_arrays(struct rebias_model *model, struct rebias_error *err)
{
    const struct rebias_architecture *a = &model->architecture;
    size_t widest = 0;
    size_t column = 0;
    int status = REBIAS_OK;
    for (size_t l = 0; l <= a->layers && status == REBIAS_OK; l++) {
        const size_t width = width_of(a, l);
        widest = width > widest ? width : widest;
        if (l < a->layers && a->layer[l].kind == REBIAS_CONVOLUTION) {
            const size_t space = rebias_convolution_space(&a->layer[l], model->batch);
            column = space > column ? space : column;
        }
        status = rebias_alloc(&model->value[l], width * model->batch, sizeof(float), err);
    }
    for (size_t i = 0; i < 2 && status == REBIAS_OK; i++) {
        status = rebias_alloc(&model->work[i], widest * model->batch, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&model->column, column, sizeof(float), err);
    }
    if (status == REBIAS_OK) {
        status = rebias_alloc(&model->weighting, model->batch, sizeof(float), err);
    }
    return status;
}

/* Sizes of matrices are int in BLAS. */
static int check_batch(const struct rebias_architecture *a, size_t batch,
                       struct rebias_error *err)
{
    if (batch < 1 || batch > LARGEST_BATCH) {
        return rebias_fail(err, REBIAS_E_RANGE, "a batch of %zu is not possible (1 to %d)",
                           batch, LARGEST_BATCH);
    }
    for (size_t l = 0; l <= a->layers; l++) {
        if (width_of(a, l) > (size_t)INT_MAX / batch) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "a batch of %zu is too large for a layer of %zu neurons (at "
                               "most %zu)",
                               batch, width_of(a, l), (size_t)INT_MAX / width_of(a, l));
        }
    }
    return REBIAS_OK;
}

int rebias_model_new(struct rebias_model **out, const struct rebias_architecture *architecture,
                     size_t batch, struct rebias_error *err)
{
    *out = NULL;
    struct rebias_model *model = NULL;
    int status = check_batch(architecture, batch, err);
    if (status == REBIAS_OK) {
        status = rebias_alloc(&model, 1, sizeof *model, err);
    }
    if (status != REBIAS_OK) {
        return status;
    }
    model->architecture = *architecture;
    model->batch = batch;
    status = new_arrays(model, err);
    if (status != REBIAS_OK) {
        rebias_model_free(model);
        return status;
    }
    *out = model;
    return REBIAS_OK;
}

const struct rebias_architecture *rebias_model_architecture(const struct rebias_model *model)
{
    return &model->architecture;
}

const float *rebias_model_inputs(const struct rebias_model *model, size_t layer)
{
    return model->value[layer];
}

/* -- 2. defects and converters -- */

/* *out = mean + sd N(0, 1), n numbers. */
static int draw_defect(float **out, const struct rebias_stream *stream, double mean, double sd,
                       size_t n, struct rebias_error *err)
{
    int status = rebias_alloc(out, n, sizeof **out, err);
    if (status == REBIAS_OK) {
        rebias_random_normal(stream, 0, n, *out);
        for (size_t i = 0; i < n; i++) {
            (*out)[i] = (float)(mean + sd * (double)(*out)[i]);
        }
    }
    return status;
}

static int draw_defects(struct rebias_model *model, size_t l, struct rebias_stream stream,
                        double sd, struct rebias_error *err)
{
    const struct rebias_layer *layer = &model->architecture.layer[l];
    struct rebias_model_defects *defects = &model->defects[l];
    float **const part[4] = {&defects->shift, &defects->slope, &defects->height,
                             &defects->lift};
    static const double mean[4] = {0.0, 1.0, 1.0, 0.0};
    stream.entity = (uint32_t)l;
    int status = rebias_alloc(&defects->bare, layer->nodes * model->batch, sizeof(float), err);
    for (uint32_t i = 0; i < 4 && status == REBIAS_OK; i++) {
        stream.step = i;
        status = draw_defect(part[i], &stream, mean[i], sd, layer->out.channels, err);
    }
    return status;
}

int rebias_model_set_defects(struct rebias_model *model, double sd, uint64_t seed,
                             uint32_t replicate, struct rebias_error *err)
{
    if (!(sd >= 0.0) || !isfinite(sd)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the defects of neurons must be at least 0 and finite, not %g", sd);
    }
    const struct rebias_stream stream = {
        .seed = seed, .purpose = REBIAS_FOR_NEURONS, .replicate = replicate};
    int status = REBIAS_OK;
    for (size_t l = 0; l < model->architecture.layers; l++) {
        free_defects(&model->defects[l]);
        if (sd > 0.0 && model->architecture.layer[l].kind != REBIAS_POOL &&
            status == REBIAS_OK) {
            status = draw_defects(model, l, stream, sd, err);
        }
    }
    for (size_t l = 0; l < model->architecture.layers && status != REBIAS_OK; l++) {
        free_defects(&model->defects[l]);
    }
    return status;
}

int rebias_model_set_adc(struct rebias_model *model, unsigned bits, double range,
                         struct rebias_error *err)
{
    if (bits > MOST_BITS) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "a converter of %u bits is not possible (1 to %d, 0 for none)", bits,
                           MOST_BITS);
    }
    if (!(range > 0.0) || !isfinite(range)) {
        return rebias_fail(err, REBIAS_E_RANGE,
                           "the range of a converter must be above 0 and finite, not %g",
                           range);
    }
    const double steps = (double)(((uint32_t)1 << bits) - 1);
    model->adc = (struct rebias_model_adc){range, bits > 0 ? 2.0 * range / steps : 0.0};
    return REBIAS_OK;
}

/* -- 3. samples -- */

enum { TILE = 16 };

/* to[columns][rows] = from[rows][columns] for one tile; the distances are those of the whole
 * matrices. */
static void turn_tile(size_t rows, size_t columns, const float *from, size_t from_distance,
                      float *to, size_t to_distance)
{
    for (size_t c = 0; c < columns; c++) {
        for (size_t r = 0; r < rows; r++) {
            to[c * to_distance + r] = from[r * from_distance + c];
        }
    }
}

void rebias_model_set_samples(struct rebias_model *model, const struct rebias_samples *samples)
{
    const size_t inputs = model->architecture.inputs;
    const size_t n = samples->n;
    model->n = n;
    model->target = samples->target;
    model->label = samples->label;
    for (size_t i = 0; i < inputs; i += TILE) {
        const size_t columns = inputs - i < TILE ? inputs - i : TILE;
        for (size_t b = 0; b < n; b += TILE) {
            turn_tile(n - b < TILE ? n - b : TILE, columns, samples->x + b * inputs + i, inputs,
                      model->value[0] + i * n + b, n);
        }
    }
}

/* -- 4. loops -- */

/* z[rows][n] += offset[row]. */
REBIAS_SIMD static void lift_rows(size_t rows, size_t n, const float *offset, float *z)
{
    for (size_t r = 0; r < rows; r++) {
        const float lift = offset[r];
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            z[r * n + i] += lift;
        }
    }
}

/* z cut to +- range and rounded to the nearest level; NaN stays NaN. */
REBIAS_SIMD static void read_levels(size_t n, double range, double step, float *z)
{
    const double round = 6755399441055744.0; /* 1.5 2^52: adding it rounds to a whole number */
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double x = (double)z[i];
        x = x > range ? range : x;
        x = x < -range ? -range : x;
        const double level = ((x + range) / step + round) - round;
        z[i] = (float)(level * step - range);
    }
}

/* z = slope (z - shift). */
REBIAS_SIMD static void bend_inputs(size_t n, float slope, float shift, float *z)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        z[i] = slope * (z[i] - shift);
    }
}

/* y = height y + lift. */
REBIAS_SIMD static void bend_outputs(size_t n, float height, float lift, float *y)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        y[i] = height * y[i] + lift;
    }
}

/* -- 5. one layer -- */

/* What a layer is evaluated with. */
struct stage {
    const struct rebias_layer *layer;
    const struct rebias_model_defects *defects;
    struct rebias_model_adc adc;
    size_t n;
    const float *theta;
    const float *node; /* added to the layer's z, or NULL */
    const float *in;
    float *out;
    float *column;
    bool keep; /* fill the defects' `bare` */
};

static void apply_transfer(enum rebias_transfer transfer, size_t n, float *z)
{
    static const enum rebias_activation activation[] = {[REBIAS_TRANSFER_SIGMOID] =
                                                            REBIAS_SIGMOID,
                                                        [REBIAS_TRANSFER_TANH] = REBIAS_TANH,
                                                        [REBIAS_TRANSFER_RELU] = REBIAS_RELU};
    if (transfer != REBIAS_TRANSFER_NONE) {
        rebias_activation_apply(activation[transfer], n, z);
    }
}

/* f with the imperfections of channel c for z[n], `at` numbers behind the layer's outputs. */
static void apply_defects(const struct stage *stage, size_t c, size_t at, size_t n)
{
    const struct rebias_model_defects *defects = stage->defects;
    float *z = stage->out + at;
    bend_inputs(n, defects->slope[c], defects->shift[c], z);
    apply_transfer(stage->layer->transfer, n, z);
    if (stage->keep) {
        memcpy(defects->bare + at, z, n * sizeof *z);
    }
    bend_outputs(n, defects->height[c], defects->lift[c], z);
}

/* Biases, nodes, reading and transfer for positions first .. first + count - 1 of every
 * channel. */
static void finish_positions(const struct stage *stage, size_t first, size_t count)
{
    const struct rebias_layer *layer = stage->layer;
    const size_t positions = rebias_convolution_positions(layer);
    const float *bias = stage->theta + layer->first + layer->weights;
    const size_t run = count * stage->n;
    const bool whole = count == positions;
    for (size_t c = 0; c < layer->out.channels; c++) {
        const size_t at = (c * positions + first) * stage->n;
        lift_rows(1, run, bias + c, stage->out + at);
        if (stage->node != NULL) {
            lift_rows(count, stage->n, stage->node + c * positions + first, stage->out + at);
        }
        if (stage->adc.step > 0.0) {
            read_levels(run, stage->adc.range, stage->adc.step, stage->out + at);
        }
        if (stage->defects->bare != NULL) {
            apply_defects(stage, c, at, run);
        } else if (!whole) {
            apply_transfer(layer->transfer, run, stage->out + at);
        }
    }
    if (whole && stage->defects->bare == NULL) {
        apply_transfer(layer->transfer, layer->nodes * stage->n, stage->out);
    }
}

static void evaluate_dense(const struct stage *stage)
{
    const float *weights = stage->theta + stage->layer->first;
    const int inputs = (int)rebias_shape_size(&stage->layer->in);
    const int outputs = (int)stage->layer->out.channels;
    const int n = (int)stage->n;
    if (n == 1) {
        cblas_sgemv(CblasRowMajor, CblasNoTrans, outputs, inputs, 1.0f, weights, inputs,
                    stage->in, 1, 0.0f, stage->out, 1);
    } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, outputs, n, inputs, 1.0f,
                    weights, inputs, stage->in, n, 0.0f, stage->out, n);
    }
    finish_positions(stage, 0, 1);
}

static void evaluate_convolution(const struct stage *stage)
{
    const struct rebias_layer *layer = stage->layer;
    const size_t positions = rebias_convolution_positions(layer);
    const int taps = (int)rebias_convolution_taps(layer);
    struct rebias_patch patch = {layer, stage->n, 0, 0};
    for (; patch.first < positions; patch.first += patch.count) {
        patch.count = rebias_convolution_piece(&patch);
        const int run = (int)(patch.count * stage->n);
        rebias_convolution_columns(&patch, stage->in, stage->column);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)layer->out.channels, run,
                    taps, 1.0f, stage->theta + layer->first, taps, stage->column, run, 0.0f,
                    stage->out + patch.first * stage->n, (int)(positions * stage->n));
        finish_positions(stage, patch.first, patch.count);
    }
}

static void evaluate_layer(const struct stage *stage)
{
    switch (stage->layer->kind) {
    case REBIAS_DENSE:
        evaluate_dense(stage);
        break;
    case REBIAS_CONVOLUTION:
        evaluate_convolution(stage);
        break;
    case REBIAS_POOL:
        rebias_pool_forward(stage->layer, stage->n, stage->in, stage->out);
        break;
    }
}

/* -- 6. forward -- */

static struct stage stage_of(const struct rebias_model *model, const float *theta, size_t l)
{
    return (struct stage){.layer = &model->architecture.layer[l],
                          .defects = &model->defects[l],
                          .adc = model->adc,
                          .n = model->n,
                          .theta = theta,
                          .in = model->value[l],
                          .out = model->value[l + 1],
                          .column = model->column};
}

const float *rebias_model_forward(struct rebias_model *model, const float *theta)
{
    for (size_t l = 0; l < model->architecture.layers; l++) {
        struct stage stage = stage_of(model, theta, l);
        stage.keep = true;
        evaluate_layer(&stage);
    }
    return model->value[model->architecture.layers];
}

const float *rebias_model_forward_nodes(struct rebias_model *model, const float *theta,
                                        const float *node, const uint8_t *use, size_t layer)
{
    const float *in = model->value[layer];
    for (size_t l = layer; l < model->architecture.layers; l++) {
        struct stage stage = stage_of(model, theta, l);
        const bool perturbed = node != NULL && (use == NULL || use[l] != 0);
        stage.node = perturbed ? node + stage.layer->first_node : NULL;
        stage.in = in;
        stage.out = model->work[l % 2];
        evaluate_layer(&stage);
        in = stage.out;
    }
    return in;
}

const float *rebias_model_forward_from(struct rebias_model *model, const float *theta,
                                       size_t layer)
{
    return rebias_model_forward_nodes(model, theta, NULL, NULL, layer);
}

/* -- 7. accuracy -- */

/* Index of the largest of n numbers `distance` apart, the lowest on ties. */
static size_t find_largest(size_t n, size_t distance, const float *a)
{
    size_t best = 0;
    for (size_t c = 1; c < n; c++) {
        best = a[c * distance] > a[best * distance] ? c : best;
    }
    return best;
}

static bool is_right(const struct rebias_model *model, const float *outputs, size_t sample)
{
    const struct rebias_architecture *a = &model->architecture;
    const size_t found = find_largest(a->outputs, model->n, outputs + sample);
    if (a->cost == REBIAS_COST_CROSS_ENTROPY) {
        return found == model->label[sample];
    }
    const float *target = model->target + sample * a->outputs;
    if (a->outputs == 1) {
        return (outputs[sample] > 0.5f) == (target[0] > 0.5f);
    }
    return found == find_largest(a->outputs, 1, target);
}

double rebias_model_accuracy(struct rebias_model *model, const float *theta,
                             const struct rebias_samples *samples, double *cost)
{
    const struct rebias_architecture *a = &model->architecture;
    double sum = 0.0;
    size_t right = 0;
    for (size_t first = 0; first < samples->n; first += model->batch) {
        const size_t left = samples->n - first;
        const struct rebias_samples piece = {
            left < model->batch ? left : model->batch, samples->x + first * a->inputs,
            samples->target != NULL ? samples->target + first * a->outputs : NULL,
            samples->label != NULL ? samples->label + first : NULL};
        rebias_model_set_samples(model, &piece);
        const float *outputs = rebias_model_forward(model, theta);
        sum += rebias_model_costs(model, outputs, NULL) * (double)piece.n;
        for (size_t i = 0; i < piece.n; i++) {
            right += is_right(model, outputs, i) ? 1 : 0;
        }
    }
    if (cost != NULL) {
        *cost = sum / (double)samples->n;
    }
    return (double)right / (double)samples->n;
}
