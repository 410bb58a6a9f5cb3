/* test_binopt.c - estimator `binopt`: bin number, kind and edges chosen on the data alone.
 * 1. truths and fits   2. known answers   3. choice of the bins   4. against fixed bins
 * 5. wrong input
 */
#include "support.h"
#include "jumptable/bins.h"
#include "jumptable/estimators.h"
#include "rebias/metrics.h"
#include "rebias/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- 1. truths and fits -- */

enum { MOST = 3000, LEVELS = 51 };
enum { EVALUATIONS, FOLDS, SCORE, GLOBAL, LOCAL, BINS };

/* A normal device over G in [0, 1] S. */
struct truth {
    double (*mean)(double G);
    double (*sd)(double G);
};

static double line(double G)
{
    return 0.6 - 0.8 * G;
}

static double wave(double G)
{
    return 0.1 + 0.4 * sin(2.0 * M_PI * G);
}

static double decay(double G)
{
    return 0.8 * exp(-3.0 * G);
}

static double jump(double G)
{
    return G < 0.17 ? 1.0 : -1.0;
}

static double constant(double G)
{
    (void)G;
    return 0.4;
}

static double rising(double G)
{
    return 0.2 + 0.5 * G;
}

static double quiet(double G)
{
    (void)G;
    return 0.05;
}

struct data {
    double G[MOST], dG[MOST];
    struct rebias_sample sample;
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void draw(struct data *data, const struct truth *truth, size_t n, uint32_t replicate)
{
    static float z[MOST];
    struct rebias_stream stream = {20, REBIAS_FOR_TEST, replicate, 0, 0};
    rebias_random_uniform(&stream, 0, n, data->G);
    qsort(data->G, n, sizeof *data->G, ascending);
    stream.step = 1;
    rebias_random_normal(&stream, 0, n, z);
    for (size_t i = 0; i < n; i++) {
        data->dG[i] = truth->mean(data->G[i]) + truth->sd(data->G[i]) * (double)z[i];
    }
    data->sample = (struct rebias_sample){.n = n,
                                          .G = data->G,
                                          .dG = data->dG,
                                          .Gmax = 1.0,
                                          .sd_floor = 1e-4,
                                          .seed = replicate + 1};
}

struct profile {
    double G[LEVELS], mean[LEVELS], sd[LEVELS], count[LEVELS];
    struct rebias_fitted fitted;
};

static void blank(struct profile *p)
{
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < LEVELS; i++) {
        p->G[i] = (double)i / (LEVELS - 1);
    }
    p->fitted = (struct rebias_fitted){
        .levels = LEVELS, .G = p->G, .mean = p->mean, .sd = p->sd, .count = p->count};
}

static void defaults(double values[REBIAS_MAX_ESTIMATOR_PARAMS])
{
    for (size_t k = 0; k < rebias_binopt_estimator.param_count; k++) {
        values[k] = rebias_binopt_estimator.params[k].value;
    }
}

static void fit(struct profile *p, const struct data *data, const double *values)
{
    struct rebias_error err;
    blank(p);
    assert_int_equal(rebias_binopt_estimator.fit(&data->sample, values, &p->fitted, &err),
                     REBIAS_OK);
}

/* Fixed binning of equal width, as `binning` does it. */
static void fit_fixed(struct profile *p, const struct data *data, size_t bins)
{
    size_t start[64];
    double centre[64];
    struct rebias_bin bin[64];
    blank(p);
    for (size_t b = 0; b < bins; b++) {
        centre[b] = ((double)b + 0.5) / (double)bins;
    }
    rebias_bins_by_width(&data->sample, bins, start);
    const size_t valid = rebias_bins_measure(&data->sample, bins, start, centre, bin);
    assert_true(valid > 0);
    rebias_bins_profile(bin, valid, &p->fitted);
}

/* W1 to the truth, averaged over the levels. */
static double distance(const struct profile *p, const struct truth *truth)
{
    double sum = 0.0;
    for (size_t i = 0; i < LEVELS; i++) {
        sum += rebias_wasserstein1_normal(p->mean[i], p->sd[i], truth->mean(p->G[i]),
                                          truth->sd(p->G[i]));
    }
    return sum / LEVELS;
}

