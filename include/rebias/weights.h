/* weights.h - trained networks as files: dense layers with PyTorch's names and orientation.
 *
 * One HDF5 file holds one network (datasets at the root) or several (groups /network_0,
 * /network_1, ...): "0.weight" (out x in), "0.bias" (out; may be missing), "1.weight", ... in
 * the order of their numbers; numbers may have gaps, as in PyTorch's Sequential (0, 2, 4).
 * Optional attributes: activation ("tanh", "relu", "sigmoid"; default tanh; of the hidden
 * layers, the last is linear), "input_mean", "input_sd" (inputs are (x - mean)/sd), of the
 * group or else of the root, and on a weight dataset "gamma" (its largest level) and "steps"
 * (from 0 to gamma; missing: 1, ternary). Root attribute "provenance": text. Numbers of layers
 * are below 100. Three lines of h5py write such a file (examples/save_network.py).
 */
#ifndef REBIAS_WEIGHTS_H
#define REBIAS_WEIGHTS_H

#include "error.h"
#include "model.h"
#include "network.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_weights_layer {
    size_t inputs, outputs;
    float *weight; /* outputs x inputs, finite */
    float *bias;   /* outputs, or NULL */
    double gamma;  /* > 0: every weight is k gamma/steps, |k| <= steps; 0 = not quantised */
    size_t steps;  /* 0 or 1: ternary, -gamma, 0 or gamma; else 2 steps + 1 levels */
};

struct rebias_weights {
    size_t layers; /* 1 .. REBIAS_MAX_LAYERS */
    struct rebias_weights_layer layer[REBIAS_MAX_LAYERS];
    enum rebias_transfer hidden; /* of all layers but the last, which is linear */
    double input_mean, input_sd; /* 0 and 1: inputs as they are */
};

/* Several networks of one shape, owned. */
struct rebias_weights_set {
    size_t count;
    struct rebias_weights *network;
    char *provenance; /* text of the file, or NULL */
};

/* *weights = layers of sizes[0 .. layers], all 0, biases when `biased`. On failure all zero. */
int rebias_weights_init(struct rebias_weights *weights, size_t layers, const size_t *sizes,
                        bool biased, struct rebias_error *err);
void rebias_weights_clear(struct rebias_weights *weights);
int rebias_weights_copy(struct rebias_weights *to, const struct rebias_weights *from,
                        struct rebias_error *err);

/* *out = count empty networks. */
int rebias_weights_set_new(struct rebias_weights_set **out, size_t count,
                           struct rebias_error *err);
void rebias_weights_set_free(struct rebias_weights_set *set);

/* Reads and writes such files. Refused with file, dataset, row and column: layers that do not
 * follow each other, NaN or infinity, a gamma that the weights do not keep (to 1e-6 gamma),
 * networks of different shapes. */
int rebias_weights_load(struct rebias_weights_set **out, const char *path,
                        struct rebias_error *err);
int rebias_weights_save(const struct rebias_weights_set *set, const char *path,
                        struct rebias_error *err);

/* True when every layer has gamma > 0 and one step: weights -gamma, 0 and gamma. */
bool rebias_weights_ternary(const struct rebias_weights *weights);

/* Network seen by model.h: its architecture (dense layers, cross-entropy) and theta[P]; a
 * missing bias is 0. */
int rebias_weights_architecture(const struct rebias_weights *weights,
                                struct rebias_architecture *architecture,
                                struct rebias_error *err);
void rebias_weights_to_theta(const struct rebias_weights *weights, float *theta);
void rebias_weights_from_theta(struct rebias_weights *weights, const float *theta);

#ifdef __cplusplus
}
#endif
#endif
