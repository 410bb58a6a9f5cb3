/* test_fit_bad_input.c - what rebias_fit refuses, for every estimator.
 * 1. data   2. points that cannot be used   3. options that contradict   4. what is not refused
 */
#include "support.h"
#include "rebias/estimate.h"
#include "rebias/metrics.h"
#include "rebias/random.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- 1. data -- */

enum { N = 60 };

/* 60 points a polarity with G on [1, 4] uS, dG = +-0.2 uS + 0.05 uS z. */
static struct rebias_pulses *make_pulses(void)
{
    static float z[2 * N];
    const struct rebias_stream stream = {17, REBIAS_FOR_TEST, 0, 0, 0};
    struct rebias_pulses *pulses = NULL;
    struct rebias_error err;
    rebias_random_normal(&stream, 0, 2 * N, z);
    assert_int_equal(rebias_pulses_new(&pulses, 2 * N, true, &err), REBIAS_OK);
    for (size_t i = 0; i < 2 * N; i++) {
        pulses->polarity[i] = i % 2 == 0 ? REBIAS_SET : REBIAS_RESET;
        pulses->G[i] = 1e-6 + 3e-6 * (double)(i / 2) / (N - 1);
        pulses->dG[i] = (i % 2 == 0 ? 2e-7 : -2e-7) + 5e-8 * (double)z[i];
        pulses->device[i] = (int32_t)(i / 2 % 12);
        pulses->cycle[i] = 1;
    }
    return pulses;
}

static struct rebias_method method_of(const char *text)
{
    struct rebias_method method;
    struct rebias_error err;
    assert_int_equal(rebias_method_parse(&method, text, &err), REBIAS_OK);
    return method;
}

/* Refused with this status and text, without a table and with the report as it was. */
static void expect_refused(const struct rebias_pulses *pulses,
                           const struct rebias_method *method,
                           const struct rebias_fit_options *options, int status,
                           const char *text)
{
    struct rebias_error err = {0};
    struct rebias_fit_report report = {.points = {7, 7}};
    struct rebias_table *table = NULL;
    printf("# %s: %s\n", method->estimator->name, text);
    const int got = rebias_fit(&table, pulses, method, options, &report, &err);
    support_expect(got, status, &err, text);
    assert_null(table);
    assert_int_equal(report.points[0], 7);
}

/* -- 2. points that cannot be used -- */

static void no_reset(struct rebias_pulses *p)
{
    memset(p->polarity, REBIAS_SET, p->n);
}

static void no_points(struct rebias_pulses *p)
{
    p->n = 0;
}

static void third_polarity(struct rebias_pulses *p)
{
    p->polarity[9] = 2;
}

static void infinite_jump(struct rebias_pulses *p)
{
    p->dG[4] = INFINITY;
}

static void no_number_jump(struct rebias_pulses *p)
{
    p->dG[2 * N - 1] = NAN;
}

static void infinite_G(struct rebias_pulses *p)
{
    p->G[0] = INFINITY;
}

static void no_number_G(struct rebias_pulses *p)
{
    p->G[0] = NAN;
}

static void negative_G(struct rebias_pulses *p)
{
    p->G[11] = -1e-9;
}

static void equal_G(struct rebias_pulses *p)
{
    for (size_t i = 0; i < p->n; i += 2) {
        p->G[i] = 2e-6;
    }
}

static void constant_jumps(struct rebias_pulses *p)
{
    for (size_t i = 1; i < p->n; i += 2) {
        p->dG[i] = -3e-7;
    }
}

/* Differences of one jump by the rounding of conductances to single precision. */
static void rounded_jumps(struct rebias_pulses *p)
{
    for (size_t i = 1; i < p->n; i += 2) {
        p->dG[i] = (double)(float)(p->G[i] - 3e-7) - p->G[i];
    }
}

static void no_jumps(struct rebias_pulses *p)
{
    memset(p->dG, 0, p->n * sizeof *p->dG);
}

static void apart(struct rebias_pulses *p)
{
    for (size_t i = 0; i < p->n; i += 2) {
        p->G[i] += 1e-5;
    }
}

