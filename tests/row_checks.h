/* row_checks.h - properties that every estimator with rows of its own must have. */
#ifndef REBIAS_TESTS_ROW_CHECKS_H
#define REBIAS_TESTS_ROW_CHECKS_H

#include "row_truths.h"
#include <time.h>

/* Every row ascends from 0 below `low` to 1 above `high`. */
static inline void check_monotone(const struct rebias_estimator *estimator,
                                  const struct rebias_sample *sample)
{
    struct fit fit;
    good_fit(&fit, estimator, sample, NULL, 0.0);
    double low = fit.fitted.low;
    double high = fit.fitted.high;
    assert_true(low < high);
    for (size_t i = 0; i < LEVELS; i++) {
        double before = 0.0;
        for (size_t j = 0; j < GRID; j++) {
            double x = low + (high - low) * (double)j / (GRID - 1);
            double F = fit.fitted.cdf(fit.fitted.context, i, x);
            assert_true(F >= before - 1e-14 && F <= 1.0);
            before = F;
        }
        assert_true(fit.fitted.cdf(fit.fitted.context, i, low) < 3e-9);
        assert_true(fit.fitted.cdf(fit.fitted.context, i, high) > 1.0 - 3e-9);
        assert_true(fit.sd[i] >= sample->sd_floor);
        assert_true(fit.count[i] > 0.0 && fit.count[i] <= (double)sample->n * (1.0 + 1e-9));
    }
    release_fit(&fit);
}

/* mean and sd are those of the cdf: mean = high - integral F, E(x - low)^2 = integral
 * 2 (x - low)(1 - F), by the trapezium rule. */
static inline void check_moments(const struct rebias_estimator *estimator,
                                 const struct rebias_sample *sample, const char *option,
                                 double value)
{
    const size_t steps = 20000;
    struct fit fit;
    good_fit(&fit, estimator, sample, option, value);
    for (size_t i = 0; i < LEVELS; i += 5) {
        double range = fit.fitted.high - fit.fitted.low;
        double first = 0.0;
        double second = 0.0;
        for (size_t j = 0; j <= steps; j++) {
            double x = range * (double)j / (double)steps;
            double F = fit.fitted.cdf(fit.fitted.context, i, fit.fitted.low + x);
            double weight = (j == 0 || j == steps ? 0.5 : 1.0) * range / (double)steps;
            first += weight * (1.0 - F);
            second += weight * 2.0 * x * (1.0 - F);
        }
        support_close(fit.mean[i], fit.fitted.low + first, 0.0, 1e-4 * fit.sd[i]);
        support_close(fit.sd[i], sqrt(second - first * first), 2e-4, 0.0);
    }
    release_fit(&fit);
}

/* Points in other units (dG -> a dG + b, G -> a G + c) give the same rows in those units. */
static inline void check_equivariance(const struct rebias_estimator *estimator,
                                      const struct rebias_sample *sample)
{
    const double a = 1000.0;
    const double b = -3e-7;
    const double c = 5e-6;
    struct rebias_sample other = *sample;
    struct fit fit[2];
    double *G = NULL;
    double *dG = NULL;
    assert_int_equal(rebias_alloc(&G, sample->n, sizeof *G, NULL), REBIAS_OK);
    assert_int_equal(rebias_alloc(&dG, sample->n, sizeof *dG, NULL), REBIAS_OK);
    for (size_t i = 0; i < sample->n; i++) {
        G[i] = a * sample->G[i] + c;
        dG[i] = a * sample->dG[i] + b;
    }
    other.G = G;
    other.dG = dG;
    other.Gmin = a * sample->Gmin + c;
    other.Gmax = a * sample->Gmax + c;
    other.sd_floor = a * sample->sd_floor;
    good_fit(&fit[0], estimator, sample, NULL, 0.0);
    good_fit(&fit[1], estimator, &other, NULL, 0.0);
    assert_string_equal(fit[0].fitted.note, fit[1].fitted.note);
    for (size_t i = 0; i < LEVELS; i++) {
        support_close(fit[1].mean[i], a * fit[0].mean[i] + b, 0.0, 1e-5 * fit[1].sd[i]);
        support_close(fit[1].sd[i], a * fit[0].sd[i], 1e-5, 0.0);
        for (int k = -3; k <= 3; k++) {
            double x = fit[0].mean[i] + 0.7 * k * fit[0].sd[i];
            support_close(fit[1].fitted.cdf(fit[1].fitted.context, i, a * x + b),
                          fit[0].fitted.cdf(fit[0].fitted.context, i, x), 0.0, 1e-5);
        }
    }
    release_fit(&fit[0]);
    release_fit(&fit[1]);
    free(G);
    free(dG);
}

