/* test_binopt_truth.c - estimator `binopt` with a known truth as its objective, and in blocks.
 * 1. data and truths   2. distance   3. the best bins   4. blocks   5. wrong input
 */
#include "support.h"
#include "jumptable/binopt_truth.h"
#include "jumptable/estimators.h"
#include "rebias/metrics.h"
#include "rebias/random.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. data and truths -- */

enum { N = 400, SLICES = REBIAS_BINOPT_SLICES };
enum { EVALUATIONS, FOLDS, SCORE, GLOBAL, LOCAL, BINS, OBJECTIVE };

/* Mean 0.5 - G up to 0.5, then constant; sd 0.2 + 0.1 G. */
static void moments(const void *context, int polarity, double G, double *mean, double *sd)
{
    (void)context;
    (void)polarity;
    *mean = 0.5 - fmin(G, 0.5);
    *sd = 0.2 + 0.1 * G;
}

static double normal_cdf(const void *context, int polarity, double G, double dG)
{
    double mean = 0.0;
    double sd = 0.0;
    moments(context, polarity, G, &mean, &sd);
    return gsl_cdf_ugaussian_P((dG - mean) / sd);
}

/* Uniform with those moments. */
static double uniform_cdf(const void *context, int polarity, double G, double dG)
{
    double mean = 0.0;
    double sd = 0.0;
    moments(context, polarity, G, &mean, &sd);
    return fmin(fmax(0.5 + (dG - mean) / (2.0 * sqrt(3.0) * sd), 0.0), 1.0);
}

static const struct rebias_jumps normal_truth = {NULL, moments, normal_cdf, true};
static const struct rebias_jumps plain_truth = {NULL, moments, normal_cdf, false};
static const struct rebias_jumps uniform_truth = {NULL, moments, uniform_cdf, false};

static double G[N], dG[N];

/* G equidistant on [0, 1]. */
static struct rebias_sample make_sample(const struct rebias_jumps *truth)
{
    static float z[N];
    const struct rebias_stream stream = {3, REBIAS_FOR_TEST, 0, 0, 0};
    rebias_random_normal(&stream, 0, N, z);
    for (size_t i = 0; i < N; i++) {
        double mean = 0.0;
        double sd = 0.0;
        G[i] = (double)i / (N - 1);
        moments(NULL, 0, G[i], &mean, &sd);
        dG[i] = mean + sd * (double)z[i];
    }
    return (struct rebias_sample){
        .n = N, .G = G, .dG = dG, .Gmax = 1.0, .sd_floor = 1e-4, .seed = 5, .truth = truth};
}

static double mean[SLICES], sd[SLICES], count[SLICES], slice[SLICES];

static int fit(const struct rebias_sample *sample, const double *values,
               struct rebias_fitted *fitted, struct rebias_error *err)
{
    rebias_binopt_truth_slices(sample, slice);
    *fitted = (struct rebias_fitted){
        .levels = SLICES, .G = slice, .mean = mean, .sd = sd, .count = count};
    return rebias_binopt_estimator.fit(sample, values, fitted, err);
}

static void defaults(double values[REBIAS_MAX_ESTIMATOR_PARAMS])
{
    for (size_t k = 0; k < rebias_binopt_estimator.param_count; k++) {
        values[k] = rebias_binopt_estimator.params[k].value;
    }
}

/* W1 of the last fit to the truth, averaged over the slices. */
static double distance(void)
{
    double sum = 0.0;
    for (size_t s = 0; s < SLICES; s++) {
        double m = 0.0;
        double d = 0.0;
        moments(NULL, 0, slice[s], &m, &d);
        sum += rebias_wasserstein1_normal(mean[s], sd[s], m, d) / SLICES;
    }
    return sum;
}

/* -- 2. distance -- */

/* The distance on a grid against the closed form, for a normal truth that does not say so:
 * near, wide (tails beyond the grid) and far (all of it beyond the grid). */
