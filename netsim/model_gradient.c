/* model_gradient.c - gradients of models by backpropagation, and from perturbed nodes.
 * 1. loops   2. transfers   3. dense layers   4. convolutions   5. gradient
 * 6. node gradient
 */
#include "activation.h"
#include "base/simd.h"
#include "convolution.h"
#include "model_internal.h"
#include <cblas.h>
#include <string.h>

/* -- 1. loops -- */

enum { LANES = 16 };

/* Sum of x[n] in LANES partial sums, so that every version gives the same bits. */
REBIAS_SIMD static double sum_in_lanes(size_t n, const float *x)
{
    double lane[LANES] = {0.0};
    const size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
#pragma omp simd
        for (size_t j = 0; j < LANES; j++) {
            lane[j] += (double)x[i + j];
        }
    }
    double sum = 0.0;
    for (size_t j = 0; j < LANES; j++) {
        sum += lane[j];
    }
    for (size_t i = whole; i < n; i++) {
        sum += (double)x[i];
    }
    return sum;
}

REBIAS_SIMD static void scale_run(size_t n, float scale, float *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        x[i] *= scale;
    }
}

/* -- 2. transfers -- */

/* delta = dC/dy -> dC/dz, from the kept outputs. */
static void pass_transfer(const struct rebias_model *model, size_t l, float *delta)
{
    static const enum rebias_activation activation[] = {[REBIAS_TRANSFER_SIGMOID] =
                                                            REBIAS_SIGMOID,
                                                        [REBIAS_TRANSFER_TANH] = REBIAS_TANH,
                                                        [REBIAS_TRANSFER_RELU] = REBIAS_RELU};
    const struct rebias_layer *layer = &model->architecture.layer[l];
    const struct rebias_model_defects *defects = &model->defects[l];
    const float *y = model->value[l + 1];
    if (defects->bare != NULL) {
        y = defects->bare;
        const size_t run = rebias_convolution_positions(layer) * model->n;
        for (size_t c = 0; c < layer->out.channels; c++) {
            scale_run(run, defects->height[c] * defects->slope[c], delta + c * run);
        }
    }
    if (layer->transfer != REBIAS_TRANSFER_NONE) {
        rebias_activation_chain(activation[layer->transfer], layer->nodes * model->n, y, delta);
    }
}

/* -- 3. dense layers -- */

/* One layer on the way back. */
struct step {
    const struct rebias_layer *layer;
    size_t n;
    const float *weights;
    const float *in;    /* kept inputs */
    const float *delta; /* dC/dz */
    float *below;       /* dC/d in, or NULL: not wanted */
    float *column;
    float *gradient; /* of the layer's parameters */
};

static void differentiate_dense(const struct step *step)
{
    const int n = (int)step->n;
    const int inputs = (int)rebias_shape_size(&step->layer->in);
    const int outputs = (int)step->layer->out.channels;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, outputs, inputs, n, 1.0f, step->delta,
                n, step->in, n, 0.0f, step->gradient, inputs);
    if (step->below != NULL) {
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, inputs, n, outputs, 1.0f,
                    step->weights, inputs, step->delta, n, 0.0f, step->below, n);
    }
}

/* -- 4. convolutions -- */

static void differentiate_convolution(const struct step *step)
{
    const struct rebias_layer *layer = step->layer;
    const size_t positions = rebias_convolution_positions(layer);
    const int distance = (int)(positions * step->n);
    const int channels = (int)layer->out.channels;
    const int taps = (int)rebias_convolution_taps(layer);
    memset(step->gradient, 0, layer->weights * sizeof(float));
    if (step->below != NULL) {
        memset(step->below, 0, rebias_shape_size(&layer->in) * step->n * sizeof(float));
    }
    struct rebias_patch patch = {layer, step->n, 0, 0};
    for (; patch.first < positions; patch.first += patch.count) {
        patch.count = rebias_convolution_piece(&patch);
        const int run = (int)(patch.count * step->n);
        const float *delta = step->delta + patch.first * step->n;
        rebias_convolution_columns(&patch, step->in, step->column);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, channels, taps, run, 1.0f, delta,
                    distance, step->column, run, 1.0f, step->gradient, taps);
        if (step->below != NULL) {
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, taps, run, channels, 1.0f,
                        step->weights, taps, delta, distance, 0.0f, step->column, run);
            rebias_convolution_scatter(&patch, step->column, step->below);
        }
    }
}

/* -- 5. gradient -- */

