/* test_scores.c - held-out scores of methods on pulse data, with their intervals.
 * 1. data   2. means   3. intervals   4. blocks   5. refusals   6. wrong input
 */
#include "support.h"
#include "rebias/holdout.h"
#include "rebias/metrics.h"
#include "rebias/random.h"
#include <math.h>
#include <string.h>

/* -- 1. data -- */

enum { RAMPS = 12, LENGTH = 9, POINTS = RAMPS * LENGTH };

/* 12 ramps a polarity of up to 9 pulses (every third ramp is shorter by 4); dG = +-(3 - G/2) uS
 * + 0.4 uS z, with an offset of `alike` uS times a second z that a ramp shares. */
static struct rebias_pulses *make_pulses(double alike)
{
    static float z[4 * POINTS];
    const struct rebias_stream stream = {12, REBIAS_FOR_TEST, 0, 0, 0};
    struct rebias_pulses *pulses = NULL;
    struct rebias_error err;
    size_t n = 0;
    rebias_random_normal(&stream, 0, 4 * POINTS, z);
    assert_int_equal(rebias_pulses_new(&pulses, 2 * POINTS, true, &err), REBIAS_OK);
    for (size_t k = 0; k < 2 * POINTS; k++) {
        const size_t ramp = k / LENGTH;
        const size_t pulse = k % LENGTH;
        const double sign = ramp < RAMPS ? 1.0 : -1.0;
        const double G = 1.0 + 0.4 * (double)pulse + 0.01 * (double)(ramp % RAMPS);
        if (ramp % 3 == 0 && pulse >= LENGTH - 4) {
            continue;
        }
        pulses->polarity[n] = ramp < RAMPS ? REBIAS_SET : REBIAS_RESET;
        pulses->G[n] = 1e-6 * G;
        pulses->dG[n] = 1e-6 * (sign * (3.0 - 0.5 * G) + 0.4 * (double)z[k] +
                                alike * (double)z[2 * POINTS + ramp]);
        pulses->device[n] = 1;
        pulses->cycle[n] = (int32_t)ramp;
        pulses->pulse[n++] = (int32_t)pulse;
    }
    pulses->n = n;
    return pulses;
}

enum { METHODS = 3 };

static const char *const names[METHODS] = {"binning:3", "polynomial", "binopt"};

static void parse(struct rebias_method methods[METHODS])
{
    for (size_t m = 0; m < METHODS; m++) {
        struct rebias_error err;
        assert_int_equal(rebias_method_parse(&methods[m], names[m], &err), REBIAS_OK);
    }
}

static void measure(struct rebias_method_score *scores, const struct rebias_pulses *pulses,
                    const struct rebias_scores_options *options)
{
    struct rebias_method methods[METHODS];
    struct rebias_error err = {0};
    parse(methods);
    support_expect(
        rebias_scores_measure(scores, pulses, methods, METHODS, options, NULL, NULL, &err),
        REBIAS_OK, &err, NULL);
}

/* -- 2. means -- */

/* By another way: leave one ramp out with as many folds as ramps, fit the rest with rebias_fit
 * on a fine table, score the ramp with that table's moments (rows are normal). The table's sd
 * and mean differ from the fit's by its grid; 1 % of a score of about 0.25 uS. */
static void test_means_by_hand(void **state)
{
    (void)state;
    struct rebias_method_score scores[2 * METHODS];
    struct rebias_scores_options options = rebias_scores_options_defaults();
    struct rebias_pulses *pulses = make_pulses(0.0);
    struct rebias_method methods[METHODS];
    struct rebias_fit_options fit = rebias_fit_options_defaults();
    struct rebias_error err;
    double sum = 0.0;
    size_t points = 0;
    parse(methods);
    fit.Gmin = options.fit.Gmin = 1.1e-6;
    fit.Gmax = options.fit.Gmax = 4.0e-6;
    fit.dG_levels = 2001;
    options.folds = RAMPS;
    measure(scores, pulses, &options);
    for (int32_t ramp = 0; ramp < RAMPS; ramp++) {
        uint8_t keep[2 * POINTS];
        struct rebias_pulses *rest = NULL;
        struct rebias_table *table = NULL;
        for (size_t i = 0; i < pulses->n; i++) {
            keep[i] = pulses->cycle[i] != ramp;
        }
        assert_int_equal(rebias_pulses_select(&rest, pulses, keep, &err), REBIAS_OK);
        assert_int_equal(rebias_fit(&table, rest, &methods[1], &fit, NULL, &err), REBIAS_OK);
        for (size_t i = 0; i < pulses->n; i++) {
            if (keep[i] == 0 && pulses->G[i] >= fit.Gmin && pulses->G[i] <= fit.Gmax) {
                double mean = 0.0;
                double sd = 0.0;
                rebias_table_moments(&table->side[0], REBIAS_RULE_LINEAR, pulses->G[i], &mean,
                                     &sd);
                sum += rebias_crps_normal(1, &pulses->dG[i], &mean, &sd);
                points++;
            }
        }
        rebias_table_free(table);
        rebias_pulses_free(rest);
    }
    assert_int_equal(scores[1].points, points);
    assert_int_equal(scores[1].blocks, RAMPS);
    support_close(scores[1].score[REBIAS_SCORE_CRPS].value, sum / (double)points, 0.01, 0.0);
    rebias_pulses_free(pulses);
}