/* Equal inputs give equal bytes: the choice of widths or knots has no hidden state. */
static inline void check_repeatable(const struct rebias_estimator *estimator,
                                    const struct rebias_sample *sample)
{
    struct fit fit[2];
    good_fit(&fit[0], estimator, sample, NULL, 0.0);
    good_fit(&fit[1], estimator, sample, NULL, 0.0);
    assert_memory_equal(fit[0].mean, fit[1].mean, sizeof fit[0].mean);
    assert_memory_equal(fit[0].sd, fit[1].sd, sizeof fit[0].sd);
    assert_memory_equal(fit[0].count, fit[1].count, sizeof fit[0].count);
    assert_string_equal(fit[0].fitted.note, fit[1].fitted.note);
    for (size_t i = 0; i < LEVELS; i++) {
        for (int k = -9; k <= 9; k++) {
            double x = fit[0].mean[i] + 0.3 * k * fit[0].sd[i];
            double F = fit[0].fitted.cdf(fit[0].fitted.context, i, x);
            double H = fit[1].fitted.cdf(fit[1].fitted.context, i, x);
            assert_memory_equal(&F, &H, sizeof F);
        }
    }
    release_fit(&fit[0]);
    release_fit(&fit[1]);
}

static inline void expect_refusal(const struct rebias_estimator *estimator,
                                  const struct rebias_sample *sample, const char *option,
                                  double value, const char *text)
{
    struct rebias_error err = {0};
    struct fit fit;
    support_expect(run_fit(&fit, estimator, sample, option, value, &err), REBIAS_E_DATA, &err,
                   text);
    assert_null(fit.fitted.context);
    assert_null(fit.fitted.cdf);
}

/* Data that cannot be fitted are named, and nothing is left behind. */
static inline void check_refusals(const struct rebias_estimator *estimator)
{
    double G[24];
    double dG[24];
    struct rebias_sample sample = {
        .n = 24, .G = G, .dG = dG, .Gmin = nS, .Gmax = 24.0 * nS, .sd_floor = 1e-3 * nS};
    for (size_t i = 0; i < 24; i++) {
        G[i] = 5.0 * nS;
        dG[i] = (double)(i * i % 7) * nS;
    }
    expect_refusal(estimator, &sample, NULL, 0.0, "all 24 points have the same G");
    for (size_t i = 0; i < 24; i++) {
        G[i] = (double)(i + 1) * nS;
        dG[i] = 0.5 * nS;
    }
    expect_refusal(estimator, &sample, NULL, 0.0, "all 24 points have the same dG = 5e-10 S");
    for (size_t i = 0; i < 24; i++) {
        G[i] = i < 12 ? nS : 24.0 * nS;
        dG[i] = (double)(i * i % 7) * nS;
    }
    expect_refusal(estimator, &sample, "degree", 2.0,
                   "24 points at 2 different G are too few for a trend of degree 2");
    sample.n = 1;
    expect_refusal(estimator, &sample, NULL, 0.0, "1 point");
}

/* The fewest points allowed, points on a line (no spread about the trend), and points that
 * leave levels uncovered all give proper rows. */
static inline void check_extremes(const struct rebias_estimator *estimator)
{
    struct rebias_sample sample = draw_truth(TRUTH_NORMAL, estimator->min_points, 5);
    struct fit fit;
    check_monotone(estimator, &sample);
    free_sample(&sample);
    double G[40];
    double dG[40];
    for (size_t i = 0; i < 40; i++) {
        G[i] = (10.0 + 0.5 * (double)i) * nS; /* 10 to 29.5 of 3 to 38 nS */
        dG[i] = 0.1 * nS - 0.02 * G[i];
    }
    sample.n = 40;
    sample.G = G;
    sample.dG = dG;
    good_fit(&fit, estimator, &sample, "degree", 1.0);
    size_t outside = 0;
    for (size_t i = 0; i < LEVELS; i++) {
        double held = fmax(G[0], fmin(G[39], fit.G[i]));
        outside += fit.G[i] < G[0] || fit.G[i] > G[39];
        support_close(fit.mean[i], 0.1 * nS - 0.02 * held, 0.0, 0.05 * sample.sd_floor);
        support_close(fit.sd[i], sample.sd_floor, 1e-9, 0.0);
    }
    assert_int_equal(fit.fitted.extrapolated, outside);
    assert_true(outside > 0);
    release_fit(&fit);
}

/* The same jumps, cut off where they leave [Gmin, Gmax] as a device cuts them: taken as they
 * are, they spoil the rows at the rails; told that they are cut off, the fit comes back to
 * about what the whole jumps give. */
