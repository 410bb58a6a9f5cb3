/* test_score.c - CRPS and log score.
 * 1. normal rows   2. rows on a grid   3. both alike   4. propriety
 */
#include "support.h"
#include "rebias/random.h"
#include "rebias/score.h"
#include <gsl/gsl_cdf.h>
#include <math.h>

/* -- 1. normal rows -- */

/* At the centre CRPS = sd (sqrt 2 - 1)/sqrt pi; far away it is |x - mean| - sd/sqrt pi
 * (Gneiting and Raftery 2007, equation 21, with phi(0) = 1/sqrt(2 pi)). */
static void test_crps_normal_closed_forms(void **state)
{
    (void)state;
    const double x[] = {3.0, 50.0, -40.0};
    const double mean[] = {3.0, 0.0, 10.0};
    const double sd[] = {2.0, 1.0, 0.5};
    const double expected[] = {2.0 * (M_SQRT2 - 1.0) / sqrt(M_PI), 50.0 - 1.0 / sqrt(M_PI),
                               50.0 - 0.5 / sqrt(M_PI)};
    double sum = 0.0;
    for (size_t i = 0; i < 3; i++) {
        support_close(rebias_crps_normal(1, x + i, mean + i, sd + i), expected[i], 1e-14, 0.0);
        sum += expected[i];
    }
    support_close(rebias_crps_normal(3, x, mean, sd), sum / 3.0, 1e-14, 0.0);
}

/* Against the defining integral by the midpoint rule, in siemens. */
static void test_crps_normal_is_its_integral(void **state)
{
    (void)state;
    const double mean = 2e-9;
    const double sd = 1.2e-9;
    for (double z = -3.0; z <= 3.0; z += 0.75) {
        const double x = mean + z * sd;
        const double h = sd / 2048.0; /* x lies on a cell's end for these z */
        double sum = 0.0;
        for (int k = -10 * 2048; k < 10 * 2048; k++) {
            const double t = mean + (k + 0.5) * h;
            const double d = gsl_cdf_gaussian_P(t - mean, sd) - (t >= x ? 1.0 : 0.0);
            sum += d * d * h;
        }
        support_close(rebias_crps_normal(1, &x, &mean, &sd), sum, 1e-6, 0.0);
    }
}

/* -ln of the normal density: ln sd + z^2/2 + ln(2 pi)/2. */
static void test_log_score_normal_by_hand(void **state)
{
    (void)state;
    const double x[] = {0.0, 2.0, 7.0};
    const double mean[] = {0.0, 0.0, 1.0};
    const double sd[] = {1.0, 1.0, 2.0};
    const double c = 0.5 * log(2.0 * M_PI);
    support_close(rebias_log_score_normal(1, x, mean, sd), c, 1e-15, 0.0);
    support_close(rebias_log_score_normal(3, x, mean, sd), c + (2.0 + log(2.0) + 4.5) / 3.0,
                  1e-15, 0.0);
    support_close(rebias_score_normal(REBIAS_SCORE_LOG, 1, x, mean, sd), c, 1e-15, 0.0);
    support_close(rebias_score_normal(REBIAS_SCORE_CRPS, 1, x, mean, sd),
                  (M_SQRT2 - 1.0) / sqrt(M_PI), 1e-14, 0.0);
}

/* -- 2. rows on a grid -- */

/* Uniform on [0, 1]: x^3/3 + (1 - x)^3/3 inside, 1/3 and the way to the end outside. */
static void test_crps_of_a_uniform_row(void **state)
{
    (void)state;
    const double grid[] = {0.0, 0.4, 1.0};
    const double F[] = {0.0, 0.4, 1.0};
    for (int k = 0; k <= 10; k++) {
        const double x = k / 10.0;
        support_close(rebias_crps_rows(1, &x, 3, grid, F),
                      (pow(x, 3.0) + pow(1.0 - x, 3.0)) / 3.0, 1e-14, 0.0);
    }
    const double outside[] = {-1.0, 3.0};
    support_close(rebias_crps_rows(1, outside, 3, grid, F), 1.0 + 1.0 / 3.0, 1e-15, 0.0);
    support_close(rebias_crps_rows(1, outside + 1, 3, grid, F), 2.0 + 1.0 / 3.0, 1e-15, 0.0);
}

