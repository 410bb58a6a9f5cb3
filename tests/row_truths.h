/* row_truths.h - known conditional distributions, draws from them, and fits of one polarity,
 * for the tests of estimators with rows of their own. Every draw is by inversion of the closed
 * cdf.
 */
#ifndef REBIAS_TESTS_ROW_TRUTHS_H
#define REBIAS_TESTS_ROW_TRUTHS_H

#include "jumptable/trend.h"
#include "rebias/estimate.h"
#include "rebias/metrics.h"
#include "rebias/random.h"
#include "support.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum truth { TRUTH_NORMAL, TRUTH_SKEWED, TRUTH_BIMODAL, TRUTH_HEAVY, TRUTH_STUCK };
enum { LEVELS = 21, GRID = 2001 };

static const double nS = 1e-9;

/* Linear mean and sd over 3 to 38 nS, as profiles of a SET pulse. */
static inline double truth_mean(double G)
{
    return 0.9 * nS - 0.02 * G;
}

static inline double truth_sd(double G)
{
    return 0.6 * nS + 0.02 * G;
}

/* cdf of (dG - mean)/sd. Skewed: E - 1, E exponential with mean 1. Bimodal: N(-+1.2, 0.35^2),
 * the share of the upper mode growing from 0.2 to 0.8 over the range. Heavy: Student's t with 3
 * degrees of freedom, scaled to variance 1. Stuck: a quarter of the jumps is exactly 0, the
 * rest normal. */
static inline double truth_cdf(enum truth truth, double G, double dG)
{
    double z = (dG - truth_mean(G)) / truth_sd(G);
    if (truth == TRUTH_SKEWED) {
        return z > -1.0 ? -expm1(-(z + 1.0)) : 0.0;
    }
    if (truth == TRUTH_BIMODAL) {
        double upper = 0.2 + 0.6 * (G - 3.0 * nS) / (35.0 * nS);
        return (1.0 - upper) * gsl_cdf_ugaussian_P((z + 1.2) / 0.35) +
               upper * gsl_cdf_ugaussian_P((z - 1.2) / 0.35);
    }
    if (truth == TRUTH_HEAVY) {
        return gsl_cdf_tdist_P(z * sqrt(3.0), 3.0);
    }
    if (truth == TRUTH_STUCK) {
        return 0.75 * gsl_cdf_ugaussian_P(z) + (dG >= 0.0 ? 0.25 : 0.0);
    }
    return gsl_cdf_ugaussian_P(z);
}

static inline double truth_quantile(enum truth truth, double G, double u)
{
    double low = truth_mean(G) - 40.0 * truth_sd(G);
    double high = truth_mean(G) + 40.0 * truth_sd(G);
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (low + high);
        *(truth_cdf(truth, G, middle) < u ? &low : &high) = middle;
    }
    return 0.5 * (low + high);
}

/* n points of a truth, G uniform in 3 to 38 nS. free G and dG. */
static inline struct rebias_sample draw_truth(enum truth truth, size_t n, uint64_t seed)
{
    struct rebias_stream stream = {.seed = seed, .purpose = REBIAS_FOR_TEST};
    double *G = NULL;
    double *dG = NULL;
    assert_int_equal(rebias_alloc(&G, n, sizeof *G, NULL), REBIAS_OK);
    assert_int_equal(rebias_alloc(&dG, n, sizeof *dG, NULL), REBIAS_OK);
    rebias_random_uniform(&stream, 0, n, G);
    stream.entity = 1;
    rebias_random_uniform(&stream, 0, n, dG);
    gsl_sort(G, 1, n);
    for (size_t i = 0; i < n; i++) {
        G[i] = 3.0 * nS + 35.0 * nS * G[i];
        dG[i] = truth_quantile(truth, G[i], dG[i]);
    }
    return (struct rebias_sample){.n = n,
                                  .G = G,
                                  .dG = dG,
                                  .Gmin = 3.0 * nS,
                                  .Gmax = 38.0 * nS,
                                  .sd_floor = 1e-3 * nS,
                                  .seed = seed};
}