static const struct {
    void (*spoil)(struct rebias_pulses *pulses);
    int status;
    const char *text;
} bad_points[] = {
    {no_reset, REBIAS_E_DATA, "there are no RESET points: a table needs both polarities"},
    {no_points, REBIAS_E_DATA, "there are no SET points: a table needs both polarities"},
    {third_polarity, REBIAS_E_RANGE,
     "polarity of point 10 is 2, neither 0 (SET) nor 1 (RESET)"},
    {infinite_jump, REBIAS_E_RANGE, "dG of point 5 is inf S, not finite"},
    {no_number_jump, REBIAS_E_RANGE, "dG of point 120 is nan S, not finite"},
    {infinite_G, REBIAS_E_RANGE, "G of point 1 is inf S, negative or not finite"},
    {no_number_G, REBIAS_E_RANGE, "G of point 1 is nan S, negative or not finite"},
    {negative_G, REBIAS_E_RANGE, "G of point 12 is -1e-09 S, negative or not finite"},
    {equal_G, REBIAS_E_DATA, "all 60 SET points lie at G = 2e-06 S: a table needs several G"},
    {constant_jumps, REBIAS_E_DATA,
     "every RESET jump is -3e-07 S: there is no noise to estimate"},
    {no_jumps, REBIAS_E_DATA, "every SET jump is 0 S: there is no noise to estimate"},
    {apart, REBIAS_E_DATA, "SET and RESET points have no common range of G"},
};

static void test_bad_points(void **state)
{
    (void)state;
    const struct rebias_fit_options options = rebias_fit_options_defaults();
    for (size_t k = 0; k < sizeof bad_points / sizeof *bad_points; k++) {
        for (size_t e = 0; e < rebias_estimator_count; e++) {
            const struct rebias_method method = method_of(rebias_estimators[e]->name);
            struct rebias_pulses *pulses = make_pulses();
            bad_points[k].spoil(pulses);
            expect_refused(pulses, &method, &options, bad_points[k].status, bad_points[k].text);
            rebias_pulses_free(pulses);
        }
    }
}

/* The range given makes no difference to points at one G. */
static void test_equal_G_in_a_given_range(void **state)
{
    (void)state;
    struct rebias_fit_options options = rebias_fit_options_defaults();
    options.Gmin = 1e-6;
    options.Gmax = 4e-6;
    for (size_t e = 0; e < rebias_estimator_count; e++) {
        const struct rebias_method method = method_of(rebias_estimators[e]->name);
        struct rebias_pulses *pulses = make_pulses();
        equal_G(pulses);
        expect_refused(pulses, &method, &options, REBIAS_E_DATA,
                       "all 60 SET points lie at G = 2e-06 S: a table needs several G");
        rebias_pulses_free(pulses);
    }
}

/* Two points a polarity: below every estimator's least but binning's, whose 20 bins are more
 * than that. */
static void test_too_few_points(void **state)
{
    (void)state;
    const struct rebias_fit_options options = rebias_fit_options_defaults();
    for (size_t e = 0; e < rebias_estimator_count; e++) {
        const struct rebias_method method = method_of(rebias_estimators[e]->name);
        struct rebias_pulses *pulses = make_pulses();
        char text[128];
        pulses->n = 4;
        snprintf(text, sizeof text, "%s needs %zu SET points, there are 2 in 1e-06 to ",
                 method.estimator->name, method.estimator->min_points);
        expect_refused(pulses, &method, &options, REBIAS_E_DATA,
                       method.estimator->min_points > 2
                           ? text
                           : "no bin holds 2 or more of the 2 SET points");
        rebias_pulses_free(pulses);
    }
}

/* A range that holds none, or one, of the points. */
static void test_range_without_points(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = make_pulses();
    struct rebias_fit_options options = rebias_fit_options_defaults();
    options.Gmin = 5e-6;
    options.Gmax = 6e-6;
    for (size_t e = 0; e < rebias_estimator_count; e++) {
        const struct rebias_method method = method_of(rebias_estimators[e]->name);
        expect_refused(pulses, &method, &options, REBIAS_E_DATA,
                       "SET points, there are 0 in 5e-06 to 6e-06 S");
    }
    rebias_pulses_free(pulses);
}