static void test_distance_on_a_grid(void **state)
{
    (void)state;
    const double shapes[][2] = {{0.0, 1.0}, {0.1, 0.5}, {-0.3, 20.0}, {8.0, 1.0}};
    const struct rebias_sample sample = make_sample(&plain_truth);
    struct rebias_binopt_truth *truth = NULL;
    struct rebias_error err;
    assert_int_equal(rebias_binopt_truth_new(&truth, &sample, &err), REBIAS_OK);
    rebias_binopt_truth_slices(&sample, slice);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        for (size_t s = 0; s < SLICES; s++) {
            moments(NULL, 0, slice[s], &mean[s], &sd[s]);
            mean[s] += shapes[k][0];
            sd[s] *= shapes[k][1];
        }
        support_close(rebias_binopt_truth_distance(truth, mean, sd), distance(), 0.003, 1e-4);
    }
    rebias_binopt_truth_free(truth);
}

/* N(0, s^2) against the uniform of the same moments: W1 = integral |F - H| by the midpoint
 * rule. */
static void test_distance_to_a_uniform(void **state)
{
    (void)state;
    const struct rebias_sample sample = make_sample(&uniform_truth);
    struct rebias_binopt_truth *truth = NULL;
    struct rebias_error err;
    const double h = 1e-4;
    double W1 = 0.0; /* for sd 1 */
    double mean_sd = 0.0;
    assert_int_equal(rebias_binopt_truth_new(&truth, &sample, &err), REBIAS_OK);
    rebias_binopt_truth_slices(&sample, slice);
    for (double x = -9.0 + 0.5 * h; x < 9.0; x += h) {
        W1 += h *
              fabs(gsl_cdf_ugaussian_P(x) - fmin(fmax(0.5 + x / (2.0 * sqrt(3.0)), 0.0), 1.0));
    }
    for (size_t s = 0; s < SLICES; s++) {
        moments(NULL, 0, slice[s], &mean[s], &sd[s]);
        mean_sd += sd[s] / SLICES;
    }
    support_close(rebias_binopt_truth_distance(truth, mean, sd), W1 * mean_sd, 0.01, 0.0);
    rebias_binopt_truth_free(truth);
}

/* -- 3. the best bins -- */

/* What the note states is the distance of the fit, and no fit that the search could have chosen
 * at once (equal width) is nearer to the truth; the held-out choice is farther. */
static void test_truth_as_objective(void **state)
{
    (void)state;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    struct rebias_sample sample = make_sample(&normal_truth);
    struct rebias_fitted fitted;
    struct rebias_error err = {0};
    char said[64];
    defaults(values);
    values[OBJECTIVE] = 1.0;
    support_expect(fit(&sample, values, &fitted, &err), REBIAS_OK, &err, NULL);
    const double best = distance();
    snprintf(said, sizeof said, "(W1 to the truth %.4g S)", best);
    assert_non_null(strstr(fitted.note, said));
    assert_in_range(fitted.bins, 3, 60);
    values[OBJECTIVE] = 0.0;
    sample.truth = NULL;
    assert_int_equal(fit(&sample, values, &fitted, &err), REBIAS_OK);
    assert_true(best < distance());
    for (size_t bins = 1; bins <= 60; bins++) {
        const double fixed[] = {(double)bins, 0.0, 0.0};
        fitted = (struct rebias_fitted){
            .levels = SLICES, .G = slice, .mean = mean, .sd = sd, .count = count};
        assert_int_equal(rebias_binning_estimator.fit(&sample, fixed, &fitted, &err),
                         REBIAS_OK);
        assert_true(best < distance());
    }
}

/* The non-normal path by a normal truth that does not say so finds as good a fit. */
static void test_truth_by_its_cdf(void **state)
{
    (void)state;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    struct rebias_sample sample = make_sample(&normal_truth);
    struct rebias_fitted fitted;
    struct rebias_error err = {0};
    defaults(values);
    values[OBJECTIVE] = 1.0;
    assert_int_equal(fit(&sample, values, &fitted, &err), REBIAS_OK);
    const double best = distance();
    sample.truth = &plain_truth;
    values[EVALUATIONS] = 500.0;
    assert_int_equal(fit(&sample, values, &fitted, &err), REBIAS_OK);
    support_close(distance(), best, 0.2, 0.0);
}

