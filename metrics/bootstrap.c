/* bootstrap.c - mean, standard deviation, and the bootstrap interval of a mean.
 * 1. mean and standard deviation   2. resampled means   3. the interval
 *
 * Reference: Hesterberg, "What teachers should know about the bootstrap", Am. Stat. 69, 371
 * (2015), sections 4.2 (smoothed bootstrap) and 5.3 (expanded percentiles).
 */
#include "rebias/base.h"
#include "rebias/metrics.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

/* -- 1. mean and standard deviation -- */

void rebias_mean_sd(size_t n, const double *x, double *mean, double *sd)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    double centre = sum / (double)n;
    double rest = 0.0; /* sum of the deviations: the rounding error of the centre, times n */
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - centre;
        rest += d;
        squares += d * d;
    }
    *mean = centre + rest / (double)n;
    *sd = n > 1 ? sqrt(fmax(squares - rest * rest / (double)n, 0.0) / (double)(n - 1)) : 0.0;
}

/* -- 2. resampled means -- */

enum { PIECE = 1024 };

/* Mean of n values drawn with replacement; draw i uses word i of the stream (multiply-shift,
 * bias n 2^-32). */
static double resample_mean(size_t n, const double *x, const struct rebias_stream *stream)
{
    uint32_t words[PIECE];
    double sum = 0.0;
    for (size_t start = 0; start < n; start += PIECE) {
        size_t m = n - start < PIECE ? n - start : PIECE;
        rebias_random_words(stream, start, m, words);
        for (size_t i = 0; i < m; i++) {
            sum += x[((uint64_t)words[i] * n) >> 32];
        }
    }
    return sum / (double)n;
}

/* -- 3. the interval -- */

static int check_input(size_t n, const double *x, double level, size_t resamples,
                       struct rebias_error *err)
{
    if (n < 2) {
        return rebias_fail(err, REBIAS_E_DATA,
                           "the interval of a mean needs at least 2 values, there are %zu", n);
    }
    if (n > UINT32_MAX || resamples < 1 || resamples > UINT32_MAX) {
        return rebias_fail(
            err, REBIAS_E_RANGE,
            "%zu values with %zu resamples: values must be below 2^32, resamples in [1, 2^32)",
            n, resamples);
    }
    if (!(level > 0.0 && level < 1.0)) {
        return rebias_fail(err, REBIAS_E_RANGE, "confidence level %g is outside (0, 1)", level);
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            return rebias_fail(err, REBIAS_E_RANGE,
                               "value %zu of %zu is %g, not a finite number", i + 1, n, x[i]);
        }
    }
    return REBIAS_OK;
}

static double largest_deviation(size_t n, const double *deviation)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(deviation[i]));
    }
    return largest;
}

/* Distribution of the smoothed resampled mean: normal kernels of width h around the resampled
 * means. */
struct kernels {
    size_t count;
    const double *means;
    double h;
};

/* Mean of Phi((x - m)/h): the probability of a smoothed mean below x; upper: above x. */
static double smoothed_tail(const struct kernels *k, double x, double sign)
{
    double sum = 0.0;
    for (size_t b = 0; b < k->count; b++) {
        sum += gsl_cdf_ugaussian_P(sign * (x - k->means[b]) / k->h);
    }
    return sum / (double)k->count;
}

/* x with tail probability p below it (sign 1) or above it (sign -1), by bisection between
 * -reach and reach. */
static double smoothed_end(const struct kernels *k, double p, double sign, double reach)
{
    double inside = sign * reach;
    double outside = -sign * reach;
    enum { HALVINGS = 46 };
    for (int i = 0; i < HALVINGS; i++) {
        double middle = 0.5 * (inside + outside);
        if (smoothed_tail(k, middle, sign) > p) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    return 0.5 * (inside + outside);
}

int rebias_bootstrap_mean(size_t n, const double *x, double level, size_t resamples,
                          const struct rebias_stream *stream, double *low, double *high,
                          struct rebias_error *err)
{
    double *deviation = NULL;
    double *means = NULL;
    int status = check_input(n, x, level, resamples, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    status = rebias_alloc(&deviation, n, sizeof *deviation, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    status = rebias_alloc(&means, resamples, sizeof *means, err);
    if (status != REBIAS_OK) {
        goto done;
    }
    double mean = 0.0;
    double sd = 0.0;
    rebias_mean_sd(n, x, &mean, &sd);
    for (size_t i = 0; i < n; i++) {
        deviation[i] =
            x[i] - mean; /* a large common offset must not cost the means their digits */
    }
    struct rebias_stream own = *stream;
    for (size_t b = 0; b < resamples; b++) {
        own.step = (uint32_t)b;
        means[b] = resample_mean(n, deviation, &own);
    }
    double t = gsl_cdf_tdist_Qinv(0.5 * (1.0 - level), (double)(n - 1));
    double tail = gsl_cdf_ugaussian_P(-t);
    const struct kernels kernels = {resamples, means, sd / (double)n};
    if (sd > 0.0) { /* otherwise all values are equal and so are both ends */
        double reach = largest_deviation(n, deviation) + (t + 1.0) * kernels.h;
        *low = mean + smoothed_end(&kernels, tail, 1.0, reach);
        *high = mean + smoothed_end(&kernels, tail, -1.0, reach);
    } else {
        *low = *high = mean;
    }
done:
    free(deviation);
    free(means);
    return status;
}