static void test_blocks_that_are_missing(void **state)
{
    (void)state;
    struct rebias_pulses *labelled = make_pulses();
    struct rebias_pulses *pulses = NULL;
    struct rebias_error err;
    struct rebias_fit_options options = rebias_fit_options_defaults();
    const struct rebias_method binopt = method_of("binopt");
    const struct rebias_method choice = method_of("auto");
    assert_int_equal(rebias_pulses_new(&pulses, labelled->n, false, &err), REBIAS_OK);
    memcpy(pulses->polarity, labelled->polarity, pulses->n);
    memcpy(pulses->G, labelled->G, pulses->n * sizeof *pulses->G);
    memcpy(pulses->dG, labelled->dG, pulses->n * sizeof *pulses->dG);
    options.blocks = REBIAS_BLOCKS_DEVICE;
    expect_refused(pulses, &binopt, &options, REBIAS_E_DATA, "device");
    options.blocks = REBIAS_BLOCKS_CYCLE;
    expect_refused(pulses, &choice, &options, REBIAS_E_DATA, "cycle");
    memset(labelled->device, 0, labelled->n * sizeof *labelled->device);
    options.blocks = REBIAS_BLOCKS_DEVICE;
    expect_refused(labelled, &binopt, &options, REBIAS_E_DATA,
                   "all 60 SET points are of one block: nothing can be held out");
    expect_refused(labelled, &choice, &options, REBIAS_E_DATA,
                   "all 60 SET points are of one block: nothing can be held out");
    rebias_pulses_free(pulses);
    rebias_pulses_free(labelled);
}

/* -- 3. options that contradict -- */

static void test_contradictory_options(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = make_pulses();
    const struct {
        double Gmin, Gmax, sd_floor;
        const char *text;
    } bad[] = {
        {1e-6, 0.0, 0.0, "the table's range has a Gmin, 1e-06 S, but no Gmax"},
        {3e-6, 2e-6, 0.0, "the table's range 3e-06 to 2e-06 S is empty"},
        {2e-6, 2e-6, 0.0, "the table's range 2e-06 to 2e-06 S is empty"},
        {NAN, 2e-6, 0.0, "the table's range nan to 2e-06 S is empty"},
        {0.0, INFINITY, 0.0, "the table's range 0 to inf S is empty"},
        {-1e-6, 2e-6, 0.0, "the table's range -1e-06 to 2e-06 S is empty"},
        {0.0, 0.0, -1e-9, "the sd floor -1e-09 S is negative or not finite"},
        {0.0, 0.0, NAN, "the sd floor nan S is negative or not finite"},
        {0.0, 0.0, 1e-6, "the sd floor 1e-06 S is above the sd of all SET jumps, "},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        for (size_t e = 0; e < rebias_estimator_count; e++) {
            const struct rebias_method method = method_of(rebias_estimators[e]->name);
            struct rebias_fit_options options = rebias_fit_options_defaults();
            options.Gmin = bad[k].Gmin;
            options.Gmax = bad[k].Gmax;
            options.sd_floor = bad[k].sd_floor;
            expect_refused(pulses, &method, &options, REBIAS_E_RANGE, bad[k].text);
        }
    }
    rebias_pulses_free(pulses);
}

static void test_more_bins_than_points(void **state)
{
    (void)state;
    struct rebias_pulses *pulses = make_pulses();
    const struct rebias_fit_options options = rebias_fit_options_defaults();
    struct rebias_table *table = NULL;
    struct rebias_error err;
    struct rebias_method method = method_of("binning:60");
    pulses->G[2] = pulses->G[0]; /* one bin of each polarity holds 2 points */
    pulses->G[3] = pulses->G[1];
    assert_int_equal(rebias_fit(&table, pulses, &method, &options, NULL, &err), REBIAS_OK);
    rebias_table_free(table);
    method = method_of("binning:61");
    expect_refused(pulses, &method, &options, REBIAS_E_DATA,
                   "binning has more bins (61) than there are SET points (60 in 1e-06 to 4e-06 "
                   "S): fewer bins or more points are needed");
    rebias_pulses_free(pulses);
}

static void moments(const void *context, int polarity, double G, double *mean, double *sd)
{
    (void)context;
    (void)G;
    *mean = polarity == REBIAS_SET ? 2e-7 : -2e-7;
    *sd = 5e-8;
}