/* -- 2. known answers -- */

/* Eight points, one bin allowed: their mean and their sd with n - 1, sqrt(42/7), everywhere. */
static void test_one_bin_by_hand(void **state)
{
    (void)state;
    static struct data data;
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    for (size_t i = 0; i < 8; i++) {
        data.G[i] = (double)i / 7.0;
        data.dG[i] = (double)i;
    }
    data.sample = (struct rebias_sample){
        .n = 8, .G = data.G, .dG = data.dG, .Gmax = 1.0, .sd_floor = 1e-4, .seed = 1};
    defaults(values);
    values[BINS] = 1.0;
    fit(&p, &data, values);
    for (size_t i = 0; i < LEVELS; i++) {
        support_close(p.mean[i], 3.5, 1e-15, 0.0);
        support_close(p.sd[i], sqrt(6.0), 1e-15, 0.0);
        support_close(p.count[i], 8.0, 0.0, 0.0);
    }
    assert_int_equal(p.fitted.bins, 1);
    assert_int_equal(p.fitted.empty_bins, 0);
    assert_int_equal(p.fitted.extrapolated, LEVELS - (LEVELS % 2)); /* all but G = 1/2 */
    assert_memory_equal(p.fitted.note, "1 bin of equal width (log score ", 32);
}

/* Bins of 4 given edges, by hand: points 0, 1 | 2 | (none) | 3, 4; the second has too few. */
static void test_bins_by_hand(void **state)
{
    (void)state;
    static const double G[] = {0.0, 0.2, 0.3, 0.9, 1.0};
    static const double dG[] = {1.0, 3.0, 9.0, -1.0, -1.0};
    static const double inner[] = {0.3, 0.35, 0.9};
    const struct rebias_sample sample = {
        .n = 5, .G = G, .dG = dG, .Gmax = 1.0, .sd_floor = 0.25, .seed = 1};
    size_t start[5];
    struct rebias_bin bin[4];
    rebias_bins_by_edges(&sample, 4, inner, start);
    assert_int_equal(start[1], 2);
    assert_int_equal(start[2], 3);
    assert_int_equal(start[3], 3);
    assert_int_equal(rebias_bins_measure(&sample, 4, start, NULL, bin), 2);
    support_close(bin[0].centre, 0.1, 1e-15, 0.0);
    support_close(bin[0].mean, 2.0, 1e-15, 0.0);
    support_close(bin[0].sd, M_SQRT2, 1e-15, 0.0);
    support_close(bin[1].centre, 0.95, 1e-15, 0.0);
    support_close(bin[1].sd, 0.25, 0.0, 0.0); /* the floor */
    struct profile p;
    blank(&p);
    rebias_bins_profile(bin, 2, &p.fitted);
    support_close(p.mean[0], 2.0, 1e-15, 0.0);
    support_close(p.mean[26], 2.0 - 3.0 * (0.52 - 0.1) / 0.85, 1e-14, 0.0);
    support_close(p.mean[50], -1.0, 1e-15, 0.0);
    assert_int_equal(p.fitted.extrapolated, 5 + 3); /* G < 0.1 and G > 0.95 in steps of 0.02 */
}

/* All jumps equal: that mean, the floor as sd. */
static void test_constant_jumps(void **state)
{
    (void)state;
    static struct data data;
    const struct truth truth = {constant, quiet};
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, &truth, 100, 0);
    for (size_t i = 0; i < 100; i++) {
        data.dG[i] = 0.25;
    }
    defaults(values);
    fit(&p, &data, values);
    for (size_t i = 0; i < LEVELS; i++) {
        support_close(p.mean[i], 0.25, 1e-15, 0.0);
        support_close(p.sd[i], 1e-4, 0.0, 0.0);
    }
}

/* A quantised instrument: 3 distinct G, many points each. No bin number gives more than 3 bins
 * that differ, and at the 3 values the means are those of their points. */