/* The best has 0 -+ 0 behind, the others the difference of the means. */
static void test_behind_the_best(void **state)
{
    (void)state;
    struct rebias_method_score scores[2 * METHODS];
    const struct rebias_scores_options options = rebias_scores_options_defaults();
    struct rebias_pulses *pulses = make_pulses(0.0);
    measure(scores, pulses, &options);
    for (size_t p = 0; p < 2; p++) {
        for (int s = 0; s < 2; s++) {
            const struct rebias_method_score *side = scores + p * METHODS;
            double least = INFINITY;
            size_t zeros = 0;
            for (size_t m = 0; m < METHODS; m++) {
                least = fmin(least, side[m].score[s].value);
            }
            for (size_t m = 0; m < METHODS; m++) {
                const struct rebias_estimate *behind = &side[m].behind[s];
                const double scale = fabs(side[m].score[s].value);
                support_close(behind->value, side[m].score[s].value - least, 0.0,
                              1e-12 * scale);
                assert_true(behind->low <= behind->value && behind->value <= behind->high);
                assert_true(side[m].score[s].low < side[m].score[s].value);
                assert_true(side[m].score[s].value < side[m].score[s].high);
                zeros += behind->high <= 0.0 && behind->low >= 0.0;
            }
            assert_int_equal(zeros, 1);
        }
    }
    rebias_pulses_free(pulses);
}

/* -- 3. intervals -- */

/* Points for themselves: the interval is 2 x 1.96 sd/sqrt(n) wide, with mean and sd of the CRPS
 * of N(0, 0.4^2) uS by the midpoint rule over z. Fixed seed; n = 92 knows the sd of this skewed
 * score to about 15 %, so 35 % is over two standard errors. */
static void test_width_of_interval(void **state)
{
    (void)state;
    struct rebias_method_score scores[2 * METHODS];
    struct rebias_scores_options options = rebias_scores_options_defaults();
    struct rebias_pulses *pulses = make_pulses(0.0);
    double mean = 0.0;
    double square = 0.0;
    const double zero = 0.0;
    const double one = 1.0;
    const double h = 1e-3;
    for (double z = -8.0 + 0.5 * h; z < 8.0; z += h) {
        const double weight = h * exp(-0.5 * z * z) / sqrt(2.0 * M_PI);
        const double crps = rebias_crps_normal(1, &z, &zero, &one);
        mean += weight * crps;
        square += weight * crps * crps;
    }
    const double sd = 0.4e-6 * sqrt(square - mean * mean);
    options.fit.blocks = REBIAS_BLOCKS_POINTS;
    measure(scores, pulses, &options);
    const struct rebias_estimate *crps = &scores[1].score[REBIAS_SCORE_CRPS];
    assert_int_equal(scores[1].blocks, scores[1].points);
    support_close(crps->high - crps->low, 2.0 * 1.96 * sd / sqrt((double)scores[1].points),
                  0.35, 0.0);
    support_close(crps->value, 0.4e-6 * mean, 0.2, 0.0);
    rebias_pulses_free(pulses);
}

/* -- 4. blocks -- */

/* Where ramps are alike in themselves, points held out one by one look better predicted and
 * their interval is too narrow. */
static void test_blocks_matter(void **state)
{
    (void)state;
    struct rebias_method_score by_points[2 * METHODS], by_ramps[2 * METHODS];
    struct rebias_scores_options options = rebias_scores_options_defaults();
    struct rebias_pulses *pulses = make_pulses(1.5);
    options.fit.blocks = REBIAS_BLOCKS_POINTS;
    measure(by_points, pulses, &options);
    options.fit.blocks = REBIAS_BLOCKS_CYCLE;
    measure(by_ramps, pulses, &options);
    for (size_t k = 0; k < 2 * METHODS; k++) {
        const struct rebias_estimate *a = &by_points[k].score[REBIAS_SCORE_CRPS];
        const struct rebias_estimate *b = &by_ramps[k].score[REBIAS_SCORE_CRPS];
        assert_int_equal(by_ramps[k].blocks, RAMPS);
        assert_true(b->value > a->value);
        assert_true(b->high - b->low > 1.3 * (a->high - a->low));
    }
    rebias_pulses_free(pulses);
}

