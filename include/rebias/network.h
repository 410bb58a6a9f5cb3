/* network.h - multi-layer perceptrons on crossbars (or in plain float32, as the no-device
 * reference).
 *
 * Layer l: z = x W_l (+ b_l), a = f(z); W_l is (inputs + 1) x outputs, row-major, its last row
 * the biases. Hidden layers use `activation`; the output layer is softmax with cross-entropy
 * loss, or `activation` with squared error 1/2 sum (a - t)^2. Losses and gradients are means
 * over the batch.
 */
#ifndef REBIAS_NETWORK_H
#define REBIAS_NETWORK_H

#include "crossbar.h"
#include "error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rebias_images;

enum { REBIAS_MAX_LAYERS = 16 };

enum rebias_activation { REBIAS_SIGMOID = 0, REBIAS_TANH = 1, REBIAS_RELU = 2 };
enum rebias_loss { REBIAS_CROSS_ENTROPY = 0, REBIAS_SQUARED_ERROR = 1 };
enum rebias_biases { REBIAS_BIASES_DIGITAL = 0, REBIAS_BIASES_DEVICES = 1 };

struct rebias_network_options {
    size_t layers; /* weight layers, 1 .. REBIAS_MAX_LAYERS */
    size_t sizes[REBIAS_MAX_LAYERS +
                 1]; /* neurons: inputs, hidden ..., outputs; each 1 .. 65536 */
    size_t batch;    /* largest batch that forward is given, >= 1 */
    enum rebias_activation activation;
    enum rebias_loss loss;
    enum rebias_biases biases;
    const struct rebias_device *device; /* NULL: software (no devices). Borrowed. */
    struct rebias_crossbar_options
        crossbar; /* encoding, weight range, pulse size, cap, rounds; the rest is set here */
    uint64_t seed;
    uint32_t replicate;
};

/* 784-100-10, batch 64, ReLU, cross-entropy, digital biases, software, crossbar defaults,
 * seed 1. */
struct rebias_network_options rebias_network_options_defaults(void);

struct rebias_network;

/* *out = a network with initial weights uniform in +- sqrt(6/(inputs + outputs)) (Glorot and
 * Bengio 2010), times sqrt 2 for ReLU, biases 0; on devices they are programmed by
 * write-verify, and what the devices reach stays. */
int rebias_network_new(struct rebias_network **out,
                       const struct rebias_network_options *options, struct rebias_error *err);
void rebias_network_free(struct rebias_network *network);

/* The options it was made with. Borrowed. */
const struct rebias_network_options *rebias_network_options_of(
    const struct rebias_network *network);

/* Sets n <= batch input vectors from x[n][inputs], finite. */
void rebias_network_set_inputs(struct rebias_network *network, size_t n, const float *x);

/* Sets n <= batch inputs to images order[0 .. n - 1], pixels scaled to [0, 1] (byte / 255). */
void rebias_network_set_images(struct rebias_network *network,
                               const struct rebias_images *images, size_t n,
                               const uint32_t *order);

/* Outputs [n][outputs] of the inputs set before: probabilities (cross-entropy) or activations.
 * Borrowed, valid until the next call. */
const float *rebias_network_forward(struct rebias_network *network, size_t n);

/* Gradients of the mean loss of the batch just forwarded; label[n] < outputs. Returns the mean
 * loss. */
double rebias_network_backward(struct rebias_network *network, size_t n, const uint8_t *label);

/* Gradient of layer l, (inputs + 1) x outputs like its weights. Borrowed. On devices and after
 * a batch of 1, rows of inputs that were 0 are not written (their gradient is 0). */
const float *rebias_network_gradient(const struct rebias_network *network, size_t layer);

/* Weights of layer l, (inputs + 1) x outputs. Borrowed; the caller may write them only for a
 * software network. */
float *rebias_network_weights(struct rebias_network *network, size_t layer);

/* Crossbar of layer l, NULL for software. Borrowed. */
const struct rebias_crossbar *rebias_network_crossbar(const struct rebias_network *network,
                                                      size_t layer);

/* One update w -= rate[l] * gradient: plain for software weights and digital biases, requested
 * change -> stochastic rounding -> pulses on devices. step addresses the randomness. Returns
 * the pulses given. */
uint64_t rebias_network_update(struct rebias_network *network, size_t n, const double *rate,
                               uint32_t step);

/* Fraction of n images classified rightly (largest output, lowest index on ties), and the mean
 * loss (may be NULL). */
double rebias_network_accuracy(struct rebias_network *network,
                               const struct rebias_images *images, double *loss);

#ifdef __cplusplus
}
#endif
#endif
