/* test_quantile.c - estimator `quantile` and its regression.
 *
 * Truths are closed cdfs (row_truths.h), draws come from fixed seeds; the bounds on W1 stand
 * beside the polynomial normal model fitted to the same points.
 */
#include "row_checks.h"
#include "jumptable/estimators.h"
#include "jumptable/quantile_regression.h"

static const struct rebias_estimator *const quantile = &rebias_quantile_estimator;

static void test_truths(void **state)
{
    (void)state;
    static const struct row_bound bounds[] = {
        {TRUTH_NORMAL, 300, 10, 1.35}, {TRUTH_NORMAL, 3000, 4, 1.35},
        {TRUTH_SKEWED, 300, 5, 0.5},   {TRUTH_BIMODAL, 300, 5, 0.5},
        {TRUTH_SKEWED, 3000, 3, 0.2},  {TRUTH_BIMODAL, 3000, 3, 0.3},
        {TRUTH_HEAVY, 3000, 3, 0.5},   {TRUTH_STUCK, 3000, 3, 0.6}};
    check_bounds(quantile, sizeof bounds / sizeof *bounds, bounds);
}

static void test_properties(void **state)
{
    (void)state;
    check_properties(quantile, "tail", 1.0);
}

/* One spline is the quantile of all values: for 0, 1, ..., 1000 that of p is 1000 p, and a
 * symmetric kernel does not move it. */
static void test_plain_quantiles(void **state)
{
    (void)state;
    enum { N = 1001 };
    static double G[N], e[N];
    const double p[] = {0.1, 0.25, 0.5, 0.9};
    const size_t size[2] = {N, 1};
    double theta[4];
    struct rebias_splines s;
    struct rebias_sample sample = {.n = N, .G = G, .dG = e};
    for (size_t i = 0; i < N; i++) {
        G[i] = (double)i;
        e[i] = (double)(i * 387 % N) / 1000.0; /* 387 and 1001 have no common factor */
    }
    assert_int_equal(rebias_splines_new(&s, &sample, e, size, NULL), REBIAS_OK);
    assert_int_equal(rebias_splines_fit(&s, 4, p, theta, NULL), REBIAS_OK);
    for (size_t j = 0; j < 4; j++) {
        support_close(theta[j], p[j], 0.0, 2e-3);
    }
    rebias_splines_free(&s);
}

/* Residuals spread evenly over [-w(G), w(G)], w linear: quantile p is the line (2p - 1) w(G),
 * which two splines hold exactly. */
static void test_lines(void **state)
{
    (void)state;
    enum { N = 4000 };
    static double G[N], e[N];
    const double p[] = {0.1, 0.3, 0.5, 0.8};
    const size_t size[2] = {N, 2};
    double theta[8];
    struct rebias_splines s;
    struct rebias_sample sample = {.n = N, .G = G, .dG = e};
    for (size_t i = 0; i < N; i++) {
        G[i] = (double)i / (N - 1);
        double u = (double)(i * 1237 % N) / N + 0.5 / N;
        e[i] = (2.0 * u - 1.0) * (1.0 + 0.5 * G[i]);
    }
    assert_int_equal(rebias_splines_new(&s, &sample, e, size, NULL), REBIAS_OK);
    assert_int_equal(rebias_splines_fit(&s, 4, p, theta, NULL), REBIAS_OK);
    for (size_t j = 0; j < 4; j++) {
        for (size_t k = 0; k < 2; k++) { /* k = 0: value at G = 0, 1: at G = 1 */
            support_close(theta[2 * j + k], (2.0 * p[j] - 1.0) * (1.0 + 0.5 * (double)k), 0.0,
                          0.01);
        }
    }
    rebias_splines_free(&s);
}

/* Too many splines for the points' G are refused by name. */
static void test_splines_refused(void **state)
{
    (void)state;
    struct rebias_sample sample = draw_truth(TRUTH_NORMAL, 60, 8);
    double G[60];
    for (size_t i = 0; i < 60; i++) {
        G[i] = (double)(1 + i / 15) * nS; /* four values */
    }
    struct rebias_sample few = sample;
    few.G = G;
    expect_refusal(quantile, &few, "splines", 12.0,
                   "60 points are at too few different G for 12 B-splines");
    struct fit fit;
    good_fit(&fit, quantile, &few, NULL, 0.0);
    release_fit(&fit);
    free_sample(&sample);
}

/* With 1 spline all points stand behind each level; with 2, sum w_i^2 of the line through n
 * points spread evenly is 1/n in the middle and about 4/n at the ends. */
static void test_counts(void **state)
{
    (void)state;
    struct rebias_sample sample = draw_truth(TRUTH_NORMAL, 900, 6);
    struct fit fit;
    good_fit(&fit, quantile, &sample, "splines", 1.0);
    support_close(fit.count[0], 900.0, 1e-9, 0.0);
    release_fit(&fit);
    good_fit(&fit, quantile, &sample, "splines", 2.0);
    support_close(fit.count[LEVELS / 2], 900.0, 0.02, 0.0);
    support_close(fit.count[0], 225.0, 0.1, 0.0);
    release_fit(&fit);
    free_sample(&sample);
}

static void test_many_points(void **state)
{
    (void)state;
    check_many_points(quantile);
}

static void test_censored(void **state)
{
    (void)state;
    check_censored(quantile);
}

static void test_refusals(void **state)
{
    (void)state;
    check_options(quantile);
    check_refusals(quantile);
    check_extremes(quantile);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truths),          cmocka_unit_test(test_properties),
        cmocka_unit_test(test_plain_quantiles), cmocka_unit_test(test_lines),
        cmocka_unit_test(test_splines_refused), cmocka_unit_test(test_counts),
        cmocka_unit_test(test_many_points),     cmocka_unit_test(test_censored),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