/* -- 4. blocks -- */

/* Twenty neighbours of a block share an offset, so that bins as narrow as a block reproduce it:
 * points held out one by one like that, whole blocks held out do not. */
static void test_blocks_make_fewer_bins(void **state)
{
    (void)state;
    static uint32_t block[N];
    static float offset[N];
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    struct rebias_sample sample = make_sample(NULL);
    struct rebias_fitted fitted;
    struct rebias_error err = {0};
    const struct rebias_stream stream = {4, REBIAS_FOR_TEST, 0, 0, 0};
    rebias_random_normal(&stream, 0, N, offset);
    for (size_t i = 0; i < N; i++) {
        block[i] = (uint32_t)(i / 20);
        dG[i] += 0.5 * (double)offset[block[i]];
    }
    defaults(values);
    assert_int_equal(fit(&sample, values, &fitted, &err), REBIAS_OK);
    const size_t by_points = fitted.bins;
    assert_non_null(strstr(fitted.note, "on 5 folds"));
    sample.block = block;
    assert_int_equal(fit(&sample, values, &fitted, &err), REBIAS_OK);
    assert_true(fitted.bins < by_points);
    for (size_t i = 0; i < N; i++) {
        block[i] /= 7; /* 3 blocks */
    }
    assert_int_equal(fit(&sample, values, &fitted, &err), REBIAS_OK);
    assert_non_null(strstr(fitted.note, "on 3 folds"));
}

/* -- 5. wrong input -- */

static void infinite_moments(const void *context, int polarity, double G0, double *m, double *d)
{
    moments(context, polarity, G0, m, d);
    *d = INFINITY;
}

static void test_wrong_input(void **state)
{
    (void)state;
    static uint32_t block[N];
    const struct rebias_jumps mute = {NULL, moments, NULL, false};
    const struct rebias_jumps infinite = {NULL, infinite_moments, NULL, true};
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    struct rebias_sample sample = make_sample(NULL);
    struct rebias_fitted fitted;
    struct rebias_error err = {0};
    defaults(values);
    sample.block = block;
    support_expect(fit(&sample, values, &fitted, &err), REBIAS_E_DATA, &err,
                   "all 400 SET points are of one block: nothing can be held out");
    sample.block = NULL;
    values[OBJECTIVE] = 1.0;
    support_expect(fit(&sample, values, &fitted, &err), REBIAS_E_RANGE, &err,
                   "objective=truth of binopt needs a truth, and none is given");
    sample.truth = &mute;
    support_expect(fit(&sample, values, &fitted, &err), REBIAS_E_UNSUPPORTED, &err,
                   "the truth gives no distribution to compare bins with");
    sample.truth = &infinite;
    support_expect(fit(&sample, values, &fitted, &err), REBIAS_E_NUMERIC, &err,
                   "the truth is not finite at G = 0 S");
    sample.truth = &normal_truth;
    values[OBJECTIVE] = 0.0;
    support_expect(fit(&sample, values, &fitted, &err), REBIAS_E_RANGE, &err,
                   "a truth has no meaning with binopt but for objective=truth");
    struct rebias_method method = {.estimator = &rebias_binopt_estimator};
    support_expect(rebias_method_set(&method, "objective", "w1", &err), REBIAS_E_RANGE, &err,
                   "heldout|truth");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance_on_a_grid),
        cmocka_unit_test(test_distance_to_a_uniform),
        cmocka_unit_test(test_truth_as_objective),
        cmocka_unit_test(test_truth_by_its_cdf),
        cmocka_unit_test(test_blocks_make_fewer_bins),
        cmocka_unit_test(test_wrong_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