static void test_threads_do_not_matter(void **state)
{
    (void)state;
    struct rebias_method_score one[2 * METHODS], three[2 * METHODS];
    struct rebias_scores_options options = rebias_scores_options_defaults();
    struct rebias_pulses *pulses = make_pulses(0.5);
    measure(one, pulses, &options);
    options.threads = 3;
    measure(three, pulses, &options);
    for (size_t k = 0; k < 2 * METHODS; k++) {
        assert_memory_equal(one[k].score, three[k].score, sizeof one[k].score);
        assert_memory_equal(one[k].behind, three[k].behind, sizeof one[k].behind);
    }
    rebias_pulses_free(pulses);
}

/* -- 5. refusals -- */

/* A method that refuses is named, the other is scored all the same. 100 folds are more than
 * there are ramps: 12 are made. */
static void test_refusals(void **state)
{
    (void)state;
    struct rebias_method methods[2];
    struct rebias_method_score scores[4];
    struct rebias_scores_options options = rebias_scores_options_defaults();
    struct rebias_error err;
    struct rebias_estimator greedy = *rebias_estimator_find("polynomial");
    struct rebias_pulses *pulses = make_pulses(0.0);
    greedy.min_points = 1000;
    assert_int_equal(rebias_method_parse(&methods[0], "polynomial", &err), REBIAS_OK);
    methods[1] = methods[0];
    methods[1].estimator = &greedy;
    options.folds = 100;
    assert_int_equal(
        rebias_scores_measure(scores, pulses, methods, 2, &options, NULL, NULL, &err),
        REBIAS_OK);
    for (size_t p = 0; p < 2; p++) {
        assert_string_equal(scores[2 * p].refusal, "");
        assert_true(isfinite(scores[2 * p].score[0].value));
        assert_non_null(strstr(scores[2 * p + 1].refusal, "points are too few for polynomial"));
        assert_true(isnan(scores[2 * p + 1].score[0].value));
        assert_true(isnan(scores[2 * p + 1].behind[1].high));
        assert_int_equal(scores[2 * p + 1].blocks, RAMPS);
    }
    rebias_pulses_free(pulses);
}

/* -- 6. wrong input -- */

static void expect_refused(const struct rebias_pulses *pulses,
                           const struct rebias_scores_options *options, int status,
                           const char *text)
{
    struct rebias_method methods[METHODS];
    struct rebias_method_score scores[2 * METHODS];
    struct rebias_error err = {0};
    parse(methods);
    support_expect(
        rebias_scores_measure(scores, pulses, methods, METHODS, options, NULL, NULL, &err),
        status, &err, text);
}

static void test_wrong_input(void **state)
{
    (void)state;
    const struct rebias_scores_options good = rebias_scores_options_defaults();
    struct rebias_scores_options o = good;
    struct rebias_pulses *pulses = make_pulses(0.0);
    o.folds = 1;
    expect_refused(pulses, &o, REBIAS_E_RANGE, "1 folds are not possible (2 to 1000)");
    o = good;
    o.level = 1.0;
    expect_refused(pulses, &o, REBIAS_E_RANGE, "confidence level 1 is outside (0, 1)");
    o = good;
    o.resamples = 0;
    expect_refused(pulses, &o, REBIAS_E_RANGE, "0 resamples are not possible");
    o = good;
    o.fit.Gmin = 1e-6;
    expect_refused(pulses, &o, REBIAS_E_RANGE, "has a Gmin, 1e-06 S, but no Gmax");
    o.fit.Gmin = 1.0;
    o.fit.Gmax = 2.0;
    expect_refused(pulses, &o, REBIAS_E_DATA, "there are no SET points in 1 to 2 S");
    o = good;
    o.fit.blocks = REBIAS_BLOCKS_DEVICE;
    expect_refused(pulses, &o, REBIAS_E_DATA, "SET points are of one block");
    o = good;
    o.fit.blocks = REBIAS_BLOCKS_POINTS;
    o.folds = 1000;
    expect_refused(pulses, &o, REBIAS_E_DATA, "points cannot be split into 1000 folds");
    pulses->dG[3] = NAN;
    expect_refused(pulses, &good, REBIAS_E_RANGE, "dG of point 4 is nan S, not finite");
    rebias_pulses_free(pulses);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means_by_hand),         cmocka_unit_test(test_behind_the_best),
        cmocka_unit_test(test_width_of_interval),     cmocka_unit_test(test_blocks_matter),
        cmocka_unit_test(test_threads_do_not_matter), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_wrong_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