static void differentiate_layer(const struct step *step)
{
    const struct rebias_layer *layer = step->layer;
    if (layer->kind == REBIAS_DENSE) {
        differentiate_dense(step);
    } else {
        differentiate_convolution(step);
    }
    const size_t run = rebias_convolution_positions(layer) * step->n;
    for (size_t c = 0; c < layer->out.channels; c++) {
        step->gradient[layer->weights + c] = (float)sum_in_lanes(run, step->delta + c * run);
    }
}

double rebias_model_gradient(struct rebias_model *model, const float *theta, float *gradient)
{
    rebias_model_forward(model, theta);
    float *delta = model->work[0];
    float *below = model->work[1];
    const double cost = rebias_model_output_delta(model, delta);
    for (size_t l = model->architecture.layers; l-- > 0;) {
        const struct rebias_layer *layer = &model->architecture.layer[l];
        if (layer->kind == REBIAS_POOL) {
            const struct rebias_pool_values kept = {model->value[l], model->value[l + 1]};
            rebias_pool_backward(layer, model->n, &kept, delta, below);
        } else {
            pass_transfer(model, l, delta);
            const struct step step = {.layer = layer,
                                      .n = model->n,
                                      .weights = theta + layer->first,
                                      .in = model->value[l],
                                      .delta = delta,
                                      .below = l > 0 ? below : NULL,
                                      .column = model->column,
                                      .gradient = gradient + layer->first};
            differentiate_layer(&step);
        }
        float *done = delta;
        delta = below;
        below = done;
    }
    return cost;
}

/* -- 6. node gradient -- */

/* gradient[n] += scale * x. */
REBIAS_SIMD static void add_scaled(size_t n, double scale, const float *x, double *gradient)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        gradient[i] += scale * (double)x[i];
    }
}

/* work[0] = mean of the kept inputs of layer l, weighted by model->weighting. */
static void weigh_inputs(const struct rebias_model *model, size_t l)
{
    const int n = (int)model->n;
    const int inputs = (int)rebias_shape_size(&model->architecture.layer[l].in);
    cblas_sgemv(CblasRowMajor, CblasNoTrans, inputs, n, 1.0f / (float)n, model->value[l], n,
                model->weighting, 1, 0.0f, model->work[0], 1);
}

/* gradient of a convolution's filters += scale * node x columns of the mean inputs, work[0]. */
static void correlate_nodes(struct rebias_model *model, const struct rebias_layer *layer,
                            const float *node, double scale, double *gradient)
{
    const size_t positions = rebias_convolution_positions(layer);
    const size_t taps = rebias_convolution_taps(layer);
    float *filter = model->work[1];
    struct rebias_patch patch = {layer, 1, 0, 0};
    for (; patch.first < positions; patch.first += patch.count) {
        patch.count = rebias_convolution_piece(&patch);
        const int count = (int)patch.count;
        rebias_convolution_columns(&patch, model->work[0], model->column);
        for (size_t c = 0; c < layer->out.channels; c++) {
            cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)taps, count, 1.0f, model->column,
                        count, node + c * positions + patch.first, 1, 0.0f, filter, 1);
            add_scaled(taps, scale, filter, gradient + c * taps);
        }
    }
}

static void add_node_biases(const struct rebias_layer *layer, const float *node, double scale,
                            double *gradient)
{
    const size_t positions = rebias_convolution_positions(layer);
    for (size_t c = 0; c < layer->out.channels; c++) {
        double sum = 0.0;
        for (size_t p = 0; p < positions; p++) {
            sum += (double)node[c * positions + p];
        }
        gradient[c] += scale * sum;
    }
}

void rebias_model_node_gradient(struct rebias_model *model, const float *node,
                                const uint8_t *use, const double *c, double scale,
                                double *gradient)
{
    double mean_c = 0.0;
    for (size_t b = 0; b < model->n; b++) {
        model->weighting[b] = (float)c[b];
        mean_c += c[b] / (double)model->n;
    }
    for (size_t l = 0; l < model->architecture.layers; l++) {
        const struct rebias_layer *layer = &model->architecture.layer[l];
        if (layer->nodes == 0 || (use != NULL && use[l] == 0)) {
            continue;
        }
        weigh_inputs(model, l);
        const float *own = node + layer->first_node;
        double *to = gradient + layer->first;
        if (layer->kind == REBIAS_DENSE) {
            const size_t inputs = rebias_shape_size(&layer->in);
            for (size_t j = 0; j < layer->out.channels; j++) {
                add_scaled(inputs, scale * (double)own[j], model->work[0], to + j * inputs);
            }
        } else {
            correlate_nodes(model, layer, own, scale, to);
        }
        add_node_biases(layer, own, scale * mean_c, to + layer->weights);
    }
}
