/* model_cost.c - costs of single samples and their derivative by the outputs.
 * 1. exponential   2. softmax of a piece of samples   3. cross-entropy   4. squared errors
 * 5. costs   6. derivative
 *
 * Perturbations change a cost by 1e-4 of it or less, so everything behind the float outputs is
 * double. Loops run over samples, hence sums over outputs keep their order in every version.
 */
#include "base/simd.h"
#include "model_internal.h"
#include <math.h>
#include <string.h>

/* -- 1. exponential -- */

/* exp(x) for x <= 0 in double precision for vector loops: relative error below 1e-15, 0 <= x
 * counted as 0, x below -700 as -700 (exp 1e-304; such terms do not count beside the largest,
 * 1). x = k ln 2 + r, |r| <= ln(2)/2, Taylor series to r^13/13! (rest below 5e-18). NaN stays
 * NaN. */
static inline double exp_negative(double x)
{
    x = x < -700.0 ? -700.0 : x;
    x = x > 0.0 ? 0.0 : x;
    const double round = 6755399441055744.0; /* 1.5 2^52: its last bits then hold k */
    const double shifted = x * 1.4426950408889634 + round;
    const double k = shifted - round;
    const double r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 52) + ((uint64_t)1023 << 52);
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

/* -- 2. softmax of a piece of samples -- */

enum { PIECE = 64 };

struct softmax_piece {
    double largest[PIECE]; /* max_c a_c */
    double sum[PIECE];     /* sum_c exp(a_c - largest) */
    double total[PIECE];   /* sum_c (a_c - largest) */
};

/* a[outputs] rows, `distance` apart, of m <= PIECE samples. */
REBIAS_SIMD static void sum_softmax(size_t outputs, size_t distance, size_t m, const float *a,
                                    struct softmax_piece *piece)
{
    for (size_t i = 0; i < m; i++) {
        piece->largest[i] = (double)a[i];
        piece->sum[i] = 0.0;
        piece->total[i] = 0.0;
    }
    for (size_t c = 1; c < outputs; c++) {
#pragma omp simd
        for (size_t i = 0; i < m; i++) {
            const double x = (double)a[c * distance + i];
            piece->largest[i] = x > piece->largest[i] ? x : piece->largest[i];
        }
    }
    for (size_t c = 0; c < outputs; c++) {
#pragma omp simd
        for (size_t i = 0; i < m; i++) {
            const double x = (double)a[c * distance + i] - piece->largest[i];
            piece->sum[i] += exp_negative(x);
            piece->total[i] += x;
        }
    }
}

/* delta = softmax(a) scale, for one output. */
REBIAS_SIMD static void scale_softmax(size_t m, double scale, const float *a,
                                      const struct softmax_piece *piece, float *delta)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        const double p = exp_negative((double)a[i] - piece->largest[i]) / piece->sum[i];
        delta[i] = (float)(p * scale);
    }
}

/* -- 3. cross-entropy -- */

/* cost[m] of samples first .. first + m - 1. */
static void entropy_costs(const struct rebias_model *model, const float *outputs, size_t first,
                          size_t m, double *cost)
{
    const size_t classes = model->architecture.outputs;
    const double even = model->architecture.smoothing / (double)classes;
    struct softmax_piece piece;
    sum_softmax(classes, model->n, m, outputs + first, &piece);
    for (size_t i = 0; i < m; i++) {
        const size_t label = model->label[first + i];
        const double a = (double)outputs[label * model->n + first + i] - piece.largest[i];
        cost[i] = log(piece.sum[i]) - (1.0 - model->architecture.smoothing) * a -
                  even * piece.total[i];
    }
}

static void entropy_delta(const struct rebias_model *model, const float *outputs, size_t first,
                          size_t m, float *delta)
{
    const size_t classes = model->architecture.outputs;
    const size_t n = model->n;
    const double smoothing = model->architecture.smoothing;
    const double scale = 1.0 / (double)n;
    struct softmax_piece piece;
    sum_softmax(classes, n, m, outputs + first, &piece);
    for (size_t c = 0; c < classes; c++) {
        float *row = delta + c * n + first;
        scale_softmax(m, scale, outputs + c * n + first, &piece, row);
        for (size_t i = 0; i < m; i++) {
            const double right = model->label[first + i] == c ? 1.0 - smoothing : 0.0;
            row[i] -= (float)((right + smoothing / (double)classes) * scale);
        }
    }
}

/* -- 4. squared errors -- */

static void squared_costs(const struct rebias_model *model, const float *outputs, size_t first,
                          size_t m, double *cost)
{
    const size_t count = model->architecture.outputs;
    for (size_t i = 0; i < m; i++) {
        const float *target = model->target + (first + i) * count;
        double sum = 0.0;
        for (size_t c = 0; c < count; c++) {
            const double e = (double)outputs[c * model->n + first + i] - (double)target[c];
            sum += e * e;
        }
        cost[i] = sum / (double)count;
    }
}

static void squared_delta(const struct rebias_model *model, const float *outputs, size_t first,
                          size_t m, float *delta)
{
    const size_t count = model->architecture.outputs;
    const double scale = 2.0 / (double)(count * model->n);
    for (size_t i = first; i < first + m; i++) {
        for (size_t c = 0; c < count; c++) {
            const double target = (double)model->target[i * count + c];
            const double e = (double)outputs[c * model->n + i] - target;
            delta[c * model->n + i] = (float)(e * scale);
        }
    }
}

/* -- 5. costs -- */

/* Samples of the piece that starts at `first`. */
static size_t piece_from(const struct rebias_model *model, size_t first)
{
    const size_t left = model->n - first;
    return left < PIECE ? left : PIECE;
}

double rebias_model_costs(const struct rebias_model *model, const float *outputs, double *cost)
{
    const bool entropy = model->architecture.cost == REBIAS_COST_CROSS_ENTROPY;
    double sum = 0.0;
    for (size_t first = 0; first < model->n; first += PIECE) {
        const size_t m = piece_from(model, first);
        double piece[PIECE] = {0.0};
        (entropy ? entropy_costs : squared_costs)(model, outputs, first, m, piece);
        for (size_t i = 0; i < m; i++) {
            sum += piece[i];
        }
        if (cost != NULL) {
            memcpy(cost + first, piece, m * sizeof *cost);
        }
    }
    return sum / (double)model->n;
}

/* -- 6. derivative -- */

double rebias_model_output_delta(const struct rebias_model *model, float *delta)
{
    const bool entropy = model->architecture.cost == REBIAS_COST_CROSS_ENTROPY;
    const float *outputs = model->value[model->architecture.layers];
    for (size_t first = 0; first < model->n; first += PIECE) {
        const size_t m = piece_from(model, first);
        (entropy ? entropy_delta : squared_delta)(model, outputs, first, m, delta);
    }
    return rebias_model_costs(model, outputs, NULL);
}