/* Only binopt, told to, fits to a truth. */
static void test_truth(void **state)
{
    (void)state;
    const struct rebias_jumps truth = {NULL, moments, NULL, true};
    struct rebias_pulses *pulses = make_pulses();
    struct rebias_fit_options options = rebias_fit_options_defaults();
    struct rebias_table *table = NULL;
    struct rebias_fit_report report;
    struct rebias_error err = {0};
    struct rebias_method method = method_of("binopt:objective=truth");
    expect_refused(pulses, &method, &options, REBIAS_E_RANGE,
                   "objective=truth of binopt needs a truth, and none is given");
    options.truth = &truth;
    support_expect(rebias_fit(&table, pulses, &method, &options, &report, &err), REBIAS_OK,
                   &err, NULL);
    assert_non_null(strstr(report.note[REBIAS_RESET], "W1 to the truth"));
    rebias_table_free(table);
    for (size_t e = 0; e < rebias_estimator_count; e++) {
        const char *name = rebias_estimators[e]->name;
        char text[64];
        snprintf(text, sizeof text, "a truth has no meaning with %s", name);
        method = method_of(name);
        expect_refused(pulses, &method, &options, REBIAS_E_RANGE, text);
    }
    rebias_pulses_free(pulses);
}

/* -- 4. what is not refused -- */

/* Jumps all alike and an sd floor that states the noise: bins, and so `auto`, give that mean
 * and that sd, to 3 %; estimators that maximise a likelihood may, or say that there is no
 * noise. */
static void test_stated_noise(void **state)
{
    (void)state;
    struct rebias_fit_options options = rebias_fit_options_defaults();
    struct rebias_pulses *pulses = make_pulses();
    constant_jumps(pulses);
    options.sd_floor = 4e-8;
    for (size_t e = 0; e < rebias_estimator_count; e++) {
        const struct rebias_method method = method_of(rebias_estimators[e]->name);
        struct rebias_table *table = NULL;
        struct rebias_error err = {0};
        double mean = 0.0;
        double sd = 0.0;
        const int status = rebias_fit(&table, pulses, &method, &options, NULL, &err);
        const bool bins = method.estimator->name[0] == 'b' || method.estimator->name[0] == 'a';
        printf("# %s: %s\n", method.estimator->name, err.message);
        if (!bins && status != REBIAS_OK) {
            support_expect(status, REBIAS_E_DATA, &err, "have the same dG");
            continue;
        }
        support_expect(status, REBIAS_OK, &err, NULL);
        rebias_table_moments(&table->side[1], REBIAS_RULE_LINEAR, 2e-6, &mean, &sd);
        support_close(mean, -3e-7, 0.01, 0.0);
        support_close(sd, 4e-8, 0.03, 0.0);
        rebias_table_free(table);
    }
    rebias_pulses_free(pulses);
}

/* Those differ: pulses of a device without noise, whose rows are as narrow as rows are (1e-4 of
 * the largest jump). */
static void test_rounding_is_noise(void **state)
{
    (void)state;
    struct rebias_fit_options options = rebias_fit_options_defaults();
    const struct rebias_method method = method_of("binning:5");
    struct rebias_pulses *pulses = make_pulses();
    struct rebias_table *table = NULL;
    struct rebias_error err = {0};
    double mean = 0.0;
    double sd = 0.0;
    rounded_jumps(pulses);
    support_expect(rebias_fit(&table, pulses, &method, &options, NULL, &err), REBIAS_OK, &err,
                   NULL);
    rebias_table_moments(&table->side[1], REBIAS_RULE_LINEAR, 2e-6, &mean, &sd);
    support_close(mean, -3e-7, 1e-4, 0.0);
    support_close(sd, 3e-11, 0.03, 0.0);
    rebias_table_free(table);
    options.sd_floor = 1e-8; /* above their sd, and below that of the SET jumps */
    support_expect(rebias_fit(&table, pulses, &method, &options, NULL, &err), REBIAS_OK, &err,
                   NULL);
    rebias_table_free(table);
    rebias_pulses_free(pulses);
}

int main(void)
{
    support_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_points),
        cmocka_unit_test(test_equal_G_in_a_given_range),
        cmocka_unit_test(test_too_few_points),
        cmocka_unit_test(test_range_without_points),
        cmocka_unit_test(test_blocks_that_are_missing),
        cmocka_unit_test(test_contradictory_options),
        cmocka_unit_test(test_more_bins_than_points),
        cmocka_unit_test(test_truth),
        cmocka_unit_test(test_stated_noise),
        cmocka_unit_test(test_rounding_is_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
