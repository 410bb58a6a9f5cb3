/* test_kde.c - estimator `kde`.
 *
 * Truths are closed cdfs (row_truths.h), draws come from fixed seeds; the bounds on W1 stand
 * beside the polynomial normal model fitted to the same points.
 */
#include "row_checks.h"
#include "jumptable/estimators.h"

static const struct rebias_estimator *const kde = &rebias_kde_estimator;

static void test_truths(void **state)
{
    (void)state;
    static const struct row_bound bounds[] = {
        {TRUTH_NORMAL, 300, 10, 1.10}, {TRUTH_NORMAL, 1000, 5, 1.15},
        {TRUTH_SKEWED, 300, 5, 0.5},   {TRUTH_BIMODAL, 300, 5, 0.5},
        {TRUTH_SKEWED, 3000, 3, 0.2},  {TRUTH_BIMODAL, 3000, 3, 0.2},
        {TRUTH_HEAVY, 3000, 3, 0.5},   {TRUTH_STUCK, 3000, 3, 0.6}};
    check_bounds(kde, sizeof bounds / sizeof *bounds, bounds);
}

static void test_properties(void **state)
{
    (void)state;
    check_properties(kde, NULL, 0.0);
}

/* Wide kernels leave the polynomial normal model, whose rows are closed: the limit h -> inf. */
static void test_wide_kernels(void **state)
{
    (void)state;
    struct rebias_sample sample = draw_truth(TRUTH_SKEWED, 400, 2);
    struct rebias_trend trend;
    double values[] = {100.0, 100.0, 1.0, 10.0}; /* widths, degree, folds */
    struct fit fit;
    good_fit(&fit, kde, &sample, NULL, 0.0); /* sets the levels */
    release_fit(&fit);
    assert_int_equal(kde->fit(&sample, values, &fit.fitted, NULL), REBIAS_OK);
    assert_int_equal(rebias_trend_fit(&trend, &sample, 1, NULL), REBIAS_OK);
    for (size_t i = 0; i < LEVELS; i++) {
        double mean = 0.0;
        double sd = 0.0;
        rebias_trend_at(&trend, fit.G[i], &mean, &sd);
        sd *= sqrt(400.0 / 398.0); /* two coefficients of the mean */
        support_close(fit.mean[i], mean, 0.0, 1e-3 * sd);
        support_close(fit.sd[i], sd, 1e-3, 0.0);
        support_close(fit.count[i], 400.0, 1e-3, 0.0);
        for (int k = -4; k <= 4; k++) {
            support_close(fit.fitted.cdf(fit.fitted.context, i, mean + 0.6 * k * sd),
                          gsl_cdf_ugaussian_P(0.6 * k), 0.0, 1e-3);
        }
    }
    release_fit(&fit);
    free_sample(&sample);
}

/* The row at G from the definition, sum w_i Phi((z - z_i)/h) over the points themselves. */
static double direct_cdf(const struct rebias_sample *s, const double *e, const double h[2],
                         double G, double z)
{
    double total = 0.0;
    double mean = 0.0;
    double square = 0.0;
    double squares = 0.0;
    double F = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        double V = square - mean * mean;
        double n = total * total / squares;
        double variance = V * n / (n - 2.0); /* trend of degree 1 */
        double c = sqrt(variance / (V + h[1] * h[1]));
        for (size_t i = 0; i < s->n; i++) {
            double u = (s->G[i] - G) / (h[0] * (s->G[s->n - 1] - s->G[0]));
            double w = exp(-0.5 * u * u);
            if (pass == 0) {
                total += w;
                squares += w * w;
                mean += w * e[i];
                square += w * e[i] * e[i];
            } else {
                double centre = mean + c * (e[i] - mean);
                F += w / total * gsl_cdf_ugaussian_P((z - centre) / (c * h[1]));
            }
        }
        if (pass == 0) {
            mean /= total;
            square /= total;
        }
    }
    return F;
}

static void test_definition(void **state)
{
    (void)state;
    struct rebias_sample sample = draw_truth(TRUTH_BIMODAL, 500, 4);
    struct rebias_trend trend;
    double values[] = {0.2, 0.25, 1.0, 10.0}; /* widths, degree, folds */
    double e[500];
    struct fit fit;
    good_fit(&fit, kde, &sample, NULL, 0.0); /* sets the levels */
    release_fit(&fit);
    assert_int_equal(kde->fit(&sample, values, &fit.fitted, NULL), REBIAS_OK);
    assert_int_equal(rebias_trend_fit(&trend, &sample, 1, NULL), REBIAS_OK);
    rebias_trend_residuals(&trend, &sample, e);
    for (size_t i = 0; i < LEVELS; i += 4) {
        double mean = 0.0;
        double sd = 0.0;
        rebias_trend_at(&trend, fit.G[i], &mean, &sd);
        for (int k = -5; k <= 5; k++) {
            double z = 0.5 * k;
            /* cells of 1/64 of the range and atoms 0.02 sd apart: 0.003 of probability */
            support_close(fit.fitted.cdf(fit.fitted.context, i, mean + z * sd),
                          direct_cdf(&sample, e, values, fit.G[i], z), 0.0, 3e-3);
        }
    }
    release_fit(&fit);
    free_sample(&sample);
}

static void test_many_points(void **state)
{
    (void)state;
    check_many_points(kde);
}

static void test_censored(void **state)
{
    (void)state;
    check_censored(kde);
}

static void test_refusals(void **state)
{
    (void)state;
    check_options(kde);
    check_refusals(kde);
    check_extremes(kde);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truths),       cmocka_unit_test(test_properties),
        cmocka_unit_test(test_wide_kernels), cmocka_unit_test(test_definition),
        cmocka_unit_test(test_many_points),  cmocka_unit_test(test_censored),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
