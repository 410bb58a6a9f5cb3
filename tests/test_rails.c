/* test_rails.c - scores of jumps that were cut off at the rails.
 * 1. plain computations   2. normal predictions   3. rows   4. properness
 */
#include "support.h"
#include "jumptable/rails.h"
#include "rebias/metrics.h"
#include "rebias/random.h"
#include <gsl/gsl_cdf.h>
#include <math.h>

/* -- 1. plain computations -- */

static const struct rebias_rails rails = {-0.7, 1.3, 1e-9};

/* Integral from low to high of (F(t) - 1{t >= x})^2 dt by the midpoint rule: F changes by less
 * than 1/sd a unit, so that cells of 1e-5 are exact to 1e-9 but for the one of x. */
static double plain_crps(double x, double (*F)(double t, const double *p), const double *p)
{
    enum { CELLS = 200000 };
    const double h = (rails.high - rails.low) / CELLS;
    double sum = 0.0;
    for (size_t k = 0; k < CELLS; k++) {
        const double t = rails.low + h * ((double)k + 0.5);
        const double d = F(t, p) - (t >= x ? 1.0 : 0.0);
        sum += h * d * d;
    }
    return sum;
}

static double normal(double t, const double *p)
{
    return gsl_cdf_ugaussian_P((t - p[0]) / p[1]);
}

/* A row on five points with masses 0.1 below and 0.2 above. */
static const double grid[] = {-1.0, -0.5, 0.25, 0.5, 1.0};
static const double row[] = {0.1, 0.15, 0.4, 0.7, 0.8};

static double row_cdf(double t, const double *p)
{
    (void)p;
    if (t < grid[0] || t > grid[4]) {
        return t < grid[0] ? 0.0 : 1.0;
    }
    size_t k = 0;
    while (k < 3 && t > grid[k + 1]) {
        k++;
    }
    return row[k] + (row[k + 1] - row[k]) * (t - grid[k]) / (grid[k + 1] - grid[k]);
}

/* -- 2. normal predictions -- */

static const double profiles[][2] = {{0.2, 0.3}, {1.5, 0.4}, {-2.0, 1.0}, {0.0, 5.0}};

static void test_crps_of_normal(void **state)
{
    (void)state;
    const double x[] = {-0.7, -0.3, 0.2, 1.0, 1.3};
    for (size_t k = 0; k < sizeof profiles / sizeof *profiles; k++) {
        for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
            const double *p = profiles[k];
            support_close(
                rebias_rails_score_normal(REBIAS_SCORE_CRPS, &rails, x[i], p[0], p[1]),
                plain_crps(x[i], normal, p), 0.0, 2e-5);
        }
    }
}

/* Inside the density, on a rail (and beyond it) the mass there. */
static void test_log_score_of_normal(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof profiles / sizeof *profiles; k++) {
        const double mean = profiles[k][0];
        const double sd = profiles[k][1];
        const double inside = 0.4;
        support_close(rebias_rails_score_normal(REBIAS_SCORE_LOG, &rails, inside, mean, sd),
                      rebias_log_score_normal(1, &inside, &mean, &sd), 1e-15, 0.0);
        const double low = -log(gsl_cdf_ugaussian_P((rails.low - mean) / sd));
        const double high = -log(gsl_cdf_ugaussian_Q((rails.high - mean) / sd));
        const double lows[] = {-0.7, -0.7 + 5e-10, -0.9};
        const double highs[] = {1.3, 1.3 - 5e-10, 2.0};
        for (size_t i = 0; i < 3; i++) {
            support_close(
                rebias_rails_score_normal(REBIAS_SCORE_LOG, &rails, lows[i], mean, sd), low,
                1e-12, 0.0);
            support_close(
                rebias_rails_score_normal(REBIAS_SCORE_LOG, &rails, highs[i], mean, sd), high,
                1e-12, 0.0);
        }
    }
}

/* 50 sd away Phi underflows; -ln Phi(-50) = 1254.8313... (asymptotic series z^2/2 + ln(z sqrt(2
 * pi)) + 1/z^2 - ...). */
static void test_far_tail(void **state)
{
    (void)state;
    const double z = 50.0;
    const double expected =
        0.5 * z * z + log(z * sqrt(2.0 * M_PI)) + 1.0 / (z * z) - 2.5 / pow(z, 4.0);
    support_close(rebias_rails_score_normal(REBIAS_SCORE_LOG, &rails, 1.3, 1.3 - 50.0, 1.0),
                  expected, 1e-10, 0.0);
}