static void test_equal_conductances(void **state)
{
    (void)state;
    static struct data data;
    const struct truth truth = {constant, quiet};
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, &truth, 300, 0);
    for (size_t i = 0; i < 300; i++) {
        data.G[i] = 0.5 * (double)(i / 100);
        data.dG[i] += 2.0 * (double)(i / 100);
    }
    defaults(values);
    fit(&p, &data, values);
    for (size_t k = 0; k < 3; k++) {
        double sum = 0.0;
        for (size_t i = 0; i < 100; i++) {
            sum += data.dG[100 * k + i];
        }
        support_close(p.mean[25 * k], sum / 100.0, 1e-12, 0.0);
    }
}

/* -- 3. choice of the bins -- */

/* With 60 points and this noise a line in the mean pays for few bins only: 1.2 to 3 on average
 * by the variance 0.16 B/60 of a bin's mean against the within-bin spread (0.8/B)^2/12, here
 * with the interpolation taking most of the latter. Seeds fixed. */
static void test_few_points_few_bins(void **state)
{
    (void)state;
    static struct data data;
    const struct truth truth = {line, constant};
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    double bins = 0.0;
    defaults(values);
    for (uint32_t r = 0; r < 20; r++) {
        draw(&data, &truth, 60, r);
        fit(&p, &data, values);
        bins += (double)p.fitted.bins / 20.0;
    }
    assert_true(bins <= 4.0);
}

/* Little noise and many points: the wave's shape pays for many bins. */
static void test_many_points_many_bins(void **state)
{
    (void)state;
    static struct data data;
    const struct truth truth = {wave, quiet};
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    defaults(values);
    draw(&data, &truth, 3000, 0);
    fit(&p, &data, values);
    assert_true(p.fitted.bins >= 10);
    assert_true(distance(&p, &truth) < 0.01);
}

/* Two fits agree to the last bit, for every method of the search. */
static void test_deterministic(void **state)
{
    (void)state;
    static struct data data;
    const struct truth truth = {wave, rising};
    struct profile p, q;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, &truth, 300, 0);
    defaults(values);
    for (int k = 0; k < 9; k++) {
        values[GLOBAL] = k / 3;
        values[LOCAL] = k % 3;
        values[SCORE] = k % 2;
        fit(&p, &data, values);
        fit(&q, &data, values);
        assert_memory_equal(p.mean, q.mean, sizeof p.mean);
        assert_memory_equal(p.sd, q.sd, sizeof p.sd);
        assert_string_equal(p.fitted.note, q.fitted.note);
    }
}

/* A step at 0.17 S: edges that may move find it, the same number of equal bins does not. */
static void test_edges_move_to_a_step(void **state)
{
    (void)state;
    static struct data data;
    const struct truth truth = {jump, constant};
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    double moved = 0.0;
    double unmoved = 0.0;
    for (uint32_t r = 0; r < 5; r++) {
        struct profile p;
        draw(&data, &truth, 1000, r);
        defaults(values);
        values[BINS] = 6.0;
        fit(&p, &data, values);
        moved += distance(&p, &truth) / 5.0;
        assert_non_null(strstr(p.fitted.note, "bins of optimised width (log score "));
        values[GLOBAL] = 2.0;
        values[LOCAL] = 2.0;
        fit(&p, &data, values);
        unmoved += distance(&p, &truth) / 5.0;
        assert_null(strstr(p.fitted.note, "optimised"));
    }
    assert_true(moved < 0.85 * unmoved);
}

/* Bins are never more than a quarter of the points, nor than asked for. */
static void test_most_bins(void **state)
{
    (void)state;
    static struct data data;
    const struct truth truth = {wave, quiet};
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    defaults(values);
    draw(&data, &truth, 20, 0);
    fit(&p, &data, values);
    assert_in_range(p.fitted.bins, 1, 5);
    draw(&data, &truth, 1000, 0);
    fit(&p, &data, values);
    assert_true(p.fitted.bins > 3);
    values[BINS] = 3.0;
    fit(&p, &data, values);
    assert_in_range(p.fitted.bins, 1, 3);
}