static inline void check_censored(const struct rebias_estimator *estimator)
{
    struct rebias_sample sample = draw_truth(TRUTH_NORMAL, 10000, 21);
    struct rebias_sample cut = sample;
    struct fit fit;
    double w[3];
    double *dG = NULL;
    assert_int_equal(rebias_alloc(&dG, sample.n, sizeof *dG, NULL), REBIAS_OK);
    for (size_t i = 0; i < sample.n; i++) {
        double after = fmax(sample.Gmin, fmin(sample.Gmax, sample.G[i] + sample.dG[i]));
        dG[i] = after - sample.G[i];
    }
    cut.dG = dG;
    for (int k = 0; k < 3; k++) { /* whole, taken as they are, completed */
        cut.censored = k == 2;
        good_fit(&fit, estimator, k == 0 ? &sample : &cut, NULL, 0.0);
        w[k] = mean_wasserstein(&fit, TRUTH_NORMAL, false);
        release_fit(&fit);
    }
    print_message("# W1: whole %.4f nS, cut off %.4f nS, completed %.4f nS\n", w[0], w[1],
                  w[2]);
    assert_true(w[1] > 1.5 * w[0]);
    assert_true(w[2] < 1.3 * w[0]);
    free(dG);
    free_sample(&sample);
}

/* 10^5 points: under 30 s of processor time. */
static inline void check_many_points(const struct rebias_estimator *estimator)
{
    struct rebias_sample sample = draw_truth(TRUTH_BIMODAL, 100000, 3);
    struct fit fit;
    clock_t start = clock();
    good_fit(&fit, estimator, &sample, NULL, 0.0);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 30.0);
    assert_true(mean_wasserstein(&fit, TRUTH_BIMODAL, false) <
                0.2 * normal_wasserstein(&sample, TRUTH_BIMODAL));
    release_fit(&fit);
    free_sample(&sample);
}

/* Options start inside their ranges, and names are given once. */
static inline void check_options(const struct rebias_estimator *estimator)
{
    assert_true(estimator->param_count <= REBIAS_MAX_ESTIMATOR_PARAMS);
    for (size_t k = 0; k < estimator->param_count; k++) {
        const struct rebias_estimator_param *p = &estimator->params[k];
        assert_true(p->min <= p->value && p->value <= p->max);
        assert_non_null(p->help);
        for (size_t l = 0; l < k; l++) {
            assert_string_not_equal(p->name, estimator->params[l].name);
        }
    }
}

/* Mean W1 to the truth over `draws` draws of n points: own rows in result[0], the normal model
 * in result[1]. nS. */
static inline void average_wasserstein(const struct rebias_estimator *estimator,
                                       enum truth truth, size_t n, size_t draws,
                                       double result[2])
{
    result[0] = 0.0;
    result[1] = 0.0;
    for (size_t seed = 1; seed <= draws; seed++) {
        struct rebias_sample sample = draw_truth(truth, n, seed);
        struct fit fit;
        good_fit(&fit, estimator, &sample, NULL, 0.0);
        result[0] += mean_wasserstein(&fit, truth, false) / (double)draws;
        result[1] += normal_wasserstein(&sample, truth) / (double)draws;
        release_fit(&fit);
        free_sample(&sample);
    }
    print_message("# truth %d, %zu points: W1 %.4f nS, normal model %.4f nS\n", (int)truth, n,
                  result[0], result[1]);
}

/* A bound on the mean W1 to a truth, as a multiple of that of the normal model fitted to the
 * same points. */
struct row_bound {
    enum truth truth;
    size_t n, draws;
    double ratio;
};

static inline void check_bounds(const struct rebias_estimator *estimator, size_t count,
                                const struct row_bound *bounds)
{
    for (size_t k = 0; k < count; k++) {
        double w[2];
        average_wasserstein(estimator, bounds[k].truth, bounds[k].n, bounds[k].draws, w);
        assert_true(w[0] < bounds[k].ratio * w[1]);
    }
}

/* Properties of the rows, for few and many points of every truth; `option` = `value` is a
 * second form of the rows whose moments are checked as well (NULL: none). */
static inline void check_properties(const struct rebias_estimator *estimator,
                                    const char *option, double value)
{
    static const size_t sizes[] = {30, 500};
    for (enum truth truth = TRUTH_NORMAL; truth <= TRUTH_STUCK; truth++) {
        for (size_t k = 0; k < 2; k++) {
            struct rebias_sample sample = draw_truth(truth, sizes[k], 11 + k);
            check_monotone(estimator, &sample);
            check_moments(estimator, &sample, NULL, 0.0);
            if (option != NULL) {
                check_moments(estimator, &sample, option, value);
            }
            check_repeatable(estimator, &sample);
            check_equivariance(estimator, &sample);
            free_sample(&sample);
        }
    }
}

#endif
