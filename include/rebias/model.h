/* model.h - feed-forward networks as plain functions of a parameter vector: dense and
 * convolution layers, their costs for single samples, gradients, and perturbed nodes. What MGD
 * perturbs.
 *
 * Parameters theta[P], float32, layer after layer: weights in PyTorch's orientation (dense:
 * out x in; convolution: out x in x k x k), then biases[out]. z = W a + b (dense and
 * convolution), a' = f(z). The neurons of an image are counted channels x rows x columns.
 *
 * Activations are kept neuron-major, [neuron][sample]: one neuron's value in all samples lies
 * together. So biases, perturbed nodes, pools and costs are loops over samples, and the columns
 * of a convolution are copies of whole rows.
 */
#ifndef REBIAS_MODEL_H
#define REBIAS_MODEL_H

#include "error.h"
#include "network.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rebias_layer_kind { REBIAS_DENSE = 0, REBIAS_CONVOLUTION = 1, REBIAS_POOL = 2 };

/* Function of a layer's outputs; NONE: z itself. */
enum rebias_transfer {
    REBIAS_TRANSFER_SIGMOID = 0,
    REBIAS_TRANSFER_TANH = 1,
    REBIAS_TRANSFER_RELU = 2,
    REBIAS_TRANSFER_NONE = 3
};

/* CROSS_ENTROPY: of softmax(outputs) against the label, with label smoothing e: target (1 - e)
 * on the label + e/classes on every class. SQUARED: mean over the outputs of (a - t)^2 (not
 * 1/2, Multiplexed gradient descent, APL Mach. Learn. 1, 026118 (2023)). */
enum rebias_cost { REBIAS_COST_CROSS_ENTROPY = 0, REBIAS_COST_SQUARED = 1 };

struct rebias_shape {
    size_t channels, rows, columns;
};

struct rebias_layer {
    enum rebias_layer_kind kind;
    struct rebias_shape in, out; /* dense: channels = neurons, 1 x 1 */
    size_t kernel; /* convolution: k x k; pool: k x k maxima, stride k, rests cut off */
    bool padded;   /* convolution: zeros around, so that rows and columns stay ("same") */
    enum rebias_transfer transfer;
    size_t weights, biases; /* their numbers; 0 for a pool */
    size_t first;           /* index of the first weight in theta; biases follow */
    size_t nodes;           /* pre-activations: out's channels x rows x columns; 0 for a pool */
    size_t first_node;
};

enum { REBIAS_MODEL_LAYERS = 32 };

struct rebias_architecture {
    char name[128];
    size_t layers;
    struct rebias_layer layer[REBIAS_MODEL_LAYERS];
    size_t inputs, outputs;
    size_t parameters; /* P */
    size_t nodes;      /* N */
    enum rebias_cost cost;
    double smoothing; /* of labels, [0, 1); CROSS_ENTROPY only */
};

/* *architecture from text: an input "784" or "1x28x28" (channels x rows x columns), then layers
 * "128" or "dense:128", "conv3:16" (3 x 3, 16 channels), "conv3same:16" (padded with zeros),
 * "pool2". A transfer may follow: "conv3:16:tanh" (sigmoid, tanh, relu, none); else the last
 * layer has `last`, the others `hidden`. So "49,4,4" is a perceptron. Whole networks by name,
 * their transfers fixed: "fmnist-cnn" (14,378 parameters, input 1x28x28), "cifar-cnn" (26,154,
 * 3x32x32), both of McCaughan et al., APL Mach. Learn. 1, 026118 (2023); "scaling:D" (D = 1 to
 * 1024, 1x28x28), the family of Oripov et al., APL Mach. Learn. 3, 026107 (2025).
 * Errors: REBIAS_E_NAME, REBIAS_E_RANGE, saying which piece. */
int rebias_architecture_parse(struct rebias_architecture *architecture, const char *text,
                              enum rebias_transfer hidden, enum rebias_transfer last,
                              enum rebias_cost cost, double smoothing,
                              struct rebias_error *err);

/* Initial parameters (purpose REBIAS_FOR_WEIGHTS, entity = layer, word = index in the layer):
 * UNIFORM: all of them in (low, high); GLOROT: weights uniform in +- sqrt(6/(fan in + fan
 * out)), biases 0; LECUN: weights normal with sd sqrt(1/fan in), biases 0. The fans of a
 * convolution are k k times its channels. low and high count for UNIFORM only. */
enum rebias_initial {
    REBIAS_INITIAL_UNIFORM = 0,
    REBIAS_INITIAL_GLOROT = 1,
    REBIAS_INITIAL_LECUN = 2
};
void rebias_architecture_draw(const struct rebias_architecture *architecture,
                              enum rebias_initial initial, double low, double high,
                              uint64_t seed, uint32_t replicate, float *theta);

