/* test_ramps_truth.c - fits of ramps whose truth is known.
 * 1. ramps   2. fits   3. errors over many sets   4. the interpolating recipe
 *
 * Ramps of identical pulses are random walks: a pulse that starts at G jumps by N(mean(G),
 * sd^2), wherever the walk came from, so the pairs (G, dG) can be pooled. Near its end a walk
 * may leave the table's range and come back; its pulses that start outside are not used, those
 * inside are kept whole, also when they end outside, since leaving these out would favour small
 * jumps.
 */
#include "support.h"
#include "rebias/estimate.h"
#include "rebias/metrics.h"
#include "rebias/pulses.h"
#include "rebias/random.h"
#include <gsl/gsl_interp.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. ramps -- */

enum { RAMPS = 40, PULSES = 100, SETS = 50 };

static const double Gmin = 3.0; /* nS, as everything here */
static const double Gmax = 38.0;
static const double at[2] = {12.5, 30.0}; /* where fits are judged */
static const double truth_sd = 0.5;

/* Mean jump of a SET pulse; RESET is its mirror image, G -> Gmin + Gmax - G. */
static double truth_mean(int polarity, double G)
{
    const double from = polarity == REBIAS_SET ? G - Gmin : Gmax - G;
    const double mean = 0.4 * (2.0 - 0.05 * from);
    return polarity == REBIAS_SET ? mean : -mean;
}

/* Conductances read in a ramp: the start and after every pulse. */
static void walk(int polarity, uint32_t set, uint32_t ramp, double G[PULSES + 1])
{
    float z[PULSES];
    const struct rebias_stream stream = {.seed = 38,
                                         .purpose = REBIAS_FOR_TEST,
                                         .replicate = set,
                                         .entity = (uint32_t)polarity,
                                         .step = ramp};
    rebias_random_normal(&stream, 0, PULSES, z);
    G[0] = polarity == REBIAS_SET ? Gmin : Gmax;
    for (size_t k = 0; k < PULSES; k++) {
        G[k + 1] = fmax(0.0, G[k] + truth_mean(polarity, G[k]) + truth_sd * (double)z[k]);
    }
}

