/* draws.h - what the tests of devices and jump tables share.
 * 1. one pulse without clamping   2. samples against distributions
 */
#ifndef REBIAS_TESTS_DRAWS_H
#define REBIAS_TESTS_DRAWS_H

#include "rebias/devmodel.h"
#include <math.h>
#include <stdlib.h>

/* -- 1. one pulse without clamping -- */

/* Word i of a test's own stream, for i < n. */
static inline void draws_words(uint32_t step, size_t n, uint32_t *word)
{
    const struct rebias_stream stream = {20230713, REBIAS_FOR_TEST, 0, 0, step};
    rebias_random_words(&stream, 0, n, word);
}

/* One pulse on every G[i] with word[i], by the model's own loop; all devices alike, no
 * clamping. */
static inline void draws_step(const struct rebias_device *device, enum rebias_polarity polarity,
                              size_t n, const uint32_t *word, float *G)
{
    float value[REBIAS_MAX_COEFS];
    const float *coef[REBIAS_MAX_COEFS];
    for (size_t k = 0; k < device->model->coef_count; k++) {
        value[k] = (float)device->coefs[k];
        coef[k] = &value[k];
    }
    for (size_t first = 0; first < n; first += REBIAS_LANES_MAX) {
        const size_t m = n - first < REBIAS_LANES_MAX ? n - first : REBIAS_LANES_MAX;
        const struct rebias_lanes lanes = {m, polarity, word + first, coef, 0};
        device->model->step(device, &lanes, G + first);
    }
}

/* jump[n] = jumps from one G by n words of the stream `step`; differences of float
 * conductances. */
static inline void draws_jumps(const struct rebias_device *device,
                               enum rebias_polarity polarity, float G, uint32_t step, size_t n,
                               double *jump)
{
    enum { PIECE = 16384 };
    static uint32_t word[PIECE];
    static float end[PIECE];
    const struct rebias_stream stream = {20230713, REBIAS_FOR_TEST, 0, 0, step};
    for (size_t first = 0; first < n; first += PIECE) {
        const size_t m = n - first < PIECE ? n - first : PIECE;
        rebias_random_words(&stream, first, m, word);
        for (size_t i = 0; i < m; i++) {
            end[i] = G;
        }
        draws_step(device, polarity, m, word, end);
        for (size_t i = 0; i < m; i++) {
            jump[first + i] = (double)end[i] - (double)G;
        }
    }
}

/* -- 2. samples against distributions -- */

/* Largest |F_n - F| at the points at[m] (ascending), F_n the empirical distribution function of
 * x[n]. */
static inline double draws_ks(size_t n, const double *x, size_t m, const double *at,
                              double (*F)(const void *context, double x), const void *context)
{
    size_t *count = calloc(m + 1, sizeof *count); /* values above at[k - 1], up to at[k] */
    if (count == NULL) {
        return INFINITY;
    }
    for (size_t i = 0; i < n; i++) {
        size_t low = 0;
        size_t high = m;
        while (low < high) {
            const size_t middle = low + (high - low) / 2;
            low = at[middle] < x[i] ? middle + 1 : low;
            high = at[middle] < x[i] ? high : middle;
        }
        count[low]++;
    }
    double largest = 0.0;
    size_t upto = 0;
    for (size_t k = 0; k < m; k++) {
        upto += count[k];
        largest = fmax(largest, fabs((double)upto / (double)n - F(context, at[k])));
    }
    free(count);
    return largest;
}

/* A sample of n from F itself passes this with probability below `alarm`
 * (Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant: P(D > t) <= 2 exp(-2 n t^2),
 * for any F and any set of points). */
static inline double draws_ks_bound(size_t n, double alarm)
{
    return sqrt(log(2.0 / alarm) / (2.0 * (double)n));
}

#endif
