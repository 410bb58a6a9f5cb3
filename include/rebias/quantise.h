/* quantise.h - few-level weights from a trained network.
 *
 * A layer's weights become k gamma/steps with whole k, |k| <= steps: ternary for 1 step, 2
 * steps
 * + 1 levels. Biases stay as they are, or are refitted.
 */
#ifndef REBIAS_QUANTISE_H
#define REBIAS_QUANTISE_H

#include "error.h"
#include "model.h"
#include "weights.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { REBIAS_MOST_STEPS = 127 };

/* Each layer to the nearest levels of the gamma with the least sum of squared changes: the
 * optimum for 1 step, else the best of 64 starts of an alternating search. REBIAS_E_RANGE for
 * steps outside 1 .. REBIAS_MOST_STEPS, REBIAS_E_DATA for a layer of zeros. */
int rebias_quantise_nearest(struct rebias_weights *weights, size_t steps,
                            struct rebias_error *err);

/* Straight-through fit: minibatches of unlabelled inputs, Adam on the latent weights (in units
 * of the nearest fit's gamma), on gamma and on the biases, cosine rate; the loss is the
 * Kullback-Leibler divergence from the softmax of the network as it was to that of the
 * quantised one (mean over samples, nat). Gradients pass rounding unchanged, and end outside
 * the levels.
 */
struct rebias_quantise_options {
    size_t steps;    /* 1 .. REBIAS_MOST_STEPS */
    size_t epochs;   /* 1 .. 100000 */
    size_t batch;    /* 1 .. 65536 */
    double rate;     /* > 0 */
    bool biases;     /* refit them too */
    size_t restarts; /* 1 .. 1000; all but the first from jittered weights (sd 0.2 gamma) */
    uint64_t seed;
    uint32_t replicate; /* other order of the samples and jitter: the network's number */
};

/* 1 step, 150 epochs, batch 100, rate 5e-3, biases, 8 restarts, seed 1. */
struct rebias_quantise_options rebias_quantise_options_defaults(void);

/* Data of the fit: x[n][inputs], finite; labelled samples to choose the best restart by
 * accuracy (n = 0: by the divergence). */
struct rebias_quantise_data {
    size_t n;
    const float *x;
    struct rebias_samples validation;
};

/* weights quantised in place; *divergence (may be NULL) = the loss reached on all of x. Order
 * of the samples: purpose REBIAS_FOR_ORDER, entity = restart, step = epoch; jitter: purpose
 * REBIAS_FOR_WEIGHTS, entity = layer, step = restart. Errors: REBIAS_E_RANGE, REBIAS_E_DATA. */
int rebias_quantise_kl(struct rebias_weights *weights, const struct rebias_quantise_data *data,
                       const struct rebias_quantise_options *options, double *divergence,
                       struct rebias_error *err);

#ifdef __cplusplus
}
#endif
#endif