/* A quarter of the mass on either end of [0, 1]: 2 x integral from 0 to 1/2 of (1/4 + t/2)^2 dt
 * = 7/48. Two point masses of 1/2: integral of 1/4 over [0, 1]. */
static void test_crps_of_point_masses(void **state)
{
    (void)state;
    const double grid[] = {0.0, 1.0};
    const double quarter[] = {0.25, 0.75};
    const double half[] = {0.5, 0.5};
    const double x[] = {0.5, 0.5};
    const double rows[] = {0.25, 0.75, 0.5, 0.5};
    support_close(rebias_crps_rows(1, x, 2, grid, quarter), 7.0 / 48.0, 1e-15, 0.0);
    support_close(rebias_crps_rows(1, x, 2, grid, half), 0.25, 1e-15, 0.0);
    support_close(rebias_crps_rows(2, x, 2, grid, rows), (7.0 / 48.0 + 0.25) / 2.0, 1e-15, 0.0);
    support_close(rebias_score_rows(REBIAS_SCORE_CRPS, 1, x, 2, grid, half), 0.25, 1e-15, 0.0);
}

/* Slopes by hand: cells [0, 1), [1, 3] with masses 0.2 and 0.8. */
static void test_log_score_of_rows(void **state)
{
    (void)state;
    const double grid[] = {0.0, 1.0, 3.0};
    const double F[] = {0.0, 0.2, 1.0};
    const double x[] = {0.5, 1.0, 3.0, 3.1, -0.1};
    const double floor = -log(REBIAS_DENSITY_FLOOR / 3.0);
    const double expected[] = {-log(0.2), -log(0.4), -log(0.4), floor, floor};
    double sum = 0.0;
    for (size_t i = 0; i < 5; i++) {
        support_close(rebias_log_score_rows(1, x + i, 3, grid, F), expected[i], 1e-15, 0.0);
        sum += expected[i];
    }
    const double rows[] = {0.0, 0.2, 1.0, 0.0, 0.2, 1.0, 0.0, 0.2,
                           1.0, 0.0, 0.2, 1.0, 0.0, 0.2, 1.0};
    support_close(rebias_score_rows(REBIAS_SCORE_LOG, 5, x, 3, grid, rows), sum / 5.0, 1e-15,
                  0.0);
}

/* Masses on the ends belong to the outermost cells; a cell without mass has the floor. */
static void test_log_score_of_masses_and_gaps(void **state)
{
    (void)state;
    const double grid[] = {0.0, 1.0, 2.0, 4.0};
    const double F[] = {0.1, 0.5, 0.5, 0.9};
    const double x[] = {0.5, 1.5, 2.5};
    support_close(rebias_log_score_rows(1, x, 4, grid, F), -log(0.5), 1e-15, 0.0);
    support_close(rebias_log_score_rows(1, x + 1, 4, grid, F), -log(REBIAS_DENSITY_FLOOR / 4.0),
                  1e-15, 0.0);
    support_close(rebias_log_score_rows(1, x + 2, 4, grid, F), -log(0.25), 1e-15, 0.0);
}

/* -- 3. both alike -- */

enum { POINTS = 4001 };

/* A fine grid of the normal cdf has the closed forms' scores; errors are of second order in the
 * step of sd/250. */
static void test_rows_agree_with_normal(void **state)
{
    (void)state;
    static double grid[POINTS], F[POINTS];
    const double mean = -1.0;
    const double sd = 3.0;
    for (size_t k = 0; k < POINTS; k++) {
        grid[k] = mean + sd * ((double)k - 2000.0) / 250.0;
        F[k] = gsl_cdf_ugaussian_P(((double)k - 2000.0) / 250.0);
    }
    for (double z = -3.0; z <= 3.0; z += 0.3) {
        const double x = mean + sd * (z + 0.002); /* the middle of a cell */
        support_close(rebias_crps_rows(1, &x, POINTS, grid, F),
                      rebias_crps_normal(1, &x, &mean, &sd), 1e-5, 0.0);
        support_close(rebias_log_score_rows(1, &x, POINTS, grid, F),
                      rebias_log_score_normal(1, &x, &mean, &sd), 0.0, 1e-4);
    }
}