static inline void free_sample(struct rebias_sample *sample)
{
    double *copy = NULL;
    memcpy(&copy, &sample->G, sizeof copy);
    free(copy);
    memcpy(&copy, &sample->dG, sizeof copy);
    free(copy);
}

/* A fit at LEVELS levels from Gmin to Gmax. */
struct fit {
    double G[LEVELS], mean[LEVELS], sd[LEVELS], count[LEVELS];
    struct rebias_fitted fitted;
};

/* Option values: the defaults, but `value` for option `name` (NULL: none). */
static inline int run_fit(struct fit *fit, const struct rebias_estimator *estimator,
                          const struct rebias_sample *sample, const char *name, double value,
                          struct rebias_error *err)
{
    double values[REBIAS_MAX_ESTIMATOR_PARAMS] = {0};
    bool found = name == NULL;
    for (size_t k = 0; k < estimator->param_count; k++) {
        bool named = name != NULL && strcmp(name, estimator->params[k].name) == 0;
        values[k] = named ? value : estimator->params[k].value;
        found = found || named;
    }
    assert_true(found);
    memset(fit, 0, sizeof *fit);
    for (size_t i = 0; i < LEVELS; i++) {
        fit->G[i] = sample->Gmin + (sample->Gmax - sample->Gmin) * (double)i / (LEVELS - 1);
    }
    fit->fitted = (struct rebias_fitted){
        .levels = LEVELS, .G = fit->G, .mean = fit->mean, .sd = fit->sd, .count = fit->count};
    return estimator->fit(sample, values, &fit->fitted, err);
}

static inline void good_fit(struct fit *fit, const struct rebias_estimator *estimator,
                            const struct rebias_sample *sample, const char *name, double value)
{
    struct rebias_error err = {0};
    support_expect(run_fit(fit, estimator, sample, name, value, &err), REBIAS_OK, &err, NULL);
    assert_non_null(fit->fitted.cdf);
}

static inline void release_fit(struct fit *fit)
{
    fit->fitted.release(fit->fitted.context);
}

/* Mean over the levels of W1 to the truth; F NULL: the normal row of mean and sd. nS. */
static inline double mean_wasserstein(const struct fit *fit, enum truth truth, bool normal)
{
    static double x[GRID], F[GRID], H[GRID];
    double sum = 0.0;
    for (size_t i = 0; i < LEVELS; i++) {
        double G = fit->G[i];
        for (size_t j = 0; j < GRID; j++) {
            x[j] = truth_mean(G) + truth_sd(G) * (-10.0 + 25.0 * (double)j / (GRID - 1));
            H[j] = truth_cdf(truth, G, x[j]);
            F[j] = normal ? gsl_cdf_ugaussian_P((x[j] - fit->mean[i]) / fit->sd[i])
                          : fit->fitted.cdf(fit->fitted.context, i, x[j]);
        }
        sum += rebias_wasserstein1(GRID, x, F, H);
    }
    return sum / LEVELS / nS;
}

/* W1 of the polynomial normal model by maximum likelihood, degrees by BIC. */
static inline double normal_wasserstein(const struct rebias_sample *sample, enum truth truth)
{
    struct rebias_trend trend;
    struct fit fit = {.fitted = {.levels = LEVELS}};
    struct rebias_error err = {0};
    support_expect(rebias_trend_fit(&trend, sample, -1, &err), REBIAS_OK, &err, NULL);
    for (size_t i = 0; i < LEVELS; i++) {
        fit.G[i] = sample->Gmin + (sample->Gmax - sample->Gmin) * (double)i / (LEVELS - 1);
        rebias_trend_at(&trend, fit.G[i], &fit.mean[i], &fit.sd[i]);
    }
    return mean_wasserstein(&fit, truth, true);
}

#endif
