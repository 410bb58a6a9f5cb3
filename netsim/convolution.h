/* convolution.h - columns of convolutions and pools on neuron-major activations [neuron][n]
 * (internal to netsim).
 */
#ifndef REBIAS_NETSIM_CONVOLUTION_H
#define REBIAS_NETSIM_CONVOLUTION_H

#include "rebias/model.h"

/* Output positions first .. first + count - 1 of a layer, row by row, with n samples each. */
struct rebias_patch {
    const struct rebias_layer *layer;
    size_t n;
    size_t first;
    size_t count;
};

/* Inputs of one output position: in's channels x k x k. */
size_t rebias_convolution_taps(const struct rebias_layer *layer);

/* Output positions a channel: out's rows x columns. */
size_t rebias_convolution_positions(const struct rebias_layer *layer);

/* The next piece: count positions from patch->first on, such that the columns stay in a cache.
 */
size_t rebias_convolution_piece(const struct rebias_patch *patch);

/* Floats that the columns of any piece of n <= batch samples need. */
size_t rebias_convolution_space(const struct rebias_layer *layer, size_t batch);

/* column[taps][count * n] from in, zeros where the kernel leaves the image. With it z = W
 * column is the layer. */
void rebias_convolution_columns(const struct rebias_patch *patch, const float *in,
                                float *column);

/* below += the transpose of rebias_convolution_columns applied to column. */
void rebias_convolution_scatter(const struct rebias_patch *patch, const float *column,
                                float *below);

/* out = maxima of in's k x k windows; NaN wins. */
void rebias_pool_forward(const struct rebias_layer *layer, size_t n, const float *in,
                         float *out);

/* below = delta at the first maximum of each window, else 0; delta is used up. in and out as of
 * rebias_pool_forward. */
struct rebias_pool_values {
    const float *in;
    const float *out;
};
void rebias_pool_backward(const struct rebias_layer *layer, size_t n,
                          const struct rebias_pool_values *kept, float *delta, float *below);

#endif