/* -- 4. propriety -- */

enum { DRAWS = 20000, BUCKETS = 65 };

static double draw[DRAWS], means[DRAWS], sds[DRAWS];

static void draw_normal(void)
{
    static float z[DRAWS];
    const struct rebias_stream stream = {42, REBIAS_FOR_TEST, 0, 0, 0};
    rebias_random_normal(&stream, 0, DRAWS, z);
    for (size_t i = 0; i < DRAWS; i++) {
        draw[i] = (double)z[i];
    }
}

static double mean_score(enum rebias_score score, double mean, double sd)
{
    for (size_t i = 0; i < DRAWS; i++) {
        means[i] = mean;
        sds[i] = sd;
    }
    return rebias_score_normal(score, DRAWS, draw, means, sds);
}

/* On draws of N(0, 1) the truth beats every wrong prediction. The smallest expected gap, of sd
 * 0.9 in CRPS, is 0.0014 (0.14 (ln 0.9)^2) with a standard error of 0.0003 (seed fixed). */
static void test_truth_scores_best_normal(void **state)
{
    (void)state;
    const double wrong[][2] = {{0.2, 1.0}, {-0.2, 1.0}, {0.0, 0.9}, {0.0, 1.1}, {0.3, 1.5}};
    draw_normal();
    for (int s = 0; s < 2; s++) {
        const double truth = mean_score((enum rebias_score)s, 0.0, 1.0);
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            assert_true(truth < mean_score((enum rebias_score)s, wrong[k][0], wrong[k][1]));
        }
    }
    /* expected values of the truth: 1/sqrt pi, and the entropy of N(0, 1) */
    support_close(mean_score(REBIAS_SCORE_CRPS, 0.0, 1.0), 1.0 / sqrt(M_PI), 0.02, 0.0);
    support_close(mean_score(REBIAS_SCORE_LOG, 0.0, 1.0), 0.5 * log(2.0 * M_PI * M_E), 0.02,
                  0.0);
}

static double mean_row_score(enum rebias_score score, double mean, double sd)
{
    double grid[BUCKETS], F[BUCKETS];
    for (size_t k = 0; k < BUCKETS; k++) {
        grid[k] = ((double)k - 32.0) / 4.0;
        F[k] = gsl_cdf_ugaussian_P((grid[k] - mean) / sd);
    }
    double sum = 0.0;
    for (size_t i = 0; i < DRAWS; i++) {
        sum += rebias_score_rows(score, 1, draw + i, BUCKETS, grid, F);
    }
    return sum / DRAWS;
}

static void test_truth_scores_best_rows(void **state)
{
    (void)state;
    const double wrong[][2] = {{0.2, 1.0}, {-0.2, 1.0}, {0.0, 0.8}, {0.0, 1.3}};
    draw_normal();
    for (int s = 0; s < 2; s++) {
        const double truth = mean_row_score((enum rebias_score)s, 0.0, 1.0);
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            assert_true(truth < mean_row_score((enum rebias_score)s, wrong[k][0], wrong[k][1]));
        }
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crps_normal_closed_forms),
        cmocka_unit_test(test_crps_normal_is_its_integral),
        cmocka_unit_test(test_log_score_normal_by_hand),
        cmocka_unit_test(test_crps_of_a_uniform_row),
        cmocka_unit_test(test_crps_of_point_masses),
        cmocka_unit_test(test_log_score_of_rows),
        cmocka_unit_test(test_log_score_of_masses_and_gaps),
        cmocka_unit_test(test_rows_agree_with_normal),
        cmocka_unit_test(test_truth_scores_best_normal),
        cmocka_unit_test(test_truth_scores_best_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
