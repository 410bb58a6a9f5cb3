/* test_law.c - a distribution on a grid and its distances from a sample. */
#include "support.h"

#include "sweep/law.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

static void standard_moments(const void *context, int polarity, double G, double *mean,
                             double *sd)
{
    (void)context;
    (void)polarity;
    (void)G;
    *mean = 0.0;
    *sd = 1.0;
}

static double standard_cdf(const void *context, int polarity, double G, double dG)
{
    (void)context;
    (void)polarity;
    (void)G;
    return gsl_cdf_ugaussian_P(dG);
}

static const struct rebias_jumps standard = {NULL, standard_moments, standard_cdf, true};
static const double sample[] = {-1.5, -0.2, 0.1, 0.1, 0.9, 2.5};
enum { SAMPLE = sizeof sample / sizeof sample[0] };

/* W_q^q = integral over u of |F_n^-1 - Phi^-1|^q, by the midpoint rule. */
static double transport(double q)
{
    enum { STEPS = 600000 };
    double sum = 0.0;
    for (int i = 0; i < STEPS; i++) {
        double u = ((double)i + 0.5) / STEPS;
        sum += pow(fabs(sample[(size_t)(u * SAMPLE)] - gsl_cdf_ugaussian_Pinv(u)), q);
    }
    return sum / STEPS;
}

/* 2 E|x - Z| - E|x - x'| - E|Z - Z'| with E|x - Z| = x (2 Phi(x) - 1) + 2 phi(x). */
static double energy_of_sample(void)
{
    double cross = 0.0;
    double own = 0.0;
    for (int i = 0; i < SAMPLE; i++) {
        double x = sample[i];
        cross += x * (2.0 * gsl_cdf_ugaussian_P(x) - 1.0) +
                 M_2_SQRTPI * M_SQRT1_2 * exp(-0.5 * x * x);
        for (int j = 0; j < SAMPLE; j++) {
            own += fabs(x - sample[j]);
        }
    }
    return 2.0 * cross / SAMPLE - own / (SAMPLE * SAMPLE) - M_2_SQRTPI;
}

/* Standard normal octiles: +-1.150, +-0.674, +-0.319, 0; so the six points lie in the cells 1,
 * 4, 5, 5, 7, 8. */
static void test_sample_against_normal(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_law law = {0};
    struct rebias_law_work work = {0};
    struct rebias_slice_metrics s = {0};
    const double G = 0.5;
    support_expect(rebias_law_of_device(&law, &standard, 0, 1, &G, 1.0, &err), REBIAS_OK, &err,
                   NULL);
    support_expect(rebias_law_work_new(&work, law.n, SAMPLE, &err), REBIAS_OK, &err, NULL);
    rebias_law_measure(&law, SAMPLE, sample, false, &work, &s);
    support_close(s.wasserstein1, transport(1.0), 1e-3, 0.0);
    support_close(s.wasserstein2, sqrt(transport(2.0)), 1e-3, 0.0);
    support_close(s.energy, energy_of_sample(), 2e-3, 0.0);
    /* largest gap: just below -0.2, where 1 of 6 points lies below */
    support_close(s.kolmogorov_smirnov, gsl_cdf_ugaussian_P(-0.2) - 1.0 / 6.0, 1e-3, 0.0);
    double overlap = (4.0 * sqrt(1.0 / 48.0) + sqrt(2.0 / 48.0));
    support_close(s.hellinger, sqrt(1.0 - overlap), 1e-9, 0.0);
    double divergence = 4.0 / 6.0 * log(8.0 / 6.0) + 2.0 / 6.0 * log(16.0 / 6.0);
    support_close(s.kullback_leibler, divergence, 1e-9, 0.0);
    assert_true(s.model_mean == law.mean && s.model_sd == law.sd);
    support_close(law.mean, 0.0, 0.0, 1e-15);
    support_close(law.sd, 1.0, 1e-12, 0.0);
    rebias_law_measure(&law, SAMPLE, sample, true, &work, &s);
    /* half a point more in each of the eight cells: shares 3/20 (4), 5/20 (1), 1/20 (3) */
    double reverse = (4.0 * log(20.0 / 24.0) + log(20.0 / 40.0) + 3.0 * log(20.0 / 8.0)) / 8.0;
    support_close(s.kullback_leibler, reverse, 1e-9, 0.0);
    support_close(s.model_mean, 1.9 / 6.0, 1e-12, 0.0);
    rebias_law_release(&law);
    rebias_law_work_release(&work);
}

static void test_law_of_sample(void **state)
{
    (void)state;
    struct rebias_error err = {0};
    struct rebias_law law = {0};
    support_expect(rebias_law_of_sample(&law, SAMPLE, sample, &err), REBIAS_OK, &err, NULL);
    support_close(rebias_law_quantile(&law, 0.5 / 6.0), -1.5, 1e-12, 0.0);
    support_close(rebias_law_quantile(&law, 1.0 / 6.0), 0.5 * (-1.5 - 0.2), 1e-12, 0.0);
    support_close(rebias_law_quantile(&law, 0.999), 2.5, 1e-12, 0.0);
    support_close(rebias_law_quantile(&law, 0.001), -1.5, 1e-12, 0.0);
    rebias_law_release(&law);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_against_normal),
        cmocka_unit_test(test_law_of_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
