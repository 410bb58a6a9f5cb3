/* lane_layers.h - dense layers with another pattern in each of 32 lanes (internal to netsim).
 *
 * Numbers of a neuron lie side by side, [neuron][lane]. Every function gives the same bits for
 * every instruction set.
 */
#ifndef REBIAS_NETSIM_LANE_LAYERS_H
#define REBIAS_NETSIM_LANE_LAYERS_H

#include <stddef.h>
#include <stdint.h>

enum { REBIAS_LANE_COUNT = 32 };

/* The lanes' patterns: row i = the entries of parameter i, scale * (+-size by the lane's bit of
 * word[i], or matrix[i][lane]). */
struct lane_rows {
    const uint32_t *word; /* NULL: matrix */
    const float *matrix;
    uint32_t up[REBIAS_LANE_COUNT]; /* shift that brings the lane's bit to the sign */
    float size, scale;
};

/* part[j] = sum_i row_ji x_i + row of the bias, over the inputs active[count] alone; the same
 * sample x[inputs] in all lanes. */
void rebias_lanes_part_shared(const struct lane_rows *rows, const size_t shape[2], size_t count,
                              const uint32_t *active, const float *x, float *part);

/* The same with the lanes' own inputs x[i], and base = W x + b; shape = inputs, outputs. */
void rebias_lanes_part_own(const struct lane_rows *rows, const size_t shape[2],
                           const float *weights, const float *x, float *base, float *part);

/* z[j] = sum_i (w_ji + row_ji) x_i + bias + its row. rows are those of the layer. */
void rebias_lanes_dense(const struct lane_rows *rows, const size_t shape[2],
                        const float *weights, const float *x, float *z);

/* z[n] = base + scale part. */
void rebias_lanes_add_part(size_t n, float scale, const float *base, const float *part,
                           float *z);

/* Mean squared errors of the lanes' outputs. */
void rebias_lanes_squared_costs(size_t outputs, const float *output, const float *target,
                                double *cost);

/* estimate[i] += sum over 32 patterns of factor times +-1 by the bits of word[i]. */
void rebias_lanes_add_signs(size_t n, const uint32_t *word, const float *factor,
                            float *estimate);

/* estimate[i] += sum over the lanes of factor times matrix[i]. */
void rebias_lanes_add_rows(size_t n, const float *matrix, const float *factor, float *estimate);

#endif