/* A file of ramps, one column each, in nS. */
static void write_ramps(char path[1024], const char *name, int polarity, uint32_t set)
{
    static double G[RAMPS][PULSES + 1];
    support_scratch(path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (uint32_t r = 0; r < RAMPS; r++) {
        walk(polarity, set, r, G[r]);
        fprintf(file, "ramp_%u%s", (unsigned)r, r + 1 < RAMPS ? "," : "\n");
    }
    for (size_t k = 0; k <= PULSES; k++) {
        for (size_t r = 0; r < RAMPS; r++) {
            fprintf(file, "%.17g%s", G[r][k], r + 1 < RAMPS ? "," : "\n");
        }
    }
    assert_int_equal(fclose(file), 0);
}

static struct rebias_pulses *load_set(uint32_t set)
{
    char up[1024];
    char down[1024];
    struct rebias_ramps_options options = rebias_ramps_options_defaults();
    struct rebias_error err = {0};
    struct rebias_pulses *pulses = NULL;
    options.scale = 1e-9;
    write_ramps(up, "up.csv", REBIAS_SET, set);
    write_ramps(down, "down.csv", REBIAS_RESET, set);
    support_expect(rebias_pulses_load_ramps(&pulses, up, down, &options, &err), REBIAS_OK, &err,
                   NULL);
    assert_int_equal(pulses->n, 2 * RAMPS * PULSES);
    return pulses;
}

/* -- 2. fits -- */

/* Errors of mean and sd at at[0] and at[1], both polarities; the mean's is counted in the
 * direction of the jumps. */
enum { ERRORS = 8 };

static void add_errors(int polarity, size_t place, double mean, double sd, double error[ERRORS])
{
    const double sign = polarity == REBIAS_SET ? 1.0 : -1.0;
    double *e = error + 4 * polarity + 2 * (int)place;
    e[0] = sign * (mean - truth_mean(polarity, at[place]));
    e[1] = sd - truth_sd;
}

static void fit_set(const struct rebias_pulses *pulses, const char *text, double error[ERRORS])
{
    struct rebias_error err = {0};
    struct rebias_method method;
    struct rebias_table *table = NULL;
    struct rebias_fit_options options = rebias_fit_options_defaults();
    options.Gmin = Gmin * 1e-9;
    options.Gmax = Gmax * 1e-9;
    options.G_levels = 71; /* 0.5 nS apart: 12.5 and 30 nS are levels */
    support_expect(rebias_method_parse(&method, text, &err), REBIAS_OK, &err, NULL);
    support_expect(rebias_fit(&table, pulses, &method, &options, NULL, &err), REBIAS_OK, &err,
                   NULL);
    for (int polarity = 0; polarity < 2; polarity++) {
        for (size_t place = 0; place < 2; place++) {
            double mean = 0.0;
            double sd = 0.0;
            rebias_table_moments(&table->side[polarity], REBIAS_RULE_LINEAR, at[place] * 1e-9,
                                 &mean, &sd);
            add_errors(polarity, place, mean * 1e9, sd * 1e9, error);
        }
    }
    rebias_table_free(table);
}

/* -- 3. errors over many sets -- */

static const char *const methods[] = {"binning:20", "polynomial", "kriging", "kde", "quantile"};
enum { METHODS = sizeof methods / sizeof *methods };

static double errors[METHODS][ERRORS][SETS];

static int fit_all(void **state)
{
    (void)state;
    for (uint32_t set = 0; set < SETS; set++) {
        struct rebias_pulses *pulses = load_set(set);
        for (size_t m = 0; m < METHODS; m++) {
            double error[ERRORS];
            fit_set(pulses, methods[m], error);
            for (size_t k = 0; k < ERRORS; k++) {
                errors[m][k][set] = error[k];
            }
        }
        rebias_pulses_free(pulses);
    }
    return 0;
}

/* The mean error over the sets is within 3 of its standard errors. A right fit fails one such
 * comparison with probability 0.004 (Student's t with 49 degrees of freedom), one of the 8 of
 * an estimator with less than 0.04; the seed is fixed. (Over 400 sets, of which these are the
 * first 50 the largest of the 8 of `polynomial` is 2.2.) */
static void expect_unbiased(size_t method)
{
    for (size_t k = 0; k < ERRORS; k++) {
        double mean = 0.0;
        double sd = 0.0;
        rebias_mean_sd(SETS, errors[method][k], &mean, &sd);
        const double standard_error = sd / sqrt(SETS);
        printf("# %s, %s, %g nS: error of the %s %.4f nS, %.1f standard errors\n",
               methods[method], k < 4 ? "SET" : "RESET", at[k / 2 % 2],
               k % 2 == 0 ? "mean" : "sd", mean, mean / standard_error);
        assert_true(fabs(mean) <= 3.0 * standard_error);
    }
}

static void test_binning(void **state)
{
    (void)state;
    expect_unbiased(0);
}

static void test_polynomial(void **state)
{
    (void)state;
    expect_unbiased(1);
}

static void test_kriging(void **state)
{
    (void)state;
    expect_unbiased(2);
}

static void test_kde(void **state)
{
    (void)state;
    expect_unbiased(3);
}

static void test_quantile(void **state)
{
    (void)state;
    expect_unbiased(4);
}

/* -- 4. the interpolating recipe -- */

/* Jump of a ramp at G: its jumps, placed at the middles of their pairs, in straight lines. */
static double interpolated_jump(const double *ramp, double G)
{
    double middle[PULSES];
    double jump[PULSES];
    for (size_t k = 0; k < PULSES; k++) {
        middle[k] = 0.5 * (ramp[k] + ramp[k + 1]);
        jump[k] = ramp[k + 1] - ramp[k];
    }
    gsl_sort2(middle, 1, jump, 1, PULSES);
    const size_t i = gsl_interp_bsearch(middle, G, 0, PULSES - 1);
    const double t = (G - middle[i]) / (middle[i + 1] - middle[i]);
    return jump[i] + fmin(fmax(t, 0.0), 1.0) * (jump[i + 1] - jump[i]);
}

static void recipe_errors(uint32_t set, double error[ERRORS])
{
    for (int polarity = 0; polarity < 2; polarity++) {
        for (size_t place = 0; place < 2; place++) {
            double jump[RAMPS];
            double mean = 0.0;
            double sd = 0.0;
            for (uint32_t r = 0; r < RAMPS; r++) {
                double G[PULSES + 1];
                walk(polarity, set, r, G);
                jump[r] = interpolated_jump(G, at[place]);
            }
            rebias_mean_sd(RAMPS, jump, &mean, &sd);
            add_errors(polarity, place, mean, sd, error);
        }
    }
}

/* One value a ramp and level, interpolated between the middles of the pairs, counts large steps
 * more often: means come out a third too large at 12.5 nS and nearly twice as large at 30 nS of
 * a SET, sds a fifth too small. The one set that was measured with this recipe (CrossSim
 * v2.0's) was off by 44 % and 101 % in the mean and -29 % in the sd: within 3 sds of the sets
 * here. */
static void test_interpolating_recipe(void **state)
{
    (void)state;
    static double all[ERRORS][SETS];
    /* Fractions of the truth, from 400 sets, of which these are the first 50. */
    static const double expected[4] = {0.32, -0.23, 0.88, -0.18};
    static const double published[4] = {0.44, -0.29, 1.01, -0.29};
    for (uint32_t set = 0; set < SETS; set++) {
        double error[ERRORS];
        recipe_errors(set, error);
        for (size_t k = 0; k < ERRORS; k++) {
            all[k][set] = error[k];
        }
    }
    for (size_t k = 0; k < 4; k++) {
        const double scale = k % 2 == 0 ? truth_mean(REBIAS_SET, at[k / 2]) : truth_sd;
        double mean = 0.0;
        double sd = 0.0;
        rebias_mean_sd(SETS, all[k], &mean, &sd);
        printf("# interpolating, SET, %g nS: %s off by %.0f %% (sets: +- %.0f %%)\n", at[k / 2],
               k % 2 == 0 ? "mean" : "sd", 100.0 * mean / scale, 100.0 * sd / scale);
        support_close(mean / scale, expected[k], 0.0, 0.02 + 4.0 * sd / scale / sqrt(SETS));
        assert_true(fabs(published[k] - mean / scale) < 3.0 * sd / scale);
        assert_true(fabs(mean) > 10.0 * sd / sqrt(SETS));
    }
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binning),  cmocka_unit_test(test_polynomial),
        cmocka_unit_test(test_kriging),  cmocka_unit_test(test_kde),
        cmocka_unit_test(test_quantile), cmocka_unit_test(test_interpolating_recipe),
    };
    return cmocka_run_group_tests(tests, fit_all, NULL);
}