/* Rails far away change nothing. */
static void test_far_rails(void **state)
{
    (void)state;
    const struct rebias_rails far = {-1e3, 1e3, 1e-9};
    const double x = 0.4;
    for (size_t k = 0; k < sizeof profiles / sizeof *profiles; k++) {
        const double *p = profiles[k];
        support_close(rebias_rails_score_normal(REBIAS_SCORE_CRPS, &far, x, p[0], p[1]),
                      rebias_crps_normal(1, &x, &p[0], &p[1]), 1e-10, 0.0);
    }
    support_close(rebias_rails_score_row(REBIAS_SCORE_CRPS, &far, x, 5, grid, row),
                  rebias_crps_rows(1, &x, 5, grid, row), 1e-12, 0.0);
    support_close(rebias_rails_score_row(REBIAS_SCORE_LOG, &far, x, 5, grid, row),
                  rebias_log_score_rows(1, &x, 5, grid, row), 1e-12, 0.0);
}

/* -- 3. rows -- */

static void test_crps_of_row(void **state)
{
    (void)state;
    const double x[] = {-0.7, -0.3, 0.2, 1.0, 1.2, 1.3};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        support_close(rebias_rails_score_row(REBIAS_SCORE_CRPS, &rails, x[i], 5, grid, row),
                      plain_crps(x[i], row_cdf, NULL), 0.0, 2e-5);
    }
}

/* F(-0.7) = 0.1 + 0.05 * 0.3/0.5 = 0.13. Above 1 the row ends, so nothing reaches the rail at
 * 1.3: the floor; a rail at 1 has the mass 0.2, one at 0.75 the mass 1 - 0.75. */
static void test_log_score_of_row(void **state)
{
    (void)state;
    const double ends[][2] = {{1.3, REBIAS_DENSITY_FLOOR}, {1.0, 0.2}, {0.75, 0.25}};
    support_close(rebias_rails_score_row(REBIAS_SCORE_LOG, &rails, -0.7, 5, grid, row),
                  -log(0.13), 1e-12, 0.0);
    for (size_t i = 0; i < 3; i++) {
        const struct rebias_rails at = {-0.7, ends[i][0], 1e-9};
        support_close(rebias_rails_score_row(REBIAS_SCORE_LOG, &at, ends[i][0], 5, grid, row),
                      -log(ends[i][1]), 1e-12, 0.0);
    }
    const struct rebias_rails below = {-2.0, 1.3, 1e-9};
    support_close(rebias_rails_score_row(REBIAS_SCORE_LOG, &below, -2.0, 5, grid, row),
                  -log(REBIAS_DENSITY_FLOOR), 1e-12, 0.0);
}

/* -- 4. properness -- */

/* 20000 jumps of N(0.9, 0.5^2) cut off at the rails: 21 % end on the upper one. Scored as cut
 * off, the truth beats a mean or sd off by 0.1; at face value the CRPS and log score prefer the
 * smaller sd that the pile on the rail shows. Fixed seed; each mean difference lies over 5
 * standard errors above 0. */
static void test_truth_wins(void **state)
{
    (void)state;
    enum { N = 20000 };
    static float z[N];
    const struct rebias_stream stream = {9, REBIAS_FOR_TEST, 0, 0, 0};
    const double rivals[][2] = {{0.8, 0.5}, {1.0, 0.5}, {0.9, 0.4}, {0.9, 0.6}};
    rebias_random_normal(&stream, 0, N, z);
    for (int s = 0; s < 2; s++) {
        const enum rebias_score score = (enum rebias_score)s;
        static double more[4][N];
        double face = 0.0;
        for (size_t i = 0; i < N; i++) {
            const double x = fmin(fmax(0.9 + 0.5 * (double)z[i], rails.low), rails.high);
            const double truth = rebias_rails_score_normal(score, &rails, x, 0.9, 0.5);
            for (size_t r = 0; r < 4; r++) {
                more[r][i] =
                    rebias_rails_score_normal(score, &rails, x, rivals[r][0], rivals[r][1]) -
                    truth;
            }
            const double centre = 0.9;
            const double wide = 0.5;
            face += rebias_score_normal(score, 1, &x, &centre, &rivals[2][1]) -
                    rebias_score_normal(score, 1, &x, &centre, &wide);
        }
        for (size_t r = 0; r < 4; r++) {
            double mean = 0.0;
            double sd = 0.0;
            rebias_mean_sd(N, more[r], &mean, &sd);
            assert_true(mean > 5.0 * sd / sqrt(N));
        }
        assert_true(face < 0.0);
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crps_of_normal),
        cmocka_unit_test(test_crps_of_row),
        cmocka_unit_test(test_log_score_of_normal),
        cmocka_unit_test(test_log_score_of_row),
        cmocka_unit_test(test_far_tail),
        cmocka_unit_test(test_far_rails),
        cmocka_unit_test(test_truth_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