/* Samples: x[n][inputs], finite; target[n][outputs] (SQUARED) or label[n], each below outputs
 * (CROSS_ENTROPY); the other may be NULL. */
struct rebias_samples {
    size_t n;
    const float *x;
    const float *target;
    const uint8_t *label;
};

/* Workspace for up to `batch` samples; nothing is allocated later but by set_defects. One a
 * thread. REBIAS_E_RANGE for a batch outside 1 .. 65536 or 2^31 neurons x samples in a layer.
 */
struct rebias_model;
int rebias_model_new(struct rebias_model **out, const struct rebias_architecture *architecture,
                     size_t batch, struct rebias_error *err);
void rebias_model_free(struct rebias_model *model);

/* The copy that the model keeps. Borrowed. */
const struct rebias_architecture *rebias_model_architecture(const struct rebias_model *model);

/* Fixed imperfections of neurons (McCaughan et al. 2023): y = L f(k (z - z0)) + y0, with z0, y0
 * ~ N(0, sd) and k, L ~ 1 + N(0, sd), one set a neuron (convolution: a channel). Purpose
 * REBIAS_FOR_NEURONS, entity = layer, step = 0 (z0), 1 (k), 2 (L), 3 (y0). sd = 0: none. sd
 * must be finite and >= 0. */
int rebias_model_set_defects(struct rebias_model *model, double sd, uint64_t seed,
                             uint32_t replicate, struct rebias_error *err);

/* Reads every pre-activation z (bias and node included) with `bits` bits, before f: cut to +-
 * range and rounded to the nearest of 2^bits levels, both ends among them. bits 1 .. 24, 0:
 * ideal; range finite, > 0. Gradients are those of the ideal reading at the rounded values. */
int rebias_model_set_adc(struct rebias_model *model, unsigned bits, double range,
                         struct rebias_error *err);

/* Sets the samples of all calls below, 1 <= n <= batch. x is copied (turned neuron-major once,
 * for many theta); target and label are borrowed until the next call. */
void rebias_model_set_samples(struct rebias_model *model, const struct rebias_samples *samples);

/* Outputs [outputs][n] for theta: z or f(z) of the last layer, no softmax. Keeps every layer's
 * inputs for the calls below. Borrowed until the next forward, gradient or set_samples. */
const float *rebias_model_forward(struct rebias_model *model, const float *theta);

/* Outputs [outputs][n] with layers < `layer` as in the last rebias_model_forward, layers >=
 * `layer` with theta: layer-by-layer perturbation without repeating the prefix. Kept inputs and
 * outputs stay. Borrowed until the next call but costs. */
const float *rebias_model_forward_from(struct rebias_model *model, const float *theta,
                                       size_t layer);

/* The same with node[N] added to the pre-activations of the layers with use[l] != 0 (use NULL:
 * all), alike for all samples. */
const float *rebias_model_forward_nodes(struct rebias_model *model, const float *theta,
                                        const float *node, const uint8_t *use, size_t layer);

/* Kept inputs of layer l from the last rebias_model_forward, [inputs of l][n]; those of the
 * number of layers are the kept outputs. Borrowed. */
const float *rebias_model_inputs(const struct rebias_model *model, size_t layer);

/* cost[n] of the single samples (may be NULL) from outputs[outputs][n]; returns their mean. In
 * double from float outputs; cross-entropy as log sum exp (a - max a) - sum_c t_c (a_c - max
 * a). NaN in an output gives NaN. */
double rebias_model_costs(const struct rebias_model *model, const float *outputs, double *cost);

/* gradient[P] of the mean cost of the samples, by backpropagation; returns the mean cost. A
 * pool passes its gradient to the first of equal maxima. Keeps inputs as forward does. */
double rebias_model_gradient(struct rebias_model *model, const float *theta, float *gradient);

/* Node-perturbation estimate: gradient[P] += scale (1/n) sum_b c[b] node (x) input_b for the
 * layers with use[l] != 0 (use NULL: all). Dense: W[j][i] += scale node[j] v[i], v = mean_b
 * c[b] input_b; biases += scale node[j] mean(c). Convolution: the filter-gradient correlation
 * of v with node. (Oripov et al. 2025.) Uses the kept inputs, n of the samples in use. */
void rebias_model_node_gradient(struct rebias_model *model, const float *node,
                                const uint8_t *use, const double *c, double scale,
                                double *gradient);

/* Fraction of samples classified rightly: whose largest output is the label (lowest index on
 * ties); with SQUARED costs and one output: which is on the same side of 0.5 as the target;
 * with more: whose largest output is the largest target. *cost (may be NULL) = the mean cost.
 * Any n >= 1, worked through in pieces; the last piece stays as the samples in use. */
double rebias_model_accuracy(struct rebias_model *model, const float *theta,
                             const struct rebias_samples *samples, double *cost);

#ifdef __cplusplus
}
#endif
#endif