/* The first candidate is one bin; a single evaluation knows no other, whatever the score. */
static void test_one_evaluation(void **state)
{
    (void)state;
    static struct data data;
    const struct truth truth = {wave, quiet};
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, &truth, 200, 0);
    defaults(values);
    values[EVALUATIONS] = 1.0;
    for (int s = 0; s < 2; s++) {
        values[SCORE] = s;
        fit(&p, &data, values);
        assert_int_equal(p.fitted.bins, 1);
    }
}

/* -- 4. against fixed bins -- */

/* Mean W1 to four normal truths at 300 points, 10 draws each (seeds fixed): binopt does not
 * know the truth, the oracle is the equal-width bin number with the least mean W1 for each
 * truth. */
static void test_beats_fixed_bins(void **state)
{
    (void)state;
    enum { DRAWS = 10, NUMBERS = 30 };
    static struct data data;
    const struct truth truths[] = {
        {line, constant}, {wave, rising}, {decay, constant}, {decay, rising}};
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    double chosen = 0.0;
    double twenty = 0.0;
    double oracle = 0.0;
    defaults(values);
    for (size_t t = 0; t < 4; t++) {
        double fixed[NUMBERS + 1] = {0};
        for (uint32_t r = 0; r < DRAWS; r++) {
            struct profile p;
            draw(&data, &truths[t], 300, r);
            fit(&p, &data, values);
            chosen += distance(&p, &truths[t]);
            for (size_t bins = 1; bins <= NUMBERS; bins++) {
                fit_fixed(&p, &data, bins);
                fixed[bins] += distance(&p, &truths[t]);
            }
        }
        double least = fixed[1];
        for (size_t bins = 2; bins <= NUMBERS; bins++) {
            least = fmin(least, fixed[bins]);
        }
        oracle += least;
        twenty += fixed[20];
    }
    assert_true(chosen < 0.75 * twenty);
    assert_true(chosen < 1.15 * oracle);
}

/* -- 5. wrong input -- */

static void expect_option(const char *option, const char *text, const char *expected)
{
    struct rebias_error err;
    struct rebias_method method = {.estimator = &rebias_binopt_estimator};
    assert_int_equal(rebias_method_set(&method, option, text, &err), REBIAS_E_RANGE);
    assert_string_equal(err.value, text);
    assert_string_equal(err.expected, expected);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct rebias_error err;
    struct rebias_method method = {.estimator = &rebias_binopt_estimator};
    expect_option("global", "best", "direct|crs|none");
    expect_option("local", "newton", "sbplx|cobyla|none");
    expect_option("score", "w1", "crps|logscore");
    expect_option("folds", "1", "a whole number from 2 to 20");
    expect_option("evaluations", "2.5", "a whole number from 1 to 1e+07");
    expect_option("bins", "0", "a whole number from 1 to 1000");
    support_expect(rebias_method_set(&method, "edges", "3", &err), REBIAS_E_NAME, &err,
                   "estimator binopt has no such option");
    assert_int_equal(rebias_method_set(&method, "global", "crs", &err), REBIAS_OK);
    assert_true(method.values[GLOBAL] == 1.0); /* exact: an index */
}

static void test_more_folds_than_points(void **state)
{
    (void)state;
    static struct data data;
    struct rebias_error err;
    const struct truth truth = {line, constant};
    struct profile p;
    double values[REBIAS_MAX_ESTIMATOR_PARAMS];
    draw(&data, &truth, 12, 0);
    defaults(values);
    values[FOLDS] = 20.0;
    blank(&p);
    support_expect(rebias_binopt_estimator.fit(&data.sample, values, &p.fitted, &err),
                   REBIAS_E_DATA, &err, "12 points cannot be split into 20 folds");
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_bin_by_hand),
        cmocka_unit_test(test_bins_by_hand),
        cmocka_unit_test(test_constant_jumps),
        cmocka_unit_test(test_equal_conductances),
        cmocka_unit_test(test_few_points_few_bins),
        cmocka_unit_test(test_many_points_many_bins),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_edges_move_to_a_step),
        cmocka_unit_test(test_most_bins),
        cmocka_unit_test(test_one_evaluation),
        cmocka_unit_test(test_beats_fixed_bins),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_more_folds_than_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
